"""The crossing: what goes in comes out, and CDK can work with it."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Aspects, Environment, Stack, Stage, Tags, Validations
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_ml import Pipeline
from constructs_ml.aws.crossing import Crossing, bring_in
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.template import Compiled, Template, asset, att, ref, slot, sub
from constructs_ml.faults import SpecError
from tests.assemblies import templates
from tests.aws.stacks import CONCRETE, new_app, new_stack, of_type, resources
from tests.support import CODE, account, compiled, pipeline, prepare, train

pytestmark = pytest.mark.node
LOG = "AWS::Logs::LogGroup"
PARAMETER = "AWS::SSM::Parameter"


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": PARAMETER, "Properties": {"Type": "String", "Value": value, **more}}


def brought(scope: Construct, found: Compiled, id: str = "X", slots: dict[str, Any] | None = None) -> Crossing:
    return bring_in(place_of(Construct(scope, id)), found, slots)


def round_trip(folder: Path, given: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """What the template has of resources that crossed, without the metadata that the crossing adds."""
    app = new_app(folder)
    brought(new_stack(app), Compiled(given, **sections))
    found = resources(app)
    for resource in found.values():
        resource["Metadata"].pop("aws:cdk:path")
        if not resource["Metadata"]:
            del resource["Metadata"]
    return found


HARD: dict[str, dict[str, Any]] = {
    "a Fn::Sub with a map": parameter(sub("${A}-${AWS::Region}", A=ref("AWS::StackName"))),
    "a Fn::Sub in a Fn::Sub's map": parameter(sub("${A}", A=sub("${AWS::Partition}-x"))),
    "a Fn::Join": parameter({"Fn::Join": ["", ["a", ref("AWS::AccountId")]]}),
    "a Fn::Select of a Fn::Split": parameter({"Fn::Select": [1, {"Fn::Split": ["-", ref("AWS::StackName")]}]}),
    "a number as text": parameter("60"),
    "text that looks like JSON": parameter('{"a": [1, null, "${!x}"]}'),
    "text that looks true": parameter("true"),
    "unicode": parameter("ünïcode ✓"),
    "an empty text": parameter(""),
    "a long text": parameter("x" * 20_000),
    "a dynamic reference": parameter("{{resolve:ssm:/a/b}}"),
    "a literal that Fn::Sub leaves": parameter(sub("${!HOME} ${A}", A="x")),
    "a map of tags": parameter("x", Tags={"b": "2", "a": "1"}),
    "an unknown property": parameter("x", NotYetKnown={"Deep": [1, {"a": "b"}]}),
    "an unknown type": {"Type": "AWS::Nowhere::Thing", "Properties": {"List": [], "Object": {"a": 1.5}, "Flag": False}},
    "booleans and numbers": {
        "Type": LOG,
        "Properties": {"LogGroupName": "x", "RetentionInDays": 30, "DeletionProtectionEnabled": False},
    },
    "a policy document": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "s3:GetObject",
                        "Resource": sub("arn:${AWS::Partition}:s3:::b/*"),
                        "Condition": {"StringLike": {"s3:prefix": ["a/*"]}, "Bool": {"x": "true"}},
                    }
                ],
            }
        },
    },
    "a definition": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x"),
            "DefinitionString": sub('{"ResultPath":null,"A":"${A}","b":"$$.x"}', A=ref("AWS::Region")),
        },
    },
    "an event pattern": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["a"], "detail": {"x": [{"exists": False}], "n": [{"numeric": [">", 0]}]}}
        },
    },
    "retention": {**parameter("x"), "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"},
    "metadata of its own": {**parameter("x"), "Metadata": {"Note": {"a": [1]}}},
}


@pytest.mark.parametrize("name", HARD)
def test_what_goes_in_comes_out(name: str, tmp_path: Path) -> None:
    assert round_trip(tmp_path, {"XOne": HARD[name]}) == {"XOne": HARD[name]}


def test_references_and_dependencies_between_resources_survive(tmp_path: Path) -> None:
    given = {
        "XLog": {"Type": LOG, "Properties": {"RetentionInDays": 3}},
        "XOther": {**parameter(att("XLog", "Arn")), "DependsOn": ["XLog"]},
        "XThird": {**parameter(ref("XOther")), "DependsOn": ["XLog", "XOther"]},
    }
    assert round_trip(tmp_path, given) == given


def test_an_intrinsic_of_constants_alone_is_worked_out(tmp_path: Path) -> None:
    given = {"XOne": parameter({"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]})}
    assert round_trip(tmp_path, given) == {"XOne": parameter("b")}


def test_a_mapping_crosses_with_its_lookup(tmp_path: Path) -> None:
    mapping = {"eu-central-1": {"Account": "123456789012"}}
    app = new_app(tmp_path)
    lookup = {"Fn::FindInMap": ["XImages", ref("AWS::Region"), "Account"]}
    brought(new_stack(app), Compiled({"XOne": parameter(lookup)}, {"XImages": mapping}))
    template = templates(Path(app.synth().directory))["S"]
    assert template["Mappings"] == {"XImages": mapping}
    assert template["Resources"]["XOne"]["Properties"]["Value"] == lookup


def test_a_whole_pipeline_comes_out_as_it_was_compiled(tmp_path: Path) -> None:
    app, found = new_app(tmp_path), compiled(pipeline(prepare(), train()))
    brought(new_stack(app), found, "Training")
    made = resources(app)
    assert set(made) == set(found.resources)
    for key, resource in found.resources.items():
        if "Asset" not in json.dumps(resource):
            assert made[key]["Properties"] == resource["Properties"], key


def test_a_null_is_refused_where_an_include_would_drop_it() -> None:
    with pytest.raises(AssertionError, match=r"null at XOne.Properties.Value\[0\]"):
        Template("X").add("One", PARAMETER, {"Value": [None]})


def test_tokens_fill_slots_inside_text_and_as_lists(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    bucket = s3.Bucket(stack, "Bucket")
    values = {
        "One": parameter(sub("s3://${B}/x", B=slot("bucket"))),
        "Two": parameter({"Fn::Join": [",", slot("ids")]}),
    }
    brought(
        stack,
        Compiled({f"X{key}": value for key, value in values.items()}),
        slots={"bucket": bucket.bucket_name, "ids": ["a", "b"]},
    )
    found = resources(app)
    name = stack.get_logical_id(bucket.node.default_child)  # type: ignore[arg-type]
    assert found["XOne"]["Properties"]["Value"] == {"Fn::Sub": ["s3://${B}/x", {"B": {"Ref": name}}]}
    assert found["XTwo"]["Properties"]["Value"] == {"Fn::Join": [",", ["a", "b"]]}


def test_a_slot_that_nobody_fills_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="bucket"):
        brought(new_stack(new_app(tmp_path)), Compiled({"XOne": parameter(slot("bucket"))}))


def test_tokens_of_another_stack_become_exports(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    bucket = s3.Bucket(new_stack(app, "Other"), "Bucket")
    brought(new_stack(app), Compiled({"XOne": parameter(sub("${B}", B=slot("b")))}), slots={"b": bucket.bucket_name})
    assert "Fn::ImportValue" in json.dumps(resources(app)["XOne"])


def test_typed_resources_are_fetched_by_part_and_can_be_changed(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    crossing = brought(new_stack(app), Compiled({"XLog": {"Type": LOG, "Properties": {}}}))
    crossing.l1("Log").retention_in_days = 7  # type: ignore[attr-defined]
    assert crossing.l1("Log") is crossing.l1("log")
    assert resources(app)["XLog"]["Properties"] == {"RetentionInDays": 7}
    with pytest.raises(KeyError, match="'Lag' is no part of X; its logical ids are XLog"):
        crossing.l1("Lag")


def test_paths_lead_to_the_construct(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    brought(new_stack(app), Compiled({"XLog": {"Type": LOG, "Properties": {}}}))
    assert resources(app)["XLog"]["Metadata"]["aws:cdk:path"] == "S/X/Resources/XLog"


def test_two_constructs_of_one_kind_share_a_stack(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    for name in ("A", "B"):
        brought(stack, Compiled({f"{name}Log": {"Type": LOG, "Properties": {}}}), name)
    assert set(resources(app)) == {"ALog", "BLog"}


def test_a_collision_names_both_paths(tmp_path: Path) -> None:
    stack = new_stack(new_app(tmp_path))
    brought(stack, Compiled({"ABLog": {"Type": LOG, "Properties": {}}}), "A")
    with pytest.raises(SpecError, match=r"S/AB: the construct S/A already has this logical id"):
        brought(stack, Compiled({"ABLog": {"Type": LOG, "Properties": {}}}), "AB")


def test_450_resources_cross_at_once(tmp_path: Path) -> None:
    given = {f"XP{number}": parameter(str(number)) for number in range(450)}
    assert round_trip(tmp_path, given) == given


def test_stages_in_several_regions_each_get_their_own(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    for region in ("eu-central-1", "us-gov-west-1", "cn-north-1"):
        stage = Stage(app, region, env=Environment(account="111111111111", region=region))
        brought(Stack(stage, "S"), Compiled({"XOne": parameter(ref("AWS::Region"))}))
    found = templates(Path(app.synth().directory))
    assert sorted(found) == ["cn-north-1-S", "eu-central-1-S", "us-gov-west-1-S"]


@pytest.mark.parametrize("packaging", ["tar.gz", "zip"])
def test_code_travels_in_an_archive_that_is_the_same_everywhere(packaging: Any, tmp_path: Path) -> None:
    from constructs_ml.compiler.code import read_code

    made = []
    for name in ("one", "two"):
        app = new_app(tmp_path / name)
        stage = Stage(app, "dev", env=CONCRETE)
        code, _ = read_code(CODE, "folder", packaging=packaging)
        found = Compiled({"XOne": parameter(asset("code", "uri"))}, assets={"code": code})
        brought(Stack(stage, "S"), found)
        assembly = Path(app.synth().directory)
        manifest = json.loads(next(assembly.rglob("*.assets.json")).read_text())
        sources = [
            entry["source"]["path"] for entry in manifest["files"].values() if "asset." in entry["source"]["path"]
        ]
        archive = next(assembly.rglob("*.assets.json")).parent / sources[0]
        made.append((archive.name, archive.read_bytes()))
        if packaging == "zip":
            names = zipfile.ZipFile(archive).namelist()
        else:
            with tarfile.open(archive) as packed:
                names = packed.getnames()
        assert names == ["helper.py", "main.py"]
    assert made[0] == made[1]


def test_one_content_is_one_asset_of_a_stack(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    for id, step in (("A", "prepare"), ("B", "other")):
        Pipeline(stack, id, pipeline(prepare(name=step)), account=account())
    manifest = json.loads(next(Path(app.synth().directory).glob("S.assets.json")).read_text())
    assert sum("asset." in entry["source"]["path"] for entry in manifest["files"].values()) == 1


def test_stack_tags_reach_every_resource_but_those_whose_tags_are_create_only(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = new_stack(app)
    role = {"AssumeRolePolicyDocument": {}, "Tags": [{"Key": "own", "Value": "1"}]}
    group = {
        "FeatureGroupName": "g",
        "RecordIdentifierFeatureName": "i",
        "EventTimeFeatureName": "t",
        "FeatureDefinitions": [],
    }
    given = {
        "XLog": {"Type": LOG, "Properties": {}},
        "XRole": {"Type": "AWS::IAM::Role", "Properties": role},
        "XGroup": {"Type": "AWS::SageMaker::FeatureGroup", "Properties": group, "DependsOn": ["XLog"]},
    }
    brought(stack, Compiled(given))
    Tags.of(stack).add("team", "growth")
    found = resources(app)
    assert found["XLog"]["Properties"]["Tags"] == [{"Key": "team", "Value": "growth"}]
    assert found["XRole"]["Properties"]["Tags"] == [{"Key": "own", "Value": "1"}, {"Key": "team", "Value": "growth"}]
    assert found["XGroup"] == given["XGroup"] | {"Metadata": {"aws:cdk:path": "S/X/Resources/XGroup"}}


def test_cdk_nag_finds_what_is_wrong_and_says_where(tmp_path: Path) -> None:
    from cdk_nag import AwsSolutionsChecks

    app = new_app(tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    role = {"AssumeRolePolicyDocument": {}, "Policies": [policy]}
    brought(new_stack(app), Compiled({"XRole": {"Type": "AWS::IAM::Role", "Properties": role}}))
    with pytest.raises(RuntimeError, match=r"S/X/Resources/XRole aws-cdk-lib.aws_iam.CfnRole"):
        app.synth()
    report = (tmp_path / "out" / "validation-report.json").read_text()
    assert "AwsSolutions-IAM5[Resource::*]" in report
    assert "S/X/Resources/XRole" in report


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        sub("arn:${AWS::Partition}:s3:::b/*"),
        sub("arn:${AWS::Partition}:s3:::${B}/*", B=ref("AWS::StackName")),
        {"Fn::Join": ["", [att("XLog", "Arn"), "/*"]]},
        sub("arn:${AWS::Partition}:s3:::${B}/*", B=slot("bucket")),
    ],
)
def test_a_reasoned_wildcard_is_acknowledged_whatever_its_form(resource: Any, tmp_path: Path) -> None:
    from cdk_nag import AwsSolutionsChecks

    app = new_app(tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = new_stack(app)
    template = Template("X")
    template.add("Log", LOG, {})
    statements = [Statement(("s3:GetObject",), (resource,), because="a test")]
    add_role(
        template, "Role", description="r", services=("x.amazonaws.com",), statements=statements, boundary=None, tags={}
    )
    key = s3.CfnBucket(stack, "B") if "Slot" in json.dumps(resource) else None
    if key is not None:
        Validations.of(key).acknowledge(*[_ack(rule) for rule in ("S1", "S2", "S3", "S10")])
    brought(stack, template.compiled(), slots={"bucket": key.ref} if key else {})
    role = resources(app)["XRole"]
    assert role["Metadata"]["constructs-ml:accepted"] == [{"finding": "AwsSolutions-IAM5 Resource", "reason": "a test"}]


def _ack(rule: str) -> Any:
    from aws_cdk import Acknowledgment

    return Acknowledgment(id=f"AwsSolutions-{rule}", reason="not what this test is about")


def test_policies_beyond_the_inline_limit_become_managed_ones(tmp_path: Path) -> None:
    template = Template("X")
    names = tuple(sub(f"arn:${{AWS::Partition}}:s3:::bucket-{number:03}-{'x' * 40}") for number in range(200))
    statements = [Statement(("s3:GetObject",), names)]
    add_role(
        template, "Role", description="r", services=("x.amazonaws.com",), statements=statements, boundary=None, tags={}
    )
    app = new_app(tmp_path)
    brought(new_stack(app), template.compiled())
    found = resources(app)
    policies = of_type(found, "AWS::IAM::ManagedPolicy")
    assert len(policies) > 1
    assert all(policy["Roles"] == [{"Ref": "XRole"}] for policy in policies)
    listed = [
        item
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for item in statement["Resource"]
    ]
    assert listed == list(names)


def test_aspects_and_mixins_see_typed_resources(tmp_path: Path) -> None:
    import jsii
    from aws_cdk import IAspect, aws_logs

    seen = []

    @jsii.implements(IAspect)
    class Look:
        def visit(self, node: Any) -> None:
            if isinstance(node, aws_logs.CfnLogGroup):
                seen.append(node.node.path)
                node.retention_in_days = 3

    app = new_app(tmp_path)
    stack = new_stack(app)
    brought(stack, Compiled({"XLog": {"Type": LOG, "Properties": {}}}))
    Aspects.of(stack).add(Look())
    assert resources(app)["XLog"]["Properties"]["RetentionInDays"] == 3
    assert seen == ["S/X/Resources/XLog"]
