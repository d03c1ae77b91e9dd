//! A synthetic snapshot for benchmarks: the resources of the checks' own cases, many times over.

use std::collections::{BTreeMap, BTreeSet};

use posture_catalog::{Catalog, Status, example_resources};
use posture_model::{AccountId, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope, ToolRecord, UnitKey,
    UnitRecord,
};
use serde_json::json;

/// What `Input::new` takes.
pub type Snapshot = (Manifest, Vec<(Region, Vec<Resource>)>);

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
    let mut by_type: BTreeMap<String, [Vec<Resource>; 3]> = BTreeMap::new();
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
    let id = |text: &str| AccountId::new(text).map_err(|e| e.to_string());
    let accounts = [id("111111111111")?, id("222222222222")?];
    let region = |text: &str| Region::new(text).map_err(|e| e.to_string());
    let regions = [region("eu-west-1")?, region("us-east-1")?];
    let mut units: BTreeMap<UnitKey, (BTreeMap<String, Listing>, Vec<Resource>)> = BTreeMap::new();
    for (kind, examples) in &by_type {
        let service = kind.split('.').next().unwrap_or(kind).to_owned();
        let wanted = (share(kind) * functions / 1000).max(4);
        for number in 0..wanted {
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
                continue;
            };
            let account = &accounts[number % 2];
            let region = &regions[(number / 2) % 2];
            let mut resource = moved(example, account, region)?;
            // Each function has a role of its own, as in an estate that is well kept; the roles of the
            // cases would otherwise be shared by thousands.
            let role = format!("arn:aws:iam::{account}:role/role-{number}");
            if kind == "lambda.function"
                && let Some(properties) = resource.properties.as_object_mut()
            {
                properties.insert("role_arn".to_owned(), role.clone().into());
            }
            resource.arn = if kind == "iam.role" {
                // There is no role without a trust policy; cases about other things leave it out.
                if let Some(trust) = resource.properties.get_mut("trust_policy")
                    && trust.is_null()
                {
                    *trust = json!({"Version": "2012-10-17", "Statement": [{
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole"
                    }]});
                }
                role
            } else {
                format!("{}-{number}", resource.arn)
            };
            resource.id = format!("{}-{number}", resource.id);
            resource.name = format!("{}-{number}", resource.name);
            let unit_region = if service == "s3" {
                Region::global()
            } else {
                resource.region.clone()
            };
            let key = UnitKey {
                account: account.clone(),
                region: unit_region,
                service: service.clone(),
            };
            let (listings, resources) = units.entry(key).or_default();
            listings.entry(kind.clone()).or_default().count += 1;
            resources.push(resource);
        }
    }
    // What was listed in one place of a service was listed in all.
    let mut listed: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
    for (key, (listings, _)) in &units {
        listed
            .entry((key.service.clone(), key.region.is_global()))
            .or_default()
            .extend(listings.keys().cloned());
    }
    for ((service, global), kinds) in listed {
        let places: &[Region] = if global {
            &[Region::global()]
        } else {
            &regions
        };
        for account in &accounts {
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
    let moment = Timestamp::from_unix(1_767_225_600).ok_or("out of range")?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: ToolRecord {
            name: "posture".to_owned(),
            version: "0.0.0".to_owned(),
        },
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
            .map(|id| AccountRecord {
                id,
                name: None,
                email: None,
                ou_path: None,
                tags: BTreeMap::new(),
                partition: Partition::aws(),
                regions: regions.to_vec(),
                gaps: Vec::new(),
                ledger: Vec::new(),
            })
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
