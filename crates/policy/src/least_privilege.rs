//! What a principal is granted, beside what it has used.
//!
//! AWS reports for each service that the policies of a user or role allow when it was last accessed, if it
//! was. What is granted in effect and was not accessed for long can go. What cannot be told is said: a
//! report that was not read, a service that AWS does not report on and a policy that was not read never
//! make a service unused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::document::{Body, Clause, Effect, Statement};
use crate::identity::{Grant, Grants, IdentitySet, Origin};
use crate::pattern::{FRESH, Pattern};
use crate::tri::{Tri, Undecided};

/// AWS looks back at least this many days, and further for nothing.
pub const TRACKED_DAYS: i64 = 400;

/// The last use of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// When, in seconds since 1970.
    pub at: i64,
    /// In which region, where the service has regions.
    pub region: Option<String>,
}

/// AWS's report on a principal: the services that its policies allow by the prefix of their actions, lower
/// case; none beside one that was not accessed in the time that AWS looks back.
pub type Report = BTreeMap<String, Option<Access>>;

/// What is known of a principal.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Its policies.
    pub set: &'a IdentitySet,
    /// The report on it, or why it was not read.
    pub report: Result<&'a Report, &'a str>,
    /// When it was made, in seconds since 1970, where that is known.
    pub created: Option<i64>,
}

/// What the use of a service amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Accessed lately.
    Used(Access),
    /// Accessed, but not lately.
    Idle(Access),
    /// Not accessed in the time that AWS looks back.
    Never,
    /// All that is granted is to pass roles, of which AWS reports no use.
    PassesRoles,
    /// Cannot be told, and why.
    Unknown(Undecided),
}

/// A service of which something is granted in effect, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The prefix of its actions.
    pub name: String,
    /// The statements that grant it: the position of the policy, and the statement's label.
    pub grants: Vec<(usize, String)>,
    /// What its use amounts to.
    pub standing: Standing,
}

impl Service {
    /// Whether it is granted and was certainly not used lately.
    pub fn is_unused(&self) -> bool {
        matches!(self.standing, Standing::Idle(_) | Standing::Never)
    }

    /// Whether it was used lately.
    pub fn is_used(&self) -> bool {
        matches!(self.standing, Standing::Used(_))
    }
}

/// A policy, by what of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyUse {
    /// The policy's name.
    pub name: String,
    /// How it comes to be in effect.
    pub origin: Origin,
    /// The services of which it grants something in effect, or may.
    pub services: Vec<String>,
    /// Whether it grants something, and all of that is unused.
    pub unused: Tri,
    /// Whether it also denies something: then it cannot go as a whole.
    pub denies: bool,
}

/// What a principal is granted, beside what it has used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastPrivilege {
    /// The services that are granted, by name.
    pub services: Vec<Service>,
    /// Whether services are granted that neither a policy nor the report names: what a wildcard covers is
    /// more than can be listed.
    pub beyond: Tri,
    /// Its policies, in their order.
    pub policies: Vec<PolicyUse>,
}

impl LeastPrivilege {
    /// The services that are granted and were certainly not used lately.
    pub fn unused(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.is_unused())
    }

    /// The services that are left when what is unused goes: those that are used, and those of which it
    /// cannot be told.
    pub fn remaining(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| !service.is_unused())
    }

    /// Whether a service is granted and was not used lately.
    pub fn leaves_unused(&self) -> Tri {
        let services = Tri::any(self.services.iter().map(|service| match &service.standing {
            Standing::Idle(_) | Standing::Never => Tri::Yes,
            Standing::Used(_) | Standing::PassesRoles => Tri::No,
            Standing::Unknown(reason) => Tri::Unknown(reason.clone().at(&service.name)),
        }));
        services.or(unreported(&self.beyond))
    }
}

/// What can be said of services that nothing names.
fn unreported(beyond: &Tri) -> Tri {
    match beyond {
        Tri::No => Tri::No,
        Tri::Yes => Tri::opaque("a wildcard grants services that AWS does not report on, too"),
        Tri::Unknown(reason) => Tri::Unknown(reason.clone()),
    }
}

/// Sets what a principal is granted beside what it has used. `now` is in seconds since 1970; what was not
/// used for more than `days` days is unused.
///
/// Granted is what the principal's own policies and those of its groups allow, within its boundary and
/// apart from what they deny; control policies and resources' policies are not looked at.
pub fn least_privilege(holder: &Holder<'_>, now: i64, days: i64) -> LeastPrivilege {
    let set = holder.set;
    let all = Grants::of(set);
    let mut names: BTreeSet<String> = set.mentioned_services().into_iter().collect();
    if let Ok(report) = holder.report {
        names.extend(report.keys().filter(|name| is_plain(name)).cloned());
    }
    let mut services = Vec::new();
    let mut by_policy: Vec<Vec<(usize, Tri)>> = vec![Vec::new(); set.policies.len()];
    for name in names {
        let grants = all.of_service(&name, None);
        let granted = all.granted(&grants);
        if granted.is_no() {
            continue;
        }
        for grant in &grants {
            if let Some(found) = by_policy.get_mut(grant.policy) {
                found.push((services.len(), grant.answer.clone()));
            }
        }
        let mut standing = last_use(holder, &name, now, days);
        if matches!(standing, Standing::Idle(_) | Standing::Never) {
            match granted {
                Tri::Unknown(reason) => standing = Standing::Unknown(reason),
                _ if only_passes_roles(&all, &name) => standing = Standing::PassesRoles,
                _ => {}
            }
        }
        services.push(Service {
            grants: labels(&grants),
            name,
            standing,
        });
    }
    let open = all.of_service(FRESH, None);
    let beyond = all.granted(&open);
    for grant in &open {
        if let Some(found) = by_policy.get_mut(grant.policy) {
            found.push((usize::MAX, grant.answer.clone()));
        }
    }
    let policies = set
        .policies
        .iter()
        .zip(by_policy)
        .map(|(named, granted)| {
            let mut of: Vec<usize> = granted.iter().map(|(index, _)| *index).collect();
            of.dedup();
            let listed = || of.iter().filter_map(|index| services.get(*index));
            let something = Tri::any(granted.iter().map(|(_, answer)| answer.clone()));
            let all_unused = Tri::all(of.iter().map(|index| match services.get(*index) {
                Some(service) => match &service.standing {
                    Standing::Idle(_) | Standing::Never => Tri::Yes,
                    Standing::Used(_) => Tri::No,
                    Standing::PassesRoles => Tri::opaque("AWS reports no use of iam:PassRole"),
                    Standing::Unknown(reason) => Tri::Unknown(reason.clone()),
                },
                // Services that nothing names.
                None => unreported(&Tri::Yes),
            }));
            PolicyUse {
                name: named.name.clone(),
                origin: named.origin.clone(),
                services: listed().map(|service| service.name.clone()).collect(),
                unused: something.and(all_unused),
                denies: named.policy.statements.iter().any(Statement::may_deny),
            }
        })
        .collect();
    LeastPrivilege {
        services,
        beyond,
        policies,
    }
}

/// What the report says about a service.
fn last_use(holder: &Holder<'_>, service: &str, now: i64, days: i64) -> Standing {
    let unknown = |why: String| Standing::Unknown(Undecided::opaque(why));
    let report = match holder.report {
        Ok(report) => report,
        Err(why) => return unknown(why.to_owned()),
    };
    let age = |at: i64| (now - at).div_euclid(24 * 60 * 60);
    match report.get(service) {
        None => unknown("AWS does not report on this service".to_owned()),
        Some(Some(access)) if age(access.at) <= days => Standing::Used(access.clone()),
        Some(Some(access)) => Standing::Idle(access.clone()),
        Some(None) => match holder.created.map(age) {
            None => unknown("when it was made is not known".to_owned()),
            Some(age) if age <= days => unknown(format!("made less than {days} days ago")),
            Some(_) => Standing::Never,
        },
    }
}

/// Whether nothing is granted of a service but to pass roles. Who passes one calls another service, so a
/// use of that permission is reported nowhere.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>
fn only_passes_roles(all: &Grants<'_>, service: &str) -> bool {
    static NOT_THIS: LazyLock<Statement> = LazyLock::new(|| Statement {
        number: 1,
        sid: None,
        effect: Some(Effect::Deny),
        body: Ok(Body {
            principals: None,
            // No other action of IAM begins like that.
            actions: Clause::Only(vec![Pattern::action("iam:Pass*")]),
            resources: Some(Clause::Only(vec![Pattern::everything()])),
            conditions: Vec::new(),
        }),
    });
    service == "iam"
        && !all
            .granted(&all.of_service(service, Some(&NOT_THIS)))
            .is_yes()
}

fn labels(grants: &[Grant<'_>]) -> Vec<(usize, String)> {
    grants
        .iter()
        .map(|grant| (grant.policy, grant.statement.label()))
        .collect()
}

/// Whether a text is the prefix of actions, and nothing that a pattern would take for a wildcard.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
