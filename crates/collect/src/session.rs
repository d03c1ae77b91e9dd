//! Who scans: credentials, the caller, the roles it takes, and the regions of an account.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::types::Tag;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use futures::future::BoxFuture;
use posture_model::{AccountId, Arn, Gap, GapReason, Partition, Region};

use crate::ScanError;
use crate::clock::Clock;
use crate::credentials::{Chain, Issue, Keys, Nobody};
use crate::cx::Cx;
use crate::failure::{Failure, classify};
use crate::guard::GuardedClient;
use crate::network::Probe;
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
    sdk: SdkConfig,
    keys: Keys,
    clock: Clock,
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
            ..Self::from_config(
                &loaded,
                default_http_client(),
                connect,
                SharedTimeSource::new(SystemTimeSource::new()),
            )
        }
    }

    /// A session with everything given, for tests against replayed answers. Its clock goes with the test's.
    pub fn fixed(http: SharedHttpClient, endpoint: Option<&str>) -> Self {
        let keys = Credentials::new("testing", "testing", None, None, "fixed");
        Self::fixed_with(http, endpoint, "us-east-1", keys)
    }

    /// The same with credentials and a region of one's own.
    pub fn fixed_with(
        http: SharedHttpClient,
        endpoint: Option<&str>,
        region: &str,
        credentials: impl ProvideCredentials + 'static,
    ) -> Self {
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(SdkRegion::new(region.to_owned()));
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        let clock = SharedTimeSource::new(TestClock::new());
        Self::from_config(&builder.build(), http, Duration::from_secs(5), clock)
    }

    /// A session at a local server, over real connections; for tests and benchmarks.
    pub fn local(endpoint: &str, region: &str, access_key_id: &str) -> Self {
        let keys = Credentials::new(access_key_id, "local", None, None, "local");
        Self::fixed_with(default_http_client(), Some(endpoint), region, keys)
    }

    fn from_config(
        loaded: &SdkConfig,
        http: SharedHttpClient,
        connect: Duration,
        local: SharedTimeSource,
    ) -> Self {
        let clock = Clock::new(local);
        let time = SharedTimeSource::new(clock.clone());
        let custom_endpoint = loaded.endpoint_url().is_some()
            || std::env::vars().any(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let mut builder = loaded.to_builder();
        if loaded.region().is_none() {
            builder = builder.region(SdkRegion::new(Partition::aws().home_region()));
        }
        let keys = match loaded.credentials_provider() {
            Some(provider) => Keys::own(Chain(provider), time.clone()),
            None => Keys::own(Nobody, time.clone()),
        };
        let sdk = builder
            .http_client(GuardedClient::shared(http, clock.clone()))
            // Retries are ours, so that each is limited and counted; see `Cx::call`.
            .retry_config(RetryConfig::disabled())
            // So are time-outs: a whole attempt has one, and answers are small. To watch each for its pace costs
            // a timer and a task's worth of work for every call.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect).build())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .time_source(time)
            .build();
        Self {
            sdk,
            custom_endpoint,
            profile: None,
            keys: keys.clone(),
            clock,
        }
        .with_keys(keys)
    }

    /// The same session as somebody else.
    fn with_keys(&self, keys: Keys) -> Self {
        let sdk = self
            .sdk
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(keys.clone()))
            // The keys know when they have to be renewed.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self {
            sdk,
            keys,
            clock: self.clock.clone(),
            custom_endpoint: self.custom_endpoint,
            profile: self.profile.clone(),
        }
    }

    /// The time as AWS tells it.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whose credentials these are.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The credentials, which may cost a call to whoever gives them out.
    pub async fn credentials(&self) -> Result<Credentials, ScanError> {
        self.keys.get().await.map_err(|failure| {
            let detail = failure.detail.or(failure.code).unwrap_or_default();
            ScanError::Credentials {
                detail: match &self.profile {
                    Some(profile) => format!("profile {profile:?}: {detail}"),
                    None => detail,
                },
            }
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
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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

/// A role to take in each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRole {
    /// Role name, path and name, or an ARN in which `{account}` and `{partition}` are filled in.
    pub role: String,
    /// External id that the role's trust policy demands.
    pub external_id: Option<String>,
    /// How the sessions are called, for CloudTrail.
    pub session_name: String,
    /// Tags of the sessions, for conditions on `aws:PrincipalTag`.
    pub session_tags: Vec<(String, String)>,
}

/// How sessions are called unless told otherwise.
pub const SESSION_NAME: &str = "posture-scan";

impl AccountRole {
    /// A role, by its name or ARN.
    pub fn new(role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            external_id: None,
            session_name: SESSION_NAME.to_owned(),
            session_tags: Vec::new(),
        }
    }

    /// The role's ARN in an account.
    pub fn arn(&self, partition: &Partition, account: &AccountId) -> String {
        if self.role.starts_with("arn:") {
            self.role
                .replace("{account}", account.as_str())
                .replace("{partition}", partition.as_str())
        } else {
            format!(
                "arn:{partition}:iam::{account}:role/{}",
                self.role.trim_start_matches('/')
            )
        }
    }
}

impl AccountRole {
    /// A role in one account may not be taken for that of another: what it sees would be told of the wrong one.
    pub(crate) fn leads_to(
        &self,
        partition: &Partition,
        account: &AccountId,
    ) -> Result<(), ScanError> {
        let text = self.arn(partition, account);
        let leads = Arn::new(text.clone()).is_ok_and(|arn| {
            arn.partition() == partition.as_str()
                && arn.account() == account.as_str()
                && arn.service() == "iam"
                && arn.resource().starts_with("role/")
        });
        if leads {
            return Ok(());
        }
        Err(ScanError::Request(format!(
            "{text} is no role in account {account} of partition {partition}: write \
             arn:{{partition}}:iam::{{account}}:role/NAME, or the name alone"
        )))
    }
}

/// Whose keys a role's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The caller's: without them the scan cannot go on.
    Caller,
    /// Those of one account among others.
    Account,
}

/// Takes a role once, so that a refusal is known before any unit starts, and gives a session that takes it
/// again whenever its credentials are about to end.
///
/// `cx` makes the calls, with the keys of whoever takes the role.
pub(crate) async fn assume(
    cx: &Cx,
    base: &Session,
    role_arn: String,
    role: &AccountRole,
    holder: Holder,
) -> Result<Session, Gap> {
    let source = AssumedRole {
        cx: cx.clone(),
        role_arn,
        role: role.clone(),
    };
    let time = SharedTimeSource::new(base.clock.clone());
    let keys = match holder {
        Holder::Caller => Keys::own(source, time),
        Holder::Account => Keys::taken(source, time),
    };
    keys.get().await.map_err(|failure| lost(&failure))?;
    Ok(base.with_keys(keys))
}

/// The gap of an account whose role cannot be taken, or not again.
pub(crate) fn lost(failure: &Failure) -> Gap {
    failure.gap(&ASSUME_ROLE)
}

#[derive(Debug)]
struct AssumedRole {
    cx: Cx,
    role_arn: String,
    role: AccountRole,
}

impl Issue for AssumedRole {
    fn issue(&self) -> BoxFuture<'_, Result<Credentials, Failure>> {
        Box::pin(self.take())
    }
}

impl AssumedRole {
    async fn take(&self) -> Result<Credentials, Failure> {
        let client = client!(self.cx, aws_sdk_sts);
        let tags = session_tags(&self.role.session_tags)?;
        let answer = self
            .cx
            .call(&ASSUME_ROLE, || {
                client
                    .assume_role()
                    .role_arn(&self.role_arn)
                    .role_session_name(&self.role.session_name)
                    .set_external_id(self.role.external_id.clone())
                    .set_tags(tags.clone())
                    .send()
            })
            .await?;
        let given = answer.credentials.ok_or_else(Failure::malformed)?;
        let expires = SystemTime::try_from(given.expiration).map_err(|_| Failure::malformed())?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "posture-assumed-role",
        ))
    }
}

fn session_tags(tags: &[(String, String)]) -> Result<Option<Vec<Tag>>, Failure> {
    let tags: Result<Vec<Tag>, _> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let tags = tags.map_err(|_| Failure::malformed())?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// One attempt at the call that everybody may make, without limits and retries: whether anything answers.
pub(crate) fn probe(cx: &Cx) -> Probe {
    const PATIENCE: Duration = Duration::from_secs(5);
    let client = client!(cx, aws_sdk_sts);
    Arc::new(move || {
        let call = client.get_caller_identity().send();
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, call).await {
                Ok(Ok(_)) => true,
                // A refusal is an answer too.
                Ok(Err(error)) => classify(&error).answered,
                Err(_) => false,
            }
        })
    })
}

/// A clock that goes with tokio's, which tests can stop.
#[derive(Debug)]
struct TestClock {
    start: SystemTime,
    at: tokio::time::Instant,
}

impl TestClock {
    fn new() -> Self {
        Self {
            start: SystemTime::now(),
            at: tokio::time::Instant::now(),
        }
    }
}

impl TimeSource for TestClock {
    fn now(&self) -> SystemTime {
        self.start + self.at.elapsed()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_that_of_the_account_it_is_for() {
        let account = AccountId::new("111122223333").unwrap();
        let in_partition = |role: &str, partition: &str| {
            AccountRole::new(role)
                .leads_to(&Partition(partition.to_owned()), &account)
                .is_ok()
        };
        for sound in [
            "PostureScan",
            "/audit/PostureScan",
            "arn:{partition}:iam::{account}:role/PostureScan",
            "arn:aws-cn:iam::{account}:role/audit/PostureScan",
            "arn:aws-cn:iam::111122223333:role/PostureScan",
        ] {
            assert!(in_partition(sound, "aws-cn"), "{sound}");
        }
        for unsound in [
            "arn:aws-cn:iam::444455556666:role/PostureScan",
            "arn:aws:iam::{account}:role/PostureScan",
            "arn:aws-cn:iam::{account}:user/PostureScan",
            "arn:aws-cn:iam::{acount}:role/PostureScan",
        ] {
            assert!(!in_partition(unsound, "aws-cn"), "{unsound}");
        }
        let role = AccountRole::new("PostureScan");
        let arn = role.arn(&Partition("aws-us-gov".to_owned()), &account);
        assert_eq!(arn, "arn:aws-us-gov:iam::111122223333:role/PostureScan");
    }
}
