//! Files that are either whole or not there.

use std::io::Write;
use std::path::Path;

use crate::SnapshotError;

/// Writes a file by way of a temporary one in the same directory, synced and renamed, readable by its
/// owner alone. Whatever happens, `path` holds the old content or the new, never a part.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), SnapshotError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // `NamedTempFile` creates with mode 0600 and removes the file when anything below fails.
    let mut file = tempfile::Builder::new()
        .prefix(".posture-")
        .suffix(".tmp")
        .tempfile_in(parent)
        .map_err(|e| SnapshotError::io("create a file beside", path, e))?;
    file.write_all(content)
        .and_then(|()| file.as_file().sync_all())
        .map_err(|e| SnapshotError::io("write", path, e))?;
    file.persist(path)
        .map_err(|e| SnapshotError::io("replace", path, e.error))?;
    Ok(())
}
