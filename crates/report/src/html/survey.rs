//! The first look over all findings: what the page shows at once, and the lists that the findings' columns
//! refer to by number.

use std::collections::{BTreeSet, HashMap};
use std::io;

use posture_catalog::Frameworks;
use posture_model::AccountId;
use serde::Serialize;

use crate::clean::visible;
use crate::seen::{Group, Seen};
use crate::source::Source;
use crate::v1::{Finding, Severity, Status};

/// What came of it.
pub(super) struct Survey {
    pub(super) seen: Seen,
    /// Failing checks, the worst first.
    pub(super) groups: Vec<Group>,
    pub(super) lists: Lists,
}

/// The lists, each in the order in which its members first occur; a column holds places in one of them.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) checks: Numbered<CheckEntry>,
    pub(super) accounts: Numbered<()>,
    pub(super) regions: Numbered<()>,
    pub(super) types: Numbered<()>,
}

/// Names with their numbers, and something about each.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    numbers: HashMap<String, usize>,
    pub(super) entries: Vec<(String, T)>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            entries: Vec::new(),
        }
    }
}

impl<T> Numbered<T> {
    /// The number of a name; 0 for one that is not there.
    pub(super) fn number(&self, name: &str) -> usize {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let (_, entry) = self.entries.get(*self.numbers.get(name)?)?;
        Some(entry)
    }

    /// The entry of a name, which `make` makes when the name is new.
    fn entry(&mut self, name: &str, make: impl FnOnce() -> T) -> Option<&mut T> {
        let number = match self.numbers.get(name) {
            Some(number) => *number,
            None => {
                let number = self.entries.len();
                self.numbers.insert(name.to_owned(), number);
                self.entries.push((name.to_owned(), make()));
                number
            }
        };
        self.entries.get_mut(number).map(|(_, entry)| entry)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }
}

/// What the page knows of a check, from the first of its findings.
#[derive(Debug, Serialize)]
pub(super) struct CheckEntry {
    pub(super) title: String,
    severity: usize,
    practices: Vec<String>,
    well_architected: Vec<String>,
    owasp_serverless: Vec<String>,
    serverless_lens: Vec<String>,
    /// Accounts where it fails.
    #[serde(skip)]
    pub(super) accounts: BTreeSet<AccountId>,
}

impl Survey {
    pub(super) fn of(source: &dyn Source) -> io::Result<Self> {
        let mut lists = Lists::default();
        // In the order of the report, so that an account without findings can be chosen too.
        for account in &source.head().scan.accounts {
            lists.accounts.entry(account.id.as_str(), || ());
        }
        let (seen, groups) = Seen::of(source, &mut |finding| lists.note(finding))?;
        Ok(Self {
            seen,
            groups,
            lists,
        })
    }
}

impl Lists {
    fn note(&mut self, finding: &Finding) {
        self.accounts.entry(finding.account.as_str(), || ());
        self.regions.entry(finding.region.as_str(), || ());
        self.types.entry(&finding.resource.r#type, || ());
        let texts = |texts: &[String]| {
            texts
                .iter()
                .map(|text| visible(text).into_owned())
                .collect()
        };
        let check = self.checks.entry(finding.check.as_str(), || CheckEntry {
            title: visible(&finding.title).into_owned(),
            severity: severity_number(finding.severity),
            practices: texts(&finding.practices),
            well_architected: texts(&finding.well_architected),
            owasp_serverless: texts(&finding.owasp_serverless),
            serverless_lens: texts(&finding.serverless_lens),
            accounts: BTreeSet::new(),
        });
        if let (Some(check), Status::Fail) = (check, finding.status)
            && !check.accounts.contains(&finding.account)
        {
            check.accounts.insert(finding.account.clone());
        }
    }
}

/// The place of a severity in the script's list: the worst is 0.
pub(super) fn severity_number(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

/// The place of a status in the script's list.
pub(super) fn status_number(status: Status) -> usize {
    match status {
        Status::Fail => 0,
        Status::Unknown => 1,
        Status::Waived => 2,
        Status::Pass => 3,
        Status::NotApplicable => 4,
    }
}

/// Titles of the frameworks' members that some finding is keyed to, by `family:id`.
pub(super) fn titles(lists: &Lists) -> std::collections::BTreeMap<String, String> {
    // A catalogue that cannot be read leaves ids without titles.
    let Ok(frameworks) = Frameworks::builtin() else {
        return std::collections::BTreeMap::new();
    };
    let mut titles = std::collections::BTreeMap::new();
    for (_, check) in &lists.checks.entries {
        for id in &check.practices {
            if let Some(known) = frameworks.practices.get(id) {
                titles.insert(format!("practice:{id}"), known.practice.clone());
            }
        }
        for id in &check.well_architected {
            if let Some(known) = frameworks.well_architected.get(id) {
                titles.insert(format!("wa:{id}"), known.title.clone());
                titles.insert(format!("wa:{}", known.question_id), known.question.clone());
                let pillar = known
                    .question_id
                    .trim_end_matches(|c: char| c.is_ascii_digit());
                titles.insert(format!("wa:{pillar}"), known.pillar.clone());
            }
        }
        for id in &check.owasp_serverless {
            if let Some(known) = frameworks.owasp_serverless.get(id) {
                titles.insert(format!("owasp:{id}"), known.name.clone());
            }
        }
        for id in &check.serverless_lens {
            if let Some(known) = frameworks.serverless_lens.get(id) {
                titles.insert(format!("lens:{id}"), known.question.clone());
            }
        }
    }
    titles
}
