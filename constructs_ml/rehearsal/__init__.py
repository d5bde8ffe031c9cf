"""The rehearsal: an AWS account on your own machine, to which the reviewed templates are deployed, and which runs.

`rehearsal(churn, account="accounts.yaml")` opens one. It needs the extra `rehearsal`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_ml.rehearsal.answers import Answer as Answer
    from constructs_ml.rehearsal.answers import RehearsalTimeout as RehearsalTimeout
    from constructs_ml.rehearsal.deployment import DeploymentFailed as DeploymentFailed
    from constructs_ml.rehearsal.pipeline_runs import PipelineRun as PipelineRun
    from constructs_ml.rehearsal.rehearsed import Rehearsed as Rehearsed
    from constructs_ml.rehearsal.rehearsed import rehearsal as rehearsal
    from constructs_ml.rehearsal.runs import Run as Run
    from constructs_ml.rehearsal.stand_ins import StandIn as StandIn

_HOMES = {
    "Answer": "answers",
    "DeploymentFailed": "deployment",
    "PipelineRun": "pipeline_runs",
    "RehearsalTimeout": "answers",
    "Rehearsed": "rehearsed",
    "Run": "runs",
    "StandIn": "stand_ins",
    "rehearsal": "rehearsed",
}
__all__ = ["Answer", "DeploymentFailed", "PipelineRun", "RehearsalTimeout", "Rehearsed", "Run", "StandIn", "rehearsal"]


def __getattr__(name: str) -> Any:
    """Import what is used, when it is used: moto takes half a second."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.partition(".")[0] in ("moto", "boto3", "botocore", "flask", "werkzeug"):
            text = f'the rehearsal needs packages of its own: pip install "constructs-ml[rehearsal]" ({missing})'
            raise ModuleNotFoundError(text, name=missing.name) from missing
        raise
