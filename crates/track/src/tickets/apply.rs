//! Carrying a plan out, so that at any moment the ledger and the tickets can be brought together again.
//!
//! Before an operation is sent, the ledger says that it is about to be; once it is known to be done, the ledger
//! says so. What is left open by a crash or a lost answer is looked up at the sink before it is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use posture_model::Timestamp;

use super::ledger::{Entry, Ledger, LedgerError, LedgerFile, Pending, State, Ticket};
use super::operation::{Kind, Operation};
use super::plan::{Counts, Planner, Step};
use super::sink::{Found, Sink, SinkError};

/// Attempts at making a ticket whose answer was lost.
const ATTEMPTS: u32 = 3;

/// What is told while a plan is carried out.
#[derive(Debug)]
pub enum Progress<'a> {
    /// It is done.
    Done(&'a Operation, Option<&'a Ticket>),
    /// It was refused.
    Refused(&'a Operation, &'a str),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// What was carried out.
    pub done: Counts,
    /// Tickets that were found again instead of being made.
    pub adopted: u64,
    /// Operations that were refused.
    pub refused: u64,
    /// Why it was stopped before its end.
    pub stopped: Option<SinkError>,
}

/// Why a plan could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The report could not be read.
    #[error("failed to read the report: {0}")]
    Report(io::Error),
    /// The ledger could not be kept.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// More tickets would be opened than was allowed.
    #[error("{count} tickets would be opened, and --max-open allows {most}")]
    TooMany {
        /// How many.
        count: u64,
        /// How many may be.
        most: u64,
    },
}

/// Whether tickets must be looked up before the plan can be trusted.
pub fn needs_look(ledger: &Ledger, counts: &Counts) -> bool {
    counts.open > 0 || ledger.in_doubt().next().is_some() || ledger.interrupted().is_some()
}

/// Joins what the sink has to what the ledger knows. Says how many entries were found again.
pub fn adopt(ledger: &mut Ledger, found: Vec<Found>) -> u64 {
    let mut by_key: BTreeMap<String, Found> = BTreeMap::new();
    for one in found {
        match by_key.get(&one.key) {
            // Of two for one key the open one counts, and of two such the first.
            Some(known) if known.open || !one.open => {}
            _ => {
                by_key.insert(one.key.clone(), one);
            }
        }
    }
    let mut adopted = 0;
    let lost: BTreeSet<String> = ledger
        .in_doubt()
        .map(|entry| entry.key.clone())
        .filter(|key| !by_key.contains_key(key))
        .collect();
    ledger.entries.retain(|key, _| !lost.contains(key));
    for (key, one) in by_key {
        if ledger
            .entries
            .get(&key)
            .is_some_and(|entry| entry.ticket.is_some())
        {
            continue;
        }
        adopted += 1;
        let known = ledger.entries.remove(&key);
        ledger.entries.insert(key, joined(known, one));
    }
    adopted
}

/// An entry of what the ticket itself remembers and of what is known without it.
fn joined(known: Option<Entry>, found: Found) -> Entry {
    // Begun and not seen to end: what the ledger says was meant to become of it, the ticket says what did.
    let begun = known.as_ref().is_some_and(|entry| entry.pending.is_some());
    let mut entry = match (found.entry, known) {
        (Some(told), Some(known)) if !begun => {
            let mut members = told.members;
            let new = known
                .members
                .into_iter()
                .filter(|member| !members.iter().any(|m| m.finding == member.finding))
                .collect::<Vec<_>>();
            members.extend(new);
            members.sort_by(|a, b| a.finding.cmp(&b.finding));
            Entry { members, ..told }
        }
        (Some(told), _) => told,
        // Without a memory of its own, what an earlier report tells is all that is known.
        (None, Some(known)) => known,
        (None, None) => bare(&found.key, found.open),
    };
    // Closed by hand while the ledger had it open: that stays as it is. Open while it was about to be closed:
    // closing is asked for again.
    entry.state = match (entry.state, found.open) {
        (State::Closed, false) => State::Closed,
        _ => State::Open,
    };
    entry.key = found.key;
    entry.ticket = Some(found.ticket);
    entry.pending = None;
    entry
}

/// Of a ticket that remembers nothing.
fn bare(key: &str, open: bool) -> Entry {
    let epoch = Timestamp::from_unix(0).unwrap_or_else(Timestamp::now);
    Entry {
        key: key.to_owned(),
        state: if open { State::Open } else { State::Closed },
        title: String::new(),
        severity: posture_report::v1::Severity::Info,
        opened: epoch,
        severity_since: epoch,
        due: None,
        scan: String::new(),
        members: Vec::new(),
        whole: false,
        stale: false,
        ticket: None,
        pending: None,
    }
}

/// Looks tickets up where that is needed, and then does what the report asks for.
pub fn apply(
    planner: &mut Planner<'_>,
    file: &mut LedgerFile,
    sink: &mut dyn Sink,
    max_open: u64,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let mut counts = planner
        .plan(file.ledger(), &mut |_| Ok(()))
        .map_err(ApplyError::Report)?;
    let mut again = interrupted(file.ledger());
    // A ledger that is new may be one that was lost: the tickets tell.
    if !file.existed() || needs_look(file.ledger(), &counts) {
        settle(file.ledger(), sink);
        let found = match sink.find() {
            Ok(found) => found,
            Err(error) => {
                applied.stopped = Some(error);
                return Ok(applied);
            }
        };
        let mut ledger = file.ledger().clone();
        applied.adopted = adopt(&mut ledger, found);
        file.replace(ledger);
        file.tidy()?;
        counts = planner
            .plan(file.ledger(), &mut |_| Ok(()))
            .map_err(ApplyError::Report)?;
    }
    if counts.open > max_open {
        return Err(ApplyError::TooMany {
            count: counts.open,
            most: max_open,
        });
    }
    let before = file.ledger().clone();
    again.retain(|key| before.entries.contains_key(key));
    let mut work = Work {
        file,
        sink,
        again,
        applied,
        failed: None,
        tell,
    };
    let planned = planner.plan(&before, &mut |step| work.step(step));
    let Work {
        applied,
        failed,
        file,
        ..
    } = work;
    if let Some(error) = failed {
        return Err(error);
    }
    if applied.stopped.is_none() {
        planned.map_err(ApplyError::Report)?;
    }
    file.tidy()?;
    Ok(applied)
}

/// Keys of operations that were begun and not seen to end.
fn interrupted(ledger: &Ledger) -> BTreeSet<String> {
    let open = ledger
        .entries
        .values()
        .filter(|entry| entry.pending.is_some());
    open.map(|entry| entry.key.clone()).collect()
}

/// Lets a search find what an interrupted run may have made.
fn settle(ledger: &Ledger, sink: &mut dyn Sink) {
    if let Some(at) = ledger.interrupted() {
        let since = u64::try_from(Timestamp::now().unix() - at.unix()).unwrap_or(0);
        let wait = sink.settles_in().saturating_sub(Duration::from_secs(since));
        sink.wait(wait);
    }
}

/// A plan that is being carried out.
struct Work<'a> {
    file: &'a mut LedgerFile,
    sink: &'a mut dyn Sink,
    again: BTreeSet<String>,
    applied: Applied,
    /// What makes going on useless.
    failed: Option<ApplyError>,
    tell: &'a mut dyn FnMut(Progress<'_>),
}

impl Work<'_> {
    fn step(&mut self, step: Step<'_>) -> io::Result<()> {
        let done = match step {
            Step::Note(entry) => self.file.put(entry.clone()).map_err(ApplyError::Ledger),
            Step::Do(operation) => self.carry_out(operation),
        };
        if let Err(error) = done {
            self.failed = Some(error);
        }
        if self.failed.is_some() || self.applied.stopped.is_some() {
            return Err(io::Error::other("stopped"));
        }
        Ok(())
    }

    fn carry_out(&mut self, operation: &Operation) -> Result<(), ApplyError> {
        self.begin(operation)?;
        match self.send(operation) {
            Ok(ticket) => {
                let mut entry = operation.after.clone();
                entry.ticket = ticket.clone();
                self.file.put(entry)?;
                self.applied.done.count_one(operation.kind);
                (self.tell)(Progress::Done(operation, ticket.as_ref()));
            }
            // The next run finds none in the ledger and makes one, if there is still reason to.
            Err(SinkError::Missing) => {
                self.file.remove(&operation.key)?;
                if operation.kind == Kind::Close {
                    self.applied.done.count_one(operation.kind);
                    (self.tell)(Progress::Done(operation, operation.ticket.as_ref()));
                } else {
                    self.refuse(
                        operation,
                        "the ticket does not exist any more; the next run opens a new one",
                    );
                }
            }
            Err(SinkError::Refused(why)) => {
                self.take_back(operation)?;
                self.refuse(operation, &why);
            }
            // What was begun stays in the ledger, and is looked up by the next run.
            Err(error @ SinkError::Unsure(_)) => self.applied.stopped = Some(error),
            Err(error @ SinkError::Stop { .. }) => {
                self.take_back(operation)?;
                self.applied.stopped = Some(error);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, operation: &Operation, why: &str) {
        self.applied.refused += 1;
        (self.tell)(Progress::Refused(operation, why));
    }

    fn send(&mut self, operation: &Operation) -> Result<Option<Ticket>, SinkError> {
        let again = self.again.contains(&operation.key);
        match (operation.kind, &operation.ticket) {
            (Kind::Open, _) => self.open(operation).map(Some),
            (_, None) => Err(SinkError::Missing),
            (Kind::Update, Some(ticket)) => {
                self.sink.update(ticket, operation, again)?;
                Ok(Some(ticket.clone()))
            }
            (Kind::Reopen, Some(ticket)) => {
                self.sink.reopen(ticket, operation, again)?;
                Ok(Some(ticket.clone()))
            }
            (Kind::Close, Some(ticket)) => {
                self.sink.close(ticket, operation, again)?;
                Ok(Some(ticket.clone()))
            }
        }
    }

    /// Makes a ticket. Where the answer is lost, it is looked for before it is made once more.
    fn open(&mut self, operation: &Operation) -> Result<Ticket, SinkError> {
        let mut attempt = 1;
        loop {
            match self.sink.open(operation) {
                Err(SinkError::Unsure(why)) => {
                    let settle = self.sink.settles_in();
                    self.sink.wait(settle);
                    let found = self.sink.find()?;
                    if let Some(found) = found.into_iter().find(|one| one.key == operation.key) {
                        return Ok(found.ticket);
                    }
                    if attempt == ATTEMPTS {
                        return Err(SinkError::Unsure(why));
                    }
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Notes that an operation is about to be sent.
    fn begin(&mut self, operation: &Operation) -> Result<(), ApplyError> {
        let known = self.file.ledger().entries.get(&operation.key);
        let mut entry = known.cloned().unwrap_or_else(|| operation.after.clone());
        entry.pending = Some(Pending {
            op: operation.kind,
            at: Timestamp::now(),
        });
        Ok(self.file.put(entry)?)
    }

    /// Notes that nothing came of it.
    fn take_back(&mut self, operation: &Operation) -> Result<(), ApplyError> {
        if operation.kind == Kind::Open {
            return Ok(self.file.remove(&operation.key)?);
        }
        let known = self.file.ledger().entries.get(&operation.key);
        if let Some(mut entry) = known.cloned() {
            entry.pending = None;
            self.file.put(entry)?;
        }
        Ok(())
    }
}
