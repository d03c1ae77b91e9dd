//! The release profile optimises everything but the generated SDK crates, which Cargo wants named one by one.

use std::collections::BTreeSet;

use super::{File, Violation};

const SDK: &str = "aws-sdk-";

pub(super) fn lint(files: &[File]) -> Vec<Violation> {
    let text = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .and_then(|file| file.text.as_deref())
            .unwrap_or_default()
    };
    let locked = names(text("Cargo.lock"), "name = \"", "\"");
    let named = names(text("Cargo.toml"), "[profile.release.package.", "]");
    let missing = locked.difference(&named).map(|name| {
        format!("[profile.release.package.{name}] is missing: give it the opt-level of the others")
    });
    let needless = named
        .difference(&locked)
        .map(|name| format!("[profile.release.package.{name}] is for no crate that is built"));
    missing
        .chain(needless)
        .map(|says| Violation::new("Cargo.toml", 0, says))
        .collect()
}

/// The SDK crates on lines that begin and end so.
fn names<'a>(text: &'a str, begin: &str, end: &str) -> BTreeSet<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(begin)?.strip_suffix(end))
        .filter(|name| name.starts_with(SDK))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sdk_crate_has_its_profile_and_nothing_else_has() {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: Some(text.to_owned()),
        };
        let files = [
            file(
                "Cargo.lock",
                "name = \"aws-sdk-ec2\"\nname = \"aws-sdk-iam\"\nname = \"aws-smithy-json\"\n",
            ),
            file(
                "Cargo.toml",
                "[profile.release.package.aws-sdk-ec2]\n[profile.release.package.aws-sdk-sso]\n",
            ),
        ];
        let found: Vec<String> = lint(&files).into_iter().map(|v| v.says).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found
                .iter()
                .any(|says| says.contains("aws-sdk-iam] is missing"))
        );
        assert!(
            found
                .iter()
                .any(|says| says.contains("aws-sdk-sso] is for no crate"))
        );
    }
}
