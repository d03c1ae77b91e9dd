//! What holds for all collectors: only declared operations, no secret, no gap without a cause.

use std::collections::BTreeSet;

use posture_collect::{core_operations, services};

#[test]
fn declared_operations_read_only() {
    // AWS names what changes state with other verbs. The exceptions make AWS write a report that it keeps
    // for itself; their access levels are Read, as are those of the others.
    let reading = [
        "Get",
        "List",
        "Describe",
        "Search",
        "BatchGet",
        "Head",
        "AssumeRole",
    ];
    for operation in core_operations()
        .iter()
        .chain(services().iter().flat_map(|s| s.operations))
    {
        assert!(
            reading.iter().any(|verb| operation.name.starts_with(verb))
                || matches!(
                    operation.name,
                    "GenerateCredentialReport" | "GenerateServiceLastAccessedDetails"
                ),
            "{operation} does not look like a read"
        );
        assert!(
            operation.action.contains(':'),
            "{operation}: {}",
            operation.action
        );
        assert!(
            !operation.action.contains('*'),
            "{operation}: {}",
            operation.action
        );
    }
}

#[test]
fn operations_are_declared_once_and_sources_exist() {
    let mut declared = BTreeSet::new();
    for service in services() {
        for operation in service.operations {
            assert!(declared.insert(operation.to_string()), "{operation} twice");
            assert_eq!(operation.service, service.name);
        }
    }
    for info in posture_model::all_types() {
        let schema = serde_json::to_value(info.schema()).unwrap();
        let mut text = Vec::new();
        sources(&schema, &mut text);
        for source in text {
            assert!(
                declared.contains(&source),
                "{}: x-source {source} is no declared operation",
                info.name
            );
        }
        let service = posture_collect::find_service(info.service())
            .unwrap_or_else(|| panic!("{} has no collector", info.name));
        assert!(
            service.regional_types.contains(&info.name)
                || service.global_types.contains(&info.name),
            "{} is not listed by its collector",
            info.name
        );
    }
}

fn sources(schema: &serde_json::Value, found: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                if key == "x-source" {
                    let list = value.as_array().expect("x-source is a list");
                    found.extend(list.iter().map(|v| v.as_str().expect("text").to_owned()));
                } else {
                    sources(value, found);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}
