//! The direction of dependencies, as `docs/design/architecture.md` draws it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use serde_json::Value;

use super::manifest::line_of_dependency;
use super::{File, Violation};
use crate::Error;
use crate::program::{cargo, output};

/// What a crate may link, directly or through others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    /// Neither an async runtime nor anything of AWS.
    Pure,
    /// The runtime and what the SDK is made of, but no client of a service.
    Smithy,
    /// The SDK.
    Sdk,
}

/// One crate: its name, the crates of the workspace it may depend on, what it may link. Whoever adds a
/// crate says here where it stands.
const CRATES: &[(&str, &[&str], Links)] = &[
    ("posture-model", &[], Links::Pure),
    ("posture-policy", &[], Links::Pure),
    ("posture-network", &[], Links::Pure),
    ("posture-snapshot", &["posture-model"], Links::Pure),
    (
        "posture-catalog",
        &["posture-model", "posture-policy", "posture-network"],
        Links::Pure,
    ),
    (
        "posture-engine",
        &[
            "posture-model",
            "posture-policy",
            "posture-network",
            "posture-snapshot",
            "posture-catalog",
        ],
        Links::Pure,
    ),
    (
        "posture-report",
        &["posture-model", "posture-catalog", "posture-engine"],
        Links::Pure,
    ),
    (
        "posture-track",
        &[
            "posture-model",
            "posture-engine",
            "posture-report",
            "posture-http",
        ],
        Links::Pure,
    ),
    (
        "posture-config",
        &["posture-model", "posture-catalog"],
        Links::Pure,
    ),
    ("posture-http", &[], Links::Pure),
    (
        "posture-schedule",
        &[
            "posture-model",
            "posture-snapshot",
            "posture-report",
            "posture-config",
            "posture-http",
        ],
        Links::Pure,
    ),
    ("posture-testkit", &[], Links::Smithy),
    ("posture-fleet", &[], Links::Pure),
    (
        "posture-collect",
        &["posture-model", "posture-snapshot"],
        Links::Sdk,
    ),
    (
        "posture-securityhub",
        &["posture-model", "posture-report"],
        Links::Sdk,
    ),
    (
        "posture-cli",
        &[
            "posture-model",
            "posture-snapshot",
            "posture-policy",
            "posture-network",
            "posture-catalog",
            "posture-engine",
            "posture-report",
            "posture-track",
            "posture-config",
            "posture-schedule",
            "posture-collect",
            "posture-securityhub",
        ],
        Links::Sdk,
    ),
    (
        "posture-xtask",
        &[
            "posture-model",
            "posture-catalog",
            "posture-report",
            "posture-track",
            "posture-config",
        ],
        Links::Pure,
    ),
    (
        "posture-tests",
        &[
            "posture-model",
            "posture-snapshot",
            "posture-policy",
            "posture-network",
            "posture-catalog",
            "posture-engine",
            "posture-report",
            "posture-collect",
            "posture-testkit",
            "posture-fleet",
        ],
        Links::Sdk,
    ),
];

/// Further crates of the workspace that a crate may use in its tests.
const IN_TESTS: &[(&str, &[&str])] = &[
    ("posture-collect", &["posture-testkit", "posture-fleet"]),
    ("posture-cli", &["posture-testkit"]),
    ("posture-report", &["posture-snapshot"]),
];

/// Why most crates must not link it.
const SDK: &str = "only collect, securityhub, cli and the end-to-end tests link the AWS SDK";

/// Crates that one crate alone may name.
const CONFINED: &[(&str, &str)] = &[
    ("cel", "posture-catalog"),
    // What can write to AWS is in one place, and what scans cannot reach it.
    ("aws-sdk-securityhub", "posture-securityhub"),
];

impl Links {
    /// Why a package must not be linked, if it must not.
    fn forbids(self, name: &str) -> Option<&'static str> {
        let sdk = name.starts_with("aws-sdk-") || name == "aws-config";
        // The cryptography below TLS; its name says where it was written, not what it talks to.
        let cryptography = name == "aws-lc-rs" || name == "aws-lc-sys";
        match self {
            Self::Sdk => None,
            Self::Smithy => sdk.then_some(SDK),
            Self::Pure if sdk || (name.starts_with("aws-") && !cryptography) => Some(SDK),
            Self::Pure => (name == "tokio").then_some("this crate is free of async code"),
        }
    }
}

/// A dependency of a package on another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    to: String,
    test_only: bool,
}

/// What of the packages matters here.
#[derive(Debug, Default)]
struct Graph {
    /// Manifest by member's name, below the workspace.
    members: BTreeMap<String, String>,
    /// Dependencies by package id.
    edges: BTreeMap<String, BTreeSet<Edge>>,
    /// Names by package id.
    names: BTreeMap<String, String>,
}

pub(super) fn lint(root: &Path, files: &[File]) -> Result<Vec<Violation>, Error> {
    let version = output(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("rustc -vV names no host")?;
    // For this platform alone: what only others need would be downloaded otherwise.
    let metadata = output(cargo(root).args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        host,
    ]))?;
    let graph = Graph::read(&serde_json::from_str(&metadata)?);
    Ok(graph.lint(|manifest| {
        files
            .iter()
            .find(|file| file.path == manifest)
            .and_then(|file| file.text.clone())
            .unwrap_or_default()
    }))
}

impl Graph {
    fn read(metadata: &Value) -> Self {
        let mut graph = Self::default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
        let root = text(&metadata["workspace_root"]);
        let members: BTreeSet<String> = list(&metadata["workspace_members"])
            .iter()
            .map(text)
            .collect();
        for package in list(&metadata["packages"]) {
            let id = text(&package["id"]);
            if members.contains(&id) {
                let manifest = text(&package["manifest_path"]);
                let manifest = manifest.strip_prefix(&root).unwrap_or(&manifest);
                graph.members.insert(
                    text(&package["name"]),
                    manifest.trim_start_matches(['/', '\\']).replace('\\', "/"),
                );
            }
            graph.names.insert(id, text(&package["name"]));
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let edges = graph.edges.entry(text(&node["id"])).or_default();
            for dependency in list(&node["deps"]) {
                let kinds = list(&dependency["dep_kinds"]);
                edges.insert(Edge {
                    to: text(&dependency["pkg"]),
                    test_only: !kinds.is_empty() && kinds.iter().all(|kind| kind["kind"] == "dev"),
                });
            }
        }
        graph
    }

    fn lint(&self, manifest: impl Fn(&str) -> String) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (id, name) in &self.names {
            let Some(file) = self.members.get(name) else {
                continue;
            };
            let text = manifest(file);
            let mut say = |direct: &str, says: String| {
                violations.push(Violation::new(
                    file,
                    line_of_dependency(&text, direct),
                    says,
                ));
            };
            let Some((_, allowed, links)) = CRATES.iter().find(|(known, ..)| known == name) else {
                say(
                    "",
                    format!(
                        "`{name}` is a new crate; say in crates/xtask/src/lint/dependencies.rs what it may depend on"
                    ),
                );
                continue;
            };
            self.direct(id, name, allowed, &mut say);
            for path in self.forbidden(id, *links) {
                let (Some(first), Some((last, why))) =
                    (path.0.first(), path.0.last().map(|last| (last, path.1)))
                else {
                    continue;
                };
                let way = match path.0.len() {
                    1 => String::new(),
                    _ => format!(" (through {})", path.0.join(" -> ")),
                };
                say(
                    first,
                    format!("links `{last}`{way}; {why}, so move what needs it there"),
                );
            }
        }
        violations
    }

    /// Dependencies on crates of the workspace, and on those that are confined to one.
    fn direct(&self, id: &str, name: &str, allowed: &[&str], say: &mut impl FnMut(&str, String)) {
        let in_tests = IN_TESTS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(&[][..], |(_, more)| more);
        for edge in self.edges.get(id).into_iter().flatten() {
            let Some(to) = self.names.get(&edge.to) else {
                continue;
            };
            let to = to.as_str();
            let fits = allowed.contains(&to) || (edge.test_only && in_tests.contains(&to));
            if self.members.contains_key(to) && !fits {
                let tests = if edge.test_only { " in its tests" } else { "" };
                say(
                    to,
                    format!(
                        "`{name}` must not depend on `{to}`{tests}: see the picture in \
                         docs/design/architecture.md; move what both need below them"
                    ),
                );
            }
            if let Some((_, owner)) = CONFINED.iter().find(|(confined, _)| *confined == to)
                && name != *owner
            {
                say(
                    to,
                    format!("only `{owner}` knows `{to}`; put it to use there"),
                );
            }
        }
    }

    /// The shortest way to each forbidden package, tests not counted, and why it is one. The packages
    /// behind a forbidden one are not told of.
    fn forbidden(&self, from: &str, links: Links) -> Vec<(Vec<String>, &'static str)> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([from]);
        let mut open = VecDeque::from([(from, Vec::new())]);
        while let Some((id, path)) = open.pop_front() {
            for edge in self.edges.get(id).into_iter().flatten() {
                if edge.test_only || !seen.insert(&edge.to) {
                    continue;
                }
                let Some(name) = self.names.get(&edge.to) else {
                    continue;
                };
                let mut path = path.clone();
                path.push(name.clone());
                match links.forbids(name) {
                    Some(why) => found.push((path, why)),
                    // A crate that may not be depended on is told of once, not with all it links.
                    None if self.members.contains_key(name) && stands_above(name, links) => {}
                    None => open.push_back((&edge.to, path)),
                }
            }
        }
        found
    }
}

/// Whether a crate of the workspace may link more than another that depends on it.
fn stands_above(name: &str, links: Links) -> bool {
    CRATES
        .iter()
        .find(|(known, ..)| *known == name)
        .is_some_and(|(_, _, theirs)| *theirs != links && *theirs != Links::Pure)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of some crates, `(name, dependencies)`; a dependency that begins with `~` is for tests.
    fn says(crates: &[(&str, &[&str])]) -> Vec<String> {
        let mut packages = Vec::new();
        let mut nodes = Vec::new();
        let mut members = Vec::new();
        for (name, dependencies) in crates {
            if name.starts_with("posture-") {
                members.push(*name);
            }
            packages.push(
                json!({"id": name, "name": name, "manifest_path": format!("/r/{name}/Cargo.toml")}),
            );
            let deps: Vec<Value> = dependencies
                .iter()
                .map(|dependency| {
                    let kind = dependency.starts_with('~').then_some("dev");
                    json!({"pkg": dependency.trim_start_matches('~'), "dep_kinds": [{"kind": kind}]})
                })
                .collect();
            nodes.push(json!({"id": name, "deps": deps}));
        }
        let metadata = json!({
            "workspace_root": "/r", "workspace_members": members, "packages": packages,
            "resolve": {"nodes": nodes},
        });
        Graph::read(&metadata)
            .lint(|_| String::new())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_direction_holds() {
        let sound = says(&[
            ("posture-model", &["serde"]),
            ("posture-snapshot", &["posture-model"]),
            (
                "posture-collect",
                &[
                    "posture-snapshot",
                    "aws-sdk-s3",
                    "tokio",
                    "~posture-testkit",
                ],
            ),
            ("posture-testkit", &["aws-smithy-types", "tokio"]),
            ("posture-engine", &["posture-snapshot", "~tokio"]),
            ("aws-sdk-s3", &["tokio"]),
            ("aws-smithy-types", &[]),
            ("tokio", &[]),
            ("serde", &[]),
        ]);
        assert_eq!(sound, Vec::<String>::new());
    }

    #[test]
    fn engine_and_collect_never_meet() {
        let found = says(&[
            ("posture-engine", &["~posture-collect"]),
            ("posture-collect", &["posture-engine"]),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|says| says.contains("in its tests")));
    }

    #[test]
    fn what_is_linked_through_others_is_found() {
        let found = says(&[
            ("posture-model", &["helper"]),
            ("helper", &["tokio"]),
            ("tokio", &[]),
            ("posture-testkit", &["aws-config"]),
            ("aws-config", &[]),
            ("posture-new", &[]),
            ("posture-report", &["cel"]),
            ("cel", &[]),
        ]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().any(|says| says.contains("helper -> tokio")));
        assert!(found.iter().any(|says| says.contains("aws-config")));
        assert!(found.iter().any(|says| says.contains("posture-new")));
        assert!(found.iter().any(|says| says.contains("posture-catalog")));
    }
}
