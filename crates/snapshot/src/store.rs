//! Where a snapshot's files are: a directory, or an object store that others bring along.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::SnapshotError;
use crate::files::{sweep, write_atomically};

/// A flat set of files with names such as `account=1/region=r/lambda.jsonl.zst`.
///
/// A name holds a whole file or none at any moment: a file that is being written has the old content until it
/// has all of the new one.
pub trait Store: fmt::Debug + Send + Sync {
    /// Gets it ready to be written to.
    fn prepare(&self) -> Result<(), SnapshotError>;

    /// What a file holds; none when there is no such file.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError>;

    /// Writes or replaces a file as a whole.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError>;

    /// Removes a file, which need not be there.
    fn remove(&self, name: &str) -> Result<(), SnapshotError>;

    /// Names of all files that begin so, sorted.
    fn list(&self, prefix: &str) -> Result<Vec<String>, SnapshotError>;

    /// Removes what writers that were killed have left half written below a prefix.
    fn sweep(&self, prefix: &str) -> Result<(), SnapshotError>;

    /// The place of a file as a person would name it; of the store itself for an empty name.
    fn place(&self, name: &str) -> PathBuf;

    /// Shows what files hold, in the order in which they are named. A store that is far away reads several at once;
    /// no more than a few are in memory. `see` may not ask the store for anything.
    fn read_each(&self, names: &[String], see: &mut See<'_>) -> Result<(), SnapshotError> {
        names
            .iter()
            .try_for_each(|name| see(name, self.read(name)?))
    }

    /// Removes files, which need not be there.
    fn remove_each(&self, names: &[String]) -> Result<(), SnapshotError> {
        names.iter().try_for_each(|name| self.remove(name))
    }

    /// Is told which files will be read, perhaps more than once, in about this order, and will not be written before.
    /// A store that is far away may bring them nearer; nobody waits for it.
    fn read_ahead(&self, _names: Vec<String>) {}
}

/// Takes the name of a file and what it holds.
pub type See<'a> = dyn FnMut(&str, Option<Vec<u8>>) -> Result<(), SnapshotError> + 'a;

/// A directory of the file system.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// A directory, which need not be there yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The same, as whatever takes a store wants it.
    pub fn store(root: impl Into<PathBuf>) -> Arc<dyn Store> {
        Arc::new(Self::new(root))
    }

    /// All files below a directory whose names begin with a prefix.
    fn collect(
        &self,
        directory: &Path,
        prefix: &str,
        names: &mut Vec<String>,
    ) -> Result<(), SnapshotError> {
        let failed = |e| SnapshotError::io("list", directory, e);
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(e) if is_absent(&e) => return Ok(()),
            Err(e) => return Err(failed(e)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let Some(name) = self.name(&path) else {
                continue;
            };
            if entry.file_type().map_err(failed)?.is_dir() {
                // Nothing below can begin so unless one of the two begins with the other.
                let inside = format!("{name}/");
                if inside.starts_with(prefix) || prefix.starts_with(&inside) {
                    self.collect(&path, prefix, names)?;
                }
            } else if name.starts_with(prefix) {
                names.push(name);
            }
        }
        Ok(())
    }

    /// The name of a file below the root, with `/` on every system. One that is no text is still a file.
    fn name(&self, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(&self.root).ok()?;
        let parts: Vec<_> = relative
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        Some(parts.join("/"))
    }

    /// Sweeps a directory and those of units and scans in it; the empty ones go.
    fn sweep_below(&self, directory: &Path, prefix: &str) -> Result<(), SnapshotError> {
        sweep(directory)?;
        let failed = |e| SnapshotError::io("list", directory, e);
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name();
            let ours = name.to_str().is_some_and(|name| {
                ["account=", "region=", "next-"]
                    .iter()
                    .any(|known| name.starts_with(known))
            });
            let wanted = self.name(&path).is_some_and(|name| {
                let inside = format!("{name}/");
                inside.starts_with(prefix) || prefix.starts_with(&inside)
            });
            if ours && wanted && entry.file_type().map_err(failed)?.is_dir() {
                self.sweep_below(&path, prefix)?;
                // One that is not empty says so, which is no error.
                let _ = fs::remove_dir(&path);
            }
        }
        Ok(())
    }
}

impl Store for Directory {
    fn prepare(&self) -> Result<(), SnapshotError> {
        fs::create_dir_all(&self.root).map_err(|e| SnapshotError::io("create", &self.root, e))?;
        restrict(&self.root)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        let path = self.place(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(SnapshotError::io("read", &path, e)),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        let path = self.place(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| SnapshotError::io("create", parent, e))?;
        }
        write_atomically(&path, content)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        let path = self.place(name);
        match fs::remove_file(&path) {
            Err(e) if !is_absent(&e) => return Err(SnapshotError::io("remove", &path, e)),
            _ => {}
        }
        // Directories that are empty now go too; one that is not says so, which is no error.
        let mut parent = path.parent();
        while let Some(directory) = parent.filter(|directory| **directory != *self.root) {
            if fs::remove_dir(directory).is_err() {
                break;
            }
            parent = directory.parent();
        }
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, SnapshotError> {
        let mut names = Vec::new();
        self.collect(&self.root, prefix, &mut names)?;
        names.sort();
        Ok(names)
    }

    fn sweep(&self, prefix: &str) -> Result<(), SnapshotError> {
        if self.root.is_dir() {
            self.sweep_below(&self.root, prefix)?;
        }
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        if name.is_empty() {
            return self.root.clone();
        }
        self.root.join(name)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Names of resources tell an attacker where to look: the directory is its owner's alone.
#[cfg(unix)]
fn restrict(root: &Path) -> Result<(), SnapshotError> {
    use std::os::unix::fs::PermissionsExt;
    let empty = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))
            .map_err(|e| SnapshotError::io("restrict", root, e))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<(), SnapshotError> {
    Ok(())
}
