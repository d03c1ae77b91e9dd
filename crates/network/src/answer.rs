//! Three-valued answers.

use std::fmt;

/// Yes, no, or undecided and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Certainly so.
    Yes,
    /// Certainly not so.
    No,
    /// Not decidable from what is given.
    Undecided(String),
}

impl Answer {
    /// Whether the answer is yes.
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether the answer is no.
    pub fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }

    /// The answer as a `Result`; the error is the reason.
    pub fn decided(self) -> Result<bool, String> {
        match self {
            Self::Yes => Ok(true),
            Self::No => Ok(false),
            Self::Undecided(reason) => Err(reason),
        }
    }

    /// Disjunction: one yes decides.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, other) => other,
            (this, Self::No) => this,
            (Self::Undecided(a), Self::Undecided(b)) => Self::Undecided(merge(a, &b)),
        }
    }

    /// Conjunction: one no decides.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) => other,
            (this, Self::Yes) => this,
            (Self::Undecided(a), Self::Undecided(b)) => Self::Undecided(merge(a, &b)),
        }
    }
}

pub(crate) fn merge(a: String, b: &str) -> String {
    if a.split("; ").any(|part| part == b) {
        a
    } else {
        format!("{a}; {b}")
    }
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Undecided(reason) => reason,
        })
    }
}

/// A list of which further members may be undecided. Those in `items` are certain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Certain members.
    pub items: Vec<String>,
    /// Why further ones may exist.
    pub undecided: Option<String>,
}

impl Found {
    /// The list when it is complete; the error is the reason why not.
    pub fn complete(self) -> Result<Vec<String>, String> {
        match self.undecided {
            None => Ok(self.items),
            Some(reason) => Err(reason),
        }
    }
}
