"""The state machine of a pipeline, run state by state with every service answered here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Execution,
    Fail,
    Function,
    Input,
    LambdaTask,
    MetricDefinition,
    OnData,
    RawState,
    Retry,
    between,
)
from tests.support import compiled, definition_of, evaluate, gate, pipeline, prepare, runnable, train
from tools.interpreter import Call, Run, TaskFailure, run

FINISHED = {
    "sagemaker:createProcessingJob.sync": {"ProcessingJobName": "processing-1", "ProcessingJobStatus": "Completed"},
    "sagemaker:createTrainingJob.sync": {
        "TrainingJobName": "training-1",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
        "FinalMetricDataList": [{"MetricName": "loss", "Value": 0.5}, {"MetricName": "validation:auc", "Value": 0.91}],
        "HyperParameters": {"depth": "3"},
    },
    "aws-sdk:s3:getObject": {"Body": json.dumps({"auc": 0.85, "other": 1}), "ContentLength": 20},
    "aws-sdk:sagemaker:createModelPackage": {"ModelPackageArn": "arn:aws:sagemaker:::model-package/g/1"},
    "lambda:invoke": {"Payload": {"objects": 3, "secret": "x"}, "StatusCode": 200},
    "sns:publish": {"MessageId": "1"},
}
Answers = Mapping[str, Any | Callable[[int], Any]]


class Services:
    """Answers calls from a table; a function in it is asked with the number of the attempt."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.answers = {**FINISHED, **(answers or {})}
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Any:
        self.calls.append(call)
        answer = self.answers.get(call.state, self.answers.get(call.service))
        attempt = sum(1 for earlier in self.calls if earlier.state == call.state)
        return answer(attempt) if callable(answer) else answer

    def of(self, state: str) -> list[Mapping[str, Any]]:
        return [call.parameters for call in self.calls if call.state == state]


def ran(
    spec: Any = None, answers: Answers | None = None, given: Mapping[str, Any] | None = None
) -> tuple[Run, Services]:
    services = Services(answers)
    return run(runnable(compiled(spec)), given or {}, services, name="run-1"), services


def failing(error: str, attempts: int = 10**6) -> Callable[[int], Any]:
    def answer(attempt: int) -> Any:
        if attempt <= attempts:
            raise TaskFailure(error, "because")
        return {"ProcessingJobName": "processing-2"}

    return answer


def test_a_good_model_is_registered() -> None:
    ended, services = ran()
    assert ended.status == "SUCCEEDED"
    assert ended.states[-3:] == ("gate", "register", "Done")
    container = services.of("register")[0]["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    statistics = services.of("register")[0]["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://artifactbucket/churn/training/run-1/evaluate/report/metrics.json"


def test_a_bad_model_takes_the_other_arm_to_the_notified_end() -> None:
    ended, services = ran(answers={"aws-sdk:s3:getObject": {"Body": '{"auc": 0.79}'}})
    assert ended.status == "FAILED"
    assert ended.error == "PipelineFailed"
    assert ended.cause == "PipelineFailed: AUC below 0.8"
    assert ended.states[-3:] == ("fail", "Notify failure", "Failed")
    assert services.of("register") == []
    assert "AUC below 0.8" in services.of("Notify failure")[0]["Message"]
    assert services.of("Notify failure")[0]["Subject"] == "training of churn failed in dev"


def test_a_throttled_call_is_made_again_under_another_job_name() -> None:
    ended, services = ran(answers={"prepare": failing("ThrottlingException", attempts=2)})
    assert ended.status == "SUCCEEDED"
    names = [parameters["ProcessingJobName"] for parameters in services.of("prepare")]
    assert len(set(names)) == 3
    assert all(name.startswith("churn-prepare-") and len(name) <= 63 for name in names)
    assert [name[-1] for name in names] == ["0", "1", "2"]


def test_throttling_without_end_reaches_the_failure_path_after_seven_attempts() -> None:
    ended, services = ran(answers={"prepare": failing("SageMaker.ThrottlingException")})
    assert ended.status == "FAILED"
    assert len(services.of("prepare")) == 7


@pytest.mark.parametrize("state", ["prepare", "train", "evaluate", "register", "Read evaluate metrics"])
def test_a_failed_task_reaches_the_notified_failure_path(state: str) -> None:
    ended, services = ran(answers={state: failing("Broken")})
    assert ended.status == "FAILED"
    assert ended.states[-3:] == (state, "Notify failure", "Failed")
    assert ended.cause == "Broken: because"
    assert len(services.of("Notify failure")) == 1


def test_a_notice_that_cannot_be_sent_does_not_hide_the_failure() -> None:
    ended, _ = ran(answers={"prepare": failing("Broken"), "sns:publish": failing("SNS.AuthorizationErrorException")})
    assert (ended.status, ended.cause) == ("FAILED", "Broken: because")


@pytest.mark.parametrize(
    "body",
    ["{}", '{"auc": "0.9"}', '{"auc": null}', '{"auc": NaN}', '{"auc": Infinity}', '{"auc": true}', '{"AUC": 0.9}'],
)
def test_a_metric_that_is_no_finite_number_fails_the_run_and_opens_no_gate(body: str) -> None:
    ended, services = ran(answers={"aws-sdk:s3:getObject": {"Body": body}})
    assert ended.status == "FAILED"
    assert ended.states[-4:] == ("Check evaluate metrics", "Report evaluate metrics", "Notify failure", "Failed")
    assert "step evaluate left no finite number for auc in report/metrics.json" in ended.cause
    assert services.of("register") == []


def test_a_metrics_file_that_is_not_json_fails_the_run() -> None:
    ended, services = ran(answers={"aws-sdk:s3:getObject": {"Body": "auc=0.9"}})
    assert ended.status == "FAILED"
    assert "Notify failure" in ended.states
    assert services.of("register") == []


def test_a_missing_metrics_file_fails_the_run() -> None:
    ended, _ = ran(answers={"aws-sdk:s3:getObject": failing("S3.NoSuchKeyException")})
    assert ended.cause == "S3.NoSuchKeyException: because"


def test_a_training_metric_is_found_by_its_name_and_compared() -> None:
    spec = pipeline(
        prepare(),
        train(),
        gate(when=train().metric("validation:auc") > 0.9, then=(Fail(name="too-good", cause="too good"),)),
    )
    ended, _ = ran(spec)
    assert ended.cause == "PipelineFailed: too good"


@pytest.mark.parametrize("found", [[], [{"MetricName": "loss", "Value": 1.0}]])
def test_a_training_metric_that_was_never_logged_fails_the_run(found: list[Any]) -> None:
    spec = pipeline(
        prepare(), train(), gate(when=train().metric("validation:auc") > 0.9, then=(Fail(name="end-no", cause="no"),))
    )
    job = {**FINISHED["sagemaker:createTrainingJob.sync"], "FinalMetricDataList": found}
    ended, services = ran(spec, {"sagemaker:createTrainingJob.sync": job})
    assert (ended.status, len(services.of("Notify failure"))) == ("FAILED", 1)
    assert "end-no" not in ended.states


@pytest.mark.parametrize(("auc", "end"), [(0.69, "shut"), (0.7, "open"), (0.9, "open"), (0.91, "shut")])
def test_between_holds_at_both_ends(auc: float, end: str) -> None:
    chosen = gate(
        when=between(evaluate().metric("auc"), 0.7, 0.9),
        then=(Fail(name="end-open", cause="open"),),
        otherwise=(Fail(name="end-shut", cause="shut"),),
    )
    ended, _ = ran(
        pipeline(prepare(), train(), evaluate(), chosen), {"aws-sdk:s3:getObject": {"Body": json.dumps({"auc": auc})}}
    )
    assert ended.cause == f"PipelineFailed: {end}"


@pytest.mark.parametrize(
    ("auc", "loss", "end"), [(0.9, 0.1, "shut"), (0.9, 0.6, "open"), (0.5, 0.1, "shut"), (0.5, 0.6, "shut")]
)
def test_conditions_combine(auc: float, loss: float, end: str) -> None:
    when = (evaluate().metric("auc") > 0.8) & ~(evaluate().metric("loss") < 0.5) | (evaluate().metric("auc") > 2)
    chosen = gate(
        when=when, then=(Fail(name="end-open", cause="open"),), otherwise=(Fail(name="end-shut", cause="shut"),)
    )
    body = {"Body": json.dumps({"auc": auc, "loss": loss})}
    ended, _ = ran(pipeline(prepare(), train(), evaluate(), chosen), {"aws-sdk:s3:getObject": body})
    assert ended.cause == f"PipelineFailed: {end}"


def test_a_metric_is_compared_with_another_and_with_an_input() -> None:
    least = Input("least", "Number", default=0.5)
    metrics = evaluate()
    chosen = gate(when=(metrics.metric("auc") > metrics.metric("old")) & (metrics.metric("auc") >= least), otherwise=())
    spec = pipeline(prepare(), train(), metrics, chosen, inputs=(least,))
    answers = {"aws-sdk:s3:getObject": {"Body": '{"auc": 0.8, "old": 0.7}'}}
    assert ran(spec, answers)[0].states[-2] == "register"
    assert ran(spec, answers, {"least": 0.9})[0].states[-2] == "gate"


def test_the_run_keeps_only_what_later_steps_use() -> None:
    ended, _ = ran()
    assert ended.output == {
        "inputs": {},
        "steps": {"train": {"model": "s3://bucket/model.tar.gz"}, "evaluate": {"metrics": {"auc": 0.85}}},
    }


def test_inputs_take_their_defaults_and_given_values_win() -> None:
    day, data = Input("day", default="1997-09-30"), Input("data", default=S3("raw/"))
    spec = pipeline(prepare(inputs={"raw": data}, arguments=("--day", day)), inputs=(day, data))
    _, services = ran(spec, given={"day": "1998-01-01"})
    request = services.of("prepare")[0]
    assert request["AppSpecification"]["ContainerArguments"] == ["prepare.py", "--day", "1998-01-01"]
    assert request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://databucket/raw/"


@pytest.mark.parametrize("given", [{}, {"depth": "three"}, {"depth": True}])
def test_a_missing_or_wrong_input_fails_the_run_before_any_call(given: dict[str, Any]) -> None:
    depth = Input("depth", "Number")
    ended, services = ran(pipeline(train(channels={}, hyperparameters={"depth": depth}), inputs=(depth,)), given=given)
    assert "the run needs the inputs depth (Number)" in ended.cause
    assert services.of("train") == []


def test_a_number_becomes_text_where_the_service_wants_text() -> None:
    depth = Input("depth", "Number")
    _, services = ran(
        pipeline(train(channels={}, hyperparameters={"depth": depth}), inputs=(depth,)), given={"depth": 4}
    )
    assert services.of("train")[0]["HyperParameters"]["depth"] == "4"


def test_text_with_quotes_braces_and_dollars_arrives_as_it_is_written() -> None:
    awkward = ("it's {here}", "back\\slash", "${HOME} $$ $.x", '"quoted"', "{}", "ünïcode", "two\nlines")
    spec = pipeline(prepare(arguments=(*awkward, Execution("name")), environment={"PLAIN": awkward[2]}))
    _, services = ran(spec)
    request = services.of("prepare")[0]
    assert request["AppSpecification"]["ContainerArguments"] == ["prepare.py", *awkward, "run-1"]
    assert request["Environment"]["PLAIN"] == awkward[2]


def test_the_same_text_arrives_where_nothing_is_dynamic() -> None:
    awkward = ("it's {here}", "${HOME}", "back\\slash")
    _, services = ran(pipeline(prepare(arguments=awkward)))
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"] == ["prepare.py", *awkward]


def test_a_function_answers_and_only_the_used_key_is_kept() -> None:
    check = LambdaTask(
        name="check", function="check-data", payload={"data": S3("raw/"), "least": 3, "run": Execution("name")}
    )
    spec = pipeline(check, prepare(environment={"OBJECTS": check.result("objects")}))
    ended, services = ran(spec)
    assert services.of("check")[0] == {
        "FunctionName": "check-data",
        "Payload": {"data": "s3://databucket/raw/", "least": 3, "run": "run-1"},
    }
    assert services.of("prepare")[0]["Environment"]["OBJECTS"] == "3"
    assert ended.output["steps"] == {"check": {"objects": 3}}


def test_a_function_that_raises_fails_the_run() -> None:
    check = LambdaTask(name="check", function=Function(code="function"))
    ended, _ = ran(pipeline(check), {"check": failing("LookupError")})
    assert ended.cause == "LookupError: because"


def test_a_declared_retry_covers_the_jobs_own_failure() -> None:
    again = Retry(attempts=2, interval=timedelta(seconds=15), backoff=4)
    ended, services = ran(pipeline(prepare(retry=again)), {"prepare": failing("AlgorithmError", attempts=2)})
    assert ended.status == "SUCCEEDED"
    assert len(services.of("prepare")) == 3


def test_a_raw_state_stands_in_the_chain_and_shares_the_failure_path() -> None:
    raw = RawState(
        name="ask",
        state={
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Parameters": {"Bucket": "b", "Key": "${literal}"},
            "ResultPath": "$.raw.ask",
        },
    )
    ended, services = ran(pipeline(raw, prepare()))
    assert ended.status == "SUCCEEDED"
    assert services.of("ask")[0]["Key"] == "${literal}"
    assert ran(pipeline(raw), {"ask": failing("Denied")})[0].cause == "Denied: because"


def test_a_gate_with_one_arm_goes_on_with_the_next_step() -> None:
    spec = pipeline(prepare(), train(), evaluate(), gate(otherwise=()), prepare(name="last"))
    assert ran(spec)[0].states[-3:] == ("register", "last", "Done")
    bad = {"aws-sdk:s3:getObject": {"Body": '{"auc": 0.1}'}}
    assert ran(spec, bad)[0].states[-3:] == ("gate", "last", "Done")


def test_gates_nest() -> None:
    inner = gate(
        name="inner",
        when=evaluate().metric("auc") > 0.95,
        then=(Fail(name="too-good", cause="too good"),),
        otherwise=(),
    )
    ended, _ = ran(pipeline(prepare(), train(), evaluate(), gate(then=(inner,)), prepare(name="last")))
    assert ended.states[-4:] == ("gate", "inner", "last", "Done")


def test_every_task_waits_bounded_time_and_leads_to_the_failure_path() -> None:
    for name, state in definition_of(compiled())["States"].items():
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] > 0, name
            assert state["Retry"][0]["MaxAttempts"] == 6, name
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_data_that_arrived_is_what_the_step_reads() -> None:
    data = Input("data", default=S3("raw/"))
    spec = pipeline(prepare(inputs={"raw": data}), inputs=(data,), triggers=(OnData("raw/", to="data"),))
    _, services = ran(spec, given={"data": "s3://databucket/raw/new.csv"})
    assert services.of("prepare")[0]["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://databucket/raw/new.csv"


def test_two_metrics_of_one_training_job_do_not_mix() -> None:
    both = train(metrics=(MetricDefinition("loss", "loss=(.+)"), MetricDefinition("validation:auc", "auc=(.+)")))
    when = (both.metric("loss") < 0.6) & (both.metric("validation:auc") > 0.9)
    ended, _ = ran(
        pipeline(prepare(), both, gate(when=when, then=(Fail(name="end-both", cause="both"),), otherwise=()))
    )
    assert ended.cause == "PipelineFailed: both"


def test_the_other_arm_goes_on_with_the_next_step_too() -> None:
    chosen = gate(then=(), otherwise=(prepare(name="again"),))
    spec = pipeline(prepare(), train(), evaluate(), chosen, prepare(name="last"))
    bad = {"aws-sdk:s3:getObject": {"Body": '{"auc": 0.1}'}}
    assert ran(spec, bad)[0].states[-4:] == ("gate", "again", "last", "Done")


def test_the_runs_data_grows_by_what_is_used_and_by_nothing_else() -> None:
    """200 steps at this rate stay below a tenth of the 262,144 bytes that a state may hold."""
    jobs = tuple(train(name=f"train-{number}", channels={}, metrics=()) for number in range(20))
    used = prepare(inputs={}, arguments=tuple(job.model for job in jobs))
    answer = {**FINISHED["sagemaker:createTrainingJob.sync"], "Log": "x" * 20_000}
    ended, services = ran(pipeline(*jobs, used), {"sagemaker:createTrainingJob.sync": answer})
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == ["s3://bucket/model.tar.gz"] * 20
    assert len(json.dumps(ended.output)) / len(jobs) < 100
    unused, _ = ran(pipeline(*jobs), {"sagemaker:createTrainingJob.sync": answer})
    assert unused.output == {"inputs": {}}
