//! A comparison for people, on a terminal.

use std::io::{self, Write};

use posture_report::text::{Column, Grid, Piece, Tone, counted, number};
use posture_report::v1::{Finding, Severity};
use posture_report::{Page, clean, moment};

use super::{Change, Diff, Kind, Side, Summary, shown};

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to use colour.
    pub color: bool,
    /// Changes of each kind that are listed.
    pub most: usize,
}

const INDENT: usize = 2;

/// Writes the comparison.
pub fn render(diff: &Diff<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let shown = shown::first(diff, options.most)?;
    let mut page = Page::new(options.width, options.color);
    headline(diff.summary(), &mut page);
    counts(diff.summary(), &mut page);
    for note in &diff.summary().notes {
        page.blank();
        page.prose(INDENT, Tone::Warn, &format!("Note: {}.", clean(note)));
    }
    for (kind, changes) in &shown {
        section(diff, *kind, changes, &mut page);
    }
    out.write_all(page.text.as_bytes())
}

fn headline(summary: &Summary, page: &mut Page) {
    let title = page.paint(Tone::Strong, "posture diff");
    page.line(0, &title);
    for (name, side) in [("old", &summary.old_report), ("new", &summary.new_report)] {
        let label = page.paint(Tone::Dim, &format!("{name}  "));
        page.line(INDENT, &format!("{label}{}", told(side)));
    }
    page.blank();
}

fn told(side: &Side) -> String {
    format!(
        "{}  scan {}",
        moment(&side.started_at.to_string()),
        clean(&side.scan)
    )
}

fn counts(summary: &Summary, page: &mut Page) {
    let mut grid = Grid::new(vec![
        Column::fixed(""),
        Column::right(""),
        Column::flexible("", 20),
    ]);
    for kind in Kind::ALL {
        let count = summary.get(kind);
        let tone = if count == 0 { Tone::Dim } else { tone(kind) };
        let what = match kind {
            Kind::New | Kind::Regressed => None,
            _ => Some(kind.meaning().to_owned()),
        };
        grid.row(vec![
            Piece::new(tone, kind.title()),
            Piece::new(tone, number(count)),
            Piece::new(Tone::Dim, what.unwrap_or_else(|| kind.meaning().to_owned())),
        ]);
    }
    grid.row(vec![
        Piece::new(Tone::Dim, "Unchanged"),
        Piece::new(Tone::Dim, number(summary.unchanged)),
        Piece::new(Tone::Dim, "weak in both"),
    ]);
    page.grid(INDENT, &grid);
    for line in asides(summary) {
        page.prose(INDENT, Tone::Dim, &line);
    }
}

/// What is counted and not listed.
pub(super) fn asides(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    if summary.still_unknown + summary.became_known > 0 {
        lines.push(format!(
            "Open verdicts: {} in both, {} only in the old one.",
            number(summary.still_unknown),
            number(summary.became_known),
        ));
    }
    if summary.waivers_began + summary.waivers_ended > 0 {
        lines.push(format!(
            "Waivers: {} covered since, {} no longer.",
            counted(summary.waivers_began, "finding", "findings"),
            number(summary.waivers_ended),
        ));
    }
    let failing: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| summary.failing.get(*severity) > 0)
        .map(|severity| {
            format!(
                "{} {}",
                number(summary.failing.get(severity)),
                severity.as_str()
            )
        })
        .collect();
    if !failing.is_empty() {
        lines.push(format!(
            "New and regressed that fail: {}.",
            failing.join(", ")
        ));
    }
    lines
}

fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::New | Kind::Regressed => Tone::Bad,
        Kind::Fixed | Kind::ResourceGone => Tone::Good,
        Kind::BecameUnknown => Tone::Warn,
        Kind::CheckChanged | Kind::ScopeChanged => Tone::Note,
    }
}

fn section(diff: &Diff<'_>, kind: Kind, changes: &[(Change, Finding)], page: &mut Page) {
    page.heading(kind.title());
    let asides: Vec<_> = changes
        .iter()
        .map(|(change, _)| shown::aside(change))
        .collect();
    let with_aside = asides.iter().any(Option::is_some);
    let mut columns = vec![
        Column::fixed(""),
        Column::flexible("", 24),
        Column::flexible("", 14),
        Column::flexible("", 12),
        Column::fixed(""),
        Column::fixed(""),
    ];
    if with_aside {
        columns.push(Column::flexible("", 10));
    }
    let mut grid = Grid::new(columns);
    for ((_, finding), aside) in changes.iter().zip(asides) {
        let mut row = vec![
            Piece::new(
                Tone::of_severity(finding.severity),
                finding.severity.as_str().to_uppercase(),
            ),
            Piece::plain(clean(&finding.title)),
            Piece::new(Tone::Strong, shown::resource(finding)),
            Piece::plain(shown::account(diff.heads(), finding)),
            Piece::plain(finding.region.to_string()),
            // Enough of the id for `posture explain`.
            Piece::new(Tone::Dim, finding.id.as_str().get(..8).unwrap_or_default()),
        ];
        if with_aside {
            row.push(Piece::new(Tone::Warn, aside.unwrap_or_default()));
        }
        grid.row(row);
    }
    page.grid(INDENT, &grid);
    let more = diff
        .summary()
        .get(kind)
        .saturating_sub(changes.len() as u64);
    if more > 0 {
        let text = format!("and {} more; -o json lists all", number(more));
        page.prose(INDENT, Tone::Dim, &text);
    }
}
