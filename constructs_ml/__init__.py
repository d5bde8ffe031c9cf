"""Machine learning on AWS, declared once and deployed to every account: the public names, resolved when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_ml.aws.accounts import account_of as account_of
    from constructs_ml.aws.accounts import bind_account as bind_account
    from constructs_ml.aws.dashboard import Dashboard as Dashboard
    from constructs_ml.aws.endpoint import Endpoint as Endpoint
    from constructs_ml.aws.feature_group import FeatureGroup as FeatureGroup
    from constructs_ml.aws.model_registry import ModelRegistry as ModelRegistry
    from constructs_ml.aws.pipeline import Pipeline as Pipeline
    from constructs_ml.aws.platform import Platform as Platform
    from constructs_ml.aws.sagemaker_pipeline import SageMakerPipeline as SageMakerPipeline
    from constructs_ml.compiler.endpoint import compile_endpoint as compile_endpoint
    from constructs_ml.compiler.exported import compile_exported_pipeline as compile_exported_pipeline
    from constructs_ml.compiler.feature_group import compile_feature_group as compile_feature_group
    from constructs_ml.compiler.pipeline import compile_pipeline as compile_pipeline
    from constructs_ml.compiler.proved import prove_pipeline as prove_pipeline
    from constructs_ml.compiler.sagemaker.pipeline import compile_sagemaker_pipeline as compile_sagemaker_pipeline
    from constructs_ml.config import Accounts as Accounts
    from constructs_ml.drawing.drawing import Drawing as Drawing
    from constructs_ml.drawing.progress import Progress as Progress
    from constructs_ml.drawing.progress import StepProgress as StepProgress
    from constructs_ml.faults import AccountError as AccountError
    from constructs_ml.faults import SpecError as SpecError
    from constructs_ml.spec.account import Account as Account
    from constructs_ml.spec.account import AccountNetwork as AccountNetwork
    from constructs_ml.spec.account import InstanceRules as InstanceRules
    from constructs_ml.spec.alarms import Errors as Errors
    from constructs_ml.spec.alarms import Latency as Latency
    from constructs_ml.spec.alarms import MonitorAlarm as MonitorAlarm
    from constructs_ml.spec.alarms import drift as drift
    from constructs_ml.spec.alarms import missing as missing
    from constructs_ml.spec.compute import Instances as Instances
    from constructs_ml.spec.compute import Serverless as Serverless
    from constructs_ml.spec.conditions import Metric as Metric
    from constructs_ml.spec.conditions import between as between
    from constructs_ml.spec.deployment import AllAtOnce as AllAtOnce
    from constructs_ml.spec.deployment import Canary as Canary
    from constructs_ml.spec.deployment import Linear as Linear
    from constructs_ml.spec.deployment import Rolling as Rolling
    from constructs_ml.spec.distributed import MPI as MPI
    from constructs_ml.spec.distributed import SMDistributedDataParallel as SMDistributedDataParallel
    from constructs_ml.spec.distributed import Torchrun as Torchrun
    from constructs_ml.spec.early_stop import EarlyStop as EarlyStop
    from constructs_ml.spec.endpoint import Artifact as Artifact
    from constructs_ml.spec.endpoint import DataCapture as DataCapture
    from constructs_ml.spec.endpoint import EndpointSpec as EndpointSpec
    from constructs_ml.spec.endpoint import Pinned as Pinned
    from constructs_ml.spec.endpoint import Variant as Variant
    from constructs_ml.spec.exported import ExportedPipeline as ExportedPipeline
    from constructs_ml.spec.feature_sources import features_from_arrow as features_from_arrow
    from constructs_ml.spec.feature_sources import features_from_frame as features_from_frame
    from constructs_ml.spec.feature_sources import features_from_json_schema as features_from_json_schema
    from constructs_ml.spec.feature_sources import features_from_mapping as features_from_mapping
    from constructs_ml.spec.feature_sources import features_from_parquet as features_from_parquet
    from constructs_ml.spec.features import Feature as Feature
    from constructs_ml.spec.features import FeatureGroupSpec as FeatureGroupSpec
    from constructs_ml.spec.features import Offline as Offline
    from constructs_ml.spec.features import Online as Online
    from constructs_ml.spec.features import Provisioned as Provisioned
    from constructs_ml.spec.graph import draw as draw
    from constructs_ml.spec.graph import mermaid as mermaid
    from constructs_ml.spec.graph import read_progress as read_progress
    from constructs_ml.spec.images import Algorithm as Algorithm
    from constructs_ml.spec.images import Image as Image
    from constructs_ml.spec.images import PyTorch as PyTorch
    from constructs_ml.spec.images import Sklearn as Sklearn
    from constructs_ml.spec.images import XGBoost as XGBoost
    from constructs_ml.spec.jobs import Channel as Channel
    from constructs_ml.spec.jobs import Code as Code
    from constructs_ml.spec.jobs import Compute as Compute
    from constructs_ml.spec.jobs import Experiment as Experiment
    from constructs_ml.spec.jobs import FileSystem as FileSystem
    from constructs_ml.spec.jobs import InstanceGroup as InstanceGroup
    from constructs_ml.spec.jobs import Network as Network
    from constructs_ml.spec.jobs import Retry as Retry
    from constructs_ml.spec.jumpstart import JumpStart as JumpStart
    from constructs_ml.spec.mlflow import MLflow as MLflow
    from constructs_ml.spec.model import ModelSpec as ModelSpec
    from constructs_ml.spec.model_settings import ModelSettings as ModelSettings
    from constructs_ml.spec.model_settings import pin as pin
    from constructs_ml.spec.monitors import Baseline as Baseline
    from constructs_ml.spec.monitors import Daily as Daily
    from constructs_ml.spec.monitors import DataQuality as DataQuality
    from constructs_ml.spec.monitors import Every as Every
    from constructs_ml.spec.monitors import Hourly as Hourly
    from constructs_ml.spec.monitors import ModelQuality as ModelQuality
    from constructs_ml.spec.pipeline import PipelineSpec as PipelineSpec
    from constructs_ml.spec.registry import RegistrySpec as RegistrySpec
    from constructs_ml.spec.scaling import AutoScaling as AutoScaling
    from constructs_ml.spec.scaling import ScheduledCapacity as ScheduledCapacity
    from constructs_ml.spec.steps import Approve as Approve
    from constructs_ml.spec.steps import AthenaQuery as AthenaQuery
    from constructs_ml.spec.steps import AutoML as AutoML
    from constructs_ml.spec.steps import BatchTransform as BatchTransform
    from constructs_ml.spec.steps import ByTime as ByTime
    from constructs_ml.spec.steps import CallService as CallService
    from constructs_ml.spec.steps import Candidate as Candidate
    from constructs_ml.spec.steps import Compile as Compile
    from constructs_ml.spec.steps import Container as Container
    from constructs_ml.spec.steps import DataBrewJob as DataBrewJob
    from constructs_ml.spec.steps import DataWrangler as DataWrangler
    from constructs_ml.spec.steps import EmrServerlessJob as EmrServerlessJob
    from constructs_ml.spec.steps import Fail as Fail
    from constructs_ml.spec.steps import FargateTask as FargateTask
    from constructs_ml.spec.steps import FindModel as FindModel
    from constructs_ml.spec.steps import ForEach as ForEach
    from constructs_ml.spec.steps import Function as Function
    from constructs_ml.spec.steps import Gate as Gate
    from constructs_ml.spec.steps import GlueJob as GlueJob
    from constructs_ml.spec.steps import Grouped as Grouped
    from constructs_ml.spec.steps import ImageClassification as ImageClassification
    from constructs_ml.spec.steps import LambdaTask as LambdaTask
    from constructs_ml.spec.steps import Listing as Listing
    from constructs_ml.spec.steps import Manifest as Manifest
    from constructs_ml.spec.steps import MetricDefinition as MetricDefinition
    from constructs_ml.spec.steps import Parallel as Parallel
    from constructs_ml.spec.steps import Permission as Permission
    from constructs_ml.spec.steps import Process as Process
    from constructs_ml.spec.steps import Randomly as Randomly
    from constructs_ml.spec.steps import RawState as RawState
    from constructs_ml.spec.steps import Register as Register
    from constructs_ml.spec.steps import Serving as Serving
    from constructs_ml.spec.steps import Split as Split
    from constructs_ml.spec.steps import Spot as Spot
    from constructs_ml.spec.steps import Stratified as Stratified
    from constructs_ml.spec.steps import SubPipeline as SubPipeline
    from constructs_ml.spec.steps import Tabular as Tabular
    from constructs_ml.spec.steps import TargetPlatform as TargetPlatform
    from constructs_ml.spec.steps import TaskDefinition as TaskDefinition
    from constructs_ml.spec.steps import TextClassification as TextClassification
    from constructs_ml.spec.steps import TimeSeriesForecasting as TimeSeriesForecasting
    from constructs_ml.spec.steps import Train as Train
    from constructs_ml.spec.steps import TransformInput as TransformInput
    from constructs_ml.spec.steps import TransformOutput as TransformOutput
    from constructs_ml.spec.steps import Tune as Tune
    from constructs_ml.spec.steps import Until as Until
    from constructs_ml.spec.steps import Upload as Upload
    from constructs_ml.spec.steps import Version as Version
    from constructs_ml.spec.steps import Wait as Wait
    from constructs_ml.spec.triggers import Cron as Cron
    from constructs_ml.spec.triggers import OnAlarm as OnAlarm
    from constructs_ml.spec.triggers import OnData as OnData
    from constructs_ml.spec.triggers import Rate as Rate
    from constructs_ml.spec.tuning import Bayesian as Bayesian
    from constructs_ml.spec.tuning import Categorical as Categorical
    from constructs_ml.spec.tuning import Completion as Completion
    from constructs_ml.spec.tuning import Continuous as Continuous
    from constructs_ml.spec.tuning import Grid as Grid
    from constructs_ml.spec.tuning import Hyperband as Hyperband
    from constructs_ml.spec.tuning import Integer as Integer
    from constructs_ml.spec.tuning import Objective as Objective
    from constructs_ml.spec.tuning import Random as Random
    from constructs_ml.spec.tuning import WarmStart as WarmStart
    from constructs_ml.spec.values import S3 as S3
    from constructs_ml.spec.values import Execution as Execution
    from constructs_ml.spec.values import Input as Input
    from constructs_ml.spec.values import Item as Item
    from constructs_ml.spec.values import TaskToken as TaskToken
    from constructs_ml.spec.values import join as join
    from constructs_ml.stacks import FeatureStack as FeatureStack
    from constructs_ml.stacks import Fleet as Fleet
    from constructs_ml.stacks import ModelStack as ModelStack
    from constructs_ml.stacks import PlatformStack as PlatformStack

_PLACES = {
    "aws.accounts": (
        "account_of",
        "bind_account",
    ),
    "aws.dashboard": ("Dashboard",),
    "aws.endpoint": ("Endpoint",),
    "aws.feature_group": ("FeatureGroup",),
    "aws.model_registry": ("ModelRegistry",),
    "aws.pipeline": ("Pipeline",),
    "aws.platform": ("Platform",),
    "aws.sagemaker_pipeline": ("SageMakerPipeline",),
    "compiler.endpoint": ("compile_endpoint",),
    "compiler.exported": ("compile_exported_pipeline",),
    "compiler.feature_group": ("compile_feature_group",),
    "compiler.pipeline": ("compile_pipeline",),
    "compiler.proved": ("prove_pipeline",),
    "compiler.sagemaker.pipeline": ("compile_sagemaker_pipeline",),
    "config": ("Accounts",),
    "drawing.drawing": ("Drawing",),
    "drawing.progress": (
        "Progress",
        "StepProgress",
    ),
    "faults": (
        "AccountError",
        "SpecError",
    ),
    "spec.account": (
        "Account",
        "AccountNetwork",
        "InstanceRules",
    ),
    "spec.alarms": (
        "Errors",
        "Latency",
        "MonitorAlarm",
        "drift",
        "missing",
    ),
    "spec.compute": (
        "Instances",
        "Serverless",
    ),
    "spec.conditions": (
        "Metric",
        "between",
    ),
    "spec.deployment": (
        "AllAtOnce",
        "Canary",
        "Linear",
        "Rolling",
    ),
    "spec.distributed": (
        "MPI",
        "SMDistributedDataParallel",
        "Torchrun",
    ),
    "spec.early_stop": ("EarlyStop",),
    "spec.endpoint": (
        "Artifact",
        "DataCapture",
        "EndpointSpec",
        "Pinned",
        "Variant",
    ),
    "spec.exported": ("ExportedPipeline",),
    "spec.feature_sources": (
        "features_from_arrow",
        "features_from_frame",
        "features_from_json_schema",
        "features_from_mapping",
        "features_from_parquet",
    ),
    "spec.features": (
        "Feature",
        "FeatureGroupSpec",
        "Offline",
        "Online",
        "Provisioned",
    ),
    "spec.graph": (
        "draw",
        "mermaid",
        "read_progress",
    ),
    "spec.images": (
        "Algorithm",
        "Image",
        "PyTorch",
        "Sklearn",
        "XGBoost",
    ),
    "spec.jobs": (
        "Channel",
        "Code",
        "Compute",
        "Experiment",
        "FileSystem",
        "InstanceGroup",
        "Network",
        "Retry",
    ),
    "spec.jumpstart": ("JumpStart",),
    "spec.mlflow": ("MLflow",),
    "spec.model": ("ModelSpec",),
    "spec.model_settings": (
        "ModelSettings",
        "pin",
    ),
    "spec.monitors": (
        "Baseline",
        "Daily",
        "DataQuality",
        "Every",
        "Hourly",
        "ModelQuality",
    ),
    "spec.pipeline": ("PipelineSpec",),
    "spec.registry": ("RegistrySpec",),
    "spec.scaling": (
        "AutoScaling",
        "ScheduledCapacity",
    ),
    "spec.steps": (
        "Approve",
        "AthenaQuery",
        "AutoML",
        "BatchTransform",
        "ByTime",
        "CallService",
        "Candidate",
        "Compile",
        "Container",
        "DataBrewJob",
        "DataWrangler",
        "EmrServerlessJob",
        "Fail",
        "Fail",
        "FargateTask",
        "FindModel",
        "ForEach",
        "ForEach",
        "Function",
        "Function",
        "Gate",
        "Gate",
        "GlueJob",
        "Grouped",
        "ImageClassification",
        "LambdaTask",
        "Listing",
        "Manifest",
        "MetricDefinition",
        "Parallel",
        "Permission",
        "Process",
        "Randomly",
        "RawState",
        "Register",
        "Serving",
        "Split",
        "Spot",
        "Stratified",
        "SubPipeline",
        "Tabular",
        "TargetPlatform",
        "TaskDefinition",
        "TextClassification",
        "TimeSeriesForecasting",
        "Train",
        "TransformInput",
        "TransformOutput",
        "Tune",
        "Upload",
        "Version",
        "Until",
        "Wait",
    ),
    "spec.triggers": (
        "Cron",
        "OnAlarm",
        "OnData",
        "Rate",
    ),
    "spec.tuning": (
        "Bayesian",
        "Categorical",
        "Completion",
        "Continuous",
        "Grid",
        "Hyperband",
        "Integer",
        "Objective",
        "Random",
        "WarmStart",
    ),
    "spec.values": (
        "Execution",
        "Input",
        "Item",
        "join",
        "S3",
        "TaskToken",
    ),
    "stacks": (
        "FeatureStack",
        "Fleet",
        "ModelStack",
        "PlatformStack",
    ),
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
