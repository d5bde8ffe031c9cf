"""SageMaker Pipelines: definitions as the compiler writes them run, step by step, with the pipeline's role."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_ml.contract.events import PipelineExecutionChange
from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from tests.rehearsal.test_registry import GROUP, fits
from tests.rehearsal.test_sagemaker_store import ROLE, refused

IMAGE = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn:1"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
METRIC = {
    "Std:JsonGet": {"PropertyFile": {"Get": "Steps.evaluate.PropertyFiles.metrics"}, "Path": "metrics.accuracy.value"}
}


@pytest.fixture
def store(account: EmbeddedAccount) -> Iterator[Store]:
    """A store whose jobs end at once: training leaves a model, processing leaves metrics."""
    made = Store(account)
    SageMaker(account, made)

    def trained(job: Resource, call: Call) -> None:
        uri = f"{call.parameters['OutputDataConfig']['S3OutputPath']}{job.name}/output/model.tar.gz"
        put(account, uri, b"model")
        status = {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": uri}}
        made.change(job, **status, FinalMetricDataList=[{"MetricName": "auc", "Value": 0.75}])

    def processed(job: Resource, call: Call) -> None:
        if call.parameters.get("Environment", {}).get("CRASH"):
            made.change(job, ProcessingJobStatus="Failed", FailureReason="AlgorithmError: exit 1")
            return
        (output,) = call.parameters["ProcessingOutputConfig"]["Outputs"]
        put(account, f"{output['S3Output']['S3Uri']}/all.json", b'{"metrics": {"accuracy": {"value": 0.9}}}')
        made.change(job, ProcessingJobStatus="Completed")

    made.on("Create", "TrainingJob", trained)
    made.on("Create", "ProcessingJob", processed)
    with account.running():
        place = {"LocationConstraint": "eu-central-1"}
        account.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration=place)
        account.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        yield made


def put(account: EmbeddedAccount, uri: str, body: bytes) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=io.BytesIO(body))


def definition(steps: list[Any]) -> str:
    parameters = [
        {"Name": "least", "Type": "Float", "DefaultValue": 0.8},
        {"Name": "data", "Type": "String", "DefaultValue": "s3://artifacts/data"},
    ]
    whole: dict[str, Any] = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": parameters,
        "PipelineExperimentConfig": None,
    }
    return json.dumps(whole | {"Steps": steps})


def train() -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.data"}}}
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
        "OutputDataConfig": {
            "S3OutputPath": {
                "Std:Join": {"On": "", "Values": ["s3://artifacts/", {"Get": "Execution.PipelineExecutionId"}, "/"]}
            }
        },
        "ResourceConfig": CLUSTER,
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return {"Name": "train", "Type": "Training", "Arguments": arguments}


def evaluate(**environment: str) -> dict[str, Any]:
    model = {
        "InputName": "model",
        "S3Input": {
            "S3Uri": {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"},
            "LocalPath": "/opt/ml/processing/model",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }
    output = {"S3Uri": "s3://artifacts/evaluation", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    arguments = {
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingInputs": [model],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "metrics", "S3Output": output}]},
        "RoleArn": ROLE,
        "Environment": environment,
    }
    files = [{"PropertyFileName": "metrics", "OutputName": "metrics", "FilePath": "all.json"}]
    return {"Name": "evaluate", "Type": "Processing", "Arguments": arguments, "PropertyFiles": files}


def gate() -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    specification |= {"SupportedResponseMIMETypes": ["text/csv"]}
    register = {"ModelPackageGroupName": GROUP, "InferenceSpecification": specification}
    good = {"Type": "GreaterThanOrEqualTo", "LeftValue": METRIC, "RightValue": {"Get": "Parameters.least"}}
    arguments = {
        "Conditions": [good],
        "IfSteps": [{"Name": "register", "Type": "RegisterModel", "Arguments": register}],
        "ElseSteps": [{"Name": "fail", "Type": "Fail", "Arguments": {"ErrorMessage": "Gate: not good enough"}}],
    }
    return {"Name": "good-enough", "Type": "Condition", "Arguments": arguments, "DependsOn": ["evaluate"]}


def run(account: EmbeddedAccount, steps: list[Any], **parameters: str) -> tuple[Any, dict[str, Any]]:
    """Start a pipeline of these steps and wait for its end: the execution, and its steps by name."""
    sagemaker = account.client("sagemaker")
    sagemaker.create_pipeline(
        PipelineName="churn", PipelineDefinition=definition(steps), RoleArn=ROLE, ClientRequestToken="x" * 32
    )
    given = [{"Name": name, "Value": value} for name, value in parameters.items()]
    arn = sagemaker.start_pipeline_execution(PipelineName="churn", PipelineParameters=given)["PipelineExecutionArn"]

    def ended() -> bool:
        return sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] in (
            "Succeeded",
            "Failed",
            "Stopped",
        )

    assert account.clock.poll(ended, 20)
    found = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return execution, {step["StepName"]: step for step in found}


def test_a_model_that_is_good_enough_is_registered(account: EmbeddedAccount, store: Store) -> None:
    events: list[dict[str, Any]] = []
    account.buses.append(events.append)
    execution, steps = run(account, [train(), evaluate(), gate()])
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("train", "evaluate", "good-enough", "register"), "Succeeded"
    )
    assert steps["good-enough"]["Metadata"]["Condition"]["Outcome"] == "True"
    version = store.get("ModelPackage", steps["register"]["Metadata"]["RegisterModel"]["Arn"])
    (container,) = version.fields["InferenceSpecification"]["Containers"]
    (job,) = store.all("TrainingJob")
    id = execution["PipelineExecutionArn"].rpartition("/")[2]
    assert job.name.startswith(f"pipelines-{id}-train-")
    assert container["ModelDataUrl"] == f"s3://artifacts/{id}/{job.name}/output/model.tar.gz"
    told = [event for event in events if "Execution Status" in event["detail-type"]]
    pattern = PipelineExecutionChange.pattern(execution["PipelineArn"], "Succeeded")
    assert [fits(pattern, event) for event in told] == [False, True]
    assert PipelineExecutionChange.parse(told[1]).execution == execution["PipelineExecutionArn"]


def test_a_model_that_is_not_ends_the_run_in_its_fail_step(account: EmbeddedAccount, store: Store) -> None:
    execution, steps = run(account, [train(), evaluate(), gate()], least="0.95")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Gate: not good enough" in execution["FailureReason"]
    assert steps["fail"]["Metadata"]["Fail"] == {"ErrorMessage": "Gate: not good enough"}
    assert store.all("ModelPackage") == []


def test_a_job_that_crashes_ends_the_run(account: EmbeddedAccount, store: Store) -> None:
    execution, steps = run(account, [train(), evaluate(CRASH="1"), gate()])
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "AlgorithmError: exit 1" in steps["evaluate"]["FailureReason"]
    assert set(steps) == {"train", "evaluate"}


def test_a_metric_of_a_training_job_is_compared(account: EmbeddedAccount, store: Store) -> None:
    metric = {"Get": "Steps.train.FinalMetricDataList['auc'].Value"}
    good = {"Type": "Or", "Conditions": [{"Type": "GreaterThan", "LeftValue": metric, "RightValue": 0.7}]}
    gate = {"Conditions": [good], "IfSteps": [], "ElseSteps": []}
    execution, steps = run(account, [train(), {"Name": "gate", "Type": "Condition", "Arguments": gate}])
    assert steps["gate"]["Metadata"]["Condition"]["Outcome"] == "True"
    assert execution["PipelineExecutionStatus"] == "Succeeded"


def test_a_throttled_call_is_tried_again_as_the_policy_says(account: EmbeddedAccount, store: Store) -> None:

    left = [2]

    def throttle(call: Call) -> None:
        if call.operation == "CreateTrainingJob" and left[0]:
            left[0] -= 1
            raise ServiceError("ThrottlingException", "Rate exceeded")

    account.gate.before.append(throttle)
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 2}
    execution, steps = run(account, [train() | {"RetryPolicies": [policy]}])
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["train"]["AttemptCount"] == 3


def test_what_cannot_run_is_refused_by_name(account: EmbeddedAccount, store: Store) -> None:
    sagemaker = account.client("sagemaker")
    create = {"RoleArn": ROLE, "ClientRequestToken": "x" * 32}
    code, message = refused(sagemaker.create_pipeline, PipelineName="bad", PipelineDefinition="{", **create)
    assert (code, "parse" in message) == ("ValidationException", True)
    steps = [{"Name": "check", "Type": "ClarifyCheck", "Arguments": {}}]
    sagemaker.create_pipeline(PipelineName="churn", PipelineDefinition=definition(steps), **create)
    code, message = refused(sagemaker.start_pipeline_execution, PipelineName="churn")
    assert (code, "ClarifyCheck" in message) == ("UnsupportedOperation", True)
    code, _ = refused(sagemaker.start_pipeline_execution, PipelineName="none")
    assert code == "ResourceNotFound"


@pytest.mark.parametrize(("name", "value"), [("other", "1"), ("least", "much")])
def test_parameters_must_fit(account: EmbeddedAccount, store: Store, name: str, value: str) -> None:
    sagemaker = account.client("sagemaker")
    sagemaker.create_pipeline(
        PipelineName="churn", PipelineDefinition=definition([]), RoleArn=ROLE, ClientRequestToken="x" * 32
    )
    given = [{"Name": name, "Value": value}]
    code, message = refused(sagemaker.start_pipeline_execution, PipelineName="churn", PipelineParameters=given)
    assert (code, name in message) == ("ValidationException", True)


def test_one_token_starts_one_run_and_a_run_is_stopped(account: EmbeddedAccount, store: Store) -> None:
    store.on("Create", "TrainingJob", lambda job, _: store.change(job, TrainingJobStatus="InProgress"))

    def stop(call: Call) -> Any:
        job = store.get("TrainingJob", call.parameters["TrainingJobName"])
        store.change(job, TrainingJobStatus="Stopped")

    account.gate.serve("sagemaker", {"StopTrainingJob": stop})
    sagemaker = account.client("sagemaker")
    token = "y" * 32
    sagemaker.create_pipeline(
        PipelineName="churn", PipelineDefinition=definition([train()]), RoleArn=ROLE, ClientRequestToken=token
    )
    arns = {
        sagemaker.start_pipeline_execution(PipelineName="churn", ClientRequestToken=token)["PipelineExecutionArn"]
        for _ in range(2)
    }
    (arn,) = arns
    assert account.clock.poll(lambda: bool(store.all("TrainingJob")), 5)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    def status() -> Any:
        return sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]

    assert account.clock.poll(lambda: status() == "Stopped", 10)
    (summary,) = sagemaker.list_pipeline_executions(PipelineName="churn")["PipelineExecutionSummaries"]
    assert summary["PipelineExecutionStatus"] == "Stopped"


def test_a_monitoring_schedule_is_kept_and_runs_nothing(account: EmbeddedAccount, store: Store) -> None:
    sagemaker = account.client("sagemaker")
    store.add("DataQualityJobDefinition", "quality", {"DataQualityJobInput": {"EndpointInput": {"EndpointName": "e"}}})
    config = {"MonitoringJobDefinitionName": "quality", "MonitoringType": "DataQuality"}
    sagemaker.create_monitoring_schedule(MonitoringScheduleName="daily", MonitoringScheduleConfig=config)

    def status() -> Any:
        return sagemaker.describe_monitoring_schedule(MonitoringScheduleName="daily")["MonitoringScheduleStatus"]

    assert account.clock.poll(lambda: status() == "Scheduled", 5)
    (found,) = sagemaker.list_monitoring_schedules(EndpointName="e")["MonitoringScheduleSummaries"]
    assert found["MonitoringJobDefinitionName"] == "quality"
    sagemaker.stop_monitoring_schedule(MonitoringScheduleName="daily")
    assert status() == "Stopped"
    assert sagemaker.list_monitoring_executions()["MonitoringExecutionSummaries"] == []
    assert any("nothing runs" in entry.what for entry in account.journal.entries("resource"))
