"""The rules behind the verdicts, each on the smallest templates that show it."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_ml import EndpointSpec, Instances, SpecError, Variant
from constructs_ml.review.assembly import Assembly, read_assembly
from constructs_ml.review.changes import Change, compare
from constructs_ml.review.references import references
from constructs_ml.review.values import differences
from tests.support import endpoint, pinned, served

Resources = dict[str, Any]
TWO = (Variant(name="main", weight=9), Variant(name="challenger", weight=1))
IDLE = (TWO[0], Variant(name="challenger", weight=0))


def stack(resources: Resources, tags: dict[str, str] | None = None) -> Assembly:
    return Assembly({"S": {"Resources": resources}}, {"S": tags or {}})


def changed(before: Resources, after: Resources) -> dict[str, Change]:
    return {item.logical_id: item for item in compare(stack(before), stack(after))}


def of(spec: EndpointSpec, **pins: int) -> Resources:
    return dict(served(spec, pinned(**(pins or {"main": 3}))).resources)


def resource(type: str, *, retain: bool = False, **properties: Any) -> Resources:
    policy = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"} if retain else {}
    return {"Type": type, "Properties": properties, **policy}


def test_a_removed_variant_with_traffic_is_refused_and_an_idle_one_goes() -> None:
    one = EndpointSpec(variants=(TWO[0],))
    busy = changed(of(EndpointSpec(variants=TWO), main=3, challenger=4), of(one))
    assert busy["EndpointConfig"].verdict == "refused"
    assert "weight=0" in busy["EndpointConfig"].way
    idle = changed(of(EndpointSpec(variants=IDLE), main=3, challenger=4), of(one))
    assert idle["EndpointConfig"].verdict == "replaced"


def test_a_variant_may_join() -> None:
    found = changed(of(EndpointSpec(variants=(TWO[0],))), of(EndpointSpec(variants=TWO), main=3, challenger=4))
    assert found["EndpointConfig"].verdict == "replaced"
    assert found["EndpointEndpoint"].verdict == "in place"


def test_an_instance_type_changes_where_nothing_scales() -> None:
    large = EndpointSpec(variants=(Variant(compute=Instances(instance_type="ml.m5.xlarge")),))
    found = changed(of(EndpointSpec()), of(large))
    assert found["EndpointConfig"].verdict == "replaced"


def test_a_planned_change_of_type_passes_in_three_deployments() -> None:
    large = (Variant(compute=Instances(instance_type="ml.m5.xlarge")),)
    plan = [of(endpoint()), of(endpoint(autoscaling=None)), of(endpoint(autoscaling=None, variants=large))]
    plan.append(of(endpoint(variants=large)))
    for before, after in itertools.pairwise(plan):
        assert "refused" not in {item.verdict for item in changed(before, after).values()}
    assert changed(plan[0], plan[3])["EndpointConfig"].verdict == "refused"


def test_another_capture_destination_is_refused_and_capture_may_end() -> None:
    before, after = of(endpoint()), of(endpoint())
    after = copy.deepcopy(after)
    after["EndpointConfig"]["Properties"]["DataCaptureConfig"]["DestinationS3Uri"] = "s3://elsewhere/capture"
    assert changed(before, after)["EndpointConfig"].verdict == "refused"
    assert changed(before, of(endpoint(capture=None)))["EndpointConfig"].verdict == "replaced"


def test_what_refers_to_a_replaced_resource_changes_with_it() -> None:
    before = {
        "A": resource("AWS::SageMaker::Model", PrimaryContainer={"Image": "1"}),
        "B": resource(
            "AWS::SageMaker::EndpointConfig",
            ProductionVariants=[{"VariantName": "main", "ModelName": {"Fn::GetAtt": ["A", "ModelName"]}}],
        ),
        "C": resource("AWS::SageMaker::Endpoint", EndpointConfigName={"Fn::Sub": "${B.EndpointConfigName}"}),
        "D": resource("AWS::SSM::Parameter", Name="n", Value={"Ref": "C"}),
    }
    after = copy.deepcopy(before)
    after["A"]["Properties"]["PrimaryContainer"]["Image"] = "2"
    found = changed(before, after)
    assert {key: item.verdict for key, item in found.items()} == {"A": "replaced", "B": "replaced", "C": "in place"}


def test_a_named_resource_is_never_replaced() -> None:
    before = {"A": resource("AWS::IAM::Role", RoleName="jobs", Path="/a/")}
    after = {"A": resource("AWS::IAM::Role", RoleName="jobs", Path="/b/")}
    assert changed(before, after)["A"].verdict == "refused"
    assert "RoleName" in changed(before, after)["A"].way


@pytest.mark.parametrize(
    ("type", "properties", "change"),
    [
        ("AWS::S3::Bucket", {"BucketName": "one"}, {"BucketName": "two"}),
        ("AWS::SageMaker::ModelPackageGroup", {"ModelPackageGroupName": "a"}, {"ModelPackageGroupName": "b"}),
    ],
)
def test_data_is_lost_where_its_holder_is_replaced_or_deleted(
    type: str, properties: dict[str, Any], change: dict[str, Any]
) -> None:
    before, after = {"A": resource(type, **properties)}, {"A": resource(type, **change)}
    assert changed(before, after)["A"].verdict == "data loss"
    assert "deleted" in changed(before, after)["A"].why
    assert changed(before, {})["A"].verdict == "data loss"
    kept = {"A": resource(type, retain=True, **properties)}
    assert "stays behind" in changed(kept, {"A": resource(type, retain=True, **change)})["A"].why
    assert changed(kept, {})["A"].verdict == "kept"


def test_another_type_under_one_logical_id_is_refused() -> None:
    found = changed({"A": resource("AWS::SNS::Topic")}, {"A": resource("AWS::S3::Bucket")})
    assert found["A"].verdict == "refused"


def test_a_type_that_is_not_known_is_said_to_be() -> None:
    found = changed({"A": resource("Custom::Thing", x=1)}, {"A": resource("Custom::Thing", x=2)})
    assert found["A"].verdict == "unknown"


def test_a_policy_alone_and_metadata_alone() -> None:
    before = {"A": resource("AWS::SNS::Topic", DisplayName="x")}
    retained = {"A": resource("AWS::SNS::Topic", retain=True, DisplayName="x")}
    assert changed(before, retained)["A"].paths == ("DeletionPolicy", "UpdateReplacePolicy")
    assert changed(before, {"A": {**before["A"], "Metadata": {"why": "x"}}}) == {}


def test_a_stack_that_comes_is_added_and_its_tags_are_no_change() -> None:
    after = Assembly({"S": {"Resources": {"A": resource("AWS::SNS::Topic")}}}, {"S": {"team": "x"}})
    assert [item.verdict for item in compare(Assembly({}), after)] == ["added"]


def test_references_are_found_wherever_they_stand() -> None:
    value = {
        "A": {"Ref": "One"},
        "B": [{"Fn::GetAtt": ["Two", "Arn"]}, {"Fn::GetAtt": "Three.Arn"}],
        "C": {"D": {"Fn::Join": ["", ["x", {"Ref": "Four"}]]}},
        "E": {"Fn::Sub": ["${Five.Arn} ${own} ${AWS::Region} ${!Six}", {"own": {"Ref": "Seven"}}]},
    }
    assert sorted(references(value)) == [
        ("A", "One"),
        ("B", "Three"),
        ("B", "Two"),
        ("C.D", "Four"),
        ("E", "Five"),
        ("E", "Seven"),
    ]


def assembly_of(folder: Path, name: str, environment: str, **properties: Any) -> dict[str, Any]:
    """The artifact of a stack whose template lies in a folder."""
    (folder / f"{name}.json").write_text(json.dumps({"Resources": {}}))
    given = {"templateFile": f"{name}.json", "stackName": "s", **properties}
    return {"type": "aws:cloudformation:stack", "environment": f"aws://{environment}", "properties": given}


def test_an_assembly_is_read_with_its_stages_and_nothing_else(tmp_path: Path) -> None:
    inner = tmp_path / "assembly-dev"
    inner.mkdir()
    one = assembly_of(inner, "one", "1/eu-west-1", tags={"a": "b"})
    two = assembly_of(inner, "two", "1/us-east-1")
    (inner / "manifest.json").write_text(json.dumps({"artifacts": {"s": one, "r": two, "t": {"type": "cdk:tree"}}}))
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-dev"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"dev": nested}}))
    (tmp_path / "asset.1").mkdir()
    (tmp_path / "asset.1" / "manifest.json").write_text('{"theirs": true}')
    found = read_assembly(tmp_path)
    assert set(found.templates) == {"1/eu-west-1/s", "1/us-east-1/s"}
    assert found.tags["1/eu-west-1/s"] == {"a": "b"}


@pytest.mark.parametrize("text", [None, "{", '{"artifacts": {}}'])
def test_a_folder_that_is_no_assembly_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(SpecError, match="no cloud assembly"):
        read_assembly(tmp_path)


def test_a_stack_that_the_app_no_longer_has_is_left_alone() -> None:
    (change,) = compare(stack({"A": resource("AWS::S3::Bucket", BucketName="x")}), Assembly({}))
    assert (change.stack, change.logical_id, change.verdict) == ("S", "", "kept")


def test_one_of_two_groups_that_is_no_longer_declared_is_kept() -> None:
    group = resource("AWS::SageMaker::FeatureGroup", retain=True, FeatureGroupName="a")
    other = resource("AWS::SageMaker::FeatureGroup", retain=True, FeatureGroupName="b")
    assert changed({"A": group, "B": other}, {"A": group})["B"].verdict == "kept"


def scaled(resource_id: Any) -> Resources:
    return {
        "Config": resource(
            "AWS::SageMaker::EndpointConfig",
            ProductionVariants=[{"VariantName": "main", "InstanceType": "ml.m5.large"}],
        ),
        "Live": resource(
            "AWS::SageMaker::Endpoint",
            EndpointName="live",
            EndpointConfigName={"Fn::GetAtt": ["Config", "EndpointConfigName"]},
        ),
        "Other": resource(
            "AWS::SageMaker::EndpointConfig",
            ProductionVariants=[{"VariantName": "main", "InstanceType": "ml.m5.large"}],
        ),
        "Idle": resource(
            "AWS::SageMaker::Endpoint",
            EndpointName="idle",
            EndpointConfigName={"Fn::GetAtt": ["Other", "EndpointConfigName"]},
        ),
        "Target": resource(
            "AWS::ApplicationAutoScaling::ScalableTarget", ResourceId=resource_id, ServiceNamespace="sagemaker"
        ),
    }


@pytest.mark.parametrize(
    "resource_id",
    [
        "endpoint/live/variant/main",
        {"Fn::Sub": "endpoint/${Live.EndpointName}/variant/main"},
        {"Fn::Sub": ["endpoint/${Name}/variant/main", {"Name": {"Fn::GetAtt": ["Live", "EndpointName"]}}]},
        {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Live", "EndpointName"]}, "/variant/main"]]},
    ],
)
def test_a_variant_that_scales_is_found_however_its_target_names_it(resource_id: Any) -> None:
    before = scaled(resource_id)
    for config, verdict in (("Config", "refused"), ("Other", "replaced")):
        after = copy.deepcopy(before)
        after[config]["Properties"]["ProductionVariants"][0]["InstanceType"] = "ml.m5.xlarge"
        assert changed(before, after)[config].verdict == verdict


def test_a_variant_that_scales_is_not_taken_out_even_without_traffic() -> None:
    idle = endpoint(variants=IDLE, autoscaling=endpoint().autoscaling)
    found = changed(of(idle, main=3, challenger=4), of(endpoint(variants=(IDLE[0],))))
    assert found["EndpointConfig"].verdict == "refused"
    assert "scalable target" in found["EndpointConfig"].why


def test_a_changed_mapping_changes_what_looks_things_up_in_it() -> None:
    image = {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Uri"]}
    job = resource("AWS::SageMaker::DataQualityJobDefinition", DataQualityAppSpecification={"ImageUri": image})
    sections = [{"Resources": {"A": job}, "Mappings": {"Images": {"eu-west-1": {"Uri": uri}}}} for uri in ("1", "2")]
    (change,) = compare(Assembly({"S": sections[0]}), Assembly({"S": sections[1]}))
    assert (change.logical_id, change.verdict) == ("A", "replaced")
    assert compare(Assembly({"S": sections[0]}), Assembly({"S": sections[0]})) == ()


def test_what_a_condition_decides_is_not_known() -> None:
    bucket = resource("AWS::S3::Bucket", BucketName="x")
    assert changed({"A": bucket}, {"A": {**bucket, "Condition": "IsProd"}})["A"].verdict == "unknown"
    held = {"A": {**bucket, "Condition": "IsProd"}}
    sections = [{"Resources": held, "Conditions": {"IsProd": {"Fn::Equals": ["a", other]}}} for other in ("a", "b")]
    (change,) = compare(Assembly({"S": sections[0]}), Assembly({"S": sections[1]}))
    assert change.verdict == "unknown"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "x"}}, {"Type": "AWS::S3::Bucket"}),
        ({"Type": "AWS::SNS::Topic"}, {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "x"}}),
        (
            resource("AWS::SageMaker::EndpointConfig", ProductionVariants=[{"Fn::If": ["A", {}, {}]}]),
            resource("AWS::SageMaker::EndpointConfig", ProductionVariants={"Ref": "Variants"}),
        ),
        (
            resource("AWS::SageMaker::FeatureGroup", FeatureDefinitions={"Fn::If": ["A", [], []]}),
            resource("AWS::SageMaker::FeatureGroup"),
        ),
    ],
)
def test_odd_but_legal_templates_are_judged_all_the_same(before: Resources, after: Resources) -> None:
    for one, other in ((before, after), (after, before)):
        assert changed({"A": one}, {"A": other})["A"].verdict in {"in place", "replaced", "data loss", "refused"}


def test_two_targets_may_have_policies_of_one_name() -> None:
    before = {"P": resource("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyName="p", ResourceId="a")}
    after = {"P": resource("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyName="p", ResourceId="b")}
    assert changed(before, after)["P"].verdict == "replaced"


def test_what_the_cli_adds_for_itself_is_no_change() -> None:
    own = {"CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "x"}}}
    assert changed({}, own) == {}


def test_differences_are_told_leaf_by_leaf() -> None:
    before = {
        "Text": '{"States": {"train": {"Type": "ml.m5.large"}}}',
        "Sub": {"Fn::Sub": ['{"a": "${X}"}', {"X": "1"}]},
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        "Plain": [1, 2],
        "Same": "x",
        "Gone": {"deep": True},
    }
    after = {
        "Text": '{"States": {"train": {"Type": "ml.m5.xlarge"}}}',
        "Sub": {"Fn::Sub": ['{"a": "${X}", "b": 2}', {"X": "3"}]},
        "Tags": [{"Key": "b", "Value": "4"}, {"Key": "c", "Value": "3"}],
        "Plain": [1, 3],
        "Same": "x",
    }
    assert list(differences(before, after)) == [
        '- Gone: {"deep": true}',
        "Plain[1]: 2 -> 3",
        "+ Sub..b: 2",
        "Sub.X: 1 -> 3",
        '- Tags[a]: {"Key": "a", "Value": "1"}',
        "Tags[b].Value: 2 -> 4",
        '+ Tags[c]: {"Key": "c", "Value": "3"}',
        "Text.States.train.Type: ml.m5.large -> ml.m5.xlarge",
    ]
    assert list(differences({"a": "x" * 300}, {"a": "{not json"})) == [f"a: {'x' * 100}... -> {{not json"]


def moved(before: Resources, variants: tuple[Variant, ...], **pins: int) -> Resources:
    """The endpoint's new configuration under another logical id."""
    after = of(EndpointSpec(variants=variants), **(pins or {"main": 3}))
    after["NewConfig"] = after.pop("EndpointConfig")
    text = json.dumps(after["EndpointEndpoint"]).replace('"EndpointConfig"', '"NewConfig"')
    return {**after, "EndpointEndpoint": json.loads(text)}


def test_a_configuration_under_another_logical_id_is_judged_by_its_endpoint() -> None:
    before = of(EndpointSpec(variants=(TWO[0],)))
    renamed = changed(before, moved(before, (Variant(name="best"),), best=3))
    assert renamed["EndpointEndpoint"].verdict == "refused"
    assert changed(before, moved(before, (TWO[0],)))["EndpointEndpoint"].verdict == "in place"


def test_a_configuration_that_no_endpoint_uses_may_change_as_it_likes() -> None:
    def alone(name: str) -> Resources:
        variant = {"VariantName": name, "InstanceType": "ml.m5.large"}
        return {"A": resource("AWS::SageMaker::EndpointConfig", ProductionVariants=[variant])}

    assert changed(alone("main"), alone("best"))["A"].verdict == "replaced"


@pytest.mark.parametrize(("weight", "verdict"), [(0, "replaced"), ("0", "replaced"), (None, "refused"), (2, "refused")])
def test_a_weight_is_read_however_it_is_written(weight: Any, verdict: str) -> None:
    def two(*names: str) -> Resources:
        variants = [{"VariantName": name, "InitialVariantWeight": 1 if name == "main" else weight} for name in names]
        if weight is None:
            variants = [{key: value for key, value in item.items() if value is not None} for item in variants]
        return {
            "C": resource("AWS::SageMaker::EndpointConfig", ProductionVariants=variants),
            "E": resource("AWS::SageMaker::Endpoint", EndpointConfigName={"Fn::GetAtt": ["C", "EndpointConfigName"]}),
        }

    assert changed(two("main", "other"), two("main"))["C"].verdict == verdict


def test_a_serverless_endpoint_stays_one() -> None:
    def serverless(memory: int) -> Resources:
        variant = {"VariantName": "main", "ServerlessConfig": {"MemorySizeInMB": memory, "MaxConcurrency": 1}}
        return {
            "C": resource("AWS::SageMaker::EndpointConfig", ProductionVariants=[variant]),
            "E": resource("AWS::SageMaker::Endpoint", EndpointConfigName={"Fn::GetAtt": ["C", "EndpointConfigName"]}),
        }

    assert changed(serverless(1024), serverless(2048))["C"].verdict == "replaced"


def conditional(value: Any, conditions: dict[str, Any]) -> Assembly:
    topic = resource("AWS::SNS::Topic", DisplayName=value)
    return Assembly({"S": {"Resources": {"A": topic}, "Conditions": conditions}})


def test_what_a_changed_condition_chooses_is_not_known_however_deep_it_lies() -> None:
    chosen = {"Fn::If": ["c", "a", "b"]}
    nested = {"c": {"Fn::Not": [{"Condition": "d"}]}}
    before = conditional(chosen, {**nested, "d": {"Fn::Equals": ["a", "a"]}})
    after = conditional(chosen, {**nested, "d": {"Fn::Equals": ["a", "b"]}})
    (change,) = compare(before, after)
    assert (change.verdict, change.paths) == ("unknown", ("DisplayName",))
    assert compare(before, before) == ()


def test_a_condition_hides_no_refusal() -> None:
    def group(*names: str, **more: Any) -> Resources:
        features = [{"FeatureName": name, "FeatureType": "String"} for name in names]
        return {"A": {**resource("AWS::SageMaker::FeatureGroup", FeatureDefinitions=features), **more}}

    assert changed(group("a", "b"), group("a", Condition="c"))["A"].verdict == "refused"


def test_a_group_under_another_name_begins_empty_whatever_its_features() -> None:
    def group(name: str, *names: str) -> Resources:
        features = [{"FeatureName": item, "FeatureType": "String"} for item in names]
        return {"A": resource("AWS::SageMaker::FeatureGroup", FeatureGroupName=name, FeatureDefinitions=features)}

    assert changed(group("one", "a", "b"), group("two", "a"))["A"].verdict == "data loss"


def exporting(value: Any, **outputs: Any) -> dict[str, Any]:
    bucket = resource("AWS::S3::Bucket", BucketName=value)
    return {"Resources": {"B": bucket}, "Outputs": outputs}


@pytest.mark.parametrize(
    ("name", "outputs", "refused"),
    [
        ("x", {}, True),
        ("x", {"O": {"Value": "other", "Export": {"Name": "e"}}}, True),
        ("y", {"O": {"Value": {"Ref": "B"}, "Export": {"Name": "e"}}}, True),
        ("x", {"O": {"Value": {"Ref": "B"}, "Export": {"Name": "e"}}}, False),
    ],
)
def test_an_export_in_use_neither_goes_nor_changes(name: str, outputs: dict[str, Any], refused: bool) -> None:
    user = {"Resources": {"T": resource("AWS::SNS::Topic", DisplayName={"Fn::ImportValue": "e"})}}
    before = Assembly({"A": exporting("x", O={"Value": {"Ref": "B"}, "Export": {"Name": "e"}}), "Z": user})
    after = Assembly({"A": exporting(name, **outputs), "Z": user})
    found = [item for item in compare(before, after) if not item.logical_id]
    assert ([item.verdict for item in found] == ["refused"]) is refused
    alone = compare(Assembly({"A": before.templates["A"]}), Assembly({"A": after.templates["A"]}))
    assert not [item for item in alone if not item.logical_id]


def test_a_name_made_from_a_replaced_resource_is_a_new_name() -> None:
    def named(topic: str) -> Resources:
        alarm = resource("AWS::CloudWatch::Alarm", AlarmName={"Fn::Sub": "${T.TopicName}-x"})
        return {"T": resource("AWS::SNS::Topic", TopicName=topic), "A": alarm}

    assert changed(named("a"), named("b"))["A"].verdict == "replaced"


def test_macros_and_loops_are_passed_over() -> None:
    odd = {"Fn::Transform": {"Name": "x"}, "Fn::ForEach::X": ["a", ["b"], {}], "A": resource("AWS::SNS::Topic")}
    assert changed(odd, {**odd, "A": resource("AWS::SNS::Topic", DisplayName="x")})["A"].verdict == "in place"


def test_a_replaced_capture_bucket_is_another_destination() -> None:
    def capturing(bucket: str) -> Resources:
        capture = {"EnableCapture": True, "DestinationS3Uri": {"Fn::Sub": "s3://${B}/capture"}}
        return {
            "B": resource("AWS::S3::Bucket", retain=True, BucketName=bucket),
            "C": resource("AWS::SageMaker::EndpointConfig", DataCaptureConfig=capture),
        }

    assert changed(capturing("a"), capturing("b"))["C"].verdict == "refused"


@pytest.mark.parametrize("type", ["AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::DynamoDB::Table"])
def test_what_holds_data_is_not_deleted_silently(type: str) -> None:
    assert changed({"A": resource(type)}, {})["A"].verdict == "data loss"


def test_what_the_service_may_replace_counts_as_replaced() -> None:
    before = {"A": resource("AWS::Lambda::Function", FunctionName="f", DurableConfig={"ExecutionTimeout": 1})}
    after = {"A": resource("AWS::Lambda::Function", FunctionName="f", DurableConfig={"ExecutionTimeout": 2})}
    assert changed(before, after)["A"].verdict == "replaced"


def test_a_hundred_features_come_at_once_and_no_more() -> None:
    def group(count: int) -> Resources:
        features = [{"FeatureName": f"f{number}", "FeatureType": "String"} for number in range(count)]
        return {"A": resource("AWS::SageMaker::FeatureGroup", FeatureGroupName="g", FeatureDefinitions=features)}

    assert changed(group(1), group(101))["A"].verdict == "in place"
    assert changed(group(1), group(102))["A"].verdict == "refused"


def group(*names: str, type: str = "String", **more: Any) -> Resources:
    features = [{"FeatureName": name, "FeatureType": type} for name in names]
    return {"A": resource("AWS::SageMaker::FeatureGroup", FeatureDefinitions=features, **more)}


def in_words(before: Assembly, after: Assembly) -> list[dict[str, Any]]:
    return [dataclasses.asdict(change) for change in compare(before, after)]


BUCKET = resource("AWS::S3::Bucket", BucketName="x")
WORDS: dict[str, tuple[Assembly, Assembly]] = {
    "a stack that the app left": (stack({"A": BUCKET}), Assembly({})),
    "errors of synth": (stack({}), Assembly({"1/eu/S": {}, "S": {}}, {}, {"1/eu/S": ("boom",), "S": ("bang",)})),
    "another type": (stack({"A": BUCKET}), stack({"A": resource("AWS::SNS::Topic")})),
    "an unknown type": (stack({"A": resource("Custom::X", a=1)}), stack({"A": resource("Custom::X", a=2)})),
    "a removed feature": (stack(group("a", "b")), stack(group("a"))),
    "a retyped feature": (stack(group("a")), stack(group("a", type="Integral"))),
    "too many features": (stack(group("a")), stack(group(*(f"f{n}" for n in range(102)), "a"))),
    "another bucket": (stack({"A": BUCKET}), stack({"A": resource("AWS::S3::Bucket", BucketName="y")})),
    "another bucket, retained": (
        stack({"A": resource("AWS::S3::Bucket", retain=True, BucketName="x")}),
        stack({"A": resource("AWS::S3::Bucket", BucketName="y")}),
    ),
    "a bucket that goes": (stack({"A": BUCKET, "B": resource("AWS::SNS::Topic")}), stack({})),
    "a bucket that is kept": (stack({"A": resource("AWS::S3::Bucket", retain=True)}), stack({})),
    "an endpoint that goes": (stack({"A": resource("AWS::SageMaker::Endpoint", EndpointName="x")}), stack({})),
    "a named role": (
        stack({"A": resource("AWS::IAM::Role", RoleName="jobs", Path="/a/")}),
        stack({"A": resource("AWS::IAM::Role", RoleName="jobs", Path="/b/")}),
    ),
    "a durable function": (
        stack({"A": resource("AWS::Lambda::Function", DurableConfig={"ExecutionTimeout": 1})}),
        stack({"A": resource("AWS::Lambda::Function", DurableConfig={"ExecutionTimeout": 2})}),
    ),
    "a policy": (stack({"A": BUCKET}), stack({"A": {**BUCKET, "DeletionPolicy": "Retain"}})),
    "a condition": (stack({"A": BUCKET}), stack({"A": {**BUCKET, "Condition": "c"}})),
    "another type of instance": (
        stack(of(endpoint())),
        stack(of(endpoint(variants=(Variant(compute=Instances(instance_type="ml.m5.xlarge")),)))),
    ),
    "a renamed variant": (stack(of(EndpointSpec())), stack(of(EndpointSpec(variants=(Variant(name="best"),)), best=3))),
    "a busy variant": (
        stack(of(EndpointSpec(variants=TWO), main=3, challenger=4)),
        stack(of(EndpointSpec(variants=(TWO[0],)))),
    ),
    "another capture": (
        stack({"C": resource("AWS::SageMaker::EndpointConfig", DataCaptureConfig={"DestinationS3Uri": "s3://a"})}),
        stack({"C": resource("AWS::SageMaker::EndpointConfig", DataCaptureConfig={"DestinationS3Uri": "s3://b"})}),
    ),
    "an export in use": (
        Assembly(
            {
                "A": exporting("x", O={"Value": {"Ref": "B"}, "Export": {"Name": "e"}}),
                "Z": {"Resources": {"T": resource("AWS::SNS::Topic", DisplayName={"Fn::ImportValue": "e"})}},
            }
        ),
        Assembly({"A": exporting("x")}),
    ),
    "an intrinsic for a text": (
        stack({"A": resource("AWS::SNS::Topic", DisplayName={"Ref": "AWS::Region"})}),
        stack({"A": resource("AWS::SNS::Topic", DisplayName={"Fn::Sub": "x-${AWS::Region}"})}),
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_change_is_told_in_these_words(name: str, snapshot: SnapshotAssertion) -> None:
    assert in_words(*WORDS[name]) == snapshot.use_extension(JSONSnapshotExtension)
