//! With whom a resource policy shares its resource.

use crate::caller::{Caller, Source};
use crate::document::{Body, Policy, Principal, printable};
use crate::public::{ResourceContext, allows, is_open, is_public, named_principals, pins, search};
use crate::tri::{Found, Tri, Undecided};

/// Whom a resource policy lets in, beside the owner's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Anyone.
    pub everyone: Tri,
    /// Accounts, by id.
    pub accounts: Found,
    /// Organizations, by id, that are let in as such.
    pub organizations: Found,
    /// Service principals.
    pub services: Found,
    /// Identity providers.
    pub providers: Found,
}

impl Shared {
    /// Everybody who is certainly let in, `*` for anyone, in a stable order.
    pub fn names(&self) -> Vec<String> {
        let everyone = self.everyone.is_yes().then(|| "*".to_owned());
        let lists = [
            &self.accounts,
            &self.organizations,
            &self.services,
            &self.providers,
        ];
        everyone
            .into_iter()
            .chain(
                lists
                    .into_iter()
                    .flat_map(|found| found.items.iter().cloned()),
            )
            .collect()
    }

    /// Why there may be more.
    pub fn undecided(&self) -> Option<Undecided> {
        let lists = [
            &self.accounts,
            &self.organizations,
            &self.services,
            &self.providers,
        ];
        let everyone = match &self.everyone {
            Tri::Unknown(reason) => Some(reason),
            _ => None,
        };
        everyone
            .into_iter()
            .chain(
                lists
                    .into_iter()
                    .filter_map(|found| found.undecided.as_ref()),
            )
            .cloned()
            .reduce(Undecided::merge)
    }
}

/// An account that no policy names.
const SOME_MEMBER: &str = "000000000000";

/// Reads a resource policy for everybody whom it lets in.
pub fn shared_with(policy: &Policy, context: &ResourceContext<'_>) -> Shared {
    let mut shared = Shared {
        everyone: is_public(policy, context),
        accounts: Found::default(),
        organizations: Found::default(),
        services: Found::default(),
        providers: Found::default(),
    };
    for statement in allows(policy) {
        let body = match &statement.body {
            Ok(body) => body,
            Err(problem) => {
                let reason = format!("{}: {problem}", statement.label());
                shared.accounts.doubt(Undecided::opaque(reason));
                continue;
            }
        };
        let admitted =
            |caller: &Caller| search(policy, caller, context, None).reachable(&[statement]);
        let account = |id: &str, arn: Option<&str>| {
            admitted(&Caller::Account {
                id: id.to_owned(),
                arn: arn.map(str::to_owned),
                without_external_id: false,
            })
        };
        let own = |id: &str| context.account == Some(id);
        for principal in named_principals(body) {
            match principal {
                Principal::Account(id) if !own(id) => {
                    shared.accounts.add(id.as_str(), account(id, None))
                }
                Principal::Arn { account: id, arn } if !own(id) => {
                    shared.accounts.add(id.as_str(), account(id, Some(arn)));
                }
                Principal::Service(name) => {
                    shared
                        .services
                        .add(name.as_str(), admitted(&Caller::service(name, Source::Any)));
                }
                Principal::Federated(name) => shared.providers.add(
                    name.as_str(),
                    admitted(&Caller::Federated {
                        provider: name.clone(),
                        open: Vec::new(),
                    }),
                ),
                Principal::CanonicalUser(_) => shared.accounts.doubt(Undecided::opaque(format!(
                    "{}: a canonical user id does not tell its account",
                    statement.label()
                ))),
                Principal::Malformed { text, account } if !account.as_deref().is_some_and(own) => {
                    shared.accounts.doubt(Undecided::opaque(format!(
                        "{}: principal {} is not of a documented form",
                        statement.label(),
                        printable(text)
                    )));
                }
                _ => {}
            }
        }
        if !is_open(body) || admitted(&Caller::STRANGER).is_yes() {
            continue;
        }
        let (mut accounts, mut organizations) = pins(body);
        let mut undenied = search(policy, &Caller::STRANGER, context, None);
        undenied.denies.clear();
        if undenied.reachable(&[statement]).is_yes() {
            // It is a denial that shuts strangers out: whom that spares is let in.
            for (spared, members) in denies(policy).map(|body| pins(&turned(body))) {
                accounts.extend(spared);
                organizations.extend(members);
            }
        }
        for id in accounts.iter().filter(|id| !own(id)) {
            shared.accounts.add(id.as_str(), account(id, None));
        }
        // Some member passes: one whose account nobody names.
        let member = account(SOME_MEMBER, None);
        for id in organizations {
            shared.organizations.add(id, member.clone());
        }
    }
    for found in [
        &mut shared.accounts,
        &mut shared.organizations,
        &mut shared.services,
        &mut shared.providers,
    ] {
        found.items.sort();
    }
    shared
}

/// Users, roles and sessions that a resource policy names and lets do an action, by ARN. Accounts as a
/// whole are left out: what they pass on is their own policies' to say.
pub fn principals_allowed(policy: &Policy, action: &str, context: &ResourceContext<'_>) -> Found {
    let action = action.to_lowercase();
    let mut found = Found::default();
    for statement in allows(policy) {
        let body = match &statement.body {
            Ok(body) => body,
            Err(problem) => {
                let reason = format!("{}: {problem}", statement.label());
                found.doubt(Undecided::opaque(reason));
                continue;
            }
        };
        for principal in named_principals(body) {
            if let Principal::Arn { account, arn } = principal {
                let caller = Caller::Account {
                    id: account.clone(),
                    arn: Some(arn.clone()),
                    without_external_id: false,
                };
                let answer =
                    search(policy, &caller, context, Some(&action)).reachable(&[statement]);
                found.add(arn.as_str(), answer);
            }
        }
    }
    found.items.sort();
    found
}

fn denies(policy: &Policy) -> impl Iterator<Item = &Body> {
    policy
        .statements
        .iter()
        .filter(|statement| statement.may_deny())
        .filter_map(|statement| statement.body.as_ref().ok())
}

/// A denial's conditions the other way round: whom they spare stands in their negated forms.
fn turned(body: &Body) -> Body {
    let mut body = body.clone();
    for condition in &mut body.conditions {
        if let Ok((operator, _)) = &mut condition.compiled {
            operator.negated = !operator.negated;
        }
    }
    body
}
