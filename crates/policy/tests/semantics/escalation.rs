//! Chains to an administrator, over estates that are made by hand.
#![expect(clippy::expect_used, reason = "a helper of tests fails them")]

use std::collections::BTreeMap;
use std::sync::Arc;

use posture_policy::escalation::{Escalations, Gain, Need, On, Path, Target, escalations};
use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Group, Tags, Thing};
use posture_policy::{Boundary, Control, IdentitySet, NamedPolicy, PolicySet, Requester, Tri};
use serde_json::{Value, json};

use crate::{OTHER, OWN, document, parse};

fn named(name: &str, statements: &Value) -> NamedPolicy {
    NamedPolicy::new(name, parse(&document(statements)))
}

fn allow(action: Value, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn allow_if(action: &str, resource: &str, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition})
}

fn deny(action: &str, resource: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn everything() -> Value {
    allow(json!("*"), "*")
}

fn trust(principal: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
}

fn service(name: &str) -> Value {
    trust(json!({"Service": name}))
}

fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{OWN}:user/{name}")
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{OWN}:role/{name}")
}

fn parts(arn: &str, statements: Value, trust: Attached) -> ActorParts {
    let list = statements.as_array().expect("a list").clone();
    let mut set = IdentitySet::default();
    // A policy for each, as what a path needs is often spread over several.
    for (number, statement) in (1..).zip(list) {
        set.policies.push(named(&format!("p{number}"), &statement));
    }
    ActorParts {
        requester: Requester::parse(arn).expect("a principal"),
        set,
        scps: Arc::new(Control::default()),
        trust,
        customer_policies: Vec::new(),
        groups: Vec::new(),
        in_instance_profile: Some(true),
        service_linked: false,
        tags: Some(BTreeMap::new()),
    }
}

fn user(name: &str, statements: Value) -> ActorParts {
    parts(&user_arn(name), statements, Attached::None)
}

fn attached(statements: &Value) -> Attached {
    Attached::Set(Arc::new(PolicySet::new(vec![named("trust", statements)])))
}

fn role(name: &str, trust: &Value, statements: Value) -> ActorParts {
    parts(&role_arn(name), statements, attached(trust))
}

/// A role that is an administrator.
fn strong(trust: &Value) -> ActorParts {
    role("strong", trust, json!([everything()]))
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    Some(
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn function(name: &str, role: Result<Option<String>, String>) -> Thing {
    Thing {
        kind: "lambda.function".to_owned(),
        arn: format!("arn:aws:lambda:eu-west-1:{OWN}:function:{name}"),
        account: OWN.to_owned(),
        region: "eu-west-1".to_owned(),
        policy: Attached::None,
        restricted: Ok(false),
        roles: BTreeMap::from([("role".to_owned(), role)]),
        tags: Some(BTreeMap::new()),
    }
}

fn estate(actors: Vec<ActorParts>) -> Estate {
    let mut actors: Vec<Actor> = actors.into_iter().map(Actor::new).collect();
    actors.sort_by(|a, b| a.arn().cmp(b.arn()));
    Estate {
        actors,
        ..Estate::default()
    }
}

fn path(id: &str, target: Target, needs: Vec<Need>, gains: Gain) -> Path {
    Path {
        id: id.to_owned(),
        title: id.to_owned(),
        target,
        trusts: Vec::new(),
        instance_profile: false,
        needs,
        gains,
    }
}

fn need(action: &str, on: On) -> Need {
    Need::new(action, on, None)
}

fn pass(service: &str) -> Need {
    Need::new("iam:PassRole", On::Target, Some(service.to_owned()))
}

/// One path of each shape.
fn paths() -> Vec<Path> {
    const EC2: &str = "ec2.amazonaws.com";
    const LAMBDA: &str = "lambda.amazonaws.com";
    vec![
        path(
            "add-to-group",
            Target::Group,
            vec![need("iam:AddUserToGroup", On::Target)],
            Gain::Membership,
        ),
        path(
            "assume-role",
            Target::Role,
            vec![need("sts:AssumeRole", On::Target)],
            Gain::Target,
        ),
        path(
            "create-access-key",
            Target::User,
            vec![need("iam:CreateAccessKey", On::Target)],
            Gain::Target,
        ),
        path(
            "create-policy-version",
            Target::Itself,
            vec![need("iam:CreatePolicyVersion", On::Policy)],
            Gain::Administrator,
        ),
        Path {
            trusts: vec![LAMBDA.to_owned()],
            ..path(
                "pass-role-to-lambda",
                Target::Role,
                vec![
                    pass(LAMBDA),
                    need("lambda:CreateFunction", On::Any),
                    need("lambda:InvokeFunction", On::Any),
                ],
                Gain::Target,
            )
        },
        Path {
            trusts: vec![EC2.to_owned()],
            instance_profile: true,
            ..path(
                "pass-role-to-ec2",
                Target::Role,
                vec![pass(EC2), need("ec2:RunInstances", On::Any)],
                Gain::Target,
            )
        },
        path(
            "put-group-policy",
            Target::OwnGroup,
            vec![need("iam:PutGroupPolicy", On::Target)],
            Gain::Administrator,
        ),
        path(
            "put-own-role-policy",
            Target::OwnRole,
            vec![need("iam:PutRolePolicy", On::Target)],
            Gain::Administrator,
        ),
        path(
            "put-role-policy",
            Target::Role,
            vec![
                need("iam:PutRolePolicy", On::Target),
                need("sts:AssumeRole", On::Target),
            ],
            Gain::Administrator,
        ),
        path(
            "put-user-policy",
            Target::OwnUser,
            vec![need("iam:PutUserPolicy", On::Target)],
            Gain::Administrator,
        ),
        path(
            "update-function",
            Target::Through {
                kind: "lambda.function".to_owned(),
                role: "role".to_owned(),
            },
            vec![need("lambda:UpdateFunctionCode", On::Through)],
            Gain::Target,
        ),
    ]
}

fn look(estate: &Estate) -> Escalations {
    escalations(estate, &paths())
}

/// Whether a principal is reached, with its shortest chain as `path -> end`, or why that is undecided.
fn answer(found: &Escalations, arn: &str) -> String {
    if let Some(reasons) = found.undecided.get(arn) {
        assert!(
            !found.principals.iter().any(|p| p.principal == arn),
            "{arn} is both reached and undecided"
        );
        return format!("undecided: {}", reasons.join("; "));
    }
    let Some(escalation) = found.principals.iter().find(|p| p.principal == arn) else {
        return "no".to_owned();
    };
    if escalation.administrator {
        return "administrator".to_owned();
    }
    let chain = escalation.chains.first().expect("a chain");
    let short = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let mut from = arn.to_owned();
    let mut text = String::new();
    for hop in &chain.hops {
        assert_eq!(hop.from, from, "the hops of a chain hang together");
        from.clone_from(&hop.to);
        text.push_str(&format!("{} {}, ", hop.path, short(&hop.to)));
    }
    assert_eq!(chain.target, from);
    let last = chain.hops.last().expect("a hop");
    let ends = found
        .principals
        .iter()
        .any(|p| p.administrator && p.principal == chain.target);
    assert!(
        last.grants || ends,
        "{arn}: the chain ends at no administrator"
    );
    text.trim_end_matches(", ").to_owned()
}

fn ann(found: &Escalations) -> String {
    answer(found, &user_arn("ann"))
}

/// What becomes of Ann among others.
fn of(actors: Vec<ActorParts>) -> String {
    ann(&look(&estate(actors)))
}

fn scps(statements: &[Value]) -> Arc<Control> {
    Arc::new(Control {
        levels: vec![Arc::new(PolicySet::new(vec![named(
            "scp",
            &json!(statements),
        )]))],
        unread: None,
    })
}

fn bounded(mut actor: ActorParts, statements: &Value) -> ActorParts {
    actor.set.boundary = Boundary::Policy(named("boundary", statements));
    actor
}

#[test]
fn administrators_are_named_as_such() {
    let found = look(&estate(vec![
        user("ann", json!([allow(json!("s3:Get*"), "*")])),
        user("root", json!([everything()])),
        bounded(
            user("kept", json!([everything()])),
            &allow(json!("s3:Get*"), "*"),
        ),
    ]));
    assert_eq!(answer(&found, &user_arn("root")), "administrator");
    assert_eq!(ann(&found), "no");
    // Everything, within a boundary of a few actions, is not everything.
    assert_eq!(answer(&found, &user_arn("kept")), "no");
    assert!(found.cuts.is_empty());
}

#[test]
fn what_one_may_do_to_oneself() {
    let put = |resource: &str| allow(json!("iam:PutUserPolicy"), resource);
    let own = user_arn("ann");
    assert_eq!(
        of(vec![user("ann", json!([put("*")]))]),
        "put-user-policy ann"
    );
    assert_eq!(
        of(vec![user("ann", json!([put(&own)]))]),
        "put-user-policy ann"
    );
    let name = format!("arn:aws:iam::{OWN}:user/${{aws:username}}");
    assert_eq!(
        of(vec![user("ann", json!([put(&name)]))]),
        "put-user-policy ann"
    );
    assert_eq!(of(vec![user("ann", json!([put(&user_arn("bob"))]))]), "no");
    assert_eq!(
        of(vec![user("ann", json!([put("*"), deny("iam:*", &own)]))]),
        "no"
    );
    assert_eq!(
        of(vec![user(
            "ann",
            json!([put("*"), deny("iam:*", &user_arn("bob"))])
        )]),
        "put-user-policy ann"
    );
    // The path for users is none for roles, and the other way round.
    let found = look(&estate(vec![
        role("app", &service("ec2.amazonaws.com"), json!([put("*")])),
        role(
            "job",
            &service("ec2.amazonaws.com"),
            json!([allow(json!("iam:PutRolePolicy"), "*")]),
        ),
        user("ann", json!([allow(json!("iam:PutRolePolicy"), "*")])),
    ]));
    assert_eq!(answer(&found, &role_arn("app")), "no");
    assert_eq!(answer(&found, &role_arn("job")), "put-own-role-policy job");
    assert_eq!(ann(&found), "no");
    // A version of a policy that hangs on oneself.
    let policy = format!("arn:aws:iam::{OWN}:policy/mine");
    let with = |attached: &str| {
        let mut ann = user(
            "ann",
            json!([allow(json!("iam:CreatePolicyVersion"), &policy)]),
        );
        ann.customer_policies = vec![attached.to_owned()];
        of(vec![ann])
    };
    assert_eq!(with(&policy), "create-policy-version ann");
    assert_eq!(with(&format!("arn:aws:iam::{OWN}:policy/theirs")), "no");
}

#[test]
fn a_boundary_keeps_self_granting_from_making_an_administrator() {
    let put = json!([allow(json!("iam:PutUserPolicy"), "*")]);
    let within = json!([allow(json!(["iam:PutUserPolicy", "s3:*"]), "*")]);
    assert_eq!(of(vec![bounded(user("ann", put.clone()), &within)]), "no");
    assert_eq!(
        of(vec![bounded(
            user("ann", put.clone()),
            &json!([everything()])
        )]),
        "put-user-policy ann"
    );
    // The boundary leaves out the step itself.
    assert_eq!(
        of(vec![bounded(
            user("ann", put.clone()),
            &allow(json!("s3:*"), "*")
        )]),
        "no"
    );
    let mut unread = user("ann", put.clone());
    unread.set.boundary = Boundary::Unread("access denied".to_owned());
    let text = of(vec![unread]);
    assert!(
        text.starts_with("undecided") && text.contains("access denied"),
        "{text}"
    );
    let unbounded = |parts: ActorParts| Actor::new(parts).is_unbounded();
    assert_eq!(unbounded(user("ann", put.clone())), Tri::Yes);
    assert_eq!(
        unbounded(bounded(user("ann", put.clone()), &within)),
        Tri::No
    );
    // A deny of one's own stays, whatever one adds.
    let denied = json!([allow(json!("iam:PutUserPolicy"), "*"), {"Effect": "Deny", "NotAction": ["iam:PutUserPolicy", "s3:*"], "Resource": "*"}]);
    assert_eq!(unbounded(user("ann", denied.clone())), Tri::No);
    assert_eq!(of(vec![user("ann", denied)]), "no");
}

#[test]
fn control_policies_bind() {
    let with = |control: Arc<Control>| {
        let mut ann = user("ann", json!([allow(json!("iam:PutUserPolicy"), "*")]));
        ann.scps = control;
        of(vec![ann])
    };
    assert_eq!(with(scps(&[everything()])), "put-user-policy ann");
    assert_eq!(with(scps(&[everything(), deny("iam:*", "*")])), "no");
    assert_eq!(with(scps(&[allow(json!("s3:*"), "*")])), "no");
    // Whoever manages IAM without bounds is one still.
    assert_eq!(
        with(scps(&[everything(), deny("s3:*", "*")])),
        "put-user-policy ann"
    );
    assert_eq!(with(scps(&[everything(), deny("iam:Put*", "*")])), "no");
    let root = trust(json!({"AWS": OWN}));
    let assume = |control: Arc<Control>| {
        let mut ann = user("ann", json!([allow(json!("sts:AssumeRole"), "*")]));
        ann.scps = control;
        of(vec![ann, strong(&root)])
    };
    assert_eq!(assume(scps(&[everything()])), "assume-role strong");
    assert_eq!(
        assume(scps(&[everything(), deny("sts:AssumeRole", "*")])),
        "no"
    );
    assert_eq!(
        assume(scps(&[everything(), deny("s3:*", "*")])),
        "assume-role strong"
    );
}

#[test]
fn roles_are_assumed_where_they_trust() {
    let sts = || json!([allow(json!("sts:AssumeRole"), &role_arn("strong"))]);
    let nothing = || json!([]);
    let by_name = trust(json!({"AWS": user_arn("ann")}));
    let root = trust(json!({"AWS": format!("arn:aws:iam::{OWN}:root")}));
    for (what, statements, trust, expected) in [
        (
            "by name, without a policy of one's own",
            nothing(),
            &by_name,
            "assume-role strong",
        ),
        (
            "by account, with a policy",
            sts(),
            &root,
            "assume-role strong",
        ),
        ("by account, without", nothing(), &root, "no"),
        (
            "another user is trusted",
            sts(),
            &trust(json!({"AWS": user_arn("bob")})),
            "no",
        ),
        (
            "another account is trusted",
            sts(),
            &trust(json!({"AWS": OTHER})),
            "no",
        ),
        (
            "a service is trusted",
            sts(),
            &service("ec2.amazonaws.com"),
            "no",
        ),
        (
            "another role is allowed",
            json!([allow(json!("sts:AssumeRole"), &role_arn("weak"))]),
            &root,
            "no",
        ),
        (
            "it is denied",
            json!([
                allow(json!("sts:*"), "*"),
                deny("sts:AssumeRole", &role_arn("strong"))
            ]),
            &root,
            "no",
        ),
        (
            "trust by name does not pass a deny",
            json!([deny("sts:*", "*")]),
            &by_name,
            "no",
        ),
    ] {
        assert_eq!(
            of(vec![user("ann", statements), strong(trust)]),
            expected,
            "{what}"
        );
    }
    let bound = |ann: ActorParts, trust: &Value| {
        of(vec![
            bounded(ann, &allow(json!("s3:*"), "*")),
            strong(trust),
        ])
    };
    assert_eq!(bound(user("ann", sts()), &root), "no");
    assert_eq!(
        bound(user("ann", nothing()), &by_name),
        "assume-role strong",
        "named by its ARN, a user passes its boundary"
    );
    // The trust policy was not read.
    let mut unread = strong(&root);
    unread.trust = Attached::Unread("access denied".to_owned());
    let text = of(vec![user("ann", sts()), unread]);
    assert!(
        text.starts_with("undecided") && text.contains("access denied"),
        "{text}"
    );
}

#[test]
fn circumstances_and_tags() {
    let root = trust(json!({"AWS": OWN}));
    let sts = |condition: Value| json!([allow_if("sts:AssumeRole", "*", condition)]);
    let with = |statements: Value, own: Tags, theirs: Tags| {
        let mut ann = user("ann", statements);
        ann.tags = own;
        let mut strong = strong(&root);
        strong.tags = theirs;
        of(vec![ann, strong])
    };
    let none = || Some(BTreeMap::new());
    let mfa = || sts(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}));
    assert_eq!(
        with(mfa(), none(), none()),
        "assume-role strong",
        "one can sign in with a second factor"
    );
    let tagged = || sts(json!({"StringEquals": {"aws:ResourceTag/team": "a"}}));
    assert_eq!(
        with(tagged(), none(), tags(&[("team", "a")])),
        "assume-role strong"
    );
    assert_eq!(with(tagged(), none(), tags(&[("team", "b")])), "no");
    assert_eq!(with(tagged(), none(), none()), "no");
    let text = with(tagged(), none(), None);
    assert!(
        text.starts_with("undecided") && text.contains("aws:ResourceTag/team"),
        "{text}"
    );
    let alike =
        || sts(json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}));
    assert_eq!(
        with(alike(), tags(&[("team", "a")]), tags(&[("team", "a")])),
        "assume-role strong"
    );
    assert_eq!(
        with(alike(), tags(&[("team", "b")]), tags(&[("team", "a")])),
        "no"
    );
    assert_eq!(with(alike(), none(), tags(&[("team", "a")])), "no");
    let text = with(alike(), None, tags(&[("team", "a")]));
    assert!(text.starts_with("undecided"), "{text}");
    // Tags of users in conditions on IAM's own actions.
    let put = json!([allow_if(
        "iam:PutUserPolicy",
        "*",
        json!({"StringEquals": {"iam:ResourceTag/team": "a"}})
    )]);
    assert_eq!(
        with(put.clone(), tags(&[("team", "a")]), none()),
        "put-user-policy ann"
    );
    assert_eq!(with(put, tags(&[("team", "b")]), none()), "no");
    // Of the trust policy.
    let asked = json!({"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}});
    let trusted = |own: Tags| {
        let mut ann = user("ann", json!([allow(json!("sts:AssumeRole"), "*")]));
        ann.tags = own;
        of(vec![ann, strong(&asked)])
    };
    assert_eq!(trusted(tags(&[("team", "a")])), "assume-role strong");
    assert_eq!(trusted(tags(&[("team", "b")])), "no");
}

#[test]
fn organizations_in_conditions() {
    let trust = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}});
    let with = |organization: Option<&str>| {
        let mut estate = estate(vec![
            user("ann", json!([allow(json!("sts:AssumeRole"), "*")])),
            strong(&trust),
        ]);
        if let Some(id) = organization {
            estate.organizations.insert(OWN.to_owned(), id.to_owned());
        }
        ann(&look(&estate))
    };
    assert_eq!(with(Some("o-1")), "assume-role strong");
    assert_eq!(with(Some("o-2")), "no");
    let text = with(None);
    assert!(
        text.starts_with("undecided"),
        "nobody chooses its organization: {text}"
    );
}

#[test]
fn roles_are_passed_to_services_that_they_trust() {
    let ec2 = service("ec2.amazonaws.com");
    let run = || allow(json!("ec2:RunInstances"), "*");
    let passes = |resource: &str| allow(json!("iam:PassRole"), resource);
    let to = |service: &str| {
        allow_if(
            "iam:PassRole",
            "*",
            json!({"StringEquals": {"iam:PassedToService": service}}),
        )
    };
    for (what, statements, trust, expected) in [
        (
            "in two policies",
            json!([passes("*"), run()]),
            &ec2,
            "pass-role-to-ec2 strong",
        ),
        (
            "by ARN",
            json!([passes(&role_arn("strong")), run()]),
            &ec2,
            "pass-role-to-ec2 strong",
        ),
        (
            "another ARN",
            json!([passes(&role_arn("weak")), run()]),
            &ec2,
            "no",
        ),
        ("without the second", json!([passes("*")]), &ec2, "no"),
        ("without the first", json!([run()]), &ec2, "no"),
        (
            "the role does not trust the service",
            json!([passes("*"), run()]),
            &service("lambda.amazonaws.com"),
            "no",
        ),
        (
            "the role trusts people",
            json!([passes("*"), run()]),
            &trust(json!({"AWS": user_arn("bob")})),
            "no",
        ),
        (
            "to this service",
            json!([to("ec2.amazonaws.com"), run()]),
            &ec2,
            "pass-role-to-ec2 strong",
        ),
        (
            "to another service",
            json!([to("lambda.amazonaws.com"), run()]),
            &ec2,
            "no",
        ),
        (
            "a deny of the role",
            json!([
                passes("*"),
                run(),
                deny("iam:PassRole", &role_arn("strong"))
            ]),
            &ec2,
            "no",
        ),
        (
            "a deny of the action",
            json!([passes("*"), run(), deny("ec2:RunInstances", "*")]),
            &ec2,
            "no",
        ),
        (
            "a deny of another role",
            json!([passes("*"), run(), deny("iam:PassRole", &role_arn("weak"))]),
            &ec2,
            "pass-role-to-ec2 strong",
        ),
        (
            "each service has its own needs",
            json!([
                passes("*"),
                allow(
                    json!(["lambda:CreateFunction", "lambda:InvokeFunction"]),
                    "*"
                )
            ]),
            &service("lambda.amazonaws.com"),
            "pass-role-to-lambda strong",
        ),
    ] {
        assert_eq!(
            of(vec![user("ann", statements), strong(trust)]),
            expected,
            "{what}"
        );
    }
    let ann = || user("ann", json!([passes("*"), run()]));
    let mut bare = strong(&ec2);
    bare.in_instance_profile = Some(false);
    assert_eq!(of(vec![ann(), bare]), "no");
    let mut unknown = strong(&ec2);
    unknown.in_instance_profile = None;
    let text = of(vec![ann(), unknown]);
    assert!(
        text.starts_with("undecided") && text.contains("instance profiles"),
        "{text}"
    );
    assert_eq!(
        of(vec![
            bounded(ann(), &allow(json!("ec2:*"), "*")),
            strong(&ec2)
        ]),
        "no"
    );
    // Not across accounts.
    let foreign = parts(
        &format!("arn:aws:iam::{OTHER}:role/strong"),
        json!([everything()]),
        attached(&ec2),
    );
    assert_eq!(of(vec![ann(), foreign]), "no");
    // The trust pins the source to the account, which is the role's own.
    let pinned = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": OWN}}});
    assert_eq!(of(vec![ann(), strong(&pinned)]), "pass-role-to-ec2 strong");
    let elsewhere = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}});
    assert_eq!(of(vec![ann(), strong(&elsewhere)]), "no");
}

#[test]
fn through_the_role_of_a_function() {
    let lambda = service("lambda.amazonaws.com");
    let with = |statements: Value, role: Result<Option<String>, String>| {
        let mut estate = estate(vec![user("ann", statements), strong(&lambda)]);
        estate.things = vec![function("f", role), function("g", Ok(None))];
        look(&estate)
    };
    let update = |resource: &str| json!([allow(json!("lambda:UpdateFunctionCode"), resource)]);
    let f = format!("arn:aws:lambda:eu-west-1:{OWN}:function:f");
    let g = format!("arn:aws:lambda:eu-west-1:{OWN}:function:g");
    let of_strong = || Ok(Some(role_arn("strong")));
    let found = with(update(&f), of_strong());
    assert_eq!(ann(&found), "update-function strong");
    let hop = &found.principals[1].chains[0].hops[0];
    assert_eq!(hop.through.as_ref(), Some(&f));
    assert!(
        hop.statements[0].contains("p1, statement 1 allows"),
        "{hop:?}"
    );
    assert_eq!(
        ann(&with(update(&g), of_strong())),
        "no",
        "a function without the role"
    );
    assert_eq!(
        ann(&with(update("*"), Ok(Some(role_arn("weak"))))),
        "no",
        "a role that is not strong"
    );
    assert_eq!(
        ann(&with(
            json!([
                allow(json!("lambda:UpdateFunctionCode"), "*"),
                deny("lambda:*", &f)
            ]),
            of_strong()
        )),
        "no"
    );
    let text = ann(&with(update("*"), Err("access denied".to_owned())));
    assert!(text.starts_with("undecided") && text.contains(&f), "{text}");
    assert_eq!(
        ann(&with(
            json!([allow(json!("s3:*"), "*")]),
            Err("access denied".to_owned())
        )),
        "no"
    );
    // Functions could not be listed.
    let mut unlisted = estate(vec![
        user("ann", update("*")),
        user("bob", json!([])),
        strong(&lambda),
    ]);
    unlisted.unlisted.insert(
        ("lambda.function".to_owned(), OWN.to_owned()),
        "throttled".to_owned(),
    );
    let found = look(&unlisted);
    assert!(ann(&found).contains("throttled"), "{}", ann(&found));
    assert_eq!(answer(&found, &user_arn("bob")), "no");
}

#[test]
fn groups() {
    let group = |name: &str, statements: Value| Group {
        arn: format!("arn:aws:iam::{OWN}:group/{name}"),
        account: OWN.to_owned(),
        policies: vec![named(name, &statements)],
        unread: Vec::new(),
        customer_policies: Vec::new(),
    };
    let with = |ann_may: Value, groups: Vec<Group>, member_of: Vec<usize>| {
        let mut parts = user("ann", ann_may);
        parts.groups = member_of;
        let mut estate = estate(vec![parts]);
        estate.groups = groups;
        estate
    };
    let join = |resource: &str| json!([allow(json!("iam:AddUserToGroup"), resource)]);
    let admins = || group("admins", json!([everything()]));
    let readers = || group("readers", json!([allow(json!("s3:Get*"), "*")]));
    let estate_of = |statements: Value| with(statements, vec![admins(), readers()], vec![]);
    let found = look(&estate_of(join("*")));
    assert_eq!(ann(&found), "add-to-group ann");
    assert_eq!(
        found.principals[0].chains[0].hops[0].through.as_deref(),
        Some(format!("arn:aws:iam::{OWN}:group/admins").as_str())
    );
    assert_eq!(
        ann(&look(&estate_of(join(&format!(
            "arn:aws:iam::{OWN}:group/readers"
        ))))),
        "no"
    );
    assert_eq!(ann(&look(&estate_of(json!([])))), "no");
    // What the group gives together with what one has.
    let half = group(
        "half",
        json!([{"Effect": "Allow", "NotAction": ["iam:*", "s3:*", "ec2:*"], "Resource": "*"}]),
    );
    let rest = json!([
        allow(json!("iam:AddUserToGroup"), "*"),
        allow(json!(["s3:*", "ec2:*"]), "*")
    ]);
    assert_eq!(
        ann(&look(&with(rest, vec![half], vec![]))),
        "add-to-group ann"
    );
    // A group whose policies were not read.
    let mut unread = readers();
    unread.unread = vec!["secret".to_owned()];
    let text = ann(&look(&with(join("*"), vec![unread], vec![])));
    assert!(
        text.starts_with("undecided") && text.contains("secret"),
        "{text}"
    );
    // One's own group.
    let put = json!([allow(json!("iam:PutGroupPolicy"), "*")]);
    assert_eq!(
        ann(&look(&with(put.clone(), vec![readers()], vec![0]))),
        "put-group-policy ann"
    );
    assert_eq!(ann(&look(&with(put, vec![readers()], vec![]))), "no");
    // A boundary holds in a group too.
    let mut parts = bounded(
        user("ann", join("*")),
        &allow(json!(["iam:AddUserToGroup", "s3:*"]), "*"),
    );
    parts.groups = vec![];
    let mut bound = estate(vec![parts]);
    bound.groups = vec![admins()];
    assert_eq!(ann(&look(&bound)), "no");
}

#[test]
fn chains_are_shortest_and_cuts_name_the_step() {
    let root = trust(json!({"AWS": OWN}));
    let assume = |name: &str| json!([allow(json!("sts:AssumeRole"), &role_arn(name))]);
    let found = look(&estate(vec![
        user("ann", assume("first")),
        user("bob", assume("second")),
        user(
            "cid",
            json!([
                allow(json!("sts:AssumeRole"), &role_arn("first")),
                allow(json!("sts:AssumeRole"), &role_arn("third"))
            ]),
        ),
        user("dan", json!([])),
        role("first", &root, assume("second")),
        role("second", &root, assume("third")),
        role("third", &root, assume("strong")),
        strong(&root),
    ]));
    assert_eq!(
        ann(&found),
        "assume-role first, assume-role second, assume-role third, assume-role strong"
    );
    assert_eq!(
        answer(&found, &user_arn("bob")),
        "assume-role second, assume-role third, assume-role strong"
    );
    assert_eq!(
        answer(&found, &user_arn("cid")),
        "assume-role third, assume-role strong",
        "the shorter of two"
    );
    assert_eq!(answer(&found, &user_arn("dan")), "no");
    let cid = found
        .principals
        .iter()
        .find(|p| p.principal == user_arn("cid"))
        .expect("reached");
    let lengths: Vec<usize> = cid.chains.iter().map(|chain| chain.hops.len()).collect();
    assert_eq!(
        lengths,
        [2, 4],
        "one chain for each first step, the shortest first"
    );
    let cuts: Vec<(String, String, usize)> = found
        .cuts
        .iter()
        .map(|cut| (cut.from.clone(), cut.to.clone(), cut.principals.len()))
        .collect();
    assert_eq!(
        cuts,
        [
            (role_arn("third"), role_arn("strong"), 6),
            (role_arn("second"), role_arn("third"), 4),
            (role_arn("first"), role_arn("second"), 2),
            (user_arn("ann"), role_arn("first"), 1),
            (user_arn("bob"), role_arn("second"), 1),
        ]
    );
    assert_eq!(found.cuts[0].paths, ["assume-role"]);
    assert_eq!(
        found.cuts[0].principals,
        [
            role_arn("first"),
            role_arn("second"),
            role_arn("third"),
            user_arn("ann"),
            user_arn("bob"),
            user_arn("cid")
        ]
    );
}

#[test]
fn loops_end() {
    let root = trust(json!({"AWS": OWN}));
    let all = || json!([allow(json!("sts:AssumeRole"), "*")]);
    let found = look(&estate(vec![
        user("ann", all()),
        role("a", &root, all()),
        role("b", &root, all()),
        strong(&root),
    ]));
    for arn in [user_arn("ann"), role_arn("a"), role_arn("b")] {
        assert_eq!(answer(&found, &arn), "assume-role strong");
    }
    // Each has its own way, so that no step cuts more than none.
    assert!(
        found.cuts.is_empty(),
        "Ann goes on over a or b: {:?}",
        found.cuts
    );
    let found = look(&estate(vec![
        role(
            "a",
            &root,
            json!([allow(json!("sts:AssumeRole"), &role_arn("b"))]),
        ),
        role(
            "b",
            &root,
            json!([allow(json!("sts:AssumeRole"), &role_arn("a"))]),
        ),
        strong(&trust(json!({"Service": "ec2.amazonaws.com"}))),
    ]));
    assert_eq!(
        found.principals.len(),
        1,
        "a loop reaches nothing: {found:?}"
    );
}

#[test]
fn one_becomes_another_who_grants_oneself_everything() {
    let found = look(&estate(vec![
        user(
            "ann",
            json!([allow(json!("iam:CreateAccessKey"), &user_arn("bob"))]),
        ),
        user("bob", json!([allow(json!("iam:PutUserPolicy"), "*")])),
        user(
            "eve",
            json!([allow(json!("iam:CreateAccessKey"), &user_arn("dan"))]),
        ),
        user("dan", json!([])),
    ]));
    assert_eq!(ann(&found), "create-access-key bob, put-user-policy bob");
    assert_eq!(answer(&found, &user_arn("bob")), "put-user-policy bob");
    assert_eq!(
        answer(&found, &user_arn("eve")),
        "no",
        "a target that is not stronger"
    );
    assert_eq!(
        (found.cuts[0].from.as_str(), found.cuts[0].principals.len()),
        (user_arn("bob").as_str(), 2)
    );
    // Granting everything to a role that one takes then.
    let put = json!([allow(
        json!(["iam:PutRolePolicy", "sts:AssumeRole"]),
        &role_arn("weak")
    )]);
    let weak = |trust: &Value| role("weak", trust, json!([]));
    assert_eq!(
        of(vec![
            user("ann", put.clone()),
            weak(&trust(json!({"AWS": OWN})))
        ]),
        "put-role-policy weak"
    );
    assert_eq!(
        of(vec![
            user("ann", put.clone()),
            weak(&service("ec2.amazonaws.com"))
        ]),
        "no",
        "the role refuses"
    );
    assert_eq!(
        of(vec![
            user("ann", put),
            bounded(
                weak(&trust(json!({"AWS": OWN}))),
                &allow(json!("s3:*"), "*")
            )
        ]),
        "no",
        "the role is bounded"
    );
}

#[test]
fn what_was_not_read_leaves_it_open() {
    let mut ann_parts = user("ann", json!([allow(json!("iam:PutUserPolicy"), "*")]));
    ann_parts.set.unread = vec!["secret".to_owned()];
    let text = of(vec![ann_parts]);
    assert!(
        text.starts_with("undecided") && text.contains("policy secret"),
        "{text}"
    );
    let mut nothing = user("ann", json!([]));
    nothing.set.unread = vec!["secret".to_owned()];
    let text = of(vec![nothing]);
    assert!(text.starts_with("undecided"), "{text}");
    let odd = json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Colour": "red"}]);
    let text = of(vec![user("ann", odd)]);
    assert!(
        text.starts_with("undecided") && text.contains("Colour"),
        "{text}"
    );
    // What is certain stays so: somebody else's policy changes nothing.
    let mut other = user("bob", json!([]));
    other.set.unread = vec!["secret".to_owned()];
    assert_eq!(
        of(vec![
            other,
            user("ann", json!([allow(json!("iam:PutUserPolicy"), "*")]))
        ]),
        "put-user-policy ann"
    );
    // A certain way counts beside one that is open.
    let mut both = user(
        "ann",
        json!([allow(json!(["iam:PutUserPolicy", "sts:AssumeRole"]), "*")]),
    );
    both.tags = None;
    let asked = json!({"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}});
    assert_eq!(of(vec![both, strong(&asked)]), "put-user-policy ann");
}

#[test]
fn whoever_can_act_as_somebody_undecided_is_undecided() {
    let root = trust(json!({"AWS": OWN}));
    let assumes = || json!([allow(json!("sts:AssumeRole"), "*")]);
    let step = |name: &str| {
        parts(
            &format!("arn:aws:iam::{OWN}:role/{name}"),
            assumes(),
            attached(&root),
        )
    };
    let mut dark = step("dark");
    dark.set.unread = vec!["secret".to_owned()];
    let found = look(&estate(vec![
        user("ann", assumes()),
        user("bob", json!([allow(json!("s3:*"), "*")])),
        step("between"),
        dark,
    ]));
    assert!(found.principals.is_empty(), "{found:?}");
    let names: Vec<&str> = found
        .undecided
        .keys()
        .map(|arn| arn.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["between", "dark", "ann"]);
}

#[test]
fn what_was_not_listed_may_be_within_reach() {
    let mut partial = estate(vec![user(
        "ann",
        json!([allow(json!("sts:AssumeRole"), "*")]),
    )]);
    assert_eq!(look(&partial), Escalations::default());
    let unlisted = ("iam.role".to_owned(), OWN.to_owned());
    partial
        .unlisted
        .insert(unlisted, "access denied".to_owned());
    let found = look(&partial);
    assert!(found.principals.is_empty());
    assert_eq!(found.undecided.len(), 1);
}

/// A resource's policy that was not read, or a resource that is not held, may allow and may deny.
#[test]
fn policies_of_resources_that_are_not_known_leave_a_decision_open() {
    use posture_policy::Verdict;
    use posture_policy::estate::Attempt;
    let estate = estate(vec![
        user("ann", json!([allow(json!("*"), "*")])),
        user("bob", json!([])),
    ]);
    let verdict = |name: &str, action: &str, resource: &str| {
        let actor = estate
            .actor(&format!("arn:aws:iam::{OWN}:user/{name}"))
            .unwrap();
        let attempt = Attempt {
            action,
            resource,
            passed_to: None,
        };
        estate.can(actor, &attempt).verdict
    };
    let queue = format!("arn:aws:sqs:eu-west-1:{OWN}:q");
    for name in ["ann", "bob"] {
        assert_eq!(verdict(name, "sqs:sendmessage", &queue), Verdict::Unknown);
    }
    // These have no policies.
    let instance = format!("arn:aws:ec2:eu-west-1:{OWN}:instance/i-1");
    assert_eq!(
        verdict("ann", "ec2:stopinstances", &instance),
        Verdict::Allowed
    );
    assert_eq!(
        verdict("bob", "ec2:stopinstances", &instance),
        Verdict::ImplicitDeny
    );
    assert_eq!(verdict("ann", "sqs:listqueues", "*"), Verdict::Allowed);
    // What keeps it open comes first, then what stands but for that.
    let reasons = |name: &str| -> Vec<String> {
        let actor = estate.actor(&user_arn(name)).unwrap();
        let attempt = Attempt {
            action: "sqs:sendmessage",
            resource: &queue,
            passed_to: None,
        };
        let decided = estate.can(actor, &attempt);
        decided.reasons.iter().map(ToString::to_string).collect()
    };
    let open = "the resource's policy (the snapshot does not hold the resource) could not be read";
    assert_eq!(
        reasons("ann"),
        [open, "identity policy p1, statement 1 allows"]
    );
    assert_eq!(reasons("bob"), [open]);
}

#[test]
fn service_linked_roles_are_left_out() {
    let root = trust(json!({"AWS": OWN}));
    let mut linked = parts(
        &format!("arn:aws:iam::{OWN}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"),
        json!([everything()]),
        attached(&root),
    );
    linked.service_linked = true;
    let found = look(&estate(vec![
        user(
            "ann",
            json!([allow(json!(["sts:AssumeRole", "iam:PutRolePolicy"]), "*")]),
        ),
        linked,
    ]));
    assert_eq!(found, Escalations::default());
}

#[test]
fn roles_of_other_accounts() {
    let far = format!("arn:aws:iam::{OTHER}:role/far");
    let with = |statements: Value, trusted: Value| {
        of(vec![
            user("ann", statements),
            parts(&far, json!([everything()]), attached(&trust(trusted))),
        ])
    };
    let sts = || json!([allow(json!("sts:AssumeRole"), "*")]);
    assert_eq!(with(sts(), json!({"AWS": OWN})), "assume-role far");
    assert_eq!(
        with(sts(), json!({"AWS": user_arn("ann")})),
        "assume-role far"
    );
    assert_eq!(
        with(json!([]), json!({"AWS": user_arn("ann")})),
        "no",
        "across accounts both must allow"
    );
    assert_eq!(with(sts(), json!({"AWS": OTHER})), "no");
}

#[test]
fn the_order_of_paths_changes_nothing_but_names() {
    let root = trust(json!({"AWS": OWN}));
    let world = || {
        estate(vec![
            user(
                "ann",
                json!([allow(
                    json!(["sts:AssumeRole", "iam:PassRole", "ec2:RunInstances"]),
                    "*"
                )]),
            ),
            user("bob", json!([allow(json!("iam:CreateAccessKey"), "*")])),
            role("mid", &root, json!([allow(json!("sts:AssumeRole"), "*")])),
            strong(&json!([root, service("ec2.amazonaws.com")])),
        ])
    };
    let forward = look(&world());
    let mut paths = paths();
    paths.reverse();
    let backward = escalations(&world(), &paths);
    let names = |found: &Escalations| -> Vec<(String, Vec<usize>)> {
        found
            .principals
            .iter()
            .map(|p| {
                (
                    p.principal.clone(),
                    p.chains.iter().map(|c| c.hops.len()).collect(),
                )
            })
            .collect()
    };
    assert_eq!(names(&forward), names(&backward));
    let steps = |found: &Escalations| -> Vec<(String, String, Vec<String>)> {
        found
            .cuts
            .iter()
            .map(|cut| (cut.from.clone(), cut.to.clone(), cut.principals.clone()))
            .collect()
    };
    assert_eq!(steps(&forward), steps(&backward));
    assert_eq!(ann(&forward), "assume-role strong");
}
