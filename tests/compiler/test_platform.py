"""The platform and the registry, by their properties."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml import RegistrySpec
from constructs_ml.compiler.platform import compile_platform
from constructs_ml.compiler.registry import compile_registry
from constructs_ml.compiler.template import Compiled
from tests.support import account, statements_of

BUCKETS = ("PlatformDataBucket", "PlatformArtifactBucket", "PlatformLogBucket")


def platform(destroyable: bool = False, **changes: Any) -> Compiled:
    return compile_platform(account(**changes), prefix="Platform", destroyable=destroyable)


def properties(result: Compiled, key: str) -> dict[str, Any]:
    found: dict[str, Any] = result.resources[key]["Properties"]
    return found


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_encrypted_private_and_reached_over_tls_alone(bucket: str) -> None:
    result = platform()
    found = properties(result, bucket)
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    assert "ServerSideEncryptionByDefault" in found["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    deny = properties(result, f"{bucket}Policy")["PolicyDocument"]["Statement"][0]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_data_is_versioned_logged_and_old_versions_go() -> None:
    found = properties(platform(noncurrent_data_days=7), "PlatformDataBucket")
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert found["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": "PlatformLogBucket"}
    assert found["LifecycleConfiguration"]["Rules"][1]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_only_the_data_bucket_tells_of_arrivals() -> None:
    result = platform()
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert properties(result, "PlatformDataBucket")["NotificationConfiguration"] == events
    assert "NotificationConfiguration" not in properties(result, "PlatformArtifactBucket")


@pytest.mark.parametrize(
    ("here", "there", "retained"), [(False, False, True), (True, False, True), (False, True, True), (True, True, False)]
)
def test_deleting_data_takes_two_keys(here: bool, there: bool, retained: bool) -> None:
    result = compile_platform(account(destroyable=there), prefix="Platform", destroyable=here)
    for key in (*BUCKETS, "PlatformKey"):
        assert (result.resources[key].get("DeletionPolicy") == "Retain") == retained, key


def test_the_table_of_runs_is_encrypted_recoverable_and_goes_with_the_stack() -> None:
    result = platform()
    found = properties(result, "PlatformRunsTable")
    assert found["TableName"] == "dev-ml-runs"
    assert found["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert found["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": ["PlatformKey", "Arn"]}
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "DeletionPolicy" not in result.resources["PlatformRunsTable"]


def test_a_key_of_the_account_is_used_and_none_is_made() -> None:
    arn = "arn:aws:kms:eu-central-1:111111111111:key/1"
    result = platform(key_arn=arn)
    assert "PlatformKey" not in result.resources
    assert properties(result, "PlatformKeyARN")["Value"] == arn
    assert properties(result, "PlatformTopic")["KmsMasterKeyId"] == arn


def test_the_key_rotates_and_serves_only_this_account() -> None:
    found = properties(platform(), "PlatformKey")
    assert found["EnableKeyRotation"] is True
    services = found["KeyPolicy"]["Statement"][1]
    assert services["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_readers_of_the_registry_can_read_artifacts_and_decrypt_them_but_not_the_data() -> None:
    result = platform(registry_readers=("222222222222",))
    assert "222222222222" in json.dumps(properties(result, "PlatformKey"))
    assert "222222222222" in json.dumps(properties(result, "PlatformArtifactBucketPolicy"))
    assert "222222222222" not in json.dumps(properties(result, "PlatformDataBucketPolicy"))


def test_every_address_is_subscribed() -> None:
    result = platform(notify=("a@example.com", "b@example.com"))
    found = [item["Properties"] for item in result.resources.values() if item["Type"] == "AWS::SNS::Subscription"]
    assert [item["Endpoint"] for item in found] == ["a@example.com", "b@example.com"]


def test_the_function_is_told_the_retention_and_may_do_little() -> None:
    result = platform(log_retention_days=30)
    variables = properties(result, "PlatformLogRetention")["Environment"]["Variables"]
    assert variables == {"LOG_GROUP_PREFIX": "/aws/sagemaker/", "RETENTION_DAYS": "30"}
    actions = [statement["Action"] for statement in statements_of(result, "PlatformLogRetentionRole")]
    assert actions == [
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        "logs:DescribeLogGroups",
        "logs:PutRetentionPolicy",
    ]
    assert {name for name, _ in result.assets["log-retention"].extra} == {"constructs_ml/contract"}


def registry(**changes: Any) -> dict[str, Any]:
    result = compile_registry(
        RegistrySpec(description="d"), account(**changes), model="churn", owner="growth", prefix="R"
    )
    found: dict[str, Any] = result.resources["RGroup"]
    return found


def test_a_group_is_named_described_tagged_and_retained() -> None:
    found = registry()
    assert found["DeletionPolicy"] == "Retain"
    assert found["Properties"]["ModelPackageGroupName"] == "dev-churn"
    assert found["Properties"]["ModelPackageGroupDescription"] == "d"
    assert "ModelPackageGroupPolicy" not in found["Properties"]
    assert "DeletionPolicy" not in registry(destroyable=True)


def test_other_accounts_may_read_the_group_and_no_more() -> None:
    policy = registry(registry_readers=("222222222222",))["Properties"]["ModelPackageGroupPolicy"]
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:DescribeModelPackage",
        "sagemaker:ListModelPackages",
    }
    principal = policy["Statement"][0]["Principal"]["AWS"]
    assert principal == [{"Fn::Sub": "arn:${AWS::Partition}:iam::222222222222:root"}]
