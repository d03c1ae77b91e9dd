//! `cargo xtask lint`: the rules of the workspace that no other tool knows.
//!
//! Each module finds violations of one kind and returns them; nothing here stops at the first.

mod dependencies;
mod layout;
mod manifest;
mod profiles;
mod source;
mod text;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::program::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Words that must not occur in any file: one a line, whole words, any case
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
}

/// Something that must not stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    /// What is wrong, and what to do about it.
    says: String,
}

impl Violation {
    fn new(file: impl Into<String>, line: usize, says: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            says: says.into(),
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.says),
            line => write!(f, "{}:{line}: {}", self.file, self.says),
        }
    }
}

/// A file of the repository.
struct File {
    /// Its path below the workspace.
    path: String,
    /// Its content; none for what is not text.
    text: Option<String>,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<bool, Error> {
    let files = files(root)?;
    let words = match &args.words {
        Some(path) => text::words(
            &std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?,
        ),
        None => Vec::new(),
    };
    let mut violations = dependencies::lint(root, &files)?;
    for file in &files {
        let Some(content) = &file.text else { continue };
        if file.path.ends_with(".rs") {
            violations.extend(source::lint(&file.path, content));
        }
        if is_member(&file.path) {
            violations.extend(manifest::lint(&file.path, content));
        }
        violations.extend(text::lint(&file.path, content, &words));
    }
    violations.extend(layout::lint(&files));
    violations.extend(profiles::lint(&files));
    violations.sort();
    violations.dedup();
    for violation in &violations {
        println!("{violation}");
    }
    println!("{} files, {} violations", files.len(), violations.len());
    Ok(violations.is_empty())
}

/// Whether a file is the manifest of a member of the workspace.
fn is_member(path: &str) -> bool {
    path == "tests/Cargo.toml"
        || path
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
            .is_some_and(|name| !name.contains('/'))
}

/// The files that are tracked, or would be by `git add --all`.
fn files(root: &Path) -> Result<Vec<File>, Error> {
    let listed = output(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            // One that was deleted but is still in the index is gone.
            let content = std::fs::read(root.join(path)).ok()?;
            Some(File {
                path: path.to_owned(),
                text: String::from_utf8(content).ok(),
            })
        })
        .collect())
}

/// The line, from 1, on which a byte stands.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_known_by_their_place() {
        assert!(is_member("crates/cli/Cargo.toml"));
        assert!(is_member("tests/Cargo.toml"));
        assert!(!is_member("Cargo.toml"));
        assert!(!is_member("crates/cli/x/Cargo.toml"));
    }

    #[test]
    fn violations_print_as_places() {
        assert_eq!(Violation::new("a.rs", 3, "no").to_string(), "a.rs:3: no");
        assert_eq!(Violation::new("a.rs", 0, "no").to_string(), "a.rs: no");
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
