//! Amazon S3 Control: an account that blocks half of public access, an access point with a public
//! policy, and one without a policy for a VPC.

use serde_json::json;

use crate::{Reply, reply};

const OPEN: &str = "/accesspoint/open";

pub(super) fn replies() -> Vec<Reply> {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:eu-west-1:123456789012:accesspoint/open/object/*"}]});
    let policy = policy.to_string().replace('"', "&quot;");
    vec![
        reply(
            "s3control:GetPublicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
             <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>false</BlockPublicPolicy>\
             <RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
        ),
        reply(
            "s3control:ListAccessPoints",
            "<ListAccessPointsResult><AccessPointList>\
             <AccessPoint><Name>open</Name><NetworkOrigin>Internet</NetworkOrigin><Bucket>bare</Bucket>\
             <AccessPointArn>arn:aws:s3:eu-west-1:123456789012:accesspoint/open</AccessPointArn>\
             <Alias>open-abc-s3alias</Alias><BucketAccountId>123456789012</BucketAccountId></AccessPoint>\
             <AccessPoint><Name>inner</Name><NetworkOrigin>VPC</NetworkOrigin>\
             <VpcConfiguration><VpcId>vpc-1</VpcId></VpcConfiguration><Bucket>partner-data</Bucket>\
             <BucketAccountId>210987654321</BucketAccountId></AccessPoint>\
             </AccessPointList></ListAccessPointsResult>",
        ),
        reply(
            "s3control:GetAccessPoint",
            "<GetAccessPointResult><Name>ap</Name><CreationDate>2026-01-31T12:00:00Z</CreationDate>\
             <PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls>\
             <IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>false</BlockPublicPolicy>\
             <RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>\
             </GetAccessPointResult>",
        ),
        reply(
            "s3control:GetAccessPointPolicy",
            format!("<GetAccessPointPolicyResult><Policy>{policy}</Policy></GetAccessPointPolicyResult>"),
        )
        .when(OPEN),
        Reply::error("s3control:GetAccessPointPolicy", 404, "NoSuchAccessPointPolicy"),
        reply(
            "s3control:GetAccessPointPolicyStatus",
            "<GetAccessPointPolicyStatusResult><PolicyStatus><IsPublic>true</IsPublic></PolicyStatus></GetAccessPointPolicyStatusResult>",
        )
        .when(OPEN),
        Reply::error(
            "s3control:GetAccessPointPolicyStatus",
            404,
            "NoSuchAccessPointPolicy",
        ),
    ]
}
