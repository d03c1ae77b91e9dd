//! Ids of findings: unique, and the same in every run, whatever else there is and whatever a resource is called.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use posture_catalog::{Catalog, Status};
use posture_engine::bench::{Snapshot, synthetic};
use posture_engine::{Input, Options, evaluate_input, finding_id};
use posture_model::{Collected, Resource};
use proptest::prelude::*;

/// The built-in checks, and a snapshot with some resources of every type.
fn world() -> &'static (Catalog, Snapshot) {
    static WORLD: OnceLock<(Catalog, Snapshot)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let catalog = Catalog::builtin().unwrap_or_else(|_| panic!("the catalogue has mistakes"));
        let snapshot = synthetic(&catalog, 4).unwrap();
        (catalog, snapshot)
    })
}

/// Check, account, region and ARN by the id of every verdict. Two of one id would be an error.
fn ids(snapshot: Snapshot) -> BTreeMap<String, [String; 4]> {
    let (manifest, units) = snapshot;
    let options = Options {
        keep: Status::ALL.into_iter().collect(),
        ..Options::default()
    };
    let evaluation = evaluate_input(&Input::new(manifest, units), &world().0, &options).unwrap();
    let count = evaluation.findings.len();
    let ids: BTreeMap<String, [String; 4]> = evaluation
        .findings
        .into_iter()
        .map(|finding| {
            let about = [
                finding.check.to_string(),
                finding.account.to_string(),
                finding.region.to_string(),
                finding.resource.arn,
            ];
            (finding.id.to_string(), about)
        })
        .collect();
    assert_eq!(ids.len(), count);
    ids
}

fn original() -> &'static BTreeMap<String, [String; 4]> {
    static IDS: OnceLock<BTreeMap<String, [String; 4]>> = OnceLock::new();
    IDS.get_or_init(|| ids(world().1.clone()))
}

/// The snapshot with each unit's resources changed; `number` counts them through.
fn changed(mut change: impl FnMut(usize, Vec<Resource>) -> Vec<Resource>) -> Snapshot {
    let (manifest, units) = world().1.clone();
    let mut number = 0;
    let units = units
        .into_iter()
        .map(|(region, resources)| {
            let first = number;
            number += resources.len();
            (region, change(first, resources))
        })
        .collect();
    (manifest, units)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_resources_does_not_matter(keys in prop::collection::vec(any::<u16>(), 64)) {
        let shuffled = changed(|first, resources| {
            let mut keyed: Vec<(u16, Resource)> = resources
                .into_iter()
                .enumerate()
                .map(|(at, resource)| (keys[(first + at * 7) % keys.len()], resource))
                .collect();
            keyed.sort_by_key(|(key, _)| *key);
            keyed.into_iter().map(|(_, resource)| resource).collect()
        });
        prop_assert_eq!(&ids(shuffled), original());
    }

    #[test]
    fn other_resources_do_not_matter(kept in prop::collection::vec(any::<bool>(), 64)) {
        let fewer = changed(|first, resources| {
            resources
                .into_iter()
                .enumerate()
                .filter(|(at, _)| kept[(first + at) % kept.len()])
                .map(|(_, resource)| resource)
                .collect()
        });
        for (id, about) in ids(fewer) {
            prop_assert_eq!(Some(&about), original().get(&id));
        }
    }

    #[test]
    fn names_and_tags_do_not_matter(names in prop::collection::vec(".{0,24}", 16)) {
        let renamed = changed(|first, resources| {
            resources
                .into_iter()
                .enumerate()
                .map(|(at, mut resource)| {
                    let name = names[(first + at) % names.len()].clone();
                    resource.tags = Collected::Known(BTreeMap::from([("Name".to_owned(), name.clone())]));
                    resource.name = name;
                    resource
                })
                .collect()
        });
        prop_assert_eq!(&ids(renamed), original());
    }
}

#[test]
fn an_id_can_be_told_without_the_engine() {
    for (id, [check, account, region, arn]) in original() {
        // A listing that failed has an id of another kind.
        if arn != "*" {
            let told = finding_id(check, account, region, arn).unwrap();
            assert_eq!(told.as_str(), id);
        }
    }
    assert!(original().len() > 500, "{}", original().len());
}
