//! What is kept of a report to compare it with another one: for each finding some dozens of bytes.

use std::collections::{HashMap, HashSet};
use std::io;

use posture_engine::{finding_id, resource_key};
use posture_model::{GapReason, find_type};
use posture_report::Source;
use posture_report::v1::{self, ByStatus, Finding, Head, Outcome, Severity, Status};

use crate::names::{Name, Names};
use crate::standing::{Blank, Standing};

/// The id of a resource that stands for all of a type whose listing failed.
const LISTING: &str = "*";

/// What a finding is about: all that it takes to ask another report about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The finding's id.
    pub(crate) id: u128,
    /// Key of the resource.
    pub(crate) key: u64,
    /// The check.
    pub(crate) check: Name,
    /// The account.
    pub(crate) account: Name,
    /// The region.
    pub(crate) region: Name,
    /// The resource's type.
    pub(crate) kind: Name,
    /// Whether it stands for a listing that failed.
    pub(crate) listing: bool,
    /// Whether the ARN alone tells the resource from others of its place.
    pub(crate) plain: bool,
}

/// A finding, of which the report keeps the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) subject: Subject,
    pub(crate) status: Status,
    pub(crate) severity: Severity,
}

/// The places of an account where resources of a service with some region are listed: a service has units in
/// regions, a global one, or both, and a bucket of a region is listed by the global unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Homes {
    /// The region itself.
    pub(crate) region: bool,
    /// `global`, for a resource that has another region.
    pub(crate) global: bool,
}

/// How many places list a service.
type Listed = HashSet<(Name, Name, Name)>;

/// A report, arranged for questions about its findings.
#[derive(Debug)]
pub(crate) struct Index {
    /// Whether the format is too old to say anything by silence.
    silent: bool,
    /// The findings, in the report's order.
    pub(crate) records: Vec<Record>,
    by_id: HashMap<u128, u32>,
    /// Keys of the resources that were judged, sorted.
    resources: Vec<u64>,
    checks: HashMap<Name, Check>,
    statuses: HashSet<Status>,
    /// Regions by account.
    accounts: HashMap<Name, Account>,
    /// (account, region, service) that was listed.
    listed: Listed,
    /// Services listed anywhere.
    services: HashSet<Name>,
    /// (account, region, type) of which there may be more.
    incomplete: HashSet<(Name, Name, Name)>,
    /// (check, account, region) whose listing failed.
    unlisted: HashSet<(Name, Name, Name)>,
    /// Operations of (account, region, service) that AWS does not offer there.
    not_offered: HashMap<(Name, Name, Name), Vec<String>>,
    global: Name,
}

/// A check that ran.
#[derive(Debug)]
struct Check {
    digest: u64,
    kind: Name,
    verdicts: ByStatus,
}

#[derive(Debug)]
struct Account {
    regions: HashSet<Name>,
    /// Whether something about the account as a whole could not be read.
    gap: bool,
}

impl Index {
    /// Goes over a report once. Two findings of one id are an error: a report that has them is damaged.
    pub(crate) fn of(source: &dyn Source, names: &mut Names) -> io::Result<Self> {
        let mut index = Self::of_head(source.head(), names);
        source.each(&mut |finding| {
            let subject = subject(finding, names);
            if subject.listing {
                let place = (subject.check, subject.account, subject.region);
                index.unlisted.insert(place);
            }
            let at = u32::try_from(index.records.len()).map_err(io::Error::other)?;
            if index.by_id.insert(subject.id, at).is_some() {
                return Err(io::Error::other(format!(
                    "two findings of the report have the id {}",
                    finding.id
                )));
            }
            index.records.push(Record {
                subject,
                status: finding.status,
                severity: finding.severity,
            });
            Ok(())
        })?;
        index.records.shrink_to_fit();
        Ok(index)
    }

    fn of_head(head: &Head, names: &mut Names) -> Self {
        let mut index = Self {
            silent: head.is_silent(),
            records: Vec::new(),
            by_id: HashMap::new(),
            resources: keys(&head.resources),
            checks: HashMap::new(),
            statuses: head.scan.statuses.iter().copied().collect(),
            accounts: HashMap::new(),
            listed: HashSet::new(),
            services: HashSet::new(),
            incomplete: HashSet::new(),
            unlisted: HashSet::new(),
            not_offered: HashMap::new(),
            global: names.of(posture_model::GLOBAL_REGION),
        };
        for run in &head.checks {
            let check = Check {
                digest: number(&run.digest),
                kind: names.of(&run.resource),
                verdicts: run.verdicts,
            };
            index.checks.insert(names.of(run.id.as_str()), check);
        }
        for account in &head.scan.accounts {
            let regions = account.regions.iter().map(|r| names.of(r.as_str()));
            let known = Account {
                regions: regions.collect(),
                gap: account.gaps.iter().any(is_missed),
            };
            index.accounts.insert(names.of(account.id.as_str()), known);
        }
        for place in &head.scan.places {
            let (account, region) = (
                names.of(place.account.as_str()),
                names.of(place.region.as_str()),
            );
            for service in &place.services {
                let service = names.of(service);
                index.listed.insert((account, region, service));
                index.services.insert(service);
            }
            for kind in &place.incomplete {
                index.incomplete.insert((account, region, names.of(kind)));
            }
        }
        for row in &head.coverage {
            if row.outcome == Outcome::NotOffered {
                let place = (
                    names.of(row.account.as_str()),
                    names.of(row.region.as_str()),
                    names.of(&row.service),
                );
                let operations = index.not_offered.entry(place).or_default();
                operations.push(row.operation.clone());
            }
        }
        index
    }

    /// The finding of this id.
    pub(crate) fn record(&self, id: u128) -> Option<&Record> {
        self.records.get(*self.by_id.get(&id)? as usize)
    }

    /// Digest of the rule of a check that ran.
    pub(crate) fn digest(&self, check: Name) -> Option<u64> {
        self.checks.get(&check).map(|check| check.digest)
    }

    /// Where resources of the subject's kind are listed, as far as this report listed them.
    pub(crate) fn homes(&self, subject: &Subject, names: &Names) -> Homes {
        let Some(service) = names.known(service(names.text(subject.kind))) else {
            return Homes::default();
        };
        let has = |region| self.listed.contains(&(subject.account, region, service));
        Homes {
            region: has(subject.region),
            global: subject.region != self.global && has(self.global),
        }
    }

    /// How things stand with a finding here. `homes` is where another report listed its resource: that it is
    /// gone takes a look at all of these places.
    pub(crate) fn standing(&self, subject: &Subject, homes: Homes, names: &Names) -> Standing {
        if let Some(record) = self.record(subject.id) {
            return Standing::listed(record.status);
        }
        if self.silent {
            return Standing::Unlooked(Blank::Format);
        }
        let Some(check) = self.checks.get(&subject.check) else {
            return Standing::Unlooked(Blank::Check);
        };
        if check.kind != subject.kind {
            return Standing::Unlooked(Blank::Type);
        }
        if subject.listing {
            return self.listing(subject, check, names);
        }
        if self.resources.binary_search(&subject.key).is_ok() {
            return self.judged(subject, check);
        }
        self.absent(subject, check, homes, names)
    }

    /// Of a resource that was judged, though the finding is not listed.
    fn judged(&self, subject: &Subject, check: &Check) -> Standing {
        let all = [Status::Fail, Status::Unknown, Status::Waived];
        if !all.into_iter().all(|status| self.tells(check, status)) {
            return Standing::Unlooked(Blank::Statuses);
        }
        // Where several resources share an ARN, that one of them was judged says nothing of the others. The
        // same shows where even passes are listed, and this is none.
        let sound = [Status::Pass, Status::NotApplicable];
        if !subject.plain || sound.into_iter().all(|s| self.statuses.contains(&s)) {
            return Standing::Unread(Blank::Ambiguous);
        }
        Standing::Sound
    }

    /// Of a listing that failed elsewhere and is not said to have failed here.
    fn listing(&self, subject: &Subject, check: &Check, names: &Names) -> Standing {
        if !self.tells(check, Status::Unknown) {
            return Standing::Unlooked(Blank::Statuses);
        }
        let homes = self.homes(subject, names);
        if homes.region || homes.global {
            return Standing::Sound;
        }
        self.why_not_looked(subject, names)
    }

    /// Of a resource that was not judged.
    fn absent(&self, subject: &Subject, check: &Check, homes: Homes, names: &Names) -> Standing {
        if !self.tells(check, Status::Unknown) {
            return Standing::Unlooked(Blank::Statuses);
        }
        if !self.accounts.contains_key(&subject.account) {
            return Standing::Unlooked(Blank::Account);
        }
        for region in [subject.region, self.global] {
            let place = (subject.account, region);
            let cut = self.incomplete.contains(&(place.0, place.1, subject.kind));
            if cut || self.unlisted.contains(&(subject.check, place.0, place.1)) {
                return Standing::Unread(Blank::Listing);
            }
        }
        let here = self.homes(subject, names);
        let somewhere = here.region || here.global;
        let everywhere = (here.region || !homes.region) && (here.global || !homes.global);
        if !somewhere || !everywhere {
            return self.why_not_looked(subject, names);
        }
        // Where the other report listed it is not known: it might have been listed anywhere.
        if homes == Homes::default() {
            return Standing::Unlooked(Blank::Format);
        }
        if self.offers_no_more(subject, names) {
            return Standing::Unread(Blank::NotOffered);
        }
        Standing::Gone
    }

    /// Why a place was not looked at.
    fn why_not_looked(&self, subject: &Subject, names: &Names) -> Standing {
        let Some(account) = self.accounts.get(&subject.account) else {
            return Standing::Unlooked(Blank::Account);
        };
        if account.gap {
            return Standing::Unread(Blank::AccountGap);
        }
        if subject.region != self.global && !account.regions.contains(&subject.region) {
            return Standing::Unlooked(Blank::Region);
        }
        let service = names.known(service(names.text(subject.kind)));
        if !service.is_some_and(|service| self.services.contains(&service)) {
            return Standing::Unlooked(Blank::Service);
        }
        Standing::Unread(Blank::Place)
    }

    /// Whether absence from the findings means that a verdict is another one.
    fn tells(&self, check: &Check, status: Status) -> bool {
        let verdicts = match status {
            Status::Fail => check.verdicts.fail,
            Status::Unknown => check.verdicts.unknown,
            Status::Pass => check.verdicts.pass,
            Status::NotApplicable => check.verdicts.not_applicable,
            Status::Waived => check.verdicts.waived,
        };
        self.statuses.contains(&status) || verdicts == 0
    }

    /// Whether AWS says that a region does not offer what it offered before. Disabling a region leaves its
    /// resources where they are, and on the bill.
    fn offers_no_more(&self, subject: &Subject, names: &Names) -> bool {
        let kind = names.text(subject.kind);
        let Some(service) = names.known(service(kind)) else {
            return false;
        };
        let sources = listed_by(kind);
        [subject.region, self.global].into_iter().any(|region| {
            let operations = self.not_offered.get(&(subject.account, region, service));
            operations.is_some_and(|operations| {
                sources.is_empty() || operations.iter().any(|one| sources.contains(one))
            })
        })
    }
}

/// What a finding is about.
pub(crate) fn subject(finding: &Finding, names: &mut Names) -> Subject {
    let (check, account, region) = (
        finding.check.as_str(),
        finding.account.as_str(),
        finding.region.as_str(),
    );
    let resource = &finding.resource;
    let plain = finding_id(check, account, region, &resource.arn);
    Subject {
        id: id(finding.id.as_str()),
        key: number(&resource_key(
            &resource.r#type,
            account,
            region,
            &resource.arn,
        )),
        check: names.of(check),
        account: names.of(account),
        region: names.of(region),
        kind: names.of(&resource.r#type),
        listing: resource.id == LISTING && resource.arn == LISTING,
        plain: plain.is_some_and(|plain| plain == finding.id),
    }
}

/// A finding's id as a number.
pub(crate) fn id(text: &str) -> u128 {
    u128::from_str_radix(text, 16).unwrap_or_default()
}

/// A digest or key as a number.
pub(crate) fn number(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or_default()
}

fn keys(texts: &[String]) -> Vec<u64> {
    let mut keys: Vec<u64> = texts.iter().map(|text| number(text)).collect();
    keys.sort_unstable();
    keys
}

fn service(kind: &str) -> &str {
    kind.split('.').next().unwrap_or(kind)
}

/// A service that a region does not offer holds nothing there: nothing was missed.
fn is_missed(gap: &v1::Gap) -> bool {
    gap.reason != v1::GapReason::from(GapReason::NotOffered)
}

/// The operations that list a type; none for a type that this version does not know.
fn listed_by(kind: &str) -> Vec<String> {
    let Some(info) = find_type(kind) else {
        return Vec::new();
    };
    let schema = info.schema();
    let sources = schema.get("x-source").and_then(|value| value.as_array());
    let sources = sources.into_iter().flatten();
    sources
        .filter_map(|source| source.as_str().map(str::to_owned))
        .collect()
}
