"""The optimised integrations of SageMaker, compared with what AWS documents of them.

Each runs for real, in an account with every part. What is compared, and with which source, stands in
`recorded/sagemaker_integrations.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.utils import get_service_model

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.states.syncs import TAGS, look
from tests.rehearsal.machines import machine, run, task
from tests.rehearsal.recorded_world import CALLS, INTEGRATIONS, Ran, opened, parameters, prepare, run_all

pytestmark = pytest.mark.slow
WAITING = [call for call in CALLS if call.endswith(".sync")]


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    made = opened()
    with made.account.running():
        prepare(made)
        run_all(made)
        yield made


def operation(call: str) -> str:
    name = call.removeprefix("sagemaker:").removesuffix(".sync")
    return name[0].upper() + name[1:]


def shape(name: str, *, side: str = "output_shape") -> Any:
    return getattr(get_service_model("sagemaker").operation_model(name), side)


def all_misfits(items: list[tuple[Any, Any, str]]) -> list[str]:
    return [misfit for value, expected, at in items for misfit in misfits(value, expected, at)]


def misfits(value: Any, expected: Any, at: str = "$") -> list[str]:
    """Where a value is not of a shape, with times in milliseconds since 1970."""
    match expected.type_name, value:
        case "structure", dict():
            unknown = [f"{at}.{key}: no member" for key in value if key not in expected.members]
            known = [(value[key], expected.members[key], f"{at}.{key}") for key in value if key in expected.members]
            return unknown + all_misfits(known)
        case "list", list():
            return all_misfits([(item, expected.member, f"{at}[{n}]") for n, item in enumerate(value)])
        case "map", dict():
            return all_misfits([(item, expected.value, f"{at}.{key}") for key, item in value.items()])
        case ("string", str()) | ("boolean", bool()):
            return []
        case ("integer" | "long" | "float" | "double", int() | float()) if not isinstance(value, bool):
            return []
        case "timestamp", int() if 10**12 < value < 10**13:
            return []
    return [f"{at}: {value!r} is no {expected.type_name}"]


@pytest.mark.parametrize("call", CALLS)
def test_the_documented_input_reaches_the_service_as_it_is(ran: Ran, call: str) -> None:
    made = next(c for c in ran.calls if c.operation == operation(call) and c.principal.role.endswith("role/states"))
    given = parameters(call)
    given = {key.removesuffix(".$"): "run-0" if key.endswith(".$") else value for key, value in given.items()}
    got = json.loads(json.dumps(dict(made.parameters), default=str))
    tags = got.pop("Tags", [])
    assert got == {key: value for key, value in given.items() if key != "Tags"}
    assert [tag for tag in tags if tag["Key"] not in TAGS] == given.get("Tags", [])
    # https://github.com/aws/aws-cdk/issues/27264
    assert [tag["Key"] for tag in tags if tag["Key"] in TAGS] == (list(TAGS) if call in WAITING else [])
    assert set(INTEGRATIONS[call]["example"]) <= set(parameters(call))
    assert set(got) <= set(shape(operation(call), side="input_shape").members)


@pytest.mark.parametrize("call", WAITING)
def test_the_output_of_a_job_is_its_description(ran: Ran, call: str) -> None:
    found, expected = ran.output(call), shape(INTEGRATIONS[call]["describe"])
    assert misfits(found, expected) == []
    assert set(expected.required_members) <= set(found)
    assert not any(member.startswith("Sdk") for member in found)


@pytest.mark.parametrize("call", [call for call in CALLS if call not in WAITING])
def test_the_output_of_a_request_is_its_response_with_what_the_sdk_adds(ran: Ran, call: str) -> None:
    found, expected = ran.output(call), shape(operation(call))
    added = {found.pop("SdkHttpMetadata")["HttpStatusCode"], *found.pop("SdkResponseMetadata")}
    assert added == {200, "RequestId"}  # as was recorded of other services: recorded/step_functions.json
    assert misfits(found, expected) == []
    assert set(found) == set(expected.members)


@pytest.mark.parametrize("call", CALLS)
def test_what_the_documentation_and_the_library_read_of_an_output_is_there(ran: Ran, call: str) -> None:
    for path in INTEGRATIONS[call]["reads"]:
        assert look(path, ran.output(call)), path


def test_a_job_that_failed_fails_its_state_with_its_description(ran: Ran) -> None:
    """`"FailureReason": "AlgorithmError: ..., exit code: 1"` is what a state machine of AWS showed.

    https://github.com/aws-samples/amazon-sagemaker-ml-pipeline-deploy-with-terraform/issues/12
    """
    given = json.loads(
        json.dumps(parameters("sagemaker:createTrainingJob.sync")).replace("train.tar.gz", "broken.tar.gz")
    )
    found = run(ran.account, machine(("Train", task("sagemaker:createTrainingJob.sync", given))), name="broken")
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert misfits(cause, shape("DescribeTrainingJob")) == []
    assert (cause["TrainingJobName"], cause["TrainingJobStatus"]) == ("broken", "Failed")
    assert cause["FailureReason"].startswith("AlgorithmError: ")
    assert cause["FailureReason"].endswith(", exit code: 1")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceLimitExceeded", "SageMaker.ResourceLimitExceededException"),
        ("ThrottlingException", "SageMaker.AmazonSageMakerException"),
    ],
)
def test_a_refused_job_fails_with_the_names_that_the_documentation_retries(ran: Ran, code: str, error: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html#sagemaker-example-training."""

    def refuse(call: Call) -> None:
        if call.operation == "CreateTrainingJob":
            raise ServiceError(code, "not now")

    ran.account.gate.before.append(refuse)
    try:
        given = parameters("sagemaker:createTrainingJob.sync")
        found = run(ran.account, machine(("Train", task("sagemaker:createTrainingJob.sync", given))), name=code)
    finally:
        ran.account.gate.before.remove(refuse)
    assert found["error"] == error


def test_a_labeling_job_is_refused_by_name(ran: Ran) -> None:
    """People do its work. The input is the documented example, without what AWS does not require.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html#sagemaker-example-labeling
    """
    function = "arn:aws:lambda:eu-central-1:111111111111:function"
    people = {
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{function}:ACS-TextMultiClass"},
        "NumberOfHumanWorkersPerDataObject": 1,
        "PreHumanTaskLambdaArn": f"{function}:PRE-TextMultiClass",
        "TaskDescription": "Classify the text",
        "TaskTimeLimitInSeconds": 300,
        "TaskTitle": "Classify",
        "UiConfig": {"UiTemplateS3Uri": "s3://documented/template"},
        "WorkteamArn": "arn:aws:sagemaker:eu-central-1:111111111111:workteam/private-crowd/team",
    }
    given = {
        "HumanTaskConfig": people,
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://documented/manifest.json"}}},
        "LabelAttributeName": "Categories",
        "LabelingJobName": "label",
        "OutputConfig": {"S3OutputPath": "s3://documented/output"},
        "RoleArn": "arn:aws:iam::111111111111:role/jobs",
    }
    found = run(ran.account, machine(("Label", task("sagemaker:createLabelingJob.sync", given))), name="label")
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "does not serve arn:aws:states:::sagemaker:createLabelingJob.sync" in found["cause"]
    assert "people do this work" in found["cause"]
