//! The findings as the script reads them: columns for the list in blocks of thousands, everything else in
//! blocks of hundreds that are opened when someone looks. A block is JSON, deflated, in Base64.
//!
//! Texts stand once in the table of their block, with what names the resource cut out of them: the findings of
//! one check then have the same remedy, and their ARNs the same pattern. `report.js` puts it back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use posture_model::Timestamp;
use serde::Serialize;

use super::markup::{Page, put};
use super::survey::{Lists, Survey, severity_number, status_number, titles};
use crate::clean::{visible, visible_lines};
use crate::source::Source;
use crate::text::percent;
use crate::v1::{Evidence, Finding, Gap, Head, Status};

/// Findings of a block of the list.
const ROWS: usize = 4096;
/// Findings of a block of details.
const FACTS: usize = 256;
/// Where in speed and size the deflater stands, from 1 to 9.
const LEVEL: u8 = 6;

/// Between the members of a list that is one text. Texts are made visible first, so that none holds it.
const MEMBER: &str = "\u{2}";
/// Between the key and the value of a tag.
const VALUE: &str = "\u{3}";

/// Writes the data blocks: what the numbers mean, then the findings.
pub(super) fn write(source: &dyn Source, survey: &Survey, page: &mut Page<'_>) -> io::Result<()> {
    block(page, Kind::Meta, &Meta::of(source.head(), &survey.lists))?;
    let mut rows = Rows::default();
    let mut facts = Facts::default();
    source.each(&mut |finding| {
        let slots = Slots::of(finding);
        rows.push(finding, &slots, &survey.lists);
        facts.push(finding, &slots);
        if rows.check.len() == ROWS {
            block(page, Kind::Rows, &std::mem::take(&mut rows))?;
        }
        if facts.findings.len() == FACTS {
            block(page, Kind::Facts, &std::mem::take(&mut facts))?;
        }
        Ok(())
    })?;
    if !rows.check.is_empty() {
        block(page, Kind::Rows, &rows)?;
    }
    if !facts.findings.is_empty() {
        block(page, Kind::Facts, &facts)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Meta,
    Rows,
    Facts,
}

fn block(page: &mut Page<'_>, kind: Kind, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(value)?;
    match kind {
        Kind::Meta => put!(page; "<script type=\"application/octet-stream\" data-block=\"meta\">"
        ),
        Kind::Rows => put!(page; "<script type=\"application/octet-stream\" data-block=\"rows\">"
        ),
        Kind::Facts => put!(page; "<script type=\"application/octet-stream\" data-block=\"facts\">"
        ),
    }
    page.base64(&miniz_oxide::deflate::compress_to_vec(&json, LEVEL))?;
    put!(page; "</script>\n");
    Ok(())
}

/// What the columns' numbers stand for.
#[derive(Serialize)]
struct Meta<'a> {
    accounts: Vec<AccountEntry<'a>>,
    regions: Vec<&'a str>,
    types: Vec<Cow<'a, str>>,
    checks: Vec<(&'a str, &'a super::survey::CheckEntry)>,
    titles: std::collections::BTreeMap<String, String>,
    block: usize,
}

#[derive(Serialize)]
struct AccountEntry<'a> {
    id: &'a str,
    name: Cow<'a, str>,
    score: String,
}

impl<'a> Meta<'a> {
    fn of(head: &'a Head, lists: &'a Lists) -> Self {
        let names: HashMap<&str, &str> = head
            .scan
            .accounts
            .iter()
            .filter_map(|account| Some((account.id.as_str(), account.name.as_deref()?)))
            .collect();
        let scores: HashMap<&str, Option<f64>> = head
            .scores
            .accounts
            .iter()
            .map(|row| (row.id.as_str(), row.score))
            .collect();
        Self {
            accounts: lists
                .accounts
                .names()
                .map(|id| AccountEntry {
                    id,
                    name: visible(names.get(id).copied().unwrap_or_default()),
                    score: percent(scores.get(id).copied().flatten()),
                })
                .collect(),
            regions: lists.regions.names().collect(),
            types: lists.types.names().map(visible).collect(),
            checks: lists
                .checks
                .entries
                .iter()
                .map(|(id, entry)| (id.as_str(), entry))
                .collect(),
            titles: titles(lists),
            block: FACTS,
        }
    }
}

/// What names a resource; `\u{1}` and a digit stand for it in texts.
struct Slots {
    values: [String; 5],
}

impl Slots {
    /// A shorter value occurs by chance.
    const LEAST: usize = 4;
    /// The ARN goes first, since it holds the others.
    const ORDER: [usize; 5] = [2, 1, 0, 4, 3];
    const MARKS: [&str; 5] = ["\u{1}0", "\u{1}1", "\u{1}2", "\u{1}3", "\u{1}4"];

    fn of(finding: &Finding) -> Self {
        let resource = &finding.resource;
        Self {
            values: [
                visible(&resource.name).into_owned(),
                visible(&resource.id).into_owned(),
                visible(&resource.arn).into_owned(),
                finding.region.to_string(),
                finding.account.to_string(),
            ],
        }
    }

    /// A text that may hold any of them.
    fn cut(&self, text: Cow<'_, str>) -> String {
        self.cut_in(text.into_owned(), &Self::ORDER)
    }

    /// The id, which may be the name or hold it.
    fn id(&self) -> String {
        self.cut_in(self.value(1).to_owned(), &[0, 4, 3])
    }

    /// The ARN, which may hold all others.
    fn arn(&self) -> String {
        self.cut_in(self.value(2).to_owned(), &[1, 0, 4, 3])
    }

    fn cut_in(&self, mut text: String, order: &[usize]) -> String {
        for slot in order {
            let value = self.value(*slot);
            let mark = Self::MARKS.get(*slot).copied().unwrap_or_default();
            if value.len() >= Self::LEAST && text.contains(value) {
                text = text.replace(value, mark);
            }
        }
        text
    }

    fn value(&self, slot: usize) -> &str {
        self.values
            .get(slot)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// The texts of a block, each once.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    list: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: String) -> usize {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = self.list.len();
        self.list.push(text.clone());
        self.numbers.insert(text, number);
        number
    }
}

impl Serialize for Texts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

/// The list's columns.
#[derive(Default, Serialize)]
struct Rows {
    texts: Texts,
    /// All ids in one text; they have one length.
    ids: String,
    check: Vec<usize>,
    /// A digit for each.
    status: String,
    severity: String,
    account: Vec<usize>,
    region: Vec<usize>,
    kind: Vec<usize>,
    name: Vec<usize>,
    id: Vec<usize>,
    arn: Vec<usize>,
    summary: Vec<usize>,
    tags: Vec<usize>,
}

impl Rows {
    fn push(&mut self, finding: &Finding, slots: &Slots, lists: &Lists) {
        let texts = &mut self.texts;
        self.ids.push_str(finding.id.as_str());
        self.check.push(lists.checks.number(finding.check.as_str()));
        self.status
            .push_str(&status_number(finding.status).to_string());
        self.severity
            .push_str(&severity_number(finding.severity).to_string());
        self.account
            .push(lists.accounts.number(finding.account.as_str()));
        self.region
            .push(lists.regions.number(finding.region.as_str()));
        self.kind.push(lists.types.number(&finding.resource.r#type));
        self.name.push(texts.number(slots.value(0).to_owned()));
        self.id.push(texts.number(slots.id()));
        self.arn.push(texts.number(slots.arn()));
        self.summary.push(texts.number(slots.cut(summary(finding))));
        self.tags.push(texts.number(tags(finding)));
    }
}

/// What the list says of a finding below the check's title.
fn summary(finding: &Finding) -> Cow<'_, str> {
    let facts = finding
        .message
        .strip_prefix(finding.title.as_str())
        .map(|rest| rest.trim_start_matches([':', ' ']));
    match finding.status {
        Status::Fail | Status::Waived => visible(facts.unwrap_or(&finding.message)),
        Status::Unknown | Status::Pass | Status::NotApplicable => visible(&finding.message),
    }
}

fn tags(finding: &Finding) -> String {
    let tags = finding
        .resource
        .tags
        .iter()
        .map(|(key, value)| format!("{}{VALUE}{}", visible(key), visible(value)));
    tags.collect::<Vec<_>>().join(MEMBER)
}

/// Details.
#[derive(Default, Serialize)]
struct Facts {
    texts: Texts,
    /// What the findings of a check share, each a JSON text of its own.
    shared: Texts,
    findings: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    shared: usize,
    /// Field, value, sources; then the next.
    evidence: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<GapEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<WaiverEntry>,
}

#[derive(Serialize)]
struct GapEntry {
    reason: &'static str,
    operation: String,
    iam_action: String,
    code: String,
}

#[derive(Serialize)]
struct WaiverEntry {
    reason: String,
    owner: String,
    ticket: String,
    expires: String,
}

#[derive(Serialize)]
struct Shared {
    confidence: &'static str,
    risk: String,
    cli: Option<String>,
    terraform: Option<String>,
    console: Option<String>,
    references: Vec<String>,
    practices: Vec<String>,
    well_architected: Vec<String>,
    owasp_serverless: Vec<String>,
    serverless_lens: Vec<String>,
}

impl Facts {
    fn push(&mut self, finding: &Finding, slots: &Slots) {
        let shared = Shared::of(finding, slots);
        // A structure of texts has a JSON form.
        let shared = serde_json::to_string(&shared).unwrap_or_default();
        let mut evidence = Vec::with_capacity(finding.evidence.len() * 3);
        for fact in &finding.evidence {
            evidence.extend(self.evidence(fact, slots));
        }
        self.findings.push(Fact {
            shared: self.shared.number(shared),
            evidence,
            gaps: finding.gaps.iter().map(gap).collect(),
            first_seen: finding.first_seen.map(|seen| self.texts.number(day(seen))),
            waiver: finding.waiver.as_ref().map(|waiver| WaiverEntry {
                reason: visible(&waiver.reason).into_owned(),
                owner: text(waiver.owner.as_deref()),
                ticket: text(waiver.ticket.as_deref()),
                expires: day(waiver.expires),
            }),
        });
    }

    fn evidence(&mut self, fact: &Evidence, slots: &Slots) -> [usize; 3] {
        let source: Vec<_> = fact.source.iter().map(|name| visible(name)).collect();
        [
            self.texts.number(visible(&fact.field).into_owned()),
            self.texts.number(slots.cut(visible(&fact.value))),
            self.texts.number(source.join(MEMBER)),
        ]
    }
}

impl Shared {
    fn of(finding: &Finding, slots: &Slots) -> Self {
        let prose = |text: &str| {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            slots.cut(Cow::Owned(visible(&line).into_owned()))
        };
        let lines = |text: &String| slots.cut(visible_lines(text.trim_end()));
        let texts = |texts: &[String]| {
            texts
                .iter()
                .map(|text| visible(text).into_owned())
                .collect()
        };
        Self {
            confidence: finding.confidence.as_str(),
            risk: prose(&finding.risk),
            cli: finding.fix.cli.as_ref().map(lines),
            terraform: finding.fix.terraform.as_ref().map(lines),
            console: finding.fix.console.as_deref().map(prose),
            references: finding
                .references
                .iter()
                .map(|url| slots.cut(visible(url)))
                .collect(),
            practices: texts(&finding.practices),
            well_architected: texts(&finding.well_architected),
            owasp_serverless: texts(&finding.owasp_serverless),
            serverless_lens: texts(&finding.serverless_lens),
        }
    }
}

fn gap(gap: &Gap) -> GapEntry {
    GapEntry {
        reason: crate::v1::Outcome::from(gap.reason).phrase(),
        operation: text(gap.operation.as_deref()),
        iam_action: text(gap.iam_action.as_deref()),
        code: text(gap.code.as_deref()),
    }
}

fn text(text: Option<&str>) -> String {
    text.map(|text| visible(text).into_owned())
        .unwrap_or_default()
}

/// `2026-01-31`.
fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(values: [&str; 5]) -> Slots {
        Slots {
            values: values.map(str::to_owned),
        }
    }

    #[test]
    fn what_names_the_resource_is_cut_out() {
        let slots = slots([
            "orders",
            "orders",
            "arn:aws:lambda:eu-west-1:222222222222:function:orders",
            "eu-west-1",
            "222222222222",
        ]);
        assert_eq!(slots.id(), "\u{1}0");
        assert_eq!(slots.arn(), "arn:aws:lambda:\u{1}3:\u{1}4:function:\u{1}1");
        let command = "aws lambda x --region eu-west-1 --function-name orders --arn arn:aws:lambda:eu-west-1:222222222222:function:orders";
        assert_eq!(
            slots.cut(command.into()),
            "aws lambda x --region \u{1}3 --function-name \u{1}1 --arn \u{1}2"
        );
    }

    #[test]
    fn what_is_short_or_absent_is_left() {
        let slots = slots(["db", "", "", "global", "222222222222"]);
        assert_eq!(slots.cut("db of global".into()), "db of \u{1}3");
    }
}
