//! Three-valued answers: what cannot be decided stays undecided, with the reason.

use std::fmt;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undecided {
    reasons: Vec<String>,
    opaque: bool,
}

impl Undecided {
    /// Something in the input is not understood, or was not read; no request would settle it.
    pub fn opaque(reason: impl Into<String>) -> Self {
        Self {
            reasons: vec![reason.into()],
            opaque: true,
        }
    }

    /// The answer depends on a fact about the request that is not given.
    pub fn depends(reason: impl Into<String>) -> Self {
        Self {
            reasons: vec![reason.into()],
            opaque: false,
        }
    }

    /// The reasons, without duplicates, in the order they were met.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Whether something was not understood, as opposed to merely depending on the request.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Both sets of reasons together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for reason in other.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        self.opaque |= other.opaque;
        self
    }

    /// The same reasons, each with a place in front.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        for reason in &mut self.reasons {
            if !reason.starts_with(place) {
                *reason = format!("{place}: {reason}");
            }
        }
        self
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("; "))
    }
}

impl std::error::Error for Undecided {}

/// Yes, no, or not decidable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tri {
    /// Certainly so.
    Yes,
    /// Certainly not so.
    No,
    /// Not decidable from what is given.
    Unknown(Undecided),
}

impl Tri {
    /// An unknown because of something that is not understood.
    pub fn opaque(reason: impl Into<String>) -> Self {
        Self::Unknown(Undecided::opaque(reason))
    }

    /// An unknown that a request would settle.
    pub fn depends(reason: impl Into<String>) -> Self {
        Self::Unknown(Undecided::depends(reason))
    }

    /// Whether the answer is yes.
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether the answer is no.
    pub fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }

    /// Conjunction: one `No` decides.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) => other,
            (this, Self::Yes) => this,
            (Self::Unknown(a), Self::Unknown(b)) => Self::Unknown(a.merge(b)),
        }
    }

    /// Disjunction: one `Yes` decides.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, other) => other,
            (this, Self::No) => this,
            (Self::Unknown(a), Self::Unknown(b)) => Self::Unknown(a.merge(b)),
        }
    }

    /// Whether all hold; stops at the first `No`.
    pub fn all(items: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::Yes;
        for item in items {
            result = result.and(item);
            if result.is_no() {
                break;
            }
        }
        result
    }

    /// Whether one holds; stops at the first `Yes`.
    pub fn any(items: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::No;
        for item in items {
            result = result.or(item);
            if result.is_yes() {
                break;
            }
        }
        result
    }

    /// The answer as a `Result`, for callers that stop at what is undecided.
    pub fn decided(self) -> Result<bool, Undecided> {
        match self {
            Self::Yes => Ok(true),
            Self::No => Ok(false),
            Self::Unknown(reason) => Err(reason),
        }
    }
}

/// Negation; the unknown stays unknown.
impl std::ops::Not for Tri {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// A list of which some members may be undecided.
///
/// What is in `items` is certain whatever the rest turns out to be, so a caller that looks for one
/// bad member need not give up because another one could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Members that certainly belong, sorted where they are ids, in document order where labels.
    pub items: Vec<String>,
    /// Why further members may exist.
    pub undecided: Option<Undecided>,
}

impl Found {
    /// The list when it is complete.
    pub fn complete(self) -> Result<Vec<String>, Undecided> {
        match self.undecided {
            None => Ok(self.items),
            Some(reason) => Err(reason),
        }
    }

    pub(crate) fn add(&mut self, item: impl Into<String>, answer: Tri) {
        match answer {
            Tri::Yes => {
                let item = item.into();
                if !self.items.contains(&item) {
                    self.items.push(item);
                }
            }
            Tri::No => {}
            Tri::Unknown(reason) => self.doubt(reason),
        }
    }

    pub(crate) fn doubt(&mut self, reason: Undecided) {
        self.undecided = Some(match self.undecided.take() {
            Some(earlier) => earlier.merge(reason),
            None => reason,
        });
    }
}
