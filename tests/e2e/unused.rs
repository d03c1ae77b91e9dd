//! What is granted and not used: `posture scan --last-accessed`, `posture unused` and the checks.
//!
//! In the demo whoever is seasoned reads S3 and nobody does anything else.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Posture, Proxy, Server, demo, findings, read_json, work_dir};

/// Runs a command on the demo's snapshot.
fn ask(args: &[&str]) -> Option<String> {
    let demo = demo()?;
    let ran = Posture::new(["unused"])
        .args(args)
        .args([Path::new("--snapshot"), &demo.snapshot])
        .run();
    Some(ran.code(0).stdout)
}

fn json(args: &[&str]) -> Option<Value> {
    let text = ask(&[args, &["-o", "json"]].concat())?;
    Some(serde_json::from_str(&text).unwrap())
}

fn named<'v>(found: &'v Value, name: &str) -> &'v Value {
    found["principals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["principal"].as_str().unwrap().ends_with(name))
        .unwrap_or_else(|| panic!("{name} is not listed"))
}

#[test]
fn what_is_granted_is_set_beside_what_was_used() {
    let Some(found) = json(&[]) else { return };
    assert_eq!(found["days"], 90);
    assert_eq!(found["unread"], json!([]));
    let hoarder = named(&found, ":role/weak-seasoned-hoarder");
    assert_eq!(hoarder["leaves_unused"], true);
    assert_eq!(hoarder["unused"], json!(["sqs"]));
    assert_eq!(hoarder["remaining"], json!(["s3"]));
    assert_eq!(hoarder["further_services"], false);
    assert_eq!(hoarder["unread"], json!(null));
    let rights = json!([{
        "policy": "rights", "origin": {"kind": "inline"}, "statement": "statement 1",
    }]);
    let [s3, sqs] = [&hoarder["services"][0], &hoarder["services"][1]];
    assert_eq!((&s3["service"], &s3["use"]), (&json!("s3"), &json!("used")));
    assert_eq!(s3["region"], "us-east-1");
    assert!(s3["last_accessed"].as_str().unwrap().ends_with('Z'));
    assert_eq!(s3["granted_by"], rights);
    assert_eq!(
        *sqs,
        json!({"service": "sqs", "use": "never", "last_accessed": null, "region": null,
               "reasons": [], "granted_by": rights})
    );
    assert_eq!(
        hoarder["policies"],
        json!([{"policy": "rights", "origin": {"kind": "inline"}, "services": ["s3", "sqs"],
                "unused": false, "denies": false}])
    );
    assert_eq!(
        named(&found, ":user/weak-seasoned")["unused"],
        json!(["sqs"])
    );

    let thrifty = named(&found, ":role/sound-seasoned-thrifty");
    assert_eq!(thrifty["leaves_unused"], false);
    assert_eq!(thrifty["unused"], json!([]));
    // A principal of today has had no time to use anything.
    let young = named(&found, ":role/weak-wildcards");
    assert_eq!(young["leaves_unused"], "unknown");
    assert_eq!(young["unused"], json!([]));
    assert!(
        young["services"][0]["reasons"][0]
            .as_str()
            .unwrap()
            .contains("made less than")
    );
    // Administrators, within a boundary: what the boundary leaves, and through a group.
    let bounded = named(&found, ":user/sound-bounded-administrator");
    assert_eq!(bounded["remaining"], json!(["logs", "s3"]));
    assert_eq!(bounded["further_services"], false);
    let person = named(&found, ":user/sound-person");
    let origin = &person["services"][0]["granted_by"][0]["origin"];
    assert_eq!(origin["group"], "sound-readers", "{person:#}");
    let chief = named(&found, ":user/weak-chief");
    assert_eq!(chief["further_services"], true);
    // The most that could go comes first.
    let counts: Vec<usize> = found["principals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["unused"].as_array().unwrap().len())
        .collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
}

#[test]
fn the_summary_and_the_detail_say_the_same() {
    let (Some(server), Some(all), Some(one)) =
        (Server::moto(), ask(&[]), ask(&["weak-seasoned-hoarder"]))
    else {
        return;
    };
    let prod = server.account("prod");
    assert!(
        all.starts_with("2 of "),
        "the seed plants two that leave services unused: {all}"
    );
    let row = format!("       1       1               0  {prod}:role/weak-seasoned-hoarder\n");
    assert!(all.contains(&row), "{row} is not in {all}");
    assert!(
        all.contains("\ncannot be told\n") && all.contains("\n  made less than 90 days ago\n"),
        "{all}"
    );
    let arn = format!("arn:aws:iam::{prod}:role/weak-seasoned-hoarder");
    let mut lines = one.lines();
    assert_eq!(lines.next(), Some(arn.as_str()));
    for wanted in [
        "  2 services granted, 1 of them not used for 90 days",
        "used within 90 days",
        "not used for 90 days",
        "  sqs: not in the 400 days that AWS looks back",
        "      rights (inline), statement 1",
        "what could go",
        "  rights (inline)",
        "      sqs: leave s3",
        "what is left then: s3",
    ] {
        assert!(
            lines.any(|line| line == wanted),
            "{wanted:?} is missing, or out of order, in {one}"
        );
    }
    assert_eq!(ask(&[&arn]).unwrap(), one);
    // Nothing was used yesterday and not today, so a single day changes nothing.
    let strict = json(&["--days", "1", "weak-seasoned-hoarder"]).unwrap();
    assert_eq!(strict["principals"][0]["unused"], json!(["sqs"]));
    assert_eq!(strict["principals"].as_array().unwrap().len(), 1);
}

#[test]
fn who_is_asked_for_wrongly_is_told() {
    let Some(demo) = demo() else { return };
    for (args, problem) in [
        (&["nobody"][..], "no principal \"nobody\""),
        (&["weak-seasoned-hoardre"], "did you mean"),
        (&["s3.amazonaws.com"], "no principal"),
        (&["--days", "0"], "--days"),
        (&["--days", "401"], "--days"),
    ] {
        let ran = Posture::new(["unused"])
            .args(args)
            .args([Path::new("--snapshot"), &demo.snapshot])
            .run()
            .code(2);
        assert!(ran.stderr.contains(problem), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn findings_say_who_is_granted_what_it_does_not_use() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let prod = server.account("prod");
    let all = work_dir().join("unused-all.json");
    Posture::new(["evaluate", "--status", "all", "-o"])
        .args([format!("json={}", all.display())])
        .args([
            "--check",
            "iam-role-grants-unused-services,iam-user-grants-unused-services",
        ])
        .args([&demo.snapshot])
        .run();
    let found = findings(&read_json(&all));
    let of = |kind: &str, name: &str| {
        let check = format!("iam-{kind}-grants-unused-services");
        let arn = format!("arn:aws:iam::{prod}:{kind}/{name}");
        let finding = found.values().find(|f| f.check == check && f.arn == arn);
        finding.unwrap_or_else(|| panic!("no verdict on {arn}"))
    };
    for (kind, name) in [("role", "weak-seasoned-hoarder"), ("user", "weak-seasoned")] {
        let finding = of(kind, name);
        assert_eq!(
            (finding.status.as_str(), finding.severity.as_str()),
            ("fail", "low")
        );
        assert!(
            finding
                .message
                .ends_with("not used for 90 days: sqs (never)"),
            "{}",
            finding.message
        );
    }
    assert_eq!(of("role", "sound-seasoned-thrifty").status, "pass");
    // Those that use nothing, and those of today, have nothing to be judged by.
    for name in ["sound-seasoned", "weak-wildcards", "weak-idle"] {
        assert_eq!(of("role", name).status, "not_applicable", "{name}");
    }
}

/// Without the flag nothing is asked, nothing is missing and nothing is judged.
#[test]
fn nothing_is_asked_unless_it_is_wanted() {
    let Some(server) = Server::moto() else { return };
    let scan = |name: &str, flags: &[&str]| {
        let proxy = Proxy::start(&server.endpoint);
        let (snapshot, report) = (
            work_dir().join(format!("unused-{name}")),
            work_dir().join(format!("unused-{name}.json")),
        );
        let ran = Posture::new(["scan", "--region", "us-east-1", "--service", "iam"])
            .args(flags)
            .args(["--status", "all", "-o"])
            .args([format!("json={}", report.display())])
            .args([Path::new("--snapshot"), &snapshot])
            .keys("local", "local")
            .at(&proxy.endpoint())
            .run();
        let asked = proxy
            .requests()
            .iter()
            .filter(|request| request.body.contains("ServiceLastAccessedDetails"))
            .count();
        (ran.status.code(), asked, read_json(&report), snapshot)
    };
    let (code, asked, report, snapshot) = scan("without", &[]);
    assert_eq!(asked, 0);
    let (other_code, other_asked, other, _) = scan("with", &["--last-accessed"]);
    assert!(other_asked > 0);
    // The rest of the verdicts, and how the scan ends, are the same.
    assert_eq!(code, other_code);
    let (found, others) = (findings(&report), findings(&other));
    assert_eq!(found.len(), others.len());
    for (key, finding) in &found {
        if finding.check.ends_with("-grants-unused-services") {
            assert_eq!(finding.status, "not_applicable", "{finding:?}");
        } else {
            assert_eq!(finding.status, others[key].status, "{finding:?}");
        }
    }
    let coverage = report["coverage"].as_array().unwrap();
    let named = |row: &&Value| row["operation"].as_str().unwrap().contains("LastAccessed");
    assert_eq!(coverage.iter().filter(named).count(), 0);
    // What was not asked is said, and what to do about it.
    let ran = Posture::new(["unused", "--snapshot"])
        .args([&snapshot])
        .run()
        .code(0);
    assert!(ran.stdout.starts_with("0 of "), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(
            "GenerateServiceLastAccessedDetails: not asked for (posture scan --last-accessed)"
        ),
        "{}",
        ran.stdout
    );
}
