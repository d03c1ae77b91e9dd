//! A scan in shares, in a directory and in an object store: the same findings as in one piece, and what is
//! missing is named.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{Kind, Posture, Proxy, Ran, Request, Server, Setup, read_json, work_dir};

const SCOPE: [&str; 9] = [
    "scan",
    "--org",
    "--role-name",
    "PostureScan",
    "--region",
    "us-east-1,eu-west-1",
    "--service",
    "kms,ecr,lambda",
    "--snapshot",
];

/// A scan of the planted organization into a place, with further arguments.
fn scan(server: &Server, place: &str, args: &[&str]) -> Posture {
    Posture::new(SCOPE)
        .args([place])
        .args(args)
        .keys("local", "local")
        .at(&server.endpoint)
}

fn directory(name: &str) -> PathBuf {
    work_dir().join(name)
}

/// All verdicts of a snapshot, and how the evaluation ended.
fn evaluated(place: &str, name: &str, prepare: impl Fn(Posture) -> Posture) -> (Ran, Value) {
    let report = work_dir().join(format!("{name}.json"));
    let command = Posture::new(["evaluate", place, "--status", "all", "-o"])
        .args([format!("json={}", report.display())]);
    let ran = prepare(command).run();
    assert!(report.exists(), "{ran:?}");
    (ran, read_json(&report))
}

/// The verdicts of a scan in one piece.
fn whole(server: &Server) -> &'static Value {
    static WHOLE: OnceLock<Value> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let place = directory("in-one-piece");
        let place = place.to_str().unwrap();
        scan(server, place, &["-o", "json=/dev/null"]).run();
        let (_, report) = evaluated(place, "in-one-piece", |command| command);
        assert!(report["findings"].as_array().unwrap().len() > 300);
        report
    })
}

/// Runs these shards of so many, all at once.
fn run_shards(server: &Server, place: &str, numbers: &[usize], of: usize) {
    let started: Vec<_> = numbers
        .iter()
        .map(|number| scan(server, place, &["--shard", &format!("{number}/{of}")]).spawn())
        .collect();
    for (number, child) in numbers.iter().zip(started) {
        let ran = Ran::of(child).code(0);
        assert!(
            ran.stdout.starts_with(&format!("shard {number}/{of}: ")),
            "{ran:?}"
        );
    }
}

fn assert_like_whole(server: &Server, report: &Value, what: &str) {
    let whole = whole(server);
    for part in ["findings", "resources", "checks"] {
        assert!(report[part] == whole[part], "{part} differ: {what}");
    }
    for part in ["summary", "scores"] {
        assert_eq!(report[part], whole[part], "{part} differ: {what}");
    }
    assert_eq!(report["scan"]["places"], whole["scan"]["places"], "{what}");
}

#[test]
fn shards_together_are_the_scan_in_one_piece() {
    let Some(server) = Server::moto() else { return };
    for of in [1, 2, 4, 8] {
        let place = directory(&format!("shards-of-{of}"));
        let place = place.to_str().unwrap();
        let numbers: Vec<usize> = (0..of).collect();
        run_shards(server, place, &numbers, of);
        let (_, report) = evaluated(place, &format!("shards-of-{of}"), |command| command);
        assert_like_whole(server, &report, &format!("{of} shards"));
        assert_eq!(report["scan"]["shards"]["of"], of);
        assert_eq!(report["scan"]["shards"]["missing"], serde_json::json!([]));
    }
}

#[test]
fn a_shard_that_is_missing_is_named_and_completes_the_snapshot() {
    let Some(server) = Server::moto() else { return };
    let place = directory("shard-lost");
    let place = place.to_str().unwrap();
    run_shards(server, place, &[0, 2, 3], 4);
    let plain = |command| command;
    let (ran, report) = evaluated(place, "shard-lost", plain);
    let ran = ran.code(3);
    assert!(
        ran.stderr.contains("missing or not finished: 1/4"),
        "{ran:?}"
    );
    assert_eq!(report["scan"]["shards"]["missing"], serde_json::json!([1]));
    assert_eq!(report["summary"]["complete"], false);
    // What the shard was to read is unknown, and nothing that it was to read is gone or sound.
    let whole = whole(server);
    let place_of = |finding: &Value| {
        let texts = ["check", "account", "region"].map(|field| finding[field].as_str().unwrap());
        texts.join(" ")
    };
    let findings = report["findings"].as_array().unwrap();
    let blind: Vec<String> = findings
        .iter()
        .filter(|finding| finding["resource"]["id"] == "*")
        .map(place_of)
        .collect();
    assert!(!blind.is_empty());
    let seen: Vec<&Value> = findings.iter().map(|finding| &finding["id"]).collect();
    for finding in whole["findings"].as_array().unwrap() {
        if finding["resource"]["type"]
            .as_str()
            .unwrap()
            .starts_with("organizations.")
        {
            continue;
        }
        assert!(
            seen.contains(&&finding["id"]) || blind.contains(&place_of(finding)),
            "{finding:#}"
        );
    }
    // With the gap accepted, the verdicts there are decide.
    let (ran, _) = evaluated(place, "shard-lost-accepted", |command: Posture| {
        command.args(["--allow-incomplete", "--fail-on", "medium"])
    });
    ran.code(1);

    run_shards(server, place, &[1], 4);
    let (_, report) = evaluated(place, "shard-found", plain);
    assert_like_whole(server, &report, "the lost shard was run again");
}

#[test]
fn engines_say_which_shard_it_is() {
    let Some(server) = Server::moto() else { return };
    let place = directory("shard-of-engine");
    let place = place.to_str().unwrap();
    for (number, variable) in ["AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"]
        .iter()
        .enumerate()
    {
        let ran = scan(server, place, &["--shard", "/2"])
            .env(variable, number.to_string())
            .run()
            .code(0);
        assert!(
            ran.stdout.starts_with(&format!("shard {number}/2: ")),
            "{ran:?}"
        );
    }
    let (_, report) = evaluated(place, "shard-of-engine", |command| command);
    assert_like_whole(server, &report, "numbers from the environment");
}

#[test]
fn what_is_no_shard_is_told() {
    let Some(server) = Server::moto() else { return };
    let place = directory("no-shard");
    let place = place.to_str().unwrap();
    for (text, says) in [
        ("2/2", "names no shard"),
        ("x", "names no shard"),
        ("1/0", "names no shard"),
        ("/4", "does not say which"),
    ] {
        // The environment is empty but for what is given: `x` is a count without a number.
        let ran = scan(server, place, &["--shard", text]).run().code(2);
        let says = if text == "x" {
            "does not say which"
        } else {
            says
        };
        assert!(ran.stderr.contains(says), "{text}: {ran:?}");
    }
    assert!(!Path::new(place).exists());
    // Shares of another number, and a snapshot in one piece, are not mixed with.
    run_shards(server, place, &[0], 2);
    let ran = scan(server, place, &["--shard", "0/3"]).run().code(2);
    assert!(ran.stderr.contains("it is written in 2 shards"), "{ran:?}");
    let whole = directory("no-shard-whole");
    let whole = whole.to_str().unwrap();
    scan(server, whole, &["-o", "json=/dev/null"]).run();
    let ran = scan(server, whole, &["--shard", "0/2"]).run().code(2);
    assert!(ran.stderr.contains("not written in shards"), "{ran:?}");
}

/// What a request without a body is answered with.
fn ask(server: &Server, request: &str) -> String {
    let address = server.endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{request} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(" 200 ") || head.contains(" 204 "),
        "{request}: {head}"
    );
    body.to_owned()
}

/// An object store beside what is scanned, with a bucket.
fn object_store() -> Option<&'static Server> {
    static STORE: OnceLock<Option<Server>> = OnceLock::new();
    STORE
        .get_or_init(|| {
            let server = Server::start(Kind::Moto, Setup::Empty)?;
            ask(&server, "PUT /snapshots");
            Some(server)
        })
        .as_ref()
}

#[test]
fn shards_meet_in_an_object_store() {
    let (Some(server), Some(store)) = (Server::moto(), object_store()) else {
        return;
    };
    let reach = |command: Posture| {
        command
            .keys("local", "local")
            .env("AWS_ENDPOINT_URL_S3", &store.endpoint)
    };
    let place = "s3://snapshots/nightly/1";
    let started: Vec<_> = (0..2)
        .map(|number| {
            let shard = format!("{number}/2");
            reach(scan(server, place, &["--shard", &shard])).spawn()
        })
        .collect();
    for child in started {
        Ran::of(child).code(0);
    }
    let (_, report) = evaluated(place, "object-store", reach);
    assert_like_whole(server, &report, "two shards in an object store");

    // In one piece, twice: the second takes the place of the first.
    let place = "s3://snapshots/nightly/2";
    for round in 0..2 {
        let report = work_dir().join(format!("object-store-{round}.json"));
        let output = format!("json={}", report.display());
        reach(scan(server, place, &["--status", "all", "-o", &output])).run();
        assert_like_whole(
            server,
            &read_json(&report),
            "in one piece, in an object store",
        );
    }
    // Shard 0 gathers the others, and its report goes there too.
    let place = "s3://snapshots/nightly/3";
    let output = "json=s3://snapshots/reports/3.json";
    let shard = |number: &str| {
        let shard = format!("{number}/2");
        let args = [
            "--shard", &shard, "--gather", "5", "--status", "all", "-o", output,
        ];
        reach(scan(server, place, &args)).spawn()
    };
    let first = shard("0");
    Ran::of(shard("1")).code(0);
    let ran = Ran::of(first);
    assert!([Some(1), Some(3)].contains(&ran.status.code()), "{ran:?}");
    let gathered = serde_json::from_str(&ask(store, "GET /snapshots/reports/3.json")).unwrap();
    assert_like_whole(server, &gathered, "gathered");

    // What is asked of a directory is asked of it too.
    let place = "s3://snapshots/nightly/2";
    let first = report["findings"][0]["id"].as_str().unwrap();
    let explained = reach(Posture::new(["explain", first, "--snapshot", place]))
        .run()
        .code(0);
    assert!(explained.stdout.contains(first), "{explained:?}");

    for (place, code, says) in [
        ("s3://snapshots/elsewhere", 2, "is not a snapshot"),
        ("s3://no-such-bucket/x", 2, "there is no such bucket"),
        ("s3:///x", 2, "names no bucket"),
    ] {
        let ran = reach(Posture::new(["evaluate", place])).run().code(code);
        assert!(ran.stderr.contains(says), "{place}: {ran:?}");
    }
}

/// How many requests of a method have this in their paths.
fn count(requests: &[Request], method: &str, part: &str) -> usize {
    let these = requests
        .iter()
        .filter(|request| request.method == method && request.path.contains(part));
    these.count()
}

#[test]
fn an_object_is_fetched_once_and_many_are_removed_at_once() {
    let (Some(server), Some(store)) = (Server::moto(), object_store()) else {
        return;
    };
    let through = |endpoint: &str| {
        let endpoint = endpoint.to_owned();
        move |command: Posture| {
            command
                .keys("local", "local")
                .env("AWS_ENDPOINT_URL_S3", &endpoint)
        }
    };
    let direct = through(&store.endpoint);
    let place = "s3://snapshots/nightly/4";
    direct(scan(server, place, &["-o", "json=/dev/null"])).run();

    let proxy = Proxy::start(&store.endpoint);
    let (_, report) = evaluated(place, "object-once", through(&proxy.endpoint()));
    assert_like_whole(server, &report, "through the proxy");
    let requests = proxy.requests();
    let mut fetched: Vec<&str> = requests
        .iter()
        .filter(|request| request.path.contains(".jsonl.zst"))
        .map(|request| request.path.as_str())
        .collect();
    let all = fetched.len();
    assert!(all > 10, "{all}");
    fetched.sort_unstable();
    fetched.dedup();
    assert_eq!(fetched.len(), all, "fetched twice");

    // With nowhere to keep copies it is slower, and the same.
    let nowhere = |command: Posture| direct(command).env("TMPDIR", "/nonexistent");
    let (_, report) = evaluated(place, "object-nowhere", nowhere);
    assert_like_whole(server, &report, "without copies");

    // The next scan takes the place of this one, of which nothing is left.
    let proxy = Proxy::start(&store.endpoint);
    through(&proxy.endpoint())(scan(server, place, &["-o", "json=/dev/null"])).run();
    let requests = proxy.requests();
    assert_eq!(count(&requests, "POST", "?delete"), 2);
    assert_eq!(count(&requests, "DELETE", "account"), 0);
    let left = ask(store, "GET /snapshots?list-type=2&prefix=nightly/4/account");
    assert!(!left.contains("<Key>"), "{left}");

    // One that is damaged, or gone, ends the evaluation.
    let units = ask(store, "GET /snapshots?list-type=2&prefix=nightly/4/next");
    let (_, rest) = units.split_once("<Key>").unwrap();
    let unit = rest
        .split("<Key>")
        .map(|key| key.split_once("</Key>").map_or(key, |(key, _)| key))
        .find(|key| key.contains("region=us-east-1/kms.jsonl"))
        .unwrap();
    for (request, code, says) in [("PUT", 4, "digest"), ("DELETE", 2, "not found")] {
        ask(store, &format!("{request} /snapshots/{unit}"));
        let ran = direct(Posture::new(["evaluate", place])).run().code(code);
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}
