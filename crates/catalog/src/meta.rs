//! A check as its author wrote it: the YAML file's shape.

use std::collections::BTreeMap;

use posture_model::CheckId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How bad it is when a check fails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Hygiene.
    Low,
    /// A weakness that needs another to be used.
    Medium,
    /// Likely to be used against the account.
    High,
    /// Open to the world, or the keys to everything.
    Critical,
}

impl Severity {
    /// All severities, the worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What a failing check weighs in scores.
    pub fn weight(self) -> u32 {
        match self {
            Self::Info => 1,
            Self::Low => 2,
            Self::Medium => 5,
            Self::High => 10,
            Self::Critical => 20,
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| {
                format!("{text:?} is no severity; one of critical, high, medium, low, info")
            })
    }
}

/// How sure one can be that a failing finding is a real weakness.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Often a matter of taste or context.
    Low,
    /// Usually right.
    Medium,
    /// The configuration says so.
    High,
}

/// A check file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// Id; the file's name without `.yaml`.
    pub id: CheckId,
    /// The problem, as a sentence without a full stop.
    pub title: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// How sure a failure is.
    pub confidence: Confidence,
    /// The resource type the check looks at; absent for a manual one.
    #[serde(default)]
    pub resource: Option<String>,
    /// Practices covered, such as `FN-01`.
    pub practices: Vec<String>,
    /// Well-Architected best practices, such as `SEC03-BP07`.
    #[serde(default)]
    pub well_architected: Vec<String>,
    /// Questions of the Serverless Lens, such as `SEC 1`.
    #[serde(default)]
    pub serverless_lens: Vec<String>,
    /// Categories of the OWASP Serverless Top 10, such as `S2`.
    #[serde(default)]
    pub owasp_serverless: Vec<String>,
    /// Constants the expressions read as `params.<name>`.
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    /// CEL bool: whether the check has anything to say about a resource.
    #[serde(default)]
    pub applies: Option<String>,
    /// CEL bool: whether the resource is sound.
    #[serde(default)]
    pub pass: Option<String>,
    /// CEL string: the facts behind the verdict.
    #[serde(default)]
    pub evidence: Option<String>,
    /// Question for a person, where no API answers.
    #[serde(default)]
    pub manual: Option<String>,
    /// Why it matters.
    pub risk: String,
    /// How to mend it.
    pub fix: Fix,
    /// Where AWS or the field says so.
    pub references: Vec<String>,
    /// The proof.
    #[serde(default)]
    pub cases: Vec<Case>,
}

impl CheckFile {
    /// Digest of the rule alone: the type, the conditions and their constants, and none of the text. Two
    /// verdicts of rules with one digest can be compared.
    pub fn rule_digest(&self) -> String {
        let rule = serde_json::json!([self.resource, self.params, self.applies, self.pass]);
        let digest = Sha256::digest(rule.to_string());
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// How to mend a failure, by tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// AWS CLI command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli: Option<String>,
    /// Terraform snippet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<String>,
    /// Steps in the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// One proof: a resource and the verdict it must get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// `pass`, `fail`, `unknown` or `not_applicable`.
    pub expect: Status,
    /// The resource: envelope fields and properties as one object; the rest reads as not configured.
    pub resource: serde_json::Value,
    /// Further resources for look-ups, each with its `type`.
    #[serde(default)]
    pub others: Vec<serde_json::Value>,
    /// Types whose listing failed in this case.
    #[serde(default)]
    pub unlisted: Vec<String>,
}

/// The verdict of a check on a resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Sound, and every fact behind it was read.
    Pass,
    /// Weak.
    Fail,
    /// A fact that decides could not be read.
    Unknown,
    /// The check has nothing to say here.
    NotApplicable,
    /// Weak, and someone took responsibility for it until a date.
    Waived,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 5] = [
        Self::Fail,
        Self::Unknown,
        Self::Pass,
        Self::NotApplicable,
        Self::Waived,
    ];

    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
            Self::Waived => "waived",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                format!("{text:?} is no status; one of pass, fail, unknown, not_applicable, waived")
            })
    }
}
