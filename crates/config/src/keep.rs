//! How many runs are kept.

use std::fmt;
use std::str::FromStr;

/// Runs to keep. A run stays that one of the two keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest.
    pub runs: Option<u32>,
    /// Those that started in so many last days.
    pub days: Option<u32>,
}

/// Text that says nothing of what to keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not what to keep: a number of runs (30), of days (90d), or both (30,90d)")]
pub struct KeepError(String);

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        let wrong = || KeepError(text.to_owned());
        let mut keep = Self::default();
        for part in text.split(',').map(str::trim) {
            let (number, slot) = match part.strip_suffix('d') {
                Some(number) => (number, &mut keep.days),
                None => (part, &mut keep.runs),
            };
            // To keep nothing cannot be meant: the last complete run always stays.
            let number = number.parse().ok().filter(|number| *number > 0);
            if slot.replace(number.ok_or_else(wrong)?).is_some() {
                return Err(wrong());
            }
        }
        Ok(keep)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.map(|runs| runs.to_string());
        let days = self.days.map(|days| format!("{days}d"));
        let parts: Vec<String> = runs.into_iter().chain(days).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Keep;

    #[test]
    fn runs_days_or_both() {
        for (text, runs, days) in [
            ("30", Some(30), None),
            ("90d", None, Some(90)),
            ("30,90d", Some(30), Some(90)),
            ("90d, 30", Some(30), Some(90)),
        ] {
            let keep: Keep = text.parse().unwrap();
            assert_eq!(keep, Keep { runs, days }, "{text}");
            assert_eq!(keep.to_string().parse(), Ok(keep));
        }
        for text in [
            "",
            "0",
            "0d",
            "-1",
            "x",
            "d",
            "1,2",
            "1d,2d",
            "1w",
            "99999999999",
        ] {
            assert!(text.parse::<Keep>().is_err(), "{text}");
        }
    }
}
