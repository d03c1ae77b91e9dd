//! A comparison in Markdown, for pull requests and chat.

use std::io::{self, Write};

use posture_report::text::number;
use posture_report::v1::Finding;
use posture_report::{clean, moment};

use super::{Change, Diff, Kind, shown, table};
use crate::markdown::{code, escape};

/// Writes the comparison, at most `most` changes of each kind one by one.
pub fn render(diff: &Diff<'_>, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let shown = shown::first(diff, most)?;
    let summary = diff.summary();
    writeln!(out, "## posture diff\n")?;
    for (name, side) in [("Old", &summary.old_report), ("New", &summary.new_report)] {
        let when = moment(&side.started_at.to_string());
        writeln!(out, "- {name}: {when}, scan {}", code(&clean(&side.scan)))?;
    }
    writeln!(out, "\n| | findings | |\n|---|---:|---|")?;
    for kind in Kind::ALL {
        let count = summary.get(kind);
        let strong = if count > 0 { "**" } else { "" };
        writeln!(
            out,
            "| {strong}{}{strong} | {strong}{}{strong} | {} |",
            kind.title(),
            number(count),
            kind.meaning()
        )?;
    }
    writeln!(
        out,
        "| Unchanged | {} | weak in both |",
        number(summary.unchanged)
    )?;
    for line in table::asides(summary) {
        writeln!(out, "\n{line}")?;
    }
    for note in &summary.notes {
        writeln!(out, "\n> **Note**: {}.", escape(&clean(note)))?;
    }
    for (kind, changes) in &shown {
        section(diff, *kind, changes, out)?;
    }
    Ok(())
}

fn section(
    diff: &Diff<'_>,
    kind: Kind,
    changes: &[(Change, Finding)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = diff.summary();
    writeln!(out, "\n### {}\n", kind.title())?;
    for (change, finding) in changes {
        let aside = shown::aside(change).map_or(String::new(), |aside| format!(" ({aside})"));
        writeln!(
            out,
            "- **{}** {}: {} in {}, {}{aside}, finding {}",
            finding.severity.as_str(),
            escape(&clean(&finding.title)),
            code(&shown::resource(finding)),
            code(&shown::account(diff.heads(), finding)),
            finding.region,
            code(finding.id.as_str().get(..8).unwrap_or_default()),
        )?;
    }
    let more = summary.get(kind).saturating_sub(changes.len() as u64);
    if more > 0 {
        writeln!(out, "- and {} more", number(more))?;
    }
    Ok(())
}
