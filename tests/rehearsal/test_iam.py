"""Calls of roles are checked against the deployed policies, as AWS would check them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.principals import Principal

ID, REGION = "111111111111", "eu-central-1"
ROOT = f"arn:aws:iam::{ID}:root"


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class World:
    """An open account with IAM, and shortcuts to make roles in it."""

    def __init__(self, account: EmbeddedAccount, iam: Iam) -> None:
        self.account, self.iam = account, iam

    def role(
        self, name: str, *statements: dict[str, Any], trust: str = "lambda.amazonaws.com", **more: Any
    ) -> Principal:
        who = {"AWS": trust} if trust.startswith("arn:") else {"Service": trust}
        trusted = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
        client = self.account.client("iam")
        made = client.create_role(RoleName=name, AssumeRolePolicyDocument=document(trusted), **more)["Role"]
        if statements:
            client.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(*statements))
        return self.account.principals.assume(made["Arn"], trust, "run-1")

    def client(self, service: str, principal: Principal | None = None) -> Any:
        return self.account.client(service, principal) if principal else self.account.client(service)

    def bucket(self, name: str = "data", **objects: str) -> None:
        client = self.client("s3")
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in objects.items():
            client.put_object(Bucket=name, Key=key, Body=body.encode())


@pytest.fixture
def world(account: EmbeddedAccount) -> Iterator[World]:
    iam = Iam(account)
    with account.running():
        yield World(account, iam)


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_call_that_the_role_allows_passes_and_one_that_it_does_not_is_denied_in_awss_words(world: World) -> None:
    world.bucket(model="m")
    role = world.role("reader", allow("s3:GetObject", "arn:aws:s3:::data/*"))
    client = world.client("s3", role)
    assert client.get_object(Bucket="data", Key="model")["Body"].read() == b"m"
    code, message = refused(lambda: client.put_object(Bucket="data", Key="model", Body=b"x"))
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:sts::{ID}:assumed-role/reader/run-1 is not authorized to perform: s3:PutObject on resource: "
        '"arn:aws:s3:::data/model" because no identity-based policy allows the s3:PutObject action'
    )
    (denied,) = world.iam.denied()
    assert denied.missing == allow("s3:PutObject", "arn:aws:s3:::data/model")
    (entry,) = world.account.journal.entries("denied")
    assert (entry.name, entry.detail["missing"], entry.detail["policies"]) == (
        "reader",
        denied.missing,
        ("policy calls",),
    )


def test_a_near_miss_says_which_statement_allows_it_elsewhere(world: World) -> None:
    world.bucket(model="m")
    role = world.role("reader", allow("s3:Get*", "arn:aws:s3:::other/*", Sid="Models"))
    refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    assert world.iam.denied()[0].near == ("Models of policy calls allows it, but it is about arn:aws:s3:::other/*",)


def test_equal_denials_are_counted_and_written_once(world: World) -> None:
    world.bucket(model="m")
    role = world.role("nobody")
    for _ in range(3):
        refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    assert [denied.times for denied in world.iam.denied()] == [3]
    assert len(world.account.journal.entries("denied")) == 1


def test_an_audit_lets_pass_what_it_lists(account: EmbeddedAccount) -> None:
    iam = Iam(account, strict=False)
    with account.running():
        world = World(account, iam)
        world.bucket(model="m")
        assert world.client("s3", world.role("nobody")).get_object(Bucket="data", Key="model")["Body"].read() == b"m"
        assert [denied.action for denied in iam.denied()] == ["s3:GetObject"]


def test_the_person_and_the_roles_of_cdk_are_not_checked_and_the_summary_says_so(world: World) -> None:
    world.bucket(model="m")
    role = world.role(f"cdk-hnb659fds-deploy-role-{ID}-{REGION}", trust=ROOT)
    assert world.client("s3", role).get_object(Bucket="data", Key="model")
    assert world.client("s3").get_object(Bucket="data", Key="model")
    assert world.iam.summary().unchecked == (role.role,)
    assert world.iam.unused() == {}


def test_a_missing_object_is_a_denial_unless_the_bucket_may_be_listed(world: World) -> None:
    world.bucket()
    objects = allow("s3:GetObject", "arn:aws:s3:::data/*")
    code, message = refused(lambda: world.client("s3", world.role("a", objects)).get_object(Bucket="data", Key="gone"))
    assert (code, "s3:ListBucket" in message) == ("AccessDenied", True)
    lister = world.role("b", objects, allow("s3:ListBucket", "arn:aws:s3:::data"))
    assert refused(lambda: world.client("s3", lister).get_object(Bucket="data", Key="gone"))[0] == "NoSuchKey"
    assert (
        refused(lambda: world.client("s3", world.role("c", objects)).head_object(Bucket="data", Key="gone"))[0] == "403"
    )


def test_after_a_denied_head_the_connection_still_serves(world: World) -> None:
    world.bucket(model="m")
    client = world.client("s3", world.role("a", allow("s3:ListBucket", "arn:aws:s3:::data")))
    assert refused(lambda: client.head_object(Bucket="data", Key="model"))[0] == "403"
    assert client.list_objects_v2(Bucket="data")["KeyCount"] == 1


def test_lists_are_held_to_their_prefix(world: World) -> None:
    world.bucket(model="m")
    below = {"StringLike": {"s3:prefix": "raw/*"}}
    client = world.client("s3", world.role("a", allow("s3:ListBucket", "arn:aws:s3:::data", Condition=below)))
    assert client.list_objects_v2(Bucket="data", Prefix="raw/x")["KeyCount"] == 0
    assert refused(lambda: client.list_objects_v2(Bucket="data"))[0] == "AccessDenied"


def test_a_copy_reads_its_source_and_parts_of_an_upload_write(world: World) -> None:
    world.bucket(model="m")
    writer = allow(["s3:PutObject"], "arn:aws:s3:::data/*")
    client = world.client("s3", world.role("a", writer))
    assert "s3:GetObject" in refused(lambda: client.copy_object(Bucket="data", Key="x", CopySource="data/model"))[1]
    upload = client.create_multipart_upload(Bucket="data", Key="big")["UploadId"]
    part = client.upload_part(Bucket="data", Key="big", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    client.complete_multipart_upload(Bucket="data", Key="big", UploadId=upload, MultipartUpload=parts)
    reader = world.role("b", writer, allow("s3:GetObject", "arn:aws:s3:::data/model"))
    assert world.client("s3", reader).copy_object(Bucket="data", Key="x", CopySource="data/model")


def test_deleting_many_needs_each_one(world: World) -> None:
    world.bucket(a="1", b="2")
    client = world.client("s3", world.role("a", allow("s3:DeleteObject", "arn:aws:s3:::data/a")))
    client.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "a"}]})
    many = {"Objects": [{"Key": "a"}, {"Key": "b"}]}
    assert '"arn:aws:s3:::data/b"' in refused(lambda: client.delete_objects(Bucket="data", Delete=many))[1]


TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_a_bucket_that_demands_tls_lets_everybody_in_who_may(world: World) -> None:
    world.bucket()
    world.client("s3").put_bucket_policy(Bucket="data", Policy=document(TLS))
    world.client("s3").put_object(Bucket="data", Key="a", Body=b"1")
    world.client("s3").put_object(Bucket="data", Key="a", Body=b"2")
    role = world.role("a", allow("s3:PutObject", "arn:aws:s3:::data/*"))
    world.client("s3", role).put_object(Bucket="data", Key="a", Body=b"3")


def test_a_bucket_that_denies_says_no_to_whom_the_role_says_yes(world: World) -> None:
    world.bucket()
    world.client("s3").put_bucket_policy(Bucket="data", Policy=document({**TLS, "Condition": {}}))
    role = world.role("a", allow("s3:*"))
    _, message = refused(lambda: world.client("s3", role).put_object(Bucket="data", Key="a", Body=b"3"))
    assert message.endswith("with an explicit deny in a resource-based policy")
    (denied,) = world.iam.denied()
    assert (denied.missing, denied.denied_by) == (None, "statement 1 of the policy of arn:aws:s3:::data/a")


def test_a_bucket_policy_alone_may_allow_a_role_of_the_same_account(world: World) -> None:
    world.bucket(model="m")
    role = world.role("a")
    named = {**allow("s3:GetObject", "arn:aws:s3:::data/*"), "Principal": {"AWS": role.role}}
    world.client("s3").put_bucket_policy(Bucket="data", Policy=document(named))
    assert world.client("s3", role).get_object(Bucket="data", Key="model")
    other = {**named, "Principal": {"AWS": ROOT}}
    world.client("s3").put_bucket_policy(Bucket="data", Policy=document(other))
    assert refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))[0] == "AccessDenied"


def test_a_boundary_limits_what_the_role_allows(world: World) -> None:
    world.bucket(model="m")
    arn = world.client("iam").create_policy(
        PolicyName="limit", PolicyDocument=document(allow("s3:GetObject", "arn:aws:s3:::data/*"))
    )["Policy"]["Arn"]
    role = world.role("a", allow("s3:*"), PermissionsBoundary=arn)
    client = world.client("s3", role)
    assert client.get_object(Bucket="data", Key="model")
    _, message = refused(lambda: client.put_object(Bucket="data", Key="model", Body=b"x"))
    assert message.endswith("because no permissions boundary allows the s3:PutObject action")
    assert world.iam.denied()[0].missing_in == "boundary"


def test_attached_policies_count_by_their_default_version_and_changes_are_seen_at_once(world: World) -> None:
    world.bucket(model="m")
    role, client = world.role("a"), world.client("iam")
    arn = client.create_policy(PolicyName="p", PolicyDocument=document(allow("s3:ListBucket")))["Policy"]["Arn"]
    client.attach_role_policy(RoleName="a", PolicyArn=arn)
    assert refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))[0] == "AccessDenied"
    client.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:GetObject")), SetAsDefault=True)
    assert world.client("s3", role).get_object(Bucket="data", Key="model")
    client.detach_role_policy(RoleName="a", PolicyArn=arn)
    assert refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))[0] == "AccessDenied"


def encrypted(world: World, **policy: Any) -> str:
    """A bucket whose objects are encrypted with a customer's key; answers the key's ARN."""
    arn = str(world.client("kms").create_key(**policy)["KeyMetadata"]["Arn"])
    world.bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
    world.client("s3").put_bucket_encryption(Bucket="data", ServerSideEncryptionConfiguration={"Rules": [rule]})
    world.client("s3").put_object(Bucket="data", Key="model", Body=b"m")
    return arn


def test_objects_under_a_customers_key_need_the_key_too(world: World) -> None:
    arn = encrypted(world)
    objects = allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::data/*")
    poor = world.client("s3", world.role("poor", objects))
    assert "kms:Decrypt" in refused(lambda: poor.get_object(Bucket="data", Key="model"))[1]
    assert "kms:GenerateDataKey" in refused(lambda: poor.put_object(Bucket="data", Key="new", Body=b"n"))[1]
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    rich = world.client(
        "s3", world.role("rich", objects, allow(["kms:Decrypt", "kms:GenerateDataKey"], arn, Condition=via))
    )
    rich.put_object(Bucket="data", Key="new", Body=b"n")
    assert rich.get_object(Bucket="data", Key="new")["Body"].read() == b"n"


def kept(world: World, service: str, key: str) -> Any:
    """Something that a service keeps under a key, and the call that needs the key."""
    client = world.client(service)
    match service:
        case "sqs":
            url = client.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
            return lambda own: own.send_message(QueueUrl=url, MessageBody="m")
        case "sns":
            arn = client.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
            return lambda own: own.publish(TopicArn=arn, Message="m")
        case "ssm":
            client.put_parameter(Name="/a/b", Value="v", Type="SecureString", KeyId=key)
            return lambda own: own.get_parameter(Name="/a/b", WithDecryption=True)
    client.create_table(
        TableName="t",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    return lambda own: own.get_item(TableName="t", Key={"id": {"S": "1"}})


@pytest.mark.parametrize("service", ["sqs", "sns", "ssm", "dynamodb"])
@pytest.mark.parametrize("by_alias", [False, True])
def test_what_a_service_keeps_under_a_customers_key_needs_the_key_too(
    world: World, service: str, by_alias: bool
) -> None:
    arn = str(world.client("kms").create_key()["KeyMetadata"]["Arn"])
    world.client("kms").create_alias(AliasName="alias/ml", TargetKeyId=arn)
    call = kept(world, service, "alias/ml" if by_alias else arn)
    poor = world.client(service, world.role("poor", allow(f"{service}:*")))
    assert f"on resource: {arn}" in refused(lambda: call(poor))[1]
    via = {"StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}}
    key = allow(["kms:Decrypt", "kms:GenerateDataKey*"], arn, Condition=via)
    call(world.client(service, world.role("rich", allow(f"{service}:*"), key)))


def test_a_key_for_another_service_opens_no_object(world: World) -> None:
    arn = encrypted(world)
    via = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}}
    role = world.role("a", allow("s3:GetObject"), allow("kms:Decrypt", arn, Condition=via))
    refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    assert "the request has s3.eu-central-1.amazonaws.com" in world.iam.denied()[0].near[0]


def test_a_key_whose_policy_does_not_let_the_account_decide_opens_to_nobody_else(world: World) -> None:
    other = {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ID}:role/keeper"}}
    arn = encrypted(world, Policy=document(other))
    role = world.role("a", allow("s3:GetObject"), allow("kms:*", arn))
    _, message = refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    assert message.endswith("because no resource-based policy allows the kms:Decrypt action")
    (denied,) = world.iam.denied()
    assert denied.missing == {**allow("kms:Decrypt"), "Principal": {"AWS": role.role}}


def passing(world: World, service: str, name: str = "starter") -> Any:
    job = world.role("job", trust="sagemaker.amazonaws.com")
    told = {"StringEquals": {"iam:PassedToService": service}}
    role = world.role(name, allow("states:*"), allow("iam:PassRole", job.role, Condition=told))
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    return lambda: world.client("stepfunctions", role).create_state_machine(
        name="m", definition=definition, roleArn=job.role
    )


def test_a_role_is_passed_to_the_service_that_the_statement_names(world: World) -> None:
    assert passing(world, "states.amazonaws.com")()


def test_a_role_is_not_passed_to_another_service(world: World) -> None:
    code, message = refused(passing(world, "sagemaker.amazonaws.com"))
    assert (code, "iam:PassRole" in message) == ("AccessDeniedException", True)
    (denied,) = world.iam.denied()
    assert denied.missing is not None
    assert denied.missing["Condition"] == {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    assert "the request has states.amazonaws.com" in denied.near[0]


def test_a_role_that_a_role_assumes_is_checked_as_itself(world: World) -> None:
    world.bucket(model="m")
    caller = world.role("caller", allow("sts:AssumeRole"))
    world.role("target", allow("s3:GetObject"), trust=caller.role)
    sts = world.client("sts", caller)
    arn = f"arn:aws:iam::{ID}:role/target"
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="own")
    assert keys["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ID}:assumed-role/target/own"
    target = world.account.principals.of(keys["Credentials"]["AccessKeyId"])
    assert target is not None
    assert world.client("sts", target).get_caller_identity()["Arn"].endswith("assumed-role/target/own")
    assert world.client("s3", target).get_object(Bucket="data", Key="model")
    assert refused(lambda: world.client("s3", target).list_objects_v2(Bucket="data"))[0] == "AccessDenied"


def test_a_role_that_trusts_somebody_else_is_not_assumed(world: World) -> None:
    caller = world.role("caller", allow("sts:AssumeRole"))
    world.role("target", trust="lambda.amazonaws.com")
    arn = f"arn:aws:iam::{ID}:role/target"
    code, message = refused(lambda: world.client("sts", caller).assume_role(RoleArn=arn, RoleSessionName="own"))
    assert (code, "sts:AssumeRole" in message) == ("AccessDenied", True)
    assert world.iam.denied()[0].missing_in == "resource"
    gone = f"arn:aws:iam::{ID}:role/gone"
    assert refused(lambda: world.client("sts").assume_role(RoleArn=gone, RoleSessionName="own"))[0] == "AccessDenied"


def test_the_person_assumes_every_role_and_is_then_checked_as_it(world: World) -> None:
    world.bucket(model="m")
    world.role("target", trust=ROOT)
    keys = world.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ID}:role/target", RoleSessionName="own")[
        "Credentials"
    ]
    target = world.account.principals.of(keys["AccessKeyId"])
    assert target is not None
    assert refused(lambda: world.client("s3", target).get_object(Bucket="data", Key="model"))[0] == "AccessDenied"


def trusting(world: World, condition: Any, service: str = "sagemaker.amazonaws.com") -> None:
    trusted = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition}
    world.client("iam").create_role(RoleName="job", AssumeRolePolicyDocument=document(trusted))
    world.account.assume(f"arn:aws:iam::{ID}:role/job", "sagemaker.amazonaws.com", "train-1")


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"aws:SourceAccount": ID}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ID}:*"}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{ID}:training-job/train-*"}},
    ],
)
def test_a_service_assumes_a_role_that_trusts_it(world: World, condition: Any) -> None:
    trusting(world, condition)
    assert world.account.journal.entries("denied") == []


@pytest.mark.parametrize(
    ("condition", "service"),
    [
        ({"StringEquals": {"aws:SourceAccount": "222222222222"}}, "sagemaker.amazonaws.com"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:*:{ID}:*"}}, "sagemaker.amazonaws.com"),
        ({}, "lambda.amazonaws.com"),
    ],
)
def test_a_service_that_a_role_does_not_trust_is_refused_in_its_own_words(
    world: World, condition: Any, service: str
) -> None:
    with pytest.raises(Exception, match=r"Could not assume role .*job\. Please ensure that the role exists"):
        trusting(world, condition, service)
    assert world.account.journal.entries("denied")[0].detail["missing_in"] == "trust"


def test_a_role_that_does_not_exist_is_assumed_by_nobody(world: World) -> None:
    with pytest.raises(Exception, match="cannot be assumed by Lambda"):
        world.account.assume(f"arn:aws:iam::{ID}:role/gone", "lambda.amazonaws.com")


def test_what_a_service_does_with_a_role_is_checked_like_a_call(world: World) -> None:
    rule = f"arn:aws:events:{REGION}:{ID}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    role = world.role("machine", allow("events:PutRule", rule))
    world.account.authorize(role, "events:PutRule", rule)
    with pytest.raises(Exception, match="not authorized to perform: events:PutTargets"):
        world.account.authorize(role, "events:PutTargets", rule)


def function(world: World) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("h.py", "def handler(event, context): return 1")
    world.role("function")
    world.client("lambda").create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role=f"arn:aws:iam::{ID}:role/function",
        Handler="h.handler",
        Code={"ZipFile": code.getvalue()},
    )


def test_a_service_that_calls_for_itself_needs_the_resources_own_policy(world: World) -> None:
    function(world)
    arn, rule = f"arn:aws:lambda:{REGION}:{ID}:function:f", f"arn:aws:events:{REGION}:{ID}:rule/daily"
    events = Principal("", "events.amazonaws.com", rule)
    with pytest.raises(Exception, match="no resource-based policy allows the lambda:InvokeFunction action"):
        world.account.authorize(events, "lambda:InvokeFunction", arn)
    world.client("lambda").add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal=events.service, SourceArn=rule
    )
    world.account.authorize(events, "lambda:InvokeFunction", arn)
    other = Principal("", "events.amazonaws.com", f"{rule}-other")
    with pytest.raises(Exception, match=r"events\.amazonaws\.com is not authorized"):
        world.account.authorize(other, "lambda:InvokeFunction", arn)


def test_a_key_that_nobody_knows_is_not_met_and_is_named(world: World) -> None:
    world.bucket(model="m")
    near = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    role = world.role("a", allow("s3:GetObject", Condition=near))
    _, message = refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    assert message.endswith("(not known in the rehearsal: aws:SourceIp)")


def test_a_denial_that_depends_on_what_nobody_knows_is_listed_as_undecided(world: World) -> None:
    world.bucket(model="m")
    outside = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    deny = {**allow("s3:*", Condition=outside), "Effect": "Deny", "Sid": "Inside"}
    role = world.role("a", allow("s3:GetObject"), deny)
    assert world.client("s3", role).get_object(Bucket="data", Key="model")
    assert world.iam.summary().undecided == (
        "Inside of policy calls denies it, but it depends on aws:SourceIp, which is not known here",
    )


def test_a_policy_that_nobody_could_evaluate_is_refused(world: World) -> None:
    wrong = document(allow("s3:GetObject", Condition={"StringEqual": {"aws:PrincipalTag/a": "b"}}))
    world.role("a")
    put = world.client("iam").put_role_policy
    code, message = refused(lambda: put(RoleName="a", PolicyName="p", PolicyDocument=wrong))
    assert (code, "'StringEqual' is none of IAM's" in message) == ("MalformedPolicyDocument", True)


def test_a_service_may_be_trusted_in_one_region(world: World) -> None:
    role = world.role("a", trust=f"states.{REGION}.amazonaws.com")
    world.account.assume(role.role, "states.amazonaws.com", "m")
    with pytest.raises(Exception, match="cannot be assumed by Lambda"):
        world.account.assume(role.role, "lambda.amazonaws.com", "f")


def test_a_role_in_the_hands_of_another_role_is_trusted_by_what_was_asked_before(world: World) -> None:
    caller = world.role("caller", allow("sts:AssumeRole"))
    target = world.role("target", trust=caller.role)
    world.account.authorize(caller, "sts:AssumeRole", target.role)
    assert world.account.assume(target.role, caller.role, "run-1").role == target.role
    stranger = world.role("stranger", allow("sts:AssumeRole"))
    with pytest.raises(Exception, match="sts:AssumeRole"):
        world.account.authorize(stranger, "sts:AssumeRole", target.role)


def test_a_tag_that_the_role_does_not_have_is_absent_not_unknown(world: World) -> None:
    world.bucket(model="m")
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "growth"}}
    role = world.role("a", allow("s3:GetObject", Condition=tagged))
    refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="model"))
    (denied,) = world.iam.denied()
    assert (denied.unknown, "the request has no such key" in denied.near[0]) == ((), True)


def test_tags_of_the_role_open_what_bears_their_name(world: World) -> None:
    world.bucket(growth="m", other="n")
    own = allow("s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalTag/team}")
    role = world.role("a", own, Tags=[{"Key": "team", "Value": "growth"}])
    assert world.client("s3", role).get_object(Bucket="data", Key="growth")
    assert refused(lambda: world.client("s3", role).get_object(Bucket="data", Key="other"))[0] == "AccessDenied"


def test_what_was_used_and_what_never_was_is_told_by_statement_and_action(world: World) -> None:
    world.bucket(model="m")
    role = world.role(
        "a",
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::data/*", Sid="Data"),
        allow("ecr:BatchGetImage", Sid="Pull"),
    )
    world.client("s3", role).get_object(Bucket="data", Key="model")
    assert world.iam.used() == {role.role: {"s3:GetObject": 1}}
    unused = world.iam.unused()[role.role]
    assert [(item.statement, item.action, item.because) for item in unused] == [
        ("Data", "s3:PutObject", ""),
        ("Pull", "ecr:BatchGetImage", "images are not pulled; only those in ECR are asked for"),
    ]
    (use,) = world.iam.summary().roles
    assert (use.calls, use.unused) == ((("s3:GetObject", 1),), unused)
