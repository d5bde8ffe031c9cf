"""The nouns of SageMaker's API, read from botocore's model: what is created, described, listed, updated, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.core.utils import get_service_model

# Nouns of CreateX that are no resources: addresses for a browser, parts of something else.
_NO_RESOURCES = ("Presigned", "HubContent", "EdgeDeploymentStage", "ClusterExtension", "TrainingSession")


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of resource, such as "TrainingJob".

    `key` is the member that names it in requests, `arn` the member of its ARN in CreateX's answer, `status` the member
    of its status in DescribeX's, `listed` the member of the summaries in ListX's; empty where there is none.
    """

    name: str
    key: str
    arn: str
    status: str
    list_operation: str
    listed: str

    @property
    def path(self) -> str:
        """The word in its ARNs: "training-job"."""
        return _PATHS.get(self.name, "".join(f"-{c.lower()}" if c.isupper() else c for c in self.name).lstrip("-"))

    def model(self, verb: str) -> Any:
        """Botocore's model of an operation, such as "Describe"."""
        return _model().operation_model(f"{verb}{self.name}")

    def has(self, verb: str) -> bool:
        """Whether the API has an operation, such as "Update"."""
        return f"{verb}{self.name}" in _model().operation_names


_PATHS = {
    "AIBenchmarkJob": "ai-benchmark-job",
    "AIRecommendationJob": "ai-recommendation-job",
    "AIWorkloadConfig": "ai-workload-config",
    "AutoMLJob": "automl-job",
    "AutoMLJobV2": "automl-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "MlflowTrackingServer": "mlflow-tracking-server",
    "TrialComponent": "experiment-trial-component",
    "Trial": "experiment-trial",
}


@cache
def nouns() -> dict[str, Noun]:
    """Every noun by its name."""
    return {noun.name: noun for noun in _found()}


def _found() -> Iterator[Noun]:
    names = set(_model().operation_names)
    for operation in sorted(names):
        name = operation.removeprefix("Create")
        if name == operation or name.startswith(_NO_RESOURCES) or f"Describe{name}" not in names:
            continue
        asked = _model().operation_model(operation).input_shape.members
        answered = _model().operation_model(operation).output_shape
        described = _model().operation_model(f"Describe{name}").output_shape.members
        key = next((m for m in (f"{name}Name", "Name") if m in asked), "") or _first(asked, "Name")
        arn = _first(answered.members if answered else {}, "Arn")
        status = next((m for m in (f"{name}Status", f"{key[:-4]}Status", "Status") if _is_text(described.get(m))), "")
        listing, listed = _listing(name)
        yield Noun(name, key, arn, status, listing, listed)


def _listing(name: str) -> tuple[str, str]:
    plural = name[:-1] + "ies" if name.endswith("y") else name + "s"
    operation = next((o for o in (f"List{plural}", f"List{name}") if o in _model().operation_names), "")
    if not operation:
        return "", ""
    members = _model().operation_model(operation).output_shape.members
    return operation, next(m for m, shape in members.items() if shape.type_name == "list")


def _first(members: Any, end: str) -> str:
    return next((member for member in members if member.endswith(end)), "")


def _is_text(shape: Any) -> bool:
    return shape is not None and shape.type_name == "string"


def operation(name: str) -> Any:
    """Botocore's model of an operation of SageMaker, by its whole name."""
    return _model().operation_model(name)


@cache
def _model() -> Any:
    return get_service_model("sagemaker")
