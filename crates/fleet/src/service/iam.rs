//! AWS IAM: people, machines, roles and their policies, from exemplary to alarming.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, Dependence, Operation, Protocol, Service, policy, xml};
use crate::account::STRANGER;
use crate::ask::{Ask, Page, Place};
use crate::clock::{DAY, iso, iso_offset};
use crate::dice::Dice;
use crate::id;
use crate::parameters::Parameters;
use crate::refusal::Refusal;

pub(super) const SERVICE: Service = Service {
    name: "iam",
    signs_as: "iam",
    protocol: Protocol::Query("https://iam.amazonaws.com/doc/2010-05-08/"),
    global: true,
    operations: &[
        Operation::new("GenerateCredentialReport", generate_credential_report),
        Operation::new(
            "GenerateServiceLastAccessedDetails",
            generate_service_last_accessed_details,
        )
        .depends(of_detail),
        Operation::new("GetAccessKeyLastUsed", get_access_key_last_used).after("ListAccessKeys"),
        Operation::new("GetAccountAuthorizationDetails", get_details).paged("Marker", "MaxItems"),
        Operation::new("GetAccountPasswordPolicy", get_password_policy),
        Operation::new("GetAccountSummary", get_summary),
        Operation::new("GetCredentialReport", get_credential_report)
            .after("GenerateCredentialReport"),
        Operation::new("GetOpenIDConnectProvider", get_oidc_provider)
            .after("ListOpenIDConnectProviders"),
        Operation::new("GetSAMLProvider", get_saml_provider).after("ListSAMLProviders"),
        Operation::new("GetServerCertificate", get_server_certificate)
            .after("ListServerCertificates"),
        Operation::new(
            "GetServiceLastAccessedDetails",
            get_service_last_accessed_details,
        )
        .after("GenerateServiceLastAccessedDetails")
        .paged("Marker", "MaxItems"),
        Operation::new("ListAccessKeys", list_access_keys)
            .depends(of_detail)
            .paged("Marker", "MaxItems"),
        Operation::new("ListAccountAliases", list_account_aliases).paged("Marker", "MaxItems"),
        Operation::new("ListMFADevices", list_mfa_devices)
            .depends(of_detail)
            .paged("Marker", "MaxItems"),
        Operation::new("ListOpenIDConnectProviders", list_oidc_providers),
        Operation::new("ListOrganizationsFeatures", list_organizations_features),
        Operation::new("ListPolicyTags", list_policy_tags)
            .depends(of_detail)
            .paged("Marker", "MaxItems"),
        Operation::new("ListRoles", list_roles).paged("Marker", "MaxItems"),
        Operation::new("ListSAMLProviders", list_saml_providers),
        Operation::new("ListServerCertificates", list_server_certificates)
            .paged("Marker", "MaxItems"),
        Operation::new("ListVirtualMFADevices", list_virtual_mfa_devices)
            .paged("Marker", "MaxItems"),
    ],
};

fn of_detail(_: &Parameters) -> Dependence {
    Dependence::on("GetAccountAuthorizationDetails")
}

/// What a listing ends with.
fn truncated(page: &Page) -> String {
    match &page.next {
        None => xml::text("IsTruncated", "false"),
        Some(next) => xml::text("IsTruncated", "true") + &xml::text("Marker", next),
    }
}

fn listed(ask: &Ask<'_>, name: &str, total: usize, make: impl Fn(usize) -> String) -> Answer {
    let page = ask.page(total);
    let items = xml::list(name, "member", page.items.clone().map(make));
    Ok(items + &truncated(&page))
}

fn tags(place: Place<'_>, dice: Dice) -> String {
    let tags = place.tags(dice);
    xml::list(
        "Tags",
        "member",
        tags.into_iter()
            .map(|(key, value)| xml::text("Key", key) + &xml::text("Value", value)),
    )
}

/// A document as IAM writes it, percent-encoded.
fn encoded(document: &str) -> String {
    let mut text = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

// ---- How many there are --------------------------------------------------------------------------

fn role_count(place: Place<'_>) -> usize {
    place.count("iam")
}

fn user_count(place: Place<'_>) -> usize {
    place.count("iam").div_ceil(2)
}

fn group_count(place: Place<'_>) -> usize {
    place.count("iam").div_ceil(10)
}

fn policy_count(place: Place<'_>) -> usize {
    place.count("iam").div_ceil(2)
}

// ---- Policies ------------------------------------------------------------------------------------

/// Policies of AWS's own: name, and what it allows.
const AWS_MANAGED: &[(&str, &[&str])] = &[
    ("AdministratorAccess", &["*"]),
    (
        "PowerUserAccess",
        &["ec2:*", "s3:*", "lambda:*", "dynamodb:*"],
    ),
    (
        "ReadOnlyAccess",
        &[
            "ec2:Describe*",
            "s3:Get*",
            "s3:List*",
            "lambda:List*",
            "iam:Get*",
        ],
    ),
    ("SecurityAudit", &["iam:Get*", "iam:List*", "ec2:Describe*"]),
    (
        "service-role/AWSLambdaBasicExecutionRole",
        &[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "service-role/AWSLambdaVPCAccessExecutionRole",
        &["logs:PutLogEvents", "ec2:CreateNetworkInterface"],
    ),
    ("AmazonS3FullAccess", &["s3:*", "s3-object-lambda:*"]),
    ("AmazonS3ReadOnlyAccess", &["s3:Get*", "s3:List*"]),
    ("AmazonDynamoDBFullAccess", &["dynamodb:*"]),
    ("AmazonSQSFullAccess", &["sqs:*"]),
    ("IAMFullAccess", &["iam:*"]),
    (
        "AmazonSSMManagedInstanceCore",
        &["ssm:UpdateInstanceInformation", "ssmmessages:*"],
    ),
];

/// More of them that nobody uses, as in every account.
const AWS_MANAGED_UNUSED: usize = 28;

fn aws_managed(index: usize) -> (String, Vec<&'static str>) {
    match AWS_MANAGED.get(index) {
        Some((name, actions)) => ((*name).to_owned(), actions.to_vec()),
        None => (format!("AWSUnusedAccess{index}"), vec!["support:Describe*"]),
    }
}

fn aws_policy_arn(place: Place<'_>, name: &str) -> String {
    format!("arn:{}:iam::aws:policy/{name}", place.estate.partition)
}

fn policy_name(place: Place<'_>, index: usize) -> String {
    id::name(id::WORDS, place.dice("iam policy", index), index)
}

fn policy_arn(place: Place<'_>, index: usize) -> String {
    place.arn("iam", &format!("policy/{}", policy_name(place, index)))
}

fn customer_document(dice: Dice) -> String {
    let (actions, resource) = match dice.below(12, "allows") {
        0 => (json!("*"), "*"),
        1 => (
            json!([
                "iam:PassRole",
                "lambda:CreateFunction",
                "lambda:InvokeFunction"
            ]),
            "*",
        ),
        2 => (json!("sts:AssumeRole"), "*"),
        3 => (json!("kms:Decrypt"), "*"),
        4 => (json!(["secretsmanager:GetSecretValue"]), "*"),
        5 => (json!("ec2:AuthorizeSecurityGroupIngress"), "*"),
        6 => (json!("dynamodb:*"), "*"),
        _ => (
            json!(["s3:GetObject", "s3:PutObject"]),
            "arn:aws:s3:::reports/*",
        ),
    };
    policy::allow(&actions, resource)
}

/// The managed policies that a principal has.
fn attached(place: Place<'_>, dice: Dice) -> Vec<String> {
    let mut arns = Vec::new();
    let aws = dice.with("aws policy");
    if aws.percent(60, "any") {
        // Administrators are few.
        let index = match aws.percent(8, "administrator") {
            true => 0,
            false => 1 + aws.below(AWS_MANAGED.len() - 1, "which"),
        };
        arns.push(aws_policy_arn(place, &aws_managed(index).0));
    }
    let customer = dice.with("customer policy");
    if policy_count(place) > 0 && customer.percent(50, "any") {
        arns.push(policy_arn(
            place,
            customer.below(policy_count(place), "which"),
        ));
    }
    arns
}

/// A tenth of users and roles are bounded.
fn boundary(place: Place<'_>, dice: Dice) -> Option<String> {
    (policy_count(place) > 0 && dice.percent(10, "bounded"))
        .then(|| policy_arn(place, dice.below(policy_count(place), "boundary")))
}

fn attached_xml(place: Place<'_>, dice: Dice) -> String {
    let arns = attached(place, dice);
    xml::list(
        "AttachedManagedPolicies",
        "member",
        arns.iter().map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            xml::text("PolicyName", name) + &xml::text("PolicyArn", arn)
        }),
    )
}

fn boundary_xml(place: Place<'_>, dice: Dice) -> String {
    boundary(place, dice).map_or_else(String::new, |arn| {
        let inner = xml::text("PermissionsBoundaryType", "Policy")
            + &xml::text("PermissionsBoundaryArn", &arn);
        xml::around("PermissionsBoundary", &inner)
    })
}

fn inline_xml(list: &str, dice: Dice) -> String {
    let inline = dice.with("inline");
    let policies = std::iter::once(inline).filter(|inline| inline.percent(30, "any"));
    xml::list(
        list,
        "member",
        policies.map(|inline| {
            xml::text("PolicyName", "inline")
                + &xml::text("PolicyDocument", &encoded(&customer_document(inline)))
        }),
    )
}

/// How many principals have each managed policy, and how many it bounds.
struct Uses {
    attached: Vec<String>,
    bounding: Vec<String>,
}

impl Uses {
    fn of(place: Place<'_>) -> Self {
        let users = (0..user_count(place)).map(|index| user_dice(place, index));
        let roles = (0..role_count(place)).map(|index| role_dice(place, index));
        let groups = (0..group_count(place)).map(|index| group_dice(place, index));
        let bounded: Vec<Dice> = users.chain(roles).collect();
        Self {
            attached: bounded
                .iter()
                .copied()
                .chain(groups)
                .flat_map(|dice| attached(place, dice))
                .collect(),
            bounding: bounded
                .iter()
                .filter_map(|dice| boundary(place, *dice))
                .collect(),
        }
    }
}

fn policy_detail(place: Place<'_>, index: usize, uses: &Uses) -> String {
    let own = policy_count(place);
    let (arn, name, path, document, versions) = match index.checked_sub(own) {
        None => {
            let dice = place.dice("iam policy", index);
            let name = policy_name(place, index);
            (
                policy_arn(place, index),
                name,
                "/".to_owned(),
                customer_document(dice),
                1 + dice.below(3, "versions"),
            )
        }
        Some(aws) => {
            let (name, actions) = aws_managed(aws);
            let (path, short) = match name.rsplit_once('/') {
                Some((path, short)) => (format!("/{path}/"), short.to_owned()),
                None => ("/".to_owned(), name.clone()),
            };
            let document = policy::allow(&json!(actions), "*");
            (aws_policy_arn(place, &name), short, path, document, 1)
        }
    };
    let count = |uses: &[String]| uses.iter().filter(|used| **used == arn).count().to_string();
    let created = iso(place.estate.now - 700 * DAY);
    let versions = xml::list(
        "PolicyVersionList",
        "member",
        (1..=versions).rev().map(|version| {
            [
                xml::text("Document", &encoded(&document)),
                xml::text("VersionId", &format!("v{version}")),
                xml::text("IsDefaultVersion", &(version == versions).to_string()),
                xml::text("CreateDate", &created),
            ]
            .concat()
        }),
    );
    let default = versions.matches("<member>").count();
    [
        xml::text("PolicyName", &name),
        xml::text(
            "PolicyId",
            &format!("ANPA{}", place.dice("policy id", index).upper(17, "id")),
        ),
        xml::text("Arn", &arn),
        xml::text("Path", &path),
        xml::text("DefaultVersionId", &format!("v{default}")),
        xml::text("AttachmentCount", &count(&uses.attached)),
        xml::text("PermissionsBoundaryUsageCount", &count(&uses.bounding)),
        xml::text("IsAttachable", "true"),
        xml::text("CreateDate", &created),
        xml::text("UpdateDate", &created),
        versions,
    ]
    .concat()
}

fn list_policy_tags(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("PolicyArn", policy_count(place), |index| {
        policy_arn(place, index)
    })?;
    let all = place.tags(place.dice("iam policy", index));
    listed(ask, "Tags", all.len(), |index| {
        all.get(index).map_or_else(String::new, |(key, value)| {
            xml::text("Key", key) + &xml::text("Value", value)
        })
    })
}

// ---- Principals ----------------------------------------------------------------------------------

fn user_dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("iam user", index)
}

fn user_name(place: Place<'_>, index: usize) -> String {
    id::name(id::PEOPLE, user_dice(place, index), index)
}

fn user_arn(place: Place<'_>, index: usize) -> String {
    place.arn("iam", &format!("user/{}", user_name(place, index)))
}

fn user_detail(place: Place<'_>, index: usize) -> String {
    let dice = user_dice(place, index);
    let groups = group_count(place);
    let group = (groups > 0 && dice.percent(60, "in group"))
        .then(|| group_name(place, dice.below(groups, "group")));
    [
        xml::text("Path", "/"),
        xml::text("UserName", &user_name(place, index)),
        xml::text("UserId", &format!("AIDA{}", dice.upper(17, "id"))),
        xml::text("Arn", &user_arn(place, index)),
        xml::text("CreateDate", &iso(user_created(place, dice))),
        inline_xml("UserPolicyList", dice),
        xml::list("GroupList", "member", group),
        attached_xml(place, dice),
        boundary_xml(place, dice),
        tags(place, dice),
    ]
    .concat()
}

fn user_created(place: Place<'_>, dice: Dice) -> i64 {
    place.days_ago(dice, 400, 1500, "created")
}

fn group_dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("iam group", index)
}

fn group_name(place: Place<'_>, index: usize) -> String {
    id::name(
        &["developers", "auditors", "operators", "analysts"],
        group_dice(place, index),
        index,
    )
}

fn group_detail(place: Place<'_>, index: usize) -> String {
    let dice = group_dice(place, index);
    let name = group_name(place, index);
    [
        xml::text("Path", "/"),
        xml::text("GroupName", &name),
        xml::text("GroupId", &format!("AGPA{}", dice.upper(17, "id"))),
        xml::text("Arn", &place.arn("iam", &format!("group/{name}"))),
        xml::text(
            "CreateDate",
            &iso(place.days_ago(dice, 400, 1500, "created")),
        ),
        inline_xml("GroupPolicyList", dice),
        attached_xml(place, dice),
    ]
    .concat()
}

fn role_dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("iam role", index)
}

fn role_name(place: Place<'_>, index: usize) -> String {
    id::name(id::WORDS, role_dice(place, index), index)
}

fn role_arn(place: Place<'_>, index: usize) -> String {
    place.arn("iam", &format!("role/{}", role_name(place, index)))
}

/// The ARN of some role of the account, or of one that is gone.
pub(super) fn some_role(place: Place<'_>, of: Dice) -> String {
    let place = place.global();
    match role_count(place) {
        0 => place.arn("iam", "role/gone"),
        count => role_arn(place, of.below(count, "role")),
    }
}

/// The ARN of an instance profile: of its role's name.
pub(super) fn some_instance_profile(place: Place<'_>, of: Dice) -> Option<String> {
    let place = place.global();
    let count = role_count(place);
    (count > 0).then(|| {
        let name = role_name(place, of.below(count, "profile"));
        place.arn("iam", &format!("instance-profile/{name}"))
    })
}

fn trust_policy(place: Place<'_>, dice: Dice) -> String {
    let assume = |principal: Value| json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]);
    let root = |id| json!({"AWS": format!("arn:{}:iam::{id}:root", place.estate.partition)});
    let mut statements = match dice.below(20, "trust") {
        0 => assume(json!({"AWS": "*"})),
        1 | 2 => assume(root(STRANGER)),
        3 | 4 => assume(root(place.estate.management_account())),
        5 => json!([{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": place.arn("iam", "oidc-provider/token.actions.githubusercontent.com")},
            "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}]),
        6..9 => assume(json!({"Service": "ec2.amazonaws.com"})),
        _ => assume(json!({"Service": "lambda.amazonaws.com"})),
    };
    if dice.below(20, "trust") == 2 {
        statements[0]["Condition"] = json!({"StringEquals": {"sts:ExternalId": "agreed"}});
    }
    policy::document(&statements)
}

fn role_detail(place: Place<'_>, index: usize) -> String {
    let dice = role_dice(place, index);
    let name = role_name(place, index);
    let profile = [
        xml::text("Path", "/"),
        xml::text("InstanceProfileName", &name),
        xml::text(
            "InstanceProfileId",
            &format!("AIPA{}", dice.upper(17, "profile")),
        ),
        xml::text(
            "Arn",
            &place.arn("iam", &format!("instance-profile/{name}")),
        ),
        xml::text("CreateDate", &iso(role_created(place, dice))),
        "<Roles/>".to_owned(),
    ]
    .concat();
    let used = match dice.percent(70, "used") {
        true => {
            xml::text(
                "LastUsedDate",
                &iso(place.days_ago(dice, 0, 300, "last used")),
            ) + &xml::text(
                "Region",
                dice.pick(&["eu-west-1", "us-east-1"], "used in")
                    .unwrap_or_default(),
            )
        }
        false => String::new(),
    };
    [
        role_head(place, index),
        xml::text(
            "AssumeRolePolicyDocument",
            &encoded(&trust_policy(place, dice)),
        ),
        xml::around("InstanceProfileList", &xml::around("member", &profile)),
        inline_xml("RolePolicyList", dice),
        attached_xml(place, dice),
        boundary_xml(place, dice),
        tags(place, dice),
        xml::around("RoleLastUsed", &used),
    ]
    .concat()
}

fn role_created(place: Place<'_>, dice: Dice) -> i64 {
    place.days_ago(dice, 301, 1500, "created")
}

fn role_head(place: Place<'_>, index: usize) -> String {
    let dice = role_dice(place, index);
    [
        xml::text("Path", "/"),
        xml::text("RoleName", &role_name(place, index)),
        xml::text("RoleId", &format!("AROA{}", dice.upper(17, "id"))),
        xml::text("Arn", &role_arn(place, index)),
        xml::text("CreateDate", &iso(role_created(place, dice))),
    ]
    .concat()
}

fn list_roles(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(ask, "Roles", role_count(place), |index| {
        let dice = role_dice(place, index);
        let seconds = dice
            .pick(&["3600", "3600", "43200"], "session")
            .unwrap_or_default();
        [
            role_head(place, index),
            xml::text(
                "AssumeRolePolicyDocument",
                &encoded(&trust_policy(place, dice)),
            ),
            xml::text("MaxSessionDuration", seconds),
        ]
        .concat()
    })
}

/// What a listing of entities is made of, one kind after the other.
fn get_details(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let wanted = ask.parameters.list("Filter");
    let asked = |kind: &str| wanted.is_empty() || wanted.contains(&kind);
    let own = policy_count(place);
    let aws = AWS_MANAGED.len() + AWS_MANAGED_UNUSED;
    // The policies' own list goes from the customer's to AWS's; either may be left out.
    let (skipped, policies) = match (asked("LocalManagedPolicy"), asked("AWSManagedPolicy")) {
        (true, true) => (0, own + aws),
        (true, false) => (0, own),
        (false, true) => (own, aws),
        (false, false) => (0, 0),
    };
    let counts = [
        if asked("User") { user_count(place) } else { 0 },
        if asked("Group") {
            group_count(place)
        } else {
            0
        },
        if asked("Role") { role_count(place) } else { 0 },
        policies,
    ];
    let page = ask.page(counts.iter().sum());
    let uses = if policies > 0 {
        Uses::of(place)
    } else {
        Uses {
            attached: Vec::new(),
            bounding: Vec::new(),
        }
    };
    let mut lists: [Vec<String>; 4] = Default::default();
    for index in page.items.clone() {
        let mut rest = index;
        for (list, count) in lists.iter_mut().zip(counts).enumerate() {
            let (kind, (list, count)) = (list, count);
            if rest < count {
                list.push(match kind {
                    0 => user_detail(place, rest),
                    1 => group_detail(place, rest),
                    2 => role_detail(place, rest),
                    _ => policy_detail(place, rest + skipped, &uses),
                });
                break;
            }
            rest -= count;
        }
    }
    let names = [
        "UserDetailList",
        "GroupDetailList",
        "RoleDetailList",
        "Policies",
    ];
    let lists: String = names
        .iter()
        .zip(lists)
        .map(|(name, items)| xml::list(name, "member", items))
        .collect();
    Ok(lists + &truncated(&page))
}

// ---- Credentials ---------------------------------------------------------------------------------

fn key_id(place: Place<'_>, user: usize, number: usize) -> String {
    let dice = user_dice(place, user)
        .with("key")
        .at(u64::try_from(number).unwrap_or(0));
    // The number of the key goes before the user's, so that the id leads back to both.
    format!("AKIA{}{number}{user:06X}", dice.upper(9, "id"))
}

/// Access keys of a user, at most two.
fn key_count(dice: Dice) -> usize {
    dice.pick(&[0, 0, 1, 1, 2], "keys").unwrap_or(0)
}

/// A key's properties, which its listing and the credential report agree on.
struct Key {
    active: bool,
    created: i64,
    used: Option<i64>,
}

fn key(place: Place<'_>, user: usize, number: usize) -> Key {
    let dice = user_dice(place, user)
        .with("key")
        .at(u64::try_from(number).unwrap_or(0));
    Key {
        active: dice.percent(80, "active"),
        created: place.days_ago(dice, 1, 390, "created"),
        used: dice
            .percent(70, "used")
            .then(|| place.days_ago(dice, 0, 1, "last used")),
    }
}

fn user(ask: &Ask<'_>) -> Result<usize, Refusal> {
    let place = ask.place;
    ask.named("UserName", user_count(place), |index| {
        user_name(place, index)
    })
}

fn list_access_keys(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let user = user(ask)?;
    listed(
        ask,
        "AccessKeyMetadata",
        key_count(user_dice(place, user)),
        |number| {
            let key = key(place, user, number);
            [
                xml::text("UserName", &user_name(place, user)),
                xml::text("AccessKeyId", &key_id(place, user, number)),
                xml::text("Status", if key.active { "Active" } else { "Inactive" }),
                xml::text("CreateDate", &iso(key.created)),
            ]
            .concat()
        },
    )
}

fn get_access_key_last_used(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let given = ask.needed("AccessKeyId")?;
    let (user, number) = (0..2)
        .find_map(|number| {
            let user = id::find(given, user_count(place), |user| key_id(place, user, number))?;
            (number < key_count(user_dice(place, user))).then_some((user, number))
        })
        .ok_or_else(|| Refusal::missing(ask.service, "the access key"))?;
    let used = match key(place, user, number).used {
        Some(moment) => {
            xml::text("Region", "eu-west-1")
                + &xml::text("LastUsedDate", &iso(moment))
                + &xml::text("ServiceName", "s3")
        }
        None => xml::text("Region", "N/A") + &xml::text("ServiceName", "N/A"),
    };
    Ok(xml::text("UserName", &user_name(place, user)) + &xml::around("AccessKeyLastUsed", &used))
}

/// Services that a principal was granted, as IAM names them, beside their namespaces.
const GRANTED: &[(&str, &str)] = &[
    ("Amazon API Gateway", "apigateway"),
    ("Amazon DynamoDB", "dynamodb"),
    ("Amazon EC2", "ec2"),
    ("AWS Identity and Access Management", "iam"),
    ("AWS Key Management Service", "kms"),
    ("AWS Lambda", "lambda"),
    ("Amazon CloudWatch Logs", "logs"),
    ("Amazon S3", "s3"),
    ("AWS Security Token Service", "sts"),
];

/// The id of a report leads back to whom it is about: users and roles are told apart by its last group.
fn generate_service_last_accessed_details(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let arn = ask.needed("Arn")?;
    let (kind, index) = id::find(arn, user_count(place), |index| user_arn(place, index))
        .map(|index| ('a', index))
        .or_else(|| {
            id::find(arn, role_count(place), |index| role_arn(place, index))
                .map(|index| ('b', index))
        })
        .ok_or_else(|| Refusal::missing(ask.service, "the principal"))?;
    let job = format!("00000000-0000-4000-8000-{kind}{index:011x}");
    Ok(xml::text("JobId", &job))
}

fn get_service_last_accessed_details(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let job = ask.needed("JobId")?;
    let unknown = || Refusal::missing(ask.service, "the report");
    let (kind, index) = job
        .strip_prefix("00000000-0000-4000-8000-")
        .and_then(|last| last.split_at_checked(1))
        .ok_or_else(unknown)?;
    let index = usize::from_str_radix(index, 16).map_err(|_| unknown())?;
    let dice = match kind {
        "a" if index < user_count(place) => user_dice(place, index),
        "b" if index < role_count(place) => role_dice(place, index),
        _ => return Err(unknown()),
    };
    let services = listed(ask, "ServicesLastAccessed", GRANTED.len(), |index| {
        let (name, namespace) = GRANTED.get(index).copied().unwrap_or_default();
        let mut service =
            xml::text("ServiceName", name) + &xml::text("ServiceNamespace", namespace);
        if dice.percent(60, namespace) {
            let last = place.days_ago(dice, 1, 390, namespace);
            service += &xml::text("LastAuthenticated", &iso(last));
            service += &xml::text("LastAuthenticatedRegion", "us-east-1");
        }
        service
    })?;
    Ok([
        xml::text("JobStatus", "COMPLETED"),
        xml::text("JobCreationDate", &iso(place.days_ago(dice, 0, 1, "asked"))),
        xml::text(
            "JobCompletionDate",
            &iso(place.days_ago(dice, 0, 1, "asked")),
        ),
        services,
    ]
    .concat())
}

fn has_mfa(dice: Dice) -> bool {
    dice.percent(60, "mfa")
}

fn mfa_serial(place: Place<'_>, user: usize) -> String {
    place.arn("iam", &format!("mfa/{}", user_name(place, user)))
}

fn list_mfa_devices(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let user = user(ask)?;
    let dice = user_dice(place, user);
    listed(ask, "MFADevices", usize::from(has_mfa(dice)), |_| {
        [
            xml::text("UserName", &user_name(place, user)),
            xml::text("SerialNumber", &mfa_serial(place, user)),
            xml::text(
                "EnableDate",
                &iso(place.days_ago(dice, 1, 390, "mfa since")),
            ),
        ]
        .concat()
    })
}

fn list_virtual_mfa_devices(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let users: Vec<usize> = (0..user_count(place))
        .filter(|user| has_mfa(user_dice(place, *user)))
        .collect();
    listed(ask, "VirtualMFADevices", users.len(), |index| {
        let user = users.get(index).copied().unwrap_or_default();
        let dice = user_dice(place, user);
        let owner = [
            xml::text("Path", "/"),
            xml::text("UserName", &user_name(place, user)),
            xml::text("UserId", &format!("AIDA{}", dice.upper(17, "id"))),
            xml::text("Arn", &user_arn(place, user)),
            xml::text("CreateDate", &iso(user_created(place, dice))),
        ]
        .concat();
        [
            xml::text("SerialNumber", &mfa_serial(place, user)),
            xml::around("User", &owner),
            xml::text(
                "EnableDate",
                &iso(place.days_ago(dice, 1, 390, "mfa since")),
            ),
        ]
        .concat()
    })
}

fn generate_credential_report(_: &Ask<'_>) -> Answer {
    Ok(xml::text("State", "COMPLETE"))
}

fn get_credential_report(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let mut report = [
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed",
        "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated",
        "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service",
        "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date",
        "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active",
        "cert_1_last_rotated,cert_2_active,cert_2_last_rotated",
    ]
    .join(",");
    report.push('\n');
    let root = place.dice("iam root", 0);
    let no_key = "false,N/A,N/A,N/A,N/A";
    let root_key = match root.percent(15, "key") {
        true => "true,2020-01-01T00:00:00+00:00,N/A,N/A,N/A",
        false => no_key,
    };
    report.push_str(&format!(
        "<root_account>,{},2019-01-01T00:00:00+00:00,true,{},not_supported,not_supported,{},{root_key},{no_key},\
         false,N/A,false,N/A\n",
        place.arn("iam", "root"),
        iso_offset(place.days_ago(root, 1, 400, "used")),
        root.percent(70, "mfa"),
    ));
    for user in 0..user_count(place) {
        report.push_str(&report_line(place, user));
    }
    Ok([
        xml::text("Content", &STANDARD.encode(report)),
        xml::text("ReportFormat", "text/csv"),
        xml::text("GeneratedTime", &iso(place.estate.now)),
    ]
    .concat())
}

fn report_line(place: Place<'_>, user: usize) -> String {
    let dice = user_dice(place, user);
    let created = user_created(place, dice);
    let password = match dice.percent(60, "password") {
        true => format!(
            "true,{},{},N/A",
            iso_offset(place.days_ago(dice, 0, 300, "password used")),
            iso_offset(created)
        ),
        false => "false,N/A,N/A,N/A".to_owned(),
    };
    let keys: Vec<String> = (0..2)
        .map(|number| {
            if number >= key_count(dice) {
                return "false,N/A,N/A,N/A,N/A".to_owned();
            }
            let key = key(place, user, number);
            let used = key.used.map_or_else(
                || "N/A,N/A,N/A".to_owned(),
                |moment| format!("{},eu-west-1,s3", iso_offset(moment)),
            );
            format!("{},{},{used}", key.active, iso_offset(key.created))
        })
        .collect();
    format!(
        "{},{},{},{password},{},{},false,N/A,false,N/A\n",
        user_name(place, user),
        user_arn(place, user),
        iso_offset(created),
        has_mfa(dice),
        keys.join(","),
    )
}

// ---- The account ---------------------------------------------------------------------------------

fn account_dice(place: Place<'_>) -> Dice {
    place.dice("iam account", 0)
}

fn get_password_policy(ask: &Ask<'_>) -> Answer {
    let dice = account_dice(ask.place);
    if dice.percent(30, "no password policy") {
        return Err(Refusal::new(
            404,
            "NoSuchEntity",
            "The Password Policy cannot be found.",
        ));
    }
    let flag = |name: &str| xml::text(name, &dice.percent(70, name).to_string());
    let inner = [
        xml::text(
            "MinimumPasswordLength",
            dice.word(&["6", "8", "14"], "length"),
        ),
        flag("RequireSymbols"),
        flag("RequireNumbers"),
        flag("RequireUppercaseCharacters"),
        flag("RequireLowercaseCharacters"),
        flag("AllowUsersToChangePassword"),
        xml::text("ExpirePasswords", "true"),
        xml::text("MaxPasswordAge", "90"),
        xml::text(
            "PasswordReusePrevention",
            dice.word(&["1", "5", "24"], "reuse"),
        ),
    ]
    .concat();
    Ok(xml::around("PasswordPolicy", &inner))
}

fn get_summary(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let root = place.dice("iam root", 0);
    let devices = (0..user_count(place))
        .filter(|user| has_mfa(user_dice(place, *user)))
        .count();
    let entries = [
        ("Users", user_count(place)),
        ("Groups", group_count(place)),
        ("Roles", role_count(place)),
        ("Policies", policy_count(place)),
        ("InstanceProfiles", role_count(place)),
        ("Providers", 2),
        ("ServerCertificates", certificate_count(place)),
        ("MFADevices", devices),
        ("MFADevicesInUse", devices),
        ("AccountMFAEnabled", usize::from(root.percent(70, "mfa"))),
        (
            "AccountAccessKeysPresent",
            usize::from(root.percent(15, "key")),
        ),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
    ];
    Ok(xml::list(
        "SummaryMap",
        "entry",
        entries
            .iter()
            .map(|(key, value)| xml::text("key", key) + &xml::text("value", &value.to_string())),
    ))
}

fn list_account_aliases(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = account_dice(place);
    listed(
        ask,
        "AccountAliases",
        usize::from(dice.percent(70, "alias")),
        |_| format!("{}-{}", dice.word(id::WORDS, "alias"), place.account),
    )
}

fn list_organizations_features(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    if place.account != place.estate.management_account() {
        return Err(Refusal::new(
            409,
            "AccountNotManagementOrDelegatedAdministratorException",
            "The account is not the management account or a delegated administrator.",
        ));
    }
    let feature = account_dice(place)
        .percent(50, "central root")
        .then(|| "RootCredentialsManagement".to_owned());
    Ok(xml::text("OrganizationId", "o-fleet00001")
        + &xml::list("EnabledFeatures", "member", feature))
}

// ---- Providers and certificates ------------------------------------------------------------------

fn saml_arn(place: Place<'_>) -> String {
    place.arn("iam", "saml-provider/directory")
}

fn list_saml_providers(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let provider = [
        xml::text("Arn", &saml_arn(place)),
        xml::text("ValidUntil", &iso(place.estate.now + 400 * DAY)),
        xml::text("CreateDate", &iso(place.estate.now - 400 * DAY)),
    ]
    .concat();
    Ok(xml::list("SAMLProviderList", "member", [provider]))
}

fn get_saml_provider(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    if ask.needed("SAMLProviderArn")? != saml_arn(place) {
        return Err(Refusal::missing(ask.service, "the provider"));
    }
    let dice = account_dice(place);
    Ok([
        xml::text("SAMLMetadataDocument", crate::CANARY),
        xml::text(
            "AssertionEncryptionMode",
            dice.word(&["Required", "Allowed"], "saml"),
        ),
        tags(place, dice),
    ]
    .concat())
}

const ISSUER: &str = "token.actions.githubusercontent.com";

fn oidc_arn(place: Place<'_>) -> String {
    place.arn("iam", &format!("oidc-provider/{ISSUER}"))
}

fn list_oidc_providers(ask: &Ask<'_>) -> Answer {
    let provider = xml::text("Arn", &oidc_arn(ask.place));
    Ok(xml::list("OpenIDConnectProviderList", "member", [provider]))
}

fn get_oidc_provider(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    if ask.needed("OpenIDConnectProviderArn")? != oidc_arn(place) {
        return Err(Refusal::missing(ask.service, "the provider"));
    }
    Ok([
        xml::text("Url", ISSUER),
        xml::list("ClientIDList", "member", ["sts.amazonaws.com".to_owned()]),
        xml::list(
            "ThumbprintList",
            "member",
            ["6938fd4d98bab03faadb97b34396831e3780aea1".to_owned()],
        ),
        xml::text("CreateDate", &iso(place.estate.now - 400 * DAY)),
        tags(place, account_dice(place)),
    ]
    .concat())
}

/// Certificates from before there was a service for them.
fn certificate_count(place: Place<'_>) -> usize {
    place.count("iam").div_ceil(20)
}

fn certificate_name(place: Place<'_>, index: usize) -> String {
    id::name(
        &["www", "shop", "api"],
        place.dice("iam certificate", index),
        index,
    )
}

fn certificate(place: Place<'_>, index: usize) -> String {
    let dice = place.dice("iam certificate", index);
    let name = certificate_name(place, index);
    let days = i64::try_from(dice.below(400, "expires")).unwrap_or(0);
    [
        xml::text("Path", "/"),
        xml::text("ServerCertificateName", &name),
        xml::text(
            "ServerCertificateId",
            &format!("ASCA{}", dice.upper(17, "id")),
        ),
        xml::text(
            "Arn",
            &place.arn("iam", &format!("server-certificate/{name}")),
        ),
        xml::text(
            "UploadDate",
            &iso(place.days_ago(dice, 100, 700, "uploaded")),
        ),
        xml::text("Expiration", &iso(place.estate.now + days * DAY)),
    ]
    .concat()
}

fn list_server_certificates(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    listed(
        ask,
        "ServerCertificateMetadataList",
        certificate_count(place),
        |index| certificate(place, index),
    )
}

fn get_server_certificate(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("ServerCertificateName", certificate_count(place), |index| {
        certificate_name(place, index)
    })?;
    let inner = [
        xml::around("ServerCertificateMetadata", &certificate(place, index)),
        xml::text("CertificateBody", crate::CANARY),
        tags(place, place.dice("iam certificate", index)),
    ]
    .concat();
    Ok(xml::around("ServerCertificate", &inner))
}
