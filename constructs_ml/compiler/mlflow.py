"""What a job needs to log to the account's MLflow app."""

from __future__ import annotations

from constructs_ml.compiler import permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.policies import Statement
from constructs_ml.contract import container
from constructs_ml.spec.mlflow import MLflow

# MLflow's REST calls of a client that logs a run; https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerwithmlflow.html.
_LOGGING = (
    "CreateExperiment",
    "CreateRun",
    "GetExperiment",
    "GetExperimentByName",
    "GetMetricHistory",
    "GetRun",
    "ListArtifacts",
    "LogBatch",
    "LogInputs",
    "LogMetric",
    "LogModel",
    "LogParam",
    "SearchRuns",
    "SetExperimentTag",
    "SetTag",
    "UpdateRun",
)
_APP = ":mlflow-app/"


def environment(context: Context, step: str, mlflow: MLflow | None) -> dict[str, str]:
    """The variables by which MLflow's client finds the app; a fault where the account has none."""
    if mlflow is None:
        return {}
    arn = context.account.mlflow_arn
    if arn is None:
        if not mlflow.optional:
            allowed = "mlflow_arn of the account, or MLflow(optional=True)"
            context.faults.add("mlflow-missing", where=context.where(step), got="no mlflow_arn", allowed=allowed)
        return {}
    return {container.MLFLOW_URI: arn, container.MLFLOW_EXPERIMENT: mlflow.experiment}


def statements(context: Context, mlflow: MLflow | None) -> tuple[Statement, ...]:
    """The right to log runs, and to write the files of runs where the app keeps them."""
    arn = context.account.mlflow_arn
    if mlflow is None or arn is None:
        return ()
    actions = [f"sagemaker-mlflow:{name}" for name in _LOGGING]
    if _APP in arn:
        actions.append("sagemaker:CallMlflowAppApi")
    found = [Statement(tuple(actions), (arn,))]
    if mlflow.artifacts is not None:
        bucket = mlflow.artifacts.bucket or context.infrastructure.data_bucket
        found += permissions.read(bucket, [mlflow.artifacts.key])
        found.append(permissions.write(bucket, mlflow.artifacts.key))
    return tuple(found)
