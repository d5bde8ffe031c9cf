"""MLflow: where the runs of a job are logged."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import Network
from constructs_ml.spec.values import S3


@dataclass(frozen=True, slots=True, kw_only=True)
class MLflow:
    """The MLflow experiment that a job's code logs to, in the account's MLflow app.

    The job finds `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME`, and its role may log runs. MLflow's client writes
    files by itself: `artifacts` is where the app keeps them. An account without an app is an error, unless `optional`.
    """

    experiment: str
    artifacts: S3 | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "MLflow")
        if not 1 <= len(self.experiment) <= limits.MLFLOW_EXPERIMENT_LENGTH:
            allowed = f"1 to {limits.MLFLOW_EXPERIMENT_LENGTH} characters"
            raise refuse("mlflow-name", where="MLflow", got=repr(self.experiment), allowed=allowed)


def check_mlflow(mlflow: MLflow | None, network: Network, where: str) -> None:
    """A container without network cannot log."""
    if mlflow is not None and network.isolation:
        raise refuse("mlflow-isolated", where=where, got="Network(isolation=True)", allowed="isolation=False")
