"""The proofs of definitions of SageMaker Pipelines: what is sound passes, and every bad twin is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from constructs_ml import Function, LambdaTask, compile_sagemaker_pipeline
from constructs_ml.compiler.proofs import check_pipeline, pipeline_calls, prove_template
from tests.support import account, evaluate, gate, pipeline, prepare, train

Definition = dict[str, Any]
CHECK = LambdaTask(name="check", function=Function(code="function"))


def resources() -> dict[str, Any]:
    steps = (CHECK, prepare(arguments=(CHECK.result("rows"),)), train(), evaluate(), gate())
    return dict(compile_sagemaker_pipeline(pipeline(*steps), account(), prefix="Training").resources)


def definition() -> Definition:
    body = resources()["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    found: Definition = json.loads(body[0])
    return found


def step(given: Definition, name: str) -> Any:
    return next(item for item in given["Steps"] if item["Name"] == name)


def metric(given: Definition) -> Any:
    return step(given, "gate")["Arguments"]["Conditions"][0]


def train_uri(given: Definition, text: str) -> None:
    step(given, "train")["Arguments"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = {"Get": text}


def test_what_the_compiler_renders_is_sound() -> None:
    assert prove_template(resources()) == ()


TWINS: dict[str, tuple[Callable[[Definition], Any], str, str]] = {
    "another version": (lambda it: it.update(Version="2019"), "pipeline-form", "definition"),
    "a member too many": (lambda it: it.update(Extra=1), "pipeline-form", "definition"),
    "no steps": (lambda it: it.update(Steps=[]), "pipeline-form", "Steps"),
    "a parameter of no type": (
        lambda it: it.update(Parameters=[{"Name": "a", "Type": "Number"}]),
        "pipeline-form",
        "parameter a",
    ),
    "a default of another type": (
        lambda it: it.update(Parameters=[{"Name": "a", "Type": "Integer", "DefaultValue": True}]),
        "pipeline-form",
        "parameter a",
    ),
    "a step twice": (
        lambda it: it["Steps"].append(copy.deepcopy(it["Steps"][0])),
        "pipeline-form",
        "check",
    ),
    "a step of no type": (lambda it: step(it, "train").update(Type="Train"), "pipeline-form", "train"),
    "a wait for nobody": (
        lambda it: step(it, "train").update(DependsOn=["nobody"]),
        "pipeline-reference",
        "train.DependsOn",
    ),
    "a circle": (lambda it: step(it, "prepare").update(DependsOn=["evaluate"]), "pipeline-order", "Steps"),
    "an unknown parameter": (
        lambda it: train_uri(it, "Parameters.nothing"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "an unknown fact": (
        lambda it: train_uri(it, "Execution.Name"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "an unknown step": (
        lambda it: train_uri(it, "Steps.nobody.X"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "an unknown output": (
        lambda it: train_uri(it, "Steps.prepare.ProcessingOutputConfig.Outputs['nothing'].S3Output.S3Uri"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "an unknown member": (
        lambda it: train_uri(it, "Steps.prepare.ProcessingOutput"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "below a text": (
        lambda it: train_uri(it, "Steps.prepare.ProcessingJobName.Length"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "no path": (
        lambda it: train_uri(it, "Steps.prepare.[x"),
        "pipeline-reference",
        "train.Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri",
    ),
    "an answer that is not declared": (
        lambda it: step(it, "check").update(OutputParameters=[]),
        "pipeline-reference",
        "prepare.Arguments.AppSpecification.ContainerArguments[1].Std:Join.Values[0]",
    ),
    "a metrics file that is not declared": (
        lambda it: step(it, "evaluate").pop("PropertyFiles"),
        "pipeline-reference",
        "gate.Arguments.Conditions[0].LeftValue.Std:JsonGet.PropertyFile",
    ),
    "a metric without definition": (
        lambda it: metric(it).update(LeftValue={"Get": "Steps.train.FinalMetricDataList['x'].Value"}),
        "pipeline-reference",
        "gate.Arguments.Conditions[0].LeftValue",
    ),
    "a step of an arm, read outside": (
        lambda it: metric(it).update(LeftValue={"Get": "Steps.register.ModelPackageArn"}),
        "pipeline-reference",
        "gate.Arguments.Conditions[0].LeftValue",
    ),
    "a comparison of no type": (
        lambda it: metric(it).update(Type="And"),
        "pipeline-form",
        "gate.Conditions[0]",
    ),
    "no conditions": (
        lambda it: step(it, "gate")["Arguments"].update(Conditions=[]),
        "pipeline-form",
        "gate.Conditions",
    ),
    "a condition in a condition": (
        lambda it: (
            step(it, "gate")["Arguments"]["IfSteps"].append({**copy.deepcopy(step(it, "gate")), "Name": "again"})
            or step(it, "gate")["Arguments"]["IfSteps"][-1]["Arguments"].update(IfSteps=[], ElseSteps=[])
            or step(it, "gate")["Arguments"]["IfSteps"][-1].pop("DependsOn")
        ),
        "pipeline-form",
        "again",
    ),
    "a message of another name": (
        lambda it: step(it, "gate")["Arguments"]["ElseSteps"][0].update(Arguments={"Message": "no"}),
        "pipeline-form",
        "fail.Arguments",
    ),
    "a function without ARN": (lambda it: step(it, "check").pop("FunctionArn"), "pipeline-form", "check"),
    "a retry of a function": (
        lambda it: step(it, "check").update(RetryPolicies=step(it, "train")["RetryPolicies"]),
        "pipeline-form",
        "check.RetryPolicies[0]",
    ),
    "a retry without bound": (
        lambda it: step(it, "train")["RetryPolicies"][0].pop("MaxAttempts"),
        "pipeline-form",
        "train.RetryPolicies[0]",
    ),
    "a retry for a job where there is none": (
        lambda it: step(it, "gate")["Arguments"]["IfSteps"][0].update(RetryPolicies=step(it, "train")["RetryPolicies"]),
        "pipeline-form",
        "register.RetryPolicies[0]",
    ),
    "a member that the API lacks": (
        lambda it: step(it, "train")["Arguments"].update(Nothing=1),
        "parameter-unknown",
        "train.Arguments.Nothing",
    ),
    "a member that the API needs": (
        lambda it: step(it, "train")["Arguments"].pop("RoleArn") and None,
        "parameter-missing",
        "train.Arguments",
    ),
    "a value of another type": (
        lambda it: step(it, "train")["Arguments"].update(HyperParameters={"depth": 3}),
        "parameter-type",
        "train.Arguments.HyperParameters.depth",
    ),
    "a joined text that no location begins with": (
        lambda it: step(it, "train")["Arguments"]["OutputDataConfig"].update(
            S3OutputPath={"Std:Join": {"On": "", "Values": ["ftp:", {"Get": "Execution.PipelineExecutionId"}]}}
        ),
        "parameter-value",
        "train.Arguments.OutputDataConfig.S3OutputPath",
    ),
}


@pytest.mark.parametrize("name", list(TWINS))
def test_a_bad_twin_is_found(name: str) -> None:
    change, id, where = TWINS[name]
    given = definition()
    assert check_pipeline(given) == ()
    change(given)
    assert (id, where) in [(fault.id, fault.where) for fault in check_pipeline(given)]


def test_a_pipeline_that_is_no_json_is_a_fault() -> None:
    given = resources()
    given["TrainingPipeline"]["Properties"]["PipelineDefinition"] = {"PipelineDefinitionBody": "{"}
    assert [fault.id for fault in prove_template(given)] == ["definition-json"]


def statements(given: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = given["TrainingPipelineRole"]["Properties"]["Policies"][0]["PolicyDocument"][
        "Statement"
    ]
    return found


ACTIONS = sorted(
    {
        action
        for item in statements(resources())
        for action in ([item["Action"]] if isinstance(item["Action"], str) else item["Action"])
        if not action.startswith("kms:")
    }
)


@pytest.mark.parametrize("action", ACTIONS)
def test_no_call_can_be_taken_from_the_role(action: str) -> None:
    given = resources()
    for item in statements(given):
        actions = [item["Action"]] if isinstance(item["Action"], str) else item["Action"]
        item["Action"] = [name for name in actions if name != action] or ["sagemaker:Nothing"]
    found = prove_template(given)
    assert {fault.id for fault in found} <= {"role-missing", "role-idle"}
    assert any(fault.id == "role-missing" and f"allow {action}," in fault.what for fault in found)


def test_a_call_that_no_step_makes_is_idle() -> None:
    given = resources()
    statements(given).append({"Effect": "Allow", "Action": "sagemaker:CreateModel", "Resource": "*"})
    assert [fault.id for fault in prove_template(given)] == ["role-idle"]


def test_all_jobs_of_all_pipelines_are_too_wide() -> None:
    given = resources()
    text = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:training-job/*"
    for item in statements(given):
        if "sagemaker:CreateTrainingJob" in item["Action"]:
            item["Resource"] = {"Fn::Sub": text}
    assert {fault.id for fault in prove_template(given)} == {"role-wide"}


def test_a_long_name_is_cut_as_sagemaker_cuts_it() -> None:
    name = "a-step-whose-name-is-long-as-can"
    given = compile_sagemaker_pipeline(pipeline(prepare(name=name)), account(), prefix="Training").resources
    assert prove_template(given) == ()
    job = pipeline_calls({"Steps": [{"Name": name, "Type": "Training"}]})[0]
    assert str(job.resources[0]).endswith(":training-job/pipelines-{}-a-step-whose-name-is{}")
