//! Credentials and clients, one account at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::SdkConfig;
use posture_model::{AccountId, Partition, Region};
use posture_report::Target;

use crate::guard::Guard;

/// How to reach Security Hub, and what to do there.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Profile of the shared configuration files.
    pub profile: Option<String>,
    /// Endpoint for all services; `AWS_ENDPOINT_URL*` are honoured without it.
    pub endpoint_url: Option<String>,
    /// Role to take in accounts other than the caller's.
    pub role: Option<Role>,
    /// Longest wait for one answer.
    pub call_timeout: Duration,
    /// Attempts at a call.
    pub attempts: u32,
    /// Call nothing that changes anything.
    pub dry_run: bool,
    /// Archive what is resolved.
    pub archive: bool,
    /// Accounts to import into; all when empty.
    pub accounts: Vec<AccountId>,
    /// Regions to import into; all when empty.
    pub regions: Vec<Region>,
}

/// A role to take in each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Role name, path and name, or an ARN in which `{account}` stands for the account id.
    pub name: String,
    /// External id that the role's trust policy demands.
    pub external_id: Option<String>,
}

/// Why nothing could be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There are no credentials, or AWS did not take them.
    #[error("no usable credentials: {detail}")]
    Credentials {
        /// What the provider said.
        detail: String,
    },
    /// The report could not be read to its end.
    #[error("failed to read the report: {0}")]
    Report(#[from] std::io::Error),
}

/// Who imports.
#[derive(Debug)]
pub(crate) struct Session {
    sdk: SdkConfig,
    account: String,
    role: Option<Role>,
    guard: Guard,
    /// Configurations of other accounts, or why there is none.
    others: BTreeMap<AccountId, Result<SdkConfig, String>>,
}

impl Session {
    pub(crate) async fn load(
        options: &Options,
        partition: &Partition,
    ) -> Result<Self, ImportError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .retry_config(
                RetryConfig::standard()
                    // Security Hub takes ten calls a second; an import of many findings meets that.
                    .with_max_attempts(options.attempts.saturating_mul(2).max(1)),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(options.call_timeout)
                    .build(),
            );
        if let Some(profile) = &options.profile {
            // A profile that is named outright goes before keys that happen to be in the environment.
            let credentials = aws_config::profile::ProfileFileCredentialsProvider::builder()
                .profile_name(profile)
                .build();
            loader = loader
                .profile_name(profile)
                .credentials_provider(credentials);
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let home = SdkRegion::new(partition.home_region());
        let sdk = loader.region(home).load().await;
        let account = caller(&sdk).await?;
        Ok(Self {
            sdk,
            account,
            role: options.role.clone(),
            guard: Guard {
                dry_run: options.dry_run,
            },
            others: BTreeMap::new(),
        })
    }

    /// A client for one account and region, or why there is none.
    pub(crate) async fn client(
        &mut self,
        target: &Target,
        partition: &Partition,
    ) -> Result<aws_sdk_securityhub::Client, String> {
        let sdk = if target.account.as_str() == self.account {
            self.sdk.clone()
        } else {
            self.other(&target.account, partition).await?
        };
        let sdk = sdk
            .to_builder()
            .region(SdkRegion::new(target.region.to_string()))
            .build();
        let config = aws_sdk_securityhub::config::Builder::from(&sdk)
            .interceptor(self.guard)
            .build();
        Ok(aws_sdk_securityhub::Client::from_conf(config))
    }

    async fn other(
        &mut self,
        account: &AccountId,
        partition: &Partition,
    ) -> Result<SdkConfig, String> {
        if let Some(known) = self.others.get(account) {
            return known.clone();
        }
        let taken = self.take_role(account, partition).await;
        self.others.insert(account.clone(), taken.clone());
        taken
    }

    async fn take_role(
        &self,
        account: &AccountId,
        partition: &Partition,
    ) -> Result<SdkConfig, String> {
        let Some(role) = &self.role else {
            return Err(format!(
                "the credentials are of account {}; name a role to take in {account} with --role-name",
                self.account
            ));
        };
        let arn = if role.name.starts_with("arn:") {
            role.name.replace("{account}", account.as_str())
        } else {
            format!(
                "arn:{partition}:iam::{account}:role/{}",
                role.name.trim_start_matches('/')
            )
        };
        let mut provider = AssumeRoleProvider::builder(&arn)
            .session_name("posture-import")
            .configure(&self.sdk);
        if let Some(id) = &role.external_id {
            provider = provider.external_id(id);
        }
        let provider = provider.build().await;
        // Once at the beginning, so that a refusal is told of the role and not of the first call.
        provider.provide_credentials().await.map_err(|error| {
            format!(
                "cannot take the role {arn}: {}",
                DisplayErrorContext(&error)
            )
        })?;
        Ok(self
            .sdk
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(aws_config::identity::IdentityCache::lazy().build())
            .build())
    }
}

async fn caller(sdk: &SdkConfig) -> Result<String, ImportError> {
    let answer = aws_sdk_sts::Client::new(sdk)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| ImportError::Credentials {
            detail: DisplayErrorContext(&error).to_string(),
        })?;
    answer.account.ok_or_else(|| ImportError::Credentials {
        detail: "sts:GetCallerIdentity answered without an account".to_owned(),
    })
}

/// The SDK's HTTPS client, which here also honours the proxy of the environment.
fn http_client() -> SharedHttpClient {
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
