//! Whether a policy is public, asked as JSON.

use serde_json::{Map, Value, json};

use crate::document::Policy;
use crate::public::{ResourceContext, is_public, public_statements, unpinned_services};
use crate::question::QuestionError;
use crate::s3::{AclGrant, BlockPublicAccess, Exposure, Input, effective_public};
use crate::shared::shared_with;
use crate::tri::Tri;

/// The types of resources whose policies can be asked about, by the prefix of their actions.
pub const TYPES: [&str; 20] = [
    "apigateway",
    "backup",
    "codeartifact",
    "dynamodb",
    "ecr",
    "eventbridge",
    "efs",
    "glacier",
    "iam",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "opensearch",
    "s3",
    "s3-access-point",
    "secretsmanager",
    "ses",
    "sns",
    "sqs",
];

/// The prefix of the actions that a type's policies speak of.
fn service(kind: &str) -> &str {
    match kind {
        "apigateway" => "execute-api",
        "efs" => "elasticfilesystem",
        "eventbridge" => "events",
        "iam" => "sts",
        "opensearch" => "es",
        "s3-access-point" => "s3",
        kind => kind,
    }
}

/// Answers whether a policy of a type lets anyone in.
///
/// `input` is the policy, or an object with `policy`; for buckets also `acl` (the answer of
/// `GetBucketAcl`, a list of grants, or a canned ACL's name), `account_block` and `bucket_block` (the
/// four flags of block-public-access) and `object_ownership`.
pub fn public(kind: &str, input: &Value) -> Result<Value, QuestionError> {
    let context = ResourceContext {
        service: Some(service(kind)),
        ..ResourceContext::default()
    };
    let object = input
        .as_object()
        .ok_or_else(|| QuestionError::new("$", "neither a policy nor an object with one"))?;
    let wrapped = !object.contains_key("Statement");
    let bucket = matches!(kind, "s3" | "s3-access-point");
    if wrapped {
        let known: &[&str] = if bucket {
            &[
                "policy",
                "acl",
                "account_block",
                "bucket_block",
                "object_ownership",
            ]
        } else {
            &["policy"]
        };
        if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(QuestionError::new(
                crate::document::printable(unknown),
                format!("unknown element; there is: {}", known.join(", ")),
            ));
        }
    }
    let policy = match if wrapped {
        object.get("policy")
    } else {
        Some(input)
    } {
        None | Some(Value::Null) => None,
        Some(document) => Some(parse(document, if wrapped { "policy." } else { "" })?),
    };
    let mut reasons = Vec::new();
    let public = if bucket {
        let acl = acl(object.get("acl").filter(|_| wrapped))?;
        let block = |name: &str| block(object.get(name).filter(|_| wrapped), name);
        let ownership = match object.get("object_ownership").filter(|_| wrapped) {
            None | Some(Value::Null) => Input::Known(false),
            Some(Value::String(text)) => Input::Known(text == "BucketOwnerEnforced"),
            Some(_) => return Err(QuestionError::new("object_ownership", "not a string")),
        };
        let exposure = Exposure {
            policy: policy.as_ref().map_or(Input::Absent, Input::Known),
            acl: acl.as_deref().map_or(Input::Absent, Input::Known),
            acls_disabled: ownership,
            blocks: vec![
                ("account", block("account_block")?),
                ("bucket", block("bucket_block")?),
            ],
        };
        let effective = effective_public(&exposure, &context);
        reasons.push(effective.explanation);
        effective.public
    } else {
        policy
            .as_ref()
            .map_or(Tri::No, |policy| is_public(policy, &context))
    };
    let mut principals = Vec::new();
    if let Some(policy) = &policy {
        if !bucket {
            let open = public_statements(policy, &context);
            let labels = open.items.iter();
            reasons.extend(labels.map(|label| format!("{label} lets anyone in")));
        }
        let shared = shared_with(policy, &context);
        principals = shared.names();
        if public.is_no() {
            // What block-public-access shuts out does not get in by the policy either.
            principals.retain(|name| name != "*");
        }
        let unpinned = unpinned_services(policy, &context);
        reasons.extend(unpinned.items.iter().map(|name| {
            format!(
                "{name} may act for anyone: no condition names the source's account or organization"
            )
        }));
    }
    if public.is_yes() && !principals.iter().any(|name| name == "*") {
        principals.insert(0, "*".to_owned());
    }
    if reasons.is_empty() {
        reasons.push(match policy {
            None => "there is no policy".to_owned(),
            Some(_) => "no statement lets anyone in".to_owned(),
        });
    }
    let public = match public {
        Tri::Yes => Value::Bool(true),
        Tri::No => Value::Bool(false),
        Tri::Unknown(reason) => {
            for reason in reason.reasons() {
                if !reasons.contains(reason) {
                    reasons.push(reason.clone());
                }
            }
            Value::from("unknown")
        }
    };
    Ok(json!({"public": public, "principals": principals, "reasons": reasons}))
}

fn parse(document: &Value, path: &str) -> Result<Policy, QuestionError> {
    let parsed = match document {
        Value::String(text) => Policy::parse_text(text),
        value => Policy::parse(value),
    };
    parsed.map_err(|error| QuestionError::new(format!("{path}{}", error.path), error.problem))
}

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

fn acl(value: Option<&Value>) -> Result<Option<Vec<AclGrant>>, QuestionError> {
    let grant = |grantee: &str, permission: &str| AclGrant {
        grantee: grantee.to_owned(),
        permission: permission.to_owned(),
    };
    let list = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(canned)) => {
            return match canned.as_str() {
                "private"
                | "bucket-owner-read"
                | "bucket-owner-full-control"
                | "aws-exec-read"
                | "log-delivery-write" => Ok(Some(Vec::new())),
                "public-read" => Ok(Some(vec![grant(ALL_USERS, "READ")])),
                "public-read-write" => Ok(Some(vec![
                    grant(ALL_USERS, "READ"),
                    grant(ALL_USERS, "WRITE"),
                ])),
                "authenticated-read" => Ok(Some(vec![grant(AUTHENTICATED_USERS, "READ")])),
                other => Err(QuestionError::new(
                    "acl",
                    format!("{} is no canned ACL", crate::document::printable(other)),
                )),
            };
        }
        Some(Value::Array(list)) => list,
        Some(Value::Object(object)) => match field(object, &["Grants", "grants"]) {
            Some(Value::Array(list)) => list,
            _ => return Err(QuestionError::new("acl", "has no list of Grants")),
        },
        Some(_) => {
            return Err(QuestionError::new(
                "acl",
                "neither a canned ACL nor a list of grants",
            ));
        }
    };
    list.iter()
        .enumerate()
        .map(|(index, value)| {
            let wrong = |problem| QuestionError::new(format!("acl[{index}]"), problem);
            let object = value.as_object().ok_or_else(|| wrong("not an object"))?;
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let grantee = match field(object, &["Grantee", "grantee"]) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Object(grantee)) => {
                    text(field(grantee, &["URI", "uri", "ID", "id", "EmailAddress"]))
                }
                _ => None,
            };
            Ok(AclGrant {
                grantee: grantee.ok_or_else(|| wrong("has no grantee"))?,
                permission: text(field(object, &["Permission", "permission"]))
                    .ok_or_else(|| wrong("has no permission"))?,
            })
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn block(value: Option<&Value>, path: &str) -> Result<Input<BlockPublicAccess>, QuestionError> {
    let wrong = || {
        QuestionError::new(
            path,
            "not an object of the four flags of block-public-access",
        )
    };
    let object = match value {
        None | Some(Value::Null) => return Ok(Input::Absent),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(wrong()),
    };
    let object = match object.get("PublicAccessBlockConfiguration") {
        Some(Value::Object(inner)) => inner,
        Some(_) => return Err(wrong()),
        None => object,
    };
    let mut block = BlockPublicAccess::default();
    for (name, value) in object {
        let flag = match name.as_str() {
            "BlockPublicAcls" | "block_public_acls" => &mut block.block_public_acls,
            "IgnorePublicAcls" | "ignore_public_acls" => &mut block.ignore_public_acls,
            "BlockPublicPolicy" | "block_public_policy" => &mut block.block_public_policy,
            "RestrictPublicBuckets" | "restrict_public_buckets" => {
                &mut block.restrict_public_buckets
            }
            _ => return Err(wrong()),
        };
        *flag = value.as_bool().ok_or_else(wrong)?;
    }
    Ok(Input::Known(block))
}

/// A value under either of its names.
fn field<'v>(object: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| object.get(*name))
}
