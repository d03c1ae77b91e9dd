//! Tickets for findings: what to open, update, reopen and close, so that a system which follows for years sees
//! no duplicate and closes nothing without proof.
//!
//! [`Planner`] holds a report against a [`Ledger`] of what was told before and yields [`Operation`]s. They are
//! written as lines of JSON, or carried out by a [`Sink`] through [`apply()`].

mod adf;
mod apply;
mod body;
mod document;
mod github;
mod http;
mod jira;
mod ledger;
mod line;
mod memory;
mod operation;
mod plan;
mod sink;
mod wiki;

use std::fmt;
use std::str::FromStr;

use posture_report::v1::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use apply::{Applied, ApplyError, Progress, adopt, apply, needs_look};
pub use document::{Block, Document, Span};
pub use github::GitHub;
pub use http::{Client, HttpError, Secret};
pub use jira::{Credentials as JiraCredentials, Jira};
pub use ledger::{Entry, Ledger, LedgerError, LedgerFile, Member, State, Ticket};
pub use line::{operation_schema, write as write_line};
pub use operation::{Kind, Operation, Resolution, Resolved};
pub use plan::{Counts, Planner, Step};
pub use sink::{Found, Sink, SinkError};

/// What one ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// One finding.
    Finding,
    /// All findings of one check.
    Check,
    /// All findings on one resource.
    Resource,
}

impl GroupBy {
    /// The name used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Check => "check",
            Self::Resource => "resource",
        }
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of a ticket when its findings are waived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnWaived {
    /// It is closed, and reopened when the waiver ends.
    #[default]
    Close,
    /// It stays.
    Keep,
}

/// How tickets are made of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What one ticket is for.
    pub group_by: GroupBy,
    /// Findings below this severity open nothing.
    pub least: Severity,
    /// Days to mend a finding, by severity.
    pub due: Due,
    /// Labels beside those of posture's own.
    pub labels: Vec<String>,
    /// What a waiver does.
    pub on_waived: OnWaived,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            group_by: GroupBy::Finding,
            least: Severity::Info,
            due: Due::default(),
            labels: Vec::new(),
            on_waived: OnWaived::default(),
        }
    }
}

/// Days to mend a finding, by severity; none where there is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// In the order of [`Severity::ALL`].
    days: [Option<u32>; 5],
}

impl Default for Due {
    fn default() -> Self {
        Self {
            days: [Some(7), Some(30), Some(90), Some(180), None],
        }
    }
}

impl Due {
    /// Days for a severity.
    pub fn days(&self, severity: Severity) -> Option<u32> {
        let place = Severity::ALL.iter().position(|one| *one == severity);
        place.and_then(|place| self.days.get(place).copied().flatten())
    }

    /// Sets the days of a severity.
    pub fn set(&mut self, severity: Severity, days: Option<u32>) {
        let place = Severity::ALL.iter().position(|one| *one == severity);
        if let Some(slot) = place.and_then(|place| self.days.get_mut(place)) {
            *slot = days;
        }
    }

    /// Sets one severity as `critical=7` or `info=none` says.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        let wrong = || {
            format!(
                "{text:?} is no due time; write SEVERITY=DAYS, such as critical=7, or info=none"
            )
        };
        let (name, days) = text.split_once('=').ok_or_else(wrong)?;
        let severity = Severity::ALL
            .into_iter()
            .find(|severity| severity.as_str() == name.trim())
            .ok_or_else(wrong)?;
        let days = match days.trim() {
            "none" => None,
            days => Some(
                u32::from_str(days)
                    .ok()
                    .filter(|d| *d <= 3650)
                    .ok_or_else(wrong)?,
            ),
        };
        self.set(severity, days);
        Ok(())
    }
}
