"""Feature groups, endpoints and dashboards in the user's own stacks: what crosses, what is given, who may do what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match

from constructs_ml import (
    S3,
    Dashboard,
    Endpoint,
    FeatureGroup,
    Fleet,
    ModelSettings,
    ModelSpec,
    Offline,
    Platform,
    SpecError,
    Variant,
)
from tests.assemblies import templates
from tests.aws.stacks import CONCRETE, new_app, new_stack, of_type, resources
from tests.support import CODE, IMAGE, account, customers, endpoint, evaluate, gate, monitors, pinned, prepare, train

pytestmark = pytest.mark.node
MAY = account(existing_customer=("model-monitor",), models=pinned(main=3).models)
AGNOSTIC = account(id=None, region=None, models=pinned(main=3).models)


def model(**given: Any) -> ModelSpec:
    known = {"features": (customers(),), "endpoint": endpoint(), "monitors": monitors(), "name": "churn", **given}
    return ModelSpec(owner="growth", root=CODE, steps=(prepare(), train(), evaluate(), gate()), **known)


def built(stack: Stack, **given: Any) -> Endpoint:
    known = {"account": MAY, "monitors": monitors(), "images": (IMAGE,), "root": CODE, **given}
    return Endpoint(stack, "Endpoint", known.pop("spec", endpoint()), model="churn", owner="growth", **known)


def bare(found: dict[str, Any]) -> dict[str, Any]:
    return {key: {name: item for name, item in value.items() if name != "Metadata"} for key, value in found.items()}


def policies(found: dict[str, Any], owner: str) -> str:
    """The policies that grants made for a role: they lie outside of our own resources."""
    made = {key: item for key, item in found.items() if item["Type"] == "AWS::IAM::Policy" and key.startswith(owner)}
    return json.dumps(made)


def test_an_endpoint_with_everything_comes_out_as_it_was_compiled(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    made = built(new_stack(app))
    assert bare(resources(app)) == bare(dict(made.compiled.resources))


def test_a_feature_group_comes_out_as_it_was_compiled_and_is_handed_out(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    made = FeatureGroup(stack, "Customers", customers(), account=account())
    assert made.resources["Group"].cfn_resource_type
    assert stack.resolve(made.resources["Group"].ref) == {"Ref": "CustomersGroup"}
    found = resources(app)
    assert bare(found) == bare(dict(made.compiled.resources))
    assert found["CustomersGroup"]["Metadata"]["aws:cdk:path"] == "S/Customers/Resources/CustomersGroup"


def test_a_tag_of_the_stack_reaches_all_but_what_it_would_replace(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    made = built(stack)
    group = FeatureGroup(stack, "Customers", customers(), account=account())
    Tags.of(stack).add("team", "growth")
    found = resources(app)
    before = {**made.compiled.resources, **group.compiled.resources}
    same = {key for key in found if found[key]["Properties"] == before[key]["Properties"]}
    assert same == {
        "CustomersGroup",
        "EndpointDataQualityDefinition",
        "EndpointMainScalingPolicy",
        "EndpointQualityDefinition",
    }


def test_grants_on_a_group_name_it_its_store_its_table_and_its_key(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    group = FeatureGroup(stack, "Customers", customers(), account=account())
    writer, reader, analyst = (
        iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal()) for name in ("Writer", "Reader", "Analyst")
    )
    group.grant_write(writer)
    group.grant_online_read(reader)
    group.grant_offline_read(analyst)
    found = resources(app)
    assert "sagemaker:PutRecord" in policies(found, "Writer")
    assert "kms:GenerateDataKey" in policies(found, "Writer")
    assert "sagemaker:GetRecord" in policies(found, "Reader")
    assert "PutRecord" not in policies(found, "Reader")
    offline = policies(found, "Analyst")
    for part in (
        "features/customers/*",
        "glue:GetTable",
        "table/sagemaker_featurestore/dev_customers_*",
        "athena:StartQueryExecution",
        "workgroup/primary",
        "kms:Decrypt",
        "athena/*",
    ):
        assert part in offline, part
    assert "GetRecord" not in offline


def test_a_group_of_another_stack_is_granted_by_its_name_without_an_export(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = iam.Role(stack, "Writer", assumed_by=iam.AccountRootPrincipal())
    group = FeatureGroup.from_feature_group_name(stack, "Customers", "customers-v2", account=account())
    group.grant_write(role)
    group.grant_offline_read(role)
    text = policies(resources(app), "Writer")
    assert ":feature-group/dev-customers-v2" in text
    assert "dev_customers_v2_" in text
    assert "ImportValue" not in text


def test_a_group_with_a_store_of_its_own_is_granted_by_its_attributes(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = iam.Role(stack, "Analyst", assumed_by=iam.AccountRootPrincipal())
    FeatureGroup.from_feature_group_attributes(
        stack,
        "Orders",
        "orders",
        account=account(),
        bucket=s3.Bucket.from_bucket_name(stack, "Lake", "lake"),
        location="orders/",
        table=("lake", "orders"),
    ).grant_offline_read(role)
    text = policies(resources(app), "Analyst")
    assert "s3:::lake/orders/*" in text
    assert "table/lake/orders" in text
    assert "sagemaker_featurestore" not in text


def test_a_given_bucket_key_and_role_are_used(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    key = kms.Key(stack, "Key")
    bucket = s3.Bucket(stack, "Lake", encryption_key=key)
    role = iam.Role(stack, "Writer", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    store = Offline(location=S3("crm/"), table="lake.customers")
    group = FeatureGroup(stack, "Customers", customers(offline=store), account=account(), bucket=bucket, role=role)
    group.grant_offline_read(role)
    assert group.role is role
    assert "s3:PutObject" in json.dumps(stack.resolve(group.required_policy))
    found = resources(app)
    config = json.dumps(found["CustomersGroup"]["Properties"])
    assert "dev-ml" not in config
    for name in ("Lake", "Key", "Writer"):
        assert any(item.startswith(name) and item in config for item in found)
    assert "table/lake/customers" in policies(found, "Writer")
    assert "crm/*" in policies(found, "Writer")
    attached = [key for key, item in found.items() if item["Type"] == "AWS::IAM::Policy" and "RolePolicy" in key]
    assert found["CustomersGroup"]["DependsOn"] == attached
    assert "s3:PutObjectAcl" in json.dumps(found[attached[0]])


def test_a_place_in_a_bucket_of_ones_own_is_what_readers_may_read(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = iam.Role(stack, "Analyst", assumed_by=iam.AccountRootPrincipal())
    spec = customers(offline=Offline(location=S3("s3://lake/crm")))
    FeatureGroup(stack, "Customers", spec, account=account()).grant_offline_read(role)
    text = policies(resources(app), "Analyst")
    assert ":s3:::lake/crm/*" in text
    assert "dev-ml-data" not in text
    assert "crm*" not in text


def test_a_role_without_policy_updates_is_left_as_it_is(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    arn = "arn:aws:iam::111111111111:role/own"
    role = iam.Role.from_role_arn(stack, "Own", arn, mutable=False)
    made = built(stack, role=role)
    assert "s3:GetObject" in json.dumps(stack.resolve(made.required_policy))
    found = resources(app)
    assert not of_type(found, "AWS::IAM::Policy")
    assert found["EndpointMainModel"]["Properties"]["ExecutionRoleArn"] == arn


def test_a_region_without_feature_groups_is_an_error_on_the_construct_alone(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app, env=Environment(account="111111111111", region="us-gov-west-1"))
    group = FeatureGroup(stack, "Customers", customers(), account=account(region="us-gov-west-1"))
    text = Match.string_like_regexp("the region has no AWS::SageMaker::FeatureGroup")
    Annotations.from_stack(stack).has_error("/S/Customers", text)
    with pytest.raises(SpecError, match="type-region"):
        _ = group.resources


def test_what_a_reader_should_know_is_a_warning_that_can_be_acknowledged(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    made = built(stack, account=account())
    FeatureGroup(stack, "Customers", customers(), account=account(), schemas=tmp_path)
    assert not made.is_there
    said = Annotations.from_stack(stack)
    said.has_warning("/S/Endpoint", Match.string_like_regexp("constructs-ml:endpoint-unpinned"))
    said.has_warning("/S/Customers", Match.string_like_regexp("constructs-ml:schema-unrecorded"))


def test_an_endpoint_takes_network_key_topic_buckets_and_role(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    key, role = (
        kms.Key(stack, "Key"),
        iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")),
    )
    made = built(
        stack,
        vpc=ec2.Vpc(stack, "Vpc"),
        key=key,
        topic=sns.Topic(stack, "Topic"),
        artifact_bucket=s3.Bucket(stack, "Artifacts", encryption_key=key),
        data_bucket=s3.Bucket(stack, "Data", encryption_key=key),
        role=role,
    )
    assert made.role is role
    assert "s3:GetObject" in json.dumps(stack.resolve(made.required_policy))
    found = resources(app)
    text = json.dumps({name: item for name, item in found.items() if name.startswith("Endpoint")})
    assert "dev-ml-" not in text
    assert "{{resolve" not in text
    for name in ("Key", "Topic", "Artifacts", "Own", "VpcPrivateSubnet"):
        assert any(item.startswith(name) and item in text for item in found), name


@pytest.mark.parametrize("where", [MAY, AGNOSTIC])
def test_grants_and_metrics_of_an_endpoint_go_by_its_name(tmp_path: Path, where: Any) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app, env=CONCRETE if where.id else None)
    made = built(stack, account=where, monitors=())
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    made.grant_invoke(caller)
    made.metric_model_latency(statistic="p50").create_alarm(stack, "Slow", threshold=1e6, evaluation_periods=1)
    made.metric_invocations().create_alarm(stack, "Busy", threshold=1e4, evaluation_periods=1)
    made.metric_server_errors(variant="main").create_alarm(stack, "Bad", threshold=0.1, evaluation_periods=1)
    made.metric_client_errors().create_alarm(stack, "Odd", threshold=0.5, evaluation_periods=1)
    found = resources(app)
    assert ":endpoint/dev-churn" in policies(found, "Caller")
    alarms = {item["MetricName"]: item for item in of_type(found, "AWS::CloudWatch::Alarm") if "AlarmName" not in item}
    assert alarms["ModelLatency"]["ExtendedStatistic"] == "p50"
    assert alarms["Invocations"]["Statistic"] == "Sum"
    assert {"Name": "EndpointName", "Value": "dev-churn"} in alarms["Invocation5XXErrors"]["Dimensions"]


def test_an_endpoint_that_exists_already_is_known_by_its_name(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    Endpoint.from_endpoint_name("old-one").grant_invoke(caller)
    assert ":endpoint/old-one" in policies(resources(app), "Caller")


@pytest.mark.parametrize("bucket_stack", ["S", "Other"])
def test_a_grant_to_the_containers_lands_on_their_role(tmp_path: Path, bucket_stack: str) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    made = built(stack)
    home = stack if bucket_stack == "S" else new_stack(app, "Other")
    s3.Bucket(home, "Lookup", encryption=s3.BucketEncryption.KMS).grant_read(made.role)
    found = resources(app)
    grants = [item["Properties"] for item in found.values() if item["Type"] == "AWS::IAM::Policy"]
    assert grants[0]["Roles"] == [{"Ref": "EndpointRole"}]


def body_of(app: App, name: str = "S") -> dict[str, Any]:
    (found,) = of_type(resources(app, name), "AWS::CloudWatch::Dashboard")
    text = found["DashboardBody"]["Fn::Sub"][0]
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_a_dashboard_shows_runs_endpoint_and_monitors(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    Dashboard(new_stack(app), "Dashboard", model(), account=MAY)
    widgets = body_of(app)["widgets"]
    titles = [item["properties"]["title"] for item in widgets]
    assert titles[:3] == ["Runs of training", "Duration of runs, ms", "Requests"]
    assert titles[-2:] == ["Monitor data-quality", "Monitor quality"]
    assert len({(item["x"], item["y"]) for item in widgets}) == len(widgets)
    quality = widgets[-1]["properties"]
    assert quality["annotations"]["horizontal"] == [{"label": "auc critical", "value": 0.7}]
    assert quality["metrics"][0][:6] == [
        "aws/sagemaker/Endpoints/model-metrics",
        "auc",
        "Endpoint",
        "dev-churn",
        "MonitoringSchedule",
        "dev-churn-quality",
    ]


def test_a_dashboard_shows_what_the_account_has(tmp_path: Path) -> None:
    for number, (where, count) in enumerate(
        [(account(), 2), (pinned(main=3, settings={"monitors": "none"}), 6), (MAY, 8)]
    ):
        app = new_app(tmp_path / str(number))
        Dashboard(new_stack(app), "Dashboard", model(), account=where)
        assert len(body_of(app)["widgets"]) == count


def test_models_of_a_fleet_share_their_feature_groups(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    models = [model(), model(name="uplift", endpoint=None, monitors=())]
    fleet = Fleet(app, "dev", account=account(), models=models)
    assert fleet.features is not None
    assert list(fleet.features.groups) == ["customers"]
    fleet.features.groups["customers"].grant_write(fleet.models["churn"].pipeline.processing_role)
    assembly = app.synth()
    found = templates(Path(assembly.directory))
    assert set(found) == {"dev-platform", "dev-features", "dev-churn", "dev-uplift"}
    assert "feature-group/dev-customers" in json.dumps(found)
    assert "ImportValue" not in json.dumps(found)


def test_an_account_that_speaks_of_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name, level in (("chrun", "error"), ("uplift", "warning")):
        app = new_app(tmp_path / name)
        Fleet(app, "dev", account=account(models={name: ModelSettings()}), models=[model()])
        assembly = Path(app.synth().directory)
        texts = [path.read_text() for path in assembly.rglob("*platform*.metadata.json")]
        assert any(f'"aws:cdk:{level}"' in text and "model-unknown" in text for text in texts), name


def test_an_account_may_leave_feature_groups_out(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    where = account(models={"churn": ModelSettings(features="none")})
    fleet = Fleet(app, "dev", account=where, models=[model()])
    assert fleet.features is None


def test_two_endpoints_of_one_stack_do_not_collide(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    built(stack)
    Endpoint(
        stack,
        "Other",
        endpoint(variants=(Variant(name="main"),)),
        model="churn",
        owner="growth",
        images=(IMAGE,),
        account=pinned(account(stage="test"), main=1),
    )
    names = [item["EndpointName"] for item in of_type(resources(app), "AWS::SageMaker::Endpoint")]
    assert sorted(names) == ["dev-churn", "test-churn"]


def test_the_platforms_own_stack_grants_without_a_second_platform(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    platform = Platform(stack, "Platform", account=account())
    group = FeatureGroup(stack, "Customers", customers(), account=account(), key=platform.key)
    role = iam.Role(stack, "Writer", assumed_by=iam.AccountRootPrincipal())
    group.grant_write(role)
    assert "PlatformKey" in policies(resources(app), "Writer")
