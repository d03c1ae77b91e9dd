//! Volumes, snapshots and images, and whom they are shared with.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Image as SdkImage, ImageAttributeName, PermissionGroup, Snapshot as SdkSnapshot,
    SnapshotAttributeName, Volume as SdkVolume,
};
use posture_model::ec2::{
    Image, ImageDevice, LaunchPermission, Snapshot, SnapshotPermission, Volume,
};

use super::{
    DESCRIBE_IMAGE_ATTRIBUTE, DESCRIBE_IMAGES, DESCRIBE_SNAPSHOT_ATTRIBUTE, DESCRIBE_SNAPSHOTS,
    DESCRIBE_VOLUMES, identity, identity_of, list, operated_by, told,
};
use crate::prelude::*;

pub(super) async fn collect(cx: &Cx, client: &Client) {
    tokio::join!(
        Box::pin(volumes(cx, client)),
        Box::pin(snapshots(cx, client)),
        Box::pin(images(cx, client)),
    );
}

async fn volumes(cx: &Cx, client: &Client) {
    let listed =
        list!(cx, &DESCRIBE_VOLUMES, client.describe_volumes().max_results(500) => volumes);
    let volumes = listed.items.into_iter().map(|item| volume(cx, item));
    cx.publish(listed.gap, volumes);
}

fn volume(cx: &Cx, item: SdkVolume) -> Result<TypedResource<Volume>, Gap> {
    let id = item
        .volume_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_VOLUMES))?;
    let created = timestamp(item.create_time.as_ref());
    let properties = Volume {
        encrypted: told(cx, &DESCRIBE_VOLUMES, item.encrypted),
        kms_key_arn: item.kms_key_id,
        state: item.state.map(|state| state.as_str().to_owned()),
        size: item.size.map(i64::from),
        volume_type: item.volume_type.map(|t| t.as_str().to_owned()),
        availability_zone: item.availability_zone,
        snapshot_id: item.snapshot_id.filter(|id| !id.is_empty()),
        instance_ids: item
            .attachments
            .unwrap_or_default()
            .into_iter()
            .filter_map(|attachment| attachment.instance_id)
            .collect(),
        operated_by: operated_by(item.operator),
    };
    let identity = identity(cx, "volume", id, item.tags, created);
    Ok(cx.resource(identity, properties))
}

async fn snapshots(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_SNAPSHOTS, client
        .describe_snapshots()
        .owner_ids("self")
        .max_results(1000) => snapshots);
    let snapshots = cx
        .each(listed.items, |item| snapshot(cx, client, item))
        .await;
    cx.publish(listed.gap, snapshots);
}

async fn snapshot(
    cx: &Cx,
    client: &Client,
    item: SdkSnapshot,
) -> Result<TypedResource<Snapshot>, Gap> {
    let id = item
        .snapshot_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_SNAPSHOTS))?;
    let create_volume_permission = cx
        .get(&DESCRIBE_SNAPSHOT_ATTRIBUTE, &[], || {
            client
                .describe_snapshot_attribute()
                .snapshot_id(&id)
                .attribute(SnapshotAttributeName::CreateVolumePermission)
                .send()
        })
        .await
        // For a snapshot that is shared with no one the element is there and empty.
        .and_then(|answer| {
            told(
                cx,
                &DESCRIBE_SNAPSHOT_ATTRIBUTE,
                answer.create_volume_permissions,
            )
        })
        .map(|permissions| SnapshotPermission {
            public: permissions
                .iter()
                .any(|permission| permission.group == Some(PermissionGroup::All)),
            account_ids: permissions
                .into_iter()
                .filter_map(|permission| permission.user_id)
                .collect(),
        });
    let created = timestamp(item.start_time.as_ref());
    let properties = Snapshot {
        encrypted: told(cx, &DESCRIBE_SNAPSHOTS, item.encrypted),
        kms_key_arn: item.kms_key_id,
        description: item.description.filter(|text| !text.is_empty()),
        state: item.state.map(|state| state.as_str().to_owned()),
        volume_id: item.volume_id,
        volume_size: item.volume_size.map(i64::from),
        storage_tier: item.storage_tier.map(|tier| tier.as_str().to_owned()),
        create_volume_permission,
    };
    let identity = identity_of(cx, "", "snapshot", id, item.tags, created);
    Ok(cx.resource(identity, properties))
}

async fn images(cx: &Cx, client: &Client) {
    let listed = list!(cx, &DESCRIBE_IMAGES, client
        .describe_images()
        .owners("self")
        .max_results(1000) => images);
    let images = cx.each(listed.items, |item| image(cx, client, item)).await;
    cx.publish(listed.gap, images);
}

async fn image(cx: &Cx, client: &Client, item: SdkImage) -> Result<TypedResource<Image>, Gap> {
    let id = item
        .image_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_IMAGES))?;
    let launch_permission = cx
        .get(&DESCRIBE_IMAGE_ATTRIBUTE, &[], || {
            client
                .describe_image_attribute()
                .image_id(&id)
                .attribute(ImageAttributeName::LaunchPermission)
                .send()
        })
        .await
        .and_then(|answer| told(cx, &DESCRIBE_IMAGE_ATTRIBUTE, answer.launch_permissions))
        .map(|permissions| LaunchPermission {
            public: permissions
                .iter()
                .any(|permission| permission.group == Some(PermissionGroup::All)),
            account_ids: permissions
                .iter()
                .filter_map(|permission| permission.user_id.clone())
                .collect(),
            organization_arns: permissions
                .iter()
                .filter_map(|permission| permission.organization_arn.clone())
                .collect(),
            organizational_unit_arns: permissions
                .into_iter()
                .filter_map(|permission| permission.organizational_unit_arn)
                .collect(),
        });
    let moment = |text: Option<String>| text.as_deref().and_then(Timestamp::parse);
    let mut identity = identity_of(cx, "", "image", id, item.tags, moment(item.creation_date));
    if let Some(name) = item.name.filter(|name| !name.is_empty()) {
        identity.name = name;
    }
    let properties = Image {
        state: item.state.map(|state| state.as_str().to_owned()),
        description: item.description.filter(|text| !text.is_empty()),
        public: told(cx, &DESCRIBE_IMAGES, item.public),
        launch_permission,
        platform_details: item.platform_details,
        architecture: item.architecture.map(|a| a.as_str().to_owned()),
        root_device_name: item.root_device_name,
        devices: item
            .block_device_mappings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mapping| {
                let ebs = mapping.ebs?;
                Some(ImageDevice {
                    device_name: mapping.device_name,
                    snapshot_id: ebs.snapshot_id,
                    encrypted: told(cx, &DESCRIBE_IMAGES, ebs.encrypted),
                })
            })
            .collect(),
        imds_support: item.imds_support.map(|s| s.as_str().to_owned()),
        deprecation_time: moment(item.deprecation_time),
        deregistration_protection: item.deregistration_protection,
        last_launched_time: moment(item.last_launched_time),
    };
    Ok(cx.resource(identity, properties))
}
