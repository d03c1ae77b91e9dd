//! What the analyses must answer, as tables: a document, the question, the answer.

mod authorize;
mod documents;
mod escalation;
mod identity;
mod least_privilege;
mod properties;
mod public;
mod question;
mod s3;
mod shared;
mod trust;

use posture_policy::{Policy, ResourceContext};
use serde_json::{Value, json};

pub(crate) const OWN: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";

pub(crate) fn parse(document: &Value) -> Policy {
    match Policy::parse(document) {
        Ok(policy) => policy,
        Err(error) => panic!("{error} in {document}"),
    }
}

/// A document of one statement or of several.
pub(crate) fn document(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The context of a bucket named `b`.
pub(crate) fn bucket() -> ResourceContext<'static> {
    ResourceContext {
        account: Some(OWN),
        arn: Some("arn:aws:s3:::b"),
        service: Some("s3"),
        organization: Some("o-own"),
        ..ResourceContext::default()
    }
}
