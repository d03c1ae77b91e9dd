use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("account").await;
}

#[tokio::test(start_paused = true)]
async fn contacts_are_kept_without_personal_data() {
    let scanned = scan_world("account", vec![]).await;
    let p = &scanned.named("account.account", world::ACCOUNT).properties;
    assert_eq!(
        p["security_contact"],
        json!({"email_domain": "example.com", "has_phone_number": true})
    );
    assert_eq!(p["operations_contact"], json!(null));
    assert_eq!(p["billing_contact"], json!(null));
    let ledger = scanned.ledger("account:GetAlternateContact");
    assert_eq!((ledger.calls, ledger.failed), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn denied_contacts_are_gaps() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("account:GetAlternateContact", Fault::AccessDenied);
    let scanned = scan_replay("account", replay).await;
    let p = &scanned.named("account.account", world::ACCOUNT).properties;
    for contact in ["security_contact", "operations_contact", "billing_contact"] {
        assert_eq!(
            p[contact]["unavailable"]["iam_action"],
            "account:GetAlternateContact"
        );
    }
    assert_eq!(scanned.listing("account.account").gap, None);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let scanned = scan_world(
        "account",
        vec![
            Reply::error(
                "account:GetAlternateContact",
                429,
                "TooManyRequestsException",
            )
            .once(),
        ],
    )
    .await;
    let p = &scanned.named("account.account", world::ACCOUNT).properties;
    assert_eq!(p["security_contact"]["email_domain"], "example.com");
    assert_eq!(scanned.ledger("account:GetAlternateContact").throttled, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_contact_is_no_absence() {
    let scanned = scan_only(
        "account",
        vec![reply("account:GetAlternateContact", json!({}))],
    )
    .await;
    let p = &scanned.named("account.account", world::ACCOUNT).properties;
    assert_eq!(
        p["security_contact"]["unavailable"]["reason"],
        GapReason::Malformed.as_str()
    );
}
