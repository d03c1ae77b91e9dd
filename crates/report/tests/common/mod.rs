//! A hand-built evaluation that looks like a real one: four accounts, two regions, something of
//! every kind that a report can show. Shared by the tests and by `examples/preview.rs`.

use std::collections::BTreeMap;

use posture_catalog::{
    Assessable, BestPractice, CheckFile, Confidence, Fix, Frameworks, LensQuestion, OwaspCategory,
    Practice, Severity, Status,
};
use posture_engine::{
    CoverageEntry, Evaluation, Evidence, Finding, FindingResource, Tallies, Tally,
};
use posture_model::{AccountId, CheckId, FindingId, Gap, GapReason, Partition, Region, Timestamp};
use posture_report::{CatalogView, build, v1};
use posture_snapshot::{AccountRecord, LedgerEntry};

pub(crate) const PROD: &str = "222222222222";
const DEV: &str = "333333333333";
const MANAGEMENT: &str = "111111111111";
const SECURITY: &str = "444444444444";

/// The report of [`evaluation`].
pub(crate) fn report() -> v1::Report {
    report_of(&evaluation())
}

/// The report of an evaluation over [`checks`].
pub(crate) fn report_of(evaluation: &Evaluation) -> v1::Report {
    let checks = checks();
    let frameworks = frameworks();
    ok(build(evaluation, &CatalogView::new(&checks, &frameworks)))
}

pub(crate) fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn account(id: &str) -> AccountId {
    ok(AccountId::new(id))
}

fn region(name: &str) -> Region {
    ok(Region::new(name))
}

fn check_id(id: &str) -> CheckId {
    ok(CheckId::new(id))
}

fn time(text: &str) -> Timestamp {
    ok(Timestamp::parse(text).ok_or("no time"))
}

pub(crate) fn frameworks() -> Frameworks {
    let practice = |id: &str, title: &str, pillar: &str, question: &str| BestPractice {
        id: id.to_owned(),
        title: title.to_owned(),
        pillar: pillar.to_owned(),
        question_id: id.split('-').next().unwrap_or_default().to_owned(),
        question: question.to_owned(),
        url: "https://docs.aws.amazon.com/wellarchitected/".to_owned(),
    };
    let category = |number: u32, name: &str, assessable| OwaspCategory {
        id: format!("S{number}"),
        code: format!("S{number}:2017"),
        name: name.to_owned(),
        assessable,
        looks_at: String::new(),
    };
    use Assessable::{No, Partly, Yes};
    let identities = "How do you manage identities for people and machines?";
    let permissions = "How do you manage permissions for people and machines?";
    Frameworks {
        well_architected: by_id([
            practice(
                "OPS04-BP02",
                "Implement application telemetry",
                "Operational Excellence",
                "How do you implement observability in your workload?",
            ),
            practice(
                "SEC02-BP01",
                "Use strong sign-in mechanisms",
                "Security",
                identities,
            ),
            practice(
                "SEC02-BP05",
                "Audit and rotate credentials periodically",
                "Security",
                identities,
            ),
            practice(
                "SEC03-BP02",
                "Grant least privilege access",
                "Security",
                permissions,
            ),
            practice(
                "SEC03-BP07",
                "Analyze public and cross-account access",
                "Security",
                permissions,
            ),
            practice(
                "SEC05-BP02",
                "Control traffic flow within your network layers",
                "Security",
                "How do you protect your network resources?",
            ),
            practice(
                "SEC08-BP02",
                "Enforce encryption at rest",
                "Security",
                "How do you protect your data at rest?",
            ),
            practice(
                "REL05-BP02",
                "Throttle requests",
                "Reliability",
                "How do you design interactions in a distributed system to mitigate or withstand failures?",
            ),
            practice(
                "PERF02-BP01",
                "Select the best compute options for your workload",
                "Performance Efficiency",
                "How do you select and use compute resources in your workload?",
            ),
            practice(
                "COST02-BP01",
                "Develop policies based on your organization requirements",
                "Cost Optimization",
                "How do you govern usage?",
            ),
            practice(
                "SUS05-BP01",
                "Use the minimum amount of hardware to meet your needs",
                "Sustainability",
                "How do you select and use cloud hardware and services in your architecture to support your sustainability goals?",
            ),
        ], |item| &item.id),
        owasp_serverless: by_id([
            category(1, "Injection", Partly),
            category(2, "Broken Authentication", Yes),
            category(3, "Sensitive Data Exposure", Yes),
            category(4, "XML External Entities (XXE)", No),
            category(5, "Broken Access Control", Yes),
            category(6, "Security Misconfiguration", Yes),
            category(7, "Cross-Site Scripting (XSS)", Partly),
            category(8, "Insecure Deserialization", No),
            category(9, "Using Components with Known Vulnerabilities", Yes),
            category(10, "Insufficient Logging and Monitoring", Yes),
        ], |item| &item.id),
        serverless_lens: by_id([LensQuestion {
            id: "SEC 1".to_owned(),
            question: "How do you control access to your Serverless API?".to_owned(),
            best_practices: Vec::new(),
        }], |item| &item.id),
        practices: by_id([Practice {
            id: "FN-01".to_owned(),
            practice:
                "A function is invoked only by those who are meant to: no public resource policy, \
                    no function URL without authentication"
                    .to_owned(),
        }], |item| &item.id),
    }
}

fn by_id<T>(items: impl IntoIterator<Item = T>, id: fn(&T) -> &String) -> BTreeMap<String, T> {
    items
        .into_iter()
        .map(|item| (id(&item).clone(), item))
        .collect()
}

struct Sketch {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    resource: &'static str,
    well_architected: &'static [&'static str],
    owasp: &'static [&'static str],
    cli: Option<&'static str>,
    console: Option<&'static str>,
}

const SKETCHES: &[Sketch] = &[
    Sketch {
        id: "lambda-function-url-unauthenticated",
        title: "Lambda function URL accepts unauthenticated requests",
        severity: Severity::Critical,
        resource: "lambda.function",
        well_architected: &["SEC03-BP07", "SEC02-BP01"],
        owasp: &["S2", "S5"],
        cli: Some(
            "aws lambda update-function-url-config --function-name {resource.name} --auth-type AWS_IAM --region {resource.region}",
        ),
        console: Some(
            "Lambda, the function, Configuration, Function URL, Edit: auth type AWS_IAM.",
        ),
    },
    Sketch {
        id: "s3-bucket-policy-public",
        title: "Bucket policy grants access to everyone on the internet",
        severity: Severity::Critical,
        resource: "s3.bucket",
        well_architected: &["SEC03-BP07"],
        owasp: &["S3", "S6"],
        cli: Some(
            "aws s3api put-public-access-block --bucket {resource.name} --public-access-block-configuration 'BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true'",
        ),
        console: None,
    },
    Sketch {
        id: "ec2-security-group-ssh-open-to-world",
        title: "Security group opens SSH to the whole internet",
        severity: Severity::High,
        resource: "ec2.security_group",
        well_architected: &["SEC05-BP02"],
        owasp: &["S6"],
        cli: Some(
            "aws ec2 revoke-security-group-ingress --group-id {resource.id} --protocol tcp --port 22 --cidr 0.0.0.0/0 --region {resource.region}",
        ),
        console: None,
    },
    Sketch {
        id: "iam-user-access-key-old",
        title: "Access key of an IAM user has not been rotated for more than 90 days, although it is in use",
        severity: Severity::High,
        resource: "iam.user",
        well_architected: &["SEC02-BP05"],
        owasp: &["S2"],
        cli: None,
        console: Some(
            "IAM, Users, the user, Security credentials: create a second key, move its users over, deactivate the old one, and delete it after a week without use.",
        ),
    },
    Sketch {
        id: "apigateway-stage-without-throttling",
        title: "API stage has no throttling limits of its own",
        severity: Severity::Medium,
        resource: "apigateway.stage",
        well_architected: &["REL05-BP02"],
        owasp: &["S6", "S1"],
        cli: Some(
            "aws apigateway update-stage --rest-api-id {resource.id} --stage-name {resource.name} --patch-operations op=replace,path=/*/*/throttling/rateLimit,value=100",
        ),
        console: None,
    },
    Sketch {
        id: "kms-key-rotation-disabled",
        title: "KMS key is not rotated",
        severity: Severity::Medium,
        resource: "kms.key",
        well_architected: &["SEC08-BP02"],
        owasp: &["S3"],
        cli: Some("aws kms enable-key-rotation --key-id {resource.id}"),
        console: None,
    },
    Sketch {
        id: "lambda-function-runtime-deprecated",
        title: "Lambda function runs on a deprecated runtime",
        severity: Severity::Medium,
        resource: "lambda.function",
        well_architected: &["OPS04-BP02"],
        owasp: &["S9"],
        cli: None,
        console: None,
    },
    Sketch {
        id: "ecr-repository-tags-mutable",
        title: "Image tags of the repository can be overwritten",
        severity: Severity::Low,
        resource: "ecr.repository",
        well_architected: &[],
        owasp: &["S9"],
        cli: Some(
            "aws ecr put-image-tag-mutability --repository-name {resource.name} --image-tag-mutability IMMUTABLE",
        ),
        console: None,
    },
];

pub(crate) fn checks() -> Vec<CheckFile> {
    let mut checks: Vec<CheckFile> = SKETCHES.iter().map(sketched).collect();
    checks.push(CheckFile {
        manual: Some(
            "Does someone rehearse the response to a leaked credential at least once a year?"
                .to_owned(),
        ),
        resource: None,
        ..sketched(&Sketch {
            id: "incident-response-not-rehearsed",
            title: "Incident response is not rehearsed",
            severity: Severity::Medium,
            resource: "",
            well_architected: &[],
            owasp: &[],
            cli: None,
            console: None,
        })
    });
    checks
}

fn sketched(sketch: &Sketch) -> CheckFile {
    let texts = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    CheckFile {
        id: check_id(sketch.id),
        title: sketch.title.to_owned(),
        severity: sketch.severity,
        confidence: Confidence::High,
        resource: Some(sketch.resource.to_owned()),
        practices: vec!["FN-01".to_owned()],
        well_architected: texts(sketch.well_architected),
        serverless_lens: vec!["SEC 1".to_owned()],
        owasp_serverless: texts(sketch.owasp),
        params: BTreeMap::new(),
        applies: None,
        pass: Some("true".to_owned()),
        evidence: None,
        manual: None,
        risk: "Anyone who learns the address can run the code of {resource.name} with the rights of \
               its role and at the account's cost. Such addresses are found by scanning certificate \
               logs within hours."
            .to_owned(),
        fix: Fix {
            cli: sketch.cli.map(str::to_owned),
            terraform: sketch.cli.map(|_| {
                "resource \"aws_lambda_function_url\" \"this\" {\n  function_name      = \"{resource.name}\"\n  authorization_type = \"AWS_IAM\"\n}"
                    .to_owned()
            }),
            console: sketch.console.map(str::to_owned),
        },
        references: vec!["https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html".to_owned()],
        cases: Vec::new(),
    }
}

/// One finding; ids are made from a counter, as hashes are no matter here.
pub(crate) fn finding(
    serial: u32,
    check: &str,
    status: Status,
    place: (&str, &str),
    name: &str,
    fact: &str,
) -> Finding {
    let resource_type = SKETCHES
        .iter()
        .find(|sketch| sketch.id == check)
        .map_or("", |sketch| sketch.resource);
    let service = resource_type.split('.').next().unwrap_or_default();
    Finding {
        id: ok(FindingId::new(format!(
            "{:032x}",
            u128::from(serial).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        ))),
        check: check_id(check),
        status,
        account: account(place.0),
        region: region(place.1),
        resource: FindingResource {
            r#type: resource_type.to_owned(),
            arn: format!("arn:aws:{service}:{}:{}:{name}", place.1, place.0),
            id: name.to_owned(),
            name: name.to_owned(),
            tags: [("team".to_owned(), "checkout".to_owned())].into(),
        },
        evidence: if fact.is_empty() {
            Vec::new()
        } else {
            vec![
                Evidence {
                    field: "summary".to_owned(),
                    value: fact.to_owned(),
                    source: Vec::new(),
                },
                Evidence {
                    field: "resource.url.auth_type".to_owned(),
                    value: "NONE".to_owned(),
                    source: vec!["lambda:ListFunctionUrlConfigs".to_owned()],
                },
            ]
        },
        gaps: if status == Status::Unknown {
            vec![denied("lambda:GetPolicy")]
        } else {
            Vec::new()
        },
        waiver: None,
    }
}

fn denied(operation: &str) -> Gap {
    Gap {
        reason: GapReason::AccessDenied,
        operation: operation.to_owned(),
        iam_action: operation.to_owned(),
        code: Some("AccessDeniedException".to_owned()),
    }
}

fn findings() -> Vec<Finding> {
    use Status::{Fail, Unknown};
    let url = "lambda-function-url-unauthenticated";
    let bucket = "s3-bucket-policy-public";
    let ssh = "ec2-security-group-ssh-open-to-world";
    let stage = "apigateway-stage-without-throttling";
    let key = "kms-key-rotation-disabled";
    let (eu, us) = ("eu-west-1", "us-east-1");
    let mut listing = finding(90, url, Unknown, (SECURITY, us), "*", "");
    listing.gaps = vec![Gap {
        reason: GapReason::Throttled,
        operation: "lambda:ListFunctions".to_owned(),
        iam_action: "lambda:ListFunctions".to_owned(),
        code: Some("TooManyRequestsException".to_owned()),
    }];
    vec![
        finding(
            1,
            url,
            Fail,
            (PROD, eu),
            "checkout-webhook",
            "auth type NONE; the policy lets anyone invoke it",
        ),
        finding(
            2,
            url,
            Fail,
            (PROD, us),
            "checkout-webhook",
            "auth type NONE; the policy lets anyone invoke it",
        ),
        finding(
            3,
            url,
            Fail,
            (DEV, eu),
            "team-atlas-experimental-image-resizer-with-a-rather-long-name",
            "auth type NONE; the policy lets anyone invoke it",
        ),
        finding(
            4,
            url,
            Fail,
            (DEV, eu),
            "hello-world",
            "auth type NONE; the policy lets anyone invoke it",
        ),
        finding(
            5,
            bucket,
            Fail,
            (PROD, eu),
            "acme-invoices-2019",
            "statement PublicRead admits *",
        ),
        finding(
            6,
            ssh,
            Fail,
            (DEV, us),
            "sg-0a1b2c3d4e5f67890",
            "tcp 22 from 0.0.0.0/0, ::/0",
        ),
        finding(
            7,
            ssh,
            Fail,
            (PROD, eu),
            "sg-0fedcba9876543210",
            "tcp 22 from 0.0.0.0/0",
        ),
        finding(
            8,
            "iam-user-access-key-old",
            Fail,
            (MANAGEMENT, "global"),
            "deploy-bot",
            "key AKIA…7Q is 412 days old, last used yesterday",
        ),
        finding(
            9,
            stage,
            Fail,
            (PROD, eu),
            "orders/live",
            "no limit on any method",
        ),
        finding(
            10,
            stage,
            Fail,
            (DEV, eu),
            "orders/test",
            "no limit on any method",
        ),
        finding(
            11,
            key,
            Fail,
            (PROD, eu),
            "6f3c2e1a-7b1d-4c55-9a53-0d4b8a1c9e21",
            "rotation is off",
        ),
        finding(
            12,
            "lambda-function-runtime-deprecated",
            Fail,
            (DEV, eu),
            "hello-world",
            "runtime python3.7 was deprecated on 2023-12-04",
        ),
        finding(
            13,
            "ecr-repository-tags-mutable",
            Fail,
            (PROD, eu),
            "checkout/api",
            "tag mutability MUTABLE",
        ),
        finding(14, url, Unknown, (SECURITY, eu), "guardduty-forwarder", ""),
        finding(15, url, Unknown, (SECURITY, eu), "log-archiver", ""),
        listing,
    ]
}

fn tally(severity: Severity, pass: u64, fail: u64, unknown: u64) -> Tally {
    let weight = u64::from(severity.weight());
    Tally {
        pass,
        fail,
        unknown,
        pass_weight: pass * weight,
        fail_weight: fail * weight,
        unknown_weight: unknown * weight,
    }
}

fn sum<'a>(tallies: impl Iterator<Item = &'a Tally>) -> Tally {
    tallies.fold(Tally::default(), |a, b| Tally {
        pass: a.pass + b.pass,
        fail: a.fail + b.fail,
        unknown: a.unknown + b.unknown,
        pass_weight: a.pass_weight + b.pass_weight,
        fail_weight: a.fail_weight + b.fail_weight,
        unknown_weight: a.unknown_weight + b.unknown_weight,
    })
}

fn tallies(findings: &[Finding]) -> Tallies {
    let mut checks = BTreeMap::new();
    for (index, sketch) in SKETCHES.iter().enumerate() {
        let count = |status| {
            findings
                .iter()
                .filter(|f| f.check.as_str() == sketch.id && f.status == status)
                .count() as u64
        };
        let pass = [31, 12, 44, 9, 3, 17, 28, 6][index % 8];
        let counts = tally(
            sketch.severity,
            pass,
            count(Status::Fail),
            count(Status::Unknown),
        );
        checks.insert(check_id(sketch.id), counts);
    }
    let keyed = |select: fn(&Sketch) -> &'static [&'static str]| {
        let mut by_key: BTreeMap<String, Vec<Tally>> = BTreeMap::new();
        for sketch in SKETCHES {
            for key in select(sketch) {
                if let Some(counts) = checks.get(&check_id(sketch.id)) {
                    by_key.entry((*key).to_owned()).or_default().push(*counts);
                }
            }
        }
        by_key
            .into_iter()
            .map(|(key, list)| (key, sum(list.iter())))
            .collect()
    };
    Tallies {
        overall: sum(checks.values()),
        accounts: [
            (account(MANAGEMENT), tally(Severity::High, 21, 1, 0)),
            (account(PROD), tally(Severity::High, 68, 7, 0)),
            (account(DEV), tally(Severity::High, 40, 5, 0)),
            (account(SECURITY), tally(Severity::High, 21, 0, 3)),
        ]
        .into(),
        well_architected: keyed(|sketch| sketch.well_architected),
        owasp_serverless: keyed(|sketch| sketch.owasp),
        checks,
    }
}

fn covered(place: (&str, &str), operation: &str, calls: u64, gaps: Vec<Gap>) -> CoverageEntry {
    let denied = gaps
        .iter()
        .filter(|g| g.reason == GapReason::AccessDenied)
        .count() as u64;
    CoverageEntry {
        account: account(place.0),
        region: region(place.1),
        service: operation.split(':').next().unwrap_or_default().to_owned(),
        ledger: LedgerEntry {
            operation: operation.to_owned(),
            iam_action: operation.to_owned(),
            calls,
            denied: denied * calls,
            failed: (gaps.len() as u64 - denied) * calls,
            gaps,
            ..LedgerEntry::default()
        },
    }
}

fn coverage() -> Vec<CoverageEntry> {
    let failed = |reason, operation: &str, code: &str| {
        vec![Gap {
            reason,
            operation: operation.to_owned(),
            iam_action: operation.to_owned(),
            code: Some(code.to_owned()),
        }]
    };
    let (eu, us) = ("eu-west-1", "us-east-1");
    vec![
        covered((PROD, eu), "lambda:ListFunctions", 2, Vec::new()),
        covered((PROD, eu), "lambda:GetPolicy", 41, Vec::new()),
        covered(
            (SECURITY, eu),
            "lambda:GetPolicy",
            2,
            vec![denied("lambda:GetPolicy")],
        ),
        covered(
            (SECURITY, us),
            "lambda:GetPolicy",
            1,
            vec![denied("lambda:GetPolicy")],
        ),
        covered(
            (SECURITY, "global"),
            "s3:GetBucketPolicy",
            3,
            vec![denied("s3:GetBucketPolicy")],
        ),
        covered(
            (DEV, us),
            "s3:GetBucketPolicy",
            3,
            vec![denied("s3:GetBucketPolicy")],
        ),
        covered(
            (SECURITY, us),
            "lambda:ListFunctions",
            1,
            failed(
                GapReason::Throttled,
                "lambda:ListFunctions",
                "TooManyRequestsException",
            ),
        ),
        covered(
            (DEV, eu),
            "kms:ListKeys",
            1,
            failed(GapReason::Error, "kms:ListKeys", "KMSInternalException"),
        ),
        covered(
            (DEV, us),
            "apigatewayv2:GetApis",
            0,
            failed(
                GapReason::NotOffered,
                "apigatewayv2:GetApis",
                "EndpointNotFound",
            ),
        ),
    ]
}

pub(crate) fn evaluation() -> Evaluation {
    let record = |id: &str, name: Option<&str>| AccountRecord {
        id: account(id),
        name: name.map(str::to_owned),
        email: None,
        ou_path: None,
        tags: BTreeMap::new(),
        partition: Partition::aws(),
        regions: vec![region("eu-west-1"), region("us-east-1")],
        gaps: Vec::new(),
        ledger: Vec::new(),
    };
    let findings = findings();
    let tallies = tallies(&findings);
    let by_status = [
        (Status::Fail, tallies.overall.fail),
        (Status::Unknown, tallies.overall.unknown),
        (Status::Pass, tallies.overall.pass),
        (Status::NotApplicable, 2_310),
    ];
    let mut closed = record("555555555555", Some("sandbox"));
    closed.regions.clear();
    closed.gaps = vec![denied("sts:AssumeRole")];
    Evaluation {
        scan_id: "0b9c7c3e5f".to_owned(),
        started_at: time("2026-01-31T12:00:00Z"),
        finished_at: Some(time("2026-01-31T12:01:12Z")),
        tool_version: "0.1.0".to_owned(),
        catalog_digest: "sha256:4f1d".to_owned(),
        accounts: vec![
            record(MANAGEMENT, Some("management")),
            record(PROD, Some("prod")),
            record(DEV, Some("dev")),
            record(SECURITY, None),
            closed,
        ],
        resources: 1_284,
        checks: 124,
        by_status: by_status.into(),
        findings: findings.into(),
        tallies,
        coverage: coverage(),
        complete: false,
        manual: vec![check_id("incident-response-not-rehearsed")],
        runs: runs(),
        places: vec![posture_engine::PlaceRecord {
            account: account(PROD),
            region: region("eu-west-1"),
            services: vec!["lambda".to_owned(), "s3".to_owned()],
            incomplete: vec!["lambda.function".to_owned()],
        }],
        resource_keys: vec![posture_engine::resource_key(
            "lambda.function",
            PROD,
            "eu-west-1",
            "arn:aws:lambda:eu-west-1:222222222222:function:orders",
        )]
        .into_iter()
        .collect(),
        kept: vec![Status::Fail, Status::Unknown],
        shards: None,
        waivers: Vec::new(),
    }
}

/// One verdict of each kind for every check.
fn runs() -> BTreeMap<CheckId, BTreeMap<Status, u64>> {
    let verdicts: BTreeMap<Status, u64> = Status::ALL.map(|status| (status, 1)).into();
    let rules = checks().into_iter().filter(|check| check.manual.is_none());
    rules.map(|check| (check.id, verdicts.clone())).collect()
}
