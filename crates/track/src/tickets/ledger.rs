//! What was told of which finding: the memory that makes tickets idempotent.
//!
//! The file is JSON, one line an entry, the last line of a key being the valid one. A run only appends to it, one
//! synced line before and after each ticket that it touches, and writes it anew as a whole at its end, by way of
//! a temporary file. So whatever ends a run, the file holds what was done; a line cut short at its very end was
//! not yet relied upon.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use posture_report::v1::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GroupBy;
use super::line::json_line;
use super::operation::Kind;

/// The version of the format that this build writes.
const VERSION: u32 = 1;

/// A ticket where it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Ticket {
    /// Its id there: an issue's number, or its key.
    pub id: String,
    /// Where a person sees it.
    pub url: String,
}

/// Whether a ticket is open, as far as posture is concerned. Who closes one by hand is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something it is for fails, or may fail.
    Open,
    /// Nothing it was for fails, and that is proved.
    Closed,
}

/// A finding that a ticket is for, and what it takes to ask a later report about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The finding's id.
    pub finding: FindingId,
    /// The check.
    pub check: CheckId,
    /// Digest of its rule when it last failed.
    pub digest: String,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The resource's type.
    pub r#type: String,
    /// Key of the resource.
    pub resource: String,
    /// The resource's name; hostile text.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where resources of the type were listed when it last failed: the region, `global`, or both. All of these
    /// must have been listed before the resource can be called gone.
    pub homes: Vec<Region>,
    /// Whether the ARN alone tells the resource from others of its place.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub plain: bool,
}

/// What was told of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Whether the ticket is open.
    pub state: State,
    /// Its title, as it was told last.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// The start of the scan that opened it, the last time.
    pub opened: Timestamp,
    /// Since when it has this severity.
    pub severity_since: Timestamp,
    /// The day by which it should be mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// The scan that said so last.
    pub scan: String,
    /// The findings that it is for.
    pub members: Vec<Member>,
    /// Whether `members` are all. False for a ticket that was found again without a record of them: it is not
    /// closed, since something that it is for may be among those that are not known.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub whole: bool,
    /// Whether the ticket still names findings that are dealt with, since the report that proved it held nothing
    /// to write the ticket's text from.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stale: bool,
    /// The ticket; null where someone else makes the tickets, or where it was not looked up yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// What was begun and not seen to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// An operation that was sent, or was about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Which.
    pub op: Kind,
    /// When.
    pub at: Timestamp,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The entries by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// What the keys are of.
    pub group_by: GroupBy,
    /// The entries.
    pub entries: BTreeMap<String, Entry>,
}

impl Ledger {
    /// An empty one.
    pub fn new(group_by: GroupBy) -> Self {
        Self {
            group_by,
            entries: BTreeMap::new(),
        }
    }

    /// The entries whose tickets must be looked up before anything is done: nobody knows whether there are any.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| entry.ticket.is_none())
    }

    /// When the last operation began that was not seen to end.
    pub fn interrupted(&self) -> Option<Timestamp> {
        self.entries
            .values()
            .filter_map(|entry| entry.pending)
            .map(|pending| pending.at)
            .max()
    }
}

/// Why a ledger could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file could not be read or written.
    #[error("failed to {what} the ledger {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another run uses the ledger {path}; wait until it has ended")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is none, or is damaged.
    #[error(
        "{path}, line {line}: {problem}; restore the ledger from a backup, or move it away to have it rebuilt"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It is of a newer version.
    #[error(
        "the ledger {path} has version {found}, this build knows {VERSION}; use a newer posture"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It is for other tickets.
    #[error(
        "the ledger {path} is of tickets by {found} for {there}, not by {wanted} for {here}; name another file"
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What its keys are of.
        found: GroupBy,
        /// What was asked for.
        wanted: GroupBy,
        /// Where its tickets are.
        there: String,
        /// Where tickets are wanted.
        here: String,
    },
}

/// The first line of the file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    posture_ledger: u32,
    group_by: GroupBy,
    /// Where the tickets are; null where another system makes them.
    sink: Option<String>,
}

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Entry(Box<Entry>),
    Removed { key: String, removed: bool },
}

/// A ledger in a file, which no other process writes.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    header: Header,
    ledger: Ledger,
    file: Option<File>,
    /// Whether the file was there.
    existed: bool,
    /// Whether the file differs from what it would be when written anew.
    untidy: bool,
    _lock: Option<Lock>,
}

/// Held on a file of its own, since the ledger itself is replaced.
#[derive(Debug)]
struct Lock(#[expect(dead_code, reason = "held until it is dropped")] File);

impl LedgerFile {
    /// Opens a ledger, or prepares one that does not exist yet; nothing is written but the lock beside it.
    pub fn open(path: &Path, group_by: GroupBy, sink: Option<&str>) -> Result<Self, LedgerError> {
        let lock = lock(path)?;
        Self::locked(path, group_by, sink, Some(lock))
    }

    /// Opens a ledger to look at it: it may be another run's, and must not be written.
    pub fn look(path: &Path, group_by: GroupBy, sink: Option<&str>) -> Result<Self, LedgerError> {
        Self::locked(path, group_by, sink, None)
    }

    fn locked(
        path: &Path,
        group_by: GroupBy,
        sink: Option<&str>,
        lock: Option<Lock>,
    ) -> Result<Self, LedgerError> {
        let header = Header {
            posture_ledger: VERSION,
            group_by,
            sink: sink.map(str::to_owned),
        };
        let mut opened = Self {
            path: path.to_owned(),
            header,
            ledger: Ledger::new(group_by),
            file: None,
            existed: false,
            untidy: true,
            _lock: lock,
        };
        match File::open(path) {
            Ok(file) => {
                opened.existed = true;
                opened.untidy = false;
                opened.read(file)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(opened.failed("read", error)),
        }
        Ok(opened)
    }

    /// The entries.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether the file was there when it was opened.
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// Takes another ledger in place of what was read; the file follows with [`Self::tidy`].
    pub fn replace(&mut self, ledger: Ledger) {
        if ledger != self.ledger {
            self.ledger = ledger;
            self.untidy = true;
        }
    }

    /// Notes an entry; it is on the disk when this returns.
    pub fn put(&mut self, entry: Entry) -> Result<(), LedgerError> {
        if self.ledger.entries.get(&entry.key) == Some(&entry) {
            return Ok(());
        }
        let line = Line::Entry(Box::new(entry));
        self.append(&line)?;
        if let Line::Entry(entry) = line {
            self.ledger.entries.insert(entry.key.clone(), *entry);
        }
        Ok(())
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &str) -> Result<(), LedgerError> {
        if !self.ledger.entries.contains_key(key) {
            return Ok(());
        }
        self.append(&Line::Removed {
            key: key.to_owned(),
            removed: true,
        })?;
        self.ledger.entries.remove(key);
        Ok(())
    }

    /// Writes the file anew, one line an entry, where it is not that already.
    pub fn tidy(&mut self) -> Result<(), LedgerError> {
        if !self.untidy {
            return Ok(());
        }
        self.file = None;
        self.write().map_err(|error| self.failed("write", error))?;
        self.untidy = false;
        Ok(())
    }

    fn read(&mut self, file: File) -> Result<(), LedgerError> {
        let mut reader = BufReader::new(file);
        let mut text = Vec::new();
        let mut number = 0;
        loop {
            text.clear();
            let read = reader
                .read_until(b'\n', &mut text)
                .map_err(|error| self.failed("read", error))?;
            if read == 0 {
                break;
            }
            number += 1;
            let whole = text.ends_with(b"\n");
            match self.line(number, &text) {
                // A line that a killed process did not finish: what it was to say had not happened yet.
                Err(LedgerError::Damaged { .. }) if !whole && number > 1 => {}
                other => other?,
            }
            self.untidy |= !whole;
        }
        if number == 0 {
            return Err(self.damaged(1, "it is empty"));
        }
        Ok(())
    }

    fn line(&mut self, number: usize, text: &[u8]) -> Result<(), LedgerError> {
        if number == 1 {
            return self.header(text);
        }
        let line: Line = serde_json::from_slice(text)
            .map_err(|_| self.damaged(number, "it is no entry of a ledger"))?;
        match line {
            Line::Entry(entry) => {
                let before = self.ledger.entries.insert(entry.key.clone(), *entry);
                self.untidy |= before.is_some();
            }
            Line::Removed { key, .. } => {
                self.ledger.entries.remove(&key);
                self.untidy = true;
            }
        }
        Ok(())
    }

    fn header(&self, text: &[u8]) -> Result<(), LedgerError> {
        #[derive(Deserialize)]
        struct Versioned {
            posture_ledger: u32,
        }
        let versioned: Versioned = serde_json::from_slice(text)
            .map_err(|_| self.damaged(1, "this is no ledger of `posture tickets`"))?;
        if versioned.posture_ledger > VERSION {
            return Err(LedgerError::Newer {
                path: self.path.clone(),
                found: versioned.posture_ledger,
            });
        }
        let found: Header = serde_json::from_slice(text)
            .map_err(|_| self.damaged(1, "its first line is damaged"))?;
        if found != self.header {
            let place =
                |sink: Option<String>| sink.unwrap_or_else(|| "a system of one's own".to_owned());
            return Err(LedgerError::Other {
                path: self.path.clone(),
                found: found.group_by,
                wanted: self.header.group_by,
                there: place(found.sink),
                here: place(self.header.sink.clone()),
            });
        }
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), LedgerError> {
        if self.file.is_none() {
            // Behind half a line nothing can be appended, and a new file begins with its header.
            self.tidy()?;
            if !self.path.exists() {
                self.untidy = true;
                self.tidy()?;
            }
            let file = OpenOptions::new()
                .append(true)
                .open(&self.path)
                .map_err(|error| self.failed("open", error))?;
            self.file = Some(file);
        }
        let written = json_line(line).and_then(|text| match &mut self.file {
            Some(file) => file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_data()),
            None => Ok(()),
        });
        self.untidy = true;
        written.map_err(|error| self.failed("write", error))
    }

    fn write(&self) -> io::Result<()> {
        let parent = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".posture-")
            .suffix(".tmp")
            .tempfile_in(parent)?;
        let mut out = BufWriter::new(file);
        out.write_all(json_line(&self.header)?.as_bytes())?;
        for entry in self.ledger.entries.values() {
            out.write_all(json_line(entry)?.as_bytes())?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn failed(&self, what: &'static str, source: io::Error) -> LedgerError {
        LedgerError::Io {
            what,
            path: self.path.clone(),
            source,
        }
    }

    fn damaged(&self, line: usize, problem: &str) -> LedgerError {
        LedgerError::Damaged {
            path: self.path.clone(),
            line,
            problem: problem.to_owned(),
        }
    }
}

/// Keeps other runs away from a ledger.
fn lock(path: &Path) -> Result<Lock, LedgerError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |source| LedgerError::Io {
        what: "lock",
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(name))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(LedgerError::Locked {
            path: path.to_owned(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
