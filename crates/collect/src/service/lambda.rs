//! AWS Lambda.
//!
//! `GetFunction` is left out on purpose: it hands out a link to the function's code, and a scan role
//! should not be able to download code. What it tells beside that comes from narrower calls.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{
    DestinationConfig, EventSourceMappingConfiguration, FunctionConfiguration,
    FunctionEventInvokeConfig, LayersListItem,
};
use posture_model::lambda::{
    AccountSettings, AsyncConfig, CodeSigningConfig, Cors, EventSourceMapping, Function,
    FunctionUrl, LayerVersion, Logging, Qualifier, VpcAttachment,
};

use crate::prelude::*;

operations! { "lambda":
    GET_ACCOUNT_SETTINGS = "GetAccountSettings" => "lambda:GetAccountSettings",
    GET_FUNCTION_CODE_SIGNING_CONFIG = "GetFunctionCodeSigningConfig" => "lambda:GetFunctionCodeSigningConfig",
    GET_FUNCTION_CONCURRENCY = "GetFunctionConcurrency" => "lambda:GetFunctionConcurrency",
    GET_FUNCTION_URL_CONFIG = "GetFunctionUrlConfig" => "lambda:GetFunctionUrlConfig",
    GET_LAYER_VERSION_POLICY = "GetLayerVersionPolicy" => "lambda:GetLayerVersionPolicy",
    GET_POLICY = "GetPolicy" => "lambda:GetPolicy",
    LIST_ALIASES = "ListAliases" => "lambda:ListAliases",
    LIST_CODE_SIGNING_CONFIGS = "ListCodeSigningConfigs" => "lambda:ListCodeSigningConfigs",
    LIST_EVENT_INVOKE_CONFIGS = "ListFunctionEventInvokeConfigs" => "lambda:ListFunctionEventInvokeConfigs",
    LIST_EVENT_SOURCE_MAPPINGS = "ListEventSourceMappings" => "lambda:ListEventSourceMappings",
    LIST_FUNCTIONS = "ListFunctions" => "lambda:ListFunctions",
    LIST_LAYERS = "ListLayers" => "lambda:ListLayers",
    LIST_TAGS = "ListTags" => "lambda:ListTags",
    LIST_VERSIONS = "ListVersionsByFunction" => "lambda:ListVersionsByFunction",
}

pub(crate) const SERVICE: Service = Service {
    name: "lambda",
    placement: Placement::Regional,
    regional_types: &[
        Function::TYPE,
        EventSourceMapping::TYPE,
        LayerVersion::TYPE,
        CodeSigningConfig::TYPE,
        AccountSettings::TYPE,
    ],
    global_types: &[],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// What Lambda answers when a function has no policy, or a layer version none.
const NOT_FOUND: &[&str] = &["ResourceNotFoundException"];

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_lambda);
    tokio::join!(
        functions(&cx, &client),
        event_source_mappings(&cx, &client),
        layers(&cx, &client),
        code_signing_configs(&cx, &client),
        account_settings(&cx, &client),
    );
}

async fn functions(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &LIST_FUNCTIONS,
            |token| client.list_functions().set_marker(token).send(),
            |page| (page.functions.unwrap_or_default(), page.next_marker),
        )
        .await;
    let functions = cx
        .each(listed.items, |configuration| {
            function(cx, client, configuration)
        })
        .await;
    cx.publish(listed.gap, functions);
}

async fn function(
    cx: &Cx,
    client: &Client,
    configuration: FunctionConfiguration,
) -> Result<TypedResource<Function>, Gap> {
    let (Some(name), Some(arn)) = (
        configuration.function_name.clone(),
        configuration.function_arn.clone(),
    ) else {
        return Err(cx.malformed(&LIST_FUNCTIONS));
    };
    let (tags, policy, concurrency, signing, url, async_configs, aliases, versions) = tokio::join!(
        tags(cx, client, &arn),
        policy(cx, client, &name, None),
        cx.get(&GET_FUNCTION_CONCURRENCY, &[], || client
            .get_function_concurrency()
            .function_name(&name)
            .send()),
        code_signing(cx, client, &name, &configuration),
        url(cx, client, &name, None),
        cx.list(
            &LIST_EVENT_INVOKE_CONFIGS,
            |token| client
                .list_function_event_invoke_configs()
                .function_name(&name)
                .set_marker(token)
                .send(),
            |page| (
                page.function_event_invoke_configs.unwrap_or_default(),
                page.next_marker
            ),
        ),
        cx.list(
            &LIST_ALIASES,
            |token| client
                .list_aliases()
                .function_name(&name)
                .set_marker(token)
                .send(),
            |page| (page.aliases.unwrap_or_default(), page.next_marker),
        ),
        cx.list(
            &LIST_VERSIONS,
            |token| client
                .list_versions_by_function()
                .function_name(&name)
                .set_marker(token)
                .send(),
            |page| (page.versions.unwrap_or_default(), page.next_marker),
        ),
    );
    let aliases = Listed {
        items: aliases
            .items
            .into_iter()
            .map(|alias| QualifierParts {
                kind: "alias",
                name: alias.name,
                arn: alias.alias_arn,
                function_version: alias.function_version,
            })
            .collect(),
        gap: aliases.gap,
    };
    let versions = Listed {
        items: versions
            .items
            .into_iter()
            .filter(|version| version.version.as_deref() != Some("$LATEST"))
            .map(|version| QualifierParts {
                kind: "version",
                name: version.version,
                arn: version.function_arn,
                function_version: None,
            })
            .collect(),
        gap: versions.gap,
    };
    let qualifiers = qualifiers(cx, client, &name, &async_configs, aliases, versions).await;
    let properties = Function {
        role_arn: configuration.role.unwrap_or_default(),
        runtime: configuration.runtime.map(|r| r.as_str().to_owned()),
        package_type: configuration.package_type.map(|p| p.as_str().to_owned()),
        handler: configuration.handler,
        timeout: configuration.timeout.map(i64::from),
        memory_size: configuration.memory_size.map(i64::from),
        architectures: strings(
            configuration
                .architectures
                .unwrap_or_default()
                .iter()
                .map(|a| a.as_str()),
        ),
        last_modified: configuration
            .last_modified
            .as_deref()
            .and_then(last_modified),
        environment: environment(cx, configuration.environment),
        kms_key_arn: configuration.kms_key_arn,
        tracing_mode: configuration
            .tracing_config
            .and_then(|t| t.mode)
            .map(|m| m.as_str().to_owned()),
        dead_letter_target_arn: configuration
            .dead_letter_config
            .and_then(|d| d.target_arn)
            .filter(|arn| !arn.is_empty()),
        vpc: configuration.vpc_config.and_then(vpc),
        layer_arns: configuration
            .layers
            .unwrap_or_default()
            .into_iter()
            .filter_map(|layer| layer.arn)
            .collect(),
        logging: configuration.logging_config.map(|logging| Logging {
            format: logging.log_format.map(|f| f.as_str().to_owned()),
            log_group: logging.log_group,
            application_level: logging.application_log_level.map(|l| l.as_str().to_owned()),
            system_level: logging.system_log_level.map(|l| l.as_str().to_owned()),
        }),
        ephemeral_storage: configuration.ephemeral_storage.map(|s| i64::from(s.size)),
        file_system_arns: configuration
            .file_system_configs
            .unwrap_or_default()
            .into_iter()
            .map(|config| config.arn)
            .collect(),
        snap_start: configuration
            .snap_start
            .and_then(|s| s.apply_on)
            .map(|a| a.as_str().to_owned()),
        signing_profile_version_arn: configuration.signing_profile_version_arn,
        code_signing_config_arn: signing,
        reserved_concurrency: concurrency
            .and_then(|c| c.reserved_concurrent_executions.map(i64::from).into()),
        policy,
        url,
        async_config: of_qualifier(
            &async_configs,
            |config| config.function_arn.as_deref().unwrap_or_default(),
            None,
            async_config,
        ),
        qualifiers,
    };
    let identity = Identity {
        arn,
        id: name.clone(),
        name,
        tags,
        created: None,
    };
    Ok(cx.resource(identity, properties))
}

async fn tags(cx: &Cx, client: &Client, arn: &str) -> Collected<Tags> {
    cx.get(&LIST_TAGS, &[], || client.list_tags().resource(arn).send())
        .await
        .map(|answer| answer.tags.unwrap_or_default().into_iter().collect())
}

async fn policy(
    cx: &Cx,
    client: &Client,
    function: &str,
    qualifier: Option<&str>,
) -> Collected<PolicyDocument> {
    cx.get(&GET_POLICY, NOT_FOUND, || {
        client
            .get_policy()
            .function_name(function)
            .set_qualifier(qualifier.map(str::to_owned))
            .send()
    })
    .await
    .and_then(|answer| required_policy(cx, &GET_POLICY, answer.policy))
}

async fn code_signing(
    cx: &Cx,
    client: &Client,
    function: &str,
    configuration: &FunctionConfiguration,
) -> Collected<String> {
    // Code signing exists for zip archives only; asking for an image is an error.
    if configuration.package_type == Some(aws_sdk_lambda::types::PackageType::Image) {
        return Collected::Absent;
    }
    cx.get(&GET_FUNCTION_CODE_SIGNING_CONFIG, NOT_FOUND, || {
        client
            .get_function_code_signing_config()
            .function_name(function)
            .send()
    })
    .await
    .and_then(|answer| {
        Some(answer.code_signing_config_arn)
            .filter(|arn| !arn.is_empty())
            .into()
    })
}

/// What aliases and versions have in common.
struct QualifierParts {
    kind: &'static str,
    name: Option<String>,
    arn: Option<String>,
    function_version: Option<String>,
}

async fn qualifiers(
    cx: &Cx,
    client: &Client,
    function: &str,
    async_configs: &Listed<FunctionEventInvokeConfig>,
    aliases: Listed<QualifierParts>,
    versions: Listed<QualifierParts>,
) -> Collected<Vec<Qualifier>> {
    if let Some(gap) = aliases.gap.or(versions.gap) {
        return Collected::Unavailable(gap);
    }
    let parts = aliases.items.into_iter().chain(versions.items);
    let found = cx
        .each(parts, |part| {
            qualifier(cx, client, function, async_configs, part)
        })
        .await;
    match found.into_iter().collect::<Result<Vec<_>, Gap>>() {
        Ok(qualifiers) => Collected::Known(qualifiers),
        Err(gap) => Collected::Unavailable(gap),
    }
}

async fn qualifier(
    cx: &Cx,
    client: &Client,
    function: &str,
    async_configs: &Listed<FunctionEventInvokeConfig>,
    part: QualifierParts,
) -> Result<Qualifier, Gap> {
    let (Some(name), Some(arn)) = (part.name, part.arn) else {
        return Err(cx.malformed(if part.kind == "alias" {
            &LIST_ALIASES
        } else {
            &LIST_VERSIONS
        }));
    };
    // A URL belongs to the function or to an alias, never to a version.
    let (policy, url) = if part.kind == "alias" {
        tokio::join!(
            policy(cx, client, function, Some(&name)),
            url(cx, client, function, Some(&name)),
        )
    } else {
        let policy = policy(cx, client, function, Some(&name)).await;
        (policy, Collected::Absent)
    };
    Ok(Qualifier {
        policy,
        url,
        async_config: of_qualifier(
            async_configs,
            |config| config.function_arn.as_deref().unwrap_or_default(),
            Some(&name),
            async_config,
        ),
        kind: part.kind.to_owned(),
        name,
        arn,
        function_version: part.function_version,
    })
}

/// The entry of a per-function listing that belongs to a qualifier, or to the bare function. Such
/// listings carry qualified ARNs: `...:function:name[:qualifier]`, with `$LATEST` for the bare one.
fn of_qualifier<T, U>(
    listed: &Listed<T>,
    arn: impl Fn(&T) -> &str,
    qualifier: Option<&str>,
    convert: impl Fn(&T) -> U,
) -> Collected<U> {
    let found = listed.items.iter().find(|item| {
        let own = arn(item)
            .splitn(8, ':')
            .nth(7)
            .filter(|own| *own != "$LATEST");
        own == qualifier
    });
    match (found, &listed.gap) {
        (Some(item), _) => Collected::Known(convert(item)),
        (None, Some(gap)) => Collected::Unavailable(gap.clone()),
        (None, None) => Collected::Absent,
    }
}

async fn url(
    cx: &Cx,
    client: &Client,
    function: &str,
    qualifier: Option<&str>,
) -> Collected<FunctionUrl> {
    cx.get(&GET_FUNCTION_URL_CONFIG, NOT_FOUND, || {
        client
            .get_function_url_config()
            .function_name(function)
            .set_qualifier(qualifier.map(str::to_owned))
            .send()
    })
    .await
    .map(|config| FunctionUrl {
        url: config.function_url,
        auth_type: config.auth_type.as_str().to_owned(),
        invoke_mode: config.invoke_mode.map(|m| m.as_str().to_owned()),
        cors: config.cors.map(|cors| Cors {
            allow_credentials: flag(cors.allow_credentials),
            allow_origins: cors.allow_origins.unwrap_or_default(),
            allow_methods: cors.allow_methods.unwrap_or_default(),
            allow_headers: cors.allow_headers.unwrap_or_default(),
            max_age: cors.max_age.map(i64::from),
        }),
    })
}

fn async_config(config: &FunctionEventInvokeConfig) -> AsyncConfig {
    let destinations = config.destination_config.as_ref();
    AsyncConfig {
        maximum_retry_attempts: config.maximum_retry_attempts.map(i64::from),
        maximum_event_age: config.maximum_event_age_in_seconds.map(i64::from),
        on_failure_arn: on_failure(destinations),
        on_success_arn: destinations
            .and_then(|d| d.on_success.as_ref())
            .and_then(|d| d.destination.clone()),
    }
}

fn on_failure(destinations: Option<&DestinationConfig>) -> Option<String> {
    destinations
        .and_then(|d| d.on_failure.as_ref())
        .and_then(|d| d.destination.clone())
}

fn environment(
    cx: &Cx,
    environment: Option<aws_sdk_lambda::types::EnvironmentResponse>,
) -> Collected<Vec<ExaminedValue>> {
    let Some(environment) = environment else {
        return Collected::Absent;
    };
    if let Some(error) = environment.error {
        // Lambda could not decrypt for us: the key's policy keeps the scan's principal out.
        return Collected::Unavailable(Gap {
            reason: GapReason::AccessDenied,
            operation: LIST_FUNCTIONS.to_string(),
            iam_action: "kms:Decrypt".to_owned(),
            code: error.error_code,
        });
    }
    let mut values: Vec<ExaminedValue> = environment
        .variables
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| cx.examiner().value(name, value))
        .collect();
    values.sort_by(|a, b| a.name.cmp(&b.name));
    Collected::Known(values)
}

fn vpc(config: aws_sdk_lambda::types::VpcConfigResponse) -> Option<VpcAttachment> {
    let attachment = VpcAttachment {
        vpc_id: config.vpc_id.filter(|id| !id.is_empty()),
        subnet_ids: config.subnet_ids.unwrap_or_default(),
        security_group_ids: config.security_group_ids.unwrap_or_default(),
    };
    // A function that left its VPC keeps an empty configuration.
    (!attachment.subnet_ids.is_empty()).then_some(attachment)
}

/// Lambda writes `2026-01-31T12:00:00.000+0000`, which RFC 3339 wants with a colon in the offset.
fn last_modified(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| {
        text.strip_suffix("+0000")
            .and_then(|local| Timestamp::parse(&format!("{local}Z")))
    })
}

async fn event_source_mappings(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &LIST_EVENT_SOURCE_MAPPINGS,
            |token| client.list_event_source_mappings().set_marker(token).send(),
            |page| {
                (
                    page.event_source_mappings.unwrap_or_default(),
                    page.next_marker,
                )
            },
        )
        .await;
    let mappings = listed
        .items
        .into_iter()
        .map(|mapping| event_source_mapping(cx, mapping));
    cx.publish(listed.gap, mappings);
}

fn event_source_mapping(
    cx: &Cx,
    mapping: EventSourceMappingConfiguration,
) -> Result<TypedResource<EventSourceMapping>, Gap> {
    let id = mapping
        .uuid
        .ok_or_else(|| cx.malformed(&LIST_EVENT_SOURCE_MAPPINGS))?;
    let arn = mapping.event_source_mapping_arn.unwrap_or_else(|| {
        format!(
            "arn:{}:lambda:{}:{}:event-source-mapping:{id}",
            cx.partition(),
            cx.region(),
            cx.account()
        )
    });
    let properties = EventSourceMapping {
        function_arn: mapping.function_arn,
        source_arn: mapping.event_source_arn,
        self_managed_servers: mapping
            .self_managed_event_source
            .and_then(|source| source.endpoints)
            .into_iter()
            .flat_map(|endpoints| endpoints.into_values().flatten())
            .collect(),
        state: mapping.state,
        source_access: mapping
            .source_access_configurations
            .unwrap_or_default()
            .into_iter()
            .filter_map(|access| access.r#type)
            .map(|kind| kind.as_str().to_owned())
            .collect(),
        batch_size: mapping.batch_size.map(i64::from),
        maximum_retry_attempts: mapping.maximum_retry_attempts.map(i64::from),
        on_failure_arn: on_failure(mapping.destination_config.as_ref()),
        filter_count: mapping
            .filter_criteria
            .and_then(|criteria| criteria.filters)
            .map_or(0, |filters| {
                i64::try_from(filters.len()).unwrap_or(i64::MAX)
            }),
        kms_key_arn: mapping.kms_key_arn,
    };
    let identity = Identity {
        arn,
        name: id.clone(),
        id,
        tags: Collected::Absent,
        created: None,
    };
    Ok(cx.resource(identity, properties))
}

async fn layers(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &LIST_LAYERS,
            |token| client.list_layers().set_marker(token).send(),
            |page| (page.layers.unwrap_or_default(), page.next_marker),
        )
        .await;
    let layers = cx
        .each(listed.items, |layer| layer_version(cx, client, layer))
        .await;
    cx.publish(listed.gap, layers);
}

async fn layer_version(
    cx: &Cx,
    client: &Client,
    layer: LayersListItem,
) -> Result<TypedResource<LayerVersion>, Gap> {
    let latest = layer.latest_matching_version;
    let (Some(name), Some(latest)) = (layer.layer_name, latest) else {
        return Err(cx.malformed(&LIST_LAYERS));
    };
    let Some(arn) = latest.layer_version_arn else {
        return Err(cx.malformed(&LIST_LAYERS));
    };
    let policy = cx
        .get(&GET_LAYER_VERSION_POLICY, NOT_FOUND, || {
            client
                .get_layer_version_policy()
                .layer_name(&name)
                .version_number(latest.version)
                .send()
        })
        .await
        .and_then(|answer| required_policy(cx, &GET_LAYER_VERSION_POLICY, answer.policy));
    let identity = Identity {
        id: arn.clone(),
        arn,
        name: name.clone(),
        tags: Collected::Absent,
        created: latest.created_date.as_deref().and_then(last_modified),
    };
    let properties = LayerVersion {
        layer_name: name,
        version: latest.version,
        compatible_runtimes: strings(
            latest
                .compatible_runtimes
                .unwrap_or_default()
                .iter()
                .map(|r| r.as_str()),
        ),
        policy,
    };
    Ok(cx.resource(identity, properties))
}

async fn code_signing_configs(cx: &Cx, client: &Client) {
    let listed = cx
        .list(
            &LIST_CODE_SIGNING_CONFIGS,
            |token| client.list_code_signing_configs().set_marker(token).send(),
            |page| {
                (
                    page.code_signing_configs.unwrap_or_default(),
                    page.next_marker,
                )
            },
        )
        .await;
    let configs = listed.items.into_iter().map(|config| {
        let identity = Identity {
            arn: config.code_signing_config_arn,
            name: config.code_signing_config_id.clone(),
            id: config.code_signing_config_id,
            tags: Collected::Absent,
            created: None,
        };
        let properties = CodeSigningConfig {
            signing_profile_version_arns: config
                .allowed_publishers
                .map(|publishers| publishers.signing_profile_version_arns)
                .unwrap_or_default(),
            untrusted_artifact_on_deployment: config
                .code_signing_policies
                .and_then(|policies| policies.untrusted_artifact_on_deployment)
                .map(|policy| policy.as_str().to_owned()),
        };
        Ok(cx.resource(identity, properties))
    });
    cx.publish(listed.gap, configs);
}

async fn account_settings(cx: &Cx, client: &Client) {
    let answer = cx
        .call(&GET_ACCOUNT_SETTINGS, || {
            client.get_account_settings().send()
        })
        .await;
    let settings = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            cx.publish::<AccountSettings>(Some(failure.gap(&GET_ACCOUNT_SETTINGS)), []);
            return;
        }
    };
    let limit = settings.account_limit;
    let unreserved = limit
        .as_ref()
        .and_then(|limit| limit.unreserved_concurrent_executions);
    let (Some(limit), Some(unreserved), Some(usage)) = (limit, unreserved, settings.account_usage)
    else {
        cx.publish::<AccountSettings>(Some(cx.malformed(&GET_ACCOUNT_SETTINGS)), []);
        return;
    };
    let identity = Identity {
        arn: format!(
            "arn:{}:lambda:{}:{}:account-settings",
            cx.partition(),
            cx.region(),
            cx.account()
        ),
        id: "account-settings".to_owned(),
        name: "Lambda account settings".to_owned(),
        tags: Collected::Absent,
        created: None,
    };
    let properties = AccountSettings {
        concurrent_executions: i64::from(limit.concurrent_executions),
        unreserved_concurrent_executions: i64::from(unreserved),
        function_count: usage.function_count,
        total_code_size: usage.total_code_size,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}
