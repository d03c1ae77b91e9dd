//! Operations as lines of JSON, for ticketing systems of one's own.

use std::io::{self, Write};

use posture_model::{FindingId, Timestamp};
use posture_report::clean;
use posture_report::v1::Severity;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::GroupBy;
use super::ledger::Ticket;
use super::operation::{Kind, Operation, Resolved};

/// The version of the format that this build writes.
const SCHEMA_VERSION: &str = "1.0";

/// One operation on a ticket: a line of what `posture tickets` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false), rename = "Operation")]
struct Line<'a> {
    /// Version of this format; the first number changes when a reader must change.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    schema_version: &'static str,
    /// What is to be done.
    op: Kind,
    /// Id of this operation: the same when it is asked for again, so that it can be done once.
    id: &'a str,
    /// What the ticket is known by, for ever: the finding's id, the check's id or the resource's key, as
    /// `group_by` says.
    key: &'a str,
    /// What the key is of.
    group_by: GroupBy,
    /// The ticket's title; null where it stays as it is.
    title: Option<String>,
    /// Its text, in Markdown in which names from the account are inert; null for `close`.
    body: Option<String>,
    /// What to tell those who follow the ticket, in Markdown; null for `open`.
    comment: Option<String>,
    /// The worst severity of its findings.
    severity: Severity,
    /// The day by which it should be mended, as `2026-01-31`; null where there is none.
    due: Option<&'a str>,
    /// Its labels.
    labels: &'a [String],
    /// The findings that it is for.
    findings: &'a [FindingId],
    /// The findings that it is no longer for, and why.
    resolved: &'a [Resolved],
    /// The ticket, where posture made it; null otherwise.
    ticket: Option<&'a Ticket>,
    /// The scan that says so.
    scan: Scan<'a>,
}

/// A scan.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
struct Scan<'a> {
    /// Its id.
    id: &'a str,
    /// When it started.
    started_at: Timestamp,
}

/// Writes an operation as one line.
pub fn write(operation: &Operation, out: &mut dyn Write) -> io::Result<()> {
    let line = Line {
        schema_version: SCHEMA_VERSION,
        op: operation.kind,
        id: &operation.id,
        key: &operation.key,
        group_by: operation.group_by,
        title: operation.title.as_deref().map(clean),
        body: operation.body.as_ref().map(super::Document::markdown),
        comment: operation.comment.as_ref().map(super::Document::markdown),
        severity: operation.severity,
        due: operation.due.as_deref(),
        labels: &operation.labels,
        findings: &operation.findings,
        resolved: &operation.resolved,
        ticket: operation.ticket.as_ref(),
        scan: Scan {
            id: &operation.scan,
            started_at: operation.scanned_at,
        },
    };
    out.write_all(json_line(&line)?.as_bytes())
}

/// A value as one line of JSON. What a terminal would obey, or what hides from the eye, is written as an escape:
/// the value is the same, and `cat` is safe.
pub(crate) fn json_line<T: Serialize>(value: &T) -> io::Result<String> {
    let text = serde_json::to_string(value)?;
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside strings all is plain ASCII, and in them the serializer has escaped what is below a space.
        if c.is_ascii() && !c.is_control() || !clean(c.encode_utf8(&mut [0; 4])).is_empty() {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    line.push('\n');
    Ok(line)
}

/// The JSON Schema of a line.
pub fn operation_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Line<'static>>();
    schema.insert(
        "title".to_owned(),
        "posture tickets, version 1: one line".into(),
    );
    schema.to_value()
}
