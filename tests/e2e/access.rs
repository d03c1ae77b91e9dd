//! Who can do what: `can`, `who-can`, `escalations` and `policy`, asked of the demo organization.
//!
//! The seed plants chains to an administrator, `weak-climb-...`, and beside each its twin, in which one
//! thing stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Posture, Ran, Server, demo, findings, work_dir};

/// Account and principal, the paths of its chain, and where the chain ends.
const CHAINS: &[&str] = &[
    "prod user/weak-climb-inline: iam-007 -> itself",
    "prod user/weak-climb-version: iam-001 -> itself",
    "prod role/weak-climb-self: iam-005 -> itself",
    "prod user/weak-climb-join: iam-013 -> itself",
    "prod user/weak-climb-team: iam-011 -> itself",
    "prod user/weak-climb-key: iam-002 -> prod user/weak-chief",
    "prod user/weak-climb-trust: iam-012 -> prod role/weak-operator",
    // A role without rights until it is filled.
    "prod user/weak-climb-attach: iam-014 -> prod role/sound-climb-blank",
    "prod user/weak-climb-assume: sts-001 -> prod role/weak-climb-chief",
    "prod user/weak-climb-function: lambda-001 -> prod role/weak-function",
    "prod role/weak-climb-code: lambda-004 -> prod role/weak-function",
    "prod role/weak-climb-deployer: lambda-003 -> prod role/weak-function",
    "prod user/weak-climb-deploy: sts-001 lambda-003 -> prod role/weak-function",
    "prod user/weak-climb-run: ec2-001 -> prod role/weak-instance",
    "prod user/weak-climb-session: ssm-001 -> prod role/weak-instance",
    "prod role/weak-climb-second: ssm-002 -> prod role/weak-instance",
    "prod role/weak-climb-first: sts-001 ssm-002 -> prod role/weak-instance",
    "prod user/weak-climb-far: sts-001 sts-001 ssm-002 -> prod role/weak-instance",
    "prod role/weak-climb-guest: lambda-003 -> prod role/weak-function",
    "dev user/weak-climb-unguarded: iam-008 -> itself",
    // From one account into another.
    "dev user/weak-climb-visit: sts-001 lambda-003 -> prod role/weak-function",
];

/// A chain as the table tells it.
struct Expected {
    principal: String,
    paths: Vec<&'static str>,
    end: String,
}

fn expected(server: &Server) -> Vec<Expected> {
    let arn = |text: &str| {
        let (account, name) = text.split_once(' ').unwrap();
        iam(server, account, name)
    };
    CHAINS
        .iter()
        .map(|line| {
            let (principal, rest) = line.split_once(": ").unwrap();
            let (paths, end) = rest.split_once(" -> ").unwrap();
            Expected {
                principal: arn(principal),
                paths: paths.split(' ').collect(),
                end: arn(if end == "itself" { principal } else { end }),
            }
        })
        .collect()
}

#[test]
fn planted_chains_are_found_step_by_step() {
    let (Some(server), Some(all)) = (Server::moto(), escalations(&[])) else {
        return;
    };
    let administrators = administrators(&all);
    let expected = expected(server);
    for Expected {
        principal: arn,
        paths,
        end,
    } in &expected
    {
        let found = principal(&all, arn).unwrap_or_else(|| panic!("{arn} is not listed"));
        assert_eq!(found["administrator"], false, "{arn}");
        let chains = found["chains"].as_array().unwrap();
        let chain = chains
            .iter()
            .find(|chain| texts(&chain["hops"], "path") == *paths)
            .unwrap_or_else(|| panic!("{arn} has no chain by {paths:?}: {chains:#?}"));
        assert_eq!(chain["target"], *end, "{arn}");
        for chain in chains {
            assert_connected(chain, arn, &administrators);
        }
    }
    // All that is planted is in the table, and nothing else escalates but what is planted to.
    let expected: BTreeSet<String> = expected.into_iter().map(|one| one.principal).collect();
    let listed: BTreeSet<String> = array(&all["principals"])
        .filter(|one| one["administrator"] == false)
        .map(|one| text(&one["principal"]).to_owned())
        .filter(|arn| !arn.ends_with("/weak-role-maker"))
        .collect();
    assert_eq!(listed, expected);
    let planted: BTreeSet<String> = climbers(server, true)
        .into_iter()
        .filter(|arn| !administrators.contains(arn.as_str()))
        .collect();
    assert_eq!(planted, expected);
}

/// Each step begins where the one before ends, each is proved, and the last one ends at an administrator.
#[track_caller]
fn assert_connected(chain: &Value, principal: &str, administrators: &BTreeSet<&str>) {
    let hops: Vec<&Value> = array(&chain["hops"]).collect();
    let mut at = principal;
    for hop in &hops {
        assert_eq!(hop["from"], at, "{chain:#}");
        at = text(&hop["to"]);
        assert!(!text(&hop["title"]).is_empty(), "{chain:#}");
        let statements: Vec<&str> = array(&hop["statements"]).map(text).collect();
        assert!(!statements.is_empty(), "{chain:#}");
        for statement in statements {
            assert!(
                statement.contains("policy ") && statement.ends_with(" allows"),
                "{statement:?} names no policy"
            );
        }
    }
    let (last, before) = hops.split_last().unwrap();
    assert!(
        before
            .iter()
            .all(|hop| hop["grants_administrator"] == false)
    );
    let granted = last["grants_administrator"] == true;
    assert_ne!(granted, administrators.contains(at), "{chain:#}");
    assert_eq!(chain["target"], at, "{chain:#}");
}

#[test]
fn steps_name_the_resource_that_they_go_through() {
    let (Some(server), Some(all)) = (Server::moto(), escalations(&[])) else {
        return;
    };
    let through = |account: &str, name: &str| -> Vec<String> {
        let found = principal(&all, &iam(server, account, name)).unwrap();
        array(&found["chains"][0]["hops"])
            .map(|hop| hop["through"].as_str().unwrap_or("-").to_owned())
            .collect()
    };
    let prod = server.account("prod");
    let job = format!("arn:aws:lambda:us-east-1:{prod}:function:weak-climb-job");
    assert_eq!(
        through("prod", "user/weak-climb-deploy"),
        ["-", job.as_str()]
    );
    assert_eq!(
        through("prod", "user/weak-climb-join"),
        [format!("arn:aws:iam::{prod}:group/weak-operators")]
    );
    let host = through("prod", "user/weak-climb-session").remove(0);
    assert!(
        host.starts_with(&format!("arn:aws:ec2:us-east-1:{prod}:instance/i-")),
        "{host}"
    );
}

#[test]
fn sound_twins_do_not_escalate() {
    let (Some(server), Some(all)) = (Server::moto(), escalations(&[])) else {
        return;
    };
    let twins = climbers(server, false);
    assert!(twins.len() >= 15, "{twins:?}");
    for twin in &twins {
        assert!(principal(&all, twin).is_none(), "{twin} is listed");
        let undecided = array(&all["undecided"]).find(|one| one["principal"] == twin.as_str());
        assert!(undecided.is_none(), "{undecided:?}");
    }
    // With every user, role and control policy read, nothing is taken for granted.
    assert_eq!(all["undecided"], json!([]));
    assert_eq!(all["assumptions"], json!([]));
    assert_eq!(all["unread"], json!([]));
}

#[test]
fn findings_say_who_escalates() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let found = findings(&demo.report);
    for Expected {
        principal: arn,
        paths,
        ..
    } in expected(server)
    {
        let kind = if arn.contains(":user/") {
            "user"
        } else {
            "role"
        };
        let check = format!("iam-{kind}-escalates");
        let finding = found.values().find(|f| f.check == check && f.arn == arn);
        let finding = finding.unwrap_or_else(|| panic!("no finding of {check} about {arn}"));
        assert_eq!(
            (finding.status.as_str(), finding.severity.as_str()),
            ("fail", "high")
        );
        // The shortest chain, or one that is as short.
        let steps = finding.message.matches(" by ").count();
        assert_eq!(steps, paths.len(), "{}", finding.message);
    }
    // The report holds what failed and what is unknown: neither is said of a twin.
    for twin in climbers(server, false) {
        let finding = found
            .values()
            .find(|f| f.check.ends_with("-escalates") && f.arn == twin);
        assert!(finding.is_none(), "{finding:?}");
    }
}

/// What a cut is said to do, worked out again from the steps: without it exactly those do not get there.
#[test]
fn cuts_cut_exactly_those_that_they_name() {
    let (Some(server), Some(all)) = (Server::moto(), escalations(&[])) else {
        return;
    };
    type Step<'a> = (&'a str, &'a str, bool);
    // The first steps of all chains of everyone are all steps that there are.
    let steps: BTreeMap<Step<'_>, BTreeSet<&str>> = array(&all["principals"])
        .flat_map(|one| array(&one["chains"]))
        .map(|chain| &chain["hops"][0])
        .fold(BTreeMap::new(), |mut steps, hop| {
            let grants = hop["grants_administrator"].as_bool().unwrap();
            let step = (text(&hop["from"]), text(&hop["to"]), grants);
            let paths: &mut BTreeSet<&str> = steps.entry(step).or_default();
            paths.insert(text(&hop["path"]));
            steps
        });
    let administrators = administrators(&all);
    let climbing = |without: Option<Step<'_>>| -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        loop {
            let before = reached.len();
            for step in steps.keys().filter(|step| Some(**step) != without) {
                let (from, to, grants) = *step;
                if grants || administrators.contains(to) || reached.contains(to) {
                    reached.insert(from);
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    };
    let everyone = climbing(None);
    let listed: BTreeSet<&str> = array(&all["principals"])
        .filter(|one| one["administrator"] == false)
        .map(|one| text(&one["principal"]))
        .collect();
    assert_eq!(everyone, listed);

    let mut effects: BTreeMap<Step<'_>, BTreeSet<&str>> = BTreeMap::new();
    for step in steps.keys() {
        let left = climbing(Some(*step));
        let lost: BTreeSet<&str> = everyone.difference(&left).copied().collect();
        if !lost.is_empty() {
            effects.insert(*step, lost);
        }
    }
    let cuts: Vec<&Value> = array(&all["cuts"]).collect();
    assert_eq!(cuts.len(), effects.len());
    let mut sizes = Vec::new();
    for cut in &cuts {
        let (from, to) = (text(&cut["from"]), text(&cut["to"]));
        let lost: BTreeSet<&str> = array(&cut["principals"]).map(text).collect();
        let paths: BTreeSet<&str> = array(&cut["paths"]).map(text).collect();
        let told = effects.iter().any(|(step, effect)| {
            (step.0, step.1) == (from, to) && *effect == lost && steps[step] == paths
        });
        assert!(told, "{cut:#}\nworked out: {effects:#?}");
        sizes.push(lost.len());
    }
    let most = effects.values().map(BTreeSet::len).max().unwrap();
    assert_eq!(sizes[0], most);
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    // The way through the host is the one that most go.
    assert_eq!(
        cuts[0]["from"],
        iam(server, "prod", "role/weak-climb-second")
    );
    assert_eq!(most, 3);
}

#[test]
fn one_principal_is_selected_by_arn_and_by_name() {
    let (Some(server), Some(all)) = (Server::moto(), escalations(&[])) else {
        return;
    };
    let arn = iam(server, "prod", "user/weak-climb-far");
    let by_arn = escalations(&[&arn]).unwrap();
    assert_eq!(by_arn, escalations(&["weak-climb-far"]).unwrap());
    assert_eq!(by_arn, escalations(&["user/weak-climb-far"]).unwrap());
    assert_eq!(by_arn["principals"].as_array().unwrap().len(), 1);
    assert_eq!(
        by_arn["principals"][0],
        *principal(&all, &arn).unwrap(),
        "a selection changes what is said"
    );
    let cuts: Vec<&Value> = array(&all["cuts"])
        .filter(|cut| array(&cut["principals"]).any(|one| one == arn.as_str()))
        .collect();
    assert_eq!(array(&by_arn["cuts"]).collect::<Vec<_>>(), cuts);

    let chief = escalations(&["weak-chief"]).unwrap();
    assert_eq!(chief["principals"][0]["administrator"], true);
    assert_eq!(chief["principals"][0]["chains"], json!([]));
    let twin = escalations(&["sound-climb-far"]).unwrap();
    assert_eq!(twin["principals"], json!([]));
    assert_eq!(twin["cuts"], json!([]));
}

#[test]
fn the_text_shows_every_step() {
    let (Some(all), Some(ran)) = (escalations(&[]), ask(&["escalations"])) else {
        return;
    };
    let text_form = ran.code(0).stdout;
    let short = |value: &Value| {
        text(value)
            .splitn(5, ':')
            .nth(4)
            .unwrap()
            .trim_start_matches(':')
            .to_owned()
    };
    let mut lines = text_form.lines().skip_while(|line| !line.is_empty());
    for one in array(&all["principals"]) {
        let arn = text(&one["principal"]);
        if one["administrator"] == true {
            assert!(text_form.contains(&format!("\n  {arn}\n")), "{arn}");
            continue;
        }
        assert!(
            lines.any(|line| line == arn),
            "{arn} is missing or out of order"
        );
        for (number, hop) in array(&one["chains"])
            .take(3)
            .flat_map(|chain| (1..).zip(array(&chain["hops"])))
        {
            let start = format!("  {number}. {} -> ", short(&hop["from"]));
            let end = format!("{} ({})", text(&hop["title"]), text(&hop["path"]));
            let line = lines.find(|line| line.starts_with(&start)).unwrap_or("");
            assert!(line.ends_with(&end), "{start}...{end} is not {line:?}");
            for part in ["to", "through"] {
                let itself = part == "to" && hop["to"] == hop["from"];
                if hop[part].is_string() && !itself {
                    assert!(line.contains(&short(&hop[part])), "{part} is not in {line}");
                }
            }
            for statement in array(&hop["statements"]) {
                assert_eq!(lines.next().map(str::trim), statement.as_str());
            }
        }
    }
    assert!(text_form.contains("\nwhat to cut first\n"), "{text_form}");
    let first = &all["cuts"][0];
    let line = format!("  {} -> {} (", short(&first["from"]), short(&first["to"]));
    assert!(text_form.contains(&line), "{line} is not in {text_form}");
}

/// Who, what, on what, what becomes of it, and what the reasons say.
#[test]
fn can_decides_and_says_why() {
    let Some(server) = Server::moto() else { return };
    let [prod, dev, security] = ["prod", "dev", "security"].map(|name| server.account(name));
    let chief = format!("arn:aws:iam::{prod}:user/weak-chief");
    let boundary = "the permission boundary does not allow it";
    let cases: &[(&str, &str, String, &str, &[&str])] = &[
        (
            "weak-chief",
            "s3:GetObject",
            "arn:aws:s3:::weak-plain/key".to_owned(),
            "allowed",
            &["identity policy AdministratorAccess, statement 1"],
        ),
        (
            &chief,
            "S3:getobject",
            "arn:aws:s3:::weak-plain/key".to_owned(),
            "allowed",
            &["identity policy AdministratorAccess, statement 1"],
        ),
        // Through a group, on what its policy names; but a table may have a policy that denies, and
        // the snapshot does not hold tables.
        (
            "sound-person",
            "dynamodb:GetItem",
            format!("arn:aws:dynamodb:us-east-1:{prod}:table/orders"),
            "unknown",
            &[
                "the snapshot does not hold the resource",
                "identity policy sound-scoped, statement 1 allows",
            ],
        ),
        (
            "sound-person",
            "dynamodb:PutItem",
            format!("arn:aws:dynamodb:us-east-1:{prod}:table/orders"),
            "unknown",
            &["the snapshot does not hold the resource"],
        ),
        (
            "sound-bounded-administrator",
            "ec2:RunInstances",
            format!("arn:aws:ec2:us-east-1:{prod}:instance/*"),
            "implicit_deny",
            &[boundary],
        ),
        (
            "sound-climb-inline",
            "iam:PutUserPolicy",
            format!("arn:aws:iam::{prod}:user/sound-climb-inline"),
            "explicit_deny",
            &["identity policy rights, statement 2 \"NobodyWritesPolicies\" denies"],
        ),
        (
            "weak-chief",
            "ec2:RunInstances",
            format!("arn:aws:ec2:us-west-2:{prod}:instance/*"),
            "explicit_deny",
            &[
                "service control policy sound-regions",
                "\"OnlyApprovedRegions\" denies",
            ],
        ),
        (
            "weak-chief",
            "ec2:RunInstances",
            format!("arn:aws:ec2:eu-west-1:{prod}:instance/*"),
            "allowed",
            &["identity policy AdministratorAccess"],
        ),
        // Which region it goes to is the request's.
        (
            "weak-chief",
            "ec2:RunInstances",
            "*".to_owned(),
            "unknown",
            &["\"OnlyApprovedRegions\"", "aws:RequestedRegion"],
        ),
        (
            "sound-climb-guarded",
            "iam:AttachUserPolicy",
            format!("arn:aws:iam::{security}:user/sound-climb-guarded"),
            "explicit_deny",
            &["service control policy sound-roles-only, statement 1 \"RolesOnly\" denies"],
        ),
        (
            "weak-climb-visit",
            "sts:AssumeRole",
            format!("arn:aws:iam::{prod}:role/weak-climb-guest"),
            "allowed",
            &[
                "identity policy rights, statement 1 allows",
                "of role/weak-climb-guest, statement 1 allows",
            ],
        ),
        (
            "sound-climb-visit",
            "sts:AssumeRole",
            format!("arn:aws:iam::{prod}:role/weak-climb-guest"),
            "implicit_deny",
            &["no identity policy allows it"],
        ),
        (
            "sound-climb-assume",
            "sts:AssumeRole",
            format!("arn:aws:iam::{prod}:role/weak-climb-chief"),
            "implicit_deny",
            &[],
        ),
        // Not by the name of a user or role: anyone, an account, a service.
        (
            "*",
            "s3:GetObject",
            "arn:aws:s3:::weak-public-policy/key".to_owned(),
            "allowed",
            &["resource policy of weak-public-policy, statement 1 allows"],
        ),
        (
            "*",
            "s3:GetObject",
            "arn:aws:s3:::sound-data/key".to_owned(),
            "implicit_deny",
            &["the resource's policy does not allow it"],
        ),
        (
            "999999999999",
            "s3:PutObject",
            "arn:aws:s3:::weak-foreign/key".to_owned(),
            "allowed",
            &["resource policy of weak-foreign, statement 1 allows"],
        ),
        (
            "lambda.amazonaws.com",
            "sts:AssumeRole",
            format!("arn:aws:iam::{prod}:role/weak-function"),
            "allowed",
            &["resource policy of role/weak-function, statement 1 allows"],
        ),
        (
            "ec2.amazonaws.com",
            "sts:AssumeRole",
            format!("arn:aws:iam::{prod}:role/weak-function"),
            "implicit_deny",
            &[],
        ),
        (
            "weak-climb-unguarded",
            "iam:AttachUserPolicy",
            format!("arn:aws:iam::{dev}:user/weak-climb-unguarded"),
            "allowed",
            &["identity policy rights, statement 1 allows"],
        ),
    ];
    for (who, action, resource, decision, reasons) in cases {
        let args = ["can", who, action, resource];
        let Some(ran) = ask(&[&args[..], &["-o", "json"]].concat()) else {
            return;
        };
        let answer = json_of(&ran.code(0).stdout);
        assert_eq!(answer["decision"], *decision, "{args:?}: {answer:#}");
        assert_eq!(
            (&answer["action"], &answer["resource"]),
            (&json!(action), &json!(resource))
        );
        let given: Vec<&str> = array(&answer["reasons"]).map(text).collect();
        assert!(!given.is_empty(), "{args:?}: no reason");
        let all = given.join("\n");
        for reason in *reasons {
            assert!(all.contains(reason), "{args:?}: {reason:?} is not in {all}");
        }
        // The text says the same.
        let told = ask(&args).unwrap().code(0).stdout;
        let word = match *decision {
            "allowed" => "allowed",
            "explicit_deny" => "denied by a statement",
            "implicit_deny" => "not allowed",
            _ => "cannot be told",
        };
        let subject = text(&answer["principal"]);
        let head = format!("{word}: {subject} {action} on {resource}");
        assert_eq!(
            told.lines().next(),
            Some(head.as_str()),
            "{args:?}: the text differs"
        );
        let lines: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
        assert_eq!(lines, given, "{args:?}");
    }
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let Some(server) = Server::moto() else { return };
    let prod = server.account("prod");
    let gone = format!("arn:aws:iam::{prod}:user/weak-chef");
    let object = "arn:aws:s3:::sound-data/key";
    let cases: &[(&[&str], &str)] = &[
        (
            &["can", "weak-chef", "s3:GetObject", object],
            "did you mean \"weak-chief\"?",
        ),
        (&["can", &gone, "s3:GetObject", object], "did you mean"),
        (
            &["can", "zzz", "s3:GetObject", object],
            "holds no principal \"zzz\"",
        ),
        (
            &["can", "weak-role-maker", "s3:GetObject", object],
            "several principals are named",
        ),
        (
            &["can", "weak-chief", "s3:*", object],
            "\"s3:*\" is not one action",
        ),
        (
            &["can", "weak-chief", "*", object],
            "\"*\" is not one action",
        ),
        (
            &["can", "weak-chief", "GetObject", object],
            "is not one action",
        ),
        (
            &["can", "weak-chief", "s3:GetObject", "sound-data/key"],
            "\"sound-data/key\" is no ARN",
        ),
        (
            &["can", "weak-chief", "s3:GetObject", "arn:aws:s3"],
            "\"arn:aws:s3\" is no ARN",
        ),
        (&["can", "weak-chief", "s3:GetObject", ""], "\"\" is no ARN"),
        (&["who-can", "s3:Get*", object], "is not one action"),
        (&["who-can", "s3:GetObject", "sound-data"], "is no ARN"),
        (&["escalations", "weak-climb-fur"], "did you mean"),
        // Nobody in the snapshot: it can be asked about, but climbs nothing here.
        (&["escalations", "999999999999"], "holds no principal"),
        (
            &["escalations", "weak-role-maker"],
            "several principals are named",
        ),
    ];
    for (args, problem) in cases {
        let Some(ran) = ask(args) else { return };
        assert_refused(&format!("{args:?}"), &ran.code(2), problem);
    }
    let ran = ask(&["can", "weak-role-maker", "s3:GetObject", object]).unwrap();
    for kind in ["user", "role"] {
        let arn = format!("arn:aws:iam::{prod}:{kind}/weak-role-maker");
        assert!(ran.stderr.contains(&arn), "{}", ran.stderr);
    }
    for command in [
        &["can", "weak-chief", "s3:GetObject", object][..],
        &["who-can", "s3:GetObject", object],
        &["escalations"],
    ] {
        let ran = Posture::new(command)
            .args(["--snapshot", "nowhere"])
            .run()
            .code(2);
        assert_refused(&format!("{command:?}"), &ran, "nowhere");
    }
}

#[test]
fn who_can_lists_those_inside_and_outside() {
    let (Some(server), Some(ran)) = (
        Server::moto(),
        ask(&[
            "who-can",
            "s3:GetObject",
            "arn:aws:s3:::weak-foreign/key",
            "-o",
            "json",
        ]),
    ) else {
        return;
    };
    let answer = json_of(&ran.code(0).stdout);
    let allowed: BTreeMap<&str, String> = array(&answer["principals"])
        .map(|one| {
            assert_eq!(one["decision"], "allowed", "{one}");
            let reasons: Vec<&str> = array(&one["reasons"]).map(text).collect();
            (text(&one["principal"]), reasons.join("; "))
        })
        .collect();
    // Administrators, whole services, the scanner; and who is bounded to reading.
    for (name, reason) in [
        ("user/weak-chief", "AdministratorAccess, statement 1"),
        ("user/weak-old-key", "rights, statement 1"),
        ("user/weak-inline-wildcard", "everything, statement 1"),
        ("role/weak-wildcards", "rights, statement 1"),
        ("role/PostureScan", "read, statement 1"),
        ("user/sound-bounded-administrator", "permission boundary"),
    ] {
        let arn = iam(server, "prod", name);
        let reasons = allowed
            .get(arn.as_str())
            .unwrap_or_else(|| panic!("{arn} is not listed"));
        assert!(reasons.contains(reason), "{arn}: {reasons}");
    }
    for name in [
        "user/sound-person",
        "role/sound-function",
        "user/weak-door-opener",
        "role/sound-climb-self",
    ] {
        let arn = iam(server, "prod", name);
        assert!(!allowed.contains_key(arn.as_str()), "{arn} is listed");
    }
    // Another account's administrator has no word from the bucket.
    let prod = format!("::{}:", server.account("prod"));
    assert!(
        allowed.keys().all(|arn| arn.contains(&prod)),
        "{:?}",
        allowed.keys()
    );
    assert_eq!(answer["outside"], json!(["999999999999"]));
    assert_eq!(answer["unread"], json!([]));

    let told = ask(&["who-can", "s3:GetObject", "arn:aws:s3:::weak-foreign/key"])
        .unwrap()
        .code(0)
        .stdout;
    let head = format!(
        "{} can s3:GetObject on arn:aws:s3:::weak-foreign/key",
        allowed.len()
    );
    assert!(told.starts_with(&head), "{told}");
    for arn in allowed.keys() {
        assert!(told.contains(&format!("\nallowed: {arn}\n")), "{arn}");
    }
    assert!(
        told.ends_with("\nthe resource's policy also lets in:\n  999999999999\n"),
        "{told}"
    );
}

#[test]
fn who_can_tells_anyone_an_organization_and_nobody() {
    let Some(demo) = demo() else { return };
    let outside = |resource: &str| {
        let ran = ask(&["who-can", "s3:GetObject", resource, "-o", "json"]).unwrap();
        json_of(&ran.code(0).stdout)["outside"].clone()
    };
    assert_eq!(outside("arn:aws:s3:::weak-public-policy/key"), json!(["*"]));
    assert_eq!(outside("arn:aws:s3:::weak-plain/key"), json!([]));
    // A public policy that the bucket's block makes void lets nobody in.
    assert_eq!(outside("arn:aws:s3:::sound-neutralised/key"), json!([]));
    let organization = outside("arn:aws:s3:::sound-organization/key");
    assert!(
        organization[0]
            .as_str()
            .is_some_and(|id| id.starts_with("o-")),
        "{organization} in {}",
        demo.snapshot.display()
    );
}

fn request() -> Value {
    json!({
        "principal": "arn:aws:iam::123456789012:user/jo",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::photos/cat.jpg",
        "identity_policies": [{
            "Version": "2012-10-17",
            "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
        }],
    })
}

fn open_bucket() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Open",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::photos/*",
        }],
    })
}

#[test]
fn policies_are_evaluated_before_they_are_deployed() {
    let evaluate = |input: &Value| {
        let ran = Posture::new(["policy", "evaluate"])
            .input(input.to_string())
            .run();
        json_of(&ran.code(0).stdout)
    };
    let answer = evaluate(&request());
    assert_eq!(answer["decision"], "allowed");
    assert_eq!(
        answer["reasons"],
        json!(["identity policy 1, statement 1 \"Read\" allows"])
    );
    // A file says what stdin says.
    let file = work_dir().join("request.json");
    std::fs::write(&file, request().to_string()).unwrap();
    let ran = Posture::new(["policy", "evaluate", "--input"])
        .args([&file])
        .run();
    assert_eq!(json_of(&ran.code(0).stdout), answer);

    let mut denied = request();
    denied["scps"] = json!([[{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoPhotos", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::photos/*"},
    ]}]]);
    let mut other = request();
    other["action"] = "s3:PutObject".into();
    let mut open = request();
    open["identity_policies"][0]["Statement"][0]["Condition"] =
        json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
    let answers = evaluate(&json!([request(), denied, other, open]));
    let decisions: Vec<&str> = array(&answers).map(|a| text(&a["decision"])).collect();
    assert_eq!(
        decisions,
        ["allowed", "explicit_deny", "implicit_deny", "unknown"]
    );
    assert!(
        answers[1]["reasons"].to_string().contains("NoPhotos"),
        "{answers:#}"
    );
    assert!(
        answers[3]["reasons"].to_string().contains("aws:SourceIp"),
        "{answers:#}"
    );
    assert_eq!(evaluate(&json!([])), json!([]));

    // What a statement that is not understood would do, nobody can tell.
    let mut perhaps = request();
    perhaps["identity_policies"][0]["Statement"][0]["Effect"] = json!("Perhaps");
    let answer = evaluate(&perhaps);
    assert_eq!(answer["decision"], "unknown");
    assert!(
        answer["reasons"].to_string().contains("Effect"),
        "{answer:#}"
    );
}

#[test]
fn policies_are_public_or_not() {
    let public = |kind: &str, input: &Value| {
        let ran = Posture::new(["policy", "public", "--type", kind])
            .input(input.to_string())
            .run();
        json_of(&ran.code(0).stdout)
    };
    let answer = public("s3", &open_bucket());
    assert_eq!(answer["public"], true);
    assert_eq!(answer["principals"], json!(["*"]));
    assert!(answer["reasons"].to_string().contains("Open"), "{answer:#}");
    let file = work_dir().join("bucket-policy.json");
    std::fs::write(&file, open_bucket().to_string()).unwrap();
    let ran = Posture::new(["policy", "public", "--type", "s3", "--input"])
        .args([&file])
        .run();
    assert_eq!(json_of(&ran.code(0).stdout), answer);

    let block = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true,
        "BlockPublicPolicy": true, "RestrictPublicBuckets": true});
    let blocked = public(
        "s3",
        &json!({"policy": open_bucket(), "bucket_block": block}),
    );
    assert_eq!(blocked["public"], false, "{blocked:#}");
    assert_eq!(blocked["principals"], json!([]));

    let mut shared = open_bucket();
    shared["Statement"][0]["Principal"] = json!({"AWS": "999999999999"});
    let shared = public("sns", &shared);
    assert_eq!(shared["public"], false, "{shared:#}");
    assert_eq!(shared["principals"], json!(["999999999999"]));
}

#[test]
fn questions_that_are_not_understood_are_told() {
    let mut misspelt = request();
    misspelt["principle"] = json!("*");
    let mut wildcard = request();
    wildcard["action"] = json!("s3:*");
    let mut broken = request();
    broken["identity_policies"] = json!([{"Version": "2012-10-17"}]);
    let evaluate = &["policy", "evaluate"][..];
    let public = &["policy", "public", "--type", "s3"][..];
    let cases: &[(&[&str], String, &str)] = &[
        (evaluate, String::new(), "stdin is not JSON"),
        (evaluate, "{".to_owned(), "stdin is not JSON"),
        (evaluate, request().to_string() + "]", "stdin is not JSON"),
        (
            evaluate,
            misspelt.to_string(),
            "principle: unknown element; there is: ",
        ),
        (
            evaluate,
            json!([request(), misspelt]).to_string(),
            "[1].principle: unknown element",
        ),
        (evaluate, "{}".to_owned(), "principal: missing"),
        (evaluate, "7".to_owned(), "not an object"),
        (evaluate, wildcard.to_string(), "s3:* is not one action"),
        (evaluate, broken.to_string(), "identity_policies[0]"),
        (public, "{".to_owned(), "stdin is not JSON"),
        (
            public,
            json!({"polizy": open_bucket()}).to_string(),
            "polizy: unknown element; there is: policy, ",
        ),
        (public, "[]".to_owned(), "neither a policy nor an object"),
        (
            public,
            json!({"policy": open_bucket(), "acl": "open"}).to_string(),
            "open is no canned ACL",
        ),
    ];
    for (args, input, problem) in cases {
        let ran = Posture::new(*args).input(input.as_str()).run().code(2);
        assert_refused(&format!("{args:?} of {input}"), &ran, problem);
    }
    let bytes = Posture::new(evaluate).input(*b"\xff\xfe{}").run().code(2);
    assert_refused("bytes", &bytes, "stdin");
    for (args, problem) in [
        (&["evaluate", "--input", "nowhere.json"][..], "nowhere.json"),
        (&["evaluate", "--input", "/"], "cannot read /"),
        (
            &["public", "--type", "s3", "--input", "nowhere.json"],
            "nowhere.json",
        ),
        (&["public", "--type", "s4"], "'s4'"),
        (&["public"], "--type"),
    ] {
        let ran = Posture::new(["policy"]).args(args).run().code(2);
        assert_refused(&format!("{args:?}"), &ran, problem);
    }
}

/// One error that names the problem, and nothing that a program could take for an answer.
#[track_caller]
fn assert_refused(what: &str, ran: &Ran, problem: &str) {
    assert_eq!(ran.stdout, "", "{what}: something on stdout");
    let errors = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{what}: {}", ran.stderr);
    assert!(
        ran.stderr.contains(problem),
        "{what}: {problem:?} is not in {}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
}

/// Runs a command on the demo's snapshot.
fn ask(args: &[&str]) -> Option<Ran> {
    let demo = demo()?;
    let ran = Posture::new(args)
        .args(["--snapshot".as_ref(), demo.snapshot.as_os_str()])
        .run();
    Some(ran)
}

fn escalations(args: &[&str]) -> Option<Value> {
    let args = [&["escalations", "-o", "json"], args].concat();
    Some(json_of(&ask(&args)?.code(0).stdout))
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is no array"))
        .iter()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    array(list).map(|one| text(&one[key])).collect()
}

fn principal<'v>(all: &'v Value, arn: &str) -> Option<&'v Value> {
    array(&all["principals"]).find(|one| one["principal"] == arn)
}

fn administrators(all: &Value) -> BTreeSet<&str> {
    array(&all["principals"])
        .filter(|one| one["administrator"] == true)
        .map(|one| text(&one["principal"]))
        .collect()
}

fn iam(server: &Server, account: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:{name}", server.account(account))
}

/// Users and roles that are planted for chains: those that climb, or their twins.
fn climbers(server: &Server, weak: bool) -> Vec<String> {
    array(&server.seed["resources"])
        .filter(|resource| resource["weak"] == weak)
        .map(|resource| text(&resource["arn"]).to_owned())
        .filter(|arn| arn.contains(":user/") || arn.contains(":role/"))
        .filter(|arn| arn.contains("-climb-"))
        .collect()
}
