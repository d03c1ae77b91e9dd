//! No faster than promised, as seen at the connector: the last thing before the wire.

use std::sync::Arc;
use std::time::Duration;

use posture_collect::{CallPolicy, ScanRequest, Session, operation_of, scan};
use posture_model::Region;
use posture_snapshot::ToolRecord;
use posture_testkit::{Replay, Reply, reply, world};
use serde_json::json;
use tokio::time::Instant;

use crate::support::Silent;

const FUNCTIONS: usize = 150;

/// A region with many functions, of which little else is known.
fn functions() -> Reply {
    let functions: Vec<_> = (0..FUNCTIONS)
        .map(|n| {
            json!({
                "FunctionName": format!("f{n}"), "CodeSize": 1, "PackageType": "Zip",
                "FunctionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:f{n}")
            })
        })
        .collect();
    reply("lambda:ListFunctions", json!({"Functions": functions}))
}

/// The moments at which calls left, in one scan.
async fn calls(latency: Duration, policy: CallPolicy, services: &[&str]) -> Vec<(String, Instant)> {
    let replay = Replay::new(operation_of)
        .with([functions()])
        .with(world::all())
        .latency(latency);
    let directory = tempfile::tempdir().unwrap();
    let request = ScanRequest {
        regions: vec![Region::new(world::REGION).unwrap()],
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        policy,
        ..ScanRequest::new(
            Session::fixed(replay.client(), Some("http://replay.invalid")),
            posture_snapshot::Directory::store(directory.path().join("snapshot")),
            ToolRecord {
                name: "posture".to_owned(),
                version: "test".to_owned(),
            },
        )
    };
    scan(request, Arc::new(Silent)).await.unwrap();
    replay.arrivals()
}

/// The most calls within any second, both of its ends included.
fn most_in_a_second(moments: &[Instant]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, moment) in moments.iter().enumerate() {
        while moment.duration_since(moments[first]) > Duration::from_secs(1) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn moments(calls: &[(String, Instant)], wanted: impl Fn(&str) -> bool) -> Vec<Instant> {
    calls
        .iter()
        .filter(|(operation, _)| wanted(operation))
        .map(|(_, at)| *at)
        .collect()
}

/// AWS publishes 15 a second for `GetPolicy`, and 15 for what is left of the control plane.
#[tokio::test(start_paused = true)]
async fn no_second_has_more_calls_than_lambda_allows() {
    // Without latency the scan is held back by nothing but its limits.
    for latency in [Duration::ZERO, Duration::from_millis(50)] {
        let calls = calls(latency, CallPolicy::default(), &["lambda"]).await;
        let policies = moments(&calls, |name| name == "lambda:GetPolicy");
        let others = moments(&calls, |name| {
            name.starts_with("lambda:") && name != "lambda:GetPolicy"
        });
        assert!(policies.len() >= FUNCTIONS && others.len() > 3 * FUNCTIONS);
        for kind in [policies, others] {
            let most = most_in_a_second(&kind);
            // And it is not slow for no reason.
            assert!((12..=15).contains(&most), "{most} in a second");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_calls_than_the_ceiling_of_the_whole_scan() {
    for most_per_second in [1, 7, 40] {
        let policy = CallPolicy {
            most_per_second: Some(most_per_second),
            ..CallPolicy::default()
        };
        let services = ["kms", "lambda", "ecr", "s3"];
        let calls = calls(Duration::from_millis(20), policy, &services).await;
        let most = most_in_a_second(&moments(&calls, |_| true));
        assert!(calls.len() > FUNCTIONS);
        assert!(most <= most_per_second as usize, "{most} in a second");
    }
}
