//! What a verdict rests on.

use posture_catalog::{Catalog, Check, ResourceNode, Status, World};
use posture_model::{CheckId, FindingId, Gap};

use crate::EngineError;
use crate::evaluate::{Options, evaluate_input, finding, identity};
use crate::input::Input;
use crate::result::{Evidence, Finding};

/// Characters of a value shown with a finding.
const SHORT: usize = 500;
/// Characters of a value shown when it is asked for.
const LONG: usize = 20_000;

/// What stands before the paths of fields, as in the expressions of checks.
const PREFIX: &str = "resource.";

/// Everything behind one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The finding.
    pub finding: Finding,
    /// The check.
    pub check: CheckId,
    /// Its condition for having anything to say.
    pub applies: Option<String>,
    /// Its rule.
    pub pass: Option<String>,
    /// The fields it reads, with their values in full.
    pub facts: Vec<Fact>,
    /// Types that it looks other resources up in.
    pub lookups: Vec<String>,
    /// All operations that fill what it reads.
    pub operations: Vec<String>,
}

/// One field that a check reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The path, from `resource`.
    pub field: String,
    /// The value as text, or why it could not be read.
    pub value: Result<String, Gap>,
    /// The operations that tell.
    pub source: Vec<String>,
}

/// Explains a finding of any status by its id, waivers aside. `None` when the snapshot and the catalogue have none
/// of that id.
pub fn explain(
    input: &Input,
    catalog: &Catalog,
    id: &FindingId,
) -> Result<Option<Explanation>, EngineError> {
    for check in catalog.checks() {
        let Some(kind) = check.meta.resource.as_deref() else {
            continue;
        };
        for subject in input.part.resources.get(kind).into_iter().flatten() {
            if identity(check, subject).id().as_ref() != Some(id) {
                continue;
            }
            let outcome = check.judge(input.world(), &subject.node);
            let Some(found) = finding(input.world(), check, subject, outcome.status, outcome.gaps)
            else {
                continue;
            };
            return Ok(Some(of(check, found, Some(&subject.node))));
        }
    }
    // Not about a resource: then about a place, or about nothing.
    let unknown = Options {
        keep: [Status::Unknown].into(),
        ..Options::default()
    };
    let evaluation = evaluate_input(input, catalog, &unknown)?;
    for found in evaluation.findings.iter() {
        let found = found.map_err(EngineError::Findings)?;
        if found.id == *id {
            let check = catalog.find(found.check.as_str());
            return Ok(check.map(|check| of(check, found, None)));
        }
    }
    Ok(None)
}

fn of(check: &Check, finding: Finding, node: Option<&ResourceNode>) -> Explanation {
    let facts = check.facts();
    Explanation {
        finding,
        check: check.meta.id.clone(),
        applies: check.meta.applies.clone(),
        pass: check.meta.pass.clone(),
        facts: node.map(|node| read(check, node, LONG)).unwrap_or_default(),
        lookups: facts.lookups.iter().cloned().collect(),
        operations: facts.sources.iter().cloned().collect(),
    }
}

/// The evidence of a finding: the author's sentence, then the fields that were read.
pub(crate) fn evidence(
    world: &World,
    check: &Check,
    node: &ResourceNode,
    status: Status,
) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if matches!(status, Status::Pass | Status::Fail | Status::Waived)
        && let Ok(Some(sentence)) = check.word(world, node)
    {
        evidence.push(Evidence {
            field: "summary".to_owned(),
            value: sentence,
            source: check.facts().sources.iter().cloned().collect(),
        });
    }
    // What could not be read is among the finding's gaps.
    evidence.extend(read(check, node, SHORT).into_iter().filter_map(|fact| {
        Some(Evidence {
            field: fact.field,
            value: fact.value.ok()?,
            source: fact.source,
        })
    }));
    evidence
}

/// The fields that a check reads, each once, the most exact paths only.
fn read(check: &Check, node: &ResourceNode, limit: usize) -> Vec<Fact> {
    let mut read: Vec<Fact> = Vec::new();
    for (path, source) in &check.facts().shown {
        let Some((walked, value)) = node.field_text(path, limit) else {
            continue;
        };
        let Some(shown) = path.get(..walked) else {
            continue;
        };
        // Several paths may end at the same list, or at the same null.
        if walked < path.len() && read.iter().any(|fact| fact.field[PREFIX.len()..] == *shown) {
            continue;
        }
        read.push(Fact {
            field: [PREFIX, shown].concat(),
            value,
            source: source.clone(),
        });
    }
    read
}
