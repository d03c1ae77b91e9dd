//! Files that are either whole or not there.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::SnapshotError;

const PREFIX: &str = ".posture-";
const SUFFIX: &str = ".tmp";

/// Removes the temporary files in a directory that a killed writer left. Nothing reads them.
pub(crate) fn sweep(directory: &Path) -> Result<(), SnapshotError> {
    let failed = |e| SnapshotError::io("list", directory, e);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let left = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if left && path.is_file() {
            fs::remove_file(&path).map_err(|e| SnapshotError::io("remove", &path, e))?;
        }
    }
    Ok(())
}

/// Writes a file by way of a temporary one in the same directory, synced and renamed, readable by its
/// owner alone. Whatever happens, `path` holds the old content or the new, never a part.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), SnapshotError> {
    write_atomically_with(path, |file| file.write_all(content))
}

/// The same for content that is made while it is written.
pub fn write_atomically_with(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SnapshotError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // `NamedTempFile` creates with mode 0600 and removes the file when anything below fails.
    let file = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .tempfile_in(parent)
        .map_err(|e| SnapshotError::io("create a file beside", path, e))?;
    let mut buffered = BufWriter::with_capacity(1 << 16, file);
    content(&mut buffered)
        .and_then(|()| {
            buffered
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
        })
        .and_then(|file| file.as_file().sync_all().map(|()| file))
        .map_err(|e| SnapshotError::io("write", path, e))?
        .persist(path)
        .map_err(|e| SnapshotError::io("replace", path, e.error))?;
    Ok(())
}
