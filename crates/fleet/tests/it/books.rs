//! What the server says that it saw.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use posture_fleet::{Account, Estate, Faults, Floor, Latency, Limit, Stats};
use serde_json::{Value, json};

use crate::client::Client;
use crate::crawl::{everything, form, get, json_1_1};
use crate::{estate, fleet};

#[test]
fn calls_are_booked_where_they_belong() {
    let fleet = fleet(
        Estate {
            page_size: 5,
            ..estate()
        },
        Faults::default(),
    );
    let mut client = Client::new(&fleet);
    let list = json_1_1("kms", "ListKeys", &json!({}));
    let first = client.send(&list).json();
    let next = json!({"Marker": first["NextMarker"]});
    client.send(&json_1_1("kms", "ListKeys", &next));
    client.send(&list);
    let key = json!({"KeyId": first["Keys"][0]["KeyId"]});
    client.send(&json_1_1("kms", "DescribeKey", &key));
    client.send(&list.clone().in_region("eu-west-1"));
    client.send(&list.by(Account::nth(1)));
    let stats = fleet.stats();
    let seen: Vec<(String, &str, u64)> = stats
        .places
        .iter()
        .map(|place| {
            (
                place.account.to_string(),
                place.region.as_str(),
                place.counts.calls,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("111000000000".to_owned(), "eu-west-1", 1),
            ("111000000000".to_owned(), "us-east-1", 4),
            ("111000000001".to_owned(), "us-east-1", 1),
        ]
    );
    let home = &stats.places[1];
    let of = |name: &str| {
        home.operations
            .iter()
            .find(|o| o.operation == name)
            .unwrap()
    };
    let listing = of("ListKeys");
    assert_eq!((listing.counts.answered, listing.counts.repeated), (3, 1));
    assert_eq!(
        (listing.chains[0].after.as_deref(), listing.chains[0].calls),
        (None, 2)
    );
    assert_eq!(
        of("DescribeKey").chains[0].after.as_deref(),
        Some("ListKeys")
    );
    assert_eq!(stats.totals.counts.calls, 6);
}

#[test]
fn arrivals_tell_the_rate_in_any_window() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let ask = form("iam", "GetAccountSummary", &[]);
    for _ in 0..5 {
        client.send(&ask);
    }
    let hour = fleet.stats_in(Duration::from_secs(3600), true);
    let place = &hour.places[0];
    assert_eq!((place.peak_in_window, hour.totals.peak_in_window), (5, 5));
    let arrivals = &place.operations[0].arrivals_us;
    assert_eq!(arrivals.len(), 5);
    assert!(arrivals.is_sorted());
    assert!(arrivals[4] / 1000 <= hour.elapsed_ms);
    // No two calls on one connection arrive in the same instant.
    assert_eq!(
        fleet.stats_in(Duration::from_micros(1), false).places[0].peak_in_window,
        1
    );
    assert!(fleet.stats().places[0].operations[0].arrivals_us.is_empty());
}

#[test]
fn hundreds_of_connections_are_served_at_once() {
    const CLIENTS: usize = 300;
    let latency = Latency {
        base_ms: 100,
        ..Latency::default()
    };
    let fleet = fleet(
        estate(),
        Faults {
            latency,
            ..Faults::default()
        },
    );
    let barrier = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (fleet, barrier) = (&fleet, &barrier);
            scope.spawn(move || {
                let mut client = Client::new(fleet);
                let ask = form("ec2", "DescribeVpcs", &[]).by(Account::nth(number % 6));
                barrier.wait();
                for _ in 0..3 {
                    assert_eq!(client.send(&ask).status, 200);
                }
            });
        }
    });
    let totals = fleet.stats().totals;
    let calls = u64::try_from(CLIENTS).unwrap();
    assert_eq!(totals.counts.answered, 3 * calls);
    // They all began at once and each waits a while, so most are under way together.
    assert!(totals.peak_in_flight > calls / 3, "{totals:?}");
    assert!(totals.peak_in_flight <= calls, "{totals:?}");
}

#[test]
fn a_dropped_fleet_lets_go_of_its_clients() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    let ask = form("iam", "GetAccountSummary", &[]);
    assert_eq!(client.send(&ask).status, 200);
    drop(fleet);
    assert!(client.try_send(&ask).is_err());
}

#[test]
fn the_control_endpoint_reads_changes_and_forgets() {
    let fleet = fleet(estate(), Faults::default());
    let mut client = Client::new(&fleet);
    client.send(&form("iam", "GetAccountSummary", &[]));
    let config = client.control("GET", "config", "").json();
    assert_eq!(config["estate"]["accounts"], 6);
    let patch = r#"{"unassumable": ["111000000002"], "limits": {"iam": {"burst": 1, "per_second": 0.001}}}"#;
    let changed = client.control("POST", "config", patch).json();
    assert_eq!(changed["faults"]["unassumable"], json!(["111000000002"]));
    assert_eq!(fleet.faults().limits["iam"], Limit::new(1.0, 0.001));
    client.send(&form("iam", "GetAccountSummary", &[]));
    assert_eq!(
        client.send(&form("iam", "GetAccountSummary", &[])).code(),
        "Throttling"
    );
    let wrong = client.control(
        "POST",
        "config",
        r#"{"dead_regions": {"eu-wst-1": "hang"}}"#,
    );
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.json()["error"]
            .as_str()
            .unwrap()
            .contains("\"eu-west-1\""),
        "{}",
        wrong.body
    );
    assert_eq!(
        fleet.faults().limits.len(),
        1,
        "a refused patch changes nothing"
    );
    let stats: Stats = serde_json::from_str(
        &client
            .control("GET", "stats?window_ms=5000&arrivals=true", "")
            .body,
    )
    .unwrap();
    assert_eq!((stats.window_ms, stats.totals.counts.calls), (5000, 3));
    assert_eq!(stats.places[0].operations[0].arrivals_us.len(), 3);
    assert_eq!(client.control("POST", "reset", "").json(), json!({}));
    assert!(fleet.stats().places.is_empty());
    // The buckets are full again, the configuration stays.
    assert_eq!(
        client.send(&form("iam", "GetAccountSummary", &[])).status,
        200
    );
    assert_eq!(fleet.faults().limits.len(), 1);
    assert_eq!(client.control("GET", "nothing", "").status, 404);
    assert_eq!(client.control("DELETE", "stats", "").status, 405);
}

#[test]
fn a_throttled_client_that_comes_back_costs_only_its_refusals() {
    let limits = BTreeMap::from([("lambda".to_owned(), Limit::new(2.0, 200.0))]);
    let fleet = fleet(
        estate(),
        Faults {
            limits,
            ..Faults::default()
        },
    );
    let mut client = Client::new(&fleet);
    let ask = get("lambda", "ListFunctions", "/2015-03-31/functions");
    let mut answered = 0;
    while answered < 20 {
        answered += u64::from(client.send(&ask).status == 200);
    }
    let counts = fleet.stats().totals.counts;
    assert_eq!(counts.answered, 20);
    assert_eq!(counts.calls, counts.answered + counts.throttled);
    assert!(counts.throttled > 0);
}

#[test]
fn the_floor_follows_from_a_whole_crawl() {
    let fleet = fleet(
        Estate {
            page_size: 5,
            ..estate()
        },
        Faults::default(),
    );
    everything(&fleet, Account::nth(0), "us-east-1");
    let limits = BTreeMap::from([("iam".to_owned(), Limit::new(1.0, 1.0))]);
    let stats = fleet.stats();
    let floor = Floor::of(&stats, fleet.estate(), 50.0, &limits);
    assert_eq!(
        floor.calls,
        stats.totals.counts.answered - stats.totals.counts.repeated
    );
    let of = |service: &str| {
        floor
            .places
            .iter()
            .find(|place| place.service == service)
            .unwrap()
    };
    // ListFunctions, its aliases, the alias's policy.
    assert_eq!(of("lambda").chain, 3);
    // ListRoots, the units of the root, those of "Workloads", and what is in "Production".
    assert_eq!(of("organizations").chain, 4);
    assert_eq!(of("s3").chain, 2);
    let iam = of("iam");
    let calls = f64::from(u32::try_from(iam.calls).unwrap());
    assert!((iam.rate_seconds - (calls - 1.0)).abs() < 1e-9);
    assert_eq!(floor.decided_by, "111000000000/us-east-1/iam");
    let text: Value = serde_json::to_value(&floor).unwrap();
    assert_eq!(text["latency_ms"], 50.0);
}
