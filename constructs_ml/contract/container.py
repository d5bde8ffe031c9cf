"""Where SageMaker's containers keep things, and the environment variables that tell a step's script."""

from __future__ import annotations

PROCESSING = "/opt/ml/processing"
TRAINING_DATA = "/opt/ml/input/data"
MODEL = "/opt/ml/model"
OUTPUT_DATA = "/opt/ml/output/data"
CHECKPOINTS = "/opt/ml/checkpoints"
TRAINING_CODE = "/opt/ml/code"
CODE = "code"
"""The input or channel by which a step's code reaches its container."""


MLFLOW_URI = "MLFLOW_TRACKING_URI"
MLFLOW_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
"""The variables that MLflow's client reads."""


def processing_input(name: str) -> str:
    return f"{PROCESSING}/input/{name}"


def processing_output(name: str) -> str:
    return f"{PROCESSING}/output/{name}"


def channel(name: str) -> str:
    return f"{TRAINING_DATA}/{name}"


def input_variable(name: str) -> str:
    """The variable that holds the folder of a processing input."""
    return f"PROCESSING_INPUT_{_variable(name)}"


def output_variable(name: str) -> str:
    """The variable that holds the folder of a processing output."""
    return f"PROCESSING_OUTPUT_{_variable(name)}"


def channel_variable(name: str) -> str:
    """The variable that holds the folder of a training channel; SageMaker's own toolkit keeps a hyphen in it."""
    return f"SM_CHANNEL_{_variable(name)}"


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
