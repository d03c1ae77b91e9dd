//! Requests and what becomes of them, asked as JSON.
#![expect(clippy::expect_used, reason = "a helper of tests fails them")]

use posture_policy::question::evaluate;
use serde_json::{Value, json};

use crate::{OTHER, OWN, document};

pub(crate) const USER: &str = "arn:aws:iam::111122223333:user/ann";
const ROLE: &str = "arn:aws:iam::111122223333:role/team/app";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/app/s1";
const FOREIGN: &str = "arn:aws:iam::444455556666:user/eve";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";
const TARGET: &str = "arn:aws:iam::111122223333:role/target";

pub(crate) fn allow(action: &str, resource: &str) -> Value {
    document(&json!([{"Sid": "Yes", "Effect": "Allow", "Action": action, "Resource": resource}]))
}

fn deny(action: &str, resource: &str) -> Value {
    document(&json!([{"Sid": "No", "Effect": "Deny", "Action": action, "Resource": resource}]))
}

/// A resource policy of one statement.
fn on(effect: &str, principal: Value, action: &str) -> Value {
    document(&json!([
        {"Sid": "R", "Effect": effect, "Principal": principal, "Action": action, "Resource": "*"},
    ]))
}

/// A trust policy of one statement.
fn trust(principal: Value) -> Value {
    document(
        &json!([{"Sid": "T", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]),
    )
}

fn aws(name: &str) -> Value {
    json!({"AWS": name})
}

/// Ann reads an object, apart from what is said otherwise.
pub(crate) fn ask(extra: Value) -> Value {
    let mut question = json!({
        "principal": USER,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/x",
        "context": {},
    });
    for (key, value) in extra.as_object().expect("an object") {
        question[key] = value.clone();
    }
    question
}

/// The decision and the reasons as one text.
pub(crate) fn decide(question: &Value) -> (String, String) {
    let answer = match evaluate(question) {
        Ok(answer) => answer,
        Err(error) => panic!("{error} in {question}"),
    };
    let reasons: Vec<&str> = answer["reasons"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|reason| reason.as_str().expect("a text"))
        .collect();
    assert!(!reasons.is_empty(), "no reason for {question}");
    (
        answer["decision"].as_str().expect("a text").to_owned(),
        reasons.join(" | "),
    )
}

/// What is asked, the decision, and a part of the reasons.
type Case = (&'static str, Value, &'static str, &'static str);

#[track_caller]
fn table(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (what, extra, expected, reason) in cases {
        let question = ask(extra);
        let (decision, reasons) = decide(&question);
        if decision != expected || !reasons.contains(reason) {
            wrong.push(format!(
                "{what}: expected {expected} ({reason}), got {decision} ({reasons})"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_explicit_deny_of_any_layer_wins() {
    let full = allow("*", "*");
    let everyone = on("Allow", json!("*"), "s3:*");
    let base = |extra: Value| {
        let mut question = json!({
            "identity_policies": [full],
            "resource_policy": everyone,
            "permission_boundary": full,
            "session_policies": [full],
            "scps": [[full], [full]],
            "rcps": [[on("Allow", json!("*"), "*")]],
        });
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        question
    };
    let no = deny("s3:Get*", "*");
    table(vec![
        (
            "all layers allow",
            base(json!({})),
            "allowed",
            "identity policy 1, statement 1 \"Yes\" allows",
        ),
        (
            "identity",
            base(json!({"identity_policies": [full, no]})),
            "explicit_deny",
            "identity policy 2, statement 1 \"No\" denies",
        ),
        (
            "boundary",
            base(json!({"permission_boundary": document(&json!([
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"},
            ]))})),
            "explicit_deny",
            "permission boundary, statement 2 denies",
        ),
        (
            "session",
            base(json!({"session_policies": [full, no]})),
            "explicit_deny",
            "session policy 2, statement 1 \"No\" denies",
        ),
        (
            "resource",
            base(json!({"resource_policy": on("Deny", aws(USER), "s3:GetObject")})),
            "explicit_deny",
            "resource policy, statement 1 \"R\" denies",
        ),
        (
            "service control, second level",
            base(json!({"scps": [[full], [full, no]]})),
            "explicit_deny",
            "service control policy 2.2, statement 1 \"No\" denies",
        ),
        (
            "resource control",
            base(
                json!({"rcps": [[on("Allow", json!("*"), "*"), document(&json!([
                    {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
                ]))]]}),
            ),
            "explicit_deny",
            "resource control policy 1.2, statement 1 denies",
        ),
        (
            "a deny of something else",
            base(json!({"identity_policies": [full, deny("s3:PutObject", "*")]})),
            "allowed",
            "allows",
        ),
        (
            "two layers deny, both are named",
            base(json!({"identity_policies": [full, no], "session_policies": [no]})),
            "explicit_deny",
            "identity policy 2, statement 1 \"No\" denies | session policy 1, statement 1 \"No\" denies",
        ),
    ]);
}

#[test]
fn control_policies_allow_at_every_level() {
    let full = allow("*", "*");
    let s3 = allow("s3:*", "*");
    let ec2 = allow("ec2:*", "*");
    let with = |scps: Value| json!({"identity_policies": [full], "scps": scps});
    let every = on("Allow", json!("*"), "*");
    let guarded = |rcps: Value| json!({"identity_policies": [full], "rcps": rcps});
    table(vec![
        (
            "one level",
            with(json!([[s3]])),
            "allowed",
            "service control policy 1.1, statement 1",
        ),
        (
            "any of a level",
            with(json!([[ec2, s3]])),
            "allowed",
            "service control policy 1.2",
        ),
        ("both levels", with(json!([[full], [s3]])), "allowed", ""),
        (
            "not the second",
            with(json!([[full], [ec2]])),
            "implicit_deny",
            "no service control policy allows it at level 2",
        ),
        (
            "not the first",
            with(json!([[ec2], [full]])),
            "implicit_deny",
            "no service control policy allows it at level 1",
        ),
        (
            "an empty level",
            with(json!([[full], []])),
            "implicit_deny",
            "level 2",
        ),
        ("no levels", with(json!([])), "allowed", ""),
        (
            "they grant nothing",
            json!({"identity_policies": [], "scps": [[full]]}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "they bind the root user",
            json!({"principal": OWN, "scps": [[ec2]]}),
            "implicit_deny",
            "level 1",
        ),
        (
            "they bind access that a resource policy gives",
            json!({"resource_policy": on("Allow", aws(USER), "s3:*"), "scps": [[ec2]]}),
            "implicit_deny",
            "level 1",
        ),
        (
            "they do not bind services",
            json!({
                "principal": "cloudtrail.amazonaws.com",
                "resource_policy": on("Allow", json!({"Service": "cloudtrail.amazonaws.com"}), "s3:*"),
                "scps": [[ec2]],
            }),
            "allowed",
            "resource policy",
        ),
        (
            "they do not bind service-linked roles",
            json!({
                "principal": "arn:aws:iam::111122223333:role/aws-service-role/trustedadvisor.amazonaws.com/AWSServiceRoleForTrustedAdvisor",
                "identity_policies": [full],
                "scps": [[deny("*", "*")]],
                "rcps": [[on("Deny", json!("*"), "*")]],
            }),
            "allowed",
            "identity policy 1",
        ),
        (
            "a role that only looks like one is bound",
            json!({
                "principal": "arn:aws:iam::111122223333:role/mine/aws-service-role/x",
                "identity_policies": [full],
                "scps": [[deny("*", "*")]],
            }),
            "explicit_deny",
            "service control policy",
        ),
        (
            "resource control",
            guarded(json!([[every]])),
            "allowed",
            "identity policy 1",
        ),
        (
            "resource control by what it allows",
            guarded(json!([[on("Allow", json!("*"), "s3:*")]])),
            "allowed",
            "resource control policy 1.1, statement 1",
        ),
        (
            "resource control names everyone",
            guarded(json!([[full]])),
            "unknown",
            "does not name the principals",
        ),
        (
            "resource control names nobody else",
            guarded(json!([[on("Allow", aws(OWN), "s3:*")]])),
            "unknown",
            "does not name the principals",
        ),
        (
            "resource control at each level",
            guarded(json!([[every], [on("Allow", json!("*"), "sqs:*")]])),
            "implicit_deny",
            "no resource control policy allows it at level 2",
        ),
        (
            "resource control binds callers without credentials",
            json!({
                "principal": "*",
                "resource_policy": on("Allow", json!("*"), "s3:*"),
                "rcps": [[every, on("Deny", json!("*"), "s3:*")]],
            }),
            "explicit_deny",
            "resource control policy 1.2",
        ),
        (
            "resource control does not bind IAM",
            json!({
                "action": "iam:GetRole",
                "resource": TARGET,
                "identity_policies": [full],
                "rcps": [[on("Deny", json!("*"), "*")]],
            }),
            "allowed",
            "identity policy 1",
        ),
        (
            "whether resource control binds a newer service is open",
            json!({
                "action": "quantum:Leap",
                "resource": "arn:aws:quantum:eu-west-1:111122223333:x",
                "identity_policies": [full],
                "rcps": [[every, on("Deny", json!("*"), "*")]],
            }),
            "unknown",
            "is not known to this version",
        ),
    ]);
}

#[test]
fn boundary_and_session_intersect() {
    let full = allow("*", "*");
    let get = allow("s3:Get*", "*");
    let put = allow("s3:Put*", "*");
    table(vec![
        (
            "identity and boundary",
            json!({"identity_policies": [full], "permission_boundary": get}),
            "allowed",
            "permission boundary, statement 1",
        ),
        (
            "the boundary leaves it out",
            json!({"identity_policies": [full], "permission_boundary": put}),
            "implicit_deny",
            "the permission boundary does not allow it",
        ),
        (
            "a boundary grants nothing",
            json!({"permission_boundary": full}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "identity and session",
            json!({"principal": SESSION, "identity_policies": [full], "session_policies": [put, get]}),
            "allowed",
            "session policy 2, statement 1",
        ),
        (
            "the session leaves it out",
            json!({"principal": SESSION, "identity_policies": [full], "session_policies": [put]}),
            "implicit_deny",
            "no session policy allows it",
        ),
        (
            "a session grants nothing",
            json!({"principal": SESSION, "session_policies": [full]}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "identity, boundary and session",
            json!({"principal": SESSION, "identity_policies": [full], "permission_boundary": get, "session_policies": [put]}),
            "implicit_deny",
            "no session policy allows it",
        ),
        (
            "an empty list of session policies is none",
            json!({"principal": SESSION, "identity_policies": [full], "session_policies": []}),
            "allowed",
            "identity policy 1",
        ),
        (
            "several identity policies, as those of groups, add up",
            json!({"identity_policies": [put, get]}),
            "allowed",
            "identity policy 2",
        ),
        (
            "nothing",
            json!({}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "the root user",
            json!({"principal": OWN}),
            "allowed",
            "the root user",
        ),
    ]);
}

#[test]
fn within_an_account_one_side_is_enough_and_across_accounts_both_are_needed() {
    let get = allow("s3:GetObject", "*");
    let theirs = |extra: Value| {
        let mut question = json!({"principal": FOREIGN, "resource_account": OWN});
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        question
    };
    table(vec![
        (
            "identity alone",
            json!({"identity_policies": [get]}),
            "allowed",
            "identity policy 1",
        ),
        (
            "identity alone, beside a policy for somebody else",
            json!({"identity_policies": [get], "resource_policy": on("Allow", aws(FOREIGN), "s3:*")}),
            "allowed",
            "identity policy 1",
        ),
        (
            "resource alone",
            json!({"resource_policy": on("Allow", aws(USER), "s3:*")}),
            "allowed",
            "resource policy, statement 1 \"R\" allows",
        ),
        (
            "resource alone, for everyone",
            json!({"resource_policy": on("Allow", json!("*"), "s3:*")}),
            "allowed",
            "resource policy",
        ),
        (
            "the account is not its users",
            json!({"resource_policy": on("Allow", aws(OWN), "s3:*")}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "neither",
            json!({}),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "across: identity alone",
            theirs(json!({"identity_policies": [get]})),
            "implicit_deny",
            "the resource has no policy that allows it",
        ),
        (
            "across: resource alone",
            theirs(json!({"resource_policy": on("Allow", aws(FOREIGN), "s3:*")})),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "across: both, by name",
            theirs(
                json!({"identity_policies": [get], "resource_policy": on("Allow", aws(FOREIGN), "s3:*")}),
            ),
            "allowed",
            "identity policy 1, statement 1 \"Yes\" allows | resource policy, statement 1 \"R\" allows",
        ),
        (
            "across: both, by account",
            theirs(
                json!({"identity_policies": [get], "resource_policy": on("Allow", aws(OTHER), "s3:*")}),
            ),
            "allowed",
            "resource policy",
        ),
        (
            "across: both, for everyone",
            theirs(
                json!({"identity_policies": [get], "resource_policy": on("Allow", json!("*"), "s3:*")}),
            ),
            "allowed",
            "resource policy",
        ),
        (
            "across: the policy is for another account",
            theirs(
                json!({"identity_policies": [get], "resource_policy": on("Allow", aws("777788889999"), "s3:*")}),
            ),
            "implicit_deny",
            "the resource's policy does not allow it",
        ),
        (
            "across: the boundary counts though the policy names the user",
            theirs(json!({
                "identity_policies": [get],
                "permission_boundary": allow("s3:Put*", "*"),
                "resource_policy": on("Allow", aws(FOREIGN), "s3:*"),
            })),
            "implicit_deny",
            "the permission boundary does not allow it",
        ),
        (
            "without an owner the ARN tells the account",
            json!({
                "action": "sqs:SendMessage",
                "resource": "arn:aws:sqs:eu-west-1:444455556666:q",
                "identity_policies": [allow("sqs:*", "*")],
            }),
            "implicit_deny",
            "the resource has no policy that allows it",
        ),
        (
            "no credentials, for everyone",
            json!({"principal": "*", "resource_policy": on("Allow", json!("*"), "s3:*")}),
            "allowed",
            "resource policy",
        ),
        (
            "no credentials, for one account",
            json!({"principal": "*", "resource_policy": on("Allow", aws(OWN), "s3:*")}),
            "implicit_deny",
            "the resource's policy does not allow it",
        ),
    ]);
}

#[test]
fn trust_and_key_policies_allow_by_themselves() {
    let assume = |extra: Value| {
        let mut question = json!({"action": "sts:AssumeRole", "resource": TARGET});
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        question
    };
    let decrypt = |extra: Value| {
        let mut question = json!({"action": "kms:Decrypt", "resource": KEY});
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        question
    };
    let root = format!("arn:aws:iam::{OWN}:root");
    let sts = allow("sts:AssumeRole", TARGET);
    let kms = allow("kms:Decrypt", "*");
    table(vec![
        (
            "role: identity alone",
            assume(json!({"identity_policies": [sts]})),
            "implicit_deny",
            "the resource has no policy that allows it",
        ),
        (
            "role: identity, and trust of somebody else",
            assume(json!({"identity_policies": [sts], "resource_policy": trust(aws(FOREIGN))})),
            "implicit_deny",
            "the resource's policy does not allow it",
        ),
        (
            "role: trust by name",
            assume(json!({"resource_policy": trust(aws(USER))})),
            "allowed",
            "resource policy, statement 1 \"T\" allows",
        ),
        (
            "role: trust of the account, no identity policy",
            assume(json!({"resource_policy": trust(aws(&root))})),
            "implicit_deny",
            "the resource's policy does not allow it",
        ),
        (
            "role: trust of the account, and an identity policy",
            assume(json!({"identity_policies": [sts], "resource_policy": trust(aws(&root))})),
            "allowed",
            "identity policy 1",
        ),
        (
            "role: an account's id is its root",
            assume(json!({"identity_policies": [sts], "resource_policy": trust(aws(OWN))})),
            "allowed",
            "identity policy 1",
        ),
        (
            "role: trust of the account, and a boundary that leaves it out",
            assume(json!({
                "identity_policies": [sts],
                "permission_boundary": allow("s3:*", "*"),
                "resource_policy": trust(aws(&root)),
            })),
            "implicit_deny",
            "",
        ),
        (
            "role: a service that is trusted",
            assume(
                json!({"principal": "ec2.amazonaws.com", "resource_policy": trust(json!({"Service": "ec2.amazonaws.com"}))}),
            ),
            "allowed",
            "resource policy",
        ),
        (
            "role: a service that is not",
            assume(
                json!({"principal": "ec2.amazonaws.com", "resource_policy": trust(json!({"Service": "lambda.amazonaws.com"}))}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "role: across accounts by name, trust alone",
            assume(json!({"principal": FOREIGN, "resource_policy": trust(aws(FOREIGN))})),
            "implicit_deny",
            "no identity policy allows it",
        ),
        (
            "role: across accounts, both",
            assume(
                json!({"principal": FOREIGN, "identity_policies": [sts], "resource_policy": trust(aws(OTHER))}),
            ),
            "allowed",
            "",
        ),
        (
            "role: the external id is asked for and not given",
            assume(json!({
                "principal": FOREIGN,
                "identity_policies": [sts],
                "resource_policy": document(&json!({"Effect": "Allow", "Principal": aws(OTHER), "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": "secret"}}})),
            })),
            "implicit_deny",
            "",
        ),
        (
            "role: trust does not govern what is done to the role",
            json!({"action": "iam:GetRole", "resource": TARGET, "identity_policies": [allow("iam:Get*", "*")]}),
            "allowed",
            "",
        ),
        (
            "key: identity alone",
            decrypt(json!({"identity_policies": [kms]})),
            "implicit_deny",
            "",
        ),
        (
            "key: key policy by name",
            decrypt(json!({"resource_policy": on("Allow", aws(USER), "kms:*")})),
            "allowed",
            "resource policy",
        ),
        (
            "key: key policy for the account alone",
            decrypt(json!({"resource_policy": on("Allow", aws(&root), "kms:*")})),
            "implicit_deny",
            "",
        ),
        (
            "key: key policy for the account, and an identity policy",
            decrypt(
                json!({"identity_policies": [kms], "resource_policy": on("Allow", aws(&root), "kms:*")}),
            ),
            "allowed",
            "identity policy 1",
        ),
        (
            "key: the root user, without the key policy",
            decrypt(json!({"principal": OWN, "resource_policy": on("Allow", aws(USER), "kms:*")})),
            "implicit_deny",
            "",
        ),
        (
            "key: actions about no key",
            json!({"action": "kms:ListKeys", "resource": "*", "identity_policies": [allow("kms:List*", "*")]}),
            "allowed",
            "identity policy 1",
        ),
    ]);
}

#[test]
fn a_resource_policy_that_names_the_user_or_session_passes_the_boundary() {
    let other = allow("ec2:*", "*");
    let bounded = |who: &str, principal: Value| {
        json!({
            "principal": who,
            "permission_boundary": other,
            "resource_policy": on("Allow", principal, "s3:*"),
        })
    };
    let narrowed = |who: &str, principal: Value| {
        json!({
            "principal": who,
            "session_policies": [other],
            "resource_policy": on("Allow", principal, "s3:*"),
        })
    };
    table(vec![
        (
            "the user",
            bounded(USER, aws(USER)),
            "allowed",
            "resource policy",
        ),
        (
            "the session",
            bounded(SESSION, aws(SESSION)),
            "allowed",
            "resource policy",
        ),
        (
            "the role",
            bounded(SESSION, aws(ROLE)),
            "implicit_deny",
            "the permission boundary",
        ),
        (
            "the role, of any session",
            bounded(ROLE, aws(ROLE)),
            "implicit_deny",
            "the permission boundary",
        ),
        ("the account", bounded(USER, aws(OWN)), "implicit_deny", ""),
        (
            "everyone is not documented",
            bounded(USER, json!("*")),
            "unknown",
            "not documented",
        ),
        (
            "session policy, the session",
            narrowed(SESSION, aws(SESSION)),
            "allowed",
            "resource policy",
        ),
        (
            "session policy, the role",
            narrowed(SESSION, aws(ROLE)),
            "implicit_deny",
            "no session policy",
        ),
        (
            "another session of the same role",
            bounded(
                SESSION,
                aws("arn:aws:sts::111122223333:assumed-role/app/s2"),
            ),
            "implicit_deny",
            "",
        ),
        (
            "the role without a boundary",
            json!({"principal": SESSION, "resource_policy": on("Allow", aws(ROLE), "s3:*")}),
            "allowed",
            "resource policy",
        ),
        (
            "a boundary's explicit deny still decides",
            json!({
                "permission_boundary": deny("s3:*", "*"),
                "resource_policy": on("Allow", aws(USER), "s3:*"),
            }),
            "explicit_deny",
            "permission boundary",
        ),
        (
            "whichever session: one of them by name depends",
            json!({"principal": ROLE, "resource_policy": on("Allow", aws(SESSION), "s3:*")}),
            "unknown",
            "the name of the role's session",
        ),
    ]);
}

#[test]
fn who_am_i_cannot_be_denied() {
    table(vec![
        (
            "denied everywhere",
            json!({
                "action": "STS:getCallerIdentity",
                "resource": "*",
                "identity_policies": [deny("*", "*")],
                "permission_boundary": deny("*", "*"),
                "scps": [[deny("*", "*")]],
            }),
            "allowed",
            "cannot be denied",
        ),
        (
            "nothing allows",
            json!({"action": "sts:GetCallerIdentity", "resource": "*"}),
            "allowed",
            "",
        ),
    ]);
}

#[test]
fn complements() {
    let not_principal = |effect: &str, principals: Value| {
        document(
            &json!({"Effect": effect, "NotPrincipal": {"AWS": principals}, "Action": "s3:*", "Resource": "*"}),
        )
    };
    let full = allow("*", "*");
    let not_action = document(&json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}));
    let not_resource =
        document(&json!({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}));
    table(vec![
        (
            "NotAction allows the rest",
            json!({"identity_policies": [not_action]}),
            "allowed",
            "",
        ),
        (
            "NotAction leaves out what it lists, in any case",
            json!({"identity_policies": [not_action], "action": "IAM:GetUser", "resource": USER}),
            "implicit_deny",
            "",
        ),
        (
            "Deny NotAction",
            json!({"identity_policies": [full, document(&json!({"Effect": "Deny", "NotAction": ["s3:Put*"], "Resource": "*"}))]}),
            "explicit_deny",
            "",
        ),
        (
            "Deny NotAction spares what it lists",
            json!({"identity_policies": [full, document(&json!({"Effect": "Deny", "NotAction": ["s3:Get*"], "Resource": "*"}))]}),
            "allowed",
            "",
        ),
        (
            "NotResource leaves out",
            json!({"identity_policies": [not_resource]}),
            "implicit_deny",
            "",
        ),
        (
            "NotResource allows the rest",
            json!({"identity_policies": [not_resource], "resource": "arn:aws:s3:::c/x"}),
            "allowed",
            "",
        ),
        (
            "Deny NotResource",
            json!({"identity_policies": [full, document(&json!({"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::c/*"}))]}),
            "explicit_deny",
            "",
        ),
        (
            "Allow NotPrincipal admits everybody else",
            json!({"resource_policy": not_principal("Allow", json!([FOREIGN]))}),
            "allowed",
            "",
        ),
        (
            "anonymous callers too",
            json!({"principal": "*", "resource_policy": not_principal("Allow", json!([FOREIGN]))}),
            "allowed",
            "",
        ),
        (
            "not the excepted one",
            json!({"resource_policy": not_principal("Allow", json!([USER]))}),
            "implicit_deny",
            "",
        ),
        (
            "Deny NotPrincipal denies everybody else",
            json!({"identity_policies": [full], "resource_policy": not_principal("Deny", json!([FOREIGN, OTHER]))}),
            "explicit_deny",
            "resource policy",
        ),
        (
            "it spares one who is excepted together with its account",
            json!({"identity_policies": [full], "resource_policy": not_principal("Deny", json!([USER, OWN]))}),
            "allowed",
            "",
        ),
        (
            "one without its account is not documented",
            json!({"identity_policies": [full], "resource_policy": not_principal("Deny", json!([USER]))}),
            "unknown",
            "NotPrincipal lists the principal without its account",
        ),
        (
            "the account without the principal neither",
            json!({"identity_policies": [full], "resource_policy": not_principal("Deny", json!([OWN]))}),
            "unknown",
            "or the account without the principal",
        ),
        (
            "with a boundary it denies always",
            json!({
                "identity_policies": [full],
                "permission_boundary": full,
                "resource_policy": not_principal("Deny", json!([USER, OWN])),
            }),
            "explicit_deny",
            "resource policy",
        ),
        (
            "a boundary does not change a deny of somebody else",
            json!({
                "identity_policies": [full],
                "permission_boundary": full,
                "resource_policy": on("Deny", aws(FOREIGN), "s3:*"),
            }),
            "allowed",
            "",
        ),
        (
            "nor one of another action",
            json!({
                "identity_policies": [full],
                "permission_boundary": full,
                "resource_policy": document(&json!({"Effect": "Deny", "NotPrincipal": aws(OWN), "Action": "s3:Put*", "Resource": "*"})),
            }),
            "allowed",
            "",
        ),
    ]);
}

#[test]
fn principals() {
    let lets = |who: &str, principal: Value| json!({"principal": who, "resource_policy": on("Allow", principal, "s3:*")});
    table(vec![
        ("*", lets(USER, json!("*")), "allowed", ""),
        ("AWS *", lets(USER, aws("*")), "allowed", ""),
        (
            "AWS * without credentials",
            lets("*", aws("*")),
            "allowed",
            "",
        ),
        (
            "a list",
            lets(USER, json!({"AWS": [FOREIGN, USER]})),
            "allowed",
            "",
        ),
        (
            "another user",
            lets(USER, aws("arn:aws:iam::111122223333:user/bob")),
            "implicit_deny",
            "",
        ),
        (
            "letter case of a name matters",
            lets(USER, aws("arn:aws:iam::111122223333:user/Ann")),
            "implicit_deny",
            "",
        ),
        ("the root user by id", lets(OWN, aws(OWN)), "allowed", ""),
        (
            "a partial wildcard is no principal",
            lets(USER, aws("arn:aws:iam::111122223333:user/*")),
            "unknown",
            "not of a documented form",
        ),
        (
            "a partial wildcard of another account is not this one",
            lets(USER, aws("arn:aws:iam::444455556666:user/*")),
            "implicit_deny",
            "",
        ),
        (
            "a deleted principal",
            lets(USER, aws("AIDAQQQQQQQQQQQQQQQQQ")),
            "implicit_deny",
            "",
        ),
        (
            "a service",
            lets(
                "sns.amazonaws.com",
                json!({"Service": ["sqs.amazonaws.com", "sns.amazonaws.com"]}),
            ),
            "allowed",
            "",
        ),
        (
            "another service",
            lets("sns.amazonaws.com", json!({"Service": "sqs.amazonaws.com"})),
            "implicit_deny",
            "",
        ),
        (
            "a service is no user",
            lets(USER, json!({"Service": "sqs.amazonaws.com"})),
            "implicit_deny",
            "",
        ),
        (
            "a canonical user is some account",
            json!({
                "principal": FOREIGN,
                "resource_account": OWN,
                "identity_policies": [allow("s3:*", "*")],
                "resource_policy": on("Allow", json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}), "s3:*"),
            }),
            "unknown",
            "canonical user",
        ),
        (
            "a canonical user is an account, not its users",
            lets(
                USER,
                json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "what is not understood beside the account may name the user",
            lets(
                USER,
                json!({"AWS": [OWN, "arn:aws:iam::111122223333:user/*"]}),
            ),
            "unknown",
            "not of a documented form",
        ),
        (
            "a role's path is not in its session's ARN",
            lets(SESSION, aws("arn:aws:iam::111122223333:role/team/app")),
            "allowed",
            "",
        ),
        (
            "a statement without principal",
            json!({"resource_policy": allow("s3:*", "*")}),
            "unknown",
            "no principal",
        ),
        (
            "an identity policy with principal",
            json!({"identity_policies": [on("Allow", json!("*"), "s3:*")]}),
            "unknown",
            "does not name the principals",
        ),
        (
            "a federated provider",
            json!({
                "principal": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
                "action": "sts:AssumeRoleWithWebIdentity",
                "resource": TARGET,
                "resource_policy": document(&json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}})),
            }),
            "allowed",
            "",
        ),
    ]);
}

#[test]
fn documents_in_all_spellings() {
    let with = |statement: Value| json!({"identity_policies": [document(&statement)]});
    table(vec![
        (
            "a statement that is an object",
            with(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})),
            "allowed",
            "",
        ),
        (
            "lists",
            with(
                json!([{"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b/*"]}]),
            ),
            "allowed",
            "",
        ),
        (
            "action names ignore case",
            with(json!({"Effect": "Allow", "Action": "S3:getobject", "Resource": "*"})),
            "allowed",
            "",
        ),
        (
            "so do those of the request",
            json!({"action": "S3:GETOBJECT", "identity_policies": [allow("s3:GetObject", "*")]}),
            "allowed",
            "",
        ),
        (
            "resources do not",
            with(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::B/*"})),
            "implicit_deny",
            "",
        ),
        (
            "Effect does not",
            with(json!({"Effect": "allow", "Action": "s3:*", "Resource": "*"})),
            "unknown",
            "Effect",
        ),
        (
            "element names do not",
            with(json!({"effect": "Allow", "Action": "s3:*", "Resource": "*"})),
            "unknown",
            "effect",
        ),
        (
            "? is one character",
            with(
                json!({"Effect": "Allow", "Action": "s3:Get?bject", "Resource": "arn:aws:s3:::?/x"}),
            ),
            "allowed",
            "",
        ),
        (
            "? is not none",
            with(json!({"Effect": "Allow", "Action": "s3:GetObject?", "Resource": "*"})),
            "implicit_deny",
            "",
        ),
        (
            "* in the service",
            with(json!({"Effect": "Allow", "Action": "s*:GetObject", "Resource": "*"})),
            "allowed",
            "",
        ),
        (
            "* in the middle",
            with(json!({"Effect": "Allow", "Action": "s3:*Object", "Resource": "arn:*:s3:::*/x"})),
            "allowed",
            "",
        ),
        (
            "another service",
            with(json!({"Effect": "Allow", "Action": "s3-object-lambda:*", "Resource": "*"})),
            "implicit_deny",
            "",
        ),
        ("no statements", with(json!([])), "implicit_deny", ""),
        (
            "numbers and booleans as values",
            json!({
                "identity_policies": [document(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                    "Condition": {"NumericLessThanEquals": {"s3:max-keys": 10}, "Bool": {"aws:SecureTransport": true}}}))],
                "context": {"s3:max-keys": 10, "aws:SecureTransport": true},
            }),
            "allowed",
            "",
        ),
    ]);
}

#[test]
fn conditions() {
    let with = |condition: Value, context: Value| {
        json!({
            "identity_policies": [document(&json!({"Sid": "C", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}))],
            "context": context,
        })
    };
    let tag = "aws:PrincipalTag/team";
    table(vec![
        (
            "holds",
            with(json!({"StringEquals": {tag: "a"}}), json!({tag: "a"})),
            "allowed",
            "",
        ),
        (
            "does not",
            with(json!({"StringEquals": {tag: "a"}}), json!({tag: "b"})),
            "implicit_deny",
            "",
        ),
        (
            "values mind case",
            with(json!({"StringEquals": {tag: "A"}}), json!({tag: "a"})),
            "implicit_deny",
            "",
        ),
        (
            "unless the operator does not",
            with(
                json!({"StringEqualsIgnoreCase": {tag: "A"}}),
                json!({tag: "a"}),
            ),
            "allowed",
            "",
        ),
        (
            "keys do not",
            with(
                json!({"StringEquals": {"AWS:principaltag/TEAM": "a"}}),
                json!({tag: "a"}),
            ),
            "allowed",
            "",
        ),
        (
            "several keys are AND",
            with(
                json!({"StringEquals": {tag: "a", "aws:PrincipalTag/env": "p"}}),
                json!({tag: "a", "aws:PrincipalTag/env": "q"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "so are several operators",
            with(
                json!({"StringEquals": {tag: "a"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
                json!({tag: "a", "aws:SourceIp": "11.0.0.1"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "several values are OR",
            with(
                json!({"StringEquals": {tag: ["a", "b"]}}),
                json!({tag: "b"}),
            ),
            "allowed",
            "",
        ),
        (
            "negated, they are NOR",
            with(
                json!({"StringNotEquals": {tag: ["a", "b"]}}),
                json!({tag: "b"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "none of them",
            with(
                json!({"StringNotEquals": {tag: ["a", "b"]}}),
                json!({tag: "c"}),
            ),
            "allowed",
            "",
        ),
        (
            "a missing key",
            with(json!({"StringEquals": {tag: "a"}}), json!({})),
            "implicit_deny",
            "",
        ),
        (
            "negated over a missing key",
            with(json!({"StringNotEquals": {tag: "a"}}), json!({})),
            "allowed",
            "",
        ),
        (
            "IfExists over a missing key",
            with(json!({"StringEqualsIfExists": {tag: "a"}}), json!({})),
            "allowed",
            "",
        ),
        (
            "IfExists over another value",
            with(
                json!({"StringEqualsIfExists": {tag: "a"}}),
                json!({tag: "b"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "ForAllValues over a missing key",
            with(
                json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}),
                json!({}),
            ),
            "allowed",
            "",
        ),
        (
            "ForAllValues over no value",
            with(
                json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}),
                json!({"aws:TagKeys": []}),
            ),
            "allowed",
            "",
        ),
        (
            "ForAllValues over one too many",
            with(
                json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}),
                json!({"aws:TagKeys": ["a", "b"]}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "ForAnyValue",
            with(
                json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}),
                json!({"aws:TagKeys": ["b", "a"]}),
            ),
            "allowed",
            "",
        ),
        (
            "ForAnyValue over a missing key",
            with(
                json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}),
                json!({}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "Null true over a missing key",
            with(json!({"Null": {tag: "true"}}), json!({})),
            "allowed",
            "",
        ),
        (
            "Null true over a present key",
            with(json!({"Null": {tag: true}}), json!({tag: "a"})),
            "implicit_deny",
            "",
        ),
        (
            "Null false over a missing key",
            with(json!({"Null": {tag: "false"}}), json!({})),
            "implicit_deny",
            "",
        ),
        (
            "Null false over a present key",
            with(json!({"Null": {tag: false}}), json!({tag: "a"})),
            "allowed",
            "",
        ),
        (
            "Null over null",
            with(json!({"Null": {tag: true}}), json!({tag: null})),
            "allowed",
            "",
        ),
        (
            "dates",
            with(
                json!({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
                json!({"aws:CurrentTime": "2025-12-31T23:59:59Z"}),
            ),
            "allowed",
            "",
        ),
        (
            "addresses",
            with(
                json!({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}}),
                json!({"aws:SourceIp": "2001:db8::5"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "ARNs",
            with(
                json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/a*"}}),
                json!({}),
            ),
            "allowed",
            "",
        ),
        (
            "whose account",
            with(
                json!({"StringEquals": {"aws:ResourceAccount": OWN, "aws:PrincipalAccount": OWN}}),
                json!({}),
            ),
            "allowed",
            "",
        ),
        (
            "a user's name",
            with(json!({"StringEquals": {"aws:username": "ann"}}), json!({})),
            "allowed",
            "",
        ),
        (
            "a key that every request carries and that is not given",
            with(json!({"Bool": {"aws:SecureTransport": "true"}}), json!({})),
            "unknown",
            "statement 1 \"C\": depends on aws:SecureTransport of the request",
        ),
        (
            "a request of which nothing is known",
            with(json!({"StringEquals": {tag: "a"}}), Value::Null),
            "unknown",
            "depends on aws:PrincipalTag/team of the request",
        ),
        (
            "one false condition decides beside an unknown one",
            with(
                json!({"StringEquals": {tag: "a"}, "Bool": {"aws:SecureTransport": "true"}}),
                json!({tag: "b"}),
            ),
            "implicit_deny",
            "",
        ),
    ]);
    let refused = |condition: Value, context: Value| {
        json!({
            "identity_policies": [allow("*", "*"), document(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition}))],
            "context": context,
        })
    };
    table(vec![
        (
            "a deny whose condition is not known",
            refused(json!({"Bool": {"aws:SecureTransport": "false"}}), json!({})),
            "unknown",
            "aws:SecureTransport",
        ),
        (
            "a deny whose condition holds",
            refused(
                json!({"Bool": {"aws:SecureTransport": "false"}}),
                json!({"aws:SecureTransport": false}),
            ),
            "explicit_deny",
            "identity policy 2",
        ),
        (
            "BoolIfExists, as MFA is asked for",
            refused(
                json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
                json!({}),
            ),
            "explicit_deny",
            "identity policy 2",
        ),
        (
            "Bool lets keys without MFA through",
            refused(
                json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
                json!({}),
            ),
            "allowed",
            "identity policy 1",
        ),
    ]);
}

#[test]
fn variables() {
    let home = |resource: &str, extra: Value| {
        let mut question = json!({
            "identity_policies": [allow("s3:*", resource)],
            "resource": "arn:aws:s3:::b/home/ann/x",
        });
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        question
    };
    let name = "arn:aws:s3:::b/home/${aws:username}/*";
    let team = "arn:aws:s3:::b/home/${aws:PrincipalTag/team, 'ann'}/*";
    let bare = "arn:aws:s3:::b/home/${aws:PrincipalTag/team}/*";
    table(vec![
        ("the user's own", home(name, json!({})), "allowed", ""),
        (
            "another's",
            home(name, json!({"resource": "arn:aws:s3:::b/home/bob/x"})),
            "implicit_deny",
            "",
        ),
        (
            "a role has no user name",
            home(name, json!({"principal": ROLE})),
            "implicit_deny",
            "",
        ),
        ("a default", home(team, json!({})), "allowed", ""),
        (
            "a value goes before the default",
            home(team, json!({"context": {"aws:PrincipalTag/team": "ops"}})),
            "implicit_deny",
            "",
        ),
        (
            "neither value nor default",
            home(bare, json!({})),
            "implicit_deny",
            "",
        ),
        (
            "not known",
            home(bare, json!({"context": null})),
            "unknown",
            "aws:principaltag/team",
        ),
        (
            "not known, and it could never fit",
            home(
                bare,
                json!({"context": null, "resource": "arn:aws:s3:::c/home/ann/x"}),
            ),
            "implicit_deny",
            "",
        ),
        (
            "a wildcard in a value is a plain character",
            home(bare, json!({"context": {"aws:PrincipalTag/team": "*"}})),
            "implicit_deny",
            "",
        ),
        (
            "an escaped wildcard",
            home(
                "arn:aws:s3:::b/${*}",
                json!({"resource": "arn:aws:s3:::b/*"}),
            ),
            "allowed",
            "",
        ),
        (
            "which is no wildcard",
            home("arn:aws:s3:::b/${*}", json!({})),
            "implicit_deny",
            "",
        ),
        (
            "an old document has none",
            json!({
                "identity_policies": [{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": name}}],
                "resource": "arn:aws:s3:::b/home/ann/x",
            }),
            "implicit_deny",
            "",
        ),
        (
            "nor one without a version",
            json!({
                "identity_policies": [{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": name}}],
                "resource": "arn:aws:s3:::b/home/ann/x",
            }),
            "implicit_deny",
            "",
        ),
        (
            "in a condition",
            json!({
                "identity_policies": [document(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                    "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}}))],
                "context": {"s3:prefix": "ann/photos"},
            }),
            "allowed",
            "",
        ),
        (
            "resource tag against principal tag",
            json!({
                "identity_policies": [document(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                    "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}))],
                "context": {"aws:ResourceTag/team": "a", "aws:PrincipalTag/team": "b"},
            }),
            "implicit_deny",
            "",
        ),
    ]);
}

#[test]
fn what_is_not_understood_is_unknown_and_never_skipped() {
    let full = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let no = json!({"Sid": "No", "Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let odd = |effect: &str, what: &str| {
        let mut statement =
            json!({"Sid": "Odd", "Effect": effect, "Action": "s3:*", "Resource": "*"});
        match what {
            "element" => statement["Colour"] = json!("red"),
            "operator" => statement["Condition"] = json!({"StringMatches": {"aws:username": "a"}}),
            "value" => statement["Condition"] = json!({"IpAddress": {"aws:SourceIp": "here"}}),
            "both" => statement["NotAction"] = json!("iam:*"),
            _ => statement["Action"] = json!(7),
        }
        statement
    };
    for what in ["element", "operator", "value", "both", "number"] {
        let ask_of = |statements: Value| {
            decide(&ask(
                json!({"identity_policies": [document(&statements)], "context": {"aws:SourceIp": "10.0.0.1"}}),
            ))
        };
        let (decision, reasons) = ask_of(json!([odd("Allow", what)]));
        assert_eq!(decision, "unknown", "{what}: {reasons}");
        assert!(reasons.contains("statement 1 \"Odd\""), "{what}: {reasons}");
        let (decision, reasons) = ask_of(json!([full, odd("Deny", what)]));
        assert_eq!(decision, "unknown", "{what}: {reasons}");
        assert!(reasons.contains("statement 2 \"Odd\""), "{what}: {reasons}");
        // What is certain decides beside it.
        assert_eq!(ask_of(json!([full, odd("Allow", what)])).0, "allowed");
        assert_eq!(
            ask_of(json!([odd("Deny", what)])).0,
            "implicit_deny",
            "{what}"
        );
        for effect in ["Allow", "Deny"] {
            for statements in [
                json!([full, odd(effect, what), no]),
                json!([no, odd(effect, what), full]),
            ] {
                let (decision, reasons) = ask_of(statements);
                assert_eq!(decision, "explicit_deny", "{what}");
                assert!(reasons.contains("\"No\" denies"), "{reasons}");
            }
        }
    }
    // Neither Allow nor Deny: it may be either.
    let either = json!({"Effect": "Maybe", "Action": "s3:*", "Resource": "*"});
    table(vec![
        (
            "may allow",
            json!({"identity_policies": [document(&json!([either]))]}),
            "unknown",
            "Effect",
        ),
        (
            "may deny",
            json!({"identity_policies": [document(&json!([full, either]))]}),
            "unknown",
            "Effect",
        ),
        (
            "no statement at all",
            json!({"identity_policies": [document(&json!([full, "Allow"]))]}),
            "unknown",
            "not an object",
        ),
        (
            "in a resource policy",
            json!({"resource_policy": document(&json!([{"Effect": "Allow", "Principal": {"Who": "x"}, "Action": "s3:*", "Resource": "*"}]))}),
            "unknown",
            "unknown kind of principal",
        ),
        (
            "in a control policy",
            json!({"identity_policies": [document(&full)], "scps": [[document(&json!([odd("Allow", "operator")]))]]}),
            "unknown",
            "StringMatches",
        ),
        (
            "in a boundary",
            json!({"identity_policies": [document(&full)], "permission_boundary": document(&json!([odd("Allow", "element")]))}),
            "unknown",
            "Colour",
        ),
        (
            "in a session policy",
            json!({"principal": SESSION, "identity_policies": [document(&full)], "session_policies": [document(&json!([odd("Allow", "element")]))]}),
            "unknown",
            "Colour",
        ),
    ]);
}

#[test]
fn passing_a_role() {
    let pass = |resource: &str, condition: Value| {
        document(
            &json!({"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": resource, "Condition": condition}),
        )
    };
    let question = |policy: Value, service: &str| {
        json!({
            "action": "iam:PassRole",
            "resource": TARGET,
            "identity_policies": [policy],
            "context": {"iam:PassedToService": service},
        })
    };
    let only = json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}});
    table(vec![
        (
            "any role to any service",
            question(pass("*", json!({})), "ec2.amazonaws.com"),
            "allowed",
            "\"Pass\"",
        ),
        (
            "the role must be in Resource",
            question(
                pass("arn:aws:iam::111122223333:role/other", json!({})),
                "ec2.amazonaws.com",
            ),
            "implicit_deny",
            "",
        ),
        (
            "to the service that it is bound to",
            question(pass("*", only.clone()), "lambda.amazonaws.com"),
            "allowed",
            "",
        ),
        (
            "to another service",
            question(pass("*", only), "ec2.amazonaws.com"),
            "implicit_deny",
            "",
        ),
    ]);
}

#[test]
fn hostile_names_are_escaped_in_reasons() {
    let policy = document(
        &json!({"Sid": "a\u{1b}[31m\n", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}),
    );
    let (_, reasons) = decide(&ask(json!({"identity_policies": [policy]})));
    assert!(!reasons.contains(['\u{1b}', '\n']), "{reasons:?}");
}

/// An open decision says what would allow the request, and nothing that would not.
#[test]
fn open_decisions_say_what_stands() {
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let mut guard = deny("s3:*", "*");
    guard["Statement"][0]["Condition"] = mfa.clone();
    let unread = |extra: Value| {
        let mut question = ask(json!({"identity_policies": [allow("s3:Get*", "*"), guard]}));
        question
            .as_object_mut()
            .expect("an object")
            .remove("context");
        for (key, value) in extra.as_object().expect("an object") {
            question[key] = value.clone();
        }
        decide(&question)
    };
    let (decision, reasons) = unread(json!({}));
    assert_eq!(decision, "unknown");
    let (first, rest) = reasons.split_once(" | ").expect("two reasons");
    assert!(first.contains("aws:MultiFactorAuthPresent"), "{reasons}");
    assert_eq!(rest, "identity policy 1, statement 1 \"Yes\" allows");
    let (_, reasons) = unread(json!({"permission_boundary": allow("s3:*", "*")}));
    assert!(
        reasons.ends_with("permission boundary, statement 1 \"Yes\" allows"),
        "{reasons}"
    );
    let (_, reasons) = unread(json!({
        "resource_policy": on("Allow", aws(USER), "s3:*"),
        "identity_policies": [guard],
    }));
    assert!(
        reasons.ends_with("| resource policy, statement 1 \"R\" allows"),
        "{reasons}"
    );
    // A statement of which it is not known whether it applies does not stand.
    let mut perhaps = allow("s3:*", "*");
    perhaps["Statement"][0]["Condition"] = mfa;
    let (decision, reasons) = unread(json!({"identity_policies": [perhaps]}));
    assert_eq!(decision, "unknown");
    assert!(!reasons.contains("allows"), "{reasons}");
}
