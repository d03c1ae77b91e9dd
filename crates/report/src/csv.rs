//! The findings as CSV (RFC 4180), for spreadsheets: one finding a row.

use std::io::{self, Write};

use crate::clean::clean;
use crate::source::Source;
use crate::table::clean_lines;
use crate::v1::{Finding, Head, Outcome, Waiver};

/// A column: its name, and what stands in it.
type Column = (&'static str, fn(&Head, &Finding) -> String);

/// The columns. New ones come last: people refer to the others by their place.
const COLUMNS: &[Column] = &[
    ("id", |_, f| f.id.to_string()),
    ("status", |_, f| f.status.as_str().to_owned()),
    ("severity", |_, f| f.severity.as_str().to_owned()),
    ("confidence", |_, f| f.confidence.as_str().to_owned()),
    ("check", |_, f| f.check.to_string()),
    ("title", |_, f| clean(&f.title)),
    ("account", |_, f| f.account.to_string()),
    ("account_name", |head, f| {
        head.account_name(&f.account).map(clean).unwrap_or_default()
    }),
    ("region", |_, f| f.region.to_string()),
    ("resource_type", |_, f| clean(&f.resource.r#type)),
    ("resource_name", |_, f| clean(&f.resource.name)),
    ("resource_id", |_, f| clean(&f.resource.id)),
    ("resource_arn", |_, f| clean(&f.resource.arn)),
    ("tags", |_, f| {
        list(f.resource.tags.iter().map(|(k, v)| format!("{k}={v}")))
    }),
    ("message", |_, f| clean(&f.message)),
    ("could_not_be_read", |_, f| list(f.gaps.iter().map(gap))),
    ("risk", |_, f| clean(&f.risk)),
    ("fix_cli", |_, f| lines(f.fix.cli.as_deref())),
    ("fix_console", |_, f| lines(f.fix.console.as_deref())),
    ("references", |_, f| list(&f.references)),
    ("practices", |_, f| list(&f.practices)),
    ("well_architected", |_, f| list(&f.well_architected)),
    ("owasp_serverless", |_, f| list(&f.owasp_serverless)),
    ("serverless_lens", |_, f| list(&f.serverless_lens)),
    ("first_seen", |_, f| {
        f.first_seen
            .map(|seen| seen.to_string())
            .unwrap_or_default()
    }),
    ("waived_until", |_, f| {
        let until = f.waiver.as_ref().map(|waiver| waiver.expires.to_string());
        until.unwrap_or_default()
    }),
    ("waiver_reason", |_, f| {
        waiver(f, |waiver| Some(&waiver.reason))
    }),
    ("waiver_owner", |_, f| {
        waiver(f, |waiver| waiver.owner.as_deref())
    }),
    ("waiver_ticket", |_, f| {
        waiver(f, |waiver| waiver.ticket.as_deref())
    }),
    ("scan_id", |head, _| clean(&head.scan.id)),
    ("scan_started_at", |head, _| {
        head.scan.started_at.to_string()
    }),
];

/// Writes a header and one row a finding, in UTF-8, with CRLF at the end of each.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    rows.write_record(COLUMNS.iter().map(|(name, _)| name))
        .map_err(failed)?;
    let head = source.head();
    source.each(&mut |finding| {
        for (_, value) in COLUMNS {
            rows.write_field(inert(value(head, finding)))
                .map_err(failed)?;
        }
        rows.write_record(None::<&[u8]>).map_err(failed)
    })?;
    rows.flush()
}

/// The error of the output itself: who reads may have gone away, which is no failure.
fn failed(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// A spreadsheet takes a cell that begins so for a formula, and a formula can fetch an address or start a
/// program. An apostrophe before it makes it text.
fn inert(text: String) -> String {
    const OPENERS: [char; 12] = [
        '=', '+', '-', '@', '\t', '\r', '\n', '|', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    // Some strip blanks, or the quotes of a text, before they look.
    let looked_at = text.trim_start_matches([' ', '"', '\'']);
    if looked_at.starts_with(OPENERS) {
        format!("'{text}")
    } else {
        text
    }
}

fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| clean(item.as_ref())).collect();
    items.join("; ")
}

fn lines(text: Option<&str>) -> String {
    text.map(clean_lines).unwrap_or_default()
}

fn waiver<'a>(finding: &'a Finding, part: fn(&'a Waiver) -> Option<&'a str>) -> String {
    let part = finding.waiver.as_ref().and_then(part);
    part.map(clean).unwrap_or_default()
}

fn gap(gap: &crate::v1::Gap) -> String {
    let what = gap.iam_action.as_deref().or(gap.operation.as_deref());
    let why = Outcome::from(gap.reason).phrase();
    format!("{}: {why}", what.unwrap_or("a fact"))
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn what_looks_like_a_formula_becomes_text() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", " =1", "\"=1", "＝1", "'=1",
        ] {
            assert_eq!(inert(text.to_owned()), format!("'{text}"), "{text:?}");
        }
        for text in ["", "a=b", "1-2", "arn:aws:s3:::b", "*", "ünï"] {
            assert_eq!(inert(text.to_owned()), text);
        }
    }
}
