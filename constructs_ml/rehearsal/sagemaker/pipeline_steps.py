"""What the steps of SageMaker Pipelines do: jobs, models, versions, functions.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.pipeline_values import UnresolvedError

_POLL_SECONDS = 10
_SERVICE_FAULTS = ("InternalFailure", "InternalServerError", "ServiceUnavailable")


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of step that runs a job: boto3's word for it, and the member that names it."""

    word: str
    named: str
    metadata: str
    longest: int = 63

    @property
    def status(self) -> str:
        return self.named.removesuffix("Name") + "Status"

    @property
    def arn(self) -> str:
        return self.named.removesuffix("Name") + "Arn"


JOBS = MappingProxyType(
    {
        "Training": Job("training_job", "TrainingJobName", "TrainingJob"),
        "Processing": Job("processing_job", "ProcessingJobName", "ProcessingJob"),
        "Transform": Job("transform_job", "TransformJobName", "TransformJob"),
        "Tuning": Job("hyper_parameter_tuning_job", "HyperParameterTuningJobName", "TuningJob", 32),
        "AutoML": Job("auto_ml_job", "AutoMLJobName", "AutoMLJob", 32),
    }
)
KINDS = frozenset({*JOBS, "Model", "RegisterModel", "Lambda", "Condition", "Fail"})


class StepFailedError(Exception):
    """A step that failed: `exception` is the type by which retry policies know it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
    """

    def __init__(self, reason: str, exception: str = "") -> None:
        super().__init__(reason)
        self.exception = exception


@dataclass(slots=True)
class Worker:
    """Carries out one step with the pipeline's role; `metadata` is what ListPipelineExecutionSteps tells of it."""

    account: EmbeddedAccount
    principal: Principal
    execution: str
    name: str
    stopping: Any
    metadata: dict[str, Json]

    def run(self, kind: str, arguments: Mapping[str, Json], step: Mapping[str, Json]) -> Json:
        """What later steps may name of this one."""
        try:
            match kind:
                case _ if kind in JOBS:
                    return self._job(JOBS[kind], dict(arguments))
                case "Model":
                    return self._model(dict(arguments))
                case "RegisterModel":
                    return self._version(arguments)
                case "Lambda":
                    return self._lambda(arguments, step)
        except ClientError as error:
            raise _failed(error) from error
        except BotoCoreError as error:
            raise StepFailedError(f"ClientError: {error}") from error
        raise UnresolvedError(f"steps of the type {kind} are not run here")

    def _client(self, service: str) -> Any:
        return self.account.client(service, self.principal)

    def _job(self, job: Job, arguments: dict[str, Json]) -> Json:
        client, name = self._client("sagemaker"), self._named(job.longest)
        made = getattr(client, f"create_{job.word}")(**{**arguments, job.named: name})
        self.metadata[job.metadata] = {"Arn": made[job.arn]}
        describe, stopped = getattr(client, f"describe_{job.word}"), False
        while True:
            found = describe(**{job.named: name})
            status = found[job.status]
            if status == "Completed":
                return found
            if status in ("Failed", "Stopped"):
                raise _job_failed(found.get("FailureReason") or f"{name} was stopped")
            if self.stopping() and not stopped:
                getattr(client, f"stop_{job.word}")(**{job.named: name})
                stopped = True
            if not self.account.clock.sleep(_POLL_SECONDS):
                raise StepFailedError("the rehearsal ended")

    def _model(self, arguments: dict[str, Json]) -> Json:
        client, name = self._client("sagemaker"), self._named(63)
        self.metadata["Model"] = {"Arn": client.create_model(**{**arguments, "ModelName": name})["ModelArn"]}
        return client.describe_model(ModelName=name)

    def _version(self, arguments: Mapping[str, Json]) -> Json:
        client = self._client("sagemaker")
        arn = client.create_model_package(**arguments)["ModelPackageArn"]
        self.metadata["RegisterModel"] = {"Arn": arn}
        return client.describe_model_package(ModelPackageName=arn)

    def _lambda(self, arguments: Mapping[str, Json], step: Mapping[str, Json]) -> Json:
        arn = step["FunctionArn"]
        answer = self._client("lambda").invoke(FunctionName=arn, Payload=json.dumps(arguments).encode())
        text = answer["Payload"].read().decode()
        self.metadata["Lambda"] = {"Arn": arn, "OutputParameters": []}
        if answer.get("FunctionError"):
            raise StepFailedError(f"ClientError: Lambda {arn} failed: {text}")
        told = json.loads(text) if text else {}
        names = [item["OutputName"] for item in step.get("OutputParameters") or ()]
        missing = [name for name in names if not isinstance(told, Mapping) or name not in told]
        if missing:
            raise StepFailedError(f"ClientError: Lambda {arn} did not return {', '.join(missing)}")
        self.metadata["Lambda"]["OutputParameters"] = [{"Name": name, "Value": str(told[name])} for name in names]
        return {"OutputParameters": {name: told[name] for name in names}}

    def _named(self, longest: int) -> str:
        """As in https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html:
        "pipelines-p4jn9xou8a8s-myprocessingstep1-tmgxry49ug"; shorter where the service takes less.
        """
        end = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(10))
        step = re.sub("[^a-zA-Z0-9-]", "-", self.name)
        if longest < len(self.execution) + 32:
            return f"{self.execution}-{step[: longest - len(self.execution) - 12].rstrip('-')}-{end}"
        return f"pipelines-{self.execution}-{step[:20].rstrip('-')}-{end}"


def _failed(error: ClientError) -> StepFailedError:
    code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
    exception = ""
    if "Throttl" in code:
        exception = "Step.THROTTLING"
    elif code in _SERVICE_FAULTS:
        exception = "Step.SERVICE_FAULT"
    elif code == "ResourceLimitExceeded":
        exception = "SageMaker.RESOURCE_LIMIT"
    return StepFailedError(f"ClientError: {code}: {text}", exception)


def _job_failed(reason: str) -> StepFailedError:
    exception = ""
    if reason.startswith("InternalServerError"):
        exception = "SageMaker.JOB_INTERNAL_ERROR"
    elif reason.startswith("CapacityError"):
        exception = "SageMaker.CAPACITY_ERROR"
    return StepFailedError(f"ClientError: Job failed: {reason}", exception)
