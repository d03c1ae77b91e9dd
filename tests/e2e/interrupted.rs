//! A scan that is stopped: what was read is kept, what was half written is not there, and the same
//! command goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use posture_model::Timestamp;

use crate::support::{
    Kind, Posture, Proxy, Ran, Server, demo, findings, read_json, with_file_system, work_dir,
};

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
    half_way_with(server, name, |scan| scan)
}

fn half_way_with(
    server: &Server,
    name: &str,
    setup: impl FnOnce(Posture) -> Posture,
) -> (Child, Proxy) {
    let proxy = Proxy::slow(&server.endpoint, Duration::from_millis(20));
    let child = setup(command(&proxy.endpoint(), name)).spawn();
    wait_for_units(name, 3);
    (child, proxy)
}

fn wait_for_units(name: &str, least: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while files(&snapshot(name), ".unit.json").len() < least {
        assert!(Instant::now() < deadline, "no unit was completed in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A clock that can be set while a program runs. What waits for a span of time does not notice, as on a machine
/// whose clock is set.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    fn new(name: &str) -> Self {
        let python = Kind::Moto.python().unwrap();
        let asked = Command::new(python)
            .args([
                "-c",
                "import importlib.util as u; print(u.find_spec('libfaketime').origin)",
            ])
            .output()
            .unwrap();
        let package = PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim());
        let library = package.with_file_name("vendor/libfaketime/src/libfaketime.so.1");
        assert!(library.exists(), "{library:?} is missing");
        let clock = Self {
            library,
            offset: work_dir().join(format!("{name}.clock")),
        };
        clock.set("+0");
        clock
    }

    /// By how much it is wrong, such as `-3d`.
    fn set(&self, offset: &str) {
        // In one step: half a line is no time.
        let new = self.offset.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, &self.offset).unwrap();
    }

    fn of(&self, scan: Posture) -> Posture {
        scan.env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DISABLE_SHM", "1")
            .env("NO_FAKE_STAT", "1")
    }
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
    assert_went_on(server, name, complete, &ran);
}

fn assert_went_on(server: &Server, name: &str, complete: usize, ran: &Ran) {
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

#[test]
fn a_clock_that_is_set_meanwhile_changes_nothing() {
    let Some(server) = Server::moto() else { return };
    for (name, wrong, then) in [("ahead", "+3d", "+400d"), ("behind", "-3d", "-5h")] {
        let clock = Clock::new(name);
        let (mut child, _proxy) = half_way_with(server, name, |scan| clock.of(scan));
        clock.set(wrong);
        wait_for_units(name, 6);
        child.kill().unwrap();
        child.wait().unwrap();
        let complete = assert_interrupted(name);

        clock.set(then);
        let ran = clock.of(command(&server.endpoint, name)).run();
        let told = match name {
            "ahead" => "this machine's clock is ahead of that of AWS",
            _ => "this machine's clock is behind that of AWS",
        };
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
        assert_went_on(server, name, complete, &ran);
        let scan = read_json(&snapshot(name).join("manifest.json"))["scan"].clone();
        let moment = |end: &str| Timestamp::parse(scan[end].as_str().unwrap()).unwrap();
        let (start, end, now) = (
            moment("started_at"),
            moment("finished_at"),
            Timestamp::now(),
        );
        assert!(start <= end, "{scan}");
        assert!((now.unix() - start.unix()).abs() < 1_200, "{scan}");
    }
}

#[test]
fn what_was_begun_too_long_ago_is_read_anew_and_that_is_said() {
    let Some(server) = Server::moto() else { return };
    let (mut child, _proxy) = half_way(server, "old");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_interrupted("old");
    let manifest = snapshot("old").join("manifest.json");
    let mut begun = read_json(&manifest);
    begun["scan"]["started_at"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(&manifest, begun.to_string()).unwrap();

    let ran = command(&server.endpoint, "old").run();
    assert!(
        ran.stderr
            .contains("an interrupted scan did not begin within the last day")
            && ran.stderr.contains("began=2026-01-01T00:00:00Z"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("goes on"), "{}", ran.stderr);
    let report = read_json(&report("old"));
    assert_ne!(report["scan"]["started_at"], "2026-01-01T00:00:00Z");
}

/// A disk that has trouble is often mounted read-only by the system, under the feet of whoever writes.
#[test]
fn a_file_system_that_becomes_read_only_keeps_what_is_complete() {
    let Some(server) = Server::moto() else { return };
    let (mount, name) = (work_dir().join("trouble"), "trouble-after");
    let script = r#"{
            "${@:2}" &
            scan=$!
            for ((i = 0; i < 6000; i++)); do
                units=("$0"/snapshot/*/*/*.unit.json)
                ((${#units[@]} >= 3)) && break
                sleep 0.01
            done
            until mount -o remount,ro "$0" 2> /dev/null; do :; done
            wait "$scan"
            code=$?
            cp -a "$0/snapshot" "$1"
            exit "$code"
            }"#;
    let Some(shell) = with_file_system(&mount, "mode=700", script, &[&snapshot(name)]) else {
        return;
    };
    let proxy = Proxy::slow(&server.endpoint, Duration::from_millis(20));
    let ran = Posture::through(shell, ["scan"])
        .args(SCOPE)
        .args([Path::new("--snapshot"), &mount.join("snapshot")])
        .keys("local", "local")
        .at(&proxy.endpoint())
        .run()
        .code(3);
    assert!(
        ran.stderr.contains("error: failed to") && ran.stderr.contains("Read-only file system"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("run the same command again: it goes on where it stopped"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout, "");
    let complete = assert_interrupted(name);
    assert!(complete >= 3);
    assert_goes_on(server, name, complete);
}

#[test]
fn a_directory_that_cannot_be_written_is_told_before_a_unit_is_read_and_one_can_read_from_it() {
    let (Some(server), Some(scanned)) = (Server::moto(), demo()) else {
        return;
    };
    let mount = work_dir().join("sealed");
    let script = "cp -a \"$1\" \"$0/snapshot\" && mount -o remount,ro \"$0\" && exec \"${@:2}\"";
    let sealed = || with_file_system(&mount, "mode=700", script, &[&scanned.snapshot]);
    for place in ["snapshot", "new"] {
        let Some(shell) = sealed() else { return };
        let ran = Posture::through(shell, ["scan"])
            .args(SCOPE)
            .args([Path::new("--snapshot"), &mount.join(place)])
            .keys("local", "local")
            .at(&server.endpoint)
            .run()
            .code(2);
        assert!(
            ran.stderr.contains("error: failed to") && ran.stderr.contains("Read-only file system"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("scan planned"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let Some(shell) = sealed() else { return };
    // Reading needs no place to write to.
    let ran = Posture::through(shell, ["evaluate", "-o", "json"])
        .args([mount.join("snapshot")])
        .run();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        report["summary"]["resources"],
        scanned.report["summary"]["resources"]
    );
}
