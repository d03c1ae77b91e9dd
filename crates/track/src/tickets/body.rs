//! What a ticket says.

use posture_report::v1::{Finding, Head, Scan, Severity, Status, Waiver};

use super::GroupBy;
use super::document::{Document, Span};
use super::ledger::Entry;
use super::operation::{Kind, Resolution, Resolved};

/// Findings of a ticket that are listed one by one.
const LISTED: usize = 50;
/// Checks of a resource that are explained.
const EXPLAINED: usize = 5;
/// Findings that a comment lists.
const TOLD: usize = 20;

/// What is kept of the findings of a ticket, to write it.
#[derive(Default)]
pub(crate) struct Shown {
    /// The worst finding, as a whole; for a resource, of each check.
    explained: Vec<Finding>,
    /// All of them, as lines.
    lines: Vec<Line>,
    more: usize,
}

/// A finding of many.
struct Line {
    status: Status,
    severity: Severity,
    title: String,
    name: String,
    arn: String,
    account: String,
    region: String,
    id: String,
    message: String,
}

impl Shown {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes in a finding; they come with the worst first.
    pub(crate) fn take(&mut self, finding: &Finding, head: &Head) {
        let told = self.explained.iter().any(|one| one.check == finding.check);
        if !told && self.explained.len() < EXPLAINED {
            self.explained.push(finding.clone());
        }
        if self.lines.len() < LISTED {
            self.lines.push(Line::of(finding, head));
        } else {
            self.more += 1;
        }
    }

    /// The ticket's title; null where nothing of it is in the report.
    pub(crate) fn title(&self, group_by: GroupBy, head: &Head) -> Option<String> {
        let first = self.explained.first()?;
        let place = format!("{}, {}", account(first, head), first.region);
        Some(match group_by {
            GroupBy::Finding => format!("{}: {} ({place})", first.title, first.resource.name),
            GroupBy::Check => first.title.clone(),
            GroupBy::Resource => format!(
                "{} {} ({place})",
                first.resource.r#type, first.resource.name
            ),
        })
    }

    /// The ticket's text.
    pub(crate) fn body(&self, group_by: GroupBy, entry: &Entry, head: &Head) -> Document {
        let mut text = Document::default();
        let Some(first) = self.explained.first() else {
            return text;
        };
        text.list(facts(group_by, first, entry, head));
        match group_by {
            GroupBy::Finding => {
                text.heading("What was found");
                text.prose(&first.message);
                remedy(first, &mut text);
            }
            GroupBy::Check => {
                text.heading("Where");
                self.list(&mut text, |line| {
                    vec![
                        Span::code(&line.name),
                        Span::text(" in "),
                        Span::code(&line.account),
                        Span::text(format!(", {}: ", line.region)),
                        Span::code(&line.arn),
                        Span::text(format!(", finding {}", short(&line.id))),
                    ]
                });
                remedy(first, &mut text);
            }
            GroupBy::Resource => {
                text.heading("What was found");
                self.list(&mut text, |line| {
                    vec![
                        Span::label(line.severity.as_str()),
                        Span::text(format!(" {} ", line.title)),
                        Span::code(&line.message),
                        Span::text(format!(", finding {}", short(&line.id))),
                    ]
                });
                for finding in &self.explained {
                    text.heading(&finding.title);
                    remedy(finding, &mut text);
                }
            }
        }
        text.prose(
            "Kept by posture: it is closed when a scan proves that this is mended, gone or accepted, and opened \
             again when it comes back. Write comments rather than changes to this text.",
        );
        text
    }

    fn list(&self, text: &mut Document, words: impl Fn(&Line) -> Vec<Span>) {
        let mut lines: Vec<Vec<Span>> = self
            .lines
            .iter()
            .map(|line| {
                let mut spans = words(line);
                match line.status {
                    Status::Unknown => spans.push(Span::text(" (could not be read this time)")),
                    Status::Waived => spans.push(Span::text(" (accepted by a waiver)")),
                    _ => {}
                }
                spans
            })
            .collect();
        if self.more > 0 {
            lines.push(vec![Span::text(format!("and {} more", self.more))]);
        }
        text.list(lines);
    }
}

impl Line {
    fn of(finding: &Finding, head: &Head) -> Self {
        Self {
            status: finding.status,
            severity: finding.severity,
            title: finding.title.clone(),
            name: finding.resource.name.clone(),
            arn: finding.resource.arn.clone(),
            account: account(finding, head),
            region: finding.region.to_string(),
            id: finding.id.to_string(),
            message: finding.message.clone(),
        }
    }
}

fn facts(group_by: GroupBy, first: &Finding, entry: &Entry, head: &Head) -> Vec<Vec<Span>> {
    let fact = |label: &str, value: Vec<Span>| {
        let mut line = vec![Span::label(label), Span::text(" ")];
        line.extend(value);
        line
    };
    let mut facts = vec![fact("Severity", vec![Span::text(entry.severity.as_str())])];
    if let Some(due) = &entry.due {
        facts.push(fact("Due", vec![Span::text(due)]));
    }
    if group_by != GroupBy::Check {
        let resource = &first.resource;
        facts.push(fact(
            "Resource",
            vec![
                Span::code(&resource.name),
                Span::text(" "),
                Span::code(&resource.arn),
            ],
        ));
        facts.push(fact("Account", vec![Span::code(account(first, head))]));
        facts.push(fact("Region", vec![Span::text(first.region.as_str())]));
    }
    if group_by != GroupBy::Resource {
        facts.push(fact("Check", vec![Span::code(first.check.as_str())]));
    }
    if group_by == GroupBy::Finding {
        facts.push(fact("Finding", vec![Span::code(first.id.as_str())]));
        if let Some(since) = first.first_seen {
            facts.push(fact(
                "First seen",
                vec![Span::text(day(&since.to_string()))],
            ));
        }
    }
    facts
}

fn remedy(finding: &Finding, text: &mut Document) {
    text.heading("Why it matters");
    text.prose(&finding.risk);
    text.heading("How to mend it");
    if let Some(cli) = &finding.fix.cli {
        text.code("sh", cli);
    }
    if let Some(terraform) = &finding.fix.terraform {
        text.code("hcl", terraform);
    }
    if let Some(console) = &finding.fix.console {
        text.prose(console);
    }
    if !finding.references.is_empty() {
        let links = finding.references.iter();
        text.list(links.map(|link| vec![Span::Link(link.clone())]).collect());
    }
}

/// What to tell those who follow a ticket.
pub(crate) fn comment(
    kind: Kind,
    resolved: &[Resolved],
    waivers: &[Waiver],
    before: Option<&Entry>,
    after: &Entry,
    joined: usize,
    scan: &Scan,
) -> Option<Document> {
    let mut text = Document::default();
    let started = scan.started_at.to_string();
    let when = day(&started);
    match kind {
        Kind::Open => return None,
        Kind::Close => text.prose(format!(
            "Closed: the scan of {when} proves what it was for to be dealt with."
        )),
        Kind::Reopen => text.prose(format!(
            "Opened again: the scan of {when} finds it failing."
        )),
        Kind::Update => {
            let mut changes = Vec::new();
            if let Some(before) = before
                && before.severity != after.severity
            {
                changes.push(format!(
                    "severity {} instead of {}",
                    after.severity.as_str(),
                    before.severity.as_str()
                ));
            }
            if joined > 0 {
                changes.push(format!("{joined} more"));
            }
            if !resolved.is_empty() {
                changes.push(format!("{} less", resolved.len()));
            }
            if before.is_some_and(|before| before.title != after.title) {
                changes.push("another name".to_owned());
            }
            text.prose(format!(
                "Changed with the scan of {when}: {}.",
                changes.join(", ")
            ));
        }
    }
    let mut lines: Vec<Vec<Span>> = resolved
        .iter()
        .take(TOLD)
        .map(|one| {
            vec![
                Span::code(&one.resource),
                Span::text(format!(", {}", one.why.phrase())),
            ]
        })
        .collect();
    if resolved.len() > TOLD {
        lines.push(vec![Span::text(format!(
            "and {} more",
            resolved.len() - TOLD
        ))]);
    }
    if !lines.is_empty() {
        text.list(lines);
    }
    if resolved.iter().any(|one| one.why == Resolution::Waived) {
        for waiver in waivers.iter().take(TOLD) {
            text.prose(accepted(waiver));
        }
    }
    Some(text)
}

fn accepted(waiver: &Waiver) -> String {
    let owner = waiver.owner.as_deref().unwrap_or("someone");
    let ticket = waiver.ticket.as_ref().map(|ticket| format!(" ({ticket})"));
    format!(
        "Accepted by {owner} until {}{}: {}",
        day(&waiver.expires.to_string()),
        ticket.unwrap_or_default(),
        waiver.reason
    )
}

fn account(finding: &Finding, head: &Head) -> String {
    match head.account_name(&finding.account) {
        Some(name) => format!("{} {name}", finding.account),
        None => finding.account.to_string(),
    }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}
