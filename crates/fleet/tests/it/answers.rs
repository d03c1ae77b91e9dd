//! Every operation answers, in its protocol's form, and always the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use posture_fleet::{Account, ErrorKind, ErrorRule, Estate, Faults, Latency, Limit, operations};
use regex::Regex;

use crate::client::{Client, encoded};
use crate::crawl::{Answered, everything, form, get, json_1_1};
use crate::{estate, fleet};

/// How services say that something is not configured, or not for this account.
const ABSENCES: &[&str] = &[
    "AccountNotManagementOrDelegatedAdministratorException",
    "InvalidParameterValueException",
    "LifecyclePolicyNotFoundException",
    "NoSuchAccessPointPolicy",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchEntity",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "NoSuchWebsiteConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "RegistryPolicyNotFoundException",
    "ReplicationConfigurationNotFoundError",
    "RepositoryPolicyNotFoundException",
    "ResourceNotFoundException",
    "ScanNotFoundException",
    "ServerSideEncryptionConfigurationNotFoundError",
    "WAFNonexistentItemException",
];

fn parses(answered: &Answered) {
    let (ask, answer) = answered;
    match ask.service {
        "sts" | "iam" | "ec2" | "s3control" => {
            answer.xml("x");
        }
        "s3" if !answer.body.starts_with('{') => {
            answer.xml("x");
        }
        _ => {
            answer.json();
        }
    }
}

#[test]
fn every_operation_is_answered_and_every_answer_parses() {
    let fleet = fleet(estate(), Faults::default());
    // What one account happens not to have, another has.
    let answered: Vec<Answered> = (0..4)
        .flat_map(|account| everything(&fleet, Account::nth(account), "us-east-1"))
        .collect();
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut good: BTreeSet<String> = BTreeSet::new();
    for (ask, answer) in &answered {
        parses(&(ask.clone(), answer.clone()));
        if answer.status == 200 {
            good.insert(ask.name());
        } else if ask.service != "organizations" {
            codes.entry(answer.code()).or_default().insert(ask.name());
        }
    }
    for (code, operations) in &codes {
        assert!(ABSENCES.contains(&code.as_str()), "{code}: {operations:?}");
    }
    let silent: Vec<String> = operations()
        .map(|(service, operation)| format!("{service}:{operation}"))
        .filter(|name| !good.contains(name) && name != "sts:AssumeRole")
        .collect();
    assert_eq!(
        silent,
        Vec::<String>::new(),
        "operations that never answered with 200"
    );
    assert!(
        fleet.stats().unknown.is_empty(),
        "{:?}",
        fleet.stats().unknown
    );
}

#[test]
fn members_answer_too_but_do_not_list_the_organization() {
    let fleet = fleet(estate(), Faults::default());
    for (ask, answer) in everything(&fleet, Account::nth(2), "eu-west-1") {
        parses(&(ask.clone(), answer.clone()));
        let denied = answer.status != 200 && answer.code() == "AccessDeniedException";
        let listing = ask.service == "organizations" && ask.operation != "DescribeOrganization";
        assert_eq!(denied, listing, "{}: {}", ask.name(), answer.body);
    }
}

/// The operations that collectors declare, as `service:Operation`; the fleet need not be told of a new one
/// by hand.
fn declared() -> BTreeSet<String> {
    let block = Regex::new(r#"(?ms)^operations!\s*\{\s*"([^"]+)":(.*?)^\}"#).unwrap();
    let entry = Regex::new(r#"=\s*"([^"]+)"\s*=>\s*"([^":]+):"#).unwrap();
    let mut found = BTreeSet::new();
    let mut open: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../collect/src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for block in block.captures_iter(&source) {
            for entry in entry.captures_iter(&block[2]) {
                // The calls that find accounts and regions belong to several services.
                let service = if &block[1] == "core" {
                    &entry[2]
                } else {
                    &block[1]
                };
                found.insert(format!("{service}:{}", &entry[1]));
            }
        }
    }
    found
}

#[test]
fn what_collectors_declare_the_fleet_answers() {
    let known: BTreeSet<String> = operations()
        .map(|(service, operation)| format!("{service}:{operation}"))
        .collect();
    let declared = declared();
    assert!(declared.len() > 100, "{declared:?}");
    let missing: Vec<&String> = declared.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "write crates/fleet/src/service: {missing:?}"
    );
}

#[test]
fn answers_do_not_depend_on_order_or_faults() {
    let plain = fleet(estate(), Faults::default());
    let account = Account::nth(1);
    let expected = everything(&plain, account, "eu-west-1");
    // Another server, the other way round, half of everything broken, throttled and slow.
    let broken = [
        ErrorKind::Internal,
        ErrorKind::Throttled,
        ErrorKind::Malformed,
    ]
    .map(|kind| ErrorRule {
        kind,
        rate: 0.3,
        account: None,
        region: None,
        service: None,
        operation: None,
        attempts: None,
    })
    .to_vec();
    let shaken = fleet(
        estate(),
        Faults {
            latency: Latency {
                jitter_ms: 2,
                ..Latency::default()
            },
            limits: BTreeMap::from([("*".to_owned(), Limit::new(50.0, 5000.0))]),
            errors: broken,
            ..Faults::default()
        },
    );
    let mut client = Client::new(&shaken);
    let mut tries = 0;
    for (ask, expected) in expected.iter().rev() {
        // Broken answers are never equal to good ones, so the good one comes in the end.
        let found = (0..100).any(|_| {
            tries += 1;
            client.send(ask) == *expected
        });
        assert!(found, "{}: never {}", ask.name(), expected.body);
    }
    assert!(
        tries > expected.len() * 3 / 2,
        "{tries} tries for {}",
        expected.len()
    );
}

#[test]
fn another_seed_account_or_region_is_another_world() {
    let one = fleet(estate(), Faults::default());
    let other = fleet(
        Estate {
            seed: 2,
            ..estate()
        },
        Faults::default(),
    );
    let ask = json_1_1("kms", "ListKeys", &serde_json::json!({}));
    let answer = |fleet, ask| Client::new(fleet).send(&ask).body;
    let first = answer(&one, ask.clone());
    assert_eq!(first, answer(&one, ask.clone()));
    assert_ne!(first, answer(&other, ask.clone()));
    assert_ne!(first, answer(&one, ask.clone().in_region("eu-west-1")));
    assert_ne!(first, answer(&one, ask.by(Account::nth(1))));
}

#[test]
fn there_are_sound_and_weak_things() {
    let fleet = fleet(
        Estate {
            resources: 60,
            ..estate()
        },
        Faults::default(),
    );
    let mut client = Client::new(&fleet);
    let functions = client
        .send(&get("lambda", "ListFunctions", "/2015-03-31/functions"))
        .json();
    let modes: BTreeSet<&str> = functions["Functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|function| function["TracingConfig"]["Mode"].as_str().unwrap())
        .collect();
    assert_eq!(modes.len(), 2);
    let groups = client
        .send(&form("ec2", "DescribeSecurityGroups", &[]))
        .body;
    assert!(
        groups.contains("<cidrIp>0.0.0.0/0</cidrIp>")
            && groups.contains("<cidrIp>10.0.0.0/8</cidrIp>")
    );
    let tokens: BTreeSet<String> = client
        .send(&form("ec2", "DescribeInstances", &[]))
        .xml("httpTokens")
        .into_iter()
        .collect();
    assert_eq!(tokens.len(), 2);
}

#[test]
fn buckets_are_asked_in_their_own_region() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let listing = client.send(&get("s3", "ListBuckets", "/?max-buckets=1000"));
    let (bucket, region) = listing
        .xml("Name")
        .into_iter()
        .zip(listing.xml("BucketRegion"))
        .find(|(_, region)| region == "eu-west-1")
        .unwrap();
    let ask = get("s3", "GetBucketAcl", &format!("/{bucket}?acl"));
    let elsewhere = client.send(&ask);
    assert_eq!(
        (elsewhere.status, elsewhere.code().as_str()),
        (301, "PermanentRedirect")
    );
    assert_eq!(elsewhere.headers["x-amz-bucket-region"], region);
    assert_eq!(client.send(&ask.clone().in_region(&region)).status, 200);
    let foreign = client.send(&ask.in_region(&region).by(Account::nth(1)));
    assert_eq!(foreign.code(), "NoSuchBucket");
}

#[test]
fn what_does_not_exist_is_not_made_up() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let missing = "0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c000003";
    for (ask, code) in [
        (
            json_1_1("kms", "DescribeKey", &serde_json::json!({"KeyId": missing})),
            "NotFoundException",
        ),
        (
            json_1_1(
                "wafv2",
                "GetWebACL",
                &serde_json::json!({"Scope": "REGIONAL", "Id": missing}),
            ),
            "WAFNonexistentItemException",
        ),
        (
            get(
                "lambda",
                "GetPolicy",
                "/2015-03-31/functions/none-000001/policy",
            ),
            "ResourceNotFoundException",
        ),
        (
            get("apigateway", "GetStages", "/restapis/aaaa000001/stages"),
            "NotFoundException",
        ),
        (
            form("iam", "ListAccessKeys", &[("UserName", "nobody-000001")]),
            "NoSuchEntity",
        ),
        (
            form(
                "ec2",
                "DescribeSnapshotAttribute",
                &[("SnapshotId", "snap-00000000000000001")],
            ),
            "InvalidParameterValue",
        ),
        (
            form(
                "ec2",
                "DescribeVpcs",
                &[("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "x")],
            ),
            "InvalidParameterValue",
        ),
        (form("ec2", "TerminateInstances", &[]), "InvalidAction"),
        (
            get("lambda", "GetFunction", "/2015-03-31/functions/x"),
            "UnknownOperationException",
        ),
        (get("s3", "GetObject", "/bucket/key"), "NotImplemented"),
    ] {
        let answer = client.send(&ask);
        assert_eq!(answer.code(), code, "{}: {}", ask.name(), answer.body);
    }
    let unknown = fleet.stats().unknown;
    assert_eq!(unknown["POST / TerminateInstances"], 1);
    assert_eq!(unknown["GET /2015-03-31/functions/x"], 1);
    // A request that nobody signed.
    let unsigned = client
        .exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(unsigned.status, 403);
    assert!(encoded("/").contains('%'));
}
