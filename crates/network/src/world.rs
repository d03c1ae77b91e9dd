//! Which blocks of addresses stand for the internet, and which ports a group opens to it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::answer::{Answer, Found, merge};

/// IPv4 blocks with a shorter prefix than this stand for the internet. No one is assigned more than
/// a /8, so a wider block names no one in particular; it is also the bound that S3 draws.
const WIDEST_V4: u8 = 8;
/// The same for IPv6, where a /32 is what a registry gives to a provider.
const WIDEST_V6: u8 = 32;

/// A prefix list that a rule refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixList<'a> {
    /// Its id, such as `pl-0123456789abcdef0`.
    pub id: &'a str,
    /// Its blocks; none when they are not known.
    pub entries: Option<&'a [&'a str]>,
}

/// One rule of a security group, in one direction.
///
/// A rule that refers to another group has that group elsewhere: a group is not a block of addresses
/// and never stands for the internet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule<'a> {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub protocol: &'a str,
    /// First port; none with `-1`. For ICMP the type.
    pub from_port: Option<i64>,
    /// Last port; for ICMP the code.
    pub to_port: Option<i64>,
    /// IPv4 blocks.
    pub ipv4: &'a [&'a str],
    /// IPv6 blocks.
    pub ipv6: &'a [&'a str],
    /// Prefix lists.
    pub prefix_lists: &'a [PrefixList<'a>],
}

/// Whether a block is so wide that it stands for the internet: wider than a /8 of IPv4 or a /32 of
/// IPv6, and not private. A single address counts as a block of one.
pub fn cidr_is_world(cidr: &str) -> Answer {
    match parse(cidr) {
        Some(block) => Answer::from(is_world(&block)),
        None => Answer::Undecided(not_a_block(cidr)),
    }
}

/// Whether the rules together open a port of a protocol to the internet.
///
/// `protocol` is `tcp`, `udp` or a number; the port is ignored for protocols that have none. Blocks
/// of several rules that open the same port add up: two halves of the address space are the world.
pub fn opens_to_world(rules: &[Rule<'_>], protocol: &str, port: u16) -> Answer {
    opens_to_world_over(rules, protocol, &(port..=port))
}

/// Whether some port of a range is open to the internet.
pub fn opens_to_world_over(
    rules: &[Rule<'_>],
    protocol: &str,
    ports: &RangeInclusive<u16>,
) -> Answer {
    let wanted = canonical(protocol);
    let mut result = Answer::No;
    // Within a segment between two bounds of rules, the same rules apply to every port.
    for start in segment_starts(rules, &wanted, ports) {
        let applying = rules.iter().filter(|rule| covers(rule, &wanted, start));
        result = result.or(sources_are_world(applying));
        if result.is_yes() {
            break;
        }
    }
    result
}

/// What the rules open to the internet: `all` for every port of every protocol, `tcp/22`,
/// `tcp/20-25`, `tcp/all`, `icmp`, sorted by protocol and port.
pub fn world_open_ports(rules: &[Rule<'_>]) -> Found {
    let mut found = Found::default();
    let everything = sources_are_world(rules.iter().filter(|r| canonical(r.protocol) == "all"));
    if everything.is_yes() {
        // No other rule can add to this, so what is undecided there does not matter.
        found.items.push("all".to_owned());
        return found;
    }
    doubt(&mut found, &everything);
    let protocols: BTreeSet<String> = rules
        .iter()
        .map(|rule| canonical(rule.protocol))
        .filter(|protocol| protocol != "all")
        .collect();
    for protocol in protocols {
        if !has_ports(&protocol) {
            let applying = rules.iter().filter(|rule| covers(rule, &protocol, 0));
            let answer = sources_are_world(applying);
            if answer.is_yes() {
                found.items.push(protocol);
            } else {
                doubt(&mut found, &answer);
            }
            continue;
        }
        for range in open_ranges(rules, &protocol, &mut found) {
            found.items.push(match (*range.start(), *range.end()) {
                (0, u16::MAX) => format!("{protocol}/all"),
                (from, to) if from == to => format!("{protocol}/{from}"),
                (from, to) => format!("{protocol}/{from}-{to}"),
            });
        }
    }
    found
}

fn open_ranges(rules: &[Rule<'_>], protocol: &str, found: &mut Found) -> Vec<RangeInclusive<u16>> {
    let starts = segment_starts(rules, protocol, &(0..=u16::MAX));
    let ends = starts
        .iter()
        .skip(1)
        .map(|next| next - 1)
        .chain(std::iter::once(u16::MAX));
    let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
    for (start, end) in starts.iter().copied().zip(ends) {
        let answer = sources_are_world(rules.iter().filter(|r| covers(r, protocol, start)));
        if !answer.is_yes() {
            doubt(found, &answer);
            continue;
        }
        match ranges.last_mut() {
            Some(last) if u32::from(*last.end()) + 1 == u32::from(start) => {
                *last = *last.start()..=end;
            }
            _ => ranges.push(start..=end),
        }
    }
    ranges
}

fn doubt(found: &mut Found, answer: &Answer) {
    if let Answer::Undecided(reason) = answer {
        found.undecided = Some(match found.undecided.take() {
            Some(earlier) => merge(earlier, reason),
            None => reason.clone(),
        });
    }
}

/// Ports at which the set of applying rules may change, the first of the range among them.
fn segment_starts(
    rules: &[Rule<'_>],
    protocol: &str,
    ports: &RangeInclusive<u16>,
) -> BTreeSet<u16> {
    let mut starts = BTreeSet::from([*ports.start()]);
    if has_ports(protocol) {
        for range in rules
            .iter()
            .filter(|rule| canonical(rule.protocol) == protocol)
            .filter_map(port_range)
        {
            starts.insert(*range.start());
            starts.extend(range.end().checked_add(1));
        }
    }
    starts.retain(|port| ports.contains(port));
    starts
}

fn covers(rule: &Rule<'_>, protocol: &str, port: u16) -> bool {
    let own = canonical(rule.protocol);
    if own == "all" {
        return true;
    }
    own == protocol
        && (!has_ports(protocol) || port_range(rule).is_some_and(|range| range.contains(&port)))
}

/// The ports of a rule; all of them when it names none.
fn port_range(rule: &Rule<'_>) -> Option<RangeInclusive<u16>> {
    let bound = |port: i64| u16::try_from(port).ok();
    match (rule.from_port, rule.to_port) {
        (None | Some(-1), None | Some(-1)) => Some(0..=u16::MAX),
        (Some(from), Some(to)) => {
            let from = bound(from.max(0))?;
            let to = bound(to.min(i64::from(u16::MAX)))?;
            (from <= to).then_some(from..=to)
        }
        (Some(port), None) | (None, Some(port)) => bound(port).map(|port| port..=port),
    }
}

fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp")
}

/// One name a protocol: AWS takes names and numbers, in any case.
pub(crate) fn canonical(protocol: &str) -> String {
    let lower = protocol.trim().to_lowercase();
    match lower.as_str() {
        "-1" | "all" => "all",
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" | "ipv6-icmp" => "icmpv6",
        other => other,
    }
    .to_owned()
}

/// Whether the sources of these rules, taken together, are the internet.
fn sources_are_world<'r>(rules: impl Iterator<Item = &'r Rule<'r>>) -> Answer {
    let mut blocks = Vec::new();
    let mut unclear: Option<String> = None;
    let mut note = |reason: String| {
        unclear = Some(match unclear.take() {
            Some(earlier) => merge(earlier, &reason),
            None => reason,
        });
    };
    for rule in rules {
        let mut read = |cidr: &str| match parse(cidr) {
            Some(block) => blocks.push(block),
            None => note(not_a_block(cidr)),
        };
        rule.ipv4.iter().chain(rule.ipv6).for_each(|c| read(c));
        for list in rule.prefix_lists {
            if let Some(entries) = list.entries {
                entries.iter().for_each(|c| read(c));
            }
        }
        for list in rule.prefix_lists.iter().filter(|l| l.entries.is_none()) {
            note(format!(
                "the content of prefix list {} is not known",
                list.id
            ));
        }
    }
    if IpNet::aggregate(&blocks).iter().any(is_world) {
        return Answer::Yes;
    }
    unclear.map_or(Answer::No, Answer::Undecided)
}

fn is_world(block: &IpNet) -> bool {
    let widest = match block {
        IpNet::V4(_) => WIDEST_V4,
        IpNet::V6(_) => WIDEST_V6,
    };
    block.prefix_len() < widest && !private_blocks().iter().any(|p| p.contains(block))
}

/// Blocks that are wide and yet never the internet: unique local and link-local IPv6 (the private
/// blocks of IPv4 are no wider than what is tolerated anyway), and multicast.
fn private_blocks() -> Vec<IpNet> {
    let v4 = |a, len| Ipv4Net::new(Ipv4Addr::new(a, 0, 0, 0), len).map(IpNet::V4);
    let v6 = |a, len| Ipv6Net::new(Ipv6Addr::new(a, 0, 0, 0, 0, 0, 0, 0), len).map(IpNet::V6);
    [
        v4(10, 8),
        v4(224, 4),
        v6(0xfc00, 7),
        v6(0xfe80, 10),
        v6(0xff00, 8),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn parse(cidr: &str) -> Option<IpNet> {
    let cidr = cidr.trim();
    cidr.parse::<IpNet>()
        .ok()
        .or_else(|| cidr.parse::<std::net::IpAddr>().ok().map(IpNet::from))
        .map(|block| block.trunc())
}

fn not_a_block(cidr: &str) -> String {
    let shown: String = cidr.chars().take(60).flat_map(char::escape_debug).collect();
    format!("{shown} is not a block of addresses")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule<'a>(protocol: &'a str, from: i64, to: i64, ipv4: &'a [&'a str]) -> Rule<'a> {
        Rule {
            protocol,
            from_port: Some(from),
            to_port: Some(to),
            ipv4,
            ..Rule::default()
        }
    }

    const WORLD: &[&str] = &["0.0.0.0/0"];

    #[test]
    fn blocks() {
        for (cidr, expected) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("0::/0", true),
            ("0.0.0.0/1", true),
            ("128.0.0.0/1", true),
            ("1.2.3.4/0", true),
            ("64.0.0.0/7", true),
            ("8.0.0.0/8", false),
            ("10.0.0.0/8", false),
            ("172.16.0.0/12", false),
            ("192.168.0.0/16", false),
            ("203.0.113.7/32", false),
            ("203.0.113.7", false),
            ("2000::/3", true),
            ("2001:db8::/32", false),
            ("2001:d00::/31", true),
            ("fc00::/7", false),
            ("fd00::/8", false),
            ("fe80::/10", false),
        ] {
            assert_eq!(cidr_is_world(cidr), Answer::from(expected), "{cidr}");
        }
        for cidr in ["", "0.0.0.0/33", "sg-123", "everywhere", "0.0.0.0/0/0"] {
            assert!(
                matches!(cidr_is_world(cidr), Answer::Undecided(_)),
                "{cidr}"
            );
        }
    }

    #[test]
    fn ports_and_protocols() {
        for (rules, protocol, port, expected) in [
            (vec![rule("tcp", 22, 22, WORLD)], "tcp", 22, true),
            (vec![rule("6", 22, 22, WORLD)], "tcp", 22, true),
            (vec![rule("TCP", 22, 22, WORLD)], "tcp", 22, true),
            (vec![rule("tcp", 20, 25, WORLD)], "tcp", 22, true),
            (vec![rule("tcp", 20, 25, WORLD)], "tcp", 26, false),
            (vec![rule("udp", 22, 22, WORLD)], "tcp", 22, false),
            (vec![rule("udp", 0, 65535, WORLD)], "tcp", 22, false),
            (vec![rule("tcp", 0, 65535, WORLD)], "tcp", 3389, true),
            (vec![rule("-1", -1, -1, WORLD)], "tcp", 3389, true),
            (vec![rule("icmp", 8, 0, WORLD)], "tcp", 8, false),
            (vec![rule("tcp", 22, 22, &["10.0.0.0/8"])], "tcp", 22, false),
            // 443 from everywhere does not open 22 from inside, in either order.
            (
                vec![
                    rule("tcp", 443, 443, WORLD),
                    rule("tcp", 22, 22, &["10.0.0.0/8"]),
                ],
                "tcp",
                22,
                false,
            ),
            (
                vec![
                    rule("tcp", 22, 22, &["10.0.0.0/8"]),
                    rule("tcp", 443, 443, WORLD),
                ],
                "tcp",
                443,
                true,
            ),
            // Halves, in one rule and over two.
            (
                vec![rule("tcp", 22, 22, &["0.0.0.0/1", "128.0.0.0/1"])],
                "tcp",
                22,
                true,
            ),
            (vec![], "tcp", 22, false),
        ] {
            assert_eq!(
                opens_to_world(&rules, protocol, port),
                Answer::from(expected),
                "{rules:?} {protocol}/{port}"
            );
        }
    }

    #[test]
    fn every_protocol_needs_no_ports() {
        let all = Rule {
            protocol: "-1",
            ipv6: &["::/0"],
            ..Rule::default()
        };
        assert!(opens_to_world(std::slice::from_ref(&all), "tcp", 22).is_yes());
        assert!(opens_to_world(std::slice::from_ref(&all), "udp", 53).is_yes());
        assert_eq!(world_open_ports(&[all]).complete().unwrap(), ["all"]);
    }

    #[test]
    fn unions_over_rules_with_different_ports() {
        let eighths: Vec<String> = (1..=223).map(|n| format!("{n}.0.0.0/8")).collect();
        let eighths: Vec<&str> = eighths.iter().map(String::as_str).collect();
        let (low, high) = eighths.split_at(100);
        let rules = [rule("tcp", 20, 30, low), rule("tcp", 22, 22, high)];
        assert!(opens_to_world(&rules, "tcp", 22).is_yes());
        let rules = [
            rule("tcp", 20, 21, &["0.0.0.0/8"]),
            rule("tcp", 22, 22, &["1.0.0.0/8"]),
        ];
        assert!(opens_to_world(&rules, "tcp", 22).is_no());
    }

    #[test]
    fn ranges_are_found_inside() {
        let rules = [rule("tcp", 8000, 9000, WORLD)];
        assert!(opens_to_world_over(&rules, "tcp", &(0..=u16::MAX)).is_yes());
        assert!(opens_to_world_over(&rules, "tcp", &(0..=7999)).is_no());
    }

    #[test]
    fn prefix_lists() {
        let unknown = [PrefixList {
            id: "pl-1",
            entries: None,
        }];
        let own = [PrefixList {
            id: "pl-2",
            entries: Some(&["10.0.0.0/8"]),
        }];
        let wide = [PrefixList {
            id: "pl-3",
            entries: Some(&["0.0.0.0/1", "128.0.0.0/1"]),
        }];
        let with = |lists| Rule {
            prefix_lists: lists,
            ..rule("tcp", 22, 22, &[])
        };
        assert_eq!(
            opens_to_world(&[with(&unknown)], "tcp", 22),
            Answer::Undecided("the content of prefix list pl-1 is not known".into())
        );
        assert!(opens_to_world(&[with(&unknown)], "tcp", 80).is_no());
        assert!(opens_to_world(&[with(&own)], "tcp", 22).is_no());
        assert!(opens_to_world(&[with(&wide)], "tcp", 22).is_yes());
        // What is certain does not wait for what is not.
        assert!(opens_to_world(&[with(&unknown), rule("tcp", 22, 22, WORLD)], "tcp", 22).is_yes());
        let found = world_open_ports(&[with(&unknown), rule("tcp", 80, 80, WORLD)]);
        assert_eq!(found.items, ["tcp/80"]);
        assert!(found.undecided.is_some());
    }

    #[test]
    fn lists_of_ports() {
        for (rules, expected) in [
            (vec![], vec![]),
            (vec![rule("tcp", 22, 22, WORLD)], vec!["tcp/22"]),
            (
                vec![
                    rule("tcp", 20, 25, WORLD),
                    rule("udp", 53, 53, WORLD),
                    rule("tcp", 443, 443, WORLD),
                ],
                vec!["tcp/20-25", "tcp/443", "udp/53"],
            ),
            (
                vec![
                    rule("tcp", 20, 25, WORLD),
                    rule("tcp", 24, 30, WORLD),
                    rule("tcp", 31, 31, WORLD),
                ],
                vec!["tcp/20-31"],
            ),
            (vec![rule("tcp", 0, 65535, WORLD)], vec!["tcp/all"]),
            (vec![rule("tcp", 65535, 65535, WORLD)], vec!["tcp/65535"]),
            (vec![rule("icmp", -1, -1, WORLD)], vec!["icmp"]),
            (vec![rule("47", -1, -1, WORLD)], vec!["47"]),
            (
                vec![rule("-1", -1, -1, WORLD), rule("tcp", 22, 22, &["bad"])],
                vec!["all"],
            ),
            (vec![rule("tcp", 22, 22, &["10.0.0.0/8"])], vec![]),
        ] {
            assert_eq!(
                world_open_ports(&rules).complete().unwrap(),
                expected,
                "{rules:?}"
            );
        }
    }

    #[test]
    fn unreadable_blocks_are_undecided() {
        let answer = opens_to_world(&[rule("tcp", 22, 22, &["0.0.0.0/99"])], "tcp", 22);
        assert_eq!(
            answer,
            Answer::Undecided("0.0.0.0/99 is not a block of addresses".into())
        );
    }

    proptest::proptest! {
        #[test]
        fn order_does_not_matter_and_rules_only_add(
            specs in proptest::collection::vec((0..3_usize, 0..100_i64, 0..100_i64, 0..4_usize), 0..6),
            port in 0..110_u16,
        ) {
            const SOURCES: [&[&str]; 4] = [WORLD, &["0.0.0.0/1"], &["128.0.0.0/1"], &["10.0.0.0/8"]];
            let rules: Vec<Rule<'_>> = specs
                .iter()
                .map(|(protocol, a, b, source)| {
                    rule(["tcp", "udp", "-1"][*protocol], *a.min(b), *a.max(b), SOURCES[*source])
                })
                .collect();
            let answer = opens_to_world(&rules, "tcp", port);
            let reversed: Vec<_> = rules.iter().rev().cloned().collect();
            proptest::prop_assert_eq!(&opens_to_world(&reversed, "tcp", port), &answer);
            proptest::prop_assert_eq!(world_open_ports(&reversed), world_open_ports(&rules));
            if let Some((_, fewer)) = rules.split_last() {
                proptest::prop_assert!(!opens_to_world(fewer, "tcp", port).is_yes() || answer.is_yes());
            }
        }
    }
}
