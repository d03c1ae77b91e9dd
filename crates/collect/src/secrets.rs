//! Looks at values that may be secret, and lets go of them.

use hmac::{Hmac, Mac};
use posture_model::{ExaminedText, ExaminedValue, SecretHit};
use regex::{Regex, RegexSet};
use sha2::Sha256;

/// Examines values and texts. The key of its fingerprints lives as long as it does.
pub(crate) struct Examiner {
    key: [u8; 32],
    shapes: RegexSet,
    secret_name: Regex,
    reference: Regex,
    assignment: Regex,
}

impl std::fmt::Debug for Examiner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Examiner")
    }
}

/// Shapes that are secrets whatever they are called. Kind and pattern.
const SHAPES: &[(&str, &str)] = &[
    ("aws_access_key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    (
        "private_key",
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    ),
    (
        "github_token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
    ),
    ("gitlab_token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (
        "slack_webhook",
        r"hooks\.slack\.com/services/T[A-Za-z0-9/]{20,}",
    ),
    ("stripe_key", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    ("google_api_key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("npm_token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("openai_key", r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}"),
    (
        "json_web_token",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    (
        "url_password",
        r"[a-z][a-z0-9+.-]*://[^\s:/@]{0,128}:[^\s:/@$<{]{3,128}@",
    ),
];

/// Names whose values are secrets, unless the value only refers to one.
const SECRET_NAME: &str = r"(?ix)
    (?: ^ | [_.\-\s] | [a-z] )
    (?: passw(?:or)?d | passwd | pwd | passphrase | secret | api_?key | apikey | auth_?token
      | access_?token | refresh_?token | bearer | token | private_?key | credentials? | client_?secret
      | access_?key | encryption_?key | signing_?key )
    s? (?: $ | [_.\-\s] )";

/// Values that name where a secret is, or that are plainly none.
const REFERENCE: &str = r"(?ix) ^ (?:
      arn:aws[a-z-]*:.* | \{\{resolve:.* | /[A-Za-z0-9_./-]+ | ssm:.* | secretsmanager:.*
    | \$\{.*\} | <.*> | true | false | yes | no | none | null | enabled | disabled | \d{1,4}
    | https?://[^@\s]* | [A-Za-z0-9]+(?:/[A-Za-z0-9_+=.@-]+)+ | \*+ | changeme\? ) $";

/// `NAME=value` and `name: value` in scripts and configuration.
const ASSIGNMENT: &str = r#"(?m)^[\s>|-]*(?:export\s+|set\s+|-e\s+)?["']?([A-Za-z_][A-Za-z0-9_.-]{0,80})["']?\s*[:=]\s*["']?([^\s"'#]{4,512})"#;

impl Examiner {
    /// An examiner with a fresh random key.
    pub(crate) fn new() -> Result<Self, ExaminerError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| ExaminerError(e.to_string()))?;
        let compile = |pattern: &str| {
            Regex::new(pattern).map_err(|e| ExaminerError(format!("pattern {pattern}: {e}")))
        };
        Ok(Self {
            key,
            shapes: RegexSet::new(SHAPES.iter().map(|(_, pattern)| pattern))
                .map_err(|e| ExaminerError(e.to_string()))?,
            secret_name: compile(SECRET_NAME)?,
            reference: compile(REFERENCE)?,
            assignment: compile(ASSIGNMENT)?,
        })
    }

    /// Examines a named value and keeps its name, a verdict and a fingerprint.
    pub(crate) fn value(&self, name: &str, value: &str) -> ExaminedValue {
        ExaminedValue {
            name: name.to_owned(),
            secret: self.judge(name, value),
            fingerprint: self.fingerprint(value),
        }
    }

    /// Examines a text such as user data: known shapes anywhere in it, and assignments.
    pub(crate) fn text(&self, text: &str) -> ExaminedText {
        let mut secrets: Vec<SecretHit> = self.shapes_in(text).collect();
        for capture in self.assignment.captures_iter(text) {
            if let (Some(name), Some(value)) = (capture.get(1), capture.get(2)) {
                secrets.extend(self.judge(name.as_str(), value.as_str()));
            }
        }
        secrets.sort_by(|a, b| a.kind.cmp(&b.kind));
        secrets.dedup_by(|a, b| a.kind == b.kind);
        ExaminedText {
            bytes: text.len() as u64,
            secrets,
            fingerprint: self.fingerprint(text),
        }
    }

    fn shapes_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = SecretHit> + 'a {
        self.shapes
            .matches(text)
            .into_iter()
            .map(|index| SecretHit {
                kind: SHAPES
                    .get(index)
                    .map_or("secret", |(kind, _)| kind)
                    .to_owned(),
                confidence: "high".to_owned(),
            })
    }

    fn judge(&self, name: &str, value: &str) -> Option<SecretHit> {
        if let Some(hit) = self.shapes_in(value).next() {
            return Some(hit);
        }
        let value = value.trim();
        if value.len() < 4 || self.reference.is_match(value) {
            return None;
        }
        let named = self.secret_name.is_match(name);
        let random = looks_random(value);
        let (kind, confidence) = match (named, random) {
            (true, true) => ("named_secret", "high"),
            (true, false) => ("named_secret", "medium"),
            // A long random string under an innocent name is as often a hash or an id.
            (false, true) if value.len() >= 40 => ("high_entropy", "low"),
            _ => return None,
        };
        Some(SecretHit {
            kind: kind.to_owned(),
            confidence: confidence.to_owned(),
        })
    }

    fn fingerprint(&self, value: &str) -> String {
        // A 32-byte key is always accepted.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(value.as_bytes());
        mac.finalize()
            .into_bytes()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The examiner could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to prepare the secret examiner: {0}")]
pub struct ExaminerError(String);

/// Shannon entropy per character above what words and identifiers reach, in text without spaces, with
/// both letters and digits.
fn looks_random(value: &str) -> bool {
    if value.len() < 16
        || value.contains(char::is_whitespace)
        || !value.bytes().any(|b| b.is_ascii_digit())
        || !value.bytes().any(|b| b.is_ascii_alphabetic())
    {
        return false;
    }
    let mut counts = [0u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "lengths of configuration values"
    )]
    let length = value.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum();
    entropy > 3.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, value: &str) -> Option<String> {
        Examiner::new()
            .unwrap()
            .value(name, value)
            .secret
            .map(|hit| hit.kind)
    }

    #[test]
    fn shapes_are_found_under_any_name() {
        assert_eq!(
            kind("X", "AKIAIOSFODNN7EXAMPLE").as_deref(),
            Some("aws_access_key")
        );
        assert_eq!(
            kind("DATABASE_URL", "postgres://app:hunter2@db/app").as_deref(),
            Some("url_password")
        );
        assert_eq!(
            kind("K", "-----BEGIN RSA PRIVATE KEY-----\nMIIE").as_deref(),
            Some("private_key")
        );
    }

    #[test]
    fn names_count_when_the_value_is_no_reference() {
        assert_eq!(
            kind("DB_PASSWORD", "hunter2").as_deref(),
            Some("named_secret")
        );
        assert_eq!(
            kind("dbPassword", "hunter2").as_deref(),
            Some("named_secret")
        );
        assert_eq!(
            kind("API_KEY", "posture-canary-7f3a9c").as_deref(),
            Some("named_secret")
        );
        for reference in [
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db",
            "{{resolve:secretsmanager:db}}",
            "/prod/db/password",
            "prod/db/password",
            "https://vault.example.com/x",
            "true",
            "",
        ] {
            assert_eq!(kind("DB_PASSWORD", reference), None, "{reference}");
        }
    }

    #[test]
    fn ordinary_settings_are_left_alone() {
        for (name, value) in [
            ("LOG_LEVEL", "INFO"),
            ("TABLE_NAME", "orders-prod-table-20240101"),
            ("TOKENIZER", "standard"),
            ("KEYBOARD", "qwertyuiop"),
            ("MAX_TOKENS", "4096"),
            ("BUCKET", "company-data-eu-west-1-123456789012"),
        ] {
            assert_eq!(kind(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn user_data_is_searched() {
        let text = "#!/bin/bash\nexport DB_PASSWORD=hunter2-but-longer\nyum install -y httpd\n";
        let found = Examiner::new().unwrap().text(text);
        assert_eq!(found.secrets.len(), 1);
        assert!(
            Examiner::new()
                .unwrap()
                .text("#!/bin/bash\nyum -y update\n")
                .secrets
                .is_empty()
        );
    }

    #[test]
    fn fingerprints_compare_within_one_scan_only() {
        let one = Examiner::new().unwrap();
        let two = Examiner::new().unwrap();
        assert_eq!(
            one.value("a", "x").fingerprint,
            one.value("b", "x").fingerprint
        );
        assert_ne!(
            one.value("a", "x").fingerprint,
            two.value("a", "x").fingerprint
        );
    }
}
