"""Networks, hosts, disks and images."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from .garden import HOME, SECOND, SOUND_USER_DATA, STRANGER, USER_DATA, Garden, Place, allow, tag_list

WORLD = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
WORLD_V6 = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
PRIVATE = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def plant(garden: Garden) -> None:
    defaults(garden)
    prod = garden.place("prod")
    vpc, subnets = layered_vpc(prod)
    groups(prod, vpc)
    weak_vpc = weak_network(prod)
    connections(garden, vpc, weak_vpc)
    hosts(prod, subnets)
    if garden.emulator == "moto":
        crooked_routes(prod, weak_vpc)
        default_host(prod)
    # In prod nothing can be shared with everyone, whatever a snapshot itself says; in dev it can.
    for place in (prod, garden.place("dev")):
        disks(place)
        launch_templates(place)
    far = garden.place("prod", SECOND)
    volume(far, "weak-far", True, False)


def named(resource: str, name: str, weak: bool, **more: str) -> dict:
    return {"TagSpecifications": [{"ResourceType": resource, "Tags": tag_list(weak, Name=name, **more)}]}


def defaults(garden: Garden) -> None:
    """Encryption and sharing, region by region: on in prod and security."""
    for place in garden.places():
        ec2 = place.client("ec2")
        # Moto makes the default VPC when a region is first asked: here, so that its ids are the same each time.
        ec2.describe_vpcs()
        weak = place.account in ("management", "dev")
        if not weak:
            ec2.enable_ebs_encryption_by_default()
            # In the second region, disks get AWS's own key.
            if place.region == HOME:
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
        ConnectivityType="public",
        **named("natgateway", "sound-nat", False),
    )["NatGateway"]["NatGatewayId"]
    second = ec2.allocate_address(Domain="vpc", **named("elastic-ip", "sound-nat-b", False))
    ec2.create_nat_gateway(
        SubnetId=subnets["publicb"],
        AllocationId=second["AllocationId"],
        ConnectivityType="public",
        **named("natgateway", "sound-nat-b", False),
    )
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
    for zone in "ab":
        associate(place, acl, subnets["data" + zone])
    default = ec2.describe_network_acls(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}]
    )["NetworkAcls"][0]
    for entry in default["Entries"]:
        if entry["RuleAction"] == "allow":
            ec2.delete_network_acl_entry(
                NetworkAclId=default["NetworkAclId"], RuleNumber=entry["RuleNumber"], Egress=entry["Egress"]
            )
            ec2.create_network_acl_entry(
                NetworkAclId=default["NetworkAclId"], RuleNumber=100, Egress=entry["Egress"], Protocol="6",
                RuleAction="allow", CidrBlock="0.0.0.0/0", PortRange={"From": 443, "To": 443},
            )  # fmt: skip
    place.sound(place.arn("ec2", f"network-acl/{default['NetworkAclId']}"), "a default list for HTTPS only")
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


def associate(place: Place, acl: str, subnet: str) -> None:
    """Puts a subnet behind a network ACL."""
    ec2 = place.client("ec2")
    found = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    for association in found["NetworkAcls"][0]["Associations"]:
        if association["SubnetId"] == subnet:
            ec2.replace_network_acl_association(
                AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
            )


def groups(place: Place, vpc: str) -> None:
    ec2 = place.client("ec2")
    lists = {
        name: ec2.create_managed_prefix_list(
            PrefixListName=name,
            AddressFamily="IPv4",
            MaxEntries=2,
            Entries=[{"Cidr": cidr} for cidr in cidrs],
            **named("prefix-list", name, name.startswith("weak")),
        )["PrefixList"]["PrefixListId"]
        for name, cidrs in {
            "weak-everyone": ["0.0.0.0/1", "128.0.0.0/1"],
            "sound-offices": ["203.0.113.0/24"],
        }.items()
    }

    def tcp(first: int, last: int, **sources: object) -> dict:
        return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **sources}

    for name, rules, note in [
        ("weak-ssh", [tcp(22, 22, **WORLD)], "SSH from everywhere"),
        ("weak-ssh-v6", [tcp(22, 22, **WORLD_V6)], "SSH from everywhere, over IPv6"),
        ("weak-all", [{"IpProtocol": "-1", **WORLD}], "every port from everywhere"),
        ("weak-ssh-copy", [tcp(22, 22, **WORLD)], "the same as another"),
        ("weak-wide-range", [tcp(1024, 65535, **WORLD)], "sixty thousand ports from everywhere"),
        (
            "weak-list",
            [tcp(443, 443, PrefixListIds=[{"PrefixListId": lists["weak-everyone"]}])],
            "a prefix list that is the whole internet",
        ),
        (
            "sound-list",
            [tcp(443, 443, PrefixListIds=[{"PrefixListId": lists["sound-offices"]}])],
            "a prefix list of one office",
        ),
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
        if not weak:
            everything = [{"IpProtocol": "-1", **WORLD}]
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[tcp(443, 443, **WORLD)])
        place.record(place.arn("ec2", f"security-group/{group}"), weak, note)


def weak_network(place: Place) -> str:
    """Public addresses for all, an open network ACL, no flow logs; and a VPC in one zone."""
    ec2 = place.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16", **named("vpc", "weak-vpc", True))["Vpc"]["VpcId"]
    place.weak(place.arn("ec2", f"vpc/{vpc}"), "no flow logs, no endpoints")
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
    associate(place, acl, subnet)
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
    unused = ec2.create_network_acl(VpcId=vpc, **named("network-acl", "weak-unused", True))["NetworkAcl"]
    place.weak(place.arn("ec2", f"network-acl/{unused['NetworkAclId']}"), "a list of no subnet")
    address = ec2.allocate_address(Domain="vpc", **named("elastic-ip", "weak-address", True))["AllocationId"]
    place.weak(place.arn("ec2", f"elastic-ip/{address}"), "an address of no host")
    misnamed = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.2.1.0/28",
        AvailabilityZone=f"{place.region}b",
        **named("subnet", "weak-private-in-name", True),
    )["Subnet"]["SubnetId"]
    place.weak(place.arn("ec2", f"subnet/{misnamed}"), "private in name only, and nearly full")
    for _ in range(5):
        ec2.create_network_interface(SubnetId=misnamed, Groups=[group])
    narrow = ec2.create_vpc(CidrBlock="10.4.0.0/16", **named("vpc", "weak-one-zone", True))["Vpc"]["VpcId"]
    place.weak(place.arn("ec2", f"vpc/{narrow}"), "all in one zone")
    only = ec2.create_subnet(
        VpcId=narrow, CidrBlock="10.4.0.0/24", AvailabilityZone=f"{place.region}a",
        **named("subnet", "weak-one-zone", True),
    )["Subnet"]["SubnetId"]  # fmt: skip
    ec2.create_network_interface(SubnetId=only)
    return vpc


def crooked_routes(place: Place, vpc: str) -> None:
    """Through a host, through one NAT gateway without endpoints beside it, and to nowhere."""
    ec2 = place.client("ec2")
    tables = {}
    subnets = {}
    for index, name in enumerate(["weak-nat-instance", "weak-nat", "weak-closed"], start=4):
        subnets[name] = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.2.{index}.0/24", AvailabilityZone=f"{place.region}a", **named("subnet", name, True)
        )["Subnet"]["SubnetId"]  # fmt: skip
        table = ec2.create_route_table(VpcId=vpc, **named("route-table", name, True))["RouteTable"]
        tables[name] = table["RouteTableId"]
        ec2.associate_route_table(RouteTableId=tables[name], SubnetId=subnets[name])
    everything = find(place, "subnets", "tag:Name", "weak-everything")[0]["SubnetId"]
    group = find(place, "security_groups", "group-name", "weak-public-host")[0]["GroupId"]
    relay = ec2.create_network_interface(SubnetId=everything, Groups=[group])["NetworkInterface"]
    ec2.create_route(
        RouteTableId=tables["weak-nat-instance"], DestinationCidrBlock="0.0.0.0/0",
        NetworkInterfaceId=relay["NetworkInterfaceId"],
    )  # fmt: skip
    place.weak(place.arn("ec2", f"route-table/{tables['weak-nat-instance']}"), "everything through one host")
    address = ec2.allocate_address(Domain="vpc", **named("elastic-ip", "weak-nat", True))["AllocationId"]
    nat = ec2.create_nat_gateway(
        SubnetId=everything, AllocationId=address, ConnectivityType="public", **named("natgateway", "weak-nat", True)
    )
    ec2.create_route(
        RouteTableId=tables["weak-nat"], DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGateway"]["NatGatewayId"],
    )  # fmt: skip
    # A public address where no route leads out: it works the day someone adds one.
    stray = ec2.create_network_interface(SubnetId=subnets["weak-closed"], Groups=[group])["NetworkInterface"]
    address = ec2.allocate_address(Domain="vpc", **named("elastic-ip", "weak-stray", True))["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=stray["NetworkInterfaceId"])
    interface = place.arn("ec2", f"network-interface/{stray['NetworkInterfaceId']}")
    place.weak(interface, "a public address in a private subnet")


def default_host(place: Place) -> None:
    """A host in the default VPC, where everything that is not thought about ends up."""
    vpc = find(place, "vpcs", "is-default", "true")[0]["VpcId"]
    subnet = find(place, "subnets", "vpc-id", vpc)[0]["SubnetId"]
    image = find(place, "images", "name", "planted-base")[0]["ImageId"]
    place.client("ec2").run_instances(
        ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet,
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 5},
        **named("instance", "weak-default-host", True),
    )  # fmt: skip
    place.weak(place.arn("ec2", f"vpc/{vpc}"), "the default VPC, with a host in it")


def find(place: Place, what: str, name: str, value: str) -> list[dict]:
    """What `describe_...` knows by this filter."""
    found = getattr(place.client("ec2"), f"describe_{what}")(Filters=[{"Name": name, "Values": [value]}])
    return next(answer for answer in found.values() if isinstance(answer, list))


def connections(garden: Garden, vpc: str, weak_vpc: str) -> None:
    """Peering with a wide route, and two transit gateways."""
    prod, dev = garden.place("prod"), garden.place("dev")
    ec2 = prod.client("ec2")
    other = dev.client("ec2").create_vpc(CidrBlock="10.3.0.0/16", **named("vpc", "weak-dev", True))
    other = other["Vpc"]["VpcId"]
    dev.optional(
        dev.client("ec2").create_flow_logs,
        ResourceIds=[other],
        ResourceType="VPC",
        TrafficType="REJECT",
        LogGroupName="flow-logs",
        DeliverLogsPermissionArn=f"arn:aws:iam::{dev.id}:role/weak-gone",
    )

    def peer(name: str, mine: str, theirs: str, place: Place, table: str, route: str) -> None:
        weak = name.startswith("weak")
        peering = prod.optional(
            ec2.create_vpc_peering_connection,
            VpcId=mine,
            PeerVpcId=theirs,
            PeerOwnerId=place.id,
            **named("vpc-peering-connection", name, weak),
        )
        if not peering:
            return
        peering = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        prod.optional(
            place.client("ec2").accept_vpc_peering_connection,
            "OperationNotPermitted",
            VpcPeeringConnectionId=peering,
        )
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=route, VpcPeeringConnectionId=peering)
        note = "the whole network of an unknown account is routed" if weak else "one subnet of dev is routed"
        prod.record(prod.arn("ec2", f"vpc-peering-connection/{peering}"), weak, note)

    data = find(prod, "route_tables", "tag:Name", "sound-data")[0]["RouteTableId"]
    peer("sound-peering", vpc, other, dev, data, "10.3.7.0/24")
    if garden.emulator == "moto":
        stranger = replace(prod, account="stranger", id=STRANGER)
        table = find(prod, "route_tables", "vpc-id", weak_vpc)[0]["RouteTableId"]
        for index in range(3):
            block = f"10.{50 + index}.0.0/16"
            theirs = stranger.client("ec2").create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
            peer(f"weak-peering-{index}", weak_vpc, theirs, stranger, table, block)
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
    private = [subnet["SubnetId"] for subnet in find(prod, "subnets", "tag:layer", "private")]
    prod.optional(
        ec2.create_transit_gateway_vpc_attachment,
        TransitGatewayId=gateway["TransitGatewayId"], VpcId=vpc, SubnetIds=private,
    )  # fmt: skip


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
                LaunchPermission={"Add": [{"Group": "all"}, {"UserId": STRANGER}]},
            )
        else:
            ec2.modify_image_attribute(
                ImageId=made, LaunchPermission={"Add": [{"UserId": place.garden.accounts["dev"]}]}
            )
        place.record(
            f"arn:aws:ec2:{place.region}::image/{made}",
            weak,
            "an image that anyone may launch" if weak else "an image for one account of the organization",
        )


def disks(place: Place) -> None:
    ec2 = place.client("ec2")
    for weak in (True, False):
        name = "weak-disk" if weak else "sound-disk"
        disk = volume(place, name, weak, not weak)
        snapshot = ec2.create_snapshot(VolumeId=disk, Description=name, **named("snapshot", name, weak))
        snapshot = snapshot["SnapshotId"]
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot,
            Attribute="createVolumePermission",
            OperationType="add",
            UserIds=[STRANGER if weak else place.garden.accounts["security"]],
            **({"GroupNames": ["all"]} if weak else {}),
        )
        place.record(
            f"arn:aws:ec2:{place.region}::snapshot/{snapshot}",
            weak,
            "unencrypted, public" if weak else "encrypted, for one account of the organization",
        )


def volume(place: Place, name: str, weak: bool, encrypted: bool) -> str:
    # dev has no key of its own for disks.
    own = encrypted and place.account != "dev"
    key = {"KmsKeyId": place.arn("kms", "alias/sound-data")} if own else {}
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
                "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": not weak}}],
                "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": weak}],
            },
            **named("launch-template", name, weak),
        )["LaunchTemplate"]["LaunchTemplateId"]
        place.record(
            place.arn("ec2", f"launch-template/{template}"),
            weak,
            "IMDSv1, secrets in its user data" if weak else "IMDSv2",
        )
