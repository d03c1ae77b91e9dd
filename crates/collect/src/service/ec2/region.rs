//! Settings of the account for the region.

use aws_sdk_ec2::Client;
use posture_model::ec2::{MetadataDefaults, RegionSettings};

use super::{
    GET_EBS_DEFAULT_KMS_KEY_ID, GET_EBS_ENCRYPTION_BY_DEFAULT, GET_IMAGE_BLOCK_PUBLIC_ACCESS_STATE,
    GET_INSTANCE_METADATA_DEFAULTS, GET_SNAPSHOT_BLOCK_PUBLIC_ACCESS_STATE, told,
};
use crate::prelude::*;

/// The settings are always there; what cannot be read of them are gaps inside.
pub(super) async fn collect(cx: &Cx, client: &Client) {
    let (encryption, key, snapshots, images, metadata) = tokio::join!(
        cx.get(&GET_EBS_ENCRYPTION_BY_DEFAULT, &[], || client
            .get_ebs_encryption_by_default()
            .send()),
        cx.get(&GET_EBS_DEFAULT_KMS_KEY_ID, &[], || client
            .get_ebs_default_kms_key_id()
            .send()),
        cx.get(&GET_SNAPSHOT_BLOCK_PUBLIC_ACCESS_STATE, &[], || client
            .get_snapshot_block_public_access_state()
            .send()),
        cx.get(&GET_IMAGE_BLOCK_PUBLIC_ACCESS_STATE, &[], || client
            .get_image_block_public_access_state()
            .send()),
        cx.get(&GET_INSTANCE_METADATA_DEFAULTS, &[], || client
            .get_instance_metadata_defaults()
            .send()),
    );
    let properties = RegionSettings {
        ebs_encryption_by_default: encryption.and_then(|answer| {
            told(
                cx,
                &GET_EBS_ENCRYPTION_BY_DEFAULT,
                answer.ebs_encryption_by_default,
            )
        }),
        ebs_default_kms_key_id: key
            .and_then(|answer| told(cx, &GET_EBS_DEFAULT_KMS_KEY_ID, answer.kms_key_id)),
        snapshot_block_public_access: snapshots.and_then(|answer| {
            told(
                cx,
                &GET_SNAPSHOT_BLOCK_PUBLIC_ACCESS_STATE,
                answer.state.map(|state| state.as_str().to_owned()),
            )
        }),
        image_block_public_access: images.and_then(|answer| {
            told(
                cx,
                &GET_IMAGE_BLOCK_PUBLIC_ACCESS_STATE,
                answer.image_block_public_access_state,
            )
        }),
        metadata_defaults: metadata
            .and_then(|answer| told(cx, &GET_INSTANCE_METADATA_DEFAULTS, answer.account_level))
            .map(|level| MetadataDefaults {
                http_tokens: level.http_tokens.map(|t| t.as_str().to_owned()),
                http_tokens_enforced: level.http_tokens_enforced.map(|e| e.as_str().to_owned()),
                http_endpoint: level.http_endpoint.map(|e| e.as_str().to_owned()),
                http_put_response_hop_limit: level.http_put_response_hop_limit.map(i64::from),
                instance_metadata_tags: level.instance_metadata_tags.map(|t| t.as_str().to_owned()),
                managed_by: level.managed_by.map(|m| m.as_str().to_owned()),
            }),
    };
    let identity = Identity {
        arn: format!(
            "arn:{}:ec2:{}:{}:region-settings",
            cx.partition(),
            cx.region(),
            cx.account()
        ),
        id: "region-settings".to_owned(),
        name: format!("EC2 settings of {}", cx.region()),
        tags: Collected::Absent,
        created: None,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}
