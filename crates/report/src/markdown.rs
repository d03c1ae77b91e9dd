//! The report as Markdown, for pull requests and chat: short enough for one comment, the worst first.
//!
//! Whatever an AWS account can name stands in code spans: there neither markup nor HTML, mentions, references
//! to issues, addresses or emoji mean anything, on GitHub or elsewhere. No such text stands in a table, where
//! a code span would not hold it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use posture_model::{AccountId, CheckId, Region};

use crate::clean::clean;
use crate::source::Source;
use crate::table::{clean_lines, moment, resource_name};
use crate::text::{counted, number, percent, truncate};
use crate::unread::unread;
use crate::v1::{Confidence, Finding, Head, Outcome, Severity, Status};

/// Bytes of the whole. A comment on GitHub holds 65,536 characters, and nobody reads that many.
const LIMIT: usize = 65_000;
/// Bytes kept for what is said at the end.
const TAIL: usize = 2_000;
/// Checks in "Do this first".
const FIRST: usize = 5;
/// Resources named there for each.
const FIRST_RESOURCES: usize = 3;
/// Resources listed for each check.
const LISTED: usize = 25;
/// Calls named that were not answered.
const UNREAD: usize = 10;
/// Longest name of a resource, and longest fact beside it, in columns.
const NAME: usize = 80;
const FACT: usize = 120;

/// Writes the report: at most 65,000 bytes, whatever it holds.
pub(crate) fn render(source: &dyn Source, out: &mut dyn Write) -> io::Result<()> {
    let head = source.head();
    let groups = groups(source)?;
    let mut page = headline(head);
    page.push_str(&first(head, &groups));
    page.push_str(&not_read(head));
    findings(head, &groups, &mut page);
    page.push_str(&format!(
        "\n<sub>posture {}, {} · details of a finding: `posture explain ID`</sub>\n",
        code(&truncate(&clean(&head.scan.tool.version), NAME)),
        moment(&head.scan.started_at.to_string()),
    ));
    out.write_all(page.as_bytes())
}

/// Findings of one check and verdict.
struct Group {
    check: CheckId,
    status: Status,
    title: String,
    severity: Severity,
    confidence: Confidence,
    fix: Option<String>,
    rows: Vec<Row>,
    count: u64,
}

/// What is shown of one finding.
struct Row {
    id: String,
    name: String,
    account: AccountId,
    region: Region,
    fact: String,
}

/// The findings by check, with as many of each as are shown.
fn groups(source: &dyn Source) -> io::Result<Vec<Group>> {
    let mut places: BTreeMap<(CheckId, &'static str), usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    source.each(&mut |finding| {
        let key = (finding.check.clone(), finding.status.as_str());
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group::of(finding));
        }
        if let Some(group) = groups.get_mut(place) {
            group.count += 1;
            if group.rows.len() < LISTED {
                group.rows.push(Row::of(finding));
            }
        }
        Ok(())
    })?;
    Ok(groups)
}

impl Group {
    fn of(finding: &Finding) -> Self {
        let fix = &finding.fix;
        Self {
            check: finding.check.clone(),
            status: finding.status,
            title: finding.title.clone(),
            severity: finding.severity,
            confidence: finding.confidence,
            fix: fix.cli.as_ref().or(fix.console.as_ref()).cloned(),
            rows: Vec::new(),
            count: 0,
        }
    }
}

impl Row {
    fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id.to_string(),
            name: truncate(&resource_name(finding), NAME),
            account: finding.account.clone(),
            region: finding.region.clone(),
            fact: truncate(&fact(finding), FACT),
        }
    }

    fn line(&self, head: &Head) -> String {
        let mut parts = vec![
            code(&self.name),
            account(head, &self.account),
            code(self.region.as_str()),
        ];
        if !self.fact.is_empty() {
            parts.push(code(&self.fact));
        }
        let id = self.id.get(..8).unwrap_or(&self.id);
        parts.push(code(id));
        format!("- {}\n", parts.join(" · "))
    }
}

/// What the verdict rests on, in a few words.
fn fact(finding: &Finding) -> String {
    match finding.status {
        Status::Unknown => {
            let gaps = finding.gaps.iter().map(|gap| {
                let what = gap.iam_action.as_deref().or(gap.operation.as_deref());
                let why = Outcome::from(gap.reason).phrase();
                format!("{}: {why}", clean(what.unwrap_or("a fact")))
            });
            gaps.collect::<Vec<_>>().join("; ")
        }
        Status::Waived => match &finding.waiver {
            Some(waiver) => format!("until {}: {}", waiver.expires, clean(&waiver.reason)),
            None => String::new(),
        },
        Status::Fail | Status::Pass | Status::NotApplicable => {
            let summary = finding.evidence.iter().find(|f| f.field == "summary");
            summary.map(|fact| clean(&fact.value)).unwrap_or_default()
        }
    }
}

fn headline(head: &Head) -> String {
    let summary = &head.summary;
    let by_status = &summary.by_status;
    let overall = &head.scores.overall;
    let score = match overall.score {
        Some(_) => format!(
            "score {}, coverage {}",
            percent(overall.score),
            percent(overall.coverage)
        ),
        None => "nothing was judged".to_owned(),
    };
    let mut text = format!(
        "## posture: {} failing, {score}\n\n",
        number(by_status.fail)
    );
    let mut parts = vec![
        counted(head.scan.accounts.len() as u64, "account", "accounts"),
        counted(summary.resources, "resource", "resources"),
        counted(summary.checks, "check", "checks"),
        format!("{} unknown", number(by_status.unknown)),
        format!("{} pass", number(by_status.pass)),
        format!("{} not applicable", number(by_status.not_applicable)),
    ];
    if by_status.waived > 0 {
        parts.push(format!("{} waived", number(by_status.waived)));
    }
    text.push_str(&parts.join(" · "));
    text.push_str("\n\n| critical | high | medium | low | info |\n|--:|--:|--:|--:|--:|\n");
    for severity in Severity::ALL {
        let count = number(summary.by_severity.get(severity));
        text.push_str(&format!("| {count} "));
    }
    text.push_str("|\n");
    if !summary.complete {
        text.push_str(
            "\n> **Incomplete:** not everything could be read. What was not read is unknown rather than \
             sound.\n",
        );
    }
    if let Some(words) = nothing_failed(head) {
        text.push_str(&format!("\n{words}\n"));
    }
    text
}

/// What to say where nothing failed; nothing where something did.
fn nothing_failed(head: &Head) -> Option<&'static str> {
    let by_status = &head.summary.by_status;
    if by_status.fail > 0 {
        None
    } else if by_status.pass == 0 && by_status.unknown == 0 {
        Some("Nothing was judged: look at the accounts, regions and services of the scan.")
    } else if head.summary.complete && by_status.unknown == 0 {
        Some("Nothing failed, and everything was read.")
    } else {
        Some("Nothing failed in what could be read; the rest is open.")
    }
}

/// The few checks to begin with.
fn first(head: &Head, groups: &[Group]) -> String {
    let mut failing: Vec<&Group> = groups
        .iter()
        .filter(|group| group.status == Status::Fail)
        .collect();
    failing.sort_by_cached_key(|group| {
        let worst = (group.severity, group.confidence, group.count);
        (std::cmp::Reverse(worst), group.check.clone())
    });
    if failing.is_empty() {
        return String::new();
    }
    let mut text = "\n### Do this first\n".to_owned();
    for (index, group) in failing.iter().take(FIRST).enumerate() {
        let place = index + 1;
        let severity = group.severity.as_str();
        text.push_str(&format!(
            "\n{place}. **{severity}** {}\n",
            label(&truncate(&clean(&group.title), 200))
        ));
        for row in group.rows.iter().take(FIRST_RESOURCES) {
            text.push_str(&format!("   {}", row.line(head)));
        }
        let more = group.count.saturating_sub(FIRST_RESOURCES as u64);
        if more > 0 {
            text.push_str(&format!("   - and {} more\n", number(more)));
        }
        if let Some(fix) = group.fix.as_deref().filter(|fix| fix.len() <= 1_000) {
            text.push('\n');
            text.push_str(&fenced(fix, 3));
        }
    }
    text
}

fn not_read(head: &Head) -> String {
    let unread = unread(head);
    if unread.is_empty() {
        return String::new();
    }
    let mut text = "\n### Could not be read\n\n".to_owned();
    for entry in unread.iter().take(UNREAD) {
        let sentence = entry.sentence(head, 5);
        text.push_str(&format!("- {}\n", code(&truncate(&sentence, 200))));
    }
    let more = unread.len().saturating_sub(UNREAD) as u64;
    if more > 0 {
        text.push_str(&format!(
            "- and {} more, in the JSON report\n",
            number(more)
        ));
    }
    text
}

/// The findings, check by check, while there is room.
fn findings(head: &Head, groups: &[Group], page: &mut String) {
    if groups.is_empty() {
        return;
    }
    page.push_str("\n### Findings\n\n");
    let mut cut = (0_u64, 0_u64);
    for group in groups {
        let text = section(head, group);
        // After the first that does not fit nothing follows, so that what is shown is the worst.
        if cut.1 > 0 || page.len() + text.len() > LIMIT - TAIL {
            cut = (cut.0 + group.count, cut.1 + 1);
        } else {
            page.push_str(&text);
        }
    }
    if cut.1 > 0 {
        page.push_str(&format!(
            "\n**{} of {} left out, to fit into a comment.** All findings: `posture report REPORT.json -o \
             csv=findings.csv`, or the JSON report itself.\n",
            counted(cut.0, "more finding", "more findings"),
            counted(cut.1, "check", "checks"),
        ));
    }
}

fn section(head: &Head, group: &Group) -> String {
    let verdict = match group.status {
        Status::Fail => String::new(),
        status => format!(" ({})", status.as_str().replace('_', " ")),
    };
    let mut text = format!(
        "<details><summary><b>{}</b>{verdict} {} · {} <code>{}</code></summary>\n\n",
        group.severity.as_str(),
        html_label(&truncate(&clean(&group.title), 200)),
        number(group.count),
        group.check,
    );
    for row in &group.rows {
        text.push_str(&row.line(head));
    }
    let more = group.count.saturating_sub(group.rows.len() as u64);
    if more > 0 {
        text.push_str(&format!(
            "\nand {} more: `posture report REPORT.json --check {} -o csv`\n",
            number(more),
            group.check
        ));
    }
    text.push_str("\n</details>\n");
    text
}

/// `prod` for people, the id where there is no name.
fn account(head: &Head, id: &AccountId) -> String {
    let name = head.account_name(id).map(clean).filter(|n| !n.is_empty());
    match name {
        Some(name) => format!("{} {}", code(id.as_str()), code(&truncate(&name, NAME))),
        None => code(id.as_str()),
    }
}

/// Hostile text as a code span: one line, and nothing in it means anything.
pub(crate) fn code(hostile: &str) -> String {
    let text = clean(hostile);
    let text = text.trim();
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(text, '`') + 1);
    // A blank keeps a backtick of the text apart from the fence; Markdown takes it away again.
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text of a check: as it is where it is plain prose, else as a code span. Checks are written by those who
/// scan, but a report may come from anywhere.
pub(crate) fn label(text: &str) -> String {
    let text = clean(text);
    if is_prose(&text) { text } else { code(&text) }
}

/// The same for text between tags.
fn html_label(text: &str) -> String {
    if is_prose(text) {
        text.to_owned()
    } else {
        format!("<code>{}</code>", html(text))
    }
}

/// Whether nothing in the text means anything in Markdown or to GitHub: no markup, address, mention,
/// reference to an issue or a commit, emoji or formula.
fn is_prose(text: &str) -> bool {
    const PUNCTUATION: &str = " ,.;:()'\"-/%?’";
    let lower = text.to_lowercase();
    let refers = ["www.", "//", "gh-", "](", "--"]
        .iter()
        .any(|mark| lower.contains(mark));
    let commit = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| {
            word.len() >= 7
                && word.chars().all(|c| c.is_ascii_hexdigit())
                && word.contains(|c: char| c.is_ascii_digit())
        });
    // `:tada:`
    let emoji = lower.split(' ').any(|word| word.starts_with(':'));
    text.starts_with(char::is_alphabetic)
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || PUNCTUATION.contains(c))
        && !refers
        && !commit
        && !emoji
}

/// A command as a block, indented into a list.
pub(crate) fn fenced(hostile: &str, indent: usize) -> String {
    let text = clean_lines(hostile);
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let mut out = format!("{:indent$}{fence}sh\n", "");
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
    out.push_str(&format!("{:indent$}{fence}\n", ""));
    out
}

fn html(hostile: &str) -> String {
    let text = clean(hostile);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_holds_any_text() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(code("  "), "(empty)");
        assert_eq!(code("two\nlines"), "`two lines`");
    }

    #[test]
    fn only_prose_stays_as_it_is() {
        for text in [
            "Function's policy lets anyone use it",
            "Key was not rotated for more than 90 days, although it is in use",
            "API stage (HTTP) accepts GET/POST: no limits",
        ] {
            assert_eq!(label(text), text);
        }
        for text in [
            "thanks @octocat",
            "fixes #12",
            "fixes GH-12",
            "see www.evil.example",
            "see https://evil.example",
            "[x](y)",
            "<b>",
            "*bold*",
            "a_b_c",
            "at 0123456789abcdef",
            "nice :tada:",
            "- list",
            "1. list",
            "a & b",
        ] {
            assert_eq!(label(text), format!("`{text}`"));
        }
    }

    #[test]
    fn a_block_is_longer_fenced_than_its_text() {
        assert_eq!(fenced("a ```` b", 0), "`````sh\na ```` b\n`````\n");
    }
}
