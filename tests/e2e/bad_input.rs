//! What a person gets for bad input: one error with the next step, the documented exit code, nothing on
//! stdout, and the good file that was there before.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{Posture, Ran, Server, binary, read_json, with_file_system, work_dir};

const GOOD: &str = "{\"good\": true}\n";

/// What a run must say.
struct Expect<'a> {
    code: i32,
    /// Parts of the message.
    says: &'a [&'a str],
    /// What the person can do next.
    next: &'a str,
}

/// Asserts the contract for errors.
#[track_caller]
fn assert_refused(ran: &Ran, expect: &Expect<'_>) {
    let shown = format!("{}\n--- stderr\n{}", ran.status, ran.stderr);
    assert_eq!(ran.status.code(), Some(expect.code), "{shown}");
    assert_eq!(ran.stdout, "", "stdout is not empty: {shown}");
    let errors = ran
        .messages()
        .iter()
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!(errors, 1, "not one error: {shown}");
    for text in expect.says.iter().chain([&expect.next]) {
        assert!(ran.stderr.contains(text), "{text:?} is missing: {shown}");
    }
    assert!(!ran.stderr.contains("panicked"), "{shown}");
}

/// A file that a failed run must leave as it is.
struct GoodFile(PathBuf);

impl GoodFile {
    fn new(name: &str) -> Self {
        let directory = work_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("report.json");
        std::fs::write(&path, GOOD).unwrap();
        Self(path)
    }

    fn output(&self) -> [String; 2] {
        ["-o".to_owned(), format!("json={}", self.0.display())]
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(std::fs::read_to_string(&self.0).unwrap(), GOOD);
        let beside: Vec<_> = std::fs::read_dir(self.0.parent().unwrap())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| name.to_str().is_some_and(|n| n.starts_with(".posture-")))
            .collect();
        assert!(beside.is_empty(), "left behind: {beside:?}");
    }
}

/// A small scan, ready to go wrong.
fn scan(good: &GoodFile) -> Posture {
    Posture::new(["scan", "--service", "s3", "--snapshot"])
        .args([good.0.with_file_name("snapshot")])
        .args(good.output())
}

/// A small finished snapshot; tests spoil copies of it.
fn snapshot() -> Option<&'static Path> {
    static SNAPSHOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    SNAPSHOT
        .get_or_init(|| {
            let server = Server::moto()?;
            let path = work_dir().join("small");
            Posture::new(["scan", "--service", "iam", "--region", "us-east-1"])
                .args(["--allow-incomplete", "--fail-on", "none", "--snapshot"])
                .args([&path])
                .against(server)
                .run()
                .code(0);
            Some(path)
        })
        .as_deref()
}

/// A copy of the small snapshot that nobody else uses.
fn spoilt(name: &str) -> Option<PathBuf> {
    let to = work_dir().join(name);
    copy(snapshot()?, &to);
    Some(to)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn resources_of(snapshot: &Path) -> PathBuf {
    let account = "account=123456789012/region=global/iam.jsonl.zst";
    snapshot.join(account)
}

#[test]
fn no_credentials() {
    if Server::moto().is_none() {
        return;
    }
    let good = GoodFile::new("no-credentials");
    let ran = scan(&good).args(["--region", "us-east-1"]).run();
    let expect = Expect {
        code: 4,
        says: &["no usable AWS credentials"],
        next: "help: sign in (aws sso login)",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
    assert!(!good.0.with_file_name("snapshot").exists());
}

#[test]
fn credentials_that_aws_does_not_accept() {
    let Some(server) = Server::enforcing() else {
        return;
    };
    let good = GoodFile::new("invalid-credentials");
    let ran = scan(&good)
        .args(["--region", "us-east-1"])
        .at(&server.endpoint)
        .keys("AKIAIOSFODNN7EXAMPLE", "not-a-key")
        .run();
    let expect = Expect {
        code: 4,
        says: &["no usable AWS credentials", "did not accept them"],
        next: "help: sign in (aws sso login)",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
}

#[test]
fn an_expired_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 16384]);
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>\
                <Message>The security token included in the request is expired</Message></Error>\
                <RequestId>r</RequestId></ErrorResponse>";
            let _ = write!(
                client,
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let good = GoodFile::new("expired");
    let ran = scan(&good)
        .args(["--region", "us-east-1"])
        .at(&endpoint)
        .keys("ASIAEXAMPLE", "secret")
        .env("AWS_SESSION_TOKEN", "old")
        .run();
    let expect = Expect {
        code: 4,
        says: &["the session token has expired"],
        next: "help: sign in (aws sso login)",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
}

#[test]
fn a_region_that_does_not_exist() {
    let Some(server) = Server::moto() else { return };
    let good = GoodFile::new("region");
    for regions in ["us-east-1,us-esat-1", "us-esat-1"] {
        let ran = scan(&good)
            .args(["--region", regions])
            .against(server)
            .run();
        let expect = Expect {
            code: 2,
            says: &["us-esat-1", "did you mean \"us-east-1\"?"],
            next: "help: enabled regions: ",
        };
        assert_refused(&ran, &expect);
        good.assert_untouched();
    }
}

#[test]
fn an_endpoint_that_is_not_there() {
    let good = GoodFile::new("unreachable");
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap();
    let ran = scan(&good)
        .args([
            "--region",
            "us-east-1",
            "--max-attempts",
            "1",
            "--call-timeout",
            "2",
        ])
        .at(&format!("http://{closed}"))
        .keys("local", "local")
        .run();
    let expect = Expect {
        code: 4,
        says: &["AWS could not be reached"],
        next: "help: check the network, the proxy and --endpoint-url",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
}

#[test]
fn an_endpoint_that_is_no_url() {
    let good = GoodFile::new("no-url");
    for (url, code) in [("127.0.0.1:4566", 2), ("http://", 4), ("http://a b:1", 4)] {
        let ran = scan(&good)
            .args(["--region", "us-east-1", "--max-attempts", "1"])
            .at(url)
            .keys("local", "local")
            .run();
        let expect = Expect {
            code,
            says: &[],
            next: "--endpoint-url",
        };
        assert_refused(&ran, &expect);
        good.assert_untouched();
    }
}

#[test]
fn names_that_do_not_exist() {
    let near = |name: &str| format!("did you mean {name:?}?");
    let rows: &[(&[&str], &str, String)] = &[
        (
            &["scan", "--service", "lamdba"],
            "\"lamdba\"",
            near("lambda"),
        ),
        (
            &["evaluate", "--check", "s3-bucket-public-polcy"],
            "s3-bucket-public-polcy",
            near("s3-bucket-public-policy"),
        ),
        (
            &["evaluate", "--practice", "NET-5"],
            "NET-5",
            near("NET-05"),
        ),
        (
            &["evaluate", "--severity", "hihg"],
            "hihg",
            "one of critical, high".into(),
        ),
        (
            &["evaluate", "--fail-on", "hihg"],
            "hihg",
            "one of critical, high".into(),
        ),
        (
            &["evaluate", "--status", "fial"],
            "fial",
            "one of pass, fail".into(),
        ),
        (&["evaluate", "-o", "jsno"], "jsno", near("json")),
        (&["doctor", "--service", "kmss"], "kmss", near("kms")),
        (&["permissions", "--service", "iamm"], "iamm", near("iam")),
        (
            &["checks", "show", "kms-key-rotation-of"],
            "kms-key-rotation-of",
            near("kms-key-rotation-off"),
        ),
        (&["scna"], "scna", "'scan'".into()),
        (&["scan", "--regoin", "x"], "--regoin", "'--region'".into()),
        (
            &["scan", "--account", "1234"],
            "1234",
            "12-digit account id".into(),
        ),
        (
            &["scan", "--region", "Nowhere!"],
            "Nowhere!",
            "such as eu-west-1".into(),
        ),
        (
            &["evaluate", "-o", "table", "-o", "json"],
            "stdout",
            "-o json=report.json".into(),
        ),
        (
            &["evaluate", "--checks", "no-such-directory"],
            "no-such-directory",
            "there is no".into(),
        ),
        (
            &["checks", "test", "no-such-directory"],
            "no-such-directory",
            "there is no".into(),
        ),
    ];
    for (args, says, next) in rows {
        let ran = Posture::new(*args).run();
        let expect = Expect {
            code: 2,
            says: &[says],
            next,
        };
        assert_refused(&ran, &expect);
    }
}

#[test]
fn accounts_without_a_role() {
    let Some(server) = Server::moto() else { return };
    let good = GoodFile::new("no-role");
    let ran = scan(&good)
        .args(["--region", "us-east-1", "--account", server.account("prod")])
        .against(server)
        .run();
    let expect = Expect {
        code: 2,
        says: &["accounts other than the caller's"],
        next: "give --role-name",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
}

const CHECK: &str = r#"id: lambda-function-mine
title: Function has a short description
severity: low
confidence: high
resource: lambda.function
practices: [FN-01]
well_architected: [SEC05-BP01]
pass: resource.timeout < 100
evidence: '"timeout " + string(resource.timeout)'
risk: Something.
fix:
  console: Change it.
references:
  - https://docs.aws.amazon.com/lambda/latest/dg/welcome.html
cases:
  - name: short
    expect: pass
    resource: {timeout: 3}
  - name: long
    expect: fail
    resource: {timeout: 300}
"#;

#[test]
fn a_check_of_ones_own_with_a_typo() {
    let Some(small) = snapshot() else { return };
    let good = GoodFile::new("custom-checks");
    let directory = work_dir().join("mine");
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("lambda-function-mine.yaml");
    let evaluate = || {
        Posture::new([
            "evaluate",
            "--allow-incomplete",
            "--fail-on",
            "none",
            "--checks",
        ])
        .args([&directory, &small.to_path_buf()])
        .args(good.output())
        .run()
    };

    for (typo, line, near) in [
        // In a field of the resource, in a key of the file, in the expression's grammar.
        (
            CHECK.replace("resource.timeout < 100", "resource.timeuot < 100"),
            8,
            "timeout",
        ),
        (
            CHECK.replace("severity: low", "severty: low"),
            3,
            "severity",
        ),
        (
            CHECK.replace("resource.timeout < 100", "resource.timeout < < 100"),
            8,
            "",
        ),
        (CHECK.replace("severity: low", "severity: lwo"), 3, "low"),
    ] {
        std::fs::write(&file, typo).unwrap();
        let ran = evaluate();
        let place = format!("lambda-function-mine.yaml:{line}:");
        let expect = Expect {
            code: 2,
            says: &[&place, "^", near],
            next: "help: posture checks lint PATH",
        };
        assert_refused(&ran, &expect);
        good.assert_untouched();
        let lint = Posture::new(["checks", "lint"])
            .args([&directory])
            .run()
            .code(2);
        assert!(lint.stdout.contains(&place), "{}", lint.stdout);
    }

    // An id twice: in the person's own files, and one that is built in.
    std::fs::write(&file, CHECK).unwrap();
    let further = directory.join("further");
    std::fs::create_dir(&further).unwrap();
    for id in ["lambda-function-mine", "lambda-function-timeout-maximum"] {
        let twin = further.join(format!("{id}.yaml"));
        std::fs::write(&twin, CHECK.replace("lambda-function-mine", id)).unwrap();
        let expect = Expect {
            code: 2,
            says: &[&format!("{id}.yaml:1:5: the id"), "is taken by", "^^^"],
            next: "help: posture checks lint PATH",
        };
        assert_refused(&evaluate(), &expect);
        good.assert_untouched();
        std::fs::remove_file(twin).unwrap();
    }

    evaluate().code(0);
    let report = read_json(&good.0);
    assert_ne!(report, serde_json::from_str::<Value>(GOOD).unwrap());
}

/// Evaluates a spoilt snapshot and expects this of it.
#[track_caller]
fn assert_unusable(snapshot: &Path, expect: &Expect<'_>) {
    let good = GoodFile::new(&format!(
        "{}-report",
        snapshot.file_name().unwrap().to_str().unwrap()
    ));
    let ran = Posture::new(["evaluate"])
        .args([snapshot])
        .args(good.output())
        .run();
    assert_refused(&ran, expect);
    good.assert_untouched();
}

#[test]
fn a_snapshot_with_damaged_resources() {
    let expect = Expect {
        code: 4,
        says: &["iam.jsonl.zst is corrupt"],
        next: "scan again to replace it",
    };
    let Some(changed) = spoilt("changed") else {
        return;
    };
    let path = resources_of(&changed);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, &bytes).unwrap();
    assert_unusable(&changed, &expect);

    let cut = spoilt("cut").unwrap();
    std::fs::write(resources_of(&cut), &bytes[..middle]).unwrap();
    assert_unusable(&cut, &expect);

    let missing = spoilt("missing").unwrap();
    std::fs::remove_file(resources_of(&missing)).unwrap();
    let ran = Posture::new(["evaluate"]).args([&missing]).run();
    assert!([Some(2), Some(4)].contains(&ran.status.code()), "{ran:?}");
    assert!(
        ran.stderr.contains("iam.jsonl.zst") && ran.stdout.is_empty(),
        "{ran:?}"
    );
}

#[test]
fn a_snapshot_with_a_damaged_manifest() {
    let Some(cut) = spoilt("cut-manifest") else {
        return;
    };
    let path = cut.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let expect = Expect {
        code: 4,
        says: &["manifest.json is corrupt"],
        next: "scan again to replace it",
    };
    assert_unusable(&cut, &expect);
}

#[test]
fn a_snapshot_of_a_newer_schema() {
    let Some(newer) = spoilt("newer") else { return };
    let path = newer.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("\"schema_version\": \"1.0\"", "\"schema_version\": \"2.0\"");
    std::fs::write(&path, text).unwrap();
    let expect = Expect {
        code: 2,
        says: &["snapshot schema 2.0"],
        next: "install a newer posture",
    };
    assert_unusable(&newer, &expect);
}

#[test]
fn a_directory_that_is_no_snapshot() {
    let Some(server) = Server::moto() else { return };
    let other = work_dir().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("precious"), "kept").unwrap();
    let expect = Expect {
        code: 2,
        says: &["is not a snapshot"],
        next: "help: name the directory that a scan wrote",
    };
    assert_unusable(&other, &expect);
    assert_unusable(&work_dir().join("nowhere"), &expect);

    // Nor does a scan write into it.
    let ran = Posture::new([
        "scan",
        "--service",
        "s3",
        "--region",
        "us-east-1",
        "--snapshot",
    ])
    .args([&other])
    .against(server)
    .run();
    let expect = Expect {
        code: 2,
        says: &["is not a snapshot"],
        next: "give an empty or new directory",
    };
    assert_refused(&ran, &expect);
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn outputs_that_cannot_be_written() {
    let Some(small) = snapshot() else { return };
    let file = work_dir().join("a-file");
    std::fs::write(&file, GOOD).unwrap();
    for path in [
        work_dir().join("no-such-directory/report.json"),
        file.join("report.json"),
        work_dir().to_owned(),
        PathBuf::new(),
    ] {
        let ran = Posture::new(["evaluate"])
            .args([small])
            .args(["-o".to_owned(), format!("json={}", path.display())])
            .run();
        let expect = Expect {
            code: 2,
            says: &[],
            next: "help: name a file in a directory that you may write to",
        };
        assert_refused(&ran, &expect);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), GOOD);
}

/// Renaming a report over a device would replace the device.
#[test]
#[cfg(unix)]
fn devices_and_pipes_are_written_to_and_stay() {
    use std::os::unix::fs::FileTypeExt;
    let Some(small) = snapshot() else { return };
    let evaluate = |output: &str| {
        Posture::new(["evaluate"])
            .args([small])
            .args(["-o", output])
            .run()
    };
    let ran = evaluate("json=/dev/full");
    let expect = Expect {
        code: 2,
        says: &["the json report was not written: /dev/full"],
        next: "help: ",
    };
    assert_refused(&ran, &expect);
    let ran = evaluate("json=/dev/null");
    assert!(
        [Some(0), Some(1), Some(3)].contains(&ran.status.code()),
        "{ran:?}"
    );
    for device in ["/dev/full", "/dev/null"] {
        let found = std::fs::metadata(device).unwrap();
        assert!(found.file_type().is_char_device(), "{device}");
    }
    let ran = evaluate("json=/dev/stdout");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["schema_version"], "1.1");
}

#[test]
fn stdout_that_is_full() {
    let Some(small) = snapshot() else { return };
    let mut shell = Command::new("bash");
    shell.args(["-c", "exec \"$@\" > /dev/full", "bash"]);
    let ran = Posture::through(shell, ["evaluate"]).args([small]).run();
    let expect = Expect {
        code: 2,
        says: &["failed to write to stdout"],
        next: "error: ",
    };
    assert_refused(&ran, &expect);
}

/// A shell in which no file grows beyond a kilobyte: what a full disk does, without root.
fn cramped() -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "bash"]);
    shell
}

#[test]
fn a_disk_with_no_room_for_the_report() {
    let Some(small) = snapshot() else { return };
    let good = GoodFile::new("cramped-report");
    let ran = Posture::through(cramped(), ["evaluate"])
        .args([small])
        .args(good.output())
        .run();
    let expect = Expect {
        code: 2,
        says: &["the json report was not written"],
        next: "help: ",
    };
    assert_refused(&ran, &expect);
    good.assert_untouched();
}

#[test]
fn a_disk_with_no_room_for_the_snapshot() {
    let Some(server) = Server::moto() else { return };
    let good = GoodFile::new("cramped-snapshot");
    let args = ["scan", "--service", "iam", "--region", "us-east-1"];
    let run = |posture: Posture| {
        posture
            .args(good.output())
            .args([Path::new("--snapshot"), &good.0.with_file_name("snapshot")])
            .against(server)
            .run()
    };
    let ran = run(Posture::through(cramped(), args));
    assert!([Some(2), Some(3)].contains(&ran.status.code()), "{ran:?}");
    assert!(ran.stderr.contains("error: failed to write"), "{ran:?}");
    assert_eq!(ran.stdout, "");
    good.assert_untouched();
    // With room again, the same command goes through.
    let ran = run(Posture::new(args));
    assert!([Some(1), Some(3)].contains(&ran.status.code()), "{ran:?}");
    assert_ne!(std::fs::read_to_string(&good.0).unwrap(), GOOD);
}

#[test]
fn a_file_system_that_is_full() {
    let Some(server) = Server::moto() else { return };
    let mount = work_dir().join("full");
    // Where that is not permitted, the limit on file sizes above has to do.
    let Some(inside) = with_file_system(&mount, "size=12k", "exec \"$@\"", &[]) else {
        return;
    };
    let ran = Posture::through(
        inside,
        [
            "scan",
            "--service",
            "iam",
            "--region",
            "us-east-1",
            "--snapshot",
        ],
    )
    .args([mount.join("snapshot")])
    .against(server)
    .run();
    let expect = Expect {
        code: 3,
        says: &["failed to write"],
        next: "help: free some space and run the same command again",
    };
    assert_refused(&ran, &expect);
}

#[test]
fn an_error_that_nobody_reads_has_its_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(binary())
        .args(["diff", "nowhere", "elsewhere"])
        .stderr(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4));
}
