use posture_policy::{Boundary, IdentitySet, NamedPolicy, Tri};
use serde_json::{Value, json};

use crate::{document, parse};

fn set(statements: Value) -> IdentitySet {
    IdentitySet::of("p", parse(&document(&statements)))
}

fn bounded(statements: Value, boundary: Value) -> IdentitySet {
    IdentitySet {
        boundary: Boundary::Policy(NamedPolicy::new("b", parse(&document(&boundary)))),
        ..set(statements)
    }
}

fn grant(action: Value, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn refuse(action: Value, resource: Value) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn all() -> Value {
    grant(json!("*"), json!("*"))
}

#[test]
fn administrators() {
    for (statements, expected) in [
        (json!([all()]), true),
        (json!([grant(json!("*:*"), json!("*"))]), true),
        (json!([grant(json!(["s3:Get*", "*"]), json!(["*"]))]), true),
        (json!([grant(json!("iam:*"), json!("*"))]), true),
        (json!([grant(json!("IAM:*"), json!("*"))]), true),
        (
            json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
            true,
        ),
        (
            json!([{"Effect": "Allow", "NotAction": "aws-portal:*", "Resource": "*"}]),
            true,
        ),
        (
            json!([{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}]),
            false,
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::secret/*"}]),
            true,
        ),
        (json!([all(), refuse(json!("*"), json!("*"))]), false),
        (
            json!([all(), refuse(json!("cloudtrail:StopLogging"), json!("*"))]),
            true,
        ),
        (
            json!([all(), refuse(json!("s3:*"), json!("arn:aws:s3:::secret/*"))]),
            true,
        ),
        (
            json!([all(), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}]),
            false,
        ),
        (json!([grant(json!("*"), json!("arn:aws:s3:::b/*"))]), false),
        (json!([grant(json!("s3:*"), json!("*"))]), false),
        (json!([grant(json!("iam:Get*"), json!("*"))]), false),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
            true,
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}]),
            false,
        ),
        (
            json!([all(), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]),
            true,
        ),
        (json!([]), false),
    ] {
        assert_eq!(
            set(statements.clone()).is_administrator(),
            Tri::from(expected),
            "{statements:#}"
        );
    }
    let odd = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Extra": 1});
    assert!(matches!(
        set(json!([all(), odd])).is_administrator(),
        Tri::Unknown(_)
    ));
    assert!(set(json!([odd])).is_administrator().is_no());
}

#[test]
fn boundaries() {
    for (boundary, expected) in [
        (json!([grant(json!("s3:Get*"), json!("*"))]), false),
        (json!([all()]), true),
        (json!([all(), refuse(json!("*"), json!("*"))]), false),
        (
            json!([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]),
            true,
        ),
        (json!([]), false),
    ] {
        assert_eq!(
            bounded(json!([all()]), boundary.clone()).is_administrator(),
            Tri::from(expected),
            "{boundary:#}"
        );
    }
    // A boundary grants nothing.
    assert!(
        bounded(json!([]), json!([all()]))
            .allows("s3:GetObject")
            .is_no()
    );
    let unread = IdentitySet {
        boundary: Boundary::Unread("access denied".into()),
        ..set(json!([all()]))
    };
    assert!(matches!(unread.is_administrator(), Tri::Unknown(_)));
    assert!(
        IdentitySet {
            policies: vec![],
            ..unread
        }
        .is_administrator()
        .is_no()
    );
    let missing = IdentitySet {
        unread: vec!["q".into()],
        ..set(json!([all()]))
    };
    // The one that was not read may deny.
    assert!(matches!(missing.is_administrator(), Tri::Unknown(_)));
}

#[test]
fn wildcards() {
    for (statements, expected) in [
        (json!([all()]), vec!["*"]),
        (
            json!([grant(json!(["s3:*", "ec2:Describe*", "SQS:*"]), json!("*"))]),
            vec!["SQS:*", "s3:*"],
        ),
        (
            json!([grant(json!("s3:*"), json!("arn:aws:s3:::*"))]),
            vec!["s3:*"],
        ),
        (
            json!([grant(
                json!("s3:*"),
                json!(["arn:aws:s3:::b", "arn:aws:s3:::b/*"])
            )]),
            vec![],
        ),
        (
            json!([grant(
                json!("dynamodb:*"),
                json!("arn:aws:dynamodb:*:111122223333:table/*")
            )]),
            vec!["dynamodb:*"],
        ),
        (
            json!([grant(
                json!("dynamodb:*"),
                json!("arn:aws:dynamodb:eu-west-1:111122223333:table/t")
            )]),
            vec![],
        ),
        (json!([grant(json!("iam:Pass*"), json!("*"))]), vec![]),
        (
            json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
            vec!["* except iam:*"],
        ),
        (
            json!([
                grant(json!("s3:*"), json!("*")),
                refuse(json!("s3:Delete*"), json!("*"))
            ]),
            vec!["s3:*"],
        ),
        (
            json!([
                grant(json!("s3:*"), json!("*")),
                refuse(json!("s3:*"), json!("*"))
            ]),
            vec![],
        ),
        (
            json!([
                grant(json!("s3:*"), json!("*")),
                refuse(json!("*"), json!("*"))
            ]),
            vec![],
        ),
    ] {
        assert_eq!(
            set(statements.clone())
                .wildcard_actions()
                .complete()
                .unwrap(),
            expected,
            "{statements:#}"
        );
    }
    assert_eq!(
        bounded(
            json!([all()]),
            json!([grant(json!(["s3:*", "sqs:Send*"]), json!("*"))])
        )
        .wildcard_actions()
        .complete()
        .unwrap(),
        ["s3:*"]
    );
    assert!(
        bounded(
            json!([grant(json!("s3:*"), json!("*"))]),
            json!([grant(json!("s3:Get*"), json!("*"))])
        )
        .wildcard_actions()
        .complete()
        .unwrap()
        .is_empty()
    );
}

#[test]
fn single_actions() {
    let condition = json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}});
    for (statements, somewhere, everywhere) in [
        (
            json!([grant(json!("iam:PassRole"), json!("*"))]),
            true,
            true,
        ),
        (json!([grant(json!("IAM:pass*"), json!("*"))]), true, true),
        (
            json!([grant(
                json!("iam:PassRole"),
                json!("arn:aws:iam::111122223333:role/r")
            )]),
            true,
            false,
        ),
        (
            json!([grant(json!("iam:PassRole"), json!("arn:aws:iam::*:role/*"))]),
            true,
            true,
        ),
        (json!([condition]), true, false),
        (
            json!([
                grant(json!("iam:PassRole"), json!("*")),
                refuse(json!("iam:*"), json!("*"))
            ]),
            false,
            false,
        ),
        (
            json!([
                grant(json!("iam:PassRole"), json!("*")),
                refuse(json!("iam:PassRole"), json!("arn:aws:iam::*:role/admin"))
            ]),
            true,
            true,
        ),
        (
            json!([
                grant(json!("iam:PassRole"), json!("arn:aws:iam::1:role/r")),
                refuse(json!("iam:PassRole"), json!("arn:aws:iam::1:role/*"))
            ]),
            false,
            false,
        ),
        (
            json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
            false,
            false,
        ),
        (
            json!([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]),
            true,
            true,
        ),
        (json!([]), false, false),
    ] {
        let set = set(statements.clone());
        assert_eq!(
            set.allows("iam:PassRole"),
            Tri::from(somewhere),
            "{statements:#}"
        );
        assert_eq!(
            set.allows_on_all("IAM:PassRole"),
            Tri::from(everywhere),
            "{statements:#}"
        );
    }
}

#[test]
fn services_that_are_granted() {
    let everything = || json!([all()]);
    for (statements, boundary, expected) in [
        (
            json!([grant(json!("s3:GetObject"), json!("arn:aws:s3:::b/*"))]),
            everything(),
            vec!["s3"],
        ),
        (
            json!([
                grant(json!(["S3:Get*", "sqs:*"]), json!("*")),
                refuse(json!("sqs:*"), json!("*"))
            ]),
            everything(),
            vec!["s3"],
        ),
        (json!([all()]), everything(), vec!["*"]),
        (
            json!([grant(json!(["s3:*", "ec2:*"]), json!("*"))]),
            json!([grant(json!("s3:Get*"), json!("*"))]),
            vec!["s3"],
        ),
        (json!([]), everything(), vec![]),
    ] {
        let set = bounded(statements.clone(), boundary);
        assert_eq!(
            set.granted_services().complete().unwrap(),
            expected,
            "{statements}"
        );
    }
    let unread = IdentitySet {
        unread: vec!["q".into()],
        ..set(json!([grant(json!("s3:*"), json!("*"))]))
    };
    assert!(unread.granted_services().undecided.is_some());
}
