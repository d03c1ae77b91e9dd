//! From a YAML tree to a validated, compiled check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use posture_model::CheckId;
use serde::de::DeserializeOwned;

use crate::case;
use crate::diagnostic::did_you_mean;
use crate::expr::{self, ObjectId, Params, Program, Ty, type_names, type_number};
use crate::frameworks::Frameworks;
use crate::meta::{Case, CheckFile, Fix, Status};
use crate::source::{Fields, Source, list, text};
use crate::yaml::{Value, Yaml};
use crate::{Check, CheckKind, Compiled};

/// Reads one check. `None` when it is not usable; the source then holds at least one diagnostic.
pub(crate) fn check(source: &mut Source, tree: &Yaml, frameworks: &Frameworks) -> Option<Check> {
    let before = source.diagnostics.len();
    let mut fields = Fields::of(source, tree, "a check")?;
    let id = id(source, &mut fields);
    let title = fields
        .required("title")
        .and_then(|node| title(source, node));
    let severity = choice(source, &mut fields, "severity", &SEVERITIES);
    let confidence = choice(
        source,
        &mut fields,
        "confidence",
        &["high", "medium", "low"],
    );
    let resource = fields.optional("resource");
    let practices = fields.required("practices");
    let practices = keys(source, practices, "practice", &frameworks.practices);
    let well_architected = keys(
        source,
        fields.optional("well_architected"),
        "Well-Architected best practice",
        &frameworks.well_architected,
    );
    let serverless_lens = keys(
        source,
        fields.optional("serverless_lens"),
        "Serverless Lens question",
        &frameworks.serverless_lens,
    );
    let owasp_serverless = keys(
        source,
        fields.optional("owasp_serverless"),
        "OWASP Serverless category",
        &frameworks.owasp_serverless,
    );
    let params = params(source, &mut fields);
    let applies = fields.optional("applies");
    let pass = fields.optional("pass");
    let evidence = fields.optional("evidence");
    let manual = fields.optional("manual");
    let risk = required_text(source, &mut fields, "risk");
    let fix_node = fields.required("fix");
    let references = references(source, &mut fields);
    let cases_node = fields.optional("cases");
    fields.finish(source);

    let manual_text = manual.and_then(|node| text(source, node, "`manual`"));
    let mut kind = CheckKind::Manual;
    let mut resource_name = None;
    let mut cases = Vec::new();
    let of = match (resource, manual) {
        (Some(node), None) => {
            resource_name = text(source, node, "`resource`");
            resource_name
                .as_deref()
                .and_then(|name| resource_type(source, node, name))
        }
        (None, Some(_)) => {
            for node in [applies, pass, evidence, cases_node].into_iter().flatten() {
                source.error(node.place, "a manual check has no rule and no cases", None);
            }
            None
        }
        (Some(node), Some(_)) => {
            source.error(
                node.place,
                "a check has either a `resource` or a `manual` question",
                None,
            );
            None
        }
        (None, None) => {
            source.error(tree.place, "`resource` is missing", None);
            None
        }
    };
    let mut named = BTreeMap::new();
    let fix = fix_node
        .map(|node| fix(source, node, of, &mut named))
        .unwrap_or_default();
    if let Some(of) = of {
        let compiled_params = Params::new(&params);
        let mut compile = |node: Option<&Yaml>, wanted: &Ty| {
            node.and_then(|node| program(source, node, of, &compiled_params, wanted))
        };
        let applies = compile(applies, &Ty::Bool);
        let evidence = compile(evidence, &Ty::String);
        let rule = compile(pass, &Ty::Bool);
        if pass.is_none() {
            source.error(tree.place, "`pass` is missing", None);
        }
        if let Some(node) = cases_node {
            cases = self::cases(source, node, of);
        }
        if let Some(pass) = rule {
            let compiled = Compiled::new(of, applies, pass, evidence, compiled_params, named);
            enough_cases(source, tree, cases_node, &compiled, &cases);
            kind = CheckKind::Rule(Box::new(compiled));
        }
    }
    if source.diagnostics.len() > before {
        return None;
    }
    let read = |node: Option<&Yaml>| node.and_then(scalar);
    Some(Check {
        meta: CheckFile {
            id: id?,
            title: title?,
            severity: severity?,
            confidence: confidence?,
            resource: resource_name,
            practices,
            well_architected,
            serverless_lens,
            owasp_serverless,
            params,
            applies: read(applies),
            pass: read(pass),
            evidence: read(evidence),
            manual: manual_text,
            risk: risk?,
            fix,
            references,
            cases,
        },
        file: source.file().to_owned(),
        kind,
    })
}

pub(crate) const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

/// The text of a scalar that YAML may take for a truth value.
fn scalar(node: &Yaml) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn id(source: &mut Source, fields: &mut Fields<'_>) -> Option<CheckId> {
    let node = fields.required("id")?;
    let given = text(source, node, "`id`")?;
    let stem = Path::new(source.file())
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
        .to_owned();
    if given != stem {
        source.error(
            node.place,
            format!("the id must be the file's name, `{stem}`"),
            None,
        );
    }
    match CheckId::new(given) {
        Ok(id) => Some(id),
        Err(_) => {
            source.error(
                node.place,
                "an id is kebab-case: lowercase letters, digits and single hyphens",
                None,
            );
            None
        }
    }
}

pub(crate) fn title(source: &mut Source, node: &Yaml) -> Option<String> {
    let title = text(source, node, "`title`")?;
    if title.ends_with('.') {
        source.error(node.place, "a title has no full stop at its end", None);
    }
    Some(title)
}

fn required_text(
    source: &mut Source,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<String> {
    let node = fields.required(name)?;
    text(source, node, &format!("`{name}`"))
}

/// One of a few words, read as the type that they spell.
fn choice<T: DeserializeOwned>(
    source: &mut Source,
    fields: &mut Fields<'_>,
    name: &'static str,
    words: &[&str],
) -> Option<T> {
    let node = fields.required(name)?;
    word(source, node, name, words)
}

pub(crate) fn word<T: DeserializeOwned>(
    source: &mut Source,
    node: &Yaml,
    name: &str,
    words: &[&str],
) -> Option<T> {
    let given = text(source, node, &format!("`{name}`"))?;
    let read = serde_json::from_value(serde_json::Value::String(given.clone())).ok();
    if read.is_none() || !words.contains(&given.as_str()) {
        let help = did_you_mean(&given, words.iter().copied());
        source.error(node.place, format!("`{given}` is no {name}"), help);
        return None;
    }
    read
}

fn keys<T>(
    source: &mut Source,
    node: Option<&Yaml>,
    what: &str,
    known: &BTreeMap<String, T>,
) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let items = list(source, node, "this");
    if items.is_empty() && source.diagnostics.is_empty() {
        source.error(node.place, format!("name at least one {what}"), None);
    }
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for item in items {
        let Some(id) = text(source, item, what) else {
            continue;
        };
        if !known.contains_key(&id) {
            let help = did_you_mean(&id, known.keys().map(String::as_str));
            source.error(item.place, format!("there is no {what} `{id}`"), help);
        } else if !seen.insert(id.clone()) {
            source.error(item.place, format!("`{id}` is named twice"), None);
        } else {
            read.push(id);
        }
    }
    read
}

fn params(source: &mut Source, fields: &mut Fields<'_>) -> BTreeMap<String, serde_json::Value> {
    let Some(node) = fields.optional("params") else {
        return BTreeMap::new();
    };
    let Value::Map(entries) = &node.value else {
        source.error(node.place, "`params` must be a mapping", None);
        return BTreeMap::new();
    };
    let mut read = BTreeMap::new();
    for (key, value) in entries {
        let identifier = key
            .text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && key.text.starts_with(|c: char| c.is_ascii_lowercase());
        if !identifier {
            source.error(key.place, "a parameter's name is snake_case", None);
        }
        read.insert(key.text.clone(), value.to_json());
    }
    read
}

fn references(source: &mut Source, fields: &mut Fields<'_>) -> Vec<String> {
    let node = fields.required("references");
    node.map(|node| addresses(source, node)).unwrap_or_default()
}

pub(crate) fn addresses(source: &mut Source, node: &Yaml) -> Vec<String> {
    let items = list(source, node, "`references`");
    if items.is_empty() {
        source.error(node.place, "name at least one reference", None);
    }
    let mut read = Vec::new();
    for item in items {
        let Some(url) = text(source, item, "a reference") else {
            continue;
        };
        if !url.starts_with("https://") || url.chars().any(char::is_whitespace) {
            source.error(item.place, "a reference is an https:// address", None);
        }
        read.push(url);
    }
    read
}

fn resource_type(source: &mut Source, node: &Yaml, name: &str) -> Option<u16> {
    let found = type_number(name);
    if found.is_none() {
        let help = did_you_mean(name, type_names());
        source.error(
            node.place,
            format!("there is no resource type `{name}`"),
            help,
        );
    }
    found
}

fn fix(
    source: &mut Source,
    node: &Yaml,
    of: Option<u16>,
    named: &mut BTreeMap<String, Vec<String>>,
) -> Fix {
    let Some(mut fields) = Fields::of(source, node, "`fix`") else {
        return Fix::default();
    };
    let mut part = |source: &mut Source, name: &'static str| {
        let node = fields.optional(name)?;
        let read = text(source, node, name)?;
        if let Some(of) = of {
            placeholders(source, node, &read, of, named);
        }
        Some(read)
    };
    let fix = Fix {
        cli: part(source, "cli"),
        terraform: part(source, "terraform"),
        console: part(source, "console"),
    };
    if fix == Fix::default() {
        source.error(
            node.place,
            "say how to mend it: cli, terraform or console",
            None,
        );
    }
    fields.finish(source);
    fix
}

/// Checks `{resource.name}` and the like. Other braces are left alone: CLI commands and Terraform
/// are full of them.
fn placeholders(
    source: &mut Source,
    node: &Yaml,
    text: &str,
    of: u16,
    named: &mut BTreeMap<String, Vec<String>>,
) {
    let mut rest = text;
    let mut offset = 0;
    while let Some(at) = rest.find("{resource.") {
        let start = offset + at + 1;
        let after = &text[start..];
        let Some(length) = after.find('}') else {
            source.error_within(node, start - 1, 1, "this placeholder is not closed", None);
            return;
        };
        let path = &after[..length];
        match placeholder(path, of) {
            Ok((field, sources)) => {
                named.insert(field, sources);
            }
            Err(message) => source.error_within(node, start, length, message.0, message.1),
        }
        offset = start + length;
        rest = &text[offset..];
    }
}

/// The field that a placeholder names and the operations that fill it, or what is wrong with it.
fn placeholder(path: &str, of: u16) -> Result<(String, Vec<String>), (String, Option<String>)> {
    let mut ty = Ty::Object(ObjectId { of, object: 0 });
    let mut sources = expr::schema(of)
        .map(|schema| schema.sources.clone())
        .unwrap_or_default();
    let names: Vec<&str> = path.split('.').skip(1).collect();
    for name in &names {
        ty = match ty.some() {
            Ty::Object(object) => {
                let object = object.get();
                match object.field(name) {
                    Some((_, field)) => {
                        if !field.sources.is_empty() {
                            sources.clone_from(&field.sources);
                        }
                        field.ty.clone()
                    }
                    None => {
                        let names = object.fields.iter().map(|field| field.name.as_str());
                        return Err((
                            format!("{} has no field `{name}`", object.name),
                            did_you_mean(name, names),
                        ));
                    }
                }
            }
            other => return Err((format!("{other} has no field `{name}`"), None)),
        };
    }
    match ty.some() {
        Ty::String | Ty::Int | Ty::Double | Ty::Bool | Ty::Timestamp | Ty::Dyn => {
            Ok((names.join("."), sources))
        }
        other => Err((format!("{other} is no text to put into a fix"), None)),
    }
}

fn program(
    source: &mut Source,
    node: &Yaml,
    of: u16,
    params: &Params,
    wanted: &Ty,
) -> Option<Program> {
    let Some(text) = scalar(node) else {
        source.error(node.place, "an expression must be text", None);
        return None;
    };
    match Program::compile(&text, of, params, wanted) {
        Ok(program) => Some(program),
        Err(mistakes) => {
            for mistake in mistakes {
                source.error_within(
                    node,
                    mistake.offset,
                    mistake.length,
                    mistake.message,
                    mistake.help,
                );
            }
            None
        }
    }
}

fn cases(source: &mut Source, node: &Yaml, of: u16) -> Vec<Case> {
    let mut read = Vec::new();
    let mut names = BTreeSet::new();
    for item in list(source, node, "`cases`") {
        let Some(mut fields) = Fields::of(source, item, "a case") else {
            continue;
        };
        let name = required_text(source, &mut fields, "name");
        let expect: Option<Status> = choice(
            source,
            &mut fields,
            "expect",
            &["pass", "fail", "unknown", "not_applicable"],
        );
        let resource = fields.required("resource");
        let others = fields.optional("others");
        let unlisted = fields.optional("unlisted");
        fields.finish(source);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            source.error(item.place, format!("two cases are called `{name}`"), None);
        }
        if let Some(resource) = resource {
            case::validate(source, resource, Some(of));
        }
        let mut other_values = Vec::new();
        if let Some(others) = others {
            for other in list(source, others, "`others`") {
                case::validate(source, other, None);
                other_values.push(other.to_json());
            }
        }
        let mut unlisted_types = Vec::new();
        if let Some(unlisted) = unlisted {
            for kind in list(source, unlisted, "`unlisted`") {
                if let Some(name) = text(source, kind, "a resource type") {
                    resource_type(source, kind, &name);
                    unlisted_types.push(name);
                }
            }
        }
        if let (Some(name), Some(expect), Some(resource)) = (name, expect, resource) {
            read.push(Case {
                name,
                expect,
                resource: resource.to_json(),
                others: other_values,
                unlisted: unlisted_types,
            });
        }
    }
    read
}

fn enough_cases(
    source: &mut Source,
    tree: &Yaml,
    node: Option<&Yaml>,
    compiled: &Compiled,
    cases: &[Case],
) {
    let place = node.map_or(tree.place, |node| node.place);
    let has = |status| cases.iter().any(|case| case.expect == status);
    for status in [Status::Pass, Status::Fail] {
        if !has(status) {
            let message = format!("no case shows a {}", status.as_str());
            source.error(place, message, None);
        }
    }
    if let Some(field) = compiled.needs_unknown_case()
        && !has(Status::Unknown)
    {
        source.error(
            place,
            format!("no case shows `unknown`, and {field} may be unreadable"),
            Some(
                "add a case with `{unavailable: access_denied}`, or with `unlisted` for a look-up"
                    .to_owned(),
            ),
        );
    }
}

/// Reads the text of all frameworks.
pub(crate) fn framework<T: DeserializeOwned>(
    content: &serde_json::Value,
    id: fn(&T) -> &str,
) -> Result<BTreeMap<String, T>, serde_json::Error> {
    let entries: Vec<T> = serde_json::from_value(content.clone())?;
    Ok(entries
        .into_iter()
        .map(|entry| (id(&entry).to_owned(), entry))
        .collect())
}
