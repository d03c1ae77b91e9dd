use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_replay, scan_world};

const TYPES: [&str; 4] = [
    "organizations.organization",
    "organizations.account",
    "organizations.organizational_unit",
    "organizations.policy",
];

fn broken(operation: &str, fault: Fault) -> Replay {
    Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking(operation, fault)
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("organizations").await;
}

#[tokio::test(start_paused = true)]
async fn accounts_know_their_place_in_the_tree() {
    let scanned = scan_world("organizations", vec![]).await;
    let organization = scanned.named("organizations.organization", "o-a1b2c3d4e5");
    let p = &organization.properties;
    assert_eq!(p["feature_set"], "ALL");
    assert_eq!(p["management_account_id"], world::ACCOUNT);
    assert_eq!(
        p["enabled_policy_types"],
        json!(["SERVICE_CONTROL_POLICY"]),
        "one that is being switched on is not on"
    );
    let shop = scanned.named("organizations.account", "shop");
    let p = &shop.properties;
    assert_eq!(p["ou_path"], "/Workloads/Production");
    assert_eq!(
        p["ancestor_ids"],
        json!(["r-ab12", "ou-ab12-11111111", "ou-ab12-22222222"])
    );
    assert_eq!(p["email_domain"], "example.com");
    assert_eq!(
        serde_json::to_value(&shop.tags).unwrap(),
        json!({"environment": "production"})
    );
    let main = &scanned.named("organizations.account", "main").properties;
    assert_eq!(main["ou_path"], "/");
    let unit = &scanned
        .named("organizations.organizational_unit", "Production")
        .properties;
    assert_eq!(unit["parent_id"], "ou-ab12-11111111");
    assert_eq!(unit["account_ids"], json!(["111122223333"]));
    let regions = &scanned.named("organizations.policy", "regions").properties;
    assert_eq!(regions["content"]["Statement"][0]["Effect"], "Deny");
    assert_eq!(regions["target_ids"], json!(["ou-ab12-22222222"]));
}

#[tokio::test(start_paused = true)]
async fn an_account_on_its_own_has_an_empty_organization() {
    let scanned = scan_world(
        "organizations",
        vec![Reply::error(
            "organizations:DescribeOrganization",
            400,
            "AWSOrganizationsNotInUseException",
        )],
    )
    .await;
    for kind in TYPES {
        assert!(scanned.of(kind).is_empty(), "{kind}");
        assert_eq!(scanned.listing(kind).gap, None, "{kind}");
    }
    assert_eq!(
        scanned.ledger("organizations:DescribeOrganization").failed,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_sees_the_organization_and_gaps() {
    let denied = |operation: &str| Reply::error(operation, 400, "AccessDeniedException");
    let scanned = scan_world(
        "organizations",
        vec![
            denied("organizations:ListAccounts"),
            denied("organizations:ListRoots"),
        ],
    )
    .await;
    let organization = scanned.named("organizations.organization", "o-a1b2c3d4e5");
    assert_eq!(
        organization.properties["enabled_policy_types"]["unavailable"]["reason"],
        "access_denied"
    );
    for kind in &TYPES[1..] {
        let gap = scanned.listing(kind).gap.clone().unwrap();
        assert_eq!(gap.reason, GapReason::AccessDenied, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let page = |id: &str, next: Option<&str>| {
        reply(
            "organizations:ListAccounts",
            json!({"NextToken": next, "Accounts": [{
                "Id": id, "Name": id,
                "Arn": format!("arn:aws:organizations::123456789012:account/o-a1b2c3d4e5/{id}")}]}),
        )
    };
    let scanned = scan_world(
        "organizations",
        vec![
            page("444455556666", None).when("t1"),
            page("111122223333", Some("t1")),
        ],
    )
    .await;
    assert_eq!(scanned.of("organizations.account").len(), 2);
    assert_eq!(scanned.ledger("organizations:ListAccounts").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_cannot_be_seen_hides_units_and_places() {
    let scanned = scan_replay(
        "organizations",
        broken(
            "organizations:ListOrganizationalUnitsForParent",
            Fault::AccessDenied,
        ),
    )
    .await;
    let gap = scanned
        .listing("organizations.organizational_unit")
        .gap
        .clone()
        .unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    let main = &scanned.named("organizations.account", "main").properties;
    assert_eq!(main["ou_path"], "/", "the root's own accounts are known");
    let shop = &scanned.named("organizations.account", "shop").properties;
    assert_eq!(shop["ou_path"]["unavailable"]["reason"], "access_denied");
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    for (operation, field) in [
        ("organizations:DescribePolicy", "content"),
        ("organizations:ListTargetsForPolicy", "target_ids"),
    ] {
        let scanned = scan_replay("organizations", broken(operation, Fault::AccessDenied)).await;
        let p = &scanned.named("organizations.policy", "regions").properties;
        assert_eq!(p[field]["unavailable"]["iam_action"], operation);
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || {
        Reply::error(
            "organizations:ListAccounts",
            400,
            "TooManyRequestsException",
        )
        .once()
    };
    let scanned = scan_world("organizations", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("organizations.account").len(), 3);
    let ledger = scanned.ledger("organizations:ListAccounts");
    assert_eq!((ledger.throttled, ledger.failed), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_account_without_an_id_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "organizations",
        vec![reply(
            "organizations:ListAccounts",
            json!({"Accounts": [{"Name": "nameless"}]}),
        )],
    )
    .await;
    let gap = scanned
        .listing("organizations.account")
        .gap
        .clone()
        .unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}
