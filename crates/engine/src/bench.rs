//! A synthetic snapshot for benchmarks: the resources of the checks' own cases, many times over.

use std::collections::BTreeMap;

use posture_catalog::{Catalog, example_resources};
use posture_model::{AccountId, Partition, Region, Resource, Timestamp};
use posture_snapshot::{
    AccountRecord, Listing, Manifest, SCHEMA_VERSION, ScanRecord, Scope, ToolRecord, UnitKey,
    UnitRecord,
};

/// What `Input::new` takes.
pub type Snapshot = (Manifest, Vec<(Region, Vec<Resource>)>);

/// A snapshot of two accounts and two regions with at least so many resources of each type that a
/// check looks at. The resources are those of the checks' cases, so that every branch of every rule
/// is taken.
pub fn synthetic(catalog: &Catalog, per_type: usize) -> Result<Snapshot, String> {
    let mut by_type: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
    for check in catalog.checks() {
        for resource in example_resources(check)? {
            by_type
                .entry(resource.r#type.clone())
                .or_default()
                .push(resource);
        }
    }
    let id = |text: &str| AccountId::new(text).map_err(|e| e.to_string());
    let accounts = [id("111111111111")?, id("222222222222")?];
    let region = |text: &str| Region::new(text).map_err(|e| e.to_string());
    let regions = [region("eu-west-1")?, region("us-east-1")?];
    let mut units: BTreeMap<UnitKey, (BTreeMap<String, Listing>, Vec<Resource>)> = BTreeMap::new();
    for (kind, examples) in &by_type {
        let service = kind.split('.').next().unwrap_or(kind).to_owned();
        for (number, example) in examples.iter().cycle().take(per_type).enumerate() {
            let mut resource = example.clone();
            let account = &accounts[number % 2];
            resource.account = account.clone();
            if !resource.region.is_global() {
                resource.region = regions[(number / 2) % 2].clone();
            }
            resource.arn = format!("{}-{number}", resource.arn);
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
        accounts: accounts
            .into_iter()
            .map(|id| AccountRecord {
                id,
                name: None,
                ou_path: None,
                tags: BTreeMap::new(),
                partition: Partition::aws(),
                regions: regions.to_vec(),
                gaps: Vec::new(),
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

/// The most memory that the process has held, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
