//! Manifests of crates: everything that can be said once is said in the workspace's.

use super::Violation;

/// Keys of `[package]` that every crate inherits.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

pub(super) fn lint(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut table = String::new();
    let mut inherits_lints = false;
    let mut inherited: Vec<&str> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_owned();
            if let Some((_, dependency)) =
                dependency_table(&table).filter(|(_, name)| !name.is_empty())
            {
                violations.push(Violation::new(
                    path,
                    number,
                    format!("`{dependency}` has a table of its own; write it in one line"),
                ));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match table.as_str() {
            "lints" if key == "workspace" && value == "true" => inherits_lints = true,
            "package" => {
                if let Some(name) = key.strip_suffix(".workspace")
                    && value == "true"
                {
                    inherited.extend(INHERITED.iter().filter(|known| **known == name));
                }
            }
            name if dependency_table(name).is_some()
                && !key.ends_with(".workspace")
                && !squeezed(value).contains("workspace=true") =>
            {
                let name = key.split('.').next().unwrap_or(key);
                violations.push(Violation::new(
                    path,
                    number,
                    format!(
                        "`{name}` has a version of its own; name it in [workspace.dependencies] of \
                         Cargo.toml and write `{name}.workspace = true` here"
                    ),
                ));
            }
            _ => {}
        }
    }
    if !inherits_lints {
        violations.push(Violation::new(
            path,
            0,
            "does not take the workspace's lints; add `[lints]` with `workspace = true`",
        ));
    }
    for key in INHERITED {
        if !inherited.contains(key) {
            violations.push(Violation::new(
                path,
                0,
                format!("does not take the workspace's {key}; write `{key}.workspace = true` under [package]"),
            ));
        }
    }
    violations
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether a table holds dependencies; for one that describes a single dependency, its name too.
pub(super) fn dependency_table(name: &str) -> Option<(&str, &str)> {
    // `target.'cfg(unix)'.dependencies` holds some too.
    let at = ["dev-dependencies", "build-dependencies", "dependencies"]
        .into_iter()
        .find_map(|kind| {
            let at = name.rfind(kind)?;
            let alone = at == 0 || name.get(..at)?.ends_with('.');
            alone.then_some((kind, at + kind.len()))
        })?;
    let (kind, end) = at;
    match name.get(end..)? {
        "" => Some((kind, "")),
        rest => rest.strip_prefix('.').map(|dependency| (kind, dependency)),
    }
}

/// The line on which a manifest names a dependency; 0 when it does not.
pub(super) fn line_of_dependency(text: &str, dependency: &str) -> usize {
    let mut table = "";
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
            continue;
        }
        if dependency_table(table).is_some() {
            let key = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if key == dependency || line.contains(&format!("package = \"{dependency}\"")) {
                return number;
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n[lints]\n\
        workspace = true\n\n[dependencies]\nserde.workspace = true\n\
        tokio = { workspace = true, features = [\"test-util\"] }\n";

    #[test]
    fn a_manifest_that_inherits_everything_is_sound() {
        assert_eq!(lint("Cargo.toml", SOUND), []);
    }

    #[test]
    fn versions_of_its_own_are_found() {
        let text = format!(
            "{SOUND}# a comment = 1\nregex = \"1\"\n[dev-dependencies.insta]\nversion = \"1\"\n"
        );
        let lines: Vec<usize> = lint("Cargo.toml", &text).iter().map(|v| v.line).collect();
        assert_eq!(lines, [16, 17, 18]);
    }

    #[test]
    fn what_is_not_inherited_is_found() {
        let text = SOUND
            .replace("[lints]\nworkspace = true\n", "")
            .replace("edition.workspace = true", "edition = \"2024\"");
        let says: Vec<String> = lint("Cargo.toml", &text)
            .into_iter()
            .map(|violation| violation.says)
            .collect();
        assert_eq!(says.len(), 2, "{says:?}");
        assert!(says.iter().any(|says| says.contains("lints")));
        assert!(says.iter().any(|says| says.contains("edition")));
    }

    #[test]
    fn tables_of_dependencies_are_known() {
        assert!(dependency_table("dependencies").is_some());
        assert!(dependency_table("target.'cfg(unix)'.dev-dependencies").is_some());
        assert_eq!(
            dependency_table("dependencies.serde"),
            Some(("dependencies", "serde"))
        );
        assert!(dependency_table("my-dependencies").is_none());
        assert!(dependency_table("features").is_none());
        assert_eq!(line_of_dependency(SOUND, "tokio"), 14);
        assert_eq!(line_of_dependency(SOUND, "version"), 0);
    }
}
