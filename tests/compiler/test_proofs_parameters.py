"""Every parameter that a service would refuse is found before the deployment, and no sound one is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml.compiler.proofs import MissingExtraError, check_parameters, check_raw, service_models
from constructs_ml.compiler.proofs.shapes import Check
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS
from constructs_ml.faults import Faults
from tests.support import account, compiled, definition_of, opened_of, pipeline, train

TRAINING: dict[str, Any] = {
    "TrainingJobName.$": "States.Format('churn-train-{}-{}', States.UUID(), $$.State.RetryCount)",
    "RoleArn": "${TrainingRole}",
    "AlgorithmSpecification": {"TrainingImage": "${Image}", "TrainingInputMode": "File"},
    "HyperParameters": {"max_depth": "3", "rows.$": "States.Format('{}', $.inputs.rows)"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri.$": "States.Format('s3://${ArtifactBucket}/churn/{}/train/', $$.Execution.Name)",
                }
            },
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://${ArtifactBucket}/churn/", "KmsKeyId": "${KeyArn}"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
CREATE_TRAINING = "arn:${AWS::Partition}:states:::sagemaker:createTrainingJob.sync"


def of(resource: str, parameters: object, **state: object) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **state}
    return {"StartAt": "train", "States": {"train": task}}


def found(definition: dict[str, Any], **given: Any) -> list[tuple[str, str]]:
    return [(fault.id, fault.where) for fault in check_parameters(definition, **given)]


def training(path: str = "", value: object = None) -> dict[str, Any]:
    """The sound request with one member changed: `A.B` is set, and removed where the value is None."""
    request = deepcopy(TRAINING)
    *parents, last = path.split(".") if path and ".$" not in path else (path,)
    target: Any = request
    for name in parents:
        target = target[int(name)] if name.isdigit() else target[name]
    if value is None:
        target.pop(last, None)
    else:
        target[last] = value
    return of(CREATE_TRAINING, request)


def test_a_sound_request_has_no_fault() -> None:
    assert found(training()) == []


def test_a_compiled_pipeline_has_no_fault() -> None:
    result = compiled()
    assert check_parameters(definition_of(result)) == ()
    assert check_parameters(definition_of(result), substitutions=opened_of(result)) == ()


@pytest.mark.parametrize(
    ("path", "value", "id", "allowed"),
    [
        ("ResourceConfig.VolumeSizeInGb", 30, "parameter-unknown", "VolumeSizeInGB"),
        ("ResourceConfig.VolumeSizeInGB", -1, "parameter-size", "at least 0"),
        ("ResourceConfig.VolumeSizeInGB", "30", "parameter-type", "a whole number"),
        ("ResourceConfig.VolumeSizeInGB", 30.0, "parameter-type", "a whole number"),
        ("ResourceConfig.InstanceCount", True, "parameter-type", "a whole number"),
        ("ResourceConfig.InstanceType", "ml.m5.lrge", "parameter-value", "ml.m5.large"),
        ("RoleArn", "arn:aws:iam::1:role/x", "parameter-value", "arn:aws"),
        ("RoleArn", "short", "parameter-size", "20 to 2048 characters"),
        ("RoleArn", "${Project}_role_of_training", "parameter-value", "arn:aws"),
        ("OutputDataConfig.S3OutputPath", "s4://${Bucket}/x", "parameter-value", "(https|s3)://"),
        ("StoppingCondition", [], "parameter-type", "an object"),
        ("StoppingCondition", "1 hour", "parameter-type", "an object"),
        ("InputDataConfig", [], "parameter-size", "1 to 20"),
        ("InputDataConfig", {}, "parameter-type", "a list"),
        ("EnableNetworkIsolation", "true", "parameter-type", "true or false"),
        ("AlgorithmSpecification.TrainingInputMode", "${Mode}s", "parameter-value", "File"),
        ("Environment", {"${Long}" + "x" * 513: "1"}, "parameter-size", "0 to 512 characters"),
        ("Tags", [{"Key": "a"}], "parameter-missing", "Key, Value"),
    ],
)
def test_a_wrong_constant_is_found_at_its_place(path: str, value: object, id: str, allowed: str) -> None:
    (fault,) = check_parameters(training(path, value))
    assert fault.id == id
    assert fault.where.startswith(f"train.Parameters.{path}")
    assert allowed in fault.allowed


@pytest.mark.parametrize(
    ("key", "expression", "id"),
    [
        ("TrainingJobName.$", f"States.Format('{'x' * 26}-{{}}', States.UUID())", None),
        ("TrainingJobName.$", f"States.Format('{'x' * 27}-{{}}', States.UUID())", "parameter-size"),
        ("TrainingJobName.$", f"States.Format('{'x' * 64}{{}}', $.name)", "parameter-size"),
        ("TrainingJobName.$", "States.Format('churn_train-{}', $.name)", "parameter-value"),
        ("TrainingJobName.$", "$.name", None),
        ("TrainingJobName.$", "$$.State.RetryCount", "parameter-type"),
        ("TrainingJobName.$", "States.Array('a')", "parameter-type"),
        ("ResourceConfig.$", "States.Format('{}', $.resources)", "parameter-type"),
        ("ResourceConfig.$", "$.resources", None),
        ("InputDataConfig.$", "States.Array($.channel)", None),
        ("InputDataConfig.$", "States.Array(States.UUID())", "parameter-type"),
        ("InputDataConfig.$", "States.ArrayUnique($.channels)", None),
        ("StoppingCondition.$", "States.MathAdd($.hours, 1)", "parameter-type"),
    ],
)
def test_of_a_computed_value_only_what_is_certain_counts(key: str, expression: str, id: str | None) -> None:
    request = deepcopy(TRAINING)
    request.pop(key.removesuffix(".$"), None)
    request[key] = expression
    assert [fault.id for fault in check_parameters(of(CREATE_TRAINING, request))] == ([id] if id else [])


@pytest.mark.parametrize("name", ["TrainingJobName.$", "RoleArn", "OutputDataConfig"])
def test_a_missing_member_is_named(name: str) -> None:
    request = {key: value for key, value in TRAINING.items() if key != name}
    (fault,) = check_parameters(of(CREATE_TRAINING, request))
    assert (fault.id, fault.where) == ("parameter-missing", "train.Parameters")
    assert name.removesuffix(".$") not in fault.got
    assert name.removesuffix(".$") in fault.allowed


def test_a_substitution_that_is_known_is_checked_as_text() -> None:
    definition = training("OutputDataConfig.S3OutputPath", "${Place}")
    assert found(definition, substitutions={"Place": {"Fn::Sub": "s3://${AWS::Region}/x"}}) == []
    assert found(definition, substitutions={"Place": "x"})[0][0] == "parameter-value"


def test_all_faults_come_at_once_with_the_place_that_was_given() -> None:
    definition = training("ResourceConfig", {"InstanceCount": -1, "VolumeSizeInGB": -1})
    assert found(definition, where="pipeline 'training'") == [
        ("parameter-size", "pipeline 'training': train.Parameters.ResourceConfig.InstanceCount"),
        ("parameter-size", "pipeline 'training': train.Parameters.ResourceConfig.VolumeSizeInGB"),
    ]


# As the pages of the Step Functions developer guide write them.
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("glue:startJobRun.sync", {"JobName": "clean", "Arguments": {"--day.$": "$.day"}}),
    ("databrew:startJobRun.sync", {"Name": "clean"}),
    (
        "athena:startQueryExecution.sync",
        {"QueryString": "SELECT 1", "WorkGroup": "primary", "ResultConfiguration": {"OutputLocation": "s3://b"}},
    ),
    (
        "ecs:runTask.waitForTaskToken",
        {
            "LaunchType": "FARGATE",
            "Cluster": "c",
            "TaskDefinition": "t",
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets.$": "$.subnets", "AssignPublicIp": "DISABLED"}},
            "Overrides": {
                "ContainerOverrides": [
                    {"Name": "n", "Command.$": "$.command", "Environment": [{"Name": "T", "Value.$": "$$.Task.Token"}]}
                ]
            },
        },
    ),
    (
        "batch:submitJob.sync",
        {
            "JobName": "j",
            "JobQueue": "q",
            "JobDefinition": "d",
            "ArrayProperties": {"Size": 10},
            "ContainerOverrides": {"Environment": [{"Name": "a", "Value": "b"}]},
            "Parameters": {"a.$": "$.b"},
        },
    ),
    ("emr-serverless:createApplication.sync", {"Name": "M", "ReleaseLabel": "emr-6.9.0", "Type": "SPARK"}),
    (
        "emr-serverless:startJobRun.sync",
        {
            "ApplicationId": "00yv7iv71inak893",
            "ExecutionRoleArn": "arn:aws:iam::111111111111:role/job",
            "JobDriver": {"SparkSubmit": {"EntryPoint": "s3://b/s.py", "EntryPointArguments": ["1"]}},
        },
    ),
    ("codebuild:startBuild.sync", {"ProjectName": "p"}),
    (
        "elasticmapreduce:createCluster.sync",
        {
            "Name": "MyWorkflowCluster",
            "VisibleToAllUsers": True,
            "ReleaseLabel": "emr-5.28.0",
            "Applications": [{"Name": "Hive"}],
            "ServiceRole": "EMR_DefaultRole",
            "JobFlowRole": "EMR_EC2_DefaultRole",
            "Instances": {
                "KeepJobFlowAliveWhenNoSteps": True,
                "InstanceFleets": [{"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1}],
            },
        },
    ),
    (
        "elasticmapreduce:addStep.sync",
        {
            "ClusterId.$": "$.cluster",
            "Step": {"Name": "first", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar"}},
        },
    ),
    ("elasticmapreduce:cancelStep", {"ClusterId.$": "$.cluster", "StepId.$": "$.step"}),
    ("elasticmapreduce:terminateCluster.sync", {"ClusterId.$": "$.cluster"}),
    ("elasticmapreduce:setClusterTerminationProtection", {"ClusterId": "j-1", "TerminationProtected": True}),
    (
        "elasticmapreduce:modifyInstanceGroupByName",
        {"ClusterId": "j-1", "InstanceGroupName": "core", "InstanceGroup": {"InstanceCount": 8}},
    ),
    (
        "elasticmapreduce:modifyInstanceFleetByName",
        {"ClusterId": "j-1", "InstanceFleetName": "core", "InstanceFleet": {"TargetOnDemandCapacity": 8}},
    ),
    (
        "eks:runJob.sync",
        {
            "ClusterName": "c",
            "CertificateAuthority": "a",
            "Endpoint": "https://x.yl4.us-east-1.eks.amazonaws.com",
            "LogOptions": {"RetrieveLogs": True, "LogParameters": {"tailLines": ["6"]}},
            "Job": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"any": ["JSON"]}},
        },
    ),
    (
        "eks:call",
        {
            "ClusterName": "c",
            "CertificateAuthority": "a",
            "Endpoint": "https://x",
            "Method": "GET",
            "Path": "/api/v1/namespaces/default/pods",
            "QueryParameters": {"labelSelector": ["job-name=example-job"]},
        },
    ),
    (
        "eks:createCluster.sync",
        {"Name": "c", "ResourcesVpcConfig": {"SubnetIds": ["a", "b"]}, "RoleArn": "arn:aws:iam::111111111111:role/c"},
    ),
    ("aws-sdk:sagemaker:startPipelineExecution", {"PipelineName": "churn"}),
]


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "${ArtifactBucket}", "Key.$": "$.key"}),
        ("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": "text", "ACL": "private"}),
        ("aws-sdk:cloudwatchlogs:createLogGroup", {"LogGroupName": "/a"}),
        ("aws-sdk:sfn:describeExecution", {"ExecutionArn.$": "$.run"}),
        ("aws-sdk:sagemakerruntime:invokeEndpoint", {"EndpointName": "e", "Body": "1,2"}),
        ("aws-sdk:rds:describeDBInstances", {"DbInstanceIdentifier": "d"}),
        ("sns:publish", {"TopicArn": "${TopicArn}", "Message": {"any": "JSON"}}),
        ("lambda:invoke", {"FunctionName": "${Function}", "Payload": {"any": ["JSON"]}}),
        ("lambda:invoke.waitForTaskToken", {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}),
        ("events:putEvents", {"Entries": [{"Source": "s", "DetailType": "t", "Detail": {"any": 1}}]}),
        ("states:startExecution.sync:2", {"StateMachineArn": "${Other}", "Input": {"a.$": "$.a"}}),
        ("http:invoke", {"ApiEndpoint": "https://example.com"}),
        *EXAMPLES,
    ],
)
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "${AWS::Partition}", "${Partition}"])
def test_every_form_of_a_resource_is_read(partition: str, call: str, parameters: object) -> None:
    assert found(of(f"arn:{partition}:states:::{call}", parameters)) == []


@pytest.mark.parametrize(
    ("resource", "id", "allowed"),
    [
        ("arn:aws:states:::aws-sdk:sagmaker:createModel", "call-unknown", "sagemaker"),
        ("arn:aws:states:::aws-sdk:sagemaker:createModle", "call-unknown", "createModel"),
        ("arn:aws:states:::aws-sdk:s3:GetObject", "call-unknown", "getObject"),
        ("arn:aws:states:::sagemaker:createTrainningJob.sync", "call-unknown", "createTrainingJob"),
        ("arn:aws:states:::sagemaker:createModelPackage", "call-unknown", "aws-sdk:sagemaker:createModelPackage"),
        ("arn:aws:states:::s3:getObject", "call-unknown", "aws-sdk:s3:getObject"),
        ("arn:aws:states:::sagemaker:createModel.sync", "call-form", "none"),
        ("arn:aws:states:::aws-sdk:s3:getObject.sync", "call-form", "waitForTaskToken"),
        ("arn:aws:states:::sagemaker", "call-form", "<service>:<action>"),
        (7, "call-form", "<service>:<action>"),
    ],
)
def test_a_call_that_does_not_exist_is_refused_with_its_neighbours(resource: Any, id: str, allowed: str) -> None:
    (fault,) = check_parameters(of(resource, {}))
    assert (fault.id, fault.where) == (id, "train.Resource")
    assert allowed in fault.allowed


@pytest.mark.parametrize(
    ("call", "change", "expected"),
    [
        ("elasticmapreduce:addStep.sync", {"Steps": []}, ("parameter-unknown", "train.Parameters.Steps")),
        ("elasticmapreduce:addStep.sync", {"Step": {"Name": "a"}}, ("parameter-missing", "train.Parameters.Step")),
        (
            "elasticmapreduce:terminateCluster.sync",
            {"JobFlowIds": ["j"]},
            ("parameter-unknown", "train.Parameters.JobFlowIds"),
        ),
        (
            "elasticmapreduce:modifyInstanceGroupByName",
            {"InstanceGroup": {"InstanceGroupId": "i"}},
            ("parameter-unknown", "train.Parameters.InstanceGroup.InstanceGroupId"),
        ),
        ("elasticmapreduce:createCluster.sync", {"Instancez": {}}, ("parameter-unknown", "train.Parameters.Instancez")),
        ("eks:call", {"Method": "FETCH"}, ("parameter-value", "train.Parameters.Method")),
        ("eks:call", {"Headers": {}}, ("parameter-unknown", "train.Parameters.Headers")),
        (
            "eks:runJob.sync",
            {"LogOptions": {"RetrieveLogs": "yes"}},
            ("parameter-type", "train.Parameters.LogOptions.RetrieveLogs"),
        ),
        ("eks:createCluster.sync", {"RoleArn": 7}, ("parameter-type", "train.Parameters.RoleArn")),
    ],
)
def test_a_request_of_step_functions_own_form_is_checked_in_that_form(
    call: str, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    parameters = dict(EXAMPLES)[call] | change
    assert found(of(f"arn:aws:states:::{call}", parameters)) == [expected]


@pytest.mark.parametrize(
    "call", ["elasticmapreduce:addStep", "eks:runJob", "eks:call", "elasticmapreduce:createCluster"]
)
def test_a_request_of_step_functions_own_form_may_lack_nothing(call: str) -> None:
    assert found(of(f"arn:aws:states:::{call}", {})) == [("parameter-missing", "train.Parameters")]


@pytest.mark.parametrize(
    "resource",
    ["${Function}", "arn:aws:lambda:${AWS::Region}:111111111111:function:f", "arn:aws:states:a:1:activity:b"],
)
def test_a_function_or_an_activity_takes_any_parameters(resource: str) -> None:
    assert found(of(resource, {"anything": 1})) == []


def test_without_parameters_the_state_s_input_is_the_request() -> None:
    definition = of(CREATE_TRAINING, {})
    del definition["States"]["train"]["Parameters"]
    assert found(definition) == []


def test_states_inside_branches_and_maps_are_checked() -> None:
    inner = of("arn:aws:states:::aws-sdk:s3:getObject", {"Bucket": "b"})
    each = {"Type": "Map", "ItemProcessor": inner, "End": True}
    outer = {"States": {"both": {"Type": "Parallel", "Branches": [inner, {"States": {"each": each}}]}}}
    assert found(outer) == [
        ("parameter-missing", "both.Branches[0].train.Parameters"),
        ("parameter-missing", "both.Branches[1].each.ItemProcessor.train.Parameters"),
    ]


def test_the_reader_of_a_map_is_checked_like_the_call_that_it_makes() -> None:
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Kye": "k"}}
    ids = [id for id, _ in found({"States": {"each": {"Type": "Map", "ItemReader": reader}}})]
    assert ids == ["parameter-unknown", "parameter-missing"]


@pytest.mark.parametrize("twice", [{"RoleArn.$": "$.role"}, {"HyperParameters": {"a": "1", "a.$": "$.a"}}])
def test_a_member_that_is_given_twice_is_refused(twice: dict[str, Any]) -> None:
    assert [id for id, _ in found(of(CREATE_TRAINING, {**TRAINING, **twice}))] == ["parameter-twice"]


@pytest.mark.parametrize(("value", "faults"), [({"Percentage": 1}, 0), ({"Percentage": 1, "Fixed": 1}, 1), ({}, 1)])
def test_a_union_takes_exactly_one_member(value: dict[str, Any], faults: int) -> None:
    shape = service_models.Shape(UNION, "Share")
    collected = Faults()
    Check(collected, NO_SUBSTITUTIONS).structure(shape, value, "share")
    assert [fault.id for fault in collected.found] == ["parameter-twice"] * faults


def test_a_raw_field_is_checked_where_it_will_be_merged() -> None:
    raw = {"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}, "DebugHookConfg": {}}
    (fault,) = check_raw("sagemaker:createTrainingJob", raw, where="step 'train': raw")
    assert (fault.id, fault.where, fault.got) == (
        "parameter-unknown",
        "step 'train': raw.DebugHookConfg",
        "DebugHookConfg",
    )
    assert "DebugHookConfig" in fault.allowed


def test_in_raw_nothing_is_missing_but_inside_a_list() -> None:
    assert check_raw("sagemaker:createTrainingJob", {"AlgorithmSpecification": {}}, where="raw") == ()
    raw = {"InputDataConfig": [{"ChannelName": "train"}]}
    (fault,) = check_raw("sagemaker:createTrainingJob", raw, where="raw")
    assert (fault.id, fault.where) == ("parameter-missing", "raw.InputDataConfig[0]")


def test_raw_for_a_call_that_does_not_exist_is_refused() -> None:
    (fault,) = check_raw("aws-sdk:sagemaker:createModelPackag", {}, where="raw")
    assert fault.id == "call-unknown"


def test_without_botocore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, package: str | None = None) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    service_models._loader.cache_clear()
    with pytest.raises(MissingExtraError, match=r"constructs-ml\[proofs\]"):
        service_models._loader()
    monkeypatch.undo()
    assert service_models.load("sagemaker") is not None


def _members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every object in a request whose members are a structure's, by path."""
    if isinstance(value, dict):
        if path[-1:] not in (("HyperParameters",), ("Environment",)):
            yield path, value
        for key, item in value.items():
            yield from _members(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _members(item, (*path, index))


@given(st.data())
def test_one_misspelt_member_anywhere_is_always_found(data: st.DataObject) -> None:
    definition = definition_of(COMPILED)
    tasks = [name for name, state in definition["States"].items() if state["Type"] == "Task"]
    state = data.draw(st.sampled_from(sorted(tasks)))
    request = definition["States"][state]["Parameters"]
    if definition["States"][state]["Resource"].endswith("lambda:invoke"):
        return
    free = ("HyperParameters", "Environment", "CustomerMetadataProperties", "MessageAttributes")
    places = [(path, item) for path, item in _members(request) if item and not set(free) & set(path)]
    path, owner = data.draw(st.sampled_from(places))
    name = data.draw(st.sampled_from(sorted(owner)))
    owner["X" + name] = owner.pop(name)
    faults = check_parameters(definition)
    where = state + ".Parameters" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    wrong = [fault for fault in faults if fault.id == "parameter-unknown"]
    assert [fault.where for fault in wrong] == [f"{where}.X{name.removesuffix('.$')}"]


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?", fullmatch=True), st.integers(1, 16_384), st.integers(1, 50)
)
def test_sound_declarations_compile_to_sound_requests(name: str, volume: int, depth: int) -> None:
    request = deepcopy(TRAINING)
    request["TrainingJobName.$"] = f"States.Format('{name}-{{}}', States.UUID())"
    request["ResourceConfig"]["VolumeSizeInGB"] = volume
    request["HyperParameters"] = {name: str(depth), "uri.$": f"States.Format('s3://${{B}}/{name}/{{}}', $.a)"}
    assert found(of(CREATE_TRAINING, request)) == []


UNION = service_models.Model(
    "made-up",
    {},
    {
        "Share": {
            "type": "structure",
            "union": True,
            "members": {"Percentage": {"shape": "N"}, "Fixed": {"shape": "N"}},
        },
        "N": {"type": "integer"},
    },
)
COMPILED = compiled(pipeline(train(channels={})), account(key_arn="arn:aws:kms:eu-central-1:111111111111:key/1"))
