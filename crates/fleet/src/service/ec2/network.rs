//! VPCs, what is in them, and who may talk to whom.

use super::{listed, owner, tag_set};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::iso_millis;
use crate::dice::Dice;
use crate::id;
use crate::service::{Answer, xml};

/// Subnets of a VPC: one that reaches the internet, two that do not.
const SUBNETS: usize = 3;
/// Route tables of a VPC: the main one, and that of the public subnet.
const TABLES: usize = 2;
/// More VPCs than this would not fit into their addresses.
const MOST_VPCS: usize = 200;

/// One VPC for every twenty resources, beside the default one.
pub(super) fn vpc_count(place: Place<'_>) -> usize {
    (1 + place.count("ec2").div_ceil(20)).min(MOST_VPCS)
}

pub(super) fn vpc_dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("vpc", index)
}

pub(super) fn vpc_id(place: Place<'_>, index: usize) -> String {
    id::hex("vpc-", vpc_dice(place, index), index)
}

/// The default VPC has the addresses that AWS gives it.
pub(super) fn vpc_cidr(index: usize) -> String {
    match index {
        0 => "172.31.0.0/16".to_owned(),
        index => format!("10.{index}.0.0/16"),
    }
}

fn prefix(vpc: usize) -> String {
    vpc_cidr(vpc).trim_end_matches(".0.0/16").to_owned()
}

pub(super) fn describe_vpcs(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "vpcSet", vpc_count(place), |index| {
        let cidr = vpc_cidr(index);
        let block = xml::text("cidrBlock", &cidr)
            + "<cidrBlockState><state>associated</state></cidrBlockState>";
        [
            xml::text("vpcId", &vpc_id(place, index)),
            owner(place),
            xml::text("state", "available"),
            xml::text("cidrBlock", &cidr),
            xml::text("dhcpOptionsId", "dopt-0fleet"),
            xml::text("instanceTenancy", "default"),
            xml::text("isDefault", &(index == 0).to_string()),
            xml::list("cidrBlockAssociationSet", "item", [block]),
            tag_set(place, vpc_dice(place, index), &format!("vpc-{index}")),
        ]
        .concat()
    })
}

// ---- Subnets, routes, ACLs -----------------------------------------------------------------------

pub(super) fn subnet_id(place: Place<'_>, index: usize) -> String {
    id::hex("subnet-", place.dice("subnet", index), index)
}

pub(super) fn subnet_count(place: Place<'_>) -> usize {
    vpc_count(place) * SUBNETS
}

pub(super) fn vpc_of_subnet(subnet: usize) -> usize {
    subnet / SUBNETS
}

/// The first subnet of a VPC is the public one.
pub(super) fn is_public(subnet: usize) -> bool {
    subnet.is_multiple_of(SUBNETS)
}

pub(super) fn public_subnet(vpc: usize) -> usize {
    vpc * SUBNETS
}

/// Some VPCs have all their subnets in one zone.
pub(super) fn zone(place: Place<'_>, subnet: usize) -> String {
    let single = vpc_dice(place, vpc_of_subnet(subnet)).percent(25, "single zone");
    let letter = match (single, subnet % SUBNETS) {
        (false, 2) => 'b',
        _ => 'a',
    };
    format!("{}{letter}", place.region)
}

/// An address in a subnet, the same for the same thing.
pub(super) fn address(subnet: usize, host: usize) -> String {
    let third = subnet % SUBNETS * 64 + host / 200 % 64;
    format!(
        "{}.{third}.{}",
        prefix(vpc_of_subnet(subnet)),
        10 + host % 200
    )
}

pub(super) fn describe_subnets(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "subnetSet", subnet_count(place), |index| {
        let dice = place.dice("subnet", index);
        let vpc = vpc_of_subnet(index);
        let free = if dice.percent(5, "exhausted") {
            2
        } else {
            8000
        };
        let public = is_public(index);
        let kind = if public { "public" } else { "private" };
        [
            xml::text("subnetId", &subnet_id(place, index)),
            xml::text("state", "available"),
            xml::text("vpcId", &vpc_id(place, vpc)),
            owner(place),
            xml::text(
                "cidrBlock",
                &format!("{}.{}.0/18", prefix(vpc), index % SUBNETS * 64),
            ),
            xml::text("availableIpAddressCount", &free.to_string()),
            xml::text("availabilityZone", &zone(place, index)),
            xml::text("availabilityZoneId", &format!("{}-az1", place.region)),
            xml::text("defaultForAz", &(vpc == 0).to_string()),
            xml::text(
                "mapPublicIpOnLaunch",
                &(public && dice.percent(60, "public addresses")).to_string(),
            ),
            xml::text("assignIpv6AddressOnCreation", "false"),
            tag_set(place, dice, &format!("{kind}-{index}")),
        ]
        .concat()
    })
}

pub(super) fn table_id(place: Place<'_>, index: usize) -> String {
    id::hex("rtb-", place.dice("route table", index), index)
}

pub(super) fn main_table(vpc: usize) -> usize {
    vpc * TABLES
}

pub(super) fn describe_route_tables(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "routeTableSet", vpc_count(place) * TABLES, |index| {
        let vpc = index / TABLES;
        let is_main = index == main_table(vpc);
        let route = |destination: &str, target: String, origin: &str| {
            [
                xml::text("destinationCidrBlock", destination),
                target,
                xml::text("state", "active"),
                xml::text("origin", origin),
            ]
            .concat()
        };
        let mut routes = vec![route(
            &vpc_cidr(vpc),
            xml::text("gatewayId", "local"),
            "CreateRouteTable",
        )];
        if !is_main {
            let gateway = super::gateway::internet_gateway_id(place, vpc);
            routes.push(route(
                "0.0.0.0/0",
                xml::text("gatewayId", &gateway),
                "CreateRoute",
            ));
        } else if super::gateway::has_nat(place, vpc) {
            let nat = super::gateway::nat_id(place, vpc);
            routes.push(route(
                "0.0.0.0/0",
                xml::text("natGatewayId", &nat),
                "CreateRoute",
            ));
        }
        let association = match is_main {
            true => xml::text("main", "true"),
            false => {
                xml::text("main", "false")
                    + &xml::text("subnetId", &subnet_id(place, public_subnet(vpc)))
            }
        };
        let association = [
            xml::text(
                "routeTableAssociationId",
                &id::hex("rtbassoc-", place.dice("table use", index), index),
            ),
            xml::text("routeTableId", &table_id(place, index)),
            association,
            "<associationState><state>associated</state></associationState>".to_owned(),
        ]
        .concat();
        [
            xml::text("routeTableId", &table_id(place, index)),
            xml::text("vpcId", &vpc_id(place, vpc)),
            owner(place),
            xml::list("routeSet", "item", routes),
            xml::list("associationSet", "item", [association]),
            "<propagatingVgwSet/>".to_owned(),
            tag_set(
                place,
                place.dice("route table", index),
                &format!("rtb-{index}"),
            ),
        ]
        .concat()
    })
}

pub(super) fn describe_acls(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "networkAclSet", vpc_count(place), |vpc| {
        let dice = place.dice("network acl", vpc);
        let id = id::hex("acl-", dice, vpc);
        let entry = |number: u32, action: &str, egress: bool, ports: &str| {
            [
                xml::text("ruleNumber", &number.to_string()),
                xml::text("protocol", if ports.is_empty() { "-1" } else { "6" }),
                xml::text("ruleAction", action),
                xml::text("egress", &egress.to_string()),
                xml::text("cidrBlock", "0.0.0.0/0"),
                ports.to_owned(),
            ]
            .concat()
        };
        let mut entries = vec![
            entry(32767, "deny", false, ""),
            entry(32767, "deny", true, ""),
            entry(100, "allow", true, ""),
        ];
        entries.push(match dice.percent(60, "open") {
            true => entry(100, "allow", false, ""),
            false => entry(
                100,
                "allow",
                false,
                "<portRange><from>443</from><to>443</to></portRange>",
            ),
        });
        let associations = (0..SUBNETS).map(|subnet| {
            let subnet = vpc * SUBNETS + subnet;
            [
                xml::text(
                    "networkAclAssociationId",
                    &id::hex("aclassoc-", place.dice("acl use", subnet), subnet),
                ),
                xml::text("networkAclId", &id),
                xml::text("subnetId", &subnet_id(place, subnet)),
            ]
            .concat()
        });
        [
            xml::text("networkAclId", &id),
            xml::text("vpcId", &vpc_id(place, vpc)),
            owner(place),
            xml::text("default", "true"),
            xml::list("entrySet", "item", entries),
            xml::list("associationSet", "item", associations),
            tag_set(place, dice, &format!("acl-{vpc}")),
        ]
        .concat()
    })
}

// ---- Security groups and prefix lists ------------------------------------------------------------

/// The default groups of the VPCs come first, then as many as there are resources.
fn group_count(place: Place<'_>) -> usize {
    vpc_count(place) + place.count("ec2")
}

fn group_id(place: Place<'_>, index: usize) -> String {
    id::hex("sg-", place.dice("security group", index), index)
}

fn vpc_of_group(place: Place<'_>, index: usize) -> usize {
    let vpcs = vpc_count(place);
    match index < vpcs {
        true => index,
        false => place.dice("security group", index).below(vpcs, "vpc"),
    }
}

/// A group in a VPC: one made for it where the dice find one, or its default one.
pub(super) fn some_group(place: Place<'_>, vpc: usize, of: Dice) -> (String, String) {
    let own = place.count("ec2");
    let index = (own > 0)
        .then(|| vpc_count(place) + of.below(own, "group"))
        .filter(|index| vpc_of_group(place, *index) == vpc)
        .unwrap_or(vpc);
    (group_id(place, index), group_name(place, index))
}

fn group_name(place: Place<'_>, index: usize) -> String {
    match index.checked_sub(vpc_count(place)) {
        None => "default".to_owned(),
        Some(_) => id::name(id::WORDS, place.dice("security group", index), index),
    }
}

/// A rule: protocol, ports, and whom it admits.
fn rule(protocol: &str, ports: Option<(u32, u32)>, cidrs: &[&str], groups: &[String]) -> String {
    let ports = ports.map_or_else(String::new, |(from, to)| {
        xml::text("fromPort", &from.to_string()) + &xml::text("toPort", &to.to_string())
    });
    let (six, four): (Vec<&str>, Vec<&str>) = cidrs.iter().partition(|cidr| cidr.contains(':'));
    [
        xml::text("ipProtocol", protocol),
        ports,
        xml::list(
            "groups",
            "item",
            groups.iter().map(|group| xml::text("groupId", group)),
        ),
        xml::list(
            "ipRanges",
            "item",
            four.iter().map(|cidr| xml::text("cidrIp", cidr)),
        ),
        xml::list(
            "ipv6Ranges",
            "item",
            six.iter().map(|cidr| xml::text("cidrIpv6", cidr)),
        ),
        "<prefixListIds/>".to_owned(),
    ]
    .concat()
}

fn ingress(place: Place<'_>, index: usize) -> Vec<String> {
    let dice = place.dice("security group", index);
    let own = group_id(place, index);
    if index < vpc_count(place) {
        // A default group admits itself until someone cleans up.
        return match dice.percent(60, "default rules") {
            true => vec![rule("-1", None, &[], &[own])],
            false => Vec::new(),
        };
    }
    let mut rules = vec![rule("tcp", Some((443, 443)), &["10.0.0.0/8"], &[])];
    match dice.below(20, "open") {
        0 => rules.push(rule("tcp", Some((22, 22)), &["0.0.0.0/0", "::/0"], &[])),
        1 => rules.push(rule("tcp", Some((3389, 3389)), &["0.0.0.0/0"], &[])),
        2 => rules.push(rule("-1", None, &["0.0.0.0/0"], &[])),
        3 => rules.push(rule("tcp", Some((5432, 5432)), &["0.0.0.0/0"], &[])),
        4 | 5 => rules.push(rule("tcp", Some((443, 443)), &["0.0.0.0/0"], &[])),
        6..10 => rules.push(rule("tcp", Some((8080, 8080)), &[], &[own])),
        _ => {}
    }
    rules
}

pub(super) fn describe_security_groups(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "securityGroupInfo", group_count(place), |index| {
        let dice = place.dice("security group", index);
        let name = group_name(place, index);
        let egress = match dice.percent(70, "egress") {
            true => vec![rule("-1", None, &["0.0.0.0/0"], &[])],
            false => vec![rule("tcp", Some((443, 443)), &["10.0.0.0/8"], &[])],
        };
        [
            owner(place),
            xml::text("groupId", &group_id(place, index)),
            xml::text("groupName", &name),
            xml::text("groupDescription", "made by hand"),
            xml::text("vpcId", &vpc_id(place, vpc_of_group(place, index))),
            xml::list("ipPermissions", "item", ingress(place, index)),
            xml::list("ipPermissionsEgress", "item", egress),
            tag_set(place, dice, &name),
        ]
        .concat()
    })
}

/// Two lists of AWS's, then the account's own, one for every forty resources.
const AWS_LISTS: &[&str] = &["s3", "dynamodb"];

fn own_list_count(place: Place<'_>) -> usize {
    place.count("ec2").div_ceil(40)
}

fn list_id(place: Place<'_>, index: usize) -> String {
    id::hex("pl-", place.dice("prefix list", index), index)
}

pub(super) fn describe_prefix_lists(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "prefixListSet",
        AWS_LISTS.len() + own_list_count(place),
        |index| {
            let (name, owner) = match AWS_LISTS.get(index) {
                Some(service) => (
                    format!("com.amazonaws.{}.{service}", place.region),
                    "AWS".to_owned(),
                ),
                None => (format!("offices-{index}"), place.account.to_string()),
            };
            [
                xml::text("prefixListId", &list_id(place, index)),
                xml::text("addressFamily", "IPv4"),
                xml::text("state", "create-complete"),
                xml::text("prefixListName", &name),
                xml::text("maxEntries", "10"),
                xml::text("version", "1"),
                xml::text("ownerId", &owner),
                "<tagSet/>".to_owned(),
            ]
            .concat()
        },
    )
}

pub(super) fn get_prefix_list_entries(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let total = AWS_LISTS.len() + own_list_count(place);
    let list = ask.named("PrefixListId", total, |index| list_id(place, index))?;
    let open = place.dice("prefix list", list).percent(20, "open");
    listed(ask, "entrySet", 2, |index| {
        let cidr = match (index, open) {
            (0, true) => "0.0.0.0/0",
            (0, false) => "198.51.100.0/24",
            _ => "203.0.113.0/24",
        };
        xml::text("cidr", cidr)
    })
}

// ---- Interfaces, addresses, flow logs ------------------------------------------------------------

pub(super) fn interface_id(place: Place<'_>, index: usize) -> String {
    id::hex("eni-", place.dice("network interface", index), index)
}

/// One for each instance, and one that a service made for every five.
pub(super) fn describe_interfaces(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let instances = place.count("ec2");
    listed(
        ask,
        "networkInterfaceSet",
        instances + instances.div_ceil(5),
        |index| {
            let dice = place.dice("network interface", index);
            let host = (index < instances).then(|| super::host::Host::at(place, index));
            let subnet = match &host {
                Some(host) => host.subnet,
                None => dice.below(subnet_count(place), "subnet"),
            };
            let vpc = vpc_of_subnet(subnet);
            let (group, group_name) =
                some_group(place, vpc, host.as_ref().map_or(dice, |host| host.dice));
            let private = address(subnet, index);
            let public = host.as_ref().and_then(|host| host.public_address.clone());
            let association = public.map_or_else(String::new, |ip| {
                xml::around("association", &xml::text("publicIp", &ip))
            });
            let attachment = match &host {
                Some(host) => [
                    xml::text("attachmentId", &id::hex("eni-attach-", dice, index)),
                    xml::text("instanceId", &host.id),
                    xml::text("instanceOwnerId", &place.account.to_string()),
                    xml::text("deviceIndex", "0"),
                    xml::text("status", "attached"),
                    xml::text("deleteOnTermination", "true"),
                ]
                .concat(),
                None => [
                    xml::text("attachmentId", &id::hex("ela-attach-", dice, index)),
                    xml::text("instanceOwnerId", "amazon-aws"),
                    xml::text("deviceIndex", "1"),
                    xml::text("status", "attached"),
                ]
                .concat(),
            };
            let group = xml::text("groupId", &group) + &xml::text("groupName", &group_name);
            let addresses = xml::text("privateIpAddress", &private)
                + &xml::text("primary", "true")
                + &association;
            [
                xml::text("networkInterfaceId", &interface_id(place, index)),
                xml::text("subnetId", &subnet_id(place, subnet)),
                xml::text("vpcId", &vpc_id(place, vpc)),
                xml::text("availabilityZone", &zone(place, subnet)),
                xml::text(
                    "description",
                    if host.is_some() {
                        ""
                    } else {
                        "AWS Lambda VPC ENI"
                    },
                ),
                owner(place),
                xml::text("requesterManaged", &host.is_none().to_string()),
                xml::text("status", "in-use"),
                xml::text(
                    "interfaceType",
                    if host.is_some() {
                        "interface"
                    } else {
                        "lambda"
                    },
                ),
                xml::text("privateIpAddress", &private),
                xml::text("sourceDestCheck", "true"),
                xml::list("groupSet", "item", [group]),
                xml::around("attachment", &attachment),
                association,
                "<tagSet/>".to_owned(),
                xml::list("privateIpAddressesSet", "item", [addresses]),
            ]
            .concat()
        },
    )
}

/// One for every ten resources, some of them idle.
pub(super) fn describe_addresses(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "addressesSet",
        place.count("ec2").div_ceil(10),
        |index| {
            let dice = place.dice("elastic ip", index);
            let use_of_it = match dice.percent(70, "in use") {
                true => {
                    xml::text("associationId", &id::hex("eipassoc-", dice, index))
                        + &xml::text("networkInterfaceId", &interface_id(place, index))
                }
                false => String::new(),
            };
            [
                xml::text("publicIp", &format!("198.51.100.{}", index % 256)),
                xml::text("allocationId", &id::hex("eipalloc-", dice, index)),
                xml::text("domain", "vpc"),
                use_of_it,
                "<tagSet/>".to_owned(),
            ]
            .concat()
        },
    )
}

/// For the VPCs that have one.
pub(super) fn describe_flow_logs(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let vpcs: Vec<usize> = (0..vpc_count(place))
        .filter(|vpc| vpc_dice(place, *vpc).percent(60, "flow log"))
        .collect();
    listed(ask, "flowLogSet", vpcs.len(), |index| {
        let vpc = vpcs.get(index).copied().unwrap_or_default();
        let dice = vpc_dice(place, vpc);
        let delivery = match dice.percent(10, "undelivered") {
            true => {
                "<deliverLogsStatus>FAILED</deliverLogsStatus><deliverLogsErrorMessage>Access error</deliverLogsErrorMessage>"
            }
            false => "<deliverLogsStatus>SUCCESS</deliverLogsStatus>",
        };
        [
            xml::text("flowLogId", &id::hex("fl-", dice, vpc)),
            xml::text("resourceId", &vpc_id(place, vpc)),
            xml::text(
                "creationTime",
                &iso_millis(place.days_ago(dice, 5, 900, "flow log since")),
            ),
            xml::text(
                "trafficType",
                dice.word(&["ALL", "ALL", "REJECT"], "traffic"),
            ),
            xml::text("flowLogStatus", "ACTIVE"),
            delivery.to_owned(),
            xml::text("logDestinationType", "s3"),
            xml::text(
                "logDestination",
                &format!("arn:{}:s3:::flow-logs", place.estate.partition),
            ),
            xml::text("maxAggregationInterval", "600"),
            "<tagSet/>".to_owned(),
        ]
        .concat()
    })
}

pub(super) fn some_network(place: Place<'_>, of: Dice) -> Option<(String, Vec<String>, String)> {
    (place.count("ec2") > 0).then(|| {
        let vpc = of.below(vpc_count(place), "vpc");
        let first = public_subnet(vpc) + 1;
        let subnets = vec![subnet_id(place, first), subnet_id(place, first + 1)];
        (vpc_id(place, vpc), subnets, some_group(place, vpc, of).0)
    })
}

/// The other side of a peering that is not this account's.
pub(super) const FOREIGN: crate::account::Account = STRANGER;
