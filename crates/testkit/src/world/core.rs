//! The calls that find the caller, accounts and regions.

use serde_json::json;

use super::ACCOUNT;
use crate::{Reply, reply};

pub(super) fn replies() -> Vec<Reply> {
    vec![
        reply(
            "core:GetCallerIdentity",
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{ACCOUNT}:user/auditor</Arn><UserId>AIDAEXAMPLE</UserId>\
                 <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        ),
        reply(
            "core:AssumeRole",
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>x</SecretAccessKey>\
             <SessionToken>y</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        reply(
            "core:ListAccounts",
            json!({"Accounts": [
                {"Id": ACCOUNT, "Name": "main", "Status": "ACTIVE"},
                {"Id": "210987654321", "Name": "old", "Status": "SUSPENDED"},
            ]}),
        ),
        reply(
            "core:DescribeRegions",
            "<DescribeRegionsResponse><regionInfo>\
             <item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>\
             <item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>\
             <item><regionName>af-south-1</regionName><optInStatus>not-opted-in</optInStatus></item>\
             </regionInfo></DescribeRegionsResponse>",
        ),
    ]
}
