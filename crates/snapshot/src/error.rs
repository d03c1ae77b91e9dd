//! What can go wrong with a snapshot on disk.

use std::io;
use std::path::{Path, PathBuf};

/// A snapshot that cannot be read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no manifest, so this is no snapshot.
    #[error("{path} is not a snapshot: it holds no manifest.json")]
    NotASnapshot {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds other things.
    #[error("{path} exists and is not a snapshot; give an empty or new directory")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error(
        "{path} has snapshot schema {found}; this version reads up to {supported}: install a newer posture"
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// The version found.
        found: String,
        /// The newest version that can be read.
        supported: &'static str,
    },
    /// It belongs to a scan of another scope, so it cannot be resumed.
    #[error(
        "{path} holds an interrupted scan with a different scope ({difference}); give another --snapshot directory or repeat the first command"
    )]
    OtherScope {
        /// The directory.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// The content does not fit what the unit's record says.
    #[error("{path} is corrupt: {detail}; scan again to replace it")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// The operating system refused.
    #[error("failed to {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl SnapshotError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn corrupt(path: &Path, detail: impl ToString) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            detail: detail.to_string(),
        }
    }
}
