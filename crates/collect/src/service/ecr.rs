//! Amazon Elastic Container Registry, private registries.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types as sdk;
use posture_model::ecr::{
    FindingCounts, Image, ImageScan, Images, LifecyclePolicy, PullThroughCacheRule, Registry,
    RegistryScanning, ReplicationDestination, ReplicationRule, Repository, ScanningRule,
};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "ecr":
    BATCH_GET_SCANNING = "BatchGetRepositoryScanningConfiguration" => "ecr:BatchGetRepositoryScanningConfiguration",
    DESCRIBE_IMAGES = "DescribeImages" => "ecr:DescribeImages",
    DESCRIBE_PULL_THROUGH_CACHE_RULES = "DescribePullThroughCacheRules" => "ecr:DescribePullThroughCacheRules",
    DESCRIBE_REGISTRY = "DescribeRegistry" => "ecr:DescribeRegistry",
    DESCRIBE_REPOSITORIES = "DescribeRepositories" => "ecr:DescribeRepositories",
    DESCRIBE_SCAN_FINDINGS = "DescribeImageScanFindings" => "ecr:DescribeImageScanFindings",
    GET_LIFECYCLE_POLICY = "GetLifecyclePolicy" => "ecr:GetLifecyclePolicy",
    GET_REGISTRY_POLICY = "GetRegistryPolicy" => "ecr:GetRegistryPolicy",
    GET_REGISTRY_SCANNING = "GetRegistryScanningConfiguration" => "ecr:GetRegistryScanningConfiguration",
    GET_REPOSITORY_POLICY = "GetRepositoryPolicy" => "ecr:GetRepositoryPolicy",
    LIST_TAGS = "ListTagsForResource" => "ecr:ListTagsForResource",
}

pub(crate) const SERVICE: Service = Service {
    name: "ecr",
    placement: Placement::Regional,
    regional_types: &[Repository::TYPE, Registry::TYPE],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// Repositories that one request for scanning configurations may name.
const BATCH: usize = 25;
/// Images of which the scan is looked at. Which run in production cannot be told from here; the newest
/// are the ones that deployments take.
const NEWEST: usize = 5;

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_ecr);
    tokio::join!(repositories(&cx, &client), registry(&cx, &client));
}

async fn repositories(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &DESCRIBE_REPOSITORIES,
            |token| {
                client
                    .describe_repositories()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.repositories.unwrap_or_default(), page.next_token),
        )
        .await;
    let names: Vec<String> = listed
        .items
        .iter()
        .filter_map(|repository| repository.repository_name.clone())
        .collect();
    let (frequencies, repositories) = tokio::join!(
        scan_frequencies(cx, client, &names),
        cx.each(listed.items, |repository| self::repository(
            cx, client, repository
        )),
    );
    let repositories = repositories.into_iter().map(|repository| {
        repository.map(|mut repository| {
            repository.properties.scan_frequency = match frequencies.get(&repository.name) {
                Some(frequency) => frequency.clone(),
                None => Collected::Unavailable(cx.malformed(&BATCH_GET_SCANNING)),
            };
            repository
        })
    });
    cx.publish(listed.gap, repositories);
}

/// How often each repository is scanned, by the repository's name.
async fn scan_frequencies(
    cx: &Cx,
    client: &Client,
    names: &[String],
) -> BTreeMap<String, Collected<String>> {
    let batches = names.chunks(BATCH).map(<[String]>::to_vec);
    cx.each(batches, |batch| batch_frequencies(cx, client, batch))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn batch_frequencies(
    cx: &Cx,
    client: &Client,
    batch: Vec<String>,
) -> Vec<(String, Collected<String>)> {
    let answer = cx
        .call(&BATCH_GET_SCANNING, || {
            client
                .batch_get_repository_scanning_configuration()
                .set_repository_names(Some(batch.clone()))
                .send()
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            let gap = failure.gap(&BATCH_GET_SCANNING);
            return batch
                .into_iter()
                .map(|name| (name, Collected::Unavailable(gap.clone())))
                .collect();
        }
    };
    let found = answer
        .scanning_configurations
        .unwrap_or_default()
        .into_iter()
        .filter_map(|configuration| {
            let frequency = configuration
                .scan_frequency
                .map(|frequency| frequency.as_str().to_owned());
            Some((
                configuration.repository_name?,
                required(cx, &BATCH_GET_SCANNING, frequency),
            ))
        });
    let failed = answer
        .failures
        .unwrap_or_default()
        .into_iter()
        .filter_map(|failure| {
            let gap = Gap {
                reason: GapReason::Error,
                code: failure.failure_code.map(|code| code.as_str().to_owned()),
                ..cx.malformed(&BATCH_GET_SCANNING)
            };
            Some((failure.repository_name?, Collected::Unavailable(gap)))
        });
    found.chain(failed).collect()
}

async fn repository(
    cx: &Cx,
    client: &Client,
    repository: sdk::Repository,
) -> Result<TypedResource<Repository>, Gap> {
    let (Some(name), Some(arn)) = (repository.repository_name, repository.repository_arn) else {
        return Err(cx.malformed(&DESCRIBE_REPOSITORIES));
    };
    let (policy, lifecycle_policy, images, tags) = tokio::join!(
        policy(cx, client, &name),
        lifecycle_policy(cx, client, &name),
        images(cx, client, &name),
        tags(cx, client, &arn),
    );
    let encryption = repository.encryption_configuration;
    let properties = Repository {
        uri: repository.repository_uri,
        image_tag_mutability: repository
            .image_tag_mutability
            .map(|mutability| mutability.as_str().to_owned()),
        mutability_exclusions: repository
            .image_tag_mutability_exclusion_filters
            .unwrap_or_default()
            .into_iter()
            .map(|exclusion| exclusion.filter)
            .collect(),
        scan_on_push: repository
            .image_scanning_configuration
            .map(|configuration| configuration.scan_on_push),
        encryption_type: encryption
            .as_ref()
            .map(|encryption| encryption.encryption_type.as_str().to_owned()),
        kms_key_arn: encryption
            .and_then(|encryption| encryption.kms_key)
            .filter(|key| !key.is_empty()),
        // Read in batches, beside this.
        scan_frequency: Collected::Absent,
        policy,
        lifecycle_policy,
        images,
    };
    let identity = Identity {
        arn,
        id: name.clone(),
        name,
        tags,
        created: timestamp(repository.created_at.as_ref()),
    };
    Ok(cx.resource(identity, properties))
}

/// What an answer must hold; without it the answer was not understood.
fn required<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    match value {
        Some(value) => Collected::Known(value),
        None => Collected::Unavailable(cx.malformed(operation)),
    }
}

async fn policy(cx: &Cx, client: &Client, name: &str) -> Collected<PolicyDocument> {
    cx.get(
        &GET_REPOSITORY_POLICY,
        &["RepositoryPolicyNotFoundException"],
        || client.get_repository_policy().repository_name(name).send(),
    )
    .await
    .and_then(|answer| required(cx, &GET_REPOSITORY_POLICY, answer.policy_text))
    .and_then(|text| parse_policy(cx, &GET_REPOSITORY_POLICY, Some(text)))
}

async fn lifecycle_policy(cx: &Cx, client: &Client, name: &str) -> Collected<LifecyclePolicy> {
    cx.get(
        &GET_LIFECYCLE_POLICY,
        &["LifecyclePolicyNotFoundException"],
        || client.get_lifecycle_policy().repository_name(name).send(),
    )
    .await
    .and_then(|answer| {
        let policy = answer.lifecycle_policy_text.as_deref().and_then(rules);
        required(cx, &GET_LIFECYCLE_POLICY, policy)
    })
}

/// What a lifecycle policy's text holds; `None` when it is not of the documented form.
fn rules(text: &str) -> Option<LifecyclePolicy> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let rules = document.get("rules")?.as_array()?;
    let statuses: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule.get("selection")?.get("tagStatus")?.as_str())
        .collect();
    let covers = |wanted: &str| {
        statuses
            .iter()
            .any(|status| [wanted, "any"].contains(status))
    };
    Some(LifecyclePolicy {
        rule_count: i64::try_from(rules.len()).unwrap_or(i64::MAX),
        covers_untagged: covers("untagged"),
        covers_tagged: covers("tagged"),
    })
}

async fn tags(cx: &Cx, client: &Client, arn: &str) -> Collected<Tags> {
    cx.get(&LIST_TAGS, &[], || {
        client.list_tags_for_resource().resource_arn(arn).send()
    })
    .await
    .map(|answer| {
        answer
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect()
    })
}

async fn images(cx: &Cx, client: &Client, repository: &str) -> Collected<Images> {
    let listed = cx
        .list(
            &DESCRIBE_IMAGES,
            |token| {
                client
                    .describe_images()
                    .repository_name(repository)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.image_details.unwrap_or_default(), page.next_token),
        )
        .await;
    if let Some(gap) = listed.gap {
        // The listing has no order: the newest may stand on the page that is missing.
        return Collected::Unavailable(gap);
    }
    let mut details = listed.items;
    // Signatures and attestations hang on the image that they are about.
    details.retain(|detail| detail.subject_manifest_digest.is_none());
    let total = i64::try_from(details.len()).unwrap_or(i64::MAX);
    details.sort_by_cached_key(|detail| {
        let pushed = detail.image_pushed_at.map(|moment| moment.secs());
        (Reverse(pushed), detail.image_digest.clone())
    });
    details.truncate(NEWEST);
    let newest = cx
        .each(details, |detail| image(cx, client, repository, detail))
        .await;
    match newest.into_iter().collect() {
        Ok(newest) => Collected::Known(Images { total, newest }),
        Err(gap) => Collected::Unavailable(gap),
    }
}

async fn image(
    cx: &Cx,
    client: &Client,
    repository: &str,
    detail: sdk::ImageDetail,
) -> Result<Image, Gap> {
    let digest = detail
        .image_digest
        .ok_or_else(|| cx.malformed(&DESCRIBE_IMAGES))?;
    let is_index = detail
        .image_manifest_media_type
        .as_deref()
        .is_some_and(|kind| kind.contains("manifest.list") || kind.contains("image.index"));
    let scan = match detail.image_scan_findings_summary {
        Some(summary) => Collected::Known(ImageScan {
            status: detail
                .image_scan_status
                .and_then(|status| status.status)
                .map(|status| status.as_str().to_owned()),
            completed: timestamp(summary.image_scan_completed_at.as_ref()),
            findings: summary.finding_severity_counts.map(counts),
        }),
        None if is_index => Collected::Absent,
        // The newer kinds of scanning leave their result out of the listing.
        None => scan(cx, client, repository, &digest).await,
    };
    Ok(Image {
        digest,
        image_tags: detail.image_tags.unwrap_or_default(),
        pushed: timestamp(detail.image_pushed_at.as_ref()),
        last_pull: timestamp(detail.last_recorded_pull_time.as_ref()),
        media_type: detail.image_manifest_media_type,
        is_index,
        scan,
    })
}

async fn scan(cx: &Cx, client: &Client, repository: &str, digest: &str) -> Collected<ImageScan> {
    let image = sdk::ImageIdentifier::builder().image_digest(digest).build();
    cx.get(&DESCRIBE_SCAN_FINDINGS, &["ScanNotFoundException"], || {
        client
            .describe_image_scan_findings()
            .repository_name(repository)
            .image_id(image.clone())
            .send()
    })
    .await
    .and_then(|answer| {
        let status = answer
            .image_scan_status
            .and_then(|status| status.status)
            .map(|status| status.as_str().to_owned());
        let findings = answer.image_scan_findings;
        if status.is_none() && findings.is_none() {
            return Collected::Unavailable(cx.malformed(&DESCRIBE_SCAN_FINDINGS));
        }
        Collected::Known(ImageScan {
            status,
            completed: timestamp(
                findings
                    .as_ref()
                    .and_then(|findings| findings.image_scan_completed_at.as_ref()),
            ),
            findings: findings
                .and_then(|findings| findings.finding_severity_counts)
                .map(counts),
        })
    })
}

fn counts(by_severity: impl IntoIterator<Item = (sdk::FindingSeverity, i32)>) -> FindingCounts {
    let mut counts = FindingCounts::default();
    for (severity, count) in by_severity {
        let field = match severity {
            sdk::FindingSeverity::Critical => &mut counts.critical,
            sdk::FindingSeverity::High => &mut counts.high,
            sdk::FindingSeverity::Medium => &mut counts.medium,
            sdk::FindingSeverity::Low => &mut counts.low,
            _ => &mut counts.other,
        };
        *field += i64::from(count);
    }
    counts
}

async fn registry(cx: &Cx, client: &Client) {
    let (described, policy, scanning, cache_rules) = tokio::join!(
        cx.call(&DESCRIBE_REGISTRY, || client.describe_registry().send()),
        cx.get(
            &GET_REGISTRY_POLICY,
            &["RegistryPolicyNotFoundException"],
            || client.get_registry_policy().send()
        ),
        cx.get(&GET_REGISTRY_SCANNING, &[], || client
            .get_registry_scanning_configuration()
            .send()),
        pull_through_cache_rules(cx, client),
    );
    let replication = described
        .map_err(|failure| failure.gap(&DESCRIBE_REGISTRY))
        .and_then(|answer| {
            answer
                .replication_configuration
                .ok_or_else(|| cx.malformed(&DESCRIBE_REGISTRY))
        });
    let replication = match replication {
        Ok(replication) => replication,
        Err(gap) => {
            cx.publish::<Registry>(Some(gap), []);
            return;
        }
    };
    let properties = Registry {
        replication_rules: replication
            .rules
            .into_iter()
            .map(|rule| ReplicationRule {
                destinations: rule
                    .destinations
                    .into_iter()
                    .map(|destination| ReplicationDestination {
                        region: destination.region,
                        account: destination.registry_id,
                    })
                    .collect(),
                repository_prefixes: rule
                    .repository_filters
                    .unwrap_or_default()
                    .into_iter()
                    .map(|filter| filter.filter)
                    .collect(),
            })
            .collect(),
        policy: policy
            .and_then(|answer| required(cx, &GET_REGISTRY_POLICY, answer.policy_text))
            .and_then(|text| parse_policy(cx, &GET_REGISTRY_POLICY, Some(text))),
        scanning: scanning.and_then(|answer| {
            let scanning = answer.scanning_configuration.and_then(registry_scanning);
            required(cx, &GET_REGISTRY_SCANNING, scanning)
        }),
        pull_through_cache_rules: cache_rules,
    };
    let identity = Identity {
        arn: format!(
            "arn:{}:ecr:{}:{}:registry",
            cx.partition(),
            cx.region(),
            cx.account()
        ),
        id: "registry".to_owned(),
        name: "ECR registry".to_owned(),
        tags: Collected::Absent,
        created: None,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}

fn registry_scanning(
    configuration: sdk::RegistryScanningConfiguration,
) -> Option<RegistryScanning> {
    Some(RegistryScanning {
        scan_type: configuration.scan_type.map(|kind| kind.as_str().to_owned()),
        rules: configuration
            .rules?
            .into_iter()
            .map(|rule| ScanningRule {
                scan_frequency: rule.scan_frequency.as_str().to_owned(),
                repository_filters: rule
                    .repository_filters
                    .into_iter()
                    .map(|filter| filter.filter)
                    .collect(),
            })
            .collect(),
    })
}

async fn pull_through_cache_rules(
    cx: &Cx,
    client: &Client,
) -> Collected<Vec<PullThroughCacheRule>> {
    let listed = cx
        .list(
            &DESCRIBE_PULL_THROUGH_CACHE_RULES,
            |token| {
                client
                    .describe_pull_through_cache_rules()
                    .set_next_token(token)
                    .send()
            },
            |page| {
                (
                    page.pull_through_cache_rules.unwrap_or_default(),
                    page.next_token,
                )
            },
        )
        .await;
    if let Some(gap) = listed.gap {
        return Collected::Unavailable(gap);
    }
    let rules = listed
        .items
        .into_iter()
        .map(|rule| {
            Some(PullThroughCacheRule {
                repository_prefix: rule.ecr_repository_prefix?,
                upstream_url: rule.upstream_registry_url,
                upstream_registry: rule
                    .upstream_registry
                    .map(|registry| registry.as_str().to_owned()),
                credential_arn: rule.credential_arn,
            })
        })
        .collect();
    required(cx, &DESCRIBE_PULL_THROUGH_CACHE_RULES, rules)
}
