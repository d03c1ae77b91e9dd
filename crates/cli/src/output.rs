//! Where reports go: stdout, files, and what is neither.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use posture_snapshot::write_atomically_with;

use crate::exit::{Failure, USAGE};
use crate::object_store;

/// Where one report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// No path, or `-`.
    Stdout,
    /// A file, which is replaced as a whole.
    File(PathBuf),
    /// An object, `s3://bucket/key`.
    Object(String),
    /// A device, a pipe, a descriptor (`/dev/stdout`, `>(jq .)`): written to and left in place.
    Stream(PathBuf),
}

/// The outputs that `-o FORMAT[=PATH]` asks for, at most one of them on stdout.
pub(crate) fn targets<F>(specifications: &[String]) -> Result<Vec<(F, Target)>, Failure>
where
    F: FromStr<Err: ToString>,
{
    let targets = places(specifications)?;
    one_on_stdout(&targets)?;
    Ok(targets)
}

/// Refuses two reports on stdout.
pub(crate) fn one_on_stdout<F>(targets: &[(F, Target)]) -> Result<(), Failure> {
    if targets.iter().filter(|(_, t)| *t == Target::Stdout).count() > 1 {
        return Err(Failure::usage("two reports cannot share stdout")
            .help("give one of them a path: -o json=report.json"));
    }
    Ok(())
}

/// The outputs that `-o FORMAT[=PATH]` asks for. A scheduled run has a file for each that goes to stdout elsewhere.
pub(crate) fn places<F>(specifications: &[String]) -> Result<Vec<(F, Target)>, Failure>
where
    F: FromStr<Err: ToString>,
{
    let mut targets = Vec::new();
    for specification in specifications {
        let (format, target) = match specification.split_once('=') {
            None | Some((_, "-")) => (
                specification.split('=').next().unwrap_or_default(),
                Target::Stdout,
            ),
            Some((format, path)) => (format, Target::at(Path::new(path))),
        };
        let format: F = format.parse().map_err(Failure::usage)?;
        if let Target::File(path) = &target {
            writable(path)?;
        }
        targets.push((format, target));
    }
    Ok(targets)
}

impl Target {
    fn at(path: &Path) -> Self {
        if let Some(location) = path.to_str().filter(|text| object_store::is_object(text)) {
            return Self::Object(location.to_owned());
        }
        // A descriptor may stand for a regular file, but its name is not that file's.
        let named = path.starts_with("/dev") || path.starts_with("/proc");
        let other = path
            .metadata()
            .is_ok_and(|found| !found.is_file() && !found.is_dir());
        if other || (named && path.exists() && !path.is_dir()) {
            return Self::Stream(path.to_owned());
        }
        // A link stays a link: what it points at is replaced.
        Self::File(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    /// Writes a report, which `render` makes while it is written.
    pub(crate) fn write(
        &self,
        format: impl Display,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let failed = |problem: String| {
            Failure::new(
                USAGE,
                format!("the {format} report was not written: {problem}"),
            )
            .help("the snapshot is whole: posture evaluate writes the report again")
        };
        match self {
            Self::File(path) => {
                write_atomically_with(path, render).map_err(|e| failed(e.to_string()))
            }
            Self::Object(location) => {
                let place = |e: io::Error| failed(format!("{location}: {e}"));
                // An object needs its length beforehand, and a report may not fit into memory.
                let mut file = tempfile::NamedTempFile::new().map_err(place)?;
                buffered(file.as_file_mut(), render).map_err(place)?;
                object_store::upload(location, file.path())
            }
            Self::Stream(path) => OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|stream| buffered(stream, render))
                .or_else(unless_closed)
                .map_err(|e| failed(format!("{}: {e}", path.display()))),
            Self::Stdout => buffered(std::io::stdout().lock(), render)
                .or_else(unless_closed)
                .map_err(|e| Failure::usage(format!("failed to write to stdout: {e}"))),
        }
    }
}

fn buffered(
    out: impl Write,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    render(&mut out)?;
    out.flush()
}

/// A reader that has seen enough is no error.
fn unless_closed(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}

/// A report that cannot be written after an hour's scan would be an hour lost.
fn writable(path: &Path) -> Result<(), Failure> {
    const NEXT: &str = "name a file in a directory that you may write to: -o json=report.json";
    if path.as_os_str().is_empty() || path.is_dir() {
        return Err(Failure::usage(format!(
            "{:?} is no file to write a report to",
            path.display().to_string()
        ))
        .help(NEXT));
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".posture-")
        .tempfile_in(parent)
        .map(drop)
        .map_err(|e| Failure::usage(format!("cannot write to {}: {e}", path.display())).help(NEXT))
}
