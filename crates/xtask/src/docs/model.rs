//! The fields of every resource type, from the JSON Schema that expressions are checked against.

use std::collections::BTreeSet;

use posture_model::{TypeInfo, all_types};
use serde_json::{Map, Value};

use super::markdown::{anchor, code, count, head, row};
use crate::Error;
use crate::operations::Operations;

/// Fields of the envelope, as checks see them.
const ENVELOPE: &[(&str, &str, &str)] = &[
    ("type", "text", "The resource's type, `service.noun`."),
    (
        "arn",
        "text",
        "Its ARN; where AWS defines none, one built in the same form.",
    ),
    ("id", "text", "The id that AWS's API uses for it."),
    (
        "name",
        "text",
        "The name that a person would call it by; the id where there is none.",
    ),
    ("account", "text", "The account that owns it."),
    ("region", "text", "The region it is in, or `global`."),
    ("partition", "text", "The partition it is in."),
    (
        "tags",
        "map of text, or null",
        "Its tags, where the type has any; a gap where they could not be read.",
    ),
    (
        "created",
        "timestamp, or null",
        "When it was created, where AWS tells.",
    ),
];

pub(crate) fn page(operations: &Operations) -> Result<String, Error> {
    let types: Vec<&TypeInfo> = all_types().collect();
    let mut text = super::marker("`crates/model/`");
    text.push_str(&format!(
        "# Resource types\n\n{}. A snapshot holds resources of these types, and checks read their fields: \
         `resource.name`, `resource.url.auth_type`. \
         [snapshot-v1.schema.json](schema/snapshot-v1.schema.json) says the same for machines.\n\n\
         A field with a call of its own is a value, null (AWS said: not configured) or, where the call was \
         not answered, a gap; reading a gap makes a verdict `unknown` unless the rest decides it. The other \
         fields come with the type's list. Enumerations stay text as AWS spells it.\n",
        count(types.len(), "type"),
    ));
    let mut services: Vec<&str> = Vec::new();
    for info in &types {
        if !services.contains(&info.service()) {
            services.push(info.service());
        }
    }
    text.push('\n');
    for service in &services {
        let links: Vec<String> = types
            .iter()
            .filter(|info| info.service() == *service)
            .map(|info| format!("[{}](#{})", code(info.name), anchor(info.name)))
            .collect();
        text.push_str(&format!("- {service}: {}\n", links.join(", ")));
    }
    text.push_str("\n## Every resource\n\n");
    text.push_str(&head(&["Field", "Type", "Meaning"]));
    for (name, of, says) in ENVELOPE {
        text.push_str(&row(&[&code(name), *of, *says]));
    }
    for info in types {
        resource(info, operations, &mut text)?;
    }
    Ok(text)
}

fn resource(info: &TypeInfo, operations: &Operations, text: &mut String) -> Result<(), Error> {
    let schema = info.schema();
    let schema = schema.as_value();
    let empty = Map::new();
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let types = Types {
        of: info.name,
        definitions,
    };
    text.push_str(&format!("\n## {}\n\n{}\n", info.name, description(schema)));
    text.push_str(&format!(
        "\nListed by {}.\n",
        calls(&sources(schema), operations)?
    ));
    types.fields(schema, operations, text)?;
    for name in types.reached(schema) {
        let Some(definition) = definitions.get(&name) else {
            continue;
        };
        text.push_str(&format!(
            "\n#### {}\n\n{}\n",
            types.title(&name),
            description(definition)
        ));
        types.fields(definition, operations, text)?;
    }
    Ok(())
}

/// What a type or a field says of itself: its doc comment, which is Markdown already.
fn description(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The operations that fill what a schema describes.
pub(crate) fn sources(schema: &Value) -> Vec<String> {
    match schema.get("x-source") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// Operations, each with its IAM action where that is named otherwise.
fn calls(sources: &[String], operations: &Operations) -> Result<String, Error> {
    let mut parts = Vec::new();
    for source in sources {
        let action = operations.action(source)?;
        parts.push(match action == source {
            true => code(source),
            false => format!("{} (IAM action {})", code(source), code(action)),
        });
    }
    Ok(parts.join(", "))
}

/// The schema of one resource type.
struct Types<'a> {
    of: &'a str,
    definitions: &'a Map<String, Value>,
}

impl Types<'_> {
    fn title(&self, name: &str) -> String {
        format!("{} {name}", self.of)
    }

    fn fields(
        &self,
        schema: &Value,
        operations: &Operations,
        text: &mut String,
    ) -> Result<(), Error> {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(());
        };
        text.push('\n');
        text.push_str(&head(&["Field", "Type", "Meaning", "Call of its own"]));
        for (name, field) in properties {
            text.push_str(&row(&[
                code(name),
                self.name(field, 0),
                description(field),
                calls(&sources(field), operations)?,
            ]));
        }
        Ok(())
    }

    /// The structs that a schema refers to, the nearest first, each once.
    fn reached(&self, schema: &Value) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![schema.get("properties").unwrap_or(&Value::Null)];
        let mut next = 0;
        while next < open.len() {
            let mut references = Vec::new();
            super::schema::references(open[next], &mut references);
            next += 1;
            for name in references {
                if name == "Gap" || name == "GapReason" || !seen.insert(name.to_owned()) {
                    continue;
                }
                let Some(definition) = self.definitions.get(name) else {
                    continue;
                };
                open.push(definition);
                if definition.get("properties").is_some() {
                    found.push(name.to_owned());
                }
            }
        }
        found
    }

    /// A schema's type in words.
    fn name(&self, schema: &Value, depth: usize) -> String {
        if depth > 16 {
            return "anything".to_owned();
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, depth);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(options) = schema.get(key).and_then(Value::as_array) {
                return self.any_of(options, depth);
            }
        }
        match schema.get("type") {
            Some(Value::String(one)) => self.simple(one, schema, depth),
            Some(Value::Array(several)) => {
                let names = several
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|name| self.simple(name, schema, depth));
                alternatives(names)
            }
            _ if schema.get("const").is_some_and(Value::is_string)
                || schema.get("enum").is_some() =>
            {
                "text".to_owned()
            }
            _ => "anything".to_owned(),
        }
    }

    fn any_of(&self, options: &[Value], depth: usize) -> String {
        alternatives(
            options
                .iter()
                // The gap of a fact with a call of its own.
                .filter(|option| option.pointer("/properties/unavailable").is_none())
                .map(|option| self.name(option, depth + 1)),
        )
    }

    fn reference(&self, reference: &str, depth: usize) -> String {
        let name = reference.strip_prefix("#/$defs/").unwrap_or(reference);
        match self.definitions.get(name) {
            Some(definition) if definition.get("properties").is_some() => {
                format!("[{}](#{})", code(name), anchor(&self.title(name)))
            }
            Some(definition) => self.name(definition, depth + 1),
            None => "anything".to_owned(),
        }
    }

    fn simple(&self, name: &str, schema: &Value, depth: usize) -> String {
        let format = schema.get("format").and_then(Value::as_str);
        let inner = |key: &str| {
            schema
                .get(key)
                .filter(|of| of.is_object())
                .map_or_else(|| "anything".to_owned(), |of| self.name(of, depth + 1))
        };
        match (name, format) {
            ("null", _) => "null".to_owned(),
            (_, Some("iam-policy")) => "policy".to_owned(),
            ("boolean", _) => "bool".to_owned(),
            ("integer", _) => "int".to_owned(),
            ("number", _) => "double".to_owned(),
            ("string", Some("date-time")) => "timestamp".to_owned(),
            ("string", _) => "text".to_owned(),
            ("array", _) => format!("list of {}", inner("items")),
            ("object", _) => format!("map of {}", inner("additionalProperties")),
            _ => "anything".to_owned(),
        }
    }
}

/// `text, or null`.
fn alternatives(names: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    let mut null = false;
    for name in names {
        // An alternative may itself admit null.
        let some = name.strip_suffix(", or null");
        null |= some.is_some() || name == "null";
        let name = some.unwrap_or(&name).to_owned();
        if name != "null" && !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    let mut text = distinct.join(" or ");
    if null {
        text.push_str(", or null");
    }
    text
}

#[cfg(test)]
mod tests {
    use posture_model::Resource;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_envelope_is_told_of_in_full() {
        let told: Vec<&str> = ENVELOPE.iter().map(|(name, _, _)| *name).collect();
        assert_eq!(told, Resource::ENVELOPE);
    }

    #[test]
    fn types_read_as_words() {
        let definitions = json!({
            "Url": {"type": "object", "properties": {"cors": {"$ref": "#/$defs/Cors"}}},
            "Cors": {"type": "object", "properties": {}},
            "Moment": {"type": "string", "format": "date-time"},
        });
        let types = Types {
            of: "lambda.function",
            definitions: definitions.as_object().unwrap(),
        };
        for (schema, words) in [
            (json!({"type": ["string", "null"]}), "text, or null"),
            (json!({"$ref": "#/$defs/Moment"}), "timestamp"),
            (
                json!({"type": "array", "items": {"type": "integer"}}),
                "list of int",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "map of text",
            ),
            (
                json!({"anyOf": [
                    {"anyOf": [{"$ref": "#/$defs/Url"}, {"type": "null"}]},
                    {"type": "null"},
                    {"type": "object", "properties": {"unavailable": {"$ref": "#/$defs/Gap"}}},
                ]}),
                "[`Url`](#lambdafunction-url), or null",
            ),
            (json!(true), "anything"),
        ] {
            assert_eq!(types.name(&schema, 0), words, "{schema}");
        }
        let schema = json!({"properties": {"url": {"$ref": "#/$defs/Url"}, "at": {"$ref": "#/$defs/Moment"}}});
        assert_eq!(types.reached(&schema), ["Url", "Cors"]);
    }
}
