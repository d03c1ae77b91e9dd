//! Who makes a request, and how policies name it.

use crate::document::{Clause, Principal, is_account_id, printable};
use crate::tri::Tri;

/// What kind of identity makes a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The root user of an account.
    Root,
    /// An IAM user.
    User,
    /// A role, in whichever session.
    Role,
    /// One session of a role.
    Session {
        /// The role's name, without its path.
        role: String,
    },
    /// A session of `sts:GetFederationToken`.
    FederatedUser,
    /// An AWS service.
    Service,
    /// A user of an identity provider, before it has a role.
    Federated,
    /// Nobody in particular: a request without credentials.
    Anonymous,
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requester {
    /// The ARN, a service's name, or `*` for an anonymous one.
    pub arn: String,
    /// The account that it belongs to; services and anonymous callers have none.
    pub account: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// What is wrong with the name of a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} names no principal: give the ARN of a user, a role, a role's session or a root user, an \
     account id, a service such as lambda.amazonaws.com, or * for a caller without credentials"
)]
pub struct NotAPrincipal(String);

impl Requester {
    /// Reads a principal's name.
    pub fn parse(text: &str) -> Result<Self, NotAPrincipal> {
        let wrong = || NotAPrincipal(printable(text));
        let of = |account: Option<&str>, kind| Self {
            arn: text.to_owned(),
            account: account.map(str::to_owned),
            kind,
        };
        if text == "*" {
            return Ok(of(None, Kind::Anonymous));
        }
        if is_account_id(text) {
            return Ok(Self {
                arn: format!("arn:aws:iam::{text}:root"),
                ..of(Some(text), Kind::Root)
            });
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else {
            let service = text
                .strip_suffix(".amazonaws.com")
                .or_else(|| text.strip_suffix(".amazonaws.com.cn"));
            return match service {
                Some(name) if !name.is_empty() && !name.contains(['*', '?', '/', ':']) => {
                    Ok(of(None, Kind::Service))
                }
                _ => Err(wrong()),
            };
        };
        if partition.is_empty() || !is_account_id(account) || resource.contains(['*', '?']) {
            return Err(wrong());
        }
        let (noun, name) = resource.split_once('/').unwrap_or((resource, ""));
        let kind = match (*service, noun, name.is_empty()) {
            ("iam", "root", true) => Kind::Root,
            ("iam", "user", false) => Kind::User,
            ("iam", "role", false) => Kind::Role,
            ("iam", "saml-provider" | "oidc-provider", false) => Kind::Federated,
            ("sts", "assumed-role", false) => match name.split_once('/') {
                Some((role, session)) if !role.is_empty() && !session.is_empty() => Kind::Session {
                    role: role.to_owned(),
                },
                _ => return Err(wrong()),
            },
            ("sts", "federated-user", false) => Kind::FederatedUser,
            _ => return Err(wrong()),
        };
        Ok(of(Some(account), kind))
    }

    /// Its name without path, as `aws:username` has it.
    pub fn name(&self) -> &str {
        self.arn.rsplit(['/', ':']).next().unwrap_or_default()
    }

    /// Whether it is a user or a role by itself.
    pub fn is_user_or_role(&self) -> bool {
        matches!(self.kind, Kind::User | Kind::Role)
    }

    /// Whether AWS made it for a service; control policies do not bind such a role.
    pub(crate) fn is_service_linked(&self) -> bool {
        self.kind == Kind::Role && self.arn.contains(":role/aws-service-role/")
    }

    /// Whether it holds identity policies, as a user or a role does.
    pub(crate) fn has_identity(&self) -> bool {
        matches!(
            self.kind,
            Kind::User | Kind::Role | Kind::Session { .. } | Kind::FederatedUser
        )
    }

    /// Whether a statement of a resource policy names it, by each way of naming, in the order of
    /// [`Naming`].
    pub(crate) fn named(&self, clause: Option<&Clause<Principal>>, denies: bool) -> [Tri; 4] {
        let mut named = [Tri::No, Tri::No, Tri::No, Tri::No];
        let mut add = |naming: Naming, answer: Tri| {
            if let Some(slot) = named.get_mut(naming as usize) {
                *slot = std::mem::replace(slot, Tri::No).or(answer);
            }
        };
        match clause {
            None => add(
                Naming::Everyone,
                Tri::opaque("a resource policy has no principal"),
            ),
            Some(Clause::Only(list)) => {
                for principal in list {
                    let (naming, answer) = self.is(principal);
                    add(naming, answer);
                }
            }
            Some(Clause::Except(list)) => add(Naming::Everyone, !self.is_excepted(list, denies)),
        }
        named
    }

    fn is_excepted(&self, list: &[Principal], denies: bool) -> Tri {
        let mut listed = Tri::No;
        let (mut by_account, mut itself, mut everyone) = (false, false, false);
        for (naming, answer) in list.iter().map(|principal| self.is(principal)) {
            if answer.is_yes() {
                by_account |= naming == Naming::Account;
                itself |= naming < Naming::Everyone;
                everyone |= naming == Naming::Everyone;
            }
            listed = listed.or(answer);
        }
        // Of a principal in an account both must be excepted, and AWS does not say what becomes of one
        // without the other.
        if listed.is_yes()
            && denies
            && !everyone
            && self.account.is_some()
            && self.kind != Kind::Root
            && by_account != itself
        {
            return Tri::opaque(
                "NotPrincipal lists the principal without its account, or the account without the \
                 principal",
            );
        }
        listed
    }

    fn is(&self, principal: &Principal) -> (Naming, Tri) {
        let own = |account: &str| self.account.as_deref() == Some(account);
        match principal {
            Principal::Everyone => (Naming::Everyone, Tri::Yes),
            Principal::Account(id) if own(id) => match self.kind {
                Kind::Root => (Naming::Itself, Tri::Yes),
                _ => (Naming::Account, Tri::Yes),
            },
            Principal::Arn { account, arn } if own(account) => self.is_arn(arn),
            Principal::Service(name) | Principal::Federated(name) => {
                (Naming::Itself, Tri::from(*name == self.arn))
            }
            Principal::CanonicalUser(_) if self.account.is_some() => (
                Naming::Account,
                Tri::opaque("a canonical user id does not tell its account"),
            ),
            Principal::Malformed { text, account } => match account {
                Some(account) if !own(account) => (Naming::Account, Tri::No),
                // Whom it is meant to name, and how, cannot be told.
                _ => (
                    Naming::Everyone,
                    Tri::opaque(format!(
                        "principal {} is not of a documented form",
                        printable(text)
                    )),
                ),
            },
            _ => (Naming::Account, Tri::No),
        }
    }

    fn is_arn(&self, arn: &str) -> (Naming, Tri) {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match &self.kind {
            Kind::Role if arn == self.arn => (Naming::Role, Tri::Yes),
            Kind::Role => {
                let session = resource
                    .strip_prefix("assumed-role/")
                    .and_then(|rest| rest.split_once('/'));
                match session {
                    Some((role, _)) if role == self.name() => (
                        Naming::Itself,
                        Tri::depends("depends on the name of the role's session"),
                    ),
                    _ => (Naming::Itself, Tri::No),
                }
            }
            Kind::Session { role } => {
                if arn == self.arn {
                    return (Naming::Itself, Tri::Yes);
                }
                // The session's ARN does not tell the role's path.
                let named = resource.starts_with("role/")
                    && resource.rsplit('/').next() == Some(role.as_str());
                (Naming::Role, Tri::from(named))
            }
            _ => (Naming::Itself, Tri::from(arn == self.arn)),
        }
    }
}

/// How a policy names a requester, the strongest first: what else has to allow depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// The user, the session, the service.
    Itself,
    /// The role of the session.
    Role,
    /// `*`, or by not being excepted.
    Everyone,
    /// Its account, which may pass the permission on.
    Account,
}
