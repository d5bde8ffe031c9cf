"""Inputs whose defaults an account gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Account,
    AccountError,
    GlueJob,
    Input,
    LambdaTask,
    ModelSettings,
    compile_sagemaker_pipeline,
)
from tests.services import made, ran
from tests.support import account, pipeline, prepare

JOB = Input("job-name", default="orders")
ROWS = Input("rows", type="Number")
DATA = Input("data", default=S3("raw/"))


def saying(**inputs: Any) -> Account:
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    return account(models={"churn": ModelSettings(inputs=named), "other": ModelSettings(inputs={"x": 1})})


def test_the_accounts_default_counts_before_the_inputs_own_and_after_the_runs() -> None:
    step = GlueJob(name="extract", job=JOB)
    for where, given, job in (
        (account(), {}, "orders"),
        (saying(job_name="orders-of-prod"), {}, "orders-of-prod"),
        (saying(job_name="orders-of-prod"), {"job-name": "mine"}, "mine"),
    ):
        _, services = ran(step, inputs=(JOB,), where=where, given=given)
        assert services.of("extract")[0]["JobName"] == job


def test_a_required_input_is_given_by_the_account() -> None:
    step = LambdaTask(name="count", function="count", payload={"rows": ROWS})
    assert ran(step, inputs=(ROWS,))[0].status == "FAILED"
    ended, services = ran(step, inputs=(ROWS,), where=saying(rows=7), answers={"count": {"Payload": {}}})
    assert ended.status == "SUCCEEDED"
    assert services.of("count")[0]["Payload"] == {"rows": 7}


def test_a_place_of_the_account_may_be_read_by_jobs() -> None:
    step = prepare(inputs={"raw": DATA})
    policies = json.dumps(made(step, inputs=(DATA,), where=saying(data="s3://of-prod/raw/")).resources)
    assert "of-prod/raw/*" in policies
    assert "of-prod" not in json.dumps(made(step, inputs=(DATA,)).resources)


@pytest.mark.parametrize(
    ("inputs", "id"),
    [
        ({"job_nam": "x"}, "account-input"),
        ({"job_name": 3}, "account-input-type"),
        ({"job_name": ("x",)}, "account-input-type"),
        ({"rows": "3"}, "account-input-type"),
        ({"rows": True}, "account-input-type"),
    ],
)
def test_what_fits_no_input_is_an_error_of_that_account(inputs: dict[str, Any], id: str) -> None:
    step = LambdaTask(name="count", function="count", payload={"rows": ROWS, "job": JOB})
    with pytest.raises(AccountError) as refused:
        made(step, inputs=(ROWS, JOB), where=saying(**inputs))
    assert [fault.id for fault in refused.value.faults] == [id]
    assert "account 'dev': models.churn.inputs." in str(refused.value)


def test_all_faults_of_an_account_are_told_at_once() -> None:
    step = LambdaTask(name="count", function="count", payload={"rows": ROWS})
    with pytest.raises(AccountError) as refused:
        made(step, inputs=(ROWS,), where=saying(rows="3", other=1))
    assert len(refused.value.faults) == 2


def test_the_other_engine_reads_them_too() -> None:
    rows = Input("rows", type="Number", default=3)
    spec = pipeline(prepare(inputs={"raw": DATA}, arguments=(rows, JOB)), inputs=(DATA, rows, JOB))
    where = saying(data="s3://of-prod/raw/", rows=7, job_name="of-prod")
    result = compile_sagemaker_pipeline(spec, where, prefix="Training")
    body = result.resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
    parameters = {item["Name"]: item["DefaultValue"] for item in json.loads(body["Fn::Sub"][0])["Parameters"]}
    assert parameters == {"data": "s3://of-prod/raw/", "rows": 7, "job-name": "of-prod"}
    for wrong in (saying(row=1), saying(rows="7"), saying(rows=0.5)):
        with pytest.raises(AccountError, match="account-input"):
            compile_sagemaker_pipeline(spec, wrong, prefix="Training")
