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
        let mut text = String::with_capacity(32);
        for byte in hash(&parts).iter().take(16) {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        FindingId::new(text).ok()
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
    format!("{:016x}", resource_number(kind, account, region, arn))
}

/// The same as a number.
pub(crate) fn resource_number(kind: &str, account: &str, region: &str, arn: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = hash(&[kind, account, region, arn]);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Keys of resources, sorted, each once. There is one for each resource of an organization, so they are kept
/// as numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceKeys(Vec<u64>);

impl ResourceKeys {
    /// Of these numbers.
    pub(crate) fn new(mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        keys.shrink_to_fit();
        Self(keys)
    }

    /// The keys as text; see [`resource_key`].
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| format!("{key:016x}"))
    }
}

impl FromIterator<String> for ResourceKeys {
    /// Of keys as text. What is none is left out.
    fn from_iter<T: IntoIterator<Item = String>>(keys: T) -> Self {
        let keys = keys.into_iter();
        let keys = keys.filter_map(|key| u64::from_str_radix(&key, 16).ok());
        Self::new(keys.collect())
    }
}

/// A hash over all parts.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Each part goes in with its length, so that no two lists of parts look the same.
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}
