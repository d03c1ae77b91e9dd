//! A report held against the ledger: which tickets have to change.
//!
//! Nothing here talks to anyone. The same report and ledger give the same operations, and a ledger that has taken
//! them in gives none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use posture_model::{FindingId, Region, Timestamp};
use posture_report::Source;
use posture_report::v1::{Finding, Head, Severity, Status, Waiver};
use sha2::{Digest, Sha256};

use super::body::{self, Shown};
use super::ledger::{Entry, Ledger, Member, State};
use super::operation::{Kind, Operation, Resolution, Resolved};
use super::{GroupBy, OnWaived, Policy};
use crate::index::{Homes, Index, Record, Subject, id, number, subject};
use crate::names::Names;
use crate::standing::Standing;

/// What is to be done, as it is found out.
#[derive(Debug)]
pub enum Step<'a> {
    /// An operation on a ticket.
    Do(&'a Operation),
    /// Nothing that a reader would care about: the ledger alone is brought up to date.
    Note(&'a Entry),
}

/// How many operations there are, and what was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Tickets to open.
    pub open: u64,
    /// Tickets to change.
    pub update: u64,
    /// Tickets to reopen.
    pub reopen: u64,
    /// Tickets to close.
    pub close: u64,
    /// Open tickets that stay as they are.
    pub unchanged: u64,
    /// Open tickets that stay because the report does not prove that something is mended.
    pub unproven: u64,
    /// Open tickets that stay because it is not known all they are for.
    pub unwhole: u64,
}

impl Counts {
    /// Operations of a kind.
    pub fn get(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Open => self.open,
            Kind::Update => self.update,
            Kind::Reopen => self.reopen,
            Kind::Close => self.close,
        }
    }

    /// All operations.
    pub fn all(&self) -> u64 {
        self.open + self.update + self.reopen + self.close
    }

    /// One more of a kind.
    pub(crate) fn count_one(&mut self, kind: Kind) {
        *match kind {
            Kind::Open => &mut self.open,
            Kind::Update => &mut self.update,
            Kind::Reopen => &mut self.reopen,
            Kind::Close => &mut self.close,
        } += 1;
    }
}

/// A report, read and arranged.
pub struct Planner<'a> {
    report: &'a dyn Source,
    policy: &'a Policy,
    index: Index,
    names: Names,
}

/// Takes the steps.
pub(crate) type Take<'a> = dyn FnMut(Step<'_>) -> io::Result<()> + 'a;

impl<'a> Planner<'a> {
    /// Reads a report once.
    pub fn new(report: &'a dyn Source, policy: &'a Policy) -> io::Result<Self> {
        let mut names = Names::default();
        let index = Index::of(report, &mut names)?;
        Ok(Self {
            report,
            policy,
            index,
            names,
        })
    }

    /// The ledger that telling this report from the beginning would leave: a stand-in for one that was lost.
    pub fn ledger(&mut self) -> io::Result<Ledger> {
        let mut ledger = Ledger::new(self.policy.group_by);
        let empty = ledger.clone();
        self.plan(&empty, &mut |step| {
            if let Step::Do(operation) = step {
                let entry = operation.after.clone();
                ledger.entries.insert(entry.key.clone(), entry);
            }
            Ok(())
        })?;
        Ok(ledger)
    }

    /// Finds out what has to be done, in the order of the report; what is to be closed comes last.
    pub fn plan(&mut self, ledger: &Ledger, take: &mut Take<'_>) -> io::Result<Counts> {
        let mut run = Run {
            head: self.report.head(),
            policy: self.policy,
            drafts: self.drafts(ledger),
            counts: Counts::default(),
        };
        // Those that nothing in the report is about wait for nothing.
        let quiet: Vec<String> = run
            .drafts
            .iter()
            .filter(|(_, draft)| draft.expected == 0 && !draft.closes())
            .map(|(key, _)| key.clone())
            .collect();
        for key in quiet {
            run.finish(&key, take)?;
        }
        let (index, names) = (&self.index, &mut self.names);
        let homes_of = |subject: &Subject, names: &Names| index.homes(subject, names);
        self.report.each(&mut |finding| {
            if finding.resource.id == "*" {
                return Ok(());
            }
            let key = key(self.policy.group_by, finding, names);
            let Some(draft) = run.drafts.get_mut(&key) else {
                return Ok(());
            };
            let subject = subject(finding, names);
            let digest = index.digest(subject.check);
            let homes = homes_of(&subject, names);
            if draft.see(finding, &subject, digest, homes, run.head) {
                run.finish(&key, take)?;
            }
            Ok(())
        })?;
        let rest: Vec<String> = run.drafts.keys().cloned().collect();
        for key in rest {
            run.finish(&key, take)?;
        }
        Ok(run.counts)
    }

    /// What the report has to say of each key, so far without words.
    fn drafts(&mut self, ledger: &Ledger) -> BTreeMap<String, Draft> {
        let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
        let mut members: HashSet<u128> = HashSet::new();
        for (key, entry) in &ledger.entries {
            let mut draft = Draft::new(Some(entry.clone()));
            if entry.state == State::Open {
                for member in &entry.members {
                    members.insert(id(member.finding.as_str()));
                    self.judge(member, &mut draft);
                }
            }
            drafts.insert(key.clone(), draft);
        }
        for record in &self.index.records {
            if record.status != Status::Fail || record.subject.listing {
                continue;
            }
            let known = members.contains(&record.subject.id);
            if !known && record.severity < self.policy.least {
                continue;
            }
            let draft = drafts
                .entry(self.key_of(record))
                .or_insert_with(|| Draft::new(None));
            draft.failing.insert(record.subject.id);
            draft.expected += 1;
        }
        // Closed ones that nothing fails for are no news.
        drafts.retain(|_, draft| draft.expected > 0 || draft.is_open());
        drafts
    }

    /// What the report says of a finding that a ticket is for.
    fn judge(&mut self, member: &Member, draft: &mut Draft) {
        let names = &mut self.names;
        let subject = Subject {
            id: id(member.finding.as_str()),
            key: number(&member.resource),
            check: names.of(member.check.as_str()),
            account: names.of(member.account.as_str()),
            region: names.of(member.region.as_str()),
            kind: names.of(&member.r#type),
            listing: false,
            plain: member.plain,
        };
        let homes = Homes {
            region: member.homes.contains(&member.region),
            global: !member.region.is_global() && member.homes.iter().any(Region::is_global),
        };
        let standing = self.index.standing(&subject, homes, &self.names);
        let why = match standing {
            Standing::Fail => return,
            Standing::Pass | Standing::NotApplicable | Standing::Sound => {
                let same = self.index.digest(subject.check) == Some(number(&member.digest));
                Some(if same {
                    Resolution::Fixed
                } else {
                    Resolution::SoundByNewRule
                })
            }
            Standing::Gone => Some(Resolution::Gone),
            Standing::Waived if self.policy.on_waived == OnWaived::Close => {
                Some(Resolution::Waived)
            }
            Standing::Waived | Standing::Unknown | Standing::Unread(_) | Standing::Unlooked(_) => {
                None
            }
        };
        if let Some(why) = why {
            draft.resolved.push(Resolved {
                finding: member.finding.clone(),
                resource: member.name.clone(),
                why,
            });
            // Its reason is in the report.
            draft.waived += usize::from(why == Resolution::Waived);
            draft.expected += usize::from(why == Resolution::Waived);
        } else {
            let listed = self.index.record(subject.id).is_some();
            draft.expected += usize::from(listed);
            draft.carried.insert(subject.id, member.clone());
        }
    }

    fn key_of(&self, record: &Record) -> String {
        match self.policy.group_by {
            GroupBy::Finding => format!("{:032x}", record.subject.id),
            GroupBy::Check => self.names.text(record.subject.check).to_owned(),
            GroupBy::Resource => format!("{:016x}", record.subject.key),
        }
    }
}

fn key(group_by: GroupBy, finding: &Finding, names: &mut Names) -> String {
    match group_by {
        GroupBy::Finding => finding.id.to_string(),
        GroupBy::Check => finding.check.to_string(),
        GroupBy::Resource => format!("{:016x}", subject(finding, names).key),
    }
}

/// What is known of a key while the report is read.
struct Draft {
    before: Option<Entry>,
    /// Findings to come that belong to it.
    expected: usize,
    /// Ids of those that fail.
    failing: HashSet<u128>,
    /// Those that fail, as they are seen.
    members: Vec<Member>,
    /// Those that the ticket was for and of which nothing is proved.
    carried: HashMap<u128, Member>,
    /// Those that it is no longer for.
    resolved: Vec<Resolved>,
    /// How many of them are waived.
    waived: usize,
    waivers: Vec<Waiver>,
    /// What of the findings is to be read.
    shown: Shown,
}

impl Draft {
    fn new(before: Option<Entry>) -> Self {
        Self {
            before,
            expected: 0,
            failing: HashSet::new(),
            members: Vec::new(),
            carried: HashMap::new(),
            resolved: Vec::new(),
            waived: 0,
            waivers: Vec::new(),
            shown: Shown::default(),
        }
    }

    fn is_open(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|entry| entry.state == State::Open)
    }

    /// Whether nothing is left that the ticket is for.
    fn closes(&self) -> bool {
        let whole = self.before.as_ref().is_some_and(|entry| entry.whole);
        self.is_open() && self.failing.is_empty() && self.carried.is_empty() && whole
    }

    /// Takes in a finding; says whether it was the last one.
    fn see(
        &mut self,
        finding: &Finding,
        subject: &Subject,
        digest: Option<u64>,
        homes: Homes,
        head: &Head,
    ) -> bool {
        if self.failing.contains(&subject.id) {
            self.members.push(member(finding, subject, digest, homes));
            self.shown.take(finding, head);
        } else if self.carried.contains_key(&subject.id) {
            self.shown.take(finding, head);
        } else if self
            .resolved
            .iter()
            .any(|one| one.why == Resolution::Waived && one.finding == finding.id)
        {
            self.waivers.extend(finding.waiver.clone());
        } else {
            return false;
        }
        self.expected = self.expected.saturating_sub(1);
        self.expected == 0 && !self.closes()
    }
}

/// A plan in the making.
struct Run<'a> {
    head: &'a Head,
    policy: &'a Policy,
    drafts: BTreeMap<String, Draft>,
    counts: Counts,
}

impl Run<'_> {
    /// All of a key is known: says what follows.
    fn finish(&mut self, key: &str, take: &mut Take<'_>) -> io::Result<()> {
        let Some(mut draft) = self.drafts.remove(key) else {
            return Ok(());
        };
        let now = self.entry(key, &draft);
        let kind = kind(&draft, &now);
        match (kind, draft.before.as_ref()) {
            (Some(kind), _) => {
                self.counts.count_one(kind);
                let operation = self.operation(kind, key, &mut draft, now);
                take(Step::Do(&operation))
            }
            (None, Some(before)) => {
                self.counts.unchanged += 1;
                self.counts.unproven +=
                    u64::from(draft.failing.is_empty() && !draft.carried.is_empty());
                self.counts.unwhole += u64::from(draft.failing.is_empty() && !before.whole);
                if *before == now {
                    return Ok(());
                }
                take(Step::Note(&now))
            }
            (None, None) => Ok(()),
        }
    }

    /// The entry as it is to be.
    fn entry(&self, key: &str, draft: &Draft) -> Entry {
        let scan = &self.head.scan;
        let mut members = draft.members.clone();
        members.extend(draft.carried.values().cloned());
        members.sort_by(|a, b| a.finding.cmp(&b.finding));
        let severity = members.iter().map(|member| member.severity).max();
        let before = draft.before.as_ref();
        let continues = before.filter(|entry| entry.state == State::Open);
        let severity = severity
            .or(before.map(|entry| entry.severity))
            .unwrap_or(Severity::Info);
        let severity_since = match continues {
            Some(entry) if entry.severity == severity => entry.severity_since,
            _ => scan.started_at,
        };
        Entry {
            key: key.to_owned(),
            state: if draft.closes() {
                State::Closed
            } else {
                State::Open
            },
            title: draft
                .shown
                .title(self.policy.group_by, self.head)
                .or(before.map(|entry| entry.title.clone()))
                .unwrap_or_default(),
            severity,
            opened: continues.map_or(scan.started_at, |entry| entry.opened),
            severity_since,
            due: self.due(continues, severity, severity_since),
            scan: before.map_or_else(|| scan.id.clone(), |entry| entry.scan.clone()),
            members,
            whole: continues.is_none_or(|entry| entry.whole),
            stale: continues.is_some_and(|entry| entry.stale) || !draft.resolved.is_empty(),
            ticket: before.and_then(|entry| entry.ticket.clone()),
            pending: None,
        }
    }

    /// The day by which to mend it, counted from when it was opened or got its severity. Becoming worse never
    /// moves it out.
    fn due(&self, before: Option<&Entry>, severity: Severity, since: Timestamp) -> Option<String> {
        if let Some(entry) = before
            && entry.severity == severity
        {
            return entry.due.clone();
        }
        let days = self.policy.due.days(severity)?;
        let day = day_after(since, days)?;
        match before {
            Some(entry) if severity > entry.severity => match &entry.due {
                Some(earlier) if *earlier < day => Some(earlier.clone()),
                _ => Some(day),
            },
            _ => Some(day),
        }
    }

    fn operation(&self, kind: Kind, key: &str, draft: &mut Draft, now: Entry) -> Operation {
        let scan = &self.head.scan;
        let after = Entry {
            scan: scan.id.clone(),
            stale: false,
            ..now
        };
        let before = draft.before.as_ref();
        let renamed = before.is_none_or(|entry| entry.title != after.title);
        draft.resolved.sort_by(|a, b| a.finding.cmp(&b.finding));
        let joined = self.joined(before, &after);
        let comment = body::comment(
            kind,
            draft.resolved.as_slice(),
            &draft.waivers,
            before,
            &after,
            joined,
            scan,
        );
        Operation {
            kind,
            key: key.to_owned(),
            group_by: self.policy.group_by,
            id: operation_id(kind, key, &scan.id),
            title: (kind != Kind::Update || renamed).then(|| after.title.clone()),
            body: (kind != Kind::Close)
                .then(|| draft.shown.body(self.policy.group_by, &after, self.head)),
            comment,
            severity: after.severity,
            due: after.due.clone(),
            labels: labels(&after, &self.policy.labels),
            findings: after.members.iter().map(|m| m.finding.clone()).collect(),
            resolved: std::mem::take(&mut draft.resolved),
            ticket: after.ticket.clone(),
            scan: scan.id.clone(),
            scanned_at: scan.started_at,
            after,
        }
    }

    /// Findings that the ticket was not for before.
    fn joined(&self, before: Option<&Entry>, after: &Entry) -> usize {
        let known: HashSet<&FindingId> = before
            .into_iter()
            .flat_map(|entry| &entry.members)
            .map(|member| &member.finding)
            .collect();
        let members = after.members.iter();
        members.filter(|m| !known.contains(&m.finding)).count()
    }
}

/// What has to be done so that the ticket says what the entry says.
fn kind(draft: &Draft, now: &Entry) -> Option<Kind> {
    let Some(before) = &draft.before else {
        return Some(Kind::Open);
    };
    if before.state == State::Closed {
        return Some(Kind::Reopen);
    }
    if now.state == State::Closed {
        return Some(Kind::Close);
    }
    // With nothing of it in the report there is nothing to write into it.
    if draft.shown.is_empty() {
        return None;
    }
    let ids = |entry: &Entry| -> Vec<FindingId> {
        entry.members.iter().map(|m| m.finding.clone()).collect()
    };
    let cares = before.stale
        || before.severity != now.severity
        || before.title != now.title
        || ids(before) != ids(now);
    cares.then_some(Kind::Update)
}

fn member(finding: &Finding, subject: &Subject, digest: Option<u64>, homes: Homes) -> Member {
    let mut listed = Vec::new();
    if homes.region {
        listed.push(finding.region.clone());
    }
    if homes.global {
        listed.push(Region::global());
    }
    Member {
        finding: finding.id.clone(),
        check: finding.check.clone(),
        digest: digest
            .map(|digest| format!("{digest:016x}"))
            .unwrap_or_default(),
        account: finding.account.clone(),
        region: finding.region.clone(),
        r#type: finding.resource.r#type.clone(),
        resource: format!("{:016x}", subject.key),
        name: finding.resource.name.clone(),
        severity: finding.severity,
        homes: listed,
        plain: subject.plain,
    }
}

fn labels(entry: &Entry, more: &[String]) -> Vec<String> {
    let mut labels = vec![
        "posture".to_owned(),
        format!("posture-{}", entry.severity.as_str()),
    ];
    labels.extend(more.iter().cloned());
    labels
}

/// The same for the same step of the same scan.
fn operation_id(kind: Kind, key: &str, scan: &str) -> String {
    let mut hash = Sha256::new();
    for part in [kind.as_str(), key, scan] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `2026-01-31`, so many days after a moment.
fn day_after(moment: Timestamp, days: u32) -> Option<String> {
    let then = Timestamp::from_unix(moment.unix().checked_add(i64::from(days) * 86_400)?)?;
    then.to_string().get(..10).map(str::to_owned)
}
