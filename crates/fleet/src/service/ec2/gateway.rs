//! Ways in and out of VPCs, and between them.

use serde_json::json;

use super::{listed, network, owner, tag_set};
use crate::account::Account;
use crate::ask::{Ask, Place};
use crate::clock::iso_millis;
use crate::id;
use crate::service::{Answer, policy, xml};

pub(super) fn internet_gateway_id(place: Place<'_>, vpc: usize) -> String {
    id::hex("igw-", place.dice("internet gateway", vpc), vpc)
}

fn attachment(place: Place<'_>, vpc: usize, state: &str) -> String {
    let inner = xml::text("vpcId", &network::vpc_id(place, vpc)) + &xml::text("state", state);
    xml::list("attachmentSet", "item", [inner])
}

pub(super) fn describe_internet_gateways(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "internetGatewaySet",
        network::vpc_count(place),
        |vpc| {
            [
                xml::text("internetGatewayId", &internet_gateway_id(place, vpc)),
                owner(place),
                attachment(place, vpc, "available"),
                tag_set(
                    place,
                    place.dice("internet gateway", vpc),
                    &format!("igw-{vpc}"),
                ),
            ]
            .concat()
        },
    )
}

pub(super) fn describe_egress_only(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "egressOnlyInternetGatewaySet",
        network::vpc_count(place) / 4,
        |vpc| {
            let dice = place.dice("egress-only gateway", vpc);
            xml::text("egressOnlyInternetGatewayId", &id::hex("eigw-", dice, vpc))
                + &attachment(place, vpc, "attached")
        },
    )
}

pub(super) fn has_nat(place: Place<'_>, vpc: usize) -> bool {
    vpc > 0 && network::vpc_dice(place, vpc).percent(60, "nat")
}

pub(super) fn nat_id(place: Place<'_>, vpc: usize) -> String {
    id::hex("nat-", place.dice("nat gateway", vpc), vpc)
}

pub(super) fn describe_nat_gateways(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let vpcs: Vec<usize> = (0..network::vpc_count(place))
        .filter(|vpc| has_nat(place, *vpc))
        .collect();
    listed(ask, "natGatewaySet", vpcs.len(), |number| {
        let vpc = vpcs.get(number).copied().unwrap_or_default();
        let dice = place.dice("nat gateway", vpc);
        let subnet = network::public_subnet(vpc);
        let address = xml::text("publicIp", &format!("192.0.2.{}", vpc % 256))
            + &xml::text("privateIp", &network::address(subnet, 100_000));
        [
            xml::text("natGatewayId", &nat_id(place, vpc)),
            xml::text("subnetId", &network::subnet_id(place, subnet)),
            xml::text("vpcId", &network::vpc_id(place, vpc)),
            xml::text("state", "available"),
            xml::text("connectivityType", "public"),
            xml::text(
                "createTime",
                &iso_millis(place.days_ago(dice, 10, 900, "created")),
            ),
            xml::list("natGatewayAddressSet", "item", [address]),
            tag_set(place, dice, &format!("nat-{vpc}")),
        ]
        .concat()
    })
}

/// Gateway endpoints, for the VPCs that have them.
pub(super) fn describe_endpoints(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let endpoints: Vec<(usize, &str)> = (0..network::vpc_count(place))
        .flat_map(|vpc| [(vpc, "s3"), (vpc, "dynamodb")])
        .filter(|(vpc, service)| network::vpc_dice(place, *vpc).percent(50, service))
        .collect();
    listed(ask, "vpcEndpointSet", endpoints.len(), |number| {
        let (vpc, service) = endpoints.get(number).copied().unwrap_or_default();
        let dice = place.dice("vpc endpoint", vpc).with(service);
        let (actions, resource) = match dice.percent(60, "full access") {
            true => (json!("*"), "*".to_owned()),
            false => (
                json!("s3:GetObject"),
                format!("arn:{}:s3:::packages/*", place.estate.partition),
            ),
        };
        let document = policy::document(&json!([policy::grant(&json!("*"), &actions, &resource)]));
        [
            xml::text("vpcEndpointId", &id::hex("vpce-", dice, vpc)),
            xml::text("vpcEndpointType", "Gateway"),
            xml::text("vpcId", &network::vpc_id(place, vpc)),
            xml::text(
                "serviceName",
                &format!("com.amazonaws.{}.{service}", place.region),
            ),
            xml::text("state", "available"),
            xml::text("policyDocument", &document),
            xml::list(
                "routeTableIdSet",
                "item",
                [network::table_id(place, network::main_table(vpc))],
            ),
            "<subnetIdSet/><groupSet/><networkInterfaceIdSet/>".to_owned(),
            xml::text("privateDnsEnabled", "false"),
            xml::text("requesterManaged", "false"),
            xml::text(
                "creationTimestamp",
                &iso_millis(place.days_ago(dice, 10, 900, "created")),
            ),
            owner(place),
            "<tagSet/>".to_owned(),
        ]
        .concat()
    })
}

/// Peerings of this account's VPCs with the management account's, or with a stranger's.
pub(super) fn describe_peerings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "vpcPeeringConnectionSet",
        network::vpc_count(place) / 2,
        |index| {
            let dice = place.dice("peering", index);
            let other = match dice.percent(20, "stranger") {
                true => network::FOREIGN,
                false => place.estate.management_account(),
            };
            let side = |element: &str, account: Account, vpc: &str, cidr: &str| {
                let inner = [
                    xml::text("ownerId", &account.to_string()),
                    xml::text("vpcId", vpc),
                    xml::text("region", place.region),
                    xml::text("cidrBlock", cidr),
                    xml::list("cidrBlockSet", "item", [xml::text("cidrBlock", cidr)]),
                ]
                .concat();
                xml::around(element, &inner)
            };
            let far = id::hex("vpc-", dice.with("far"), index);
            [
                xml::text("vpcPeeringConnectionId", &id::hex("pcx-", dice, index)),
                side(
                    "requesterVpcInfo",
                    place.account,
                    &network::vpc_id(place, index),
                    &network::vpc_cidr(index),
                ),
                side("accepterVpcInfo", other, &far, "10.250.0.0/16"),
                "<status><code>active</code><message>Active</message></status><tagSet/>".to_owned(),
            ]
            .concat()
        },
    )
}

// ---- Transit gateways ----------------------------------------------------------------------------

fn transit_count(place: Place<'_>) -> usize {
    usize::from(place.dice("transit gateway", 0).percent(50, "any"))
}

fn transit_id(place: Place<'_>) -> String {
    id::hex("tgw-", place.dice("transit gateway", 0), 0)
}

pub(super) fn describe_transit_gateways(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "transitGatewaySet", transit_count(place), |_| {
        let dice = place.dice("transit gateway", 0);
        let id = transit_id(place);
        let switch = |what: &str| dice.word(&["enable", "disable"], what);
        let options = [
            xml::text("amazonSideAsn", "64512"),
            xml::text("autoAcceptSharedAttachments", switch("auto accept")),
            xml::text("defaultRouteTableAssociation", switch("association")),
            xml::text("defaultRouteTablePropagation", switch("propagation")),
            xml::text("vpnEcmpSupport", "enable"),
            xml::text("dnsSupport", "enable"),
        ]
        .concat();
        [
            xml::text("transitGatewayId", &id),
            xml::text(
                "transitGatewayArn",
                &place.arn("ec2", &format!("transit-gateway/{id}")),
            ),
            xml::text("state", "available"),
            owner(place),
            xml::text("description", "hub"),
            xml::text(
                "creationTime",
                &iso_millis(place.days_ago(dice, 100, 900, "created")),
            ),
            xml::around("options", &options),
            "<tagSet/>".to_owned(),
        ]
        .concat()
    })
}

pub(super) fn describe_transit_attachments(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let total = transit_count(place) * network::vpc_count(place);
    listed(ask, "transitGatewayAttachments", total, |index| {
        let dice = place.dice("transit attachment", index);
        let from = if dice.percent(10, "stranger") {
            network::FOREIGN
        } else {
            place.account
        };
        [
            xml::text(
                "transitGatewayAttachmentId",
                &id::hex("tgw-attach-", dice, index),
            ),
            xml::text("transitGatewayId", &transit_id(place)),
            xml::text("transitGatewayOwnerId", &place.account.to_string()),
            xml::text("resourceOwnerId", &from.to_string()),
            xml::text("resourceType", "vpc"),
            xml::text("resourceId", &network::vpc_id(place, index)),
            xml::text("state", "available"),
            xml::text(
                "creationTime",
                &iso_millis(place.days_ago(dice, 1, 90, "created")),
            ),
            "<tagSet/>".to_owned(),
        ]
        .concat()
    })
}
