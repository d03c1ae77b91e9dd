//! Ids of findings: stable over runs, unique over a report.

use posture_model::FindingId;
use sha2::{Digest, Sha256};

/// What identifies a finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// The check.
    pub(crate) check: &'a str,
    /// The account.
    pub(crate) account: &'a str,
    /// The region.
    pub(crate) region: &'a str,
    /// The resource's ARN, or `*`.
    pub(crate) arn: &'a str,
    /// Tells findings apart that have all else in common; usually empty.
    pub(crate) discriminator: &'a str,
}

impl Identity<'_> {
    /// The id: a hash, so that it says nothing of the resource where it is quoted.
    pub(crate) fn id(self) -> Option<FindingId> {
        let mut hash = Sha256::new();
        // Each part goes in with its length, so that no two lists of parts look the same.
        for part in [
            self.check,
            self.account,
            self.region,
            self.arn,
            self.discriminator,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut text = String::with_capacity(32);
        for byte in hash.finalize().iter().take(16) {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        FindingId::new(text).ok()
    }
}
