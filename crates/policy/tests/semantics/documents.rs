use posture_policy::document::{Effect, Principal};
use posture_policy::{Policy, is_public};
use serde_json::json;

use crate::{bucket, parse};

#[test]
fn one_statement_is_a_list_of_one() {
    let statement =
        json!({"Sid": "A", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let one = parse(&json!({"Statement": statement}));
    let list = parse(&json!({"Statement": [statement]}));
    assert_eq!(one, list);
    assert_eq!(one.statements[0].label(), "statement 1 \"A\"");
    assert_eq!(one.statements[0].effect, Some(Effect::Allow));
}

#[test]
fn documents_that_are_none() {
    for (document, path) in [
        (json!(null), "$"),
        (json!([]), "$"),
        (json!("{}"), "$"),
        (json!({}), "Statement"),
        (json!({"Statement": "x"}), "Statement"),
        (json!({"Version": "2030-01-01", "Statement": []}), "Version"),
        (json!({"Version": 2012, "Statement": []}), "Version"),
        (json!({"Statements": []}), "Statements"),
        (json!({"statement": []}), "statement"),
    ] {
        assert_eq!(
            Policy::parse(&document).unwrap_err().path,
            path,
            "{document}"
        );
    }
    assert!(Policy::parse_text("{").is_err());
}

#[test]
fn statements_that_are_not_understood_stay() {
    let good = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    for (change, path) in [
        (json!({"Effect": "allow"}), "Statement[0].Effect"),
        (json!({"action": "s3:*"}), "Statement[0].action"),
        (json!({"NotAction": "s3:*"}), "Statement[0]"),
        (json!({"Action": 1}), "Statement[0].Action"),
        (json!({"Action": ["s3:*", null]}), "Statement[0].Action"),
        (json!({"Action": "everything"}), "Statement[0].Action"),
        (json!({"Resource": {}}), "Statement[0].Resource"),
        (
            json!({"Principal": "123456789012"}),
            "Statement[0].Principal",
        ),
        (
            json!({"Principal": {"Azure": "x"}}),
            "Statement[0].Principal.Azure",
        ),
        (
            json!({"Principal": {"AWS": [1]}}),
            "Statement[0].Principal.AWS",
        ),
        (json!({"Condition": []}), "Statement[0].Condition"),
        (
            json!({"Condition": {"Bool": 1}}),
            "Statement[0].Condition.Bool",
        ),
        (
            json!({"Condition": {"Bool": {"k": {}}}}),
            "Statement[0].Condition.Bool.k",
        ),
        (json!({"Sid": 7}), "Statement[0].Sid"),
    ] {
        let mut statement = good.clone();
        for (key, value) in change.as_object().unwrap() {
            statement[key] = value.clone();
        }
        let policy = parse(&json!({"Statement": [statement, good]}));
        assert_eq!(policy.statements.len(), 2);
        assert_eq!(
            policy.statements[0].body.as_ref().unwrap_err().path,
            path,
            "{change}"
        );
        // The one beside it still counts, unless this one may be a denial.
        let answer = is_public(&policy, &bucket());
        if change.get("Effect").is_some() {
            assert!(answer.decided().is_err());
        } else {
            assert!(answer.is_yes());
        }
    }
    assert!(
        parse(&json!({"Statement": [7]})).statements[0]
            .body
            .is_err()
    );
}

#[test]
fn principals() {
    let of = |text: &str| {
        let policy = parse(
            &json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": text}, "Action": "s3:*"}}),
        );
        let body = policy.statements[0].body.clone().unwrap();
        body.principals.unwrap().listed()[0].clone()
    };
    assert_eq!(of("123456789012"), of("arn:aws:iam::123456789012:root"));
    assert_eq!(of("123456789012"), of("arn:aws-cn:iam::123456789012:root"));
    assert_eq!(of("*"), Principal::Everyone);
    assert!(matches!(
        of("arn:aws:iam::123456789012:user/ann"),
        Principal::Arn { .. }
    ));
    assert!(matches!(of("AROACKCEVSQ6C2EXAMPLE"), Principal::Deleted(_)));
    assert!(matches!(
        of("12345"),
        Principal::Malformed { account: None, .. }
    ));
}

#[test]
fn labels_are_safe_to_print() {
    let policy =
        parse(&json!({"Statement": {"Sid": "\u{1b}[31m\"", "Effect": "Allow", "Action": "s3:*"}}));
    assert_eq!(
        policy.statements[0].label(),
        "statement 1 \"\\u{1b}[31m\\\"\""
    );
}
