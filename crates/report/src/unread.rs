//! What could not be read: the calls that failed, joined where their remedy is the same.

use std::collections::{BTreeMap, BTreeSet};

use posture_model::{AccountId, Region};

use crate::clean::clean;
use crate::seen::Waiting;
use crate::v1::{Head, Outcome};

/// All of it.
#[derive(Debug)]
pub(crate) struct Unread<'a> {
    /// By remedy (the order of outcomes), then by how many verdicts wait for it.
    pub(crate) rows: Vec<Row<'a>>,
    /// Services that some region does not offer, about which there is nothing to do.
    pub(crate) not_offered: BTreeSet<&'a str>,
}

/// Calls with the same remedy.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) outcome: Outcome,
    /// The IAM action, or the operation where no action is known.
    pub(crate) subject: &'a str,
    pub(crate) places: BTreeSet<(&'a AccountId, &'a Region)>,
    pub(crate) errors: BTreeSet<&'a str>,
    /// Listed verdicts that wait for it.
    pub(crate) verdicts: u64,
}

/// What could not be read, for reports that do not say how many verdicts wait for it.
pub(crate) fn unread(report: &Head) -> Vec<Row<'_>> {
    static NOBODY: BTreeMap<(Outcome, String), Waiting> = BTreeMap::new();
    Unread::of(report, &NOBODY).rows
}

impl<'a> Unread<'a> {
    /// Of a report, with the verdicts that wait for each kind of call. Some wait for a call that AWS answered,
    /// but not so that the answer could be understood: they have a row of their own.
    pub(crate) fn of(report: &'a Head, waiting: &'a BTreeMap<(Outcome, String), Waiting>) -> Self {
        let mut rows: BTreeMap<(Outcome, &str), Row<'_>> = BTreeMap::new();
        let mut not_offered = BTreeSet::new();
        for call in &report.coverage {
            match call.outcome {
                Outcome::Ok => {}
                Outcome::NotOffered => {
                    not_offered.insert(call.service.as_str());
                }
                outcome => {
                    let subject = if call.iam_action.is_empty() {
                        call.operation.as_str()
                    } else {
                        call.iam_action.as_str()
                    };
                    let row = rows
                        .entry((outcome, subject))
                        .or_insert_with(|| Row::new(outcome, subject));
                    row.places.insert((&call.account, &call.region));
                    row.errors.extend(call.error.as_deref());
                }
            }
        }
        for ((outcome, subject), waiting) in waiting {
            if *outcome == Outcome::NotOffered {
                continue;
            }
            let row = rows
                .entry((*outcome, subject))
                .or_insert_with(|| Row::new(*outcome, subject));
            row.verdicts += waiting.verdicts;
            let places = waiting.places.iter();
            row.places
                .extend(places.map(|(account, region)| (account, region)));
        }
        let mut rows: Vec<Row<'_>> = rows.into_values().collect();
        rows.sort_by_key(|row| {
            let waiting = std::cmp::Reverse((row.verdicts, row.places.len()));
            (row.outcome, waiting, row.subject)
        });
        Self { rows, not_offered }
    }

    /// Actions that the scanning role lacks; to enter an account is not one of them.
    pub(crate) fn to_grant(&self) -> Vec<&'a str> {
        self.rows
            .iter()
            .filter(|row| row.outcome == Outcome::AccessDenied && !row.is_entry())
            .map(|row| row.subject)
            .collect()
    }

    /// Whether some account could not be entered.
    pub(crate) fn no_entry(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.outcome == Outcome::AccessDenied && row.is_entry())
    }

    /// Whether some of it may work the next time.
    pub(crate) fn may_pass(&self) -> bool {
        let passing = [Outcome::Throttled, Outcome::Timeout, Outcome::Error];
        self.rows.iter().any(|row| passing.contains(&row.outcome))
    }
}

impl<'a> Row<'a> {
    fn new(outcome: Outcome, subject: &'a str) -> Self {
        Self {
            outcome,
            subject,
            places: BTreeSet::new(),
            errors: BTreeSet::new(),
            verdicts: 0,
        }
    }

    /// `lambda:GetPolicy: access denied in 3 places: prod eu-west-1, us-east-1; dev eu-west-1`, on one line,
    /// with at most so many places.
    pub(crate) fn sentence(&self, head: &Head, most: usize) -> String {
        let count = self.places.len();
        let shown: BTreeSet<_> = self.places.iter().copied().take(most).collect();
        let more = if count > shown.len() { "; ..." } else { "" };
        format!(
            "{}: {} in {}: {}{more}",
            clean(self.subject),
            self.outcome.phrase(),
            crate::text::counted(count as u64, "place", "places"),
            crate::table::places(head, &shown),
        )
    }

    fn is_entry(&self) -> bool {
        self.subject == "sts:AssumeRole"
    }
}
