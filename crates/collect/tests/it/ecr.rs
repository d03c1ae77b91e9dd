use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("ecr").await;
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_read_with_its_newest_images() {
    let scanned = scan_world("ecr", vec![]).await;
    let repository = scanned.named("ecr.repository", "orders/app");
    let p = &repository.properties;
    assert_eq!(p["image_tag_mutability"], "IMMUTABLE_WITH_EXCLUSION");
    assert_eq!(p["mutability_exclusions"], json!(["cache-*"]));
    assert_eq!(p["scan_frequency"], "SCAN_ON_PUSH");
    assert_eq!(
        p["kms_key_arn"],
        "arn:aws:kms:eu-west-1:123456789012:key/1111"
    );
    assert_eq!(p["policy"]["Statement"][0]["Sid"], "pull");
    assert_eq!(
        p["lifecycle_policy"],
        json!({"rule_count": 1, "covers_untagged": true, "covers_tagged": false})
    );
    assert_eq!(p["images"]["total"], 3, "a signature is no image");
    let newest = p["images"]["newest"].as_array().unwrap();
    let digests: Vec<_> = newest.iter().map(|image| &image["digest"]).collect();
    assert_eq!(digests, ["sha256:list", "sha256:new", "sha256:old"]);
    assert_eq!(newest[0]["is_index"], true);
    assert_eq!(newest[0]["scan"], json!(null));
    assert_eq!(newest[1]["scan"]["status"], "ACTIVE");
    assert_eq!(newest[1]["scan"]["findings"]["high"], 3);
    assert_eq!(newest[2]["scan"]["findings"]["critical"], 1);
    assert_eq!(newest[2]["scan"]["findings"]["other"], 2);
    assert_eq!(scanned.ledger("ecr:DescribeImageScanFindings").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_configured_is_absent_and_no_gap() {
    let scanned = scan_world("ecr", vec![]).await;
    let bare = scanned.named("ecr.repository", "bare");
    for field in ["policy", "lifecycle_policy", "kms_key_arn"] {
        assert_eq!(bare.properties[field], json!(null), "{field}");
    }
    assert_eq!(bare.properties["scan_frequency"], "MANUAL");
    assert_eq!(bare.properties["images"], json!({"total": 0, "newest": []}));
}

#[tokio::test(start_paused = true)]
async fn the_registry_is_read() {
    let scanned = scan_world("ecr", vec![]).await;
    let registry = scanned.of("ecr.registry");
    assert_eq!(registry.len(), 1);
    let p = &registry[0].properties;
    assert_eq!(
        p["replication_rules"][0]["destinations"],
        json!([{"region": "eu-central-1", "account": "210987654321"}])
    );
    assert_eq!(p["policy"]["Statement"][0]["Sid"], "replicate");
    assert_eq!(p["scanning"]["scan_type"], "BASIC");
    assert_eq!(
        p["scanning"]["rules"][0]["repository_filters"],
        json!(["orders/*"])
    );
    assert_eq!(
        p["pull_through_cache_rules"][0]["upstream_registry"],
        "docker-hub"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "ecr",
        vec![
            reply("ecr:DescribeRepositories", json!({"repositories": []})),
            Reply::error(
                "ecr:GetRegistryPolicy",
                400,
                "RegistryPolicyNotFoundException",
            ),
        ],
    )
    .await;
    assert!(scanned.of("ecr.repository").is_empty());
    assert_eq!(scanned.listing("ecr.repository").gap, None);
    assert_eq!(
        scanned.of("ecr.registry")[0].properties["policy"],
        json!(null)
    );
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let repository = |name: &str| {
        json!({"repositoryName": name,
               "repositoryArn": format!("arn:aws:ecr:eu-west-1:123456789012:repository/{name}")})
    };
    let scanned = scan_world(
        "ecr",
        vec![
            reply(
                "ecr:DescribeRepositories",
                json!({"repositories": [repository("bare")]}),
            )
            .when("t1"),
            reply(
                "ecr:DescribeRepositories",
                json!({"repositories": [repository("orders/app")], "nextToken": "t1"}),
            ),
        ],
    )
    .await;
    assert_eq!(scanned.of("ecr.repository").len(), 2);
    assert_eq!(scanned.ledger("ecr:DescribeRepositories").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_never_scanned_has_no_scan() {
    let scanned = scan_world(
        "ecr",
        vec![Reply::error(
            "ecr:DescribeImageScanFindings",
            400,
            "ScanNotFoundException",
        )],
    )
    .await;
    let repository = scanned.named("ecr.repository", "orders/app");
    assert_eq!(
        repository.properties["images"]["newest"][1]["scan"],
        json!(null)
    );
}

#[tokio::test(start_paused = true)]
async fn images_that_break_after_a_page_are_unknown() {
    let scanned = scan_world(
        "ecr",
        vec![
            Reply::error("ecr:DescribeImages", 400, "AccessDeniedException").when("t1"),
            reply(
                "ecr:DescribeImages",
                json!({"imageDetails": [{"imageDigest": "sha256:1"}], "nextToken": "t1"}),
            )
            .when("orders/app"),
        ],
    )
    .await;
    let repository = scanned.named("ecr.repository", "orders/app");
    assert_eq!(
        repository.properties["images"]["unavailable"],
        json!({"reason": "access_denied", "operation": "ecr:DescribeImages",
               "iam_action": "ecr:DescribeImages", "code": "AccessDeniedException"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_leaves_a_gap_in_each_of_its_repositories() {
    let scanned = scan_world(
        "ecr",
        vec![Reply::error(
            "ecr:BatchGetRepositoryScanningConfiguration",
            400,
            "AccessDeniedException",
        )],
    )
    .await;
    for repository in scanned.of("ecr.repository") {
        assert_eq!(
            repository.properties["scan_frequency"]["unavailable"]["reason"],
            "access_denied"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_the_batch_leaves_out_is_unknown() {
    let scanned = scan_world(
        "ecr",
        vec![reply(
            "ecr:BatchGetRepositoryScanningConfiguration",
            json!({"scanningConfigurations": [],
                   "failures": [{"repositoryName": "bare", "failureCode": "REPOSITORY_NOT_FOUND"}]}),
        )],
    )
    .await;
    let gap = |name| {
        scanned.named("ecr.repository", name).properties["scan_frequency"]["unavailable"].clone()
    };
    assert_eq!(gap("bare")["code"], "REPOSITORY_NOT_FOUND");
    assert_eq!(gap("orders/app")["reason"], "malformed");
}

#[tokio::test(start_paused = true)]
async fn denied_listings_are_not_empty_ones() {
    for (operation, kind) in [
        ("ecr:DescribeRepositories", "ecr.repository"),
        ("ecr:DescribeRegistry", "ecr.registry"),
    ] {
        let replay = Replay::new(posture_collect::operation_of)
            .with(world::all())
            .breaking(operation, Fault::AccessDenied);
        let scanned = scan_replay("ecr", replay).await;
        let gap = scanned.listing(kind).gap.clone().unwrap();
        assert_eq!(gap.reason, GapReason::AccessDenied, "{operation}");
        assert!(scanned.of(kind).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("ecr:DescribeImages", 400, "ThrottlingException").once();
    let scanned = scan_world("ecr", vec![throttle(), throttle()]).await;
    let ledger = scanned.ledger("ecr:DescribeImages");
    assert_eq!((ledger.retries, ledger.throttled, ledger.failed), (2, 2, 0));
    let repository = scanned.named("ecr.repository", "orders/app");
    assert_eq!(repository.properties["images"]["total"], 3);
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_is_malformed() {
    let scanned = scan_world(
        "ecr",
        vec![
            reply("ecr:GetRepositoryPolicy", json!({})),
            reply(
                "ecr:GetLifecyclePolicy",
                json!({"lifecyclePolicyText": "{}"}),
            ),
            reply("ecr:DescribeImages", json!({"imageDetails": [{}]})),
            reply("ecr:GetRegistryScanningConfiguration", json!({})),
        ],
    )
    .await;
    let repository = scanned.named("ecr.repository", "orders/app");
    for field in ["policy", "lifecycle_policy", "images"] {
        assert_eq!(
            repository.properties[field]["unavailable"]["reason"], "malformed",
            "{field}"
        );
    }
    assert_eq!(
        scanned.of("ecr.registry")[0].properties["scanning"]["unavailable"]["reason"],
        "malformed"
    );
}
