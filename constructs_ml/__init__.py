"""Machine learning on AWS, declared once and deployed to every account: the public names, resolved when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_ml.aws.accounts import account_of as account_of
    from constructs_ml.aws.accounts import bind_account as bind_account
    from constructs_ml.aws.model_registry import ModelRegistry as ModelRegistry
    from constructs_ml.aws.pipeline import Pipeline as Pipeline
    from constructs_ml.aws.platform import Platform as Platform
    from constructs_ml.compiler.graph import mermaid as mermaid
    from constructs_ml.compiler.pipeline import compile_pipeline as compile_pipeline
    from constructs_ml.config import Accounts as Accounts
    from constructs_ml.faults import AccountError as AccountError
    from constructs_ml.faults import SpecError as SpecError
    from constructs_ml.spec.account import Account as Account
    from constructs_ml.spec.account import AccountNetwork as AccountNetwork
    from constructs_ml.spec.account import InstanceRules as InstanceRules
    from constructs_ml.spec.conditions import Metric as Metric
    from constructs_ml.spec.conditions import between as between
    from constructs_ml.spec.images import Image as Image
    from constructs_ml.spec.images import PyTorch as PyTorch
    from constructs_ml.spec.images import Sklearn as Sklearn
    from constructs_ml.spec.images import XGBoost as XGBoost
    from constructs_ml.spec.jobs import Channel as Channel
    from constructs_ml.spec.jobs import Code as Code
    from constructs_ml.spec.jobs import Compute as Compute
    from constructs_ml.spec.jobs import Experiment as Experiment
    from constructs_ml.spec.jobs import Network as Network
    from constructs_ml.spec.jobs import Retry as Retry
    from constructs_ml.spec.model import ModelSpec as ModelSpec
    from constructs_ml.spec.pipeline import PipelineSpec as PipelineSpec
    from constructs_ml.spec.registry import RegistrySpec as RegistrySpec
    from constructs_ml.spec.steps import Fail as Fail
    from constructs_ml.spec.steps import Function as Function
    from constructs_ml.spec.steps import Gate as Gate
    from constructs_ml.spec.steps import LambdaTask as LambdaTask
    from constructs_ml.spec.steps import MetricDefinition as MetricDefinition
    from constructs_ml.spec.steps import Permission as Permission
    from constructs_ml.spec.steps import Process as Process
    from constructs_ml.spec.steps import RawState as RawState
    from constructs_ml.spec.steps import Register as Register
    from constructs_ml.spec.steps import Serving as Serving
    from constructs_ml.spec.steps import Spot as Spot
    from constructs_ml.spec.steps import Train as Train
    from constructs_ml.spec.triggers import Cron as Cron
    from constructs_ml.spec.triggers import OnAlarm as OnAlarm
    from constructs_ml.spec.triggers import OnData as OnData
    from constructs_ml.spec.triggers import Rate as Rate
    from constructs_ml.spec.values import S3 as S3
    from constructs_ml.spec.values import Execution as Execution
    from constructs_ml.spec.values import Input as Input
    from constructs_ml.stacks import Fleet as Fleet
    from constructs_ml.stacks import ModelStack as ModelStack
    from constructs_ml.stacks import PlatformStack as PlatformStack

_PLACES = {
    "aws.accounts": ("account_of", "bind_account"),
    "aws.model_registry": ("ModelRegistry",),
    "aws.pipeline": ("Pipeline",),
    "aws.platform": ("Platform",),
    "compiler.graph": ("mermaid",),
    "compiler.pipeline": ("compile_pipeline",),
    "config": ("Accounts",),
    "faults": ("AccountError", "SpecError"),
    "spec.account": ("Account", "AccountNetwork", "InstanceRules"),
    "spec.conditions": ("Metric", "between"),
    "spec.images": ("Image", "PyTorch", "Sklearn", "XGBoost"),
    "spec.jobs": ("Channel", "Code", "Compute", "Experiment", "Network", "Retry"),
    "spec.model": ("ModelSpec",),
    "spec.pipeline": ("PipelineSpec",),
    "spec.registry": ("RegistrySpec",),
    "spec.steps": (
        "Fail",
        "Function",
        "Gate",
        "LambdaTask",
        "MetricDefinition",
        "Permission",
        "Process",
        "RawState",
        "Register",
        "Serving",
        "Spot",
        "Train",
    ),
    "spec.triggers": ("Cron", "OnAlarm", "OnData", "Rate"),
    "spec.values": ("S3", "Execution", "Input"),
    "stacks": ("Fleet", "ModelStack", "PlatformStack"),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = sorted(_PLACE_OF)  # noqa: PLE0605 - computed, so that no name is listed twice
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _PLACE_OF:
        raise AttributeError(f"constructs_ml has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"constructs_ml.{_PLACE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
