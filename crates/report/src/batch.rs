//! Findings gathered by where they go, a batch at a time.

use std::collections::BTreeMap;

use posture_model::{AccountId, Region};

/// Bytes that wait in all batches together. An organization has more places than memory should hold batches
/// of; past this the fullest goes out as it is.
const MOST: usize = 64 << 20;

/// An account and region to send findings to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

/// Findings that wait for their batch to fill.
#[derive(Debug)]
pub struct Batches<T> {
    full: usize,
    waiting: BTreeMap<Target, Waiting<T>>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    items: Vec<T>,
    bytes: usize,
}

impl<T> Batches<T> {
    /// Batches of so many.
    pub fn new(full: usize) -> Self {
        Self {
            full,
            waiting: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Adds an item of about this size; gives what is to go out now.
    pub fn push(&mut self, target: Target, item: T, bytes: usize) -> Vec<(Target, Vec<T>)> {
        let waiting = self.waiting.entry(target.clone()).or_insert(Waiting {
            items: Vec::new(),
            bytes: 0,
        });
        waiting.items.push(item);
        waiting.bytes += bytes;
        self.bytes += bytes;
        let mut out = Vec::new();
        if waiting.items.len() >= self.full {
            out.extend(self.take(&target));
        }
        while self.bytes > MOST {
            let largest = self.waiting.iter().max_by_key(|(_, waiting)| waiting.bytes);
            let Some(target) = largest.map(|(target, _)| target.clone()) else {
                break;
            };
            out.extend(self.take(&target));
        }
        out
    }

    /// All that still waits.
    pub fn rest(&mut self) -> Vec<(Target, Vec<T>)> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(target, waiting)| (target, waiting.items))
            .collect()
    }

    fn take(&mut self, target: &Target) -> Option<(Target, Vec<T>)> {
        let waiting = self.waiting.remove(target)?;
        self.bytes -= waiting.bytes;
        Some((target.clone(), waiting.items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(region: &str) -> Target {
        Target {
            account: AccountId::new("111111111111").unwrap(),
            region: Region::new(region).unwrap(),
        }
    }

    #[test]
    fn a_batch_goes_out_when_it_is_full_or_too_much_waits() {
        let mut batches = Batches::new(2);
        let (one, two) = (target("eu-west-1"), target("us-east-1"));
        assert!(batches.push(one.clone(), 1, 10).is_empty());
        assert!(batches.push(two.clone(), 2, 10).is_empty());
        assert_eq!(
            batches.push(one.clone(), 3, 10),
            [(one.clone(), vec![1, 3])]
        );
        assert_eq!(batches.push(one.clone(), 4, MOST), [(one.clone(), vec![4])]);
        assert_eq!(batches.rest(), [(two, vec![2])]);
        assert!(batches.rest().is_empty());
    }
}
