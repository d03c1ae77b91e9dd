//! What must hold for every check that is built in.

use std::collections::BTreeSet;
use std::path::Path;

use posture_catalog::{Catalog, run_cases};

fn builtin() -> Catalog {
    Catalog::builtin().unwrap_or_else(|diagnostics| {
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n\n"))
    })
}

#[test]
fn every_case_comes_out_as_it_says() {
    let catalog = builtin();
    let mut wrong = Vec::new();
    for check in catalog.checks() {
        for result in run_cases(check) {
            if let Some(problem) = result.problem {
                wrong.push(format!("{}: case `{}`: {problem}", check.file, result.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files on disk are read by the path that a user's own checks take, with carets and all.
#[test]
fn what_is_embedded_is_what_is_on_disk() {
    let checks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checks");
    let disk = Catalog::load_only(&[checks]).unwrap_or_else(|diagnostics| {
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n\n"))
    });
    let ids = |catalog: &Catalog| -> BTreeSet<String> {
        catalog
            .checks()
            .iter()
            .map(|check| check.meta.id.to_string())
            .collect()
    };
    assert_eq!(ids(&disk), ids(&builtin()));
    assert_eq!(disk.digest(), builtin().digest());
}

#[test]
fn frameworks_are_whole() {
    let catalog = builtin();
    let frameworks = catalog.frameworks();
    assert_eq!(frameworks.well_architected.len(), 307);
    assert_eq!(frameworks.serverless_lens.len(), 9);
    assert_eq!(frameworks.owasp_serverless.len(), 10);
    assert!(frameworks.practices.len() > 150);
    for practice in frameworks.well_architected.values() {
        assert!(practice.url.starts_with("https://"), "{}", practice.id);
        assert!(
            practice.id.starts_with(&practice.question_id),
            "{}",
            practice.id
        );
    }
}

/// `explain`, evidence and permissions read from there.
#[test]
fn every_rule_knows_what_it_reads_and_who_tells() {
    let catalog = builtin();
    for check in catalog.checks().iter().filter(|check| !check.is_manual()) {
        let facts = check.facts();
        let id = &check.meta.id;
        assert!(
            !facts.fields.is_empty() || !facts.lookups.is_empty(),
            "{id} reads nothing"
        );
        assert!(!facts.sources.is_empty(), "{id}: no operation tells");
    }
}
