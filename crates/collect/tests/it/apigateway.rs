use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("apigateway").await;
}

#[tokio::test(start_paused = true)]
async fn methods_know_their_api_and_what_stands_behind_them() {
    let scanned = scan_world("apigateway", vec![]).await;
    let get = &scanned
        .named("apigateway.method", "orders GET /orders")
        .properties;
    assert_eq!(get["authorization_type"], "NONE");
    assert_eq!(get["api_endpoint_types"], json!(["REGIONAL"]));
    assert_eq!(get["request_validator"], json!(null));
    assert_eq!(
        get["integration"]["function_arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    );
    assert_eq!(get["integration"]["function_qualifier"], "live");
    let post = scanned.named("apigateway.method", "orders POST /orders");
    assert_eq!(
        post.arn,
        "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3d4e5/resources/res1/methods/POST"
    );
    let post = &post.properties;
    assert_eq!(post["authorizer_id"], "auth1");
    assert_eq!(post["request_validator"]["validate_body"], true);
    assert_eq!(post["request_validator"]["validate_parameters"], false);
    assert_eq!(
        post["request_models"],
        json!([{"content_type": "application/json", "model": "Order"}])
    );
    assert_eq!(
        post["integration"]["uri"],
        "http://backend.example.com/orders"
    );
    assert_eq!(post["integration"]["insecure_skip_verification"], true);
    let parameters = post["integration"]["static_parameters"].as_array().unwrap();
    assert_eq!(
        parameters[0]["name"],
        "integration.request.header.x-api-key"
    );
    assert_eq!(parameters[0]["secret"]["kind"], "named_secret");
    assert_eq!(parameters[1]["name"], "template application/json");
    assert_eq!(
        post["integration"]["uri_parameters"][0]["secret"]["kind"],
        "named_secret"
    );
    let options = &scanned
        .named("apigateway.method", "orders OPTIONS /orders")
        .properties;
    assert_eq!(
        options["integration"]["cors"],
        json!({"allow_origin": "*", "allow_credentials": true})
    );
}

#[tokio::test(start_paused = true)]
async fn escaped_policies_are_read() {
    let scanned = scan_world("apigateway", vec![]).await;
    let internal = &scanned.named("apigateway.rest_api", "internal").properties;
    assert_eq!(internal["policy"]["Statement"][0]["Principal"], "*");
    assert_eq!(internal["endpoint_types"], json!(["PRIVATE"]));
    let method = &scanned
        .named("apigateway.method", "internal ANY /")
        .properties;
    assert_eq!(method["api_policy"], internal["policy"]);
    let orders = &scanned.named("apigateway.rest_api", "orders").properties;
    assert_eq!(orders["policy"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn plain_policies_are_read_and_broken_ones_are_unknown() {
    let api = |id: &str, policy: &str| json!({"id": id, "name": id, "policy": policy});
    let scanned = scan_world(
        "apigateway",
        vec![reply(
            "apigateway:GetRestApis",
            json!({"item": [
                api("plain", r#"{"Version":"2012-10-17","Statement":[]}"#),
                api("broken", r#"{\"Version\":"#),
                api("none", ""),
            ]}),
        )],
    )
    .await;
    let policy =
        |name: &str| scanned.named("apigateway.rest_api", name).properties["policy"].clone();
    assert_eq!(policy("plain")["Version"], "2012-10-17");
    assert_eq!(policy("broken")["unavailable"]["reason"], "malformed");
    assert_eq!(policy("none"), json!(null));
}

#[tokio::test(start_paused = true)]
async fn stages_are_read_whole() {
    let scanned = scan_world("apigateway", vec![]).await;
    let prod = &scanned.named("apigateway.stage", "orders/prod").properties;
    assert_eq!(prod["method_settings"][0]["path"], "*/*");
    assert_eq!(prod["method_settings"][0]["throttling_rate_limit"], 100.0);
    assert_eq!(prod["method_settings"][1]["path"], "/orders/GET");
    assert_eq!(
        prod["method_settings"][1]["throttling_rate_limit"],
        json!(null),
        "-1 is no limit"
    );
    assert_eq!(prod["variables"][1]["name"], "dbPassword");
    assert_eq!(prod["variables"][1]["secret"]["kind"], "named_secret");
    assert_eq!(prod["variables"][0]["secret"], json!(null));
    assert_eq!(
        prod["canary"]["variables"][0]["secret"]["kind"],
        "named_secret"
    );
    let bare = &scanned
        .named("apigateway.stage", "internal/prod")
        .properties;
    assert_eq!(bare["access_log"], json!(null));
    assert_eq!(bare["web_acl_arn"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "apigateway",
        vec![reply("apigateway:GetRestApis", json!({"item": []}))],
    )
    .await;
    for kind in ["rest_api", "method", "authorizer", "stage"] {
        let kind = format!("apigateway.{kind}");
        assert!(scanned.of(&kind).is_empty());
        assert_eq!(scanned.listing(&kind).gap, None);
    }
    assert_eq!(scanned.of("apigateway.account").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_domain_without_mappings_answers_without_a_list() {
    let scanned = scan_world(
        "apigateway",
        vec![reply("apigateway:GetBasePathMappings", json!({}))],
    )
    .await;
    let domain = scanned.named("apigateway.domain_name", "api.example.com");
    assert_eq!(domain.properties["mappings"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let scanned = scan_world(
        "apigateway",
        vec![
            reply(
                "apigateway:GetApiKeys",
                json!({"item": [{"id": "b", "enabled": true}]}),
            )
            .when("position=p2"),
            reply(
                "apigateway:GetApiKeys",
                json!({"position": "p2", "item": [{"id": "a", "enabled": false}]}),
            ),
        ],
    )
    .await;
    let ids: Vec<_> = scanned
        .of("apigateway.api_key")
        .iter()
        .map(|k| k.id.clone())
        .collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(scanned.ledger("apigateway:GetApiKeys").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    let scanned = scan_world(
        "apigateway",
        vec![
            Reply::error(
                "apigateway:GetRequestValidators",
                403,
                "AccessDeniedException",
            ),
            Reply::error("apigateway:GetUsagePlanKeys", 403, "AccessDeniedException"),
        ],
    )
    .await;
    let gap = json!({"reason": "access_denied", "operation": "apigateway:GetRequestValidators",
                     "iam_action": "apigateway:GET", "code": "AccessDeniedException"});
    let post = &scanned
        .named("apigateway.method", "orders POST /orders")
        .properties;
    assert_eq!(post["request_validator"]["unavailable"], gap);
    let get = &scanned
        .named("apigateway.method", "orders GET /orders")
        .properties;
    assert_eq!(get["request_validator"], json!(null), "it names none");
    let api = &scanned.named("apigateway.rest_api", "orders").properties;
    assert_eq!(api["request_validators"]["unavailable"], gap);
    let plan = &scanned
        .named("apigateway.usage_plan", "partners")
        .properties;
    assert_eq!(plan["keys"]["unavailable"]["reason"], "access_denied");
}

#[tokio::test(start_paused = true)]
async fn one_api_whose_methods_are_denied_makes_their_listing_incomplete() {
    let scanned = scan_world(
        "apigateway",
        vec![
            Reply::error("apigateway:GetResources", 403, "AccessDeniedException")
                .when("/restapis/a1b2c3d4e5/"),
        ],
    )
    .await;
    let listing = scanned.listing("apigateway.method");
    assert_eq!(listing.gap.clone().unwrap().reason, GapReason::AccessDenied);
    assert_eq!(listing.count, 1, "those of the other API");
    assert_eq!(scanned.listing("apigateway.stage").gap, None);
}

#[tokio::test(start_paused = true)]
async fn without_apis_nothing_of_theirs_is_known() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("apigateway:GetRestApis", Fault::AccessDenied);
    let scanned = scan_replay("apigateway", replay).await;
    for kind in ["rest_api", "method", "authorizer", "stage"] {
        let gap = scanned
            .listing(&format!("apigateway.{kind}"))
            .gap
            .clone()
            .unwrap();
        assert_eq!(gap.reason, GapReason::AccessDenied, "{kind}");
    }
    assert_eq!(scanned.listing("apigateway.usage_plan").gap, None);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("apigateway:GetStages", 429, "TooManyRequestsException").once();
    let scanned = scan_world("apigateway", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("apigateway.stage").len(), 2);
    let ledger = scanned.ledger("apigateway:GetStages");
    assert_eq!((ledger.calls, ledger.throttled, ledger.failed), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_method_that_does_not_tell_its_authorization_is_not_an_open_one() {
    let scanned = scan_only(
        "apigateway",
        vec![
            reply("apigateway:GetRestApis", json!({"item": [{"id": "a1"}]})),
            reply(
                "apigateway:GetResources",
                json!({"item": [{"id": "r1", "path": "/", "resourceMethods": {"GET": {}}}]}),
            ),
        ],
    )
    .await;
    assert!(scanned.of("apigateway.method").is_empty());
    let gap = scanned.listing("apigateway.method").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn an_api_without_an_id_makes_the_listing_incomplete() {
    let scanned = scan_only(
        "apigateway",
        vec![reply(
            "apigateway:GetRestApis",
            json!({"item": [{"name": "nameless"}]}),
        )],
    )
    .await;
    for kind in ["rest_api", "method", "stage"] {
        let gap = scanned
            .listing(&format!("apigateway.{kind}"))
            .gap
            .clone()
            .unwrap();
        assert_eq!(gap.reason, GapReason::Malformed, "{kind}");
    }
}
