use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::json;

use crate::support::{assert_world_is_whole, scan_replay, scan_with, scan_world};

/// An answer of the query protocol.
fn query(operation: &str, result: &str) -> Reply {
    reply(
        &format!("iam:{operation}"),
        format!(
            "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
        ),
    )
}

fn broken(operation: &str, fault: Fault) -> Replay {
    Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking(operation, fault)
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("iam").await;
}

#[tokio::test(start_paused = true)]
async fn principals_come_with_policies_and_credentials() {
    let scanned = scan_world("iam", vec![]).await;
    let jo = &scanned.named("iam.user", "jo").properties;
    assert_eq!(jo["group_names"], json!(["admins"]));
    assert_eq!(jo["credentials"]["password_enabled"], true);
    assert_eq!(jo["credentials"]["generated"], "2026-01-31T10:00:00Z");
    assert_eq!(
        jo["mfa_devices"][0]["serial_number"],
        "arn:aws:iam::123456789012:mfa/jo"
    );
    assert_eq!(jo["access_keys"], json!([]));
    assert_eq!(jo["inline_policies"], json!([]));

    let ci = scanned.named("iam.user", "ci");
    let p = &ci.properties;
    assert_eq!(p["path"], "/machines/");
    assert_eq!(
        p["inline_policies"][0]["document"]["Statement"][0]["Action"],
        "s3:*"
    );
    assert_eq!(
        p["permissions_boundary_arn"],
        "arn:aws:iam::123456789012:policy/bound"
    );
    assert_eq!(p["access_keys"][0]["last_used"]["service"], "s3");
    assert_eq!(p["access_keys"][1]["status"], "Inactive");
    assert_eq!(p["access_keys"][1]["last_used"], json!(null), "never used");
    assert_eq!(p["credentials"]["access_keys"][0]["active"], true);

    let orders = scanned.named("iam.role", "orders");
    let p = &orders.properties;
    assert_eq!(
        p["trust_policy"]["Statement"][0]["Principal"]["Service"],
        "lambda.amazonaws.com"
    );
    assert_eq!(p["max_session_duration"], 3600);
    assert_eq!(p["last_used"], "2026-01-30T08:00:00Z");
    assert_eq!(p["service_linked"], false);
    assert_eq!(
        serde_json::to_value(&orders.tags).unwrap(),
        json!({"team": "orders"})
    );
    let support = &scanned
        .named("iam.role", "AWSServiceRoleForSupport")
        .properties;
    assert_eq!(support["service_linked"], true);
    assert_eq!(support["last_used"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn policies_of_aws_are_kept_where_they_are_in_use() {
    let scanned = scan_world("iam", vec![]).await;
    let names: Vec<_> = scanned
        .of("iam.policy")
        .iter()
        .map(|policy| policy.name.clone())
        .collect();
    assert!(
        names.contains(&"AdministratorAccess".to_owned()),
        "{names:?}"
    );
    assert!(!names.contains(&"ReadOnlyAccess".to_owned()), "{names:?}");
    let orders = scanned.named("iam.policy", "orders");
    let p = &orders.properties;
    assert_eq!(p["aws_managed"], false);
    assert_eq!(p["version_count"], 2);
    assert_eq!(
        p["document"]["Statement"][0]["Action"], "iam:PassRole",
        "the default version decides, not the first or last"
    );
    assert_eq!(
        scanned.named("iam.policy", "bound").properties["boundary_usage_count"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_account_holds_its_root_user_and_rules() {
    let scanned = scan_world("iam", vec![]).await;
    let account = scanned.named("iam.account", "shop");
    assert_eq!(account.arn, "arn:aws:iam::123456789012:root");
    assert_eq!(account.region.as_str(), "global");
    let p = &account.properties;
    assert_eq!(p["root"]["password_last_used"], "2025-06-01T00:00:00Z");
    assert_eq!(p["summary"]["root_mfa_enabled"], true);
    assert_eq!(p["summary"]["root_access_keys_present"], false);
    assert_eq!(p["password_policy"]["minimum_length"], 8);
    assert_eq!(p["password_policy"]["reuse_prevention"], json!(null));
    assert_eq!(
        p["organization_features"],
        json!(["RootCredentialsManagement"])
    );
    let oidc = scanned.named("iam.oidc_provider", "token.actions.githubusercontent.com");
    assert_eq!(oidc.properties["client_ids"], json!(["sts.amazonaws.com"]));
    assert_eq!(
        scanned.named("iam.saml_provider", "directory").properties["assertion_encryption_mode"],
        "Required"
    );
    assert_eq!(
        scanned.named("iam.server_certificate", "shop").properties["expiration"],
        "2026-02-10T00:00:00Z"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_account_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "iam",
        vec![
            query(
                "GetAccountAuthorizationDetails",
                "<UserDetailList/><GroupDetailList/><RoleDetailList/><Policies/><IsTruncated>false</IsTruncated>",
            ),
            query("ListSAMLProviders", "<SAMLProviderList/>"),
            query("ListOpenIDConnectProviders", "<OpenIDConnectProviderList/>"),
            query(
                "ListServerCertificates",
                "<ServerCertificateMetadataList/><IsTruncated>false</IsTruncated>",
            ),
            Reply::error("iam:GetAccountPasswordPolicy", 404, "NoSuchEntity"),
            Reply::error(
                "iam:ListOrganizationsFeatures",
                404,
                "OrganizationNotFoundException",
            ),
        ],
    )
    .await;
    for kind in [
        "iam.user",
        "iam.group",
        "iam.role",
        "iam.policy",
        "iam.saml_provider",
        "iam.oidc_provider",
        "iam.server_certificate",
    ] {
        assert!(scanned.of(kind).is_empty(), "{kind}");
        assert_eq!(scanned.listing(kind).gap, None, "{kind}");
    }
    let p = &scanned.named("iam.account", "shop").properties;
    assert_eq!(p["password_policy"], json!(null));
    assert_eq!(p["organization_features"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let page = |name: &str, end: &str| {
        query(
            "GetAccountAuthorizationDetails",
            &format!(
                "<UserDetailList/><GroupDetailList><member><GroupName>{name}</GroupName>\
                 <Arn>arn:aws:iam::123456789012:group/{name}</Arn></member></GroupDetailList>\
                 <RoleDetailList/><Policies/>{end}"
            ),
        )
        .when("Filter.member.1=Group")
    };
    let scanned = scan_world(
        "iam",
        vec![
            page("b", "<IsTruncated>false</IsTruncated>").when("Marker=m1"),
            page("a", "<IsTruncated>true</IsTruncated><Marker>m1</Marker>"),
        ],
    )
    .await;
    let names: Vec<_> = scanned
        .of("iam.group")
        .iter()
        .map(|group| group.name.clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(scanned.listing("iam.group").gap, None);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_cut_off_without_a_marker_is_incomplete() {
    let scanned = scan_world(
        "iam",
        vec![
            query(
                "GetAccountAuthorizationDetails",
                "<UserDetailList/><GroupDetailList/><RoleDetailList/><Policies/><IsTruncated>true</IsTruncated>",
            )
            .when("Filter.member.1=Group"),
        ],
    )
    .await;
    let gap = scanned.listing("iam.group").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
    assert_eq!(scanned.listing("iam.user").gap, None);
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = broken("iam:GetAccountAuthorizationDetails", Fault::AccessDenied);
    let scanned = scan_replay("iam", replay).await;
    for kind in ["iam.user", "iam.group", "iam.role", "iam.policy"] {
        let gap = scanned.listing(kind).gap.clone().unwrap();
        assert_eq!(gap.reason, GapReason::AccessDenied);
    }
    assert_eq!(scanned.listing("iam.saml_provider").gap, None);
}

#[tokio::test(start_paused = true)]
async fn denied_facts_are_gaps_that_name_the_action() {
    for (operation, kind, name, field) in [
        ("iam:ListMFADevices", "iam.user", "jo", "mfa_devices"),
        ("iam:ListAccessKeys", "iam.user", "ci", "access_keys"),
        ("iam:GetCredentialReport", "iam.user", "ci", "credentials"),
        ("iam:GetCredentialReport", "iam.account", "shop", "root"),
        (
            "iam:ListRoles",
            "iam.role",
            "orders",
            "max_session_duration",
        ),
        ("iam:GetAccountSummary", "iam.account", "shop", "summary"),
        (
            "iam:GetAccountPasswordPolicy",
            "iam.account",
            "shop",
            "password_policy",
        ),
        (
            "iam:ListVirtualMFADevices",
            "iam.account",
            "shop",
            "virtual_mfa_devices",
        ),
        (
            "iam:ListOrganizationsFeatures",
            "iam.account",
            "shop",
            "organization_features",
        ),
    ] {
        let scanned = scan_replay("iam", broken(operation, Fault::AccessDenied)).await;
        let p = &scanned.named(kind, name).properties;
        assert_eq!(
            p[field]["unavailable"]["iam_action"], operation,
            "{operation}"
        );
        assert_eq!(p[field]["unavailable"]["reason"], "access_denied");
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("iam:GetAccountAuthorizationDetails", 400, "Throttling").once();
    let scanned = scan_world("iam", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("iam.user").len(), 2);
    let ledger = scanned.ledger("iam:GetAccountAuthorizationDetails");
    assert_eq!((ledger.throttled, ledger.failed), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_report_in_the_making_is_waited_for() {
    let scanned = scan_world(
        "iam",
        vec![
            query("GenerateCredentialReport", "<State>STARTED</State>").once(),
            query("GenerateCredentialReport", "<State>INPROGRESS</State>").once(),
            Reply::error("iam:GetCredentialReport", 404, "ReportInProgress").once(),
        ],
    )
    .await;
    let jo = &scanned.named("iam.user", "jo").properties;
    assert_eq!(jo["credentials"]["mfa_active"], true);
    assert_eq!(scanned.ledger("iam:GetCredentialReport").failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_never_comes_is_a_gap() {
    let scanned = scan_world(
        "iam",
        vec![query("GenerateCredentialReport", "<State>STARTED</State>")],
    )
    .await;
    let jo = &scanned.named("iam.user", "jo").properties;
    assert_eq!(jo["credentials"]["unavailable"]["reason"], "timeout");
}

#[tokio::test(start_paused = true)]
async fn a_report_may_be_read_without_the_right_to_make_one() {
    let replay = broken("iam:GenerateCredentialReport", Fault::AccessDenied);
    let scanned = scan_replay("iam", replay).await;
    let jo = &scanned.named("iam.user", "jo").properties;
    assert_eq!(jo["credentials"]["password_enabled"], true);

    let scanned = scan_world(
        "iam",
        vec![
            Reply::error("iam:GenerateCredentialReport", 403, "AccessDenied"),
            Reply::error("iam:GetCredentialReport", 410, "ReportNotPresent"),
        ],
    )
    .await;
    let jo = &scanned.named("iam.user", "jo").properties;
    assert_eq!(
        jo["credentials"]["unavailable"]["iam_action"],
        "iam:GenerateCredentialReport"
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_younger_than_the_report_is_unknown() {
    let scanned = scan_world(
        "iam",
        vec![
            query(
                "GetAccountAuthorizationDetails",
                "<UserDetailList><member><UserName>new</UserName>\
                 <Arn>arn:aws:iam::123456789012:user/new</Arn></member></UserDetailList>\
                 <GroupDetailList/><RoleDetailList/><Policies/><IsTruncated>false</IsTruncated>",
            )
            .when("Filter.member.1=User"),
        ],
    )
    .await;
    let new = &scanned.named("iam.user", "new").properties;
    assert_eq!(new["credentials"]["unavailable"]["code"], "NotInReport");
    assert_eq!(new["path"], "/");
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_no_json_are_gaps() {
    let scanned = scan_world(
        "iam",
        vec![
            query(
                "GetAccountAuthorizationDetails",
                "<UserDetailList/><GroupDetailList/><RoleDetailList><member><RoleName>odd</RoleName>\
                 <Arn>arn:aws:iam::123456789012:role/team/odd</Arn>\
                 <AssumeRolePolicyDocument>%7Bnot json</AssumeRolePolicyDocument>\
                 <RolePolicyList><member><PolicyName>p</PolicyName></member></RolePolicyList></member>\
                 </RoleDetailList><Policies/><IsTruncated>false</IsTruncated>",
            )
            .when("Filter.member.1=Role"),
        ],
    )
    .await;
    let odd = &scanned.named("iam.role", "odd").properties;
    assert_eq!(odd["path"], "/team/");
    assert_eq!(odd["trust_policy"]["unavailable"]["reason"], "malformed");
    assert_eq!(
        odd["inline_policies"][0]["document"]["unavailable"]["reason"],
        "malformed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_entity_without_an_arn_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "iam",
        vec![
            query(
                "GetAccountAuthorizationDetails",
                "<UserDetailList><member><UserName>jo</UserName></member></UserDetailList>\
                 <GroupDetailList/><RoleDetailList/><Policies/><IsTruncated>false</IsTruncated>",
            )
            .when("Filter.member.1=User"),
        ],
    )
    .await;
    let gap = scanned.listing("iam.user").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn what_the_summary_does_not_tell_is_unknown() {
    let entries: String = [
        "Users",
        "Groups",
        "Roles",
        "Policies",
        "InstanceProfiles",
        "Providers",
        "ServerCertificates",
        "MFADevices",
        "MFADevicesInUse",
        "AccountMFAEnabled",
    ]
    .iter()
    .map(|key| format!("<entry><key>{key}</key><value>0</value></entry>"))
    .collect();
    let scanned = scan_world(
        "iam",
        vec![query(
            "GetAccountSummary",
            &format!("<SummaryMap>{entries}</SummaryMap>"),
        )],
    )
    .await;
    let summary = &scanned.named("iam.account", "shop").properties["summary"];
    assert_eq!(summary["root_mfa_enabled"], false);
    assert_eq!(
        summary["root_password_present"]["unavailable"]["reason"],
        "unsupported"
    );
}

/// The fields of principals that hold services last accessed.
const PRINCIPALS: [(&str, &str); 3] = [
    ("iam.user", "jo"),
    ("iam.user", "ci"),
    ("iam.role", "orders"),
];

#[tokio::test(start_paused = true)]
async fn services_come_with_their_last_use() {
    let scanned = scan_world("iam", vec![]).await;
    assert_eq!(
        scanned.named("iam.role", "orders").properties["service_last_accessed"],
        json!([
            {"service_namespace": "dynamodb", "last_authenticated": "2026-01-30T08:00:00Z",
             "last_authenticated_region": "eu-west-1"},
            {"service_namespace": "iam", "last_authenticated": null, "last_authenticated_region": null},
        ])
    );
    let jo = &scanned.named("iam.user", "jo").properties["service_last_accessed"];
    assert_eq!(jo[2]["service_namespace"], "s3");
    assert_eq!(jo[2]["last_authenticated_region"], json!(null));
    // A service-linked role is AWS's own and is not asked about.
    let support = &scanned
        .named("iam.role", "AWSServiceRoleForSupport")
        .properties;
    assert_eq!(support["service_last_accessed"], json!(null));
    let seen = scanned.replay.seen();
    assert_eq!(seen["iam:GenerateServiceLastAccessedDetails"], 3);
    assert_eq!(seen["iam:GetServiceLastAccessedDetails"], 3);
    let account = &scanned.named("iam.account", "shop").properties;
    assert_eq!(account["service_last_accessed_requested"], true);
}

#[tokio::test(start_paused = true)]
async fn services_are_not_asked_for_unless_the_scan_says_so() {
    let replay = Replay::new(posture_collect::operation_of).with(world::all());
    let scanned = scan_with("iam", replay, |request| request.last_accessed = false)
        .await
        .unwrap();
    for (kind, name) in PRINCIPALS {
        let p = &scanned.named(kind, name).properties;
        assert_eq!(
            p["service_last_accessed"],
            json!({"unavailable": {
                "reason": "not_requested",
                "operation": "iam:GenerateServiceLastAccessedDetails",
                "iam_action": "iam:GenerateServiceLastAccessedDetails",
                "code": "posture scan --last-accessed",
            }})
        );
    }
    let account = &scanned.named("iam.account", "shop").properties;
    assert_eq!(account["service_last_accessed_requested"], false);
    // Nothing was called, so nothing is missing from what was asked for.
    let seen = scanned.replay.seen();
    assert!(!seen.keys().any(|name| name.contains("LastAccessed")));
    let ledger = scanned.units.iter().flat_map(|unit| &unit.ledger);
    assert!(ledger.into_iter().all(|entry| entry.gaps.is_empty()));
}

/// A report on the role `orders`, in the making or made.
fn orders_report(status: &str, rest: &str) -> Reply {
    query(
        "GetServiceLastAccessedDetails",
        &format!(
            "<JobStatus>{status}</JobStatus><JobCreationDate>2026-01-31T10:00:00Z</JobCreationDate>{rest}"
        ),
    )
    .when("JobId=job-orders")
}

#[tokio::test(start_paused = true)]
async fn a_report_on_a_role_is_waited_for() {
    let making = || {
        orders_report(
            "IN_PROGRESS",
            "<ServicesLastAccessed/><IsTruncated>false</IsTruncated>",
        )
        .once()
    };
    let scanned = scan_world("iam", vec![making(), making(), making()]).await;
    let orders = &scanned.named("iam.role", "orders").properties;
    assert_eq!(
        orders["service_last_accessed"][0]["service_namespace"],
        "dynamodb"
    );
    let ledger = scanned.ledger("iam:GetServiceLastAccessedDetails");
    assert_eq!((ledger.calls, ledger.failed), (6, 0));
    assert!(ledger.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_pages_of_services_are_one_list() {
    let member = |name: &str| {
        format!(
            "<ServicesLastAccessed><member><ServiceName>x</ServiceName><ServiceNamespace>{name}</ServiceNamespace></member></ServicesLastAccessed>"
        )
    };
    let second = format!("{}<IsTruncated>false</IsTruncated>", member("sqs"));
    let first = format!(
        "{}<IsTruncated>true</IsTruncated><Marker>m1</Marker>",
        member("sns")
    );
    let scanned = scan_world(
        "iam",
        vec![
            orders_report("COMPLETED", &second).when("Marker=m1"),
            orders_report("COMPLETED", &first),
        ],
    )
    .await;
    let services = &scanned.named("iam.role", "orders").properties["service_last_accessed"];
    let names: Vec<_> = services
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["service_namespace"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sns", "sqs"]);
    assert_eq!(scanned.ledger("iam:GetServiceLastAccessedDetails").pages, 1);
}

/// What is wrong with a report, the reason and the code of the gap.
#[tokio::test(start_paused = true)]
async fn a_report_that_is_not_made_is_a_gap_that_coverage_shows() {
    let nothing = "<ServicesLastAccessed/><IsTruncated>false</IsTruncated>";
    let failed =
        "<ServicesLastAccessed/><Error><Message>m</Message><Code>InternalError</Code></Error>";
    let cut = "<ServicesLastAccessed/><IsTruncated>true</IsTruncated>";
    let unnamed = "<ServicesLastAccessed><member><ServiceName>x</ServiceName></member></ServicesLastAccessed>";
    for (reply, reason, code) in [
        (
            orders_report("IN_PROGRESS", nothing),
            "timeout",
            "JobInProgress",
        ),
        (orders_report("FAILED", failed), "error", "InternalError"),
        (orders_report("FAILED", nothing), "error", "JobFailed"),
        (orders_report("PAUSED", nothing), "malformed", "PAUSED"),
        (
            query("GetServiceLastAccessedDetails", nothing).when("JobId=job-orders"),
            "malformed",
            "no value was set",
        ),
        (orders_report("COMPLETED", cut), "malformed", ""),
        (orders_report("COMPLETED", unnamed), "malformed", ""),
        (
            query("GenerateServiceLastAccessedDetails", "").when("role%2Forders"),
            "malformed",
            "JobId",
        ),
    ] {
        let operation = format!("iam:{}", reply.operation);
        let scanned = scan_world("iam", vec![reply]).await;
        let orders = &scanned.named("iam.role", "orders").properties;
        let gap = &orders["service_last_accessed"]["unavailable"];
        assert_eq!(gap["reason"], reason, "{gap}");
        assert_eq!(gap["code"].as_str().unwrap_or_default(), code);
        assert_eq!(gap["operation"], json!(operation));
        let booked = serde_json::to_value(&scanned.ledger(&operation).gaps).unwrap();
        assert_eq!(booked, json!([gap]), "{code}");
        // The others have theirs, and the role its other facts.
        let ci = &scanned.named("iam.user", "ci").properties;
        assert_eq!(ci["service_last_accessed"][0]["service_namespace"], "s3");
        assert_eq!(orders["max_session_duration"], 3600);
        assert_eq!(scanned.listing("iam.role").gap, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_may_be_empty() {
    let scanned = scan_world(
        "iam",
        vec![orders_report(
            "COMPLETED",
            "<ServicesLastAccessed/><IsTruncated>false</IsTruncated>",
        )],
    )
    .await;
    let orders = &scanned.named("iam.role", "orders").properties;
    assert_eq!(orders["service_last_accessed"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn denied_reports_are_gaps_of_every_principal() {
    for operation in [
        "iam:GenerateServiceLastAccessedDetails",
        "iam:GetServiceLastAccessedDetails",
    ] {
        for fault in [Fault::AccessDenied, Fault::Throttled] {
            let scanned = scan_replay("iam", broken(operation, fault)).await;
            for (kind, name) in PRINCIPALS {
                let gap =
                    &scanned.named(kind, name).properties["service_last_accessed"]["unavailable"];
                assert_eq!(gap["iam_action"], operation, "{name}");
            }
            // One kind of gap, however many it befell.
            assert_eq!(scanned.ledger(operation).gaps.len(), 1);
        }
    }
    let throttle = |operation: &str| Reply::error(operation, 400, "Throttling").once();
    let scanned = scan_world(
        "iam",
        vec![
            throttle("iam:GenerateServiceLastAccessedDetails"),
            throttle("iam:GetServiceLastAccessedDetails"),
        ],
    )
    .await;
    for (kind, name) in PRINCIPALS {
        let p = &scanned.named(kind, name).properties;
        assert!(p["service_last_accessed"].is_array(), "{name}");
    }
}

/// While one report is waited for, a scan with a single permit goes on.
#[tokio::test(start_paused = true)]
async fn waiting_holds_no_permit() {
    let making = orders_report(
        "IN_PROGRESS",
        "<ServicesLastAccessed/><IsTruncated>false</IsTruncated>",
    );
    let replay = Replay::new(posture_collect::operation_of)
        .with([making])
        .with(world::all());
    let scanned = scan_with("iam", replay, |request| request.policy.in_flight = 1)
        .await
        .unwrap();
    let p = &scanned.named("iam.user", "ci").properties;
    assert!(p["service_last_accessed"].is_array());
}

/// Many principals with a slow IAM: what cannot be read in time is a gap, and the unit is not lost.
#[tokio::test(start_paused = true)]
async fn patience_ends_before_the_unit_does() {
    let members: String = (0..200)
        .map(|n| {
            format!(
                "<member><Path>/</Path><RoleName>r{n}</RoleName><RoleId>AROA{n}</RoleId>\
                 <Arn>arn:aws:iam::123456789012:role/r{n}</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
                 <AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument></member>"
            )
        })
        .collect();
    let replay = Replay::new(posture_collect::operation_of)
        .with([
            query(
                "GetAccountAuthorizationDetails",
                &format!("<RoleDetailList>{members}</RoleDetailList><IsTruncated>false</IsTruncated>"),
            )
            .when("Filter.member.1=Role"),
            query("GenerateServiceLastAccessedDetails", "<JobId>slow</JobId>").when("role%2Fr"),
            query(
                "GetServiceLastAccessedDetails",
                "<JobStatus>IN_PROGRESS</JobStatus><JobCreationDate>2026-01-31T10:00:00Z</JobCreationDate>\
                 <ServicesLastAccessed/><IsTruncated>false</IsTruncated>",
            )
            .when("JobId=slow"),
        ])
        .with(world::all())
        .latency(std::time::Duration::from_secs(4));
    let scanned = scan_with("iam", replay, |request| {
        request.policy.fan_out = 8;
        request.unit_timeout = std::time::Duration::from_secs(30 * 60);
    })
    .await
    .unwrap();
    assert_eq!(scanned.listing("iam.role").gap, None);
    assert_eq!(scanned.of("iam.role").len(), 200);
    for role in scanned.of("iam.role") {
        let gap = &role.properties["service_last_accessed"]["unavailable"];
        assert_eq!(gap["reason"], "timeout", "{}", role.name);
    }
    let last = scanned.named("iam.role", "r199");
    assert_eq!(
        last.properties["service_last_accessed"]["unavailable"]["code"],
        "LastAccessedDeadline"
    );
}

/// The SDK's decoder takes a cut answer for a shorter one.
#[tokio::test(start_paused = true)]
async fn a_cut_answer_changes_no_fact() {
    let whole = scan_world("iam", vec![]).await;
    for operation in posture_collect::find_service("iam").unwrap().operations {
        let operation = operation.to_string();
        let scanned = scan_replay("iam", broken(&operation, Fault::Malformed)).await;
        for expected in &whole.resources {
            let found = scanned
                .resources
                .iter()
                .find(|r| r.r#type == expected.r#type && r.arn == expected.arn);
            let Some(found) = found else {
                let listing = scanned.listing(&expected.r#type);
                assert!(
                    listing.gap.is_some(),
                    "{operation}: {} vanished",
                    expected.arn
                );
                continue;
            };
            for (field, value) in expected.properties.as_object().unwrap() {
                let read = &found.properties[field];
                assert!(
                    read == value || read.to_string().contains("unavailable"),
                    "{operation}: {} {field} is {read}",
                    expected.arn
                );
            }
        }
    }
}
