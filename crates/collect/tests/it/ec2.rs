use posture_model::GapReason;
use posture_testkit::{Fault, Replay, Reply, reply, world};
use serde_json::{Value, json};

use crate::support::{assert_world_is_whole, scan_replay, scan_world};

fn answer(operation: &str, content: &str) -> Reply {
    reply(
        &format!("ec2:{operation}"),
        format!("<{operation}Response>{content}</{operation}Response>"),
    )
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_reached() {
    assert_world_is_whole("ec2").await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_read_and_its_user_data_examined() {
    let scanned = scan_world("ec2", vec![]).await;
    let weak = scanned.named("ec2.instance", "weak");
    assert_eq!(
        weak.arn,
        "arn:aws:ec2:eu-west-1:123456789012:instance/i-0weak"
    );
    let p = &weak.properties;
    assert_eq!(p["state"], "running");
    assert_eq!(p["metadata_options"]["http_tokens"], "optional");
    assert_eq!(p["public_ip_address"], "203.0.113.7");
    assert_eq!(p["ipv6_addresses"], json!(["2001:db8::7"]));
    assert_eq!(p["volume_ids"], json!(["vol-0plain"]));
    assert_eq!(p["user_data"]["secrets"][0]["kind"], "named_secret");
    let sound = scanned.named("ec2.instance", "i-0sound");
    assert_eq!(sound.properties["user_data"], Value::Null);
    assert_eq!(sound.properties["operated_by"], "eks.amazonaws.com");
}

#[tokio::test(start_paused = true)]
async fn user_data_that_cannot_be_examined_is_unknown() {
    // Compressed, and not base64 at all.
    for value in ["H4sIAAAAAAAAA0vOzy0oSi0uTk0BAD", "%%%"] {
        let scanned = scan_world(
            "ec2",
            vec![answer(
                "DescribeInstanceAttribute",
                &format!("<userData><value>{value}</value></userData>"),
            )],
        )
        .await;
        let weak = scanned.named("ec2.instance", "weak");
        assert_eq!(
            weak.properties["user_data"]["unavailable"]["reason"],
            "malformed"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_options_that_do_not_say_are_unknown() {
    let scanned = scan_world(
        "ec2",
        vec![answer(
            "DescribeInstances",
            "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
             <metadataOptions><state>applied</state></metadataOptions></item></instancesSet></item></reservationSet>",
        )],
    )
    .await;
    let instance = scanned.named("ec2.instance", "i-1");
    assert_eq!(
        instance.properties["metadata_options"]["unavailable"]["operation"],
        "ec2:DescribeInstances"
    );
}

#[tokio::test(start_paused = true)]
async fn a_launch_template_has_its_default_and_its_newest_version() {
    let scanned = scan_world("ec2", vec![]).await;
    let template = scanned.named("ec2.launch_template", "app");
    let versions = &template.properties["versions"];
    assert_eq!(versions[0]["version_number"], 1);
    assert_eq!(versions[0]["http_tokens"], Value::Null);
    assert_eq!(
        versions[0]["user_data"]["secrets"][0]["kind"],
        "named_secret"
    );
    assert_eq!(versions[0]["unencrypted_devices"], json!(["/dev/xvda"]));
    assert_eq!(versions[1]["version_number"], 3);
    assert_eq!(versions[1]["http_tokens"], "required");
    assert_eq!(
        versions[1]["network_interfaces"][0]["associate_public_ip_address"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn a_launch_template_whose_versions_are_missing_is_unknown() {
    let denied = scan_world(
        "ec2",
        vec![Reply::error(
            "ec2:DescribeLaunchTemplateVersions",
            403,
            "UnauthorizedOperation",
        )],
    )
    .await;
    let versions = &denied.named("ec2.launch_template", "app").properties["versions"];
    assert_eq!(versions["unavailable"]["reason"], "access_denied");
    let short = scan_world(
        "ec2",
        vec![answer(
            "DescribeLaunchTemplateVersions",
            "<launchTemplateVersionSet/>",
        )],
    )
    .await;
    let versions = &short.named("ec2.launch_template", "app").properties["versions"];
    assert_eq!(versions["unavailable"]["reason"], "malformed");
}

#[tokio::test(start_paused = true)]
async fn group_rules_keep_all_families_and_have_a_stable_order() {
    let scanned = scan_world("ec2", vec![]).await;
    let open = scanned.named("ec2.security_group", "open");
    let ingress = &open.properties["ingress"];
    assert_eq!(
        ingress[0],
        json!({"protocol": "tcp", "from_port": 22, "to_port": 22, "cidrs_ipv4": ["0.0.0.0/0"],
               "cidrs_ipv6": ["::/0"], "prefix_list_ids": [], "referenced_group_ids": [],
               "description": "ssh"})
    );
    assert_eq!(ingress[1]["from_port"], 443);
    let web = scanned.named("ec2.security_group", "web");
    assert_eq!(
        web.properties["ingress"][0]["prefix_list_ids"],
        json!(["pl-0own"])
    );
    assert_eq!(
        web.properties["ingress"][0]["referenced_group_ids"],
        json!(["sg-0open"])
    );
    let default = scanned.named("ec2.security_group", "default");
    assert_eq!(default.properties["is_default"], true);
    let shared = scanned.named("ec2.security_group", "shared");
    assert_eq!(shared.properties["shared_from"], "210987654321");
    assert_eq!(
        shared.arn,
        "arn:aws:ec2:eu-west-1:210987654321:security-group/sg-0shared"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_understood_in_part_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "ec2",
        vec![answer(
            "DescribeSecurityGroups",
            "<securityGroupInfo><item><groupId>sg-1</groupId><groupName>g</groupName><ipPermissions>\
             <item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort>\
             <ipRanges><item><description>no block</description></item></ipRanges></item></ipPermissions></item></securityGroupInfo>",
        )],
    )
    .await;
    assert!(scanned.of("ec2.security_group").is_empty());
    let gap = scanned.listing("ec2.security_group").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn prefix_lists_of_aws_are_left_out() {
    let scanned = scan_world("ec2", vec![]).await;
    let lists = scanned.of("ec2.managed_prefix_list");
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].name, "offices");
    assert_eq!(
        lists[0].properties["cidrs"],
        json!(["0.0.0.0/0", "198.51.100.0/24"])
    );
}

#[tokio::test(start_paused = true)]
async fn subnets_know_the_route_table_in_effect() {
    let scanned = scan_world("ec2", vec![]).await;
    let public = scanned.named("ec2.subnet", "public-a");
    assert_eq!(public.properties["route_table_id"], "rtb-0public");
    assert_eq!(public.properties["network_acl_id"], "acl-0main");
    let private = scanned.named("ec2.subnet", "subnet-0private");
    assert_eq!(private.properties["route_table_id"], "rtb-0main");
    let main = scanned.named("ec2.route_table", "rtb-0main");
    assert_eq!(main.properties["is_main"], true);
    let kinds: Vec<_> = main.properties["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["target_kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["local", "nat_gateway", "vpc_peering_connection"]);
}

#[tokio::test(start_paused = true)]
async fn without_route_tables_subnets_stay_and_their_routes_are_unknown() {
    let scanned = scan_world(
        "ec2",
        vec![Reply::error(
            "ec2:DescribeRouteTables",
            403,
            "UnauthorizedOperation",
        )],
    )
    .await;
    assert_eq!(scanned.listing("ec2.subnet").gap, None);
    let public = scanned.named("ec2.subnet", "public-a");
    assert_eq!(
        public.properties["route_table_id"]["unavailable"]["reason"],
        "access_denied"
    );
    assert!(scanned.listing("ec2.route_table").gap.is_some());
}

#[tokio::test(start_paused = true)]
async fn acl_entries_come_in_the_order_in_which_they_are_tried() {
    let scanned = scan_world("ec2", vec![]).await;
    let acl = scanned.named("ec2.network_acl", "acl-0main");
    let order: Vec<_> = acl.properties["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["egress"].as_bool().unwrap(),
                e["rule_number"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(order, [(false, 100), (false, 32767), (true, 100)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_left_out() {
    let scanned = scan_world("ec2", vec![]).await;
    assert_eq!(scanned.of("ec2.nat_gateway").len(), 1);
    assert_eq!(scanned.of("ec2.vpc_peering_connection").len(), 1);
    let vpc = scanned.named("ec2.vpc", "main");
    assert_eq!(vpc.properties["cidr_blocks"], json!(["10.0.0.0/16"]));
}

#[tokio::test(start_paused = true)]
async fn sharing_of_snapshots_and_images_is_read() {
    let scanned = scan_world("ec2", vec![]).await;
    let public = scanned.named("ec2.snapshot", "snap-0public");
    assert_eq!(public.arn, "arn:aws:ec2:eu-west-1::snapshot/snap-0public");
    assert_eq!(
        public.properties["create_volume_permission"],
        json!({"public": true, "account_ids": ["210987654321"]})
    );
    let own = scanned.named("ec2.snapshot", "snap-0own");
    assert_eq!(
        own.properties["create_volume_permission"],
        json!({"public": false, "account_ids": []})
    );
    let image = scanned.named("ec2.image", "web-2026-01");
    assert_eq!(image.properties["public"], false);
    assert_eq!(
        image.properties["launch_permission"]["account_ids"],
        json!(["210987654321"])
    );
    assert_eq!(image.properties["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn throttled_permissions_never_make_a_snapshot_private() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("ec2:DescribeSnapshotAttribute", Fault::Throttled);
    let scanned = scan_replay("ec2", replay).await;
    let public = scanned.named("ec2.snapshot", "snap-0public");
    assert_eq!(
        public.properties["create_volume_permission"]["unavailable"]["reason"],
        "throttled"
    );
    // An answer that leaves the permissions out is no answer either.
    let silent = scan_world(
        "ec2",
        vec![answer(
            "DescribeSnapshotAttribute",
            "<snapshotId>snap-0public</snapshotId>",
        )],
    )
    .await;
    let public = silent.named("ec2.snapshot", "snap-0public");
    assert_eq!(
        public.properties["create_volume_permission"]["unavailable"]["reason"],
        "malformed"
    );
}

#[tokio::test(start_paused = true)]
async fn settings_are_there_even_when_none_of_them_can_be_read() {
    let denied = [
        "GetEbsEncryptionByDefault",
        "GetEbsDefaultKmsKeyId",
        "GetSnapshotBlockPublicAccessState",
        "GetImageBlockPublicAccessState",
        "GetInstanceMetadataDefaults",
    ]
    .map(|operation| Reply::error(&format!("ec2:{operation}"), 403, "UnauthorizedOperation"));
    let scanned = scan_world("ec2", denied.to_vec()).await;
    let settings = &scanned.of("ec2.region_settings")[0].properties;
    for (field, value) in settings.as_object().unwrap() {
        assert_eq!(value["unavailable"]["reason"], "access_denied", "{field}");
    }
    let scanned = scan_world("ec2", vec![]).await;
    let settings = &scanned.of("ec2.region_settings")[0].properties;
    assert_eq!(settings["metadata_defaults"]["http_tokens"], Value::Null);
    assert_eq!(settings["snapshot_block_public_access"], "unblocked");
}

#[tokio::test(start_paused = true)]
async fn an_empty_region_is_empty_and_not_unknown() {
    let scanned = scan_world(
        "ec2",
        vec![
            answer("DescribeInstances", "<reservationSet/>"),
            answer("DescribeSecurityGroups", "<securityGroupInfo/>"),
            answer("DescribeSnapshots", "<snapshotSet/>"),
        ],
    )
    .await;
    for kind in ["ec2.instance", "ec2.security_group", "ec2.snapshot"] {
        assert!(scanned.of(kind).is_empty());
        assert_eq!(scanned.listing(kind).gap, None);
    }
    assert_eq!(scanned.ledger("ec2:DescribeInstances").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn two_pages_are_one_listing() {
    let page = |id: &str, next: &str| {
        answer(
            "DescribeVolumes",
            &format!(
                "<volumeSet><item><volumeId>{id}</volumeId><encrypted>true</encrypted></item></volumeSet>{next}"
            ),
        )
    };
    let scanned = scan_world(
        "ec2",
        vec![
            page("vol-b", "").when("NextToken=t1"),
            page("vol-a", "<nextToken>t1</nextToken>"),
        ],
    )
    .await;
    let ids: Vec<_> = scanned
        .of("ec2.volume")
        .iter()
        .map(|volume| volume.id.clone())
        .collect();
    assert_eq!(ids, ["vol-a", "vol-b"]);
    assert_eq!(scanned.ledger("ec2:DescribeVolumes").pages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing_is_not_an_empty_one() {
    let replay = Replay::new(posture_collect::operation_of)
        .with(world::all())
        .breaking("ec2:DescribeSecurityGroups", Fault::AccessDenied);
    let scanned = scan_replay("ec2", replay).await;
    let gap = scanned.listing("ec2.security_group").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::AccessDenied);
    assert_eq!(gap.iam_action, "ec2:DescribeSecurityGroups");
    assert_eq!(scanned.listing("ec2.vpc").gap, None);
}

#[tokio::test(start_paused = true)]
async fn throttled_then_answered_is_an_answer() {
    let throttle = || Reply::error("ec2:DescribeInstances", 503, "RequestLimitExceeded").once();
    let scanned = scan_world("ec2", vec![throttle(), throttle()]).await;
    assert_eq!(scanned.of("ec2.instance").len(), 2);
    let ledger = scanned.ledger("ec2:DescribeInstances");
    assert_eq!(
        (
            ledger.calls,
            ledger.retries,
            ledger.throttled,
            ledger.failed
        ),
        (1, 2, 2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn something_without_an_id_makes_the_listing_incomplete() {
    let scanned = scan_world(
        "ec2",
        vec![answer(
            "DescribeVolumes",
            "<volumeSet><item><encrypted>true</encrypted></item><item><volumeId>vol-1</volumeId></item></volumeSet>",
        )],
    )
    .await;
    assert_eq!(scanned.of("ec2.volume").len(), 1);
    let gap = scanned.listing("ec2.volume").gap.clone().unwrap();
    assert_eq!(gap.reason, GapReason::Malformed);
    // And one that does not say whether it is encrypted is unknown, not unencrypted.
    let volume = scanned.named("ec2.volume", "vol-1");
    assert_eq!(
        volume.properties["encrypted"]["unavailable"]["reason"],
        "malformed"
    );
}
