//! The findings as JSON Lines, for log pipelines: every line is one finding and stands for itself.

use std::io::{self, Write};

use posture_model::{AccountId, Timestamp};
use serde::Serialize;

use crate::json::line;
use crate::source::Source;
use crate::v1::Head;

/// What each line says of the scan, before the fields of the finding.
#[derive(Serialize)]
struct Envelope<'a> {
    schema_version: &'a str,
    scan_id: &'a str,
    started_at: Timestamp,
    /// Whether the scan read everything that it was asked for.
    complete: bool,
    account_name: Option<&'a str>,
}

/// Writes one finding a line. There is no line for the scan, so that all lines have the same fields.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let mut account: Option<AccountId> = None;
    let mut envelope = Vec::new();
    let mut finding_line = Vec::new();
    source.each(&mut |finding| {
        if account.as_ref() != Some(&finding.account) {
            envelope.clear();
            line(&of(head, &finding.account), &mut envelope)?;
            account = Some(finding.account.clone());
        }
        finding_line.clear();
        line(finding, &mut finding_line)?;
        // One object of both: the closing brace of the first and the opening one of the second meet.
        out.write_all(envelope.strip_suffix(b"}").unwrap_or(&envelope))?;
        out.write_all(b",")?;
        out.write_all(finding_line.strip_prefix(b"{").unwrap_or(&finding_line))?;
        out.write_all(b"\n")
    })
}

fn of<'a>(head: &'a Head, account: &AccountId) -> Envelope<'a> {
    Envelope {
        schema_version: &head.schema_version,
        scan_id: &head.scan.id,
        started_at: head.scan.started_at,
        complete: head.summary.complete,
        account_name: head.account_name(account),
    }
}
