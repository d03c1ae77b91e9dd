//! A scan that is stopped: what was read is kept, what was half written is not there, and the same
//! command goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::{Posture, Proxy, Ran, Server, findings, read_json, work_dir};

const SCOPE: [&str; 9] = [
    "--org",
    "--role-name",
    "PostureScan",
    "--region",
    "us-east-1,eu-west-1",
    "--service",
    "s3,kms,lambda,ecr",
    "--status",
    "all",
];

fn command(endpoint: &str, name: &str) -> Posture {
    Posture::new(["scan"])
        .args(SCOPE)
        .args(["-o".to_owned(), format!("json={}", report(name).display())])
        .args([Path::new("--snapshot"), &snapshot(name)])
        .keys("local", "local")
        .at(endpoint)
}

fn report(name: &str) -> PathBuf {
    work_dir().join(format!("{name}.json"))
}

fn snapshot(name: &str) -> PathBuf {
    work_dir().join(name)
}

/// Files below a directory whose name ends so.
fn files(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_str().is_some_and(|path| path.ends_with(suffix)) {
            found.push(path);
        }
    }
    found
}

/// A scan past a slow proxy that has completed some units and not all.
fn half_way(server: &Server, name: &str) -> (Child, Proxy) {
    let proxy = Proxy::slow(&server.endpoint, Duration::from_millis(20));
    let child = command(&proxy.endpoint(), name).spawn();
    let deadline = Instant::now() + Duration::from_secs(60);
    while files(&snapshot(name), ".unit.json").len() < 3 {
        assert!(Instant::now() < deadline, "no unit was completed in time");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, proxy)
}

#[track_caller]
fn assert_interrupted(name: &str) -> usize {
    let manifest = read_json(&snapshot(name).join("manifest.json"));
    assert!(manifest["scan"]["finished_at"].is_null(), "it had finished");
    // Every record stands beside whole data: digests are compared when it is read.
    let complete = files(&snapshot(name), ".unit.json");
    for record in &complete {
        read_json(record);
        let data = record.to_str().unwrap().replace(".unit.json", ".jsonl.zst");
        assert!(Path::new(&data).exists(), "{data} is missing");
    }
    assert!(!report(name).exists(), "a report of half a scan");
    complete.len()
}

/// The same command once more, and its findings beside those of a scan that nobody stopped.
fn assert_goes_on(server: &Server, name: &str, complete: usize) {
    let ran = command(&server.endpoint, name).run();
    assert!(
        ran.stderr.contains("goes on") && ran.stderr.contains(&format!("units={complete}")),
        "{}",
        ran.stderr
    );
    let whole = format!("{name}-whole");
    let uninterrupted = command(&server.endpoint, &whole).run();
    assert_eq!(ran.status.code(), uninterrupted.status.code());
    let (resumed, whole) = (read_json(&report(name)), read_json(&report(&whole)));
    assert_eq!(findings(&resumed), findings(&whole));
    assert_eq!(resumed["summary"], whole["summary"]);
    assert!(!read_json(&snapshot(name).join("manifest.json"))["scan"]["finished_at"].is_null());
}

#[test]
fn a_killed_scan_goes_on_to_the_same_findings() {
    let Some(server) = Server::moto() else { return };
    let (mut child, _proxy) = half_way(server, "killed");
    child.kill().unwrap();
    child.wait().unwrap();
    let complete = assert_interrupted("killed");

    // What a kill in the middle of a write leaves: it must not count as data.
    let unit = files(&snapshot("killed"), ".unit.json").remove(0);
    std::fs::write(unit.with_file_name(".posture-abc123.tmp"), "half").unwrap();
    let evaluated = Posture::new(["evaluate", "--status", "all", "-o", "json"])
        .args([snapshot("killed")])
        .run()
        .code(3);
    let report: serde_json::Value = serde_json::from_str(&evaluated.stdout).unwrap();
    assert_eq!(report["summary"]["complete"], false);
    assert!(report["scan"]["finished_at"].is_null());
    // What it holds is judged as ever; what it lacks is unknown.
    let there = findings(&report);
    assert!(
        there
            .values()
            .any(|f| f.status == "unknown" && f.arn == "*")
    );

    assert_goes_on(server, "killed", complete);
}

#[test]
fn ctrl_c_says_so_and_keeps_what_was_read() {
    let Some(server) = Server::moto() else { return };
    let (child, _proxy) = half_way(server, "stopped");
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let ran = Ran::of(child).code(130);
    assert!(ran.stderr.contains("error: interrupted"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("help: ") && ran.stderr.contains("the same command goes on"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout, "");
    let complete = assert_interrupted("stopped");
    assert!(files(&snapshot("stopped"), ".tmp").is_empty());
    assert_goes_on(server, "stopped", complete);
}

#[test]
fn another_scope_does_not_go_on_from_there() {
    let Some(server) = Server::moto() else { return };
    let (mut child, _proxy) = half_way(server, "scoped");
    child.kill().unwrap();
    child.wait().unwrap();
    let before = files(&snapshot("scoped"), "").len();
    let ran = Posture::new([
        "scan",
        "--service",
        "s3",
        "--region",
        "us-east-1",
        "--snapshot",
    ])
    .args([snapshot("scoped")])
    .against(server)
    .run()
    .code(2);
    assert!(ran.stderr.contains("different scope"), "{}", ran.stderr);
    assert_eq!(files(&snapshot("scoped"), "").len(), before);
}
