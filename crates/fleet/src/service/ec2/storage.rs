//! Volumes, snapshots and images.

use super::{host, listed, network, owner, tag_set};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::iso_millis;
use crate::dice::Dice;
use crate::id;
use crate::service::{Answer, kms, xml};

/// One for each instance, and a few that nobody uses.
fn volume_count(place: Place<'_>) -> usize {
    place.count("ec2") + place.count("ec2").div_ceil(10)
}

pub(super) fn volume_id(place: Place<'_>, index: usize) -> String {
    id::hex("vol-", place.dice("volume", index), index)
}

/// Whether it is encrypted, and with which key.
fn sealed(place: Place<'_>, dice: Dice) -> String {
    match kms::some_key(place, dice).filter(|_| dice.percent(65, "sealed")) {
        Some(key) => xml::text("encrypted", "true") + &xml::text("kmsKeyId", &key),
        None => xml::text("encrypted", "false"),
    }
}

pub(super) fn describe_volumes(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "volumeSet", volume_count(place), |index| {
        let dice = place.dice("volume", index);
        let used = index < place.count("ec2");
        let attachment = used.then(|| {
            [
                xml::text("volumeId", &volume_id(place, index)),
                xml::text("instanceId", &host::instance_id(place, index)),
                xml::text("device", "/dev/xvda"),
                xml::text("status", "attached"),
            ]
            .concat()
        });
        let zone = match used {
            true => network::zone(place, host::Host::at(place, index).subnet),
            false => format!("{}a", place.region),
        };
        [
            xml::text("volumeId", &volume_id(place, index)),
            xml::text("size", "8"),
            xml::text("availabilityZone", &zone),
            xml::text("status", if used { "in-use" } else { "available" }),
            xml::text(
                "createTime",
                &iso_millis(place.days_ago(dice, 1, 500, "created")),
            ),
            xml::text("volumeType", "gp3"),
            sealed(place, dice),
            xml::list("attachmentSet", "item", attachment),
            tag_set(place, dice, &format!("disk-{index}")),
        ]
        .concat()
    })
}

/// One for every two resources.
fn snapshot_count(place: Place<'_>) -> usize {
    place.count("ec2").div_ceil(2)
}

fn snapshot_id(place: Place<'_>, index: usize) -> String {
    id::hex("snap-", place.dice("snapshot", index), index)
}

pub(super) fn describe_snapshots(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "snapshotSet", snapshot_count(place), |index| {
        let dice = place.dice("snapshot", index);
        [
            xml::text("snapshotId", &snapshot_id(place, index)),
            xml::text("volumeId", &volume_id(place, index)),
            xml::text("status", "completed"),
            xml::text(
                "startTime",
                &iso_millis(place.days_ago(dice, 1, 500, "started")),
            ),
            xml::text("progress", "100%"),
            owner(place),
            xml::text("volumeSize", "8"),
            xml::text("storageTier", "standard"),
            xml::text("description", "nightly"),
            sealed(place, dice),
            tag_set(place, dice, &format!("backup-{index}")),
        ]
        .concat()
    })
}

/// Whom a snapshot or image is shared with.
fn shared_with(place: Place<'_>, dice: Dice, everyone: &str) -> Vec<String> {
    match dice.below(20, "shared") {
        0 => vec![everyone.to_owned()],
        1 => vec![xml::text("userId", &STRANGER.to_string())],
        2..5 => vec![xml::text(
            "userId",
            &place.estate.management_account().to_string(),
        )],
        _ => Vec::new(),
    }
}

pub(super) fn describe_snapshot_attribute(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("SnapshotId", snapshot_count(place), |index| {
        snapshot_id(place, index)
    })?;
    let shared = shared_with(place, place.dice("snapshot", index), "<group>all</group>");
    Ok(xml::text("snapshotId", &snapshot_id(place, index))
        + &xml::list("createVolumePermission", "item", shared))
}

/// One for every four resources.
fn image_count(place: Place<'_>) -> usize {
    place.count("ec2").div_ceil(4)
}

fn image_id(place: Place<'_>, index: usize) -> String {
    id::hex("ami-", place.dice("image", index), index)
}

/// The image that something is launched from: half of the time one of AWS's.
pub(super) fn image_for_launch(place: Place<'_>, of: Dice) -> String {
    match (image_count(place), of.percent(50, "own image")) {
        (0, _) | (_, false) => "ami-0aws0000000000001".to_owned(),
        (count, true) => image_id(place, of.below(count, "image")),
    }
}

fn image_is_public(dice: Dice) -> bool {
    dice.below(20, "shared") == 0
}

pub(super) fn describe_images(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "imagesSet", image_count(place), |index| {
        let dice = place.dice("image", index);
        let disk = [
            xml::text("deviceName", "/dev/xvda"),
            xml::around(
                "ebs",
                &[
                    xml::text("snapshotId", &snapshot_id(place, index)),
                    xml::text("encrypted", &dice.percent(60, "sealed").to_string()),
                ]
                .concat(),
            ),
        ]
        .concat();
        let deprecated = match dice.percent(30, "deprecated") {
            true => xml::text("deprecationTime", &iso_millis(place.estate.now - 86_400)),
            false => String::new(),
        };
        [
            xml::text("imageId", &image_id(place, index)),
            xml::text(
                "imageLocation",
                &format!("{}/golden-{index}", place.account),
            ),
            xml::text("imageState", "available"),
            xml::text("imageOwnerId", &place.account.to_string()),
            xml::text(
                "creationDate",
                &iso_millis(place.days_ago(dice, 1, 500, "created")),
            ),
            deprecated,
            xml::text("isPublic", &image_is_public(dice).to_string()),
            xml::text("architecture", "x86_64"),
            xml::text("imageType", "machine"),
            xml::text("name", &format!("golden-{index}")),
            xml::text("description", "golden image"),
            xml::text("rootDeviceType", "ebs"),
            xml::text("rootDeviceName", "/dev/xvda"),
            xml::list("blockDeviceMapping", "item", [disk]),
            xml::text("platformDetails", "Linux/UNIX"),
            tag_set(place, dice, &format!("golden-{index}")),
        ]
        .concat()
    })
}

pub(super) fn describe_image_attribute(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("ImageId", image_count(place), |index| {
        image_id(place, index)
    })?;
    let shared = shared_with(place, place.dice("image", index), "<group>all</group>");
    Ok(xml::text("imageId", &image_id(place, index))
        + &xml::list("launchPermission", "item", shared))
}
