//! A policy document, read into types.
//!
//! A document that is none at all is an error. A statement that is not understood stays in its place
//! as an opaque one: whatever AWS makes of it, the analyses say that they cannot tell.

use std::fmt;

use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::pattern::{Pattern, Syntax};

/// Why a value is no policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct DocumentError {
    /// Where in the document, such as `Statement[1].Effect`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl DocumentError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
        }
    }
}

/// A parsed policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its `Id`, if any.
    pub id: Option<String>,
    /// The statements, in document order.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Position in the document, from 1.
    pub number: usize,
    /// Its `Sid`, if any.
    pub sid: Option<String>,
    /// Allow or deny; none when that could not be read.
    pub effect: Option<Effect>,
    /// What it says, or why that is not understood.
    pub body: Result<Body, DocumentError>,
}

impl Statement {
    /// The name under which findings show it: `statement 2 "AllowAll"`.
    pub fn label(&self) -> String {
        match &self.sid {
            // Escaped, because a document's author may be hostile to the terminal that shows this.
            Some(sid) => format!("statement {} \"{}\"", self.number, sid.escape_debug()),
            None => format!("statement {}", self.number),
        }
    }

    pub(crate) fn may_allow(&self) -> bool {
        self.effect != Some(Effect::Deny)
    }

    pub(crate) fn may_deny(&self) -> bool {
        self.effect != Some(Effect::Allow)
    }
}

/// What a statement does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Refuses, whatever else grants.
    Deny,
}

/// The elements of a statement that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Whom it is about; none in identity policies.
    pub principals: Option<Clause<Principal>>,
    /// Actions, lower case.
    pub actions: Clause<Pattern>,
    /// Resources; none in trust policies, where the resource is the role itself.
    pub resources: Option<Clause<Pattern>>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

/// A list of things, or everything but them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause<T> {
    /// `Action`, `Resource`, `Principal`.
    Only(Vec<T>),
    /// `NotAction`, `NotResource`, `NotPrincipal`.
    Except(Vec<T>),
}

impl<T> Clause<T> {
    /// What is listed, on either side.
    pub fn listed(&self) -> &[T] {
        match self {
            Self::Only(list) | Self::Except(list) => list,
        }
    }
}

impl Clause<Pattern> {
    /// Whether a text falls under the clause. `variables_match` says whether a pattern with policy
    /// variables is taken to match where some value of them would.
    pub(crate) fn admits(&self, text: &str, variables_match: bool) -> bool {
        match self {
            Self::Only(list) => list.iter().any(|p| {
                if variables_match {
                    p.may_match(text)
                } else {
                    p.matches(text)
                }
            }),
            // Under the complement the generous reading is the one in which the exception fails.
            Self::Except(list) => !list.iter().any(|p| {
                if variables_match {
                    p.matches(text)
                } else {
                    p.may_match(text)
                }
            }),
        }
    }
}

/// Whom a statement names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// `*` or `{"AWS": "*"}`: everybody, anonymous too.
    Everyone,
    /// An account, by id or by its `:root` ARN.
    Account(String),
    /// A user, role or session.
    Arn {
        /// The account of the ARN.
        account: String,
        /// The ARN.
        arn: String,
    },
    /// An AWS service.
    Service(String),
    /// An identity provider, by ARN or host name.
    Federated(String),
    /// An account by the canonical user id of S3, which does not tell the account.
    CanonicalUser(String),
    /// An origin access identity of CloudFront.
    CloudFront(String),
    /// The unique id of a user or role that was deleted: nobody.
    Deleted(String),
    /// Not a form that AWS documents.
    Malformed {
        /// As written.
        text: String,
        /// The account, where that much can be told.
        account: Option<String>,
    },
}

impl Policy {
    /// Reads a document.
    pub fn parse(document: &Value) -> Result<Self, DocumentError> {
        let object = document
            .as_object()
            .ok_or_else(|| DocumentError::new("$", "not an object"))?;
        for key in object.keys() {
            if !matches!(key.as_str(), "Version" | "Id" | "Statement") {
                return Err(DocumentError::new(printable(key), "unknown element"));
            }
        }
        let variables = match object.get("Version") {
            None => false,
            Some(Value::String(version)) if version == "2012-10-17" => true,
            Some(Value::String(version)) if version == "2008-10-17" => false,
            Some(_) => return Err(DocumentError::new("Version", "unknown version")),
        };
        let id = match object.get("Id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(DocumentError::new("Id", "not a string")),
        };
        let statements = match object.get("Statement") {
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    statement(value, &format!("Statement[{index}]"), index + 1, variables)
                })
                .collect(),
            Some(one @ Value::Object(_)) => vec![statement(one, "Statement", 1, variables)],
            Some(_) => {
                return Err(DocumentError::new(
                    "Statement",
                    "neither an object nor an array",
                ));
            }
            None => return Err(DocumentError::new("Statement", "missing")),
        };
        Ok(Self { id, statements })
    }

    /// Reads a document from JSON text.
    pub fn parse_text(text: &str) -> Result<Self, DocumentError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| DocumentError::new("$", format!("not JSON: {error}")))?;
        Self::parse(&value)
    }
}

fn statement(value: &Value, path: &str, number: usize, variables: bool) -> Statement {
    let Some(object) = value.as_object() else {
        return Statement {
            number,
            sid: None,
            effect: None,
            body: Err(DocumentError::new(path, "not an object")),
        };
    };
    Statement {
        number,
        sid: match object.get("Sid") {
            Some(Value::String(sid)) if !sid.is_empty() => Some(sid.clone()),
            _ => None,
        },
        effect: match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Some(Effect::Allow),
            Some("Deny") => Some(Effect::Deny),
            _ => None,
        },
        body: body(object, path, variables),
    }
}

fn body(object: &Map<String, Value>, path: &str, variables: bool) -> Result<Body, DocumentError> {
    for key in object.keys() {
        if !matches!(
            key.as_str(),
            "Sid"
                | "Effect"
                | "Principal"
                | "NotPrincipal"
                | "Action"
                | "NotAction"
                | "Resource"
                | "NotResource"
                | "Condition"
        ) {
            return Err(DocumentError::new(
                format!("{path}.{}", printable(key)),
                "unknown element",
            ));
        }
    }
    if !matches!(object.get("Sid"), None | Some(Value::String(_))) {
        return Err(DocumentError::new(format!("{path}.Sid"), "not a string"));
    }
    if !matches!(
        object.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        return Err(DocumentError::new(
            format!("{path}.Effect"),
            "neither Allow nor Deny",
        ));
    }
    let resource_syntax = Syntax {
        wildcards: true,
        variables,
        ignore_case: false,
    };
    Ok(Body {
        principals: clause(object, path, "Principal", "NotPrincipal", principals)?,
        actions: clause(object, path, "Action", "NotAction", |value, path| {
            strings(value, path)?
                .into_iter()
                .map(|text| action(text, path))
                .collect()
        })?
        .ok_or_else(|| DocumentError::new(path, "neither Action nor NotAction"))?,
        resources: clause(object, path, "Resource", "NotResource", |value, path| {
            Ok(strings(value, path)?
                .into_iter()
                .map(|text| Pattern::new(text, resource_syntax))
                .collect())
        })?,
        conditions: conditions(object.get("Condition"), path, variables)?,
    })
}

/// Reads an element that comes in a plain and a `Not` form, of which only one may be there.
fn clause<T>(
    object: &Map<String, Value>,
    path: &str,
    plain: &str,
    negated: &str,
    read: impl Fn(&Value, &str) -> Result<Vec<T>, DocumentError>,
) -> Result<Option<Clause<T>>, DocumentError> {
    match (object.get(plain), object.get(negated)) {
        (Some(_), Some(_)) => Err(DocumentError::new(
            path,
            format!("both {plain} and {negated}"),
        )),
        (Some(value), None) => Ok(Some(Clause::Only(read(value, &format!("{path}.{plain}"))?))),
        (None, Some(value)) => Ok(Some(Clause::Except(read(
            value,
            &format!("{path}.{negated}"),
        )?))),
        (None, None) => Ok(None),
    }
}

fn strings<'a>(value: &'a Value, path: &str) -> Result<Vec<&'a str>, DocumentError> {
    let wrong = || DocumentError::new(path, "neither a string nor an array of strings");
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => list
            .iter()
            .map(|item| item.as_str().ok_or_else(wrong))
            .collect(),
        _ => Err(wrong()),
    }
}

fn action(text: &str, path: &str) -> Result<Pattern, DocumentError> {
    if text.contains(':') || text.contains('*') {
        Ok(Pattern::action(text))
    } else {
        Err(DocumentError::new(
            path,
            format!("{} is not an action", printable(text)),
        ))
    }
}

fn principals(value: &Value, path: &str) -> Result<Vec<Principal>, DocumentError> {
    match value {
        Value::String(text) if text == "*" => Ok(vec![Principal::Everyone]),
        Value::Object(object) => {
            let mut list = Vec::new();
            for (kind, value) in object {
                let path = format!("{path}.{}", printable(kind));
                let read: fn(&str) -> Principal = match kind.as_str() {
                    "AWS" => aws_principal,
                    "Service" => |text| named(text, Principal::Service),
                    "Federated" => |text| named(text, Principal::Federated),
                    "CanonicalUser" => |text| named(text, Principal::CanonicalUser),
                    _ => return Err(DocumentError::new(path, "unknown kind of principal")),
                };
                list.extend(strings(value, &path)?.into_iter().map(read));
            }
            Ok(list)
        }
        _ => Err(DocumentError::new(path, "neither \"*\" nor an object")),
    }
}

fn named(text: &str, make: fn(String) -> Principal) -> Principal {
    if text.is_empty() || text.contains(['*', '?']) {
        Principal::Malformed {
            text: text.to_owned(),
            account: None,
        }
    } else {
        make(text.to_owned())
    }
}

fn aws_principal(text: &str) -> Principal {
    if text == "*" {
        return Principal::Everyone;
    }
    if is_account_id(text) {
        return Principal::Account(text.to_owned());
    }
    let malformed = |account: Option<String>| Principal::Malformed {
        text: text.to_owned(),
        account,
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", "cloudfront", _] => Principal::CloudFront(text.to_owned()),
        ["arn", _, "iam" | "sts", "", account, resource] if is_account_id(account) => {
            let account = (*account).to_owned();
            if *resource == "root" {
                Principal::Account(account)
            } else if resource.contains(['*', '?']) {
                malformed(Some(account))
            } else {
                Principal::Arn {
                    account,
                    arn: text.to_owned(),
                }
            }
        }
        [id] if id.len() >= 16
            && id.starts_with('A')
            && id
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) =>
        {
            Principal::Deleted(text.to_owned())
        }
        _ => malformed(None),
    }
}

fn conditions(
    value: Option<&Value>,
    path: &str,
    variables: bool,
) -> Result<Vec<Condition>, DocumentError> {
    let path = format!("{path}.Condition");
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let operators = value
        .as_object()
        .ok_or_else(|| DocumentError::new(&path, "not an object"))?;
    let mut list = Vec::new();
    for (operator, keys) in operators {
        let path = format!("{path}.{}", printable(operator));
        let keys = keys
            .as_object()
            .ok_or_else(|| DocumentError::new(&path, "not an object"))?;
        for (key, values) in keys {
            let path = format!("{path}.{}", printable(key));
            let values = match values {
                Value::Array(values) => values.iter().collect(),
                one => vec![one],
            };
            let values = values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text.clone()),
                    Value::Number(number) => Ok(number.to_string()),
                    Value::Bool(flag) => Ok(flag.to_string()),
                    _ => Err(DocumentError::new(
                        &path,
                        "a value is neither a string nor a number nor a boolean",
                    )),
                })
                .collect::<Result<Vec<_>, _>>()?;
            list.push(Condition::new(operator, key, values, variables));
        }
    }
    Ok(list)
}

/// Whether a text is a 12-digit account id.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The account of an ARN, when it has one that is spelled out.
pub(crate) fn account_of_arn(arn: &str) -> Option<&str> {
    arn.starts_with("arn:")
        .then(|| arn.split(':').nth(4))
        .flatten()
        .filter(|account| is_account_id(account))
}

/// Text of a document in a message: short, without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_debug)
        .collect::<String>()
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everyone => "*",
            Self::Account(text)
            | Self::Arn { arn: text, .. }
            | Self::Service(text)
            | Self::Federated(text)
            | Self::CanonicalUser(text)
            | Self::CloudFront(text)
            | Self::Deleted(text)
            | Self::Malformed { text, .. } => text,
        })
    }
}
