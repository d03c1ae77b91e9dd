//! Instances and launch templates. User data is examined here and dropped.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, Instance as SdkInstance, InstanceAttributeName, InstanceMetadataOptionsResponse,
    LaunchTemplate as SdkTemplate, LaunchTemplateVersion as SdkVersion,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posture_model::ExaminedText;
use posture_model::ec2::{
    Instance, LaunchTemplate, LaunchTemplateInterface, LaunchTemplateVersion, MetadataOptions,
};

use super::{
    DESCRIBE_INSTANCE_ATTRIBUTE, DESCRIBE_INSTANCES, DESCRIBE_LAUNCH_TEMPLATE_VERSIONS,
    DESCRIBE_LAUNCH_TEMPLATES, identity, list, operated_by, told,
};
use crate::operation::Operation;
use crate::prelude::*;

pub(super) async fn collect(cx: &Cx, client: &Client) {
    tokio::join!(
        Box::pin(instances(cx, client)),
        Box::pin(launch_templates(cx, client))
    );
}

async fn instances(cx: &Cx, client: &Client) {
    // Terminated instances stay visible for an hour; nothing can be said or done about them.
    let alive = Filter::builder()
        .name("instance-state-name")
        .set_values(Some(
            ["pending", "running", "shutting-down", "stopping", "stopped"]
                .map(str::to_owned)
                .to_vec(),
        ))
        .build();
    let listed = list!(cx, &DESCRIBE_INSTANCES, client
        .describe_instances()
        .filters(alive.clone())
        .max_results(1000) => reservations);
    let instances = listed
        .items
        .into_iter()
        .flat_map(|reservation| reservation.instances.unwrap_or_default());
    let instances = cx.each(instances, |item| instance(cx, client, item)).await;
    cx.publish(listed.gap, instances);
}

async fn instance(
    cx: &Cx,
    client: &Client,
    item: SdkInstance,
) -> Result<TypedResource<Instance>, Gap> {
    let id = item
        .instance_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_INSTANCES))?;
    let user_data = cx
        .get(&DESCRIBE_INSTANCE_ATTRIBUTE, &[], || {
            client
                .describe_instance_attribute()
                .instance_id(&id)
                .attribute(InstanceAttributeName::UserData)
                .send()
        })
        .await
        // Without user data the element is there and empty.
        .and_then(|answer| told(cx, &DESCRIBE_INSTANCE_ATTRIBUTE, answer.user_data))
        .and_then(|data| user_data(cx, &DESCRIBE_INSTANCE_ATTRIBUTE, data.value));
    let interfaces = item.network_interfaces.unwrap_or_default();
    let properties = Instance {
        instance_type: item.instance_type.map(|t| t.as_str().to_owned()),
        state: item
            .state
            .and_then(|state| state.name)
            .map(|name| name.as_str().to_owned()),
        image_id: item.image_id,
        launch_time: timestamp(item.launch_time.as_ref()),
        key_name: item.key_name.filter(|name| !name.is_empty()),
        platform_details: item.platform_details,
        lifecycle: item.instance_lifecycle.map(|l| l.as_str().to_owned()),
        metadata_options: told(
            cx,
            &DESCRIBE_INSTANCES,
            item.metadata_options.and_then(metadata_options),
        ),
        user_data,
        iam_instance_profile_arn: item.iam_instance_profile.and_then(|profile| profile.arn),
        monitoring: item
            .monitoring
            .and_then(|monitoring| monitoring.state)
            .map(|state| state.as_str().to_owned()),
        vpc_id: item.vpc_id.filter(|id| !id.is_empty()),
        subnet_id: item.subnet_id.filter(|id| !id.is_empty()),
        availability_zone: item.placement.and_then(|p| p.availability_zone),
        security_group_ids: item
            .security_groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.group_id)
            .collect(),
        ipv6_addresses: interfaces
            .iter()
            .flat_map(|interface| interface.ipv6_addresses())
            .filter_map(|address| address.ipv6_address.clone())
            .collect(),
        network_interface_ids: interfaces
            .into_iter()
            .filter_map(|interface| interface.network_interface_id)
            .collect(),
        private_ip_address: item.private_ip_address.filter(|ip| !ip.is_empty()),
        public_ip_address: item.public_ip_address.filter(|ip| !ip.is_empty()),
        volume_ids: item
            .block_device_mappings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mapping| mapping.ebs?.volume_id)
            .collect(),
        source_dest_check: item.source_dest_check,
        operated_by: operated_by(item.operator),
    };
    Ok(cx.resource(identity(cx, "instance", id, item.tags, None), properties))
}

/// `None` when the answer does not say whether tokens are required.
fn metadata_options(options: InstanceMetadataOptionsResponse) -> Option<MetadataOptions> {
    Some(MetadataOptions {
        http_tokens: options.http_tokens?.as_str().to_owned(),
        http_endpoint: options.http_endpoint.map(|e| e.as_str().to_owned()),
        http_put_response_hop_limit: options.http_put_response_hop_limit.map(i64::from),
        http_protocol_ipv6: options.http_protocol_ipv6.map(|p| p.as_str().to_owned()),
        instance_metadata_tags: options
            .instance_metadata_tags
            .map(|t| t.as_str().to_owned()),
    })
}

/// Examines user data, which comes in base64. Compressed user data is beyond the examiner: whether it
/// holds a secret is then not known.
fn user_data(
    cx: &Cx,
    operation: &'static Operation,
    encoded: Option<String>,
) -> Collected<ExaminedText> {
    let Some(mut encoded) = encoded else {
        return Collected::Absent;
    };
    encoded.retain(|c| !c.is_ascii_whitespace());
    if encoded.is_empty() {
        return Collected::Absent;
    }
    match STANDARD.decode(encoded.as_bytes()) {
        Ok(bytes) if !bytes.starts_with(&[0x1f, 0x8b]) => {
            Collected::Known(cx.examiner().text(&String::from_utf8_lossy(&bytes)))
        }
        _ => Collected::Unavailable(cx.malformed(operation)),
    }
}

async fn launch_templates(cx: &Cx, client: &Client) {
    let (templates, versions) = tokio::join!(
        async {
            list!(cx, &DESCRIBE_LAUNCH_TEMPLATES, client
                .describe_launch_templates()
                .max_results(200) => launch_templates)
        },
        // Without a template's id this lists the versions of all of them.
        async {
            list!(cx, &DESCRIBE_LAUNCH_TEMPLATE_VERSIONS, client
                .describe_launch_template_versions()
                .versions("$Default")
                .versions("$Latest")
                .max_results(200) => launch_template_versions)
        },
    );
    let items = templates
        .items
        .into_iter()
        .map(|item| launch_template(cx, item, &versions));
    cx.publish(templates.gap, items);
}

fn launch_template(
    cx: &Cx,
    item: SdkTemplate,
    versions: &Listed<SdkVersion>,
) -> Result<TypedResource<LaunchTemplate>, Gap> {
    let id = item
        .launch_template_id
        .ok_or_else(|| cx.malformed(&DESCRIBE_LAUNCH_TEMPLATES))?;
    let mut own: Vec<LaunchTemplateVersion> = versions
        .items
        .iter()
        .filter(|version| version.launch_template_id.as_deref() == Some(id.as_str()))
        .filter_map(|version| launch_template_version(cx, version))
        .collect();
    own.sort_by_key(|version| version.version_number);
    own.dedup_by_key(|version| version.version_number);
    let complete = [item.default_version_number, item.latest_version_number]
        .iter()
        .all(|number| number.is_some_and(|n| own.iter().any(|v| v.version_number == n)));
    let versions = if complete {
        Collected::Known(own)
    } else {
        Collected::Unavailable(
            versions
                .gap
                .clone()
                .unwrap_or_else(|| cx.malformed(&DESCRIBE_LAUNCH_TEMPLATE_VERSIONS)),
        )
    };
    let mut identity = identity(
        cx,
        "launch-template",
        id,
        item.tags,
        timestamp(item.create_time.as_ref()),
    );
    if let Some(name) = item.launch_template_name {
        identity.name = name;
    }
    let properties = LaunchTemplate {
        default_version_number: item.default_version_number,
        latest_version_number: item.latest_version_number,
        created_by: item.created_by,
        operated_by: operated_by(item.operator),
        versions,
    };
    Ok(cx.resource(identity, properties))
}

fn launch_template_version(cx: &Cx, version: &SdkVersion) -> Option<LaunchTemplateVersion> {
    let data = version.launch_template_data.as_ref()?;
    let metadata = data.metadata_options.as_ref();
    let profile = data.iam_instance_profile.as_ref();
    Some(LaunchTemplateVersion {
        version_number: version.version_number?,
        default_version: flag(version.default_version),
        create_time: timestamp(version.create_time.as_ref()),
        image_id: data.image_id.clone(),
        instance_type: data.instance_type.as_ref().map(|t| t.as_str().to_owned()),
        key_name: data.key_name.clone(),
        http_tokens: metadata
            .and_then(|m| m.http_tokens.as_ref())
            .map(|t| t.as_str().to_owned()),
        http_endpoint: metadata
            .and_then(|m| m.http_endpoint.as_ref())
            .map(|e| e.as_str().to_owned()),
        http_put_response_hop_limit: metadata
            .and_then(|m| m.http_put_response_hop_limit)
            .map(i64::from),
        user_data: user_data(
            cx,
            &DESCRIBE_LAUNCH_TEMPLATE_VERSIONS,
            data.user_data.clone(),
        ),
        iam_instance_profile: profile.and_then(|p| p.arn.clone().or_else(|| p.name.clone())),
        security_group_ids: data.security_group_ids().to_vec(),
        network_interfaces: data
            .network_interfaces()
            .iter()
            .map(|interface| LaunchTemplateInterface {
                device_index: interface.device_index.map(i64::from),
                associate_public_ip_address: interface.associate_public_ip_address,
                subnet_id: interface.subnet_id.clone(),
                security_group_ids: interface.groups().to_vec(),
            })
            .collect(),
        monitoring_enabled: data.monitoring.as_ref().and_then(|m| m.enabled),
        unencrypted_devices: data
            .block_device_mappings()
            .iter()
            .filter(|mapping| {
                mapping
                    .ebs
                    .as_ref()
                    .is_some_and(|ebs| ebs.encrypted == Some(false))
            })
            .filter_map(|mapping| mapping.device_name.clone())
            .collect(),
    })
}
