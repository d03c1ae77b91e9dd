//! One page a check.

use std::collections::{BTreeMap, BTreeSet};

use posture_catalog::{Check, Frameworks, Status};

use super::markdown::{anchor, block, code, codes, count, head, prose, row};
use crate::Error;
use crate::operations::Operations;

/// Where these two are described; they have no address for each part.
pub(crate) const SERVERLESS_LENS: &str =
    "https://docs.aws.amazon.com/wellarchitected/latest/serverless-applications-lens/welcome.html";
pub(crate) const OWASP_SERVERLESS: &str = "https://owasp.org/www-project-serverless-top-10/";

pub(crate) fn page(
    check: &Check,
    frameworks: &Frameworks,
    operations: &Operations,
) -> Result<String, Error> {
    let meta = &check.meta;
    let mut text = super::marker(&code(&check.file));
    text.push_str(&format!("# {}\n\n", prose(&meta.title)));
    text.push_str(&head(&["", ""]));
    let file = format!("[{}](../../{})", code(&check.file), check.file);
    let resource = match &meta.resource {
        Some(name) => format!("[{}](../model.md#{})", code(name), anchor(name)),
        None => "none: a question for a person".to_owned(),
    };
    text.push_str(&row(&["Id", &code(meta.id.as_str())]));
    text.push_str(&row(&["Severity", meta.severity.as_str()]));
    text.push_str(&row(&["Confidence", confidence(check)]));
    text.push_str(&row(&["Resource", &resource]));
    text.push_str(&row(&["Source", &file]));

    text.push_str(&format!("\n{}\n", prose(&meta.risk)));

    if let Some(question) = &meta.manual {
        text.push_str(&format!("\n## The question\n\n{}\n", prose(question)));
    } else {
        rule(check, &mut text);
    }
    fix(check, &mut text);
    if !check.is_manual() {
        reads(check, operations, &mut text)?;
    }
    keyed_to(check, frameworks, &mut text);
    cases(check, &mut text);
    if !meta.references.is_empty() {
        text.push_str("\n## References\n\n");
        for reference in &meta.references {
            text.push_str(&format!("- <{reference}>\n"));
        }
    }
    Ok(text)
}

fn confidence(check: &Check) -> &'static str {
    use posture_catalog::Confidence;
    match check.meta.confidence {
        Confidence::High => "high: the configuration says so",
        Confidence::Medium => "medium: usually right",
        Confidence::Low => "low: often a matter of context",
    }
}

fn rule(check: &Check, text: &mut String) {
    let meta = &check.meta;
    text.push_str("\n## The rule\n");
    let applies = meta.applies.as_ref().map(|applies| {
        (
            "It applies to a resource, and is `not_applicable` otherwise, where:",
            applies,
        )
    });
    let pass = meta
        .pass
        .as_ref()
        .map(|pass| ("A resource passes where:", pass));
    let evidence = meta
        .evidence
        .as_ref()
        .map(|evidence| ("A finding shows:", evidence));
    for (says, expression) in [applies, pass, evidence].into_iter().flatten() {
        text.push_str(&format!("\n{says}\n\n{}", block("cel", expression)));
    }
    if !meta.params.is_empty() {
        text.push_str("\nConstants, which a configuration file can override:\n\n");
        text.push_str(&head(&["Constant", "Value"]));
        for (name, value) in &meta.params {
            text.push_str(&row(&[
                code(&format!("params.{name}")),
                code(&value.to_string()),
            ]));
        }
    }
}

fn fix(check: &Check, text: &mut String) {
    let fix = &check.meta.fix;
    text.push_str("\n## How to mend it\n");
    if let Some(cli) = &fix.cli {
        text.push_str(&format!("\nAWS CLI:\n\n{}", block("sh", cli)));
    }
    if let Some(terraform) = &fix.terraform {
        text.push_str(&format!("\nTerraform:\n\n{}", block("hcl", terraform)));
    }
    if let Some(console) = &fix.console {
        text.push_str(&format!("\nConsole: {}\n", prose(console)));
    }
    let parts = [&fix.cli, &fix.terraform, &fix.console];
    if parts
        .into_iter()
        .flatten()
        .any(|part| part.contains("{resource."))
    {
        text.push_str("\nA finding fills in `{resource.name}` and the like.\n");
    }
}

fn reads(check: &Check, operations: &Operations, text: &mut String) -> Result<(), Error> {
    let facts = check.facts();
    text.push_str("\n## What it reads\n\n");
    let actions = |sources: &[String]| -> Result<String, Error> {
        let mut actions = BTreeSet::new();
        for source in sources {
            actions.insert(operations.action(source)?);
        }
        Ok(codes(actions))
    };
    text.push_str(&head(&["Field", "Operation", "IAM action"]));
    let own = check.meta.resource.as_deref().unwrap_or_default();
    let none = BTreeMap::new();
    let mut types: Vec<(&str, &BTreeMap<String, Vec<String>>)> = vec![(own, &facts.fields)];
    for name in &facts.lookups {
        if name != own {
            types.push((name, facts.others.get(name).unwrap_or(&none)));
        }
    }
    for (name, fields) in types {
        let listing = listing(name);
        text.push_str(&row(&[
            format!("the list of {}", code(name)),
            codes(&listing),
            actions(&listing)?,
        ]));
        for (field, sources) in fields {
            // What comes with the listing needs no line of its own.
            let own_call: Vec<String> = sources
                .iter()
                .filter(|source| !listing.contains(source))
                .cloned()
                .collect();
            let path = match name == own {
                true => format!("resource.{field}"),
                false => format!("{name}: {field}"),
            };
            let (calls, needs) = match own_call.is_empty() {
                // Tags have no source in the schema: some services list them, others are asked.
                true if field == "tags" => (
                    "with the list, or a call for tags".to_owned(),
                    String::new(),
                ),
                true => ("with the list".to_owned(), String::new()),
                false => (codes(&own_call), actions(&own_call)?),
            };
            text.push_str(&row(&[code(&path), calls, needs]));
        }
    }
    text.push_str(
        "\nWhat could not be read makes the verdict `unknown` unless the rest decides it.\n",
    );
    Ok(())
}

/// The operations whose success lists a type.
fn listing(name: &str) -> Vec<String> {
    posture_model::find_type(name)
        .map(|info| super::model::sources(info.schema().as_value()))
        .unwrap_or_default()
}

fn keyed_to(check: &Check, frameworks: &Frameworks, text: &mut String) {
    let meta = &check.meta;
    text.push_str("\n## Practices\n\n");
    for id in &meta.practices {
        let says = frameworks
            .practices
            .get(id)
            .map(|practice| &practice.practice);
        text.push_str(&item(
            &format!("[{id}](README.md#by-practice)"),
            says.map_or("", |says| says),
        ));
    }
    let mut lines = String::new();
    for id in &meta.well_architected {
        if let Some(practice) = frameworks.well_architected.get(id) {
            lines.push_str(&format!(
                "- Well-Architected [{id}]({}): {} ({}, {})\n",
                practice.url,
                prose(&practice.title),
                prose(&practice.pillar),
                prose(&practice.question),
            ));
        }
    }
    for id in &meta.serverless_lens {
        if let Some(question) = frameworks.serverless_lens.get(id) {
            lines.push_str(&item(
                &format!("Serverless Lens [{id}]({SERVERLESS_LENS})"),
                &question.question,
            ));
        }
    }
    for id in &meta.owasp_serverless {
        if let Some(category) = frameworks.owasp_serverless.get(id) {
            lines.push_str(&item(
                &format!("OWASP Serverless [{}]({OWASP_SERVERLESS})", category.code),
                &category.name,
            ));
        }
    }
    if !lines.is_empty() {
        text.push_str(&format!("\n## Frameworks\n\n{lines}"));
    }
}

fn item(head: &str, says: &str) -> String {
    format!("- {head}: {}\n", prose(says))
}

fn cases(check: &Check, text: &mut String) {
    let cases = &check.meta.cases;
    if cases.is_empty() {
        return;
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        *counts.entry(case.expect.as_str()).or_default() += 1;
    }
    let order = [
        Status::Pass,
        Status::Fail,
        Status::Unknown,
        Status::NotApplicable,
    ];
    let counts: Vec<String> = order
        .iter()
        .filter_map(|status| {
            let number = counts.get(status.as_str())?;
            Some(format!("{number} {}", code(status.as_str())))
        })
        .collect();
    text.push_str(&format!(
        "\n## Cases\n\n{}: {}.\n\n",
        count(cases.len(), "case"),
        counts.join(", ")
    ));
    text.push_str(&head(&["Case", "Verdict"]));
    for case in cases {
        text.push_str(&row(&[prose(&case.name), code(case.expect.as_str())]));
    }
}
