//! What a report proves of findings that it does not list.

use std::collections::BTreeSet;

use posture_engine::resource_key;
use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use posture_report::v1::{ByStatus, CheckRun, Place, Report, Severity, Status};
use posture_report::{Past, Scope, Standing, Undecided};
use proptest::prelude::*;

use crate::common;

const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// A check of each kind of service: one listed in regions, one listed globally with regions of its own, one
/// listed in both.
const CHECKS: [(&str, &str); 3] = [
    ("lambda-function-x", "lambda.function"),
    ("s3-bucket-x", "s3.bucket"),
    ("wafv2-web-acl-x", "wafv2.web_acl"),
];

/// A finding of earlier, owned.
#[derive(Debug, Clone)]
struct Earlier {
    id: FindingId,
    check: CheckId,
    account: AccountId,
    region: Region,
    kind: &'static str,
    key: String,
}

impl Earlier {
    fn new(check: usize, account: usize, region: &str, number: usize) -> Self {
        let (id, kind) = CHECKS[check];
        let account = AccountId::new(ACCOUNTS[account]).unwrap();
        let region = Region::new(region).unwrap();
        let arn = format!("arn:aws:x:{region}:{account}:{kind}/{number}");
        let hash = resource_key(id, account.as_str(), region.as_str(), &arn);
        Self {
            id: FindingId::new(hash.repeat(2)).unwrap(),
            check: CheckId::new(id).unwrap(),
            kind,
            key: resource_key(kind, account.as_str(), region.as_str(), &arn),
            account,
            region,
        }
    }

    fn past(&self) -> Past<'_> {
        Past {
            id: &self.id,
            check: &self.check,
            account: &self.account,
            region: &self.region,
            resource_type: self.kind,
            resource_key: &self.key,
        }
    }
}

/// What is true of a resource when the later scan runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Weak,
    Sound,
    Gone,
}

/// How the later scan went, by what can keep it from knowing.
#[derive(Debug, Clone)]
struct Scan {
    /// Checks that were run.
    checks: Vec<bool>,
    /// Accounts, and regions of each, that were looked at.
    looked: Vec<[bool; 3]>,
    /// Listings that failed, by account, place (the last is global) and check.
    cut: BTreeSet<(usize, usize, usize)>,
    statuses: Vec<Status>,
    interrupted: bool,
    /// Whether the deciding fact of a resource can be read.
    readable: Vec<bool>,
}

fn place_name(place: usize) -> &'static str {
    REGIONS.get(place).copied().unwrap_or("global")
}

/// Where resources of a check are listed that are in a region.
fn listed_at(check: usize, place: usize) -> usize {
    if check == 1 { 2 } else { place }
}

impl Scan {
    /// The report of this scan over these resources.
    fn report(&self, world: &[(Earlier, usize, usize, usize, Truth)]) -> Report {
        let mut report = common::report();
        let template = report.findings[0].clone();
        let head = &mut report.head;
        head.scan.statuses = self.statuses.clone();
        head.scan.finished_at = (!self.interrupted).then(Timestamp::now);
        head.checks = CHECKS
            .iter()
            .zip(&self.checks)
            .filter(|(_, run)| **run)
            .map(|((id, kind), _)| CheckRun {
                id: CheckId::new(*id).unwrap(),
                title: String::new(),
                severity: Severity::High,
                resource: (*kind).to_owned(),
                digest: "0".repeat(16),
                verdicts: ByStatus::default(),
            })
            .collect();
        head.scan.places = self.places();
        report.findings.clear();
        let mut keys = BTreeSet::new();
        for (number, (earlier, check, account, place, truth)) in world.iter().enumerate() {
            let at = listed_at(*check, *place);
            let looked = self.looked[*account][at];
            // A listing that was cut gives some of what is there.
            let seen = looked && (!self.cut.contains(&(*account, at, *check)) || number % 2 == 0);
            if *truth == Truth::Gone || !seen {
                continue;
            }
            keys.insert(earlier.key.clone());
            let status = match (self.readable[number % self.readable.len()], truth) {
                (false, _) => Status::Unknown,
                (true, Truth::Weak) => Status::Fail,
                (true, _) => Status::Pass,
            };
            if self.checks[*check] && self.statuses.contains(&status) {
                let mut finding = template.clone();
                finding.id = earlier.id.clone();
                finding.check = earlier.check.clone();
                finding.status = status;
                report.findings.push(finding);
            }
        }
        for (account, at, check) in &self.cut {
            if self.looked[*account][*at]
                && self.checks[*check]
                && self.statuses.contains(&Status::Unknown)
            {
                let mut finding = template.clone();
                finding.check = CheckId::new(CHECKS[*check].0).unwrap();
                finding.account = AccountId::new(ACCOUNTS[*account]).unwrap();
                finding.region = Region::new(place_name(*at)).unwrap();
                finding.status = Status::Unknown;
                "*".clone_into(&mut finding.resource.id);
                report.findings.push(finding);
            }
        }
        report.head.resources = keys.into_iter().collect();
        report
    }

    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (account, looked) in self.looked.iter().enumerate() {
            for (at, looked) in looked.iter().enumerate() {
                if !looked {
                    continue;
                }
                let services = if at == 2 {
                    ["s3", "wafv2"]
                } else {
                    ["lambda", "wafv2"]
                };
                let cut = self
                    .cut
                    .iter()
                    .filter(|(a, p, _)| (*a, *p) == (account, at));
                places.push(Place {
                    account: AccountId::new(ACCOUNTS[account]).unwrap(),
                    region: Region::new(place_name(at)).unwrap(),
                    services: services.map(str::to_owned).to_vec(),
                    incomplete: cut
                        .map(|(_, _, check)| CHECKS[*check].1.to_owned())
                        .collect(),
                });
            }
        }
        places
    }
}

fn scans() -> impl Strategy<Value = Scan> {
    (
        prop::collection::vec(prop::bool::weighted(0.8), 3),
        prop::collection::vec(prop::array::uniform3(prop::bool::weighted(0.8)), 2),
        prop::collection::btree_set((0..2_usize, 0..3_usize, 0..3_usize), 0..4),
        prop::sample::select(vec![
            vec![Status::Fail, Status::Unknown],
            vec![Status::Fail, Status::Unknown, Status::Waived],
            vec![Status::Fail],
            vec![Status::Pass],
            vec![],
        ]),
        prop::bool::weighted(0.1),
        prop::collection::vec(prop::bool::weighted(0.8), 5),
    )
        .prop_map(
            |(checks, looked, cut, statuses, interrupted, readable)| Scan {
                checks,
                looked,
                cut,
                statuses,
                interrupted,
                readable,
            },
        )
}

fn worlds() -> impl Strategy<Value = Vec<(Earlier, usize, usize, usize, Truth)>> {
    let truth = prop::sample::select(vec![Truth::Weak, Truth::Sound, Truth::Gone]);
    let resource = (0..3_usize, 0..2_usize, 0..3_usize, truth);
    prop::collection::vec(resource, 1..20).prop_map(|resources| {
        resources
            .into_iter()
            .enumerate()
            .map(|(number, (check, account, place, truth))| {
                // Functions are in regions; buckets are listed globally, and each is in a region.
                let place = if check == 2 { place } else { place % 2 };
                let earlier = Earlier::new(check, account, place_name(place), number);
                (earlier, check, account, place, truth)
            })
            .collect()
    })
}

proptest! {
    /// Whatever keeps a scan from knowing, nothing that is still weak is ever taken for resolved, and nothing
    /// that is still there for gone.
    #[test]
    fn what_is_still_weak_is_never_resolved(scan in scans(), world in worlds()) {
        let report = scan.report(&world);
        let scope = Scope::of(&report).unwrap();
        for (number, (earlier, check, account, place, truth)) in world.iter().enumerate() {
            let standing = scope.judge(&earlier.past());
            let readable = scan.readable[number % scan.readable.len()];
            match standing {
                Standing::Sound => prop_assert!(*truth == Truth::Sound && readable),
                Standing::Gone => prop_assert_eq!(*truth, Truth::Gone),
                Standing::Listed | Standing::Undecided(_) => {}
            }
            // And what a scan that could read everything knows is said.
            let at = listed_at(*check, *place);
            let open = scan.statuses.contains(&Status::Fail) && scan.statuses.contains(&Status::Unknown);
            let clear = scan.checks[*check] && open && !scan.interrupted && readable
                && scan.looked[*account][at] && scan.cut.is_empty();
            if clear && *truth != Truth::Weak {
                prop_assert!(matches!(standing, Standing::Sound | Standing::Gone), "{:?}", standing);
            }
        }
    }
}

fn usual() -> (Scan, Earlier) {
    let scan = Scan {
        checks: vec![true; 3],
        looked: vec![[true; 3]; 2],
        cut: BTreeSet::new(),
        statuses: vec![Status::Fail, Status::Unknown],
        interrupted: false,
        readable: vec![true],
    };
    (scan, Earlier::new(0, 0, "eu-west-1", 0))
}

fn standing(scan: &Scan, earlier: &Earlier, truth: Truth) -> Standing {
    let world = [(earlier.clone(), 0, 0, 0, truth)];
    let report = scan.report(&world);
    Scope::of(&report).unwrap().judge(&earlier.past())
}

#[test]
fn each_reason_has_its_name() {
    let (scan, earlier) = usual();
    assert_eq!(standing(&scan, &earlier, Truth::Weak), Standing::Listed);
    assert_eq!(standing(&scan, &earlier, Truth::Sound), Standing::Sound);
    assert_eq!(standing(&scan, &earlier, Truth::Gone), Standing::Gone);
    let undecided = |change: &dyn Fn(&mut Scan)| {
        let mut scan = scan.clone();
        change(&mut scan);
        match standing(&scan, &earlier, Truth::Gone) {
            Standing::Undecided(why) => why,
            decided => panic!("{decided:?}"),
        }
    };
    assert_eq!(
        undecided(&|scan| scan.checks[0] = false),
        Undecided::CheckNotRun
    );
    assert_eq!(
        undecided(&|scan| scan.looked[0][0] = false),
        Undecided::NotLookedThere
    );
    assert_eq!(
        undecided(&|scan| scan.interrupted = true),
        Undecided::Interrupted
    );
    assert_eq!(
        undecided(&|scan| scan.statuses = vec![Status::Fail]),
        Undecided::NotListed
    );
    assert_eq!(
        undecided(&|scan| {
            scan.cut.insert((0, 0, 0));
        }),
        Undecided::NotAllListed
    );
}

#[test]
fn a_region_that_was_not_looked_at_is_not_taken_for_an_empty_one() {
    let (mut scan, _) = usual();
    // The service lists something globally, and web ACLs of regions in their regions; buckets all at once.
    scan.looked = vec![[false, false, true]; 2];
    let judge = |check: usize| {
        let earlier = Earlier::new(check, 0, "eu-west-1", 0);
        let report = scan.report(&[(earlier.clone(), check, 0, 0, Truth::Gone)]);
        Scope::of(&report).unwrap().judge(&earlier.past())
    };
    assert_eq!(judge(2), Standing::Undecided(Undecided::NotLookedThere));
    assert_eq!(judge(1), Standing::Gone);
}

#[test]
fn waived_findings_that_are_not_listed_prove_nothing() {
    let (scan, earlier) = usual();
    let mut report = scan.report(&[(earlier.clone(), 0, 0, 0, Truth::Sound)]);
    report.head.checks[0].verdicts.waived = 1;
    let judge = |report: &Report| Scope::of(report).unwrap().judge(&earlier.past());
    assert_eq!(judge(&report), Standing::Undecided(Undecided::NotListed));
    report.head.scan.statuses.push(Status::Waived);
    assert_eq!(judge(&report), Standing::Sound);
}

#[test]
fn a_check_of_another_type_now_proves_nothing() {
    let (scan, earlier) = usual();
    let mut report = scan.report(&[]);
    "lambda.alias".clone_into(&mut report.head.checks[0].resource);
    let standing = Scope::of(&report).unwrap().judge(&earlier.past());
    assert_eq!(standing, Standing::Undecided(Undecided::CheckNotRun));
}

#[test]
fn a_report_of_the_first_version_proves_nothing() {
    let (scan, earlier) = usual();
    let mut report = scan.report(&[]);
    report.head.checks.clear();
    report.head.scan.places.clear();
    report.head.scan.statuses.clear();
    report.head.resources.clear();
    let standing = Scope::of(&report).unwrap().judge(&earlier.past());
    assert_eq!(standing, Standing::Undecided(Undecided::CheckNotRun));
}
