//! Accounts, and how an access key says which one it belongs to.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, mix};

/// An account's id: twelve digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account(u64);

/// The first account of every fleet, which manages the organization.
const FIRST: u64 = 111_000_000_000;

/// An account that is in no fleet: whom weak policies admit.
pub(crate) const STRANGER: Account = Account(999_000_000_001);

impl Account {
    /// The account at a place in the organization, from 0; the first is the management account.
    pub fn nth(index: usize) -> Self {
        Self(FIRST + u64::try_from(index).unwrap_or(0))
    }

    /// Its place in the organization, if it could have one.
    pub(crate) fn index(self) -> Option<usize> {
        usize::try_from(self.0.checked_sub(FIRST)?).ok()
    }

    /// A long-term access key id of the account. Whoever signs with it acts as the account.
    pub fn access_key(self) -> String {
        self.key("AKIA")
    }

    /// The access key id of a role's session in the account.
    pub(crate) fn session_key(self) -> String {
        self.key("ASIA")
    }

    /// Twenty characters, as AWS's own: kind, mark, account in base 32, checksum.
    fn key(self, kind: &str) -> String {
        let mut digits = [b'A'; 8];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            let value = usize::try_from(rest % 32).unwrap_or(0);
            *digit = BASE32.get(value).copied().unwrap_or(b'A');
            rest /= 32;
        }
        let account = String::from_utf8_lossy(&digits);
        let check = Dice::new(mix(self.0)).upper(7, kind);
        format!("{kind}F{account}{check}")
    }

    /// The account that a key of ours belongs to.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let account = key
            .get(5..13)?
            .bytes()
            .try_fold(0_u64, |sum, digit| {
                let value = BASE32.iter().position(|known| *known == digit)?;
                Some(sum * 32 + u64::try_from(value).ok()?)
            })
            .map(Self)?;
        let genuine = key == account.access_key() || key == account.session_key();
        genuine.then_some(account)
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// What is not twelve digits.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no account id; give twelve digits")]
pub struct NoAccount(String);

impl FromStr for Account {
    type Err = NoAccount;

    fn from_str(text: &str) -> Result<Self, NoAccount> {
        let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .map(Self)
            .ok_or_else(|| NoAccount(text.to_owned()))
    }
}

impl TryFrom<String> for Account {
    type Error = NoAccount;

    fn try_from(text: String) -> Result<Self, NoAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_their_account() {
        for account in [
            Account::nth(0),
            Account::nth(49),
            STRANGER,
            Account(999_999_999_999),
        ] {
            for key in [account.access_key(), account.session_key()] {
                assert_eq!(key.len(), 20, "{key}");
                assert_eq!(Account::of_key(&key), Some(account), "{key}");
            }
        }
        for key in ["local", "AKIAIOSFODNN7EXAMPLE", "", "ASIAFAAAAAAAAAAAAAAA"] {
            assert_eq!(Account::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn ids_have_twelve_digits() {
        assert_eq!(
            "000000000012".parse::<Account>().unwrap().to_string(),
            "000000000012"
        );
        for text in ["12", "1234567890123", "12345678901x", "+12345678901"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }
}
