//! The schemas of the files that others write or read.

use std::collections::{BTreeMap, BTreeSet};

use posture_catalog::CheckFile;
use posture_model::{Collected, Tags, Timestamp, all_types};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A check file.
pub(crate) fn check() -> Value {
    let mut ordered = Map::from_iter([
        ("$schema".to_owned(), json!(DIALECT)),
        ("title".to_owned(), json!("A check of posture")),
    ]);
    if let Value::Object(schema) = schemars::schema_for!(CheckFile).to_value() {
        for (key, value) in schema {
            ordered.entry(key).or_insert(value);
        }
    }
    Value::Object(ordered)
}

/// A line of a snapshot's `<service>.jsonl.zst`: one resource.
pub(crate) fn snapshot() -> Value {
    let mut parts: Vec<(String, Value)> = all_types()
        .map(|info| (info.name.to_owned(), info.schema().to_value()))
        .collect();
    // The envelope is no schema of its own in the model: its types are not.
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let envelope = json!({
        "tags": generator.subschema_for::<Collected<Tags>>(),
        "created": generator.subschema_for::<Option<Timestamp>>(),
    });
    let definitions = generator.take_definitions(true);
    parts.push((
        "resource".to_owned(),
        json!({"properties": envelope, "$defs": definitions}),
    ));
    merge(&parts)
}

/// One schema of the schemas of many types. Definitions that mean the same in all types are shared, the
/// others are named after the type.
fn merge(parts: &[(String, Value)]) -> Value {
    let distinct = distinct(parts);
    let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
    let mut cases = Vec::new();
    let mut names = Vec::new();
    let mut envelope = Value::Null;
    for (of, schema) in parts {
        let mut schema = schema.clone();
        rename(&mut schema, &|name| {
            if distinct.contains(name) {
                format!("{of}.{name}")
            } else {
                name.to_owned()
            }
        });
        let Some(object) = schema.as_object_mut() else {
            continue;
        };
        if let Some(Value::Object(own)) = object.remove("$defs") {
            for (name, definition) in own {
                let name = match distinct.contains(&name) {
                    true => format!("{of}.{name}"),
                    false => name,
                };
                definitions.insert(name, definition);
            }
        }
        if of == "resource" {
            envelope = schema.get("properties").cloned().unwrap_or_default();
            continue;
        }
        object.remove("$schema");
        object.insert("title".to_owned(), json!(of));
        names.push(of.clone());
        cases.push(json!({
            "if": {"properties": {"type": {"const": of}}},
            "then": {"properties": {"properties": {"$ref": format!("#/$defs/{of}")}}},
        }));
        definitions.insert(of.clone(), schema);
    }
    let text = |says: &str| json!({"type": "string", "description": says});
    let described = |mut schema: Value, says: &str| {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(says));
        }
        schema
    };
    json!({
        "$schema": DIALECT,
        "title": "A resource in a posture snapshot, version 1",
        "description": "One line of `account=<id>/region=<region>/<service>.jsonl.zst`.",
        "type": "object",
        "required": ["type", "arn", "id", "name", "account", "region", "partition", "properties"],
        "properties": {
            "type": {"enum": names, "description": "The resource's type, `service.noun`."},
            "arn": text("Its ARN; where AWS defines none, one built in the same form."),
            "id": text("The id that AWS's API uses for it."),
            "name": text("The name that a person would call it by; the id where there is none."),
            "account": {"type": "string", "pattern": "^[0-9]{12}$", "description": "The account that owns it."},
            "region": text("The region it is in, or `global`."),
            "partition": text("The partition it is in."),
            "tags": described(envelope["tags"].clone(), "Its tags, where the type has any."),
            "created": described(envelope["created"].clone(), "When it was created, where AWS tells."),
            "properties": {"type": "object", "description": "What is particular to the type."},
        },
        "allOf": cases,
        "$defs": definitions,
    })
}

/// Names of definitions that do not mean the same wherever they are defined.
fn distinct(parts: &[(String, Value)]) -> BTreeSet<String> {
    let mut first: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut distinct = BTreeSet::new();
    let all = || {
        parts
            .iter()
            .filter_map(|(_, schema)| schema.get("$defs").and_then(Value::as_object))
            .flatten()
    };
    for (name, definition) in all() {
        if *first.entry(name).or_insert(definition) != definition {
            distinct.insert(name.clone());
        }
    }
    // One that refers to such a one does not mean the same either.
    loop {
        let more: Vec<String> = all()
            .filter(|(name, definition)| {
                let mut names = Vec::new();
                references(definition, &mut names);
                !distinct.contains(*name) && names.iter().any(|name| distinct.contains(*name))
            })
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return distinct;
        }
        distinct.extend(more);
    }
}

/// The names of the definitions that a schema refers to, in order.
pub(crate) fn references<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value
                    .as_str()
                    .and_then(|text| text.strip_prefix("#/$defs/"))
                {
                    Some(name) if key == "$ref" => names.push(name),
                    _ => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn rename(schema: &mut Value, to: &impl Fn(&str) -> String) {
    match schema {
        Value::Object(object) => rename_in(object, to),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, to)),
        _ => {}
    }
}

fn rename_in(object: &mut Map<String, Value>, to: &impl Fn(&str) -> String) {
    for (key, value) in object {
        let name = value
            .as_str()
            .filter(|_| key == "$ref")
            .and_then(|text| text.strip_prefix("#/$defs/"));
        match name {
            Some(name) => *value = json!(format!("#/$defs/{}", to(name))),
            None => rename(value, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_shared_only_where_they_mean_the_same() {
        let part = |leaf: &str| {
            json!({
                "properties": {"a": {"$ref": "#/$defs/Outer"}, "b": {"$ref": "#/$defs/Same"}},
                "$defs": {
                    "Outer": {"properties": {"leaf": {"$ref": "#/$defs/Leaf"}}},
                    "Leaf": {"type": leaf},
                    "Same": {"type": "string"},
                },
            })
        };
        let parts = [
            ("a.x".to_owned(), part("string")),
            ("b.y".to_owned(), part("integer")),
        ];
        let merged = merge(&parts);
        let names: Vec<&String> = merged["$defs"].as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "Same",
                "a.x",
                "a.x.Leaf",
                "a.x.Outer",
                "b.y",
                "b.y.Leaf",
                "b.y.Outer"
            ]
        );
        assert_eq!(
            merged["$defs"]["b.y.Outer"]["properties"]["leaf"]["$ref"],
            "#/$defs/b.y.Leaf"
        );
        assert_eq!(
            merged["$defs"]["a.x"]["properties"]["b"]["$ref"],
            "#/$defs/Same"
        );
    }

    #[test]
    fn a_snapshot_line_is_judged_by_its_type() {
        let validator = jsonschema::validator_for(&snapshot()).unwrap();
        let line = |properties: Value| {
            json!({
                "type": "lambda.account_settings", "arn": "arn:aws:lambda:eu-west-1:123456789012:settings",
                "id": "settings", "name": "settings", "account": "123456789012", "region": "eu-west-1",
                "partition": "aws", "tags": {"unavailable": {"reason": "access_denied"}}, "created": null,
                "properties": properties,
            })
        };
        let sound = json!({
            "concurrent_executions": 1, "unreserved_concurrent_executions": 1, "function_count": 1,
            "total_code_size": 1,
        });
        assert!(validator.is_valid(&line(sound)));
        assert!(!validator.is_valid(&line(json!({"function_count": "many"}))));
        let mut other = line(json!({}));
        other["type"] = json!("lambda.nothing");
        assert!(!validator.is_valid(&other));
    }

    #[test]
    fn every_reference_resolves() {
        for schema in [snapshot(), check(), posture_report::report_schema()] {
            let mut names = Vec::new();
            references(&schema, &mut names);
            for name in names {
                assert!(schema["$defs"].get(name).is_some(), "{name}");
            }
        }
    }
}
