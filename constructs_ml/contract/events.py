"""The events around runs: each class makes the pattern that EventBridge matches and reads what matched.

`TOKEN` are the paths in an event that tell which change it reports: two events of one token are one change. They
are never the event's own id, for services may tell of one change several times, by events of several ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence


@dataclass(frozen=True)
class ObjectCreated:
    """An object that arrived in S3. The sequencer tells one writing of a key from the next.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """

    bucket: str
    key: str
    sequencer: str
    size: int

    TOKEN = ("$.detail.bucket.name", "$.detail.object.key", "$.detail.object.sequencer")
    BUCKET, KEY = "$.detail.bucket.name", "$.detail.object.key"

    @staticmethod
    def pattern(bucket: Any, prefix: str, suffix: str = "") -> Dict[str, Any]:
        key: List[Any] = [{"wildcard": f"{prefix}*{suffix}"}] if suffix else [{"prefix": prefix}]
        detail = {"bucket": {"name": [bucket]}, "object": {"key": key}}
        return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ObjectCreated":
        found = event["detail"]["object"]
        return cls(event["detail"]["bucket"]["name"], found["key"], found["sequencer"], int(found.get("size", 0)))

    @property
    def token(self) -> str:
        return f"{self.bucket} {self.key} {self.sequencer}"

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class AlarmStateChange:
    """A CloudWatch alarm that changed its state.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """

    alarm: str
    arn: str
    state: str
    changed: str
    reason: str

    TOKEN = ("$.resources[0]", "$.detail.state.timestamp")

    @staticmethod
    def pattern(alarm_arn: Any) -> Dict[str, Any]:
        """The alarm of this ARN rings."""
        return {**_rings({}), "resources": [alarm_arn]}

    @staticmethod
    def pattern_of_any(alarms: Sequence[str]) -> Dict[str, Any]:
        """One of the alarms of these names rings."""
        return _rings({"alarmName": list(alarms)})

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "AlarmStateChange":
        detail = event["detail"]
        state = detail["state"]
        return cls(
            detail["alarmName"], event["resources"][0], state["value"], state["timestamp"], state.get("reason", "")
        )

    @property
    def token(self) -> str:
        return f"{self.arn} {self.changed}"


def _rings(detail: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {**detail, "state": {"value": ["ALARM"]}},
    }


@dataclass(frozen=True)
class PipelineExecutionChange:
    """A run of SageMaker Pipelines that changed its status.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """

    pipeline: str
    execution: str
    status: str

    PATHS = {"execution": "$.detail.pipelineExecutionArn"}

    @staticmethod
    def pattern(pipeline_arn: Any, *statuses: str) -> Dict[str, Any]:
        return {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
            "detail": {"currentPipelineExecutionStatus": list(statuses), "pipelineArn": [pipeline_arn]},
        }

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "PipelineExecutionChange":
        detail = event["detail"]
        return cls(detail["pipelineArn"], detail["pipelineExecutionArn"], detail["currentPipelineExecutionStatus"])


@dataclass(frozen=True)
class ModelPackageStateChange:
    """A version in the model registry whose approval status changed, or that was registered with one.

    A version tells its status in each of its events, whatever changed of it: the pattern leaves out those that name
    other changes. SageMaker may send several events for one change, with ids of their own.
    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """

    group: str
    package: str
    status: str
    modified: str

    TOKEN = ("$.detail.ModelPackageArn", "$.detail.ModelApprovalStatus", "$.detail.LastModifiedTime")
    PACKAGE = "$.detail.ModelPackageArn"

    @staticmethod
    def pattern(group: str, status: str) -> Dict[str, Any]:
        detail = {
            "ModelPackageGroupName": [group],
            "ModelApprovalStatus": [status],
            "UpdatedModelPackageFields": ["ModelApprovalStatus", {"exists": False}],
        }
        return {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": detail,
        }

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ModelPackageStateChange":
        detail = event["detail"]
        return cls(
            detail["ModelPackageGroupName"],
            detail["ModelPackageArn"],
            detail["ModelApprovalStatus"],
            detail["LastModifiedTime"],
        )

    @property
    def token(self) -> str:
        return f"{self.package} {self.status} {self.modified}"


@dataclass(frozen=True)
class ImagePushed:
    """An image that was pushed to a repository under a tag.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """

    repository: str
    tag: str
    digest: str
    time: str

    TOKEN = ("$.detail['repository-name']", "$.detail['image-tag']", "$.detail['image-digest']", "$.time")

    @staticmethod
    def pattern(repository: str, tag: str) -> Dict[str, Any]:
        detail = {
            "action-type": ["PUSH"],
            "result": ["SUCCESS"],
            "repository-name": [repository],
            "image-tag": [tag],
        }
        return {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": detail}

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ImagePushed":
        detail = event["detail"]
        return cls(detail["repository-name"], detail["image-tag"], detail["image-digest"], event["time"])

    @property
    def token(self) -> str:
        return f"{self.repository} {self.tag} {self.digest} {self.time}"


@dataclass(frozen=True)
class Scheduled:
    """A time that came. EventBridge Scheduler fills in the time it was to start at, the same for each attempt.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """

    time: str

    TOKEN = ("$.time",)
    INPUT = {"time": "<aws.scheduler.scheduled-time>"}

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Scheduled":
        return cls(event["time"])

    @property
    def token(self) -> str:
        return self.time
