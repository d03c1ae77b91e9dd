//! `posture unused`: services that principals of a snapshot are granted and do not use.

use std::collections::BTreeMap;

use posture_catalog::{ResourceNode, World};
use posture_model::{Gap, Timestamp};
use posture_policy::least_privilege::{
    Access, LeastPrivilege, PolicyUse, Service, Standing, TRACKED_DAYS,
};
use posture_policy::{Origin, Tri, Undecided};
use posture_report::{clean, json_text};
use serde_json::{Value, json};

use crate::access::{Asker, open, principal, unknown_principal};
use crate::args::{ListFormat, UnusedArgs};
use crate::escalations::short;
use crate::exit::Failure;

/// Principals that the terminal shows.
const SHOWN_PRINCIPALS: usize = 40;
/// Names that are listed before the rest is counted.
const SHOWN_NAMES: usize = 12;

/// A user or role, and what was found of it.
struct Found {
    arn: String,
    created: Option<Timestamp>,
    privilege: LeastPrivilege,
    /// Why AWS's report on it is not known.
    gap: Option<Gap>,
}

pub(crate) fn run(args: &UnusedArgs) -> Result<u8, Failure> {
    let input = open(&args.snapshot.snapshot)?;
    let world = input.world();
    let estate = world.estate();
    let only = match &args.principal {
        None => None,
        Some(name) => match principal(estate, name)? {
            Asker::Inside(arn) => Some(arn),
            Asker::Outside(_) => return Err(unknown_principal(estate, name)),
        },
    };
    let days = i64::from(args.days);
    let mut found: Vec<Found> = ["iam.user", "iam.role"]
        .into_iter()
        .flat_map(|kind| world.resources_of(kind))
        .filter(|node| match &only {
            Some(arn) => node.arn() == arn,
            None => !is_service_linked(node),
        })
        .map(|node| look(world, &node, days))
        .collect();
    found.sort_by_cached_key(|one| {
        let unused = one.privilege.unused().count();
        (std::cmp::Reverse(unused), one.arn.clone())
    });
    let missing = estate.missing_actors();
    crate::print(&match (args.snapshot.output, &only, found.as_slice()) {
        (ListFormat::Json, ..) => json_text(&json!({
            "days": days,
            "principals": found.iter().map(as_json).collect::<Vec<_>>(),
            "unread": missing,
        }))
        .map_err(Failure::usage)?,
        (ListFormat::Table, Some(_), [one]) => detail(one, world.now(), days),
        (ListFormat::Table, ..) => summary(&found, &missing, days),
    })
}

fn look(world: &World, node: &ResourceNode, days: i64) -> Found {
    let (privilege, gap) = world.least_privilege(node, days);
    Found {
        arn: node.arn().to_owned(),
        created: field(node, "created").and_then(|text| Timestamp::parse(&text)),
        privilege,
        gap,
    }
}

/// AWS's own roles are not asked about: nobody but AWS can change what they may do.
fn is_service_linked(node: &ResourceNode) -> bool {
    field(node, "service_linked").as_deref() == Some("true")
}

fn field(node: &ResourceNode, name: &str) -> Option<String> {
    node.field_text(name, 64)?.1.ok()
}

// ---- As JSON ------------------------------------------------------------------------------------

fn as_json(one: &Found) -> Value {
    let privilege = &one.privilege;
    let names = |services: &mut dyn Iterator<Item = &Service>| -> Vec<String> {
        services.map(|service| service.name.clone()).collect()
    };
    let services: Vec<Value> = privilege
        .services
        .iter()
        .map(|service| service_json(service, &privilege.policies))
        .collect();
    let policies: Vec<Value> = privilege.policies.iter().map(policy_json).collect();
    json!({
        "principal": one.arn,
        "created": one.created,
        "unread": one.gap,
        "leaves_unused": tri(&privilege.leaves_unused()),
        "unused": names(&mut privilege.unused()),
        "remaining": names(&mut privilege.remaining()),
        "further_services": tri(&privilege.beyond),
        "services": services,
        "policies": policies,
    })
}

fn service_json(service: &Service, policies: &[PolicyUse]) -> Value {
    let (standing, access, reasons): (_, Option<&Access>, &[String]) = match &service.standing {
        Standing::Used(access) => ("used", Some(access), &[]),
        Standing::Idle(access) => ("idle", Some(access), &[]),
        Standing::Never => ("never", None, &[]),
        Standing::PassesRoles => ("passes_roles", None, &[]),
        Standing::Unknown(why) => ("unknown", None, why.reasons()),
    };
    let granted_by: Vec<Value> = service
        .grants
        .iter()
        .filter_map(|(policy, statement)| {
            let policy = policies.get(*policy)?;
            Some(json!({
                "policy": policy.name,
                "origin": origin_json(&policy.origin),
                "statement": statement,
            }))
        })
        .collect();
    json!({
        "service": service.name,
        "use": standing,
        "last_accessed": access.and_then(|access| Timestamp::from_unix(access.at)),
        "region": access.and_then(|access| access.region.as_deref()),
        "reasons": reasons,
        "granted_by": granted_by,
    })
}

fn policy_json(policy: &PolicyUse) -> Value {
    json!({
        "policy": policy.name,
        "origin": origin_json(&policy.origin),
        "services": policy.services,
        "unused": tri(&policy.unused),
        "denies": policy.denies,
    })
}

fn origin_json(origin: &Origin) -> Value {
    match origin {
        Origin::Unstated => Value::Null,
        Origin::Inline => json!({"kind": "inline"}),
        Origin::Attached(arn) => json!({"kind": "attached", "arn": arn}),
        Origin::GroupInline(group) => json!({"kind": "group_inline", "group": group}),
        Origin::GroupAttached(group, arn) => {
            json!({"kind": "group_attached", "group": group, "arn": arn})
        }
    }
}

fn tri(answer: &Tri) -> Value {
    match answer {
        Tri::Yes => true.into(),
        Tri::No => false.into(),
        Tri::Unknown(_) => "unknown".into(),
    }
}

// ---- All principals -----------------------------------------------------------------------------

fn summary(found: &[Found], missing: &[String], days: i64) -> String {
    let (mut leaving, mut sparing) = (Vec::new(), Vec::new());
    let mut open: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for one in found {
        match one.privilege.leaves_unused() {
            Tri::Yes => leaving.push(one),
            Tri::No => sparing.push(one),
            Tri::Unknown(why) => open.entry(why_open(one, &why)).or_default().push(one),
        }
    }
    let mut text = format!(
        "{} of {} users and roles are granted services that they have not used for {days} days; of {} that \
         cannot be told\n",
        leaving.len(),
        found.len(),
        open.values().map(Vec::len).sum::<usize>()
    );
    if !leaving.is_empty() {
        text.push_str("\n  unused    used  cannot be told\n");
        for one in leaving.iter().take(SHOWN_PRINCIPALS) {
            text.push_str(&row(one));
        }
        if leaving.len() > SHOWN_PRINCIPALS {
            let more = leaving.len() - SHOWN_PRINCIPALS;
            text.push_str(&format!("  and {more} more: -o json\n"));
        }
        if leaving.iter().any(|one| !one.privilege.beyond.is_no()) {
            text.push_str("  * a wildcard grants all other services, too\n");
        }
        text.push_str("\nin detail: posture unused PRINCIPAL\n");
    }
    if !sparing.is_empty() {
        text.push_str("\nuse all that they are granted, or are granted nothing\n");
        text.push_str(&format!("  {}\n", principals(&sparing)));
    }
    if !open.is_empty() {
        text.push_str("\ncannot be told\n");
        for (why, of) in &open {
            text.push_str(&format!("  {}\n      {}\n", clean(why), principals(of)));
        }
    }
    if !missing.is_empty() {
        text.push_str("\nthere may be more, since these could not be read\n");
        for line in missing {
            text.push_str(&format!("  {}\n", clean(line)));
        }
    }
    text
}

fn row(one: &Found) -> String {
    let privilege = &one.privilege;
    let unused = privilege.unused().count();
    let used = privilege.services.iter().filter(|s| s.is_used()).count();
    let wildcard = if privilege.beyond.is_no() { " " } else { "*" };
    format!(
        "  {unused:>6}{wildcard} {used:>6}  {:>14}  {}\n",
        privilege.services.len() - unused - used,
        clean(short(&one.arn))
    )
}

/// Why it cannot be told of a principal; the same text for all that lack the same, so that they are shown
/// together.
fn why_open(one: &Found, why: &Undecided) -> String {
    if let Some(gap) = &one.gap {
        return gap.to_string();
    }
    let of_a_service = one.privilege.services.iter().find_map(|service| {
        let Standing::Unknown(why) = &service.standing else {
            return None;
        };
        why.reasons().first()
    });
    let first = of_a_service.or(why.reasons().first());
    first.cloned().unwrap_or_default()
}

fn principals(found: &[&Found]) -> String {
    names(found.iter().map(|one| short(&one.arn)))
}

/// Names, the last of many counted.
fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = all.len().saturating_sub(SHOWN_NAMES);
    let mut text = all
        .take(SHOWN_NAMES)
        .map(clean)
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

// ---- One principal ------------------------------------------------------------------------------

fn detail(one: &Found, now: Timestamp, days: i64) -> String {
    let privilege = &one.privilege;
    let unused = privilege.unused().count();
    let mut text = format!(
        "{}\n  {} services granted{}, {unused} of them not used for {days} days\n",
        clean(&one.arn),
        privilege.services.len(),
        if privilege.beyond.is_no() {
            ""
        } else {
            ", and by a wildcard all others"
        },
    );
    if let Some(gap) = &one.gap {
        text.push_str(&format!("  {}\n", clean(&gap.to_string())));
    }
    let mut section = |title: &str, wanted: fn(&Service) -> bool| {
        let services: Vec<&Service> = privilege.services.iter().filter(|s| wanted(s)).collect();
        if services.is_empty() {
            return;
        }
        text.push_str(&format!("\n{title}\n"));
        for service in services {
            text.push_str(&service_lines(service, one, now));
        }
    };
    section(&format!("used within {days} days"), Service::is_used);
    section(&format!("not used for {days} days"), Service::is_unused);
    section("cannot be told", |service| {
        !service.is_used() && !service.is_unused()
    });
    if unused > 0 {
        text.push_str("\nwhat could go\n");
        for policy in &privilege.policies {
            if let Some(advice) = advice(policy, privilege) {
                text.push_str(&format!("  {}\n      {advice}\n", policy_name(policy)));
            }
        }
        let left: Vec<&str> = privilege.remaining().map(|s| s.name.as_str()).collect();
        let left = if left.is_empty() {
            "nothing".to_owned()
        } else {
            left.iter()
                .map(|name| clean(name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        text.push_str(&format!("\nwhat is left then: {left}\n"));
    }
    text
}

fn service_lines(service: &Service, one: &Found, now: Timestamp) -> String {
    let mut text = format!("  {}", clean(&service.name));
    // Why there is no report stands above, once.
    if one.gap.is_none() {
        text.push_str(&format!(": {}", clean(&last_use(&service.standing, now))));
    }
    text.push('\n');
    let mut by_policy: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (policy, statement) in &service.grants {
        by_policy.entry(*policy).or_default().push(clean(statement));
    }
    for (policy, statements) in by_policy {
        if let Some(policy) = one.privilege.policies.get(policy) {
            let statements = statements.join(", ");
            text.push_str(&format!("      {}, {statements}\n", policy_name(policy)));
        }
    }
    text
}

fn last_use(standing: &Standing, now: Timestamp) -> String {
    match standing {
        Standing::Used(access) | Standing::Idle(access) => {
            let Some(moment) = Timestamp::from_unix(access.at) else {
                return "at a time that cannot be shown".to_owned();
            };
            let date = moment.to_string();
            let date = date.split('T').next().unwrap_or_default();
            let region = match &access.region {
                Some(region) => format!(" in {region}"),
                None => String::new(),
            };
            // Clocks differ a little.
            let ago = match moment.days_until(now) {
                days if days > 0 => format!("{days} days ago"),
                _ => "today".to_owned(),
            };
            format!("{date}{region}, {ago}")
        }
        Standing::Never => format!("not in the {TRACKED_DAYS} days that AWS looks back"),
        Standing::PassesRoles => {
            "only iam:PassRole is granted, and AWS reports no use of that".to_owned()
        }
        Standing::Unknown(why) => why.to_string(),
    }
}

/// What of a policy could go, where anything could.
fn advice(policy: &PolicyUse, privilege: &LeastPrivilege) -> Option<String> {
    let is_unused = |name: &str| privilege.unused().any(|service| service.name == name);
    let (idle, rest): (Vec<&str>, Vec<&str>) = policy
        .services
        .iter()
        .map(String::as_str)
        .partition(|name| is_unused(name));
    if idle.is_empty() {
        return None;
    }
    let idle = names(idle.into_iter());
    Some(match (&policy.unused, policy.denies) {
        (Tri::Yes, false) => match &policy.origin {
            Origin::GroupInline(group) | Origin::GroupAttached(group, _) => format!(
                "nothing of it is used ({idle}); it comes with the group {}: look at the others in it",
                clean(group)
            ),
            _ => format!("the whole policy: nothing of it is used ({idle})"),
        },
        (Tri::Yes, true) => {
            format!("all that it allows ({idle}); what it denies has to stay")
        }
        _ if rest.is_empty() => format!("{idle}; it grants services beyond those that are listed"),
        _ => match &policy.origin {
            Origin::Attached(arn) | Origin::GroupAttached(_, arn) if arn.contains(":iam::aws:") => {
                format!(
                    "{idle}: replace it by a policy of your own with {}",
                    names(rest.into_iter())
                )
            }
            _ => format!("{idle}: leave {}", names(rest.into_iter())),
        },
    })
}

fn policy_name(policy: &PolicyUse) -> String {
    let name = clean(&policy.name);
    match &policy.origin {
        Origin::Unstated => name,
        Origin::Inline => format!("{name} (inline)"),
        Origin::Attached(arn) => clean(arn),
        Origin::GroupInline(group) => format!("{name} (inline, of group {})", clean(group)),
        Origin::GroupAttached(group, arn) => {
            format!("{} (of group {})", clean(arn), clean(group))
        }
    }
}
