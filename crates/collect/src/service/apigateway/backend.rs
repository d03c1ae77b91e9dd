//! What stands behind an API: addresses and constants, which both API Gateway collectors read. They can
//! hold passwords and keys, so what is kept of them is examined first.

use std::collections::HashMap;

use posture_model::ExaminedValue;

use crate::secrets::Examiner;

/// An address without what may be secret in it, and verdicts on what was taken out.
#[derive(Debug, Default)]
pub(super) struct Address {
    pub(super) uri: Option<String>,
    pub(super) function_arn: Option<String>,
    pub(super) function_qualifier: Option<String>,
    pub(super) parameters: Vec<ExaminedValue>,
}

/// Takes the address of an integration or authorizer apart.
pub(super) fn address(examiner: &Examiner, uri: Option<String>) -> Address {
    let Some(text) = uri.filter(|uri| !uri.is_empty()) else {
        return Address::default();
    };
    let (function_arn, function_qualifier) = match function(&text) {
        Some((arn, qualifier)) => (Some(arn), qualifier),
        None => (None, None),
    };
    let mut parameters = Vec::new();
    let (base, query) = match text.split_once('?') {
        Some((base, query)) => (base, query),
        None => (text.as_str(), ""),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.push(named(examiner, name, value));
    }
    let mut kept = base.to_owned();
    if let Some((scheme, rest)) = base.split_once("://") {
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let secret = user.split_once(':').map_or(user, |(_, password)| password);
                parameters.push(named(examiner, "password", secret));
                host
            }
            None => authority,
        };
        kept = format!("{scheme}://{host}{path}");
        // Some services take a secret path for a password.
        let examined = examiner.value("path", &kept);
        if examined.secret.is_some() {
            kept = format!("{scheme}://{host}");
            parameters.push(examined);
        }
    }
    Address {
        uri: Some(kept),
        function_arn,
        function_qualifier,
        parameters,
    }
}

/// The Lambda function in an address, with its qualifier: its own ARN, or API Gateway's
/// `arn:...:lambda:path/2015-03-31/functions/<ARN>/invocations`. None when a stage variable chooses it.
fn function(uri: &str) -> Option<(String, Option<String>)> {
    let arn = match uri.split_once("/functions/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
        None => uri,
    };
    let parts: Vec<&str> = arn.split(':').collect();
    let [_, _, "lambda", _, _, "function", name, qualifier @ ..] = parts.as_slice() else {
        return None;
    };
    if name.is_empty() || name.contains('$') || qualifier.len() > 1 {
        return None;
    }
    let unqualified = parts.get(..7)?.join(":");
    let qualifier = qualifier
        .first()
        .filter(|qualifier| !qualifier.contains("${"))
        .map(|qualifier| (*qualifier).to_owned());
    Some((unqualified, qualifier))
}

/// Constants among mapped parameters, examined, in the order of their names. REST and WebSocket APIs
/// write them in single quotes; HTTP APIs write what is not constant with a `$`.
pub(super) fn constants(
    examiner: &Examiner,
    parameters: Option<HashMap<String, String>>,
    quoted: bool,
) -> Vec<ExaminedValue> {
    let mut constants: Vec<ExaminedValue> = parameters
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| {
            let constant = if quoted {
                value.strip_prefix('\'')?.strip_suffix('\'')?
            } else {
                Some(value.as_str()).filter(|value| !value.starts_with('$'))?
            };
            Some(named(examiner, &name, constant))
        })
        .collect();
    constants.sort_by(|a, b| a.name.cmp(&b.name));
    constants
}

/// Mapping templates in which something looks like a secret.
pub(super) fn templates(
    examiner: &Examiner,
    templates: Option<HashMap<String, String>>,
) -> Vec<ExaminedValue> {
    let mut found: Vec<ExaminedValue> = templates
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(content_type, template)| {
            let examined = examiner.text(&template);
            let secret = examined.secrets.into_iter().next()?;
            Some(ExaminedValue {
                name: format!("template {content_type}"),
                secret: Some(secret),
                fingerprint: examined.fingerprint,
            })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Examines a value under a name that header conventions hide: `x-api-key` is an API key, and what
/// `Authorization` carries is a token.
fn named(examiner: &Examiner, name: &str, value: &str) -> ExaminedValue {
    let plain = name.replace('-', "_");
    let told = if plain.to_ascii_lowercase().ends_with("authorization") {
        "auth_token"
    } else {
        &plain
    };
    ExaminedValue {
        name: name.to_owned(),
        ..examiner.value(told, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:orders";

    #[test]
    fn functions_are_found_in_both_forms() {
        let wrapped = |arn: &str| {
            function(&format!(
                "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations"
            ))
        };
        assert_eq!(wrapped(FUNCTION), Some((FUNCTION.to_owned(), None)));
        assert_eq!(
            wrapped(&format!("{FUNCTION}:live")),
            Some((FUNCTION.to_owned(), Some("live".to_owned())))
        );
        assert_eq!(function(FUNCTION), Some((FUNCTION.to_owned(), None)));
        assert_eq!(
            function(&format!("{FUNCTION}:${{stageVariables.alias}}")),
            Some((FUNCTION.to_owned(), None))
        );
        assert_eq!(
            function("arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.name}"),
            None
        );
        assert_eq!(function("https://example.com/functions/x"), None);
        assert_eq!(function("arn:aws:sqs:eu-west-1:123456789012:queue"), None);
    }

    #[test]
    fn nothing_secret_stays_in_an_address() {
        let examiner = Examiner::new().unwrap();
        let taken = address(
            &examiner,
            Some(
                "https://app:hunter2-long@backend.example.com/v1?api_key=s3cr3t-value&page=1"
                    .into(),
            ),
        );
        assert_eq!(taken.uri.as_deref(), Some("https://backend.example.com/v1"));
        let found: Vec<_> = taken
            .parameters
            .iter()
            .map(|p| (p.name.as_str(), p.secret.is_some()))
            .collect();
        assert_eq!(
            found,
            [("api_key", true), ("page", false), ("password", true)]
        );
        let hook = address(
            &examiner,
            Some(
                // Apart, so that no scanner for secrets takes the test for one.
                concat!(
                    "https://hooks.slack.com/services/",
                    "T00000000/B00000000/",
                    "abcdefghijklmnopqrstuvwx"
                )
                .into(),
            ),
        );
        assert_eq!(hook.uri.as_deref(), Some("https://hooks.slack.com"));
        assert!(hook.parameters.iter().any(|p| p.secret.is_some()));
    }

    #[test]
    fn constants_are_told_from_mappings() {
        let examiner = Examiner::new().unwrap();
        let parameters = HashMap::from([
            (
                "integration.request.header.x-api-key".to_owned(),
                "'k3y-of-partner'".to_owned(),
            ),
            (
                "integration.request.header.Authorization".to_owned(),
                "'Basic YTpi'".to_owned(),
            ),
            (
                "integration.request.path.id".to_owned(),
                "method.request.path.id".to_owned(),
            ),
        ]);
        let found = constants(&examiner, Some(parameters), true);
        assert_eq!(found.len(), 2);
        assert!(
            found.iter().all(|value| value.secret.is_some()),
            "{found:?}"
        );
    }
}
