//! Where files belong: one file a thing, under the name that AWS gives it.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Violation};

const COLLECTORS: &str = "crates/collect/src/service/";

/// What every collector has, by directory, and how one is made.
const PARTNERS: &[(&str, &str)] = &[
    (
        "crates/testkit/src/world/",
        "one realistic reply for every declared operation",
    ),
    (
        "crates/collect/tests/it/",
        "empty, two pages, denied, throttled then answered",
    ),
    (
        "crates/fleet/src/service/",
        "every declared operation, for accounts of any size",
    ),
    ("crates/model/src/", "the types that it fills"),
];

pub(super) fn lint(files: &[File]) -> Vec<Violation> {
    let mut violations = checks(files);
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let services = modules(&paths, COLLECTORS);
    for (service, file) in &services {
        for (directory, holds) in PARTNERS {
            if !modules(&paths, directory).contains_key(service) {
                violations.push(Violation::new(
                    *file,
                    0,
                    format!("the collector has no {directory}{service}.rs; write it: {holds}"),
                ));
            }
        }
    }
    for (world, file) in modules(&paths, "crates/testkit/src/world/") {
        if world != "core" && !services.contains_key(world) {
            violations.push(Violation::new(
                file,
                0,
                format!("replies of a service without a collector; write {COLLECTORS}{world}.rs or delete it"),
            ));
        }
    }
    violations
}

/// The modules directly in a directory, each a file or a directory with `mod.rs`.
fn modules<'a>(paths: &BTreeSet<&'a str>, directory: &str) -> BTreeMap<&'a str, &'a str> {
    paths
        .iter()
        .filter_map(|path| {
            let rest = path.strip_prefix(directory)?.strip_suffix(".rs")?;
            let name = match rest.split_once('/') {
                None => rest,
                Some((name, "mod")) => name,
                Some(_) => return None,
            };
            (name != "mod").then_some((name, *path))
        })
        .collect()
}

/// Every check is in the folder of its resource's service, in a file named after it.
fn checks(files: &[File]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        let Some(rest) = file.path.strip_prefix("checks/") else {
            continue;
        };
        if rest.starts_with("frameworks/") || !(rest.ends_with(".yaml") || rest.ends_with(".yml")) {
            continue;
        }
        let mut say = |line: usize, says: String| {
            violations.push(Violation::new(&file.path, line, says));
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let [folder, name] = parts.as_slice() else {
            say(
                0,
                "a check belongs into checks/<service>/; move it".to_owned(),
            );
            continue;
        };
        let text = file.text.as_deref().unwrap_or_default();
        let stem = name.strip_suffix(".yaml").unwrap_or(name);
        match key(text, "id") {
            Some((line, id)) if id != stem => {
                say(
                    line,
                    format!("the id is `{id}`; rename the file to {id}.yaml"),
                );
            }
            Some(_) => {}
            None => say(
                1,
                "there is no `id`; write the file's name without `.yaml`".to_owned(),
            ),
        }
        // Escalation paths are named after the service of their main action.
        if *folder == "escalations" {
            continue;
        }
        if !stem.starts_with(&format!("{folder}-")) {
            say(
                0,
                format!(
                    "the id does not begin with its folder's name; call it {folder}-..., or move it"
                ),
            );
        }
        if let Some((line, resource)) = key(text, "resource") {
            let service = resource.split('.').next().unwrap_or(resource);
            if service != *folder {
                say(
                    line,
                    format!("a check of `{resource}` belongs into checks/{service}/; move it"),
                );
            }
        }
    }
    violations
}

/// The value of a plain top-level key, and its line.
fn key<'a>(yaml: &'a str, key: &str) -> Option<(usize, &'a str)> {
    (1..).zip(yaml.lines()).find_map(|(number, line)| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        let value = value.split(" #").next().unwrap_or(value).trim();
        Some((number, value.trim_matches(['"', '\''])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: Some(text.to_owned()),
        }
    }

    fn found(files: &[File]) -> Vec<String> {
        lint(files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn checks_are_where_their_resource_says() {
        let sound = "id: s3-bucket-x\nresource: s3.bucket # the type\n";
        assert!(found(&[file("checks/s3/s3-bucket-x.yaml", sound)]).is_empty());
        assert!(found(&[file("checks/frameworks/practices.yaml", "- id: A")]).is_empty());
        assert!(found(&[file("checks/escalations/iam-001.yaml", "id: iam-001\n")]).is_empty());
        assert_eq!(
            found(&[file("checks/escalations/iam-001.yaml", "id: iam-002\n")]),
            [
                "checks/escalations/iam-001.yaml:1: the id is `iam-002`; rename the file to iam-002.yaml"
            ]
        );
        assert_eq!(
            found(&[file("checks/kms/s3-bucket-x.yaml", sound)]),
            [
                "checks/kms/s3-bucket-x.yaml: the id does not begin with its folder's name; call it kms-..., or move it",
                "checks/kms/s3-bucket-x.yaml:2: a check of `s3.bucket` belongs into checks/s3/; move it",
            ]
        );
        assert_eq!(found(&[file("checks/s3/s3-bucket-y.yaml", sound)]).len(), 1);
        assert_eq!(found(&[file("checks/s3-bucket-x.yaml", sound)]).len(), 1);
    }

    #[test]
    fn collectors_have_their_partners() {
        let mut files = vec![
            file("crates/collect/src/service/mod.rs", ""),
            file("crates/collect/src/service/ec2/mod.rs", ""),
            file("crates/collect/src/service/ec2/volume.rs", ""),
            file("crates/testkit/src/world/ec2.rs", ""),
            file("crates/testkit/src/world/core.rs", ""),
            file("crates/collect/tests/it/ec2.rs", ""),
            file("crates/fleet/src/service/ec2/mod.rs", ""),
            file("crates/model/src/ec2/mod.rs", ""),
        ];
        assert!(found(&files).is_empty());
        files.push(file("crates/collect/src/service/sqs.rs", ""));
        assert_eq!(found(&files).len(), 4);
        files.push(file("crates/testkit/src/world/sns.rs", ""));
        assert_eq!(found(&files).len(), 5);
    }
}
