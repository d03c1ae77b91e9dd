//! The report for people, on a terminal.
//!
//! The first screen says what to do next; the rest is in the order in which one asks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use posture_model::{AccountId, CheckId, Region};

use crate::clean::clean;
use crate::seen::{FIRST_RESOURCES, Group, Seen};
use crate::source::Source;
use crate::text::{
    Column, Grid, Painter, Piece, Tone, bar, counted, number, percent, wrap, wrap_command,
};
use crate::unread::Unread;
use crate::v1::{
    Assessable, BySeverity, Finding, Head, Outcome, Severity, Status, WellArchitectedKind,
    WellArchitectedScore,
};

/// How the terminal report looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// Columns of the terminal; taken as at least 60 and at most 160.
    pub width: usize,
    /// Whether to use colour; the caller looks at the terminal and at `NO_COLOR`.
    pub color: bool,
    /// Findings listed one by one, beside those of "Do this first"; 0 leaves the list out.
    pub max_findings: usize,
    /// The snapshot's directory as the user would type it, for the commands that the table suggests;
    /// null where the commands find it by themselves.
    pub snapshot: Option<String>,
}

impl TableOptions {
    fn explain(&self, id: &impl std::fmt::Display) -> String {
        match &self.snapshot {
            Some(directory) => format!("posture explain {id} --snapshot {directory}"),
            None => format!("posture explain {id}"),
        }
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            width: 100,
            color: false,
            max_findings: 20,
            snapshot: None,
        }
    }
}

/// Narrower than this nothing is legible, wider than that the eye loses the line.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=160;
/// Checks in "Do this first".
const FIRST_CHECKS: usize = 5;
/// Questions with the lowest scores.
const LOWEST_QUESTIONS: usize = 5;
/// Accounts with the lowest scores.
const LOWEST_ACCOUNTS: usize = 10;
/// Rows of "New since".
const FRESH: usize = 10;
/// Rows of "Could not be read".
const UNREAD_ROWS: usize = 12;
/// What to do about what could not be read.
const ADVICE_GRANT: &str = "Access denied: grant these actions to the scanning role. `posture permissions` \
                            prints the policy.";
const ADVICE_ENTRY: &str =
    "sts:AssumeRole: the role does not exist in that account, or does not trust the caller.";
const ADVICE_AGAIN: &str = "Throttled, no answer, failed: usually passes; scan again.";
/// In place of a bar where there is no score.
const NOT_ASSESSED: &str = "not assessed";
/// Everything below a heading stands in from the edge.
const INDENT: usize = 2;

/// Writes the terminal report.
pub fn render(source: &dyn Source, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let shown = Shown::of(source, options.max_findings)?;
    let mut page = Page::new(options.width, options.color);
    headline(head, &mut page);
    new_since(head, &shown, &mut page);
    do_this_first(head, &shown, options, &mut page);
    well_architected(head, &mut page);
    owasp_serverless(head, &mut page);
    accounts(head, &mut page);
    could_not_be_read(head, &shown, &mut page);
    crate::waivers::section(head, &mut page);
    findings(head, &shown, &mut page);
    next_steps(head, &shown, options, &mut page);
    out.write_all(page.text.as_bytes())
}

/// What the table shows of the findings.
struct Shown {
    seen: Seen,
    /// Failing checks, the worst first.
    groups: Vec<Group>,
    /// The findings to list in full.
    listed: Vec<Finding>,
    /// The worst findings that fail for the first time.
    fresh: Vec<Finding>,
}

impl Shown {
    fn of(source: &dyn Source, most: usize) -> io::Result<Self> {
        let mut listed = Vec::new();
        let mut fresh = Vec::new();
        let now = source.head().scan.started_at;
        let (seen, groups) = Seen::of(source, &mut |finding| {
            if listed.len() < most {
                listed.push(finding.clone());
            }
            let first = finding.first_seen == Some(now) && finding.status == Status::Fail;
            if first && fresh.len() < FRESH {
                fresh.push(finding.clone());
            }
        })?;
        Ok(Self {
            seen,
            groups,
            listed,
            fresh,
        })
    }
}

/// The text so far, and how wide it may be.
pub struct Page {
    /// The text so far.
    pub text: String,
    /// Columns of the page.
    pub width: usize,
    /// Puts in the colour.
    pub painter: Painter,
}

impl Page {
    /// An empty page.
    pub fn new(width: usize, color: bool) -> Self {
        Self {
            text: String::new(),
            width: width.clamp(*WIDTHS.start(), *WIDTHS.end()),
            painter: Painter { color },
        }
    }

    /// Columns right of an indent.
    pub fn room(&self, indent: usize) -> usize {
        self.width.saturating_sub(indent)
    }

    /// The text in a tone, where there is colour.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        self.painter.paint(tone, text)
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line, which is not broken. The text must be clean.
    pub fn line(&mut self, indent: usize, text: &str) {
        let line = format!("{:indent$}{text}", "");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Prose over as many lines as it takes. The text must be clean.
    pub fn prose(&mut self, indent: usize, tone: Tone, text: &str) {
        for line in wrap(text, self.room(indent)) {
            let line = self.paint(tone, &line);
            self.line(indent, &line);
        }
    }

    /// Prose beside a label.
    pub fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        let pad = crate::text::width(label) + 2;
        for (index, line) in wrap(text, self.room(indent + pad)).iter().enumerate() {
            if index == 0 {
                let line = format!("{}  {line}", self.paint(Tone::Dim, label));
                self.line(indent, &line);
            } else {
                self.line(indent + pad, line);
            }
        }
    }

    /// A heading with a rule to the edge.
    pub fn heading(&mut self, title: &str) {
        self.blank();
        let rule = "─".repeat(self.room(crate::text::width(title) + 1));
        let heading = format!(
            "{} {}",
            self.paint(Tone::Strong, title),
            self.paint(Tone::Dim, &rule)
        );
        self.line(0, &heading);
    }

    /// Rows in aligned columns.
    pub fn grid(&mut self, indent: usize, grid: &Grid) {
        for line in grid.lines(self.room(indent), self.painter) {
            self.line(indent, &line);
        }
    }

    /// A command below a label, broken so that it can be pasted.
    pub fn command(&mut self, indent: usize, label: &str, command: &str) {
        let label_width = crate::text::width(label) + if label.is_empty() { 0 } else { 2 };
        let limit = self.room(indent + label_width);
        for (index, line) in wrap_command(command, limit).iter().enumerate() {
            let line = self.paint(Tone::Command, line);
            if index == 0 && !label.is_empty() {
                let labelled = format!("{}  {line}", self.paint(Tone::Dim, label));
                self.line(indent, &labelled);
            } else {
                self.line(indent + label_width, &line);
            }
        }
    }
}

fn headline(report: &Head, page: &mut Page) {
    let scan = &report.scan;
    let regions: BTreeSet<&Region> = scan
        .accounts
        .iter()
        .flat_map(|account| &account.regions)
        .filter(|region| !region.is_global())
        .collect();
    let title = page.paint(Tone::Strong, "posture");
    let when = format!(
        "  {}, {}",
        moment(&scan.started_at.to_string()),
        lasted(report)
    );
    let line = format!("{title}{}", page.paint(Tone::Dim, &when));
    page.line(0, &line);
    let scope = [
        counted(scan.accounts.len() as u64, "account", "accounts"),
        counted(regions.len() as u64, "region", "regions"),
        counted(report.summary.resources, "resource", "resources"),
        counted(report.summary.checks, "check", "checks"),
    ];
    page.line(0, &scope.join(" · "));
    page.blank();

    let label = |page: &Page, text: &str| page.paint(Tone::Dim, &format!("{text:<10}"));
    let overall = &report.scores.overall;
    let (reached, rest) = bar(overall.score, (page.width / 3).min(40));
    let tone = Tone::of_score(overall.score);
    let score = match overall.score {
        Some(_) => format!(
            "{}  {}{}  {}",
            page.paint(tone, &percent(overall.score)),
            page.paint(tone, &reached),
            page.paint(Tone::Dim, &rest),
            page.paint(
                Tone::Dim,
                &format!("coverage {}", percent(overall.coverage))
            ),
        ),
        None => "nothing was judged".to_owned(),
    };
    let line = format!("{}{score}", label(page, "Score"));
    page.line(INDENT, &line);

    let by_severity = Severity::ALL.map(|severity| {
        let count = report.summary.by_severity.get(severity);
        let tone = if count == 0 {
            Tone::Dim
        } else {
            Tone::of_severity(severity)
        };
        page.paint(tone, &format!("{} {}", number(count), severity.as_str()))
    });
    let line = format!("{}{}", label(page, "Failing"), by_severity.join("   "));
    page.line(INDENT, &line);

    let by_status = &report.summary.by_status;
    let verdicts: Vec<String> = [
        (by_status.fail, Status::Fail, "fail"),
        (by_status.unknown, Status::Unknown, "unknown"),
        (by_status.pass, Status::Pass, "pass"),
        (
            by_status.not_applicable,
            Status::NotApplicable,
            "not applicable",
        ),
        (by_status.waived, Status::Waived, "waived"),
    ]
    .into_iter()
    // Waivers are rare: no word about them where there are none.
    .filter(|(count, status, _)| *count > 0 || *status != Status::Waived)
    .map(|(count, status, name)| {
        let tone = if count == 0 {
            Tone::Dim
        } else {
            Tone::of_status(status)
        };
        page.paint(tone, &format!("{} {name}", number(count)))
    })
    .collect();
    let line = format!("{}{}", label(page, "Verdicts"), verdicts.join("   "));
    page.line(INDENT, &line);

    if !report.summary.complete {
        page.blank();
        page.prose(
            INDENT,
            Tone::Warn,
            "Incomplete: not everything could be read, and what was not read is unknown rather than \
             sound. See \"Could not be read\" below.",
        );
    }
}

/// What fails for the first time, before all that has failed for long.
fn new_since(report: &Head, seen: &Shown, page: &mut Page) {
    let Some(baseline) = &report.scan.baseline else {
        return;
    };
    let since = moment(&baseline.started_at.to_string());
    let sum = |counts: &BySeverity| Severity::ALL.iter().map(|s| counts.get(*s)).sum::<u64>();
    let (new, uncompared) = (sum(&baseline.new), sum(&baseline.uncompared));
    page.heading(&format!("{} new since {since}", number(new)));
    if new == 0 {
        page.prose(INDENT, Tone::Good, "Nothing fails that did not fail then.");
    } else {
        let by_severity: Vec<String> = Severity::ALL
            .into_iter()
            .filter(|severity| baseline.new.get(*severity) > 0)
            .map(|severity| {
                let text = format!(
                    "{} {}",
                    number(baseline.new.get(severity)),
                    severity.as_str()
                );
                page.paint(Tone::of_severity(severity), &text)
            })
            .collect();
        page.line(INDENT, &by_severity.join("   "));
    }
    if uncompared > 0 {
        let text = format!(
            "{} besides: the check is new or changed, or the scan of then did not look there.",
            counted(uncompared, "failure", "failures")
        );
        page.prose(INDENT, Tone::Dim, &text);
    }
    if seen.fresh.is_empty() {
        return;
    }
    let mut grid = Grid::new(vec![
        Column::fixed(""),
        Column::flexible("", 24),
        Column::flexible("", 14),
        Column::flexible("", 12),
        Column::fixed(""),
    ]);
    for finding in &seen.fresh {
        grid.row(vec![
            Piece::new(
                Tone::of_severity(finding.severity),
                finding.severity.as_str().to_uppercase(),
            ),
            Piece::plain(clean(&finding.title)),
            Piece::new(Tone::Strong, clean(&finding.resource.name)),
            Piece::plain(account_label(report, &finding.account)),
            Piece::plain(finding.region.to_string()),
        ]);
    }
    page.grid(INDENT, &grid);
    let more = (new + uncompared).saturating_sub(seen.fresh.len() as u64);
    if more > 0 {
        let text = format!("and {} more", number(more));
        page.prose(INDENT, Tone::Dim, &text);
    }
}

fn do_this_first(report: &Head, shown: &Shown, options: &TableOptions, page: &mut Page) {
    page.heading("Do this first");
    let groups = &shown.groups;
    if groups.is_empty() {
        nothing_failed(report, page);
        return;
    }
    for (index, group) in groups.iter().take(FIRST_CHECKS).enumerate() {
        if index > 0 {
            page.blank();
        }
        first_group(report, options, index + 1, group, page);
    }
    let more = groups.len().saturating_sub(FIRST_CHECKS) as u64;
    if more > 0 {
        page.blank();
        let text = format!(
            "Then {}; the list of findings is below.",
            counted(more, "more failing check", "more failing checks")
        );
        page.prose(INDENT, Tone::Dim, &text);
    }
}

fn nothing_failed(report: &Head, page: &mut Page) {
    let summary = &report.summary;
    if summary.by_status.fail > 0 {
        let text = format!(
            "{}, not listed here: this report was asked for other verdicts.",
            counted(summary.by_status.fail, "verdict fails", "verdicts fail")
        );
        page.prose(INDENT, Tone::Plain, &text);
    } else if summary.by_status.pass == 0 && summary.by_status.unknown == 0 {
        page.prose(
            INDENT,
            Tone::Plain,
            "Nothing was judged. Check the accounts, regions and services of the scan, and run \
             `posture doctor`.",
        );
    } else if summary.complete && summary.by_status.unknown == 0 {
        page.prose(
            INDENT,
            Tone::Good,
            "Nothing failed, and everything was read.",
        );
    } else {
        let text = format!(
            "Nothing failed in what could be read, but {} open. Let the scan read the rest, then scan \
             again.",
            counted(summary.by_status.unknown, "verdict is", "verdicts are")
        );
        page.prose(INDENT, Tone::Warn, &text);
    }
}

fn first_group(
    report: &Head,
    options: &TableOptions,
    place: usize,
    group: &Group,
    page: &mut Page,
) {
    let Some(first) = group.shown.first() else {
        return;
    };
    let mark = format!("{place}  ");
    let indent = INDENT + mark.len();
    let severity = first.severity.as_str().to_uppercase();
    // The name of the severity stands in a column of its own, so that titles align.
    let title_room = page.room(indent + 10);
    for (index, line) in wrap(&clean(&first.title), title_room).iter().enumerate() {
        let title = page.paint(Tone::Strong, line);
        let line = if index == 0 {
            let severity = page.paint(Tone::of_severity(first.severity), &format!("{severity:<8}"));
            format!("{}{severity}  {title}", page.paint(Tone::Dim, &mark))
        } else {
            format!("{:indent$}{title}", "", indent = mark.len() + 10)
        };
        page.line(INDENT, &line);
    }

    let wide = page.width >= 110;
    let mut columns = vec![
        Column::flexible("", 16),
        Column::flexible("", 18),
        Column::fixed(""),
    ];
    if wide {
        columns.push(Column::flexible("", 12));
    }
    let mut grid = Grid::new(columns);
    for finding in &group.shown {
        let mut row = vec![
            Piece::plain(resource_name(finding)),
            Piece::plain(account_label(report, &finding.account)),
            Piece::plain(finding.region.as_str()),
        ];
        if wide {
            row.push(Piece::new(Tone::Dim, summary(finding)));
        }
        grid.row(row);
    }
    page.grid(indent, &grid);
    let more = group.count.saturating_sub(FIRST_RESOURCES) as u64;
    if more > 0 {
        let line = page.paint(Tone::Dim, &format!("and {} more", number(more)));
        page.line(indent, &line);
    }

    if let Some(cli) = &first.fix.cli {
        page.command(indent, "fix", &clean_lines(cli));
    } else if let Some(console) = &first.fix.console {
        page.labelled(indent, "fix", &clean(console));
    } else if first.fix.terraform.is_some() {
        page.labelled(indent, "fix", "in Terraform; see the finding");
    }
    let line = format!(
        "{}  {}",
        page.paint(Tone::Dim, "see"),
        page.paint(Tone::Dim, &options.explain(&first.id))
    );
    page.line(indent, &line);
}

fn well_architected(report: &Head, page: &mut Page) {
    let rows = &report.scores.well_architected;
    if rows.is_empty() {
        return;
    }
    page.heading("AWS Well-Architected");
    let (assessed, rest): (Vec<_>, Vec<_>) = rows
        .iter()
        .filter(|row| row.kind == WellArchitectedKind::Pillar)
        .partition(|row| is_assessed(row));
    let bar_width = bar_width(page);
    if !assessed.is_empty() {
        let mut grid = Grid::new(vec![
            Column::flexible("Pillar", 20),
            Column::fixed(""),
            Column::right("score"),
            Column::right("coverage"),
            Column::right("fail"),
            Column::right("unknown"),
            Column::right("pass"),
        ]);
        for row in assessed {
            grid.row(vec![
                Piece::plain(clean(&row.title)),
                score_bar(row.score, bar_width, NOT_ASSESSED),
                Piece::new(Tone::of_score(row.score), percent(row.score)),
                Piece::plain(percent(row.coverage)),
                count(row.fail),
                count(row.unknown),
                count(row.pass),
            ]);
        }
        page.grid(INDENT, &grid);
    }
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().map(|row| clean(&row.title)).collect();
        let text = format!("Not assessed: {}.", names.join(", "));
        page.prose(INDENT, Tone::Dim, &text);
    }
    lowest_questions(rows, page);
}

fn lowest_questions(rows: &[WellArchitectedScore], page: &mut Page) {
    let mut questions: Vec<(f64, &WellArchitectedScore)> = rows
        .iter()
        .filter(|row| row.kind == WellArchitectedKind::Question)
        .filter_map(|row| Some((row.score.filter(|score| *score < 100.0)?, row)))
        .collect();
    if questions.is_empty() {
        return;
    }
    questions.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    page.blank();
    // A question needs the room more than its coverage does.
    let wide = page.width >= 100;
    let mut columns = vec![
        Column::fixed("Lowest"),
        Column::flexible("", 20),
        Column::right("score"),
        Column::right("fail"),
    ];
    if wide {
        columns.insert(3, Column::right("coverage"));
    }
    let mut grid = Grid::new(columns);
    for (score, row) in questions.into_iter().take(LOWEST_QUESTIONS) {
        let mut pieces = vec![
            Piece::plain(clean(&row.id)),
            Piece::plain(clean(&row.title)),
            Piece::new(Tone::of_score(Some(score)), percent(Some(score))),
            count(row.fail),
        ];
        if wide {
            pieces.insert(3, Piece::plain(percent(row.coverage)));
        }
        grid.row(pieces);
    }
    page.grid(INDENT, &grid);
}

fn owasp_serverless(report: &Head, page: &mut Page) {
    if report.scores.owasp_serverless.is_empty() {
        return;
    }
    page.heading("OWASP Serverless Top 10");
    let bar_width = bar_width(page);
    let mut grid = Grid::new(vec![
        Column::fixed(""),
        Column::flexible("Category", 20),
        Column::fixed(""),
        Column::right("score"),
        Column::right("coverage"),
        Column::right("fail"),
    ]);
    for row in &report.scores.owasp_serverless {
        let judged = row.pass + row.fail + row.unknown > 0;
        let (mark, instead) = match row.assessable {
            Assessable::No => ("", "in code only"),
            // A clean sheet of a category that is seen in part is no score.
            Assessable::Partly if judged => (", in part", "none seen"),
            Assessable::Partly => (", in part", NOT_ASSESSED),
            Assessable::Yes => ("", NOT_ASSESSED),
        };
        let fail = match row.assessable {
            Assessable::No => Piece::new(Tone::Dim, percent(None)),
            Assessable::Partly | Assessable::Yes => count(row.fail),
        };
        grid.row(vec![
            Piece::new(Tone::Dim, clean(&row.id)),
            Piece::plain(format!("{}{mark}", clean(&row.title))),
            score_bar(row.score, bar_width, instead),
            Piece::new(Tone::of_score(row.score), percent(row.score)),
            Piece::plain(percent(row.coverage)),
            fail,
        ]);
    }
    page.grid(INDENT, &grid);
    page.prose(
        INDENT,
        Tone::Dim,
        "In code only: configuration cannot show it. In part: configuration shows weaknesses, never \
         their absence.",
    );
}

fn accounts(report: &Head, page: &mut Page) {
    if report.scores.accounts.len() < 2 {
        return;
    }
    page.heading("Accounts");
    let mut rows: Vec<_> = report.scores.accounts.iter().collect();
    // Those that could not be judged at all come first: they need someone most.
    rows.sort_by(|a, b| {
        let key = |score: Option<f64>| score.unwrap_or(-1.0);
        key(a.score).total_cmp(&key(b.score)).then(a.id.cmp(&b.id))
    });
    let bar_width = bar_width(page);
    let mut grid = Grid::new(vec![
        Column::flexible("Account", 20),
        Column::fixed(""),
        Column::right("score"),
        Column::right("coverage"),
        Column::right("fail"),
        Column::right("unknown"),
        Column::right("pass"),
    ]);
    for row in rows.iter().take(LOWEST_ACCOUNTS) {
        grid.row(vec![
            Piece::plain(account_label(report, &row.id)),
            score_bar(row.score, bar_width, NOT_ASSESSED),
            Piece::new(Tone::of_score(row.score), percent(row.score)),
            Piece::plain(percent(row.coverage)),
            count(row.fail),
            count(row.unknown),
            count(row.pass),
        ]);
    }
    page.grid(INDENT, &grid);
    let more = rows.len().saturating_sub(LOWEST_ACCOUNTS) as u64;
    if more > 0 {
        let text = format!(
            "{} with a higher score.",
            counted(more, "more account", "more accounts")
        );
        page.prose(INDENT, Tone::Dim, &text);
    }
}

fn could_not_be_read(report: &Head, shown: &Shown, page: &mut Page) {
    let unread = Unread::of(report, &shown.seen.waiting);
    if unread.rows.is_empty() && unread.not_offered.is_empty() {
        return;
    }
    page.heading("Could not be read");
    if !unread.rows.is_empty() {
        unread_grid(report, &unread, page);
    }
    let services: Vec<String> = unread.not_offered.iter().map(|name| clean(name)).collect();
    if !services.is_empty() {
        let text = format!(
            "Not offered in some regions, nothing to do: {}.",
            services.join(", ")
        );
        page.prose(INDENT, Tone::Dim, &text);
    }
}

fn unread_grid(report: &Head, unread: &Unread<'_>, page: &mut Page) {
    let mut grid = Grid::new(vec![
        // Whole, so that it can be copied into a policy.
        Column::fixed("IAM action"),
        Column::flexible("outcome", 13),
        Column::right("places"),
        Column::right("unknown"),
        Column::flexible("where", 14),
    ]);
    for row in unread.rows.iter().take(UNREAD_ROWS) {
        let mut words = row.outcome.phrase().to_owned();
        // The code says more than the phrase only where the phrase says little.
        if let (true, Outcome::Error, Some(code)) =
            (page.width >= 110, row.outcome, row.errors.first())
        {
            words = format!("{words} ({})", clean(code));
        }
        grid.row(vec![
            Piece::plain(clean(row.subject)),
            Piece::plain(words),
            Piece::plain(number(row.places.len() as u64)),
            count(row.verdicts),
            Piece::new(Tone::Dim, places(report, &row.places)),
        ]);
    }
    page.grid(INDENT, &grid);
    let more = unread.rows.len().saturating_sub(UNREAD_ROWS) as u64;
    if more > 0 {
        let text = format!("and {} more in the JSON report", number(more));
        page.prose(INDENT, Tone::Dim, &text);
    }
    page.blank();
    for (applies, advice) in [
        (!unread.to_grant().is_empty(), ADVICE_GRANT),
        (unread.no_entry(), ADVICE_ENTRY),
        (unread.may_pass(), ADVICE_AGAIN),
    ] {
        if applies {
            page.prose(INDENT, Tone::Plain, advice);
        }
    }
}

/// The places in words: `prod eu-west-1, us-east-1; dev eu-west-1`.
pub(crate) fn places(report: &Head, places: &BTreeSet<(&AccountId, &Region)>) -> String {
    let mut by_account: BTreeMap<&AccountId, Vec<&str>> = BTreeMap::new();
    for (account, region) in places {
        by_account.entry(account).or_default().push(region.as_str());
    }
    let words: Vec<String> = by_account
        .into_iter()
        .map(|(account, regions)| {
            let name = report
                .account_name(account)
                .map(clean)
                .filter(|n| !n.is_empty());
            let name = name.unwrap_or_else(|| account.to_string());
            format!("{name} {}", regions.join(", "))
        })
        .collect();
    words.join("; ")
}

fn findings(report: &Head, shown: &Shown, page: &mut Page) {
    if shown.listed.is_empty() {
        return;
    }
    page.heading("Findings");
    let wide = page.width >= 100;
    let mut columns = vec![
        Column::flexible("", 20),
        Column::flexible("", 12),
        Column::fixed(""),
    ];
    if wide {
        columns.push(Column::flexible("", 16));
    }
    // One grid over all checks, so that their rows align; the checks' names go between its lines.
    let mut grid = Grid::new(columns);
    let checks = by_check(shown.listed.iter());
    for finding in checks.iter().flat_map(|(_, findings)| findings) {
        let mut row = vec![
            Piece::plain(resource_name(finding)),
            Piece::plain(account_short(report, &finding.account)),
            Piece::plain(finding.region.as_str()),
        ];
        if wide {
            row.push(Piece::new(Tone::Dim, reason(finding)));
        }
        grid.row(row);
    }
    let indent = INDENT + 10;
    let mut lines = grid.lines(page.room(indent), page.painter).into_iter();
    for ((check, status), findings) in &checks {
        let Some(first) = findings.first() else {
            continue;
        };
        let tone = Tone::of_severity(first.severity);
        let mut heading = format!(
            "{}  {}",
            page.paint(tone, &format!("{:<8}", first.severity.as_str())),
            page.paint(Tone::Strong, check.as_str())
        );
        if *status != Status::Fail {
            let verdict = status.as_str().replace('_', " ");
            heading.push_str("  ");
            heading.push_str(&page.paint(Tone::of_status(*status), &verdict));
        }
        page.line(INDENT, &heading);
        for line in lines.by_ref().take(findings.len()) {
            page.line(indent, &line);
        }
    }
    let more = shown.seen.total.saturating_sub(shown.listed.len() as u64);
    if more > 0 {
        let text = format!("and {} more in the JSON report", number(more));
        page.prose(INDENT, Tone::Dim, &text);
    }
}

/// Findings of one check and verdict.
type OfCheck<'a> = ((&'a CheckId, Status), Vec<&'a Finding>);

/// Findings by check and verdict, in the order in which these first occur.
fn by_check<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<OfCheck<'a>> {
    let mut places: BTreeMap<(&CheckId, &str), usize> = BTreeMap::new();
    let mut groups: Vec<OfCheck<'a>> = Vec::new();
    for finding in findings {
        let place = *places
            .entry((&finding.check, finding.status.as_str()))
            .or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(finding),
            None => groups.push(((&finding.check, finding.status), vec![finding])),
        }
    }
    groups
}

/// The facts behind a verdict, or what is missing for one.
fn reason(finding: &Finding) -> String {
    match finding.status {
        Status::Unknown => {
            let gaps = finding.gaps.iter().map(|gap| {
                let what = gap.operation.as_deref().map_or_else(String::new, clean);
                format!("{what} {}", Outcome::from(gap.reason).phrase())
            });
            gaps.collect::<Vec<_>>().join("; ")
        }
        Status::Fail | Status::Pass | Status::NotApplicable | Status::Waived => summary(finding),
    }
}

fn next_steps(report: &Head, shown: &Shown, options: &TableOptions, page: &mut Page) {
    page.heading("Next");
    let mut steps: Vec<(String, &str)> = Vec::new();
    if let Some(group) = shown.groups.first() {
        if let Some(finding) = group.shown.first() {
            steps.push((options.explain(&finding.id), "facts, risk, remedy"));
        }
    } else if let Some(finding) = &shown.seen.first {
        steps.push((options.explain(&finding.id), "what it rests on"));
    }
    let denied = report
        .coverage
        .iter()
        .any(|row| row.outcome == Outcome::AccessDenied);
    if denied {
        steps.push(("posture permissions".to_owned(), "the policy to grant"));
    } else if !report.summary.complete {
        steps.push(("posture doctor".to_owned(), "what stands in the way"));
    }
    steps.push((
        match &options.snapshot {
            Some(directory) => format!("posture evaluate {directory} -o json=report.json"),
            None => "posture evaluate -o json=report.json".to_owned(),
        },
        "every finding, for programs",
    ));
    let mut grid = Grid::new(vec![Column::fixed(""), Column::flexible("", 10)]);
    for (command, purpose) in steps {
        grid.row(vec![
            Piece::new(Tone::Command, command),
            Piece::new(Tone::Dim, purpose),
        ]);
    }
    page.grid(INDENT, &grid);
    let questions = report.manual.len() as u64;
    if questions > 0 {
        let text = format!(
            "{} no AWS API answers: see `manual` in the JSON report.",
            counted(questions, "question for you that", "questions for you that")
        );
        page.prose(INDENT, Tone::Dim, &text);
    }
}

fn is_assessed(row: &WellArchitectedScore) -> bool {
    row.pass + row.fail + row.unknown > 0
}

/// A bar, or words where there is no score to draw.
fn score_bar(score: Option<f64>, columns: usize, instead: &'static str) -> Piece {
    match score {
        Some(_) => Piece::bar(score, columns),
        None => Piece::new(Tone::Dim, instead),
    }
}

fn bar_width(page: &Page) -> usize {
    match page.width {
        ..=89 => 12,
        90..=119 => 20,
        _ => 28,
    }
}

fn count(count: u64) -> Piece {
    let tone = if count == 0 { Tone::Dim } else { Tone::Plain };
    Piece::new(tone, number(count))
}

/// The name a person knows the resource by; for a listing that failed, what it would have listed.
pub(crate) fn resource_name(finding: &Finding) -> String {
    let resource = &finding.resource;
    if resource.id == "*" {
        return format!("every {}", clean(&resource.r#type));
    }
    [&resource.name, &resource.id, &resource.arn]
        .into_iter()
        .map(|text| clean(text))
        .find(|text| !text.trim().is_empty())
        .unwrap_or_else(|| "(unnamed)".to_owned())
}

/// `222222222222 prod`.
pub(crate) fn account_label(report: &Head, id: &AccountId) -> String {
    match report.account_name(id).map(clean) {
        Some(name) if !name.is_empty() => format!("{id} {name}"),
        _ => id.to_string(),
    }
}

/// The name where there is one: for lists in which the id would take the room.
pub(crate) fn account_short(report: &Head, id: &AccountId) -> String {
    report
        .account_name(id)
        .map(clean)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| id.to_string())
}

fn summary(finding: &Finding) -> String {
    finding
        .evidence
        .iter()
        .find(|fact| fact.field == "summary")
        .map(|fact| clean(&fact.value))
        .unwrap_or_default()
}

/// Clean text that keeps its line breaks.
pub(crate) fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let depth = line.len() - line.trim_start_matches(' ').len();
            format!("{:depth$}{}", "", clean(line.trim_start_matches(' ')))
        })
        .collect();
    lines.join("\n")
}

/// `2026-01-31 12:00 UTC`.
pub fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => clean(rfc3339),
    }
}

pub(crate) fn lasted(report: &Head) -> String {
    let Some(end) = report.scan.finished_at else {
        return "interrupted".to_owned();
    };
    let seconds = end
        .unix()
        .saturating_sub(report.scan.started_at.unix())
        .max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
