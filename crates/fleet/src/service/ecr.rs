//! Amazon ECR: repositories with images, scanned and not, and the registry around them.

use serde_json::{Value, json};

use super::{Answer, Operation, Protocol, Service, kms, policy};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::dice::Dice;
use crate::id;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "ecr",
    signs_as: "ecr",
    protocol: Protocol::Json("AmazonEC2ContainerRegistry_V20150921"),
    global: false,
    operations: &[
        Operation::new(
            "BatchGetRepositoryScanningConfiguration",
            batch_get_scanning,
        )
        .after("DescribeRepositories"),
        Operation::new("DescribeImageScanFindings", describe_scan_findings).after("DescribeImages"),
        Operation::new("DescribeImages", describe_images)
            .after("DescribeRepositories")
            .paged("nextToken", "maxResults"),
        Operation::new("DescribePullThroughCacheRules", describe_cache_rules)
            .paged("nextToken", "maxResults"),
        Operation::new("DescribeRegistry", describe_registry),
        Operation::new("DescribeRepositories", describe_repositories)
            .paged("nextToken", "maxResults"),
        Operation::new("GetLifecyclePolicy", get_lifecycle_policy).after("DescribeRepositories"),
        Operation::new("GetRegistryPolicy", get_registry_policy),
        Operation::new("GetRegistryScanningConfiguration", get_registry_scanning),
        Operation::new("GetRepositoryPolicy", get_repository_policy).after("DescribeRepositories"),
        Operation::new("ListTagsForResource", list_tags).after("DescribeRepositories"),
    ],
};

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("ecr repository", index)
}

fn name(place: Place<'_>, index: usize) -> String {
    format!("apps/{}", id::name(id::WORDS, dice(place, index), index))
}

fn arn(place: Place<'_>, index: usize) -> String {
    place.arn("ecr", &format!("repository/{}", name(place, index)))
}

fn repository(ask: &Ask<'_>) -> Result<usize, Refusal> {
    ask.named("repositoryName", ask.place.count("ecr"), |index| {
        name(ask.place, index)
    })
}

fn registry_id(place: Place<'_>) -> String {
    place.account.to_string()
}

fn listed(name: &str, items: Vec<Value>, next: Option<String>) -> String {
    let mut answer = json!({name: items});
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer.to_string()
}

fn describe_repositories(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(place.count("ecr"));
    let repositories: Vec<Value> = page
        .items
        .clone()
        .map(|index| {
            let dice = dice(place, index);
            let name = name(place, index);
            let key = kms::some_key(place, dice).filter(|_| dice.percent(40, "customer key"));
            let encryption = match key {
                Some(key) => json!({"encryptionType": "KMS", "kmsKey": key}),
                None => json!({"encryptionType": "AES256"}),
            };
            json!({
                "repositoryArn": arn(place, index), "registryId": registry_id(place),
                "repositoryUri": format!(
                    "{}.dkr.ecr.{}.amazonaws.com/{name}", place.account, place.region),
                "repositoryName": name, "createdAt": place.days_ago(dice, 30, 1500, "created"),
                "imageTagMutability": if dice.percent(50, "mutable") { "MUTABLE" } else { "IMMUTABLE" },
                "imageScanningConfiguration": {"scanOnPush": dice.percent(60, "scan on push")},
                "encryptionConfiguration": encryption})
        })
        .collect();
    Ok(listed("repositories", repositories, page.next))
}

fn batch_get_scanning(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for wanted in ask.parameters.list("repositoryNames") {
        match id::find(wanted, place.count("ecr"), |index| name(place, index)) {
            Some(index) => {
                let on_push = dice(place, index).percent(60, "scan on push");
                found.push(json!({
                    "repositoryArn": arn(place, index), "repositoryName": wanted, "scanOnPush": on_push,
                    "scanFrequency": if on_push { "SCAN_ON_PUSH" } else { "MANUAL" },
                    "appliedScanFilters": []}));
            }
            None => failures.push(json!({
                "repositoryName": wanted, "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": "The repository does not exist"})),
        }
    }
    Ok(json!({"scanningConfigurations": found, "failures": failures}).to_string())
}

fn get_repository_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = repository(ask)?;
    let pull = json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
    let admit = |principal: Value| {
        // ECR's policies name no resource.
        json!({"Sid": "pull", "Effect": "Allow", "Principal": principal, "Action": pull})
    };
    let account =
        |account| json!({"AWS": format!("arn:{}:iam::{account}:root", place.estate.partition)});
    let statement = match dice(place, index).below(10, "policy") {
        0 => admit(json!("*")),
        1 => admit(account(STRANGER)),
        2 | 3 => admit(account(place.estate.management_account())),
        4 => admit(json!({"Service": "lambda.amazonaws.com"})),
        _ => {
            return Err(Refusal::new(
                400,
                "RepositoryPolicyNotFoundException",
                "Repository policy does not exist for the repository",
            ));
        }
    };
    Ok(json!({
        "registryId": registry_id(place), "repositoryName": name(place, index),
        "policyText": policy::document(&json!([statement]))})
    .to_string())
}

fn get_lifecycle_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = repository(ask)?;
    let dice = dice(place, index);
    if dice.percent(50, "no lifecycle") {
        return Err(Refusal::new(
            400,
            "LifecyclePolicyNotFoundException",
            "Lifecycle policy does not exist for the repository",
        ));
    }
    let status = dice.word(&["untagged", "any"], "lifecycle");
    let text = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": status, "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
        "action": {"type": "expire"}}]})
    .to_string();
    Ok(json!({
        "registryId": registry_id(place), "repositoryName": name(place, index), "lifecyclePolicyText": text})
    .to_string())
}

fn list_tags(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("resourceArn", place.count("ecr"), |index| arn(place, index))?;
    let tags: Vec<Value> = place
        .tags(dice(place, index))
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"tags": tags}).to_string())
}

// ---- Images --------------------------------------------------------------------------------------

fn image_dice(place: Place<'_>, repository: usize, image: usize) -> Dice {
    dice(place, repository)
        .with("image")
        .at(u64::try_from(image).unwrap_or(0))
}

fn digest(place: Place<'_>, repository: usize, image: usize) -> String {
    let dice = image_dice(place, repository, image);
    format!("sha256:{}{image:06x}", dice.hex(58, "digest"))
}

fn image_count(place: Place<'_>, repository: usize) -> usize {
    dice(place, repository).below(9, "images")
}

/// Whether the listing holds the result of an image's scan; the newer kind of scanning is asked apart.
fn is_scanned_basically(dice: Dice) -> bool {
    dice.percent(60, "basic scan")
}

fn findings(dice: Dice) -> Value {
    json!({
        "CRITICAL": if dice.percent(25, "critical") { 1 + dice.below(4, "criticals") } else { 0 },
        "HIGH": dice.below(6, "highs"), "MEDIUM": dice.below(20, "mediums"), "LOW": dice.below(40, "lows")})
}

fn describe_images(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let repository = repository(ask)?;
    let page = ask.page(image_count(place, repository));
    let images: Vec<Value> = page
        .items
        .clone()
        .map(|image| {
            let dice = image_dice(place, repository, image);
            let pushed = place.days_ago(dice, 1, 400, "pushed");
            let mut detail = json!({
                "registryId": registry_id(place), "repositoryName": name(place, repository),
                "imageDigest": digest(place, repository, image), "imageTags": [format!("v{image}")],
                "imageSizeInBytes": 10_000_000 + dice.below(90_000_000, "size"), "imagePushedAt": pushed,
                "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json"});
            if is_scanned_basically(dice) {
                detail["imageScanStatus"] = json!({"status": "COMPLETE"});
                detail["imageScanFindingsSummary"] =
                    json!({"imageScanCompletedAt": pushed + 60, "findingSeverityCounts": findings(dice)});
            }
            detail
        })
        .collect();
    Ok(listed("imageDetails", images, page.next))
}

fn describe_scan_findings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let repository = repository(ask)?;
    let wanted = ask
        .parameters
        .json("imageId")
        .and_then(|image| image.get("imageDigest")?.as_str())
        .unwrap_or_default();
    let image = id::find(wanted, image_count(place, repository), |image| {
        digest(place, repository, image)
    })
    .ok_or_else(|| Refusal::new(400, "ImageNotFoundException", "The image does not exist"))?;
    let dice = image_dice(place, repository, image);
    if dice.percent(40, "never scanned") {
        return Err(Refusal::new(
            400,
            "ScanNotFoundException",
            "Image scan does not exist for the image",
        ));
    }
    Ok(json!({
        "registryId": registry_id(place), "repositoryName": name(place, repository),
        "imageId": {"imageDigest": wanted}, "imageScanStatus": {"status": "ACTIVE"},
        "imageScanFindings": {
            "imageScanCompletedAt": place.days_ago(dice, 0, 1, "scanned"),
            "findingSeverityCounts": findings(dice), "enhancedFindings": []}})
    .to_string())
}

// ---- The registry --------------------------------------------------------------------------------

fn registry_dice(place: Place<'_>) -> Dice {
    place.dice("ecr registry", 0)
}

fn describe_registry(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = registry_dice(place);
    let to = match dice.below(10, "replication") {
        0 => Some(STRANGER),
        1 | 2 => Some(place.estate.management_account()),
        _ => None,
    };
    let rules: Vec<Value> = to
        .into_iter()
        .map(|to| {
            json!({
                "destinations": [{"region": "eu-central-1", "registryId": to.to_string()}],
                "repositoryFilters": [{"filter": "apps/", "filterType": "PREFIX_MATCH"}]})
        })
        .collect();
    Ok(
        json!({"registryId": registry_id(place), "replicationConfiguration": {"rules": rules}})
            .to_string(),
    )
}

fn get_registry_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = registry_dice(place);
    let admitted = match dice.below(10, "policy") {
        0 => STRANGER,
        1 | 2 => place.estate.management_account(),
        _ => {
            return Err(Refusal::new(
                400,
                "RegistryPolicyNotFoundException",
                "Registry policy does not exist in the registry",
            ));
        }
    };
    let statement = policy::grant(
        &json!({"AWS": format!("arn:{}:iam::{admitted}:root", place.estate.partition)}),
        &json!("ecr:ReplicateImage"),
        &place.arn("ecr", "repository/*"),
    );
    Ok(json!({
        "registryId": registry_id(place), "policyText": policy::document(&json!([statement]))})
    .to_string())
}

fn get_registry_scanning(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = registry_dice(place);
    let enhanced = dice.percent(40, "enhanced");
    let rule = json!({
        "scanFrequency": if enhanced { "CONTINUOUS_SCAN" } else { "SCAN_ON_PUSH" },
        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]});
    let rules: Vec<Value> = std::iter::once(rule)
        .filter(|_| dice.percent(60, "scan rules"))
        .collect();
    Ok(
        json!({"registryId": registry_id(place), "scanningConfiguration": {
        "scanType": if enhanced { "ENHANCED" } else { "BASIC" }, "rules": rules}})
        .to_string(),
    )
}

fn describe_cache_rules(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let count = registry_dice(place).below(3, "cache rules");
    let page = ask.page(count);
    let rules: Vec<Value> = page
        .items
        .clone()
        .filter_map(|index| {
            let (prefix, url) = [("ecr-public", "public.ecr.aws"), ("quay", "quay.io")]
                .get(index)
                .copied()?;
            Some(json!({
                "ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": url, "upstreamRegistry": prefix,
                "registryId": registry_id(place), "createdAt": place.days_ago(registry_dice(place), 10, 90, prefix)}))
        })
        .collect();
    Ok(listed("pullThroughCacheRules", rules, page.next))
}
