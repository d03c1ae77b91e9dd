//! AWS Identity and Access Management: principals, policies, providers, the account's own settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, PolicyDocument, ResourceKind, Timestamp, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<Account>(),
    TypeInfo::of::<User>(),
    TypeInfo::of::<Group>(),
    TypeInfo::of::<Role>(),
    TypeInfo::of::<Policy>(),
    TypeInfo::of::<SamlProvider>(),
    TypeInfo::of::<OidcProvider>(),
    TypeInfo::of::<ServerCertificate>(),
];

/// IAM's settings of one account, and its root user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
pub struct Account {
    /// Rules for the passwords of users; null when the account keeps AWS's default rules.
    #[schemars(extend("x-source" = ["iam:GetAccountPasswordPolicy"]))]
    pub password_policy: Collected<PasswordPolicy>,
    /// Counts of entities and facts of the root user.
    #[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
    pub summary: Collected<AccountSummary>,
    /// The root user's line of the credential report; null when the report has no such line.
    #[schemars(extend("x-source" = ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]))]
    pub root: Collected<CredentialReportEntry>,
    /// The account's sign-in alias; an account has at most one.
    #[schemars(extend("x-source" = ["iam:ListAccountAliases"]))]
    pub aliases: Collected<Vec<String>>,
    /// Virtual MFA devices of the account, whoever they belong to.
    #[schemars(extend("x-source" = ["iam:ListVirtualMFADevices"]))]
    pub virtual_mfa_devices: Collected<Vec<VirtualMfaDevice>>,
    /// Centralised root access that is switched on for the organization's members, as
    /// `RootCredentialsManagement` and `RootSessions`; null where the account is neither the
    /// organization's management account nor IAM's delegated administrator, or where IAM is not
    /// trusted in the organization.
    #[schemars(extend("x-source" = ["iam:ListOrganizationsFeatures"]))]
    pub organization_features: Collected<Vec<String>>,
    /// Whether the scan asked which services users and roles last accessed (`--last-accessed`).
    #[serde(default)]
    #[schemars(extend("x-before" = false))]
    pub service_last_accessed_requested: bool,
}

impl ResourceKind for Account {
    const TYPE: &'static str = "iam.account";
}

/// Rules for the passwords of an account's users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordPolicy {
    /// Least number of characters, 6 to 128.
    pub minimum_length: i64,
    /// Whether a symbol is needed.
    pub require_symbols: bool,
    /// Whether a digit is needed.
    pub require_numbers: bool,
    /// Whether an upper-case letter is needed.
    pub require_uppercase: bool,
    /// Whether a lower-case letter is needed.
    pub require_lowercase: bool,
    /// Whether users may change their own password.
    pub allow_users_to_change: bool,
    /// Age at which a password expires, in days; null when passwords do not expire.
    pub max_age: Option<i64>,
    /// Former passwords that cannot be used again, 1 to 24; null when all can.
    pub reuse_prevention: Option<i64>,
    /// Whether an expired password can be set anew by an administrator only.
    pub hard_expiry: bool,
}

/// What an account holds, and facts of its root user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSummary {
    /// Users.
    pub users: i64,
    /// Groups.
    pub groups: i64,
    /// Roles.
    pub roles: i64,
    /// Customer managed policies.
    pub policies: i64,
    /// Instance profiles.
    pub instance_profiles: i64,
    /// Identity providers, SAML and OpenID Connect.
    pub providers: i64,
    /// Server certificates.
    pub server_certificates: i64,
    /// MFA devices.
    pub mfa_devices: i64,
    /// MFA devices that are assigned to someone.
    pub mfa_devices_in_use: i64,
    /// Whether the root user has an MFA device.
    #[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
    pub root_mfa_enabled: Collected<bool>,
    /// Whether the root user has an access key.
    #[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
    pub root_access_keys_present: Collected<bool>,
    /// Whether the root user has a password; false once the organization removed it.
    #[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
    pub root_password_present: Collected<bool>,
    /// Whether the root user has an X.509 signing certificate.
    #[schemars(extend("x-source" = ["iam:GetAccountSummary"]))]
    pub root_signing_certificates_present: Collected<bool>,
}

/// One line of the credential report. AWS makes a new report at most every four hours, so these
/// facts are as old as `generated` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialReportEntry {
    /// When the report was made.
    pub generated: Option<Timestamp>,
    /// Whether there is a console password; null where the report does not tell, as it may for the
    /// root user.
    pub password_enabled: Option<bool>,
    /// Last sign-in with the password; null when there was none, or no password.
    pub password_last_used: Option<Timestamp>,
    /// When the password was set; null when there is none, and for the root user.
    pub password_last_changed: Option<Timestamp>,
    /// When the password has to be changed; null when it does not expire.
    pub password_next_rotation: Option<Timestamp>,
    /// Whether an MFA device is enabled.
    pub mfa_active: bool,
    /// The two places for access keys, in the report's order.
    pub access_keys: Vec<ReportedAccessKey>,
    /// Active X.509 signing certificates, 0 to 2.
    pub signing_certificates_active: i64,
}

/// One of the two places for access keys in the credential report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedAccessKey {
    /// Whether there is a key and it is active.
    pub active: bool,
    /// When the key was made or last changed; null when there is none.
    pub last_rotated: Option<Timestamp>,
    /// When the key last signed a request; null when it never did, or there is none.
    pub last_used: Option<Timestamp>,
    /// Service that the last request went to, such as `s3`.
    pub last_used_service: Option<String>,
    /// Region that the last request went to.
    pub last_used_region: Option<String>,
}

/// A virtual MFA device (an authenticator app).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualMfaDevice {
    /// Serial number, an ARN.
    pub serial_number: String,
    /// ARN of the user it belongs to (`...:root` for the root user); null when it is assigned to none.
    pub user_arn: Option<String>,
    /// When it was enabled; null when it is assigned to none.
    pub enabled: Option<Timestamp>,
}

/// A policy embedded in a user, group or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedPolicy {
    /// The policy's name.
    pub name: String,
    /// What it says.
    #[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
    pub document: Collected<PolicyDocument>,
}

/// A service that the policies of a user or role allow, and when it was last accessed.
///
/// AWS looks back at least 400 days, counts attempts that were denied too, and shows one after up to four
/// hours. It lists what policies of the user or role and of its groups allow, whatever a boundary, a control
/// policy or a resource's policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceLastAccessed {
    /// Prefix of the service's actions, such as `s3`.
    pub service_namespace: String,
    /// The last attempt to access the service; null when there was none in the time that AWS looks back.
    pub last_authenticated: Option<Timestamp>,
    /// Region that the last attempt went to.
    pub last_authenticated_region: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
pub struct User {
    /// Path, `/` or `/division/team/`.
    pub path: String,
    /// Policies embedded in the user.
    pub inline_policies: Vec<NamedPolicy>,
    /// ARNs of the managed policies attached to the user.
    pub attached_policy_arns: Vec<String>,
    /// ARN of the policy that bounds the user's permissions; null when none does.
    pub permissions_boundary_arn: Option<String>,
    /// Names of the groups the user is in.
    pub group_names: Vec<String>,
    /// The user's line of the credential report.
    #[schemars(extend("x-source" = ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]))]
    pub credentials: Collected<CredentialReportEntry>,
    /// MFA devices of every kind that are enabled for the user.
    #[schemars(extend("x-source" = ["iam:ListMFADevices"]))]
    pub mfa_devices: Collected<Vec<MfaDevice>>,
    /// Access keys, active and inactive.
    #[schemars(extend("x-source" = ["iam:ListAccessKeys"]))]
    pub access_keys: Collected<Vec<AccessKey>>,
    /// Services that the user's policies allow, each with its last use; a gap unless the scan asked for it
    /// (`--last-accessed`).
    #[schemars(extend("x-source" = ["iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"]))]
    pub service_last_accessed: Collected<Vec<ServiceLastAccessed>>,
}

impl ResourceKind for User {
    const TYPE: &'static str = "iam.user";
}

/// An MFA device of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MfaDevice {
    /// Serial number: an ARN with `:mfa/` for an authenticator app, with `:u2f/` for a passkey or
    /// security key, otherwise that of a hardware token.
    pub serial_number: String,
    /// When it was enabled.
    pub enabled: Option<Timestamp>,
}

/// An access key of a user. The secret part is known to nobody but its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessKey {
    /// The key's id, `AKIA...`.
    pub id: String,
    /// `Active`, `Inactive` or `Expired`.
    pub status: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its last use; null when it was never used.
    #[schemars(extend("x-source" = ["iam:GetAccessKeyLastUsed"]))]
    pub last_used: Collected<AccessKeyUse>,
}

/// The last use of an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessKeyUse {
    /// When.
    pub date: Timestamp,
    /// Service that was called, such as `s3`.
    pub service: Option<String>,
    /// Region that was called; null where the service has none.
    pub region: Option<String>,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
pub struct Group {
    /// Path, `/` or `/division/team/`.
    pub path: String,
    /// Policies embedded in the group.
    pub inline_policies: Vec<NamedPolicy>,
    /// ARNs of the managed policies attached to the group.
    pub attached_policy_arns: Vec<String>,
    /// ARN of a permission boundary; always null, as groups cannot have one.
    pub permissions_boundary_arn: Option<String>,
}

impl ResourceKind for Group {
    const TYPE: &'static str = "iam.group";
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
pub struct Role {
    /// Path, such as `/`, `/service-role/` or `/aws-reserved/sso.amazonaws.com/`.
    pub path: String,
    /// Who may assume the role.
    #[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
    pub trust_policy: Collected<PolicyDocument>,
    /// Policies embedded in the role.
    pub inline_policies: Vec<NamedPolicy>,
    /// ARNs of the managed policies attached to the role.
    pub attached_policy_arns: Vec<String>,
    /// ARN of the policy that bounds the role's permissions; null when none does.
    pub permissions_boundary_arn: Option<String>,
    /// Whether an AWS service owns the role and its policies (path `/aws-service-role/`).
    pub service_linked: bool,
    /// ARNs of the instance profiles that hold the role.
    pub instance_profile_arns: Vec<String>,
    /// When the role was last used; null when it was not within the 400 days that AWS remembers.
    pub last_used: Option<Timestamp>,
    /// Region in which it was last used.
    pub last_used_region: Option<String>,
    /// Longest session, in seconds, 3600 to 43200.
    #[schemars(extend("x-source" = ["iam:ListRoles"]))]
    pub max_session_duration: Collected<i64>,
    /// Services that the role's policies allow, each with its last use; a gap unless the scan asked for it
    /// (`--last-accessed`), and null for service-linked roles, whose policies are AWS's own.
    #[schemars(extend("x-source" = ["iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"]))]
    pub service_last_accessed: Collected<Vec<ServiceLastAccessed>>,
}

impl ResourceKind for Role {
    const TYPE: &'static str = "iam.role";
}

/// A managed policy: every one of the customer's, and those of AWS that are in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
pub struct Policy {
    /// Path, such as `/` or `/service-role/`.
    pub path: String,
    /// What the default version says.
    #[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
    pub document: Collected<PolicyDocument>,
    /// Whether AWS maintains it.
    pub aws_managed: bool,
    /// Users, groups and roles it is attached to.
    pub attachment_count: i64,
    /// Users and roles that it bounds.
    #[schemars(extend("x-source" = ["iam:GetAccountAuthorizationDetails"]))]
    pub boundary_usage_count: Collected<i64>,
    /// Id of the version in effect, such as `v3`.
    pub default_version_id: Option<String>,
    /// Versions kept.
    pub version_count: i64,
    /// When the latest version was made.
    pub updated: Option<Timestamp>,
}

impl ResourceKind for Policy {
    const TYPE: &'static str = "iam.policy";
}

/// A SAML identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:ListSAMLProviders"]))]
pub struct SamlProvider {
    /// When its metadata expires; null where AWS does not tell.
    pub valid_until: Option<Timestamp>,
    /// `Required` or `Allowed`: whether assertions have to be encrypted; null when no key for it is
    /// registered.
    #[schemars(extend("x-source" = ["iam:GetSAMLProvider"]))]
    pub assertion_encryption_mode: Collected<String>,
}

impl ResourceKind for SamlProvider {
    const TYPE: &'static str = "iam.saml_provider";
}

/// An OpenID Connect identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:ListOpenIDConnectProviders"]))]
pub struct OidcProvider {
    /// Issuer without `https://`, such as `token.actions.githubusercontent.com`.
    pub issuer: String,
    /// Audiences (client ids) that it accepts.
    #[schemars(extend("x-source" = ["iam:GetOpenIDConnectProvider"]))]
    pub client_ids: Collected<Vec<String>>,
    /// SHA-1 thumbprints of the certificates it trusts, in hexadecimal digits.
    #[schemars(extend("x-source" = ["iam:GetOpenIDConnectProvider"]))]
    pub thumbprints: Collected<Vec<String>>,
}

impl ResourceKind for OidcProvider {
    const TYPE: &'static str = "iam.oidc_provider";
}

/// A TLS certificate kept in IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["iam:ListServerCertificates"]))]
pub struct ServerCertificate {
    /// Path, such as `/` or `/cloudfront/`.
    pub path: String,
    /// When it expires; null where AWS does not tell.
    pub expiration: Option<Timestamp>,
}

impl ResourceKind for ServerCertificate {
    const TYPE: &'static str = "iam.server_certificate";
}
