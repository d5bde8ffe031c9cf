"""Every type that the rehearsal makes: its names, its attributes, and that nothing is skipped silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.facts.store import load
from constructs_ml.rehearsal.cloudformation.resources.kinds import kind_of
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.table import TABLE
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.cfn import Stacks, of, outputs

schemas = pytest.importorskip("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER

# Documented for Fn::GetAtt or needed by rows' own calls, yet not read-only in the registry.
_BESIDE_THE_SCHEMA = {
    "AWS::Glue::Job",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::ApplicationAutoScaling::ScalableTarget",
}


@pytest.fixture
def stacks(account: EmbeddedAccount) -> Iterator[Stacks]:
    found = Stacks(account)
    with account.running():
        yield found


def schema(type: str) -> Any:
    return schemas.get_resource_schema("us-east-1", type).schema


@pytest.mark.parametrize("type", sorted(name for name, row in TABLE.items() if isinstance(row, Row)))
def test_a_rows_names_are_the_schemas(type: str) -> None:
    row = TABLE[type]
    assert isinstance(row, Row)
    known = set(schema(type)["properties"])
    mine = {*row.apart, *row.settles, *row.renames, *([row.name] if row.name else [])}
    if not type.startswith("AWS::SageMaker::"):
        mine |= {name.partition(".")[0] for name in row.replace} - {"*"}
    assert mine <= known


@pytest.mark.parametrize("type", sorted(set(TABLE) - _BESIDE_THE_SCHEMA))
def test_read_only_properties_are_attributes(type: str) -> None:
    if type.startswith("AWS::SageMaker::") or type == "AWS::CDK::Metadata":
        return  # read from botocore's model
    kind = kind_of(type)
    assert kind is not None
    attributes = kind.attributes
    assert set(attributes) <= set(schema(type)["properties"])


def test_every_type_of_the_facts_that_the_library_emits_is_made() -> None:
    emitted = [name for name in load("updates")["types"] if not name.startswith("AWS::SageMaker::")]
    assert [name for name in emitted if kind_of(name) is None] == []


ROLE = "arn:aws:iam::111111111111:role/jobs"


def test_a_model_its_config_and_its_endpoint_are_wired_by_attribute(stacks: Stacks) -> None:
    def template(image: str) -> dict[str, Any]:
        model = {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": image}}
        variant = {
            "VariantName": "main",
            "ModelName": {"Fn::GetAtt": ["M", "ModelName"]},
            "InitialInstanceCount": "1",
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1,
        }
        name = {"Fn::GetAtt": ["C", "EndpointConfigName"]}
        return of(
            {
                "E": {
                    "Type": "AWS::SageMaker::Endpoint",
                    "Properties": {"EndpointName": "e", "EndpointConfigName": name, "RetainAllVariantProperties": True},
                },
                "C": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
                "M": {"Type": "AWS::SageMaker::Model", "Properties": model},
            },
            Outputs={"Model": {"Value": {"Ref": "M"}}, "Config": {"Value": name}},
        )

    before = outputs(stacks.create("s", template("one")))
    assert ":model/s-M-" in before["Model"]
    stack = stacks.update("s", template("two"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("s")
    after = outputs(stack)
    assert after["Model"] != before["Model"]
    client = stacks.account.client("sagemaker")
    assert client.describe_endpoint(EndpointName="e")["EndpointConfigName"] == after["Config"]
    assert [one["ModelArn"] for one in client.list_models()["Models"]] == [after["Model"]]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert client.list_endpoints()["Endpoints"] == client.list_models()["Models"] == []


def test_a_bucket_has_all_that_its_properties_say(stacks: Stacks) -> None:
    properties = {
        "BucketName": "full-bucket",
        "VersioningConfiguration": {"Status": "Enabled"},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": "true"},
        "LifecycleConfiguration": {
            "Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": "30", "Prefix": "x/"}]
        },
        "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 5}]},
    }
    bucket = {"Type": "AWS::S3::Bucket", "Properties": properties}
    assert stacks.create("s", of({"B": bucket}))["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s")
    s3 = stacks.account.client("s3")
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="full-bucket")["Rules"]
    assert (rule["Expiration"], rule["Filter"]) == ({"Days": 30}, {"Prefix": "x/"})
    assert s3.get_bucket_versioning(Bucket="full-bucket")["Status"] == "Enabled"
    changed = {key: value for key, value in properties.items() if key != "CorsConfiguration"}
    stacks.update(
        "s", of({"B": {**bucket, "Properties": {**changed, "VersioningConfiguration": {"Status": "Suspended"}}}})
    )
    assert s3.get_bucket_versioning(Bucket="full-bucket")["Status"] == "Suspended"
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_bucket_cors(Bucket="full-bucket")


def test_a_role_follows_its_policies(stacks: Stacks) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

    allow = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]

    def role(policy: str, *managed: str) -> dict[str, Any]:
        inline = [{"PolicyName": policy, "PolicyDocument": {"Version": "2012-10-17", "Statement": allow}}]
        given = {
            "RoleName": "r",
            "AssumeRolePolicyDocument": trust,
            "Policies": inline,
            "ManagedPolicyArns": [*managed],
        }
        return of({"R": {"Type": "AWS::IAM::Role", "Properties": given}})

    assert stacks.create("s", role("one", basic))["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s")
    iam = stacks.account.client("iam")
    assert iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"][0]["PolicyArn"] == basic
    stacks.update("s", role("two"))
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["two"]
    assert iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"] == []
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("type", "properties", "said"),
    [
        (
            "AWS::SNS::Subscription",
            {"Protocol": "email", "TopicArn": "t", "Oops": 1},
            r"extraneous key [Oops] is not permitted",
        ),
        ("AWS::S3::Bucket", {"ObjectLockEnabled": True}, "knows no property ObjectLockEnabled"),
        ("AWS::SageMaker::Model", {"Oops": 1}, "extraneous key [Oops] is not permitted"),
        (
            "AWS::SageMaker::FeatureGroup",
            {"FeatureGroupName": "g"},
            'Missing required parameter in input: "RecordIdentifier',
        ),
        ("AWS::Logs::LogGroup", {"RetentionInDays": "many"}, "invalid literal"),
        ("AWS::CloudWatch::Alarm", {"EvaluationPeriods": "two"}, "expected type: Integer, found: 'two'"),
    ],
)
def test_wrong_properties_fail_the_resource(stacks: Stacks, type: str, properties: dict[str, Any], said: str) -> None:
    stack = stacks.create("s", of({"X": {"Type": type, "Properties": properties}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert said in stacks.reasons("s")
