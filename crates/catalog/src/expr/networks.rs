//! Functions on security-group rules: `posture-network` does the thinking.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::types::{CelInt, CelString};
use posture_model::{Gap, GapReason};
use posture_network::{Found, PrefixList, Rule};

use super::check::PREFIX_LIST;
use super::frame;
use super::functions::{Args, Outcome, arg, bool, text, texts};
use super::types::type_number;
use super::value::{ListVal, Node, ObjectVal};

/// Rules made ready for questions, of which checks ask many about the same list.
struct Prepared {
    rules: Vec<Owned>,
    /// What is open to the world at all.
    open: Found,
    /// Why prefix lists could not be read.
    gaps: Vec<Arc<Gap>>,
}

impl Prepared {
    fn undecided(&self, why: String) -> ExecutionError {
        for gap in &self.gaps {
            frame::note(gap);
        }
        undecided(why)
    }
}

thread_local! {
    // One list at a time: all questions about a group come one after the other. The list is kept
    // beside what was made of it, so that another list is never taken for it.
    static LAST: RefCell<Option<(ListVal, Rc<Prepared>)>> = const { RefCell::new(None) };
}

fn undecided(why: String) -> ExecutionError {
    frame::gap(&Arc::new(Gap {
        code: Some(why),
        ..Gap::bare(GapReason::Unsupported)
    }))
}

pub(crate) fn cidr_is_world<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    posture_network::cidr_is_world(text("cidr_is_world", &args, 0)?)
        .decided()
        .map_or_else(|why| Err(undecided(why)), bool)
}

pub(crate) fn opens_to_world<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let function = "opens_to_world";
    let protocol = text(function, &args, 1)?;
    let port = *arg::<CelInt>(function, &args, 2)?.inner();
    let port = u16::try_from(port)
        .map_err(|_| ExecutionError::function_error(function, format!("{port} is no port")))?;
    let prepared = prepare(function, &args)?;
    if prepared.open.undecided.is_none()
        && let Some(open) = among(&prepared.open.items, protocol, port)
    {
        return bool(open);
    }
    with_rules(&prepared.rules, |rules| {
        posture_network::opens_to_world(rules, protocol, port)
    })
    .decided()
    .map_or_else(|why| Err(prepared.undecided(why)), bool)
}

pub(crate) fn world_open_ports<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let prepared = prepare("world_open_ports", &args)?;
    match prepared.open.clone().complete() {
        Ok(ports) => texts(ports),
        Err(why) => Err(prepared.undecided(why)),
    }
}

fn prepare(function: &str, args: &Args<'_, '_>) -> Result<Rc<Prepared>, ExecutionError> {
    let list = arg::<ListVal>(function, args, 0).ok();
    let last = LAST.with_borrow(|last| {
        let (known, prepared) = last.as_ref()?;
        list.is_some_and(|list| list.same(known))
            .then(|| Rc::clone(prepared))
    });
    if let Some(prepared) = last {
        return Ok(prepared);
    }
    let mut gaps = Vec::new();
    let rules = rules(function, args, &mut gaps)?;
    let open = with_rules(&rules, posture_network::world_open_ports);
    let prepared = Rc::new(Prepared { rules, open, gaps });
    if let Some(list) = list {
        LAST.set(Some((list.clone(), Rc::clone(&prepared))));
    }
    Ok(prepared)
}

/// Whether a port is among those that `world_open_ports` found. `None` for protocols without ports and
/// for spellings that are better left to the analysis.
fn among(open: &[String], protocol: &str, port: u16) -> Option<bool> {
    if !matches!(protocol, "tcp" | "udp") {
        return None;
    }
    for item in open {
        if item == "all" {
            return Some(true);
        }
        let Some(ports) = item
            .strip_prefix(protocol)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            continue;
        };
        if ports == "all" {
            return Some(true);
        }
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let range = from.parse::<u16>().ok()?..=to.parse::<u16>().ok()?;
        if range.contains(&port) {
            return Some(true);
        }
    }
    Some(false)
}

/// A rule as the snapshot holds it, prefix lists resolved.
struct Owned {
    protocol: String,
    from_port: Option<i64>,
    to_port: Option<i64>,
    ipv4: Vec<String>,
    ipv6: Vec<String>,
    prefix_lists: Vec<(String, Option<Vec<String>>)>,
}

fn with_rules<T>(rules: &[Owned], judge: impl FnOnce(&[Rule<'_>]) -> T) -> T {
    // Borrowed in three steps, as each level borrows from the one before.
    fn strs(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }
    let blocks: Vec<_> = rules
        .iter()
        .map(|rule| (strs(&rule.ipv4), strs(&rule.ipv6)))
        .collect();
    type Entries<'a> = (&'a str, Option<Vec<&'a str>>);
    let entries: Vec<Vec<Entries<'_>>> = rules
        .iter()
        .map(|rule| {
            rule.prefix_lists
                .iter()
                .map(|(id, entries)| (id.as_str(), entries.as_deref().map(strs)))
                .collect()
        })
        .collect();
    let lists: Vec<Vec<PrefixList<'_>>> = entries
        .iter()
        .map(|lists| {
            lists
                .iter()
                .map(|(id, entries)| PrefixList {
                    id,
                    entries: entries.as_deref(),
                })
                .collect()
        })
        .collect();
    let borrowed: Vec<Rule<'_>> = rules
        .iter()
        .zip(&blocks)
        .zip(&lists)
        .map(|((rule, (ipv4, ipv6)), prefix_lists)| Rule {
            protocol: &rule.protocol,
            from_port: rule.from_port,
            to_port: rule.to_port,
            ipv4,
            ipv6,
            prefix_lists,
        })
        .collect();
    judge(&borrowed)
}

/// The rules of the first argument: a list of the model, or one that an expression made of it.
fn rules(
    function: &str,
    args: &Args<'_, '_>,
    gaps: &mut Vec<Arc<Gap>>,
) -> Result<Vec<Owned>, ExecutionError> {
    if let Ok(list) = arg::<ListVal>(function, args, 0) {
        return list
            .items()
            .iter()
            .map(|item| match item {
                Node::Object(rule) => owned(function, rule, gaps),
                _ => Err(ExecutionError::function_error(function, "got no rule")),
            })
            .collect();
    }
    let mut items = args
        .first()
        .and_then(|list| list.as_iterable())
        .ok_or_else(|| ExecutionError::function_error(function, "got no list of rules"))?
        .iter();
    let mut rules = Vec::new();
    while let Some(item) = items.next() {
        let rule = item
            .downcast_ref::<ObjectVal>()
            .ok_or_else(|| ExecutionError::function_error(function, "got no rule"))?;
        rules.push(owned(function, rule, gaps)?);
    }
    Ok(rules)
}

fn owned(
    function: &str,
    rule: &ObjectVal,
    gaps: &mut Vec<Arc<Gap>>,
) -> Result<Owned, ExecutionError> {
    let field = |name: &str| {
        rule.field(name).ok_or_else(|| {
            ExecutionError::function_error(function, format!("a rule has no {name}"))
        })
    };
    let number = |name: &str| match field(name)? {
        Node::Int(value) => Ok(Some(*value.inner())),
        Node::Gap(gap) => Err(frame::gap(gap)),
        _ => Ok(None),
    };
    let list = |name: &str| match field(name)? {
        Node::List(items) => Ok(items
            .items()
            .iter()
            .filter_map(|item| item.as_text().map(str::to_owned))
            .collect::<Vec<_>>()),
        Node::Gap(gap) => Err(frame::gap(gap)),
        _ => Ok(Vec::new()),
    };
    let protocol = match field("protocol")? {
        Node::Text(text) => CelString::inner(text).to_owned(),
        Node::Gap(gap) => return Err(frame::gap(gap)),
        _ => {
            return Err(ExecutionError::function_error(
                function,
                "a rule has no protocol",
            ));
        }
    };
    Ok(Owned {
        protocol,
        from_port: number("from_port")?,
        to_port: number("to_port")?,
        ipv4: list("cidrs_ipv4")?,
        ipv6: list("cidrs_ipv6")?,
        prefix_lists: list("prefix_list_ids")?
            .into_iter()
            .map(|id| {
                let entries = prefix_list(&id, gaps)?;
                Ok((id, entries))
            })
            .collect::<Result<_, ExecutionError>>()?,
    })
}

/// The blocks of a prefix list; none when they could not be read.
///
/// Only lists that customers manage are collected. The others are AWS's own, which hold the
/// addresses of one AWS service each and never the internet: they count as empty here.
fn prefix_list(id: &str, gaps: &mut Vec<Arc<Gap>>) -> Result<Option<Vec<String>>, ExecutionError> {
    let here = frame::here()?;
    let Some(of) = type_number(PREFIX_LIST) else {
        return Ok(None);
    };
    Ok(match here.world().lookup(here.resource(), of, id) {
        Ok(None) => Some(Vec::new()),
        Ok(Some(list)) => match list.0.0.object.field("cidrs") {
            Some(Node::List(blocks)) => Some(
                blocks
                    .items()
                    .iter()
                    .filter_map(|block| block.as_text().map(str::to_owned))
                    .collect(),
            ),
            Some(Node::Null) => Some(Vec::new()),
            Some(Node::Gap(gap)) => {
                gaps.push(Arc::clone(gap));
                None
            }
            _ => None,
        },
        Err(gap) => {
            gaps.push(gap);
            None
        }
    })
}
