//! Which accounts are scanned, and what the organization says of them.

use std::collections::{BTreeSet, HashMap};

use posture_model::{AccountId, Collected, Gap, Partition, Resource, Tags};
use posture_snapshot::AccountRecord;

use crate::ScanError;
use crate::cx::Cx;
use crate::operation::Operation;
use crate::prelude::client;
use crate::service::organizations::{self, Chart};
use crate::session::LIST_ACCOUNTS;

/// Which accounts of an organization to scan. Everything must hold of an account; a filter that is empty
/// holds of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Below one of these units: an id (`ou-...`, `r-...`) or a path (`Root/Workloads/Prod`).
    pub ous: Vec<String>,
    /// Below none of these.
    pub excluded_ous: Vec<String>,
    /// For each key that is named, a tag with one of the values named for it.
    pub tags: Vec<(String, String)>,
    /// Not one of these.
    pub excluded_accounts: Vec<AccountId>,
}

impl AccountFilter {
    /// Whether it asks for what only the organization knows.
    pub(crate) fn needs_organization(&self) -> bool {
        !(self.ous.is_empty() && self.excluded_ous.is_empty() && self.tags.is_empty())
    }
}

/// An account to scan, with what is known of it beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) id: AccountId,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) ou_path: Option<String>,
    /// None as long as nobody has asked.
    pub(crate) tags: Option<Tags>,
}

impl Target {
    pub(crate) fn bare(id: AccountId) -> Self {
        Self {
            id,
            name: None,
            email: None,
            ou_path: None,
            tags: None,
        }
    }

    /// The account's record before anything is known of its regions.
    pub(crate) fn record(&self, partition: &Partition) -> AccountRecord {
        AccountRecord {
            id: self.id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            ou_path: self.ou_path.clone(),
            tags: self.tags.clone().unwrap_or_default(),
            partition: partition.clone(),
            regions: Vec::new(),
            gaps: Vec::new(),
            ledger: Vec::new(),
        }
    }
}

/// The active accounts of the caller's organization.
pub(crate) async fn members(cx: &Cx) -> Result<Vec<Target>, Gap> {
    let client = client!(cx, aws_sdk_organizations);
    let listed = cx
        .list(
            &LIST_ACCOUNTS,
            |token| client.list_accounts().set_next_token(token).send(),
            |page| (page.accounts.unwrap_or_default(), page.next_token),
        )
        .await;
    if let Some(gap) = listed.gap {
        // A part of the organization would look like the whole.
        return Err(gap);
    }
    let mut members = Vec::new();
    for account in listed.items {
        // Suspended accounts answer to nobody; AWS itself calls them closed.
        let status = account.status.as_ref().map(|status| status.as_str());
        if status.is_some_and(|status| status != "ACTIVE") {
            continue;
        }
        let id = account
            .id
            .and_then(|id| AccountId::new(id).ok())
            .ok_or_else(|| cx.malformed(&LIST_ACCOUNTS))?;
        members.push(Target {
            name: account.name,
            email: account.email,
            ..Target::bare(id)
        });
    }
    Ok(members)
}

/// The accounts that pass the filter, with what was learnt on the way. What was not read decides nothing:
/// an account that may pass or not is an error, since leaving it out would be silent.
pub(crate) async fn filtered(
    cx: &Cx,
    filter: &AccountFilter,
    mut targets: Vec<Target>,
) -> Result<Vec<Target>, ScanError> {
    targets.retain(|target| !filter.excluded_accounts.contains(&target.id));
    if !(filter.ous.is_empty() && filter.excluded_ous.is_empty()) {
        targets = in_units(cx, filter, targets).await?;
    }
    if !filter.tags.is_empty() {
        targets = tagged(cx, &filter.tags, targets).await?;
    }
    Ok(targets)
}

async fn in_units(
    cx: &Cx,
    filter: &AccountFilter,
    targets: Vec<Target>,
) -> Result<Vec<Target>, ScanError> {
    let chart = organizations::chart(cx).await;
    let wanted = units(&chart, &filter.ous)?;
    let unwanted = units(&chart, &filter.excluded_ous)?;
    let mut kept = Vec::new();
    for target in targets {
        let place = match chart.place_of(cx, target.id.as_str()) {
            Collected::Known(place) => place,
            Collected::Absent => continue,
            Collected::Unavailable(gap) => {
                return Err(undecided("its organizational unit", &target.id, gap));
            }
        };
        let above = place.ids();
        let is_in = |units: &BTreeSet<String>| above.iter().any(|id| units.contains(id));
        if (filter.ous.is_empty() || is_in(&wanted)) && !is_in(&unwanted) {
            kept.push(Target {
                ou_path: Some(from_root(&place.shown_path())),
                ..target
            });
        }
    }
    Ok(kept)
}

/// The ids of the units that are named by id or path.
fn units(chart: &Chart, names: &[String]) -> Result<BTreeSet<String>, ScanError> {
    let mut found = BTreeSet::new();
    for name in names {
        let path = from_root(name);
        let mut named = chart
            .paths
            .iter()
            .filter(|(id, known)| *id == name || from_root(known) == path)
            .map(|(id, _)| id.clone())
            .peekable();
        if named.peek().is_none() {
            return Err(match &chart.gap {
                Some(gap) => ScanError::Undecided {
                    what: format!("whether there is an organizational unit {name:?}"),
                    gap: gap.clone(),
                },
                None => ScanError::OrganizationalUnit {
                    name: name.clone(),
                    known: chart.paths.values().map(|path| from_root(path)).collect(),
                },
            });
        }
        found.extend(named);
    }
    Ok(found)
}

/// A path as it is written: `Root/Workloads`, whether it came as that, as `/Workloads` or `Workloads`.
fn from_root(path: &str) -> String {
    let path = path.trim_matches('/');
    match path.strip_prefix("Root") {
        Some("") => "Root".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("Root{rest}"),
        _ if path.is_empty() => "Root".to_owned(),
        _ => format!("Root/{path}"),
    }
}

async fn tagged(
    cx: &Cx,
    wanted: &[(String, String)],
    targets: Vec<Target>,
) -> Result<Vec<Target>, ScanError> {
    let read = organizations::account_tags(cx, ids(&targets)).await;
    let mut kept = Vec::new();
    for (target, tags) in targets.iter().zip(read) {
        let tags = match tags {
            Collected::Known(tags) => tags,
            Collected::Absent => Tags::new(),
            Collected::Unavailable(gap) => return Err(undecided("its tags", &target.id, gap)),
        };
        if has_all(&tags, wanted) {
            kept.push(Target {
                tags: Some(tags),
                ..target.clone()
            });
        }
    }
    Ok(kept)
}

fn ids(targets: &[Target]) -> Vec<AccountId> {
    targets.iter().map(|target| target.id.clone()).collect()
}

/// Whether every key that is asked for has one of the values asked for.
fn has_all(tags: &Tags, wanted: &[(String, String)]) -> bool {
    let mut by_key: HashMap<&str, Vec<&str>> = HashMap::new();
    for (key, value) in wanted {
        by_key.entry(key).or_default().push(value);
    }
    by_key.iter().all(|(key, values)| {
        tags.get(*key)
            .is_some_and(|value| values.contains(&value.as_str()))
    })
}

fn undecided(what: &str, account: &AccountId, gap: Gap) -> ScanError {
    ScanError::Undecided {
        what: format!("whether account {account} is to be scanned: {what}"),
        gap,
    }
}

/// What the organization says of accounts beside their names.
#[derive(Debug, Default)]
pub(crate) struct Facts(HashMap<AccountId, Fact>);

#[derive(Debug)]
struct Fact {
    ou_path: Collected<String>,
    tags: Collected<Tags>,
}

impl Facts {
    /// Asks for what was not asked to choose the accounts.
    pub(crate) async fn read(cx: &Cx, targets: &[Target]) -> Self {
        let places = async {
            // All or none were placed when the accounts were chosen.
            if targets.iter().all(|target| target.ou_path.is_some()) {
                None
            } else {
                Some(organizations::chart(cx).await)
            }
        };
        let tags = async {
            if targets.iter().all(|target| target.tags.is_some()) {
                vec![Collected::Absent; targets.len()]
            } else {
                organizations::account_tags(cx, ids(targets)).await
            }
        };
        let (chart, tags) = tokio::join!(places, tags);
        let facts = targets.iter().zip(tags).map(|(target, tags)| {
            let ou_path = match &chart {
                None => Collected::Absent,
                Some(chart) => chart
                    .place_of(cx, target.id.as_str())
                    .map(|place| from_root(&place.shown_path())),
            };
            (target.id.clone(), Fact { ou_path, tags })
        });
        Self(facts.collect())
    }

    /// What the collector of AWS Organizations has read already.
    pub(crate) fn of(resources: &[Resource]) -> Self {
        let accounts = resources
            .iter()
            .filter(|resource| resource.r#type == "organizations.account");
        let facts = accounts.filter_map(|resource| {
            let id = AccountId::new(resource.id.clone()).ok()?;
            let path: Collected<String> = resource
                .properties
                .get("ou_path")
                .and_then(|value| serde_json::from_value(value.clone()).ok())?;
            let fact = Fact {
                ou_path: path.map(|path| from_root(&path)),
                tags: resource.tags.clone(),
            };
            Some((id, fact))
        });
        Self(facts.collect())
    }

    /// Adds what somebody else was told. What one could read goes before what another could not.
    pub(crate) fn merge(&mut self, others: Self) {
        for (id, other) in others.0 {
            let fact = self.0.entry(id).or_insert(Fact {
                ou_path: Collected::Absent,
                tags: Collected::Absent,
            });
            better(&mut fact.ou_path, other.ou_path);
            better(&mut fact.tags, other.tags);
        }
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills in what a record lacks. What could not be read is a gap of the account.
    pub(crate) fn complete(&self, record: &mut AccountRecord) {
        let Some(fact) = self.0.get(&record.id) else {
            return;
        };
        let gaps = [fact.ou_path.gap(), fact.tags.gap()];
        for gap in gaps.into_iter().flatten() {
            if !record.gaps.contains(gap) {
                record.gaps.push(gap.clone());
            }
        }
        if let Collected::Known(path) = &fact.ou_path {
            record.ou_path.get_or_insert_with(|| path.clone());
        }
        if let Collected::Known(tags) = &fact.tags
            && record.tags.is_empty()
        {
            record.tags = tags.clone();
        }
    }
}

fn better<T>(known: &mut Collected<T>, other: Collected<T>) {
    let replace = match (&*known, &other) {
        (Collected::Known(_), _) | (_, Collected::Absent) => false,
        (Collected::Absent, _) => true,
        (Collected::Unavailable(_), other) => other.gap().is_none(),
    };
    if replace {
        *known = other;
    }
}

/// The operations by which an organization is looked at for its accounts.
pub(crate) static OPERATIONS: &[&Operation] = &[
    &organizations::LIST_ACCOUNTS,
    &organizations::LIST_ROOTS,
    &organizations::LIST_ORGANIZATIONAL_UNITS,
    &organizations::LIST_ACCOUNTS_FOR_PARENT,
    &organizations::LIST_TAGS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_in_one_way() {
        for (written, path) in [
            ("Root/Workloads/Prod", "Root/Workloads/Prod"),
            ("/Workloads/Prod", "Root/Workloads/Prod"),
            ("Workloads/Prod/", "Root/Workloads/Prod"),
            ("Rooted", "Root/Rooted"),
            ("Root", "Root"),
            ("/", "Root"),
        ] {
            assert_eq!(from_root(written), path);
        }
    }

    #[test]
    fn keys_are_joined_by_and_and_values_by_or() {
        let tags: Tags = [("env", "prod"), ("team", "a")]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let asks = |wanted: &[(&str, &str)]| {
            let wanted: Vec<(String, String)> = wanted
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            has_all(&tags, &wanted)
        };
        assert!(asks(&[("env", "prod")]));
        assert!(asks(&[("env", "test"), ("env", "prod"), ("team", "a")]));
        assert!(!asks(&[("env", "prod"), ("team", "b")]));
        assert!(!asks(&[("owner", "a")]));
    }
}
