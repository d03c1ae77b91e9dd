//! Every construct with something unreadable on each side, and the ways in which the interpreter
//! could have led astray.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_model::{Collected, Gap, GapReason, Region, Resource, Timestamp};
use serde_json::{Value, json};

use super::{Answer, Documents, Params, Program, Ty, type_number};
use crate::world::{ResourceNode, World};

const ACCOUNT: &str = "123456789012";

fn gap(operation: &str) -> Value {
    json!({"unavailable": {"reason": "access_denied", "operation": operation}})
}

/// A function with everything read; fields are overwritten by those given.
fn function(fields: Value) -> Resource {
    let mut properties = json!({
        "runtime": "python3.13", "package_type": "Zip", "handler": "a.b",
        "role_arn": "arn:aws:iam::123456789012:role/f", "timeout": 3, "memory_size": null,
        "architectures": ["arm64", "x86_64"], "last_modified": "2025-12-01T00:00:00Z",
        "state": "Active", "environment": [{"name": "A", "secret": null, "fingerprint": ""}],
        "kms_key_arn": null, "tracing_mode": "Active", "dead_letter_target_arn": null, "vpc": null,
        "layer_arns": [], "logging": {"format": "JSON", "log_group": null,
        "application_level": null, "system_level": null}, "ephemeral_storage": 512,
        "file_system_arns": [], "snap_start": null, "signing_profile_version_arn": null,
        "code_signing_config_arn": null, "reserved_concurrency": 5,
        "policy": {"Version": "2012-10-17", "Statement": []},
        "url": {"url": "https://x", "auth_type": "NONE", "invoke_mode": null, "cors": null},
        "async_config": gap("lambda:GetFunctionEventInvokeConfig"),
        "qualifiers": [
            {"name": "live", "kind": "alias", "arn": "arn:q", "function_version": "1",
             "policy": gap("lambda:GetPolicy"), "url": null, "async_config": null},
            {"name": "1", "kind": "version", "arn": "arn:r", "function_version": null,
             "policy": null, "url": null, "async_config": null}
        ],
    });
    if let (Some(properties), Value::Object(fields)) = (properties.as_object_mut(), fields) {
        properties.extend(fields);
    }
    resource("lambda.function", "f", properties)
}

fn resource(kind: &str, id: &str, properties: Value) -> Resource {
    let (service, noun) = kind.split_once('.').unwrap();
    serde_json::from_value(json!({
        "type": kind, "arn": format!("arn:aws:{service}:eu-west-1:{ACCOUNT}:{noun}:{id}"),
        "id": id, "name": id, "account": ACCOUNT, "region": "eu-west-1", "partition": "aws",
        "tags": {"env": "prod"}, "created": null, "properties": properties,
    }))
    .unwrap()
}

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

fn world_of(
    resources: &[Resource],
    listings: &[(&str, Option<Gap>)],
) -> (World, Vec<ResourceNode>) {
    let mut builder = World::builder(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let documents = Arc::new(Documents::default());
    let account = ACCOUNT.parse().unwrap();
    builder = builder.account(&account);
    for (kind, gap) in listings {
        builder.listing(&account, &region(), kind, gap.as_ref());
    }
    let nodes: Vec<ResourceNode> = resources
        .iter()
        .filter_map(|resource| ResourceNode::new(resource, &documents))
        .collect();
    for node in &nodes {
        builder.resource(node.clone(), &region());
    }
    (builder.build(), nodes)
}

fn params() -> Params {
    Params::new(&BTreeMap::from([
        ("days".to_owned(), json!(90)),
        ("names".to_owned(), json!(["a", "f"])),
    ]))
}

fn compile(source: &str, wanted: &Ty) -> Result<Program, Vec<String>> {
    let of = type_number("lambda.function").unwrap();
    Program::compile(source, of, &params(), wanted).map_err(|mistakes| {
        mistakes
            .into_iter()
            .map(|m| {
                format!(
                    "{}{}",
                    m.message,
                    m.help.map(|h| format!(" ({h})")).unwrap_or_default()
                )
            })
            .collect()
    })
}

fn truth_of(source: &str, resource: Resource) -> Answer<bool> {
    let program = compile(source, &Ty::Bool).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    let listed = [("lambda.function", None), ("lambda.layer_version", None)];
    let (world, nodes) = world_of(&[resource], &listed);
    program.truth(&world, &nodes[0].0, &params())
}

fn truth(source: &str) -> Answer<bool> {
    truth_of(source, function(json!({})))
}

/// `T`, `F`, `?` for a gap, `!` for a failure of the expression.
fn verdict(source: &str) -> char {
    match truth(source) {
        Answer::Known(true) => 'T',
        Answer::Known(false) => 'F',
        Answer::Unknown(gaps) => {
            assert!(!gaps.is_empty(), "{source}: an unknown without a gap");
            '?'
        }
        Answer::Broken(_) => '!',
    }
}

/// Unreadable.
const GAP: &str = "resource.async_config.maximum_event_age == 1";

#[test]
fn logic_has_three_values() {
    let (t, f, u) = ("resource.timeout == 3", "resource.timeout == 4", GAP);
    for (op, table) in [("&&", "TF? FFF ?F?"), ("||", "TTT TF? T??")] {
        let mut got = String::new();
        for a in [t, f, u] {
            for b in [t, f, u] {
                got.push(verdict(&format!("({a}) {op} ({b})")));
            }
        }
        assert_eq!(got, table.replace(' ', ""), "{op}");
    }
    assert_eq!(verdict(&format!("!({u})")), '?');
    assert_eq!(verdict(&format!("!({t})")), 'F');
    assert_eq!(verdict(&format!("({u}) ? true : true")), '?');
    assert_eq!(verdict(&format!("({t}) ? true : ({u})")), 'T');
    assert_eq!(verdict(&format!("({t}) ? ({u}) : true")), '?');
}

#[test]
fn comprehensions_have_three_values() {
    // The alias's policy is unreadable, the version has none.
    for (source, expected) in [
        ("resource.qualifiers.all(q, q.policy == null)", '?'),
        (
            "resource.qualifiers.all(q, q.policy == null && q.kind == \"x\")",
            'F',
        ),
        (
            "resource.qualifiers.all(q, q.kind == \"version\" || q.policy != null)",
            '?',
        ),
        (
            "resource.qualifiers.all(q, q.kind == \"alias\" || q.policy == null)",
            'T',
        ),
        ("resource.qualifiers.exists(q, q.policy == null)", 'T'),
        ("resource.qualifiers.exists(q, q.policy != null)", '?'),
        ("resource.qualifiers.exists_one(q, q.policy == null)", '?'),
        (
            "resource.qualifiers.filter(q, q.policy == null).size() == 1",
            '?',
        ),
        (
            "resource.qualifiers.filter(q, q.kind == \"version\").all(q, q.policy == null)",
            'T',
        ),
        (
            "resource.qualifiers.map(q, q.policy == null).size() == 2",
            '?',
        ),
        ("resource.qualifiers.map(q, q.name).size() == 2", 'T'),
        // Order must not matter: the undecided item first, the deciding one last, and nested.
        (
            "resource.qualifiers.exists(q, resource.qualifiers.exists(r, r.policy == null))",
            'T',
        ),
        (
            "resource.qualifiers.all(q, resource.qualifiers.all(r, r.policy == null))",
            '?',
        ),
        (
            "resource.architectures.all(a, resource.async_config != null)",
            '?',
        ),
        (
            "resource.layer_arns.all(a, resource.async_config != null)",
            'T',
        ),
    ] {
        assert_eq!(verdict(source), expected, "{source}");
    }
}

#[test]
fn every_operator_passes_a_gap_on_from_either_side() {
    let int = "resource.async_config.maximum_event_age";
    let text = "resource.async_config.on_failure_arn";
    for source in [
        format!("{int} == 3"),
        format!("3 == {int}"),
        format!("{int} != 3"),
        format!("3 != {int}"),
        format!("{int} < 3"),
        format!("3 <= {int}"),
        format!("{int} > 3"),
        format!("3 >= {int}"),
        format!("{int} + 1 == 3"),
        format!("1 + {int} == 3"),
        format!("{int} - 1 == 3"),
        format!("-{int} == 3"),
        format!("{text} in [\"a\"]"),
        format!("\"a\" in [{text}]"),
        format!("{text} in resource.architectures"),
        format!("[{text}] == resource.architectures"),
        format!("resource.architectures == [{text}]"),
        format!("{text} + \"x\" == \"x\""),
        format!("\"x\" + {text} == \"x\""),
        format!("size({text}) == 1"),
        format!("{text}.size() == 1"),
        format!("{text}.startsWith(\"a\")"),
        format!("\"a\".startsWith({text})"),
        format!("{text}.matches(\"a\")"),
        format!("string({int}) == \"1\""),
        format!("int({text}) == 1"),
        format!("lower({text}) == \"a\""),
        format!("join([{text}], \",\") == \"a\""),
        format!("account_of({text}) == \"a\""),
        "has(resource.async_config)".to_owned(),
        "has(resource.async_config.on_failure_arn)".to_owned(),
        "resource.async_config == null".to_owned(),
        "null != resource.async_config".to_owned(),
        format!("lookup(\"lambda.function\", {text}) == null"),
        format!("related(\"lambda.function\", \"role_arn\", {text}).size() == 0"),
    ] {
        assert_eq!(verdict(&source), '?', "{source}");
    }
}

#[test]
fn all_gaps_that_keep_a_verdict_open_are_named_once() {
    let source = "resource.async_config == null && resource.policy == null
        && resource.async_config == null";
    let denied = function(json!({"policy": gap("lambda:GetPolicy")}));
    let Answer::Unknown(gaps) = truth_of(source, denied) else {
        panic!("known");
    };
    let operations: BTreeSet<&str> = gaps.iter().map(|g| g.operation.as_str()).collect();
    assert_eq!(
        operations,
        BTreeSet::from(["lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy"])
    );
    assert_eq!(gaps.len(), 2);
}

#[test]
fn null_is_absence_and_nothing_else() {
    for (source, expected) in [
        ("resource.vpc == null", 'T'),
        ("null == resource.vpc", 'T'),
        ("resource.vpc != null", 'F'),
        ("resource.code_signing_config_arn == null", 'T'),
        ("resource.url == null", 'F'),
        (
            "resource.memory_size == null || resource.memory_size > 1",
            'T',
        ),
        ("resource.memory_size == 5", 'F'),
        ("has(resource.url)", 'T'),
        ("has(resource.vpc)", 'F'),
        ("has(resource.url.cors)", 'F'),
        // Below null there is nothing, and nothing is not false.
        ("resource.vpc.vpc_id == \"x\"", '!'),
        ("resource.vpc.subnet_ids.all(s, s == \"x\")", '!'),
        ("has(resource.vpc.vpc_id)", '!'),
        ("resource.memory_size > 5", '!'),
        ("resource.memory_size + 1 == 5", '!'),
        ("resource.url.cors.allow_credentials", '!'),
        // Decided elsewhere.
        ("resource.vpc == null || resource.vpc.vpc_id == \"x\"", 'T'),
    ] {
        assert_eq!(verdict(source), expected, "{source}");
    }
}

#[test]
fn values_compare_as_written() {
    for (source, expected) in [
        ("resource.architectures == [\"arm64\", \"x86_64\"]", 'T'),
        ("[\"arm64\", \"x86_64\"] == resource.architectures", 'T'),
        ("resource.architectures != [\"arm64\"]", 'T'),
        ("resource.architectures == []", 'F'),
        ("[] == resource.layer_arns", 'T'),
        (
            "resource.architectures + [\"a\"] == [\"arm64\", \"x86_64\", \"a\"]",
            'T',
        ),
        (
            "[\"a\"] + resource.architectures == [\"a\", \"arm64\", \"x86_64\"]",
            'T',
        ),
        (
            "resource.architectures.filter(a, a != \"arm64\") == [\"x86_64\"]",
            'T',
        ),
        ("resource.architectures[0] == \"arm64\"", 'T'),
        ("resource.architectures[7] == \"arm64\"", '!'),
        ("\"arm64\" in resource.architectures", 'T'),
        ("\"arm\" in resource.architectures", 'F'),
        ("resource.name in params.names", 'T'),
        ("resource.environment == resource.environment", 'T'),
        ("resource.logging == resource.logging", 'T'),
        // A list that holds something unreadable equals nothing for certain, not even itself.
        ("resource.qualifiers == resource.qualifiers", '?'),
        (
            "resource.qualifiers == resource.qualifiers.filter(q, q.name == \"1\")",
            'F',
        ),
        ("resource.tags == null", 'F'),
        ("resource.tags[\"env\"] == \"prod\"", 'T'),
        ("resource.tags.env == \"prod\"", 'T'),
        ("\"env\" in resource.tags", 'T'),
        ("has(resource.tags.env) && !has(resource.tags.other)", 'T'),
        ("resource.tags.other == \"x\"", '!'),
        ("resource.tags.exists(k, k == \"env\")", 'T'),
        ("size(resource.tags) == 1 && resource.tags.size() == 1", 'T'),
        (
            "size(resource.architectures) == 2 && size(resource.name) == 1",
            'T',
        ),
        ("resource.timeout < 3.5 && resource.timeout == 3.0", 'T'),
        (
            "resource.runtime.startsWith(\"python\") && resource.runtime.contains(\"3.\")",
            'T',
        ),
        ("resource.runtime.matches(\"^python3[.][0-9]+$\")", 'T'),
        ("age_days(resource.last_modified) == 31", 'T'),
        ("days_until(resource.last_modified) == -31", 'T'),
        ("age_days(resource.last_modified) < params.days", 'T'),
        ("account_of(resource.role_arn) == \"123456789012\"", 'T'),
        (
            "service_of(resource.role_arn) == \"iam\" && region_of(resource.role_arn) == \"\"",
            'T',
        ),
        ("account_of(resource.name) == \"\"", '?'),
        ("is_known_account(\"123456789012\")", 'T'),
        ("is_known_account(\"999999999999\")", '?'),
        ("lambda_runtime_deprecated(\"python3.6\")", 'T'),
        ("lambda_runtime_deprecated(\"python3.13\")", 'F'),
        ("lambda_runtime_deprecated(\"python9.9\")", '?'),
        (
            "cidr_is_world(\"0.0.0.0/0\") && !cidr_is_world(\"10.0.0.0/8\")",
            'T',
        ),
        ("cidr_is_world(\"nonsense\")", '?'),
        ("resource.policy.is_public()", 'F'),
        (
            "resource.qualifiers.exists(q, q.policy != null && q.policy.is_public())",
            '?',
        ),
    ] {
        assert_eq!(verdict(source), expected, "{source}: {:?}", truth(source));
    }
}

#[test]
fn text_is_made_of_values() {
    let text = |source: &str| {
        let program = compile(source, &Ty::String).unwrap();
        let (world, nodes) = world_of(&[function(json!({}))], &[]);
        program.text(&world, &nodes[0].0, &params())
    };
    assert_eq!(
        text("\"t \" + string(resource.timeout) + join(resource.architectures, \", \")"),
        Answer::Known("t 3arm64, x86_64".to_owned())
    );
    assert_eq!(
        text("string(resource.vpc == null)"),
        Answer::Known("true".to_owned())
    );
    assert_eq!(
        text("string(resource.handler)"),
        Answer::Known("a.b".to_owned())
    );
    assert_eq!(
        text("string(resource.memory_size)"),
        Answer::Known("none".to_owned())
    );
    assert!(matches!(
        text("string(resource.async_config.on_failure_arn)"),
        Answer::Unknown(_)
    ));
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    for (source, expected) in [
        (
            "resource.urll == null",
            "lambda.function has no field `urll` (did you mean `url`?)",
        ),
        (
            "has(resource.urll)",
            "lambda.function has no field `urll` (did you mean `url`?)",
        ),
        (
            "resource.url.auth == \"x\"",
            "FunctionUrl has no field `auth`",
        ),
        (
            "resource.qualifiers.all(q, q.nmae == \"x\")",
            "has no field `nmae` (did you mean `name`?)",
        ),
        (
            "resource.timeout == \"3\"",
            "int or null is never equal to string",
        ),
        (
            "resource.timeout == null || resource.name == null",
            "string is never null",
        ),
        ("has(resource.name)", "`name` is always set"),
        ("resource.name", "this must be bool, and it is string"),
        (
            "resource.reserved_concurrency",
            "this must be bool, and it is int or null",
        ),
        ("!resource.name", "expected bool, got string"),
        ("resource.name && true", "expected bool, got string"),
        ("resource.name < 3", "string has no order with int"),
        (
            "resource.name + 3 == \"x\"",
            "string and int cannot be added",
        ),
        (
            "3 in resource.architectures",
            "int is never in list of string",
        ),
        (
            "resource.vpc == resource.url",
            "VpcAttachment or null is never equal to FunctionUrl or null",
        ),
        (
            "resource.policy == resource.policy",
            "cannot be compared as a whole",
        ),
        ("resource == resource", "cannot be compared as a whole"),
        ("resource.policy.is_publik()", "did you mean `is_public`?"),
        (
            "resource.name.is_public()",
            "string has no function `is_public`",
        ),
        (
            "resource.is_administrator()",
            "lambda.function has no function `is_administrator`",
        ),
        (
            "resource.policy.allows_anonymous()",
            "takes 1 arguments, not 0",
        ),
        (
            "resource.policy.allows_anonymous(\"Invoke\")",
            "is no IAM action",
        ),
        (
            "resource.policy.allows_anonymous(resource.name)",
            "must be written out",
        ),
        (
            "lookup(\"lambda.functon\", \"x\") == null",
            "did you mean `lambda.function`?",
        ),
        (
            "lookup(\"lambda.function\") == null",
            "takes 2 arguments, not 1",
        ),
        (
            "lookup(resource.name, \"x\") == null",
            "must be written out",
        ),
        (
            "lookup(\"lambda.function\", \"x\").nam == \"x\"",
            "did you mean `name`?",
        ),
        (
            "related(\"lambda.function\", \"vpc.vpcid\", \"x\").size() == 0",
            "did you mean `vpc_id`?",
        ),
        (
            "age_days(resource.name) > 1",
            "expected timestamp, got string",
        ),
        (
            "joyn(resource.layer_arns, \",\") == \"\"",
            "did you mean `join`?",
        ),
        ("resource.name.matches(\"(\")", "regex parse error"),
        ("params.day > 1", "did you mean `days`?"),
        ("params > 1", "name one of the parameters"),
        (
            "resurce.name == \"x\"",
            "nothing is called `resurce` (did you mean `resource`?)",
        ),
        ("resource.name.foo == 1", "string has no fields"),
        ("resource.timeout.all(x, true)", "int has no elements"),
        (
            "resource.layer_arns.all(resource, true)",
            "means something else already",
        ),
        ("resource.layer_arns.all(x, x)", "expected bool, got string"),
        (
            "type(resource.name) == string",
            "there is no function `type`",
        ),
        ("dyn(resource.name) == 1", "there is no function `dyn`"),
        ("{\"a\": 1}.a == 1", "map and struct literals"),
        ("b\"x\" == b\"x\"", "have no use here"),
        ("optional.of(1).hasValue()", "nothing is called `optional`"),
        ("resource.?name == 1", "unsupported syntax"),
        ("resource.", "expected identifier"),
        ("resource.name == 'x", "unterminated string"),
        ("", "mismatched input"),
        ("true ? 1 : \"x\"", "one branch is int, the other string"),
        ("[1, \"x\"].size() == 2", "string in a list of int"),
    ] {
        let errors = compile(source, &Ty::Bool)
            .map(|_| ())
            .unwrap_err()
            .join("; ");
        assert!(errors.contains(expected), "{source}: {errors}");
    }
}

#[test]
fn hostile_expressions_are_refused() {
    let deep = format!("{}true{}", "(".repeat(5000), ")".repeat(5000));
    assert!(compile(&deep, &Ty::Bool).is_err());
    let long = "true && ".repeat(2000) + "true";
    assert!(compile(&long, &Ty::Bool).is_err());
    let chain = vec!["1"; 3000].join("+") + " == 3000";
    assert!(compile(&chain, &Ty::Bool).is_err());
    let nots = "!".repeat(4000) + "true";
    let _ = compile(&nots, &Ty::Bool);
    let lists = "[".repeat(3000) + &"]".repeat(3000);
    assert!(compile(&lists, &Ty::Bool).is_err());
    let fields = format!("resource{} == 1", ".name".repeat(1500));
    assert!(compile(&fields, &Ty::Bool).is_err());
}

#[test]
fn hostile_resources_are_unknown_and_never_wrong() {
    for (fields, source) in [
        // Something of another type, where the schema says int, text, list, struct, time.
        (json!({"timeout": "3"}), "resource.timeout == 3"),
        (json!({"timeout": 1e300}), "resource.timeout == 3"),
        (json!({"runtime": 3}), "resource.runtime == \"x\""),
        (
            json!({"architectures": "arm64"}),
            "\"arm64\" in resource.architectures",
        ),
        (
            json!({"architectures": ["arm64", 3]}),
            "resource.architectures.all(a, a == \"arm64\")",
        ),
        (
            json!({"architectures": null}),
            "resource.architectures == []",
        ),
        (json!({"logging": []}), "resource.logging == null"),
        (
            json!({"logging": {}}),
            "resource.logging.format == \"JSON\"",
        ),
        (
            json!({"last_modified": "yesterday"}),
            "age_days(resource.last_modified) > 1",
        ),
        (json!({"role_arn": null}), "resource.role_arn == \"x\""),
        (json!({"policy": 3}), "resource.policy.is_public()"),
        (
            json!({"policy": {"Statement": 3}}),
            "resource.policy.is_public()",
        ),
        (
            json!({"policy": {"unavailable": "because"}}),
            "resource.policy == null",
        ),
        (
            json!({"url": {"unavailable": null}}),
            "resource.url == null",
        ),
    ] {
        let answer = truth_of(source, function(fields.clone()));
        assert!(
            matches!(answer, Answer::Unknown(_)),
            "{fields} {source}: {answer:?}"
        );
    }
    let mut empty = function(json!({}));
    for properties in [json!(null), json!([]), json!("x"), json!({})] {
        empty.properties = properties;
        let answer = truth_of("resource.timeout == 3", empty.clone());
        let Answer::Unknown(gaps) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(gaps[0].reason, GapReason::Unsupported);
    }
    let mut untagged = function(json!({}));
    untagged.tags = Collected::Unavailable(Gap::bare(GapReason::Throttled));
    let answer = truth_of("\"env\" in resource.tags", untagged);
    assert!(matches!(answer, Answer::Unknown(_)));
}

fn ask(world: &World, node: &ResourceNode, source: &str) -> Answer<bool> {
    let of = type_number(node.kind()).unwrap();
    Program::compile(source, of, &params(), &Ty::Bool)
        .unwrap_or_else(|e| panic!("{source}: {e:?}"))
        .truth(world, &node.0, &params())
}

#[test]
fn looking_up_tells_nothing_from_unreadable() {
    let mapping = |id: &str, function: Value| {
        let properties = json!({
            "function_arn": function, "source_arn": null, "self_managed_servers": [],
            "state": "Enabled", "source_access": [], "batch_size": 1,
            "maximum_retry_attempts": null, "on_failure_arn": null, "filter_count": 0,
            "kms_key_arn": null,
        });
        resource("lambda.event_source_mapping", id, properties)
    };
    let arn = format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f");
    let mut known = function(json!({}));
    known.arn.clone_from(&arn);
    let all = [
        known,
        mapping("m1", json!(arn)),
        mapping(
            "m2",
            json!("arn:aws:lambda:eu-west-1:123456789012:function:gone"),
        ),
        mapping(
            "m3",
            json!("arn:aws:lambda:eu-west-1:999999999999:function:far"),
        ),
    ];
    let denied = Gap::bare(GapReason::AccessDenied);
    let function = |source: &str, listing: Option<Gap>, from: usize| {
        let kinds = [
            ("lambda.event_source_mapping", None),
            ("lambda.function", listing),
        ];
        let (world, nodes) = world_of(&all, &kinds);
        ask(&world, &nodes[from], source)
    };
    let hit = "lookup(\"lambda.function\", resource.function_arn) != null";
    assert_eq!(function(hit, None, 1), Answer::Known(true));
    assert_eq!(
        function(hit, None, 2),
        Answer::Known(false),
        "listed, and not there"
    );
    assert!(
        matches!(function(hit, None, 3), Answer::Unknown(_)),
        "another account"
    );
    assert_eq!(
        function(hit, Some(denied.clone()), 1),
        Answer::Known(true),
        "found nevertheless"
    );
    assert_eq!(
        function(hit, Some(denied.clone()), 2),
        Answer::Unknown(vec![denied.clone()])
    );
    let offered = Gap::bare(GapReason::NotOffered);
    assert_eq!(
        function(hit, Some(offered), 2),
        Answer::Known(false),
        "nothing can be there"
    );
    let never = "lookup(\"lambda.layer_version\", \"x\") == null";
    assert!(
        matches!(function(never, None, 1), Answer::Unknown(_)),
        "never listed"
    );
    // By id, by name, and an alias of the function.
    assert_eq!(
        function("lookup(\"lambda.function\", \"f\") != null", None, 1),
        Answer::Known(true)
    );
    let alias = format!("lookup(\"lambda.function\", \"{arn}:live\") != null");
    assert_eq!(function(&alias, None, 1), Answer::Known(true));

    let related = "related(\"lambda.event_source_mapping\", \"function_arn\", resource.arn).exists(m, m.id == \"m1\")";
    assert_eq!(function(related, None, 0), Answer::Known(true));
    let list = "related(\"lambda.function\", \"architectures\", \"arm64\").size() == 1";
    assert_eq!(
        function(list, None, 1),
        Answer::Known(true),
        "a list contains it"
    );
    let nested = "related(\"lambda.function\", \"qualifiers.name\", \"live\").size() == 1";
    assert_eq!(function(nested, None, 1), Answer::Known(true));
    let unreadable =
        "related(\"lambda.function\", \"async_config.on_failure_arn\", \"x\").size() == 0";
    assert!(matches!(function(unreadable, None, 1), Answer::Unknown(_)));
    assert_eq!(
        function(
            "resources(\"lambda.function\").all(f, f.name == \"f\")",
            Some(denied.clone()),
            1
        ),
        Answer::Unknown(vec![denied]),
        "there may be more"
    );
}

/// An account that the second page of a listing would have named is not foreign.
#[test]
fn an_account_is_foreign_only_to_an_organization_that_was_listed_to_the_end() {
    const OTHER: &str = "999999999999";
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}});
    let member = json!({"email_domain": null, "status": "ACTIVE", "joined_method": "CREATED",
        "ancestor_ids": [], "ou_path": "/"});
    let resources = [
        function(json!({"policy": trust})),
        resource("organizations.account", ACCOUNT, member),
    ];
    let cut_short = Gap {
        operation: "organizations:ListAccounts".to_owned(),
        ..Gap::bare(GapReason::Throttled)
    };
    for (gap, known, foreign) in [
        (None, Answer::Known(false), Answer::Known(true)),
        (
            Some(cut_short),
            Answer::Unknown(Vec::new()),
            Answer::Unknown(Vec::new()),
        ),
    ] {
        let (world, nodes) = world_of(&resources, &[("organizations.account", gap)]);
        let shape = |answer| match answer {
            Answer::Unknown(gaps) => {
                assert!(!gaps.is_empty());
                Answer::Unknown(Vec::new())
            }
            answer => answer,
        };
        let ask = |source: &str| shape(ask(&world, &nodes[0], source));
        assert_eq!(ask("is_known_account(\"999999999999\")"), known);
        assert_eq!(
            ask("size(resource.policy.trusts_without_external_id()) == 1"),
            foreign
        );
        let own = ask("is_known_account(\"123456789012\")");
        assert_eq!(own, Answer::Known(true));
    }
}

/// A role that is granted S3 and SQS, and AWS's report on it.
fn role(report: Option<Value>) -> Resource {
    let mut properties = json!({
        "path": "/", "attached_policy_arns": [], "permissions_boundary_arn": null,
        "inline_policies": [{"name": "p", "document": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*"}]}}],
    });
    if let Some(report) = report {
        properties["service_last_accessed"] = report;
    }
    let mut role = resource("iam.role", "r", properties);
    role.created = Timestamp::parse("2020-01-01T00:00:00Z");
    role
}

fn used(service: &str, when: Value) -> Value {
    json!({"service_namespace": service, "last_authenticated": when,
           "last_authenticated_region": "eu-west-1"})
}

#[test]
fn a_report_that_is_not_understood_makes_nothing_unused() {
    let lately = || used("s3", json!("2025-12-20T00:00:00Z"));
    let ask = |report: Option<Value>| {
        let (world, nodes) = world_of(&[role(report)], &[("iam.role", None)]);
        ask(&world, &nodes[0], "resource.leaves_services_unused(90)")
    };
    let never = || used("sqs", json!(null));
    let sound = json!([lately(), never()]);
    assert_eq!(ask(Some(sound)), Answer::Known(true));
    // Named twice, the later use counts; letter case does not.
    let twice = json!([
        lately(),
        never(),
        used("SQS", json!("2025-12-20T00:00:00Z")),
        never()
    ]);
    assert_eq!(ask(Some(twice)), Answer::Known(false));
    for report in [
        None,
        Some(json!(null)),
        Some(json!({"unavailable": "not_requested"})),
        Some(gap("iam:GetServiceLastAccessedDetails")),
        Some(json!("none")),
        Some(json!([lately(), {"service_namespace": "sqs"}])),
        Some(json!([lately(), {"last_authenticated": null, "last_authenticated_region": null}])),
        Some(json!([lately(), used("sqs", json!("long ago"))])),
        Some(json!([lately(), used("sqs", json!(0))])),
        Some(json!([lately(), 7])),
        Some(json!([lately()])),
        Some(json!([])),
    ] {
        let answer = ask(report.clone());
        let Answer::Unknown(gaps) = &answer else {
            panic!("{report:?}: {answer:?}");
        };
        assert!(!gaps.is_empty());
    }
    // The gap of the report is what is named, and not each service that lacks it.
    let Answer::Unknown(gaps) = ask(Some(gap("iam:GetServiceLastAccessedDetails"))) else {
        panic!("a verdict without a report");
    };
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].operation, "iam:GetServiceLastAccessedDetails");
}

#[test]
fn evidence_names_some_unused_services_and_counts_the_rest() {
    let services = (0..30).map(|n| used(&format!("s{n:02}"), json!(null)));
    let old = used("s99", json!("2025-06-05T12:00:00Z"));
    let report: Vec<Value> = services.chain([old]).collect();
    let mut role = role(Some(json!(report)));
    role.properties["inline_policies"][0]["document"]["Statement"][0]["Action"] = json!("*");
    let (world, nodes) = world_of(&[role], &[("iam.role", None)]);
    let text = |source: &str| {
        let of = type_number("iam.role").unwrap();
        Program::compile(source, of, &params(), &Ty::String)
            .unwrap()
            .text(&world, &nodes[0].0, &params())
    };
    let Answer::Known(all) = text("join(resource.unused_services(90), \", \")") else {
        panic!("no text");
    };
    assert!(all.starts_with("s00 (never), s01 (never)"), "{all}");
    assert!(all.ends_with("s19 (never), 11 more"), "{all}");
    let Answer::Known(one) = text("join(resource.unused_services(400), \", \")") else {
        panic!("no text");
    };
    assert!(one.ends_with("10 more"), "{one}");
}

/// What an older version certainly never did is known of its snapshots.
#[test]
fn older_snapshots_were_not_asked_for_services() {
    let account = || resource("iam.account", ACCOUNT, json!({"aliases": []}));
    let (world, nodes) = world_of(&[account()], &[("iam.account", None)]);
    let source = "resource.service_last_accessed_requested";
    assert_eq!(ask(&world, &nodes[0], source), Answer::Known(false));
    // Any other field that it does not hold stays unknown.
    let answer = ask(&world, &nodes[0], "resource.root == null");
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
}

#[test]
fn groups_access_no_services() {
    let of = type_number("iam.group").unwrap();
    let source = "resource.leaves_services_unused(90)";
    let mistakes = Program::compile(source, of, &params(), &Ty::Bool).unwrap_err();
    assert!(
        mistakes[0].message.contains("users and roles only"),
        "{mistakes:?}"
    );
}

#[test]
fn all_functions_are_declared_once() {
    let mut seen = BTreeSet::new();
    for function in super::functions::FUNCTIONS {
        assert!(
            seen.insert((function.name, format!("{:?}", function.receiver))),
            "{}",
            function.name
        );
    }
    // What is declared can be called: a clash with CEL's own library would be dropped in silence.
    for source in [
        "lower(\"A\") == \"a\"",
        "join([\"a\"], \",\") == \"a\"",
        "string(resource.vpc == null) == \"true\"",
        "\"a\".matches(\"a\")",
    ] {
        assert_eq!(verdict(source), 'T', "{source}");
    }
}

/// The fast parser runs, the other one says where mistakes are: they must read alike.
#[test]
fn both_parsers_read_every_check_alike() {
    let catalog = crate::Catalog::builtin().unwrap();
    let ids = regex::Regex::new("id: [0-9]+").unwrap();
    let shape = |expr: cel::IdedExpr| ids.replace_all(&format!("{expr:?}"), "").into_owned();
    for check in catalog.checks() {
        let meta = &check.meta;
        for source in [&meta.applies, &meta.pass, &meta.evidence]
            .into_iter()
            .flatten()
        {
            let fast = cel::parser::PrattParser::new().parse(source).unwrap();
            let slow = cel::parser::Parser::new().parse(source).unwrap();
            assert_eq!(shape(fast), shape(slow), "{}: {source}", meta.id);
        }
    }
}
