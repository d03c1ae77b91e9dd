//! The index of all checks, by service and by what they are keyed to.

use std::collections::BTreeMap;

use posture_catalog::{Assessable, Catalog, Check};

use super::check::{OWASP_SERVERLESS, SERVERLESS_LENS};
use super::markdown::{anchor, code, count, head, prose, row};

pub(crate) fn page(catalog: &Catalog) -> String {
    let checks = catalog.checks();
    let mut services: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in checks {
        services.entry(service(check)).or_default().push(check);
    }
    let practices = keyed(checks, |check| &check.meta.practices);
    let all = &catalog.frameworks().practices;
    let covered = all.keys().filter(|id| practices.contains_key(id.as_str()));
    let asked = practices.values().filter(|checks| only_asked(checks));
    let manual = checks.iter().filter(|check| check.is_manual()).count();

    let mut text = super::marker("`checks/`");
    text.push_str(&format!(
        "# Checks\n\n{} ({manual} of them questions for a person) over {}; {} of {} practices covered, {} \
         of them by questions alone. \
         What expressions can use is in [expressions.md](expressions.md), what they can read in \
         [model.md](../model.md).\n",
        count(checks.len(), "check"),
        count(services.len(), "service"),
        covered.count(),
        all.len(),
        asked.count(),
    ));
    by_service(&services, &mut text);
    by_practice(catalog, &practices, &mut text);
    frameworks(catalog, &mut text);
    text
}

/// The folder that a check is in, which is its service.
fn service(check: &Check) -> &str {
    check.file.split('/').nth(1).unwrap_or("other")
}

/// Checks by the ids that they name.
fn keyed(checks: &[Check], ids: impl Fn(&Check) -> &Vec<String>) -> BTreeMap<&str, Vec<&Check>> {
    let mut keyed: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in checks {
        for id in ids(check) {
            keyed.entry(id).or_default().push(check);
        }
    }
    keyed
}

fn link(check: &Check) -> String {
    let id = check.meta.id.as_str();
    format!("[{id}]({id}.md)")
}

/// Whether nothing but questions for a person covers what these checks are keyed to.
fn only_asked(checks: &[&Check]) -> bool {
    checks.iter().all(|check| check.is_manual())
}

fn links(checks: Option<&Vec<&Check>>) -> String {
    let links: Vec<String> = checks
        .into_iter()
        .flatten()
        .map(|check| match check.is_manual() {
            true => format!("{} (a question)", link(check)),
            false => link(check),
        })
        .collect();
    links.join(", ")
}

fn by_service(services: &BTreeMap<&str, Vec<&Check>>, text: &mut String) {
    text.push_str("\n## By service\n\n");
    let contents: Vec<String> = services
        .iter()
        .map(|(name, checks)| format!("[{name}](#{}) {}", anchor(name), checks.len()))
        .collect();
    text.push_str(&format!("{}\n", contents.join(" · ")));
    for (name, checks) in services {
        text.push_str(&format!("\n### {name}\n\n"));
        text.push_str(&head(&["Check", "Title", "Severity", "Resource"]));
        let mut checks = checks.clone();
        checks.sort_by_key(|check| (std::cmp::Reverse(check.meta.severity), &check.meta.id));
        for check in checks {
            let resource = match &check.meta.resource {
                Some(name) => code(name),
                None => "a question".to_owned(),
            };
            text.push_str(&row(&[
                link(check),
                prose(&check.meta.title),
                check.meta.severity.as_str().to_owned(),
                resource,
            ]));
        }
    }
}

fn by_practice(catalog: &Catalog, practices: &BTreeMap<&str, Vec<&Check>>, text: &mut String) {
    text.push_str("\n## By practice\n\n");
    text.push_str(&head(&["Practice", "What it says", "Checks"]));
    let mut open = Vec::new();
    for (id, practice) in &catalog.frameworks().practices {
        let checks = practices.get(id.as_str());
        let cell = match checks {
            Some(_) => links(checks),
            None => "not covered".to_owned(),
        };
        if checks.is_none() {
            open.push((id, practice));
        }
        text.push_str(&row(&[code(id), prose(&practice.practice), cell]));
    }
    text.push_str("\n### Not covered\n\n");
    if open.is_empty() {
        text.push_str("Every practice has a check.\n");
        return;
    }
    text.push_str(&format!(
        "No check covers {}:\n\n",
        count(open.len(), "practice")
    ));
    for (id, practice) in open {
        text.push_str(&format!("- {}: {}\n", code(id), prose(&practice.practice)));
    }
}

fn frameworks(catalog: &Catalog, text: &mut String) {
    let checks = catalog.checks();
    let frameworks = catalog.frameworks();
    let none = || "none".to_owned();

    text.push_str(&format!(
        "\n## By OWASP category\n\nThe [OWASP Serverless Top 10]({OWASP_SERVERLESS}), and what configuration \
         can show of each category.\n\n"
    ));
    text.push_str(&head(&["Category", "Name", "Assessable", "Checks"]));
    let keys = keyed(checks, |check| &check.meta.owasp_serverless);
    // S10 comes after S9.
    let mut categories: Vec<_> = frameworks.owasp_serverless.iter().collect();
    categories.sort_by_key(|(id, _)| (id.len(), *id));
    for (id, category) in categories {
        let assessable = match category.assessable {
            Assessable::Yes => "yes",
            Assessable::Partly => "partly",
            Assessable::No => "no",
        };
        let found = keys.get(id.as_str());
        text.push_str(&row(&[
            code(&category.code),
            prose(&category.name),
            assessable.to_owned(),
            found.map_or_else(none, |found| found.len().to_string()),
        ]));
    }

    text.push_str("\n## By Well-Architected best practice\n\nThose that a check names.\n\n");
    text.push_str(&head(&["Best practice", "Title", "Pillar", "Checks"]));
    for (id, found) in keyed(checks, |check| &check.meta.well_architected) {
        if let Some(practice) = frameworks.well_architected.get(id) {
            text.push_str(&row(&[
                format!("[{id}]({})", practice.url),
                prose(&practice.title),
                prose(&practice.pillar),
                found.len().to_string(),
            ]));
        }
    }

    text.push_str(&format!(
        "\n## By Serverless Lens question\n\nThe [Serverless Applications Lens]({SERVERLESS_LENS}).\n\n"
    ));
    text.push_str(&head(&["Question", "", "Checks"]));
    let keys = keyed(checks, |check| &check.meta.serverless_lens);
    for (id, question) in &frameworks.serverless_lens {
        let found = keys.get(id.as_str());
        text.push_str(&row(&[
            code(id),
            prose(&question.question),
            found.map_or_else(none, |found| found.len().to_string()),
        ]));
    }
}
