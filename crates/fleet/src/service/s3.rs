//! Amazon S3: an account's buckets, spread over its regions.

use serde_json::json;

use super::{Answer, Dependence, Operation, Protocol, Service, kms, policy, xml};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::iso_millis;
use crate::dice::Dice;
use crate::id;
use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// A question about one bucket.
const fn about_bucket(
    name: &'static str,
    sub_resource: &'static str,
    answer: fn(&Ask<'_>) -> Answer,
) -> Operation {
    Operation::new(name, answer)
        .of_bucket(sub_resource)
        .depends(on_listing)
}

pub(super) const SERVICE: Service = Service {
    name: "s3",
    signs_as: "s3",
    protocol: Protocol::S3,
    global: true,
    operations: &[
        about_bucket("GetBucketAcl", "acl", get_acl),
        about_bucket("GetBucketCors", "cors", get_cors),
        about_bucket("GetBucketEncryption", "encryption", get_encryption),
        about_bucket(
            "GetBucketLifecycleConfiguration",
            "lifecycle",
            get_lifecycle,
        ),
        about_bucket("GetBucketLocation", "location", get_location),
        about_bucket("GetBucketLogging", "logging", get_logging),
        about_bucket(
            "GetBucketNotificationConfiguration",
            "notification",
            get_notifications,
        ),
        about_bucket(
            "GetBucketOwnershipControls",
            "ownershipControls",
            get_ownership,
        ),
        about_bucket("GetBucketPolicy", "policy", get_policy),
        about_bucket("GetBucketPolicyStatus", "policyStatus", get_policy_status),
        about_bucket("GetBucketReplication", "replication", get_replication),
        about_bucket("GetBucketTagging", "tagging", get_tagging),
        about_bucket("GetBucketVersioning", "versioning", get_versioning),
        about_bucket("GetBucketWebsite", "website", get_website),
        about_bucket("GetObjectLockConfiguration", "object-lock", get_object_lock),
        about_bucket(
            "GetPublicAccessBlock",
            "publicAccessBlock",
            get_public_access_block,
        ),
        Operation::new("ListBuckets", list_buckets)
            .at("GET", "/")
            .paged("continuation-token", "max-buckets"),
    ],
};

fn on_listing(_: &Parameters) -> Dependence {
    Dependence::on("ListBuckets")
}

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

fn document(root: &str, inner: &str) -> Answer {
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">{inner}</{root}>"
    ))
}

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.global().dice("s3 bucket", index)
}

fn name(place: Place<'_>, index: usize) -> String {
    format!(
        "{}-{}-{index:06x}",
        dice(place, index).word(id::WORDS, "name"),
        place.account
    )
}

fn region<'a>(place: Place<'a>, index: usize) -> &'a str {
    let regions = &place.estate.regions;
    regions
        .get(dice(place, index).below(regions.len(), "region"))
        .map_or("us-east-1", String::as_str)
}

/// The ARN or name of some bucket of the account; none where there is no bucket.
pub(super) fn some_bucket(place: Place<'_>, of: Dice) -> Option<String> {
    let count = place.count("s3");
    (count > 0).then(|| name(place, of.below(count, "bucket")))
}

fn list_buckets(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(place.count("s3"));
    let buckets = page.items.clone().map(|index| {
        let dice = dice(place, index);
        [
            xml::text("Name", &name(place, index)),
            xml::text(
                "CreationDate",
                &iso_millis(place.days_ago(dice, 10, 2500, "created")),
            ),
            xml::text("BucketRegion", region(place, index)),
        ]
        .concat()
    });
    let next = page
        .next
        .as_deref()
        .map_or_else(String::new, |next| xml::text("ContinuationToken", next));
    document(
        "ListAllMyBucketsResult",
        &format!(
            "<Owner>{}</Owner>{}{next}",
            xml::text("ID", &owner(place)),
            xml::list("Buckets", "Bucket", buckets)
        ),
    )
}

/// The account's canonical user id.
fn owner(place: Place<'_>) -> String {
    place.global().dice("s3 owner", 0).hex(64, "id")
}

/// A bucket that a request names, asked in its own region.
struct Bucket<'a> {
    place: Place<'a>,
    index: usize,
    dice: Dice,
    name: &'a str,
    region: &'a str,
}

fn bucket_anywhere<'a>(ask: &Ask<'a>) -> Result<Bucket<'a>, Refusal> {
    let place = ask.place;
    let given = ask.needed("Bucket")?;
    let index = ask.named("Bucket", place.count("s3"), |index| name(place, index))?;
    Ok(Bucket {
        place,
        index,
        dice: dice(place, index),
        name: given,
        region: region(place, index),
    })
}

fn bucket<'a>(ask: &Ask<'a>) -> Result<Bucket<'a>, Refusal> {
    let bucket = bucket_anywhere(ask)?;
    if bucket.region == ask.signer.region {
        return Ok(bucket);
    }
    let mut redirect = Refusal::new(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
    );
    redirect
        .headers
        .push(("x-amz-bucket-region", bucket.region.to_owned()));
    Err(redirect)
}

impl Bucket<'_> {
    /// What is not configured is a refusal of its own kind.
    fn unless(&self, percent: u64, what: &str, code: &str) -> Result<(), Refusal> {
        if self.dice.percent(percent, what) {
            return Err(Refusal::new(404, code, "Not configured"));
        }
        Ok(())
    }

    fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.place.estate.partition, self.name)
    }
}

fn get_location(ask: &Ask<'_>) -> Answer {
    let bucket = bucket_anywhere(ask)?;
    match bucket.region {
        // The oldest region has no constraint.
        "us-east-1" => document("LocationConstraint", ""),
        region => document("LocationConstraint", region),
    }
}

fn get_policy(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(NO_POLICY, "no policy", "NoSuchBucketPolicy")?;
    let (arn, objects) = (bucket.arn(), format!("{}/*", bucket.arn()));
    let account =
        |id| json!({"AWS": format!("arn:{}:iam::{id}:root", bucket.place.estate.partition)});
    let mut statements = Vec::new();
    if bucket.dice.percent(60, "tls") {
        statements.push(json!({
            "Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [arn, objects], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}));
    }
    let read = json!("s3:GetObject");
    statements.push(match grantee(bucket.dice) {
        Grantee::World => policy::grant(&json!("*"), &read, &objects),
        Grantee::Stranger => policy::grant(&account(STRANGER), &read, &objects),
        Grantee::Service => {
            policy::for_service("cloudtrail.amazonaws.com", "s3:PutObject", &objects, None)
        }
        Grantee::Own => policy::grant(&account(bucket.place.account), &json!("s3:*"), &objects),
    });
    Ok(policy::document(&json!(statements)))
}

/// Whom a bucket's policy admits.
enum Grantee {
    World,
    Stranger,
    Service,
    Own,
}

fn grantee(dice: Dice) -> Grantee {
    match dice.below(10, "grantee") {
        0 => Grantee::World,
        1 => Grantee::Stranger,
        2 => Grantee::Service,
        _ => Grantee::Own,
    }
}

const NO_POLICY: u64 = 40;

fn get_policy_status(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(NO_POLICY, "no policy", "NoSuchBucketPolicy")?;
    let public = matches!(grantee(bucket.dice), Grantee::World);
    document("PolicyStatus", &xml::text("IsPublic", &public.to_string()))
}

const SCHEMA: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

fn get_acl(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    let owner = xml::text("ID", &owner(bucket.place));
    let mut grants = format!(
        "<Grant><Grantee {SCHEMA} xsi:type=\"CanonicalUser\">{owner}</Grantee>\
         <Permission>FULL_CONTROL</Permission></Grant>"
    );
    if bucket.dice.percent(8, "public acl") {
        grants.push_str(&format!(
            "<Grant><Grantee {SCHEMA} xsi:type=\"Group\">\
             <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>\
             <Permission>READ</Permission></Grant>"
        ));
    }
    document(
        "AccessControlPolicy",
        &format!("<Owner>{owner}</Owner><AccessControlList>{grants}</AccessControlList>"),
    )
}

/// The four switches.
pub(super) fn access_block(dice: Dice) -> String {
    let all = dice.percent(70, "all blocked");
    [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ]
    .iter()
    .map(|switch| xml::text(switch, &(all || dice.percent(50, switch)).to_string()))
    .collect()
}

fn get_public_access_block(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(20, "no block", "NoSuchPublicAccessBlockConfiguration")?;
    document("PublicAccessBlockConfiguration", &access_block(bucket.dice))
}

fn get_ownership(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(15, "no ownership", "OwnershipControlsNotFoundError")?;
    let rule = bucket.dice.word(
        &[
            "BucketOwnerEnforced",
            "BucketOwnerEnforced",
            "BucketOwnerPreferred",
            "ObjectWriter",
        ],
        "ownership",
    );
    document(
        "OwnershipControls",
        &xml::around("Rule", &xml::text("ObjectOwnership", rule)),
    )
}

fn get_encryption(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(
        3,
        "no encryption",
        "ServerSideEncryptionConfigurationNotFoundError",
    )?;
    let key = kms::some_key(bucket.place.in_region(bucket.region), bucket.dice)
        .filter(|_| bucket.dice.percent(45, "customer key"));
    let by_default = match &key {
        Some(key) => xml::text("SSEAlgorithm", "aws:kms") + &xml::text("KMSMasterKeyID", key),
        None => xml::text("SSEAlgorithm", "AES256"),
    };
    let rule = xml::around("ApplyServerSideEncryptionByDefault", &by_default)
        + &xml::text(
            "BucketKeyEnabled",
            &bucket.dice.percent(60, "bucket key").to_string(),
        );
    document(
        "ServerSideEncryptionConfiguration",
        &xml::around("Rule", &rule),
    )
}

fn get_versioning(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    let status = match bucket.dice.below(10, "versioning") {
        0..6 => xml::text("Status", "Enabled") + &xml::text("MfaDelete", "Disabled"),
        6 => xml::text("Status", "Suspended"),
        _ => String::new(),
    };
    document("VersioningConfiguration", &status)
}

fn get_object_lock(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(85, "no lock", "ObjectLockConfigurationNotFoundError")?;
    let retention = match bucket.dice.percent(60, "retention") {
        true => {
            "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule>"
        }
        false => "",
    };
    document(
        "ObjectLockConfiguration",
        &format!("<ObjectLockEnabled>Enabled</ObjectLockEnabled>{retention}"),
    )
}

fn get_lifecycle(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(50, "no lifecycle", "NoSuchLifecycleConfiguration")?;
    let abort = match bucket.dice.percent(50, "abort") {
        true => {
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        }
        false => "",
    };
    document(
        "LifecycleConfiguration",
        &format!(
            "<Rule><ID>old</ID><Filter/><Status>Enabled</Status>\
             <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
             <NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays></NoncurrentVersionExpiration>\
             {abort}</Rule>"
        ),
    )
}

fn get_logging(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    let target =
        some_bucket(bucket.place, bucket.dice).filter(|_| bucket.dice.percent(40, "logging"));
    let enabled = target.map_or_else(String::new, |target| {
        let inner = xml::text("TargetBucket", &target)
            + &xml::text("TargetPrefix", &format!("{}/", bucket.name));
        xml::around("LoggingEnabled", &inner)
    });
    document("BucketLoggingStatus", &enabled)
}

fn get_replication(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(
        85,
        "no replication",
        "ReplicationConfigurationNotFoundError",
    )?;
    let partition = &bucket.place.estate.partition;
    let to = match bucket.dice.percent(30, "stranger") {
        true => STRANGER,
        false => bucket.place.estate.management_account(),
    };
    document(
        "ReplicationConfiguration",
        &format!(
            "<Role>arn:{partition}:iam::{}:role/replicate</Role><Rule><ID>copy</ID><Priority>1</Priority>\
             <Status>Enabled</Status><Filter/>\
             <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
             <Destination><Bucket>arn:{partition}:s3:::copy-{to}</Bucket><Account>{to}</Account></Destination>\
             </Rule>",
            bucket.place.account
        ),
    )
}

fn get_cors(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(80, "no cors", "NoSuchCORSConfiguration")?;
    let origin = bucket
        .dice
        .word(&["*", "https://www.example.com"], "origin");
    let method = bucket.dice.word(&["GET", "GET", "PUT"], "method");
    let rule = xml::text("AllowedOrigin", origin) + &xml::text("AllowedMethod", method);
    document("CORSConfiguration", &xml::around("CORSRule", &rule))
}

fn get_website(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    bucket.unless(93, "no website", "NoSuchWebsiteConfiguration")?;
    document(
        "WebsiteConfiguration",
        "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>",
    )
}

fn get_notifications(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    let regional = bucket.place.in_region(bucket.region);
    let target = match bucket.dice.below(10, "notifications") {
        0 => STRANGER,
        1 | 2 => bucket.place.account,
        _ => return document("NotificationConfiguration", ""),
    };
    let queue = Place {
        account: target,
        ..regional
    }
    .arn("sqs", &format!("bucket-{:06x}", bucket.index));
    document(
        "NotificationConfiguration",
        &format!(
            "<QueueConfiguration><Id>events</Id><Queue>{queue}</Queue>\
             <Event>s3:ObjectCreated:*</Event></QueueConfiguration>"
        ),
    )
}

fn get_tagging(ask: &Ask<'_>) -> Answer {
    let bucket = bucket(ask)?;
    let tags = bucket.place.tags(bucket.dice);
    if tags.is_empty() {
        return Err(Refusal::new(
            404,
            "NoSuchTagSet",
            "The TagSet does not exist",
        ));
    }
    let tags = tags
        .into_iter()
        .map(|(key, value)| xml::text("Key", key) + &xml::text("Value", value));
    document("Tagging", &xml::list("TagSet", "Tag", tags))
}
