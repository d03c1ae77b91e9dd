//! A small world: accounts with resources that come, go, change and cannot always be read, and the reports of
//! scans over it. What is true stays known beside what a report says.

pub(crate) mod github;
pub(crate) mod jira;
pub(crate) mod server;

use std::collections::{BTreeMap, BTreeSet};

use posture_engine::{finding_id, resource_key};
use posture_model::{AccountId, CheckId, Region, Timestamp};
use posture_report::v1::{self, Severity, Status};

pub(crate) const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// A check: its id, its type, how bad a failure is.
pub(crate) const CHECKS: [(&str, &str, Severity); 5] = [
    ("lambda-function-open", "lambda.function", Severity::High),
    ("lambda-function-old", "lambda.function", Severity::Medium),
    ("s3-bucket-open", "s3.bucket", Severity::Critical),
    ("s3-bucket-plain", "s3.bucket", Severity::Info),
    ("wafv2-web-acl-idle", "wafv2.web_acl", Severity::Low),
];

/// A resource that may exist: type, account, region, name.
pub(crate) const RESOURCES: [(&str, usize, &str, &str); 9] = [
    ("lambda.function", 0, "eu-west-1", "alpha"),
    ("lambda.function", 0, "eu-west-1", "beta"),
    ("lambda.function", 0, "us-east-1", "alpha"),
    ("lambda.function", 1, "eu-west-1", "alpha"),
    ("s3.bucket", 0, "eu-west-1", "logs"),
    ("s3.bucket", 1, "us-east-1", "data"),
    ("wafv2.web_acl", 0, "eu-west-1", "front"),
    ("wafv2.web_acl", 0, "global", "edge"),
    ("wafv2.web_acl", 1, "us-east-1", "front"),
];

/// Where a type is listed: in regions, in the global place, or in both.
fn listed_in(kind: &str, region: &str) -> Vec<String> {
    match kind {
        "s3.bucket" => vec!["global".to_owned()],
        _ => vec![region.to_owned()],
    }
}

/// Whether a service has units of this kind of place.
fn has_place(service: &str, region: &str) -> bool {
    match service {
        "lambda" => region != "global",
        "s3" => region == "global",
        _ => true,
    }
}

pub(crate) const SERVICES: [&str; 3] = ["lambda", "s3", "wafv2"];

/// What a scan looks at and what it cannot see.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) accounts: [bool; 2],
    pub(crate) regions: [bool; 2],
    pub(crate) services: [bool; 3],
    pub(crate) checks: [bool; 5],
    /// Accounts that cannot be entered.
    pub(crate) shut: [bool; 2],
    /// (account, region or 2 for global, service) whose unit is missing, as after an interruption.
    pub(crate) missing: Vec<(usize, usize, usize)>,
    /// (account, region or 2 for global, service) whose listing fails; what is there is not seen.
    pub(crate) blind: Vec<(usize, usize, usize)>,
    /// The same, where AWS says that the region does not offer it.
    pub(crate) not_offered: Vec<(usize, usize, usize)>,
    /// (check, resource) whose facts cannot be read.
    pub(crate) unread: Vec<(usize, usize)>,
    pub(crate) statuses: Vec<Status>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            accounts: [true; 2],
            regions: [true; 2],
            services: [true; 3],
            checks: [true; 5],
            shut: [false; 2],
            missing: Vec::new(),
            blind: Vec::new(),
            not_offered: Vec::new(),
            unread: Vec::new(),
            statuses: vec![Status::Fail, Status::Unknown, Status::Waived],
        }
    }
}

/// What is true.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) exists: BTreeSet<usize>,
    /// (check, resource, version of the rule).
    pub(crate) weak: BTreeSet<(usize, usize, u32)>,
    pub(crate) waived: BTreeSet<(usize, usize)>,
    pub(crate) versions: BTreeMap<usize, u32>,
    pub(crate) names: BTreeMap<usize, u32>,
    pub(crate) severe: BTreeSet<usize>,
    pub(crate) day: i64,
}

/// What a scan really found out of a check on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It was judged.
    Judged(Status),
    /// It does not exist, and everything where it could be was listed.
    Absent,
    /// It was in scope and not seen.
    Blind,
    /// It was not in scope.
    Outside,
}

impl World {
    pub(crate) fn version(&self, check: usize) -> u32 {
        self.versions.get(&check).copied().unwrap_or(0)
    }

    fn name(&self, resource: usize) -> String {
        let (_, _, _, name) = RESOURCES[resource];
        match self.names.get(&resource).copied().unwrap_or(0) {
            0 => name.to_owned(),
            n => format!("{name} renamed {n}"),
        }
    }

    pub(crate) fn severity(&self, check: usize) -> Severity {
        if self.severe.contains(&check) {
            Severity::Critical
        } else {
            CHECKS[check].2
        }
    }

    /// The verdict of a resource that is seen.
    fn verdict(&self, plan: &Plan, check: usize, resource: usize) -> Status {
        if plan.unread.contains(&(check, resource)) {
            return Status::Unknown;
        }
        if !self.weak.contains(&(check, resource, self.version(check))) {
            // One of the two, so that both occur.
            return if (check + resource).is_multiple_of(2) {
                Status::Pass
            } else {
                Status::NotApplicable
            };
        }
        if self.waived.contains(&(check, resource)) {
            Status::Waived
        } else {
            Status::Fail
        }
    }

    /// What became of a check on a resource in a scan.
    pub(crate) fn truth(&self, plan: &Plan, check: usize, resource: usize) -> Truth {
        let (kind, account, region, _) = RESOURCES[resource];
        let service = service_number(kind);
        let in_region = REGIONS
            .iter()
            .position(|one| *one == region)
            .is_none_or(|at| plan.regions[at]);
        if !plan.checks[check] || !plan.accounts[account] || !plan.services[service] {
            return Truth::Outside;
        }
        if plan.shut[account] {
            return Truth::Blind;
        }
        let homes = listed_in(kind, region);
        // A bucket is listed by the global place, whichever regions are scanned.
        if !in_region && !homes.contains(&"global".to_owned()) {
            return Truth::Outside;
        }
        let at = |home: &String| place(home);
        let cut = |list: &Vec<(usize, usize, usize)>| {
            homes
                .iter()
                .any(|home| list.contains(&(account, at(home), service)))
        };
        if cut(&plan.missing) || cut(&plan.blind) || cut(&plan.not_offered) {
            return Truth::Blind;
        }
        if !self.exists.contains(&resource) {
            // Who does not know which of its places lists a resource must have seen all of them.
            let global = "global".to_owned();
            let elsewhere = has_place(SERVICES[service], "global")
                && [&plan.missing, &plan.blind, &plan.not_offered]
                    .iter()
                    .any(|list| list.contains(&(account, at(&global), service)));
            return if elsewhere {
                Truth::Blind
            } else {
                Truth::Absent
            };
        }
        Truth::Judged(self.verdict(plan, check, resource))
    }

    /// Whether a place has a unit.
    fn scanned(plan: &Plan, account: usize, region: usize, service: usize) -> bool {
        let name = REGIONS.get(region).copied().unwrap_or("global");
        plan.accounts[account]
            && !plan.shut[account]
            && plan.services[service]
            && (region == 2 || plan.regions[region])
            && has_place(SERVICES[service], name)
            && !plan.missing.contains(&(account, region, service))
    }

    /// The report of a scan.
    pub(crate) fn report(&self, plan: &Plan) -> v1::Report {
        let mut findings = Vec::new();
        let mut counts: BTreeMap<usize, v1::ByStatus> = BTreeMap::new();
        let mut resources = Vec::new();
        for (number, _) in RESOURCES.iter().enumerate() {
            if self.seen(plan, number) {
                resources.push(self.key(number));
            }
        }
        resources.sort();
        for (check, (_, kind, _)) in CHECKS.iter().enumerate() {
            if !plan.checks[check] {
                continue;
            }
            let counted = counts.entry(check).or_default();
            for (resource, (of, ..)) in RESOURCES.iter().enumerate() {
                if of != kind || !self.seen(plan, resource) {
                    continue;
                }
                let status = self.verdict(plan, check, resource);
                count(counted, status);
                if plan.statuses.contains(&status) {
                    findings.push(self.finding(check, Some(resource), status, None));
                }
            }
            for place in self.unlisted(plan, kind) {
                count(counted, Status::Unknown);
                if plan.statuses.contains(&Status::Unknown) {
                    findings.push(self.finding(check, None, Status::Unknown, Some(place)));
                }
            }
        }
        findings.sort_by_key(|finding| {
            let rank = [
                Status::Fail,
                Status::Unknown,
                Status::Pass,
                Status::NotApplicable,
                Status::Waived,
            ];
            let rank = rank.iter().position(|one| *one == finding.status);
            (
                rank,
                std::cmp::Reverse(finding.severity),
                finding.id.clone(),
            )
        });
        v1::Report {
            head: self.head(plan, &counts, resources),
            findings,
        }
    }

    /// Whether a resource is there and was listed.
    fn seen(&self, plan: &Plan, resource: usize) -> bool {
        let (kind, account, region, _) = RESOURCES[resource];
        let service = service_number(kind);
        self.exists.contains(&resource)
            && listed_in(kind, region).iter().all(|home| {
                let at = place(home);
                Self::scanned(plan, account, at, service)
                    && !plan.blind.contains(&(account, at, service))
                    && !plan.not_offered.contains(&(account, at, service))
            })
    }

    /// Places where not all of a type could be listed. A unit that is missing shows where another one of the
    /// same service is there.
    pub(crate) fn unlisted(&self, plan: &Plan, kind: &str) -> Vec<(usize, usize)> {
        let service = service_number(kind);
        let mut places = Vec::new();
        for account in 0..2 {
            for region in 0..3 {
                if Self::scanned(plan, account, region, service)
                    && plan.blind.contains(&(account, region, service))
                {
                    places.push((account, region));
                }
            }
        }
        places
    }

    fn head(
        &self,
        plan: &Plan,
        counts: &BTreeMap<usize, v1::ByStatus>,
        resources: Vec<String>,
    ) -> v1::Head {
        let mut places = Vec::new();
        let mut coverage = Vec::new();
        for account in 0..2 {
            for region in 0..3 {
                let services: Vec<usize> = (0..3)
                    .filter(|service| Self::scanned(plan, account, region, *service))
                    .collect();
                if services.is_empty() {
                    continue;
                }
                let name = REGIONS.get(region).copied().unwrap_or("global");
                let incomplete = services
                    .iter()
                    .filter(|service| plan.blind.contains(&(account, region, **service)))
                    .map(|service| type_of(*service).to_owned())
                    .collect();
                for service in &services {
                    if plan.not_offered.contains(&(account, region, *service)) {
                        coverage.push(not_offered(account, name, *service));
                    }
                }
                places.push(v1::Place {
                    account: id(account),
                    region: Region::new(name).unwrap(),
                    services: services.iter().map(|s| SERVICES[*s].to_owned()).collect(),
                    incomplete,
                });
            }
        }
        let versions: Vec<String> = (0..CHECKS.len())
            .map(|check| self.version(check).to_string())
            .collect();
        v1::Head {
            schema_version: v1::SCHEMA_VERSION.to_owned(),
            scan: v1::Scan {
                id: format!("scan-{}", self.day),
                started_at: self.moment(),
                finished_at: Some(self.moment()),
                tool: v1::Tool {
                    name: "posture".to_owned(),
                    version: "0.1.0".to_owned(),
                    catalog_digest: versions.join("-"),
                },
                accounts: (0..2)
                    .filter(|account| plan.accounts[*account])
                    .map(|account| v1::Account {
                        id: id(account),
                        name: Some(["prod", "dev"][account].to_owned()),
                        regions: (0..2)
                            .filter(|region| plan.regions[*region])
                            .map(|region| Region::new(REGIONS[region]).unwrap())
                            .collect(),
                        ou_path: None,
                        email: None,
                        tags: BTreeMap::new(),
                        gaps: if plan.shut[account] {
                            vec![denied()]
                        } else {
                            Vec::new()
                        },
                    })
                    .collect(),
                places,
                statuses: plan.statuses.clone(),
                baseline: None,
                shards: None,
            },
            summary: v1::Summary {
                resources: resources.len() as u64,
                checks: counts.len() as u64,
                complete: true,
                by_status: v1::ByStatus::default(),
                by_severity: v1::BySeverity::default(),
            },
            scores: v1::Scores {
                overall: v1::OverallScore {
                    score: None,
                    coverage: None,
                    pass: 0,
                    fail: 0,
                    unknown: 0,
                },
                well_architected: Vec::new(),
                owasp_serverless: Vec::new(),
                accounts: Vec::new(),
            },
            coverage,
            checks: counts
                .iter()
                .map(|(check, verdicts)| v1::CheckRun {
                    id: CheckId::new(CHECKS[*check].0).unwrap(),
                    title: title(*check),
                    severity: self.severity(*check),
                    resource: CHECKS[*check].1.to_owned(),
                    digest: format!("{:016x}", u64::from(self.version(*check)) + 1),
                    verdicts: *verdicts,
                })
                .collect(),
            waivers: Vec::new(),
            manual: Vec::new(),
            resources,
        }
    }

    pub(crate) fn moment(&self) -> Timestamp {
        // 2026-11-01, and so many days later.
        Timestamp::from_unix(1_793_491_200 + self.day * 86_400).unwrap()
    }

    pub(crate) fn key(&self, resource: usize) -> String {
        let (kind, account, region, _) = RESOURCES[resource];
        resource_key(kind, ACCOUNTS[account], region, &arn(resource))
    }

    /// A finding; of a place whose listing failed where there is no resource.
    fn finding(
        &self,
        check: usize,
        resource: Option<usize>,
        status: Status,
        place: Option<(usize, usize)>,
    ) -> v1::Finding {
        let (_, kind, _) = CHECKS[check];
        let (account, region, about) = match (resource, place) {
            (Some(number), _) => {
                let (_, account, region, _) = RESOURCES[number];
                let about = v1::Resource {
                    r#type: kind.to_owned(),
                    arn: arn(number),
                    id: RESOURCES[number].3.to_owned(),
                    name: self.name(number),
                    tags: BTreeMap::new(),
                };
                (account, region, about)
            }
            (None, place) => {
                let (account, region) = place.unwrap();
                let about = v1::Resource {
                    r#type: kind.to_owned(),
                    arn: "*".to_owned(),
                    id: "*".to_owned(),
                    name: "*".to_owned(),
                    tags: BTreeMap::new(),
                };
                (
                    account,
                    REGIONS.get(region).copied().unwrap_or("global"),
                    about,
                )
            }
        };
        let id = match resource {
            Some(number) => finding_id_of(check, number),
            None => finding_id(CHECKS[check].0, ACCOUNTS[account], region, "*listing")
                .unwrap()
                .to_string(),
        };
        let waived = status == Status::Waived;
        v1::Finding {
            id: posture_model::FindingId::new(id).unwrap(),
            check: CheckId::new(CHECKS[check].0).unwrap(),
            title: title(check),
            status,
            severity: self.severity(check),
            confidence: v1::Confidence::High,
            account: AccountId::new(ACCOUNTS[account]).unwrap(),
            region: Region::new(region).unwrap(),
            message: format!("{}: facts of {}", title(check), about.name),
            resource: about,
            evidence: Vec::new(),
            gaps: if status == Status::Unknown {
                vec![denied()]
            } else {
                Vec::new()
            },
            practices: Vec::new(),
            well_architected: Vec::new(),
            owasp_serverless: Vec::new(),
            serverless_lens: Vec::new(),
            risk: "It lets people in.".to_owned(),
            fix: v1::Fix {
                cli: Some("aws lambda do-something --function-name x".to_owned()),
                terraform: None,
                console: None,
            },
            references: vec!["https://docs.aws.amazon.com/lambda/".to_owned()],
            first_seen: None,
            waiver: waived.then(|| v1::Waiver {
                reason: "accepted".to_owned(),
                owner: Some("someone".to_owned()),
                ticket: None,
                expires: self.moment(),
            }),
        }
    }
}

pub(crate) fn finding_id_of(check: usize, resource: usize) -> String {
    let (_, account, region, _) = RESOURCES[resource];
    finding_id(CHECKS[check].0, ACCOUNTS[account], region, &arn(resource))
        .unwrap()
        .to_string()
}

/// All pairs of a check and a resource that it judges.
pub(crate) fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..CHECKS.len()).flat_map(|check| {
        (0..RESOURCES.len())
            .filter(move |resource| RESOURCES[*resource].0 == CHECKS[check].1)
            .map(move |resource| (check, resource))
    })
}

pub(crate) fn title(check: usize) -> String {
    format!("{} is a problem", CHECKS[check].0)
}

fn arn(resource: usize) -> String {
    let (kind, account, region, name) = RESOURCES[resource];
    format!("arn:aws:{kind}:{region}:{}:{name}", ACCOUNTS[account])
}

fn id(account: usize) -> AccountId {
    AccountId::new(ACCOUNTS[account]).unwrap()
}

fn service_number(kind: &str) -> usize {
    let service = kind.split('.').next().unwrap();
    SERVICES.iter().position(|one| *one == service).unwrap()
}

fn type_of(service: usize) -> &'static str {
    ["lambda.function", "s3.bucket", "wafv2.web_acl"][service]
}

fn place(region: &str) -> usize {
    REGIONS.iter().position(|one| *one == region).unwrap_or(2)
}

fn denied() -> v1::Gap {
    v1::Gap {
        reason: v1::GapReason::AccessDenied,
        operation: Some("lambda:ListFunctions".to_owned()),
        iam_action: Some("lambda:ListFunctions".to_owned()),
        code: None,
    }
}

fn not_offered(account: usize, region: &str, service: usize) -> v1::Coverage {
    let operation = [
        "lambda:ListFunctions",
        "s3:ListBuckets",
        "wafv2:ListWebACLs",
    ][service];
    v1::Coverage {
        account: id(account),
        region: Region::new(region).unwrap(),
        service: SERVICES[service].to_owned(),
        operation: operation.to_owned(),
        iam_action: operation.to_owned(),
        outcome: v1::Outcome::NotOffered,
        count: 1,
        error: None,
    }
}

fn count(counts: &mut v1::ByStatus, status: Status) {
    *match status {
        Status::Fail => &mut counts.fail,
        Status::Unknown => &mut counts.unknown,
        Status::Pass => &mut counts.pass,
        Status::NotApplicable => &mut counts.not_applicable,
        Status::Waived => &mut counts.waived,
    } += 1;
}
