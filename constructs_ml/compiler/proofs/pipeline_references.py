"""What the references of a definition of SageMaker Pipelines lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.compiler.proofs.service_models import Shape, load
from constructs_ml.compiler.proofs.texts import ANYTHING, Substitutions, Text
from constructs_ml.compiler.proofs.values import Unknown
from constructs_ml.compiler.template import Json

_EXECUTION = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "StartDateTime",
)
# The answer whose members a step of each kind has, as the SDK's properties say.
_ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "Processing": "DescribeProcessingJobResponse",
        "Training": "DescribeTrainingJobResponse",
        "Transform": "DescribeTransformJobResponse",
        "AutoML": "DescribeAutoMLJobResponse",
        "Tuning": "DescribeHyperParameterTuningJobResponse",
        "Model": "DescribeModelOutput",
        "RegisterModel": "DescribeModelPackageOutput",
    }
)
# Kinds of steps that the SDK writes and this library does not: what they leave is not told here.
UNJUDGED = frozenset(
    {
        "Callback",
        "ClarifyCheck",
        "Cleanup",
        "EMR",
        "Endpoint",
        "EndpointConfig",
        "ForEach",
        "InferenceComponent",
        "Job",
        "Lineage",
        "QualityCheck",
    }
)
_TOKEN = re.compile(r"\.?([A-Za-z0-9]+)|\['([^']*)'\]|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A `Get`, and its place below the step that reads."""

    text: str
    place: str

    @property
    def step(self) -> str:
        """The step whose value is read, or '' for what no step leaves."""
        head, _, rest = self.text.partition(".")
        return re.split(r"[.\[]", rest)[0] if head == "Steps" else ""


def references(value: Json, place: str = "") -> Iterator[Reference]:
    """Every `Get` below a value."""
    if isinstance(value, Mapping):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield Reference(value["Get"], place)
            return
        for key, item in value.items():
            yield from references(item, f"{place}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from references(item, f"{place}[{index}]")


def fault_of(reference: Reference, parameters: frozenset[str], before: Mapping[str, Mapping[str, Json]]) -> str:
    """What the reference could lead to, where it leads nowhere; '' where it is sound."""
    head, _, rest = reference.text.partition(".")
    if head == "Parameters":
        return "" if rest in parameters else f"Parameters: {', '.join(sorted(parameters)) or 'none'}"
    if head == "Execution":
        return "" if rest in _EXECUTION else f"Execution: {', '.join(_EXECUTION)}"
    if head != "Steps":
        return "Parameters, Execution, Steps"
    source = before.get(reference.step)
    if source is None:
        return f"steps that have run: {', '.join(sorted(before)) or 'none'}"
    return _fault_of_property(rest.removeprefix(reference.step), source)


def opened(value: Json, texts: Substitutions) -> Json:
    """Arguments with every function replaced by what is surely known of its value."""
    match value:
        case {"Get": str()} | {"Std:JsonGet": _} if len(value) == 1:
            return Unknown()
        case {"Std:Join": {"On": str() as between, "Values": [*values]}} if len(value) == 1:
            pieces = [texts.read(item) if isinstance(item, str) else ANYTHING for item in values]
            flat = [part for piece in pieces for part in (texts.read(between), piece)]
            return Text.of(*flat[1:])
        case Mapping():
            return {key: opened(item, texts) for key, item in value.items()}
        case list() | tuple():
            return [opened(item, texts) for item in value]
    return value


def _fault_of_property(path: str, source: Mapping[str, Json]) -> str:
    kind, tokens = str(source.get("Type")), _tokens(path)
    if kind in UNJUDGED:
        return ""
    if tokens is None:
        return "a path of names and indices"
    match kind, tokens:
        case "Lambda", ["OutputParameters", key]:
            return _one_of(key, [item.get("OutputName") for item in source.get("OutputParameters") or ()])
        case "Condition", ["Outcome"]:
            return ""
        case "AutoML", ["BestCandidateProperties", name]:
            return _one_of(name, ("ExplainabilityJsonReportPath", "ModelInsightsJsonReportPath"))
        case "EMRServerless", _:
            # Its properties are GetJobRun's answer, and the SDK spells none of them.
            return ""
        case "Processing", ["PropertyFiles", name]:
            return _one_of(name, [item.get("PropertyFileName") for item in source.get("PropertyFiles") or ()])
    model = load("sagemaker")
    if kind not in _ANSWERS or model is None:
        return f"nothing: a {kind} step leaves no such value"
    arguments = source.get("Arguments") or {}
    match tokens:
        case ["ProcessingOutputConfig", "Outputs", name, *_]:
            outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs", ())
            wrong = _one_of(name, [item.get("OutputName") for item in outputs])
        case ["FinalMetricDataList", name, *_] if arguments.get("AlgorithmSpecification", {}).get("MetricDefinitions"):
            wrong = _one_of(name, [item["Name"] for item in arguments["AlgorithmSpecification"]["MetricDefinitions"]])
        case _:
            wrong = ""
    return wrong or _member(Shape(model, _ANSWERS[kind]), tokens)


def _member(shape: Shape, tokens: Sequence[str]) -> str:
    """What stands in the answer instead, if these names lead nowhere in it."""
    for token in tokens:
        match shape.type:
            case "structure":
                members = shape.model.members(shape.name)
                if token not in members:
                    return ", ".join(members)
                shape = members[token]
            case "list":
                shape = shape.to("member")
            case "map":
                shape = shape.to("value")
            case _:
                return f"nothing below a {shape.type}"
    return ""


def _tokens(path: str) -> list[str] | None:
    found, end = [], 0
    for match in _TOKEN.finditer(path):
        if match.start() != end:
            return None
        found.append(next(group for group in match.groups() if group is not None))
        end = match.end()
    return found if end == len(path) and found else None


def _one_of(name: str, known: Sequence[Json]) -> str:
    return "" if name in known else ", ".join(map(str, known)) or "nothing"
