use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("lambda").await;
}

#[tokio::test(start_paused = true)]
async fn a_function_is_read_with_its_qualifiers() {
    let scanned = scan_world("lambda", vec![]).await;
    let orders = scanned.named("lambda.function", "orders");
    let p = &orders.properties;
    assert_eq!(p["runtime"], "python3.13");
    assert_eq!(p["last_modified"], "2026-01-31T12:00:00Z");
    assert_eq!(p["reserved_concurrency"], 10);
    assert_eq!(p["url"], json!(null), "the URL belongs to the alias");
    assert_eq!(p["async_config"]["maximum_retry_attempts"], 1);
    let live = &p["qualifiers"][0];
    assert_eq!(live["name"], "live");
    assert_eq!(live["url"]["auth_type"], "NONE");
    assert_eq!(live["policy"]["Statement"][0]["Principal"], "*");
    assert_eq!(p["qualifiers"][1]["policy"]["Statement"]["Effect"], "Allow");
    assert_eq!(p["environment"][0]["name"], "DB_PASSWORD");
    assert_eq!(p["environment"][0]["secret"]["kind"], "named_secret");
    let bare = scanned.named("lambda.function", "bare");
    assert_eq!(bare.properties["policy"], json!(null));
    assert_eq!(bare.properties["reserved_concurrency"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "lambda",
        vec![
            reply("lambda:ListFunctions", json!({"Functions": []})),
            reply("lambda:ListLayers", json!({"Layers": []})),
        ],
    )
    .await;
    assert!(scanned.of("lambda.function").is_empty());
    assert_eq!(scanned.listing("lambda.function").gap, None);
    assert_eq!(scanned.ledger("lambda:ListFunctions").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let page = |name: &str, next: Option<&str>| {
        let mut body = json!({"Functions": [{
            "FunctionName": name, "CodeSize": 1, "PackageType": "Zip",
            "FunctionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}")}]});
        if let Some(next) = next {
            body["NextMarker"] = json!(next);
        }
        reply("lambda:ListFunctions", body)
    };
    let scanned = scan_world(
        "lambda",
        vec![page("b", None).when("Marker=m1"), page("a", Some("m1"))],
    )
    .await;
    let names: Vec<_> = scanned
        .of("lambda.function")
        .iter()
        .map(|f| f.name.clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(scanned.ledger("lambda:ListFunctions").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_goes_round_in_circles_is_malformed() {
    let scanned = scan_world(
        "lambda",
        vec![reply(
            "lambda:ListFunctions",
            json!({"Functions": [], "NextMarker": "m"}),
        )],
    )
    .await;
    let gap = scanned.listing("lambda.function").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    let scanned = scan_world(
        "lambda",
        vec![Reply::error(
            "lambda:GetPolicy",
            403,
            "AccessDeniedException",
        )],
    )
    .await;
    let orders = scanned.named("lambda.function", "orders");
    assert_eq!(
        orders.properties["policy"]["unavailable"],
        json!({"reason": "access_denied", "operation": "lambda:GetPolicy",
               "iam_action": "lambda:GetPolicy", "code": "AccessDeniedException"})
    );
    assert_eq!(scanned.ledger("lambda:GetPolicy").denied, 4);
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("lambda:ListFunctions", Fault::AccessDenied);
    let scanned = scan_replay("lambda", replay).await;
    let gap = scanned.listing("lambda.function").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(scanned.listing("lambda.layer_version").gap, None);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("lambda:ListFunctions", 429, "TooManyRequestsException").once();
    let scanned = scan_world("lambda", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("lambda.function").len(), 2);
    let ledger = scanned.ledger("lambda:ListFunctions");
    assert_eq!(
        (
            ledger.calls,
            ledger.retries,
            ledger.throttled,
            ledger.failed
        ),
        (1, 2, 2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_function_without_a_name_makes_the_listing_incomplete() {
    let scanned = scan_only(
        "lambda",
        vec![reply(
            "lambda:ListFunctions",
            json!({"Functions": [{"Runtime": "python3.13"}]}),
        )],
    )
    .await;
    let gap = scanned.listing("lambda.function").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_lambda_cannot_decrypt_is_unknown() {
    let scanned = scan_world(
        "lambda",
        vec![reply(
            "lambda:ListFunctions",
            json!({"Functions": [{
                "FunctionName": "sealed", "CodeSize": 1,
                "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:sealed",
                "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}}]}),
        )],
    )
    .await;
    let sealed = scanned.named("lambda.function", "sealed");
    assert_eq!(
        sealed.properties["environment"]["unavailable"]["iam_action"],
        "kms:Decrypt"
    );
}
