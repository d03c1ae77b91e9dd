//! A report narrowed to some of its findings.

use std::collections::BTreeSet;
use std::io;

use posture_model::CheckId;

use crate::source::{Source, Visit};
use crate::v1::{BySeverity, ByStatus, Finding, Head, Severity, Status};

/// Which findings to keep; an empty set keeps all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Of these verdicts.
    pub statuses: Vec<Status>,
    /// Of these severities.
    pub severities: BTreeSet<Severity>,
    /// Of these checks.
    pub checks: BTreeSet<CheckId>,
}

/// Why a report cannot be narrowed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotNarrow {
    /// Verdicts are asked for that the report does not list. Their absence would look like there were none.
    #[error("the report does not list {} verdicts, only {}", asked.as_str(), names(listed))]
    NotListed {
        /// The first that is missing.
        asked: Status,
        /// What it lists.
        listed: Vec<Status>,
    },
    /// The report is of a format that does not say which verdicts it lists.
    #[error("the report does not say which verdicts it lists, so it cannot be narrowed to {}", asked.as_str())]
    Silent {
        /// The first that was asked for.
        asked: Status,
    },
    /// A check was not run.
    #[error("the report has no check {id:?}{}", close.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    NoCheck {
        /// Its id.
        id: String,
        /// The one that was probably meant.
        close: Option<String>,
    },
}

fn names(statuses: &[Status]) -> String {
    let names: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    names.join(", ")
}

/// A report as it would be had only these checks run and only these verdicts been listed. Scores, coverage
/// and resources stay those of the scan.
pub struct Narrowed<'a> {
    source: &'a dyn Source,
    head: Head,
    narrow: Narrow,
}

impl<'a> Narrowed<'a> {
    /// Of this report.
    pub fn new(source: &'a dyn Source, narrow: Narrow) -> Result<Self, CannotNarrow> {
        let mut head = source.head().clone();
        let listed = &head.scan.statuses;
        if let Some(asked) = narrow
            .statuses
            .iter()
            .find(|status| !listed.contains(status))
        {
            return Err(match listed.is_empty() {
                true => CannotNarrow::Silent { asked: *asked },
                false => CannotNarrow::NotListed {
                    asked: *asked,
                    listed: listed.clone(),
                },
            });
        }
        for id in &narrow.checks {
            if !head.checks.iter().any(|check| check.id == *id) {
                return Err(no_check(&head, id));
            }
        }
        if !narrow.statuses.is_empty() {
            head.scan
                .statuses
                .retain(|status| narrow.statuses.contains(status));
        }
        if !narrow.severities.is_empty() || !narrow.checks.is_empty() {
            head.checks
                .retain(|check| narrow.keeps(&check.id, check.severity));
            count_anew(&mut head);
        }
        Ok(Self {
            source,
            head,
            narrow,
        })
    }
}

impl Source for Narrowed<'_> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        self.source.each(&mut |finding| {
            if self.narrow.keeps_finding(finding) {
                see(finding)
            } else {
                Ok(())
            }
        })
    }
}

impl Narrow {
    fn keeps(&self, check: &CheckId, severity: Severity) -> bool {
        (self.checks.is_empty() || self.checks.contains(check))
            && (self.severities.is_empty() || self.severities.contains(&severity))
    }

    fn keeps_finding(&self, finding: &Finding) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&finding.status))
            && self.keeps(&finding.check, finding.severity)
    }
}

/// The counts over the checks that are left: each has its own.
fn count_anew(head: &mut Head) {
    let mut by_status = ByStatus::default();
    let mut by_severity = BySeverity::default();
    for check in &head.checks {
        let verdicts = &check.verdicts;
        by_status.fail += verdicts.fail;
        by_status.unknown += verdicts.unknown;
        by_status.pass += verdicts.pass;
        by_status.not_applicable += verdicts.not_applicable;
        by_status.waived += verdicts.waived;
        *by_severity.get_mut(check.severity) += verdicts.fail;
    }
    head.summary.checks = head.checks.len() as u64;
    head.summary.by_status = by_status;
    head.summary.by_severity = by_severity;
}

fn no_check(head: &Head, id: &CheckId) -> CannotNarrow {
    let near = head
        .checks
        .iter()
        .map(|check| (strsim::jaro_winkler(id.as_str(), check.id.as_str()), check))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    CannotNarrow::NoCheck {
        id: id.to_string(),
        close: near.map(|(_, check)| check.id.to_string()),
    }
}
