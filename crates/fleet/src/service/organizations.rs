//! AWS Organizations: a tree of units with the fleet's accounts in it, and control policies.

use serde_json::{Value, json};

use super::{Answer, Dependence, Operation, Protocol, Service, policy};
use crate::account::Account;
use crate::ask::{Ask, Page, Place};
use crate::id::{PEOPLE, WORDS};
use crate::parameters::Parameters;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "organizations",
    signs_as: "organizations",
    protocol: Protocol::Json("AWSOrganizationsV20161128"),
    global: true,
    operations: &[
        Operation::new("DescribeAccount", describe_account).depends(of_resource),
        Operation::new("DescribeOrganization", describe_organization),
        Operation::new("DescribeOrganizationalUnit", describe_unit).depends(of_resource),
        Operation::new("DescribePolicy", describe_policy).after("ListPolicies"),
        Operation::new("ListAccounts", list_accounts).paged("NextToken", "MaxResults"),
        Operation::new("ListAccountsForParent", list_accounts_for_parent)
            .depends(of_resource)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListChildren", list_children)
            .depends(of_resource)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListDelegatedAdministrators", list_delegated_administrators)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListOrganizationalUnitsForParent", list_units)
            .depends(of_resource)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListParents", list_parents).depends(of_resource),
        Operation::new("ListPolicies", list_policies)
            .after("ListRoots")
            .paged("NextToken", "MaxResults"),
        Operation::new("ListPoliciesForTarget", list_policies_for_target)
            .depends(of_resource)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListRoots", list_roots).paged("NextToken", "MaxResults"),
        Operation::new("ListTagsForResource", list_tags)
            .depends(of_resource)
            .paged("NextToken", "MaxResults"),
        Operation::new("ListTargetsForPolicy", list_targets)
            .after("ListPolicies")
            .paged("NextToken", "MaxResults"),
    ],
};

const ORGANIZATION: &str = "o-fleet00001";
const ROOT: &str = "r-fl00";

/// The units: id, name, and the unit above, by its place in this list.
const UNITS: &[(&str, &str, Option<usize>)] = &[
    ("ou-fl00-security", "Security", None),
    ("ou-fl00-workload", "Workloads", None),
    ("ou-fl00-producti", "Production", Some(1)),
    ("ou-fl00-developm", "Development", Some(1)),
    ("ou-fl00-sandbox0", "Sandbox", None),
    ("ou-fl00-suspende", "Suspended", None),
];
const SUSPENDED: usize = 5;

/// The policies: id, name, type, and whether they are AWS's own.
const POLICIES: &[(&str, &str, &str, bool)] = &[
    ("p-FullAWSAccess", "FullAWSAccess", SCP, true),
    ("p-fleet001", "regions", SCP, false),
    ("p-fleet002", "keep-trails", SCP, false),
    ("p-fleet003", "forgotten", SCP, false),
    ("p-RCPFullAWSAccess", "RCPFullAWSAccess", RCP, true),
    ("p-fleet004", "own-organization-only", RCP, false),
];
const SCP: &str = "SERVICE_CONTROL_POLICY";
const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// What a call about a root, unit, account or policy rests on.
fn of_resource(parameters: &Parameters) -> Dependence {
    let id = [
        "ResourceId",
        "ParentId",
        "ChildId",
        "TargetId",
        "AccountId",
        "OrganizationalUnitId",
    ]
    .iter()
    .find_map(|name| parameters.text(name))
    .unwrap_or_default();
    if id.starts_with("p-") {
        return Dependence::on("ListPolicies");
    }
    if id == ROOT {
        return Dependence::on("ListRoots");
    }
    match UNITS.iter().position(|(known, ..)| *known == id) {
        // Each level above it is a listing of its own.
        Some(unit) => Dependence {
            between: u32::try_from(above(unit).len()).unwrap_or(0),
            ..Dependence::on("ListRoots")
        },
        None => Dependence::on("ListAccounts"),
    }
}

/// The unit's ancestors below the root and itself.
fn above(unit: usize) -> Vec<usize> {
    let mut path = vec![unit];
    while let Some((_, _, Some(parent))) = path.last().and_then(|unit| UNITS.get(*unit)) {
        path.push(*parent);
    }
    path
}

/// AWS lets the management account and delegated administrators list, and members ask which
/// organization they are in.
fn permitted(ask: &Ask<'_>) -> Result<(), Refusal> {
    let account = ask.place.account;
    let estate = ask.place.estate;
    if account == estate.management_account() || estate.delegated_administrators.contains(&account)
    {
        return Ok(());
    }
    Err(Refusal::denied(ask.service))
}

/// Where the organization's own properties are drawn: the management account's global side.
fn organization<'a>(ask: &Ask<'a>) -> Place<'a> {
    Place {
        account: ask.place.estate.management_account(),
        ..ask.place
    }
}

fn arn(ask: &Ask<'_>, kind: &str, id: &str) -> String {
    organization(ask).arn("organizations", &format!("{kind}/{ORGANIZATION}/{id}"))
}

fn has_resource_policies(ask: &Ask<'_>) -> bool {
    organization(ask).dice("organization", 0).percent(50, "rcp")
}

// ---- The organization and its accounts ----------------------------------------------------------

fn describe_organization(ask: &Ask<'_>) -> Answer {
    let management = ask.place.estate.management_account();
    let organization_arn =
        organization(ask).arn("organizations", &format!("organization/{ORGANIZATION}"));
    Ok(json!({"Organization": {
        "Id": ORGANIZATION, "Arn": organization_arn, "FeatureSet": "ALL",
        "MasterAccountId": management.to_string(),
        "MasterAccountArn": arn(ask, "account", &management.to_string()),
        "MasterAccountEmail": "aws@example.com"}})
    .to_string())
}

fn account(ask: &Ask<'_>, account: Account) -> Value {
    let estate = ask.place.estate;
    let place = Place {
        account,
        ..ask.place
    };
    let dice = place.dice("organizations account", 0);
    let status = match estate.is_suspended(account) {
        true => "SUSPENDED",
        false => "ACTIVE",
    };
    let name = match account == estate.management_account() {
        true => "management".to_owned(),
        false => format!(
            "{}-{}",
            dice.word(WORDS, "name"),
            account.index().unwrap_or_default()
        ),
    };
    json!({
        "Id": account.to_string(), "Arn": arn(ask, "account", &account.to_string()),
        "Email": format!("aws+{name}@example.com"), "Name": name,
        "Status": status, "State": status,
        "JoinedMethod": if dice.percent(20, "invited") { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": place.days_ago(dice, 100, 2000, "joined")})
}

/// The unit of an account; none for the root.
fn unit_of(ask: &Ask<'_>, account: Account) -> Option<usize> {
    let estate = ask.place.estate;
    if account == estate.management_account() {
        return None;
    }
    if estate.is_suspended(account) {
        return Some(SUSPENDED);
    }
    let place = Place {
        account,
        ..ask.place
    };
    match place.dice("organizations account", 0).below(100, "unit") {
        0..10 => Some(0),
        10..50 => Some(2),
        50..80 => Some(3),
        80..95 => Some(4),
        _ => None,
    }
}

fn list_accounts(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let estate = ask.place.estate;
    let page = ask.page(estate.accounts + estate.suspended_accounts);
    let accounts: Vec<Value> = page
        .items
        .clone()
        .map(|index| account(ask, Account::nth(index)))
        .collect();
    Ok(listed("Accounts", accounts, page))
}

fn describe_account(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let found = known_account(ask, ask.needed("AccountId")?)?;
    Ok(json!({"Account": account(ask, found)}).to_string())
}

fn list_delegated_administrators(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let all: Vec<Account> = ask
        .place
        .estate
        .delegated_administrators
        .iter()
        .copied()
        .collect();
    let (some, page) = part(ask, &all);
    let accounts = some.into_iter().map(|found| account(ask, found)).collect();
    Ok(listed("DelegatedAdministrators", accounts, page))
}

fn known_account(ask: &Ask<'_>, id: &str) -> Result<Account, Refusal> {
    id.parse()
        .ok()
        .filter(|account| {
            let estate = ask.place.estate;
            estate.is_active(*account) || estate.is_suspended(*account)
        })
        .ok_or_else(|| {
            Refusal::new(
                400,
                "AccountNotFoundException",
                "You specified an account that doesn't exist.",
            )
        })
}

// ---- The tree ------------------------------------------------------------------------------------

fn list_roots(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let mut types = vec![json!({"Type": SCP, "Status": "ENABLED"})];
    if has_resource_policies(ask) {
        types.push(json!({"Type": RCP, "Status": "ENABLED"}));
    }
    let root =
        json!({"Id": ROOT, "Name": "Root", "Arn": arn(ask, "root", ROOT), "PolicyTypes": types});
    let page = ask.page(1);
    Ok(listed("Roots", vec![root], page))
}

/// The unit that a parameter names; none for the root.
fn parent(ask: &Ask<'_>) -> Result<Option<usize>, Refusal> {
    let id = ask.needed("ParentId")?;
    if id == ROOT {
        return Ok(None);
    }
    unit(id).map(Some)
}

fn unit(id: &str) -> Result<usize, Refusal> {
    UNITS
        .iter()
        .position(|(known, ..)| *known == id)
        .ok_or_else(|| {
            Refusal::new(
                400,
                "ParentNotFoundException",
                "You specified a parent that doesn't exist.",
            )
        })
}

fn describe(ask: &Ask<'_>, unit: usize) -> Value {
    let (id, name, _) = UNITS.get(unit).copied().unwrap_or_default();
    json!({"Id": id, "Name": name, "Arn": arn(ask, "ou", id)})
}

fn describe_unit(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let found = unit(ask.needed("OrganizationalUnitId")?)?;
    Ok(json!({"OrganizationalUnit": describe(ask, found)}).to_string())
}

fn units_in(parent: Option<usize>) -> Vec<usize> {
    (0..UNITS.len())
        .filter(|unit| {
            UNITS
                .get(*unit)
                .is_some_and(|(_, _, above)| *above == parent)
        })
        .collect()
}

fn accounts_in(ask: &Ask<'_>, parent: Option<usize>) -> Vec<Account> {
    ask.place
        .estate
        .all_accounts()
        .filter(|account| unit_of(ask, *account) == parent)
        .collect()
}

fn list_units(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let (some, page) = part(ask, &units_in(parent(ask)?));
    let units = some.into_iter().map(|unit| describe(ask, unit)).collect();
    Ok(listed("OrganizationalUnits", units, page))
}

fn list_accounts_for_parent(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let (some, page) = part(ask, &accounts_in(ask, parent(ask)?));
    let accounts = some.into_iter().map(|found| account(ask, found)).collect();
    Ok(listed("Accounts", accounts, page))
}

fn list_children(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let parent = parent(ask)?;
    let kind = ask.needed("ChildType")?;
    let ids: Vec<String> = match kind {
        "ACCOUNT" => accounts_in(ask, parent)
            .iter()
            .map(ToString::to_string)
            .collect(),
        _ => units_in(parent)
            .into_iter()
            .filter_map(|unit| Some(UNITS.get(unit)?.0.to_owned()))
            .collect(),
    };
    let (some, page) = part(ask, &ids);
    let children = some
        .into_iter()
        .map(|id| json!({"Id": id, "Type": kind}))
        .collect();
    Ok(listed("Children", children, page))
}

fn list_parents(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let id = ask.needed("ChildId")?;
    let parent = match unit(id) {
        Ok(unit) => UNITS.get(unit).and_then(|(_, _, above)| *above),
        Err(_) => unit_of(ask, known_account(ask, id)?),
    };
    let parent = match parent.and_then(|unit| UNITS.get(unit)) {
        Some((id, ..)) => json!({"Id": id, "Type": "ORGANIZATIONAL_UNIT"}),
        None => json!({"Id": ROOT, "Type": "ROOT"}),
    };
    Ok(json!({"Parents": [parent]}).to_string())
}

fn list_tags(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let id = ask.needed("ResourceId")?;
    let dice = organization(ask).dice("organizations tags", 0).with(id);
    let mut tags = organization(ask).tags(dice);
    if id.parse::<Account>().is_ok() {
        tags.push(("owner", dice.word(PEOPLE, "owner")));
        tags.push((
            "cost-center",
            dice.word(&["100", "200", "300"], "cost-center"),
        ));
    }
    let (some, page) = part(ask, &tags);
    let tags = some
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(listed("Tags", tags, page))
}

// ---- Policies ------------------------------------------------------------------------------------

type Policy = (&'static str, &'static str, &'static str, bool);

fn summary(ask: &Ask<'_>, policy: Policy) -> Value {
    let (id, name, kind, aws_managed) = policy;
    let partition = &ask.place.estate.partition;
    let kind_in_arn = kind.to_ascii_lowercase();
    let arn = match aws_managed {
        true => format!("arn:{partition}:organizations::aws:policy/{kind_in_arn}/{id}"),
        false => organization(ask).arn(
            "organizations",
            &format!("policy/{ORGANIZATION}/{kind_in_arn}/{id}"),
        ),
    };
    json!({"Id": id, "Arn": arn, "Name": name, "Description": "", "Type": kind, "AwsManaged": aws_managed})
}

fn existing(ask: &Ask<'_>) -> Vec<Policy> {
    let resource_policies = has_resource_policies(ask);
    POLICIES
        .iter()
        .copied()
        .filter(|(_, _, kind, _)| *kind == SCP || resource_policies)
        .collect()
}

fn list_policies(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let kind = ask.needed("Filter")?;
    let mut all = existing(ask);
    all.retain(|(_, _, known, _)| *known == kind);
    let (some, page) = part(ask, &all);
    let policies = some
        .into_iter()
        .map(|policy| summary(ask, policy))
        .collect();
    Ok(listed("Policies", policies, page))
}

fn named_policy(ask: &Ask<'_>) -> Result<Policy, Refusal> {
    let id = ask.needed("PolicyId")?;
    existing(ask)
        .into_iter()
        .find(|(known, ..)| *known == id)
        .ok_or_else(|| {
            Refusal::new(
                400,
                "PolicyNotFoundException",
                "We can't find a policy with the PolicyId that you specified.",
            )
        })
}

fn describe_policy(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let found = named_policy(ask)?;
    let content = match found.1 {
        "regions" => policy::document(&json!([{
            "Sid": "regions", "Effect": "Deny", "NotAction": ["iam:*", "organizations:*", "sts:*", "support:*"],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ask.place.estate.regions}}}])),
        "keep-trails" => policy::document(&json!([{
            "Sid": "trails", "Effect": "Deny", "Action": ["cloudtrail:DeleteTrail", "cloudtrail:StopLogging"],
            "Resource": "*"}])),
        "own-organization-only" => policy::document(&json!([{
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
            "Condition": {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}])),
        "forgotten" => policy::document(&json!([{
            "Effect": "Deny", "Action": "account:CloseAccount", "Resource": "*"}])),
        _ if found.2 == RCP => policy::document(&json!([{
            "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}])),
        _ => policy::allow(&json!("*"), "*"),
    };
    Ok(json!({"Policy": {"PolicySummary": summary(ask, found), "Content": content}}).to_string())
}

/// Which roots and units a policy is attached to.
fn targets(policy: Policy) -> Vec<&'static str> {
    match policy.1 {
        "forgotten" => Vec::new(),
        "regions" => vec!["ou-fl00-producti", "ou-fl00-developm"],
        "keep-trails" => vec!["ou-fl00-workload", "ou-fl00-security"],
        "own-organization-only" => vec!["ou-fl00-producti"],
        _ => std::iter::once(ROOT)
            .chain(UNITS.iter().map(|(id, ..)| *id))
            .collect(),
    }
}

fn list_targets(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let (some, page) = part(ask, &targets(named_policy(ask)?));
    let targets = some
        .into_iter()
        .map(|id| match UNITS.iter().find(|(known, ..)| *known == id) {
            Some((_, name, _)) => json!({
                "TargetId": id, "Arn": arn(ask, "ou", id), "Name": name, "Type": "ORGANIZATIONAL_UNIT"}),
            None => json!({"TargetId": id, "Arn": arn(ask, "root", id), "Name": "Root", "Type": "ROOT"}),
        })
        .collect();
    Ok(listed("Targets", targets, page))
}

fn list_policies_for_target(ask: &Ask<'_>) -> Answer {
    permitted(ask)?;
    let target = ask.needed("TargetId")?;
    let kind = ask.needed("Filter")?;
    let mut all = existing(ask);
    all.retain(|policy| policy.2 == kind && targets(*policy).contains(&target));
    let (some, page) = part(ask, &all);
    let policies = some
        .into_iter()
        .map(|policy| summary(ask, policy))
        .collect();
    Ok(listed("Policies", policies, page))
}

// ---- Small things --------------------------------------------------------------------------------

/// The items of a list that are on the page asked for.
fn part<T: Clone>(ask: &Ask<'_>, all: &[T]) -> (Vec<T>, Page) {
    let page = ask.page(all.len());
    let some = all.get(page.items.clone()).unwrap_or_default().to_vec();
    (some, page)
}

fn listed(name: &str, items: Vec<Value>, page: Page) -> String {
    let mut answer = json!({name: items});
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    answer.to_string()
}
