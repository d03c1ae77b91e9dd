//! A comparison as JSON: `{"summary": {...}, "changes": [...]}`.

use std::io::{self, Write};

use posture_report::v1::Finding;
use schemars::JsonSchema;
use serde::ser::{Error as _, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Change, Diff, Kind, Summary, WaiverChange};
use crate::standing::State;

/// What changed between two reports.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[expect(
    dead_code,
    reason = "its schema is published; it is written piece by piece"
)]
pub(super) struct Document {
    /// Counts.
    summary: Summary,
    /// The changes: first those whose finding the new report lists, the worst first, then those whose
    /// finding only the old one lists.
    changes: Vec<Row<'static>>,
}

/// One change.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false), rename = "Change")]
struct Row<'a> {
    /// What became of the finding.
    kind: Kind,
    /// How it stood in the old report.
    was: State,
    /// How it stands in the new one.
    now: State,
    /// Why a report says nothing, or what else explains the kind; null where the kind says it all.
    reason: Option<&'a str>,
    /// What a waiver has to do with it; null where nothing.
    waiver: Option<WaiverChange>,
    /// The finding, as the new report has it where it lists it, else as the old one does.
    finding: &'a Finding,
}

/// Writes the comparison, one change at a time.
pub fn render(diff: &Diff<'_>, out: &mut dyn Write) -> io::Result<()> {
    posture_report::write_json(&Whole(diff), out)
}

struct Whole<'a, 'b>(&'a Diff<'b>);

impl Serialize for Whole<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut whole = serializer.serialize_struct("Diff", 2)?;
        whole.serialize_field("summary", self.0.summary())?;
        whole.serialize_field("changes", &Changes(self.0))?;
        whole.end()
    }
}

struct Changes<'a, 'b>(&'a Diff<'b>);

impl Serialize for Changes<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut changes = serializer.serialize_seq(None)?;
        // The serializer's own error knows what became of the output; it goes before the visit's.
        let mut failed = None;
        let visited = self.0.each(&mut |change, finding| {
            changes
                .serialize_element(&Row::of(change, finding))
                .map_err(|error| {
                    failed = Some(error);
                    io::Error::other("stopped")
                })
        });
        match (failed, visited) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(S::Error::custom(error)),
            (None, Ok(())) => changes.end(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(change: &'a Change, finding: &'a Finding) -> Self {
        Self {
            kind: change.kind,
            was: change.was,
            now: change.now,
            reason: change.reason.as_deref(),
            waiver: change.waiver,
            finding,
        }
    }
}
