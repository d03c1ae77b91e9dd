//! The recipes in `deploy/` are valid to those who read them, and call the program as it is; snapshots are open
//! to other tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Kind, Posture, demo, manifest_dir};

fn recipe(name: &str) -> PathBuf {
    manifest_dir().join("deploy").join(name)
}

/// Runs a program that stands beside an emulator's Python.
fn beside(python: &Path, program: &str, arguments: &[&Path]) -> Output {
    Command::new(python.with_file_name(program))
        .args(arguments)
        .output()
        .unwrap()
}

fn assert_silent(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The command lines of a recipe: runs of quoted words or of list items that begin with a subcommand.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let words = text
        .split(['\'', '\n'])
        .map(|word| word.trim().trim_start_matches("- "));
    for word in words {
        if word == "scan" || word == "evaluate" {
            lines.push(vec![word.to_owned()]);
        } else if let Some(line) = lines.last_mut()
            && (word.starts_with("--") || word.starts_with("s3://"))
        {
            line.push(word.replace("{}", "1"));
        }
    }
    lines
}

#[test]
fn templates_are_valid_cloudformation() {
    let Some(python) = Kind::Moto.python() else {
        return;
    };
    for name in ["aws-batch/template.yaml", "step-functions/template.yaml"] {
        assert_silent(&beside(&python, "cfn-lint", &[&recipe(name)]));
    }
    for form in ["cloudformation", "cloudformation-stackset"] {
        let printed = Posture::new(["permissions", "--template", form])
            .run()
            .code(0);
        let file = crate::support::work_dir().join(format!("{form}.json"));
        std::fs::write(&file, printed.stdout).unwrap();
        assert_silent(&beside(&python, "cfn-lint", &[&file]));
    }
}

#[test]
fn manifests_are_valid_kubernetes() {
    let Some(python) = Kind::Moto.python() else {
        return;
    };
    for name in ["kubernetes/cronjob.yaml", "kubernetes/one-pod.yaml"] {
        assert_silent(&beside(&python, "kubernetes-validate", &[&recipe(name)]));
    }
}

#[test]
fn the_image_is_sound_static_and_nobodys() {
    let Some(python) = Kind::Moto.python() else {
        return;
    };
    let file = recipe("container/Dockerfile");
    let strict = [Path::new("--failure-threshold"), Path::new("info"), &file];
    assert_silent(&beside(&python, "hadolint", &strict));
    let text = std::fs::read_to_string(file).unwrap();
    let last = text.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("gcr.io/distroless/static"), "{last}");
    // Kubernetes cannot tell whether a name is root's.
    assert!(last.contains("\nUSER 65532:65532\n"), "{last}");
    let posture = "ENTRYPOINT [\"/usr/local/bin/posture\"]";
    assert!(last.contains(posture), "{last}");
}

#[test]
fn recipes_call_the_program_as_it_is() {
    for (name, expected) in [
        ("aws-batch/template.yaml", 2),
        ("step-functions/template.yaml", 2),
        ("kubernetes/cronjob.yaml", 1),
        ("kubernetes/one-pod.yaml", 1),
    ] {
        let text = std::fs::read_to_string(recipe(name)).unwrap();
        let lines = command_lines(&text);
        assert_eq!(lines.len(), expected, "{name}: {lines:?}");
        for line in lines {
            assert!(line.len() > 3, "{name}: {line:?}");
            // Everything before `--help` has to be understood.
            let ran = Posture::new(&line).args(["--help"]).run().code(0);
            assert!(ran.stdout.contains("Usage:"), "{ran:?}");
            let wrong = Posture::new(&line).args(["--no-such-flag"]).run();
            wrong.code(2);
        }
    }
}

#[test]
fn a_snapshot_is_queried_as_it_stands() {
    let (Some(python), Some(scanned)) = (Kind::Moto.python(), demo()) else {
        return;
    };
    // The view that docs/snapshot.md shows, over the demo's snapshot.
    let docs = std::fs::read_to_string(manifest_dir().join("docs/snapshot.md")).unwrap();
    let view = docs
        .split("```sql\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let view = view.replace("demo/snapshot", scanned.snapshot.to_str().unwrap());
    let query = "select count(*), count(distinct account), \
                 count(*) filter (type = 'lambda.function' and json_exists(properties, '$.runtime')), \
                 count(*) filter (type = 'lambda.function') from resources";
    let script = "import duckdb, json, sys\n\
                  db = duckdb.connect()\n\
                  db.execute(sys.argv[1])\n\
                  print(json.dumps(db.execute(sys.argv[2]).fetchone()))";
    let output = Command::new(&python)
        .args(["-c", script, &view, query])
        .output()
        .unwrap();
    assert_silent(&output);
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(row[0], scanned.report["summary"]["resources"]);
    assert_eq!(row[1], 4);
    assert_eq!(row[2], row[3]);
    assert!(row[3].as_u64().unwrap() > 20, "{row}");
}
