//! AWS Organizations: two units, one in the other, and three accounts.

use serde_json::json;

use super::CANARY;
use crate::{Reply, reply};

pub(super) fn replies() -> Vec<Reply> {
    let account = |id: &str, name: &str| {
        json!({
            "Id": id, "Arn": format!("arn:aws:organizations::123456789012:account/o-a1b2c3d4e5/{id}"),
            "Name": name, "Email": format!("{CANARY}@example.com"), "Status": "ACTIVE", "State": "ACTIVE",
            "JoinedMethod": "CREATED", "JoinedTimestamp": 1_735_689_600})
    };
    let unit = |id: &str, name: &str| {
        json!({
            "Id": id, "Name": name,
            "Arn": format!("arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/{id}")})
    };
    let policy = |id: &str, name: &str, aws_managed: bool| {
        json!({
            "Id": id, "Name": name, "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": aws_managed,
            "Arn": format!("arn:aws:organizations::123456789012:policy/o-a1b2c3d4e5/service_control_policy/{id}")})
    };
    vec![
        reply(
            "organizations:DescribeOrganization",
            json!({"Organization": {
                "Id": "o-a1b2c3d4e5", "Arn": "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5",
                "FeatureSet": "ALL", "MasterAccountId": "123456789012",
                "MasterAccountArn": "arn:aws:organizations::123456789012:account/o-a1b2c3d4e5/123456789012",
                "MasterAccountEmail": format!("{CANARY}@example.com")}}),
        ),
        reply(
            "organizations:ListAccounts",
            json!({"Accounts": [
                account("123456789012", "main"), account("111122223333", "shop"),
                account("444455556666", "lab")]}),
        ),
        reply(
            "organizations:ListRoots",
            json!({"Roots": [{
                "Id": "r-ab12", "Name": "Root",
                "Arn": "arn:aws:organizations::123456789012:root/o-a1b2c3d4e5/r-ab12",
                "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"},
                                {"Type": "TAG_POLICY", "Status": "PENDING_ENABLE"}]}]}),
        ),
        reply(
            "organizations:ListOrganizationalUnitsForParent",
            json!({"OrganizationalUnits": [unit("ou-ab12-11111111", "Workloads")]}),
        )
        .when("r-ab12"),
        reply(
            "organizations:ListOrganizationalUnitsForParent",
            json!({"OrganizationalUnits": [unit("ou-ab12-22222222", "Production")]}),
        )
        .when("ou-ab12-11111111"),
        reply(
            "organizations:ListOrganizationalUnitsForParent",
            json!({"OrganizationalUnits": []}),
        ),
        reply(
            "organizations:ListAccountsForParent",
            json!({"Accounts": [account("123456789012", "main")]}),
        )
        .when("r-ab12"),
        reply(
            "organizations:ListAccountsForParent",
            json!({"Accounts": [account("444455556666", "lab")]}),
        )
        .when("ou-ab12-11111111"),
        reply(
            "organizations:ListAccountsForParent",
            json!({"Accounts": [account("111122223333", "shop")]}),
        ),
        reply(
            "organizations:ListTagsForResource",
            json!({"Tags": [{"Key": "environment", "Value": "production"}]}),
        )
        .when("111122223333"),
        reply("organizations:ListTagsForResource", json!({"Tags": []})),
        reply(
            "organizations:ListPolicies",
            json!({"Policies": [
                policy("p-FullAWSAccess", "FullAWSAccess", true), policy("p-11111111", "regions", false)]}),
        ),
        reply(
            "organizations:DescribePolicy",
            json!({"Policy": {
                "PolicySummary": policy("p-11111111", "regions", false),
                "Content": json!({"Version": "2012-10-17", "Statement": [{
                    "Effect": "Deny", "Action": "*", "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}}]}).to_string()}}),
        )
        .when("p-11111111"),
        reply(
            "organizations:DescribePolicy",
            json!({"Policy": {
                "PolicySummary": policy("p-FullAWSAccess", "FullAWSAccess", true),
                "Content": r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#}}),
        ),
        reply(
            "organizations:ListTargetsForPolicy",
            json!({"Targets": [{
                "TargetId": "ou-ab12-22222222", "Name": "Production", "Type": "ORGANIZATIONAL_UNIT",
                "Arn": "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-22222222"}]}),
        )
        .when("p-11111111"),
        reply(
            "organizations:ListTargetsForPolicy",
            json!({"Targets": [{
                "TargetId": "r-ab12", "Name": "Root", "Type": "ROOT",
                "Arn": "arn:aws:organizations::123456789012:root/o-a1b2c3d4e5/r-ab12"}]}),
        ),
    ]
}
