//! What is granted beside what was used.

use posture_policy::least_privilege::{
    Access, Holder, LeastPrivilege, Report, Standing, least_privilege,
};
use posture_policy::{Boundary, IdentitySet, NamedPolicy, Origin, Tri, Undecided};
use serde_json::{Value, json};

use crate::{document, parse};

const DAY: i64 = 24 * 60 * 60;
const NOW: i64 = 1_000 * DAY;
const DAYS: i64 = 90;

fn grant(action: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": "*"})
}

fn refuse(action: Value) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": "*"})
}

/// Policies `p1`, `p2`, ... of a statement or of several.
fn set(policies: &[Value]) -> IdentitySet {
    let named = (1..).zip(policies).map(|(number, statements)| {
        NamedPolicy::new(format!("p{number}"), parse(&document(statements)))
            .with_origin(Origin::Inline)
    });
    IdentitySet {
        policies: named.collect(),
        ..IdentitySet::default()
    }
}

fn bounded(set: IdentitySet, boundary: &Value) -> IdentitySet {
    let boundary = NamedPolicy::new("bound", parse(&document(boundary)));
    IdentitySet {
        boundary: Boundary::Policy(boundary),
        ..set
    }
}

/// Services with the days since their last use.
fn report(services: &[(&str, Option<i64>)]) -> Report {
    services
        .iter()
        .map(|(name, days)| {
            let access = days.map(|days| Access {
                at: NOW - days * DAY,
                region: Some("eu-west-1".to_owned()),
            });
            ((*name).to_owned(), access)
        })
        .collect()
}

/// Of somebody who is old enough to be judged.
fn of(set: &IdentitySet, report: &Report) -> LeastPrivilege {
    aged(set, Ok(report), Some(NOW - 500 * DAY))
}

fn aged(set: &IdentitySet, report: Result<&Report, &str>, created: Option<i64>) -> LeastPrivilege {
    let holder = Holder {
        set,
        report,
        created,
    };
    least_privilege(&holder, NOW, DAYS)
}

/// `s3 used, sqs never`.
fn shown(found: &LeastPrivilege) -> String {
    let services: Vec<String> = found
        .services
        .iter()
        .map(|service| {
            let standing = match &service.standing {
                Standing::Used(_) => "used".to_owned(),
                Standing::Idle(_) => "idle".to_owned(),
                Standing::Never => "never".to_owned(),
                Standing::PassesRoles => "passes roles".to_owned(),
                Standing::Unknown(why) => format!("? ({why})"),
            };
            format!("{} {standing}", service.name)
        })
        .collect();
    services.join(", ")
}

#[test]
fn services_are_used_idle_or_never_used() {
    let set = set(&[json!([grant(json!(["S3:Get*", "sqs:*", "sns:*"]))])]);
    let report = report(&[("s3", Some(90)), ("sqs", Some(91)), ("sns", None)]);
    let found = of(&set, &report);
    assert_eq!(shown(&found), "s3 used, sns never, sqs idle");
    assert_eq!(found.leaves_unused(), Tri::Yes);
    let names = |list: Vec<&posture_policy::least_privilege::Service>| -> Vec<String> {
        list.iter().map(|service| service.name.clone()).collect()
    };
    assert_eq!(names(found.unused().collect()), ["sns", "sqs"]);
    assert_eq!(names(found.remaining().collect()), ["s3"]);
    assert_eq!(found.beyond, Tri::No);
    // An hour from now, as clocks differ, is today.
    let soon = self::report(&[("s3", Some(-1)), ("sqs", Some(0)), ("sns", Some(1))]);
    let found = of(&set, &soon);
    assert_eq!(shown(&found), "s3 used, sns used, sqs used");
    assert_eq!(found.leaves_unused(), Tri::No);
}

#[test]
fn grants_are_told_by_policy_and_statement() {
    let set = set(&[
        json!([grant(json!("s3:Get*")), {"Sid": "Queues", "Effect": "Allow", "Action": ["sqs:*", "s3:Put*"], "Resource": "*"}]),
        json!([grant(json!("s3:*"))]),
    ]);
    let report = report(&[("s3", Some(1)), ("sqs", None)]);
    let found = of(&set, &report);
    let grants: Vec<(&str, Vec<(usize, &str)>)> = found
        .services
        .iter()
        .map(|service| {
            let grants = service.grants.iter();
            let grants = grants.map(|(policy, label)| (*policy, label.as_str()));
            (service.name.as_str(), grants.collect())
        })
        .collect();
    assert_eq!(
        grants,
        [
            (
                "s3",
                vec![
                    (0, "statement 1"),
                    (0, "statement 2 \"Queues\""),
                    (1, "statement 1")
                ]
            ),
            ("sqs", vec![(0, "statement 2 \"Queues\"")]),
        ]
    );
}

#[test]
fn what_has_no_effect_is_not_granted() {
    let report = report(&[("s3", None), ("sqs", None), ("ec2", Some(1))]);
    let wide = || set(&[json!([grant(json!(["s3:*", "sqs:*", "ec2:*"]))])]);
    // Denied as a whole, denied in part.
    let mut denied = wide();
    denied.policies.push(NamedPolicy::new(
        "guard",
        parse(&document(&json!([refuse(json!(["sqs:*", "s3:Delete*"]))]))),
    ));
    assert_eq!(shown(&of(&denied, &report)), "ec2 used, s3 never");
    // Left out by the boundary.
    let found = of(
        &bounded(wide(), &json!([grant(json!(["ec2:*", "s3:Get*"]))])),
        &report,
    );
    assert_eq!(shown(&found), "ec2 used, s3 never");
    let found = of(&bounded(wide(), &json!([grant(json!("ec2:*"))])), &report);
    assert_eq!(shown(&found), "ec2 used");
    assert_eq!(found.leaves_unused(), Tri::No);
    // Conditions that can be met grant, and those that never hold do not.
    let on = |condition: Value| {
        set(&[
            json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}]),
        ])
    };
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    assert_eq!(shown(&of(&on(mfa), &report)), "s3 never");
    let never = json!({"StringEquals": {"aws:PrincipalAccount": []}});
    assert_eq!(shown(&of(&on(never), &report)), "");
}

/// Wildcards: the report says which services there are.
#[test]
fn wildcards_are_spelled_out_by_the_report() {
    let report = report(&[("s3", Some(1)), ("sqs", None), ("*", None), ("e?2:", None)]);
    for statement in [
        grant(json!("*")),
        grant(json!("*:*")),
        json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
    ] {
        let found = of(&set(&[json!([statement])]), &report);
        let listed = shown(&found);
        assert!(listed.ends_with("s3 used, sqs never"), "{listed}");
        assert_eq!(found.beyond, Tri::Yes, "{statement}");
        assert_eq!(found.leaves_unused(), Tri::Yes);
    }
    // What the exception names is not granted; what a denial names neither.
    let except = json!([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]);
    assert_eq!(shown(&of(&set(&[except]), &report)), "sqs never");
    let denied = json!([grant(json!("*")), refuse(json!("sqs:*"))]);
    let found = of(&set(&[denied]), &report);
    assert_eq!(shown(&found), "s3 used");
    // All that is listed is used, but a wildcard covers more than AWS reports on.
    assert!(matches!(found.leaves_unused(), Tri::Unknown(_)));
    // A boundary bounds that, too.
    let within = bounded(
        set(&[json!([grant(json!("*"))])]),
        &json!([grant(json!("s3:Get*"))]),
    );
    let found = of(&within, &report);
    assert_eq!(
        (shown(&found), &found.beyond),
        ("s3 used".to_owned(), &Tri::No)
    );
    assert_eq!(found.leaves_unused(), Tri::No);
}

#[test]
fn what_was_not_read_is_not_unused() {
    let allowed = set(&[json!([grant(json!(["s3:*", "sqs:*"]))])]);
    let found = aged(&allowed, Err("access denied"), Some(0));
    assert_eq!(shown(&found), "s3 ? (access denied), sqs ? (access denied)");
    assert_eq!(
        found.leaves_unused(),
        Tri::Unknown(
            Undecided::opaque("s3: access denied").merge(Undecided::opaque("sqs: access denied"))
        )
    );
    assert_eq!(found.remaining().count(), 2);
    assert!(matches!(found.policies[0].unused, Tri::Unknown(_)));
    // Nothing is granted, so nothing is left unused, whatever the report would say.
    let nothing = aged(&set(&[]), Err("access denied"), Some(0));
    assert_eq!(nothing.leaves_unused(), Tri::No);

    // A service that is not in the report.
    let found = of(&allowed, &report(&[("s3", Some(1))]));
    assert_eq!(
        shown(&found),
        "s3 used, sqs ? (AWS does not report on this service)"
    );
    assert!(matches!(found.leaves_unused(), Tri::Unknown(_)));
    // One that is certainly unused decides.
    let found = of(&allowed, &report(&[("s3", None)]));
    assert_eq!(found.leaves_unused(), Tri::Yes);

    // A policy that was not read may deny what another grants, and grant what none does.
    let unread = IdentitySet {
        unread: vec!["q".into()],
        ..allowed.clone()
    };
    let found = of(
        &unread,
        &report(&[("s3", None), ("sqs", Some(1)), ("sns", None)]),
    );
    let why = "? (policy q could not be read)";
    assert_eq!(shown(&found), format!("s3 {why}, sns {why}, sqs used"));
    assert!(matches!(found.leaves_unused(), Tri::Unknown(_)));
    assert!(matches!(found.beyond, Tri::Unknown(_)));
    let unread = IdentitySet {
        boundary: Boundary::Unread("access denied".to_owned()),
        ..allowed
    };
    let found = of(&unread, &report(&[("s3", None), ("sqs", None)]));
    assert_eq!(found.unused().count(), 0, "{}", shown(&found));

    // A statement that is not understood may allow anything.
    let odd = json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Surprise": 1}]);
    let found = of(&set(&[odd]), &report(&[("s3", None)]));
    assert!(shown(&found).starts_with("s3 ? ("), "{}", shown(&found));
}

#[test]
fn who_is_young_is_not_judged() {
    let allowed = set(&[json!([grant(json!("s3:*"))])]);
    let never = report(&[("s3", None)]);
    let made = |days: Option<i64>| {
        shown(&aged(
            &allowed,
            Ok(&never),
            days.map(|days| NOW - days * DAY),
        ))
    };
    assert_eq!(made(Some(91)), "s3 never");
    assert_eq!(made(Some(90)), "s3 ? (made less than 90 days ago)");
    assert_eq!(made(None), "s3 ? (when it was made is not known)");
}

/// AWS reports no use of `iam:PassRole`: who passes a role calls another service.
#[test]
fn passing_roles_is_not_reported() {
    let never = report(&[("iam", None), ("ecs", Some(1))]);
    let only = set(&[json!([grant(json!(["iam:PassRole", "ecs:*"]))])]);
    let found = of(&only, &never);
    assert_eq!(shown(&found), "ecs used, iam passes roles");
    // Nothing that AWS could tell is open.
    assert_eq!(found.leaves_unused(), Tri::No);
    assert_eq!(found.remaining().count(), 2);
    let mut pattern = set(&[json!([grant(json!("iam:Pass*"))])]);
    assert_eq!(shown(&of(&pattern, &never)), "iam passes roles");
    pattern = set(&[json!([grant(json!("iam:*"))])]);
    assert_eq!(shown(&of(&pattern, &never)), "iam never");
    pattern.policies.push(NamedPolicy::new(
        "guard",
        parse(&document(
            &json!([{"Effect": "Deny", "NotAction": "iam:PassRole", "Resource": "*"}]),
        )),
    ));
    assert_eq!(shown(&of(&pattern, &never)), "iam passes roles");
    let more = set(&[json!([grant(json!(["iam:PassRole", "iam:GetRole"]))])]);
    assert_eq!(shown(&of(&more, &never)), "iam never");
    let long_ago = report(&[("iam", Some(200))]);
    let found = of(&only, &long_ago);
    assert!(
        shown(&found).ends_with("iam passes roles"),
        "{}",
        shown(&found)
    );
}

#[test]
fn policies_of_which_nothing_is_used_can_go() {
    let set = set(&[
        json!([grant(json!(["sqs:*", "sns:*"]))]),
        json!([grant(json!(["s3:*", "sqs:*"]))]),
        // Nothing of it has an effect.
        json!([grant(json!("ec2:*"))]),
        // Nothing of it is used, but it also denies.
        json!([grant(json!("sns:*")), refuse(json!("ec2:*"))]),
        json!([grant(json!("kms:*"))]),
        json!([grant(json!("iam:PassRole"))]),
    ]);
    let report = report(&[
        ("s3", Some(1)),
        ("sqs", Some(300)),
        ("sns", None),
        ("ec2", None),
        ("iam", None),
    ]);
    let found = of(&set, &report);
    let of_policies: Vec<(&str, String, &Tri, bool)> = found
        .policies
        .iter()
        .map(|policy| {
            let services = policy.services.join(" ");
            (
                policy.name.as_str(),
                services,
                &policy.unused,
                policy.denies,
            )
        })
        .collect();
    let unknown = |why: &str| Tri::opaque(why);
    assert_eq!(
        of_policies,
        [
            ("p1", "sns sqs".to_owned(), &Tri::Yes, false),
            ("p2", "s3 sqs".to_owned(), &Tri::No, false),
            ("p3", String::new(), &Tri::No, false),
            ("p4", "sns".to_owned(), &Tri::Yes, true),
            (
                "p5",
                "kms".to_owned(),
                &unknown("AWS does not report on this service"),
                false
            ),
            (
                "p6",
                "iam".to_owned(),
                &unknown("AWS reports no use of iam:PassRole"),
                false
            ),
        ]
    );
    assert_eq!(found.policies[0].origin, Origin::Inline);
    // A wildcard grants more than the report can clear.
    let wild = self::set(&[json!([grant(json!("*"))])]);
    let found = of(&wild, &self::report(&[("s3", None), ("sqs", None)]));
    assert_eq!(found.unused().count(), 2);
    assert!(matches!(found.policies[0].unused, Tri::Unknown(_)));
}
