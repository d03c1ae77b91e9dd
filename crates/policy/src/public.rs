//! Who is let in by a resource policy: anyone, other accounts, services on behalf of anyone.
//!
//! The rules are those of S3's "meaning of public", for every service. In two places they are more
//! exact than S3 itself, which calls every wildcard and every variable public: an ARN whose account
//! is spelled out admits that account's resources only, and a variable of the resource's own side
//! (`${aws:ResourceOrgID}`, `${aws:ResourceAccount}`) is nothing that a stranger chooses.

use std::collections::BTreeSet;

use crate::caller::{Caller, Source};
use crate::condition::{Comparison, Operand, Request};
use crate::document::{
    Body, Clause, Effect, Policy, Principal, Statement, account_of_arn, is_account_id,
};
use crate::pattern::{Pattern, Syntax};
use crate::search::Search;
use crate::tri::{Found, Tri, Undecided};

/// What is known about the resource to which a policy belongs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResourceContext<'a> {
    /// The account that owns it.
    pub account: Option<&'a str>,
    /// Its ARN; for a bucket, the bucket's.
    pub arn: Option<&'a str>,
    /// The prefix of its actions, such as `s3` or `lambda`.
    pub service: Option<&'a str>,
    /// The organization of the owning account.
    pub organization: Option<&'a str>,
    /// Accounts that are trusted as the owner is: those of the scan and of the organization.
    pub known_accounts: Option<&'a BTreeSet<String>>,
    /// Whether `known_accounts` are all: any other account is foreign.
    pub others_are_foreign: bool,
    /// When to judge conditions on the time, in seconds since 1970.
    pub now: Option<i64>,
}

/// Whether some statement lets anyone in, and no other shuts them out.
///
/// Anyone is an anonymous caller or one with credentials of any AWS account.
pub fn is_public(policy: &Policy, context: &ResourceContext<'_>) -> Tri {
    Tri::any(
        allows(policy).map(|s| search(policy, &Caller::STRANGER, context, None).reachable(&[s])),
    )
}

/// Labels of the statements that make the policy public.
pub fn public_statements(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        let answer = search(policy, &Caller::STRANGER, context, None).reachable(&[statement]);
        found.add(statement.label(), answer);
    }
    found
}

/// Whether anyone may do this action.
pub fn allows_anonymous(policy: &Policy, action: &str, context: &ResourceContext<'_>) -> Tri {
    let action = action.to_lowercase();
    Tri::any(
        allows(policy)
            .map(|s| search(policy, &Caller::STRANGER, context, Some(&action)).reachable(&[s])),
    )
}

/// Ids of accounts other than the owner's that are let in: named as principals, or by a condition
/// where the principal is open. What admits anyone is [`is_public`]'s to say and adds nothing here.
///
/// An organization admits accounts that the policy does not tell: the resource's own one adds
/// nothing, and another one leaves the list undecided.
pub fn external_accounts(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        let body = match &statement.body {
            Ok(body) => body,
            Err(problem) => {
                found.doubt(Undecided::opaque(format!(
                    "{}: {problem}",
                    statement.label()
                )));
                continue;
            }
        };
        for principal in named_principals(body) {
            let admitted =
                |caller: &Caller| search(policy, caller, context, None).reachable(&[statement]);
            match principal {
                Principal::Account(id) => {
                    found.add_account(id, context, || admitted(&account(id, None)));
                }
                Principal::Arn { account: id, arn } => {
                    found.add_account(id, context, || admitted(&account(id, Some(arn))));
                }
                Principal::CanonicalUser(_) => found.doubt(Undecided::opaque(format!(
                    "{}: a canonical user id does not tell its account",
                    statement.label()
                ))),
                Principal::Malformed { text, account: id } if id.as_deref() != context.account => {
                    found.doubt(Undecided::opaque(format!(
                        "{}: principal {} is not of a documented form",
                        statement.label(),
                        crate::document::printable(text)
                    )));
                }
                _ => {}
            }
        }
        if !(is_open(body) || has_services(body)) {
            continue;
        }
        // A statement that asks for no more than anyone has lets in no account in particular.
        let public = search(policy, &Caller::STRANGER, context, None).reachable(&[statement]);
        if public.is_yes() {
            continue;
        }
        let (accounts, organizations) = pins(body);
        for id in accounts {
            let mut callers: Vec<Caller> = services(body)
                .map(|name| Caller::service(name, Source::Account(id.clone())))
                .collect();
            if is_open(body) {
                callers.push(account(&id, None));
            }
            found.add_account(&id, context, || {
                Tri::any(
                    callers.iter().map(|caller| {
                        search(policy, caller, context, None).reachable(&[statement])
                    }),
                )
            });
        }
        for organization in organizations {
            if context.organization != Some(organization.as_str()) && is_open(body) {
                found.doubt(Undecided::opaque(format!(
                    "{} admits the organization {}, whose accounts are not known",
                    statement.label(),
                    crate::document::printable(&organization)
                )));
            }
        }
    }
    found.items.sort();
    found
}

impl Found {
    fn add_account(
        &mut self,
        id: &str,
        context: &ResourceContext<'_>,
        admitted: impl FnOnce() -> Tri,
    ) {
        if context.account == Some(id) {
            return;
        }
        let answer = admitted();
        match context.account {
            Some(_) => self.add(id, answer),
            None if answer.is_no() => {}
            None => self.doubt(Undecided::opaque(
                "the account of the resource is not known",
            )),
        }
    }
}

/// Service principals that are let in although they may act for a resource of anyone: no source
/// account, no source ARN with an account in it, no source organization is asked for.
pub fn unpinned_services(policy: &Policy, context: &ResourceContext<'_>) -> Found {
    let mut found = Found::default();
    for statement in allows(policy) {
        match &statement.body {
            Ok(body) => {
                for name in services(body) {
                    let caller = Caller::service(name, Source::Strange);
                    let answer = search(policy, &caller, context, None).reachable(&[statement]);
                    found.add(name, answer);
                }
                doubt_malformed_services(&mut found, statement, body);
            }
            Err(problem) => {
                found.doubt(Undecided::opaque(format!(
                    "{}: {problem}",
                    statement.label()
                )));
            }
        }
    }
    found.items.sort();
    found
}

/// Whether every request without TLS is refused: by everybody, for every action of the service, on
/// the resource and (of a bucket) on its objects.
///
/// An `Allow` that asks for TLS does not count, because other policies may allow; nor does a
/// condition on the version of TLS, which a request without any does not carry. For a topic of SNS
/// the action is `sns:Publish`, the only one there that carries data and that its policies take.
pub fn denies_insecure_transport(policy: &Policy, context: &ResourceContext<'_>) -> Tri {
    let request = Request::new()
        .with("aws:SecureTransport", "false")
        .without("s3:TlsVersion");
    let mut denying: Vec<(&Body, Tri)> = Vec::new();
    let mut doubt = Tri::No;
    for statement in policy.statements.iter().filter(|s| s.may_deny()) {
        let body = match &statement.body {
            Ok(body) => body,
            Err(problem) => {
                doubt = doubt.or(Tri::opaque(format!("{}: {problem}", statement.label())));
                continue;
            }
        };
        let everyone = match &body.principals {
            Some(Clause::Only(list)) => list.contains(&Principal::Everyone),
            Some(Clause::Except(list)) => list.is_empty(),
            None => false,
        };
        if !everyone || !covers_actions(body, context.service) {
            continue;
        }
        let holds = crate::condition::evaluate_all(&body.conditions, &request);
        match &holds {
            // It depends on something else: a request that differs there is not refused.
            Tri::Unknown(reason) if !reason.is_opaque() => {}
            Tri::No => {}
            _ => denying.push((body, holds)),
        }
    }
    let covered = |resource: &dyn Fn(&Body) -> bool| {
        Tri::any(
            denying
                .iter()
                .filter(|(body, _)| resource(body))
                .map(|(_, holds)| holds.clone()),
        )
    };
    let objects_too = context.service.is_none_or(|service| service == "s3");
    let answer = match context.arn {
        Some(arn) => {
            let own = Pattern::literal(arn);
            let below = Pattern::new(
                &format!("{arn}/*"),
                Syntax {
                    wildcards: true,
                    ..Default::default()
                },
            );
            let result = covered(&|body| covers_resource(body, &own));
            if objects_too {
                result.and(covered(&|body| covers_resource(body, &below)))
            } else {
                result
            }
        }
        // Without the ARN: everything, or a bucket and, with the same name, its objects.
        None => {
            let everything = Pattern::everything();
            let names: BTreeSet<&str> = denying
                .iter()
                .flat_map(|(body, _)| body.resources.as_ref())
                .flat_map(|clause| match clause {
                    Clause::Only(list) => list.as_slice(),
                    Clause::Except(_) => &[],
                })
                .filter(|p| p.is_literal())
                .map(Pattern::text)
                .collect();
            let pairs = names.into_iter().map(|name| {
                let own = Pattern::literal(name);
                let result = covered(&|body| covers_resource(body, &own));
                if objects_too {
                    let below = format!("{name}/*");
                    result.and(covered(&|body| {
                        body.resources.as_ref().is_some_and(|clause| {
                            matches!(clause, Clause::Only(list)
                                if list.iter().any(|p| p.text() == below))
                        }) || covers_resource(body, &everything)
                    }))
                } else {
                    result
                }
            });
            covered(&|body| covers_resource(body, &everything)).or(Tri::any(pairs))
        }
    };
    answer.or(doubt)
}

fn covers_actions(body: &Body, service: Option<&str>) -> bool {
    let wanted = match service {
        Some("sns") => Pattern::action("sns:Publish"),
        Some(service) => Pattern::action(&format!("{service}:*")),
        None => Pattern::everything(),
    };
    match &body.actions {
        Clause::Only(list) => list.iter().any(|p| {
            p.covers(&wanted)
                // Without a service at hand, one that is denied as a whole is taken for it.
                || service.is_none() && p.text().ends_with(":*")
        }),
        Clause::Except(list) => !list.iter().any(|p| p.overlaps(&wanted)),
    }
}

fn covers_resource(body: &Body, wanted: &Pattern) -> bool {
    match &body.resources {
        None => true,
        Some(Clause::Only(list)) => list.iter().any(|p| p.covers(wanted)),
        Some(Clause::Except(list)) => !list.iter().any(|p| p.overlaps(wanted)),
    }
}

/// Statements that allow, or that may.
pub(crate) fn allows(policy: &Policy) -> impl Iterator<Item = &Statement> {
    policy.statements.iter().filter(|s| s.may_allow())
}

pub(crate) fn search<'a>(
    policy: &'a Policy,
    caller: &'a Caller,
    context: &ResourceContext<'a>,
    action: Option<&'a str>,
) -> Search<'a> {
    Search {
        caller,
        denies: policy
            .statements
            .iter()
            .filter(|s| s.effect == Some(Effect::Deny) || s.effect.is_none())
            .collect(),
        action,
        universe: None,
        resource: None,
        context: *context,
    }
}

pub(crate) fn account(id: &str, arn: Option<&str>) -> Caller {
    Caller::Account {
        id: id.to_owned(),
        arn: arn.map(str::to_owned),
        without_external_id: false,
    }
}

pub(crate) fn named_principals(body: &Body) -> &[Principal] {
    match &body.principals {
        Some(Clause::Only(list)) => list,
        _ => &[],
    }
}

pub(crate) fn services(body: &Body) -> impl Iterator<Item = &str> {
    named_principals(body).iter().filter_map(|p| match p {
        Principal::Service(name) => Some(name.as_str()),
        _ => None,
    })
}

fn has_services(body: &Body) -> bool {
    services(body).next().is_some()
}

fn doubt_malformed_services(found: &mut Found, statement: &Statement, body: &Body) {
    for principal in named_principals(body) {
        if let Principal::Malformed {
            text,
            account: None,
        } = principal
        {
            found.doubt(Undecided::opaque(format!(
                "{}: principal {} is not of a documented form",
                statement.label(),
                crate::document::printable(text)
            )));
        }
    }
}

/// Whether the principal element alone lets anyone in.
pub(crate) fn is_open(body: &Body) -> bool {
    match &body.principals {
        Some(Clause::Only(list)) => list.contains(&Principal::Everyone),
        Some(Clause::Except(list)) => !list.contains(&Principal::Everyone),
        None => false,
    }
}

/// Accounts and organizations that the conditions name.
pub(crate) fn pins(body: &Body) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut accounts = BTreeSet::new();
    let mut organizations = BTreeSet::new();
    for condition in &body.conditions {
        let Ok((operator, operands)) = &condition.compiled else {
            continue;
        };
        if operator.negated {
            continue;
        }
        for operand in operands {
            let text = match (operator.comparison, operand) {
                (Comparison::String { .. }, Operand::Text(pattern)) => pattern.text(),
                (Comparison::Arn, Operand::Arn { whole, .. }) => whole.text(),
                _ => continue,
            };
            match condition.key_lower() {
                "aws:principalaccount"
                | "aws:sourceaccount"
                | "aws:sourceowner"
                | "aws:vpceaccount"
                | "kms:calleraccount"
                | "s3:dataaccesspointaccount" => {
                    accounts.extend(is_account_id(text).then(|| text.to_owned()));
                }
                "aws:principalarn" | "aws:sourcearn" | "s3:dataaccesspointarn" => {
                    accounts.extend(account_of_arn(text).map(str::to_owned));
                }
                "aws:principalorgid" | "aws:sourceorgid" | "aws:vpceorgid" => {
                    organizations.extend((!text.contains('$')).then(|| text.to_owned()));
                }
                "aws:principalorgpaths" | "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
                    organizations.extend(
                        text.split('/')
                            .next()
                            .filter(|id| !id.contains(['*', '$']))
                            .map(str::to_owned),
                    );
                }
                _ => {}
            }
        }
    }
    (accounts, organizations)
}
