"""The steps of a pipeline, one noun a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_ml.spec.steps.approve import Approve
from constructs_ml.spec.steps.athena_query import AthenaQuery
from constructs_ml.spec.steps.automl import (
    AutoML,
    ImageClassification,
    Tabular,
    TextClassification,
    TimeSeriesForecasting,
)
from constructs_ml.spec.steps.batch_transform import BatchTransform, TransformInput, TransformOutput
from constructs_ml.spec.steps.call_service import CallService, Until
from constructs_ml.spec.steps.compile import Compile, TargetPlatform
from constructs_ml.spec.steps.data_wrangler import DataWrangler
from constructs_ml.spec.steps.databrew_job import DataBrewJob
from constructs_ml.spec.steps.emr_serverless_job import EmrServerlessJob
from constructs_ml.spec.steps.fargate_task import Container, FargateTask, TaskDefinition
from constructs_ml.spec.steps.find_model import FindModel
from constructs_ml.spec.steps.flow import Fail, Permission, RawState, Wait
from constructs_ml.spec.steps.for_each import ForEach, Items, Listing, Manifest
from constructs_ml.spec.steps.gate import Gate
from constructs_ml.spec.steps.glue_job import GlueJob
from constructs_ml.spec.steps.lambda_task import Function, LambdaTask
from constructs_ml.spec.steps.parallel import Parallel
from constructs_ml.spec.steps.process import Process, Upload
from constructs_ml.spec.steps.register import Register, Serving
from constructs_ml.spec.steps.sources import Version
from constructs_ml.spec.steps.split import ByTime, Grouped, Randomly, Split, Stratified
from constructs_ml.spec.steps.sub_pipeline import SubPipeline
from constructs_ml.spec.steps.train import MetricDefinition, Spot, Train
from constructs_ml.spec.steps.tune import Candidate, Tune

Job = Process | DataWrangler | Split | Train | Tune | BatchTransform | AutoML | Compile
"""The steps that are jobs of SageMaker."""
Called = LambdaTask | GlueJob | FargateTask | EmrServerlessJob | AthenaQuery | DataBrewJob | SubPipeline | CallService
"""The steps that call services outside SageMaker."""
Step = Job | Called | Register | FindModel | Gate | Approve | Parallel | ForEach | Wait | Fail | RawState


def blocks(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The chains of steps inside a step: the arms of a gate, the branches of a Parallel, the steps of a ForEach."""
    match step:
        case Gate(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Parallel():
            return step.chains
        case ForEach(steps=steps):
            return (steps,)
    return ()


def goes_on(steps: Sequence[Step]) -> bool:
    """Whether a run can come out at the end of a chain: not after a Fail, nor after a gate that ends in one anyway."""
    match steps[-1] if steps else None:
        case Fail():
            return False
        case Gate(then=then, otherwise=otherwise):
            return goes_on(then) or goes_on(otherwise)
    return True


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step, those inside other steps included, in the order in which they are declared."""
    for step in steps:
        yield step
        for block in blocks(step):
            yield from walk(block)


__all__ = [
    "Approve",
    "AthenaQuery",
    "AutoML",
    "BatchTransform",
    "ByTime",
    "CallService",
    "Called",
    "Candidate",
    "Compile",
    "Container",
    "DataBrewJob",
    "DataWrangler",
    "EmrServerlessJob",
    "Fail",
    "FargateTask",
    "FindModel",
    "ForEach",
    "Function",
    "Gate",
    "GlueJob",
    "Grouped",
    "ImageClassification",
    "Items",
    "Job",
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
    "Step",
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
    "Until",
    "Upload",
    "Version",
    "Wait",
    "blocks",
    "goes_on",
    "walk",
]
