//! `cargo xtask generate`: everything in the repository that follows from the code and the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use posture_catalog::Catalog;

use crate::operations::Operations;
use crate::program::Posture;
use crate::{Error, docs, read};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; list what differs and fail when anything does
    #[arg(long)]
    check: bool,
    /// Write nothing; list what would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Ask this program instead of building `posture`
    #[arg(long, value_name = "PATH", env = "POSTURE_BIN")]
    posture: Option<PathBuf>,
}

/// Holds nothing that a person writes: what is there and is not generated is stale.
const OWN_DIRECTORY: &str = "docs/checks";

/// Files by their path below the workspace.
type Files = BTreeMap<String, String>;

pub(crate) fn run(root: &Path, args: &Args) -> Result<bool, Error> {
    let files = files(root, args.posture.as_deref())?;
    let changes = changes(root, &files)?;
    for (path, change) in &changes {
        println!("{:<8} {path}", change.as_str());
    }
    if args.check {
        if !changes.is_empty() {
            println!("run `make generate` and commit the result");
        }
        return Ok(changes.is_empty());
    }
    if !args.dry_run {
        for (path, change) in &changes {
            let full = root.join(path);
            match (change, files.get(path)) {
                (Change::Missing | Change::Differs, Some(text)) => {
                    if let Some(directory) = full.parent() {
                        std::fs::create_dir_all(directory)?;
                    }
                    std::fs::write(&full, text).map_err(|error| format!("{path}: {error}"))?;
                }
                _ => std::fs::remove_file(&full).map_err(|error| format!("{path}: {error}"))?,
            }
        }
    }
    println!("{} files, {} changed", files.len(), changes.len());
    Ok(true)
}

fn files(root: &Path, posture: Option<&Path>) -> Result<Files, Error> {
    let catalog = Catalog::builtin().map_err(|diagnostics| {
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        format!("the catalogue has mistakes\n\n{}", all.join("\n\n"))
    })?;
    let operations = Operations::read(root)?;
    let mut files = Files::new();
    for check in catalog.checks() {
        let page = docs::check::page(check, catalog.frameworks(), &operations)?;
        files.insert(format!("{OWN_DIRECTORY}/{}.md", check.meta.id), page);
    }
    let mut add = |path: &str, text: String| files.insert(path.to_owned(), text);
    add("docs/checks/README.md", docs::index::page(&catalog));
    add(
        "docs/checks/expressions.md",
        docs::expressions::page(
            &read(root, docs::expressions::PROSE)?,
            &read(root, docs::expressions::TABLE)?,
        )?,
    );
    add("docs/model.md", docs::model::page(&operations)?);
    for (name, schema) in [
        ("report-v1", posture_report::report_schema()),
        ("diff-v1", posture_track::diff_schema()),
        ("tickets-v1", posture_track::tickets::operation_schema()),
        ("snapshot-v1", docs::schema::snapshot()),
        ("check", docs::schema::check()),
        ("config", posture_config::schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        add(&format!("docs/schema/{name}.schema.json"), text);
    }
    let posture = Posture::find(root, posture)?;
    for (path, arguments) in [
        ("docs/cli.md", &["manual", "--markdown"][..]),
        (
            "docs/permissions/policy.json",
            &["permissions", "--output", "json"],
        ),
        (
            "docs/permissions/securityhub.json",
            &["permissions", "--for", "securityhub"],
        ),
        (
            "docs/permissions/scanner.json",
            &["permissions", "--for", "scanner"],
        ),
        (
            "docs/permissions/cloudformation-stackset.json",
            &["permissions", "--template", "cloudformation-stackset"],
        ),
        (
            "docs/permissions/cloudformation.json",
            &["permissions", "--output", "cloudformation"],
        ),
        (
            "docs/permissions/terraform.tf",
            &["permissions", "--output", "terraform"],
        ),
    ] {
        add(path, posture.ask(arguments)?);
    }
    Ok(files)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Not there yet.
    Missing,
    /// There, with another content.
    Differs,
    /// There, though nothing generates it any more.
    Stale,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Stale => "stale",
        }
    }
}

/// What has to change so that the tree holds these files.
fn changes(root: &Path, files: &Files) -> Result<BTreeMap<String, Change>, Error> {
    let mut changes = BTreeMap::new();
    for (path, text) in files {
        match std::fs::read(root.join(path)) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => {
                changes.insert(path.clone(), Change::Differs);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                changes.insert(path.clone(), Change::Missing);
            }
            Err(error) => return Err(format!("{path}: {error}").into()),
        }
    }
    for path in present(root)? {
        if !files.contains_key(&path) {
            changes.insert(path, Change::Stale);
        }
    }
    Ok(changes)
}

/// The files in the directory that holds only generated ones.
fn present(root: &Path) -> Result<BTreeSet<String>, Error> {
    let mut present = BTreeSet::new();
    let entries = match std::fs::read_dir(root.join(OWN_DIRECTORY)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(present),
        Err(error) => return Err(format!("{OWN_DIRECTORY}: {error}").into()),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            present.insert(format!(
                "{OWN_DIRECTORY}/{}",
                entry.file_name().to_string_lossy()
            ));
        }
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_missing_or_is_stale_is_found() {
        let root = tempfile::tempdir().unwrap();
        let checks = root.path().join(OWN_DIRECTORY);
        std::fs::create_dir_all(&checks).unwrap();
        std::fs::write(checks.join("same.md"), "same").unwrap();
        std::fs::write(checks.join("other.md"), "before").unwrap();
        std::fs::write(checks.join("gone.md"), "gone").unwrap();
        std::fs::write(root.path().join("docs/guide.md"), "by hand").unwrap();
        let files = Files::from([
            ("docs/checks/same.md".to_owned(), "same".to_owned()),
            ("docs/checks/other.md".to_owned(), "after".to_owned()),
            ("docs/new.md".to_owned(), "new".to_owned()),
        ]);
        assert_eq!(
            changes(root.path(), &files).unwrap(),
            BTreeMap::from([
                ("docs/checks/other.md".to_owned(), Change::Differs),
                ("docs/checks/gone.md".to_owned(), Change::Stale),
                ("docs/new.md".to_owned(), Change::Missing),
            ])
        );
    }
}
