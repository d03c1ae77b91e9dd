use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_policy::condition::{Request, evaluate_all};
use posture_policy::document::{Clause, Effect, Principal};
use posture_policy::escalation::{Gain, Need, On, Path, Target, escalations};
use posture_policy::estate::{Actor, ActorParts, Attached, Attempt, Estate, Thing};
use posture_policy::least_privilege::{Holder, LeastPrivilege, Report, least_privilege};
use posture_policy::pattern::{Pattern, Syntax};
use posture_policy::{
    Boundary, Found, IdentitySet, NamedPolicy, Policy, PolicySet, Requester, Tri, Verdict,
    denies_insecure_transport, external_accounts, is_public, unpinned_services,
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

    /// Services are told from statements that were narrowed to each service: they must be those of which
    /// the whole policies grant something. Beside a policy that was not read nothing is unused.
    #[test]
    fn services_are_those_of_which_something_is_allowed(
        statements in statements(false),
        boundary in proptest::option::of(statements(false)),
        unread in select(vec![false, true]),
        extra in statement(false),
    ) {
        let of = |statements: &[Value]| {
            let mut set = set(statements);
            if let Some(boundary) = &boundary {
                let policy = parse(&document(&json!(boundary)));
                set.boundary = Boundary::Policy(NamedPolicy::new("bound", policy));
            }
            if unread {
                set.unread.push("q".to_owned());
            }
            set
        };
        let report: Report = ["s3", "sqs"].map(|name| (name.to_owned(), None)).into();
        let look = |set: &IdentitySet| {
            let holder = Holder { set, report: Ok(&report), created: Some(0) };
            least_privilege(&holder, 500 * 86_400, 90)
        };
        let before = of(&statements);
        let found = look(&before);
        let listed = |name: &str| found.services.iter().any(|service| service.name == name);
        for action in ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"] {
            let service = action.split(':').next().unwrap_or_default();
            let allowed = before.allows(action);
            prop_assert!(listed(service) || allowed.is_no(), "{action}: {allowed:?}");
        }
        if unread {
            prop_assert_eq!(found.unused().count(), 0);
            prop_assert!(!found.policies.iter().any(|policy| policy.unused.is_yes()));
        }
        // An allow takes no service away, and a deny brings none.
        let mut more = statements.clone();
        more.push(extra.clone());
        let after = look(&of(&more));
        let names = |found: &LeastPrivilege| -> BTreeSet<String> {
            found.services.iter().map(|service| service.name.clone()).collect()
        };
        let (fewer, larger) = if extra["Effect"] == "Allow" {
            (names(&found), names(&after))
        } else {
            (names(&after), names(&found))
        };
        prop_assert!(fewer.is_subset(&larger), "{fewer:?} {larger:?}");
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

/// A rank of a decision: allowed above unknown above denied.
fn rank(decision: &str) -> u8 {
    match decision {
        "allowed" => 2,
        "unknown" => 1,
        _ => 0,
    }
}

fn policies(lists: &[&[Value]]) -> Value {
    lists
        .iter()
        .map(|statements| document(&json!(statements)))
        .collect()
}

/// The decision of a request with these identity policies and this resource policy.
#[expect(
    clippy::expect_used,
    reason = "the generated questions are well-formed"
)]
fn decision(identity: Value, resource: &[Value], request: &Value) -> String {
    let mut question = request.clone();
    question["identity_policies"] = identity;
    question["resource_policy"] = document(&json!(resource));
    let answer = posture_policy::question::evaluate(&question).expect("it is a question");
    answer["decision"].as_str().expect("a text").to_owned()
}

fn requests() -> impl Strategy<Value = Value> {
    (
        select(vec![
            format!("arn:aws:iam::{OWN}:user/ann"),
            format!("arn:aws:iam::{OTHER}:user/eve"),
            format!("arn:aws:iam::{OWN}:role/app"),
            OWN.to_owned(),
            "sns.amazonaws.com".to_owned(),
            "*".to_owned(),
        ]),
        select(vec![
            "s3:GetObject",
            "S3:putobject",
            "s3:ListBucket",
            "sqs:SendMessage",
            "kms:Decrypt",
        ]),
        select(vec!["arn:aws:s3:::b", "arn:aws:s3:::b/x", "arn:aws:s3:::c/x"]),
        select(vec![
            Value::Null,
            json!({}),
            json!({"aws:SecureTransport": "true", "aws:SourceIp": "203.0.113.9"}),
            json!({"aws:SecureTransport": "false", "aws:PrincipalOrgID": "o-own", "aws:NewKey": "x"}),
        ]),
        select(vec![None, Some("s3:Get*"), Some("*")]),
    )
        .prop_map(|(principal, action, resource, context, boundary)| {
            let mut request = json!({"principal": principal, "action": action, "resource": resource,
                "resource_account": OWN, "context": context});
            if let Some(action) = boundary {
                request["permission_boundary"] = document(&json!(
                    [{"Effect": "Allow", "Action": action, "Resource": "*"}]
                ));
            }
            request
        })
}

/// Texts over a few letters, of one byte and of several, so that patterns meet them.
fn words() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!['a', 'b', ':', 'é', '中', '🦀']), 0..9)
        .prop_map(|chars| chars.into_iter().collect())
}

fn globs() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!['a', 'b', ':', 'é', '中', '*', '*', '?']), 0..9)
        .prop_map(|chars| chars.into_iter().collect())
}

/// The plainest matcher.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
        Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
        Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
    }
}

fn wildcards(text: &str) -> Pattern {
    Pattern::new(
        text,
        Syntax {
            wildcards: true,
            variables: true,
            ignore_case: false,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn decisions_do_not_depend_on_spelling(
        identity in statements(false),
        resource in statements(true),
        request in requests(),
        cut in 0..5_usize,
    ) {
        let before = decision(policies(&[&identity]), &resource, &request);
        let reversed = |list: &[Value]| -> Vec<Value> { list.iter().rev().cloned().collect() };
        prop_assert_eq!(
            &decision(policies(&[&reversed(&identity)]), &reversed(&resource), &request),
            &before
        );
        let (one, two) = identity.split_at(cut.min(identity.len()));
        prop_assert_eq!(&decision(policies(&[one, two]), &resource, &request), &before);
        prop_assert_eq!(&decision(policies(&[two, &[], one]), &resource, &request), &before);
        let other = |list: &[Value]| -> Vec<Value> { list.iter().map(respelled).collect() };
        prop_assert_eq!(
            &decision(policies(&[&other(&identity)]), &other(&resource), &request),
            &before
        );
        let mut shouted = request.clone();
        shouted["action"] = json!(request["action"].as_str().expect("a text").to_uppercase());
        prop_assert_eq!(&decision(policies(&[&identity]), &resource, &shouted), &before);
    }

    #[test]
    fn an_allow_never_lowers_a_decision_and_a_deny_never_raises_it(
        identity in statements(false),
        resource in statements(true),
        extra in statement(false),
        extra_on in statement(true),
        request in requests(),
    ) {
        let before = decision(policies(&[&identity]), &resource, &request);
        let mut more = resource.clone();
        more.push(extra_on.clone());
        let after = [
            (&extra, decision(policies(&[&identity, std::slice::from_ref(&extra)]), &resource, &request)),
            (&extra_on, decision(policies(&[&identity]), &more, &request)),
        ];
        for (extra, after) in after {
            if extra["Effect"] == "Allow" {
                prop_assert!(rank(&after) >= rank(&before), "{before} to {after} by {extra}");
                // Nor does it take a certain denial away.
                prop_assert!(before != "explicit_deny" || after == before);
            } else {
                prop_assert!(rank(&after) <= rank(&before), "{before} to {after} by {extra}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_only_opens_decisions(
        identity in statements(false),
        request in requests(),
        allow in any::<bool>(),
    ) {
        let before = decision(policies(&[&identity]), &[], &request);
        let odd = json!({"Effect": if allow { "Allow" } else { "Deny" }, "Colour": "red"});
        let after = decision(policies(&[&identity, &[odd]]), &[], &request);
        // It may allow, or deny: nothing moves the other way, and a certain denial stays.
        prop_assert!(after == before || after == "unknown", "{before} to {after}");
        prop_assert!(before != "explicit_deny" || after == before);
        prop_assert!(allow || before != "implicit_deny" || after == before);
        prop_assert!(!allow || before != "allowed" || after == before);
    }

    #[test]
    fn what_is_allowed_is_possible_and_what_is_denied_is_not(
        identity in statements(false),
        resource in statements(true),
        action in select(vec!["s3:getobject", "s3:putobject", "s3:listbucket", "kms:decrypt"]),
        on in select(vec!["arn:aws:s3:::b", "arn:aws:s3:::b/x"]),
        account in select(vec![OWN, OTHER]),
        has_policy in any::<bool>(),
    ) {
        let actor = Actor::new(ActorParts {
            requester: Requester::parse(&format!("arn:aws:iam::{account}:user/ann")).expect("a user"),
            set: set(&identity),
            scps: Arc::default(),
            trust: Attached::None,
            customer_policies: Vec::new(),
            groups: Vec::new(),
            in_instance_profile: None,
            service_linked: false,
            tags: None,
        });
        let policy = NamedPolicy::new("", parse(&document(&json!(resource))));
        let thing = Thing {
            kind: "s3.bucket".to_owned(),
            arn: "arn:aws:s3:::b".to_owned(),
            account: OWN.to_owned(),
            region: "eu-west-1".to_owned(),
            policy: if has_policy {
                Attached::Set(Arc::new(PolicySet::new(vec![policy])))
            } else {
                Attached::None
            },
            restricted: Ok(false),
            roles: BTreeMap::new(),
            tags: None,
        };
        let estate = Estate { actors: vec![actor], things: vec![thing], ..Estate::default() };
        let attempt = Attempt { action, resource: on, passed_to: None };
        let actor = estate.actors.first().expect("there is one");
        let verdict = estate.can(actor, &attempt).verdict;
        let possible = estate.possible(actor, &attempt).0;
        match verdict {
            Verdict::Allowed => prop_assert!(possible.is_yes(), "{:?}", possible),
            Verdict::ExplicitDeny | Verdict::ImplicitDeny => prop_assert!(possible.is_no(), "{:?}", possible),
            Verdict::Unknown => {}
        }
    }

    #[test]
    fn patterns_match_as_the_plainest_matcher_does(pattern in globs(), text in words()) {
        let chars = |text: &str| -> Vec<char> { text.chars().collect() };
        let expected = naive(&chars(&pattern), &chars(&text));
        let quick = wildcards(&pattern);
        prop_assert_eq!(quick.matches(&text), expected, "{} on {}", pattern, text);
        prop_assert_eq!(quick.may_match(&text), expected);
        // A variable takes the other way through the matcher.
        let slow = wildcards(&format!("{pattern}${{aws:username}}"));
        prop_assert!(slow.has_variable() && !slow.matches(&text));
        prop_assert_eq!(slow.may_match(&text), naive(&chars(&format!("{pattern}*")), &chars(&text)));
    }

    #[test]
    fn wildcards_match_their_expansions(
        pieces in proptest::collection::vec((select(vec!["a", ":", "é", "中", "*", "?"]), words()), 0..8),
    ) {
        let pattern: String = pieces.iter().map(|(piece, _)| *piece).collect();
        let expansion: String = pieces
            .iter()
            .map(|(piece, filler)| match *piece {
                "*" => filler.clone(),
                "?" => "🦀".to_owned(),
                piece => piece.to_owned(),
            })
            .collect();
        prop_assert!(wildcards(&pattern).matches(&expansion), "{} on {}", pattern, expansion);
        let action = Pattern::action(&pattern.to_uppercase());
        prop_assert!(action.matches(&expansion.to_lowercase()));
        // And a literal matches itself alone.
        prop_assert!(Pattern::literal(&pattern).matches(&pattern));
        prop_assert_eq!(Pattern::literal(&pattern).matches(&expansion), pattern == expansion);
    }

    #[test]
    fn cuts_are_what_removing_a_step_cuts_off(
        steps in proptest::collection::btree_set((0..7_usize, 0..8_usize), 0..16),
    ) {
        // Roles 0 to 6 take others, 7 is the administrator.
        let arn = |index: usize| format!("arn:aws:iam::{OWN}:role/r{index}");
        let trust = json!([{"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "sts:AssumeRole"}]);
        let trust = Attached::Set(Arc::new(PolicySet::new(vec![NamedPolicy::new("", parse(&document(&trust)))])));
        let actors = (0..8_usize)
            .map(|index| {
                let mut statements: Vec<Value> = steps
                    .iter()
                    .filter(|(from, _)| *from == index)
                    .map(|(_, to)| json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn(*to)}))
                    .collect();
                if index == 7 {
                    statements.push(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
                }
                Actor::new(ActorParts {
                    requester: Requester::parse(&arn(index)).expect("a role"),
                    set: set(&statements),
                    scps: Arc::default(),
                    trust: trust.clone(),
                    customer_policies: Vec::new(),
                    groups: Vec::new(),
                    in_instance_profile: None,
                    service_linked: false,
                    tags: None,
                })
            })
            .collect();
        let estate = Estate { actors, ..Estate::default() };
        let path = Path {
            id: "assume".to_owned(),
            title: String::new(),
            target: Target::Role,
            trusts: Vec::new(),
            instance_profile: false,
            needs: vec![Need::new("sts:AssumeRole", On::Target, None)],
            gains: Gain::Target,
        };
        let found = escalations(&estate, &[path]);
        // How far everyone is from the administrator, worked out round by round.
        let distances = |without: Option<(usize, usize)>| -> BTreeMap<usize, usize> {
            let mut reached = BTreeMap::from([(7, 0)]);
            for round in 1..8 {
                for (from, to) in steps.iter().filter(|step| Some(**step) != without && step.0 != step.1) {
                    if reached.get(to) == Some(&(round - 1)) {
                        reached.entry(*from).or_insert(round);
                    }
                }
            }
            reached
        };
        let all = distances(None);
        let shortest: BTreeMap<String, usize> = found
            .principals
            .iter()
            .map(|p| (p.principal.clone(), p.chains.first().map_or(0, |chain| chain.hops.len())))
            .collect();
        let expected: BTreeMap<String, usize> = all.iter().map(|(index, hops)| (arn(*index), *hops)).collect();
        prop_assert_eq!(shortest, expected);
        let mut cuts: Vec<(String, String, Vec<String>)> = found
            .cuts
            .into_iter()
            .map(|cut| (cut.from, cut.to, cut.principals))
            .collect();
        cuts.sort();
        let mut expected: Vec<(String, String, Vec<String>)> = steps
            .iter()
            .filter_map(|step| {
                let left = distances(Some(*step));
                let lost: Vec<String> = all.keys().filter(|index| !left.contains_key(index)).map(|index| arn(*index)).collect();
                (!lost.is_empty()).then(|| (arn(step.0), arn(step.1), lost))
            })
            .collect();
        expected.sort();
        prop_assert_eq!(cuts, expected);
    }
}
