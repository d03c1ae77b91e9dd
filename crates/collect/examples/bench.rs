//! How long each collector takes with 50 ms for every call, and how many calls it makes.
//!
//! `cargo run --package posture-collect --example bench`. The floor is the longest chain of calls that
//! depend on each other, times the latency: what no scheduler can beat. The ratio to it says more than
//! the seconds, which depend on the machine.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::expect_used, reason = "a benchmark may stop where it likes")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use posture_collect::{Progress, ScanRequest, Session, operation_of, scan};
use posture_model::{AccountId, Gap, Region};
use posture_snapshot::{ToolRecord, UnitKey};
use posture_testkit::{Replay, Reply, reply, world};
use serde_json::{Value, json};

const LATENCY: Duration = Duration::from_millis(50);
const ITEMS: usize = 40;

/// A service, the replies that make forty of what it lists, and the calls of its longest chain: two to
/// find the caller and the regions, then its own.
struct Case {
    service: &'static str,
    chain: u32,
    replies: Vec<Reply>,
}

fn main() {
    println!(
        "{ITEMS} items, {} ms a call, one region",
        LATENCY.as_millis()
    );
    println!(
        "{:<12} {:>6} {:>8} {:>8} {:>8}",
        "service", "calls", "seconds", "floor", "ratio"
    );
    for case in cases() {
        let replay = Replay::new(operation_of)
            .with(case.replies)
            .with(world::all())
            .latency(LATENCY);
        let directory = tempfile::tempdir().expect("a directory");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let started = Instant::now();
        runtime
            .block_on(scan(
                request(&replay, case.service, directory.path().join("snapshot")),
                Arc::new(Silent),
            ))
            .expect("a scan");
        let seconds = started.elapsed().as_secs_f64();
        let floor = LATENCY.as_secs_f64() * f64::from(case.chain + 2);
        let calls: u64 = replay.seen().values().sum();
        println!(
            "{:<12} {calls:>6} {seconds:>8.2} {floor:>8.2} {:>8.2}",
            case.service,
            seconds / floor
        );
    }
    empty();
}

/// A whole scan in which every listing is what the small world holds: what start and end cost.
fn empty() {
    let replay = Replay::new(operation_of).with(world::all());
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let started = Instant::now();
    let mut request = request(&replay, "", directory.path().join("snapshot"));
    request.services.clear();
    runtime
        .block_on(scan(request, Arc::new(Silent)))
        .expect("a scan");
    println!(
        "all services, a small account, no latency: {:.2} s, {} calls",
        started.elapsed().as_secs_f64(),
        replay.seen().values().sum::<u64>()
    );
}

fn request(replay: &Replay, service: &str, snapshot: std::path::PathBuf) -> ScanRequest {
    ScanRequest {
        regions: vec![Region::new(world::REGION).expect("a region")],
        services: vec![service.to_owned()],
        ..ScanRequest::new(
            Session::fixed(replay.client(), Some("http://replay.invalid")),
            posture_snapshot::Directory::store(snapshot),
            ToolRecord {
                name: "posture".into(),
                version: "bench".into(),
            },
        )
    }
}

/// Customer keys, each with an answer of its own: of a key that AWS owns little is asked.
fn keys() -> Vec<Reply> {
    let id = |n: usize| format!("00000000-0000-0000-0000-0000000000{n:02}");
    let arn = |n| {
        format!(
            "arn:aws:kms:{}:{}:key/{}",
            world::REGION,
            world::ACCOUNT,
            id(n)
        )
    };
    let listed: Vec<Value> = (0..ITEMS)
        .map(|n| json!({"KeyId": id(n), "KeyArn": arn(n)}))
        .collect();
    let described = (0..ITEMS).map(|n| {
        let metadata = json!({
            "KeyId": id(n), "Arn": arn(n), "AWSAccountId": world::ACCOUNT,
            "CreationDate": 1_769_860_800, "Enabled": true, "KeyManager": "CUSTOMER",
            "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
            "Origin": "AWS_KMS", "MultiRegion": false});
        reply("kms:DescribeKey", json!({"KeyMetadata": metadata})).when(&id(n))
    });
    std::iter::once(reply("kms:ListKeys", json!({"Keys": listed})))
        .chain(described)
        .collect()
}

fn cases() -> Vec<Case> {
    let many = |make: &dyn Fn(usize) -> Value| (0..ITEMS).map(make).collect::<Vec<_>>();
    let region = world::REGION;
    let account = world::ACCOUNT;
    vec![
        Case {
            service: "lambda",
            // ListFunctions, ListAliases, GetPolicy of a qualifier.
            chain: 3,
            replies: vec![reply(
                "lambda:ListFunctions",
                json!({"Functions": many(&|n| json!({
                    "FunctionName": format!("f{n}"), "CodeSize": 1, "PackageType": "Zip",
                    "FunctionArn": format!("arn:aws:lambda:{region}:{account}:function:f{n}")}))}),
            )],
        },
        Case {
            service: "kms",
            // ListKeys, DescribeKey, then the rest at once.
            chain: 3,
            replies: keys(),
        },
        Case {
            service: "s3",
            chain: 2,
            replies: vec![reply(
                "s3:ListBuckets",
                format!(
                    "<ListAllMyBucketsResult><Buckets>{}</Buckets></ListAllMyBucketsResult>",
                    (0..ITEMS)
                        .map(|n| format!(
                            "<Bucket><Name>bucket-{n}</Name><BucketRegion>{region}</BucketRegion>\
                             <CreationDate>2026-01-01T00:00:00Z</CreationDate></Bucket>"
                        ))
                        .collect::<String>()
                ),
            )],
        },
        Case {
            service: "ecr",
            // DescribeRepositories, DescribeImages, DescribeImageScanFindings.
            chain: 3,
            replies: vec![reply(
                "ecr:DescribeRepositories",
                json!({"repositories": many(&|n| json!({
                    "repositoryName": format!("r{n}"), "registryId": account,
                    "repositoryArn": format!("arn:aws:ecr:{region}:{account}:repository/r{n}")}))}),
            )],
        },
        Case {
            service: "apigateway",
            // GetRestApis, GetResources of each.
            chain: 2,
            replies: vec![reply(
                "apigateway:GetRestApis",
                json!({"item": many(&|n| json!({
                    "id": format!("api{n}"), "name": format!("api {n}"),
                    "endpointConfiguration": {"types": ["REGIONAL"]}}))}),
            )],
        },
    ]
}

struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize, _: usize) {}
    fn account_failed(&self, _: &AccountId, _: &Gap) {}
    fn unit_done(&self, _: &UnitKey, _: u64, _: usize) {}
    fn resumed(&self, _: usize) {}
}
