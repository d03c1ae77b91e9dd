//! One step towards tickets that say what the report says.

use std::fmt;

use posture_model::{FindingId, Timestamp};
use posture_report::v1::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ledger::{Entry, Ticket};
use super::{Document, GroupBy};

/// What is to be done with a ticket.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// There is none for the key: make one.
    Open,
    /// Its severity, its title or what it is for is another now.
    Update,
    /// It was closed, and what it was for is back.
    Reopen,
    /// Everything it was for is proved to be mended, gone or accepted.
    Close,
}

impl Kind {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Update => "update",
            Self::Reopen => "reopen",
            Self::Close => "close",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a finding is no longer a reason for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The same rule judged the resource again and finds it sound.
    Fixed,
    /// The rule of the check is another one since, and by it the resource is sound.
    SoundByNewRule,
    /// The resource does not exist any more: all places where it could be were listed in full.
    Gone,
    /// Someone took responsibility until a date.
    Waived,
}

impl Resolution {
    /// The reason in prose.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Fixed => "mended: the check was run again on the resource and does not fail",
            Self::SoundByNewRule => {
                "does not fail by the present rule of the check, which is another one than when this was \
                 opened"
            }
            Self::Gone => "gone: the resource does not exist any more",
            Self::Waived => "accepted by a waiver",
        }
    }
}

/// A finding that is no longer a reason for the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Resolved {
    /// The finding's id.
    pub finding: FindingId,
    /// The resource's name; hostile text.
    pub resource: String,
    /// Why.
    pub why: Resolution,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What is to be done.
    pub kind: Kind,
    /// What the ticket is known by: the finding's id, the check's id, or the resource's key.
    pub key: String,
    /// What the key is of.
    pub group_by: GroupBy,
    /// Id of this step; the same when it is asked for again.
    pub id: String,
    /// The ticket's title; for `update` null where it stays as it is.
    pub title: Option<String>,
    /// Its text; null for `close`.
    pub body: Option<Document>,
    /// What to tell those who follow the ticket; null for `open`.
    pub comment: Option<Document>,
    /// The worst severity of its findings.
    pub severity: Severity,
    /// The day by which it should be mended.
    pub due: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// The findings that it is for.
    pub findings: Vec<FindingId>,
    /// The findings that it is no longer for.
    pub resolved: Vec<Resolved>,
    /// The ticket, where it is known.
    pub ticket: Option<Ticket>,
    /// Id of the scan that says so.
    pub scan: String,
    /// When that scan started.
    pub scanned_at: Timestamp,
    /// What the ledger says once this is done.
    pub after: Entry,
}
