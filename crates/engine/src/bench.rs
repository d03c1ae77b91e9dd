//! Synthetic snapshots for benchmarks: the resources of the checks' own cases, many times over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use posture_catalog::{Catalog, Status, example_resources};
use posture_model::{AccountId, Collected, Gap, GapReason, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, LedgerEntry, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope,
    SnapshotWriter, ToolRecord, UnitKey, UnitRecord,
};
use serde_json::{Value, json};

/// What `Input::new` takes.
pub type Snapshot = (Manifest, Vec<(Region, Vec<Resource>)>);

/// Resources of one type: such as some check passes, such as one fails, and others.
type Examples = BTreeMap<String, [Vec<Resource>; 3]>;

/// What units hold: the outcome of their listings, and resources.
type Units = BTreeMap<UnitKey, (BTreeMap<String, Listing>, Vec<Resource>)>;

/// How many of a type there are for each thousand functions, in an estate that is built on them.
fn share(kind: &str) -> usize {
    match kind {
        "lambda.function" | "iam.role" | "ec2.network_interface" => 1000,
        "apigateway.method" | "apigatewayv2.route" | "lambda.event_source_mapping" => 600,
        "ec2.volume" | "ec2.snapshot" | "iam.policy" => 400,
        "ec2.security_group" | "s3.bucket" | "ec2.instance" | "ecr.repository" => 200,
        // One in each account or region, whatever its size.
        kind if kind.ends_with("settings")
            || kind.ends_with(".account")
            || kind.ends_with(".registry")
            || kind.starts_with("organizations.") =>
        {
            0
        }
        _ => 50,
    }
}

/// A snapshot of two accounts and two regions with so many functions and other resources in
/// proportion.
///
/// The resources are those of the checks' cases: of ten, seven that some check passes, two that one
/// fails, and one that is neither.
pub fn synthetic(catalog: &Catalog, functions: usize) -> Result<Snapshot, String> {
    let examples = examples(catalog)?;
    let accounts = [account(0)?, account(1)?];
    let regions = regions(2)?;
    let mut units = Units::new();
    for (kind, examples) in &examples {
        for number in 0..(share(kind) * functions / 1000).max(4) {
            let account = &accounts[number % 2];
            let region = &regions[(number / 2) % 2];
            let suffix = number.to_string();
            let made = resource(examples, kind, number, account, region, &suffix)?;
            if let Some(resource) = made {
                file(&mut units, resource);
            }
        }
    }
    list_alike(&mut units, &accounts, &regions);
    let moment = Timestamp::from_unix(1_767_225_600).ok_or("out of range")?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: tool(),
        scan: ScanRecord {
            id: "synthetic".to_owned(),
            started_at: moment,
            finished_at: Some(moment),
        },
        scope: Scope::default(),
        generation: None,
        shard: None,
        shards: None,
        caller: None,
        accounts: accounts
            .into_iter()
            .map(|id| record(id, &regions))
            .collect(),
        units: units
            .iter()
            .map(|(key, (listings, resources))| UnitRecord {
                key: key.clone(),
                listings: listings.clone(),
                ledger: Vec::new(),
                resources: resources.len() as u64,
                sha256: String::new(),
            })
            .collect(),
        ledger: Vec::new(),
    };
    let units = units
        .into_iter()
        .map(|(key, (_, resources))| (key.region, resources))
        .collect();
    Ok((manifest, units))
}

/// What was listed in one place of a service was listed in all.
fn list_alike(units: &mut Units, accounts: &[AccountId], regions: &[Region]) {
    let mut listed: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
    for (key, (listings, _)) in &*units {
        listed
            .entry((key.service.clone(), key.region.is_global()))
            .or_default()
            .extend(listings.keys().cloned());
    }
    let global_region = [Region::global()];
    for ((service, global), kinds) in listed {
        let places = if global { &global_region[..] } else { regions };
        for account in accounts {
            for region in places {
                let key = UnitKey {
                    account: account.clone(),
                    region: region.clone(),
                    service: service.clone(),
                };
                let (listings, _) = units.entry(key).or_default();
                for kind in &kinds {
                    listings.entry(kind.clone()).or_default();
                }
            }
        }
    }
}

/// How large an organization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its accounts. The first is the management account.
    pub accounts: usize,
    /// The regions of each.
    pub regions: usize,
    /// Functions in each account, with other resources in proportion: about eight times as many.
    pub functions: usize,
}

/// Writes the snapshot of an organization into an empty directory, and says how many resources it has.
///
/// The accounts know each other as accounts do: the first may take a role that is an administrator in each of
/// the others, some roles trust a neighbour, and some functions use a key of the first.
pub fn write(root: &Path, catalog: &Catalog, size: &Size) -> Result<u64, String> {
    let examples = examples(catalog)?;
    let regions = regions(size.regions)?;
    let accounts: Vec<AccountId> = (0..size.accounts).map(account).collect::<Result<_, _>>()?;
    let text = |error: posture_snapshot::SnapshotError| error.to_string();
    let id = "synthetic".to_owned();
    let mut writer =
        SnapshotWriter::create_or_resume(root, tool(), id, Scope::default()).map_err(text)?;
    let first = accounts.first().ok_or("an organization has an account")?;
    let records = accounts.iter().map(|id| record(id.clone(), &regions));
    writer
        .set_accounts(first.clone(), records.collect())
        .map_err(text)?;
    let mut wanted = Vec::new();
    let mut count = 0;
    for number in 0..accounts.len() {
        for (key, (listings, resources)) in units(&examples, &accounts, number, &regions, size)? {
            count += resources.len() as u64;
            let ledger = ledger(&key, &listings);
            writer
                .write_unit(key.clone(), listings, ledger, resources)
                .map_err(text)?;
            wanted.push(key);
        }
    }
    writer
        .finish(Vec::new(), &wanted, Timestamp::now())
        .map_err(text)?;
    Ok(count)
}

/// The units of one account of an organization.
fn units(
    examples: &Examples,
    accounts: &[AccountId],
    number: usize,
    regions: &[Region],
    size: &Size,
) -> Result<Units, String> {
    let mut units = Units::new();
    let own = accounts.get(number).ok_or("no such account")?;
    for (kind, of_kind) in examples {
        if kind.starts_with(ORGANIZATIONS) {
            continue;
        }
        for index in 0..(share(kind) * size.functions / 1000).max(regions.len()) {
            let region = &regions[index % regions.len()];
            let suffix = format!("{number}-{index}");
            if let Some(mut resource) = resource(of_kind, kind, index, own, region, &suffix)? {
                across(&mut resource, accounts, number, index);
                file(&mut units, resource);
            }
        }
    }
    list_alike(&mut units, std::slice::from_ref(own), regions);
    if number == 0 {
        for resource in organization(examples, accounts)? {
            file(&mut units, resource);
        }
        return Ok(units);
    }
    // AWS tells these to the management account alone.
    let key = UnitKey {
        account: own.clone(),
        region: Region::global(),
        service: "organizations".to_owned(),
    };
    let (listings, _) = units.entry(key).or_default();
    let of_organization = examples.keys().map(String::as_str);
    let of_organization = of_organization.filter(|kind| kind.starts_with(ORGANIZATIONS));
    for kind in of_organization.chain([MEMBER, CONTROL]) {
        let gap = Some(Gap::bare(GapReason::NotOffered));
        listings.insert(kind.to_owned(), Listing { count: 0, gap });
    }
    Ok(units)
}

/// What the types of an organization's own resources begin with.
const ORGANIZATIONS: &str = "organizations.";

/// An account of an organization, as its management account lists it.
const MEMBER: &str = "organizations.account";

/// A control policy.
const CONTROL: &str = "organizations.policy";

/// Makes a resource know another account.
fn across(resource: &mut Resource, accounts: &[AccountId], number: usize, index: usize) {
    let name = |number: usize| accounts.get(number).map(AccountId::as_str);
    let first = name(0).unwrap_or_default();
    let next = name((number + 1) % accounts.len()).unwrap_or_default();
    let role = resource.r#type == "iam.role";
    let function = resource.r#type == "lambda.function";
    let key = format!("arn:aws:kms:{}:{first}:key/central", resource.region);
    let Some(properties) = resource.properties.as_object_mut() else {
        return;
    };
    match index {
        // As AWS Organizations makes one in every account.
        0 if role => {
            properties.insert("trust_policy".to_owned(), trust(first));
            properties.insert("inline_policies".to_owned(), administrator());
        }
        1 if role => {
            properties.insert("trust_policy".to_owned(), trust(next));
        }
        // The cases are about what is open to everybody; in an organization that is rare.
        _ if role && index >= RARE => {
            properties.insert("trust_policy".to_owned(), trust_lambda());
        }
        _ if function && index.is_multiple_of(5) => {
            properties.insert("kms_key_arn".to_owned(), key.into());
        }
        _ => {}
    }
    if function && index >= RARE {
        properties.insert("policy".to_owned(), Value::Null);
    }
}

/// As many roles and functions of each account are as the cases have them.
const RARE: usize = 20;

fn trust_lambda() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole"
    }]})
}

fn trust(account: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"
    }]})
}

fn administrator() -> Value {
    json!([{"name": "all", "document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]}}])
}

/// The organization's own resources, with the control policy that AWS attaches everywhere.
fn organization(examples: &Examples, accounts: &[AccountId]) -> Result<Vec<Resource>, String> {
    let Some(management) = accounts.first() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (kind, of_kind) in examples {
        let example = of_kind.iter().flatten().next();
        if let Some(example) = example.filter(|_| kind.starts_with(ORGANIZATIONS)) {
            found.push(moved(example, management, &Region::global())?);
        }
    }
    found.retain(|resource| ![MEMBER, CONTROL].contains(&resource.r#type.as_str()));
    let own = |kind: &str, id: &str, properties: Value| Resource {
        r#type: kind.to_owned(),
        arn: format!("arn:aws:organizations::{management}:{kind}/o-1/{id}"),
        id: id.to_owned(),
        name: id.to_owned(),
        account: management.clone(),
        region: Region::global(),
        partition: Partition::aws(),
        tags: Collected::Known(BTreeMap::new()),
        created: None,
        properties,
    };
    let names = accounts.iter().map(AccountId::as_str);
    found.extend(names.clone().map(|id| {
        let properties = json!({
            "email_domain": null, "status": "ACTIVE", "joined_method": null,
            "ancestor_ids": ["r-1"], "ou_path": "/",
        });
        own(MEMBER, id, properties)
    }));
    let targets: Vec<&str> = ["r-1"].into_iter().chain(names).collect();
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ]});
    let properties = json!({
        "policy_type": "SERVICE_CONTROL_POLICY", "aws_managed": true,
        "content": everything, "target_ids": targets,
    });
    found.push(own(CONTROL, "p-FullAWSAccess", properties));
    Ok(found)
}

/// The calls that a unit takes, two for each type.
fn ledger(key: &UnitKey, listings: &BTreeMap<String, Listing>) -> Vec<LedgerEntry> {
    let entries = listings.iter().flat_map(|(kind, listing)| {
        let noun = kind.split('.').nth(1).unwrap_or(kind);
        ["List", "Describe"].map(|verb| LedgerEntry {
            operation: format!("{}:{verb}_{noun}", key.service),
            iam_action: format!("{}:{verb}_{noun}", key.service),
            calls: listing.count + 1,
            pages: listing.count / 100,
            milliseconds: 50,
            ..LedgerEntry::default()
        })
    });
    entries.collect()
}

fn examples(catalog: &Catalog) -> Result<Examples, String> {
    let mut by_type = Examples::new();
    for check in catalog.checks() {
        for (expect, resource) in example_resources(check)? {
            let kinds = by_type.entry(resource.r#type.clone()).or_default();
            let kind = match expect {
                Status::Pass => 0,
                Status::Fail => 1,
                _ => 2,
            };
            if let Some(examples) = kinds.get_mut(kind) {
                examples.push(resource);
            }
        }
    }
    Ok(by_type)
}

/// One of the resources of a type in a place.
fn resource(
    examples: &[Vec<Resource>; 3],
    kind: &str,
    number: usize,
    account: &AccountId,
    region: &Region,
    suffix: &str,
) -> Result<Option<Resource>, String> {
    let of = match number % 10 {
        0..7 => 0,
        7..9 => 1,
        _ => 2,
    };
    let Some(example) = examples
        .get(of)
        .filter(|examples| !examples.is_empty())
        .or_else(|| examples.iter().find(|examples| !examples.is_empty()))
        .and_then(|examples| examples.get(number % examples.len()))
    else {
        return Ok(None);
    };
    let mut resource = moved(example, account, region)?;
    // Each function has a role of its own, as in an estate that is well kept; the roles of the
    // cases would otherwise be shared by thousands.
    let role = format!("arn:aws:iam::{account}:role/role-{suffix}");
    if kind == "lambda.function"
        && let Some(properties) = resource.properties.as_object_mut()
    {
        properties.insert("role_arn".to_owned(), role.clone().into());
    }
    resource.arn = if kind == "iam.role" {
        // There is no role without a trust policy; cases about other things leave it out.
        if let Some(policy) = resource.properties.get_mut("trust_policy")
            && policy.is_null()
        {
            *policy = trust_lambda();
        }
        role
    } else {
        format!("{}-{suffix}", resource.arn)
    };
    resource.id = format!("{}-{suffix}", resource.id);
    resource.name = format!("{}-{suffix}", resource.name);
    Ok(Some(resource))
}

/// Adds a resource to the unit that lists it.
fn file(units: &mut Units, resource: Resource) {
    let service = resource.r#type.split('.').next().unwrap_or_default();
    let key = UnitKey {
        account: resource.account.clone(),
        region: if service == "s3" {
            Region::global()
        } else {
            resource.region.clone()
        },
        service: service.to_owned(),
    };
    let (listings, resources) = units.entry(key).or_default();
    listings.entry(resource.r#type.clone()).or_default().count += 1;
    resources.push(resource);
}

fn account(number: usize) -> Result<AccountId, String> {
    let id = match number {
        0 => 111_111_111_111,
        1 => 222_222_222_222,
        number => 300_000_000_000 + number as u64,
    };
    AccountId::new(id.to_string()).map_err(|e| e.to_string())
}

fn regions(count: usize) -> Result<Vec<Region>, String> {
    const NAMES: [&str; 6] = [
        "eu-west-1",
        "us-east-1",
        "us-west-2",
        "ap-southeast-2",
        "eu-central-1",
        "us-east-2",
    ];
    let names = NAMES.iter().take(count.max(1));
    names
        .map(|name| Region::new(*name).map_err(|e| e.to_string()))
        .collect()
}

fn tool() -> ToolRecord {
    ToolRecord {
        name: "posture".to_owned(),
        version: "0.0.0".to_owned(),
    }
}

fn record(id: AccountId, regions: &[Region]) -> AccountRecord {
    AccountRecord {
        id,
        name: None,
        email: None,
        ou_path: None,
        tags: BTreeMap::new(),
        partition: Partition::aws(),
        regions: regions.to_vec(),
        gaps: Vec::new(),
        ledger: Vec::new(),
    }
}

/// The same resource in another account and region. Its ARNs and those that it refers to move along.
fn moved(example: &Resource, account: &AccountId, region: &Region) -> Result<Resource, String> {
    let text = serde_json::to_string(example).map_err(|e| e.to_string())?;
    let mut text = text.replace(example.account.as_str(), account.as_str());
    if !example.region.is_global() {
        text = text.replace(example.region.as_str(), region.as_str());
    }
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

/// Processor time that the process has used, in seconds, where the system tells: other processes
/// cannot distort it as they do the time on the wall.
pub fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // The kernel counts hundredths of a second on every platform that we build for.
    Some((user + system) / 100.0)
}

/// The most memory that the process has held, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
