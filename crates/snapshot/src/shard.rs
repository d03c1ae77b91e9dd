//! A scan in shares: each process takes some places of the organization, and all write to one snapshot.

use std::fmt;
use std::str::FromStr;

use posture_model::{AccountId, Region};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One share of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, counted from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// Text that names no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no shard: write I/N, where I counts from 0 to N-1, such as 0/8")]
pub struct ShardError(String);

impl Shard {
    /// The share of a number, when there is one.
    pub fn new(index: u32, of: u32) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// All shares of so many.
    pub fn all(of: u32) -> impl Iterator<Item = Self> {
        (0..of).map(move |index| Self { index, of })
    }

    /// Whether a place is in this share.
    ///
    /// It depends on the place alone: were places dealt out in turn, a share that could not enter an account
    /// would deal differently from the others, and places would be read twice or by nobody.
    pub fn takes(self, account: &AccountId, region: &Region) -> bool {
        let digest = Sha256::digest(format!("{account}/{region}"));
        let number = digest
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % u64::from(self.of.max(1)) == u64::from(self.index)
    }

    /// The name of its manifest.
    pub(crate) fn manifest(self) -> String {
        format!("{PREFIX}{:04}-of-{:04}{SUFFIX}", self.index, self.of)
    }

    /// The share whose manifest has this name.
    pub(crate) fn of_manifest(name: &str) -> Option<Self> {
        let numbers = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (index, of) = numbers.split_once("-of-")?;
        Self::new(index.parse().ok()?, of.parse().ok()?)
    }
}

/// What every such name begins and ends with.
pub(crate) const PREFIX: &str = "manifest.shard-";
const SUFFIX: &str = ".json";

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        text.split_once('/')
            .and_then(|(index, of)| Self::new(index.parse().ok()?, of.parse().ok()?))
            .ok_or_else(|| ShardError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_one_share() {
        let mut sizes = vec![0; 8];
        for account in 0..50_u64 {
            let account = AccountId::new(format!("{:012}", account * 37)).unwrap();
            for region in ["global", "eu-west-1", "us-east-1", "ap-southeast-2"] {
                let region = Region::new(region).unwrap();
                let takers: Vec<Shard> = Shard::all(8)
                    .filter(|shard| shard.takes(&account, &region))
                    .collect();
                assert_eq!(takers.len(), 1);
                sizes[takers[0].index as usize] += 1;
                assert!(Shard::new(0, 1).unwrap().takes(&account, &region));
            }
        }
        assert!(
            sizes.iter().all(|size| (10..45).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!(Shard::of_manifest(&shard.manifest()), Some(shard));
        assert_eq!(shard.to_string(), "3/8");
        for wrong in ["8/8", "1", "", "/", "-1/8", "a/b", "0/0", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(Shard::of_manifest("manifest.json"), None);
        assert_eq!(Shard::of_manifest("manifest.shard-0009-of-0008.json"), None);
    }
}
