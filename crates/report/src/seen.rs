//! What a page for people shows of the findings: the few that it names, and counts of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use posture_model::{AccountId, CheckId, Region};

use crate::source::Source;
use crate::v1::{Finding, Outcome, Status};

/// Resources named of each failing check.
pub(crate) const FIRST_RESOURCES: usize = 3;

/// Gathered finding by finding, so that no more than these are ever in memory.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    by_check: BTreeMap<CheckId, Group>,
    /// The first finding of all.
    pub(crate) first: Option<Finding>,
    /// How many there are.
    pub(crate) total: u64,
    /// What waits for a kind of call that failed.
    pub(crate) waiting: BTreeMap<(Outcome, String), Waiting>,
}

/// Verdicts that wait for the same kind of call.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) verdicts: u64,
    pub(crate) places: BTreeSet<(AccountId, Region)>,
}

/// Failing findings of one check.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) check: CheckId,
    /// The first of them.
    pub(crate) shown: Vec<Finding>,
    /// All of them.
    pub(crate) count: usize,
}

impl Seen {
    /// Goes over all findings; `also` sees each of them too.
    pub(crate) fn of(
        source: &dyn Source,
        also: &mut dyn FnMut(&Finding),
    ) -> io::Result<(Self, Vec<Group>)> {
        let mut seen = Self::default();
        source.each(&mut |finding| {
            seen.note(finding);
            also(finding);
            Ok(())
        })?;
        let groups = seen.worst_first();
        Ok((seen, groups))
    }

    fn note(&mut self, finding: &Finding) {
        self.total += 1;
        if self.first.is_none() {
            self.first = Some(finding.clone());
        }
        match finding.status {
            Status::Fail => self.note_failure(finding),
            Status::Unknown => self.note_gaps(finding),
            Status::Pass | Status::NotApplicable | Status::Waived => {}
        }
    }

    fn note_failure(&mut self, finding: &Finding) {
        let group = self
            .by_check
            .entry(finding.check.clone())
            .or_insert_with(|| Group {
                check: finding.check.clone(),
                shown: Vec::new(),
                count: 0,
            });
        group.count += 1;
        if group.shown.len() < FIRST_RESOURCES {
            group.shown.push(finding.clone());
        }
    }

    fn note_gaps(&mut self, finding: &Finding) {
        // A verdict that misses several facts of one kind waits for that kind once.
        let causes: BTreeSet<(Outcome, &String)> = finding
            .gaps
            .iter()
            .filter_map(|gap| {
                let subject = gap.iam_action.as_ref().or(gap.operation.as_ref())?;
                Some((gap.reason.into(), subject))
            })
            .collect();
        for (outcome, subject) in causes {
            let waiting = self.waiting.entry((outcome, subject.clone())).or_default();
            waiting.verdicts += 1;
            let place = (finding.account.clone(), finding.region.clone());
            waiting.places.insert(place);
        }
    }

    /// Failing checks: the worst, the surest, the most first.
    fn worst_first(&mut self) -> Vec<Group> {
        let mut groups: Vec<Group> = std::mem::take(&mut self.by_check).into_values().collect();
        groups.sort_by_cached_key(|group| {
            let worst = group.shown.first().map(|f| (f.severity, f.confidence));
            (std::cmp::Reverse((worst, group.count)), group.check.clone())
        });
        groups
    }
}
