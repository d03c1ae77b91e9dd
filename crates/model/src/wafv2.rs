//! AWS WAF.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind, TypeInfo};

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<WebAcl>(),
    TypeInfo::of::<RuleGroup>(),
    TypeInfo::of::<IpSet>(),
    TypeInfo::of::<RegexPatternSet>(),
];

/// A web ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["wafv2:ListWebACLs"]))]
pub struct WebAcl {
    /// `REGIONAL` or `CLOUDFRONT`.
    pub scope: String,
    /// `ALLOW` or `BLOCK`: what happens to a request that no rule decides.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub default_action: Collected<String>,
    /// Capacity units in use.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub capacity: Collected<i64>,
    /// Rules in the order in which they are evaluated, those of Firewall Manager included.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub rules: Collected<Vec<Rule>>,
    /// Whether Firewall Manager made it.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub managed_by_firewall_manager: Collected<bool>,
    /// Whether requests are sampled for the console.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub sampled_requests_enabled: Collected<bool>,
    /// Whether metrics go to CloudWatch.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub metrics_enabled: Collected<bool>,
    /// Fields that never reach any output of the web ACL.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub protected_fields: Collected<Vec<ProtectedField>>,
    /// How much of a body is inspected, for resource types with a limit of their own.
    #[schemars(extend("x-source" = ["wafv2:GetWebACL"]))]
    pub body_inspection_limits: Collected<Vec<BodyInspectionLimit>>,
    /// Log of requests; null when it is off.
    #[schemars(extend("x-source" = ["wafv2:GetLoggingConfiguration"]))]
    pub logging: Collected<Logging>,
    /// What it protects, by type of resource. Distributions are not listed by AWS WAF: for scope
    /// `CLOUDFRONT` the only entry is a gap.
    pub associations: Vec<Association>,
}

impl ResourceKind for WebAcl {
    const TYPE: &'static str = "wafv2.web_acl";
}

/// A rule of a web ACL or rule group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Place in the order among rules of its origin, the lowest first.
    pub priority: i64,
    /// `own`, or `firewall_manager_first` and `firewall_manager_last` for what a Firewall Manager
    /// policy puts before and behind them.
    pub origin: String,
    /// `BLOCK`, `ALLOW`, `COUNT`, `CAPTCHA`, `CHALLENGE` or `MONETIZE`; null for rules that run a group.
    pub action: Option<String>,
    /// For rules that run a group: `NONE` lets its actions stand, `COUNT` turns all of them to counting.
    pub override_action: Option<String>,
    /// What the rule looks for, outermost first: the tree in pre-order, with scope-down statements.
    pub statements: Vec<Statement>,
}

/// One node of what a rule looks for. What it compares requests with is left out: search texts and
/// patterns can hold shared secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Statement {
    /// `managed_rule_group`, `rule_group`, `rate_based`, `size_constraint`, `geo_match`, `ip_set`,
    /// `regex_pattern_set`, `regex_match`, `byte_match`, `sqli_match`, `xss_match`, `label_match`,
    /// `asn_match`, `and`, `or`, `not`, or `unknown` for one that this build cannot read.
    pub kind: String,
    /// How deep it stands in the tree; 0 for the outermost.
    pub depth: i64,
    /// Whether an odd number of `not` stands above it.
    pub negated: bool,
    /// Whether it narrows down a rate-based statement or a managed rule group.
    pub scope_down: bool,
    /// Vendor of a managed rule group, such as `AWS`.
    pub vendor: Option<String>,
    /// Name of a managed rule group, such as `AWSManagedRulesCommonRuleSet`.
    pub group: Option<String>,
    /// Version that a managed rule group is held at; null for its default.
    pub version: Option<String>,
    /// ARN of the rule group, IP set or pattern set that is used.
    pub reference_arn: Option<String>,
    /// Rules of the group whose action is changed.
    pub overrides: Vec<RuleOverride>,
    /// Requests within the window at which a rate-based statement takes effect.
    pub rate_limit: Option<i64>,
    /// The window, in seconds.
    pub rate_window: Option<i64>,
    /// What requests are counted by: `IP`, `FORWARDED_IP`, `CUSTOM_KEYS` or `CONSTANT`.
    pub rate_key: Option<String>,
    /// Part of the request that is inspected: `body`, `json_body`, `uri_path`, `query_string`,
    /// `all_query_arguments`, `query_argument:<name>`, `header:<name>`, `headers`, `header_order`,
    /// `cookies`, `method` or `uri_fragment`.
    pub field: Option<String>,
    /// `EQ`, `NE`, `LE`, `LT`, `GE` or `GT`, for sizes.
    pub comparison: Option<String>,
    /// Size that is compared with, in bytes.
    pub size: Option<i64>,
    /// Countries, by their two letters.
    pub country_codes: Vec<String>,
    /// Label that must be there.
    pub label: Option<String>,
}

/// A rule of a group whose action is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleOverride {
    /// The rule's name.
    pub rule: String,
    /// What it does instead; `COUNT` for rules that are excluded in the old way.
    pub action: String,
}

/// A field that is masked in everything the web ACL puts out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProtectedField {
    /// As in redacted fields: `header:authorization`, `cookie:session`, `headers`, `cookies`, `body`, ...
    pub field: String,
    /// `SUBSTITUTION` or `HASH`.
    pub action: Option<String>,
}

/// How much of a body is inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BodyInspectionLimit {
    /// Type of the protected resource, such as `API_GATEWAY`.
    pub resource_type: String,
    /// `KB_16`, `KB_32`, `KB_48` or `KB_64`.
    pub limit: String,
}

/// Log of the requests that a web ACL judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Logging {
    /// ARNs of the log group, bucket or Firehose stream.
    pub destination_arns: Vec<String>,
    /// Fields left out of the log: `header:authorization` (in lower case), `uri_path`, `query_string`,
    /// `method`, ...
    pub redacted_fields: Vec<String>,
    /// `KEEP` or `DROP` for requests that no filter names; null without filters.
    pub default_behavior: Option<String>,
    /// Number of filters.
    pub filter_count: i64,
    /// Whether Firewall Manager set it.
    pub managed_by_firewall_manager: bool,
}

/// What of one type a web ACL protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Association {
    /// `APPLICATION_LOAD_BALANCER`, `API_GATEWAY`, `APPSYNC`, `COGNITO_USER_POOL`,
    /// `APP_RUNNER_SERVICE`, `VERIFIED_ACCESS_INSTANCE`, `AMPLIFY`, `AGENTCORE_GATEWAY` or, for
    /// distributions, `CLOUDFRONT`.
    pub resource_type: String,
    /// ARNs of the resources.
    #[schemars(extend("x-source" = ["wafv2:ListResourcesForWebACL"]))]
    pub arns: Collected<Vec<String>>,
}

/// A rule group of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["wafv2:ListRuleGroups"]))]
pub struct RuleGroup {
    /// `REGIONAL` or `CLOUDFRONT`.
    pub scope: String,
    /// Capacity units reserved.
    #[schemars(extend("x-source" = ["wafv2:GetRuleGroup"]))]
    pub capacity: Collected<i64>,
    /// Its rules, in the order in which they are evaluated.
    #[schemars(extend("x-source" = ["wafv2:GetRuleGroup"]))]
    pub rules: Collected<Vec<Rule>>,
}

impl ResourceKind for RuleGroup {
    const TYPE: &'static str = "wafv2.rule_group";
}

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["wafv2:ListIPSets"]))]
pub struct IpSet {
    /// `REGIONAL` or `CLOUDFRONT`.
    pub scope: String,
    /// `IPV4` or `IPV6`.
    #[schemars(extend("x-source" = ["wafv2:GetIPSet"]))]
    pub ip_address_version: Collected<String>,
    /// Number of addresses and ranges.
    #[schemars(extend("x-source" = ["wafv2:GetIPSet"]))]
    pub address_count: Collected<i64>,
    /// Prefix length of the widest range, in bits; null for an empty set.
    #[schemars(extend("x-source" = ["wafv2:GetIPSet"]))]
    pub widest_prefix: Collected<i64>,
}

impl ResourceKind for IpSet {
    const TYPE: &'static str = "wafv2.ip_set";
}

/// A set of regular expressions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["wafv2:ListRegexPatternSets"]))]
pub struct RegexPatternSet {
    /// `REGIONAL` or `CLOUDFRONT`.
    pub scope: String,
}

impl ResourceKind for RegexPatternSet {
    const TYPE: &'static str = "wafv2.regex_pattern_set";
}
