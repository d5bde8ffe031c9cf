"""Networks as EC2 keeps them: nothing passes through them here, but who names a subnet finds it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.work import Work


def _tagged(resource: str, *apart: str) -> Callable[[Work], Mapping[str, Json]]:
    """The properties as the call takes them: EC2 is given tags by the kind of what it makes."""

    def reshaped(work: Work) -> Mapping[str, Json]:
        tags = [{"Key": key, "Value": value} for key, value in work.tags.items()]
        found = {key: value for key, value in work.properties.items() if key not in ("Tags", *apart)}
        return found | ({"TagSpecifications": [{"ResourceType": resource, "Tags": tags}]} if tags else {})

    return reshaped


def _set(call: str, key: str, *attributes: str) -> Callable[[Work], None]:
    """What EC2 changes one attribute at a time."""

    def settle(work: Work) -> None:
        for name in attributes:
            if name in work.properties and work.changed(name):
                value = str(work.properties[name]).lower() == "true"
                work.call("ec2", call, **{key: work.physical_id, name: {"Value": value}})

    return settle


def _zone(work: Work) -> Mapping[str, Json]:
    given = _tagged("subnet", "MapPublicIpOnLaunch")(work)
    return {"AvailabilityZone": f"{work.account.region}a", **given}


def _group(work: Work) -> Mapping[str, Json]:
    found = dict(_tagged("security-group", "SecurityGroupIngress", "SecurityGroupEgress")(work))
    found.setdefault("GroupName", work.made_name(255))
    return {("Description" if key == "GroupDescription" else key): value for key, value in found.items()}


def _permission(rule: Mapping[str, Json], direction: str) -> dict[str, Json]:
    """One rule as EC2's calls take it: ranges and groups are lists of one there."""
    other = "SourceSecurityGroupId" if direction == "Ingress" else "DestinationSecurityGroupId"
    said = {"Description": rule["Description"]} if "Description" in rule else {}
    found: dict[str, Json] = {"IpProtocol": str(rule["IpProtocol"])}
    found |= {key: int(rule[key]) for key in ("FromPort", "ToPort") if key in rule}
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if "CidrIpv6" in rule:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **said}]
    if other in rule:
        found["UserIdGroupPairs"] = [{"GroupId": rule[other], **said}]
    return found


def _rules(work: Work) -> None:
    """Bring a group's rules to what they should be; one that allows all to leave, as EC2 makes it, goes for others."""
    for direction in ("Ingress", "Egress"):
        key = f"SecurityGroup{direction}"
        wanted = [_permission(rule, direction) for rule in work.properties.get(key) or []]
        before = [_permission(rule, direction) for rule in work.before.get(key) or []]
        if not work.before and direction == "Egress" and wanted:
            before = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        for verb, rules in (
            ("Revoke", [rule for rule in before if rule not in wanted]),
            ("Authorize", [rule for rule in wanted if rule not in before]),
        ):
            if rules:
                work.call("ec2", f"{verb}SecurityGroup{direction}", GroupId=work.physical_id, IpPermissions=rules)


def _rule(direction: str) -> Row:
    def reshaped(work: Work) -> Mapping[str, Json]:
        return {"GroupId": work.given("GroupId"), "IpPermissions": [_permission(work.properties, direction)]}

    def removed(work: Work) -> None:
        rules = [_permission(work.properties, direction)]
        work.call("ec2", f"RevokeSecurityGroup{direction}", GroupId=work.properties["GroupId"], IpPermissions=rules)

    return Row(
        service="ec2",
        create=f"AuthorizeSecurityGroup{direction}",
        id="{SecurityGroupRules[0][SecurityGroupRuleId]}",
        reshape=reshaped,
        first=(removed,),
        tagged=False,
        replace=("*",),
    )


def _lists(work: Work) -> Mapping[str, Json]:
    given = _tagged("vpc-endpoint", "PrivateDnsEnabled")(work)
    private = str(work.properties.get("PrivateDnsEnabled", "false")).lower() == "true"
    return {**given, "PrivateDnsEnabled": private}


def rows() -> dict[str, Row]:
    """Every type of EC2 that is made here."""
    return {
        "AWS::EC2::VPC": Row(
            service="ec2",
            create="CreateVpc",
            delete="DeleteVpc",
            id="{Vpc[VpcId]}",
            keys={"VpcId": "{id}"},
            attributes={
                "VpcId": "{id}",
                "CidrBlock": "{Vpc[CidrBlock]}",
                "DefaultSecurityGroup": "{DefaultSecurityGroup}",
            },
            reshape=_tagged("vpc", "EnableDnsHostnames", "EnableDnsSupport"),
            then=(_set("ModifyVpcAttribute", "VpcId", "EnableDnsSupport", "EnableDnsHostnames"),),
            settled=_default_group,
            any_attribute=lambda name: name == "DefaultSecurityGroup",
            tagged=False,
            replace=("CidrBlock",),
        ),
        "AWS::EC2::Subnet": Row(
            service="ec2",
            create="CreateSubnet",
            delete="DeleteSubnet",
            id="{Subnet[SubnetId]}",
            keys={"SubnetId": "{id}"},
            attributes={"SubnetId": "{id}", "AvailabilityZone": "{Subnet[AvailabilityZone]}", "VpcId": "{VpcId}"},
            reshape=_zone,
            then=(_set("ModifySubnetAttribute", "SubnetId", "MapPublicIpOnLaunch"),),
            tagged=False,
            replace=("VpcId", "CidrBlock", "AvailabilityZone"),
        ),
        "AWS::EC2::RouteTable": _made("RouteTable", "route-table", id="{RouteTable[RouteTableId]}", replace=("VpcId",)),
        "AWS::EC2::InternetGateway": _made(
            "InternetGateway", "internet-gateway", id="{InternetGateway[InternetGatewayId]}"
        ),
        "AWS::EC2::NatGateway": _made(
            "NatGateway",
            "natgateway",
            id="{NatGateway[NatGatewayId]}",
            replace=("VpcId", "SubnetId", "AllocationId", "ConnectivityType"),
        ),
        "AWS::EC2::EIP": Row(
            service="ec2",
            create="AllocateAddress",
            delete="ReleaseAddress",
            id="{PublicIp}",
            delete_keys={"AllocationId": "{AllocationId}"},
            attributes={"AllocationId": "{AllocationId}", "PublicIp": "{id}"},
            reshape=_tagged("elastic-ip"),
            tagged=False,
            replace=("*",),
        ),
        "AWS::EC2::SubnetRouteTableAssociation": Row(
            service="ec2",
            create="AssociateRouteTable",
            delete="DisassociateRouteTable",
            id="{AssociationId}",
            keys={"AssociationId": "{id}"},
            attributes={"Id": "{id}"},
            tagged=False,
            replace=("*",),
        ),
        "AWS::EC2::Route": Row(
            service="ec2",
            create="CreateRoute",
            delete="DeleteRoute",
            id="{RouteTableId}|{DestinationCidrBlock}",
            delete_keys={"RouteTableId": "{RouteTableId}", "DestinationCidrBlock": "{DestinationCidrBlock}"},
            tagged=False,
            replace=("*",),
        ),
        "AWS::EC2::VPCGatewayAttachment": Row(
            service="ec2",
            create="AttachInternetGateway",
            delete="DetachInternetGateway",
            id="IGW|{VpcId}",
            delete_keys={"InternetGatewayId": "{InternetGatewayId}", "VpcId": "{VpcId}"},
            attributes={"AttachmentType": "IGW"},
            tagged=False,
            replace=("*",),
        ),
        "AWS::EC2::VPCEndpoint": Row(
            service="ec2",
            create="CreateVpcEndpoint",
            delete="DeleteVpcEndpoints",
            id="{VpcEndpoint[VpcEndpointId]}",
            delete_keys={"VpcEndpointIds": ["{id}"]},
            attributes={"Id": "{id}"},
            reshape=_lists,
            tagged=False,
            replace=("*",),
        ),
        "AWS::EC2::SecurityGroup": Row(
            service="ec2",
            create="CreateSecurityGroup",
            delete="DeleteSecurityGroup",
            id="{GroupId}",
            keys={"GroupId": "{id}"},
            attributes={"GroupId": "{id}", "Id": "{id}", "VpcId": "{VpcId}"},
            reshape=_group,
            then=(_rules,),
            tagged=False,
            replace=("GroupName", "GroupDescription", "VpcId"),
        ),
        "AWS::EC2::SecurityGroupIngress": _rule("Ingress"),
        "AWS::EC2::SecurityGroupEgress": _rule("Egress"),
    }


def _made(noun: str, resource: str, *, id: str, replace: tuple[str, ...] = ()) -> Row:
    """A type that one call makes and another deletes."""
    return Row(
        service="ec2",
        create=f"Create{noun}",
        delete=f"Delete{noun}",
        id=id,
        keys={f"{noun}Id": "{id}"},
        attributes={f"{noun}Id": "{id}"},
        reshape=_tagged(resource),
        tagged=False,
        replace=replace,
    )


def _default_group(work: Work) -> Mapping[str, Json]:
    """The group that EC2 makes with a VPC."""
    filters = [{"Name": "vpc-id", "Values": [work.physical_id]}, {"Name": "group-name", "Values": ["default"]}]
    found = work.call("ec2", "DescribeSecurityGroups", Filters=filters)["SecurityGroups"]
    return {"DefaultSecurityGroup": found[0]["GroupId"]} if found else {}
