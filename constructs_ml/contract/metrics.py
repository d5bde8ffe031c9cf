"""The metrics that endpoints and monitors publish, whatever engine computes them: alarms and dashboards read these.

AWS's samples and its pages differ about the namespaces of Model Monitor; what stands here is what the analyzer's
samples publish, and this is the one place that knows.
"""

from __future__ import annotations

from typing import Dict

ENDPOINT_NAMESPACE = "AWS/SageMaker"
ENDPOINT_INSTANCES_NAMESPACE = "/aws/sagemaker/Endpoints"
DATA_QUALITY_NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
TRAINING_NAMESPACE = "/aws/sagemaker/TrainingJobs"
MODEL_QUALITY_NAMESPACE = "aws/sagemaker/Endpoints/model-metrics"

TRAINING_JOB = "TrainingJobName"
"""The dimension of the metrics that SageMaker reads from a training job's log."""

INVOCATIONS = "Invocations"
SERVER_ERRORS = "Invocation5XXErrors"
CLIENT_ERRORS = "Invocation4XXErrors"
MODEL_LATENCY = "ModelLatency"
"""In microseconds."""


def variant_dimensions(endpoint: str, variant: str) -> Dict[str, str]:
    """The dimensions of an endpoint's metrics; there are none for the endpoint as a whole."""
    return {"EndpointName": endpoint, "VariantName": variant}


def monitor_dimensions(endpoint: str, schedule: str) -> Dict[str, str]:
    """The dimensions of a monitor's metrics."""
    return {"Endpoint": endpoint, "MonitoringSchedule": schedule}


def drift(feature: str) -> str:
    """The distance of a feature's distribution from its baseline, 0 to 1."""
    return f"feature_baseline_drift_{feature}"


def completeness(feature: str) -> str:
    """The share of records in which a feature is there, 0 to 1."""
    return f"feature_non_null_{feature}"


# SageMaker Pipelines: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html.
PIPELINE_NAMESPACE = "AWS/Sagemaker/ModelBuildingPipeline"
PIPELINE_SUCCEEDED, PIPELINE_FAILED, PIPELINE_STOPPED = "ExecutionSucceeded", "ExecutionFailed", "ExecutionStopped"
PIPELINE_DURATION = "ExecutionDuration"


def pipeline_dimensions(pipeline: str) -> Dict[str, str]:
    """The dimensions of a pipeline's metrics."""
    return {"PipelineName": pipeline}
