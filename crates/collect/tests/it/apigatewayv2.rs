use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_only, scan_replay, scan_world};

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("apigatewayv2").await;
}

#[tokio::test(start_paused = true)]
async fn an_http_api_is_read_with_everything_that_belongs_to_it() {
    let scanned = scan_world("apigatewayv2", vec![]).await;
    let api = scanned.named("apigatewayv2.api", "shop");
    assert_eq!(api.arn, "arn:aws:apigateway:eu-west-1::/apis/h1h2h3h4h5");
    assert_eq!(api.properties["protocol"], "HTTP");
    assert_eq!(
        api.properties["cors"]["allow_origins"],
        json!(["https://*"])
    );
    let route = &scanned
        .named("apigatewayv2.route", "shop GET /orders")
        .properties;
    assert_eq!(route["authorization_type"], "JWT");
    assert_eq!(route["authorizer_id"], "a1");
    let stage = &scanned
        .named("apigatewayv2.stage", "shop/$default")
        .properties;
    assert_eq!(
        stage["default_route_settings"]["throttling_rate_limit"],
        100.0
    );
    assert_eq!(stage["route_settings"][0]["route_key"], "GET /orders");
    assert_eq!(stage["variables"][1]["secret"]["kind"], "named_secret");
    let function = &scanned
        .named("apigatewayv2.authorizer", "function")
        .properties;
    assert_eq!(
        function["function_arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:authorize"
    );
    let lambda = &scanned
        .named("apigatewayv2.integration", "shop i1")
        .properties;
    assert_eq!(lambda["function_qualifier"], "live");
    let http = &scanned
        .named("apigatewayv2.integration", "shop i2")
        .properties;
    assert_eq!(http["uri"], "http://backend.example.com/v1");
    assert_eq!(http["static_parameters"].as_array().unwrap().len(), 1);
    assert_eq!(
        http["static_parameters"][0]["secret"]["kind"],
        "named_secret"
    );
    assert_eq!(http["uri_parameters"].as_array().unwrap().len(), 2);
    let domain = &scanned
        .named("apigatewayv2.domain_name", "shop.example.com")
        .properties;
    assert_eq!(domain["mappings"][0]["key"], "v1/shop");
    assert_eq!(domain["mutual_tls"]["truststore_version"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn constants_of_a_websocket_api_are_the_quoted_ones() {
    let scanned = scan_world("apigatewayv2", vec![]).await;
    let integration = &scanned
        .named("apigatewayv2.integration", "chat i9")
        .properties;
    let names: Vec<_> = integration["static_parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "integration.request.header.x-api-key",
            "template application/json"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "apigatewayv2",
        vec![reply("apigatewayv2:GetApis", json!({"items": []}))],
    )
    .await;
    for kind in ["api", "route", "authorizer", "stage", "integration"] {
        let kind = format!("apigatewayv2.{kind}");
        assert!(scanned.of(&kind).is_empty());
        assert_eq!(scanned.listing(&kind).gap, None);
    }
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let route =
        |id: &str, key: &str| json!({"routeId": id, "routeKey": key, "authorizationType": "NONE"});
    let scanned = scan_world(
        "apigatewayv2",
        vec![
            reply(
                "apigatewayv2:GetRoutes",
                json!({"items": [route("r2", "GET /b")]}),
            )
            .when("h1h2h3h4h5")
            .when("nextToken=t2"),
            reply(
                "apigatewayv2:GetRoutes",
                json!({"items": [route("r1", "GET /a")], "nextToken": "t2"}),
            )
            .when("h1h2h3h4h5"),
        ],
    )
    .await;
    scanned.named("apigatewayv2.route", "shop GET /a");
    scanned.named("apigatewayv2.route", "shop GET /b");
    assert_eq!(scanned.ledger("apigatewayv2:GetRoutes").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    let scanned = scan_world(
        "apigatewayv2",
        vec![Reply::error(
            "apigatewayv2:GetApiMappings",
            403,
            "AccessDeniedException",
        )],
    )
    .await;
    let domain = scanned.named("apigatewayv2.domain_name", "shop.example.com");
    assert_eq!(
        domain.properties["mappings"]["unavailable"],
        json!({"reason": "access_denied", "operation": "apigatewayv2:GetApiMappings",
               "iam_action": "apigateway:GET", "code": "AccessDeniedException"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("apigatewayv2:GetRoutes", Fault::AccessDenied);
    let scanned = scan_replay("apigatewayv2", replay).await;
    let gap = scanned.listing("apigatewayv2.route").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(scanned.listing("apigatewayv2.stage").gap, None);
    assert_eq!(scanned.of("apigatewayv2.api").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("apigatewayv2:GetApis", 429, "TooManyRequestsException").once();
    let scanned = scan_world("apigatewayv2", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("apigatewayv2.api").len(), 2);
    let ledger = scanned.ledger("apigatewayv2:GetApis");
    assert_eq!((ledger.calls, ledger.retries, ledger.failed), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_route_that_does_not_tell_its_authorization_is_not_an_open_one() {
    let scanned = scan_only(
        "apigatewayv2",
        vec![
            reply(
                "apigatewayv2:GetApis",
                json!({"items": [{"apiId": "a", "name": "a", "protocolType": "HTTP"}]}),
            ),
            reply(
                "apigatewayv2:GetRoutes",
                json!({"items": [{"routeId": "r", "routeKey": "GET /"}]}),
            ),
        ],
    )
    .await;
    assert!(scanned.of("apigatewayv2.route").is_empty());
    let gap = scanned.listing("apigatewayv2.route").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}
