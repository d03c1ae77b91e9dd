//! Instances, and the templates that launch them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{listed, network, owner, storage, tag_set};
use crate::CANARY;
use crate::ask::{Ask, Place};
use crate::clock::iso_millis;
use crate::dice::Dice;
use crate::id;
use crate::service::{Answer, iam, xml};

/// An instance, as far as others know of it.
pub(super) struct Host {
    pub(super) dice: Dice,
    pub(super) id: String,
    pub(super) subnet: usize,
    pub(super) public_address: Option<String>,
    running: bool,
}

impl Host {
    pub(super) fn at(place: Place<'_>, index: usize) -> Self {
        let dice = place.dice("instance", index);
        let subnet = dice.below(network::subnet_count(place), "subnet");
        let public = network::is_public(subnet) && dice.percent(60, "public");
        Self {
            dice,
            id: id::hex("i-", dice, index),
            subnet,
            public_address: public
                .then(|| format!("203.0.{}.{}", 113 + index / 250 % 100, 1 + index % 250)),
            running: dice.percent(85, "running"),
        }
    }
}

pub(super) fn instance_id(place: Place<'_>, index: usize) -> String {
    Host::at(place, index).id
}

/// The states that a request asks for; all when it asks for none.
fn wanted(ask: &Ask<'_>, host: &Host) -> bool {
    let mut asked = ask
        .parameters
        .begins_with("Filter.1.Value")
        .map(|(_, state)| state)
        .peekable();
    let state = if host.running { "running" } else { "stopped" };
    asked.peek().is_none() || asked.any(|known| known == state)
}

pub(super) fn describe_instances(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let hosts: Vec<usize> = (0..place.count("ec2"))
        .filter(|index| wanted(ask, &Host::at(place, *index)))
        .collect();
    listed(ask, "reservationSet", hosts.len(), |number| {
        let index = hosts.get(number).copied().unwrap_or_default();
        [
            xml::text(
                "reservationId",
                &id::hex("r-", place.dice("reservation", index), index),
            ),
            owner(place),
            xml::list("instancesSet", "item", [instance(place, index)]),
        ]
        .concat()
    })
}

fn instance(place: Place<'_>, index: usize) -> String {
    let host = Host::at(place, index);
    let dice = host.dice;
    let vpc = network::vpc_of_subnet(host.subnet);
    let (group, group_name) = network::some_group(place, vpc, dice);
    let (code, state) = if host.running {
        ("16", "running")
    } else {
        ("80", "stopped")
    };
    let public = host
        .public_address
        .as_deref()
        .map_or_else(String::new, |ip| xml::text("ipAddress", ip));
    let profile = iam::some_instance_profile(place, dice)
        .filter(|_| dice.percent(60, "profile"))
        .map_or_else(String::new, |arn| {
            let inner = xml::text("arn", &arn)
                + &xml::text("id", &format!("AIPA{}", dice.upper(17, "profile")));
            xml::around("iamInstanceProfile", &inner)
        });
    let tokens = if dice.percent(65, "tokens") {
        "required"
    } else {
        "optional"
    };
    let hops = dice.word(&["1", "2", "64"], "hops");
    let disk = xml::text("deviceName", "/dev/xvda")
        + &xml::around(
            "ebs",
            &xml::text("volumeId", &storage::volume_id(place, index)),
        );
    let group = xml::text("groupId", &group) + &xml::text("groupName", &group_name);
    [
        xml::text("instanceId", &host.id),
        xml::text("imageId", &storage::image_for_launch(place, dice)),
        xml::around(
            "instanceState",
            &(xml::text("code", code) + &xml::text("name", state)),
        ),
        xml::text(
            "instanceType",
            dice.word(&["t3.micro", "m7g.large", "c7i.xlarge"], "type"),
        ),
        xml::text(
            "launchTime",
            &iso_millis(place.days_ago(dice, 0, 500, "launched")),
        ),
        xml::around(
            "placement",
            &xml::text("availabilityZone", &network::zone(place, host.subnet)),
        ),
        xml::around(
            "monitoring",
            &xml::text("state", dice.word(&["disabled", "enabled"], "monitoring")),
        ),
        xml::text("subnetId", &network::subnet_id(place, host.subnet)),
        xml::text("vpcId", &network::vpc_id(place, vpc)),
        xml::text("privateIpAddress", &network::address(host.subnet, index)),
        public,
        xml::text("sourceDestCheck", "true"),
        xml::list("groupSet", "item", [group]),
        xml::text("platformDetails", "Linux/UNIX"),
        xml::list("blockDeviceMapping", "item", [disk]),
        xml::list(
            "networkInterfaceSet",
            "item",
            [xml::text(
                "networkInterfaceId",
                &network::interface_id(place, index),
            )],
        ),
        profile,
        xml::around(
            "metadataOptions",
            &[
                xml::text("state", "applied"),
                xml::text("httpTokens", tokens),
                xml::text("httpPutResponseHopLimit", hops),
                xml::text("httpEndpoint", "enabled"),
            ]
            .concat(),
        ),
        tag_set(place, dice, &id::name(id::WORDS, dice, index)),
    ]
    .concat()
}

fn user_data(dice: Dice) -> String {
    if dice.percent(50, "no user data") {
        return String::new();
    }
    let secret = match dice.percent(30, "secret") {
        true => format!("export DB_PASSWORD={CANARY}\n"),
        false => String::new(),
    };
    STANDARD.encode(format!("#!/bin/bash\n{secret}systemctl start app\n"))
}

pub(super) fn describe_instance_attribute(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("InstanceId", place.count("ec2"), |index| {
        instance_id(place, index)
    })?;
    let host = Host::at(place, index);
    // Without user data the element is there and empty.
    let data = match user_data(host.dice) {
        none if none.is_empty() => String::new(),
        data => xml::text("value", &data),
    };
    Ok(xml::text("instanceId", &host.id) + &xml::around("userData", &data))
}

// ---- Launch templates ----------------------------------------------------------------------------

fn template_count(place: Place<'_>) -> usize {
    place.count("ec2").div_ceil(4)
}

fn template_id(place: Place<'_>, index: usize) -> String {
    id::hex("lt-", place.dice("launch template", index), index)
}

fn template_name(place: Place<'_>, index: usize) -> String {
    id::name(id::WORDS, place.dice("launch template", index), index)
}

fn latest_version(place: Place<'_>, index: usize) -> usize {
    1 + place.dice("launch template", index).below(3, "versions")
}

pub(super) fn describe_templates(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "launchTemplates", template_count(place), |index| {
        let dice = place.dice("launch template", index);
        [
            xml::text("launchTemplateId", &template_id(place, index)),
            xml::text("launchTemplateName", &template_name(place, index)),
            xml::text(
                "createTime",
                &iso_millis(place.days_ago(dice, 10, 900, "created")),
            ),
            xml::text("createdBy", &place.global().arn("iam", "user/operator")),
            xml::text("defaultVersionNumber", "1"),
            xml::text(
                "latestVersionNumber",
                &latest_version(place, index).to_string(),
            ),
            tag_set(place, dice, &template_name(place, index)),
        ]
        .concat()
    })
}

/// The default and the latest version of every template, once where they are one.
pub(super) fn describe_template_versions(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let versions: Vec<(usize, usize)> = (0..template_count(place))
        .flat_map(|template| {
            let latest = latest_version(place, template);
            let more = (latest > 1).then_some((template, latest));
            std::iter::once((template, 1)).chain(more)
        })
        .collect();
    listed(ask, "launchTemplateVersionSet", versions.len(), |number| {
        let (template, version) = versions.get(number).copied().unwrap_or_default();
        let dice = place
            .dice("launch template", template)
            .with("version")
            .at(u64::try_from(version).unwrap_or(0));
        [
            xml::text("launchTemplateId", &template_id(place, template)),
            xml::text("launchTemplateName", &template_name(place, template)),
            xml::text("versionNumber", &version.to_string()),
            xml::text(
                "createTime",
                &iso_millis(place.days_ago(dice, 1, 9, "created")),
            ),
            xml::text("defaultVersion", &(version == 1).to_string()),
            xml::around("launchTemplateData", &template_data(place, dice)),
        ]
        .concat()
    })
}

fn template_data(place: Place<'_>, dice: Dice) -> String {
    let metadata = match dice.percent(60, "tokens") {
        true => xml::around("metadataOptions", &xml::text("httpTokens", "required")),
        false => String::new(),
    };
    let data = match user_data(dice) {
        none if none.is_empty() => none,
        data => xml::text("userData", &data),
    };
    let disk = xml::text("deviceName", "/dev/xvda")
        + &xml::around(
            "ebs",
            &xml::text("encrypted", &dice.percent(60, "sealed").to_string()),
        );
    let interface = [
        xml::text("deviceIndex", "0"),
        xml::text(
            "associatePublicIpAddress",
            &dice.percent(20, "public").to_string(),
        ),
    ]
    .concat();
    [
        xml::text("imageId", &storage::image_for_launch(place, dice)),
        xml::text("instanceType", "t3.micro"),
        metadata,
        data,
        xml::list("blockDeviceMappingSet", "item", [disk]),
        xml::list("networkInterfaceSet", "item", [interface]),
    ]
    .concat()
}
