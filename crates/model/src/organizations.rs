//! AWS Organizations: the organization, its accounts, units and policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<Organization>(),
    TypeInfo::of::<Account>(),
    TypeInfo::of::<OrganizationalUnit>(),
    TypeInfo::of::<Policy>(),
];

/// The organization that the account belongs to, as every member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["organizations:DescribeOrganization"]))]
pub struct Organization {
    /// `ALL` or `CONSOLIDATED_BILLING`.
    pub feature_set: Option<String>,
    /// Id of the management account.
    pub management_account_id: Option<String>,
    /// Policy types that are switched on at the root, such as `SERVICE_CONTROL_POLICY`. Only the
    /// management account and delegated administrators can read them.
    #[schemars(extend("x-source" = ["organizations:ListRoots"]))]
    pub enabled_policy_types: Collected<Vec<String>>,
}

impl ResourceKind for Organization {
    const TYPE: &'static str = "organizations.organization";
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["organizations:ListAccounts"]))]
pub struct Account {
    /// What follows the `@` of the root user's e-mail address, in lower case. The address itself is
    /// not kept.
    pub email_domain: Option<String>,
    /// `PENDING_ACTIVATION`, `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE` or `CLOSED`.
    pub status: Option<String>,
    /// `CREATED` or `INVITED`.
    pub joined_method: Option<String>,
    /// Ids of the root and the units above the account, from the top down.
    #[schemars(extend("x-source" = [
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent"
    ]))]
    pub ancestor_ids: Collected<Vec<String>>,
    /// Names of the units above the account, as `/Workloads/Production`; `/` directly under the root.
    #[schemars(extend("x-source" = [
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent"
    ]))]
    pub ou_path: Collected<String>,
}

impl ResourceKind for Account {
    const TYPE: &'static str = "organizations.account";
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = [
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent"
]))]
pub struct OrganizationalUnit {
    /// Id of the unit or root above.
    pub parent_id: String,
    /// Names of the units down to this one, as `/Workloads/Production`.
    pub ou_path: String,
    /// Ids of the root and the units above, from the top down.
    pub ancestor_ids: Vec<String>,
    /// Ids of the accounts directly in the unit.
    #[schemars(extend("x-source" = ["organizations:ListAccountsForParent"]))]
    pub account_ids: Collected<Vec<String>>,
}

impl ResourceKind for OrganizationalUnit {
    const TYPE: &'static str = "organizations.organizational_unit";
}

/// A policy of a type that is switched on at the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["organizations:ListRoots", "organizations:ListPolicies"]))]
pub struct Policy {
    /// `SERVICE_CONTROL_POLICY`, `RESOURCE_CONTROL_POLICY`, `TAG_POLICY`, `BACKUP_POLICY`, ...
    pub policy_type: String,
    /// Whether AWS maintains it, as it does `FullAWSAccess`.
    pub aws_managed: bool,
    /// What it says. Only service and resource control policies are written in IAM's language; the
    /// others are JSON of their own.
    #[schemars(extend("x-source" = ["organizations:DescribePolicy"]))]
    pub content: Collected<PolicyDocument>,
    /// Ids of the roots, units and accounts it is attached to.
    #[schemars(extend("x-source" = ["organizations:ListTargetsForPolicy"]))]
    pub target_ids: Collected<Vec<String>>,
}

impl ResourceKind for Policy {
    const TYPE: &'static str = "organizations.policy";
}
