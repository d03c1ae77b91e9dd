//! What may be called, and nothing else.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// An operation that an import calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// The IAM action that it needs in each account.
    pub action: &'static str,
    /// Whether it changes anything.
    pub writes: bool,
}

/// Every operation of Security Hub that an import calls.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "BatchImportFindings",
        action: "securityhub:BatchImportFindings",
        writes: true,
    },
    Operation {
        name: "BatchUpdateFindings",
        action: "securityhub:BatchUpdateFindings",
        writes: true,
    },
    Operation {
        name: "GetFindings",
        action: "securityhub:GetFindings",
        writes: false,
    },
];

/// Interceptor that refuses every other operation; in a dry run also those that write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    pub(crate) dry_run: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} is not called by an import; the request was not sent")]
struct NotSent(String);

impl Guard {
    fn admits(self, name: &str) -> bool {
        OPERATIONS
            .iter()
            .any(|known| known.name == name && !(known.writes && self.dry_run))
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "posture-import-only"
    }

    fn modify_before_transmit(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = cfg
            .load::<Metadata>()
            .map(Metadata::name)
            .unwrap_or("a call without a name");
        if self.admits(name) {
            Ok(())
        } else {
            Err(NotSent(name.to_owned()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_operations_are_admitted_and_a_dry_run_writes_nothing() {
        let wet = Guard { dry_run: false };
        let dry = Guard { dry_run: true };
        assert!(wet.admits("BatchImportFindings"));
        assert!(!wet.admits("DisableSecurityHub"));
        assert!(dry.admits("GetFindings"));
        assert!(!dry.admits("BatchImportFindings"));
        assert!(!dry.admits("BatchUpdateFindings"));
    }
}
