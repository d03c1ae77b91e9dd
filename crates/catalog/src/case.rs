//! Cases: the proof that travels with a check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_model::{
    AccountId, Collected, GLOBAL_REGION, Gap, Partition, Region, Resource, Timestamp,
};
use serde_json::{Value as Json, json};

use crate::diagnostic::did_you_mean;
use crate::expr::{Documents, ObjectId, Ty, type_names, type_number};
use crate::meta::{Case, Status};
use crate::source::Source;
use crate::world::{ResourceNode, World};
use crate::yaml::{Value, Yaml};
use crate::{Check, Outcome};

/// The account of a case's resources where they name none.
const ACCOUNT: &str = "123456789012";
/// The region of a case's resources where they name none.
const REGION: &str = "eu-west-1";
/// The moment of a case's scan: 2026-01-01T00:00:00Z. Dates in cases are relative to it.
const NOW: i64 = 1_767_225_600;

/// What a case came to.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// What it said should happen.
    pub expect: Status,
    /// What happened.
    pub outcome: Outcome,
    /// Why it is not as it should be; `None` when it is.
    pub problem: Option<String>,
}

/// Runs the cases of a check.
pub fn run_cases(check: &Check) -> Vec<CaseResult> {
    check
        .meta
        .cases
        .iter()
        .map(|case| run(check, case))
        .collect()
}

/// The resources of a check's cases, completed, each with the verdict it must get: material for
/// benchmarks and for tests over the whole catalogue.
pub fn example_resources(check: &Check) -> Result<Vec<(Status, Resource)>, String> {
    let kind = check.meta.resource.as_deref().unwrap_or_default();
    check
        .meta
        .cases
        .iter()
        .map(|case| {
            Ok((
                case.expect,
                resource(kind, &case.resource, ACCOUNT, REGION)?,
            ))
        })
        .collect()
}

fn run(check: &Check, case: &Case) -> CaseResult {
    let outcome = world(check, case).map(|(world, resource)| check.evaluate(&world, &resource));
    let (outcome, problem) = match outcome {
        Err(message) => (Outcome::default(), Some(message)),
        Ok(outcome) => {
            let problem = problem(case, &outcome);
            (outcome, problem)
        }
    };
    CaseResult {
        name: case.name.clone(),
        expect: case.expect,
        outcome,
        problem,
    }
}

fn problem(case: &Case, outcome: &Outcome) -> Option<String> {
    if let Some(error) = &outcome.error {
        return Some(format!("the expression failed: {error}"));
    }
    if outcome.status == case.expect {
        return None;
    }
    let mut message = format!(
        "expected {}, got {}",
        case.expect.as_str(),
        outcome.status.as_str()
    );
    for gap in &outcome.gaps {
        let code = gap.code.as_deref().unwrap_or_default();
        message.push_str(&format!("; {gap} {code}"));
    }
    Some(message)
}

fn world(check: &Check, case: &Case) -> Result<(World, ResourceNode), String> {
    let kind = check.meta.resource.as_deref().unwrap_or_default();
    let now = Timestamp::from_unix(NOW).ok_or("the moment of cases is out of range")?;
    let resource = resource(kind, &case.resource, ACCOUNT, REGION)?;
    // Others are beside the resource unless they say otherwise.
    let account = resource.account.as_str();
    let region = if resource.region.is_global() {
        REGION
    } else {
        resource.region.as_str()
    };
    let mut others = Vec::new();
    for other in &case.others {
        let kind = other.get("type").and_then(Json::as_str).unwrap_or_default();
        others.push(self::resource(kind, other, account, region)?);
    }
    let mut builder = World::builder(now);
    let mut all: Vec<&Resource> = vec![&resource];
    all.extend(&others);
    let unlisted: BTreeSet<u16> = case
        .unlisted
        .iter()
        .filter_map(|kind| type_number(kind))
        .collect();
    let documents = Arc::new(Documents::default());
    let mut subject = None;
    for (index, resource) in all.into_iter().enumerate() {
        builder = builder.account(&resource.account);
        let region = unit_region(resource);
        let Some(node) = ResourceNode::new(resource, &documents) else {
            continue;
        };
        builder.resource(node.clone(), &region);
        if index == 0 {
            subject = Some(node);
        }
    }
    let subject = subject.ok_or_else(|| format!("there is no resource type {kind}"))?;
    Ok((builder.assume_listed(unlisted).build(), subject))
}

/// Buckets are listed once an account whatever region they are in.
fn unit_region(resource: &Resource) -> Region {
    if resource.r#type == "s3.bucket" {
        Region::global()
    } else {
        resource.region.clone()
    }
}

/// Whether a type's resources have no region unless a case says so.
fn is_global(kind: &str) -> bool {
    matches!(
        kind.split('.').next(),
        Some("iam" | "organizations" | "account" | "sts" | "route53" | "cloudfront")
    )
}

/// Builds the resource of a case: what it leaves out reads as not configured.
fn resource(kind: &str, given: &Json, account: &str, region: &str) -> Result<Resource, String> {
    let of = type_number(kind).ok_or_else(|| format!("there is no resource type {kind}"))?;
    let empty = serde_json::Map::new();
    let given = given.as_object().unwrap_or(&empty);
    let text = |name: &str| given.get(name).and_then(Json::as_str);
    let id = text("id").or_else(|| text("name")).unwrap_or("example");
    let name = text("name").unwrap_or(id);
    let account = text("account").unwrap_or(account);
    let default_region = if is_global(kind) {
        GLOBAL_REGION
    } else {
        region
    };
    let region = text("region").unwrap_or(default_region);
    let partition = text("partition").unwrap_or("aws");
    let arn = text("arn").map_or_else(
        || arn(kind, partition, region, account, id, name),
        str::to_owned,
    );
    let tags = match given.get("tags") {
        None => Collected::Known(BTreeMap::new()),
        Some(value) => serde_json::from_value(value.clone()).map_err(|e| format!("tags: {e}"))?,
    };
    let created = match text("created") {
        None => None,
        Some(value) => Some(Timestamp::parse(value).ok_or("created is no RFC 3339 time")?),
    };
    let root = ObjectId { of, object: 0 };
    let properties: serde_json::Map<String, Json> = root
        .get()
        .fields
        .iter()
        .filter(|field| !Resource::ENVELOPE.contains(&field.name.as_str()))
        .map(|field| {
            let value = complete(&field.ty, given.get(&field.name), field.collected);
            (field.name.clone(), value)
        })
        .collect();
    Ok(Resource {
        r#type: kind.to_owned(),
        arn,
        id: id.to_owned(),
        name: name.to_owned(),
        account: AccountId::new(account).map_err(|e| e.to_string())?,
        region: Region::new(region).map_err(|e| e.to_string())?,
        partition: Partition(partition.to_owned()),
        tags,
        created,
        properties: Json::Object(properties),
    })
}

fn arn(kind: &str, partition: &str, region: &str, account: &str, id: &str, name: &str) -> String {
    let (service, noun) = kind.split_once('.').unwrap_or((kind, "resource"));
    let region = if region == GLOBAL_REGION { "" } else { region };
    match kind {
        "s3.bucket" => format!("arn:{partition}:s3:::{name}"),
        "lambda.function" => format!("arn:{partition}:lambda:{region}:{account}:function:{name}"),
        "kms.key" => format!("arn:{partition}:kms:{region}:{account}:key/{id}"),
        "ecr.repository" => format!("arn:{partition}:ecr:{region}:{account}:repository/{name}"),
        "iam.user" | "iam.role" | "iam.group" | "iam.policy" => {
            format!("arn:{partition}:iam::{account}:{noun}/{name}")
        }
        _ => format!(
            "arn:{partition}:{service}:{region}:{account}:{}/{id}",
            noun.replace('_', "-")
        ),
    }
}

/// Fills in what a case leaves out.
fn complete(ty: &Ty, given: Option<&Json>, collected: bool) -> Json {
    let Some(given) = given else {
        return if collected {
            Json::Null
        } else {
            default(ty, 0)
        };
    };
    if collected && let Some(gap) = given.get("unavailable") {
        return match serde_json::from_value::<Gap>(gap.clone()) {
            Ok(gap) => json!({"unavailable": gap}),
            Err(_) => given.clone(),
        };
    }
    match (ty.some(), given) {
        (Ty::Object(id), Json::Object(entries)) => id
            .get()
            .fields
            .iter()
            .map(|field| {
                let value = complete(&field.ty, entries.get(&field.name), field.collected);
                (field.name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (Ty::List(of), Json::Array(items)) => items
            .iter()
            .map(|item| complete(of, Some(item), false))
            .collect(),
        (Ty::Map(of), Json::Object(entries)) => entries
            .iter()
            .map(|(key, value)| (key.clone(), complete(of, Some(value), false)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => given.clone(),
    }
}

/// What a field reads as when nothing is configured.
fn default(ty: &Ty, depth: usize) -> Json {
    match ty {
        Ty::Null | Ty::Nullable(_) | Ty::Dyn | Ty::Never => Json::Null,
        Ty::Bool => false.into(),
        Ty::Int => 0.into(),
        Ty::Double => 0.0.into(),
        Ty::String => "".into(),
        Ty::Timestamp => "2025-12-31T00:00:00Z".into(),
        Ty::Policy => json!({"Version": "2012-10-17", "Statement": []}),
        Ty::List(_) => json!([]),
        Ty::Map(_) => json!({}),
        // Structs that contain themselves do so through lists or null.
        Ty::Object(_) if depth > 16 => Json::Null,
        Ty::Object(id) => id
            .get()
            .fields
            .iter()
            .map(|field| {
                let value = if field.collected {
                    Json::Null
                } else {
                    default(&field.ty, depth + 1)
                };
                (field.name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Checks a resource of a case against its type, before anything is evaluated: a misspelt field
/// would otherwise prove nothing.
pub(crate) fn validate(source: &mut Source, node: &Yaml, of: Option<u16>) {
    let Value::Map(entries) = &node.value else {
        source.error(node.place, "a resource must be a mapping", None);
        return;
    };
    let named = entries.iter().find(|(key, _)| key.text == "type");
    let of = match (of, named) {
        (Some(of), _) => of,
        (None, Some((_, node))) => {
            let name = match &node.value {
                Value::Text(name) => name.as_str(),
                _ => "",
            };
            match type_number(name) {
                Some(of) => of,
                None => {
                    let help = did_you_mean(name, type_names());
                    let message = format!("there is no resource type `{name}`");
                    source.error(node.place, message, help);
                    return;
                }
            }
        }
        (None, None) => {
            source.error(node.place, "name its `type`", None);
            return;
        }
    };
    validate_value(source, node, &Ty::Object(ObjectId { of, object: 0 }), false);
}

fn validate_gap(source: &mut Source, gap: &Yaml) {
    if serde_json::from_value::<Gap>(gap.to_json()).is_ok() {
        return;
    }
    let reasons = posture_model::GapReason::ALL.map(|reason| reason.as_str());
    let given = match &gap.value {
        Value::Text(given) => given.as_str(),
        _ => "",
    };
    let help = did_you_mean(given, reasons);
    source.error(gap.place, "this is no reason for a gap", help);
}

fn validate_value(source: &mut Source, node: &Yaml, ty: &Ty, collected: bool) {
    if collected
        && let Value::Map(entries) = &node.value
        && let [(key, gap)] = entries.as_slice()
        && key.text == "unavailable"
    {
        validate_gap(source, gap);
        return;
    }
    let nullable = collected || ty.admits_null();
    let fits = match (&node.value, ty.some()) {
        (_, Ty::Dyn | Ty::Never) => true,
        (Value::Null, _) => nullable,
        (Value::Bool(_), Ty::Bool) | (Value::Int(_), Ty::Int | Ty::Double) => true,
        (Value::Float(_), Ty::Double) | (Value::Text(_), Ty::String) => true,
        (Value::Text(text), Ty::Timestamp) => Timestamp::parse(text).is_some(),
        (Value::Map(_), Ty::Policy) => true,
        (Value::List(items), Ty::List(of)) => {
            for item in items {
                validate_value(source, item, of, false);
            }
            true
        }
        (Value::Map(entries), Ty::Map(of)) => {
            for (_, value) in entries {
                validate_value(source, value, of, false);
            }
            true
        }
        (Value::Map(entries), Ty::Object(id)) => {
            let object = id.get();
            for (key, value) in entries {
                match object.field(&key.text) {
                    Some((_, field)) => {
                        validate_value(source, value, &field.ty, field.collected);
                    }
                    None => {
                        let names = object.fields.iter().map(|field| field.name.as_str());
                        let help = did_you_mean(&key.text, names);
                        let message = format!("{} has no field `{}`", object.name, key.text);
                        source.error(key.place, message, help);
                    }
                }
            }
            true
        }
        _ => false,
    };
    if !fits {
        let help = match (&node.value, ty.some()) {
            (_, Ty::Timestamp) => Some("write it as \"2025-06-30T00:00:00Z\"".to_owned()),
            (Value::Int(_) | Value::Bool(_) | Value::Float(_), Ty::String) => {
                Some("put it in quotes".to_owned())
            }
            (Value::Map(entries), _) if entries.iter().any(|(k, _)| k.text == "unavailable") => {
                Some("no call of its own reads this field, so it cannot be unavailable".to_owned())
            }
            _ => None,
        };
        source.error(node.place, format!("this must be {ty}"), help);
    }
}
