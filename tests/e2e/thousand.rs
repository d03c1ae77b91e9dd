//! A thousand principals: questions about permissions over a snapshot of the size of a larger account.

use std::collections::BTreeMap;
use std::path::PathBuf;

use posture_model::{AccountId, Partition, Region, Resource, Timestamp};
use posture_snapshot::{AccountRecord, Listing, Scope, SnapshotWriter, ToolRecord, UnitKey};
use serde_json::{Value, json};

use crate::support::{Posture, read_json, work_dir};

const ACCOUNT: &str = "111122223333";
/// Rows of three roles, each of which may take the next.
const ROWS: usize = 200;
/// Rows whose last role the administrator's role trusts.
const OPEN: usize = 10;
const USERS: usize = 400;

fn arn(rest: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{rest}")
}

fn principal(kind: &str, name: &str, properties: Value) -> Resource {
    serde_json::from_value(json!({
        "type": format!("iam.{kind}"), "arn": arn(&format!("{kind}/{name}")), "id": name, "name": name,
        "account": ACCOUNT, "region": "global", "partition": "aws", "tags": {}, "created": "2020-01-01T00:00:00Z",
        "properties": properties,
    }))
    .unwrap()
}

fn allow(action: &str, resource: &str) -> Value {
    json!([{"name": "p", "document": {"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}}])
}

fn role(name: &str, trusted: &[String], policies: Value) -> Resource {
    principal(
        "role",
        name,
        json!({
            "path": "/", "inline_policies": policies, "attached_policy_arns": [],
            "permissions_boundary_arn": null, "service_linked": false, "instance_profile_arns": [],
            "last_used": null, "last_used_region": null, "max_session_duration": 3600,
            "trust_policy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}]},
        }),
    )
}

fn hop(row: usize, step: usize) -> String {
    arn(&format!("role/hop-{row}-{step}"))
}

fn snapshot() -> PathBuf {
    snapshot_of("thousand")
}

fn snapshot_of(name: &str) -> PathBuf {
    let path = work_dir().join(name);
    let account: AccountId = ACCOUNT.parse().unwrap();
    let tool = ToolRecord {
        name: "posture".into(),
        version: "0".into(),
    };
    let scope = Scope::default();
    let mut writer =
        SnapshotWriter::create_or_resume(&path, tool, "thousand".into(), scope).unwrap();
    let record = AccountRecord {
        id: account.clone(),
        name: None,
        email: None,
        ou_path: None,
        tags: BTreeMap::new(),
        partition: Partition::aws(),
        regions: vec![Region::new("eu-west-1").unwrap()],
        gaps: Vec::new(),
        ledger: Vec::new(),
    };
    writer.set_accounts(account.clone(), vec![record]).unwrap();

    let mut account_settings = principal("account", ACCOUNT, json!({"aliases": []}));
    account_settings.arn = arn("root");
    let mut resources = vec![account_settings];
    let last: Vec<String> = (0..OPEN).map(|row| hop(row, 2)).collect();
    resources.push(role("admin", &last, allow("*", "*")));
    for row in 0..ROWS {
        for step in 0..3 {
            let next = if step < 2 {
                hop(row, step + 1)
            } else {
                arn("role/admin")
            };
            let trusted = if step == 0 {
                arn("root")
            } else {
                hop(row, step - 1)
            };
            let name = format!("hop-{row}-{step}");
            resources.push(role(&name, &[trusted], allow("sts:AssumeRole", &next)));
        }
    }
    for user in 0..USERS {
        resources.push(principal(
            "user",
            &format!("user-{user}"),
            json!({
                "path": "/", "inline_policies": allow("sts:AssumeRole", &hop(user % ROWS, 0)),
                "attached_policy_arns": [], "permissions_boundary_arn": null, "group_names": [],
                "credentials": null, "mfa_devices": [], "access_keys": [],
            }),
        ));
    }
    let listing = |count| Listing { count, gap: None };
    let listings = BTreeMap::from([
        ("iam.account".to_owned(), listing(1)),
        ("iam.user".to_owned(), listing(USERS as u64)),
        ("iam.role".to_owned(), listing(3 * ROWS as u64 + 1)),
        ("iam.group".to_owned(), listing(0)),
        ("iam.policy".to_owned(), listing(0)),
    ]);
    let key = UnitKey {
        account,
        region: Region::global(),
        service: "iam".into(),
    };
    writer
        .write_unit(key.clone(), listings, Vec::new(), resources)
        .unwrap();
    writer.finish(Vec::new(), &[key], Timestamp::now()).unwrap();
    path
}

#[test]
fn chains_are_found_among_a_thousand_principals() {
    let snapshot = snapshot();
    let ask = |args: &[&str]| -> Value {
        let ran = Posture::new(args)
            .args(["-o", "json", "--snapshot"])
            .args([&snapshot])
            .run();
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let found = ask(&["escalations"]);
    let principals = found["principals"].as_array().unwrap();
    // The administrator, three roles of each open row, and the users who may take the first.
    let users = USERS / ROWS * OPEN;
    assert_eq!(principals.len(), 1 + 3 * OPEN + users);
    for one in principals {
        let arn = one["principal"].as_str().unwrap();
        if one["administrator"] == true {
            assert!(arn.ends_with("role/admin"));
            continue;
        }
        let hops = one["chains"][0]["hops"].as_array().unwrap();
        let wanted = match arn.rsplit('-').next().unwrap() {
            step if arn.contains("/hop-") => 3 - step.parse::<usize>().unwrap(),
            _ => 4,
        };
        assert_eq!(hops.len(), wanted, "{one}");
        assert!(hops.iter().all(|hop| hop["path"] == "sts-001"));
        assert_eq!(hops[0]["from"], arn);
        assert_eq!(hops[wanted - 1]["to"], one["chains"][0]["target"]);
        for pair in hops.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"]);
        }
    }
    assert_eq!(found["undecided"], json!([]));
    // The last step of a row cuts off its three roles and its users.
    let cut = &found["cuts"][0];
    assert_eq!(cut["to"], arn("role/admin"));
    assert_eq!(
        cut["principals"].as_array().unwrap().len(),
        3 + USERS / ROWS
    );

    let admin = arn("role/admin");
    let who = ask(&["who-can", "sts:AssumeRole", &admin]);
    let can: Vec<&Value> = who["principals"].as_array().unwrap().iter().collect();
    // Whether there are control policies is not in this snapshot.
    assert_eq!(can.len(), OPEN, "{who}");
    assert!(can.iter().all(|one| one["decision"] == "unknown"));
    assert!(!found["assumptions"].as_array().unwrap().is_empty());
}

/// The snapshot is of a version that did not ask which services were last accessed.
#[test]
fn nothing_is_unused_where_nothing_was_asked() {
    let snapshot = snapshot_of("thousand-unused");
    let ran = Posture::new(["unused", "-o", "json", "--snapshot"])
        .args([&snapshot])
        .run()
        .code(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let principals = found["principals"].as_array().unwrap();
    assert_eq!(principals.len(), USERS + 3 * ROWS + 1);
    for one in principals {
        assert_eq!(one["leaves_unused"], "unknown", "{one}");
        assert_eq!(one["unused"], json!([]));
        assert_eq!(one["unread"]["reason"], "unsupported");
    }
    let report = work_dir().join("thousand-unused.json");
    Posture::new(["evaluate", "--status", "all", "-o"])
        .args([format!("json={}", report.display())])
        .args([
            "--check",
            "iam-role-grants-unused-services,iam-user-grants-unused-services",
        ])
        .args([&snapshot])
        .run();
    let report = read_json(&report);
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["status"], "not_applicable", "{finding}");
    }
}
