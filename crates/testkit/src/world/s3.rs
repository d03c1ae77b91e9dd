//! Amazon S3: a bucket with everything, and one with nothing whose region the listing leaves out.

use serde_json::json;

use crate::{Reply, reply};

/// The part of a request's URI that only the bucket with everything has.
const FULL: &str = "/orders-data";

pub(super) fn replies() -> Vec<Reply> {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
         "Resource": ["arn:aws:s3:::orders-data", "arn:aws:s3:::orders-data/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "partner", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::orders-data/*"}]});
    vec![
        reply(
            "s3:ListBuckets",
            "<ListAllMyBucketsResult><Owner><ID>owner</ID></Owner><Buckets>\
             <Bucket><Name>orders-data</Name><CreationDate>2026-01-31T12:00:00.000Z</CreationDate>\
             <BucketRegion>eu-west-1</BucketRegion></Bucket>\
             <Bucket><Name>bare</Name><CreationDate>2020-01-31T12:00:00.000Z</CreationDate></Bucket>\
             </Buckets></ListAllMyBucketsResult>",
        ),
        reply(
            "s3:GetBucketLocation",
            "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-central-1</LocationConstraint>",
        ),
        reply("s3:GetBucketPolicy", policy).when(FULL),
        Reply::error("s3:GetBucketPolicy", 404, "NoSuchBucketPolicy"),
        reply(
            "s3:GetBucketPolicyStatus",
            "<PolicyStatus><IsPublic>false</IsPublic></PolicyStatus>",
        )
        .when(FULL),
        Reply::error("s3:GetBucketPolicyStatus", 404, "NoSuchBucketPolicy"),
        reply(
            "s3:GetBucketAcl",
            "<AccessControlPolicy><Owner><ID>owner</ID></Owner><AccessControlList>\
             <Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
             <ID>owner</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>\
             <Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
             <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>\
             </AccessControlList></AccessControlPolicy>",
        ),
        reply(
            "s3:GetPublicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
             <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>\
             <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetPublicAccessBlock",
            404,
            "NoSuchPublicAccessBlockConfiguration",
        ),
        reply(
            "s3:GetBucketOwnershipControls",
            "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetBucketOwnershipControls",
            404,
            "OwnershipControlsNotFoundError",
        ),
        reply(
            "s3:GetBucketEncryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>aws:kms</SSEAlgorithm>\
             <KMSMasterKeyID>arn:aws:kms:eu-west-1:123456789012:key/1111</KMSMasterKeyID>\
             </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>\
             <BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>\
             </Rule></ServerSideEncryptionConfiguration>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetBucketEncryption",
            404,
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        reply(
            "s3:GetBucketVersioning",
            "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>",
        )
        .when(FULL),
        reply("s3:GetBucketVersioning", "<VersioningConfiguration/>"),
        reply(
            "s3:GetObjectLockConfiguration",
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
             <Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetObjectLockConfiguration",
            404,
            "ObjectLockConfigurationNotFoundError",
        ),
        reply(
            "s3:GetBucketLifecycleConfiguration",
            "<LifecycleConfiguration><Rule><ID>old</ID><Filter/><Status>Enabled</Status>\
             <Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>\
             <NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays></NoncurrentVersionExpiration>\
             <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
             </Rule><Rule><ID>tmp</ID><Filter><And><Prefix>tmp/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>\
             <Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetBucketLifecycleConfiguration",
            404,
            "NoSuchLifecycleConfiguration",
        ),
        reply(
            "s3:GetBucketLogging",
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>bare</TargetBucket>\
             <TargetPrefix>orders-data/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
        )
        .when(FULL),
        reply("s3:GetBucketLogging", "<BucketLoggingStatus/>"),
        reply(
            "s3:GetBucketReplication",
            "<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/replicate</Role><Rule>\
             <ID>copy</ID><Priority>1</Priority><Status>Enabled</Status><Filter/>\
             <SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>\
             <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
             <Destination><Bucket>arn:aws:s3:::copy</Bucket><Account>210987654321</Account>\
             <AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>\
             <EncryptionConfiguration><ReplicaKmsKeyID>arn:aws:kms:eu-central-1:210987654321:key/2222</ReplicaKmsKeyID></EncryptionConfiguration>\
             </Destination></Rule></ReplicationConfiguration>",
        )
        .when(FULL),
        Reply::error(
            "s3:GetBucketReplication",
            404,
            "ReplicationConfigurationNotFoundError",
        ),
        reply(
            "s3:GetBucketCors",
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
             <AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader><MaxAgeSeconds>3000</MaxAgeSeconds>\
             </CORSRule></CORSConfiguration>",
        )
        .when(FULL),
        Reply::error("s3:GetBucketCors", 404, "NoSuchCORSConfiguration"),
        reply(
            "s3:GetBucketWebsite",
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
             <ErrorDocument><Key>error.html</Key></ErrorDocument></WebsiteConfiguration>",
        )
        .when(FULL),
        Reply::error("s3:GetBucketWebsite", 404, "NoSuchWebsiteConfiguration"),
        reply(
            "s3:GetBucketNotificationConfiguration",
            "<NotificationConfiguration><CloudFunctionConfiguration>\
             <CloudFunction>arn:aws:lambda:eu-west-1:123456789012:function:orders</CloudFunction>\
             <Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>\
             <QueueConfiguration><Queue>arn:aws:sqs:eu-west-1:210987654321:partner</Queue>\
             <Event>s3:ObjectRemoved:*</Event></QueueConfiguration>\
             <EventBridgeConfiguration/></NotificationConfiguration>",
        )
        .when(FULL),
        reply(
            "s3:GetBucketNotificationConfiguration",
            "<NotificationConfiguration/>",
        ),
        reply(
            "s3:GetBucketTagging",
            "<Tagging><TagSet><Tag><Key>classification</Key><Value>confidential</Value></Tag></TagSet></Tagging>",
        )
        .when(FULL),
        Reply::error("s3:GetBucketTagging", 404, "NoSuchTagSet"),
    ]
}
