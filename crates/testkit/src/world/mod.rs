//! A small account in which every declared operation is reached and answered.
//!
//! One file a service, with one function `replies`. The account is 123456789012, the region eu-west-1
//! (us-east-1 for global services), names are plain. Values that may be secret hold `CANARY`.

use crate::Reply;

mod account;
mod apigateway;
mod apigatewayv2;
mod core;
mod ec2;
mod ecr;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod s3;
mod s3control;
mod wafv2;

/// The account.
pub const ACCOUNT: &str = "123456789012";
/// The region of regional services.
pub const REGION: &str = "eu-west-1";
/// What is planted wherever a secret may be. It must occur in nothing that is ever written.
pub const CANARY: &str = "posture-canary-7f3a9c";

/// The answers of one service.
pub fn of(service: &str) -> Vec<Reply> {
    match service {
        "account" => account::replies(),
        "apigateway" => apigateway::replies(),
        "apigatewayv2" => apigatewayv2::replies(),
        "core" => core::replies(),
        "ec2" => ec2::replies(),
        "ecr" => ecr::replies(),
        "iam" => iam::replies(),
        "kms" => kms::replies(),
        "lambda" => lambda::replies(),
        "organizations" => organizations::replies(),
        "s3" => s3::replies(),
        "s3control" => s3control::replies(),
        "wafv2" => wafv2::replies(),
        _ => Vec::new(),
    }
}

/// The answers of all services.
pub fn all() -> Vec<Reply> {
    [
        "account",
        "apigateway",
        "apigatewayv2",
        "core",
        "ec2",
        "ecr",
        "iam",
        "kms",
        "lambda",
        "organizations",
        "s3",
        "s3control",
        "wafv2",
    ]
    .iter()
    .flat_map(|service| of(service))
    .collect()
}
