//! The smaller commands.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Posture, Server, demo, findings};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

#[test]
fn checks_list_has_the_shape_that_tools_rely_on() {
    let ran = Posture::new(["checks", "list", "-o", "json"]).run().code(0);
    let list = json(&ran.stdout);
    let list = list.as_array().unwrap();
    assert!(list.len() >= 120, "{} checks", list.len());
    let mut ids = BTreeSet::new();
    for check in list {
        let id = check["id"].as_str().unwrap();
        assert!(ids.insert(id), "{id} twice");
        assert!(!check["title"].as_str().unwrap().is_empty());
        let severity = check["severity"].as_str().unwrap();
        assert!(["critical", "high", "medium", "low", "info"].contains(&severity));
        for key in [
            "practices",
            "well_architected",
            "owasp_serverless",
            "serverless_lens",
            "references",
            "operations",
        ] {
            let values = check[key]
                .as_array()
                .unwrap_or_else(|| panic!("{id}: {key}"));
            assert!(values.iter().all(Value::is_string), "{id}: {key}");
        }
        // A check judges a resource or asks a person, never both or neither.
        assert_ne!(
            check["resource"].is_null(),
            check["manual"].is_null(),
            "{id}"
        );
    }
    let narrow = Posture::new(["checks", "list", "-o", "json", "--severity", "critical"])
        .args(["--practice", "DATA-01"])
        .run()
        .code(0);
    for check in json(&narrow.stdout).as_array().unwrap() {
        assert_eq!(check["severity"], "critical");
    }
    let table = Posture::new(["checks", "list"]).run().code(0);
    assert!(table.stdout.contains(&format!("{} checks", list.len())));
}

#[test]
fn checks_show_prints_one() {
    let args = ["checks", "show", "kms-key-rotation-off"];
    let text = Posture::new(args).run().code(0).stdout;
    for part in [
        "kms-key-rotation-off",
        "severity",
        "passes:",
        "risk:",
        "references:",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let check = json(&Posture::new(args).args(["-o", "json"]).run().code(0).stdout);
    assert_eq!(check["id"], "kms-key-rotation-off");
    assert!(check["pass"].is_string());
}

#[test]
fn the_built_in_checks_pass_their_own_cases() {
    let ran = Posture::new(["checks", "test"]).run().code(0);
    assert!(ran.stdout.contains(", 0 mistakes; "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with(" 0 failed\n"), "{}", ran.stdout);
    Posture::new(["checks", "lint"]).run().code(0);
}

#[test]
fn explain_says_what_a_finding_rests_on() {
    let Some(demo) = demo() else { return };
    let finding = &demo.report["findings"][0];
    let id = finding["id"].as_str().unwrap();
    let explain = |id: &str| {
        Posture::new(["explain", id, "--snapshot"])
            .args([&demo.snapshot])
            .run()
    };
    let text = explain(id).code(0).stdout;
    for part in ["check", "title"].map(|key| finding[key].as_str().unwrap()) {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(text.contains(finding["resource"]["name"].as_str().unwrap()));
    // Enough of the id will do; what is not enough, or wrong, is said.
    assert_eq!(explain(&id[..16]).code(0).stdout, text);
    let ran = explain("ffffffffffffffffffffffffffffffff").code(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("help: "),
        "{}",
        ran.stderr
    );
    let ran = Posture::new(["explain", id, "-o", "json", "--snapshot"])
        .args([&demo.snapshot])
        .run()
        .code(0);
    assert_eq!(json(&ran.stdout)["id"], id);
}

#[test]
fn doctor_tells_who_where_and_what_is_denied() {
    let (Some(server), Some(enforcing)) = (Server::moto(), Server::enforcing()) else {
        return;
    };
    let args = ["doctor", "--region", "us-east-1", "--service", "s3,kms"];
    let text = Posture::new(args).against(server).run().code(0).stdout;
    for part in [
        "credentials",
        "caller",
        "123456789012",
        "us-east-1",
        "nothing stands in the way",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("local\n"), "a key is printed: {text}");

    let ran = Posture::new(args)
        .with_credentials_of(enforcing, "stranger")
        .run()
        .code(3);
    assert!(
        ran.stdout.contains("denied") && ran.stdout.contains("kms:ListKeys"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("posture permissions"), "{}", ran.stdout);

    let ran = Posture::new(args)
        .args(["-o", "json"])
        .with_credentials_of(enforcing, "stranger")
        .run()
        .code(3);
    let doctor = json(&ran.stdout);
    let outcome = |name: &str| {
        let operations = doctor["operations"].as_array().unwrap();
        let found = operations.iter().find(|o| o["operation"] == name).unwrap();
        found["outcome"].as_str().unwrap()
    };
    assert_eq!(outcome("kms:ListKeys"), "denied");
    assert_eq!(outcome("s3:ListBuckets"), "denied");
    // It has just been called to find out who we are.
    assert_eq!(outcome("core:GetCallerIdentity"), "answered");
}

#[test]
fn doctor_tries_a_role_in_another_account() {
    let Some(server) = Server::moto() else { return };
    let args = ["doctor", "--region", "us-east-1", "--service", "kms"];
    let ran = Posture::new(args)
        .args(["--account", "222222222222", "--role-name", "PostureScan"])
        .args(["-o", "json"])
        .against(server)
        .run()
        .code(0);
    let doctor = json(&ran.stdout);
    assert_eq!(doctor["accounts"], serde_json::json!(["222222222222"]));
    let operations = doctor["operations"].as_array().unwrap();
    for name in ["core:AssumeRole", "core:DescribeRegions", "kms:ListKeys"] {
        let found = operations.iter().find(|o| o["operation"] == name).unwrap();
        assert_eq!(found["outcome"], "answered", "{name}");
    }
    let ran = Posture::new(args)
        .args(["--account", "222222222222"])
        .against(server)
        .run()
        .code(2);
    assert!(ran.stderr.contains("--role-name"), "{}", ran.stderr);
}

#[test]
fn selection_narrows_what_is_judged() {
    let Some(demo) = demo() else { return };
    let run = |args: &[&str]| {
        let ran = Posture::new(["evaluate", "--status", "all", "-o", "json"])
            .args(args)
            .args([&demo.snapshot])
            .run();
        findings(&json(&ran.stdout))
    };
    let one = run(&["--check", "s3-bucket-public-policy,kms-key-rotation-off"]);
    let checks: BTreeSet<&str> = one.values().map(|f| f.check.as_str()).collect();
    assert_eq!(
        checks,
        BTreeSet::from(["kms-key-rotation-off", "s3-bucket-public-policy"])
    );
    let critical = run(&["--severity", "critical"]);
    assert!(!critical.is_empty());
    assert!(critical.values().all(|f| f.severity == "critical"));
    assert!(!run(&["--practice", "FN-01"]).is_empty());
}

#[test]
fn help_version_and_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let text = Posture::new(["completions", shell]).run().code(0).stdout;
        assert!(
            text.contains("posture") && text.contains("evaluate"),
            "{shell}"
        );
    }
    let help = Posture::new(["--help"]).run().code(0).stdout;
    for command in [
        "scan",
        "evaluate",
        "checks",
        "explain",
        "permissions",
        "doctor",
        "completions",
    ] {
        assert!(help.contains(command), "{command} is not in the help");
    }
    assert!(help.contains("Exit codes: "));
    let version = Posture::new(["--version"]).run().code(0).stdout;
    assert!(version.starts_with("posture "));
    let ran = Posture::new::<&str>([]).run().code(2);
    assert!(ran.stderr.contains("Usage: "), "{}", ran.stderr);
}
