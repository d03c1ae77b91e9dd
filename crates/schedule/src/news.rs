//! What is new in a report.

use std::collections::HashSet;
use std::io;

use posture_model::FindingId;
use posture_report::v1::{BySeverity, Finding, Severity, Status};
use posture_report::{Source, Stored};

use crate::{Run, RunError, Runs};

/// Findings that are named; the others are counted.
pub const LIMIT: usize = 20;

/// Failing findings that someone was told of before.
#[derive(Debug, Default)]
pub struct Known {
    ids: HashSet<FindingId>,
    /// Reports that could not be read, each with the reason.
    pub unreadable: Vec<String>,
    /// Whether there was a report to know anything from.
    pub any: bool,
}

/// Failing findings that are not among the known ones.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// How many there are.
    pub by_severity: BySeverity,
    /// The worst of them, at most [`LIMIT`].
    pub worst: Vec<Finding>,
}

impl Known {
    /// From the last complete run that was told, and from all that were told after it: an incomplete run does not
    /// see everything, but what it did see was told.
    pub fn of(runs: &Runs) -> Result<Self, RunError> {
        let mut known = Self::default();
        for run in runs.all()? {
            if !run.is_told() {
                continue;
            }
            if let Err(problem) = known.add(&run) {
                known
                    .unreadable
                    .push(format!("{}: {problem}", run.report().display()));
                continue;
            }
            known.any = true;
            if run.is_complete() {
                break;
            }
        }
        Ok(known)
    }

    fn add(&mut self, run: &Run) -> Result<(), String> {
        let report = Stored::open(&run.report()).map_err(|error| error.to_string())?;
        if !report.head().scan.statuses.contains(&Status::Fail) {
            return Err("it does not list what fails".to_owned());
        }
        let mut add = |finding: &Finding| {
            if finding.status == Status::Fail {
                self.ids.insert(finding.id.clone());
            }
            Ok(())
        };
        report.each(&mut add).map_err(|error| error.to_string())
    }
}

impl News {
    /// The failing findings of a report that are not known, and are at least this severe.
    pub fn of(report: &dyn Source, known: &Known, least: Severity) -> io::Result<Self> {
        let mut news = Self::default();
        report.each(&mut |finding| {
            let new = finding.status == Status::Fail
                && finding.severity >= least
                && !known.ids.contains(&finding.id);
            if new {
                news.by_severity.add(finding.severity, 1);
                if news.worst.len() < LIMIT {
                    news.worst.push(finding.clone());
                }
            }
            Ok(())
        })?;
        Ok(news)
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        let counts = Severity::ALL.map(|severity| self.by_severity.get(severity));
        counts.iter().sum()
    }

    /// `1 critical, 4 high`.
    pub fn counts(&self) -> String {
        let counts: Vec<String> = Severity::ALL
            .into_iter()
            .map(|severity| (severity, self.by_severity.get(severity)))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{count} {}", severity.as_str()))
            .collect();
        counts.join(", ")
    }
}
