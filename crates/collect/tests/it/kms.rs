use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("kms").await;
}

#[tokio::test(start_paused = true)]
async fn a_customer_key_is_read_with_what_hangs_on_it() {
    let scanned = scan_world("kms", vec![]).await;
    let key = scanned.named("kms.key", "alias/orders");
    assert_eq!(key.id, "1111");
    assert_eq!(
        serde_json::to_value(&key.tags).unwrap(),
        json!({"team": "orders"})
    );
    let p = &key.properties;
    assert_eq!(p["key_manager"], "CUSTOMER");
    assert_eq!(p["rotation"]["period_days"], 365);
    assert_eq!(p["multi_region_type"], "PRIMARY");
    assert_eq!(
        p["replica_key_arns"],
        json!(["arn:aws:kms:eu-central-1:123456789012:key/1111"])
    );
    assert_eq!(p["policy"]["Statement"][1]["Sid"], "partner");
    assert_eq!(p["aliases"][0]["name"], "alias/orders");
    assert_eq!(
        p["grants"][0]["operations"],
        json!(["Decrypt", "CreateGrant"])
    );
    assert_eq!(p["grants"][0]["name"], json!(null));
    assert_eq!(
        p["grants"][1]["encryption_context_keys"],
        json!(["aws:dynamodb:tableName"])
    );
    let aliases = scanned.of("kms.alias");
    assert_eq!(
        aliases.len(),
        2,
        "a reserved name without a key is no alias"
    );
}

#[tokio::test(start_paused = true)]
async fn rotation_is_asked_for_where_it_exists_only() {
    let scanned = scan_world("kms", vec![]).await;
    let imported = scanned.named("kms.key", "2222");
    assert_eq!(imported.properties["rotation"], json!(null));
    assert_eq!(imported.properties["valid_to"], "2026-01-31T12:00:00Z");
    assert_eq!(scanned.ledger("kms:GetKeyRotationStatus").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn keys_of_aws_are_described_and_no_more() {
    let scanned = scan_world("kms", vec![]).await;
    let managed = scanned.named("kms.key", "alias/aws/s3");
    for field in ["policy", "rotation", "grants"] {
        assert_eq!(managed.properties[field], json!(null), "{field}");
    }
    assert_eq!(scanned.ledger("kms:GetKeyPolicy").calls, 2);
    assert_eq!(scanned.ledger("kms:ListGrants").calls, 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_only(
        "kms",
        vec![
            reply("kms:ListKeys", json!({"Keys": [], "Truncated": false})),
            reply(
                "kms:ListAliases",
                json!({"Aliases": [], "Truncated": false}),
            ),
        ],
    )
    .await;
    assert!(scanned.of("kms.key").is_empty());
    assert_eq!(scanned.listing("kms.key").gap, None);
    assert_eq!(scanned.listing("kms.alias").gap, None);
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let scanned = scan_world(
        "kms",
        vec![
            reply(
                "kms:ListKeys",
                json!({"Keys": [{"KeyId": "2222"}], "Truncated": false}),
            )
            .when("m1"),
            reply(
                "kms:ListKeys",
                json!({"Keys": [{"KeyId": "1111"}], "Truncated": true, "NextMarker": "m1"}),
            ),
        ],
    )
    .await;
    assert_eq!(scanned.of("kms.key").len(), 2);
    assert_eq!(scanned.ledger("kms:ListKeys").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_denied_policy_is_a_gap_that_names_the_action() {
    let scanned = scan_world(
        "kms",
        vec![Reply::error(
            "kms:GetKeyPolicy",
            400,
            "AccessDeniedException",
        )],
    )
    .await;
    let key = scanned.named("kms.key", "alias/orders");
    assert_eq!(
        key.properties["policy"]["unavailable"],
        json!({"reason": "access_denied", "operation": "kms:GetKeyPolicy",
               "iam_action": "kms:GetKeyPolicy", "code": "AccessDeniedException"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_described_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "kms",
        vec![Reply::error("kms:DescribeKey", 400, "AccessDeniedException").when("2222")],
    )
    .await;
    assert_eq!(scanned.of("kms.key").len(), 2);
    let gap = scanned.listing("kms.key").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(gap.iam_action, "kms:DescribeKey");
}

#[tokio::test(start_paused = true)]
async fn denied_listings_are_not_empty_ones() {
    for (operation, kind) in [
        ("kms:ListKeys", "kms.key"),
        ("kms:ListAliases", "kms.alias"),
    ] {
        let replay = Replay::new(posture_collect::operation_of)
            .with(world::all())
            .breaking(operation, Fault::AccessDenied);
        let scanned = scan_replay("kms", replay).await;
        let gap = scanned.listing(kind).gap.clone().unwrap();
        assert_eq!(gap.reason, GapReason::AccessDenied, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_aliases_no_key_is_said_to_have_none() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("kms:ListAliases", Fault::AccessDenied);
    let scanned = scan_replay("kms", replay).await;
    let key = scanned.named("kms.key", "1111");
    assert_eq!(
        key.properties["aliases"]["unavailable"]["operation"],
        "kms:ListAliases"
    );
}

#[tokio::test(start_paused = true)]
async fn grants_that_break_after_a_page_are_unknown() {
    let page = json!({"Grants": [{"GrantId": "g1"}], "Truncated": true, "NextMarker": "m1"});
    let scanned = scan_world(
        "kms",
        vec![
            Reply::error("kms:ListGrants", 400, "AccessDeniedException").when("m1"),
            reply("kms:ListGrants", page).when("1111"),
        ],
    )
    .await;
    let key = scanned.named("kms.key", "alias/orders");
    assert_eq!(
        key.properties["grants"]["unavailable"]["reason"],
        "access_denied"
    );
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("kms:DescribeKey", 400, "ThrottlingException").once();
    let scanned = scan_world("kms", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("kms.key").len(), 3);
    let ledger = scanned.ledger("kms:DescribeKey");
    assert_eq!((ledger.retries, ledger.throttled, ledger.failed), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_is_malformed() {
    let scanned = scan_world(
        "kms",
        vec![
            reply("kms:GetKeyPolicy", json!({})),
            reply(
                "kms:ListGrants",
                json!({"Grants": [{}], "Truncated": false}),
            ),
            reply("kms:DescribeKey", json!({})).when("2222"),
        ],
    )
    .await;
    let key = scanned.named("kms.key", "alias/orders");
    for field in ["policy", "grants"] {
        assert_eq!(
            key.properties[field]["unavailable"]["reason"], "malformed",
            "{field}"
        );
    }
    let gap = scanned.listing("kms.key").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}
