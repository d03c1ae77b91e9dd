//! Amazon EC2: networks that hold together, hosts in them, and what they store.

mod gateway;
mod host;
mod network;
mod storage;

use super::{Answer, Operation, Protocol, Service, xml};
use crate::ask::{Ask, Place};
use crate::dice::Dice;
use crate::refusal::Refusal;

/// A listing, page by page.
const fn listing(name: &'static str, answer: fn(&Ask<'_>) -> Answer) -> Operation {
    Operation::new(name, answer).paged("NextToken", "MaxResults")
}

pub(super) const SERVICE: Service = Service {
    name: "ec2",
    signs_as: "ec2",
    protocol: Protocol::Ec2,
    global: false,
    operations: &[
        // All addresses come in one answer.
        Operation::new("DescribeAddresses", network::describe_addresses),
        listing(
            "DescribeEgressOnlyInternetGateways",
            gateway::describe_egress_only,
        ),
        listing("DescribeFlowLogs", network::describe_flow_logs),
        Operation::new("DescribeImageAttribute", storage::describe_image_attribute)
            .after("DescribeImages"),
        listing("DescribeImages", storage::describe_images),
        Operation::new(
            "DescribeInstanceAttribute",
            host::describe_instance_attribute,
        )
        .after("DescribeInstances"),
        listing("DescribeInstances", host::describe_instances),
        listing(
            "DescribeInternetGateways",
            gateway::describe_internet_gateways,
        ),
        listing(
            "DescribeLaunchTemplateVersions",
            host::describe_template_versions,
        ),
        listing("DescribeLaunchTemplates", host::describe_templates),
        listing("DescribeManagedPrefixLists", network::describe_prefix_lists),
        listing("DescribeNatGateways", gateway::describe_nat_gateways),
        listing("DescribeNetworkAcls", network::describe_acls),
        listing("DescribeNetworkInterfaces", network::describe_interfaces),
        Operation::new("DescribeRegions", describe_regions),
        listing("DescribeRouteTables", network::describe_route_tables),
        listing("DescribeSecurityGroups", network::describe_security_groups),
        Operation::new(
            "DescribeSnapshotAttribute",
            storage::describe_snapshot_attribute,
        )
        .after("DescribeSnapshots"),
        listing("DescribeSnapshots", storage::describe_snapshots),
        listing("DescribeSubnets", network::describe_subnets),
        listing(
            "DescribeTransitGatewayAttachments",
            gateway::describe_transit_attachments,
        ),
        listing(
            "DescribeTransitGateways",
            gateway::describe_transit_gateways,
        ),
        listing("DescribeVolumes", storage::describe_volumes),
        listing("DescribeVpcEndpoints", gateway::describe_endpoints),
        listing("DescribeVpcPeeringConnections", gateway::describe_peerings),
        listing("DescribeVpcs", network::describe_vpcs),
        Operation::new("GetEbsDefaultKmsKeyId", |ask| {
            setting(ask, "kmsKeyId", "default key", &["alias/aws/ebs"])
        }),
        Operation::new("GetEbsEncryptionByDefault", |ask| {
            setting(ask, "ebsEncryptionByDefault", "sealed", &["true", "false"])
        }),
        Operation::new("GetImageBlockPublicAccessState", |ask| {
            setting(
                ask,
                "imageBlockPublicAccessState",
                "images",
                &["block-new-sharing", "unblocked"],
            )
        }),
        Operation::new("GetInstanceMetadataDefaults", get_metadata_defaults),
        listing(
            "GetManagedPrefixListEntries",
            network::get_prefix_list_entries,
        )
        .after("DescribeManagedPrefixLists"),
        Operation::new("GetSnapshotBlockPublicAccessState", |ask| {
            setting(
                ask,
                "state",
                "snapshots",
                &["block-all-sharing", "block-new-sharing", "unblocked"],
            )
        }),
    ],
};

/// One page of a listing, as items that `make` makes by index.
fn listed(ask: &Ask<'_>, set: &str, total: usize, make: impl Fn(usize) -> String) -> Answer {
    unfiltered(ask)?;
    let page = ask.page(total);
    let items = xml::list(set, "item", page.items.clone().map(make));
    let next = page
        .next
        .as_deref()
        .map_or_else(String::new, |next| xml::text("nextToken", next));
    Ok(items + &next)
}

/// Filters would leave items out. One that is not honoured here must not be taken for one that is.
fn unfiltered(ask: &Ask<'_>) -> Result<(), Refusal> {
    let unknown = ask
        .parameters
        .begins_with("Filter.")
        .find(|(name, value)| name.ends_with(".Name") && *value != "instance-state-name");
    match unknown {
        None => Ok(()),
        Some((_, filter)) => Err(Refusal::new(
            400,
            "InvalidParameterValue",
            &format!("The filter '{}' is invalid", xml::escaped(filter)),
        )),
    }
}

fn tag_set(place: Place<'_>, dice: Dice, name: &str) -> String {
    let tags = place.tags(dice);
    let named = std::iter::once(("Name", name)).chain(tags);
    xml::list(
        "tagSet",
        "item",
        named.map(|(key, value)| xml::text("key", key) + &xml::text("value", value)),
    )
}

fn owner(place: Place<'_>) -> String {
    xml::text("ownerId", &place.account.to_string())
}

/// A VPC of the place, two of its subnets and one of its security groups; none in an empty region.
pub(super) fn some_network(place: Place<'_>, of: Dice) -> Option<(String, Vec<String>, String)> {
    network::some_network(place, of)
}

// ---- The region ----------------------------------------------------------------------------------

fn describe_regions(ask: &Ask<'_>) -> Answer {
    let estate = ask.place.estate;
    let region = |name: &str, status: &str| {
        [
            xml::text("regionName", name),
            xml::text("regionEndpoint", &format!("ec2.{name}.amazonaws.com")),
            xml::text("optInStatus", status),
        ]
        .concat()
    };
    let enabled = estate
        .regions
        .iter()
        .map(|name| region(name, "opt-in-not-required"));
    let all = ask.text("AllRegions") == Some("true");
    let disabled = estate
        .disabled_regions
        .iter()
        .filter(|_| all)
        .map(|name| region(name, "not-opted-in"));
    Ok(xml::list("regionInfo", "item", enabled.chain(disabled)))
}

fn settings_dice(place: Place<'_>) -> Dice {
    place.dice("ec2 settings", 0)
}

fn setting(ask: &Ask<'_>, element: &str, what: &str, values: &[&'static str]) -> Answer {
    Ok(xml::text(
        element,
        settings_dice(ask.place).word(values, what),
    ))
}

fn get_metadata_defaults(ask: &Ask<'_>) -> Answer {
    // No preference is an empty element.
    let tokens = match settings_dice(ask.place).percent(40, "tokens") {
        true => xml::text("httpTokens", "required") + &xml::text("httpPutResponseHopLimit", "2"),
        false => String::new(),
    };
    Ok(xml::around("accountLevel", &tokens))
}
