//! AWS Account Management: a security contact, and no other.

use serde_json::json;

use super::CANARY;
use crate::{Reply, reply};

pub(super) fn replies() -> Vec<Reply> {
    vec![
        reply(
            "account:GetAlternateContact",
            json!({"AlternateContact": {
                "AlternateContactType": "SECURITY", "Name": CANARY, "Title": CANARY,
                "EmailAddress": format!("{CANARY}@Example.COM"), "PhoneNumber": CANARY}}),
        )
        .when(r#""SECURITY""#),
        Reply::error(
            "account:GetAlternateContact",
            404,
            "ResourceNotFoundException",
        ),
    ]
}
