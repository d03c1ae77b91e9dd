//! With whom a resource is shared.

use posture_policy::{Shared, shared_with};
use serde_json::{Value, json};

use crate::{OTHER, OWN, bucket, document, parse};

const THIRD: &str = "777788889999";

fn shared(statements: &Value) -> Shared {
    shared_with(&parse(&document(statements)), &bucket())
}

fn grant(principal: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*", "Condition": condition})
}

fn deny(principal: Value, condition: Value) -> Value {
    json!({"Effect": "Deny", "Principal": principal, "Action": "*", "Resource": "*", "Condition": condition})
}

#[test]
fn names() {
    let user = format!("arn:aws:iam::{OTHER}:user/eve");
    let root = format!("arn:aws:iam::{THIRD}:root");
    let idp = format!("arn:aws:iam::{OWN}:saml-provider/corp");
    let org = |operator: &str, id: Value| json!({operator: {"aws:PrincipalOrgID": id}});
    let source = |account: &str| json!({"StringEquals": {"aws:SourceAccount": account}});
    for (what, statements, expected) in [
        ("nobody", json!([]), vec![]),
        (
            "the owner",
            json!([grant(json!({"AWS": OWN}), json!({}))]),
            vec![],
        ),
        (
            "a user of the owner",
            json!([grant(
                json!({"AWS": format!("arn:aws:iam::{OWN}:user/a")}),
                json!({})
            )]),
            vec![],
        ),
        ("anyone", json!([grant(json!("*"), json!({}))]), vec!["*"]),
        (
            "anyone, as AWS",
            json!([grant(json!({"AWS": "*"}), json!({}))]),
            vec!["*"],
        ),
        (
            "anyone but one",
            json!([{"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "s3:*", "Resource": "*"}]),
            vec!["*"],
        ),
        (
            "an account",
            json!([grant(json!({"AWS": OTHER}), json!({}))]),
            vec![OTHER],
        ),
        (
            "its root",
            json!([grant(json!({"AWS": root}), json!({}))]),
            vec![THIRD],
        ),
        (
            "its user",
            json!([grant(json!({"AWS": user}), json!({}))]),
            vec![OTHER],
        ),
        (
            "several, in order, once",
            json!([grant(json!({"AWS": [THIRD, user, OTHER]}), json!({}))]),
            vec![OTHER, THIRD],
        ),
        (
            "of several statements",
            json!([
                grant(json!({"AWS": THIRD}), json!({})),
                grant(json!({"AWS": OTHER}), json!({}))
            ]),
            vec![OTHER, THIRD],
        ),
        (
            "a service",
            json!([grant(json!({"Service": "sns.amazonaws.com"}), json!({}))]),
            vec!["sns.amazonaws.com"],
        ),
        (
            "a pinned service",
            json!([grant(json!({"Service": "sns.amazonaws.com"}), source(OWN))]),
            vec!["sns.amazonaws.com"],
        ),
        (
            "a provider",
            json!([grant(json!({"Federated": idp}), json!({}))]),
            vec![idp.as_str()],
        ),
        (
            "all kinds",
            json!([grant(
                json!({"AWS": OTHER, "Service": "sns.amazonaws.com", "Federated": idp}),
                json!({})
            )]),
            vec![OTHER, "sns.amazonaws.com", idp.as_str()],
        ),
        (
            "an organization",
            json!([grant(json!("*"), org("StringEquals", json!("o-1")))]),
            vec!["o-1"],
        ),
        (
            "two",
            json!([grant(
                json!("*"),
                org("StringEquals", json!(["o-2", "o-1"]))
            )]),
            vec!["o-1", "o-2"],
        ),
        (
            "by path",
            json!([grant(
                json!("*"),
                json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/ou-1/*"}})
            )]),
            vec!["o-1"],
        ),
        (
            "an organization and an account of it",
            json!([grant(
                json!({"AWS": OTHER}),
                org("StringEquals", json!("o-1"))
            )]),
            vec![OTHER],
        ),
        (
            "not an organization",
            json!([grant(json!("*"), org("StringNotEquals", json!("o-1")))]),
            vec!["*"],
        ),
        (
            "IfExists",
            json!([grant(json!("*"), org("StringEqualsIfExists", json!("o-1")))]),
            vec!["*"],
        ),
        (
            "an account by condition",
            json!([grant(
                json!("*"),
                json!({"StringEquals": {"aws:PrincipalAccount": [OTHER, OWN]}})
            )]),
            vec![OTHER],
        ),
        (
            "an account by ARN",
            json!([grant(
                json!("*"),
                json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{OTHER}:role/*")}})
            )]),
            vec![OTHER],
        ),
        (
            "an account on behalf of which one asks",
            json!([grant(json!("*"), source(OTHER))]),
            vec![OTHER],
        ),
        (
            "a network",
            json!([grant(
                json!("*"),
                json!({"StringEquals": {"aws:SourceVpce": "vpce-1"}})
            )]),
            vec![],
        ),
        // Conditions that narrow.
        (
            "an account that the condition shuts out",
            json!([grant(
                json!({"AWS": OTHER}),
                json!({"StringEquals": {"aws:PrincipalAccount": THIRD}})
            )]),
            vec![],
        ),
        (
            "an account that is denied",
            json!([
                grant(json!({"AWS": [OTHER, THIRD]}), json!({})),
                deny(json!({"AWS": OTHER}), json!({}))
            ]),
            vec![THIRD],
        ),
        (
            "everyone is denied",
            json!([
                grant(json!({"AWS": OTHER}), json!({})),
                deny(json!("*"), json!({}))
            ]),
            vec![],
        ),
        (
            "an organization, and everyone is denied",
            json!([
                grant(json!("*"), org("StringEquals", json!("o-1"))),
                deny(json!("*"), json!({}))
            ]),
            vec![],
        ),
        (
            "a deny of everybody outside of an organization",
            json!([
                grant(json!("*"), json!({})),
                deny(json!("*"), org("StringNotEquals", json!("o-1")))
            ]),
            vec!["o-1"],
        ),
        (
            "a deny of everybody outside of an account",
            json!([
                grant(json!("*"), json!({})),
                deny(
                    json!("*"),
                    json!({"StringNotEquals": {"aws:PrincipalAccount": OTHER}})
                )
            ]),
            vec![OTHER],
        ),
        (
            "a deny that leaves something to anyone",
            json!([grant(json!("*"), json!({})), {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*",
                "Condition": org("StringNotEquals", json!("o-1"))}]),
            vec!["*"],
        ),
        (
            "a deny of something else beside an office's addresses",
            json!([grant(json!("*"), json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
                {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*", "Condition": org("StringNotEquals", json!("o-1"))}]),
            vec![],
        ),
        ("a deny alone", json!([deny(json!("*"), json!({}))]), vec![]),
        (
            "a service that is denied by account",
            json!([
                grant(json!({"Service": "sns.amazonaws.com"}), json!({})),
                deny(json!("*"), json!({}))
            ]),
            vec![],
        ),
    ] {
        let shared = shared(&statements);
        assert_eq!(shared.names(), expected, "{what}: {shared:?}");
        assert_eq!(shared.undecided(), None, "{what}");
    }
}

#[test]
fn what_cannot_be_told_is_undecided() {
    let odd = json!({"StringMatches": {"aws:x": "y"}});
    for (what, statements, part) in [
        (
            "a canonical user",
            json!([grant(json!({"CanonicalUser": "79a5"}), json!({}))]),
            "canonical user id",
        ),
        (
            "a partial wildcard",
            json!([grant(
                json!({"AWS": format!("arn:aws:iam::{OTHER}:user/*")}),
                json!({})
            )]),
            "not of a documented form",
        ),
        (
            "a malformed statement",
            json!([{"Effect": "Allow", "Principal": "*", "Action": 3}]),
            "statement 1",
        ),
        (
            "an unknown operator for an account",
            json!([grant(json!({"AWS": OTHER}), odd.clone())]),
            "StringMatches",
        ),
        (
            "an unknown operator for everyone",
            json!([grant(json!("*"), odd.clone())]),
            "StringMatches",
        ),
        (
            "an unknown operator beside an organization",
            json!([grant(
                json!("*"),
                json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}, "StringMatches": {"aws:x": "y"}})
            )]),
            "StringMatches",
        ),
        (
            "a deny that is not understood",
            json!([
                grant(json!({"AWS": OTHER}), json!({})),
                deny(json!("*"), odd)
            ]),
            "StringMatches",
        ),
    ] {
        let shared = shared(&statements);
        assert_eq!(shared.names(), Vec::<String>::new(), "{what}: {shared:?}");
        let reason = shared.undecided().map(|reason| reason.to_string());
        assert!(
            reason.as_ref().is_some_and(|text| text.contains(part)),
            "{what}: {reason:?}"
        );
    }
}

#[test]
fn what_is_certain_stays_beside_what_is_not() {
    let shared = shared(&json!([
        grant(json!({"AWS": OTHER}), json!({})),
        {"Effect": "Allow", "Principal": "*", "Action": 3},
    ]));
    assert_eq!(shared.accounts.items, [OTHER]);
    assert!(shared.everyone != posture_policy::Tri::Yes);
    assert!(shared.undecided().is_some());
}
