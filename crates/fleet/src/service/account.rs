//! AWS Account Management: alternate contacts, some missing and some private.

use serde_json::json;

use super::{Answer, Operation, Protocol, Service};
use crate::ask::Ask;
use crate::id::PEOPLE;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "account",
    signs_as: "account",
    protocol: Protocol::RestJson,
    global: true,
    operations: &[Operation::new("GetAlternateContact", get_alternate_contact)
        .at("POST", "/getAlternateContact")],
};

fn get_alternate_contact(ask: &Ask<'_>) -> Answer {
    let kind = ask.needed("AlternateContactType")?;
    if !["BILLING", "OPERATIONS", "SECURITY"].contains(&kind) {
        return Err(Refusal::new(
            400,
            "ValidationException",
            "no such type of contact",
        ));
    }
    let dice = ask.place.dice("account contact", 0).with(kind);
    if dice.percent(35, "missing") {
        return Err(Refusal::new(
            404,
            "ResourceNotFoundException",
            "No contact of this type",
        ));
    }
    let name = dice.word(PEOPLE, "name");
    let domain = dice.word(&["example.com", "example.com", "gmail.com"], "domain");
    Ok(json!({"AlternateContact": {
        "AlternateContactType": kind, "Name": name, "Title": "On call",
        "EmailAddress": format!("{name}@{domain}"), "PhoneNumber": "+49 30 5550100"}})
    .to_string())
}
