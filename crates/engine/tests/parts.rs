//! An organization that is evaluated some accounts at a time gives what it gives when all of it is in one
//! world: the same bytes, whatever its accounts know of each other, and whatever of them was not read.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use posture_catalog::{Catalog, Status, example_resources};
use posture_engine::{
    Evaluation, Input, Limits, Options, Waivers, evaluate, evaluate_input, evaluate_within,
};
use posture_model::{AccountId, Collected, Gap, GapReason, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, Listing, Scope, Snapshot, SnapshotWriter, ToolRecord, UnitKey,
};
use serde_json::{Value, json};

/// The account and region of the checks' own cases.
const EXAMPLE: (&str, &str) = ("111111111111", "eu-west-1");

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Organizations that are made up in a test run. POSTURE_TEST_SEEDS asks for more.
fn seeds() -> u64 {
    let asked = std::env::var("POSTURE_TEST_SEEDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(8)
}

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::builtin().unwrap_or_else(|_| panic!("the catalogue has mistakes")));

/// The resources of the checks' cases by type.
static EXAMPLES: LazyLock<BTreeMap<String, Vec<Resource>>> = LazyLock::new(|| {
    let mut examples: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    for check in CATALOG.checks() {
        for (_, resource) in example_resources(check).unwrap() {
            let kind = resource.r#type.clone();
            examples.entry(kind).or_default().push(resource);
        }
    }
    // Types that no check is about, but that others look at.
    let like = examples.values().flatten().next().unwrap().clone();
    for (kind, properties) in [
        (
            "organizations.organization",
            json!({"feature_set": "ALL", "enabled_policy_types": []}),
        ),
        (
            "organizations.account",
            json!({"email_domain": null, "status": "ACTIVE", "joined_method": null, "ou_path": "/"}),
        ),
        ("organizations.policy", json!({"aws_managed": false})),
    ] {
        examples.entry(kind.to_owned()).or_insert_with(|| {
            let region = Region::global();
            let r#type = kind.to_owned();
            vec![Resource {
                r#type,
                region,
                properties,
                ..like.clone()
            }]
        });
    }
    examples
});

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % most as u64).unwrap()
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

type Units = BTreeMap<UnitKey, (BTreeMap<String, Listing>, Vec<Resource>)>;

/// An organization that is made up.
struct Made {
    dice: Dice,
    accounts: Vec<String>,
    units: Units,
}

impl Made {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let count = 2 + dice.below(4);
        let mut made = Self {
            dice,
            accounts: (1..=count).map(|n| n.to_string().repeat(12)).collect(),
            units: Units::new(),
        };
        for account in made.accounts.clone() {
            for kind in EXAMPLES.keys().filter(|kind| !of_organization(kind)) {
                for _ in 0..made.dice.below(3) {
                    made.example(kind, &account);
                }
            }
            made.principals(&account);
            made.functions(&account);
            made.key(&account);
        }
        made.organization();
        made.list_alike();
        made.lose();
        made
    }

    /// Mostly the account itself.
    fn near(&mut self, account: &str) -> String {
        match self.dice.one_in(3) {
            true => self.any(),
            false => account.to_owned(),
        }
    }

    fn any(&mut self) -> String {
        let number = self.dice.below(self.accounts.len());
        self.accounts[number].clone()
    }

    /// One of the cases' resources, of which some refer to other accounts.
    fn example(&mut self, kind: &str, account: &str) {
        let all = &EXAMPLES[kind];
        let mut resource = all[self.dice.below(all.len())].clone();
        let region = self.dice.of(&REGIONS);
        let named = self.near(account);
        let properties = resource.properties.to_string();
        let properties = properties.replace(EXAMPLE.0, &named);
        resource.properties = serde_json::from_str(&properties.replace(EXAMPLE.1, region)).unwrap();
        resource.arn = resource.arn.replace(EXAMPLE.0, account);
        resource.account = AccountId::new(account).unwrap();
        if !resource.region.is_global() {
            resource.arn = resource.arn.replace(EXAMPLE.1, region);
            resource.region = Region::new(region).unwrap();
        }
        self.file(resource);
    }

    fn resource(&mut self, kind: &str, name: &str, account: &str, region: &str, properties: Value) {
        let service = kind.split('.').next().unwrap();
        let (within, path) = match kind {
            "lambda.function" => (region, format!("function:{name}")),
            "kms.key" => (region, format!("key/{name}")),
            kind => ("", format!("{}/{name}", kind.split('.').nth(1).unwrap())),
        };
        // What the case's resource says of everything else is sound enough.
        let mut resource = EXAMPLES[kind][0].clone();
        resource.arn = format!("arn:aws:{service}:{within}:{account}:{path}");
        resource.id = name.to_owned();
        resource.name = name.to_owned();
        resource.account = AccountId::new(account).unwrap();
        resource.region = Region::new(region).unwrap();
        let own = resource.properties.as_object_mut().unwrap();
        for (field, value) in properties.as_object().unwrap() {
            own.insert(field.clone(), value.clone());
        }
        self.file(resource);
    }

    /// Roles and users between which ways may lead to an administrator.
    fn principals(&mut self, account: &str) {
        for number in 0..4 {
            let properties = json!({
                "trust_policy": self.trust(account),
                "inline_policies": [{"name": "own", "document": self.grants(account)}],
                "attached_policy_arns": [],
                "permissions_boundary_arn": null,
                "instance_profile_arns": [],
                "service_linked": false,
            });
            self.resource(
                "iam.role",
                &format!("r{number}"),
                account,
                "global",
                properties,
            );
        }
        for number in 0..2 {
            let properties = json!({
                "inline_policies": [{"name": "own", "document": self.grants(account)}],
                "attached_policy_arns": [],
                "permissions_boundary_arn": null,
                "group_names": [],
            });
            self.resource(
                "iam.user",
                &format!("u{number}"),
                account,
                "global",
                properties,
            );
        }
    }

    fn role(&mut self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role/r{}", self.dice.below(4))
    }

    fn trust(&mut self, account: &str) -> Value {
        let other = self.any();
        let principal = match self.dice.below(10) {
            0 => json!("*"),
            1 => json!({"Service": "lambda.amazonaws.com"}),
            2 => json!({"AWS": format!("arn:aws:iam::{other}:user/u{}", self.dice.below(2))}),
            3 | 4 => json!({"AWS": format!("arn:aws:iam::{other}:root")}),
            5 => return gap(),
            _ => json!({"AWS": [self.role(&other), self.role(account)]}),
        };
        let mut statement =
            json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        match self.dice.below(4) {
            0 => statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            1 => statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": "x"}}),
            _ => {}
        }
        policy(&[statement])
    }

    fn grants(&mut self, account: &str) -> Value {
        let other = self.near(account);
        let role = self.role(&other);
        let function = format!("arn:aws:lambda:eu-west-1:{other}:function:f0");
        let (actions, on) = match self.dice.below(13) {
            0 => (json!("*"), "*".to_owned()),
            1 => (json!("iam:PutRolePolicy"), "*".to_owned()),
            2 => (
                json!([
                    "iam:PassRole",
                    "lambda:CreateFunction",
                    "lambda:InvokeFunction"
                ]),
                "*".to_owned(),
            ),
            3 => (
                json!(["lambda:UpdateFunctionCode", "lambda:InvokeFunction"]),
                function,
            ),
            4 => (
                json!(["lambda:UpdateFunctionCode", "lambda:InvokeFunction"]),
                "*".to_owned(),
            ),
            5 => return gap(),
            6 => (json!("s3:GetObject"), "*".to_owned()),
            7..10 => (json!("sts:AssumeRole"), "*".to_owned()),
            _ => (json!("sts:AssumeRole"), role),
        };
        policy(&[json!({"Effect": "Allow", "Action": actions, "Resource": on})])
    }

    fn functions(&mut self, account: &str) {
        for region in REGIONS {
            let other = self.any();
            let key_of = self.near(account);
            let role_of = match self.dice.one_in(8) {
                true => self.any(),
                false => account.to_owned(),
            };
            let open = policy(&[json!({
                "Effect": "Allow",
                "Principal": {"AWS": other},
                "Action": "lambda:*",
                "Resource": "*"
            })]);
            let policy = match self.dice.below(4) {
                0 => gap(),
                1 | 2 => open,
                _ => Value::Null,
            };
            let properties = json!({
                "role_arn": self.role(&role_of),
                "kms_key_arn": format!("arn:aws:kms:{region}:{key_of}:key/k"),
                "policy": policy,
            });
            self.resource("lambda.function", "f0", account, region, properties);
        }
    }

    fn key(&mut self, account: &str) {
        let region = self.dice.of(&REGIONS);
        let other = self.any();
        let properties = json!({"policy": policy(&[
            json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}),
            json!({"Effect": "Allow", "Principal": {"AWS": other}, "Action": "kms:Decrypt", "Resource": "*"}),
        ])});
        self.resource("kms.key", "k", account, region, properties);
    }

    /// The organization as its management account sees it, if somebody looked; with control policies.
    fn organization(&mut self) {
        let management = self.accounts[0].clone();
        let members = self.accounts.clone();
        if self.dice.one_in(5) {
            return;
        }
        let global = "global";
        let own = json!({"management_account_id": management});
        self.resource(
            "organizations.organization",
            "o-1",
            &management,
            global,
            own,
        );
        for member in &members {
            let ancestors = match self.dice.one_in(8) {
                true => gap(),
                false => json!(["r-1", format!("ou-{}", self.dice.below(2))]),
            };
            if !self.dice.one_in(8) {
                let own = json!({"ancestor_ids": ancestors});
                self.resource("organizations.account", member, &management, global, own);
            }
        }
        for kind in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] {
            let everything = policy(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})]);
            let mut all: Vec<String> = ["r-1", "ou-0", "ou-1"].map(str::to_owned).into();
            all.extend(members.clone());
            let own = json!({
                "policy_type": kind,
                "content": everything,
                "target_ids": all,
            });
            self.resource(
                "organizations.policy",
                &format!("p-{kind}"),
                &management,
                global,
                own,
            );
            for number in 0..self.dice.below(2) {
                let action = self
                    .dice
                    .of(&["iam:*", "sts:AssumeRole", "lambda:*", "kms:*"]);
                let member = self.any();
                let target = self
                    .dice
                    .of(&["r-1", "ou-0", "ou-1", member.as_str()])
                    .to_owned();
                let content = match self.dice.one_in(8) {
                    true => gap(),
                    false => policy(&[json!({
                        "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"
                    })]),
                };
                let own = json!({
                    "policy_type": kind, "content": content, "target_ids": [target],
                });
                let name = format!("p-{kind}-{number}");
                self.resource("organizations.policy", &name, &management, global, own);
            }
        }
    }

    fn file(&mut self, resource: Resource) {
        let key = UnitKey {
            account: resource.account.clone(),
            region: match is_global(&resource.r#type) {
                true => Region::global(),
                false => resource.region.clone(),
            },
            service: service_of(&resource.r#type).to_owned(),
        };
        let (listings, resources) = self.units.entry(key).or_default();
        listings.entry(resource.r#type.clone()).or_default().count += 1;
        resources.push(resource);
    }

    /// Everywhere the same was listed.
    fn list_alike(&mut self) {
        for account in &self.accounts {
            for kind in EXAMPLES.keys() {
                let global = [Region::global()];
                let regions = REGIONS.map(|region| Region::new(region).unwrap());
                let places = match is_global(kind) {
                    true => &global[..],
                    false => &regions[..],
                };
                for region in places {
                    let key = UnitKey {
                        account: AccountId::new(account.as_str()).unwrap(),
                        region: region.clone(),
                        service: service_of(kind).to_owned(),
                    };
                    let (listings, resources) = self.units.entry(key).or_default();
                    let listing = listings.entry(kind.clone()).or_default();
                    // AWS tells these to the management account alone.
                    if of_organization(kind) && resources.is_empty() {
                        listing.gap = Some(Gap::bare(GapReason::NotOffered));
                    }
                }
            }
        }
    }

    /// Makes some listings fail, and some units go.
    fn lose(&mut self) {
        let keys: Vec<UnitKey> = self.units.keys().cloned().collect();
        for key in keys {
            if self.dice.one_in(30) {
                self.units.remove(&key);
            } else if let Some((listings, _)) = self.units.get_mut(&key) {
                for listing in listings.values_mut() {
                    if self.dice.one_in(25) {
                        listing.gap = Some(Gap::bare(GapReason::AccessDenied));
                    }
                }
            }
        }
        // One that could not be entered at all, though others know it.
        if self.dice.one_in(4) {
            let account = self.any();
            self.units.retain(|key, _| key.account.as_str() != account);
        }
    }

    fn write(self, root: &Path) -> Snapshot {
        let tool = ToolRecord {
            name: "posture".to_owned(),
            version: "0.0.0".to_owned(),
        };
        let id = "made-up".to_owned();
        let mut writer =
            SnapshotWriter::create_or_resume(root, tool, id, Scope::default()).unwrap();
        let read: BTreeSet<&AccountId> = self.units.keys().map(|key| &key.account).collect();
        let record = |account: &String| {
            let id = AccountId::new(account.as_str()).unwrap();
            let entered = read.contains(&id);
            AccountRecord {
                id,
                name: None,
                email: None,
                ou_path: None,
                tags: BTreeMap::new(),
                partition: Partition::aws(),
                regions: REGIONS.map(|region| Region::new(region).unwrap()).into(),
                gaps: match entered {
                    true => Vec::new(),
                    false => vec![Gap::bare(GapReason::AccessDenied)],
                },
                ledger: Vec::new(),
            }
        };
        let records = self.accounts.iter().map(record).collect();
        let caller = AccountId::new(self.accounts[0].as_str()).unwrap();
        writer.set_accounts(caller, records).unwrap();
        let wanted: Vec<UnitKey> = self.units.keys().cloned().collect();
        for (key, (listings, resources)) in self.units {
            writer
                .write_unit(key, listings, Vec::new(), resources)
                .unwrap();
        }
        writer
            .finish(Vec::new(), &wanted, Timestamp::now())
            .unwrap();
        Snapshot::open(root).unwrap()
    }
}

fn service_of(kind: &str) -> &str {
    kind.split('.').next().unwrap()
}

fn of_organization(kind: &str) -> bool {
    service_of(kind) == "organizations"
}

fn is_global(kind: &str) -> bool {
    let regional = EXAMPLES[kind][0].region.is_global();
    regional || matches!(service_of(kind), "s3" | "iam")
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn gap() -> Value {
    serde_json::to_value(Collected::<bool>::Unavailable(Gap::bare(
        GapReason::AccessDenied,
    )))
    .unwrap()
}

/// Every verdict, with some failures waived.
fn options() -> Options {
    let check = CATALOG.checks().iter().filter(|check| !check.is_manual());
    let entries = check.step_by(7).enumerate().map(|(number, check)| {
        let account = match number % 2 {
            0 => "",
            _ => ", account: 222222222222",
        };
        let id = check.meta.id.as_str();
        format!(
            "  - {{check: {id}, resource: '*', reason: r, owner: o, ticket: t, expires: 2999-12-31{account}}}\n"
        )
    });
    let text = format!("waivers:\n{}", entries.collect::<String>());
    Options {
        keep: Status::ALL.into(),
        waivers: Waivers::read("waivers.yaml", &text, &CATALOG).unwrap(),
        ..Options::default()
    }
}

/// Each finding as it is written, in its order.
fn lines(evaluation: &Evaluation) -> Vec<String> {
    let findings = evaluation.findings.iter();
    findings
        .map(|finding| serde_json::to_string(&finding.unwrap()).unwrap())
        .collect()
}

fn assert_same(seed: u64, what: &str, whole: &Evaluation, parts: &Evaluation) {
    let (expected, found) = (lines(whole), lines(parts));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found, "seed {seed}, {what}");
    }
    assert_eq!(expected.len(), found.len(), "seed {seed}, {what}");
    assert!(whole == parts, "seed {seed}, {what}: all but the findings");
}

#[test]
fn parts_give_what_the_whole_gives() {
    let options = options();
    let mut statuses: BTreeMap<Status, u64> = BTreeMap::new();
    let mut chains = 0;
    for seed in 0..seeds() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = Made::new(seed).write(directory.path());
        let input = Input::read(&snapshot).unwrap();
        let whole = evaluate_input(&input, &CATALOG, &options).unwrap();
        for principal in &input.world().escalations().principals {
            let mut hops = principal.chains.iter().flat_map(|chain| &chain.hops);
            let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
            chains += u64::from(hops.any(|hop| account(&hop.from) != account(&hop.to)));
        }
        // Each account by itself; nothing of others is kept, and all findings are on disk.
        let alone = Limits {
            resources: 1,
            elsewhere: 0,
            findings: 0,
        };
        let parts = evaluate_within(&snapshot, &CATALOG, &options, &alone).unwrap();
        assert!(parts.findings.are_on_disk());
        assert_same(seed, "alone", &whole, &parts);
        // Some together.
        let some = Limits {
            resources: 250,
            elsewhere: 20,
            ..Limits::default()
        };
        let parts = evaluate_within(&snapshot, &CATALOG, &options, &some).unwrap();
        assert_same(seed, "some together", &whole, &parts);
        if seed == 0 {
            let parts = evaluate(&snapshot, &CATALOG, &options).unwrap();
            assert_same(seed, "all together", &whole, &parts);
        }
        for (status, count) in &whole.by_status {
            *statuses.entry(*status).or_default() += count;
        }
    }
    // The organizations are worth the name.
    for status in Status::ALL {
        assert!(
            statuses.get(&status).is_some_and(|count| *count > 20),
            "{statuses:?}"
        );
    }
    assert!(chains > 5, "{chains}");
}
