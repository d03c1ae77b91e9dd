//! What could not be read, by what would make it readable.

use std::collections::{BTreeMap, BTreeSet};

use posture_model::{AccountId, Region};

use crate::clean::clean;
use crate::v1::{Head, Outcome};

/// Calls with the same remedy.
#[derive(Debug)]
pub(crate) struct Unread<'a> {
    pub(crate) outcome: Outcome,
    /// The IAM action, or the operation where it needs none.
    pub(crate) subject: &'a str,
    pub(crate) places: BTreeSet<(&'a AccountId, &'a Region)>,
    pub(crate) errors: BTreeSet<&'a str>,
}

/// The calls of a report that did not answer: by remedy (the order of outcomes), then by how many places
/// wait for it.
pub(crate) fn unread(head: &Head) -> Vec<Unread<'_>> {
    let mut found: BTreeMap<(Outcome, &str), Unread<'_>> = BTreeMap::new();
    for row in &head.coverage {
        if matches!(row.outcome, Outcome::Ok | Outcome::NotOffered) {
            continue;
        }
        let subject = if row.iam_action.is_empty() {
            &row.operation
        } else {
            &row.iam_action
        };
        let entry = found
            .entry((row.outcome, subject))
            .or_insert_with(|| Unread {
                outcome: row.outcome,
                subject,
                places: BTreeSet::new(),
                errors: BTreeSet::new(),
            });
        entry.places.insert((&row.account, &row.region));
        entry.errors.extend(row.error.as_deref());
    }
    let mut found: Vec<Unread<'_>> = found.into_values().collect();
    found.sort_by_key(|entry| {
        let waiting = std::cmp::Reverse(entry.places.len());
        (entry.outcome, waiting, entry.subject)
    });
    found
}

impl Unread<'_> {
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
            places(head, &shown),
        )
    }
}

/// The places in words: `prod eu-west-1, us-east-1; dev eu-west-1`.
pub(crate) fn places(head: &Head, places: &BTreeSet<(&AccountId, &Region)>) -> String {
    let mut by_account: BTreeMap<&AccountId, Vec<&str>> = BTreeMap::new();
    for (account, region) in places {
        by_account.entry(account).or_default().push(region.as_str());
    }
    let words: Vec<String> = by_account
        .into_iter()
        .map(|(account, regions)| {
            let name = head
                .account_name(account)
                .map(clean)
                .filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| account.to_string());
            format!("{name} {}", regions.join(", "))
        })
        .collect();
    words.join("; ")
}
