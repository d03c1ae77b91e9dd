//! What is kept of a value that may be secret: a verdict and a keyed fingerprint, never the value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named value (an environment variable, a stage variable) after examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExaminedValue {
    /// The variable's name.
    pub name: String,
    /// What kind of secret the value looks like; null when it looks like none.
    pub secret: Option<SecretHit>,
    /// HMAC-SHA-256 of the value under a key that lives only as long as the scan, in 16 hexadecimal
    /// digits: equal within one snapshot means equal values, and nothing else can be learned from it.
    #[serde(default)]
    pub fingerprint: String,
}

/// A larger text (user data, a document) after examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExaminedText {
    /// Length of the text, in bytes.
    pub bytes: u64,
    /// What was found in it, at most one entry a kind.
    pub secrets: Vec<SecretHit>,
    /// Keyed fingerprint, as in `ExaminedValue`.
    #[serde(default)]
    pub fingerprint: String,
}

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretHit {
    /// What it looks like: `aws_access_key`, `private_key`, `password`, `token`, `high_entropy`, ...
    pub kind: String,
    /// `high` when the shape is unmistakable, `medium` when name and shape agree, `low` otherwise.
    pub confidence: String,
}
