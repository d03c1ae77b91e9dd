//! Asks everything that there is to ask, as the collectors do: listings first, then what they name.

use posture_fleet::{Account, Fleet};
use serde_json::{Value, json};

use crate::client::{Answer, Ask, Client, encoded};

/// A question as a form (query protocol, EC2).
pub(crate) fn form(
    service: &'static str,
    operation: &'static str,
    parameters: &[(&str, &str)],
) -> Ask {
    let mut body = format!("Action={operation}&Version=2016-11-15");
    for (name, value) in parameters {
        body.push_str(&format!("&{name}={}", encoded(value)));
    }
    Ask {
        service,
        operation,
        account: Account::nth(0),
        region: "us-east-1".to_owned(),
        method: "POST",
        target: "/".to_owned(),
        amz_target: None,
        body,
        session: None,
    }
}

/// A question as JSON with the operation in a header.
pub(crate) fn json_1_1(service: &'static str, operation: &'static str, body: &Value) -> Ask {
    let prefix = match service {
        "kms" => "TrentService",
        "ecr" => "AmazonEC2ContainerRegistry_V20150921",
        "organizations" => "AWSOrganizationsV20161128",
        "wafv2" => "AWSWAF_20190729",
        _ => panic!("{service}"),
    };
    Ask {
        amz_target: Some(format!("{prefix}.{operation}")),
        body: body.to_string(),
        ..form(service, operation, &[])
    }
}

/// A question as a path.
pub(crate) fn get(service: &'static str, operation: &'static str, target: &str) -> Ask {
    Ask {
        method: "GET",
        target: target.to_owned(),
        body: String::new(),
        ..form(service, operation, &[])
    }
}

/// One answered question.
pub(crate) type Answered = (Ask, Answer);

struct Crawl {
    client: Client,
    region: String,
    account: Account,
    answered: Vec<Answered>,
}

impl Crawl {
    fn ask(&mut self, ask: Ask) -> Answer {
        let ask = ask.in_region(&self.region).by(self.account);
        let answer = self.client.send(&ask);
        self.answered.push((ask, answer.clone()));
        answer
    }

    /// Asks, and gives the texts of an element of the answer.
    fn names(&mut self, ask: Ask, element: &str) -> Vec<String> {
        self.ask(ask).xml(element)
    }

    /// Asks, and gives the items of a list of the answer.
    fn items(&mut self, ask: Ask, list: &str) -> Vec<Value> {
        self.ask(ask).json()[list]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }
}

/// Everything about an account in a region, with listings that come on one page.
pub(crate) fn everything(fleet: &Fleet, account: Account, region: &str) -> Vec<Answered> {
    let mut crawl = Crawl {
        client: Client::new(fleet),
        region: region.to_owned(),
        account,
        answered: Vec::new(),
    };
    core(&mut crawl);
    organizations(&mut crawl);
    iam(&mut crawl);
    ec2(&mut crawl);
    kms(&mut crawl);
    ecr(&mut crawl);
    lambda(&mut crawl);
    s3(&mut crawl);
    wafv2(&mut crawl);
    gateways(&mut crawl);
    crawl.answered
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn core(crawl: &mut Crawl) {
    crawl.ask(form("sts", "GetCallerIdentity", &[]));
    for kind in ["SECURITY", "BILLING", "OPERATIONS"] {
        crawl.ask(Ask {
            method: "POST",
            body: json!({"AlternateContactType": kind}).to_string(),
            ..get("account", "GetAlternateContact", "/getAlternateContact")
        });
    }
}

fn organizations(crawl: &mut Crawl) {
    let ask = |operation, body| json_1_1("organizations", operation, &body);
    crawl.ask(ask("DescribeOrganization", json!({})));
    crawl.ask(ask("ListDelegatedAdministrators", json!({})));
    let accounts = crawl.items(ask("ListAccounts", json!({})), "Accounts");
    for account in &accounts {
        crawl.ask(ask(
            "ListTagsForResource",
            json!({"ResourceId": account["Id"]}),
        ));
        crawl.ask(ask("ListParents", json!({"ChildId": account["Id"]})));
        crawl.ask(ask("DescribeAccount", json!({"AccountId": account["Id"]})));
    }
    let roots = crawl.items(ask("ListRoots", json!({})), "Roots");
    let mut parents: Vec<Value> = roots.iter().map(|root| root["Id"].clone()).collect();
    while let Some(parent) = parents.pop() {
        crawl.ask(ask("ListAccountsForParent", json!({"ParentId": parent})));
        crawl.ask(ask(
            "ListChildren",
            json!({"ParentId": parent, "ChildType": "ORGANIZATIONAL_UNIT"}),
        ));
        crawl.ask(ask(
            "ListPoliciesForTarget",
            json!({"TargetId": parent, "Filter": "SERVICE_CONTROL_POLICY"}),
        ));
        let units = ask(
            "ListOrganizationalUnitsForParent",
            json!({"ParentId": parent}),
        );
        for unit in crawl.items(units, "OrganizationalUnits") {
            crawl.ask(ask(
                "ListTagsForResource",
                json!({"ResourceId": unit["Id"]}),
            ));
            crawl.ask(ask(
                "DescribeOrganizationalUnit",
                json!({"OrganizationalUnitId": unit["Id"]}),
            ));
            parents.push(unit["Id"].clone());
        }
    }
    for kind in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] {
        for policy in crawl.items(ask("ListPolicies", json!({"Filter": kind})), "Policies") {
            crawl.ask(ask("DescribePolicy", json!({"PolicyId": policy["Id"]})));
            crawl.ask(ask(
                "ListTargetsForPolicy",
                json!({"PolicyId": policy["Id"]}),
            ));
        }
    }
}

fn iam(crawl: &mut Crawl) {
    let ask = |operation, parameters: &[(&str, &str)]| form("iam", operation, parameters);
    for operation in [
        "GenerateCredentialReport",
        "GetCredentialReport",
        "GetAccountPasswordPolicy",
        "GetAccountSummary",
        "ListAccountAliases",
        "ListVirtualMFADevices",
        "ListOrganizationsFeatures",
        "ListRoles",
    ] {
        crawl.ask(ask(operation, &[]));
    }
    for kind in ["Group", "Role"] {
        crawl.ask(ask(
            "GetAccountAuthorizationDetails",
            &[("Filter.member.1", kind)],
        ));
    }
    let users = ask(
        "GetAccountAuthorizationDetails",
        &[("Filter.member.1", "User")],
    );
    for user in crawl.names(users, "UserName") {
        crawl.ask(ask("ListMFADevices", &[("UserName", &user)]));
        for key in crawl.names(ask("ListAccessKeys", &[("UserName", &user)]), "AccessKeyId") {
            crawl.ask(ask("GetAccessKeyLastUsed", &[("AccessKeyId", &key)]));
        }
    }
    let policies = ask(
        "GetAccountAuthorizationDetails",
        &[
            ("Filter.member.1", "LocalManagedPolicy"),
            ("Filter.member.2", "AWSManagedPolicy"),
        ],
    );
    for arn in crawl.names(policies, "Arn") {
        if !arn.contains("::aws:") {
            crawl.ask(ask("ListPolicyTags", &[("PolicyArn", &arn)]));
        }
    }
    for kind in ["User", "Role"] {
        let listed = ask(
            "GetAccountAuthorizationDetails",
            &[("Filter.member.1", kind)],
        );
        let path = format!(":{}/", kind.to_lowercase());
        for arn in crawl.names(listed, "Arn") {
            // The ARNs of attached policies are listed as well.
            if !arn.contains(&path) {
                continue;
            }
            let generate = ask("GenerateServiceLastAccessedDetails", &[("Arn", &arn)]);
            for job in crawl.names(generate, "JobId") {
                crawl.ask(ask("GetServiceLastAccessedDetails", &[("JobId", &job)]));
            }
        }
    }
    for arn in crawl.names(ask("ListSAMLProviders", &[]), "Arn") {
        crawl.ask(ask("GetSAMLProvider", &[("SAMLProviderArn", &arn)]));
    }
    for arn in crawl.names(ask("ListOpenIDConnectProviders", &[]), "Arn") {
        crawl.ask(ask(
            "GetOpenIDConnectProvider",
            &[("OpenIDConnectProviderArn", &arn)],
        ));
    }
    for name in crawl.names(ask("ListServerCertificates", &[]), "ServerCertificateName") {
        crawl.ask(ask(
            "GetServerCertificate",
            &[("ServerCertificateName", &name)],
        ));
    }
}

fn ec2(crawl: &mut Crawl) {
    let ask = |operation, parameters: &[(&str, &str)]| form("ec2", operation, parameters);
    crawl.ask(ask("DescribeRegions", &[("AllRegions", "true")]));
    for operation in [
        "DescribeAddresses",
        "DescribeEgressOnlyInternetGateways",
        "DescribeFlowLogs",
        "DescribeInternetGateways",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeNatGateways",
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeTransitGatewayAttachments",
        "DescribeTransitGateways",
        "DescribeVolumes",
        "DescribeVpcEndpoints",
        "DescribeVpcPeeringConnections",
        "DescribeVpcs",
        "GetEbsDefaultKmsKeyId",
        "GetEbsEncryptionByDefault",
        "GetImageBlockPublicAccessState",
        "GetInstanceMetadataDefaults",
        "GetSnapshotBlockPublicAccessState",
    ] {
        crawl.ask(ask(operation, &[]));
    }
    for (listing, element, attribute, parameter) in [
        (
            "DescribeInstances",
            "instanceId",
            "DescribeInstanceAttribute",
            "InstanceId",
        ),
        (
            "DescribeSnapshots",
            "snapshotId",
            "DescribeSnapshotAttribute",
            "SnapshotId",
        ),
        (
            "DescribeImages",
            "imageId",
            "DescribeImageAttribute",
            "ImageId",
        ),
        (
            "DescribeManagedPrefixLists",
            "prefixListId",
            "GetManagedPrefixListEntries",
            "PrefixListId",
        ),
    ] {
        for id in crawl.names(ask(listing, &[]), element) {
            crawl.ask(ask(attribute, &[(parameter, &id)]));
        }
    }
}

fn kms(crawl: &mut Crawl) {
    crawl.ask(json_1_1("kms", "ListAliases", &json!({})));
    for key in crawl.items(json_1_1("kms", "ListKeys", &json!({})), "Keys") {
        for operation in [
            "DescribeKey",
            "GetKeyPolicy",
            "GetKeyRotationStatus",
            "ListGrants",
            "ListResourceTags",
        ] {
            crawl.ask(json_1_1("kms", operation, &json!({"KeyId": key["KeyId"]})));
        }
    }
}

fn ecr(crawl: &mut Crawl) {
    let ask = |operation, body| json_1_1("ecr", operation, &body);
    for operation in [
        "DescribeRegistry",
        "GetRegistryPolicy",
        "GetRegistryScanningConfiguration",
        "DescribePullThroughCacheRules",
    ] {
        crawl.ask(ask(operation, json!({})));
    }
    let repositories = crawl.items(ask("DescribeRepositories", json!({})), "repositories");
    let names: Vec<&Value> = repositories
        .iter()
        .map(|found| &found["repositoryName"])
        .collect();
    crawl.ask(ask(
        "BatchGetRepositoryScanningConfiguration",
        json!({"repositoryNames": names}),
    ));
    for repository in &repositories {
        let name = &repository["repositoryName"];
        crawl.ask(ask("GetRepositoryPolicy", json!({"repositoryName": name})));
        crawl.ask(ask("GetLifecyclePolicy", json!({"repositoryName": name})));
        crawl.ask(ask(
            "ListTagsForResource",
            json!({"resourceArn": repository["repositoryArn"]}),
        ));
        for image in crawl.items(
            ask("DescribeImages", json!({"repositoryName": name})),
            "imageDetails",
        ) {
            let id = json!({"imageDigest": image["imageDigest"]});
            crawl.ask(ask(
                "DescribeImageScanFindings",
                json!({"repositoryName": name, "imageId": id}),
            ));
        }
    }
}

fn lambda(crawl: &mut Crawl) {
    let ask = |operation, target: &str| get("lambda", operation, target);
    for (operation, target) in [
        ("GetAccountSettings", "/2016-08-19/account-settings"),
        ("ListCodeSigningConfigs", "/2020-04-22/code-signing-configs"),
        (
            "ListEventSourceMappings",
            "/2015-03-31/event-source-mappings",
        ),
    ] {
        crawl.ask(ask(operation, target));
    }
    for layer in crawl.items(ask("ListLayers", "/2018-10-31/layers"), "Layers") {
        let name = text(&layer["LayerName"]);
        let target = format!("/2018-10-31/layers/{name}/versions/3/policy");
        crawl.ask(ask("GetLayerVersionPolicy", &target));
    }
    for function in crawl.items(ask("ListFunctions", "/2015-03-31/functions"), "Functions") {
        let name = text(&function["FunctionName"]);
        for (operation, date, rest) in [
            (
                "GetFunctionCodeSigningConfig",
                "2020-06-30",
                "code-signing-config",
            ),
            ("GetFunctionConcurrency", "2019-09-30", "concurrency"),
            ("GetFunctionUrlConfig", "2021-10-31", "url"),
            ("GetPolicy", "2015-03-31", "policy"),
            (
                "ListFunctionEventInvokeConfigs",
                "2019-09-25",
                "event-invoke-config/list",
            ),
            ("ListVersionsByFunction", "2015-03-31", "versions"),
        ] {
            crawl.ask(ask(operation, &format!("/{date}/functions/{name}/{rest}")));
        }
        let arn = encoded(text(&function["FunctionArn"]));
        crawl.ask(ask("ListTags", &format!("/2017-03-31/tags/{arn}")));
        let aliases = ask(
            "ListAliases",
            &format!("/2015-03-31/functions/{name}/aliases"),
        );
        for alias in crawl.items(aliases, "Aliases") {
            let alias = text(&alias["Name"]);
            let target = format!("/2015-03-31/functions/{name}/policy?Qualifier={alias}");
            crawl.ask(ask("GetPolicy", &target));
        }
    }
}

fn s3(crawl: &mut Crawl) {
    let listing = crawl.ask(get(
        "s3",
        "ListBuckets",
        "/?max-buckets=1000&x-id=ListBuckets",
    ));
    let here = crawl.region.clone();
    for (bucket, region) in listing.xml("Name").iter().zip(listing.xml("BucketRegion")) {
        crawl.region = region;
        for (operation, sub_resource) in [
            ("GetBucketAcl", "acl"),
            ("GetBucketCors", "cors"),
            ("GetBucketEncryption", "encryption"),
            ("GetBucketLifecycleConfiguration", "lifecycle"),
            ("GetBucketLocation", "location"),
            ("GetBucketLogging", "logging"),
            ("GetBucketNotificationConfiguration", "notification"),
            ("GetBucketOwnershipControls", "ownershipControls"),
            ("GetBucketPolicy", "policy"),
            ("GetBucketPolicyStatus", "policyStatus"),
            ("GetBucketReplication", "replication"),
            ("GetBucketTagging", "tagging"),
            ("GetBucketVersioning", "versioning"),
            ("GetBucketWebsite", "website"),
            ("GetObjectLockConfiguration", "object-lock"),
            ("GetPublicAccessBlock", "publicAccessBlock"),
        ] {
            crawl.ask(get("s3", operation, &format!("/{bucket}?{sub_resource}")));
        }
    }
    crawl.region = here;
    let ask = |operation, path: &str| get("s3control", operation, &format!("/v20180820/{path}"));
    crawl.ask(ask(
        "GetPublicAccessBlock",
        "configuration/publicAccessBlock",
    ));
    for name in crawl.names(ask("ListAccessPoints", "accesspoint"), "Name") {
        crawl.ask(ask("GetAccessPoint", &format!("accesspoint/{name}")));
        crawl.ask(ask(
            "GetAccessPointPolicy",
            &format!("accesspoint/{name}/policy"),
        ));
        crawl.ask(ask(
            "GetAccessPointPolicyStatus",
            &format!("accesspoint/{name}/policyStatus"),
        ));
    }
}

fn wafv2(crawl: &mut Crawl) {
    let ask = |operation, body| json_1_1("wafv2", operation, &body);
    for scope in ["REGIONAL", "CLOUDFRONT"] {
        for (listing, list, getter) in [
            ("ListWebACLs", "WebACLs", Some("GetWebACL")),
            ("ListRuleGroups", "RuleGroups", Some("GetRuleGroup")),
            ("ListIPSets", "IPSets", Some("GetIPSet")),
            ("ListRegexPatternSets", "RegexPatternSets", None),
        ] {
            for found in crawl.items(ask(listing, json!({"Scope": scope})), list) {
                crawl.ask(ask(
                    "ListTagsForResource",
                    json!({"ResourceARN": found["ARN"]}),
                ));
                if let Some(getter) = getter {
                    let body = json!({"Scope": scope, "Id": found["Id"], "Name": found["Name"]});
                    crawl.ask(ask(getter, body));
                }
                if list == "WebACLs" {
                    let arn = &found["ARN"];
                    crawl.ask(ask("GetLoggingConfiguration", json!({"ResourceArn": arn})));
                    let body = json!({"WebACLArn": arn, "ResourceType": "API_GATEWAY"});
                    crawl.ask(ask("ListResourcesForWebACL", body));
                }
            }
        }
    }
}

fn gateways(crawl: &mut Crawl) {
    let ask = |operation, target: &str| get("apigateway", operation, target);
    for (operation, target) in [
        ("GetAccount", "/account"),
        ("GetApiKeys", "/apikeys?includeValues=false&limit=500"),
        ("GetVpcLinks", "/vpclinks"),
        ("GetClientCertificates", "/clientcertificates"),
    ] {
        crawl.ask(ask(operation, target));
    }
    for api in crawl.items(ask("GetRestApis", "/restapis?limit=500"), "item") {
        let id = text(&api["id"]);
        for (operation, rest) in [
            ("GetAuthorizers", "authorizers"),
            ("GetRequestValidators", "requestvalidators"),
            ("GetResources", "resources?embed=methods"),
            ("GetStages", "stages"),
        ] {
            crawl.ask(ask(operation, &format!("/restapis/{id}/{rest}")));
        }
    }
    for plan in crawl.items(ask("GetUsagePlans", "/usageplans"), "item") {
        crawl.ask(ask(
            "GetUsagePlanKeys",
            &format!("/usageplans/{}/keys", text(&plan["id"])),
        ));
    }
    for domain in crawl.items(ask("GetDomainNames", "/domainnames"), "item") {
        let name = text(&domain["domainName"]);
        crawl.ask(ask(
            "GetBasePathMappings",
            &format!("/domainnames/{name}/basepathmappings"),
        ));
    }
    let ask = |operation, target: &str| get("apigatewayv2", operation, &format!("/v2/{target}"));
    crawl.ask(ask("GetVpcLinks", "vpclinks"));
    for api in crawl.items(ask("GetApis", "apis"), "items") {
        let id = text(&api["apiId"]);
        for (operation, rest) in [
            ("GetAuthorizers", "authorizers"),
            ("GetIntegrations", "integrations"),
            ("GetRoutes", "routes"),
            ("GetStages", "stages"),
        ] {
            crawl.ask(ask(operation, &format!("apis/{id}/{rest}")));
        }
    }
    for domain in crawl.items(ask("GetDomainNames", "domainnames"), "items") {
        let name = text(&domain["domainName"]);
        crawl.ask(ask(
            "GetApiMappings",
            &format!("domainnames/{name}/apimappings"),
        ));
    }
}
