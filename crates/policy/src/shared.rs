//! With whom a resource policy shares its resource.

use crate::caller::{Caller, Source};
use crate::document::{Policy, Principal, printable};
use crate::public::{
    ResourceContext, allows, is_open, is_public, named_principals, pins, search, services,
};
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
        if !is_open(body) && services(body).next().is_none() {
            continue;
        }
        if admitted(&Caller::STRANGER).is_yes() {
            continue;
        }
        let (accounts, organizations) = pins(body);
        if is_open(body) {
            for id in accounts.iter().filter(|id| !own(id)) {
                shared.accounts.add(id.as_str(), account(id, None));
            }
            for id in organizations {
                // Some member passes: one whose account nobody names.
                shared.organizations.add(id, Tri::Yes);
            }
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
