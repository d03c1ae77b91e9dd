//! A fact that came from a call of its own, and what to say when the call did not answer.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A fact read by a call of its own.
///
/// `Absent` is an answer ("AWS says it is not configured", as `NoSuchBucketPolicy` does); it is not
/// the same as `Unavailable`, which is the lack of one. On disk: the value itself, `null`, or
/// `{"unavailable": {"reason": ..., "operation": ..., "iam_action": ..., "code": ...}}`. The short
/// form `{"unavailable": "access_denied"}` is read too, for the cases of checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Collected<T> {
    /// AWS answered with a value.
    Known(T),
    /// AWS answered that there is none.
    #[default]
    Absent,
    /// AWS did not answer; the gap says why and which IAM action would help.
    Unavailable(Gap),
}

impl<T> Collected<T> {
    /// The value, when there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unavailable(_) => None,
        }
    }

    /// The gap, when the fact could not be read.
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Unavailable(gap) => Some(gap),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// Converts the value, keeping absence and gaps as they are.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Collected<U> {
        match self {
            Self::Known(value) => Collected::Known(convert(value)),
            Self::Absent => Collected::Absent,
            Self::Unavailable(gap) => Collected::Unavailable(gap),
        }
    }

    /// Converts the value into a fact that may itself be absent or malformed.
    pub fn and_then<U>(self, convert: impl FnOnce(T) -> Collected<U>) -> Collected<U> {
        match self {
            Self::Known(value) => convert(value),
            Self::Absent => Collected::Absent,
            Self::Unavailable(gap) => Collected::Unavailable(gap),
        }
    }
}

impl<T> From<Option<T>> for Collected<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

/// Why a fact is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Gap {
    /// The kind of failure.
    pub reason: GapReason,
    /// The SDK operation that did not answer, as `service:Operation`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// The IAM action that would let it answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub iam_action: String,
    /// The error code as AWS gave it, such as `AccessDeniedException`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Gap {
    /// A gap for which no call is known, as in the short form of a check's case.
    pub fn bare(reason: GapReason) -> Self {
        Self {
            reason,
            operation: String::new(),
            iam_action: String::new(),
            code: None,
        }
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.operation.is_empty() {
            return write!(f, "{}", self.reason.phrase());
        }
        write!(f, "{}: {}", self.operation, self.reason.phrase())?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Gap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Short(GapReason),
            Full {
                reason: GapReason,
                #[serde(default)]
                operation: String,
                #[serde(default)]
                iam_action: String,
                #[serde(default)]
                code: Option<String>,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Short(reason) => Self::bare(reason),
            Form::Full {
                reason,
                operation,
                iam_action,
                code,
            } => Self {
                reason,
                operation,
                iam_action,
                code,
            },
        })
    }
}

/// The kinds of failure that leave a fact unread.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The scan's principal may not call the operation.
    AccessDenied,
    /// AWS kept throttling until the retries were used up.
    Throttled,
    /// No answer within the deadline, or no connection.
    Timeout,
    /// The service does not exist in this region.
    NotOffered,
    /// The endpoint does not implement the operation.
    Unsupported,
    /// The scan was not told to ask; what it would have needed is the code.
    NotRequested,
    /// The answer could not be understood.
    Malformed,
    /// Any other error, such as HTTP 500.
    Error,
}

impl GapReason {
    /// All reasons, in the order of their documentation.
    pub const ALL: [Self; 8] = [
        Self::AccessDenied,
        Self::Throttled,
        Self::Timeout,
        Self::NotOffered,
        Self::Unsupported,
        Self::NotRequested,
        Self::Malformed,
        Self::Error,
    ];

    /// The name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::NotOffered => "not_offered",
            Self::Unsupported => "unsupported",
            Self::NotRequested => "not_requested",
            Self::Malformed => "malformed",
            Self::Error => "error",
        }
    }

    /// The name in prose.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::AccessDenied => "access denied",
            Self::Throttled => "throttled until retries ran out",
            Self::Timeout => "no answer in time",
            Self::NotOffered => "not offered in this region",
            Self::Unsupported => "not supported by this endpoint",
            Self::NotRequested => "not asked for",
            Self::Malformed => "answer not understood",
            Self::Error => "failed",
        }
    }
}

impl<T: Serialize> Serialize for Collected<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wrapper<'a> {
            unavailable: &'a Gap,
        }
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Absent => serializer.serialize_none(),
            Self::Unavailable(gap) => Wrapper { unavailable: gap }.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Collected<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Absent);
        }
        // A one-key object named `unavailable` is a gap; no model type has a field of that name, which
        // the model's own tests assert.
        if let Some(gap) = value
            .as_object()
            .filter(|object| object.len() == 1)
            .and_then(|object| object.get("unavailable"))
        {
            return serde_json::from_value(gap.clone())
                .map(Self::Unavailable)
                .map_err(D::Error::custom);
        }
        serde_json::from_value(value)
            .map(Self::Known)
            .map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for Collected<T> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Collected_{}", T::schema_name()))
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        let gap = generator.subschema_for::<Gap>();
        json_schema!({
            "x-collected": true,
            "anyOf": [
                value,
                {"type": "null"},
                {
                    "type": "object",
                    "properties": {"unavailable": gap},
                    "required": ["unavailable"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_round_trip() {
        for text in [
            r#""x""#,
            "null",
            r#"{"unavailable":{"reason":"throttled","operation":"lambda:GetPolicy","iam_action":"lambda:GetPolicy","code":"TooManyRequestsException"}}"#,
        ] {
            let read: Collected<String> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn short_form_is_a_gap_and_never_a_value() {
        let read: Collected<serde_json::Value> =
            serde_json::from_str(r#"{"unavailable":"access_denied"}"#).unwrap();
        assert_eq!(
            read,
            Collected::Unavailable(Gap::bare(GapReason::AccessDenied))
        );
    }

    #[test]
    fn unknown_reason_is_an_error() {
        assert!(serde_json::from_str::<Collected<String>>(r#"{"unavailable":"because"}"#).is_err());
    }
}
