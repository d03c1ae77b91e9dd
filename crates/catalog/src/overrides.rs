//! What an organization wants otherwise about checks: said in its configuration, not by editing their files.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expr::{self, Params};
use crate::load;
use crate::source::{Fields, Source};
use crate::yaml::{Value, Yaml};
use crate::{Catalog, Check, CheckKind, digest};

/// Changes to checks, by their ids, as somebody wrote them down.
#[derive(Debug, Clone)]
pub struct Overrides {
    source: Source,
    tree: Yaml,
}

impl Overrides {
    /// Of a mapping from check ids to what is to be changed: `severity`, `title`, `references`, `params` and
    /// `enabled`. It is looked at when it is applied: only then is it known which checks there are.
    pub fn new(source: Source, tree: Yaml) -> Self {
        Self { source, tree }
    }

    pub(crate) fn apply(&self, catalog: Catalog) -> Result<Catalog, Vec<Diagnostic>> {
        let mut source = self.source.clone();
        source.diagnostics.clear();
        let Value::Map(entries) = &self.tree.value else {
            source.error(self.tree.place, "`overrides` must be a table", None);
            return Err(source.diagnostics);
        };
        let Catalog {
            checks,
            mut disabled,
            frameworks,
            ..
        } = catalog;
        let mut checks: BTreeMap<String, Check> = checks
            .into_iter()
            .map(|check| (check.meta.id.as_str().to_owned(), check))
            .collect();
        let ids: Vec<String> = checks.keys().cloned().collect();
        for (id, node) in entries {
            let Some(mut check) = checks.remove(&id.text) else {
                let help = did_you_mean(&id.text, ids.iter().map(String::as_str));
                let help = help.unwrap_or_else(|| "posture checks list shows them all".to_owned());
                source.error(id.place, format!("there is no check `{}`", id.text), help);
                continue;
            };
            if change(&mut source, node, &mut check) {
                checks.insert(id.text.clone(), check);
            } else {
                let place = format!("{}:{}", source.file(), source.line(id.place));
                disabled.push((check, place));
            }
        }
        if !source.diagnostics.is_empty() {
            source.diagnostics.sort();
            return Err(source.diagnostics);
        }
        let checks: Vec<Check> = checks.into_values().collect();
        Ok(Catalog {
            digest: digest(&checks)?,
            checks,
            disabled,
            frameworks,
        })
    }
}

/// Changes one check, and says whether it is still to be run.
fn change(source: &mut Source, node: &Yaml, check: &mut Check) -> bool {
    let Some(mut fields) = Fields::of(source, node, "what is to be changed") else {
        return true;
    };
    let severity = fields.optional("severity");
    let title = fields.optional("title");
    let references = fields.optional("references");
    let params = fields.optional("params");
    let enabled = fields.optional("enabled");
    fields.finish(source);

    let meta = &mut check.meta;
    if let Some(node) = severity
        && let Some(read) = load::word(source, node, "severity", &load::SEVERITIES)
    {
        meta.severity = read;
    }
    if let Some(node) = title
        && let Some(read) = load::title(source, node)
    {
        meta.title = read;
    }
    if let Some(node) = references {
        meta.references = load::addresses(source, node);
    }
    if let Some(node) = params {
        change_params(source, node, check);
    }
    match enabled.map(|node| (&node.value, node.place)) {
        None | Some((Value::Bool(true), _)) => true,
        Some((Value::Bool(false), _)) => false,
        Some((_, place)) => {
            source.error(place, "`enabled` must be true or false", None);
            true
        }
    }
}

/// Changes constants. Each keeps its type, so that what was compiled over it still holds.
fn change_params(source: &mut Source, node: &Yaml, check: &mut Check) {
    let Value::Map(entries) = &node.value else {
        source.error(node.place, "`params` must be a table", None);
        return;
    };
    let params = &mut check.meta.params;
    for (name, value) in entries {
        let Some(old) = params.get(&name.text) else {
            let message = format!("`{}` has no parameter `{}`", check.meta.id, name.text);
            let help = did_you_mean(&name.text, params.keys().map(String::as_str));
            source.error(name.place, message, help);
            continue;
        };
        match expr::in_place_of(old, value.to_json()) {
            Ok(new) => {
                params.insert(name.text.clone(), new);
            }
            Err(wanted) => {
                let message = format!("`{}` is of type {wanted}, such as {old}", name.text);
                source.error(value.place, message, None);
            }
        }
    }
    if let CheckKind::Rule(compiled) = &mut check.kind {
        compiled.params = Params::new(params);
    }
}
