//! The operations that a scan may call: the whole of what can leave the process.

/// One operation of one service, with the IAM action that permits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// The service, as its SDK crate is named without `aws-sdk-`.
    pub service: &'static str,
    /// The SDK's name of the operation, such as `GetPolicy`.
    pub name: &'static str,
    /// The IAM action, such as `lambda:GetPolicy`; not always the operation's own name.
    pub action: &'static str,
}

impl Operation {
    /// Whose quota a call draws on: that of the service which answers it.
    pub(crate) fn quota(&self) -> &'static str {
        match self.action.split_once(':') {
            Some((service, _)) if self.service == "core" => service,
            _ => self.service,
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// Declares the operations of a service as constants and as the slice `OPERATIONS`.
///
/// ```ignore
/// operations! { "lambda":
///     LIST_FUNCTIONS = "ListFunctions" => "lambda:ListFunctions",
/// }
/// ```
macro_rules! operations {
    ($service:literal: $($constant:ident = $name:literal => $action:literal),* $(,)?) => {
        $(pub(crate) static $constant: $crate::operation::Operation = $crate::operation::Operation {
            service: $service,
            name: $name,
            action: $action,
        };)*
        /// Everything this service's collector may call.
        pub(crate) static OPERATIONS: &[&$crate::operation::Operation] = &[$(&$constant),*];
    };
}
pub(crate) use operations;
