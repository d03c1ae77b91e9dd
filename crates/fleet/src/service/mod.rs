//! The services: one file each, with every operation that a collector calls.
//!
//! A new one is a file here, a `mod` line and a line in `ALL`. An operation is a line in its service's
//! table: how a request names it, whose answer it takes its input from, whether it has pages, and the
//! function that answers.

use serde_json::Value;

use crate::ask::Ask;
use crate::http::{Request, decoded, pairs};
use crate::parameters::Parameters;
use crate::refusal::Refusal;

mod account;
mod apigateway;
mod apigatewayv2;
mod ec2;
mod ecr;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod s3;
mod s3control;
mod sts;
mod wafv2;

static ALL: &[Service] = &[
    account::SERVICE,
    apigateway::SERVICE,
    apigatewayv2::SERVICE,
    ec2::SERVICE,
    ecr::SERVICE,
    iam::SERVICE,
    kms::SERVICE,
    lambda::SERVICE,
    organizations::SERVICE,
    s3::SERVICE,
    s3control::SERVICE,
    sts::SERVICE,
    wafv2::SERVICE,
];

/// All services, by name.
pub(crate) fn all() -> impl Iterator<Item = &'static Service> {
    ALL.iter()
}

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Forms in, XML of this namespace out.
    Query(&'static str),
    /// EC2's dialect of it.
    Ec2,
    /// JSON both ways; a header names the operation, after this prefix.
    Json(&'static str),
    /// Paths in, JSON out.
    RestJson,
    /// Buckets and their sub-resources in, XML out.
    S3,
    /// Paths in, XML out.
    S3Control,
}

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    /// As its collector is named.
    pub(crate) name: &'static str,
    /// As requests to it are signed.
    pub(crate) signs_as: &'static str,
    pub(crate) protocol: Protocol,
    /// Whether there is one of it for all regions.
    pub(crate) global: bool,
    pub(crate) operations: &'static [Operation],
}

/// An answer: XML or JSON, or the refusal that AWS would give.
pub(crate) type Answer = Result<String, Refusal>;

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    route: Route,
    after: After,
    pub(crate) paging: Option<Paging>,
    pub(crate) answer: fn(&Ask<'_>) -> Answer,
}

/// How a request names an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// By its name, in a header or form.
    Name,
    /// By method and path; `{Name}` takes one segment.
    Path(&'static str, &'static str),
    /// By the name of a bucket's sub-resource.
    Bucket(&'static str),
}

/// Whose answer an operation's input is taken from.
#[derive(Debug, Clone, Copy)]
enum After {
    /// Nobody's: it can be called at once.
    Nothing,
    /// An operation of the same service.
    Call(&'static str),
    /// It depends on the parameters.
    Asked(fn(&Parameters) -> Dependence),
}

/// Whose answer a call's input is taken from, and how many calls lie in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dependence {
    pub(crate) after: Option<&'static str>,
    pub(crate) between: u32,
}

impl Dependence {
    const fn on(operation: &'static str) -> Self {
        Self {
            after: Some(operation),
            between: 0,
        }
    }
}

/// The parameters of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) token: &'static str,
    pub(crate) limit: &'static str,
}

impl Operation {
    const fn new(name: &'static str, answer: fn(&Ask<'_>) -> Answer) -> Self {
        Self {
            name,
            route: Route::Name,
            after: After::Nothing,
            paging: None,
            answer,
        }
    }

    const fn at(mut self, method: &'static str, path: &'static str) -> Self {
        self.route = Route::Path(method, path);
        self
    }

    const fn of_bucket(mut self, sub_resource: &'static str) -> Self {
        self.route = Route::Bucket(sub_resource);
        self
    }

    const fn after(mut self, operation: &'static str) -> Self {
        self.after = After::Call(operation);
        self
    }

    const fn depends(mut self, on: fn(&Parameters) -> Dependence) -> Self {
        self.after = After::Asked(on);
        self
    }

    const fn paged(mut self, token: &'static str, limit: &'static str) -> Self {
        self.paging = Some(Paging { token, limit });
        self
    }

    /// What a call of it rests on.
    pub(crate) fn dependence(&self, parameters: &Parameters) -> Dependence {
        match self.after {
            After::Nothing => Dependence::default(),
            After::Call(operation) => Dependence::on(operation),
            After::Asked(on) => on(parameters),
        }
    }
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
    pub(crate) parameters: Parameters,
}

/// Finds service and operation; the service alone when there is no such operation.
pub(crate) fn route(
    request: &Request,
    signed_for: &str,
) -> Result<Routed, Option<&'static Service>> {
    let service = all()
        .find(|service| service.signs_as == signed_for && speaks(service, request.path()))
        .ok_or(None)?;
    let (operation, captured) = service
        .operations
        .iter()
        .find_map(|operation| Some((operation, captures(service, operation, request)?)))
        .ok_or(Some(service))?;
    let mut all = captured;
    all.extend(pairs(request.query(), false));
    let mut body = Value::Null;
    match service.protocol {
        Protocol::Query(_) | Protocol::Ec2 => {
            all.extend(pairs(&String::from_utf8_lossy(&request.body), true));
        }
        _ => body = serde_json::from_slice(&request.body).unwrap_or_default(),
    }
    Ok(Routed {
        service,
        operation,
        parameters: Parameters::new(all, body),
    })
}

/// Services that sign alike are told apart by path.
fn speaks(service: &Service, path: &str) -> bool {
    let of_second = match service.signs_as {
        "s3" => path.starts_with("/v20180820/"),
        "apigateway" => path.starts_with("/v2/"),
        _ => return true,
    };
    of_second == matches!(service.name, "s3control" | "apigatewayv2")
}

/// Whether a request is for an operation, and what stands in its path.
fn captures(
    service: &Service,
    operation: &Operation,
    request: &Request,
) -> Option<Vec<(String, String)>> {
    match operation.route {
        Route::Name => {
            let named = match service.protocol {
                Protocol::Json(prefix) => request
                    .header("x-amz-target")
                    .and_then(|target| target.strip_prefix(prefix)?.strip_prefix('.'))
                    .is_some_and(|name| name == operation.name),
                _ => {
                    let body = String::from_utf8_lossy(&request.body);
                    body.split('&')
                        .filter_map(|pair| pair.strip_prefix("Action="))
                        .any(|name| name == operation.name)
                }
            };
            named.then(Vec::new)
        }
        Route::Path(method, template) => {
            (request.method == method).then_some(())?;
            along(template, request.path())
        }
        Route::Bucket(sub_resource) => {
            let bucket = request.path().trim_matches('/');
            let asked = pairs(request.query(), false)
                .iter()
                .any(|(name, _)| name == sub_resource);
            (request.method == "GET" && asked && !bucket.is_empty() && !bucket.contains('/'))
                .then(|| vec![("Bucket".to_owned(), decoded(bucket, false))])
        }
    }
}

fn along(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut captured = Vec::new();
    let mut segments = path.trim_end_matches('/').split('/');
    for part in template.trim_end_matches('/').split('/') {
        let segment = segments.next()?;
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => {
                captured.push((name.to_owned(), decoded(segment, false)));
            }
            Some(_) => return None,
            None if part != segment => return None,
            None => {}
        }
    }
    segments.next().is_none().then_some(captured)
}

/// XML by hand: names are ours, and what may need it is escaped.
mod xml {
    /// Text as it may stand in XML.
    pub(super) fn escaped(text: &str) -> String {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    }

    /// `<name>text</name>`.
    pub(super) fn text(name: &str, text: &str) -> String {
        format!("<{name}>{}</{name}>", escaped(text))
    }

    /// `<name>...</name>` around XML.
    pub(super) fn around(name: &str, inner: &str) -> String {
        format!("<{name}>{inner}</{name}>")
    }

    /// `<name><item>...</item>...</name>`.
    pub(super) fn list(name: &str, item: &str, items: impl IntoIterator<Item = String>) -> String {
        let inner: String = items
            .into_iter()
            .map(|inner| around(item, &inner))
            .collect();
        around(name, &inner)
    }
}

/// Policy documents that accounts really have, weak and sound.
mod policy {
    use serde_json::{Value, json};

    pub(super) fn document(statements: &Value) -> String {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    pub(super) fn allow(actions: &Value, resource: &str) -> String {
        document(&json!([{"Effect": "Allow", "Action": actions, "Resource": resource}]))
    }

    /// Whoever may do this to the resource that the policy hangs on.
    pub(super) fn grant(principal: &Value, actions: &Value, resource: &str) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resource})
    }

    /// A service, held to the account it acts for unless that was forgotten.
    pub(super) fn for_service(
        service: &str,
        action: &str,
        resource: &str,
        pin: Option<&str>,
    ) -> Value {
        let mut statement = grant(&json!({"Service": service}), &json!(action), resource);
        if let Some(account) = pin {
            statement["Condition"] = json!({"StringEquals": {"aws:SourceAccount": account}});
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        assert_eq!(along("/a", "/a"), Some(Vec::new()));
        assert_eq!(along("/a", "/a/"), Some(Vec::new()));
        assert_eq!(
            along("/a/{Name}/b", "/a/x%2Fy/b"),
            Some(vec![("Name".into(), "x/y".into())])
        );
        assert_eq!(along("/a/{Name}", "/a"), None);
        assert_eq!(along("/a/{Name}", "/a//"), None);
        assert_eq!(along("/a/{Name}", "/a/x/b"), None);
        assert_eq!(along("/", "/"), Some(Vec::new()));
    }

    #[test]
    fn names_and_dependences_of_operations_hold() {
        let mut services = std::collections::BTreeSet::new();
        for service in all() {
            assert!(services.insert(service.name), "{} twice", service.name);
            let names: Vec<_> = service.operations.iter().map(|o| o.name).collect();
            for operation in service.operations {
                let same = names.iter().filter(|name| **name == operation.name);
                assert_eq!(same.count(), 1, "{}:{}", service.name, operation.name);
                if let After::Call(before) = operation.after {
                    assert!(names.contains(&before), "{}:{before}", service.name);
                }
            }
        }
    }
}
