//! A report of as many findings as asked for, made one at a time: a large organization with the shapes, the
//! lengths and the randomness of real findings. Ids, names and addresses are pseudo-random, so that they compress
//! as badly as real ones. Shared by tests and benchmarks; the same number gives the same report.

use std::collections::BTreeMap;
use std::io;

use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use posture_report::v1::{
    Account, AccountScore, Assessable, BySeverity, ByStatus, CheckRun, Confidence, Coverage,
    Evidence, Finding, Fix, Gap, GapReason, Head, ManualQuestion, Outcome, OverallScore,
    OwaspScore, Place, Resource, SCHEMA_VERSION, Scan, Scores, Severity, Status, Summary, Tool,
    Waiver, WellArchitectedKind, WellArchitectedScore,
};
use posture_report::{Source, Visit};

const ACCOUNTS: u64 = 40;
const REGIONS: [&str; 6] = [
    "eu-central-1",
    "eu-west-1",
    "us-east-1",
    "us-west-2",
    "ap-southeast-2",
    "sa-east-1",
];
/// Checks of each shape.
const VARIANTS: u64 = 12;
const TEAMS: [&str; 8] = [
    "payments",
    "search",
    "platform",
    "identity",
    "billing",
    "logistics",
    "data",
    "mobile",
];
const WORDS: [&str; 12] = [
    "orders", "invoice", "webhook", "resizer", "export", "session", "audit", "catalog", "price",
    "stock", "label", "refund",
];

/// What findings of one kind look like; `{}` stands for what differs from one to the next.
struct Shape {
    kind: &'static str,
    problem: &'static str,
    title: &'static str,
    severity: Severity,
    /// Of the ARN, after the account: `{}` is the id.
    arn: &'static str,
    /// Whether AWS makes up the id, as `prefix-0123456789abcdef0`.
    prefix: &'static str,
    global: bool,
    summary: &'static str,
    facts: &'static [(&'static str, &'static str)],
    source: &'static str,
    cli: &'static str,
    owasp: &'static str,
    best_practice: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape {
        kind: "ec2.security_group",
        problem: "port-open-to-world",
        title: "Security group lets the whole internet reach a port",
        severity: Severity::Critical,
        arn: "security-group/{}",
        prefix: "sg",
        global: false,
        summary: "open to the world: {n}",
        facts: &[(
            "resource.ingress",
            "[{cidrs_ipv4: [\"0.0.0.0/0\", \"10.{b}.{c}.0/24\"], cidrs_ipv6: [], description: null, from_port: {n}, prefix_list_ids: [], protocol: \"tcp\", referenced_group_ids: [\"sg-{hex17}\"], to_port: {n}}]",
        )],
        source: "ec2:DescribeSecurityGroups",
        cli: "aws ec2 revoke-security-group-ingress --region {region} --group-id {id} --protocol tcp --port 22 --cidr 0.0.0.0/0",
        owasp: "S6",
        best_practice: "SEC05-BP02",
    },
    Shape {
        kind: "lambda.function",
        problem: "policy-public",
        title: "Function's policy lets anyone use it",
        severity: Severity::Critical,
        arn: "function:{}",
        prefix: "",
        global: false,
        summary: "public statements: statement {b} \"live-{hex8}\"",
        facts: &[(
            "resource.policy",
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"live-{hex8}\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"{arn}\"}]}",
        )],
        source: "lambda:GetPolicy",
        cli: "aws lambda remove-permission --region {region} --function-name {id} --statement-id SID",
        owasp: "S5",
        best_practice: "SEC03-BP07",
    },
    Shape {
        kind: "iam.user",
        problem: "access-key-old",
        title: "Access key has not been rotated",
        severity: Severity::High,
        arn: "user/{}",
        prefix: "",
        global: true,
        summary: "key AKIA{HEX16} is {n} days old, last used {b} days ago",
        facts: &[(
            "resource.access_keys",
            "[{active: true, created: \"2024-{m}-11T09:{c}:00Z\", id: \"AKIA{HEX16}\", last_used: {at: \"2025-{m}-02T10:00:00Z\", region: \"eu-west-1\", service: \"s3\"}}]",
        )],
        source: "iam:ListAccessKeys",
        cli: "aws iam update-access-key --user-name {id} --access-key-id ACCESS_KEY_ID --status Inactive",
        owasp: "S2",
        best_practice: "SEC02-BP05",
    },
    Shape {
        kind: "iam.role",
        problem: "wildcard-actions",
        title: "Role allows every action of a service",
        severity: Severity::High,
        arn: "role/{}",
        prefix: "",
        global: true,
        summary: "s3:*, dynamodb:* by policy rights-{hex8}",
        facts: &[(
            "resource.inline_policies",
            "[{document: {\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:*\",\"dynamodb:*\"],\"Resource\":\"*\"},{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"arn:aws:iam::{account}:role/{word}-{hex8}\"}]}, name: \"rights-{hex8}\"}]",
        )],
        source: "iam:GetAccountAuthorizationDetails",
        cli: "aws iam put-role-policy --role-name {id} --policy-name rights --policy-document file://policy.json",
        owasp: "S5",
        best_practice: "SEC03-BP02",
    },
    Shape {
        kind: "ec2.snapshot",
        problem: "unencrypted",
        title: "Snapshot is not encrypted",
        severity: Severity::Medium,
        arn: "snapshot/{}",
        prefix: "snap",
        global: false,
        summary: "not encrypted, of vol-{hex17}, {n} GiB",
        facts: &[
            ("resource.encrypted", "false"),
            ("resource.volume_id", "vol-{hex17}"),
        ],
        source: "ec2:DescribeSnapshots",
        cli: "aws ec2 copy-snapshot --region {region} --source-region {region} --source-snapshot-id {id} --encrypted --kms-key-id CUSTOMER_KEY_ID",
        owasp: "S3",
        best_practice: "SEC08-BP02",
    },
    Shape {
        kind: "s3.bucket",
        problem: "access-logging-off",
        title: "Bucket writes no access log",
        severity: Severity::Medium,
        arn: "{}",
        prefix: "",
        global: true,
        summary: "no access log, no data events for {word}-{hex8}",
        facts: &[
            ("resource.logging", "null"),
            ("resource.created", "2023-{m}-1{b}T0{b}:00:00Z"),
        ],
        source: "s3:GetBucketLogging",
        cli: "aws s3api put-bucket-logging --bucket {id} --bucket-logging-status file://logging.json",
        owasp: "S10",
        best_practice: "SEC04-BP01",
    },
    Shape {
        kind: "kms.key",
        problem: "rotation-off",
        title: "Customer key is not rotated",
        severity: Severity::Medium,
        arn: "key/{}",
        prefix: "uuid",
        global: false,
        summary: "rotation is off, created 2022-{m}-04",
        facts: &[
            ("resource.rotation.enabled", "false"),
            ("resource.aliases", "[\"alias/{word}-{hex8}\"]"),
        ],
        source: "kms:GetKeyRotationStatus",
        cli: "aws kms enable-key-rotation --region {region} --key-id {id}",
        owasp: "S3",
        best_practice: "SEC08-BP01",
    },
    Shape {
        kind: "ecr.repository",
        problem: "tags-mutable",
        title: "Image tags can be moved",
        severity: Severity::Low,
        arn: "repository/{}",
        prefix: "",
        global: false,
        summary: "tag mutability MUTABLE, {n} images",
        facts: &[("resource.image_tag_mutability", "MUTABLE")],
        source: "ecr:DescribeRepositories",
        cli: "aws ecr put-image-tag-mutability --region {region} --repository-name {id} --image-tag-mutability IMMUTABLE",
        owasp: "S9",
        best_practice: "SEC06-BP05",
    },
    Shape {
        kind: "lambda.function",
        problem: "role-shared",
        title: "Functions share a role",
        severity: Severity::Low,
        arn: "function:{}",
        prefix: "",
        global: false,
        summary: "role {word}-{hex8} also serves {word}-{hex8}, {word}-{hex8} and {b} more",
        facts: &[(
            "resource.role_arn",
            "arn:aws:iam::{account}:role/{word}-{hex8}",
        )],
        source: "lambda:ListFunctions",
        cli: "aws lambda update-function-configuration --region {region} --function-name {id} --role ROLE_ARN",
        owasp: "S5",
        best_practice: "SEC03-BP02",
    },
    Shape {
        kind: "ec2.subnet",
        problem: "assigns-public-addresses",
        title: "Subnet gives public addresses",
        severity: Severity::Info,
        arn: "subnet/{}",
        prefix: "subnet",
        global: false,
        summary: "10.{b}.{c}.0/24 of vpc-{hex17} gives public addresses",
        facts: &[
            ("resource.map_public_ip_on_launch", "true"),
            ("resource.vpc_id", "vpc-{hex17}"),
        ],
        source: "ec2:DescribeSubnets",
        cli: "aws ec2 modify-subnet-attribute --region {region} --subnet-id {id} --no-map-public-ip-on-launch",
        owasp: "S6",
        best_practice: "SEC05-BP01",
    },
];

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A pseudo-random sequence (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let at = self.next() % (list.len() as u64).max(1);
        usize::try_from(at)
            .ok()
            .and_then(|at| list.get(at))
            .copied()
            .unwrap_or_default()
    }

    fn hex(&mut self, digits: usize) -> String {
        let text = format!("{:016x}{:016x}", self.next(), self.next());
        text.get(..digits).unwrap_or_default().to_owned()
    }
}

/// A report of many findings that are never all in memory.
pub(crate) struct Synthetic {
    head: Head,
    findings: u64,
}

impl Synthetic {
    /// With this many findings, of eight and a third times as many verdicts.
    pub(crate) fn new(findings: u64) -> Self {
        Self {
            head: head(findings),
            findings,
        }
    }
}

impl Source for Synthetic {
    fn head(&self) -> &Head {
        &self.head
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        (0..self.findings).try_for_each(|index| see(&finding(index, self.findings)))
    }
}

fn account(index: u64) -> AccountId {
    ok(AccountId::new(format!(
        "{:012}",
        100_000_000_007 + index * 21_474_836_473
    )))
}

fn check_id(shape: &Shape, variant: u64) -> CheckId {
    let kind = shape.kind.replace(['.', '_'], "-");
    ok(CheckId::new(format!(
        "{kind}-{}-{}",
        shape.problem,
        WORDS[(variant % 12) as usize]
    )))
}

fn title(shape: &Shape, variant: u64) -> String {
    format!("{} ({})", shape.title, WORDS[(variant % 12) as usize])
}

/// The shape and the variant of a finding: findings of a check stand together, the worst first.
fn check_of(index: u64, findings: u64) -> (&'static Shape, u64) {
    let checks = SHAPES.len() as u64 * VARIANTS;
    let check = index * checks / findings.max(1);
    (&SHAPES[(check / VARIANTS) as usize], check % VARIANTS)
}

fn finding(index: u64, findings: u64) -> Finding {
    let (shape, variant) = check_of(index, findings);
    let mut dice = Dice(index.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let account = account(dice.next() % ACCOUNTS);
    let region = if shape.global {
        "global"
    } else {
        dice.of(&REGIONS)
    };
    let team = dice.of(&TEAMS);
    let (id, name) = match shape.prefix {
        "" => {
            let name = format!("{team}-{}-{}", dice.of(&WORDS), dice.hex(6));
            (name.clone(), name)
        }
        "uuid" => {
            let hex = dice.hex(32);
            let id = format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            );
            (id, format!("{team}-{}", dice.of(&WORDS)))
        }
        prefix => (
            format!("{prefix}-0{}", dice.hex(16)),
            format!("{team}-{}", dice.of(&WORDS)),
        ),
    };
    let place = if shape.global { "" } else { region };
    let service = shape.kind.split('.').next().unwrap_or_default();
    let arn = format!(
        "arn:aws:{service}:{place}:{account}:{}",
        shape.arn.replace("{}", &id)
    );
    let fill = |template: &str, dice: &mut Dice| {
        let mut text = template.to_owned();
        for (slot, value) in [
            ("{region}", region.to_owned()),
            ("{account}", account.to_string()),
            ("{id}", id.clone()),
            ("{arn}", arn.clone()),
            ("{word}", dice.of(&WORDS).to_owned()),
            ("{hex8}", dice.hex(8)),
            ("{hex17}", dice.hex(17)),
            ("{HEX16}", dice.hex(16).to_uppercase()),
            ("{n}", (dice.next() % 2000).to_string()),
            ("{b}", (dice.next() % 9).to_string()),
            ("{c}", (dice.next() % 60).to_string()),
            ("{m}", format!("{:02}", dice.next() % 12 + 1)),
        ] {
            text = text.replace(slot, &value);
        }
        text
    };
    let status = match dice.next() % 100 {
        0..=4 => Status::Unknown,
        5 => Status::Waived,
        _ => Status::Fail,
    };
    let summary = fill(shape.summary, &mut dice);
    let title = title(shape, variant);
    let fact = |field: &str, value: String| Evidence {
        field: field.to_owned(),
        value,
        source: vec![shape.source.to_owned()],
    };
    let mut evidence = vec![
        fact("summary", summary.clone()),
        fact("resource.arn", arn.clone()),
        fact("resource.id", id.clone()),
        fact("resource.region", region.to_owned()),
    ];
    evidence.extend(
        shape
            .facts
            .iter()
            .map(|(field, value)| fact(field, fill(value, &mut dice))),
    );
    let unknown = status == Status::Unknown;
    Finding {
        id: ok(FindingId::new(dice.hex(32))),
        check: check_id(shape, variant),
        message: if unknown {
            format!("could not be decided: {}: access denied (AccessDenied)", shape.source)
        } else {
            format!("{title}: {summary}")
        },
        title,
        status,
        severity: shape.severity,
        confidence: Confidence::High,
        account: account.clone(),
        region: ok(Region::new(region)),
        resource: Resource {
            r#type: shape.kind.to_owned(),
            arn: arn.clone(),
            id: id.clone(),
            name,
            tags: BTreeMap::from([
                ("team".to_owned(), team.to_owned()),
                ("cost-center".to_owned(), (4000 + dice.next() % 300).to_string()),
                ("stage".to_owned(), dice.of(&["prod", "test", "dev"]).to_owned()),
            ]),
        },
        evidence,
        gaps: if unknown {
            vec![Gap {
                reason: GapReason::AccessDenied,
                operation: Some(shape.source.to_owned()),
                iam_action: Some(shape.source.to_owned()),
                code: Some("AccessDenied".to_owned()),
            }]
        } else {
            Vec::new()
        },
        practices: vec![["FN-01", "NET-05", "IAM-03", "DATA-10"][(variant % 4) as usize].to_owned()],
        well_architected: vec![shape.best_practice.to_owned()],
        owasp_serverless: vec![shape.owasp.to_owned()],
        serverless_lens: if variant % 3 == 0 { vec!["SEC 1".to_owned()] } else { Vec::new() },
        risk: format!(
            "Whoever finds it can use it, and such things are found by machines within hours. {} of this \
             kind ({}) was behind incidents that cost weeks; the next change may open more than anyone meant.",
            shape.title, WORDS[(variant % 12) as usize]
        ),
        fix: Fix {
            cli: Some(fill(shape.cli, &mut dice)),
            terraform: (variant % 2 == 0).then(|| {
                format!(
                    "resource \"aws_{}\" \"this\" {{\n  name = \"{id}\"\n  # as strict as its users allow\n}}",
                    shape.kind.replace('.', "_")
                )
            }),
            console: Some("Open the resource, choose Edit, and take out what is not needed.".to_owned()),
        },
        references: vec![
            format!("https://docs.aws.amazon.com/{service}/latest/userguide/{}.html", shape.problem),
            "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/welcome.html".to_owned(),
        ],
        first_seen: (!dice.next().is_multiple_of(3))
            .then(|| Timestamp::from_unix(1_735_689_600 + 86_400 * (index % 300) as i64))
            .flatten(),
        waiver: (status == Status::Waived).then(|| Waiver {
            reason: "behind a firewall until the migration is done".to_owned(),
            owner: Some("network team".to_owned()),
            ticket: Some(format!("SEC-{}", 100 + index % 900)),
            expires: ok(Timestamp::parse("2027-03-31T00:00:00Z").ok_or("no time")),
        }),
    }
}

fn head(findings: u64) -> Head {
    let mut by_status = ByStatus::default();
    let mut by_severity = BySeverity::default();
    let mut checks: Vec<CheckRun> = Vec::new();
    // Counted in proportion: making every finding only to count them would take as long as writing them.
    for shape in SHAPES {
        for variant in 0..VARIANTS {
            let all = findings / (SHAPES.len() as u64 * VARIANTS);
            let (unknown, waived) = (all / 20, all / 100);
            let verdicts = ByStatus {
                fail: all - unknown - waived,
                unknown,
                pass: all * 3,
                not_applicable: all * 13 / 3,
                waived,
            };
            by_status.fail += verdicts.fail;
            by_status.unknown += verdicts.unknown;
            by_status.pass += verdicts.pass;
            by_status.not_applicable += verdicts.not_applicable;
            by_status.waived += verdicts.waived;
            *severity_of(&mut by_severity, shape.severity) += verdicts.fail;
            checks.push(CheckRun {
                id: check_id(shape, variant),
                title: title(shape, variant),
                severity: shape.severity,
                resource: shape.kind.to_owned(),
                digest: format!("{:016x}", variant + 1),
                verdicts,
            });
        }
    }
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    let (pass, fail, unknown) = (by_status.pass, by_status.fail, by_status.unknown);
    let regions: Vec<Region> = REGIONS.iter().map(|name| ok(Region::new(*name))).collect();
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(account).collect();
    let name = |index: usize| {
        format!(
            "{}-{}",
            TEAMS[index % 8],
            ["prod", "test", "dev"][index % 3]
        )
    };
    let mut dice = Dice(7);
    let mut resources: Vec<String> = (0..findings / 2).map(|_| dice.hex(16)).collect();
    resources.sort_unstable();
    Head {
        schema_version: SCHEMA_VERSION.to_owned(),
        scan: Scan {
            id: "7f8f2c93d131c1df2a7e431d002dfb9d".to_owned(),
            started_at: ok(Timestamp::parse("2026-01-31T12:00:00Z").ok_or("no time")),
            finished_at: Timestamp::parse("2026-01-31T12:41:12Z"),
            tool: Tool {
                name: "posture".to_owned(),
                version: "0.1.0".to_owned(),
                catalog_digest: "4c4f6c9ddb9c52063fd4956d94d3d8596c88145670fee1d786a90c43e4f21d9d"
                    .to_owned(),
            },
            accounts: accounts
                .iter()
                .enumerate()
                .map(|(index, id)| Account {
                    id: id.clone(),
                    name: Some(name(index)),
                    regions: regions.clone(),
                    ou_path: Some(format!("Workloads/{}", TEAMS[index % 8])),
                    email: None,
                    tags: BTreeMap::new(),
                    gaps: Vec::new(),
                })
                .collect(),
            places: accounts
                .iter()
                .flat_map(|account| {
                    regions.iter().map(|region| Place {
                        account: account.clone(),
                        region: region.clone(),
                        services: vec!["ec2".to_owned(), "kms".to_owned(), "lambda".to_owned()],
                        incomplete: Vec::new(),
                    })
                })
                .collect(),
            statuses: vec![Status::Fail, Status::Unknown, Status::Waived],
            baseline: None,
            shards: None,
        },
        summary: Summary {
            resources: findings / 2,
            checks: checks.len() as u64,
            complete: false,
            by_status,
            by_severity,
        },
        scores: Scores {
            overall: OverallScore {
                score: Some(74.3),
                coverage: Some(98.7),
                pass,
                fail,
                unknown,
            },
            well_architected: vec![WellArchitectedScore {
                kind: WellArchitectedKind::Pillar,
                id: "SEC".to_owned(),
                title: "Security".to_owned(),
                pillar: "Security".to_owned(),
                score: Some(74.3),
                coverage: Some(98.7),
                pass,
                fail,
                unknown,
            }],
            owasp_serverless: vec![OwaspScore {
                id: "S5".to_owned(),
                code: "S5:2017".to_owned(),
                title: "Broken Access Control".to_owned(),
                assessable: Assessable::Yes,
                score: Some(61.0),
                coverage: Some(99.0),
                pass,
                fail,
                unknown,
            }],
            accounts: accounts
                .iter()
                .enumerate()
                .map(|(index, id)| AccountScore {
                    id: id.clone(),
                    name: Some(name(index)),
                    score: Some(50.0 + index as f64),
                    coverage: Some(98.7),
                    pass: pass / ACCOUNTS,
                    fail: fail / ACCOUNTS,
                    unknown: unknown / ACCOUNTS,
                })
                .collect(),
        },
        coverage: accounts
            .iter()
            .flat_map(|account| {
                regions.iter().flat_map(|region| {
                    SHAPES.iter().map(|shape| Coverage {
                        account: account.clone(),
                        region: region.clone(),
                        service: shape.kind.split('.').next().unwrap_or_default().to_owned(),
                        operation: shape.source.to_owned(),
                        iam_action: shape.source.to_owned(),
                        outcome: Outcome::AccessDenied,
                        count: 12,
                        error: Some("AccessDenied".to_owned()),
                    })
                })
            })
            .collect(),
        checks,
        waivers: Vec::new(),
        manual: vec![ManualQuestion {
            check: ok(CheckId::new("lambda-function-code-scan-unassessed")),
            title: "Code is scanned before it is deployed".to_owned(),
            question: "Does the pipeline scan the code of each function and stop on what it finds?"
                .to_owned(),
            practices: vec!["CODE-02".to_owned()],
        }],
        resources,
    }
}

fn severity_of(counts: &mut BySeverity, severity: Severity) -> &mut u64 {
    match severity {
        Severity::Critical => &mut counts.critical,
        Severity::High => &mut counts.high,
        Severity::Medium => &mut counts.medium,
        Severity::Low => &mut counts.low,
        Severity::Info => &mut counts.info,
    }
}
