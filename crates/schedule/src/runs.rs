//! The directories of runs.

use std::fs;
use std::path::{Path, PathBuf};

use posture_config::Keep;
use posture_model::Timestamp;
use posture_snapshot::write_atomically;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// A directory without it is none of ours, and is left alone.
const MARKER: &str = ".posture-run.json";
const UNFINISHED: &str = ".unfinished";
const REMOVING: &str = ".removing-";
const LATEST: &str = "latest";
/// The report that every run has.
const REPORT: &str = "report.json";
const SECONDS_A_DAY: i64 = 86_400;

/// What a directory says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// When the scan started; null until it is over.
    started_at: Option<Timestamp>,
    /// Whether everything was read, or what was not is accepted.
    complete: bool,
    /// Whether nobody is waiting to hear of it.
    told: bool,
}

/// A directory in which each run has one of its own.
#[derive(Debug)]
pub struct Runs {
    directory: PathBuf,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its directory.
    pub directory: PathBuf,
    /// Its name: when its scan started.
    name: String,
    marker: Marker,
}

impl Run {
    /// Its report.
    pub fn report(&self) -> PathBuf {
        self.directory.join(REPORT)
    }

    /// Whether everything was read, or what was not is accepted.
    pub fn is_complete(&self) -> bool {
        self.marker.complete
    }

    /// Whether whoever is to hear of what was new in it has.
    pub fn is_told(&self) -> bool {
        self.marker.told
    }

    /// Notes that they have.
    pub fn told(&mut self) -> Result<(), RunError> {
        self.marker.told = true;
        write_marker(&self.directory, &self.marker)
    }
}

impl Runs {
    /// In a directory, which is made where it is missing.
    pub fn open(directory: &Path) -> Result<Self, RunError> {
        fs::create_dir_all(directory).map_err(|e| RunError::io("create", directory, e))?;
        // Said before a scan, and not after it.
        free(&directory.join(LATEST))?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// The directory in which a run is made: a new one, or that of a run which was interrupted in mid-scan and
    /// goes on. One that stopped later is begun anew: its scan is over, and what it would say is of yesterday.
    pub fn begin(&self) -> Result<PathBuf, RunError> {
        let directory = self.directory.join(UNFINISHED);
        if directory.exists() {
            let ours = read_marker(&directory).is_some();
            if !ours && !is_empty(&directory) {
                return Err(RunError::Foreign { path: directory });
            }
            if !is_resumable(&directory) {
                self.discard()?;
            }
        }
        fs::create_dir_all(&directory).map_err(|e| RunError::io("create", &directory, e))?;
        restrict(&directory)?;
        let marker = Marker {
            started_at: None,
            complete: false,
            told: false,
        };
        write_marker(&directory, &marker)?;
        Ok(directory)
    }

    /// Forgets the run that was begun.
    pub fn discard(&self) -> Result<(), RunError> {
        remove(&self.directory.join(UNFINISHED))
    }

    /// Where the run that was begun will be when it is over. Two runs in one second get names of their own.
    pub fn destination(&self, started_at: Timestamp) -> PathBuf {
        let plain = started_at.to_string().replace(':', "");
        let mut name = plain.clone();
        let mut number = 2;
        while self.directory.join(&name).exists() {
            name = format!("{plain}-{number}");
            number += 1;
        }
        self.directory.join(name)
    }

    /// Puts the run that was begun in its place among the others.
    pub fn finish(
        &self,
        destination: &Path,
        started_at: Timestamp,
        complete: bool,
        told: bool,
    ) -> Result<Run, RunError> {
        let begun = self.directory.join(UNFINISHED);
        let marker = Marker {
            started_at: Some(started_at),
            complete,
            told,
        };
        write_marker(&begun, &marker)?;
        fs::rename(&begun, destination).map_err(|e| RunError::io("finish", destination, e))?;
        Ok(Run {
            directory: destination.to_owned(),
            name: file_name(destination).to_owned(),
            marker,
        })
    }

    /// Points `latest` at a run, in one step. Where the system has no symbolic links for us, it is a file that holds
    /// the name.
    pub fn set_latest(&self, run: &Run) -> Result<(), RunError> {
        let latest = self.directory.join(LATEST);
        free(&latest)?;
        let next = self
            .directory
            .join(format!(".{LATEST}-{}", std::process::id()));
        let _ = fs::remove_file(&next);
        if link(&run.name, &next).is_ok() {
            return fs::rename(&next, &latest).map_err(|e| RunError::io("replace", &latest, e));
        }
        write_atomically(&latest, format!("{}\n", run.name).as_bytes())
            .map_err(|e| RunError::io("write", &latest, std::io::Error::other(e)))
    }

    /// The run that `latest` points at.
    pub fn latest(&self) -> Option<Run> {
        let latest = self.directory.join(LATEST);
        let name = match fs::read_link(&latest) {
            Ok(target) => target.to_str()?.to_owned(),
            Err(_) => fs::read_to_string(&latest).ok()?.trim().to_owned(),
        };
        self.run(&name)
    }

    /// The runs that are over, the newest first.
    pub fn all(&self) -> Result<Vec<Run>, RunError> {
        let failed = |e| RunError::io("list", &self.directory, e);
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            runs.extend(name.to_str().and_then(|name| self.run(name)));
        }
        runs.sort_by(|a, b| (b.marker.started_at, &b.name).cmp(&(a.marker.started_at, &a.name)));
        Ok(runs)
    }

    /// Removes runs that are neither among those to keep nor needed: the one that `latest` points at, and the last
    /// complete one that was told, stay. What posture did not make is not looked at. Returns the names.
    pub fn prune(&self, keep: Keep, now: Timestamp) -> Result<Vec<String>, RunError> {
        self.sweep()?;
        if keep == Keep::default() {
            return Ok(Vec::new());
        }
        let latest = self.latest().map(|run| run.name);
        let runs = self.all()?;
        let told = runs.iter().find(|run| run.is_complete() && run.is_told());
        let told = told.map(|run| run.name.clone());
        let mut removed = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            let age = now.unix() - run.marker.started_at.map_or(0, Timestamp::unix);
            let among = |runs: u32| place < usize::try_from(runs).unwrap_or(usize::MAX);
            let young = |days: u32| age < i64::from(days) * SECONDS_A_DAY;
            let needed = [&latest, &told]
                .iter()
                .any(|name| name.as_ref() == Some(&run.name));
            if needed || keep.runs.is_some_and(among) || keep.days.is_some_and(young) {
                continue;
            }
            // Out of the way first: half of a run must not look like one.
            let doomed = self.directory.join(format!("{REMOVING}{}", run.name));
            fs::rename(&run.directory, &doomed)
                .map_err(|e| RunError::io("remove", &run.directory, e))?;
            remove(&doomed)?;
            removed.push(run.name.clone());
        }
        Ok(removed)
    }

    /// What a removal that was killed left.
    fn sweep(&self) -> Result<(), RunError> {
        let failed = |e| RunError::io("list", &self.directory, e);
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let doomed = file_name(&path)
                .strip_prefix(REMOVING)
                .is_some_and(is_run_name);
            if doomed && read_marker(&path).is_some() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// A run by its name; `None` for whatever else has that name.
    fn run(&self, name: &str) -> Option<Run> {
        let directory = self.directory.join(name);
        let is_directory = directory
            .symlink_metadata()
            .is_ok_and(|found| found.is_dir());
        if !is_run_name(name) || !is_directory {
            return None;
        }
        let marker = read_marker(&directory).filter(|marker| marker.started_at.is_some())?;
        Some(Run {
            directory,
            name: name.to_owned(),
            marker,
        })
    }
}

/// Refuses a directory where `latest` has to be: posture makes a link or a file.
fn free(latest: &Path) -> Result<(), RunError> {
    match latest.symlink_metadata() {
        Ok(found) if found.is_dir() => Err(RunError::Foreign {
            path: latest.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The report of the last complete run in a directory of runs: what the next one is compared with.
pub fn previous_report(output_dir: &Path) -> Option<PathBuf> {
    let runs = Runs {
        directory: output_dir.to_owned(),
    };
    let report = runs.latest().filter(Run::is_complete)?.report();
    report.is_file().then_some(report)
}

/// `2026-01-31T120000Z`, and `-2` where there are two.
fn is_run_name(name: &str) -> bool {
    let (time, number) = name.split_once('Z').unwrap_or((name, "none"));
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let numbered = number
        .strip_prefix('-')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    shape == "0000-00-00T000000" && (number.is_empty() || numbered)
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether a scan began in this directory and did not end.
fn is_resumable(directory: &Path) -> bool {
    let manifest = directory.join(SNAPSHOT).join("manifest.json");
    let Ok(bytes) = fs::read(manifest) else {
        return false;
    };
    serde_json::from_slice::<serde_json::Value>(&bytes)
        .is_ok_and(|manifest| manifest["scan"]["finished_at"].is_null())
}

/// The snapshot of a run.
pub(crate) const SNAPSHOT: &str = "snapshot";

fn read_marker(directory: &Path) -> Option<Marker> {
    let bytes = fs::read(directory.join(MARKER)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn write_marker(directory: &Path, marker: &Marker) -> Result<(), RunError> {
    let path = directory.join(MARKER);
    let mut text =
        serde_json::to_vec(marker).map_err(|e| RunError::io("write", &path, e.into()))?;
    text.push(b'\n');
    write_atomically(&path, &text)
        .map_err(|e| RunError::io("write", &path, std::io::Error::other(e)))
}

/// Removes a directory that has a marker; the marker last, so that a removal which is killed goes on later.
fn remove(directory: &Path) -> Result<(), RunError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |e| RunError::io("remove", &path, e)
    };
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        if file_name(&path) == MARKER {
            continue;
        }
        let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let removed = match is_directory {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(failed(&path))?;
    }
    let marker = directory.join(MARKER);
    if marker.exists() {
        fs::remove_file(&marker).map_err(failed(&marker))?;
    }
    fs::remove_dir(directory).map_err(failed(directory))
}

/// Reports name resources: they are their owner's alone.
#[cfg(unix)]
fn restrict(directory: &Path) -> Result<(), RunError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
        .map_err(|e| RunError::io("restrict", directory, e))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<(), RunError> {
    Ok(())
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
