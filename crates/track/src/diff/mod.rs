//! What changed between two reports.
//!
//! `docs/design/changes.md` has the table that [`judge`] is.

mod json;
mod markdown;
mod shown;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::io;

use posture_model::Timestamp;
use posture_report::Source;
use posture_report::v1::{BySeverity, Finding, Head, Severity};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::index::{Index, Record, Subject};
use crate::names::Names;
use crate::standing::{Blank, Standing, State};

pub use json::render as render_json;
pub use markdown::render as render_markdown;
pub use table::{Options as TableOptions, render as render_table};

/// The version of the format that this build writes.
pub const SCHEMA_VERSION: &str = "1.0";

/// What became of a finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Weak, where before there was no such resource or no verdict.
    New,
    /// Weak again, or no longer accepted: it had been judged, and did not fail.
    Regressed,
    /// It was weak, and the same rule finds it sound.
    Fixed,
    /// It was weak or open, and the resource does not exist any more.
    ResourceGone,
    /// There was a verdict, and now it cannot be reached.
    BecameUnknown,
    /// The verdict is another one, and so is the rule.
    CheckChanged,
    /// One of the reports did not look.
    ScopeChanged,
}

impl Kind {
    /// All kinds, in the order in which one wants to know.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::Regressed,
        Self::Fixed,
        Self::ResourceGone,
        Self::BecameUnknown,
        Self::CheckChanged,
        Self::ScopeChanged,
    ];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regressed => "regressed",
            Self::Fixed => "fixed",
            Self::ResourceGone => "resource_gone",
            Self::BecameUnknown => "became_unknown",
            Self::CheckChanged => "check_changed",
            Self::ScopeChanged => "scope_changed",
        }
    }

    /// The name in prose.
    pub fn title(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Regressed => "Regressed",
            Self::Fixed => "Fixed",
            Self::ResourceGone => "Resource gone",
            Self::BecameUnknown => "Became unknown",
            Self::CheckChanged => "Check changed",
            Self::ScopeChanged => "Scope changed",
        }
    }

    /// What it means, in a line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::New => "weak, and was not there or not decided before",
            Self::Regressed => "weak again, or no longer accepted by a waiver",
            Self::Fixed => "was weak, and the same rule finds it sound",
            Self::ResourceGone => "the resource does not exist any more",
            Self::BecameUnknown => "could be decided before, and cannot now",
            Self::CheckChanged => "the rule is another one: says nothing about the resource",
            Self::ScopeChanged => "one of the two did not look: says nothing about the resource",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a waiver did between the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverChange {
    /// It covers the finding now.
    Began,
    /// It covered the finding, and does not any more.
    Ended,
}

/// A change of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub kind: Kind,
    /// How it stood in the old report.
    pub was: State,
    /// How it stands in the new one.
    pub now: State,
    /// Why a report says nothing, or what else explains the kind.
    pub reason: Option<String>,
    /// What a waiver has to do with it.
    pub waiver: Option<WaiverChange>,
}

/// One of the two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Side {
    /// Id of its scan.
    pub scan: String,
    /// When that scan started.
    pub started_at: Timestamp,
    /// Version of the program that collected.
    pub tool_version: String,
    /// Digest of the checks that judged.
    pub catalog_digest: String,
    /// Version of the report's format.
    pub schema_version: String,
}

impl Side {
    fn of(head: &Head) -> Self {
        Self {
            scan: head.scan.id.clone(),
            started_at: head.scan.started_at,
            tool_version: head.scan.tool.version.clone(),
            catalog_digest: head.scan.tool.catalog_digest.clone(),
            schema_version: head.schema_version.clone(),
        }
    }
}

/// Counts of findings by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Summary {
    /// Version of this format; the first number changes when a reader must change.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    pub schema_version: String,
    /// The old report.
    pub old_report: Side,
    /// The new report.
    pub new_report: Side,
    /// See [`Kind::New`]; likewise the others.
    pub new: u64,
    /// Weak again, or no longer accepted.
    pub regressed: u64,
    /// Sound by the same rule.
    pub fixed: u64,
    /// Weak in both, accepted or not; not listed in `changes`.
    pub unchanged: u64,
    /// Cannot be decided any more.
    pub became_unknown: u64,
    /// Could not be decided, and is not weak now; not listed in `changes`.
    pub became_known: u64,
    /// Could be decided in neither; not listed in `changes`.
    pub still_unknown: u64,
    /// The resource does not exist any more.
    pub resource_gone: u64,
    /// One of the two did not look.
    pub scope_changed: u64,
    /// The rule is another one.
    pub check_changed: u64,
    /// Findings that a waiver covers since.
    pub waivers_began: u64,
    /// Findings that a waiver does not cover any more.
    pub waivers_ended: u64,
    /// New and regressed findings that fail, by severity; what `--fail-on` compares.
    pub failing: BySeverity,
    /// What the reader should know of the comparison itself.
    pub notes: Vec<String>,
}

impl Summary {
    /// The count of a kind.
    pub fn get(&self, kind: Kind) -> u64 {
        match kind {
            Kind::New => self.new,
            Kind::Regressed => self.regressed,
            Kind::Fixed => self.fixed,
            Kind::ResourceGone => self.resource_gone,
            Kind::BecameUnknown => self.became_unknown,
            Kind::CheckChanged => self.check_changed,
            Kind::ScopeChanged => self.scope_changed,
        }
    }

    fn get_mut(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::New => &mut self.new,
            Kind::Regressed => &mut self.regressed,
            Kind::Fixed => &mut self.fixed,
            Kind::ResourceGone => &mut self.resource_gone,
            Kind::BecameUnknown => &mut self.became_unknown,
            Kind::CheckChanged => &mut self.check_changed,
            Kind::ScopeChanged => &mut self.scope_changed,
        }
    }

    /// The worst severity among new and regressed failures.
    pub fn worst(&self) -> Option<Severity> {
        self.failing.worst()
    }
}

/// Two reports, compared. The findings stay where they are and are read again when they are shown.
pub struct Diff<'a> {
    old: &'a dyn Source,
    new: &'a dyn Source,
    summary: Summary,
    /// Changes whose finding the new report lists.
    in_new: HashMap<u128, Verdict>,
    /// Changes whose finding only the old report lists.
    in_old: HashMap<u128, Verdict>,
}

/// What [`Change`] is made of, without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    was: Standing,
    now: Standing,
    waiver: Option<WaiverChange>,
}

/// A finding in both reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Worth telling.
    Changed(Verdict),
    /// Weak in both; a waiver may have begun to cover it.
    Unchanged(Option<WaiverChange>),
    /// Could not be decided, and is not weak now.
    BecameKnown,
    /// Could be decided in neither.
    StillUnknown,
    /// Weak or open in neither.
    Quiet,
}

impl<'a> Diff<'a> {
    /// Compares an old report with a new one. Both are read once.
    pub fn of(old: &'a dyn Source, new: &'a dyn Source) -> io::Result<Self> {
        let mut names = Names::default();
        let before = Index::of(old, &mut names)?;
        let after = Index::of(new, &mut names)?;
        let comparison = Comparison::new(&before, &after, old.head(), new.head(), &names);
        let mut diff = Self {
            old,
            new,
            summary: empty(old.head(), new.head()),
            in_new: HashMap::new(),
            in_old: HashMap::new(),
        };
        for record in &after.records {
            let outcome = comparison.outcome(&record.subject);
            diff.note(record, outcome, true);
        }
        for record in &before.records {
            if after.record(record.subject.id).is_none() {
                let outcome = comparison.outcome(&record.subject);
                diff.note(record, outcome, false);
            }
        }
        diff.summary.notes = comparison.notes();
        Ok(diff)
    }

    /// The counts.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The head of the new report, for the names of its accounts.
    pub(crate) fn heads(&self) -> [&Head; 2] {
        [self.new.head(), self.old.head()]
    }

    /// Shows each change with its finding: as the new report has it, where it lists it, in its order; then
    /// what only the old one lists.
    pub fn each(&self, see: &mut dyn FnMut(&Change, &Finding) -> io::Result<()>) -> io::Result<()> {
        for (source, changes) in [(self.new, &self.in_new), (self.old, &self.in_old)] {
            if changes.is_empty() {
                continue;
            }
            source.each(
                &mut |finding| match changes.get(&crate::index::id(finding.id.as_str())) {
                    Some(verdict) => see(&verdict.worded(), finding),
                    None => Ok(()),
                },
            )?;
        }
        Ok(())
    }

    fn note(&mut self, record: &Record, outcome: Outcome, in_new: bool) {
        let summary = &mut self.summary;
        let waiver = match outcome {
            Outcome::Changed(verdict) => {
                *summary.get_mut(verdict.kind) += 1;
                let fresh = matches!(verdict.kind, Kind::New | Kind::Regressed);
                if fresh && verdict.now == Standing::Fail {
                    *summary.failing.get_mut(record.severity) += 1;
                }
                let changes = if in_new {
                    &mut self.in_new
                } else {
                    &mut self.in_old
                };
                changes.insert(record.subject.id, verdict);
                verdict.waiver
            }
            Outcome::Unchanged(waiver) => {
                summary.unchanged += 1;
                waiver
            }
            Outcome::BecameKnown => {
                summary.became_known += 1;
                None
            }
            Outcome::StillUnknown => {
                summary.still_unknown += 1;
                None
            }
            Outcome::Quiet => None,
        };
        match waiver {
            Some(WaiverChange::Began) => summary.waivers_began += 1,
            Some(WaiverChange::Ended) => summary.waivers_ended += 1,
            None => {}
        }
    }
}

fn empty(old: &Head, new: &Head) -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION.to_owned(),
        old_report: Side::of(old),
        new_report: Side::of(new),
        new: 0,
        regressed: 0,
        fixed: 0,
        unchanged: 0,
        became_unknown: 0,
        became_known: 0,
        still_unknown: 0,
        resource_gone: 0,
        scope_changed: 0,
        check_changed: 0,
        waivers_began: 0,
        waivers_ended: 0,
        failing: BySeverity::default(),
        notes: Vec::new(),
    }
}

/// Two indexed reports, asked finding by finding.
pub(crate) struct Comparison<'a> {
    old: &'a Index,
    new: &'a Index,
    heads: [&'a Head; 2],
    /// Whether both were judged by the same catalogue: a check that one of them lacks was not selected.
    same_catalog: bool,
    names: &'a Names,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(
        old: &'a Index,
        new: &'a Index,
        old_head: &'a Head,
        new_head: &'a Head,
        names: &'a Names,
    ) -> Self {
        let digest = |head: &Head| head.scan.tool.catalog_digest.clone();
        Self {
            old,
            new,
            heads: [old_head, new_head],
            same_catalog: digest(old_head) == digest(new_head),
            names,
        }
    }

    /// What became of a finding that one of the reports lists.
    pub(crate) fn outcome(&self, subject: &Subject) -> Outcome {
        let was = self
            .old
            .standing(subject, self.new.homes(subject, self.names), self.names);
        let now = self
            .new
            .standing(subject, self.old.homes(subject, self.names), self.names);
        judge(was, now, self.rule(subject))
    }

    fn rule(&self, subject: &Subject) -> Rule {
        let digests = (
            self.old.digest(subject.check),
            self.new.digest(subject.check),
        );
        match digests {
            (Some(old), Some(new)) if old == new => Rule::Same,
            // Whether a type could be listed is no matter of the rule.
            (Some(_), Some(_)) if subject.listing => Rule::Same,
            (Some(_), Some(_)) => Rule::Changed,
            _ if self.heads.iter().any(|head| head.is_silent()) => Rule::Untold,
            _ if self.same_catalog => Rule::Unselected,
            _ => Rule::Changed,
        }
    }

    /// What the reader should know of the comparison.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        // That a resource is gone is for the new report alone to say.
        let sides = [("old", "fixed"), ("new", "fixed or gone")];
        for (head, (which, silent)) in self.heads.iter().zip(sides) {
            if head.is_silent() {
                notes.push(format!(
                    "the {which} report has format {}, which does not tell which checks ran and what was \
                     judged: nothing can be called {silent}; write it again with `posture evaluate \
                     SNAPSHOT -o json`",
                    posture_report::clean(&head.schema_version)
                ));
            }
        }
        let [old, new] = self.heads;
        if old.scan.started_at > new.scan.started_at {
            notes.push(
                "the old report is the younger one; they may have been given the wrong way round"
                    .to_owned(),
            );
        }
        if old.scan.tool.version != new.scan.tool.version {
            notes.push(format!(
                "posture {} collected the old report, {} the new one",
                posture_report::clean(&old.scan.tool.version),
                posture_report::clean(&new.scan.tool.version)
            ));
        }
        if !self.same_catalog {
            let changed = self.changed_rules();
            notes.push(format!("the checks are not the same in both: {changed}"));
        }
        notes
    }

    fn changed_rules(&self) -> String {
        let [old, new] = self.heads.map(|head| {
            let rules = head.checks.iter();
            rules
                .map(|run| (run.id.as_str(), run.digest.as_str()))
                .collect::<HashMap<_, _>>()
        });
        let added = new.keys().filter(|id| !old.contains_key(*id)).count();
        let removed = old.keys().filter(|id| !new.contains_key(*id)).count();
        let changed = new
            .iter()
            .filter(|(id, digest)| old.get(*id).is_some_and(|before| before != *digest))
            .count();
        format!(
            "{added} only in the new one, {removed} only in the old one, {changed} with another rule"
        )
    }
}

/// Whether a verdict of the one report can be held against one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Both judged by the same rule.
    Same,
    /// The rules differ, or only one catalogue has the check.
    Changed,
    /// The catalogue is the same, and one of them did not run the check.
    Unselected,
    /// A report does not tell by which rule it judged.
    Untold,
}

/// The table of `docs/design/changes.md`.
pub(crate) fn judge(was: Standing, now: Standing, rule: Rule) -> Outcome {
    let changed = |kind| {
        Outcome::Changed(Verdict {
            kind,
            was,
            now,
            waiver: waiver(was, now),
        })
    };
    let by_rule = |otherwise| match rule {
        Rule::Same | Rule::Unselected => changed(otherwise),
        Rule::Changed => changed(Kind::CheckChanged),
        Rule::Untold => changed(Kind::ScopeChanged),
    };
    let out_of_sight = |blank| match (blank, rule) {
        (Blank::Check | Blank::Type, Rule::Changed) => changed(Kind::CheckChanged),
        _ => changed(Kind::ScopeChanged),
    };
    let open = |standing| matches!(standing, Standing::Unknown | Standing::Unread(_));
    match (was, now) {
        // Weak now.
        (Standing::Waived, Standing::Fail) => changed(Kind::Regressed),
        (was, now) if was.is_weak() && now.is_weak() => Outcome::Unchanged(waiver(was, now)),
        (Standing::Unlooked(Blank::Format), now) if now.is_weak() => changed(Kind::New),
        (Standing::Unlooked(blank), now) if now.is_weak() => out_of_sight(blank),
        (Standing::Gone | Standing::Unread(_), now) if now.is_weak() => changed(Kind::New),
        (Standing::Unknown, now) if now.is_weak() => by_rule(Kind::New),
        (was, now) if was.is_sound() && now.is_weak() => by_rule(Kind::Regressed),
        // Weak before.
        (was, now) if was.is_weak() && now.is_sound() => by_rule(Kind::Fixed),
        (was, Standing::Unknown) if was.is_weak() => match rule {
            Rule::Changed => changed(Kind::CheckChanged),
            _ => changed(Kind::BecameUnknown),
        },
        (was, Standing::Unread(_)) if was.is_weak() => changed(Kind::BecameUnknown),
        (was, Standing::Gone) if was.is_weak() => changed(Kind::ResourceGone),
        (was, Standing::Unlooked(blank)) if was.is_weak() => out_of_sight(blank),
        // Open before, now, or both.
        (was, now) if open(was) && open(now) => match (was, now) {
            (Standing::Unknown, _) | (_, Standing::Unknown) => Outcome::StillUnknown,
            _ => Outcome::Quiet,
        },
        (Standing::Unknown, now) if now.is_sound() => Outcome::BecameKnown,
        (Standing::Unknown, Standing::Gone) => changed(Kind::ResourceGone),
        (Standing::Unknown, Standing::Unlooked(blank)) => out_of_sight(blank),
        (Standing::Unlooked(Blank::Format), Standing::Unknown) => changed(Kind::BecameUnknown),
        (Standing::Unlooked(blank), Standing::Unknown) => out_of_sight(blank),
        (was, Standing::Unknown) if was.is_sound() => match rule {
            Rule::Changed => changed(Kind::CheckChanged),
            _ => changed(Kind::BecameUnknown),
        },
        (_, Standing::Unknown) => changed(Kind::BecameUnknown),
        // Sound, absent or unseen in both: nobody waits for it.
        _ => Outcome::Quiet,
    }
}

fn waiver(was: Standing, now: Standing) -> Option<WaiverChange> {
    match (was, now) {
        (Standing::Waived, Standing::Waived) => None,
        (_, Standing::Waived) => Some(WaiverChange::Began),
        (Standing::Waived, Standing::Fail) => Some(WaiverChange::Ended),
        _ => None,
    }
}

impl Verdict {
    /// Whether it counts as failing now.
    pub(crate) fn fails(self) -> bool {
        self.now == Standing::Fail
    }

    fn worded(self) -> Change {
        let reason = match (self.was.blank(), self.now.blank()) {
            (_, Some(blank)) => Some(format!("new report: {}", blank.phrase())),
            (Some(blank), None) => Some(format!("old report: {}", blank.phrase())),
            (None, None) => match self.kind {
                Kind::CheckChanged => Some("the rule of the check is another one".to_owned()),
                Kind::ScopeChanged => {
                    Some("a report does not tell by which rule it judged".to_owned())
                }
                Kind::Regressed if self.was == Standing::Waived => {
                    Some("the waiver is no longer in force".to_owned())
                }
                _ => None,
            },
        };
        Change {
            kind: self.kind,
            was: self.was.state(),
            now: self.now.state(),
            reason,
            waiver: self.waiver,
        }
    }
}

/// The JSON Schema of what [`render_json`] writes.
pub fn diff_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<json::Document>();
    schema.insert("title".to_owned(), "posture diff, version 1".into());
    schema.to_value()
}
