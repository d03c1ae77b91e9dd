//! A report beside an earlier one: since when each weakness is known, and which are new.

use std::collections::HashMap;
use std::io;

use posture_model::Timestamp;
use posture_report::v1::{Baseline, BySeverity, Finding, Head, Status};
use posture_report::{Source, Visit};

use crate::diff::{Comparison, Kind, Outcome};
use crate::index::{Index, id};
use crate::names::Names;

/// When the weaknesses of an earlier report were first seen, and what is new since.
///
/// It is made of both reports and then shows the findings of the new one with their dates.
#[derive(Debug)]
pub struct Compared {
    /// By finding; only where an earlier date than that of this scan is known.
    first_seen: HashMap<u128, Timestamp>,
    started_at: Timestamp,
    record: Baseline,
}

impl Compared {
    /// Compares a report with an earlier one. Both are read once.
    pub fn of(baseline: &dyn Source, report: &dyn Source) -> io::Result<Self> {
        let mut names = Names::default();
        let before = Index::of(baseline, &mut names)?;
        let after = Index::of(report, &mut names)?;
        let record = record(baseline.head(), report.head(), &before, &after, &names);
        let mut first_seen = HashMap::new();
        let scanned = baseline.head().scan.started_at;
        baseline.each(&mut |finding| {
            let since = match finding.status {
                Status::Fail | Status::Waived => Some(finding.first_seen.unwrap_or(scanned)),
                // It may have failed before it could not be read; if it had not, there is no date.
                Status::Unknown => finding.first_seen,
                Status::Pass | Status::NotApplicable => None,
            };
            let finding = id(finding.id.as_str());
            if let Some(since) = since
                && after.record(finding).is_some()
            {
                first_seen.insert(finding, since);
            }
            Ok(())
        })?;
        Ok(Self {
            first_seen,
            started_at: report.head().scan.started_at,
            record,
        })
    }

    /// What the report's head says of the comparison.
    pub fn record(&self) -> &Baseline {
        &self.record
    }

    /// The report with the dates. Its head must hold [`Self::record`] already.
    pub fn dated<'a>(&'a self, report: &'a dyn Source) -> impl Source + 'a {
        Dated {
            compared: self,
            report,
        }
    }

    fn since(&self, finding: &Finding) -> Option<Timestamp> {
        let known = self.first_seen.get(&id(finding.id.as_str())).copied();
        match finding.status {
            Status::Fail | Status::Waived => Some(known.unwrap_or(self.started_at)),
            // Kept, so that a scan which cannot read it does not make the next one think it new.
            Status::Unknown => known,
            Status::Pass | Status::NotApplicable => None,
        }
    }
}

struct Dated<'a> {
    compared: &'a Compared,
    report: &'a dyn Source,
}

impl Source for Dated<'_> {
    fn head(&self) -> &Head {
        self.report.head()
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        self.report.each(&mut |finding| {
            let since = self.compared.since(finding);
            if since == finding.first_seen {
                return see(finding);
            }
            let mut dated = finding.clone();
            dated.first_seen = since;
            see(&dated)
        })
    }
}

fn record(old: &Head, new: &Head, before: &Index, after: &Index, names: &Names) -> Baseline {
    let comparison = Comparison::new(before, after, old, new, names);
    let mut fresh = BySeverity::default();
    let mut uncompared = BySeverity::default();
    for record in after.records.iter().filter(|r| r.status == Status::Fail) {
        let Outcome::Changed(verdict) = comparison.outcome(&record.subject) else {
            continue;
        };
        if !verdict.fails() {
            continue;
        }
        match verdict.kind {
            Kind::New | Kind::Regressed => *fresh.get_mut(record.severity) += 1,
            _ => *uncompared.get_mut(record.severity) += 1,
        }
    }
    Baseline {
        scan: old.scan.id.clone(),
        started_at: old.scan.started_at,
        new: fresh,
        uncompared,
    }
}
