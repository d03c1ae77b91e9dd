//! AWS Lambda: functions with aliases, versions and URLs, and what feeds them.

use serde_json::{Value, json};

use super::{Answer, Dependence, Operation, Protocol, Service, ec2, iam, kms, policy};
use crate::CANARY;
use crate::account::STRANGER;
use crate::ask::{Ask, Place};
use crate::clock;
use crate::dice::Dice;
use crate::id;
use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// A question about one function.
const fn about_function(
    name: &'static str,
    path: &'static str,
    answer: fn(&Ask<'_>) -> Answer,
) -> Operation {
    Operation::new(name, answer)
        .at("GET", path)
        .depends(of_function)
}

pub(super) const SERVICE: Service = Service {
    name: "lambda",
    signs_as: "lambda",
    protocol: Protocol::RestJson,
    global: false,
    operations: &[
        Operation::new("GetAccountSettings", get_account_settings)
            .at("GET", "/2016-08-19/account-settings"),
        about_function(
            "GetFunctionCodeSigningConfig",
            "/2020-06-30/functions/{FunctionName}/code-signing-config",
            get_code_signing_config,
        ),
        about_function(
            "GetFunctionConcurrency",
            "/2019-09-30/functions/{FunctionName}/concurrency",
            get_concurrency,
        ),
        about_function(
            "GetFunctionUrlConfig",
            "/2021-10-31/functions/{FunctionName}/url",
            get_url,
        ),
        Operation::new("GetLayerVersionPolicy", get_layer_policy)
            .at(
                "GET",
                "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy",
            )
            .after("ListLayers"),
        about_function(
            "GetPolicy",
            "/2015-03-31/functions/{FunctionName}/policy",
            get_policy,
        ),
        about_function(
            "ListAliases",
            "/2015-03-31/functions/{FunctionName}/aliases",
            list_aliases,
        )
        .paged("Marker", "MaxItems"),
        Operation::new("ListCodeSigningConfigs", list_code_signing_configs)
            .at("GET", "/2020-04-22/code-signing-configs")
            .paged("Marker", "MaxItems"),
        Operation::new("ListEventSourceMappings", list_mappings)
            .at("GET", "/2015-03-31/event-source-mappings")
            .paged("Marker", "MaxItems"),
        about_function(
            "ListFunctionEventInvokeConfigs",
            "/2019-09-25/functions/{FunctionName}/event-invoke-config/list",
            list_invoke_configs,
        )
        .paged("Marker", "MaxItems"),
        Operation::new("ListFunctions", list_functions)
            .at("GET", "/2015-03-31/functions")
            .paged("Marker", "MaxItems"),
        Operation::new("ListLayers", list_layers)
            .at("GET", "/2018-10-31/layers")
            .paged("Marker", "MaxItems"),
        about_function("ListTags", "/2017-03-31/tags/{Resource}", list_tags),
        about_function(
            "ListVersionsByFunction",
            "/2015-03-31/functions/{FunctionName}/versions",
            list_versions,
        )
        .paged("Marker", "MaxItems"),
    ],
};

/// Aliases and versions are known after a listing of their own.
fn of_function(parameters: &Parameters) -> Dependence {
    Dependence::on(match parameters.text("Qualifier") {
        Some(qualifier) if qualifier.bytes().all(|byte| byte.is_ascii_digit()) => {
            "ListVersionsByFunction"
        }
        Some(_) => "ListAliases",
        None => "ListFunctions",
    })
}

fn listed(name: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    let mut answer = json!({name: items});
    if let Some(next) = next {
        answer["NextMarker"] = next.into();
    }
    Ok(answer.to_string())
}

fn absent(what: &str) -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFoundException",
        &format!("{what} is not configured"),
    )
}

// ---- Functions -----------------------------------------------------------------------------------

fn dice(place: Place<'_>, index: usize) -> Dice {
    place.dice("lambda function", index)
}

fn name(place: Place<'_>, index: usize) -> String {
    id::name(id::WORDS, dice(place, index), index)
}

fn arn(place: Place<'_>, index: usize) -> String {
    place.arn("lambda", &format!("function:{}", name(place, index)))
}

/// The ARN of some function of the place; none where there is no function.
pub(super) fn some_function(place: Place<'_>, of: Dice) -> Option<String> {
    let count = place.count("lambda");
    (count > 0).then(|| arn(place, of.below(count, "function")))
}

fn function(ask: &Ask<'_>) -> Result<(usize, Dice), Refusal> {
    let place = ask.place;
    let index = ask.named("FunctionName", place.count("lambda"), |index| {
        name(place, index)
    })?;
    Ok((index, dice(place, index)))
}

fn is_image(dice: Dice) -> bool {
    dice.percent(10, "image")
}

fn list_functions(ask: &Ask<'_>) -> Answer {
    let page = ask.page(ask.place.count("lambda"));
    let functions = page
        .items
        .clone()
        .map(|index| configuration(ask.place, index))
        .collect();
    listed("Functions", functions, page.next)
}

fn configuration(place: Place<'_>, index: usize) -> Value {
    let dice = dice(place, index);
    let name = name(place, index);
    let mut function = json!({
        "FunctionName": name, "FunctionArn": arn(place, index), "Version": "$LATEST",
        "Role": iam::some_role(place, dice),
        "CodeSize": 1000 + dice.below(5_000_000, "size"), "CodeSha256": dice.hex(43, "sha"),
        "Description": format!("{} of {}", dice.word(&["worker", "api", "cron"], "kind"), dice.word(id::WORDS, "name")),
        "Timeout": dice.pick(&[3, 10, 30, 900], "timeout"), "MemorySize": dice.pick(&[128, 256, 1024], "memory"),
        "LastModified": clock::lambda(place.days_ago(dice, 1, 900, "modified")),
        "Architectures": [dice.word(&["arm64", "x86_64"], "architecture")],
        "EphemeralStorage": {"Size": 512}, "RevisionId": id::uuid(dice, index),
        "TracingConfig": {"Mode": if dice.percent(40, "tracing") { "Active" } else { "PassThrough" }},
        "LoggingConfig": {
            "LogFormat": if dice.percent(50, "json logs") { "JSON" } else { "Text" },
            "LogGroup": format!("/aws/lambda/{name}")},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}});
    if is_image(dice) {
        function["PackageType"] = "Image".into();
    } else {
        function["PackageType"] = "Zip".into();
        function["Handler"] = "app.handler".into();
        function["Runtime"] = dice
            .word(
                &[
                    "python3.13",
                    "nodejs22.x",
                    "java21",
                    "python3.8",
                    "nodejs16.x",
                ],
                "runtime",
            )
            .into();
    }
    attachments(place, dice, &mut function);
    function
}

/// What a function has beside its code.
fn attachments(place: Place<'_>, dice: Dice, function: &mut Value) {
    if dice.percent(60, "environment") {
        let mut variables =
            json!({"LOG_LEVEL": dice.word(&["INFO", "WARN", "DEBUG"], "level"), "STAGE": "live"});
        if dice.percent(25, "secret") {
            variables["DB_PASSWORD"] = format!("{CANARY}-{}", dice.lower(12, "password")).into();
        }
        function["Environment"] = json!({"Variables": variables});
        if let Some(key) =
            kms::some_key(place, dice).filter(|_| dice.percent(40, "environment key"))
        {
            function["KMSKeyArn"] = key.into();
        }
    }
    if dice.percent(30, "vpc")
        && let Some((vpc, subnets, group)) = ec2::some_network(place, dice)
    {
        function["VpcConfig"] =
            json!({"VpcId": vpc, "SubnetIds": subnets, "SecurityGroupIds": [group]});
    }
    if dice.percent(30, "dead letters") {
        function["DeadLetterConfig"] = json!({"TargetArn": place.arn("sqs", "dead-letters")});
    }
    if dice.percent(20, "layer") {
        let owner = if dice.percent(20, "foreign layer") {
            STRANGER
        } else {
            place.account
        };
        let place = Place {
            account: owner,
            ..place
        };
        function["Layers"] =
            json!([{"Arn": place.arn("lambda", "layer:tools:3"), "CodeSize": 100_000}]);
    }
}

fn list_tags(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("Resource", place.count("lambda"), |index| arn(place, index))?;
    let tags: serde_json::Map<String, Value> = place
        .tags(dice(place, index))
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    Ok(json!({"Tags": tags}).to_string())
}

fn get_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    let qualifier = ask.text("Qualifier");
    let (dice, resource) = match qualifier {
        Some(qualifier) => (
            dice.with("qualifier").with(qualifier),
            format!("{}:{qualifier}", arn(place, index)),
        ),
        None => (dice, arn(place, index)),
    };
    let invoke = "lambda:InvokeFunction";
    let account = |id| json!({"AWS": format!("arn:{}:iam::{id}:root", place.estate.partition)});
    let pin = place.account.to_string();
    let statement = match dice.below(20, "policy") {
        0 => policy::grant(&json!("*"), &json!(invoke), &resource),
        1 => policy::grant(&account(STRANGER), &json!(invoke), &resource),
        2 => policy::grant(
            &account(place.estate.management_account()),
            &json!(invoke),
            &resource,
        ),
        3 | 4 => policy::for_service("s3.amazonaws.com", invoke, &resource, None),
        5..10 => policy::for_service("s3.amazonaws.com", invoke, &resource, Some(&pin)),
        _ => return Err(absent("the policy")),
    };
    let document = policy::document(&json!([statement]));
    Ok(json!({"Policy": document, "RevisionId": id::uuid(dice, index)}).to_string())
}

fn get_concurrency(ask: &Ask<'_>) -> Answer {
    let (_, dice) = function(ask)?;
    Ok(match dice.percent(25, "reserved") {
        true => json!({"ReservedConcurrentExecutions": 10}),
        false => json!({}),
    }
    .to_string())
}

fn get_code_signing_config(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    if is_image(dice) {
        return Err(Refusal::new(
            400,
            "InvalidParameterValueException",
            "not supported for images",
        ));
    }
    let count = code_signing_count(place);
    if count == 0 || dice.percent(80, "unsigned") {
        return Err(absent("code signing"));
    }
    let config = code_signing_arn(place, dice.below(count, "code signing"));
    Ok(json!({"CodeSigningConfigArn": config, "FunctionName": name(place, index)}).to_string())
}

fn get_url(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    let (dice, function) = match ask.text("Qualifier") {
        Some(qualifier) => (
            dice.with("qualifier").with(qualifier),
            format!("{}:{qualifier}", arn(place, index)),
        ),
        None => (dice, arn(place, index)),
    };
    if dice.percent(85, "no url") {
        return Err(absent("the URL"));
    }
    let made = clock::iso(place.days_ago(dice, 1, 500, "url"));
    let mut url = json!({
        "FunctionUrl": format!("https://{}.lambda-url.{}.on.aws/", dice.lower(32, "url"), place.region),
        "FunctionArn": function, "AuthType": if dice.percent(40, "open url") { "NONE" } else { "AWS_IAM" },
        "CreationTime": made, "LastModifiedTime": made, "InvokeMode": "BUFFERED"});
    if dice.percent(30, "cors") {
        url["Cors"] =
            json!({"AllowOrigins": ["*"], "AllowCredentials": dice.percent(50, "credentials")});
    }
    Ok(url.to_string())
}

fn list_invoke_configs(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    let page = ask.page(usize::from(dice.percent(30, "invoke config")));
    let configs = page
        .items
        .clone()
        .map(|_| {
            json!({
                "FunctionArn": format!("{}:$LATEST", arn(place, index)), "LastModified": place.estate.now - 86_400,
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": place.arn("sqs", "failures")}}})
        })
        .collect();
    listed("FunctionEventInvokeConfigs", configs, page.next)
}

/// Published versions; the newest is what the alias points to.
fn version_count(dice: Dice) -> usize {
    dice.below(3, "versions")
}

fn list_aliases(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    let versions = version_count(dice);
    let page = ask.page(usize::from(versions > 0));
    let aliases = page
        .items
        .clone()
        .map(|_| {
            json!({
                "Name": "live", "AliasArn": format!("{}:live", arn(place, index)),
                "FunctionVersion": versions.to_string(), "Description": "",
                "RevisionId": id::uuid(dice.with("alias"), index)})
        })
        .collect();
    listed("Aliases", aliases, page.next)
}

fn list_versions(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let (index, dice) = function(ask)?;
    let page = ask.page(version_count(dice) + 1);
    let versions = page
        .items
        .clone()
        .map(|version| {
            let label = match version {
                0 => "$LATEST".to_owned(),
                number => number.to_string(),
            };
            json!({
                "FunctionName": name(place, index), "FunctionArn": format!("{}:{label}", arn(place, index)),
                "Version": label, "CodeSize": 1000})
        })
        .collect();
    listed("Versions", versions, page.next)
}

// ---- What else there is --------------------------------------------------------------------------

/// A third as many event sources as functions.
fn list_mappings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(place.count("lambda").div_ceil(3));
    let mappings = page
        .items
        .clone()
        .map(|index| {
            let dice = place.dice("lambda mapping", index);
            let id = id::uuid(dice, index);
            let owner = if dice.percent(10, "foreign") { STRANGER } else { place.account };
            let source = Place { account: owner, ..place }.arn("sqs", dice.word(id::WORDS, "queue"));
            json!({
                "UUID": id, "EventSourceMappingArn": place.arn("lambda", &format!("event-source-mapping:{id}")),
                "BatchSize": 10, "EventSourceArn": source, "FunctionArn": some_function(place, dice),
                "LastModified": place.days_ago(dice, 1, 500, "modified"),
                "State": if dice.percent(15, "off") { "Disabled" } else { "Enabled" }})
        })
        .collect();
    listed("EventSourceMappings", mappings, page.next)
}

fn layer_name(place: Place<'_>, index: usize) -> String {
    id::name(
        &["tools", "shared", "drivers"],
        place.dice("lambda layer", index),
        index,
    )
}

fn layer_count(place: Place<'_>) -> usize {
    place.count("lambda").div_ceil(10)
}

fn list_layers(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(layer_count(place));
    let layers = page
        .items
        .clone()
        .map(|index| {
            let name = layer_name(place, index);
            let arn = place.arn("lambda", &format!("layer:{name}"));
            let created = place.days_ago(place.dice("lambda layer", index), 10, 700, "created");
            json!({
                "LayerName": name, "LayerArn": arn,
                "LatestMatchingVersion": {
                    "LayerVersionArn": format!("{arn}:3"), "Version": 3,
                    "CreatedDate": clock::lambda(created), "CompatibleRuntimes": ["python3.13"]}})
        })
        .collect();
    listed("Layers", layers, page.next)
}

fn get_layer_policy(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let index = ask.named("LayerName", layer_count(place), |index| {
        layer_name(place, index)
    })?;
    let dice = place.dice("lambda layer", index);
    let principal = match dice.below(10, "policy") {
        0 => json!("*"),
        1 => json!({"AWS": STRANGER.to_string()}),
        2..5 => json!({"AWS": place.estate.management_account().to_string()}),
        _ => return Err(absent("the policy")),
    };
    let layer = place.arn("lambda", &format!("layer:{}:3", layer_name(place, index)));
    let statement = policy::grant(&principal, &json!("lambda:GetLayerVersion"), &layer);
    let document = policy::document(&json!([statement]));
    Ok(json!({"Policy": document, "RevisionId": id::uuid(dice, index)}).to_string())
}

fn code_signing_count(place: Place<'_>) -> usize {
    place.count("lambda").div_ceil(20)
}

fn code_signing_id(place: Place<'_>, index: usize) -> String {
    id::hex("csc-", place.dice("lambda code signing", index), index)
}

fn code_signing_arn(place: Place<'_>, index: usize) -> String {
    place.arn(
        "lambda",
        &format!("code-signing-config:{}", code_signing_id(place, index)),
    )
}

fn list_code_signing_configs(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let page = ask.page(code_signing_count(place));
    let configs = page
        .items
        .clone()
        .map(|index| {
            let dice = place.dice("lambda code signing", index);
            json!({
                "CodeSigningConfigId": code_signing_id(place, index),
                "CodeSigningConfigArn": code_signing_arn(place, index),
                "AllowedPublishers": {"SigningProfileVersionArns": [place.arn("signer", "/signing-profiles/main/1")]},
                "CodeSigningPolicies": {
                    "UntrustedArtifactOnDeployment": if dice.percent(50, "warns") { "Warn" } else { "Enforce" }},
                "LastModified": clock::lambda(place.days_ago(dice, 10, 600, "modified"))})
        })
        .collect();
    listed("CodeSigningConfigs", configs, page.next)
}

fn get_account_settings(ask: &Ask<'_>) -> Answer {
    let place = ask.place;
    let dice = place.dice("lambda account", 0);
    let quota = dice.pick(&[1000, 1000, 50], "quota").unwrap_or(1000);
    Ok(json!({
        "AccountLimit": {
            "ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": quota - dice.pick(&[0, 10], "reserved").unwrap_or(0),
            "TotalCodeSize": 80_530_636_800_i64, "CodeSizeUnzipped": 262_144_000, "CodeSizeZipped": 52_428_800},
        "AccountUsage": {"FunctionCount": place.count("lambda"), "TotalCodeSize": 100_000_000}})
    .to_string())
}
