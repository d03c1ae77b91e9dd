//! AWS KMS: a customer's key with everything, an imported one, and one that AWS manages.

use serde_json::json;

use crate::{Reply, reply};

const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/";

pub(super) fn replies() -> Vec<Reply> {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "account", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
         "Action": "kms:*", "Resource": "*"},
        {"Sid": "partner", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
         "Action": "kms:Decrypt", "Resource": "*"}]})
    .to_string();
    vec![
        reply(
            "kms:ListKeys",
            json!({"Keys": [
                {"KeyId": "1111", "KeyArn": format!("{ARN}1111")},
                {"KeyId": "2222", "KeyArn": format!("{ARN}2222")},
                {"KeyId": "3333", "KeyArn": format!("{ARN}3333")}],
                "Truncated": false}),
        ),
        reply(
            "kms:ListAliases",
            json!({"Aliases": [
                {"AliasName": "alias/orders", "AliasArn": "arn:aws:kms:eu-west-1:123456789012:alias/orders",
                 "TargetKeyId": "1111", "CreationDate": 1_769_860_800, "LastUpdatedDate": 1_769_860_800},
                {"AliasName": "alias/aws/s3", "AliasArn": "arn:aws:kms:eu-west-1:123456789012:alias/aws/s3",
                 "TargetKeyId": "3333"},
                {"AliasName": "alias/aws/ebs", "AliasArn": "arn:aws:kms:eu-west-1:123456789012:alias/aws/ebs"}],
                "Truncated": false}),
        ),
        reply(
            "kms:DescribeKey",
            json!({"KeyMetadata": {
                "KeyId": "1111", "Arn": format!("{ARN}1111"), "AWSAccountId": "123456789012",
                "CreationDate": 1_769_860_800, "Enabled": true, "KeyManager": "CUSTOMER",
                "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
                "Origin": "AWS_KMS", "Description": "orders", "MultiRegion": true,
                "MultiRegionConfiguration": {
                    "MultiRegionKeyType": "PRIMARY",
                    "PrimaryKey": {"Arn": format!("{ARN}1111"), "Region": "eu-west-1"},
                    "ReplicaKeys": [{"Arn": "arn:aws:kms:eu-central-1:123456789012:key/1111", "Region": "eu-central-1"}]}}}),
        )
        .when("1111"),
        reply(
            "kms:DescribeKey",
            json!({"KeyMetadata": {
                "KeyId": "2222", "Arn": format!("{ARN}2222"), "AWSAccountId": "123456789012",
                "CreationDate": 1_500_000_000, "Enabled": true, "KeyManager": "CUSTOMER",
                "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
                "Origin": "EXTERNAL", "ExpirationModel": "KEY_MATERIAL_EXPIRES",
                "ValidTo": 1_769_860_800, "MultiRegion": false}}),
        )
        .when("2222"),
        reply(
            "kms:DescribeKey",
            json!({"KeyMetadata": {
                "KeyId": "3333", "Arn": format!("{ARN}3333"), "AWSAccountId": "123456789012",
                "CreationDate": 1_769_860_800, "Enabled": true, "KeyManager": "AWS",
                "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
                "Origin": "AWS_KMS", "MultiRegion": false}}),
        )
        .when("3333"),
        reply("kms:GetKeyPolicy", json!({"Policy": policy, "PolicyName": "default"})),
        reply(
            "kms:GetKeyRotationStatus",
            json!({"KeyRotationEnabled": true, "RotationPeriodInDays": 365, "KeyId": format!("{ARN}1111"),
                   "NextRotationDate": 1_801_396_800}),
        ),
        reply(
            "kms:ListGrants",
            json!({"Grants": [
                {"KeyId": format!("{ARN}1111"), "GrantId": "g1", "Name": "", "CreationDate": 1_769_860_800,
                 "GranteePrincipal": "arn:aws:iam::210987654321:role/app",
                 "IssuingAccount": "arn:aws:iam::123456789012:root",
                 "Operations": ["Decrypt", "CreateGrant"]},
                {"KeyId": format!("{ARN}1111"), "GrantId": "g2",
                 "GranteePrincipal": "dynamodb.eu-west-1.amazonaws.com",
                 "GranteeServicePrincipal": "dynamodb.eu-west-1.amazonaws.com",
                 "Operations": ["Decrypt", "Encrypt"],
                 "Constraints": {"EncryptionContextSubset": {"aws:dynamodb:tableName": "orders"}}}],
                "Truncated": false}),
        )
        .when("1111"),
        reply("kms:ListGrants", json!({"Grants": [], "Truncated": false})),
        reply(
            "kms:ListResourceTags",
            json!({"Tags": [{"TagKey": "team", "TagValue": "orders"}], "Truncated": false}),
        ),
    ]
}
