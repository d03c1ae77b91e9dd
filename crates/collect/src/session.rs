//! Who scans: credentials, the caller, accounts and their regions.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use posture_model::{AccountId, Arn, Gap, GapReason, Partition, Region, Tags};

use crate::ScanError;
use crate::cx::Cx;
use crate::failure::Failure;
use crate::guard::GuardedClient;
use crate::operation::operations;
use crate::prelude::client;

operations! { "core":
    GET_CALLER_IDENTITY = "GetCallerIdentity" => "sts:GetCallerIdentity",
    ASSUME_ROLE = "AssumeRole" => "sts:AssumeRole",
    LIST_ACCOUNTS = "ListAccounts" => "organizations:ListAccounts",
    DESCRIBE_REGIONS = "DescribeRegions" => "ec2:DescribeRegions",
}

/// Where credentials and endpoints come from.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Profile of the shared configuration files.
    pub profile: Option<String>,
    /// Endpoint for all services, as `--endpoint-url`; `AWS_ENDPOINT_URL*` are honoured without it.
    pub endpoint_url: Option<String>,
    /// A region that will be scanned: tells the partition where nothing else does.
    pub region: Option<Region>,
    /// Longest wait for a connection.
    pub connect_timeout: Option<Duration>,
}

/// Credentials and clients' configuration of one principal.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) sdk: SdkConfig,
    pub(crate) custom_endpoint: bool,
    /// The profile that was named outright, for messages.
    profile: Option<String>,
}

impl Session {
    /// The default chain: environment, profiles, SSO, web identity, containers, instance metadata.
    pub async fn load(options: &SessionOptions) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &options.profile {
            // A profile that is named outright goes before keys that happen to be in the environment.
            let credentials = ProfileFileCredentialsProvider::builder()
                .profile_name(profile)
                .build();
            loader = loader
                .profile_name(profile)
                .credentials_provider(credentials);
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        // The first calls go to a region that surely exists, not to one that may be mistyped. Instance
        // metadata is not asked: that costs seconds where there is none.
        let mut profile_region = ProfileFileRegionProvider::builder();
        if let Some(profile) = &options.profile {
            profile_region = profile_region.profile_name(profile);
        }
        let home = Partition::of_region(options.region.as_ref().map_or("", Region::as_str));
        let loader = loader.region(
            RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                .or_else(profile_region.build())
                .or_else(SdkRegion::new(home.home_region())),
        );
        let loaded = loader.load().await;
        let connect = options.connect_timeout.unwrap_or(Duration::from_secs(5));
        Self {
            profile: options.profile.clone(),
            ..Self::from_config(&loaded, default_http_client(), connect)
        }
    }

    /// A session with everything given, for tests against replayed answers.
    pub fn fixed(http: SharedHttpClient, endpoint: Option<&str>) -> Self {
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "testing", "testing", None, None, "fixed",
            )))
            .region(SdkRegion::new("us-east-1"));
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Self::from_config(&builder.build(), http, Duration::from_secs(5))
    }

    fn from_config(loaded: &SdkConfig, http: SharedHttpClient, connect: Duration) -> Self {
        let custom_endpoint = loaded.endpoint_url().is_some()
            || std::env::vars().any(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let mut builder = loaded.to_builder();
        if loaded.region().is_none() {
            builder = builder.region(SdkRegion::new(Partition::aws().home_region()));
        }
        let sdk = builder
            .http_client(GuardedClient::shared(http))
            // Retries are ours, so that each is limited and counted; see `Cx::call`.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect).build())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .time_source(aws_smithy_async::time::SystemTimeSource::new())
            .build();
        Self {
            sdk,
            custom_endpoint,
            profile: None,
        }
    }

    /// The credentials, which may cost a call to whoever gives them out.
    pub async fn credentials(&self) -> Result<Credentials, ScanError> {
        let Some(provider) = self.sdk.credentials_provider() else {
            return Err(ScanError::Credentials {
                detail: "no provider is configured".to_owned(),
            });
        };
        provider
            .provide_credentials()
            .await
            .map_err(|error| ScanError::Credentials {
                detail: match &self.profile {
                    Some(profile) => format!("profile {profile:?}: {}", chain(&error)),
                    None => chain(&error),
                },
            })
    }

    /// The region of the first calls, when one is configured.
    pub fn region(&self) -> Option<Region> {
        self.sdk
            .region()
            .and_then(|region| Region::new(region.as_ref()).ok())
    }

    pub(crate) fn in_region(&self, region: &str) -> SdkConfig {
        self.sdk
            .to_builder()
            .region(SdkRegion::new(region.to_owned()))
            .build()
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The SDK's own HTTPS client, made here because the guard must sit in front of it.
fn default_http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The principal.
    pub arn: String,
    /// The partition, which decides endpoints and regions.
    pub partition: Partition,
}

pub(crate) async fn caller(cx: &Cx) -> Result<Caller, ScanError> {
    let client = client!(cx, aws_sdk_sts);
    let answer = cx
        .call(&GET_CALLER_IDENTITY, || client.get_caller_identity().send())
        .await
        .map_err(|failure| first_call_failed(&failure))?;
    let arn = answer.arn.and_then(|arn| Arn::new(arn).ok());
    let account = answer.account.and_then(|id| AccountId::new(id).ok());
    match (account, arn) {
        (Some(account), Some(arn)) => Ok(Caller {
            account,
            partition: Partition(arn.partition().to_owned()),
            arn: String::from(arn),
        }),
        _ => Err(ScanError::Unreachable {
            detail: "sts:GetCallerIdentity answered without account and ARN".to_owned(),
        }),
    }
}

/// Nothing works without the first call, so its failure is explained in terms of what to mend.
fn first_call_failed(failure: &Failure) -> ScanError {
    let code = failure.code.as_deref().unwrap_or("no code");
    match (failure.reason, code) {
        (GapReason::Timeout, _) => ScanError::Unreachable {
            detail: "sts:GetCallerIdentity got no answer".to_owned(),
        },
        (_, "ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => {
            ScanError::Credentials {
                detail: format!("the session token has expired ({code})"),
            }
        }
        (GapReason::AccessDenied, _)
        | (_, "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClientException") => {
            ScanError::Credentials {
                detail: format!("AWS did not accept them ({code})"),
            }
        }
        (reason, code) => ScanError::Unreachable {
            detail: format!("sts:GetCallerIdentity {} ({code})", reason.phrase()),
        },
    }
}

/// An account of the organization.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: AccountId,
    pub(crate) name: Option<String>,
    pub(crate) tags: Tags,
}

/// The active accounts of the caller's organization.
pub(crate) async fn organization(cx: &Cx) -> Result<Vec<Member>, Gap> {
    let client = client!(cx, aws_sdk_organizations);
    let listed = cx
        .list(
            &LIST_ACCOUNTS,
            |token| client.list_accounts().set_next_token(token).send(),
            |page| (page.accounts.unwrap_or_default(), page.next_token),
        )
        .await;
    if let Some(gap) = listed.gap {
        // A part of the organization would look like the whole.
        return Err(gap);
    }
    let mut members = Vec::new();
    for account in listed.items {
        // Suspended accounts answer to nobody; AWS itself calls them closed.
        let status = account.status.as_ref().map(|status| status.as_str());
        if status.is_some_and(|status| status != "ACTIVE") {
            continue;
        }
        let id = account
            .id
            .and_then(|id| AccountId::new(id).ok())
            .ok_or_else(|| cx.malformed(&LIST_ACCOUNTS))?;
        members.push(Member {
            id,
            name: account.name,
            tags: Tags::new(),
        });
    }
    Ok(members)
}

/// A role to take in each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRole {
    /// Role name, path and name, or an ARN in which `{account}` stands for the account id.
    pub role: String,
    /// External id that the role's trust policy demands.
    pub external_id: Option<String>,
}

impl AccountRole {
    /// The role's ARN in an account.
    pub fn arn(&self, partition: &Partition, account: &AccountId) -> String {
        if self.role.starts_with("arn:") {
            self.role.replace("{account}", account.as_str())
        } else {
            format!(
                "arn:{partition}:iam::{account}:role/{}",
                self.role.trim_start_matches('/')
            )
        }
    }
}

/// Takes the role once, so that a refusal is known before any unit starts, and gives a session that
/// takes it again whenever the credentials are about to expire.
pub(crate) async fn assume(
    cx: &Cx,
    base: &Session,
    role_arn: String,
    external_id: Option<String>,
) -> Result<Session, Gap> {
    let provider = AssumedRole {
        cx: cx.clone(),
        role_arn,
        external_id,
    };
    provider
        .credentials()
        .await
        .map_err(|failure| failure.gap(&ASSUME_ROLE))?;
    let sdk = base
        .sdk
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .identity_cache(aws_config::identity::IdentityCache::lazy().build())
        .build();
    Ok(Session {
        sdk,
        custom_endpoint: base.custom_endpoint,
        profile: base.profile.clone(),
    })
}

#[derive(Debug, Clone)]
struct AssumedRole {
    cx: Cx,
    role_arn: String,
    external_id: Option<String>,
}

impl AssumedRole {
    async fn credentials(&self) -> Result<Credentials, Failure> {
        let client = client!(self.cx, aws_sdk_sts);
        let answer = self
            .cx
            .call(&ASSUME_ROLE, || {
                client
                    .assume_role()
                    .role_arn(&self.role_arn)
                    .role_session_name("posture-scan")
                    .set_external_id(self.external_id.clone())
                    .send()
            })
            .await?;
        let malformed = || Failure {
            reason: GapReason::Malformed,
            code: None,
            transient: false,
            retry_after: None,
        };
        let given = answer.credentials.ok_or_else(malformed)?;
        let expires = std::time::SystemTime::try_from(given.expiration).map_err(|_| malformed())?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "posture-assumed-role",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.credentials().await.map_err(|failure| {
                CredentialsError::provider_error(format!(
                    "sts:AssumeRole {}: {}",
                    self.role_arn,
                    failure.gap(&ASSUME_ROLE)
                ))
            })
        })
    }
}

/// Why a region that the account has not enabled is left out.
pub(crate) fn not_enabled(region: &Region) -> Gap {
    Gap {
        reason: GapReason::NotOffered,
        operation: DESCRIBE_REGIONS.to_string(),
        iam_action: DESCRIBE_REGIONS.action.to_owned(),
        code: Some(format!("{region} is not enabled")),
    }
}

/// The regions of an account: enabled ones, and those it could enable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regions {
    pub(crate) enabled: Vec<Region>,
    pub(crate) disabled: Vec<Region>,
}

pub(crate) async fn regions(cx: &Cx) -> Result<Regions, Gap> {
    let client = client!(cx, aws_sdk_ec2);
    let answer = cx
        .call(&DESCRIBE_REGIONS, || {
            client.describe_regions().all_regions(true).send()
        })
        .await
        .map_err(|failure| failure.gap(&DESCRIBE_REGIONS))?;
    let mut regions = Regions::default();
    for region in answer.regions.unwrap_or_default() {
        let name = region
            .region_name
            .and_then(|name| Region::new(name).ok())
            .ok_or_else(|| cx.malformed(&DESCRIBE_REGIONS))?;
        if region.opt_in_status.as_deref() == Some("not-opted-in") {
            regions.disabled.push(name);
        } else {
            regions.enabled.push(name);
        }
    }
    if regions.enabled.is_empty() {
        // Every account has regions; an empty answer is not one to build on.
        return Err(cx.malformed(&DESCRIBE_REGIONS));
    }
    regions.enabled.sort();
    regions.disabled.sort();
    Ok(regions)
}
