"""Values as definitions of SageMaker Pipelines write them: literals, `Get` and `Std:Join`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constructs_ml.compiler.expressions import Expressions, Path, Text, is_dynamic, joined, literal
from constructs_ml.compiler.template import Json
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import AutoML, BatchTransform, Process, Split, Step, Train, Tune
from constructs_ml.spec.steps.tune import TUNING_JOB
from constructs_ml.spec.triggers import OnData
from constructs_ml.spec.values import (
    S3,
    Below,
    Execution,
    Input,
    Item,
    JobName,
    Joined,
    ModelArtifact,
    Output,
    Reference,
    Result,
    Value,
)

# A step's metrics file, under the name by which conditions find it.
PROPERTY_FILE = "metrics"
_RUN = "Execution.PipelineExecutionId"
_EXECUTION = {"name": _RUN, "id": "Execution.PipelineExecutionArn", "start_time": "Execution.StartDateTime"}


@dataclass(slots=True)
class PipelineExpressions(Expressions):
    """The expressions of one pipeline, spelt as the SageMaker Python SDK spells them.

    `steps` are all steps by name: a reference's spelling follows from the kind of its step. `arriving` are the inputs
    that an object in S3 gives; see `arrival_key`.
    """

    steps: Mapping[str, Step] = field(default_factory=dict)
    arriving: frozenset[str] = frozenset()

    def run(self) -> Text:
        return (Path(_RUN),)

    def reference(self, value: Reference) -> Text:
        match value:
            case Input(name) if name in self.arriving:
                return (Path(f"Parameters.{name}"), Path(f"Parameters.{arrival_key(name)}"))
            case Input(name):
                return (Path(f"Parameters.{name}"),)
            case Execution(fact):
                return (Path(_EXECUTION[fact]),)
            case ModelArtifact(step) | JobName(step) | Result(step) if isinstance(found := self.steps[step], Tune):
                return self._of_tuning(found, value)
            case ModelArtifact(step) | JobName(step) | Result(step) if isinstance(self.steps[step], AutoML):
                return (Path(_of_automl(step, value)),)
            case ModelArtifact(step) if isinstance(self.steps[step], Train):
                return (Path(f"Steps.{step}.ModelArtifacts.S3ModelArtifacts"),)
            case JobName(step) if isinstance(self.steps[step], Train):
                return (Path(f"Steps.{step}.TrainingJobName"),)
            case JobName(step) if isinstance(self.steps[step], BatchTransform):
                return (Path(f"Steps.{step}.TransformJobName"),)
            case JobName(step):
                return (Path(f"Steps.{step}.ProcessingJobName"),)
            case Result(step, key):
                return (Path(f"Steps.{step}.OutputParameters['{key}']"),)
        raise AssertionError(f"SageMaker Pipelines has no {value!r}")

    def _of_tuning(self, step: Tune, value: ModelArtifact | JobName | Result) -> Text:
        """What the best training job of a tuning job left."""
        job = Path(f"{_best(step.name)}.TrainingJobName")
        match value:
            case ModelArtifact():
                # Only the training job's own description tells its artifact, but every job writes below one place.
                return (*self.output_uri(step.name, "model"), job, "/output/model.tar.gz")
            case JobName():
                return (job,)
            case Result(_, key) if key == TUNING_JOB:
                return (Path(f"Steps.{step.name}.HyperParameterTuningJobName"),)
        return (Path(f"{_best(step.name)}.TunedHyperParameters['{step.keys[value.key]}']"),)

    def metric(self, metric: Metric) -> Json:
        """A number that a condition compares."""
        if isinstance(self.steps[metric.step], Tune):
            return {"Get": f"{_best(metric.step)}.FinalHyperParameterTuningJobObjectiveMetric.Value"}
        if isinstance(self.steps[metric.step], AutoML):
            return {"Get": f"Steps.{metric.step}.BestCandidate.FinalAutoMLJobObjectiveMetric.Value"}
        if isinstance(self.steps[metric.step], Train):
            return {"Get": f"Steps.{metric.step}.FinalMetricDataList['{metric.name}'].Value"}
        file = {"Get": f"Steps.{metric.step}.PropertyFiles.{PROPERTY_FILE}"}
        return {"Std:JsonGet": {"PropertyFile": file, "Path": metric.name}}

    def text(self, value: Value | JumpStart) -> Text:
        match value:
            case Output(step, name) if isinstance(self.steps[step], (Process, Split)):
                return (Path(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"),)
            case Below(Output() as output, parts):
                below = [piece for part in parts for piece in ("/", *self.text(part))]
                # The prefix of an output ends in a slash.
                return joined((*self.text(output), *below[1:]))
        return Expressions.text(self, value)

    def output_uri(self, step: str, output: str) -> Text:
        bucket, key = self.place(Output(step, output))
        return joined(("s3://", bucket, "/", *key))

    def put(self, target: dict[str, Json], key: str, text: Text) -> None:
        target[key] = rendered(text)

    def put_value(self, target: dict[str, Json], key: str, value: Value | Sequence[Value]) -> None:
        target[key] = self._value(value)

    def put_list(self, target: dict[str, Json], key: str, values: Sequence[Text]) -> None:
        target[key] = [rendered(text) for text in values]

    def _value(self, value: Value | Sequence[Value]) -> Json:
        match value:
            case bool() | int() | float():
                return value
            case Input() | JobName() | ModelArtifact() | Result() | Execution() | Item():
                return rendered(self.reference(value))
            case str() | S3() | Below() | Joined() | Output():
                return rendered(self.text(value))
        return [self._value(item) for item in value]


def expressions_of(spec: PipelineSpec, data_bucket: Json, artifact_bucket: Json) -> PipelineExpressions:
    """The expressions of a pipeline."""
    arriving = frozenset(trigger.to for trigger in spec.triggers if isinstance(trigger, OnData))
    steps = {step.name: step for step in spec.all_steps}
    return PipelineExpressions(spec.model, spec.name, data_bucket, artifact_bucket, steps=steps, arriving=arriving)


def arrival_key(name: str) -> str:
    """The parameter that holds an arrived object's key, behind that of the input itself.

    EventBridge can hand over the key of an object but not put "s3://<bucket>/" before it: a rule gives that beginning
    as the input, and the key as this parameter, which is empty in every other run. Names of inputs have no capitals.
    """
    return f"{name}Key"


def _of_automl(step: str, value: Reference) -> str:
    """What an AutoML job's best candidate left; an ensemble is one container."""
    match value:
        case ModelArtifact():
            return f"Steps.{step}.BestCandidate.InferenceContainers[0].ModelDataUrl"
        case JobName():
            return f"Steps.{step}.AutoMLJobName"
    return f"Steps.{step}.BestCandidate.CandidateName"


def _best(step: str) -> str:
    """The best training job of a tuning job."""
    return f"Steps.{step}.BestTrainingJob"


def rendered(text: Text) -> Json:
    """A text as a definition holds it: a constant, one `Get`, or a `Std:Join`."""
    if not is_dynamic(text):
        return literal(text)
    if len(text) == 1 and isinstance(text[0], Path):
        return {"Get": text[0].text}
    values: list[Json] = []
    for part in joined(text):
        piece = {"Get": part.text} if isinstance(part, Path) else literal((part,))
        if isinstance(piece, str) and values and isinstance(values[-1], str):
            values[-1] += piece
        elif piece != "":
            values.append(piece)
    return {"Std:Join": {"On": "", "Values": values}}
