//! AWS Organizations. Every member may ask which organization it is in; the rest is open to the
//! management account and to delegated administrators, and a gap elsewhere.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{
    Account as SdkAccount, Organization as SdkOrganization, PolicySummary, PolicyType,
    PolicyTypeStatus, Root, Tag,
};
use posture_model::AccountId;
use posture_model::organizations::{Account, Organization, OrganizationalUnit, Policy};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "organizations":
    DESCRIBE_ORGANIZATION = "DescribeOrganization" => "organizations:DescribeOrganization",
    DESCRIBE_POLICY = "DescribePolicy" => "organizations:DescribePolicy",
    LIST_ACCOUNTS = "ListAccounts" => "organizations:ListAccounts",
    LIST_ACCOUNTS_FOR_PARENT = "ListAccountsForParent" => "organizations:ListAccountsForParent",
    LIST_ORGANIZATIONAL_UNITS = "ListOrganizationalUnitsForParent" => "organizations:ListOrganizationalUnitsForParent",
    LIST_POLICIES = "ListPolicies" => "organizations:ListPolicies",
    LIST_ROOTS = "ListRoots" => "organizations:ListRoots",
    LIST_TAGS = "ListTagsForResource" => "organizations:ListTagsForResource",
    LIST_TARGETS = "ListTargetsForPolicy" => "organizations:ListTargetsForPolicy",
}

pub(crate) const SERVICE: Service = Service {
    name: "organizations",
    placement: Placement::Global,
    regional_types: &[],
    global_types: &[
        Organization::TYPE,
        Account::TYPE,
        OrganizationalUnit::TYPE,
        Policy::TYPE,
    ],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// How Organizations says that the account is in no organization.
const NOT_IN_USE: &str = "AWSOrganizationsNotInUseException";

/// A listing of which single items may be malformed.
type Items<T> = Listed<Result<T, Gap>>;

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_organizations);
    let organization = cx
        .get(&DESCRIBE_ORGANIZATION, &[NOT_IN_USE], || {
            client.describe_organization().send()
        })
        .await;
    if organization == Collected::Absent {
        cx.publish::<Organization>(None, []);
        cx.publish::<Account>(None, []);
        cx.publish::<OrganizationalUnit>(None, []);
        cx.publish::<Policy>(None, []);
        return;
    }
    // What an organization holds belongs to its management account. AWS offers the listings there and
    // to delegated administrators only; a refusal elsewhere is how AWS works, not a missing permission.
    let member = organization
        .known()
        .and_then(|output| output.organization.as_ref())
        .and_then(|found| found.master_account_id.as_deref())
        .is_some_and(|management| management != cx.account().as_str());
    let (accounts, (roots, (tree, ()))) = tokio::join!(accounts(&cx, &client, member), async {
        let roots = roots(&cx, &client, member).await;
        let after = tokio::join!(
            tree(&cx, &client, &roots, Depth::WithTags),
            policies(&cx, &client, &roots)
        );
        (roots, after)
    });

    match organization.map(|output| output.organization) {
        Collected::Known(Some(found)) => {
            cx.publish(None, [describe(&cx, found, enabled_types(&roots))]);
        }
        Collected::Known(None) | Collected::Absent => {
            cx.publish::<Organization>(Some(cx.malformed(&DESCRIBE_ORGANIZATION)), []);
        }
        Collected::Unavailable(gap) => cx.publish::<Organization>(Some(gap), []),
    }
    let found = accounts
        .items
        .into_iter()
        .map(|item| item.and_then(|(found, tags)| account(&cx, &tree, found, tags)));
    cx.publish(accounts.gap, found);
    cx.publish(tree.gap, tree.units);
}

fn describe(
    cx: &Cx,
    found: SdkOrganization,
    enabled_policy_types: Collected<Vec<String>>,
) -> Result<TypedResource<Organization>, Gap> {
    let (Some(arn), Some(id)) = (found.arn, found.id) else {
        return Err(cx.malformed(&DESCRIBE_ORGANIZATION));
    };
    let identity = Identity {
        name: id.clone(),
        id,
        arn,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Organization {
        feature_set: found.feature_set.map(|set| set.as_str().to_owned()),
        management_account_id: found.master_account_id,
        enabled_policy_types,
    };
    Ok(cx.resource(identity, properties))
}

// ---- Accounts and where they hang ---------------------------------------------------------------

async fn accounts(cx: &Cx, client: &Client, member: bool) -> Items<(SdkAccount, Collected<Tags>)> {
    let listed = cx
        .list(
            &LIST_ACCOUNTS,
            |token| client.list_accounts().set_next_token(token).send(),
            |output| {
                (
                    items_of(cx, &LIST_ACCOUNTS, output.accounts),
                    output.next_token,
                )
            },
        )
        .await;
    let items = cx
        .each(listed.items, |item| async {
            let account = item?;
            let id = account.id().ok_or_else(|| cx.malformed(&LIST_ACCOUNTS))?;
            let tags = tags_of(cx, client, id).await;
            Ok((account, tags))
        })
        .await;
    Listed {
        items,
        gap: listed
            .gap
            .filter(|gap| gap.code.as_deref() != Some(NOT_IN_USE))
            .map(|gap| excused(cx, &LIST_ACCOUNTS, gap, member)),
    }
}

fn account(
    cx: &Cx,
    tree: &Tree,
    found: SdkAccount,
    tags: Collected<Tags>,
) -> Result<TypedResource<Account>, Gap> {
    let (Some(id), Some(arn)) = (found.id, found.arn) else {
        return Err(cx.malformed(&LIST_ACCOUNTS));
    };
    let place = tree.place_of(cx, &id);
    let identity = Identity {
        name: found.name.unwrap_or_else(|| id.clone()),
        id,
        arn,
        tags,
        created: timestamp(found.joined_timestamp.as_ref()),
    };
    let properties = Account {
        // Personal data stops here.
        email_domain: found
            .email
            .as_deref()
            .and_then(|address| address.rsplit_once('@'))
            .map(|(_, domain)| domain.to_ascii_lowercase()),
        // `Status` gives way to `State`; older endpoints have the former only.
        status: found
            .state
            .map(|state| state.as_str().to_owned())
            .or_else(|| found.status.map(|status| status.as_str().to_owned())),
        joined_method: found.joined_method.map(|method| method.as_str().to_owned()),
        ancestor_ids: place.clone().map(|place| place.ids()),
        ou_path: place.map(|place| place.shown_path()),
    };
    Ok(cx.resource(identity, properties))
}

fn excused(cx: &Cx, operation: &'static Operation, gap: Gap, member: bool) -> Gap {
    if member {
        cx.not_offered_here(operation, gap)
    } else {
        gap
    }
}

async fn roots(cx: &Cx, client: &Client, member: bool) -> Items<Root> {
    let mut listed = cx
        .list(
            &LIST_ROOTS,
            |token| client.list_roots().set_next_token(token).send(),
            |output| (items_of(cx, &LIST_ROOTS, output.roots), output.next_token),
        )
        .await;
    // An organization has a root.
    if listed.items.is_empty() && listed.gap.is_none() {
        listed.gap = Some(cx.malformed(&LIST_ROOTS));
    }
    listed.gap = listed.gap.map(|gap| excused(cx, &LIST_ROOTS, gap, member));
    listed
}

/// A root or unit, and what is above it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    id: String,
    /// `/Workloads/Production`; empty for the root.
    path: String,
    /// Ids above it, from the top down.
    above: Vec<String>,
}

impl Place {
    /// The ids from the top down to this place.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids = self.above.clone();
        ids.push(self.id.clone());
        ids
    }

    pub(crate) fn shown_path(&self) -> String {
        if self.path.is_empty() {
            "/".to_owned()
        } else {
            self.path.clone()
        }
    }
}

/// The organization's units, and the places of its accounts.
#[derive(Debug, Default)]
struct Tree {
    units: Vec<Result<TypedResource<OrganizationalUnit>, Gap>>,
    gap: Option<Gap>,
    places: HashMap<String, Place>,
    /// Why the places of some accounts may be missing.
    places_gap: Option<Gap>,
}

impl Tree {
    fn place_of(&self, cx: &Cx, account: &str) -> Collected<Place> {
        match self.places.get(account) {
            Some(place) => Collected::Known(place.clone()),
            None => Collected::Unavailable(
                self.places_gap
                    .clone()
                    .unwrap_or_else(|| cx.malformed(&LIST_ACCOUNTS_FOR_PARENT)),
            ),
        }
    }
}

/// Units nest five deep; a tree that goes on is cut.
const DEEPEST: usize = 16;

/// What of a unit is read beside its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Places,
    WithTags,
}

/// Walks down from the roots, one level at a time, all parents of a level at once.
async fn tree(cx: &Cx, client: &Client, roots: &Items<Root>, depth: Depth) -> Tree {
    let mut tree = Tree {
        gap: roots.gap.clone(),
        places_gap: roots.gap.clone(),
        ..Tree::default()
    };
    let mut level = Vec::new();
    for root in &roots.items {
        match root.as_ref().map(Root::id) {
            Ok(Some(id)) => level.push((
                Place {
                    id: id.to_owned(),
                    path: String::new(),
                    above: Vec::new(),
                },
                None,
            )),
            _ => tree.note(&cx.malformed(&LIST_ROOTS)),
        }
    }
    for _ in 0..DEEPEST {
        let looked = cx
            .each(std::mem::take(&mut level), |(place, unit)| async {
                let parts = tokio::join!(
                    children(cx, client, &place),
                    members(cx, client, &place.id),
                    unit_tags(cx, client, &place, unit.as_ref(), depth)
                );
                (place, unit, parts)
            })
            .await;
        for (place, unit, (children, members, tags)) in looked {
            match &members {
                Collected::Known(ids) => tree
                    .places
                    .extend(ids.iter().map(|id| (id.clone(), place.clone()))),
                Collected::Absent => {}
                Collected::Unavailable(gap) => {
                    tree.places_gap.get_or_insert_with(|| gap.clone());
                }
            }
            if let Some(unit) = unit {
                tree.units
                    .push(Ok(describe_unit(cx, &place, unit, members, tags)));
            }
            if let Some(gap) = &children.gap {
                tree.note(gap);
            }
            for child in children.items {
                match child {
                    Ok((place, unit)) => level.push((place, Some(unit))),
                    Err(gap) => tree.note(&gap),
                }
            }
        }
        if level.is_empty() {
            return tree;
        }
    }
    tree.note(&cx.malformed(&LIST_ORGANIZATIONAL_UNITS));
    tree
}

impl Tree {
    /// A part of the tree that was not seen hides units and places alike.
    fn note(&mut self, gap: &Gap) {
        self.gap.get_or_insert_with(|| gap.clone());
        self.places_gap.get_or_insert_with(|| gap.clone());
    }
}

/// What AWS says of a unit.
#[derive(Debug, Clone)]
struct Unit {
    arn: String,
    name: String,
}

async fn children(cx: &Cx, client: &Client, parent: &Place) -> Items<(Place, Unit)> {
    let operation = &LIST_ORGANIZATIONAL_UNITS;
    let listed = cx
        .list(
            operation,
            |token| {
                client
                    .list_organizational_units_for_parent()
                    .parent_id(&parent.id)
                    .set_next_token(token)
                    .send()
            },
            |output| {
                (
                    items_of(cx, operation, output.organizational_units),
                    output.next_token,
                )
            },
        )
        .await;
    let items = listed.items.into_iter().map(|item| {
        let unit = item?;
        let (Some(id), Some(arn)) = (unit.id, unit.arn) else {
            return Err(cx.malformed(operation));
        };
        let name = unit.name.unwrap_or_else(|| id.clone());
        let place = Place {
            path: format!("{}/{name}", parent.path),
            above: parent.ids(),
            id,
        };
        Ok((place, Unit { arn, name }))
    });
    Listed {
        items: items.collect(),
        gap: listed.gap,
    }
}

/// The accounts directly in a root or unit.
async fn members(cx: &Cx, client: &Client, parent: &str) -> Collected<Vec<String>> {
    let operation = &LIST_ACCOUNTS_FOR_PARENT;
    let listed = cx
        .list(
            operation,
            |token| {
                client
                    .list_accounts_for_parent()
                    .parent_id(parent)
                    .set_next_token(token)
                    .send()
            },
            |output| (items_of(cx, operation, output.accounts), output.next_token),
        )
        .await;
    whole(listed, |account| {
        account.id.ok_or_else(|| cx.malformed(operation))
    })
}

async fn unit_tags(
    cx: &Cx,
    client: &Client,
    place: &Place,
    unit: Option<&Unit>,
    depth: Depth,
) -> Collected<Tags> {
    match unit {
        Some(_) if depth == Depth::WithTags => tags_of(cx, client, &place.id).await,
        _ => Collected::Absent,
    }
}

fn describe_unit(
    cx: &Cx,
    place: &Place,
    unit: Unit,
    account_ids: Collected<Vec<String>>,
    tags: Collected<Tags>,
) -> TypedResource<OrganizationalUnit> {
    let identity = Identity {
        arn: unit.arn,
        id: place.id.clone(),
        name: unit.name,
        tags,
        created: None,
    };
    let properties = OrganizationalUnit {
        parent_id: place.above.last().cloned().unwrap_or_default(),
        ou_path: place.path.clone(),
        ancestor_ids: place.above.clone(),
        account_ids,
    };
    cx.resource(identity, properties)
}

// ---- For whoever chooses accounts ---------------------------------------------------------------

/// The root and the units by id, with what is above them, and where accounts are.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Path from the root, such as `/Workloads`, by id; `/` for the root itself.
    pub(crate) paths: HashMap<String, String>,
    /// Why some may be missing.
    pub(crate) gap: Option<Gap>,
    tree: Tree,
}

impl Chart {
    /// Where an account is.
    pub(crate) fn place_of(&self, cx: &Cx, account: &str) -> Collected<Place> {
        self.tree.place_of(cx, account)
    }
}

/// Reads where the accounts of the organization are.
pub(crate) async fn chart(cx: &Cx) -> Chart {
    let client = client!(cx, aws_sdk_organizations);
    let roots = roots(cx, &client, false).await;
    let tree = tree(cx, &client, &roots, Depth::Places).await;
    let tops = roots.items.iter().flatten().filter_map(Root::id);
    let units = tree.units.iter().flatten();
    Chart {
        paths: tops
            .map(|id| (id.to_owned(), "/".to_owned()))
            .chain(units.map(|unit| (unit.id.clone(), unit.properties.ou_path.clone())))
            .collect(),
        gap: tree.gap.clone(),
        tree,
    }
}

/// The tags of accounts, in the order given.
pub(crate) async fn account_tags(cx: &Cx, accounts: Vec<AccountId>) -> Vec<Collected<Tags>> {
    let client = &client!(cx, aws_sdk_organizations);
    let look = |id: AccountId| async move { tags_of(cx, client, id.as_str()).await };
    cx.each(accounts, look).await
}

// ---- Policies -----------------------------------------------------------------------------------

/// The policy types that are switched on at the root, by name.
fn enabled_types(roots: &Items<Root>) -> Collected<Vec<String>> {
    if let Some(gap) = roots
        .gap
        .as_ref()
        .or_else(|| roots.items.iter().find_map(|root| root.as_ref().err()))
    {
        return Collected::Unavailable(gap.clone());
    }
    let enabled: BTreeSet<String> = roots
        .items
        .iter()
        .flatten()
        .flat_map(Root::policy_types)
        .filter(|summary| summary.status == Some(PolicyTypeStatus::Enabled))
        .filter_map(|summary| Some(summary.r#type.as_ref()?.as_str().to_owned()))
        .collect();
    Collected::Known(enabled.into_iter().collect())
}

async fn policies(cx: &Cx, client: &Client, roots: &Items<Root>) {
    let types = match enabled_types(roots) {
        Collected::Known(types) => types,
        Collected::Absent => Vec::new(),
        Collected::Unavailable(gap) => return cx.publish::<Policy>(Some(gap), []),
    };
    let listings = cx
        .each(
            types,
            |kind| async move { policies_of(cx, client, &kind).await },
        )
        .await;
    if listings.is_empty() {
        cx.publish::<Policy>(None, []);
    }
    for listing in listings {
        cx.publish(listing.gap, listing.items);
    }
}

async fn policies_of(cx: &Cx, client: &Client, kind: &str) -> Items<TypedResource<Policy>> {
    let listed = cx
        .list(
            &LIST_POLICIES,
            |token| {
                client
                    .list_policies()
                    .filter(PolicyType::from(kind))
                    .set_next_token(token)
                    .send()
            },
            |output| {
                (
                    items_of(cx, &LIST_POLICIES, output.policies),
                    output.next_token,
                )
            },
        )
        .await;
    let items = cx
        .each(listed.items, |item| async {
            policy(cx, client, kind, item?).await
        })
        .await;
    Listed {
        items,
        gap: listed.gap,
    }
}

async fn policy(
    cx: &Cx,
    client: &Client,
    kind: &str,
    summary: PolicySummary,
) -> Result<TypedResource<Policy>, Gap> {
    let (Some(id), Some(arn)) = (summary.id, summary.arn) else {
        return Err(cx.malformed(&LIST_POLICIES));
    };
    let (content, target_ids, tags) = tokio::join!(
        cx.get(&DESCRIBE_POLICY, &[], || client
            .describe_policy()
            .policy_id(&id)
            .send()),
        targets(cx, client, &id),
        async {
            // AWS's own policies cannot be tagged.
            if summary.aws_managed {
                Collected::Absent
            } else {
                tags_of(cx, client, &id).await
            }
        },
    );
    let content = content.and_then(|output| {
        match parse_policy(
            cx,
            &DESCRIBE_POLICY,
            output.policy.and_then(|policy| policy.content),
        ) {
            // Every policy has content.
            Collected::Absent => Collected::Unavailable(cx.malformed(&DESCRIBE_POLICY)),
            content => content,
        }
    });
    let identity = Identity {
        name: summary.name.unwrap_or_else(|| id.clone()),
        id,
        arn,
        tags,
        created: None,
    };
    let properties = Policy {
        policy_type: kind.to_owned(),
        aws_managed: summary.aws_managed,
        content,
        target_ids,
    };
    Ok(cx.resource(identity, properties))
}

async fn targets(cx: &Cx, client: &Client, policy: &str) -> Collected<Vec<String>> {
    let listed = cx
        .list(
            &LIST_TARGETS,
            |token| {
                client
                    .list_targets_for_policy()
                    .policy_id(policy)
                    .set_next_token(token)
                    .send()
            },
            |output| {
                (
                    items_of(cx, &LIST_TARGETS, output.targets),
                    output.next_token,
                )
            },
        )
        .await;
    whole(listed, |target| {
        target.target_id.ok_or_else(|| cx.malformed(&LIST_TARGETS))
    })
}

// ---- Small things -------------------------------------------------------------------------------

async fn tags_of(cx: &Cx, client: &Client, resource: &str) -> Collected<Tags> {
    let listed = cx
        .list(
            &LIST_TAGS,
            |token| {
                client
                    .list_tags_for_resource()
                    .resource_id(resource)
                    .set_next_token(token)
                    .send()
            },
            |output| (items_of(cx, &LIST_TAGS, output.tags), output.next_token),
        )
        .await;
    let pair = |tag: Tag| Ok((Some(tag.key), Some(tag.value)));
    whole(listed, pair).map(tag_map)
}

/// The items of a list that has to be there, be it empty.
fn items_of<T>(
    cx: &Cx,
    operation: &'static Operation,
    list: Option<Vec<T>>,
) -> Vec<Result<T, Gap>> {
    match list {
        Some(items) => items.into_iter().map(Ok).collect(),
        None => vec![Err(cx.malformed(operation))],
    }
}

/// A listing that is one fact: all of it, or a gap.
fn whole<T, U>(listed: Items<T>, convert: impl FnMut(T) -> Result<U, Gap>) -> Collected<Vec<U>> {
    if let Some(gap) = listed.gap {
        return Collected::Unavailable(gap);
    }
    let items: Result<Vec<T>, Gap> = listed.items.into_iter().collect();
    match items.and_then(|items| items.into_iter().map(convert).collect()) {
        Ok(items) => Collected::Known(items),
        Err(gap) => Collected::Unavailable(gap),
    }
}
