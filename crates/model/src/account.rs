//! AWS Account Management.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[TypeInfo::of::<Account>()];

/// The account as such: whom AWS writes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["account:GetAlternateContact"]))]
pub struct Account {
    /// Whom AWS tells about abuse and security events; null when nobody is named.
    #[schemars(extend("x-source" = ["account:GetAlternateContact"]))]
    pub security_contact: Collected<AlternateContact>,
    /// Whom AWS tells about service events; null when nobody is named.
    #[schemars(extend("x-source" = ["account:GetAlternateContact"]))]
    pub operations_contact: Collected<AlternateContact>,
    /// Whom AWS sends bills to; null when nobody is named.
    #[schemars(extend("x-source" = ["account:GetAlternateContact"]))]
    pub billing_contact: Collected<AlternateContact>,
}

impl ResourceKind for Account {
    const TYPE: &'static str = "account.account";
}

/// An alternate contact. Names, numbers and addresses are personal data and are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlternateContact {
    /// What follows the `@` of the e-mail address, in lower case; null when there is no address.
    pub email_domain: Option<String>,
    /// Whether a telephone number is given.
    pub has_phone_number: bool,
}
