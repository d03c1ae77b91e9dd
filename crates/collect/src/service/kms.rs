//! AWS Key Management Service.

use std::collections::BTreeMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::types as sdk;
use posture_model::kms::{Alias, Key, KeyAlias, KeyGrant, Rotation};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "kms":
    DESCRIBE_KEY = "DescribeKey" => "kms:DescribeKey",
    GET_KEY_POLICY = "GetKeyPolicy" => "kms:GetKeyPolicy",
    GET_KEY_ROTATION_STATUS = "GetKeyRotationStatus" => "kms:GetKeyRotationStatus",
    LIST_ALIASES = "ListAliases" => "kms:ListAliases",
    LIST_GRANTS = "ListGrants" => "kms:ListGrants",
    LIST_KEYS = "ListKeys" => "kms:ListKeys",
    LIST_RESOURCE_TAGS = "ListResourceTags" => "kms:ListResourceTags",
}

pub(crate) const SERVICE: Service = Service {
    name: "kms",
    placement: Placement::Regional,
    regional_types: &[Key::TYPE, Alias::TYPE],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_kms);
    let (keys, aliases) = tokio::join!(
        cx.list(
            &LIST_KEYS,
            |token| client.list_keys().set_marker(token).send(),
            |page| (page.keys.unwrap_or_default(), page.next_marker),
        ),
        cx.list(
            &LIST_ALIASES,
            |token| client.list_aliases().set_marker(token).send(),
            |page| (page.aliases.unwrap_or_default(), page.next_marker),
        ),
    );
    let by_key = aliases_by_key(&aliases);
    let found = cx
        .each(keys.items, |key| key_of(&cx, &client, &by_key, key))
        .await;
    cx.publish(keys.gap, found);
    publish_aliases(&cx, aliases);
}

/// The aliases of each key, or why they are not known.
type AliasesByKey = Result<BTreeMap<String, Vec<KeyAlias>>, Gap>;

fn aliases_by_key(listed: &Listed<sdk::AliasListEntry>) -> AliasesByKey {
    // A key whose alias stood on the page that is missing would look like one without.
    if let Some(gap) = &listed.gap {
        return Err(gap.clone());
    }
    let mut by_key: BTreeMap<String, Vec<KeyAlias>> = BTreeMap::new();
    for alias in &listed.items {
        let (Some(name), Some(key)) = (&alias.alias_name, &alias.target_key_id) else {
            continue;
        };
        by_key.entry(key.clone()).or_default().push(KeyAlias {
            name: name.clone(),
            arn: alias.alias_arn.clone(),
        });
    }
    for aliases in by_key.values_mut() {
        aliases.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(by_key)
}

fn publish_aliases(cx: &Cx, listed: Listed<sdk::AliasListEntry>) {
    let aliases = listed.items.into_iter().filter_map(|alias| {
        let (Some(name), Some(arn)) = (alias.alias_name, alias.alias_arn) else {
            return Some(Err(cx.malformed(&LIST_ALIASES)));
        };
        // AWS lists names for keys of services that were never used here.
        let target_key_id = alias.target_key_id?;
        let identity = Identity {
            arn,
            id: name.clone(),
            tags: Collected::Absent,
            created: timestamp(alias.creation_date.as_ref()),
            name,
        };
        let properties = Alias {
            target_key_id,
            last_updated: timestamp(alias.last_updated_date.as_ref()),
            aws_reserved: identity.name.starts_with("alias/aws/"),
        };
        Some(Ok(cx.resource(identity, properties)))
    });
    cx.publish(listed.gap, aliases);
}

async fn key_of(
    cx: &Cx,
    client: &Client,
    by_key: &AliasesByKey,
    listed: sdk::KeyListEntry,
) -> Result<TypedResource<Key>, Gap> {
    let id = listed.key_id.ok_or_else(|| cx.malformed(&LIST_KEYS))?;
    let metadata = cx
        .call(&DESCRIBE_KEY, || client.describe_key().key_id(&id).send())
        .await
        .map_err(|failure| failure.gap(&DESCRIBE_KEY))?
        .key_metadata
        .ok_or_else(|| cx.malformed(&DESCRIBE_KEY))?;
    let arn = metadata
        .arn
        .clone()
        .or(listed.key_arn)
        .ok_or_else(|| cx.malformed(&DESCRIBE_KEY))?;
    // AWS managed keys belong to services: nobody here can change what hangs on them.
    let customer = metadata.key_manager == Some(sdk::KeyManagerType::Customer);
    let (policy, rotation, grants, tags) = tokio::join!(
        policy(cx, client, &id, customer),
        rotation(cx, client, &id, customer && rotates(&metadata)),
        grants(cx, client, &id, customer),
        tags(cx, client, &id, customer),
    );
    let aliases = match by_key {
        Ok(by_key) => Collected::Known(by_key.get(&id).cloned().unwrap_or_default()),
        Err(gap) => Collected::Unavailable(gap.clone()),
    };
    let name = aliases
        .known()
        .and_then(|aliases| aliases.first())
        .map_or_else(|| id.clone(), |alias| alias.name.clone());
    let identity = Identity {
        arn,
        id,
        name,
        tags,
        created: timestamp(metadata.creation_date.as_ref()),
    };
    let key_spec = key_spec(&metadata);
    let copies = metadata.multi_region_configuration;
    let properties = Key {
        description: metadata.description.filter(|text| !text.is_empty()),
        key_manager: metadata.key_manager.map(|m| m.as_str().to_owned()),
        key_state: metadata.key_state.map(|s| s.as_str().to_owned()),
        key_usage: metadata.key_usage.map(|u| u.as_str().to_owned()),
        key_spec,
        origin: metadata.origin.map(|o| o.as_str().to_owned()),
        custom_key_store_id: metadata.custom_key_store_id,
        valid_to: timestamp(metadata.valid_to.as_ref()),
        deletion_date: timestamp(metadata.deletion_date.as_ref()),
        multi_region: flag(metadata.multi_region),
        multi_region_type: copies
            .as_ref()
            .and_then(|copies| copies.multi_region_key_type.as_ref())
            .map(|kind| kind.as_str().to_owned()),
        primary_key_arn: copies
            .as_ref()
            .and_then(|copies| copies.primary_key.as_ref())
            .and_then(|primary| primary.arn.clone()),
        replica_key_arns: copies
            .and_then(|copies| copies.replica_keys)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|replica| replica.arn)
            .collect(),
        aliases,
        policy,
        rotation,
        grants,
    };
    Ok(cx.resource(identity, properties))
}

fn key_spec(metadata: &sdk::KeyMetadata) -> Option<String> {
    if let Some(spec) = &metadata.key_spec {
        return Some(spec.as_str().to_owned());
    }
    #[expect(
        deprecated,
        reason = "older endpoints and emulators send only this one"
    )]
    let old = metadata.customer_master_key_spec.as_ref();
    old.map(|spec| spec.as_str().to_owned())
}

/// Whether automatic rotation exists for the key; asking for any other is an error.
fn rotates(metadata: &sdk::KeyMetadata) -> bool {
    metadata.origin == Some(sdk::OriginType::AwsKms)
        && key_spec(metadata).as_deref() == Some(sdk::KeySpec::SymmetricDefault.as_str())
}

/// What an answer must hold; without it the answer was not understood.
fn required<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    match value {
        Some(value) => Collected::Known(value),
        None => Collected::Unavailable(cx.malformed(operation)),
    }
}

async fn policy(cx: &Cx, client: &Client, id: &str, customer: bool) -> Collected<PolicyDocument> {
    if !customer {
        return Collected::Absent;
    }
    cx.get(&GET_KEY_POLICY, &[], || {
        client
            .get_key_policy()
            .key_id(id)
            .policy_name("default")
            .send()
    })
    .await
    .and_then(|answer| required(cx, &GET_KEY_POLICY, answer.policy))
    .and_then(|text| parse_policy(cx, &GET_KEY_POLICY, Some(text)))
}

async fn rotation(cx: &Cx, client: &Client, id: &str, applies: bool) -> Collected<Rotation> {
    if !applies {
        return Collected::Absent;
    }
    cx.get(&GET_KEY_ROTATION_STATUS, &[], || {
        client.get_key_rotation_status().key_id(id).send()
    })
    .await
    .map(|answer| Rotation {
        enabled: answer.key_rotation_enabled,
        period_days: answer.rotation_period_in_days.map(i64::from),
        next_rotation: timestamp(answer.next_rotation_date.as_ref()),
    })
}

async fn grants(cx: &Cx, client: &Client, id: &str, customer: bool) -> Collected<Vec<KeyGrant>> {
    if !customer {
        return Collected::Absent;
    }
    let listed = cx
        .list(
            &LIST_GRANTS,
            |token| client.list_grants().key_id(id).set_marker(token).send(),
            |page| (page.grants.unwrap_or_default(), page.next_marker),
        )
        .await;
    if let Some(gap) = listed.gap {
        return Collected::Unavailable(gap);
    }
    let grants = listed.items.into_iter().map(grant).collect();
    required(cx, &LIST_GRANTS, grants)
}

fn grant(grant: sdk::GrantListEntry) -> Option<KeyGrant> {
    let mut context: Vec<String> = Vec::new();
    let mut source_arn = None;
    if let Some(constraints) = grant.constraints {
        context.extend(
            [
                constraints.encryption_context_equals,
                constraints.encryption_context_subset,
            ]
            .into_iter()
            .flatten()
            .flat_map(|pairs| pairs.into_keys()),
        );
        source_arn = constraints.source_arn;
    }
    context.sort();
    context.dedup();
    Some(KeyGrant {
        grant_id: grant.grant_id?,
        name: grant.name.filter(|name| !name.is_empty()),
        grantee_principal: grant.grantee_principal,
        grantee_service: grant.grantee_service_principal,
        retiring_principal: grant
            .retiring_principal
            .or(grant.retiring_service_principal),
        issuing_account: grant.issuing_account,
        operations: strings(
            grant
                .operations
                .unwrap_or_default()
                .iter()
                .map(|operation| operation.as_str()),
        ),
        encryption_context_keys: context,
        source_arn,
        created: timestamp(grant.creation_date.as_ref()),
    })
}

async fn tags(cx: &Cx, client: &Client, id: &str, customer: bool) -> Collected<Tags> {
    if !customer {
        return Collected::Absent;
    }
    let listed = cx
        .list(
            &LIST_RESOURCE_TAGS,
            |token| {
                client
                    .list_resource_tags()
                    .key_id(id)
                    .set_marker(token)
                    .send()
            },
            |page| (page.tags.unwrap_or_default(), page.next_marker),
        )
        .await;
    match listed.gap {
        Some(gap) => Collected::Unavailable(gap),
        None => Collected::Known(
            listed
                .items
                .into_iter()
                .map(|tag| (tag.tag_key, tag.tag_value))
                .collect(),
        ),
    }
}
