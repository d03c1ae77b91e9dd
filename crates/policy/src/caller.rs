//! Who asks, and which context such a caller can bring about.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::condition::{Comparison, Condition, Fact, Operand};
use crate::document::{Clause, Principal, account_of_arn};
use crate::pattern::{FRESH, Pattern, VariableValue};
use crate::public::ResourceContext;
use crate::tri::Tri;

/// An account id that nobody has.
const STRANGE_ACCOUNT: &str = "000000000000";
/// Stands for the organization of the resource where it is not known; no stranger has it.
const OWN_ORGANIZATION: &str = "(the organization of the resource)";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// Anyone: anonymous, or with credentials of an account that nobody named.
    Stranger {
        /// Does not know the external id that a trust policy may ask for.
        without_external_id: bool,
    },
    /// Someone of this account; of this ARN, where a statement names one.
    Account {
        id: String,
        arn: Option<String>,
        /// The caller does not know the external id that a trust policy may ask for.
        without_external_id: bool,
    },
    /// A service that acts on behalf of someone's resource.
    Service { name: String, source: Source },
    /// A stranger with a token of this identity provider. `open` are the claims that a stranger
    /// gets to choose, or whose values others have; all the other claims are as the policy wants.
    Federated { provider: String, open: Vec<String> },
    /// The principal to which the policies are attached.
    Holder,
}

/// On behalf of whose resource a service acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A stranger's.
    Strange,
    /// That of an account.
    Account(String),
    /// Whichever the policy wants.
    Any,
}

impl Caller {
    pub(crate) const STRANGER: Self = Self::Stranger {
        without_external_id: false,
    };

    pub(crate) fn service(name: &str, source: Source) -> Self {
        Self::Service {
            name: name.to_owned(),
            source,
        }
    }

    /// Whether a principal element covers the caller.
    pub(crate) fn is_named(&self, clause: Option<&Clause<Principal>>) -> Tri {
        match (self, clause) {
            (Self::Holder, None) => Tri::Yes,
            (Self::Holder, Some(_)) => Tri::opaque("an identity policy has a principal"),
            (_, None) => Tri::opaque("a resource policy has no principal"),
            (_, Some(Clause::Only(list))) => Tri::any(list.iter().map(|p| self.is(p))),
            (_, Some(Clause::Except(list))) => !Tri::any(list.iter().map(|p| self.is(p))),
        }
    }

    fn is(&self, principal: &Principal) -> Tri {
        match (self, principal) {
            (_, Principal::Everyone) => Tri::Yes,
            (Self::Account { id, .. }, Principal::Account(account)) => Tri::from(id == account),
            (Self::Account { arn: Some(own), .. }, Principal::Arn { arn, .. }) => {
                Tri::from(own == arn)
            }
            (Self::Service { name, .. }, Principal::Service(service)) => Tri::from(name == service),
            (Self::Federated { provider, .. }, Principal::Federated(name)) => {
                Tri::from(provider == name)
            }
            (Self::Account { .. }, Principal::CanonicalUser(_)) => {
                Tri::opaque("a canonical user id does not tell its account")
            }
            (
                caller,
                Principal::Malformed {
                    text,
                    account: None,
                },
            ) if *caller != Self::Holder => Tri::opaque(format!(
                "principal {} is not of a documented form",
                crate::document::printable(text)
            )),
            (
                Self::Account { id, .. },
                Principal::Malformed {
                    text,
                    account: Some(account),
                },
            ) if id == account => Tri::opaque(format!(
                "principal {} is not of a documented form",
                crate::document::printable(text)
            )),
            _ => Tri::No,
        }
    }
}

/// What is known about a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Says who or from where, and cannot be made up: a fixed value shuts strangers out.
    Pin,
    /// Anyone can bring it about, or it says nothing about the caller.
    Open,
    /// Not a key that this build knows.
    Unknown,
}

fn kind(key: &str) -> Kind {
    match key {
        "aws:principalorgid"
        | "aws:principalorgpaths"
        | "aws:principalaccount"
        | "aws:principalarn"
        | "aws:principalservicename"
        | "aws:principalservicenameslist"
        | "aws:userid"
        | "aws:sourcearn"
        | "aws:sourceaccount"
        | "aws:sourceowner"
        | "aws:sourceorgid"
        | "aws:sourceorgpaths"
        | "aws:sourcevpc"
        | "aws:sourcevpce"
        | "aws:sourcevpcarn"
        | "aws:vpceaccount"
        | "aws:vpceorgid"
        | "aws:vpceorgpaths"
        | "aws:ec2instancesourcevpc"
        | "ec2:sourceinstancearn"
        | "lambda:sourcefunctionarn"
        | "lambda:eventsourcetoken"
        | "s3:dataaccesspointarn"
        | "s3:dataaccesspointaccount"
        | "kms:calleraccount"
        | "elasticfilesystem:accessedviamounttarget"
        | "elasticfilesystem:accesspointarn" => Kind::Pin,
        // Session names, tags, clients and times are the caller's to choose.
        "aws:sourceip"
        | "aws:vpcsourceip"
        | "aws:ec2instancesourceprivateipv4"
        | "aws:securetransport"
        | "aws:username"
        | "aws:referer"
        | "aws:useragent"
        | "aws:currenttime"
        | "aws:epochtime"
        | "aws:tokenissuetime"
        | "aws:multifactorauthage"
        | "aws:multifactorauthpresent"
        | "aws:assumedroot"
        | "aws:chatbotsourcearn"
        | "aws:federatedprovider"
        | "aws:principaltype"
        | "aws:principalisawsservice"
        | "aws:viaawsservice"
        | "aws:calledvia"
        | "aws:calledviafirst"
        | "aws:calledvialast"
        | "aws:requestedregion"
        | "aws:resourceaccount"
        | "aws:resourceorgid"
        | "aws:resourceorgpaths"
        | "aws:sourceidentity"
        | "aws:tagkeys"
        | "sns:protocol"
        | "lambda:functionurlauthtype"
        | "lambda:invokedviafunctionurl"
        | "lambda:functionarn"
        | "kms:viaservice"
        | "kms:encryptioncontextkeys"
        | "kms:grantisforawsresource"
        | "kms:grantoperations"
        | "kms:granteeprincipal"
        | "kms:grantconstrainttype"
        | "kms:keyspec"
        | "kms:keyusage"
        | "kms:requestalias"
        | "kms:resourcealiases"
        | "sts:externalid"
        | "sts:rolesessionname"
        | "sts:sourceidentity"
        | "sts:transitivetagkeys"
        | "sts:durationseconds"
        | "sts:awsservicename"
        | "ecr:resourcetag"
        | "iam:passedtoservice"
        | "secretsmanager:versionstage"
        | "secretsmanager:versionid" => Kind::Open,
        _ if key.starts_with("aws:principaltag/")
            || key.starts_with("aws:requesttag/")
            || key.starts_with("aws:resourcetag/")
            || key.starts_with("kms:encryptioncontext:")
            // The keys of S3 that pin are listed by its definition of public; the others do not.
            || key.starts_with("s3:") =>
        {
            Kind::Open
        }
        _ => Kind::Unknown,
    }
}

/// Candidates for a key: what this caller can make it be, as far as the conditions tell apart.
pub(crate) fn domain(
    key: &str,
    caller: &Caller,
    context: &ResourceContext<'_>,
    conditions: &[&Condition],
) -> Vec<Fact> {
    let mentions: Vec<&Condition> = conditions
        .iter()
        .copied()
        .filter(|c| c.key_lower() == key)
        .collect();
    // The resource's own side is the same whoever asks.
    match key {
        "aws:resourceaccount" => {
            return context
                .account
                .map_or_else(|| vec![Fact::Unknown], |account| vec![one(account)]);
        }
        "aws:resourceorgid" => {
            return match context.organization {
                Some(id) => vec![one(id)],
                // As a variable it differs from every stranger's; a literal is the author's own.
                None if mentions.is_empty() => vec![one(OWN_ORGANIZATION)],
                None => values(literals(&mentions)),
            };
        }
        "aws:resourceorgpaths" if mentions.is_empty() => {
            return vec![one(context.organization.unwrap_or(OWN_ORGANIZATION))];
        }
        "aws:securetransport" => return vec![one("true"), one("false")],
        "aws:currenttime" | "aws:epochtime" => {
            return match (context.now, caller) {
                (Some(now), _) => vec![one(&now.to_string())],
                // Whoever holds a permission that has a term is judged as within it.
                (None, Caller::Holder) => optional(false, open(&mentions)),
                (None, _) => vec![Fact::Unknown],
            };
        }
        _ => {}
    }
    match caller {
        Caller::Stranger {
            without_external_id,
        } => match (key, kind(key)) {
            ("sts:externalid", _) if *without_external_id => {
                optional(true, strange(key, caller, &mentions))
            }
            ("aws:sourceip", _) => optional(true, strange_addresses(&mentions)),
            ("aws:principalisawsservice", _) => vec![Fact::Absent, one("false")],
            (_, Kind::Pin) => optional(true, strange(key, caller, &mentions)),
            (_, Kind::Open) => optional(true, open(&mentions)),
            (_, Kind::Unknown) => vec![Fact::Unknown],
        },
        Caller::Account {
            id,
            arn,
            without_external_id,
        } => match key {
            "aws:principalaccount" | "kms:calleraccount" => vec![one(id)],
            "aws:sourceaccount"
            | "aws:sourceowner"
            | "aws:vpceaccount"
            | "s3:dataaccesspointaccount" => vec![Fact::Absent, one(id)],
            "aws:principalisawsservice" => vec![one("false")],
            "aws:principalservicename" | "aws:principalservicenameslist" => vec![Fact::Absent],
            "aws:principalarn" => match arn {
                Some(arn) => vec![one(arn)],
                None => {
                    let mut texts = open(&mentions);
                    texts.retain(|text| account_of_arn(text).is_none_or(|account| account == id));
                    texts.insert(format!("arn:aws:iam::{id}:role/{FRESH}"));
                    values(texts)
                }
            },
            "aws:sourcearn" | "s3:dataaccesspointarn" => {
                let mut texts = open(&mentions);
                texts.retain(|text| account_of_arn(text).is_none_or(|account| account == id));
                optional(true, texts)
            }
            "sts:externalid" if *without_external_id => {
                optional(true, strange(key, caller, &mentions))
            }
            _ => optional(true, open(&mentions)),
        },
        Caller::Service { name, source } => match (key, source) {
            ("aws:principalisawsservice", _) => vec![one("true")],
            ("aws:principalservicename", _) => vec![one(name)],
            (
                "aws:sourcevpc"
                | "aws:sourcevpce"
                | "aws:principalorgid"
                | "aws:principalorgpaths"
                | "aws:principalaccount"
                | "aws:principalarn",
                _,
            ) => vec![Fact::Absent],
            (
                "aws:sourcearn"
                | "aws:sourceaccount"
                | "aws:sourceowner"
                | "aws:sourceorgid"
                | "aws:sourceorgpaths"
                | "lambda:eventsourcetoken",
                Source::Strange,
            ) => optional(true, strange(key, caller, &mentions)),
            ("aws:sourceaccount" | "aws:sourceowner", Source::Account(id)) => {
                vec![Fact::Absent, one(id)]
            }
            ("aws:sourcearn", Source::Account(id)) => {
                let mut texts = open(&mentions);
                texts.retain(|text| account_of_arn(text).is_none_or(|account| account == id));
                optional(true, texts)
            }
            _ => optional(true, open(&mentions)),
        },
        Caller::Federated { open: claims, .. } => {
            if claims.iter().any(|claim| claim == key) {
                optional(true, strange(key, caller, &mentions))
            } else {
                optional(true, open(&mentions))
            }
        }
        Caller::Holder => optional(true, open(&mentions)),
    }
}

fn one(text: &str) -> Fact {
    Fact::Values(vec![text.to_owned()])
}

fn values(texts: BTreeSet<String>) -> Vec<Fact> {
    optional(false, texts)
}

fn optional(absent: bool, texts: BTreeSet<String>) -> Vec<Fact> {
    // Fresh and absent first: what lets anyone in is found soonest there.
    let mut facts: Vec<Fact> = absent.then_some(Fact::Absent).into_iter().collect();
    facts.extend(texts.into_iter().map(|text| Fact::Values(vec![text])));
    facts
}

fn literals(mentions: &[&Condition]) -> BTreeSet<String> {
    let mut texts = open(mentions);
    if texts.len() > 1 {
        texts.remove(FRESH);
    }
    texts
}

/// Values on either side of every comparison, for a key that the caller controls.
fn open(mentions: &[&Condition]) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([FRESH.to_owned()]);
    for (operator, operand) in operands(mentions) {
        match operand {
            Operand::Text(pattern) => {
                texts.insert(instance(pattern));
            }
            Operand::Arn { whole, .. } => {
                texts.insert(instance(whole));
                texts.insert(format!("arn:aws:iam::{STRANGE_ACCOUNT}:user/{FRESH}"));
            }
            Operand::Number(number) => {
                texts.extend([-1.0, 0.0, 1.0].map(|d| (number.value() + d).to_string()));
            }
            Operand::Date(date) => {
                texts.extend([-1.0, 0.0, 1.0].map(|d| (date.value() + d).to_string()));
            }
            Operand::Bool(_) if operator == Comparison::Null => {}
            Operand::Bool(_) => texts.extend(["true".to_owned(), "false".to_owned()]),
            Operand::Binary(text) => {
                texts.insert(text.clone());
            }
            Operand::Net(block) => {
                texts.insert(block.network().to_string());
                texts.insert("192.0.2.1".to_owned());
                texts.insert("2001:db8::1".to_owned());
            }
        }
    }
    texts
}

/// Values that a stranger can have for a key that cannot be made up.
fn strange(key: &str, caller: &Caller, mentions: &[&Condition]) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([match key {
        "aws:principalaccount"
        | "aws:sourceaccount"
        | "aws:sourceowner"
        | "aws:vpceaccount"
        | "kms:calleraccount"
        | "s3:dataaccesspointaccount" => STRANGE_ACCOUNT.to_owned(),
        "aws:principalarn" => format!("arn:aws:iam::{STRANGE_ACCOUNT}:user/{FRESH}"),
        _ => FRESH.to_owned(),
    }]);
    for (_, operand) in operands(mentions) {
        match operand {
            Operand::Text(pattern) if !is_fixed(key, caller, pattern) => {
                texts.insert(instance(pattern));
            }
            Operand::Arn { whole, .. } => {
                if is_fixed(key, caller, whole) {
                    texts.insert(format!("arn:aws:iam::{STRANGE_ACCOUNT}:user/{FRESH}"));
                } else {
                    texts.insert(instance(whole));
                }
            }
            Operand::Bool(_) | Operand::Number(_) | Operand::Date(_) | Operand::Binary(_) => {
                texts.insert("false".to_owned());
            }
            Operand::Text(_) | Operand::Net(_) => {}
        }
    }
    texts
}

fn operands<'c>(mentions: &[&'c Condition]) -> impl Iterator<Item = (Comparison, &'c Operand)> {
    mentions
        .iter()
        .filter_map(|c| c.compiled.as_ref().ok())
        .flat_map(|(operator, operands)| operands.iter().map(|o| (operator.comparison, o)))
        .collect::<Vec<_>>()
        .into_iter()
}

fn instance(pattern: &Pattern) -> String {
    match pattern.resolve(|_| VariableValue::Value(FRESH.to_owned())) {
        crate::pattern::Resolved::Pattern(pattern) => pattern.sample(),
        _ => FRESH.to_owned(),
    }
}

/// Whether only those whom the author meant can match.
fn is_fixed(key: &str, caller: &Caller, pattern: &Pattern) -> bool {
    // Variables of the resource's own side are no stranger's to choose.
    if pattern.variables().next().is_some() {
        return pattern.variables().all(|v| v.starts_with("aws:resource"))
            && !pattern.text().contains(['*', '?']);
    }
    match key {
        "aws:sourcearn"
        | "aws:principalarn"
        | "s3:dataaccesspointarn"
        | "aws:sourcevpcarn"
        | "ec2:sourceinstancearn"
        | "lambda:sourcefunctionarn"
        | "elasticfilesystem:accesspointarn" => {
            if account_of_arn(pattern.text()).is_some() {
                return true;
            }
            match caller {
                // Bucket names are free again once a bucket is deleted: the service needs to be
                // told the account as well.
                Caller::Service { .. } => false,
                _ => pattern.is_literal() || names_a_bucket(pattern.text()),
            }
        }
        "aws:principalorgpaths" | "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
            pattern.is_literal() || pattern.literal_prefix().contains('/')
        }
        _ if matches!(caller, Caller::Federated { .. }) => is_fixed_claim(key, pattern),
        _ => pattern.is_literal(),
    }
}

/// `arn:aws:s3:*:*:bucket`, as AWS's own examples write it: bucket names are unique.
fn names_a_bucket(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "s3", _, _, bucket]
        if !bucket.is_empty() && !bucket.contains(['*', '?', '$']))
}

/// Whether a claim of a token is pinned to one tenant of its provider.
///
/// Subjects are paths (`repo:org/name:ref:...`, `organization:acme:project:...`), of which the part
/// after the first label names the tenant; it must be whole, because anyone can register a name that
/// starts like another's. `system:serviceaccount:namespace:name` has its tenant one step later.
fn is_fixed_claim(key: &str, pattern: &Pattern) -> bool {
    if pattern.is_literal() {
        return true;
    }
    if !key.ends_with(":sub") {
        // `repository`, `job_workflow_ref` and the like start with the owner.
        return pattern
            .literal_prefix()
            .split_once('/')
            .is_some_and(|(owner, _)| !owner.is_empty());
    }
    let prefix = pattern.literal_prefix();
    let tenant = prefix
        .strip_prefix("system:serviceaccount:")
        .or_else(|| prefix.split_once(':').map(|(_, rest)| rest));
    tenant.is_some_and(|rest| rest.find([':', '/']).is_some_and(|end| end > 0))
}

/// Addresses from which a stranger can come: any that no narrow block takes in.
fn strange_addresses(mentions: &[&Condition]) -> BTreeSet<String> {
    let mut narrow: Vec<IpNet> = Vec::new();
    let mut wide: Vec<IpNet> = vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    for condition in mentions {
        // Together: blocks that add up to a wide one are as good as that.
        let blocks: Vec<IpNet> = operands(&[condition])
            .filter_map(|(_, operand)| match operand {
                Operand::Net(block) => Some(*block),
                _ => None,
            })
            .collect();
        for block in IpNet::aggregate(&blocks) {
            if is_wide(&block) {
                wide.push(block);
            } else {
                narrow.push(block);
            }
        }
    }
    narrow.extend(private_blocks());
    wide.iter()
        .filter_map(|block| first_outside(block, &narrow))
        .map(|ip| ip.to_string())
        .collect()
}

/// Wider than what the definition of public accepts as a range of addresses that someone owns.
pub(crate) fn is_wide(block: &IpNet) -> bool {
    let limit = match block {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 32,
    };
    block.prefix_len() < limit && !private_blocks().iter().any(|p| p.contains(block))
}

fn private_blocks() -> Vec<IpNet> {
    let v4 = |a, b, len| Ipv4Net::new(Ipv4Addr::new(a, b, 0, 0), len).map(IpNet::V4);
    let v6 = |a, len| Ipv6Net::new(Ipv6Addr::new(a, 0, 0, 0, 0, 0, 0, 0), len).map(IpNet::V6);
    [
        v4(0, 0, 8),
        v4(10, 0, 8),
        v4(100, 64, 10),
        v4(127, 0, 8),
        v4(169, 254, 16),
        v4(172, 16, 12),
        v4(192, 168, 16),
        v6(0, 16),
        v6(0xfc00, 7),
        v6(0xfe80, 10),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The lowest address of a block that is in none of the others.
fn first_outside(block: &IpNet, others: &[IpNet]) -> Option<IpAddr> {
    // It is the start of the block, or it follows the end of another one.
    std::iter::once(Some(block.network()))
        .chain(others.iter().map(|other| next(other.broadcast())))
        .flatten()
        .filter(|ip| block.contains(ip) && !others.iter().any(|other| other.contains(ip)))
        .min()
}

fn next(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip)
            .checked_add(1)
            .map(|n| IpAddr::V4(Ipv4Addr::from(n))),
        IpAddr::V6(ip) => u128::from(ip)
            .checked_add(1)
            .map(|n| IpAddr::V6(Ipv6Addr::from(n))),
    }
}
