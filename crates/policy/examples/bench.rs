//! How fast requests are decided, and escalation chains found.
//!
//! `cargo run --release -p posture-policy --example bench`, with `can` or `escalations` for one of the
//! two. The ratio is the figure to compare between machines.
#![expect(clippy::print_stdout, reason = "it is a program that prints")]
#![expect(clippy::expect_used, reason = "the policies are its own")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use posture_policy::condition::evaluate_all;
use posture_policy::document::{Clause, Effect};
use posture_policy::escalation::{Gain, Need, On, Path, Target, escalations};
use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Thing};
use posture_policy::identity::Verdict;
use posture_policy::pattern::Pattern;
use posture_policy::question::facts;
use posture_policy::{
    Ask, Control, IdentitySet, Layers, NamedPolicy, Policy, PolicySet, Requester, authorize,
};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

fn main() {
    let which = std::env::args().nth(1);
    if which.as_deref() != Some("escalations") {
        decisions();
    }
    if which.as_deref() != Some("can") {
        chains();
    }
}

fn named(name: &str, statements: &[Value]) -> NamedPolicy {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    NamedPolicy::new(name, Policy::parse(&document).expect("a policy"))
}

fn allow(action: Value, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// Services with some of their actions and the form of their resources.
const SERVICES: [(&str, [&str; 8], &str); 15] = [
    (
        "s3",
        [
            "GetObject",
            "PutObject",
            "DeleteObject",
            "ListBucket",
            "GetBucketPolicy",
            "PutBucketPolicy",
            "GetObjectTagging",
            "AbortMultipartUpload",
        ],
        "arn:aws:s3:::bucket-%/data/2024/file.csv",
    ),
    (
        "ec2",
        [
            "RunInstances",
            "DescribeInstances",
            "TerminateInstances",
            "CreateTags",
            "StartInstances",
            "StopInstances",
            "DescribeVpcs",
            "CreateVolume",
        ],
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-%",
    ),
    (
        "lambda",
        [
            "InvokeFunction",
            "GetFunction",
            "CreateFunction",
            "UpdateFunctionCode",
            "ListFunctions",
            "DeleteFunction",
            "AddPermission",
            "PublishVersion",
        ],
        "arn:aws:lambda:eu-west-1:111122223333:function:worker-%",
    ),
    (
        "dynamodb",
        [
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "UpdateItem",
            "DeleteItem",
            "BatchGetItem",
            "DescribeTable",
        ],
        "arn:aws:dynamodb:eu-west-1:111122223333:table/orders-%",
    ),
    (
        "sqs",
        [
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessage",
            "GetQueueUrl",
            "GetQueueAttributes",
            "CreateQueue",
            "PurgeQueue",
            "ListQueues",
        ],
        "arn:aws:sqs:eu-west-1:111122223333:queue-%",
    ),
    (
        "sns",
        [
            "Publish",
            "Subscribe",
            "CreateTopic",
            "ListTopics",
            "DeleteTopic",
            "GetTopicAttributes",
            "SetTopicAttributes",
            "Unsubscribe",
        ],
        "arn:aws:sns:eu-west-1:111122223333:topic-%",
    ),
    (
        "kms",
        [
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "DescribeKey",
            "CreateGrant",
            "ListAliases",
            "ReEncryptFrom",
            "ReEncryptTo",
        ],
        "arn:aws:kms:eu-west-1:111122223333:key/%",
    ),
    (
        "iam",
        [
            "GetRole",
            "PassRole",
            "ListRoles",
            "GetUser",
            "CreateUser",
            "ListUsers",
            "GetPolicy",
            "AttachRolePolicy",
        ],
        "arn:aws:iam::111122223333:role/team/app-%",
    ),
    (
        "logs",
        [
            "CreateLogGroup",
            "CreateLogStream",
            "PutLogEvents",
            "GetLogEvents",
            "DescribeLogGroups",
            "FilterLogEvents",
            "StartQuery",
            "GetQueryResults",
        ],
        "arn:aws:logs:eu-west-1:111122223333:log-group:/app/%",
    ),
    (
        "cloudwatch",
        [
            "PutMetricData",
            "GetMetricData",
            "ListMetrics",
            "DescribeAlarms",
            "PutMetricAlarm",
            "DeleteAlarms",
            "GetDashboard",
            "PutDashboard",
        ],
        "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a-%",
    ),
    (
        "secretsmanager",
        [
            "GetSecretValue",
            "DescribeSecret",
            "ListSecrets",
            "PutSecretValue",
            "CreateSecret",
            "UpdateSecret",
            "TagResource",
            "RotateSecret",
        ],
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/%",
    ),
    (
        "ecr",
        [
            "GetDownloadUrlForLayer",
            "BatchGetImage",
            "PutImage",
            "GetAuthorizationToken",
            "DescribeImages",
            "ListImages",
            "CreateRepository",
            "DeleteRepository",
        ],
        "arn:aws:ecr:eu-west-1:111122223333:repository/app-%",
    ),
    (
        "ecs",
        [
            "RunTask",
            "StopTask",
            "DescribeTasks",
            "ListTasks",
            "UpdateService",
            "RegisterTaskDefinition",
            "DescribeServices",
            "ListClusters",
        ],
        "arn:aws:ecs:eu-west-1:111122223333:task/main/%",
    ),
    (
        "ssm",
        [
            "GetParameter",
            "PutParameter",
            "GetParameters",
            "SendCommand",
            "StartSession",
            "DescribeParameters",
            "GetParametersByPath",
            "DeleteParameter",
        ],
        "arn:aws:ssm:eu-west-1:111122223333:parameter/app/%",
    ),
    (
        "rds",
        [
            "DescribeDBInstances",
            "CreateDBSnapshot",
            "ModifyDBInstance",
            "StartDBInstance",
            "StopDBInstance",
            "ListTagsForResource",
            "DescribeDBSnapshots",
            "CreateDBInstance",
        ],
        "arn:aws:rds:eu-west-1:111122223333:db:main-%",
    ),
];

/// Five policies of ten statements.
fn typical() -> Vec<NamedPolicy> {
    (0..5)
        .map(|policy| {
            let statements: Vec<Value> = (0..10)
                .map(|number| {
                    let nth = policy * 10 + number;
                    let (service, actions, arn) = SERVICES[nth % SERVICES.len()];
                    let full = |index: usize| format!("{service}:{}", actions[index % actions.len()]);
                    let some = arn.replace('%', &format!("{}*", nth % 10));
                    let all = arn.replace('%', "*");
                    match nth % 10 {
                        0 => json!({"Sid": "Read", "Effect": "Allow",
                            "Action": [format!("{service}:Get*"), format!("{service}:List*"), format!("{service}:Describe*")], "Resource": "*"}),
                        1..=3 => allow(json!([full(nth), full(nth + 1), full(nth + 2), full(nth + 3)]), json!([some, all])),
                        4 => allow(json!([full(nth)]), json!(all)),
                        5 => json!({"Effect": "Allow", "Action": format!("{service}:*"), "Resource": some,
                            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "data"}}}),
                        6 => json!({"Effect": "Allow", "Action": full(nth), "Resource": "*",
                            "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"]}}}),
                        7 => json!({"Effect": "Allow", "Action": [full(nth), full(nth + 4)], "Resource": all,
                            "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
                        8 => json!({"Effect": "Deny", "Action": [full(nth + 5)], "Resource": some}),
                        _ => allow(json!([full(nth), full(nth + 6)]), json!(arn.replace('%', "${aws:username}*"))),
                    }
                })
                .collect();
            named(&format!("policy-{policy}"), &statements)
        })
        .collect()
}

/// A thousand different requests.
fn requests() -> Vec<(String, String)> {
    (0..1_000)
        .map(|number: usize| {
            let (service, actions, arn) = SERVICES[number % SERVICES.len()];
            let action = actions[(number / SERVICES.len()) % actions.len()];
            (
                format!("{service}:{action}").to_lowercase(),
                arn.replace('%', &number.to_string()),
            )
        })
        .collect()
}

fn decisions() {
    let requester =
        Requester::parse(&format!("arn:aws:iam::{ACCOUNT}:user/ann")).expect("a principal");
    let mut context = facts(&requester, Some(ACCOUNT))
        .with("aws:PrincipalTag/team", "data")
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:SecureTransport", "true");
    context.close();
    let policies = typical();
    let set = PolicySet::new(policies.clone());
    let requests = requests();
    let layers = Layers {
        identity: Some(&set),
        ..Layers::default()
    };
    let decide = |action: &str, resource: &str| {
        authorize(
            &Ask {
                requester: &requester,
                action,
                resource,
                resource_account: Some(ACCOUNT),
                context: &context,
            },
            &layers,
        )
        .verdict
    };
    let scan = |action: &str, resource: &str| {
        let admits = |clause: &Clause<Pattern>, text: &str, resolve: bool| {
            let hit = clause.listed().iter().any(|pattern| {
                pattern.matches(text)
                    || resolve && pattern.has_variable() && pattern.may_match(text)
            });
            hit == matches!(clause, Clause::Only(_))
        };
        let mut allowed = false;
        for statement in policies.iter().flat_map(|named| &named.policy.statements) {
            let Ok(body) = &statement.body else { continue };
            let applies = admits(&body.actions, action, false)
                && body
                    .resources
                    .as_ref()
                    .is_none_or(|clause| admits(clause, resource, true))
                && evaluate_all(&body.conditions, &context).is_yes();
            match statement.effect {
                Some(Effect::Deny) if applies => return Verdict::ExplicitDeny,
                _ => allowed |= applies,
            }
        }
        if allowed {
            Verdict::Allowed
        } else {
            Verdict::ImplicitDeny
        }
    };
    let mut verdicts = [0; 4];
    for (action, resource) in &requests {
        verdicts[decide(action, resource) as usize] += 1;
    }
    println!(
        "requests: {} allowed, {} explicit_deny, {} implicit_deny, {} unknown",
        verdicts[0], verdicts[1], verdicts[2], verdicts[3]
    );
    let decided = rate(&requests, decide);
    let scanned = rate(&requests, scan);
    println!("decisions/s on one core: {decided:.0}");
    println!("a linear scan of all statements with the same matcher: {scanned:.0}/s");
    println!("ratio: {:.2}", decided / scanned);
}

/// Calls a second, the best of five rounds.
fn rate(requests: &[(String, String)], decide: impl Fn(&str, &str) -> Verdict) -> f64 {
    (0..5)
        .map(|_| {
            let start = Instant::now();
            let mut count = 0_u32;
            while start.elapsed() < Duration::from_millis(400) {
                for (action, resource) in requests {
                    black_box(decide(black_box(action), black_box(resource)));
                    count += 1;
                }
            }
            f64::from(count) / start.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}

fn chains() {
    let start = Instant::now();
    let estate = account();
    let paths = paths();
    println!(
        "account: {} principals, {} functions, {} paths, made in {:.2} s",
        estate.actors.len(),
        estate.things.len(),
        paths.len(),
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let found = escalations(&estate, &paths);
    let took = start.elapsed().as_secs_f64();
    let chains: usize = found.principals.iter().map(|p| p.chains.len()).sum();
    let longest = found
        .principals
        .iter()
        .filter_map(|p| p.chains.first())
        .map(|chain| chain.hops.len())
        .max();
    println!(
        "escalations: {took:.2} s, {} principals reached ({} administrators), {chains} chains, longest shortest chain {}, {} cuts, {} undecided",
        found.principals.len(),
        found.principals.iter().filter(|p| p.administrator).count(),
        longest.unwrap_or_default(),
        found.cuts.len(),
        found.undecided.len()
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("peak memory: {}", peak.map_or("not known", str::trim));
}

fn service_trust(service: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})
}

/// A thousand roles and five hundred users in a hundred teams.
fn account() -> Estate {
    let roles = (0..1_000_usize).map(|number| {
        let (kind, team) = (number / 100, number % 100);
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/team{team}/r{number}");
        let mut statements = vec![
            allow(json!(["s3:GetObject", "s3:PutObject"]), json!(format!("arn:aws:s3:::team{team}-*"))),
            allow(json!(["logs:*", "cloudwatch:PutMetricData"]), json!("*")),
        ];
        statements.extend(match kind {
            // Goes on to the next team.
            0 => vec![allow(json!("sts:AssumeRole"), json!(format!("arn:aws:iam::{ACCOUNT}:role/team{}/*", (team + 1) % 100)))],
            1 | 2 => vec![
                allow(json!("iam:PassRole"), json!(format!("arn:aws:iam::{ACCOUNT}:role/team{team}/*"))),
                allow(json!(["lambda:CreateFunction", "lambda:InvokeFunction", "ec2:RunInstances"]), json!("*")),
            ],
            3 => vec![allow(json!("lambda:Update*"), json!(format!("arn:aws:lambda:*:{ACCOUNT}:function:team{team}-*")))],
            4 => vec![json!({"Effect": "Allow", "Action": ["glue:*", "iam:PassRole"], "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}})],
            5 => vec![json!({"Effect": "Allow", "Action": "iam:*", "Resource": arn}), json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})],
            _ => Vec::new(),
        });
        if number % 101 == 7 {
            statements.push(allow(json!("*"), json!("*")));
        }
        let trust = match (kind + team) % 5 {
            _ if kind == 0 => json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}),
            0 => json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}),
            1 => service_trust("lambda.amazonaws.com"),
            2 => service_trust("ec2.amazonaws.com"),
            3 => json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/u{}", number % 500)}, "Action": "sts:AssumeRole"}),
            _ => service_trust("glue.amazonaws.com"),
        };
        actor(arn, statements, Attached::Set(Arc::new(PolicySet::new(vec![named("trust", &[trust])]))), team)
    });
    let users = (0..500_usize).map(|number| {
        let team = number % 100;
        let mut statements = vec![
            allow(json!(["ec2:Describe*", "s3:List*", "iam:Get*", "iam:List*"]), json!("*")),
            json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}),
        ];
        statements.extend(match number % 6 {
            0 => vec![allow(json!("sts:AssumeRole"), json!(format!("arn:aws:iam::{ACCOUNT}:role/team{team}/*")))],
            1 => vec![
                allow(json!("iam:PassRole"), json!("*")),
                allow(json!(["ec2:RunInstances", "lambda:CreateFunction", "lambda:InvokeFunction"]), json!("*")),
            ],
            2 => vec![allow(json!("lambda:UpdateFunctionCode"), json!(format!("arn:aws:lambda:*:{ACCOUNT}:function:team{team}-*")))],
            3 => vec![allow(json!(["iam:CreateAccessKey", "iam:PutUserPolicy"]), json!(format!("arn:aws:iam::{ACCOUNT}:user/u{number}*")))],
            4 => vec![json!({"Effect": "Allow", "Action": ["sts:AssumeRole", "iam:PassRole"], "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": format!("{team}")}}})],
            _ => Vec::new(),
        });
        actor(format!("arn:aws:iam::{ACCOUNT}:user/u{number}"), statements, Attached::None, team)
    });
    let mut actors: Vec<Actor> = roles.chain(users).collect();
    actors.sort_by(|a, b| a.arn().cmp(b.arn()));
    let mut things: Vec<Thing> = (0..300_usize)
        .map(|number| {
            let team = number % 100;
            let role = format!(
                "arn:aws:iam::{ACCOUNT}:role/team{}/r{}",
                (number * 7 + 1) % 100,
                (number * 7 + 1) % 1_000
            );
            Thing {
                kind: "lambda.function".to_owned(),
                arn: format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:team{team}-f{number}"),
                account: ACCOUNT.to_owned(),
                region: "eu-west-1".to_owned(),
                policy: Attached::None,
                restricted: Ok(false),
                roles: BTreeMap::from([("role".to_owned(), Ok(Some(role)))]),
                tags: Some(BTreeMap::new()),
            }
        })
        .collect();
    things.sort_by(|a, b| a.arn.cmp(&b.arn));
    Estate {
        actors,
        things,
        ..Estate::default()
    }
}

fn actor(arn: String, statements: Vec<Value>, trust: Attached, team: usize) -> Actor {
    let control = Control {
        levels: vec![Arc::new(PolicySet::new(vec![named(
            "FullAWSAccess",
            &[allow(json!("*"), json!("*"))],
        )]))],
        unread: None,
    };
    Actor::new(ActorParts {
        requester: Requester::parse(&arn).expect("a principal"),
        set: IdentitySet {
            policies: statements
                .iter()
                .enumerate()
                .map(|(number, statement)| {
                    named(&format!("p{number}"), std::slice::from_ref(statement))
                })
                .collect(),
            ..IdentitySet::default()
        },
        scps: Arc::new(control),
        trust,
        customer_policies: vec![format!("arn:aws:iam::{ACCOUNT}:policy/team{team}")],
        groups: Vec::new(),
        in_instance_profile: Some(true),
        service_linked: false,
        tags: Some(BTreeMap::from([("team".to_owned(), team.to_string())])),
    })
}

/// Thirty paths of the shapes that there are.
fn paths() -> Vec<Path> {
    let path = |id: &str, target: Target, gains: Gain, needs: Vec<Need>| Path {
        id: id.to_owned(),
        title: id.to_owned(),
        target,
        trusts: Vec::new(),
        instance_profile: false,
        needs,
        gains,
    };
    let one = |id: &str, target: Target, gains: Gain, action: &str, on: On| {
        path(id, target, gains, vec![Need::new(action, on, None)])
    };
    let mut list = vec![
        one(
            "assume-role",
            Target::Role,
            Gain::Target,
            "sts:AssumeRole",
            On::Target,
        ),
        one(
            "create-access-key",
            Target::User,
            Gain::Target,
            "iam:CreateAccessKey",
            On::Target,
        ),
        one(
            "create-login-profile",
            Target::User,
            Gain::Target,
            "iam:CreateLoginProfile",
            On::Target,
        ),
        one(
            "update-login-profile",
            Target::User,
            Gain::Target,
            "iam:UpdateLoginProfile",
            On::Target,
        ),
        one(
            "put-user-policy",
            Target::OwnUser,
            Gain::Administrator,
            "iam:PutUserPolicy",
            On::Target,
        ),
        one(
            "attach-user-policy",
            Target::OwnUser,
            Gain::Administrator,
            "iam:AttachUserPolicy",
            On::Target,
        ),
        one(
            "put-own-role-policy",
            Target::OwnRole,
            Gain::Administrator,
            "iam:PutRolePolicy",
            On::Target,
        ),
        one(
            "attach-own-role-policy",
            Target::OwnRole,
            Gain::Administrator,
            "iam:AttachRolePolicy",
            On::Target,
        ),
        one(
            "create-policy-version",
            Target::Itself,
            Gain::Administrator,
            "iam:CreatePolicyVersion",
            On::Policy,
        ),
        one(
            "set-policy-version",
            Target::Itself,
            Gain::Administrator,
            "iam:SetDefaultPolicyVersion",
            On::Policy,
        ),
        one(
            "add-to-group",
            Target::Group,
            Gain::Membership,
            "iam:AddUserToGroup",
            On::Target,
        ),
        one(
            "put-group-policy",
            Target::OwnGroup,
            Gain::Administrator,
            "iam:PutGroupPolicy",
            On::Target,
        ),
        one(
            "update-trust",
            Target::Role,
            Gain::Target,
            "iam:UpdateAssumeRolePolicy",
            On::Target,
        ),
    ];
    for action in ["iam:PutRolePolicy", "iam:AttachRolePolicy"] {
        list.push(path(
            &format!("{action} and assume"),
            Target::Role,
            Gain::Administrator,
            vec![
                Need::new(action, On::Target, None),
                Need::new("sts:AssumeRole", On::Target, None),
            ],
        ));
    }
    for (service, actions) in [
        ("ec2", &["ec2:RunInstances"][..]),
        ("ec2", &["ec2:RequestSpotInstances"]),
        (
            "lambda",
            &["lambda:CreateFunction", "lambda:InvokeFunction"],
        ),
        ("lambda", &["lambda:CreateFunction", "lambda:AddPermission"]),
        ("glue", &["glue:CreateDevEndpoint"]),
        ("glue", &["glue:CreateJob", "glue:StartJobRun"]),
        ("cloudformation", &["cloudformation:CreateStack"]),
        (
            "datapipeline",
            &[
                "datapipeline:CreatePipeline",
                "datapipeline:PutPipelineDefinition",
            ],
        ),
        ("sagemaker", &["sagemaker:CreateNotebookInstance"]),
        (
            "codebuild",
            &["codebuild:CreateProject", "codebuild:StartBuild"],
        ),
        ("ecs-tasks", &["ecs:RegisterTaskDefinition", "ecs:RunTask"]),
        (
            "states",
            &["states:CreateStateMachine", "states:StartExecution"],
        ),
    ] {
        let name = format!("{service}.amazonaws.com");
        let mut needs = vec![Need::new("iam:PassRole", On::Target, Some(name.clone()))];
        needs.extend(
            actions
                .iter()
                .map(|action| Need::new(action, On::Any, None)),
        );
        list.push(Path {
            trusts: vec![name],
            instance_profile: service == "ec2",
            ..path(
                &format!("pass-role {}", actions[0]),
                Target::Role,
                Gain::Target,
                needs,
            )
        });
    }
    for action in [
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:PublishLayerVersion",
    ] {
        let through = Target::Through {
            kind: "lambda.function".to_owned(),
            role: "role".to_owned(),
        };
        list.push(one(action, through, Gain::Target, action, On::Through));
    }
    list
}
