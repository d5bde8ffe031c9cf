"""The events around runs: each class makes the pattern that EventBridge matches and reads what matched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping


@dataclass(frozen=True)
class ObjectCreated:
    """An object that arrived in S3.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """

    bucket: str
    key: str
    size: int

    PATHS = {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}

    @staticmethod
    def pattern(bucket: Any, prefix: str, suffix: str = "") -> Dict[str, Any]:
        key: List[Any] = [{"wildcard": f"{prefix}*{suffix}"}] if suffix else [{"prefix": prefix}]
        detail = {"bucket": {"name": [bucket]}, "object": {"key": key}}
        return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ObjectCreated":
        detail = event["detail"]
        return cls(detail["bucket"]["name"], detail["object"]["key"], int(detail["object"].get("size", 0)))

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class AlarmStateChange:
    """A CloudWatch alarm that changed its state.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """

    alarm: str
    state: str
    reason: str

    @staticmethod
    def pattern(alarm_arn: Any) -> Dict[str, Any]:
        detail = {"state": {"value": ["ALARM"]}}
        return {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "resources": [alarm_arn],
            "detail": detail,
        }

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "AlarmStateChange":
        detail = event["detail"]
        return cls(detail["alarmName"], detail["state"]["value"], detail["state"].get("reason", ""))


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
