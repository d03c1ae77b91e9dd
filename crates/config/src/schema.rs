//! The JSON Schema that editors check the file with.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

use posture_catalog::Severity;

use crate::{Config, Said};

impl<T: JsonSchema> JsonSchema for Said<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($word:literal),+) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $name {
            pub(crate) const ALL: &[&str] = &[$($word),+];
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"enum": Self::ALL})
            }
        }
    };
}

words!(
    /// Verdicts, and a word for all of them.
    Status: "fail", "unknown", "pass", "not_applicable", "waived", "all"
);
words!(
    /// Severities, and a word for none.
    FailOn: "critical", "high", "medium", "low", "info", "none"
);
words!(
    /// What one ticket is for.
    GroupBy: "finding", "check", "resource"
);
words!(
    /// What a waiver does to a ticket.
    OnWaived: "close", "keep"
);
words!(
    /// What is posted.
    WebhookFormat: "json", "slack"
);

/// A number of days, or none.
pub(crate) struct Days;

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        "Days".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 3650}, {"const": "none"}]})
    }
}

/// Runs, days, or both.
pub(crate) struct KeepSpec;

impl JsonSchema for KeepSpec {
    fn schema_name() -> Cow<'static, str> {
        "KeepSpec".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^\\s*[1-9][0-9]*d?\\s*(,\\s*[1-9][0-9]*d?\\s*)?$"}
        ]})
    }
}

/// What is to be changed about a check.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "stands for its schema: the catalogue reads it")]
pub(crate) struct Override {
    /// How bad a failure is.
    severity: Option<Severity>,
    /// The problem, as a sentence without a full stop.
    title: Option<String>,
    /// Where more is said, instead of what the check refers to.
    #[schemars(inner(regex(pattern = r"^https://\S+$")))]
    references: Option<Vec<String>>,
    /// Constants of the check, by name; `posture checks show ID` lists them.
    params: Option<BTreeMap<String, Value>>,
    /// Whether the check is run.
    enabled: Option<bool>,
}

/// The schema of a configuration file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), "posture.toml".into());
    let mut schema = schema.to_value();
    without_null(&mut schema);
    schema
}

/// TOML has no null: what is not there is left out.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(entries) => {
            entries.values_mut().for_each(without_null);
            entries.retain(|key, value| key != "default" || !value.is_null());
            if let Some(Value::Array(types)) = entries.get_mut("type") {
                types.retain(|of| of != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    entries.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(words)) = entries.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            let Some(Value::Array(cases)) = entries.get_mut("anyOf") else {
                return;
            };
            cases.retain(|case| case["type"] != "null");
            if let [Value::Object(one)] = cases.as_slice() {
                let one = one.clone();
                entries.remove("anyOf");
                for (key, value) in one {
                    entries.entry(key).or_insert(value);
                }
            }
        }
        _ => {}
    }
}
