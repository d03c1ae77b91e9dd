//! Amazon S3 Control: the account's block on public access, and access points.

use serde_json::json;

use super::{Answer, Operation, Protocol, Service, policy, s3, xml};
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock::iso;
use crate::dice::Dice;
use crate::id;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "s3control",
    signs_as: "s3",
    protocol: Protocol::S3Control,
    global: false,
    operations: &[
        Operation::new("GetAccessPoint", get_access_point)
            .at("GET", "/v20180820/accesspoint/{Name}")
            .after("ListAccessPoints"),
        Operation::new("GetAccessPointPolicy", get_policy)
            .at("GET", "/v20180820/accesspoint/{Name}/policy")
            .after("ListAccessPoints"),
        Operation::new("GetAccessPointPolicyStatus", get_policy_status)
            .at("GET", "/v20180820/accesspoint/{Name}/policyStatus")
            .after("ListAccessPoints"),
        Operation::new("GetPublicAccessBlock", get_public_access_block)
            .at("GET", "/v20180820/configuration/publicAccessBlock"),
        Operation::new("ListAccessPoints", list_access_points)
            .at("GET", "/v20180820/accesspoint")
            .paged("nextToken", "maxResults"),
    ],
};

fn document(root: &str, inner: &str) -> Answer {
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\">{inner}</{root}>"
    ))
}

/// The block belongs to the account, whichever region is asked.
fn get_public_access_block(ask: &Ask<'_>) -> Answer {
    let dice = ask.place.global().dice("s3control account", 0);
    if dice.percent(30, "none") {
        return Err(Refusal::new(
            404,
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ));
    }
    document("PublicAccessBlockConfiguration", &s3::access_block(dice))
}

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("s3control access point", index)
}

fn name(place: Place<'_>, index: usize) -> String {
    format!("ap-{}", id::name(id::WORDS, dice(place, index), index))
}

/// One for every five resources.
fn count(place: Place<'_>) -> usize {
    place.count("s3control").div_ceil(5)
}

fn list_access_points(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(count(place));
    let points = page.items.clone().map(|index| {
        let dice = dice(place, index);
        let name = name(place, index);
        let bucket = s3::some_bucket(place, dice).unwrap_or_else(|| "elsewhere".to_owned());
        let vpc = match is_in_vpc(dice) {
            true => "<VpcConfiguration><VpcId>vpc-0fleet</VpcId></VpcConfiguration>",
            false => "",
        };
        [
            xml::text("Name", &name),
            xml::text(
                "NetworkOrigin",
                if is_in_vpc(dice) { "VPC" } else { "Internet" },
            ),
            vpc.to_owned(),
            xml::text("Bucket", &bucket),
            xml::text(
                "AccessPointArn",
                &place.arn("s3", &format!("accesspoint/{name}")),
            ),
            xml::text(
                "Alias",
                &format!("{name}-{}-s3alias", dice.lower(12, "alias")),
            ),
            xml::text("BucketAccountId", &place.account.to_string()),
        ]
        .concat()
    });
    let next = page
        .next
        .as_deref()
        .map_or_else(String::new, |next| xml::text("NextToken", next));
    let points = xml::list("AccessPointList", "AccessPoint", points);
    document("ListAccessPointsResult", &(points + &next))
}

fn is_in_vpc(dice: Dice) -> bool {
    dice.percent(40, "vpc")
}

fn access_point(ask: &Ask<'_>) -> Result<Dice, Refusal> {
    let place = ask.place;
    let index = ask.named("Name", count(place), |index| name(place, index))?;
    Ok(dice(place, index))
}

fn get_access_point(ask: &Ask<'_>) -> Answer {
    let dice = access_point(ask)?;
    let inner = [
        xml::text("Name", ask.needed("Name")?),
        xml::text(
            "CreationDate",
            &iso(ask.place.days_ago(dice, 10, 900, "created")),
        ),
        xml::around("PublicAccessBlockConfiguration", &s3::access_block(dice)),
    ]
    .concat();
    document("GetAccessPointResult", &inner)
}

/// Whether there is a policy, and whom it admits.
fn admitted(dice: Dice) -> Result<&'static str, Refusal> {
    match dice.below(10, "policy") {
        0 => Ok("world"),
        1 => Ok("stranger"),
        2..6 => Ok("account"),
        _ => Err(Refusal::new(
            404,
            "NoSuchAccessPointPolicy",
            "The specified accesspoint policy does not exist",
        )),
    }
}

fn get_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let principal = match admitted(access_point(ask)?)? {
        "world" => json!("*"),
        who => {
            let account = if who == "stranger" {
                STRANGER
            } else {
                place.account
            };
            json!({"AWS": format!("arn:{}:iam::{account}:root", place.estate.partition)})
        }
    };
    let objects = place.arn(
        "s3",
        &format!("accesspoint/{}/object/*", ask.needed("Name")?),
    );
    let statement = policy::grant(&principal, &json!("s3:GetObject"), &objects);
    let policy = policy::document(&json!([statement]));
    document("GetAccessPointPolicyResult", &xml::text("Policy", &policy))
}

fn get_policy_status(ask: &Ask<'_>) -> Answer {
    let public = admitted(access_point(ask)?)? == "world";
    let status = xml::text("IsPublic", &public.to_string());
    document(
        "GetAccessPointPolicyStatusResult",
        &xml::around("PolicyStatus", &status),
    )
}
