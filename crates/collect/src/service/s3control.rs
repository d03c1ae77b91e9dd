//! Amazon S3 Control: the account's block on public access, and access points.

use aws_sdk_s3control::Client;
use aws_sdk_s3control::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_s3control::types as sdk;
use aws_smithy_runtime_api::client::endpoint::EndpointFuture;
use aws_smithy_types::endpoint::Endpoint;
use posture_model::s3::PublicAccessBlock;
use posture_model::s3control::{AccessPoint, AccountSettings};

use crate::operation::Operation;
use crate::prelude::*;

operations! { "s3control":
    GET_ACCESS_POINT = "GetAccessPoint" => "s3:GetAccessPoint",
    GET_ACCESS_POINT_POLICY = "GetAccessPointPolicy" => "s3:GetAccessPointPolicy",
    GET_ACCESS_POINT_POLICY_STATUS = "GetAccessPointPolicyStatus" => "s3:GetAccessPointPolicyStatus",
    GET_PUBLIC_ACCESS_BLOCK = "GetPublicAccessBlock" => "s3:GetAccountPublicAccessBlock",
    LIST_ACCESS_POINTS = "ListAccessPoints" => "s3:ListAccessPoints",
}

pub(crate) const SERVICE: Service = Service {
    name: "s3control",
    placement: Placement::Both,
    regional_types: &[AccessPoint::TYPE],
    global_types: &[AccountSettings::TYPE],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

async fn run(cx: Cx) {
    let client = client(&cx);
    if cx.is_global() {
        account_settings(&cx, &client).await;
    } else {
        access_points(&cx, &client).await;
    }
}

fn client(cx: &Cx) -> Client {
    let mut config =
        aws_sdk_s3control::config::Builder::from(cx.sdk_config()).interceptor(cx.guard());
    if cx.custom_endpoint() {
        config = config.endpoint_resolver(PlainHost(DefaultResolver::new()));
    }
    Client::from_conf(config.build())
}

/// The SDK puts the account's id before the host's name, which an endpoint of the user's own need not
/// have. The id travels in a header as well.
#[derive(Debug)]
struct PlainHost(DefaultResolver);

impl ResolveEndpoint for PlainHost {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        match params.endpoint() {
            Some(url) => EndpointFuture::ready(Ok(Endpoint::builder().url(url.to_owned()).build())),
            None => ResolveEndpoint::resolve_endpoint(&self.0, params),
        }
    }
}

async fn account_settings(cx: &Cx, client: &Client) {
    let account = cx.account().as_str();
    let public_access_block = cx
        .get(
            &GET_PUBLIC_ACCESS_BLOCK,
            &["NoSuchPublicAccessBlockConfiguration"],
            || client.get_public_access_block().account_id(account).send(),
        )
        .await
        .and_then(|answer| {
            let switches = answer
                .public_access_block_configuration
                .as_ref()
                .and_then(switches);
            required(cx, &GET_PUBLIC_ACCESS_BLOCK, switches)
        });
    let identity = Identity {
        arn: format!(
            "arn:{}:s3control::{account}:account-settings",
            cx.partition()
        ),
        // Buckets and access points find the settings by the account's id.
        id: account.to_owned(),
        name: "S3 account settings".to_owned(),
        tags: Collected::Absent,
        created: None,
    };
    let properties = AccountSettings {
        public_access_block,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}

async fn access_points(cx: &Cx, client: &Client) {
    let account = cx.account().as_str();
    let listed = cx
        .list(
            &LIST_ACCESS_POINTS,
            |token| {
                client
                    .list_access_points()
                    .account_id(account)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.access_point_list.unwrap_or_default(), page.next_token),
        )
        .await;
    let points = cx
        .each(listed.items, |point| access_point(cx, client, point))
        .await;
    cx.publish(listed.gap, points);
}

async fn access_point(
    cx: &Cx,
    client: &Client,
    point: sdk::AccessPoint,
) -> Result<TypedResource<AccessPoint>, Gap> {
    if point.name.is_empty() {
        return Err(cx.malformed(&LIST_ACCESS_POINTS));
    }
    let account = cx.account().as_str();
    let name = point.name.as_str();
    let (details, policy, policy_is_public) = tokio::join!(
        cx.get(&GET_ACCESS_POINT, &[], || client
            .get_access_point()
            .account_id(account)
            .name(name)
            .send()),
        cx.get(
            &GET_ACCESS_POINT_POLICY,
            &["NoSuchAccessPointPolicy"],
            || client
                .get_access_point_policy()
                .account_id(account)
                .name(name)
                .send()
        ),
        cx.get(
            &GET_ACCESS_POINT_POLICY_STATUS,
            &["NoSuchAccessPointPolicy"],
            || client
                .get_access_point_policy_status()
                .account_id(account)
                .name(name)
                .send()
        ),
    );
    let created = details
        .known()
        .and_then(|details| timestamp(details.creation_date.as_ref()));
    let properties = AccessPoint {
        bucket: point.bucket,
        bucket_account: point.bucket_account_id.filter(|id| !id.is_empty()),
        alias: point.alias,
        network_origin: point.network_origin.as_str().to_owned(),
        vpc_id: point.vpc_configuration.map(|vpc| vpc.vpc_id),
        data_source_type: point.data_source_type,
        public_access_block: details.and_then(|details| {
            match details.public_access_block_configuration {
                None => Collected::Absent,
                Some(block) => required(cx, &GET_ACCESS_POINT, switches(&block)),
            }
        }),
        policy: policy
            .and_then(|answer| required(cx, &GET_ACCESS_POINT_POLICY, answer.policy))
            .and_then(|text| parse_policy(cx, &GET_ACCESS_POINT_POLICY, Some(text))),
        policy_is_public: policy_is_public.and_then(|answer| {
            let is_public = answer.policy_status.map(|status| status.is_public);
            required(cx, &GET_ACCESS_POINT_POLICY_STATUS, is_public)
        }),
    };
    let identity = Identity {
        arn: point.access_point_arn.unwrap_or_else(|| {
            format!(
                "arn:{}:s3:{}:{account}:accesspoint/{name}",
                cx.partition(),
                cx.region()
            )
        }),
        id: point.name.clone(),
        name: point.name.clone(),
        tags: Collected::Absent,
        created,
    };
    Ok(cx.resource(identity, properties))
}

/// What an answer must hold; without it the answer was not understood.
fn required<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    match value {
        Some(value) => Collected::Known(value),
        None => Collected::Unavailable(cx.malformed(operation)),
    }
}

/// S3 always tells all four.
fn switches(block: &sdk::PublicAccessBlockConfiguration) -> Option<PublicAccessBlock> {
    Some(PublicAccessBlock {
        block_public_acls: block.block_public_acls?,
        ignore_public_acls: block.ignore_public_acls?,
        block_public_policy: block.block_public_policy?,
        restrict_public_buckets: block.restrict_public_buckets?,
    })
}
