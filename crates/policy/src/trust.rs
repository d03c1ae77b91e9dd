//! Questions about the trust policy of a role.

use std::collections::BTreeSet;

use crate::caller::{Caller, Source};
use crate::document::{Body, Policy, Principal, Statement};
use crate::public::{ResourceContext, allows, is_open, named_principals, pins, search, services};
use crate::tri::{Found, Tri, Undecided};

const ASSUME: &str = "sts:assumerole";
const WEB_IDENTITY: &str = "sts:assumerolewithwebidentity";
const SAML: &str = "sts:assumerolewithsaml";

/// Accounts that may assume the role without `sts:ExternalId`, beside the owner's and the known ones.
///
/// A policy that lets anyone in adds `*`.
pub fn trusts_without_external_id(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        let Some(body) = understood(&mut found, statement) else {
            continue;
        };
        let stranger = Caller::Stranger {
            without_external_id: true,
        };
        let anyone = search(policy, &stranger, context, Some(ASSUME)).reachable(&[statement]);
        let mut named: BTreeSet<(String, Option<String>)> = named_principals(body)
            .iter()
            .filter_map(|principal| match principal {
                Principal::Account(id) => Some((id.clone(), None)),
                Principal::Arn { account, arn } => Some((account.clone(), Some(arn.clone()))),
                _ => None,
            })
            .collect();
        if is_open(body) && !anyone.is_yes() {
            named.extend(pins(body).0.into_iter().map(|id| (id, None)));
        }
        found.add("*", anyone);
        for (id, arn) in named {
            if context.account == Some(id.as_str())
                || context
                    .known_accounts
                    .is_some_and(|known| known.contains(&id))
            {
                continue;
            }
            let caller = Caller::Account {
                id: id.clone(),
                arn,
                without_external_id: true,
            };
            let answer = search(policy, &caller, context, Some(ASSUME)).reachable(&[statement]);
            if context.others_are_foreign && context.account.is_some() {
                found.add(id.as_str(), answer);
            } else if !answer.is_no() {
                found.doubt(Undecided::opaque(format!(
                    "whether account {id} is a known one could not be read"
                )));
            }
        }
    }
    found.items.sort();
    found
}

/// Service principals that may assume the role, on behalf of whichever resource.
pub fn trusted_services(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        let Some(body) = understood(&mut found, statement) else {
            continue;
        };
        for name in services(body) {
            let caller = Caller::service(name, Source::Any);
            let answer = search(policy, &caller, context, Some(ASSUME)).reachable(&[statement]);
            found.add(name, answer);
        }
    }
    found.items.sort();
    found
}

/// Identity providers whose tokens are accepted although their audience or their subject is left
/// open, each with what is open: `token.actions.githubusercontent.com: sub`.
///
/// - OpenID Connect: the audience (`aud`) must be fixed, and the subject (`sub`) at least to one
///   tenant of the provider. Other claims that say whose token it is (`repository` and the like)
///   pin the subject as well.
/// - Amazon Cognito identity pools: the pool (`aud`) must be fixed, and `amr` say whether guests are
///   meant.
/// - Google, Facebook and Login with Amazon give tokens per application: the audience decides.
/// - SAML: the audience must be fixed.
pub fn unpinned_federation(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        let Some(body) = understood(&mut found, statement) else {
            continue;
        };
        for principal in named_principals(body) {
            match principal {
                Principal::Federated(provider) => {
                    let (shown, action, questions) = claims(provider);
                    let mut open = Vec::new();
                    let mut doubt = Tri::No;
                    for (name, keys) in questions {
                        let caller = Caller::Federated {
                            provider: provider.clone(),
                            open: keys,
                        };
                        match search(policy, &caller, context, Some(action)).reachable(&[statement])
                        {
                            Tri::Yes => open.push(name),
                            other => doubt = doubt.or(other),
                        }
                    }
                    if !open.is_empty() {
                        found.add(format!("{shown}: {}", open.join(", ")), Tri::Yes);
                    }
                    found.add("", doubt);
                }
                Principal::Malformed {
                    text,
                    account: None,
                } => found.doubt(Undecided::opaque(format!(
                    "{}: principal {} is not of a documented form",
                    statement.label(),
                    crate::document::printable(text)
                ))),
                _ => {}
            }
        }
    }
    found.items.sort();
    found
}

type Questions = Vec<(&'static str, Vec<String>)>;

/// The provider's name, the action with which its tokens are used, and the claims that must be
/// pinned: under each name, claims of which one pinned is enough.
fn claims(provider: &str) -> (&str, &'static str, Questions) {
    if provider.contains(":saml-provider/") {
        return (provider, SAML, vec![("aud", vec!["saml:aud".to_owned()])]);
    }
    let host = provider
        .split_once(":oidc-provider/")
        .map_or(provider, |(_, host)| host);
    let keys = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{}:{name}", host.to_lowercase()))
            .collect()
    };
    let questions = match host {
        "cognito-identity.amazonaws.com" => {
            vec![("aud", keys(&["aud"])), ("amr", keys(&["amr"]))]
        }
        "accounts.google.com" => vec![("aud", keys(&["aud", "oaud", "azp"]))],
        "graph.facebook.com" | "www.amazon.com" => vec![("app_id", keys(&["app_id"]))],
        _ => vec![
            (
                "sub",
                keys(&[
                    "sub",
                    "repository",
                    "repository_id",
                    "repository_owner",
                    "repository_owner_id",
                    "job_workflow_ref",
                ]),
            ),
            ("aud", keys(&["aud"])),
        ],
    };
    (host, WEB_IDENTITY, questions)
}

fn understood<'s>(found: &mut Found, statement: &'s Statement) -> Option<&'s Body> {
    match &statement.body {
        Ok(body) => Some(body),
        Err(problem) => {
            found.doubt(Undecided::opaque(format!(
                "{}: {problem}",
                statement.label()
            )));
            None
        }
    }
}
