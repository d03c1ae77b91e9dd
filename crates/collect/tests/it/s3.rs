use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

fn listing(buckets: &str, token: &str) -> Reply {
    reply(
        "s3:ListBuckets",
        format!(
            "<ListAllMyBucketsResult><Buckets>{buckets}</Buckets>{token}</ListAllMyBucketsResult>"
        ),
    )
}

const BUCKET: &str = "<Bucket><Name>one</Name><BucketRegion>eu-west-1</BucketRegion></Bucket>";

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("s3").await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_read_with_all_its_settings() {
    let scanned = scan_world("s3", vec![]).await;
    let bucket = scanned.named("s3.bucket", "orders-data");
    assert_eq!(bucket.arn, "arn:aws:s3:::orders-data");
    assert_eq!(bucket.region.as_str(), "eu-west-1");
    assert_eq!(
        serde_json::to_value(&bucket.tags).unwrap(),
        json!({"classification": "confidential"})
    );
    let p = &bucket.properties;
    assert_eq!(p["policy"]["Statement"][1]["Sid"], "partner");
    assert_eq!(p["policy_is_public"], false);
    assert_eq!(p["acl"]["owner_id"], "owner");
    assert_eq!(
        p["acl"]["grants"][1],
        json!({"grantee_type": "Group", "grantee_id": null, "permission": "READ",
               "grantee_uri": "http://acs.amazonaws.com/groups/global/AllUsers"})
    );
    assert_eq!(p["public_access_block"]["restrict_public_buckets"], true);
    assert_eq!(p["object_ownership"], "BucketOwnerPreferred");
    assert_eq!(
        p["encryption"],
        json!({"sse_algorithm": "aws:kms", "bucket_key_enabled": true,
               "kms_key_id": "arn:aws:kms:eu-west-1:123456789012:key/1111",
               "blocked_encryption_types": ["SSE-C"]})
    );
    assert_eq!(p["versioning"]["mfa_delete"], "Disabled");
    assert_eq!(p["object_lock"]["retention_days"], 30);
    assert_eq!(p["lifecycle_rules"][0]["covers_bucket"], true);
    assert_eq!(
        p["lifecycle_rules"][0]["transitions"][0]["storage_class"],
        "GLACIER"
    );
    assert_eq!(p["lifecycle_rules"][1]["covers_bucket"], false);
    assert_eq!(p["lifecycle_rules"][1]["prefix"], "tmp/");
    assert_eq!(p["logging"]["target_bucket"], "bare");
    let rule = &p["replication"]["rules"][0];
    assert_eq!(rule["destination_account"], "210987654321");
    assert_eq!(rule["sse_kms_encrypted_objects"], "Enabled");
    assert_eq!(p["cors_rules"][0]["allowed_methods"], json!(["GET", "PUT"]));
    assert_eq!(p["website"]["index_document"], "index.html");
    assert_eq!(p["notifications"]["event_bridge"], true);
    assert_eq!(p["notifications"]["targets"][0]["kind"], "lambda");
    assert_eq!(
        p["notifications"]["targets"][1]["target_arn"],
        "arn:aws:sqs:eu-west-1:210987654321:partner"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_configured_is_absent_and_no_gap() {
    let scanned = scan_world("s3", vec![]).await;
    let bare = scanned.named("s3.bucket", "bare");
    assert_eq!(bare.region.as_str(), "eu-central-1", "asked, not listed");
    for field in [
        "policy",
        "policy_is_public",
        "public_access_block",
        "object_ownership",
        "encryption",
        "object_lock",
        "lifecycle_rules",
        "logging",
        "replication",
        "cors_rules",
        "website",
    ] {
        assert_eq!(bare.properties[field], json!(null), "{field}");
    }
    assert_eq!(bare.properties["versioning"]["status"], json!(null));
    assert_eq!(bare.properties["notifications"]["targets"], json!([]));
    assert_eq!(scanned.ledger("s3:GetBucketPolicy").failed, 0);
    assert_eq!(scanned.ledger("s3:GetBucketLocation").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_region_has_no_constraint() {
    let bare = "<Bucket><Name>bare</Name></Bucket>";
    for (constraint, region) in [("", "us-east-1"), ("EU", "eu-west-1")] {
        let scanned = scan_world(
            "s3",
            vec![
                listing(bare, ""),
                reply(
                    "s3:GetBucketLocation",
                    format!("<LocationConstraint>{constraint}</LocationConstraint>"),
                ),
            ],
        )
        .await;
        assert_eq!(scanned.named("s3.bucket", "bare").region.as_str(), region);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_whose_region_is_not_known_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "s3",
        vec![Reply::error("s3:GetBucketLocation", 403, "AccessDenied")],
    )
    .await;
    let gap = scanned.listing("s3.bucket").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(gap.iam_action, "s3:GetBucketLocation");
    assert_eq!(scanned.of("s3.bucket").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_only("s3", vec![listing("", "")]).await;
    assert!(scanned.of("s3.bucket").is_empty());
    assert_eq!(scanned.listing("s3.bucket").gap, None);
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let second = "<Bucket><Name>two</Name><BucketRegion>us-east-1</BucketRegion></Bucket>";
    let scanned = scan_world(
        "s3",
        vec![
            listing(second, "").when("continuation-token=t1"),
            listing(BUCKET, "<ContinuationToken>t1</ContinuationToken>"),
        ],
    )
    .await;
    assert_eq!(scanned.of("s3.bucket").len(), 2);
    assert_eq!(scanned.ledger("s3:ListBuckets").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    let scanned = scan_world(
        "s3",
        vec![
            Reply::error("s3:GetBucketPolicy", 403, "AccessDenied"),
            Reply::error("s3:GetBucketEncryption", 403, "AccessDenied"),
        ],
    )
    .await;
    let bucket = scanned.named("s3.bucket", "bare");
    assert_eq!(
        bucket.properties["policy"]["unavailable"],
        json!({"reason": "access_denied", "operation": "s3:GetBucketPolicy",
               "iam_action": "s3:GetBucketPolicy", "code": "AccessDenied"})
    );
    assert_eq!(
        bucket.properties["encryption"]["unavailable"]["iam_action"],
        "s3:GetEncryptionConfiguration"
    );
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("s3:ListBuckets", Fault::AccessDenied);
    let scanned = scan_replay("s3", replay).await;
    let gap = scanned.listing("s3.bucket").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(gap.iam_action, "s3:ListAllMyBuckets");
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("s3:GetBucketAcl", 503, "SlowDown").once();
    let scanned = scan_world("s3", vec![throttle(), throttle()]).await;
    let bucket = scanned.named("s3.bucket", "orders-data");
    assert_eq!(bucket.properties["acl"]["owner_id"], "owner");
    let ledger = scanned.ledger("s3:GetBucketAcl");
    assert_eq!((ledger.retries, ledger.throttled, ledger.failed), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_deleted_meanwhile_has_no_settings_and_passes_nothing() {
    let scanned = scan_world(
        "s3",
        vec![
            Reply::error("s3:GetBucketPolicy", 404, "NoSuchBucket"),
            Reply::error("s3:GetPublicAccessBlock", 404, "NoSuchBucket"),
        ],
    )
    .await;
    let bucket = scanned.named("s3.bucket", "orders-data");
    for field in ["policy", "public_access_block"] {
        let gap = &bucket.properties[field]["unavailable"];
        assert_eq!(gap["reason"], "error", "{field}");
        assert_eq!(gap["code"], "NoSuchBucket", "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_is_malformed() {
    let scanned = scan_world(
        "s3",
        vec![
            reply(
                "s3:GetPublicAccessBlock",
                "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
            ),
            reply("s3:GetBucketPolicy", "{\"Version\": \"2012-"),
            reply("s3:GetBucketPolicyStatus", "<PolicyStatus/>"),
            reply("s3:GetBucketAcl", "<AccessControlPolicy/>"),
            reply(
                "s3:GetBucketEncryption",
                "<ServerSideEncryptionConfiguration/>",
            ),
            reply("s3:GetBucketOwnershipControls", "<OwnershipControls/>"),
            reply(
                "s3:GetBucketLifecycleConfiguration",
                "<LifecycleConfiguration/>",
            ),
            reply("s3:GetBucketCors", "<CORSConfiguration/>"),
        ],
    )
    .await;
    let bucket = scanned.named("s3.bucket", "orders-data");
    for field in [
        "public_access_block",
        "policy",
        "policy_is_public",
        "acl",
        "encryption",
        "object_ownership",
        "lifecycle_rules",
        "cors_rules",
    ] {
        assert_eq!(
            bucket.properties[field]["unavailable"]["reason"], "malformed",
            "{field}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_without_a_name_makes_the_listing_incomplete() {
    let scanned = scan_only("s3", vec![listing("<Bucket/>", "")]).await;
    let gap = scanned.listing("s3.bucket").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}
