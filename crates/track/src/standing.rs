//! How things stand with a finding in one report.

use posture_report::v1::Status;
use schemars::JsonSchema;
use serde::Serialize;

/// What one report says of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// Weak.
    Fail,
    /// Weak, and accepted.
    Waived,
    /// A fact that decides could not be read.
    Unknown,
    /// Sound, and listed as such.
    Pass,
    /// The check has nothing to say, and that is listed.
    NotApplicable,
    /// Judged, and neither weak nor open: one of the two above, of which the report lists none.
    Sound,
    /// The resource does not exist: all places where it could be were listed in full.
    Gone,
    /// It should have been looked at, and could not be.
    Unread(Blank),
    /// It was not looked at.
    Unlooked(Blank),
}

/// Why a report says nothing of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Blank {
    /// Its format is too old to tell by silence.
    Format,
    /// The check did not run.
    Check,
    /// The check judges another type.
    Type,
    /// The account is not in scope.
    Account,
    /// The account could not be entered, or its regions not be found.
    AccountGap,
    /// The region is not in scope.
    Region,
    /// The service is not in scope.
    Service,
    /// The place is in scope and was not listed, as after an interruption.
    Place,
    /// The listing failed or broke.
    Listing,
    /// AWS says that the region does not offer it.
    NotOffered,
    /// The findings are not listed by all statuses that matter.
    Statuses,
    /// Several resources share the ARN.
    Ambiguous,
}

/// The word for a standing in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Weak.
    Fail,
    /// Weak, and someone took responsibility until a date.
    Waived,
    /// A fact that decides could not be read.
    Unknown,
    /// Sound.
    Pass,
    /// The check has nothing to say.
    NotApplicable,
    /// Pass or not applicable; the report does not list which.
    Sound,
    /// The resource does not exist.
    Gone,
    /// The resource could not be looked at.
    Unread,
    /// Nobody looked.
    NotLooked,
}

impl Standing {
    pub(crate) fn listed(status: Status) -> Self {
        match status {
            Status::Fail => Self::Fail,
            Status::Waived => Self::Waived,
            Status::Unknown => Self::Unknown,
            Status::Pass => Self::Pass,
            Status::NotApplicable => Self::NotApplicable,
        }
    }

    /// Judged, and not weak.
    pub(crate) fn is_sound(self) -> bool {
        matches!(self, Self::Pass | Self::NotApplicable | Self::Sound)
    }

    /// Weak, accepted or not.
    pub(crate) fn is_weak(self) -> bool {
        matches!(self, Self::Fail | Self::Waived)
    }

    pub(crate) fn state(self) -> State {
        match self {
            Self::Fail => State::Fail,
            Self::Waived => State::Waived,
            Self::Unknown => State::Unknown,
            Self::Pass => State::Pass,
            Self::NotApplicable => State::NotApplicable,
            Self::Sound => State::Sound,
            Self::Gone => State::Gone,
            Self::Unread(_) => State::Unread,
            Self::Unlooked(_) => State::NotLooked,
        }
    }

    /// Why there is no verdict.
    pub(crate) fn blank(self) -> Option<Blank> {
        match self {
            Self::Unread(blank) | Self::Unlooked(blank) => Some(blank),
            _ => None,
        }
    }
}

impl Blank {
    /// The reason, as the end of a sentence about a report.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Format => "its format is too old to tell which checks ran and what was judged",
            Self::Check => "the check did not run",
            Self::Type => "the check judges another type of resource",
            Self::Account => "the account was not scanned",
            Self::AccountGap => "the account could not be entered, or its regions not be found",
            Self::Region => "the region was not scanned",
            Self::Service => "the service was not scanned",
            Self::Place => "the service was not listed there",
            Self::Listing => "not all resources of the type could be listed there",
            Self::NotOffered => "AWS says that the region does not offer the service",
            Self::Statuses => "its findings are not listed by all statuses that matter",
            Self::Ambiguous => "several resources have the same ARN",
        }
    }
}
