"""Defects that users reported of the AWS Step Functions Data Science SDK: none of them comes back here.

Numbers in the names of cases are of https://github.com/aws/aws-step-functions-data-science-sdk-python/issues.
"""

from __future__ import annotations

import json
import re
import socket
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    CallService,
    Function,
    Input,
    LambdaTask,
    Register,
    Retry,
    Serving,
    Until,
    compile_pipeline,
    join,
)
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import Services, failing, ran
from tests.support import CODE, account, compiled, evaluate, gate, pipeline, prepare, runnable, train
from tools.interpreter import run

DEPTH, DAY = Input("depth", "Number", default=3), Input("day", default="1997-09-30")
TUNED = {"depth": DEPTH, "label": "fixed"}


def trained(**changes: Any) -> Any:
    return train(channels={"train": S3("prepared/") / DAY}, hyperparameters=TUNED, **changes)


@pytest.mark.parametrize(("given", "depth"), [({}, "3"), ({"depth": 7}, "7")])
def test_65_152_hyperparameters_of_an_execution_are_the_ones_that_train(given: dict[str, Any], depth: str) -> None:
    _, services = ran(pipeline(trained(), inputs=(DEPTH, DAY)), given=given)
    found = services.of("train")[0]["HyperParameters"]
    assert (found["depth"], found["label"]) == (depth, "fixed")


def test_an_input_is_given_under_the_name_that_it_is_declared_by() -> None:
    first, deep = Input("start-day", default="1997-09-30"), Input("how-deep", "Number", default=3)
    tell = LambdaTask(name="tell", function="tell", payload={"days": (first, deep)})
    spec = pipeline(prepare(arguments=(join("day=", first), deep)), tell, inputs=(first, deep))
    assert prove_template(compiled(spec).resources) == ()
    _, services = ran(spec, given={"start-day": "1998-01-01"})
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == ["day=1998-01-01", "3"]
    assert services.of("tell")[0]["Payload"] == {"days": ["1998-01-01", 3]}


def test_hyperparameters_of_one_execution_do_not_leak_into_the_next() -> None:
    spec = pipeline(trained(), inputs=(DEPTH, DAY))
    seen = [ran(spec, given=given)[1].of("train")[0]["HyperParameters"]["depth"] for given in ({"depth": 9}, {})]
    assert seen == ["9", "3"]


def test_hyperparameters_of_one_step_do_not_leak_into_another() -> None:
    shared: dict[str, Any] = {"depth": 3}
    first = train(name="first", channels={}, hyperparameters=shared)
    shared["depth"] = 8
    second = train(name="second", channels={}, hyperparameters=shared)
    _, services = ran(pipeline(first, second))
    assert [services.of(name)[0]["HyperParameters"]["depth"] for name in ("first", "second")] == ["3", "8"]


def test_72_99_hyperparameters_do_not_displace_those_by_which_the_script_is_found() -> None:
    _, services = ran(pipeline(trained(), inputs=(DEPTH, DAY)))
    found = services.of("train")[0]["HyperParameters"]
    assert found["sagemaker_program"] == "train.py"
    assert {"sagemaker_submit_directory", "sagemaker_region"} <= set(found)


def test_94_139_167_197_values_of_an_execution_stand_inside_lists() -> None:
    tell = LambdaTask(name="tell", function="tell", payload={"days": ("first", DAY)})
    _, services = ran(pipeline(prepare(arguments=("--day", DAY)), tell, inputs=(DAY,)), given={"day": "1998-01-01"})
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == ["--day", "1998-01-01"]
    assert services.of("tell")[0]["Payload"] == {"days": ["first", "1998-01-01"]}


def test_39_85_values_of_an_execution_stand_inside_s3_locations_and_names() -> None:
    _, services = ran(
        pipeline(trained(environment={"NAME": join("churn-", DAY)}), inputs=(DEPTH, DAY)), given={"day": "1998-01-01"}
    )
    request = services.of("train")[0]
    source = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://databucket/prepared/1998-01-01"
    assert request["Environment"]["NAME"] == "churn-1998-01-01"
    # Outputs have a place of their own in every run, without being told.
    assert request["OutputDataConfig"]["S3OutputPath"] == "s3://artifactbucket/churn/training/run-1/train/model/"


def test_160_environments_arrive_whole_in_job_and_model() -> None:
    serving = Serving(code="inference.py", environment={"MODE": "fast"})
    steps = (prepare(), train(environment={"A": "1"}), evaluate())
    spec = pipeline(*steps, gate(then=(Register(model=train().model, serving=serving),), otherwise=()))
    _, services = ran(spec)
    assert services.of("train")[0]["Environment"]["A"] == "1"
    container = services.of("Register register")[0]["InferenceSpecification"]["Containers"][0]
    assert container["Environment"]["MODE"] == "fast"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"


def test_169_a_declared_retry_and_the_failure_path_are_both_there() -> None:
    again = Retry(attempts=2, interval=timedelta(seconds=15), backoff=4)
    ended, services = ran(pipeline(prepare(retry=again)), {"prepare": failing("AlgorithmError")})
    assert len(services.of("prepare")) == 3
    assert ended.states[-2:] == ("Notify failure", "Failed")


def served(*statuses: str) -> tuple[Any, Any]:
    """A pipeline that moves an endpoint and waits for it; each look at it sees the next of these statuses."""
    name = {"EndpointName": "churn"}
    move = CallService(
        name="move", call="sagemaker:updateEndpoint", parameters={**name, "EndpointConfigName": join("churn-", DAY)}
    )
    until = Until("$.EndpointStatus", done=("InService",), failed=("Failed",), deadline=timedelta(minutes=1))
    wait = CallService(
        name="wait", call="sagemaker:describeEndpoint", parameters=name, until=until, keep={"arn": "$.EndpointArn"}
    )
    use = LambdaTask(name="use", function="use", payload={"endpoint": wait.result("arn")})
    spec = pipeline(move, wait, use, inputs=(DAY,))
    assert prove_template(compiled(spec).resources) == ()

    def look(attempt: int) -> Any:
        return {"EndpointStatus": statuses[min(attempt, len(statuses)) - 1], "EndpointArn": "arn", "Other": 1}

    definition = runnable(compiled(spec))
    definition["States"]["Wait for wait"] = {"Type": "Pass", "Next": "Look at wait"}
    services = Services({"Look at wait": look, "move": {"EndpointArn": "arn"}})
    return run(definition, {}, services, name="run-1"), services


def test_75_an_endpoint_is_waited_for() -> None:
    ended, services = served("Updating", "Updating", "InService")
    assert ended.status == "SUCCEEDED"
    assert services.of("use") == [{"FunctionName": "use", "Payload": {"endpoint": "arn"}}]
    assert len(services.of("Look at wait")) == 3


@pytest.mark.parametrize(
    ("status", "cause"),
    [("Failed", "the status is Failed"), ("Updating", "the status was still Updating after 0:01:00")],
)
def test_an_endpoint_that_fails_or_never_ends_is_a_failure(status: str, cause: str) -> None:
    ended, services = served("Updating", status)
    assert (ended.status, services.of("use")) == ("FAILED", [])
    assert cause in ended.cause


def test_a_status_that_never_means_failure_needs_no_failed_statuses() -> None:
    until = Until("$.EndpointStatus", done=("InService",))
    wait = CallService(name="wait", call="sagemaker:describeEndpoint", parameters={"EndpointName": "e"}, until=until)
    assert prove_template(compiled(pipeline(wait)).resources) == ()


def test_nothing_is_uploaded_or_asked_while_a_pipeline_is_declared_and_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check = LambdaTask(name="check", function=Function(code="function", reads=(S3("raw/"),)))
    spec = pipeline(check, prepare(), train(), evaluate(), gate(), root=CODE)
    assert compile_pipeline(spec, account(), prefix="Training").assets


def test_an_export_holds_no_literal_of_an_account_a_region_or_a_partition() -> None:
    text = json.dumps(compiled(where=account(id=None, region=None)).resources)
    assert re.findall(r"arn:aws[a-z-]*:", text) == []
    assert re.findall(r"(?<![0-9a-f])\d{12}(?![0-9a-f])", text) == []
    assert re.findall(r"\b(?:us|eu|ap)-[a-z]+-\d\b", text) == []
