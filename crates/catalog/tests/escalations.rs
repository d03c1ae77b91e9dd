//! Every escalation path, in an account where it works and in accounts where one thing breaks it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use posture_catalog::escalations::builtin;
use posture_policy::escalation::{Gain, On, Path, Target, escalations};
use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Group, Thing};
use posture_policy::{Boundary, Control, IdentitySet, NamedPolicy, Policy, PolicySet, Requester};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

/// What is wrong with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The need with this number is not allowed.
    Missing(usize),
    /// The need with this number is denied.
    Denied(usize),
    /// The need with this number is allowed on another resource only.
    Elsewhere(usize),
    /// The principal's boundary leaves none of the needs.
    Boundary,
    /// A service control policy denies the need with this number.
    Control(usize),
    /// The target has no rights, or cannot be given any.
    WeakTarget,
    /// The target does not trust the service.
    NoTrust,
    /// The target is in no instance profile.
    NoProfile,
    /// The target may be passed to another service only.
    OtherService,
}

fn arn(rest: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{rest}")
}

fn policy(name: &str, statements: &Value) -> NamedPolicy {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    NamedPolicy::new(name, Policy::parse(&document).unwrap())
}

fn everything() -> NamedPolicy {
    policy(
        "all",
        &json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
    )
}

fn narrow() -> NamedPolicy {
    policy(
        "narrow",
        &json!([{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]),
    )
}

struct World {
    estate: Estate,
    principal: String,
}

fn world(path: &Path, broken: Broken) -> World {
    let own_is_role = matches!(path.target, Target::OwnRole);
    let principal = arn(if own_is_role {
        "role/climber"
    } else {
        "user/climber"
    });
    let target = match path.target {
        Target::User => arn("user/target"),
        Target::Role | Target::Through { .. } => arn("role/target"),
        Target::OwnUser | Target::OwnRole | Target::Itself => principal.clone(),
        Target::OwnGroup | Target::Group => arn("group/target"),
    };
    let through = "arn:aws:service:eu-west-1:111122223333:thing/x";
    let custom = arn("policy/custom");
    let on_itself = target == principal;

    let mut statements = Vec::new();
    for (number, need) in path.needs.iter().enumerate() {
        let mut resource = match need.on {
            On::Target => target.as_str(),
            On::Through => through,
            On::Policy => custom.as_str(),
            On::Any => "*",
        };
        if broken == Broken::Elsewhere(number) {
            resource = "arn:aws:iam::111122223333:elsewhere/x";
        }
        if broken != Broken::Missing(number) {
            let mut statement =
                json!({"Effect": "Allow", "Action": need.action, "Resource": resource});
            if let Some(service) = &need.passed_to {
                let service = match broken {
                    Broken::OtherService => "other.amazonaws.com",
                    _ => service,
                };
                statement["Condition"] = json!({"StringEquals": {"iam:PassedToService": service}});
            }
            statements.push(statement);
        }
        if broken == Broken::Denied(number) {
            statements.push(json!({"Effect": "Deny", "Action": need.action, "Resource": "*"}));
        }
    }
    let mut levels = vec![Arc::new(PolicySet::new(vec![everything()]))];
    if let Broken::Control(number) = broken {
        let action = &path.needs[number].action;
        let deny = policy(
            "guard",
            &json!([{"Effect": "Deny", "Action": action, "Resource": "*"}]),
        );
        levels.push(Arc::new(PolicySet::new(vec![everything(), deny])));
    }
    let scps = Arc::new(Control {
        levels,
        unread: None,
    });
    let boundary = match broken {
        Broken::Boundary => Boundary::Policy(narrow()),
        // What it is granted has no effect.
        Broken::WeakTarget if on_itself || path.gains == Gain::Administrator => {
            let needs: Vec<&str> = path.needs.iter().map(|need| need.action.as_str()).collect();
            let only = json!([{"Effect": "Allow", "Action": needs, "Resource": "*"}]);
            Boundary::Policy(policy("bound", &only))
        }
        _ => Boundary::None,
    };
    let member = matches!(path.target, Target::OwnGroup);
    let set = IdentitySet {
        policies: vec![policy("climb", &Value::Array(statements))],
        boundary: if on_itself || broken == Broken::Boundary || member {
            boundary.clone()
        } else {
            Boundary::None
        },
        ..IdentitySet::default()
    };
    let actor = |arn: &str, set: IdentitySet, trust: Attached| {
        Actor::new(ActorParts {
            requester: Requester::parse(arn).unwrap(),
            set,
            scps: Arc::clone(&scps),
            trust,
            customer_policies: vec![custom.clone()],
            groups: if member && arn == principal {
                vec![0]
            } else {
                Vec::new()
            },
            in_instance_profile: Some(broken != Broken::NoProfile),
            service_linked: false,
            tags: Some(BTreeMap::new()),
        })
    };
    let mut estate = Estate::default();
    estate.actors.push(actor(&principal, set, Attached::None));
    if matches!(
        path.target,
        Target::User | Target::Role | Target::Through { .. }
    ) {
        let rights = match (path.gains, broken) {
            (_, Broken::WeakTarget) | (Gain::Administrator, _) => narrow(),
            _ => everything(),
        };
        let set = IdentitySet {
            policies: vec![rights],
            boundary: if path.gains == Gain::Administrator {
                boundary
            } else {
                Boundary::None
            },
            ..IdentitySet::default()
        };
        let services: Vec<&str> = match broken {
            Broken::NoTrust => vec!["other.amazonaws.com"],
            _ => path.trusts.iter().map(String::as_str).collect(),
        };
        let trust = policy(
            "trust",
            &json!([
                {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
                {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"},
            ]),
        );
        let trust = match path.target {
            Target::User => Attached::None,
            _ => Attached::Set(Arc::new(PolicySet::new(vec![trust]))),
        };
        estate.actors.push(actor(&target, set, trust));
    }
    estate.actors.sort_by(|a, b| a.arn().cmp(b.arn()));
    estate.groups.push(Group {
        arn: arn("group/target"),
        account: ACCOUNT.into(),
        policies: match (path.gains, broken) {
            (Gain::Membership, Broken::WeakTarget) => vec![narrow()],
            (Gain::Membership, _) => vec![everything()],
            _ => Vec::new(),
        },
        unread: Vec::new(),
        customer_policies: vec![custom.clone()],
    });
    if let Target::Through { kind, role } = &path.target {
        estate.things.push(Thing {
            kind: kind.clone(),
            arn: through.into(),
            account: ACCOUNT.into(),
            region: "eu-west-1".into(),
            policy: Attached::None,
            restricted: Ok(false),
            roles: BTreeMap::from([(role.clone(), Ok(Some(target.clone())))]),
            tags: Some(BTreeMap::new()),
        });
    }
    World { estate, principal }
}

/// Whether the principal's first step can be this path.
fn climbs(path: &Path, broken: Broken) -> bool {
    let world = world(path, broken);
    let found = escalations(&world.estate, std::slice::from_ref(path));
    assert!(
        !found.undecided.contains_key(&world.principal),
        "{} {broken:?}: {:?}",
        path.id,
        found.undecided
    );
    let one = found
        .principals
        .iter()
        .find(|one| one.principal == world.principal);
    one.is_some_and(|one| {
        assert!(!one.administrator, "{} {broken:?}", path.id);
        assert!(!one.chains.is_empty());
        for chain in &one.chains {
            assert_eq!(chain.hops[0].path, path.id);
            assert!(
                !chain.hops[0].statements.is_empty(),
                "{}: nothing says so",
                path.id
            );
        }
        true
    })
}

#[test]
fn every_path_works_and_everything_it_needs_can_break_it() {
    assert_eq!(builtin().len(), 65);
    let mut broken_ways = 0;
    for path in builtin().values().map(|path| &path.path) {
        assert!(climbs(path, Broken::Nothing), "{} is not found", path.id);
        let mut ways = vec![Broken::Boundary, Broken::WeakTarget];
        for (number, need) in path.needs.iter().enumerate() {
            ways.extend([
                Broken::Missing(number),
                Broken::Denied(number),
                Broken::Control(number),
            ]);
            if need.on != On::Any {
                ways.push(Broken::Elsewhere(number));
            }
        }
        if !path.trusts.is_empty() {
            ways.push(Broken::NoTrust);
        }
        if path.instance_profile {
            ways.push(Broken::NoProfile);
        }
        if path.needs.iter().any(|need| need.passed_to.is_some()) {
            ways.push(Broken::OtherService);
        }
        for way in ways {
            assert!(
                !climbs(path, way),
                "{} is found in spite of {way:?}",
                path.id
            );
            broken_ways += 1;
        }
    }
    assert!(broken_ways > 65 * 5, "{broken_ways}");
}

/// The texts of a path are shown to people and name things that exist.
#[test]
fn every_path_says_what_to_do() {
    for (id, path) in builtin() {
        assert_eq!(*id, path.path.id);
        assert!(
            !path.path.title.ends_with('.') && path.path.title.len() < 120,
            "{id}"
        );
        assert!(path.fix.len() > 20, "{id}");
        assert!(!path.references.is_empty(), "{id}");
        let aws = |url: &String| url.starts_with("https://docs.aws.amazon.com/");
        assert!(path.references.iter().all(aws), "{id}");
    }
}
