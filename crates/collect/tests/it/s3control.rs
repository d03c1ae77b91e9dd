use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("s3control").await;
}

#[tokio::test(start_paused = true)]
async fn settings_and_access_points_are_read() {
    let scanned = scan_world("s3control", vec![]).await;
    let settings = scanned.of("s3control.account_settings");
    assert_eq!(settings.len(), 1);
    assert_eq!(settings[0].id, "123456789012", "found by the account's id");
    assert_eq!(settings[0].region.as_str(), "global");
    let block = &settings[0].properties["public_access_block"];
    assert_eq!(block["block_public_acls"], true);
    assert_eq!(block["restrict_public_buckets"], false);
    let open = scanned.named("s3control.access_point", "open");
    assert_eq!(open.properties["bucket"], "bare");
    assert_eq!(open.properties["network_origin"], "Internet");
    assert_eq!(open.properties["policy"]["Statement"][0]["Principal"], "*");
    assert_eq!(open.properties["policy_is_public"], true);
    assert_eq!(
        open.properties["public_access_block"]["restrict_public_buckets"],
        false
    );
    let inner = scanned.named("s3control.access_point", "inner");
    assert_eq!(inner.properties["vpc_id"], "vpc-1");
    assert_eq!(inner.properties["bucket_account"], "210987654321");
    assert_eq!(inner.properties["policy"], json!(null));
    assert_eq!(
        inner.arn,
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/inner"
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_without_settings_is_not_unknown() {
    let scanned = scan_world(
        "s3control",
        vec![
            Reply::error(
                "s3control:GetPublicAccessBlock",
                404,
                "NoSuchPublicAccessBlockConfiguration",
            ),
            reply("s3control:ListAccessPoints", "<ListAccessPointsResult/>"),
        ],
    )
    .await;
    let settings = scanned.of("s3control.account_settings");
    assert_eq!(settings[0].properties["public_access_block"], json!(null));
    assert!(scanned.of("s3control.access_point").is_empty());
    assert_eq!(scanned.listing("s3control.access_point").gap, None);
}

#[tokio::test(start_paused = true)]
async fn denied_settings_are_unknown_and_still_there() {
    let scanned = scan_world(
        "s3control",
        vec![Reply::error(
            "s3control:GetPublicAccessBlock",
            403,
            "AccessDenied",
        )],
    )
    .await;
    let settings = scanned.of("s3control.account_settings");
    assert_eq!(
        settings[0].properties["public_access_block"]["unavailable"]["iam_action"],
        "s3:GetAccountPublicAccessBlock"
    );
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("s3control:ListAccessPoints", Fault::AccessDenied);
    let scanned = scan_replay("s3control", replay).await;
    let gap = scanned
        .listing("s3control.access_point")
        .gap
        .clone()
        .unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(scanned.listing("s3control.account_settings").gap, None);
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let page = |name: &str, next: &str| {
        reply(
            "s3control:ListAccessPoints",
            format!(
                "<ListAccessPointsResult><AccessPointList><AccessPoint><Name>{name}</Name>\
                 <NetworkOrigin>Internet</NetworkOrigin><Bucket>b</Bucket></AccessPoint></AccessPointList>\
                 {next}</ListAccessPointsResult>"
            ),
        )
    };
    let scanned = scan_world(
        "s3control",
        vec![
            page("b", "").when("nextToken=t1"),
            page("a", "<NextToken>t1</NextToken>"),
        ],
    )
    .await;
    assert_eq!(scanned.of("s3control.access_point").len(), 2);
    assert_eq!(scanned.ledger("s3control:ListAccessPoints").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("s3control:GetPublicAccessBlock", 503, "SlowDown").once();
    let scanned = scan_world("s3control", vec![throttle(), throttle()]).await;
    let ledger = scanned.ledger("s3control:GetPublicAccessBlock");
    assert_eq!((ledger.retries, ledger.throttled, ledger.failed), (2, 2, 0));
    let settings = scanned.of("s3control.account_settings");
    assert_eq!(
        settings[0].properties["public_access_block"]["block_public_acls"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_is_malformed() {
    let scanned = scan_world(
        "s3control",
        vec![
            reply(
                "s3control:GetPublicAccessBlock",
                "<PublicAccessBlockConfiguration/>",
            ),
            reply(
                "s3control:GetAccessPointPolicy",
                "<GetAccessPointPolicyResult/>",
            ),
            reply(
                "s3control:GetAccessPointPolicyStatus",
                "<GetAccessPointPolicyStatusResult/>",
            ),
        ],
    )
    .await;
    let settings = scanned.of("s3control.account_settings");
    assert_eq!(
        settings[0].properties["public_access_block"]["unavailable"]["reason"],
        "malformed"
    );
    let open = scanned.named("s3control.access_point", "open");
    for field in ["policy", "policy_is_public"] {
        assert_eq!(
            open.properties[field]["unavailable"]["reason"], "malformed",
            "{field}"
        );
    }
}
