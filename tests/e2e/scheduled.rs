//! Runs by a timer, of which nobody watches the screen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::hostile;
use crate::support::planted::add_files;
use crate::support::{Hook, Posture, Proxy, Ran, Server, read_json, work_dir};

fn runs(name: &str) -> PathBuf {
    work_dir().join(format!("runs-{name}"))
}

/// A run over little.
fn run(server: &Server, name: &str) -> Posture {
    quick(name).args(prod(server)).against(server)
}

/// The account that has things to find.
fn prod(server: &Server) -> [&str; 4] {
    [
        "--account",
        server.account("prod"),
        "--role-name",
        "PostureScan",
    ]
}

fn quick(name: &str) -> Posture {
    Posture::new([
        "--quiet",
        "scan",
        "--region",
        "us-east-1",
        "--service",
        "s3",
    ])
    .args(["--allow-incomplete", "--fail-on", "none"])
    .args([Path::new("--output-dir"), &runs(name)])
}

/// The dated directories.
fn dated(name: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(runs(name)) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut dated: Vec<String> = names.filter(|name| name.starts_with("20")).collect();
    dated.sort();
    dated
}

fn latest(name: &str) -> Option<String> {
    let target = std::fs::read_link(runs(name).join("latest")).ok()?;
    Some(target.to_str().unwrap().to_owned())
}

fn latest_report(name: &str) -> Value {
    read_json(&runs(name).join("latest/report.json"))
}

fn failing(report: &Value) -> usize {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| finding["status"] == "fail")
        .count()
}

#[test]
fn each_run_has_a_directory_and_says_what_is_new() {
    let Some(server) = Server::moto() else { return };
    let first = run(server, "each")
        .args(["-o", "table", "-o", "html"])
        .run()
        .code(0);
    let report = latest_report("each");
    let started = report["scan"]["started_at"]
        .as_str()
        .unwrap()
        .replace(':', "");
    assert_eq!(dated("each"), [started.as_str()]);
    assert_eq!(latest("each").as_deref(), Some(started.as_str()));
    let directory = runs("each").join(&started);
    for file in [
        "report.json",
        "report.txt",
        "report.html",
        "snapshot/manifest.json",
    ] {
        assert!(directory.join(file).is_file(), "{file}");
    }
    let table = std::fs::read_to_string(directory.join("report.txt")).unwrap();
    assert!(
        table.contains(&format!(
            "--snapshot {}",
            directory.join("snapshot").display()
        )),
        "{table}"
    );
    let count = failing(&report);
    assert!(count > 20);
    assert!(
        first
            .stdout
            .starts_with(&format!("the first run; {count} findings: ")),
        "{}",
        first.stdout
    );
    assert!(
        first
            .stdout
            .contains(&format!("  and {} more\n", count - 20)),
        "{}",
        first.stdout
    );
    assert_eq!(first.stderr, "");

    // Nothing is new: not a word, which is what keeps cron from writing a mail.
    let second = run(server, "each").run().code(0);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("", ""));
    assert_eq!(dated("each").len(), 2);
    assert_ne!(latest("each").as_deref(), Some(started.as_str()));
    // Without --quiet it says so, and exit codes are those of any scan.
    let third = Posture::new([
        "scan",
        "--region",
        "us-east-1",
        "--service",
        "s3",
        "--allow-incomplete",
        "--fail-on",
        "low",
    ])
    .args([Path::new("--output-dir"), &runs("each")])
    .args(prod(server))
    .against(server)
    .run()
    .code(1);
    assert!(
        third.stdout.starts_with("nothing is new\n"),
        "{}",
        third.stdout
    );

    // One that the last report does not know.
    let path = runs("each").join("latest/report.json");
    let mut report = read_json(&path);
    let findings = report["findings"].as_array_mut().unwrap();
    let place = findings
        .iter()
        .position(|finding| finding["status"] == "fail")
        .unwrap();
    let forgotten = findings.remove(place);
    std::fs::write(&path, report.to_string()).unwrap();
    let ran = run(server, "each").run().code(0);
    assert!(ran.stdout.starts_with("1 new finding: "), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains(forgotten["resource"]["name"].as_str().unwrap()),
        "{}",
        ran.stdout
    );
}

#[test]
fn snapshots_can_be_left_out_and_outputs_go_where_they_are_sent() {
    let Some(server) = Server::moto() else { return };
    let elsewhere = work_dir().join("scheduled-table.txt");
    let ran = run(server, "lean")
        .args(["--keep-snapshots", "false", "-o", "json", "-o"])
        .args([format!("table={}", elsewhere.display())])
        .run()
        .code(0);
    let directory = runs("lean").join("latest");
    assert!(directory.join("report.json").is_file() && !directory.join("snapshot").exists());
    assert!(elsewhere.is_file() && !directory.join("report.txt").exists());
    assert!(ran.stdout.starts_with("the first run; "), "{}", ran.stdout);
}

/// A run past a slow proxy that has begun to scan.
fn half_way(server: &Server, name: &str) -> (Child, Proxy) {
    let proxy = Proxy::slow(&server.endpoint, Duration::from_millis(40));
    let child = Posture::new([
        "scan",
        "--region",
        "us-east-1",
        "--service",
        "s3,kms,lambda",
    ])
    .args(prod(server))
    .args(["--allow-incomplete", "--fail-on", "none"])
    .args([Path::new("--output-dir"), &runs(name)])
    .keys("local", "local")
    .at(&proxy.endpoint())
    .spawn();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !units(name) {
        assert!(Instant::now() < deadline, "no unit was completed in time");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, proxy)
}

/// Whether a unit of the run under way is complete.
fn units(name: &str) -> bool {
    let snapshot = runs(name).join(".unfinished/snapshot");
    let mut files = Vec::new();
    if snapshot.exists() {
        // Temporary files come and go while one looks.
        let listed = std::process::Command::new("find")
            .arg(&snapshot)
            .args(["-name", "*.unit.json"])
            .output()
            .unwrap();
        files = listed.stdout;
    }
    !files.is_empty()
}

#[test]
fn a_second_run_refuses_while_the_first_is_under_way() {
    let Some(server) = Server::moto() else { return };
    let (child, _proxy) = half_way(server, "overlap");
    let process = child.id();
    let second = run(server, "overlap").run().code(5);
    let lines: Vec<&str> = second.stderr.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        line.starts_with(&format!(
            "error: another run is under way: process {process}, since 20"
        )),
        "{line}"
    );
    assert_eq!(second.stdout, "");
    assert!(dated("overlap").is_empty());
    Ran::of(child).code(0);
    assert_eq!(dated("overlap").len(), 1);
    run(server, "overlap").run().code(0);
}

#[test]
fn a_killed_run_goes_on_and_is_never_taken_for_a_whole_one() {
    let Some(server) = Server::moto() else { return };
    let (mut child, _proxy) = half_way(server, "killed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(dated("killed").is_empty());
    assert_eq!(latest("killed"), None);

    // The lock of the dead is none; the same scope goes on.
    let ran = Posture::new([
        "scan",
        "--region",
        "us-east-1",
        "--service",
        "s3,kms,lambda",
    ])
    .args(prod(server))
    .args(["--allow-incomplete", "--fail-on", "none"])
    .args([Path::new("--output-dir"), &runs("killed")])
    .against(server)
    .run()
    .code(0);
    assert!(ran.stderr.contains("goes on"), "{}", ran.stderr);
    assert_eq!(dated("killed").len(), 1);
    assert!(!runs("killed").join(".unfinished").exists());
    assert!(latest_report("killed")["scan"]["finished_at"].is_string());

    // Another scope than that of the one which was killed begins anew: nobody is there to decide.
    let (mut child, _proxy) = half_way(server, "killed-scope");
    child.kill().unwrap();
    child.wait().unwrap();
    run(server, "killed-scope").run().code(0);
    let report = latest_report("killed-scope");
    let places = report["scan"]["places"].as_array().unwrap();
    assert!(
        places
            .iter()
            .all(|place| place["services"] == serde_json::json!(["s3"])),
        "{places:?}"
    );
}

#[test]
fn sigterm_leaves_a_run_that_goes_on() {
    let Some(server) = Server::moto() else { return };
    let (child, _proxy) = half_way(server, "stopped");
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    Ran::of(child).code(130);
    assert!(dated("stopped").is_empty());
}

#[test]
fn old_runs_go_and_nothing_else_does() {
    let Some(server) = Server::moto() else { return };
    let mine = runs("keep").join("2020-01-01T000000Z");
    std::fs::create_dir_all(&mine).unwrap();
    std::fs::write(mine.join("report.json"), "mine").unwrap();
    for _ in 0..4 {
        run(server, "keep").args(["--keep", "2"]).run().code(0);
    }
    let left = dated("keep");
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(mine.join("report.json").exists());
    assert_eq!(latest("keep").as_ref(), left.last());
    // Young enough to stay, all of them.
    run(server, "keep").args(["--keep", "1,30d"]).run().code(0);
    assert_eq!(dated("keep").len(), 4);
    let ran = run(server, "keep").args(["--keep", "often"]).run().code(2);
    assert!(ran.stderr.contains("is not what to keep"), "{}", ran.stderr);
}

#[test]
fn latest_never_points_at_an_incomplete_run() {
    let Some(server) = Server::enforcing() else {
        return;
    };
    let run = |role: &str, more: &[&str]| {
        Posture::new([
            "--quiet",
            "scan",
            "--region",
            "us-east-1",
            "--service",
            "s3,kms",
            "--fail-on",
            "none",
        ])
        .args(["--account", server.account("prod"), "--role-name", role])
        .args(more)
        .args([Path::new("--output-dir"), &runs("incomplete")])
        .with_credentials_of(server, "scanner")
        .run()
    };
    let ran = run("PostureScanBlind", &[]).code(3);
    assert!(
        ran.stdout
            .contains("incomplete: not everything could be read; `latest` stays"),
        "{}",
        ran.stdout
    );
    assert_eq!((dated("incomplete").len(), latest("incomplete")), (1, None));
    run("PostureScan", &["--allow-incomplete"]).code(0);
    let whole = latest("incomplete").unwrap();
    let ran = run("PostureScanBlind", &[]).code(3);
    // What it did see is not new; that it did not see everything is worth a word each time.
    assert!(
        ran.stdout.starts_with("nothing is new\nincomplete: "),
        "{}",
        ran.stdout
    );
    assert_eq!(latest("incomplete").as_ref(), Some(&whole));
    // A scan that fails altogether leaves it as well.
    let ran = Posture::new(["--quiet", "scan", "--region", "us-east-1"])
        .args([Path::new("--output-dir"), &runs("incomplete")])
        .run()
        .code(4);
    assert!(
        ran.stderr.starts_with("error: no usable AWS credentials"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (dated("incomplete").len(), latest("incomplete")),
        (3, Some(whole))
    );
}

#[test]
fn a_webhook_is_told_what_is_new_and_once() {
    let Some(server) = Server::moto() else { return };
    let hook = Hook::start();
    let run = |more: &[&str]| {
        Posture::new([
            "-vv",
            "--log-format",
            "json",
            "scan",
            "--region",
            "us-east-1",
            "--service",
            "ec2",
        ])
        .args(["--allow-incomplete", "--fail-on", "none"])
        .args([Path::new("--output-dir"), &runs("hook")])
        .args(prod(server))
        .args(more)
        .env("POSTURE_WEBHOOK_URL", hook.url())
        .against(server)
        .run()
    };
    let mut outputs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut keep = |ran: Ran| {
        outputs.push(("stdout".to_owned(), ran.stdout.clone().into_bytes()));
        outputs.push(("stderr".to_owned(), ran.stderr.clone().into_bytes()));
        for line in ran.stderr.lines() {
            let logged: Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert!(logged["level"].is_string(), "{line}");
        }
        ran
    };
    keep(run(&[]).code(0));
    let posted = hook.posted();
    let [body] = posted.as_slice() else {
        panic!("{posted:?}");
    };
    let report = latest_report("hook");
    let of = |severity: &str| report["summary"]["by_severity"][severity].as_u64().unwrap();
    assert_eq!(
        body["new"]["total"].as_u64().unwrap(),
        of("critical") + of("high")
    );
    assert_eq!(body["new"]["by_severity"]["medium"], 0);
    assert_eq!(body["event"], "new_findings");
    assert_eq!(body["scan"]["id"], report["scan"]["id"]);
    let listed = body["findings"].as_array().unwrap();
    assert!(!listed.is_empty() && listed.len() <= 20);
    let ids: BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["id"].as_str().unwrap())
        .collect();
    assert!(
        listed
            .iter()
            .all(|f| ids.contains(f["id"].as_str().unwrap()))
    );

    // Nothing is new.
    keep(run(&[]).code(0));
    assert!(hook.posted().is_empty());

    // One is, and the hook refuses: the report is there, the code says so, the next run tries again.
    let path = runs("hook").join("latest/report.json");
    let mut earlier = read_json(&path);
    let findings = earlier["findings"].as_array_mut().unwrap();
    let place = findings
        .iter()
        .position(|f| f["status"] == "fail" && f["severity"] == "high")
        .unwrap();
    findings.remove(place);
    std::fs::write(&path, earlier.to_string()).unwrap();
    hook.answer("404 Not Found");
    let ran = keep(run(&[]).code(6));
    assert!(
        ran.stderr.contains("answered with status 404") && ran.stderr.contains("127.0.0.1"),
        "{}",
        ran.stderr
    );
    assert_eq!(hook.posted().len(), 1);
    assert_eq!(dated("hook").len(), 3);
    assert_eq!(latest("hook").as_ref(), dated("hook").last());
    hook.answer("200 OK");
    keep(run(&["--keep", "1"]).code(0));
    let posted = hook.posted();
    assert_eq!((posted.len(), &posted[0]["new"]["total"]), (1, &1.into()));
    keep(run(&[]).code(0));
    assert!(hook.posted().is_empty());

    add_files(&runs("hook"), &mut outputs);
    for (name, bytes) in &outputs {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !text.contains(Hook::SECRET),
            "the webhook's address is in {name}"
        );
    }
    assert!(
        outputs
            .iter()
            .any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("/...")),
        "the host may be shown"
    );
}

#[test]
fn names_cannot_write_into_slack() {
    let hostile =
        "<!channel> @here @channel <https://evil.example|mended>\u{1b}[31m &\n*bold*\u{202e}";
    let Some(server) = hostile::planted(hostile) else {
        return;
    };
    let hook = Hook::start();
    let file = work_dir().join("hook-url");
    std::fs::write(&file, format!("{}\n", hook.url())).unwrap();
    let ran = Posture::new([
        "--quiet",
        "scan",
        "--region",
        "us-east-1",
        "--service",
        "apigateway,apigatewayv2",
    ])
    .args([
        "--allow-incomplete",
        "--fail-on",
        "none",
        "--webhook-format",
        "slack",
        "--webhook-severity",
        "info",
    ])
    .args([
        Path::new("--webhook-file"),
        &file,
        Path::new("--output-dir"),
        &runs("slack"),
    ])
    .against(&server)
    .run()
    .code(0);
    let posted = hook.posted();
    assert_eq!(posted.len(), 1);
    let text = posted[0].to_string();
    assert!(
        text.contains("&lt;!channel&gt;"),
        "the name is not shown: {text}"
    );
    for part in [
        "<!", "<http", "@channel", "@here", "\\u001b", "\u{1b}", "\u{202e}", "mrkdwn",
    ] {
        assert!(!text.contains(part), "{part:?} is in {text}");
    }
    assert!(
        ran.stdout
            .lines()
            .all(|line| !line.chars().any(char::is_control)),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_cannot_be_is_said_before_anything_is_scanned() {
    let at = |args: &[&str]| Posture::new(["scan"]).args(args).run().code(2).stderr;
    let directory = runs("refused");
    let directory = directory.to_str().unwrap();
    for (args, part) in [
        (
            &["--webhook", "https://a.example/x"][..],
            "without --output-dir nothing is known to be old",
        ),
        (
            &[
                "--output-dir",
                directory,
                "--webhook",
                "http://a.example/CANARY",
            ],
            "must begin with https://",
        ),
        (
            &["--output-dir", directory, "--webhook", "CANARY"],
            "is no URL",
        ),
        (
            &[
                "--output-dir",
                directory,
                "--webhook",
                "https://u:CANARY@a.example/",
            ],
            "holds a user or a password",
        ),
        (
            &["--output-dir", directory, "--webhook-file", "/nonexistent"],
            "cannot read the webhook's address",
        ),
        (
            &[
                "--output-dir",
                directory,
                "--webhook",
                "https://a.example/x",
                "--webhook-file",
                "x",
            ],
            "both say where",
        ),
        (
            &["--output-dir", directory, "--snapshot", "x"],
            "--snapshot",
        ),
        (
            &["--output-dir", "s3://bucket/runs"],
            "is a directory of this machine",
        ),
    ] {
        let said = at(args);
        assert!(said.contains(part), "{part:?} is not in {said}");
        assert!(!said.contains("CANARY"), "{said}");
    }
}
