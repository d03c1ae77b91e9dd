//! Network ACLs: stateless, in numbered order, so an answer needs a way in and a way back.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::answer::Answer;
use crate::world::{canonical, parse};

/// Ports from which clients call, as AWS recommends to open for answers. Linux, Windows and load
/// balancers each use a part of it.
pub const EPHEMERAL: RangeInclusive<u16> = 1024..=65535;

/// Which way a packet goes, seen from the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the subnet; the block is the source.
    Ingress,
    /// Out of the subnet; the block is the destination.
    Egress,
}

/// One entry of a network ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclEntry<'a> {
    /// Order of evaluation; 32767 is the final `*`.
    pub number: i64,
    /// Which way.
    pub direction: Direction,
    /// `-1` or a protocol's number or name.
    pub protocol: &'a str,
    /// First and last port; none with `-1`.
    pub ports: Option<(i64, i64)>,
    /// An IPv4 or IPv6 block.
    pub cidr: &'a str,
    /// Whether it allows.
    pub allow: bool,
}

/// What is asked of an ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclQuestion<'a> {
    /// Which way.
    pub direction: Direction,
    /// `tcp`, `udp`, ...
    pub protocol: &'a str,
    /// Ports at the receiver; a packet to one of them is enough.
    pub ports: RangeInclusive<u16>,
    /// The other side: an address or a block, of which one address is enough.
    pub peer: &'a str,
}

/// Whether some packet of those asked about passes: the lowest-numbered entry that matches a packet
/// decides, and what no entry matches is denied.
pub fn acl_allows(entries: &[AclEntry<'_>], question: &AclQuestion<'_>) -> Answer {
    passing_addresses(entries, question).0
}

/// Whether a connection to `port` of the subnet works for some address of `peer`: in to the port, and
/// back out to a port of [`EPHEMERAL`], for one and the same address.
pub fn acl_allows_conversation(
    entries: &[AclEntry<'_>],
    protocol: &str,
    port: u16,
    peer: &str,
) -> Answer {
    let ask = |direction, ports| AclQuestion {
        direction,
        protocol,
        ports,
        peer,
    };
    let (inward, passing_in) = passing_addresses(entries, &ask(Direction::Ingress, port..=port));
    let (outward, passing_out) = passing_addresses(entries, &ask(Direction::Egress, EPHEMERAL));
    match inward.and(outward) {
        Answer::Yes => Answer::from(passing_in.iter().any(|ip| passing_out.contains(ip))),
        other => other,
    }
}

/// The answer, and those of the addresses that tell the entries apart which pass.
fn passing_addresses(
    entries: &[AclEntry<'_>],
    question: &AclQuestion<'_>,
) -> (Answer, Vec<IpAddr>) {
    let Some(peer) = parse(question.peer) else {
        return (
            Answer::Undecided("the peer is not a block of addresses".to_owned()),
            Vec::new(),
        );
    };
    let protocol = canonical(question.protocol);
    let mut sorted: Vec<(&AclEntry<'_>, Option<IpNet>)> =
        entries.iter().map(|e| (e, parse(e.cidr))).collect();
    sorted.sort_by_key(|(entry, _)| entry.number);
    // Both directions' blocks make candidates, so that the two can be compared address by address.
    let addresses = candidates(&peer, sorted.iter().filter_map(|(_, block)| *block));
    let ports = port_candidates(&sorted, question);
    let mut passing = Vec::new();
    let mut unclear = None;
    for ip in addresses {
        for port in &ports {
            match verdict(&sorted, question.direction, &protocol, *port, ip) {
                Answer::Yes => {
                    passing.push(ip);
                    break;
                }
                Answer::No => {}
                Answer::Undecided(reason) => unclear = Some(reason),
            }
        }
    }
    let answer = if passing.is_empty() {
        unclear.map_or(Answer::No, Answer::Undecided)
    } else {
        Answer::Yes
    };
    (answer, passing)
}

fn verdict(
    sorted: &[(&AclEntry<'_>, Option<IpNet>)],
    direction: Direction,
    protocol: &str,
    port: u16,
    ip: IpAddr,
) -> Answer {
    for (entry, block) in sorted {
        if entry.direction != direction || !matches_packet(entry, protocol, port) {
            continue;
        }
        match block {
            Some(block) if !block.contains(&ip) => {}
            Some(_) => return Answer::from(entry.allow),
            None => {
                return Answer::Undecided(format!(
                    "entry {} has no readable block of addresses",
                    entry.number
                ));
            }
        }
    }
    Answer::No
}

fn matches_packet(entry: &AclEntry<'_>, protocol: &str, port: u16) -> bool {
    let own = canonical(entry.protocol);
    own == "all"
        || own == protocol
            && entry
                .ports
                .is_none_or(|(from, to)| (from..=to).contains(&i64::from(port)))
}

/// One address for each way in which the blocks divide the peer's.
fn candidates(peer: &IpNet, blocks: impl Iterator<Item = IpNet>) -> Vec<IpAddr> {
    let mut addresses = vec![peer.network()];
    for block in blocks {
        addresses.push(block.network());
        addresses.extend(successor(block.broadcast()));
    }
    addresses.retain(|ip| peer.contains(ip));
    addresses.sort();
    addresses.dedup();
    addresses
}

fn successor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

fn port_candidates(
    sorted: &[(&AclEntry<'_>, Option<IpNet>)],
    question: &AclQuestion<'_>,
) -> Vec<u16> {
    let mut ports = vec![*question.ports.start()];
    for (from, to) in sorted.iter().filter_map(|(entry, _)| entry.ports) {
        ports.extend(u16::try_from(from).ok());
        ports.extend(u16::try_from(to.saturating_add(1)).ok());
    }
    ports.retain(|port| question.ports.contains(port));
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Egress, Ingress};

    fn entry(
        number: i64,
        direction: Direction,
        ports: Option<(i64, i64)>,
        cidr: &str,
        allow: bool,
    ) -> AclEntry<'_> {
        AclEntry {
            number,
            direction,
            protocol: if ports.is_some() { "6" } else { "-1" },
            ports,
            cidr,
            allow,
        }
    }

    fn ssh<'a>(peer: &'a str) -> AclQuestion<'a> {
        AclQuestion {
            direction: Ingress,
            protocol: "tcp",
            ports: 22..=22,
            peer,
        }
    }

    #[test]
    fn lowest_number_decides() {
        let open = entry(100, Ingress, None, "0.0.0.0/0", true);
        let shut = entry(90, Ingress, Some((22, 22)), "0.0.0.0/0", false);
        let last = entry(32767, Ingress, None, "0.0.0.0/0", false);
        assert!(acl_allows(&[last, open], &ssh("0.0.0.0/0")).is_yes());
        assert!(acl_allows(&[open, shut, last], &ssh("0.0.0.0/0")).is_no());
        assert!(
            acl_allows(
                &[
                    entry(110, Ingress, Some((22, 22)), "0.0.0.0/0", false),
                    open
                ],
                &ssh("0.0.0.0/0")
            )
            .is_yes()
        );
        assert!(acl_allows(&[], &ssh("0.0.0.0/0")).is_no());
        // Entries for IPv4 say nothing about IPv6.
        assert!(acl_allows(&[open], &ssh("::/0")).is_no());
    }

    #[test]
    fn a_part_of_the_peer_is_enough() {
        let shut = entry(90, Ingress, None, "0.0.0.0/1", false);
        let open = entry(100, Ingress, None, "0.0.0.0/0", true);
        assert!(acl_allows(&[shut, open], &ssh("0.0.0.0/0")).is_yes());
        assert!(acl_allows(&[shut, open], &ssh("10.0.0.1")).is_no());
        let other = entry(91, Ingress, None, "128.0.0.0/1", false);
        assert!(acl_allows(&[shut, other, open], &ssh("0.0.0.0/0")).is_no());
    }

    #[test]
    fn answers_need_a_way_back() {
        let inward = entry(100, Ingress, Some((22, 22)), "0.0.0.0/0", true);
        let back = entry(100, Egress, Some((1024, 65535)), "0.0.0.0/0", true);
        let part = entry(100, Egress, Some((32768, 60999)), "0.0.0.0/0", true);
        let wrong = entry(100, Egress, Some((443, 443)), "0.0.0.0/0", true);
        let half = entry(90, Egress, None, "0.0.0.0/1", false);
        let works =
            |entries: &[AclEntry<'_>]| acl_allows_conversation(entries, "tcp", 22, "0.0.0.0/0");
        assert!(works(&[inward, back]).is_yes());
        assert!(works(&[inward, part]).is_yes());
        assert!(works(&[inward]).is_no());
        assert!(works(&[inward, wrong]).is_no());
        assert!(works(&[inward, half, back]).is_yes());
        // In from one half, back to the other: no address has both.
        let lower = entry(100, Ingress, Some((22, 22)), "0.0.0.0/1", true);
        assert!(works(&[lower, half, back]).is_no());
    }

    #[test]
    fn unreadable_is_undecided() {
        let bad = entry(90, Ingress, None, "nowhere", true);
        assert!(matches!(
            acl_allows(&[bad], &ssh("0.0.0.0/0")),
            Answer::Undecided(_)
        ));
        assert!(matches!(acl_allows(&[], &ssh("x")), Answer::Undecided(_)));
    }
}
