//! The file that waivers stand in.

use std::collections::BTreeMap;

use posture_catalog::document::{Fields, Source, Value, Yaml, list, text};
use posture_catalog::{Catalog, Diagnostic};
use posture_model::{AccountId, CheckId, Region, Tags, Timestamp};

use super::{Waiver, Waivers};

/// Reads every entry; what is wrong with any of them is said where it is.
pub(super) fn read(
    file: &str,
    content: &str,
    catalog: &Catalog,
) -> Result<Waivers, Vec<Diagnostic>> {
    let (mut source, tree) = Source::parse(file, content);
    let Some(tree) = tree else {
        return Err(source.diagnostics);
    };
    let mut waivers = Vec::new();
    // A file of comments alone waives nothing.
    if tree.value != Value::Null
        && let Some(mut fields) = Fields::of(&mut source, &tree, "a file of waivers")
    {
        // `waivers:` with nothing below it, or nothing but comments, is an empty list.
        let named = matches!(&tree.value, Value::Map(keys) if keys.iter().any(|(key, _)| key.text == "waivers"));
        let entries = match named {
            true => fields.optional("waivers"),
            false => fields.required("waivers"),
        };
        fields.finish(&mut source);
        for entry in entries.map_or(&[][..], |node| list(&mut source, node, "`waivers`")) {
            waivers.extend(waiver(&mut source, entry, catalog));
        }
    }
    if source.diagnostics.is_empty() {
        return Ok(Waivers::new(waivers));
    }
    source.diagnostics.sort();
    Err(source.diagnostics)
}

fn waiver(source: &mut Source, node: &Yaml, catalog: &Catalog) -> Option<Waiver> {
    let mut fields = Fields::of(source, node, "a waiver")?;
    let check = fields.required("check");
    let resource = fields.required("resource");
    let account = fields.optional("account");
    let region = fields.optional("region");
    let tags = fields.optional("tags");
    let [reason, owner, ticket] = ["reason", "owner", "ticket"].map(|name| fields.required(name));
    let expires = fields.required("expires");
    fields.finish(source);

    let check = check.and_then(|node| self::check(source, node, catalog));
    let resource = resource.and_then(|node| text(source, node, "`resource`"));
    let account = account.map(|node| {
        let read = written(source, node, "`account`")?;
        parsed(source, node, AccountId::new(read))
    });
    let region = region.map(|node| {
        let read = text(source, node, "`region`")?;
        parsed(source, node, Region::new(read))
    });
    let tags = tags.map_or_else(|| Some(Tags::new()), |node| self::tags(source, node));
    let mut word = |node: Option<&Yaml>, name: &str| {
        written(source, node?, &format!("`{name}`")).filter(|text| !text.is_empty())
    };
    let (reason, owner) = (word(reason, "reason"), word(owner, "owner"));
    let ticket = word(ticket, "ticket");
    let expires = expires.and_then(|node| self::expires(source, node));
    Some(Waiver {
        check: check?,
        resource: resource?,
        // Given and wrong is another thing than not given.
        account: account.map_or(Some(None), |read| read.map(Some))?,
        region: region.map_or(Some(None), |read| read.map(Some))?,
        tags: tags?,
        reason: reason?,
        owner: owner?,
        ticket: ticket?,
        expires: expires?,
        source: format!("{}:{}", source.file(), source.line(node.place)),
    })
}

fn check(source: &mut Source, node: &Yaml, catalog: &Catalog) -> Option<CheckId> {
    let id = text(source, node, "`check`")?;
    // One that is switched off finds nothing to cover, and may be switched on again.
    let Some((found, _)) = catalog.find_any(&id) else {
        let help = catalog
            .closest_id(&id)
            .map(|near| format!("did you mean `{near}`?"));
        let help = help.unwrap_or_else(|| "posture checks list shows them all".to_owned());
        source.error(node.place, format!("there is no check `{id}`"), help);
        return None;
    };
    if found.is_manual() {
        let message = format!("`{id}` is a question for a person: it never fails");
        source.error(node.place, message, None);
        return None;
    }
    Some(found.meta.id.clone())
}

/// Text, or what YAML takes for something else and a person meant as text: an account id, a ticket's number.
fn written(source: &mut Source, node: &Yaml, what: &str) -> Option<String> {
    match &node.value {
        Value::Int(_) | Value::Float(_) => source.written(node.place),
        _ => text(source, node, what),
    }
}

fn parsed<T, E: std::fmt::Display>(
    source: &mut Source,
    node: &Yaml,
    read: Result<T, E>,
) -> Option<T> {
    read.map_err(|error| source.error(node.place, error.to_string(), None))
        .ok()
}

fn tags(source: &mut Source, node: &Yaml) -> Option<Tags> {
    let Value::Map(entries) = &node.value else {
        source.error(node.place, "`tags` must be a mapping", None);
        return None;
    };
    let mut tags = BTreeMap::new();
    for (key, value) in entries {
        let read = match &value.value {
            // A tag may have an empty value; a key with nothing after it is rather a slip.
            Value::Text(text) => text.clone(),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => source.written(value.place)?,
            Value::Null | Value::List(_) | Value::Map(_) => {
                source.error(value.place, "a tag's value must be text", None);
                return None;
            }
        };
        tags.insert(key.text.clone(), read);
    }
    Some(tags)
}

/// A day, through whose end in UTC the waiver is in force, or a moment.
fn expires(source: &mut Source, node: &Yaml) -> Option<Timestamp> {
    let read = match &node.value {
        Value::Text(text) => {
            Timestamp::parse(&format!("{text}T23:59:59Z")).or_else(|| Timestamp::parse(text))
        }
        _ => None,
    };
    if read.is_none() {
        source.error(
            node.place,
            "`expires` is no date",
            "give a day, such as 2026-12-31, or a time, such as 2026-12-31T12:00:00Z".to_owned(),
        );
    }
    read
}
