//! AWS KMS: customer keys of all kinds, and those that AWS keeps for its services.

use serde_json::{Value, json};

use super::{Answer, Operation, Protocol, Service, policy};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::DAY;
use crate::dice::Dice;
use crate::id;

pub(super) const SERVICE: Service = Service {
    name: "kms",
    signs_as: "kms",
    protocol: Protocol::Json("TrentService"),
    global: false,
    operations: &[
        Operation::new("DescribeKey", describe_key).after("ListKeys"),
        Operation::new("GetKeyPolicy", get_key_policy).after("DescribeKey"),
        Operation::new("GetKeyRotationStatus", get_key_rotation_status).after("DescribeKey"),
        Operation::new("ListAliases", list_aliases).paged("Marker", "Limit"),
        Operation::new("ListGrants", list_grants)
            .after("DescribeKey")
            .paged("Marker", "Limit"),
        Operation::new("ListKeys", list_keys).paged("Marker", "Limit"),
        Operation::new("ListResourceTags", list_resource_tags)
            .after("DescribeKey")
            .paged("Marker", "Limit"),
    ],
};

/// Services for which AWS keeps a key, with its alias, whether it is used or not.
const AWS_ALIASES: &[&str] = &[
    "alias/aws/ebs",
    "alias/aws/lambda",
    "alias/aws/s3",
    "alias/aws/sns",
];

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("kms key", index)
}

fn key_id(place: Place<'_>, index: usize) -> String {
    id::uuid(dice(place, index), index)
}

/// The ARN of some key of the place, for what other services encrypt; none where there is no key.
pub(super) fn some_key(place: Place<'_>, of: Dice) -> Option<String> {
    let count = place.count("kms");
    (count > 0).then(|| arn(place, of.below(count, "kms key")))
}

fn arn(place: Place<'_>, index: usize) -> String {
    place.arn("kms", &format!("key/{}", key_id(place, index)))
}

/// AWS keeps a few of the keys itself.
fn is_aws_managed(dice: Dice) -> bool {
    dice.percent(10, "aws managed")
}

fn list_keys(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(place.count("kms"));
    let keys: Vec<Value> = page
        .items
        .clone()
        .map(|index| json!({"KeyId": key_id(place, index), "KeyArn": arn(place, index)}))
        .collect();
    Ok(listed("Keys", keys, page.next))
}

fn listed(name: &str, items: Vec<Value>, next: Option<String>) -> String {
    let mut answer = json!({name: items, "Truncated": next.is_some()});
    if let Some(next) = next {
        answer["NextMarker"] = next.into();
    }
    answer.to_string()
}

/// Every other key has a name of its own; AWS's names come last.
fn list_aliases(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let keys = place.count("kms");
    let named = keys.div_ceil(2);
    let page = ask.page(named + AWS_ALIASES.len());
    let aliases: Vec<Value> = page
        .items
        .clone()
        .map(|index| match index.checked_sub(named) {
            None => alias(place, index * 2),
            Some(own) => {
                let name = AWS_ALIASES.get(own).copied().unwrap_or_default();
                json!({"AliasName": name, "AliasArn": place.arn("kms", name)})
            }
        })
        .collect();
    Ok(listed("Aliases", aliases, page.next))
}

fn alias(place: Place<'_>, index: usize) -> Value {
    let dice = dice(place, index);
    let name = format!("alias/{}", id::name(id::WORDS, dice, index));
    let created = place.days_ago(dice, 30, 900, "created");
    json!({
        "AliasName": name, "AliasArn": place.arn("kms", &name), "TargetKeyId": key_id(place, index),
        "CreationDate": created, "LastUpdatedDate": created})
}

/// The key that a request names, by id or ARN.
fn key(ask: &Ask<'_>) -> Result<usize, crate::refusal::Refusal> {
    let given = ask.needed("KeyId")?;
    let id = given.rsplit('/').next().unwrap_or(given);
    id::find(id, ask.place.count("kms"), |index| key_id(ask.place, index))
        .ok_or_else(|| crate::refusal::Refusal::missing(ask.service, given))
}

fn describe_key(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = key(ask)?;
    let dice = dice(place, index);
    let aws = is_aws_managed(dice);
    let external = !aws && dice.percent(5, "external");
    let asymmetric = !aws && !external && dice.percent(10, "asymmetric");
    let (state, enabled) = match dice.below(20, "state") {
        0 if !aws => ("PendingDeletion", false),
        1 if !aws => ("Disabled", false),
        _ => ("Enabled", true),
    };
    let spec = if asymmetric {
        "RSA_2048"
    } else {
        "SYMMETRIC_DEFAULT"
    };
    let multi_region = !aws && dice.percent(8, "multi region");
    let mut metadata = json!({
        "AWSAccountId": place.account.to_string(), "KeyId": key_id(place, index), "Arn": arn(place, index),
        "CreationDate": place.days_ago(dice, 30, 2500, "created"), "Enabled": enabled,
        "Description": format!("{} data", dice.word(id::WORDS, "name")),
        "KeyManager": if aws { "AWS" } else { "CUSTOMER" }, "KeyState": state,
        "KeyUsage": if asymmetric { "SIGN_VERIFY" } else { "ENCRYPT_DECRYPT" },
        "KeySpec": spec, "CustomerMasterKeySpec": spec,
        "Origin": if external { "EXTERNAL" } else { "AWS_KMS" }, "MultiRegion": multi_region});
    if external {
        metadata["ExpirationModel"] = "KEY_MATERIAL_EXPIRES".into();
        metadata["ValidTo"] = (place.estate.now + 20 * DAY).into();
    }
    if state == "PendingDeletion" {
        metadata["DeletionDate"] = (place.estate.now + 12 * DAY).into();
    }
    if multi_region {
        metadata["MultiRegionConfiguration"] = json!({
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": {"Arn": arn(place, index), "Region": place.region}, "ReplicaKeys": []});
    }
    Ok(json!({"KeyMetadata": metadata}).to_string())
}

fn get_key_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = dice(place, key(ask)?);
    let root =
        |account| json!({"AWS": format!("arn:{}:iam::{account}:root", place.estate.partition)});
    let all = |principal: &Value, actions: Value| policy::grant(principal, &actions, "*");
    let mut statements = vec![all(&root(place.account), json!("kms:*"))];
    match dice.below(10, "policy") {
        0 => statements.push(all(&json!("*"), json!(["kms:Decrypt", "kms:DescribeKey"]))),
        1 => statements.push(all(&root(STRANGER), json!("kms:Decrypt"))),
        2 => statements.push(all(
            &root(place.estate.management_account()),
            json!("kms:Decrypt"),
        )),
        3 => statements.push(policy::for_service(
            "logs.amazonaws.com",
            "kms:Encrypt*",
            "*",
            None,
        )),
        4 => statements.push(policy::for_service(
            "sns.amazonaws.com",
            "kms:GenerateDataKey*",
            "*",
            Some(&place.account.to_string()),
        )),
        _ => {}
    }
    Ok(
        json!({"Policy": policy::document(&json!(statements)), "PolicyName": "default"})
            .to_string(),
    )
}

fn get_key_rotation_status(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = key(ask)?;
    let dice = dice(place, index);
    let mut answer =
        json!({"KeyId": arn(place, index), "KeyRotationEnabled": dice.percent(60, "rotation")});
    if dice.percent(60, "rotation") {
        let period = dice.pick(&[365, 365, 180, 2000], "rotation period");
        answer["RotationPeriodInDays"] = period.into();
        answer["NextRotationDate"] = (place.estate.now + 90 * DAY).into();
    }
    Ok(answer.to_string())
}

fn list_grants(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = key(ask)?;
    let dice = dice(place, index);
    let count = dice.below(3, "grants");
    let page = ask.page(count);
    let grants: Vec<Value> = page
        .items
        .clone()
        .map(|number| grant(place, index, number))
        .collect();
    Ok(listed("Grants", grants, page.next))
}

fn grant(place: Place<'_>, key: usize, number: usize) -> Value {
    let dice = dice(place, key)
        .with("grant")
        .at(u64::try_from(number).unwrap_or(0));
    let account = if dice.percent(15, "stranger") {
        STRANGER
    } else {
        place.account
    };
    let partition = &place.estate.partition;
    let mut grant = json!({
        "KeyId": arn(place, key), "GrantId": dice.hex(64, "id"), "Name": "",
        "CreationDate": place.days_ago(dice, 1, 300, "created"),
        "GranteePrincipal": format!("arn:{partition}:iam::{account}:role/{}", dice.word(id::WORDS, "grantee")),
        "IssuingAccount": format!("arn:{partition}:iam::{}:root", place.account),
        "Operations": ["Decrypt", "GenerateDataKey"]});
    if dice.percent(30, "broad") {
        grant["Operations"] = json!(["Decrypt", "Encrypt", "CreateGrant", "RetireGrant"]);
    } else {
        grant["Constraints"] =
            json!({"EncryptionContextSubset": {"app": dice.word(id::WORDS, "app")}});
    }
    grant
}

fn list_resource_tags(ask: &Ask<'_>) -> Answer {
    let all = ask.place.tags(dice(ask.place, key(ask)?));
    let page = ask.page(all.len());
    let tags: Vec<Value> = all
        .get(page.items.clone())
        .unwrap_or_default()
        .iter()
        .map(|(key, value)| json!({"TagKey": key, "TagValue": value}))
        .collect();
    Ok(listed("Tags", tags, page.next))
}
