//! Where a subnet's packets for the internet go.

use crate::answer::Answer;
use crate::world::{cidr_is_world, parse};

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Stays in the VPC.
    Local,
    /// `igw-...`: both ways.
    InternetGateway(&'a str),
    /// `eigw-...`: IPv6, outwards only.
    EgressOnlyGateway(&'a str),
    /// A NAT gateway or instance: outwards only.
    Nat(&'a str),
    /// A transit gateway, peering, virtual private gateway, interface, ...: leads elsewhere, and what
    /// is there is not this table's to say.
    Other(&'a str),
}

impl<'a> Target<'a> {
    /// Reads a target by the form of its id.
    pub fn from_id(id: &'a str) -> Self {
        match id.split_once('-').map(|(kind, _)| kind) {
            _ if id == "local" => Self::Local,
            Some("igw") => Self::InternetGateway(id),
            Some("eigw") => Self::EgressOnlyGateway(id),
            Some("nat") => Self::Nat(id),
            _ => Self::Other(id),
        }
    }
}

/// One route of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// An IPv4 or IPv6 block, or the id of a prefix list.
    pub destination: &'a str,
    /// Where it leads.
    pub target: Target<'a>,
    /// Whether the target exists: a blackhole leads nowhere.
    pub active: bool,
}

/// What a subnet is, by its route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubnetKind {
    /// Reached from the internet: a route to an internet gateway.
    Public,
    /// Reaches the internet and is not reached: a NAT or an egress-only gateway.
    PrivateWithEgress,
    /// No way to the internet of its own.
    Isolated,
    /// A default route leads elsewhere (transit gateway, peering, appliance), or a destination is
    /// not readable.
    Undecided(String),
}

/// Whether a route table leads the internet's addresses, or part of them, to an internet gateway.
///
/// Any public destination counts, not the default route alone: two halves, or the block of one
/// partner, are reached and answered just as well.
pub fn route_table_reaches_internet(routes: &[Route<'_>]) -> Answer {
    routes
        .iter()
        .filter(|r| r.active && matches!(r.target, Target::InternetGateway(_)))
        .map(|r| destination_is_public(r.destination))
        .fold(Answer::No, Answer::or)
}

/// What a subnet is, by the table that is in effect for it (its own, or else the VPC's main one).
pub fn subnet_kind(routes: &[Route<'_>]) -> SubnetKind {
    match route_table_reaches_internet(routes) {
        Answer::Yes => return SubnetKind::Public,
        Answer::Undecided(reason) => return SubnetKind::Undecided(reason),
        Answer::No => {}
    }
    let active = || routes.iter().filter(|r| r.active);
    let leads_out = active()
        .filter(|r| matches!(r.target, Target::Nat(_) | Target::EgressOnlyGateway(_)))
        .any(|r| !destination_is_public(r.destination).is_no());
    if leads_out {
        return SubnetKind::PrivateWithEgress;
    }
    let elsewhere = active().find_map(|r| match r.target {
        Target::Other(id) if cidr_is_world(r.destination).is_yes() => Some(id),
        _ => None,
    });
    match elsewhere {
        Some(id) => SubnetKind::Undecided(format!("the default route leads to {id}")),
        None => SubnetKind::Isolated,
    }
}

fn destination_is_public(destination: &str) -> Answer {
    if destination.starts_with("pl-") {
        return Answer::Undecided(format!(
            "the content of prefix list {destination} is not known"
        ));
    }
    let Some(block) = parse(destination) else {
        return cidr_is_world(destination);
    };
    let private = match block {
        ipnet::IpNet::V4(block) => {
            let ip = block.network();
            block.prefix_len() >= 8 && (ip.is_private() || ip.is_link_local() || ip.is_loopback())
        }
        ipnet::IpNet::V6(block) => {
            let first = block.network().segments()[0];
            block.prefix_len() >= 7 && (first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80)
        }
    };
    Answer::from(!private)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route<'a>(destination: &'a str, target: &'a str) -> Route<'a> {
        Route {
            destination,
            target: Target::from_id(target),
            active: true,
        }
    }

    #[test]
    fn kinds() {
        let local = route("10.0.0.0/16", "local");
        for (routes, expected) in [
            (vec![local], SubnetKind::Isolated),
            (vec![local, route("0.0.0.0/0", "igw-1")], SubnetKind::Public),
            (vec![local, route("::/0", "igw-1")], SubnetKind::Public),
            (
                vec![route("0.0.0.0/1", "igw-1"), route("128.0.0.0/1", "igw-1")],
                SubnetKind::Public,
            ),
            (
                vec![local, route("203.0.113.0/24", "igw-1")],
                SubnetKind::Public,
            ),
            (
                vec![local, route("0.0.0.0/0", "nat-1")],
                SubnetKind::PrivateWithEgress,
            ),
            (
                vec![local, route("::/0", "eigw-1")],
                SubnetKind::PrivateWithEgress,
            ),
            (
                vec![local, route("0.0.0.0/0", "nat-1"), route("::/0", "igw-1")],
                SubnetKind::Public,
            ),
            (
                vec![local, route("10.1.0.0/16", "tgw-1")],
                SubnetKind::Isolated,
            ),
            (
                vec![local, route("0.0.0.0/0", "tgw-1")],
                SubnetKind::Undecided("the default route leads to tgw-1".into()),
            ),
            (
                vec![local, route("pl-1", "igw-1")],
                SubnetKind::Undecided("the content of prefix list pl-1 is not known".into()),
            ),
            (
                vec![local, route("pl-63a5400a", "vpce-1")],
                SubnetKind::Isolated,
            ),
            (vec![], SubnetKind::Isolated),
        ] {
            assert_eq!(subnet_kind(&routes), expected, "{routes:?}");
        }
    }

    #[test]
    fn blackholes_lead_nowhere() {
        let dead = Route {
            active: false,
            ..route("0.0.0.0/0", "igw-1")
        };
        assert!(route_table_reaches_internet(&[dead]).is_no());
        assert_eq!(subnet_kind(&[dead]), SubnetKind::Isolated);
    }
}
