//! Questions about policies as JSON, for people who test their policies before they deploy them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::authorize::{Ask, Bound, Control, Decided, Layers, OnResource, PolicySet, authorize};
use crate::condition::{Fact, Request};
use crate::document::{Policy, printable};
use crate::identity::{NamedPolicy, Verdict};
use crate::principal::{Kind, Requester};

/// What is wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct QuestionError {
    /// Where, such as `[2].identity_policies[0].Statement`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl QuestionError {
    pub(crate) fn new(path: impl Into<String>, problem: impl ToString) -> Self {
        let path = path.into();
        Self {
            // An element may have an empty name.
            path: if path.is_empty() {
                "$".to_owned()
            } else {
                path
            },
            problem: problem.to_string(),
        }
    }
}

/// The elements of a request.
const ELEMENTS: [&str; 11] = [
    "identity_policies",
    "resource_policy",
    "permission_boundary",
    "session_policies",
    "scps",
    "rcps",
    "principal",
    "resource_account",
    "action",
    "resource",
    "context",
];

/// Decides a request, or an array of them.
///
/// A request has `principal`, `action` and, unless the action takes none, `resource`; all the rest may
/// be absent. `context` holds the request's condition keys: with it, a key that is not there is missing
/// from the request (apart from those that every request carries), and one that is `null` is surely
/// missing. Without `context` nothing is known about the request.
pub fn evaluate(question: &Value) -> Result<Value, QuestionError> {
    match question {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, one)| request(one, &format!("[{index}]")))
            .collect(),
        one => request(one, ""),
    }
}

fn at(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn request(question: &Value, path: &str) -> Result<Value, QuestionError> {
    let object = question.as_object().ok_or_else(|| {
        QuestionError::new(if path.is_empty() { "$" } else { path }, "not an object")
    })?;
    if let Some(unknown) = object.keys().find(|key| !ELEMENTS.contains(&key.as_str())) {
        return Err(QuestionError::new(
            at(path, &printable(unknown)),
            format!("unknown element; there is: {}", ELEMENTS.join(", ")),
        ));
    }
    let text = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(QuestionError::new(at(path, name), "not a string")),
    };
    let required =
        |name: &str| text(name)?.ok_or_else(|| QuestionError::new(at(path, name), "missing"));
    let requester = Requester::parse(required("principal")?)
        .map_err(|error| QuestionError::new(at(path, "principal"), error))?;
    let action = required("action")?;
    if !is_action(action) {
        return Err(QuestionError::new(
            at(path, "action"),
            format!(
                "{} is not one action, such as s3:GetObject",
                printable(action)
            ),
        ));
    }
    let action = action.to_lowercase();
    let resource = text("resource")?.unwrap_or("*");
    let owner = text("resource_account")?
        .or_else(|| crate::document::account_of_arn(resource))
        .or(requester.account.as_deref());

    let set = |name: &str, label: &str| -> Result<Option<PolicySet>, QuestionError> {
        policies(object.get(name), &at(path, name), label)
    };
    let one = |name: &str| -> Result<Option<PolicySet>, QuestionError> {
        match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(document) => {
                let policy = parse(document, &at(path, name))?;
                Ok(Some(PolicySet::new(vec![NamedPolicy::new("", policy)])))
            }
        }
    };
    let identity = set("identity_policies", "")?.unwrap_or_default();
    let session = set("session_policies", "")?.filter(|set| !set.policies().is_empty());
    let boundary = one("permission_boundary")?;
    let on_resource = one("resource_policy")?;
    let scps = control(object.get("scps"), &at(path, "scps"))?;
    let rcps = control(object.get("rcps"), &at(path, "rcps"))?;
    let context = context(
        object.get("context"),
        &at(path, "context"),
        &requester,
        owner,
    )?;

    let decided = authorize(
        &Ask {
            requester: &requester,
            action: &action,
            resource,
            resource_account: owner,
            context: &context,
        },
        &Layers {
            identity: Some(&identity),
            boundary: boundary.as_ref().map_or(Bound::None, Bound::Set),
            session: session.as_ref(),
            scps: scps.as_ref(),
            rcps: rcps.as_ref(),
            resource: on_resource
                .as_ref()
                .map_or(OnResource::None, OnResource::Set),
        },
    );
    Ok(answer(&decided))
}

fn answer(decided: &Decided<'_>) -> Value {
    let reasons: Vec<String> = decided.reasons.iter().map(ToString::to_string).collect();
    json!({"decision": decided.verdict.as_str(), "reasons": reasons})
}

impl Verdict {
    /// `allowed`, `explicit_deny`, `implicit_deny` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicit_deny",
            Self::ImplicitDeny => "implicit_deny",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a text is one action, without wildcards.
pub fn is_action(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.split_once(':')
        .is_some_and(|(service, name)| plain(service) && plain(name))
}

fn parse(document: &Value, path: &str) -> Result<Policy, QuestionError> {
    // A document may come as the text in which AWS hands it out.
    let parsed = match document {
        Value::String(text) => Policy::parse_text(text),
        value => Policy::parse(value),
    };
    parsed.map_err(|error| QuestionError::new(at(path, &error.path), error.problem))
}

/// A list of documents; one alone counts as a list of one.
fn policies(
    value: Option<&Value>,
    path: &str,
    label: &str,
) -> Result<Option<PolicySet>, QuestionError> {
    let list: Vec<(String, &Value)> = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, one)| (format!("{path}[{index}]"), one))
            .collect(),
        Some(one) => vec![(path.to_owned(), one)],
    };
    let named = (1..)
        .zip(list)
        .map(|(number, (path, document))| {
            Ok(NamedPolicy::new(
                format!("{label}{number}"),
                parse(document, &path)?,
            ))
        })
        .collect::<Result<_, QuestionError>>()?;
    Ok(Some(PolicySet::new(named)))
}

/// Levels from the root down, each a list of documents.
fn control(value: Option<&Value>, path: &str) -> Result<Option<Control>, QuestionError> {
    let levels = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(levels)) => levels,
        Some(_) => {
            return Err(QuestionError::new(
                path,
                "not a list of levels, each a list of documents",
            ));
        }
    };
    let levels = levels
        .iter()
        .enumerate()
        .map(|(index, level)| {
            let label = format!("{}.", index + 1);
            let set = policies(Some(level), &format!("{path}[{index}]"), &label)?;
            Ok(Arc::new(set.unwrap_or_default()))
        })
        .collect::<Result<_, QuestionError>>()?;
    Ok(Some(Control {
        levels,
        unread: None,
    }))
}

fn context(
    value: Option<&Value>,
    path: &str,
    requester: &Requester,
    owner: Option<&str>,
) -> Result<Request, QuestionError> {
    let mut request = facts(requester, owner);
    let keys = match value {
        None | Some(Value::Null) => return Ok(request),
        Some(Value::Object(keys)) => keys,
        Some(_) => return Err(QuestionError::new(path, "not an object")),
    };
    for (key, value) in keys {
        request.set(key, fact(value, &at(path, &printable(key)))?);
    }
    request.close();
    Ok(request)
}

fn fact(value: &Value, path: &str) -> Result<Fact, QuestionError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(QuestionError::new(
            path,
            "neither a string nor a number nor a boolean, nor a list of them",
        )),
    };
    Ok(match value {
        Value::Null => Fact::Absent,
        Value::Array(values) => Fact::Values(values.iter().map(text).collect::<Result<_, _>>()?),
        one => Fact::Values(vec![text(one)?]),
    })
}

/// What a request carries because of who makes it and whose resource it is about.
pub fn facts(requester: &Requester, owner: Option<&str>) -> Request {
    let mut request = Request::new();
    let mut say = |key: &str, value: &str| request.set(key, Fact::Values(vec![value.to_owned()]));
    if let Some(owner) = owner {
        say("aws:ResourceAccount", owner);
    }
    if let Some(account) = &requester.account {
        say("aws:PrincipalAccount", account);
    }
    match &requester.kind {
        Kind::Root | Kind::User => say("aws:PrincipalArn", &requester.arn),
        Kind::Role => say("aws:PrincipalArn", &requester.arn),
        _ => {}
    }
    let kind = match &requester.kind {
        Kind::Root => Some("Account"),
        Kind::User => Some("User"),
        Kind::Role | Kind::Session { .. } => Some("AssumedRole"),
        Kind::FederatedUser => Some("FederatedUser"),
        Kind::Anonymous => Some("Anonymous"),
        Kind::Service | Kind::Federated => None,
    };
    if let Some(kind) = kind {
        say("aws:PrincipalType", kind);
    }
    say(
        "aws:PrincipalIsAWSService",
        if requester.kind == Kind::Service {
            "true"
        } else {
            "false"
        },
    );
    if matches!(requester.kind, Kind::Anonymous | Kind::Service) {
        // Nobody's credentials: there is no account or organization to speak of.
        for key in [
            "aws:PrincipalAccount",
            "aws:PrincipalArn",
            "aws:PrincipalOrgID",
            "aws:PrincipalOrgPaths",
        ] {
            request.set(key, Fact::Absent);
        }
        request.close_prefix("aws:PrincipalTag/");
    }
    match &requester.kind {
        Kind::User => request.set(
            "aws:username",
            Fact::Values(vec![requester.name().to_owned()]),
        ),
        Kind::Role | Kind::Session { .. } | Kind::FederatedUser | Kind::Root | Kind::Anonymous => {
            request.set("aws:username", Fact::Absent);
        }
        Kind::Service | Kind::Federated => {}
    }
    request
}
