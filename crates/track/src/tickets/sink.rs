//! Where tickets are.

use super::http::HttpError;
use super::ledger::{Entry, Ticket};
use super::operation::Operation;

/// A ticket that posture made, as it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key that it was made for.
    pub key: String,
    /// The ticket.
    pub ticket: Ticket,
    /// Whether it is open.
    pub open: bool,
    /// What the ledger said of it when it was last written; null where that is lost.
    pub entry: Option<Entry>,
}

/// Why an operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Nothing more can be done: no access, no connection, no such project.
    #[error("{message}")]
    Stop {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// This operation is refused; others may not be.
    #[error("{0}")]
    Refused(String),
    /// The ticket does not exist any more.
    #[error("the ticket does not exist any more")]
    Missing,
    /// It may have been carried out, or not.
    #[error("{0}")]
    Unsure(String),
}

impl From<HttpError> for SinkError {
    fn from(error: HttpError) -> Self {
        let message = error.to_string();
        match error {
            HttpError::Unsure { .. } => Self::Unsure(message),
            HttpError::Address(_) | HttpError::Redirected { .. } => Self::Stop {
                message,
                help: "the address is given by --api-url or --url".to_owned(),
            },
            HttpError::Unreachable { .. } | HttpError::Limited { .. } => Self::Stop {
                message,
                help: "what was done is in the ledger; the same command goes on from there"
                    .to_owned(),
            },
        }
    }
}

/// A ticketing system. It keeps with each ticket what it takes to find it again: the key, and the ledger's entry.
pub trait Sink {
    /// All tickets that posture made for keys of this kind, open and closed.
    fn find(&mut self) -> Result<Vec<Found>, SinkError>;

    /// Makes a ticket.
    fn open(&mut self, operation: &Operation) -> Result<Ticket, SinkError>;

    /// Changes a ticket. `again` where an earlier attempt may have got through; likewise below.
    fn update(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError>;

    /// Reopens a ticket.
    fn reopen(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError>;

    /// Closes a ticket.
    fn close(
        &mut self,
        ticket: &Ticket,
        operation: &Operation,
        again: bool,
    ) -> Result<(), SinkError>;

    /// How long after a ticket was made a search may not find it.
    fn settles_in(&self) -> std::time::Duration;

    /// Waits.
    fn wait(&mut self, time: std::time::Duration);
}
