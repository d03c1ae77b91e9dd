//! A lock against two runs at once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use posture_model::Timestamp;

use crate::RunError;

const NAME: &str = ".lock";

/// Held while a run is under way. The system lets go of it when the process ends, however it ends: a run that was
/// killed locks nobody out.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Another run holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its process, where it says so.
    pub process: Option<u32>,
    /// When it started, where it says so.
    pub since: Option<Timestamp>,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is under way.
    #[error("another run is under way{}", said(.0))]
    Held(Held),
    /// The lock file cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
}

fn said(held: &Held) -> String {
    let process = held.process.map(|process| format!("process {process}"));
    let since = held.since.map(|since| format!("since {since}"));
    let parts: Vec<String> = process.into_iter().chain(since).collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!(": {}", parts.join(", ")),
    }
}

impl Lock {
    /// Takes the lock of a directory, or says who has it.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(NAME);
        let failed = |action| {
            let path = path.clone();
            move |error| RunError::io(action, &path, error)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(failed("lock")(error).into()),
        }
        let text = format!("{} {}\n", std::process::id(), Timestamp::now());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Held {
    let mut text = String::new();
    // What cannot be read, or was not written yet, is not said.
    let _ = file.take(200).read_to_string(&mut text);
    let mut words = text.split_whitespace();
    Held {
        process: words.next().and_then(|word| word.parse().ok()),
        since: words.next().and_then(Timestamp::parse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(directory.path()).unwrap();
        let error = Lock::acquire(directory.path()).unwrap_err();
        let LockError::Held(held) = &error else {
            panic!("{error}");
        };
        assert_eq!(held.process, Some(std::process::id()));
        assert!(held.since.is_some());
        let said = error.to_string();
        assert!(
            said.starts_with("another run is under way: process "),
            "{said}"
        );
        drop(lock);
        Lock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn what_a_dead_process_left_is_no_lock() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join(NAME),
            "1 2026-01-01T00:00:00Z and much more than that",
        )
        .unwrap();
        Lock::acquire(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(NAME)).unwrap();
        assert!(
            text.starts_with(&std::process::id().to_string()) && text.lines().count() == 1,
            "{text}"
        );
    }
}
