"""Networks, hosts, disks and images."""

from __future__ import annotations

import base64
import json

from .garden import SECOND, SOUND_USER_DATA, USER_DATA, Garden, Place, allow, tag_list

WORLD = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
WORLD_V6 = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
PRIVATE = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def plant(garden: Garden) -> None:
    defaults(garden)
    prod = garden.place("prod")
    vpc, subnets = layered_vpc(prod)
    groups(prod, vpc)
    weak_network(prod)
    connections(garden, vpc)
    hosts(prod, subnets)
    disks(prod)
    launch_templates(prod)
    far = garden.place("prod", SECOND)
    volume(far, "weak-far", True, False)


def named(resource: str, name: str, weak: bool, **more: str) -> dict:
    return {"TagSpecifications": [{"ResourceType": resource, "Tags": tag_list(weak, Name=name, **more)}]}


def defaults(garden: Garden) -> None:
    """Encryption and sharing, region by region: on in prod and security."""
    for place in garden.places():
        ec2 = place.client("ec2")
        weak = place.account in ("management", "dev")
        if not weak:
            ec2.enable_ebs_encryption_by_default()
            place.optional(
                ec2.modify_ebs_default_kms_key_id,
                "InternalError",
                KmsKeyId=place.arn("kms", "alias/sound-data"),
            )
            place.optional(ec2.enable_snapshot_block_public_access, State="block-all-sharing")
            place.optional(
                ec2.enable_image_block_public_access, ImageBlockPublicAccessState="block-new-sharing"
            )
            place.optional(ec2.modify_instance_metadata_defaults, HttpTokens="required")
        place.record(
            f"arn:aws:ec2:{place.region}:{place.id}:region-settings",
            weak,
            "disks encrypted and sharing blocked by default: " + ("off" if weak else "on"),
        )


def layered_vpc(place: Place) -> tuple[str, dict[str, str]]:
    """Public, private and data subnets in two zones; flow logs; endpoints with policies."""
    ec2 = place.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", **named("vpc", "sound-vpc", False))["Vpc"]["VpcId"]
    arn = place.sound(place.arn("ec2", f"vpc/{vpc}"), "layers, two zones, flow logs")
    subnets: dict[str, str] = {}
    for index, layer in enumerate(["public", "private", "data"]):
        for zone in "ab":
            subnets[layer + zone] = ec2.create_subnet(
                VpcId=vpc,
                CidrBlock=f"10.1.{index * 2 + (zone == 'b')}.0/24",
                AvailabilityZone=place.region + zone,
                **named("subnet", f"sound-{layer}-{zone}", False, layer=layer),
            )["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(**named("internet-gateway", "sound-gateway", False))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", **named("elastic-ip", "sound-nat", False))
    nat = ec2.create_nat_gateway(
        SubnetId=subnets["publica"],
        AllocationId=address["AllocationId"],
        **named("natgateway", "sound-nat", False),
    )["NatGateway"]["NatGatewayId"]
    for layer, target in {
        "public": {"GatewayId": gateway},
        "private": {"NatGatewayId": nat},
        "data": {},
    }.items():
        table = ec2.create_route_table(VpcId=vpc, **named("route-table", f"sound-{layer}", False))
        table = table["RouteTable"]["RouteTableId"]
        if target:
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        for zone in "ab":
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[layer + zone])
    acl = ec2.create_network_acl(VpcId=vpc, **named("network-acl", "sound-data", False))
    acl = acl["NetworkAcl"]["NetworkAclId"]
    place.sound(place.arn("ec2", f"network-acl/{acl}"), "admits the private layer only")
    for egress in (False, True):
        ports = {"From": 1024, "To": 65535} if egress else {"From": 5432, "To": 5432}
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=egress,
            CidrBlock="10.1.0.0/16", PortRange=ports,
        )  # fmt: skip

    place.optional(
        ec2.create_flow_logs,
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::sound-logs",
    )
    endpoint_policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [allow(["s3:GetObject"], "arn:aws:s3:::sound-*/*", Principal="*")],
        }
    )
    for name, weak, service, more in [
        ("weak-dynamodb", True, "dynamodb", {}),
        ("sound-s3", False, "s3", {"PolicyDocument": endpoint_policy}),
    ]:
        endpoint = ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{place.region}.{service}",
            VpcEndpointType="Gateway",
            **more,
            **named("vpc-endpoint", name, weak),
        )["VpcEndpoint"]["VpcEndpointId"]
        place.record(
            place.arn("ec2", f"vpc-endpoint/{endpoint}"),
            weak,
            "no policy of its own" if weak else "a narrow policy",
        )
    default = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]
    for permissions, revoke in [
        (default["IpPermissions"], ec2.revoke_security_group_ingress),
        (default["IpPermissionsEgress"], ec2.revoke_security_group_egress),
    ]:
        if permissions:
            revoke(GroupId=default["GroupId"], IpPermissions=permissions)
    place.sound(place.arn("ec2", f"security-group/{default['GroupId']}"), "a default group without rules")
    assert arn
    return vpc, subnets


def groups(place: Place, vpc: str) -> None:
    ec2 = place.client("ec2")

    def tcp(first: int, last: int, **sources: object) -> dict:
        return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **sources}

    for name, rules, note in [
        ("weak-ssh", [tcp(22, 22, **WORLD)], "SSH from everywhere"),
        ("weak-ssh-v6", [tcp(22, 22, **WORLD_V6)], "SSH from everywhere, over IPv6"),
        ("weak-all", [{"IpProtocol": "-1", **WORLD}], "every port from everywhere"),
        ("weak-range", [tcp(20, 25, **WORLD)], "a range with SSH in it from everywhere"),
        (
            "weak-database",
            [tcp(5432, 5432, **WORLD), tcp(3389, 3389, **WORLD)],
            "databases and desktops from everywhere",
        ),
        (
            "weak-halves",
            [tcp(3306, 3306, IpRanges=[{"CidrIp": "0.0.0.0/1"}, {"CidrIp": "128.0.0.0/1"}])],
            "a database from everywhere, in two halves",
        ),
        (
            "sound-web",
            [tcp(443, 443, **WORLD), tcp(22, 22, **PRIVATE)],
            "HTTPS from everywhere, SSH from within",
        ),
        ("sound-application", [tcp(8080, 8080, **PRIVATE)], "one port from within"),
        ("sound-dns", [{"IpProtocol": "udp", "FromPort": 22, "ToPort": 22, **PRIVATE}], "UDP, from within"),
    ]:
        weak = name.startswith("weak")
        group = ec2.create_security_group(
            GroupName=name, Description=note, VpcId=vpc, **named("security-group", name, weak)
        )["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
        place.record(place.arn("ec2", f"security-group/{group}"), weak, note)


def weak_network(place: Place) -> None:
    """One zone, public addresses for all, an open network ACL and no flow logs; and the default VPC."""
    ec2 = place.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16", **named("vpc", "weak-vpc", True))["Vpc"]["VpcId"]
    place.weak(place.arn("ec2", f"vpc/{vpc}"), "one zone, no flow logs")
    subnet = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.2.0.0/24",
        AvailabilityZone=f"{place.region}a",
        **named("subnet", "weak-everything", True),
    )["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    place.weak(place.arn("ec2", f"subnet/{subnet}"), "gives every host a public address")
    gateway = ec2.create_internet_gateway(**named("internet-gateway", "weak-gateway", True))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]
    ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    acl = ec2.create_network_acl(VpcId=vpc, **named("network-acl", "weak-open", True))
    acl = acl["NetworkAcl"]["NetworkAclId"]
    place.weak(place.arn("ec2", f"network-acl/{acl}"), "SSH and desktops from everywhere")
    for number, port in [(100, 22), (110, 3389)]:
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=number, Protocol="6", RuleAction="allow", Egress=False,
            CidrBlock="0.0.0.0/0", PortRange={"From": port, "To": port},
        )  # fmt: skip
    group = ec2.create_security_group(
        GroupName="weak-public-host",
        Description="SSH from everywhere",
        VpcId=vpc,
        **named("security-group", "weak-public-host", True),
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **WORLD, **WORLD_V6}],
    )
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if default:
        place.weak(place.arn("ec2", f"vpc/{default[0]['VpcId']}"), "the default VPC, with a host in it")


def connections(garden: Garden, vpc: str) -> None:
    """Peering with a wide route, and two transit gateways."""
    prod, dev = garden.place("prod"), garden.place("dev")
    ec2 = prod.client("ec2")
    other = dev.client("ec2").create_vpc(CidrBlock="10.3.0.0/16", **named("vpc", "weak-dev", True))
    other = other["Vpc"]["VpcId"]
    peering = prod.optional(
        ec2.create_vpc_peering_connection,
        VpcId=vpc,
        PeerVpcId=other,
        PeerOwnerId=dev.id,
        **named("vpc-peering-connection", "weak-peering", True),
    )
    if peering:
        peering = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        prod.optional(
            dev.client("ec2").accept_vpc_peering_connection,
            "OperationNotPermitted",
            VpcPeeringConnectionId=peering,
        )
        table = ec2.describe_route_tables(
            Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag:Name", "Values": ["sound-data"]}]
        )["RouteTables"][0]["RouteTableId"]
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="10.3.0.0/16", VpcPeeringConnectionId=peering
        )
        prod.weak(prod.arn("ec2", f"vpc-peering-connection/{peering}"), "the whole other network is routed")
    for name, weak in {"weak-hub": True, "sound-hub": False}.items():
        accept = "enable" if weak else "disable"
        gateway = ec2.create_transit_gateway(
            Description=name,
            Options={
                "AutoAcceptSharedAttachments": accept,
                "DefaultRouteTableAssociation": accept,
                "DefaultRouteTablePropagation": accept,
            },
            **named("transit-gateway", name, weak),
        )["TransitGateway"]
        prod.record(
            gateway["TransitGatewayArn"],
            weak,
            "accepts any attachment" if weak else "attachments are accepted by hand",
        )


def hosts(place: Place, subnets: dict[str, str]) -> None:
    ec2 = place.client("ec2")
    image = ec2.register_image(
        Name="planted-base",
        RootDeviceName="/dev/xvda",
        VirtualizationType="hvm",
        Architecture="x86_64",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True}}
        ],
    )["ImageId"]

    def subnet(name: str) -> str:
        found = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": [name]}])
        return found["Subnets"][0]["SubnetId"]

    def group(name: str) -> str:
        found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
        return found["SecurityGroups"][0]["GroupId"]

    for name, weak, place_in, groups, profile, tokens, user_data, note in [
        (
            "weak-host", True, subnet("weak-everything"), [group("weak-public-host")], "weak-instance",
            "optional", USER_DATA, "public, IMDSv1, administrator's profile, secrets in its user data",
        ),
        (
            "sound-host", False, subnets["privatea"], [group("sound-application")], "sound-instance",
            "required", SOUND_USER_DATA, "private, IMDSv2, narrow profile",
        ),
    ]:  # fmt: skip
        instance = ec2.run_instances(
            ImageId=image,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            SubnetId=place_in,
            SecurityGroupIds=groups,
            IamInstanceProfile={"Name": profile},
            MetadataOptions={"HttpTokens": tokens, "HttpEndpoint": "enabled"},
            Monitoring={"Enabled": not weak},
            UserData=user_data,
            **named("instance", name, weak),
        )["Instances"][0]
        place.record(place.arn("ec2", f"instance/{instance['InstanceId']}"), weak, note)
    for name, weak in {"weak-image": True, "sound-image": False}.items():
        made = ec2.create_image(InstanceId=instance["InstanceId"], Name=name, **named("image", name, weak))[
            "ImageId"
        ]
        if weak:
            ec2.modify_image_attribute(
                ImageId=made,
                LaunchPermission={"Add": [{"Group": "all"}, {"UserId": "999999999999"}]},
            )
        place.record(
            f"arn:aws:ec2:{place.region}::image/{made}",
            weak,
            "an image that anyone may launch" if weak else "an image of this account alone",
        )


def disks(place: Place) -> None:
    ec2 = place.client("ec2")
    for weak in (True, False):
        name = "weak-disk" if weak else "sound-disk"
        disk = volume(place, name, weak, not weak)
        snapshot = ec2.create_snapshot(VolumeId=disk, Description=name, **named("snapshot", name, weak))
        snapshot = snapshot["SnapshotId"]
        if weak:
            ec2.modify_snapshot_attribute(
                SnapshotId=snapshot,
                Attribute="createVolumePermission",
                OperationType="add",
                GroupNames=["all"],
                UserIds=["999999999999"],
            )
        place.record(
            f"arn:aws:ec2:{place.region}::snapshot/{snapshot}",
            weak,
            "unencrypted, public" if weak else "encrypted, private",
        )


def volume(place: Place, name: str, weak: bool, encrypted: bool) -> str:
    key = {"KmsKeyId": place.arn("kms", "alias/sound-data")} if encrypted else {}
    disk = place.client("ec2").create_volume(
        AvailabilityZone=f"{place.region}a",
        Size=8,
        VolumeType="gp3",
        Encrypted=encrypted,
        **key,
        **named("volume", name, weak),
    )["VolumeId"]
    place.record(place.arn("ec2", f"volume/{disk}"), weak, "encrypted" if encrypted else "not encrypted")
    return disk


def launch_templates(place: Place) -> None:
    for name, weak, user_data in [
        ("weak-template", True, USER_DATA),
        ("sound-template", False, SOUND_USER_DATA),
    ]:
        template = place.client("ec2").create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "InstanceType": "t3.micro",
                "UserData": base64.b64encode(user_data.encode()).decode(),
                "MetadataOptions": {"HttpTokens": "optional" if weak else "required"},
            },
            **named("launch-template", name, weak),
        )["LaunchTemplate"]["LaunchTemplateId"]
        place.record(
            place.arn("ec2", f"launch-template/{template}"),
            weak,
            "IMDSv1, secrets in its user data" if weak else "IMDSv2",
        )
