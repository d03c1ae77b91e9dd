//! Amazon S3.
//!
//! Buckets are listed once in an account, and each is read through a client of its own region: asked
//! elsewhere, S3 answers with a redirect.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_bucket_website::GetBucketWebsiteOutput;
use aws_sdk_s3::types as sdk;
use posture_model::s3::{
    AccessControlList, AccessLogging, AclGrant, Bucket, CorsRule, Encryption, LifecycleRule,
    LifecycleTransition, NotificationTarget, Notifications, ObjectLock, PublicAccessBlock,
    Replication, ReplicationRule, Versioning, Website,
};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "s3":
    GET_ACL = "GetBucketAcl" => "s3:GetBucketAcl",
    GET_CORS = "GetBucketCors" => "s3:GetBucketCORS",
    GET_ENCRYPTION = "GetBucketEncryption" => "s3:GetEncryptionConfiguration",
    GET_LIFECYCLE = "GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
    GET_LOCATION = "GetBucketLocation" => "s3:GetBucketLocation",
    GET_LOGGING = "GetBucketLogging" => "s3:GetBucketLogging",
    GET_NOTIFICATIONS = "GetBucketNotificationConfiguration" => "s3:GetBucketNotification",
    GET_OBJECT_LOCK = "GetObjectLockConfiguration" => "s3:GetBucketObjectLockConfiguration",
    GET_OWNERSHIP = "GetBucketOwnershipControls" => "s3:GetBucketOwnershipControls",
    GET_POLICY = "GetBucketPolicy" => "s3:GetBucketPolicy",
    GET_POLICY_STATUS = "GetBucketPolicyStatus" => "s3:GetBucketPolicyStatus",
    GET_PUBLIC_ACCESS_BLOCK = "GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
    GET_REPLICATION = "GetBucketReplication" => "s3:GetReplicationConfiguration",
    GET_TAGGING = "GetBucketTagging" => "s3:GetBucketTagging",
    GET_VERSIONING = "GetBucketVersioning" => "s3:GetBucketVersioning",
    GET_WEBSITE = "GetBucketWebsite" => "s3:GetBucketWebsite",
    LIST_BUCKETS = "ListBuckets" => "s3:ListAllMyBuckets",
}

pub(crate) const SERVICE: Service = Service {
    name: "s3",
    placement: Placement::Global,
    regional_types: &[],
    global_types: &[Bucket::TYPE],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// A page must be asked for by size: only then does S3 tell the buckets' regions.
const PAGE: i32 = 1000;

async fn run(cx: Cx) {
    let home = client(&cx, None);
    let listed = cx
        .list(
            &LIST_BUCKETS,
            |token| {
                home.list_buckets()
                    .max_buckets(PAGE)
                    .set_continuation_token(token)
                    .send()
            },
            |page| (page.buckets.unwrap_or_default(), page.continuation_token),
        )
        .await;
    let located = cx
        .each(listed.items, |bucket| locate(&cx, &home, bucket))
        .await;
    let mut clients = BTreeMap::new();
    for located in located.iter().flatten() {
        clients
            .entry(located.region.as_str().to_owned())
            .or_insert_with_key(|region| client(&cx, Some(region)));
    }
    let buckets = cx
        .each(located, async |located| {
            let located = located?;
            let client = clients.get(located.region.as_str()).unwrap_or(&home);
            Ok(bucket(&cx, client, located).await)
        })
        .await;
    cx.publish(listed.gap, buckets);
}

fn client(cx: &Cx, region: Option<&String>) -> Client {
    let config = match region {
        Some(region) => aws_sdk_s3::config::Builder::from(&cx.sdk_config_in(region)),
        None => aws_sdk_s3::config::Builder::from(cx.sdk_config()),
    };
    Client::from_conf(
        config
            .force_path_style(cx.custom_endpoint())
            .interceptor(cx.guard())
            .build(),
    )
}

/// A bucket of which name and region are known.
struct Located {
    name: String,
    region: Region,
    arn: Option<String>,
    created: Option<Timestamp>,
}

async fn locate(cx: &Cx, home: &Client, bucket: sdk::Bucket) -> Result<Located, Gap> {
    let name = bucket
        .name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| cx.malformed(&LIST_BUCKETS))?;
    let region = match bucket.bucket_region.filter(|region| !region.is_empty()) {
        Some(region) => Region::new(region).map_err(|_| cx.malformed(&LIST_BUCKETS))?,
        None => location(cx, home, &name).await?,
    };
    Ok(Located {
        created: timestamp(bucket.creation_date.as_ref()),
        arn: bucket.bucket_arn,
        name,
        region,
    })
}

/// Where a bucket is, from the endpoints whose listings do not tell.
async fn location(cx: &Cx, home: &Client, name: &str) -> Result<Region, Gap> {
    let answer = cx
        .call(&GET_LOCATION, || {
            home.get_bucket_location().bucket(name).send()
        })
        .await
        .map_err(|failure| failure.gap(&GET_LOCATION))?;
    let region = match answer.location_constraint.as_ref().map(|l| l.as_str()) {
        // The oldest region has no constraint, and the second oldest had another name.
        None | Some("") => cx.partition().home_region(),
        Some("EU") => "eu-west-1",
        Some(region) => region,
    };
    Region::new(region).map_err(|_| cx.malformed(&GET_LOCATION))
}

async fn bucket(cx: &Cx, client: &Client, located: Located) -> TypedResource<Bucket> {
    let name = located.name.as_str();
    let exposure = async {
        tokio::join!(
            policy(cx, client, name),
            policy_is_public(cx, client, name),
            acl(cx, client, name),
            public_access_block(cx, client, name),
            object_ownership(cx, client, name),
        )
    };
    let protection = async {
        tokio::join!(
            encryption(cx, client, name),
            versioning(cx, client, name),
            object_lock(cx, client, name),
            lifecycle_rules(cx, client, name),
            logging(cx, client, name),
        )
    };
    let use_of_it = async {
        tokio::join!(
            replication(cx, client, name),
            cors_rules(cx, client, name),
            website(cx, client, name),
            notifications(cx, client, name),
            tags(cx, client, name),
        )
    };
    let (
        (policy, policy_is_public, acl, public_access_block, object_ownership),
        (encryption, versioning, object_lock, lifecycle_rules, logging),
        (replication, cors_rules, website, notifications, tags),
    ) = tokio::join!(exposure, protection, use_of_it);
    let properties = Bucket {
        policy,
        policy_is_public,
        acl,
        public_access_block,
        object_ownership,
        encryption,
        versioning,
        object_lock,
        lifecycle_rules,
        logging,
        replication,
        cors_rules,
        website,
        notifications,
    };
    let identity = Identity {
        arn: located
            .arn
            .unwrap_or_else(|| format!("arn:{}:s3:::{}", cx.partition(), located.name)),
        id: located.name.clone(),
        name: located.name,
        tags,
        created: located.created,
    };
    cx.resource_in(located.region, identity, properties)
}

/// What an answer must hold; without it the answer was not understood.
fn required<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    match value {
        Some(value) => Collected::Known(value),
        None => Collected::Unavailable(cx.malformed(operation)),
    }
}

async fn policy(cx: &Cx, client: &Client, name: &str) -> Collected<PolicyDocument> {
    cx.get(&GET_POLICY, &["NoSuchBucketPolicy"], || {
        client.get_bucket_policy().bucket(name).send()
    })
    .await
    .and_then(|answer| required(cx, &GET_POLICY, answer.policy))
    .and_then(|text| parse_policy(cx, &GET_POLICY, Some(text)))
}

async fn policy_is_public(cx: &Cx, client: &Client, name: &str) -> Collected<bool> {
    cx.get(&GET_POLICY_STATUS, &["NoSuchBucketPolicy"], || {
        client.get_bucket_policy_status().bucket(name).send()
    })
    .await
    .and_then(|answer| {
        let is_public = answer.policy_status.and_then(|status| status.is_public);
        required(cx, &GET_POLICY_STATUS, is_public)
    })
}

async fn acl(cx: &Cx, client: &Client, name: &str) -> Collected<AccessControlList> {
    cx.get(&GET_ACL, &[], || {
        client.get_bucket_acl().bucket(name).send()
    })
    .await
    .and_then(|answer| {
        let owner_id = answer.owner.and_then(|owner| owner.id);
        let grants = answer.grants.and_then(|grants| {
            grants
                .into_iter()
                .map(|grant| {
                    let permission = grant.permission.map(|p| p.as_str().to_owned());
                    acl_grant(grant.grantee?, permission)
                })
                .collect()
        });
        required(cx, &GET_ACL, grants).map(|grants| AccessControlList { owner_id, grants })
    })
}

fn acl_grant(grantee: sdk::Grantee, permission: Option<String>) -> Option<AclGrant> {
    let grantee_type = grantee.r#type.as_str().to_owned();
    Some(AclGrant {
        grantee_type,
        grantee_id: grantee.id,
        grantee_uri: grantee.uri,
        permission,
    })
}

async fn public_access_block(cx: &Cx, client: &Client, name: &str) -> Collected<PublicAccessBlock> {
    cx.get(
        &GET_PUBLIC_ACCESS_BLOCK,
        &["NoSuchPublicAccessBlockConfiguration"],
        || client.get_public_access_block().bucket(name).send(),
    )
    .await
    .and_then(|answer| {
        let switches = answer.public_access_block_configuration.and_then(|block| {
            Some(PublicAccessBlock {
                block_public_acls: block.block_public_acls?,
                ignore_public_acls: block.ignore_public_acls?,
                block_public_policy: block.block_public_policy?,
                restrict_public_buckets: block.restrict_public_buckets?,
            })
        });
        required(cx, &GET_PUBLIC_ACCESS_BLOCK, switches)
    })
}

async fn object_ownership(cx: &Cx, client: &Client, name: &str) -> Collected<String> {
    cx.get(&GET_OWNERSHIP, &["OwnershipControlsNotFoundError"], || {
        client.get_bucket_ownership_controls().bucket(name).send()
    })
    .await
    .and_then(|answer| {
        let rule = answer.ownership_controls.and_then(|controls| {
            let rule = controls.rules.into_iter().next()?;
            Some(rule.object_ownership.as_str().to_owned())
        });
        required(cx, &GET_OWNERSHIP, rule)
    })
}

async fn encryption(cx: &Cx, client: &Client, name: &str) -> Collected<Encryption> {
    cx.get(
        &GET_ENCRYPTION,
        &["ServerSideEncryptionConfigurationNotFoundError"],
        || client.get_bucket_encryption().bucket(name).send(),
    )
    .await
    .and_then(|answer| {
        // S3 takes one rule only; of several nobody could say which is in force.
        let rule = answer
            .server_side_encryption_configuration
            .and_then(|configuration| <[_; 1]>::try_from(configuration.rules).ok())
            .map(|[rule]| rule);
        required(cx, &GET_ENCRYPTION, rule).map(encryption_rule)
    })
}

fn encryption_rule(rule: sdk::ServerSideEncryptionRule) -> Encryption {
    let default = rule.apply_server_side_encryption_by_default;
    Encryption {
        sse_algorithm: default
            .as_ref()
            .map(|default| default.sse_algorithm.as_str().to_owned()),
        kms_key_id: default
            .and_then(|default| default.kms_master_key_id)
            .filter(|key| !key.is_empty()),
        bucket_key_enabled: flag(rule.bucket_key_enabled),
        blocked_encryption_types: strings(
            rule.blocked_encryption_types
                .and_then(|blocked| blocked.encryption_type)
                .unwrap_or_default()
                .iter()
                .map(|kind| kind.as_str()),
        ),
    }
}

async fn versioning(cx: &Cx, client: &Client, name: &str) -> Collected<Versioning> {
    cx.get(&GET_VERSIONING, &[], || {
        client.get_bucket_versioning().bucket(name).send()
    })
    .await
    .map(|answer| Versioning {
        status: answer.status.map(|status| status.as_str().to_owned()),
        mfa_delete: answer.mfa_delete.map(|status| status.as_str().to_owned()),
    })
}

async fn object_lock(cx: &Cx, client: &Client, name: &str) -> Collected<ObjectLock> {
    cx.get(
        &GET_OBJECT_LOCK,
        &["ObjectLockConfigurationNotFoundError"],
        || client.get_object_lock_configuration().bucket(name).send(),
    )
    .await
    .and_then(|answer| required(cx, &GET_OBJECT_LOCK, answer.object_lock_configuration))
    .map(|lock| {
        let retention = lock.rule.and_then(|rule| rule.default_retention);
        ObjectLock {
            enabled: lock.object_lock_enabled == Some(sdk::ObjectLockEnabled::Enabled),
            retention_days: retention.as_ref().and_then(|r| r.days).map(i64::from),
            retention_years: retention.as_ref().and_then(|r| r.years).map(i64::from),
            retention_mode: retention
                .and_then(|r| r.mode)
                .map(|mode| mode.as_str().to_owned()),
        }
    })
}

async fn lifecycle_rules(cx: &Cx, client: &Client, name: &str) -> Collected<Vec<LifecycleRule>> {
    cx.get(&GET_LIFECYCLE, &["NoSuchLifecycleConfiguration"], || {
        client
            .get_bucket_lifecycle_configuration()
            .bucket(name)
            .send()
    })
    .await
    .and_then(|answer| required(cx, &GET_LIFECYCLE, answer.rules))
    .map(|rules| rules.into_iter().map(lifecycle_rule).collect())
}

fn lifecycle_rule(rule: sdk::LifecycleRule) -> LifecycleRule {
    #[expect(deprecated, reason = "rules made long ago have their prefix here")]
    let old_prefix = rule.prefix;
    let filter = rule.filter;
    let both = filter.as_ref().and_then(|filter| filter.and.as_ref());
    let prefix = filter
        .as_ref()
        .and_then(|filter| filter.prefix.clone())
        .or_else(|| both.and_then(|both| both.prefix.clone()))
        .or(old_prefix)
        .filter(|prefix| !prefix.is_empty());
    let narrowed = filter.as_ref().is_some_and(|filter| {
        filter.tag.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
    }) || both.is_some_and(|both| {
        both.tags.as_ref().is_some_and(|tags| !tags.is_empty())
            || both.object_size_greater_than.is_some()
            || both.object_size_less_than.is_some()
    });
    let current = rule.transitions.unwrap_or_default();
    let old = rule.noncurrent_version_transitions.unwrap_or_default();
    LifecycleRule {
        rule_id: rule.id,
        status: rule.status.as_str().to_owned(),
        covers_bucket: prefix.is_none() && !narrowed,
        prefix,
        expiration_days: rule
            .expiration
            .as_ref()
            .and_then(|expiration| expiration.days)
            .map(i64::from),
        expiration_date: timestamp(rule.expiration.as_ref().and_then(|e| e.date.as_ref())),
        expired_object_delete_marker: flag(
            rule.expiration
                .as_ref()
                .and_then(|expiration| expiration.expired_object_delete_marker),
        ),
        noncurrent_expiration_days: rule
            .noncurrent_version_expiration
            .as_ref()
            .and_then(|expiration| expiration.noncurrent_days)
            .map(i64::from),
        newer_noncurrent_versions: rule
            .noncurrent_version_expiration
            .as_ref()
            .and_then(|expiration| expiration.newer_noncurrent_versions)
            .map(i64::from),
        abort_multipart_days: rule
            .abort_incomplete_multipart_upload
            .and_then(|abort| abort.days_after_initiation)
            .map(i64::from),
        transitions: current
            .into_iter()
            .map(|transition| LifecycleTransition {
                days: transition.days.map(i64::from),
                storage_class: transition
                    .storage_class
                    .map(|class| class.as_str().to_owned()),
                noncurrent: false,
            })
            .chain(old.into_iter().map(|transition| {
                LifecycleTransition {
                    days: transition.noncurrent_days.map(i64::from),
                    storage_class: transition
                        .storage_class
                        .map(|class| class.as_str().to_owned()),
                    noncurrent: true,
                }
            }))
            .collect(),
    }
}

async fn logging(cx: &Cx, client: &Client, name: &str) -> Collected<AccessLogging> {
    cx.get(&GET_LOGGING, &[], || {
        client.get_bucket_logging().bucket(name).send()
    })
    .await
    // An empty status is how S3 says that logging is off.
    .and_then(|answer| answer.logging_enabled.into())
    .map(|logging| AccessLogging {
        target_bucket: logging.target_bucket,
        target_prefix: logging.target_prefix,
        target_grants: logging
            .target_grants
            .unwrap_or_default()
            .into_iter()
            .filter_map(|grant| {
                let permission = grant.permission.map(|p| p.as_str().to_owned());
                acl_grant(grant.grantee?, permission)
            })
            .collect(),
    })
}

async fn replication(cx: &Cx, client: &Client, name: &str) -> Collected<Replication> {
    cx.get(
        &GET_REPLICATION,
        &["ReplicationConfigurationNotFoundError"],
        || client.get_bucket_replication().bucket(name).send(),
    )
    .await
    .and_then(|answer| {
        let replication = answer.replication_configuration.and_then(|configuration| {
            Some(Replication {
                role_arn: configuration.role,
                rules: configuration
                    .rules
                    .into_iter()
                    .map(replication_rule)
                    .collect::<Option<_>>()?,
            })
        });
        required(cx, &GET_REPLICATION, replication)
    })
}

fn replication_rule(rule: sdk::ReplicationRule) -> Option<ReplicationRule> {
    let destination = rule.destination?;
    let criteria = rule.source_selection_criteria;
    Some(ReplicationRule {
        rule_id: rule.id,
        status: rule.status.as_str().to_owned(),
        priority: rule.priority.map(i64::from),
        destination_bucket_arn: destination.bucket,
        destination_account: destination.account.filter(|account| !account.is_empty()),
        replica_owner: destination
            .access_control_translation
            .map(|translation| translation.owner.as_str().to_owned()),
        replica_kms_key_id: destination
            .encryption_configuration
            .and_then(|encryption| encryption.replica_kms_key_id)
            .filter(|key| !key.is_empty()),
        sse_kms_encrypted_objects: criteria
            .as_ref()
            .and_then(|criteria| criteria.sse_kms_encrypted_objects.as_ref())
            .map(|objects| objects.status.as_str().to_owned()),
        delete_marker_replication: rule
            .delete_marker_replication
            .and_then(|markers| markers.status)
            .map(|status| status.as_str().to_owned()),
        replica_modifications: criteria
            .and_then(|criteria| criteria.replica_modifications)
            .map(|modifications| modifications.status.as_str().to_owned()),
    })
}

async fn cors_rules(cx: &Cx, client: &Client, name: &str) -> Collected<Vec<CorsRule>> {
    cx.get(&GET_CORS, &["NoSuchCORSConfiguration"], || {
        client.get_bucket_cors().bucket(name).send()
    })
    .await
    .and_then(|answer| required(cx, &GET_CORS, answer.cors_rules))
    .map(|rules| {
        rules
            .into_iter()
            .map(|rule| CorsRule {
                allowed_origins: rule.allowed_origins,
                allowed_methods: rule.allowed_methods,
                allowed_headers: rule.allowed_headers.unwrap_or_default(),
                expose_headers: rule.expose_headers.unwrap_or_default(),
                max_age: rule.max_age_seconds.map(i64::from),
            })
            .collect()
    })
}

async fn website(cx: &Cx, client: &Client, name: &str) -> Collected<Website> {
    cx.get(&GET_WEBSITE, &["NoSuchWebsiteConfiguration"], || {
        client.get_bucket_website().bucket(name).send()
    })
    .await
    .map(|answer: GetBucketWebsiteOutput| {
        let redirect = answer.redirect_all_requests_to;
        Website {
            index_document: answer.index_document.map(|document| document.suffix),
            error_document: answer.error_document.map(|document| document.key),
            redirect_protocol: redirect
                .as_ref()
                .and_then(|redirect| redirect.protocol.as_ref())
                .map(|protocol| protocol.as_str().to_owned()),
            redirect_host: redirect.map(|redirect| redirect.host_name),
            routing_rule_count: answer
                .routing_rules
                .map_or(0, |rules| i64::try_from(rules.len()).unwrap_or(i64::MAX)),
        }
    })
}

async fn notifications(cx: &Cx, client: &Client, name: &str) -> Collected<Notifications> {
    fn target(kind: &str, arn: String, events: &[sdk::Event]) -> NotificationTarget {
        NotificationTarget {
            kind: kind.to_owned(),
            target_arn: arn,
            events: strings(events.iter().map(|event| event.as_str())),
        }
    }
    cx.get(&GET_NOTIFICATIONS, &[], || {
        client
            .get_bucket_notification_configuration()
            .bucket(name)
            .send()
    })
    .await
    .map(|answer| {
        let functions = answer.lambda_function_configurations.unwrap_or_default();
        let queues = answer.queue_configurations.unwrap_or_default();
        let topics = answer.topic_configurations.unwrap_or_default();
        let functions = functions
            .into_iter()
            .map(|f| target("lambda", f.lambda_function_arn, &f.events));
        let queues = queues
            .into_iter()
            .map(|q| target("sqs", q.queue_arn, &q.events));
        let topics = topics
            .into_iter()
            .map(|t| target("sns", t.topic_arn, &t.events));
        Notifications {
            targets: functions.chain(queues).chain(topics).collect(),
            event_bridge: answer.event_bridge_configuration.is_some(),
        }
    })
}

async fn tags(cx: &Cx, client: &Client, name: &str) -> Collected<Tags> {
    cx.get(&GET_TAGGING, &["NoSuchTagSet"], || {
        client.get_bucket_tagging().bucket(name).send()
    })
    .await
    .map(|answer| {
        answer
            .tag_set
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect()
    })
}
