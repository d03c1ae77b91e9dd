//! A second emulator, so that what the scanner believes is not just what one emulator says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::planted::{self, Exceptions};
use crate::support::{Finding, Key, Posture, Ran, Server, findings, read_json, work_dir};

/// What LocalStack's free release has.
const SERVICES: &str = "s3,s3control,iam,kms,ec2,lambda,apigateway";

const NO_ORGANIZATION: &str = "an unknown account needs a known organization";
const NO_CONTROL: &str = "a control policy that cannot be read may forbid it";
const NO_HISTORY: &str = "ages cannot be planted";
const NO_ACCESS_POINTS: &str = "access points can be made, but are not listed";

/// Weak resources that nothing reports here: note, and why that is right.
const NOT_REPORTED: &[(&str, &str)] = &[
    ("a user without any way in for a year", NO_HISTORY),
    ("a role that nobody has used for a year", NO_HISTORY),
    ("uses one of two services", NO_HISTORY),
    ("a group without members", "users are not all understood"),
    ("its policy admits an unknown account", NO_ORGANIZATION),
    ("an unknown account may use the layer", NO_ORGANIZATION),
    ("an unknown account may call it", NO_ORGANIZATION),
    (
        "another account may assume it, no external id",
        NO_ORGANIZATION,
    ),
    ("an access point with an open policy", NO_ACCESS_POINTS),
    ("may write its own inline policy", NO_CONTROL),
    ("its group may write its own policy", NO_CONTROL),
    (
        "may change the code of its team's functions, one with an administrator's role",
        NO_CONTROL,
    ),
    (
        "may change the code of a function with an administrator's role",
        NO_CONTROL,
    ),
    ("may assume a further role that trusts it", NO_CONTROL),
    ("may run commands on an administrator's host", NO_CONTROL),
    (
        "an access point that admits an unknown account",
        NO_ACCESS_POINTS,
    ),
];

const EXCEPTIONS: Exceptions<'_> = Exceptions {
    elsewhere: &[("a group of administrators", "iam-user-administrator")],
    not_reported: NOT_REPORTED,
    not_judged: &[
        ":oidc-provider/",
        ":accesspoint/",
        // Its permission boundary comes as an empty object, which is no answer that AWS gives.
        ":user/sound-bounded-administrator",
    ],
};

struct Scan {
    ran: Ran,
    report: Value,
    snapshot: PathBuf,
}

/// One scan of every planted account for all tests. In LocalStack the key id is the account's number, so
/// accounts are scanned one by one, as themselves.
fn scans() -> Option<&'static Vec<Scan>> {
    static SCANS: OnceLock<Option<Vec<Scan>>> = OnceLock::new();
    SCANS
        .get_or_init(|| {
            let server = Server::localstack()?;
            let accounts = server.seed["accounts"].as_array().unwrap();
            Some(std::thread::scope(|scope| {
                let running: Vec<_> = accounts
                    .iter()
                    .map(|account| scope.spawn(|| scan(server, account["id"].as_str().unwrap())))
                    .collect();
                running
                    .into_iter()
                    .map(|scan| scan.join().unwrap())
                    .collect()
            }))
        })
        .as_ref()
}

fn scan(server: &Server, account: &str) -> Scan {
    let snapshot = work_dir().join(format!("localstack-{account}"));
    let report = snapshot.with_extension("json");
    let ran = Posture::new(["scan", "-vv", "--region", "us-east-1,eu-west-1"])
        // It loads a service at the first call for it, which takes long on a busy machine.
        .args(["--call-timeout", "240"])
        .args([
            "--service",
            SERVICES,
            "--status",
            "all",
            "-o",
            "table",
            "-o",
        ])
        .args([format!("json={}", report.display())])
        .args([Path::new("--snapshot"), &snapshot])
        .at(&server.endpoint)
        .keys(account, "local")
        .run();
    assert!([Some(1), Some(3)].contains(&ran.status.code()), "{ran:?}");
    Scan {
        ran,
        report: read_json(&report),
        snapshot,
    }
}

fn all_findings(scans: &[Scan]) -> BTreeMap<Key, Finding> {
    scans
        .iter()
        .flat_map(|scan| findings(&scan.report))
        .collect()
}

#[test]
fn what_is_weak_is_found() {
    let (Some(server), Some(scans)) = (Server::localstack(), scans()) else {
        return;
    };
    planted::assert_weak_is_found(server, &all_findings(scans), &EXCEPTIONS);
}

#[test]
fn what_is_sound_is_left_alone() {
    let (Some(server), Some(scans)) = (Server::localstack(), scans()) else {
        return;
    };
    planted::assert_sound_is_left_alone(server, &all_findings(scans), &EXCEPTIONS);
}

#[test]
fn no_canary_leaves_the_scanner() {
    let (Some(server), Some(scans)) = (Server::localstack(), scans()) else {
        return;
    };
    let mut written = Vec::new();
    for scan in scans {
        written.push(("stdout".to_owned(), scan.ran.stdout.clone().into_bytes()));
        written.push(("stderr".to_owned(), scan.ran.stderr.clone().into_bytes()));
        written.push(("report".to_owned(), scan.report.to_string().into_bytes()));
        planted::add_files(&scan.snapshot, &mut written);
    }
    planted::assert_no_canary(server, &written);
}

/// What the emulator lacks is a gap in the report, and never a pass.
#[test]
fn what_is_not_offered_is_unknown() {
    let Some(scans) = scans() else { return };
    for scan in scans {
        let rows = scan.report["coverage"].as_array().unwrap();
        let outcomes: BTreeSet<&str> = rows
            .iter()
            .map(|row| row["outcome"].as_str().unwrap())
            .collect();
        assert!(outcomes.contains("ok"), "{outcomes:?}");
        // A permission boundary comes as an empty object, which is no answer that AWS gives.
        let not_understood: Vec<&Value> = rows
            .iter()
            .filter(|row| row["outcome"] == "malformed")
            .filter(|row| row["operation"] != "iam:GetAccountAuthorizationDetails")
            .collect();
        assert!(not_understood.is_empty(), "{not_understood:?}");
        let incomplete = outcomes.iter().any(|outcome| *outcome != "ok");
        assert_eq!(scan.report["summary"]["complete"], !incomplete);
        assert_eq!(scan.ran.status.code() == Some(3), incomplete);
    }
}
