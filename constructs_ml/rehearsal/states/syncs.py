"""How Step Functions watches a job that a state waits for: what it asks, what ends it, what it may do for that.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html for the rules and
actions, https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html for the integrations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One kind of job.

    `asks` are the parameters of `describe`, each a path into the request ("request.JobName") or the answer
    ("answer.jobRunId"); `job` is where the description stands in what describes it, `status` where its status.
    Where `describe` lists, `job` is the list and `known_by` the member by which the job is known, with the path of its
    value. `rule` is the managed rule that tells Step Functions of its end, or "" where it polls.
    """

    describe: str
    asks: Mapping[str, str]
    status: str
    succeeded: str
    failed: tuple[str, ...]
    stop: str
    stops: Mapping[str, str]
    job: str = ""
    known_by: tuple[str, str] | None = None
    rule: str = ""
    tagged: bool = False


def _sagemaker(noun: str, rule: str) -> Sync:
    asks = {f"{noun}Name": f"request.{noun}Name"}
    return Sync(
        describe=f"Describe{noun}",
        asks=asks,
        status=f"{noun}Status",
        succeeded="Completed",
        failed=("Failed", "Stopped"),
        stop=f"Stop{noun}",
        stops=asks,
        rule=rule,
        tagged=True,
    )


_STATES = Sync(
    describe="DescribeExecution",
    asks={"executionArn": "answer.executionArn"},
    status="status",
    succeeded="SUCCEEDED",
    failed=("FAILED", "TIMED_OUT", "ABORTED"),
    stop="StopExecution",
    stops={"executionArn": "answer.executionArn"},
    rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
)

SYNCS: Mapping[str, Sync] = MappingProxyType(
    {
        "sagemaker:createTrainingJob": _sagemaker("TrainingJob", "StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
        "sagemaker:createProcessingJob": _sagemaker(
            "ProcessingJob", "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
        ),
        "sagemaker:createTransformJob": _sagemaker(
            "TransformJob", "StepFunctionsGetEventsForSageMakerTransformJobsRule"
        ),
        "sagemaker:createHyperParameterTuningJob": _sagemaker(
            "HyperParameterTuningJob", "StepFunctionsGetEventsForSageMakerTuningJobsRule"
        ),
        "sagemaker:createLabelingJob": _sagemaker("LabelingJob", "StepFunctionsGetEventsForSageMakerLabelingJobsRule"),
        "states:startExecution": _STATES,
        "glue:startJobRun": Sync(
            describe="GetJobRun",
            asks={"JobName": "request.JobName", "RunId": "answer.JobRunId"},
            job="JobRun",
            status="JobRunState",
            succeeded="SUCCEEDED",
            failed=("FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"),
            stop="BatchStopJobRun",
            stops={"JobName": "request.JobName", "JobRunIds[]": "answer.JobRunId"},
        ),
        "ecs:runTask": Sync(
            describe="DescribeTasks",
            asks={"cluster": "answer.tasks.0.clusterArn", "tasks[]": "answer.tasks.0.taskArn"},
            job="tasks.0",
            status="lastStatus",
            succeeded="STOPPED",
            failed=(),
            stop="StopTask",
            stops={"cluster": "answer.tasks.0.clusterArn", "task": "answer.tasks.0.taskArn"},
            rule="StepFunctionsGetEventsForECSTaskRule",
        ),
        "batch:submitJob": Sync(
            describe="DescribeJobs",
            asks={"jobs[]": "answer.jobId"},
            job="jobs.0",
            status="status",
            succeeded="SUCCEEDED",
            failed=("FAILED",),
            stop="TerminateJob",
            stops={"jobId": "answer.jobId", "reason": "=Stopped by Step Functions"},
            rule="StepFunctionsGetEventsForBatchJobsRule",
        ),
        "athena:startQueryExecution": Sync(
            describe="GetQueryExecution",
            asks={"QueryExecutionId": "answer.QueryExecutionId"},
            status="QueryExecution.Status.State",
            succeeded="SUCCEEDED",
            failed=("FAILED", "CANCELLED"),
            stop="StopQueryExecution",
            stops={"QueryExecutionId": "answer.QueryExecutionId"},
        ),
        "databrew:startJobRun": Sync(
            # Of its role it needs databrew:listJobRuns and no databrew:describeJobRun:
            # https://docs.aws.amazon.com/step-functions/latest/dg/connect-databrew.html
            describe="ListJobRuns",
            asks={"Name": "request.Name"},
            job="JobRuns",
            known_by=("RunId", "answer.RunId"),
            status="State",
            succeeded="SUCCEEDED",
            failed=("FAILED", "STOPPED", "TIMEOUT"),
            stop="StopJobRun",
            stops={"Name": "request.Name", "RunId": "answer.RunId"},
        ),
        "emr-serverless:startJobRun": Sync(
            describe="GetJobRun",
            asks={"applicationId": "request.applicationId", "jobRunId": "answer.jobRunId"},
            job="jobRun",
            status="state",
            succeeded="SUCCESS",
            failed=("FAILED", "CANCELLED"),
            stop="CancelJobRun",
            stops={"applicationId": "request.applicationId", "jobRunId": "answer.jobRunId"},
            rule="StepFunctionsGetEventsForEMRServerlessJobRule",
        ),
    }
)

RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
"""What the execution's role needs on the managed rule, beside the calls themselves."""

TAGS = ("AWS_STEP_FUNCTIONS_EXECUTION_ARN", "MANAGED_BY_AWS")
"""What a watched job is tagged with, the second with "STARTED_BY_STEP_FUNCTIONS"; the role needs sagemaker:AddTags.

https://github.com/aws/aws-cdk/issues/27264
"""


def look(path: str, value: Json) -> Json:
    """What stands at a path such as "tasks.0.taskArn"."""
    for part in filter(None, path.split(".")):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def asked(asks: Mapping[str, str], request: Json, answer: Json) -> dict[str, Json]:
    """The parameters of a further call, of paths into the first request and its answer."""
    known = {"request": request, "answer": answer}
    found = {}
    for name, path in asks.items():
        value = path[1:] if path.startswith("=") else look(path, known)
        found[name.removesuffix("[]")] = [value] if name.endswith("[]") else value
    return found
