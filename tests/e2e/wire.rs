//! Read-only, as seen on the wire, and the permissions that say so beforehand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Posture, Proxy, Request, Server, demo, work_dir};

/// Beginnings of the names of operations that read.
const READS: &[&str] = &[
    "Get", "List", "Describe", "Lookup", "Search", "BatchGet", "Head", "Simulate",
];

/// Operations that read, or make a report of what is read, under another name.
const OTHER_READS: &[&str] = &[
    "sts:AssumeRole",
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
];

/// The declared operations, `service:Operation` to IAM action, as `doctor` lists them.
fn declared(server: &Server) -> BTreeMap<String, String> {
    let ran = Posture::new(["doctor", "-o", "json", "--region", "us-east-1"])
        .against(server)
        .run();
    let doctor: Value = serde_json::from_str(&ran.stdout).unwrap();
    doctor["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| {
            (
                operation["operation"].as_str().unwrap().to_owned(),
                operation["iam_action"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// The operation that a request names: in a header, or in a form. REST services name it by path.
fn operation(request: &Request) -> Option<String> {
    if let Some(target) = &request.target {
        return target.rsplit('.').next().map(str::to_owned);
    }
    request
        .body
        .split('&')
        .find_map(|field| field.strip_prefix("Action="))
        .map(str::to_owned)
}

#[test]
fn a_scan_sends_reads_and_nothing_else() {
    let Some(demo) = demo() else { return };
    assert!(
        demo.requests.len() > 500,
        "{} requests",
        demo.requests.len()
    );
    for request in &demo.requests {
        let what = format!(
            "{} {} {} {:?}",
            request.service, request.method, request.path, request.target
        );
        match (request.method.as_str(), operation(request)) {
            ("GET" | "HEAD", None) => {}
            ("POST", Some(name)) => {
                let whole = format!("{}:{name}", request.service);
                assert!(
                    READS.iter().any(|prefix| name.starts_with(prefix))
                        || OTHER_READS.contains(&whole.as_str()),
                    "{whole} in {what}"
                );
            }
            // The account service posts JSON to a path that names the operation.
            ("POST", None) if request.service == "account" => {
                assert!(
                    request.path.starts_with("/get") || request.path.starts_with("/list"),
                    "{what}"
                );
            }
            _ => panic!("{what}"),
        }
    }
}

#[test]
fn who_calls_is_recorded() {
    let Some(demo) = demo() else { return };
    let agent = concat!("posture/", env!("CARGO_PKG_VERSION"));
    for request in &demo.requests {
        assert_eq!(request.agent, agent, "{request:?}");
    }
    // With the name that the user's organization gives its applications.
    let Some(server) = Server::moto() else { return };
    let proxy = Proxy::start(&server.endpoint);
    Posture::new(["scan", "--service", "kms", "--region", "us-east-1"])
        .args(["-o", "json=/dev/null", "--snapshot"])
        .args([work_dir().join("agent")])
        .keys("local", "local")
        .at(&proxy.endpoint())
        .env("AWS_SDK_UA_APP_ID", "night-audit")
        .run();
    let requests = proxy.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(
            request.agent,
            format!("{agent} app/night-audit"),
            "{request:?}"
        );
    }
}

#[test]
fn what_is_sent_is_declared() {
    let (Some(server), Some(demo)) = (Server::moto(), demo()) else {
        return;
    };
    let declared = declared(server);
    let names: BTreeSet<&str> = declared
        .keys()
        .filter_map(|operation| operation.split_once(':'))
        .map(|(_, name)| name)
        .collect();
    let services: BTreeSet<&str> = declared
        .keys()
        .filter_map(|operation| operation.split(':').next())
        .collect();
    for request in &demo.requests {
        if let Some(name) = operation(request) {
            assert!(names.contains(name.as_str()), "{name} is not declared");
        }
        // API Gateway's two services sign alike; the core calls go to three services.
        let service = request.service.as_str();
        let known = services.contains(service) || ["sts", "s3-object-lambda"].contains(&service);
        assert!(known, "{service} is not declared");
    }
    // What the report says was called is declared too, with the same action.
    for row in demo.report["coverage"].as_array().unwrap() {
        let operation = row["operation"].as_str().unwrap();
        let action = declared.get(operation);
        assert_eq!(
            action.map(String::as_str),
            row["iam_action"].as_str(),
            "{operation}"
        );
    }
}

#[test]
fn permissions_are_the_actions_of_the_declared_operations() {
    let Some(server) = Server::moto() else { return };
    let ran = Posture::new(["permissions"]).run().code(0);
    let policy: Value = serde_json::from_str(&ran.stdout).unwrap();
    let granted: BTreeSet<&str> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect();
    let declared = declared(server);
    let mut wanted: BTreeSet<&str> = declared.values().map(String::as_str).collect();
    // The scanning principal's own, not the role's.
    wanted.retain(|action| !["sts:AssumeRole", "sts:GetCallerIdentity"].contains(action));
    assert_eq!(granted, wanted);
    for action in &granted {
        let (service, name) = action.split_once(':').unwrap();
        assert!(!service.is_empty() && !action.contains('*'), "{action}");
        let reads = READS.iter().any(|prefix| name.starts_with(prefix))
            // API Gateway's actions are HTTP methods.
            || name == "GET"
            || OTHER_READS.contains(action);
        assert!(reads, "{action} reads nothing");
    }
}

#[test]
fn permissions_as_templates_hold_together() {
    let run = |args: &[&str]| Posture::new(["permissions"]).args(args).run();
    let text = run(&["-o", "cloudformation"]).code(0).stdout;
    let template: Value = serde_json::from_str(&text).unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let mut policies = 0;
    for resource in resources.values() {
        if resource["Type"] != "AWS::IAM::ManagedPolicy" {
            continue;
        }
        policies += 1;
        let document = resource["Properties"]["PolicyDocument"].to_string();
        let size = document.chars().filter(|c| !c.is_whitespace()).count();
        assert!(size <= 6144, "a policy of {size} characters");
    }
    let attached = resources["PostureScanRole"]["Properties"]["ManagedPolicyArns"]
        .as_array()
        .unwrap();
    assert_eq!(attached.len(), policies);
    // Ten managed policies fit on a role.
    assert!((1..=10).contains(&policies));

    stack_set_holds_together(
        &run(&["--template", "cloudformation-stackset"])
            .code(0)
            .stdout,
    );

    let text = run(&["-o", "terraform"]).code(0).stdout;
    let count = |c: char| text.matches(c).count();
    assert_eq!(count('{'), count('}'));
    assert_eq!(count('['), count(']'));
    assert_eq!(count('"') % 2, 0);
    assert!(text.contains("resource \"aws_iam_role\""));

    let ran = run(&["--service", "lamdba"]).code(2);
    assert!(
        ran.stderr.contains("did you mean \"lambda\"?"),
        "{}",
        ran.stderr
    );
    let narrow = run(&["--service", "kms"]).code(0).stdout;
    assert!(narrow.contains("kms:ListKeys") && !narrow.contains("lambda:"));
}

/// The role that the stack set puts into accounts is the one that a stack makes in one account.
fn stack_set_holds_together(text: &str) {
    // The most that CloudFormation takes without a bucket in between.
    assert!(text.len() < 51_200, "{} bytes", text.len());
    let outer: Value = serde_json::from_str(text).unwrap();
    let set = &outer["Resources"]["PostureScanRoles"]["Properties"];
    let body = set["TemplateBody"].as_str().unwrap();
    let inner: Value = serde_json::from_str(body).unwrap();
    let single = Posture::new(["permissions", "-o", "cloudformation"]).run();
    assert_eq!(
        inner,
        serde_json::from_str::<Value>(&single.stdout).unwrap()
    );
    let role = &inner["Resources"]["PostureScanRole"]["Properties"];
    let trust = &role["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust.as_array().unwrap().len(), 1);
    assert_eq!(
        trust[0]["Condition"],
        serde_json::json!({"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}})
    );
    assert_eq!(trust[0]["Principal"]["AWS"]["Ref"], "ScannerPrincipalArn");
    // Every parameter of the inner template is passed on, and is one of the outer.
    let passed: BTreeSet<&str> = set["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["ParameterKey"].as_str().unwrap())
        .collect();
    let wanted: BTreeSet<&str> = inner["Parameters"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(passed, wanted);
    for name in passed {
        assert!(outer["Parameters"][name].is_object(), "{name}");
    }
    // The same role in the management account, which the stack set does not reach.
    let mut own = outer["Resources"]["PostureScanRole"].clone();
    assert_eq!(own["Condition"], "RoleIsWantedHere");
    own.as_object_mut().unwrap().remove("Condition");
    assert_eq!(own, inner["Resources"]["PostureScanRole"]);

    let scanner = Posture::new(["permissions", "--for", "scanner"])
        .run()
        .code(0);
    let policy: Value = serde_json::from_str(&scanner.stdout).unwrap();
    assert_eq!(
        policy["Statement"][1]["Resource"],
        "arn:*:iam::*:role/PostureScan"
    );
    assert!(!scanner.stdout.contains("\"Action\": \"*\""));
}
