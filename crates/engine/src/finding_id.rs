//! Ids of findings and keys of resources: stable over runs, unique over a report.

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
        let parts = [
            self.check,
            self.account,
            self.region,
            self.arn,
            self.discriminator,
        ];
        FindingId::new(hash(&parts, 16)).ok()
    }
}

/// The id of a finding whose resource shares its ARN with no other of the place, as is the rule: the same in
/// every run, whatever the verdict. Null only where the parts are none that a report holds.
pub fn finding_id(check: &str, account: &str, region: &str, arn: &str) -> Option<FindingId> {
    Identity {
        check,
        account,
        region,
        arn,
        discriminator: "",
    }
    .id()
}

/// Tells a resource from all others of a report, in 16 hexadecimal digits: what a report keeps of each
/// resource that was judged, so that a later one can tell a resource that is gone from one that is sound.
pub fn resource_key(kind: &str, account: &str, region: &str, arn: &str) -> String {
    hash(&[kind, account, region, arn], 8)
}

/// The first bytes of a hash over all parts, in hexadecimal digits.
fn hash(parts: &[&str], bytes: usize) -> String {
    let mut hash = Sha256::new();
    // Each part goes in with its length, so that no two lists of parts look the same.
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::with_capacity(2 * bytes);
    for byte in hash.finalize().iter().take(bytes) {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text
}
