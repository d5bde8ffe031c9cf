"""Processing jobs run the user's command under SageMaker's contract; the churn example's steps run as they are."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from constructs_ml.compiler.steps.process import _START
from constructs_ml.rehearsal.calls import Call, ServiceError
from tests.rehearsal.jobs_data import (
    BUCKET,
    ROLE,
    SKLEARN,
    Played,
    archive,
    channel,
    processing_input,
    processing_output,
)

STEPS = Path(__file__).parents[2] / "apps" / "churn" / "steps"
GROUP = "/aws/sagemaker/ProcessingJobs"
COPY = """
import os, pathlib, shutil
for path in pathlib.Path(os.environ["PROCESSING_INPUT_RAW"]).iterdir():
    shutil.copy(path, os.environ["PROCESSING_OUTPUT_OUT"])
"""


@pytest.fixture
def played(account) -> Played:
    return Played(account)


def test_outputs_are_uploaded_and_describe_tells_how_it_went(account, played) -> None:
    with account.running():
        played.begin()
        done = played.process("copy", COPY)
        assert done["ProcessingJobStatus"] == "Completed", done
        assert played.get("out/copy/data.csv") == b"a,b\n1,2\n"
        assert done["ProcessingStartTime"] <= done["ProcessingEndTime"]
        assert "FailureReason" not in done


def test_the_container_has_its_configuration_where_the_documentation_says(account, played) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    script = """
import json, os
job = json.load(open('/opt/ml/config/processingjobconfig.json'))
host = json.load(open('/opt/ml/config/resourceconfig.json'))
print(job['ProcessingJobName'], host['current_host'], host['hosts'], os.environ['PROCESSING_JOB_ARN'])
open('/opt/ml/output/message', 'w').write('left by the job')
"""
    with account.running():
        played.begin()
        done = played.process("configured", script)
        arn = done["ProcessingJobArn"]
        assert played.lines(GROUP, "configured") == [f"configured algo-1 ['algo-1'] {arn}"]
        assert (done["ProcessingJobStatus"], done["ExitMessage"]) == ("Completed", "left by the job")


def test_a_command_that_fails_fails_the_job_and_leaves_no_outputs(account, played) -> None:
    with account.running():
        played.begin()
        done = played.process("crash", COPY + "raise SystemExit(4)")
        assert done["ProcessingJobStatus"] == "Failed"
        assert done["FailureReason"] == "AlgorithmError: , exit code: 4"
        assert played.keys("out/crash") == []


def test_a_job_out_of_time_is_stopped(account, played) -> None:
    with account.running():
        played.begin()
        condition = {"MaxRuntimeInSeconds": 1}
        done = played.process("long", "import time; time.sleep(60)", StoppingCondition=condition)
        assert done["ProcessingJobStatus"] == "Stopped"


def test_a_stopped_job_is_stopped(account, played) -> None:
    with account.running():
        played.begin()
        played.start_processing("stop", "import time; print('on', flush=True); time.sleep(60)")
        played.until(lambda: played.jobs.prints("stop"))
        played.sagemaker.stop_processing_job(ProcessingJobName="stop")
        assert played.processed("stop")["ProcessingJobStatus"] == "Stopped"


def test_continuous_outputs_arrive_while_the_job_runs(account, played) -> None:
    script = COPY + "import time; time.sleep(60)"
    with account.running():
        played.begin()
        config = {"Outputs": [processing_output("out", "out/live", "Continuous")]}
        played.start_processing("live", script, ProcessingOutputConfig=config)
        played.until(lambda: played.keys("out/live"))
        assert played.jobs.store.get("ProcessingJob", "live").status == "InProgress"
        played.sagemaker.stop_processing_job(ProcessingJobName="live")
        played.processed("live")


def test_missing_data_fail_the_job(account, played) -> None:
    with account.running():
        played.begin()
        done = played.process("none", COPY, ProcessingInputs=[processing_input("raw", "absent/")])
        assert done["ProcessingJobStatus"] == "Failed"
        assert "No S3 objects found under S3 URL" in done["FailureReason"]


def test_an_output_that_the_role_may_not_write_fails_the_job(account, played) -> None:
    def denies(call: Call) -> None:
        if call.action == "s3:PutObject" and call.principal.role == ROLE:
            raise ServiceError("AccessDenied", f"{ROLE} is not authorized to perform: s3:PutObject")

    with account.running():
        played.begin()
        account.gate.before.append(denies)
        done = played.process("denied", COPY)
        assert done["ProcessingJobStatus"] == "Failed"
        assert done["FailureReason"].startswith("ClientError: Artifact upload failed:AccessDenied: ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ProcessingInputs": [{"InputName": "table", "DatasetDefinition": {}}]}, r"DatasetDefinition \(input table\)"),
        (
            {
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "f", "FeatureStoreOutput": {"FeatureGroupName": "g"}}]
                }
            },
            r"FeatureStoreOutput \(output f\)",
        ),
        (
            {
                "AppSpecification": {
                    "ImageUri": "048819808253.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-model-monitor-analyzer"
                }
            },
            r"model-monitor-analyzer cannot run .* StandIn\(of=",
        ),
    ],
)
def test_what_cannot_run_here_is_refused_by_name(account, played, change: dict, said: str) -> None:
    with account.running():
        played.begin()
        with pytest.raises(ClientError, match=said):
            played.start_processing("refused", COPY, **change)


def log(customers: int = 60) -> str:
    """A purchase log that reaches over the split date: half of the customers come back."""
    drawn, text = random.Random(7), io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["customer_id", "date", "quantity", "amount"])
    for customer in range(customers):
        days = [drawn.randrange(200) for _ in range(drawn.randrange(1, 6))]
        days += [drawn.randrange(230, 300)] if customer % 2 else []
        for day in days:
            rows.writerow([customer, date(1997, 3, 1) + timedelta(days=day), 1 + customer % 2 * 3, drawn.random() * 50])
    return text.getvalue()


@pytest.mark.slow
def test_churns_own_steps_run_from_raw_data_to_metrics(account, played) -> None:
    with account.running():
        played.begin(**{"raw/log.csv": log()})
        for name in ("prepare", "evaluate"):
            played.put(**{f"code/{name}.tar.gz": archive(**{f"{name}.py": (STEPS / f"{name}.py").read_text()})})
        outputs = {"Outputs": [processing_output("train", "p/train"), processing_output("test", "p/test")]}
        done = _step(
            played, "prepare", {"raw": "raw/"}, outputs, "--split-date", "1997-09-30", "--test-fraction", "0.25"
        )
        assert done["ProcessingJobStatus"] == "Completed", played.lines(GROUP, "prepare")
        given = played.request("train", (STEPS / "train.py").read_text(), HyperParameters={"folds": "3"})
        given["InputDataConfig"][0] = channel("train", "p/train/")
        given["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "auc", "Regex": "validation:auc=([0-9.]+)"}]
        played.sagemaker.create_training_job(**given)
        trained = played.trained("train")
        assert trained["TrainingJobStatus"] == "Completed", trained
        assert trained["FinalMetricDataList"][0]["Value"] > 0.5
        outputs = {"Outputs": [processing_output("report", "p/report")]}
        inputs = {"model": "models/train/output/model.tar.gz", "test": "p/test/"}
        assert _step(played, "evaluate", inputs, outputs)["ProcessingJobStatus"] == "Completed"
        assert 0 <= json.loads(played.get("p/report/metrics.json"))["auc"] <= 1


def _step(played: Played, name: str, inputs: dict, outputs: dict, *arguments: str) -> dict:
    """A Process step as the library compiles it."""
    folders = {f"PROCESSING_INPUT_{key.upper()}": f"/opt/ml/processing/input/{key}" for key in inputs}
    for item in outputs["Outputs"]:
        folders[f"PROCESSING_OUTPUT_{item['OutputName'].upper()}"] = item["S3Output"]["LocalPath"]
    given = {"ImageUri": SKLEARN, "ContainerEntrypoint": ["/bin/sh", "-c", _START]}
    given["ContainerArguments"] = [f"{name}.py", *arguments]
    sources = [processing_input(key, place) for key, place in (inputs | {"code": f"code/{name}.tar.gz"}).items()]
    return played.process(
        name,
        "",
        AppSpecification=given,
        Environment=folders,
        ProcessingInputs=sources,
        ProcessingOutputConfig=outputs,
    )


def test_a_bucket_that_is_not_there_is_named(account, played) -> None:
    with account.running():
        played.begin()
        source = processing_input("raw", "x")
        source["S3Input"]["S3Uri"] = "s3://nowhere-at-all/x"
        done = played.process("none", COPY, ProcessingInputs=[source])
        assert "NoSuchBucket" in done["FailureReason"]
        assert BUCKET not in done["FailureReason"]
