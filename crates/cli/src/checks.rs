//! `posture checks`: the catalogue, for people and for CI.

use std::path::PathBuf;

use comfy_table::{ContentArrangement, Table, presets};
use posture_catalog::{Catalog, Check, run_cases};
use serde_json::{Value, json};

use crate::args::{CatalogArgs, ChecksCommand, ListFormat, SelectArgs};
use crate::evaluate::{load_catalog, unknown_check, width};
use crate::exit::{Failure, OK, USAGE};

pub(crate) fn run(command: &ChecksCommand) -> Result<u8, Failure> {
    match command {
        ChecksCommand::List { output, select } => list(*output, select),
        ChecksCommand::Show {
            id,
            output,
            catalog,
        } => show(id, *output, catalog),
        ChecksCommand::Lint { paths } => test(paths, false),
        ChecksCommand::Test { paths } => test(paths, true),
    }
}

fn list(format: ListFormat, select: &SelectArgs) -> Result<u8, Failure> {
    let catalog = load_catalog(&select.catalog)?;
    for id in &select.check {
        catalog
            .find(id)
            .ok_or_else(|| unknown_check(&catalog, id))?;
    }
    let chosen = catalog.checks().iter().filter(|check| {
        let meta = &check.meta;
        (select.check.is_empty() || select.check.iter().any(|id| id == meta.id.as_str()))
            && (select.severity.is_empty() || select.severity.contains(&meta.severity))
            && (select.practice.is_empty()
                || select.practice.iter().any(|p| meta.practices.contains(p)))
    });
    match format {
        ListFormat::Json => {
            let list: Vec<Value> = chosen.map(metadata).collect();
            json_text(&Value::Array(list))
        }
        ListFormat::Table => {
            let mut table = Table::new();
            table
                .load_style(presets::NOTHING)
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(u16::try_from(width().max(60)).unwrap_or(100))
                .set_header(["Severity", "Check", "Practices", "Title"]);
            let mut count = 0;
            for check in chosen {
                count += 1;
                table.add_row([
                    check.meta.severity.as_str(),
                    check.meta.id.as_str(),
                    &check.meta.practices.join(" "),
                    &check.meta.title,
                ]);
            }
            let off = match catalog.disabled().len() {
                0 => String::new(),
                off => format!(", {off} switched off by the configuration"),
            };
            crate::print(&format!("{}\n\n{count} checks{off}\n", table.trim_fmt()))
        }
    }
}

/// What tools may rely on about a check.
fn metadata(check: &Check) -> Value {
    let meta = &check.meta;
    json!({
        "id": meta.id,
        "title": meta.title,
        "severity": meta.severity,
        "confidence": meta.confidence,
        "resource": meta.resource,
        "manual": meta.manual,
        "practices": meta.practices,
        "well_architected": meta.well_architected,
        "owasp_serverless": meta.owasp_serverless,
        "serverless_lens": meta.serverless_lens,
        "params": meta.params,
        "risk": meta.risk,
        "fix": meta.fix,
        "references": meta.references,
        "operations": if check.is_manual() { Vec::new() } else {
            check.facts().sources.iter().cloned().collect::<Vec<_>>()
        },
    })
}

fn show(id: &str, format: ListFormat, args: &CatalogArgs) -> Result<u8, Failure> {
    let catalog = load_catalog(args)?;
    let (check, off) = catalog
        .find_any(id)
        .ok_or_else(|| unknown_check(&catalog, id))?;
    let meta = &check.meta;
    if format == ListFormat::Json {
        let mut value = metadata(check);
        if let Some(object) = value.as_object_mut() {
            object.insert("applies".to_owned(), json!(meta.applies));
            object.insert("pass".to_owned(), json!(meta.pass));
            object.insert("evidence".to_owned(), json!(meta.evidence));
            object.insert("enabled".to_owned(), json!(off.is_none()));
        }
        return json_text(&value);
    }
    let mut text = format!(
        "{}\n{}\n\nseverity    {}\nresource    {}\npractices   {}\nframeworks  {}\n",
        meta.title,
        meta.id,
        meta.severity.as_str(),
        meta.resource
            .as_deref()
            .unwrap_or("none: a question for a person"),
        meta.practices.join(", "),
        [
            meta.well_architected.join(", "),
            meta.owasp_serverless.join(", "),
            meta.serverless_lens.join(", "),
        ]
        .iter()
        .filter(|ids| !ids.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join("; "),
    );
    if let Some(place) = off {
        text.push_str(&format!("\nswitched off by {place}\n"));
    }
    if !meta.params.is_empty() {
        let params = meta.params.iter();
        let lines: Vec<String> = params
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        text.push_str(&format!("\nparams:\n{}\n", indent(&lines.join("\n"))));
    }
    for (name, body) in [
        ("question", &meta.manual),
        ("applies", &meta.applies),
        ("passes", &meta.pass),
        ("fix (AWS CLI)", &meta.fix.cli),
        ("fix (Terraform)", &meta.fix.terraform),
        ("fix (console)", &meta.fix.console),
    ] {
        if let Some(body) = body {
            text.push_str(&format!("\n{name}:\n{}\n", indent(body)));
        }
    }
    text.push_str(&format!("\nrisk:\n{}\n", indent(&meta.risk)));
    text.push_str(&format!(
        "\nreferences:\n{}\n",
        indent(&meta.references.join("\n"))
    ));
    crate::print(&text)
}

fn indent(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn test(paths: &[PathBuf], cases: bool) -> Result<u8, Failure> {
    for path in paths {
        if !path.exists() {
            return Err(Failure::usage(format!("there is no {}", path.display())));
        }
    }
    let loaded = if paths.is_empty() {
        Catalog::builtin().map(|catalog| (catalog, Vec::new()))
    } else {
        Catalog::load_lenient(paths)
    };
    let (catalog, diagnostics) = match loaded {
        Ok((catalog, diagnostics)) => (Some(catalog), diagnostics),
        Err(diagnostics) => (None, diagnostics),
    };
    let mut text = String::new();
    for diagnostic in &diagnostics {
        text.push_str(&format!("{diagnostic}\n\n"));
    }
    let (mut checks, mut ran, mut failed) = (0, 0, 0);
    for check in catalog.iter().flat_map(|catalog| catalog.checks()) {
        checks += 1;
        if !cases {
            continue;
        }
        for result in run_cases(check) {
            ran += 1;
            if let Some(problem) = result.problem {
                failed += 1;
                text.push_str(&format!(
                    "{}: case {:?}: {problem}\n",
                    check.file, result.name
                ));
            }
        }
    }
    let mistakes = diagnostics.len();
    text.push_str(&if cases {
        format!(
            "{checks} checks, {mistakes} mistakes; {} passed, {failed} failed\n",
            ran - failed
        )
    } else {
        format!("{checks} checks, {mistakes} mistakes\n")
    });
    crate::print(&text)?;
    Ok(if mistakes == 0 && failed == 0 {
        OK
    } else {
        USAGE
    })
}

fn json_text(value: &Value) -> Result<u8, Failure> {
    crate::print(&posture_report::json_text(value).map_err(Failure::usage)?)
}
