//! Identifiers as types of their own, so that an account id is never passed where a region belongs.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The region under which the resources of global services (IAM, Organizations) are filed.
pub const GLOBAL_REGION: &str = "global";

/// An identifier that has not the shape it must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct IdError {
    /// What was given.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $format:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text when it has the right shape.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(IdError { text, expected: $expected })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "format": $format})
            }
        }
    };
}

string_id!(
    /// A 12-digit AWS account id.
    AccountId, "aws-account-id", "a 12-digit account id",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

string_id!(
    /// A region name such as `eu-west-1`, or `global` for services that have no regions.
    Region, "aws-region", "a region name such as eu-west-1",
    |text| text == GLOBAL_REGION
        || ((8..=32).contains(&text.len())
            && text.contains('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
);

impl Region {
    /// The pseudo-region of global services.
    pub fn global() -> Self {
        Self(GLOBAL_REGION.to_owned())
    }

    /// Whether this is the pseudo-region of global services.
    pub fn is_global(&self) -> bool {
        self.0 == GLOBAL_REGION
    }
}

string_id!(
    /// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
    Arn, "arn", "an ARN",
    |text| text.starts_with("arn:") && text.splitn(6, ':').count() == 6
);

impl Arn {
    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }

    /// The partition, such as `aws`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The service namespace, such as `lambda`.
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The region; empty for global resources and for buckets.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The account; empty for buckets and for resources that AWS owns.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// Everything after the account.
    pub fn resource(&self) -> &str {
        self.part(5)
    }
}

string_id!(
    /// The id of a check: kebab-case, the name of its file.
    CheckId, "check-id", "a check id in kebab-case",
    |text| !text.is_empty()
        && text.len() <= 120
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
);

string_id!(
    /// A finding's id: 32 hexadecimal digits, stable over runs.
    FindingId, "finding-id", "a finding id of 32 hexadecimal digits",
    |text| text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

/// An AWS partition: the first part of every ARN, which decides endpoints and regions.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Partition(pub String);

impl Partition {
    /// The commercial partition.
    pub fn aws() -> Self {
        Self("aws".to_owned())
    }

    /// The name, such as `aws-cn`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that a region's name belongs to; `aws` for names of no other.
    pub fn of_region(region: &str) -> Self {
        let partition = ["cn-", "us-gov-", "us-isob-", "us-iso-"]
            .iter()
            .zip(["aws-cn", "aws-us-gov", "aws-iso-b", "aws-iso"])
            .find(|(prefix, _)| region.starts_with(**prefix))
            .map_or("aws", |(_, partition)| partition);
        Self(partition.to_owned())
    }

    /// The region where the global services of the partition are signed for.
    pub fn home_region(&self) -> &'static str {
        match self.0.as_str() {
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-iso" => "us-iso-east-1",
            "aws-iso-b" => "us-isob-east-1",
            _ => "us-east-1",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_enforced() {
        assert!(AccountId::new("123456789012").is_ok());
        assert!(AccountId::new("12345678901").is_err());
        assert!(Region::new("us-gov-west-1").is_ok());
        assert!(Region::new("us_east_1").is_err());
        assert!(Region::new("../../../etc-x").is_err());
        assert!(CheckId::new("s3-bucket-public").is_ok());
        assert!(CheckId::new("S3").is_err());
    }

    #[test]
    fn arn_parts() {
        let arn = Arn::new("arn:aws:lambda:eu-west-1:123456789012:function:f:live").unwrap();
        assert_eq!(arn.service(), "lambda");
        assert_eq!(arn.account(), "123456789012");
        assert_eq!(arn.resource(), "function:f:live");
        assert!(Arn::new("arn:aws:s3").is_err());
    }
}
