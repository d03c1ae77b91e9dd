use posture_policy::condition::{Request, evaluate_all};
use posture_policy::document::{Clause, Effect, Principal};
use posture_policy::pattern::Pattern;
use posture_policy::{
    Found, IdentitySet, NamedPolicy, Policy, Tri, denies_insecure_transport, external_accounts,
    is_public, unpinned_services,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::{OTHER, OWN, bucket, document, parse};

fn actions() -> impl Strategy<Value = Vec<String>> {
    let one = select(vec![
        "*",
        "s3:*",
        "s3:Get*",
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket",
    ]);
    proptest::collection::vec(one.prop_map(str::to_owned), 1..3)
}

fn resources() -> impl Strategy<Value = Vec<String>> {
    let one = select(vec![
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/x",
    ]);
    proptest::collection::vec(one.prop_map(str::to_owned), 1..3)
}

fn conditions() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({}),
        json!({"Bool": {"aws:SecureTransport": "false"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-own"}}),
        json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-own"}}),
        json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1"]}}),
        json!({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}),
        json!({"StringEquals": {"aws:SourceAccount": OTHER}}),
        json!({"StringEquals": {"aws:NewKey": "x"}}),
        json!({"Strange": {"aws:NewKey": "x"}}),
    ])
}

fn statement(principal: bool) -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({"AWS": ["*"]}),
        json!({"AWS": [OTHER]}),
        json!({"AWS": [OWN]}),
        json!({"Service": ["sns.amazonaws.com"]}),
    ]);
    (
        any::<bool>(),
        0..4_u8,
        principals,
        actions(),
        resources(),
        conditions(),
    )
        .prop_map(
            move |(allow, negation, who, actions, resources, condition)| {
                let mut statement = json!({
                    "Effect": if allow { "Allow" } else { "Deny" },
                    if negation == 1 { "NotAction" } else { "Action" }: actions,
                    if negation == 2 { "NotResource" } else { "Resource" }: resources,
                    "Condition": condition,
                });
                if principal {
                    statement[if negation == 3 {
                        "NotPrincipal"
                    } else {
                        "Principal"
                    }] = who;
                }
                statement
            },
        )
}

fn statements(principal: bool) -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(statement(principal), 0..5)
}

/// The answer without its reasons, whose wording may depend on the order.
fn plain(answer: &Tri) -> Option<bool> {
    answer.clone().decided().ok()
}

fn listed(found: &Found) -> (Vec<String>, bool) {
    (found.items.clone(), found.undecided.is_some())
}

type Answers = (
    Option<bool>,
    (Vec<String>, bool),
    (Vec<String>, bool),
    Option<bool>,
);

fn resource_answers(statements: &[Value]) -> Answers {
    let policy = parse(&document(&json!(statements)));
    (
        plain(&is_public(&policy, &bucket())),
        listed(&external_accounts(&policy, &bucket())),
        listed(&unpinned_services(&policy, &bucket())),
        plain(&denies_insecure_transport(&policy, &bucket())),
    )
}

fn set(statements: &[Value]) -> IdentitySet {
    IdentitySet::of("p", parse(&document(&json!(statements))))
}

type IdentityAnswers = (
    Option<bool>,
    Option<bool>,
    Option<bool>,
    (Vec<String>, bool),
);

fn identity_answers(set: &IdentitySet) -> IdentityAnswers {
    (
        plain(&set.is_administrator()),
        plain(&set.allows("s3:GetObject")),
        plain(&set.allows_on_all("s3:GetObject")),
        listed(&set.wildcard_actions()),
    )
}

/// Changes letter case of action names and writes one-member lists as scalars.
fn respelled(statement: &Value) -> Value {
    let mut statement = statement.clone();
    for key in ["Action", "NotAction"] {
        if let Some(list) = statement.get_mut(key).and_then(Value::as_array_mut) {
            for action in list {
                *action = json!(action.as_str().unwrap_or_default().to_uppercase());
            }
        }
    }
    for key in ["Action", "NotAction", "Resource", "NotResource"] {
        if let Some([one]) = statement
            .get(key)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            statement[key] = one.clone();
        }
    }
    for key in ["Principal", "NotPrincipal"] {
        if let Some(kinds) = statement.get_mut(key).and_then(Value::as_object_mut) {
            for value in kinds.values_mut() {
                if let Some([one]) = value.as_array().map(Vec::as_slice) {
                    *value = one.clone();
                }
            }
        }
    }
    statement
}

#[expect(
    clippy::unwrap_used,
    reason = "the generated statements are well-formed"
)]
/// Whether one plain request of a stranger is allowed, worked out statement by statement.
fn gets_through(policy: &Policy, action: &str, resource: &str, request: &Request) -> Tri {
    let admits = |clause: &Clause<Pattern>, text: &str| match clause {
        Clause::Only(list) => list.iter().any(|p| p.matches(text)),
        Clause::Except(list) => !list.iter().any(|p| p.matches(text)),
    };
    let applies = |effect: Effect| {
        Tri::any(
            policy
                .statements
                .iter()
                .filter(|s| s.effect == Some(effect))
                .map(|s| {
                    let body = s.body.as_ref().unwrap();
                    let named = match body.principals.as_ref().unwrap() {
                        Clause::Only(list) => list.contains(&Principal::Everyone),
                        Clause::Except(list) => !list.contains(&Principal::Everyone),
                    };
                    Tri::from(
                        named
                            && admits(&body.actions, action)
                            && admits(body.resources.as_ref().unwrap(), resource),
                    )
                    .and(evaluate_all(&body.conditions, request))
                }),
        )
    };
    applies(Effect::Allow).and(!applies(Effect::Deny))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn order_and_spelling_change_nothing(statements in statements(true)) {
        let answers = resource_answers(&statements);
        let reversed: Vec<Value> = statements.iter().rev().cloned().collect();
        prop_assert_eq!(&resource_answers(&reversed), &answers);
        let respelled: Vec<Value> = statements.iter().map(respelled).collect();
        prop_assert_eq!(&resource_answers(&respelled), &answers);
    }

    #[test]
    fn identity_order_spelling_and_splitting_change_nothing(statements in statements(false)) {
        let answers = identity_answers(&set(&statements));
        let reversed: Vec<Value> = statements.iter().rev().cloned().collect();
        prop_assert_eq!(&identity_answers(&set(&reversed)), &answers);
        let split = IdentitySet {
            policies: statements
                .iter()
                .map(|s| NamedPolicy::new("part", parse(&document(s))))
                .collect(),
            ..IdentitySet::default()
        };
        prop_assert_eq!(&identity_answers(&split), &answers);
        let respelled: Vec<Value> = statements.iter().map(respelled).collect();
        let (admin, some, all, _) = identity_answers(&set(&respelled));
        prop_assert_eq!((admin, some, all), (answers.0, answers.1, answers.2));
    }

    #[test]
    fn allow_only_adds_and_deny_only_removes(statements in statements(true), extra in statement(true)) {
        let before = is_public(&parse(&document(&json!(statements))), &bucket());
        let mut more = statements.clone();
        more.push(extra.clone());
        let after = is_public(&parse(&document(&json!(more))), &bucket());
        if extra["Effect"] == "Allow" {
            prop_assert!(!before.is_yes() || after.is_yes(), "an allow took access away");
        } else {
            prop_assert!(!before.is_no() || after.is_no(), "a deny gave access");
        }
    }

    #[test]
    fn identity_allow_only_adds_and_deny_only_removes(statements in statements(false), extra in statement(false)) {
        let before = set(&statements);
        let mut more = statements.clone();
        more.push(extra.clone());
        let after = set(&more);
        for (before, after) in [
            (before.is_administrator(), after.is_administrator()),
            (before.allows("s3:GetObject"), after.allows("s3:GetObject")),
            (before.allows_on_all("s3:GetObject"), after.allows_on_all("s3:GetObject")),
        ] {
            if extra["Effect"] == "Allow" {
                prop_assert!(!before.is_yes() || after.is_yes(), "an allow took access away");
            } else {
                prop_assert!(!before.is_no() || after.is_no(), "a deny gave access");
            }
        }
    }

    #[test]
    fn a_request_that_gets_through_makes_it_public(
        statements in statements(true),
        action in select(vec!["s3:getobject", "s3:putobject", "s3:listbucket", "s3:deleteobject"]),
        resource in select(vec!["arn:aws:s3:::b", "arn:aws:s3:::b/x", "arn:aws:s3:::b/y"]),
        tls in select(vec!["true", "false"]),
        address in select(vec!["198.51.100.7", "8.8.8.8", "2001:4860::1"]),
        organization in select(vec![None, Some("o-strange")]),
    ) {
        let policy = parse(&document(&json!(statements)));
        let mut request = Request::new()
            .with("aws:SecureTransport", tls)
            .with("aws:SourceIp", address)
            .without("aws:SourceAccount")
            .without("aws:PrincipalOrgID");
        if let Some(id) = organization {
            request = request.with("aws:PrincipalOrgID", id);
        }
        let through = gets_through(&policy, action, resource, &request);
        let public = is_public(&policy, &bucket());
        if through.is_yes() {
            prop_assert!(public.is_yes(), "{:?}", public);
        }
        if public.is_no() {
            prop_assert!(through.is_no(), "{:?}", through);
        }
    }

    #[test]
    fn nothing_panics(text in "\\PC*", key in "[A-Za-z:]{0,20}", operator in "[A-Za-z:]{0,20}") {
        let odd = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": text}, "Action": format!("s3:{text}"),
            "Resource": text, "Condition": {operator: {key: text}, "ArnLike": {"aws:SourceArn": text}, "IpAddress": {"aws:SourceIp": text}}}});
        if let Ok(policy) = posture_policy::Policy::parse(&odd) {
            let _ = is_public(&policy, &bucket());
            let _ = external_accounts(&policy, &bucket());
            let _ = denies_insecure_transport(&policy, &bucket());
        }
        let _ = posture_policy::Policy::parse_text(&text);
    }
}
