//! Scheduled runs: one directory for each, a lock against overlap, what is new since the last one, and who is told
//! of it.
//!
//! A run is made in a directory of its own beside the others, and takes its place among them by one rename when
//! everything in it is written. So whatever has a date for its name is whole, and what was interrupted is not
//! mistaken for it.

mod lock;
mod news;
mod runs;
mod webhook;

use std::path::{Path, PathBuf};

pub use lock::{Held, Lock, LockError};
pub use news::{Known, LIMIT, News};
pub use runs::{Run, Runs, previous_report};
pub use webhook::{Address, AddressError, Form, PostError, post};

/// Why a directory of runs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something could not be read or written.
    #[error("failed to {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A name that is needed is taken by something that is not posture's.
    #[error("{} was not made by posture; name another --output-dir, or move it away", path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
}

impl RunError {
    fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
