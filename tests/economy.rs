//! What reading costs: calls for each resource, and nothing read twice. Held by number, not by time.

use std::sync::Arc;

use posture_collect::{ScanRequest, Session, scan, services};
use posture_fleet::{Config, Estate, Fleet};
use posture_snapshot::{Directory, Snapshot, ToolRecord};

use crate::Silent;

/// What reading one service of an account took.
struct Cost {
    calls: u64,
    repeated: u64,
    resources: u64,
}

fn cost(service: &str, resources: usize) -> Cost {
    let estate = Estate {
        accounts: 2,
        regions: vec!["us-east-1".to_owned()],
        disabled_regions: Vec::new(),
        resources,
        ..Estate::default()
    };
    let fleet = Fleet::start(Config {
        estate,
        ..Config::default()
    })
    .expect("a fleet");
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("snapshot");
    let tool = ToolRecord {
        name: "posture".to_owned(),
        version: "test".to_owned(),
    };
    let session = Session::local(&fleet.url(), "us-east-1", "local");
    let request = ScanRequest {
        services: vec![service.to_owned()],
        ..ScanRequest::new(session, Directory::store(&place), tool)
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(scan(request, Arc::new(Silent)))
        .expect("a scan");
    let snapshot = Snapshot::open(&place).expect("a snapshot");
    let units = &snapshot.manifest().units;
    let places = fleet.stats().places;
    let own = places.iter().filter(|place| place.service == service);
    let (calls, repeated) = own.fold((0, 0), |(calls, repeated), place| {
        (calls + place.counts.calls, repeated + place.counts.repeated)
    });
    Cost {
        calls,
        repeated,
        resources: units.iter().map(|unit| unit.resources).sum(),
    }
}

/// The most calls for each further resource of the simulated fleet, where the number of resources follows from
/// its size. A collector that needs more has to say why, here.
const MOST: [(&str, f64); 10] = [
    ("apigateway", 0.6),
    ("apigatewayv2", 0.6),
    ("ec2", 0.4),
    ("ecr", 5.5),
    ("iam", 0.9),
    ("kms", 3.5),
    ("lambda", 8.0),
    ("s3", 15.0),
    ("s3control", 3.5),
    ("wafv2", 7.0),
];

#[test]
fn a_further_resource_costs_no_more_calls_than_it_did() {
    let costs: Vec<(&str, Cost, Cost)> = std::thread::scope(|threads| {
        let running: Vec<_> = services()
            .iter()
            .map(|service| {
                let read = move || (service.name, cost(service.name, 4), cost(service.name, 14));
                threads.spawn(read)
            })
            .collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.map(|cost| cost.expect("no panic")).collect()
    });
    for (service, few, many) in &costs {
        assert_eq!(many.repeated, 0, "{service} reads something twice");
        let most = MOST.iter().find(|(name, _)| name == service);
        let further = many.resources - few.resources;
        let Some((_, most)) = most else {
            assert_eq!(many.calls, few.calls, "{service} has no limit here");
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let each = (many.calls - few.calls) as f64 / further as f64;
        println!("{service:<14} {each:.2} calls a resource");
        assert!(
            each <= *most,
            "{service}: {each:.2} calls for each resource"
        );
    }
}
