//! Amazon ECR: a repository with everything, one with nothing, and a registry that replicates.

use serde_json::json;

use crate::{Reply, reply};

const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/";
/// What only requests about the repository with everything contain.
const ORDERS: &str = "orders/app";

pub(super) fn replies() -> Vec<Reply> {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "pull", "Effect": "Allow", "Principal": "*",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]})
    .to_string();
    let registry_policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "replicate", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": "ecr:ReplicateImage", "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/*"}]})
    .to_string();
    let lifecycle = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
        "action": {"type": "expire"}}]})
    .to_string();
    vec![
        reply(
            "ecr:DescribeRepositories",
            json!({"repositories": [
                {"repositoryArn": format!("{REPOSITORY}orders/app"), "registryId": "123456789012",
                 "repositoryName": ORDERS, "createdAt": 1_769_860_800,
                 "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders/app",
                 "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                 "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "cache-*"}],
                 "imageScanningConfiguration": {"scanOnPush": true},
                 "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/1111"}},
                {"repositoryArn": format!("{REPOSITORY}bare"), "registryId": "123456789012",
                 "repositoryName": "bare", "imageTagMutability": "MUTABLE",
                 "imageScanningConfiguration": {"scanOnPush": false},
                 "encryptionConfiguration": {"encryptionType": "AES256"}}]}),
        ),
        reply(
            "ecr:BatchGetRepositoryScanningConfiguration",
            json!({"scanningConfigurations": [
                {"repositoryArn": format!("{REPOSITORY}orders/app"), "repositoryName": ORDERS,
                 "scanOnPush": true, "scanFrequency": "SCAN_ON_PUSH", "appliedScanFilters": []},
                {"repositoryArn": format!("{REPOSITORY}bare"), "repositoryName": "bare",
                 "scanOnPush": false, "scanFrequency": "MANUAL", "appliedScanFilters": []}],
                "failures": []}),
        ),
        reply(
            "ecr:GetRepositoryPolicy",
            json!({"repositoryName": ORDERS, "policyText": policy}),
        )
        .when(ORDERS),
        Reply::error("ecr:GetRepositoryPolicy", 400, "RepositoryPolicyNotFoundException"),
        reply(
            "ecr:GetLifecyclePolicy",
            json!({"repositoryName": ORDERS, "lifecyclePolicyText": lifecycle}),
        )
        .when(ORDERS),
        Reply::error("ecr:GetLifecyclePolicy", 400, "LifecyclePolicyNotFoundException"),
        reply(
            "ecr:DescribeImages",
            json!({"imageDetails": [
                {"repositoryName": ORDERS, "imageDigest": "sha256:old", "imageTags": ["v1"],
                 "imagePushedAt": 1_769_860_800, "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
                 "imageScanStatus": {"status": "COMPLETE"},
                 "imageScanFindingsSummary": {"imageScanCompletedAt": 1_769_860_900,
                     "findingSeverityCounts": {"CRITICAL": 1, "INFORMATIONAL": 2}}},
                {"repositoryName": ORDERS, "imageDigest": "sha256:new", "imageTags": ["v2"],
                 "imagePushedAt": 1_769_960_800, "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json"},
                {"repositoryName": ORDERS, "imageDigest": "sha256:list", "imageTags": ["v2-multi"],
                 "imagePushedAt": 1_769_960_900, "imageManifestMediaType": "application/vnd.oci.image.index.v1+json"},
                {"repositoryName": ORDERS, "imageDigest": "sha256:signature",
                 "imagePushedAt": 1_769_970_900, "subjectManifestDigest": "sha256:new"}]}),
        )
        .when(ORDERS),
        reply("ecr:DescribeImages", json!({"imageDetails": []})),
        reply(
            "ecr:DescribeImageScanFindings",
            json!({"repositoryName": ORDERS, "imageScanStatus": {"status": "ACTIVE"},
                   "imageScanFindings": {"imageScanCompletedAt": 1_769_960_900,
                       "findingSeverityCounts": {"HIGH": 3, "MEDIUM": 2}, "enhancedFindings": []}}),
        ),
        reply(
            "ecr:ListTagsForResource",
            json!({"tags": [{"Key": "team", "Value": "orders"}]}),
        ),
        reply(
            "ecr:DescribeRegistry",
            json!({"registryId": "123456789012", "replicationConfiguration": {"rules": [{
                "destinations": [{"region": "eu-central-1", "registryId": "210987654321"}],
                "repositoryFilters": [{"filter": "orders/", "filterType": "PREFIX_MATCH"}]}]}}),
        ),
        reply(
            "ecr:GetRegistryPolicy",
            json!({"registryId": "123456789012", "policyText": registry_policy}),
        ),
        reply(
            "ecr:GetRegistryScanningConfiguration",
            json!({"registryId": "123456789012", "scanningConfiguration": {"scanType": "BASIC", "rules": [{
                "scanFrequency": "SCAN_ON_PUSH",
                "repositoryFilters": [{"filter": "orders/*", "filterType": "WILDCARD"}]}]}}),
        ),
        reply(
            "ecr:DescribePullThroughCacheRules",
            json!({"pullThroughCacheRules": [{
                "ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io",
                "upstreamRegistry": "docker-hub", "registryId": "123456789012",
                "credentialArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub"}]}),
        ),
    ]
}
