//! The collectors. A new one is a file here, a `mod` line and a line in `ALL`.

use futures::future::BoxFuture;

use crate::cx::Cx;
use crate::operation::Operation;

#[cfg(feature = "account")]
mod account;
#[cfg(feature = "apigateway")]
mod apigateway;
#[cfg(feature = "apigatewayv2")]
mod apigatewayv2;
#[cfg(feature = "ec2")]
mod ec2;
#[cfg(feature = "ecr")]
mod ecr;
#[cfg(feature = "iam")]
mod iam;
#[cfg(feature = "kms")]
mod kms;
#[cfg(feature = "lambda")]
mod lambda;
// Accounts are chosen with it, whatever is collected.
#[cfg_attr(
    not(feature = "organizations"),
    expect(dead_code, reason = "the collector is switched off")
)]
pub(crate) mod organizations;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3control")]
mod s3control;
#[cfg(feature = "wafv2")]
mod wafv2;

/// Where a collector runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Once in every region of every account.
    Regional,
    /// Once in every account, filed under the region `global`.
    Global,
    /// Both: `Cx::is_global` tells which.
    Both,
}

/// A collector: what it reads, what it calls, and how.
#[derive(Clone, Copy)]
pub struct Service {
    /// The SDK crate's name without `aws-sdk-`.
    pub name: &'static str,
    /// Where it runs.
    pub placement: Placement,
    /// The resource types it lists in a region.
    pub regional_types: &'static [&'static str],
    /// The resource types it lists once in an account.
    pub global_types: &'static [&'static str],
    /// Everything it may call.
    pub operations: &'static [&'static Operation],
    /// Reads everything and publishes it.
    pub(crate) run: fn(Cx) -> BoxFuture<'static, ()>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Service {
    /// The types it lists in the global unit or in a region.
    pub fn types(&self, global: bool) -> &'static [&'static str] {
        if global {
            self.global_types
        } else {
            self.regional_types
        }
    }
}

/// All collectors, by name.
static ALL: &[Service] = &[
    #[cfg(feature = "account")]
    account::SERVICE,
    #[cfg(feature = "apigateway")]
    apigateway::SERVICE,
    #[cfg(feature = "apigatewayv2")]
    apigatewayv2::SERVICE,
    #[cfg(feature = "ec2")]
    ec2::SERVICE,
    #[cfg(feature = "ecr")]
    ecr::SERVICE,
    #[cfg(feature = "iam")]
    iam::SERVICE,
    #[cfg(feature = "kms")]
    kms::SERVICE,
    #[cfg(feature = "lambda")]
    lambda::SERVICE,
    #[cfg(feature = "organizations")]
    organizations::SERVICE,
    #[cfg(feature = "s3")]
    s3::SERVICE,
    #[cfg(feature = "s3control")]
    s3control::SERVICE,
    #[cfg(feature = "wafv2")]
    wafv2::SERVICE,
];

/// All collectors, by name.
pub fn all() -> &'static [Service] {
    ALL
}

/// The collector of this name.
pub fn find(name: &str) -> Option<&'static Service> {
    ALL.iter().find(|service| service.name == name)
}
