"""Whether SageMaker Pipelines reads a definition: its form, its order, and what its references lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.pipeline_references import UNJUDGED, Reference, fault_of, opened, references
from constructs_ml.compiler.proofs.service_models import Shape, load, request_shape
from constructs_ml.compiler.proofs.shapes import Check
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS, Substitutions
from constructs_ml.compiler.proofs.values import Unknown
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, Faults

_NOTHING: Mapping[str, Json] = MappingProxyType({})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOP = ("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps")
_DEFAULTS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {"String": (str,), "Integer": (int,), "Float": (int, float), "Boolean": (bool,)}
)
# The request behind each kind of step, and the member that SageMaker itself fills in.
REQUESTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "Processing": ("createProcessingJob", "ProcessingJobName"),
        "Training": ("createTrainingJob", "TrainingJobName"),
        "Transform": ("createTransformJob", "TransformJobName"),
        "AutoML": ("createAutoMLJob", "AutoMLJobName"),
        "Tuning": ("createHyperParameterTuningJob", "HyperParameterTuningJobName"),
        "Model": ("createModel", "ModelName"),
        "RegisterModel": ("createModelPackage", ""),
    }
)
_KINDS = (*REQUESTS, "EMRServerless", "Lambda", "Condition", "Fail")
_COMPARISONS = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "Equals")
_ON_STEPS = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_ON_JOBS = (*_ON_STEPS, "SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT")
_RETRIED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Processing": _ON_JOBS,
        "Training": _ON_JOBS,
        "Transform": _ON_JOBS,
        "AutoML": _ON_JOBS,
        "EMRServerless": _ON_STEPS,
        "Tuning": _ON_JOBS,
        "Model": _ON_STEPS,
        "RegisterModel": _ON_STEPS,
    }
)
_BOUNDS = {"IntervalSeconds": (0, 43_200), "MaxAttempts": (1, 20), "ExpireAfterMin": (0, 14_400)}


def check_pipeline(
    definition: Mapping[str, Json], *, substitutions: Mapping[str, Json] = _NOTHING, where: str = ""
) -> tuple[Fault, ...]:
    """Every fault of a definition; its texts may hold `${Name}` of `substitutions`.

    The form is that of https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
    with what the SDK has added since. Steps that only the SDK writes are passed over.
    Raises `MissingExtraError` without botocore.
    """
    prefix = f"{where}: " if where else ""
    check = _Check(Faults(), NO_SUBSTITUTIONS.inside(substitutions), prefix, _declared(definition))
    unknown = sorted(set(definition) - set(_TOP))
    if unknown or definition.get("Version") != "2020-12-01":
        check.form("definition", unknown or definition.get("Version"), f"{', '.join(_TOP)}; version 2020-12-01")
    check.parameters(definition.get("Parameters") or ())
    names = [str(step.get("Name")) for step in all_steps(definition.get("Steps"))]
    for name in dict.fromkeys(names):
        if names.count(name) > 1 or not _NAME.fullmatch(name):
            check.form(name, f"{names.count(name)} steps of this name", "a name of one step: letters, digits, - and _")
    if not names:
        check.form("Steps", "no steps", "at least one step")
    check.level(_listed(definition.get("Steps")), {})
    return tuple(check.faults.found)


def all_steps(steps: Json) -> Iterator[Mapping[str, Json]]:
    """Every step, those in the arms of conditions included."""
    for step in _listed(steps):
        yield step
        for arm in arms(step):
            yield from all_steps(arm)


def arms(step: Mapping[str, Json]) -> tuple[Sequence[Mapping[str, Json]], ...]:
    """The steps in the arms of a condition."""
    arguments = step.get("Arguments")
    if step.get("Type") != "Condition" or not isinstance(arguments, Mapping):
        return ()
    return _listed(arguments.get("IfSteps")), _listed(arguments.get("ElseSteps"))


@dataclass(frozen=True, slots=True)
class _Check:
    faults: Faults
    texts: Substitutions
    prefix: str
    declared: frozenset[str]

    def form(self, place: str, got: object, allowed: object) -> None:
        self.faults.add("pipeline-form", where=f"{self.prefix}{place}", got=got, allowed=allowed)

    def parameters(self, parameters: Json) -> None:
        names = [str(item.get("Name")) for item in _listed(parameters)]
        for item, name in zip(_listed(parameters), names, strict=True):
            kinds = _DEFAULTS.get(str(item.get("Type")))
            default = item.get("DefaultValue", "" if kinds == (str,) else None)
            sound = kinds is not None and (default is None or isinstance(default, kinds))
            if isinstance(default, bool) and kinds != (bool,):
                sound = False
            if not sound or not _NAME.fullmatch(name) or names.count(name) > 1:
                self.form(f"parameter {name}", dict(item), "Name, Type and a DefaultValue of this type, each name once")

    def level(
        self, steps: Sequence[Mapping[str, Json]], outer: Mapping[str, Mapping[str, Json]], *, nested: bool = False
    ) -> None:
        """Steps side by side; `outer` are the steps that have run before all of them."""
        by_name = {str(step.get("Name")): step for step in steps}
        waits = {name: self.waits_for(name, step, by_name) for name, step in by_name.items()}
        self.cycles(waits)
        for name, step in by_name.items():
            before = {**outer, **{item: by_name[item] for item in _closure(name, waits)}}
            self.step(name, step, before)
            if nested and step.get("Type") == "Condition":
                self.form(name, "a condition inside another one", "one level of conditions")
            for arm in arms(step):
                self.level(arm, before, nested=True)

    def waits_for(self, name: str, step: Mapping[str, Json], here: Mapping[str, Json]) -> frozenset[str]:
        """The steps of the same level that a step waits for: those it names, and those it or its arms read."""
        depends = [str(item) for item in step.get("DependsOn") or ()]
        for item in depends:
            if item not in here:
                where = f"{self.prefix}{name}.DependsOn"
                self.faults.add("pipeline-reference", where=where, got=item, allowed=tuple(here))
        read = {found.step for found in references(step)}
        return frozenset(item for item in (*depends, *read) if item in here)

    def cycles(self, waits: Mapping[str, frozenset[str]]) -> None:
        left = dict(waits)
        while free := [name for name, needed in left.items() if not needed & set(left)]:
            for name in free:
                del left[name]
        if left:
            steps = " and ".join(repr(name) for name in left)
            self.faults.add(
                "pipeline-order", where=f"{self.prefix}Steps", got=tuple(left), allowed="an order", steps=steps
            )

    def step(self, name: str, step: Mapping[str, Json], before: Mapping[str, Mapping[str, Json]]) -> None:
        kind, arguments = str(step.get("Type")), step.get("Arguments")
        if kind in UNJUDGED:
            return
        if kind not in _KINDS or not isinstance(arguments, Mapping):
            self.form(name, f"Type {kind}, Arguments {type(arguments).__name__}", f"an object for {', '.join(_KINDS)}")
            return
        own = {**step, "Arguments": {key: arguments[key] for key in arguments if key not in ("IfSteps", "ElseSteps")}}
        for found in references(own if kind == "Condition" else step):
            self.reference(name, found, before)
        self.retries(name, kind, step.get("RetryPolicies"))
        self.arguments(name, kind, step, arguments)

    def arguments(self, name: str, kind: str, step: Mapping[str, Json], arguments: Mapping[str, Json]) -> None:
        """What a step of each kind is told."""
        match kind:
            case "Condition":
                if not arguments.get("Conditions"):
                    self.form(f"{name}.Conditions", "nothing", "at least one condition")
                for index, condition in enumerate(_listed(arguments.get("Conditions"))):
                    self.condition(f"{name}.Conditions[{index}]", condition)
            case "Fail":
                if set(arguments) != {"ErrorMessage"}:
                    self.form(f"{name}.Arguments", sorted(arguments), "ErrorMessage")
            case "Lambda":
                outputs = _listed(step.get("OutputParameters"))
                if "FunctionArn" not in step or any(item.get("OutputType") not in _DEFAULTS for item in outputs):
                    self.form(name, sorted(step), f"FunctionArn, and OutputParameters of {', '.join(_DEFAULTS)}")
            case "EMRServerless":
                self.emr_serverless(name, arguments)
            case _:
                self.request(name, kind, arguments)
                if kind == "AutoML" and arguments.get("AutoMLJobConfig", {}).get("Mode") != "ENSEMBLING":
                    self.form(f"{name}.AutoMLJobConfig.Mode", arguments.get("AutoMLJobConfig"), "Mode ENSEMBLING")

    def reference(self, name: str, found: Reference, before: Mapping[str, Mapping[str, Json]]) -> None:
        wrong = fault_of(found, self.declared, before)
        if wrong:
            place = f"{self.prefix}{name}.{found.place}"
            self.faults.add("pipeline-reference", where=place, got=found.text, allowed=wrong)

    def request(self, name: str, kind: str, arguments: Mapping[str, Json]) -> None:
        """The arguments against the model of the request that SageMaker makes of them."""
        action, filled = REQUESTS[kind]
        shape = request_shape(Integration("sagemaker", action, sdk=True), name)
        assert shape is not None
        assert not isinstance(shape, Fault)
        given = {**({filled: "pipelines"} if filled else {}), **opened(arguments, self.texts)}
        Check(self.faults, self.texts).structure(shape, given, f"{self.prefix}{name}.Arguments", top=True)

    def emr_serverless(self, name: str, arguments: Mapping[str, Json]) -> None:
        """An application and a job; the job is a StartJobRun request in the service's own spelling."""
        application = {"ApplicationId", "ApplicationConfig"} & set(arguments)
        job = arguments.get("JobConfig")
        sound = {"ExecutionRoleArn", "JobConfig"} == set(arguments) - application and len(application) == 1
        if not sound or not isinstance(job, Mapping):
            allowed = "ExecutionRoleArn, JobConfig, and one of ApplicationId, ApplicationConfig"
            self.form(f"{name}.Arguments", sorted(arguments), allowed)
            return
        model = load("emr-serverless")
        assert model is not None
        made = {"applicationId": Unknown()} if "ApplicationConfig" in arguments else {}
        shape = Shape(model.in_own_words(), "StartJobRunRequest")
        given = {**made, **opened(job, self.texts)}
        Check(self.faults, self.texts).structure(shape, given, f"{self.prefix}{name}.JobConfig", top=True)

    def retries(self, name: str, kind: str, policies: Json) -> None:
        allowed = _RETRIED.get(kind, ())
        for index, policy in enumerate(_listed(policies)):
            bounded = [key for key in ("MaxAttempts", "ExpireAfterMin") if key in policy]
            sound = len(bounded) == 1 and set(policy) <= {"ExceptionType", "BackoffRate", *_BOUNDS}
            on = policy.get("ExceptionType") or ("nothing",)
            within = all(least <= policy.get(key, least) <= most for key, (least, most) in _BOUNDS.items())
            if not (sound and within and set(on) <= set(allowed)):
                place, wanted = f"{name}.RetryPolicies[{index}]", f"on {', '.join(allowed) or 'nothing'}, within bounds"
                self.form(place, dict(policy), wanted)

    def condition(self, place: str, condition: Mapping[str, Json]) -> None:
        match condition:
            case {"Type": str() as kind, "LeftValue": _, "RightValue": _} if kind in _COMPARISONS:
                return
            case {"Type": "Or", "Conditions": [_, *_] as inner}:
                for index, item in enumerate(inner):
                    self.condition(f"{place}.Conditions[{index}]", item)
            case {"Type": "Not", "Condition": Mapping() as inner}:
                self.condition(f"{place}.Condition", inner)
            case _:
                self.form(place, condition, f"{', '.join(_COMPARISONS)}, Or, Not")


def _closure(name: str, waits: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Every step that has run before this one."""
    found: set[str] = set()
    left = list(waits[name])
    while left:
        item = left.pop()
        if item not in found:
            found.add(item)
            left += waits[item]
    return frozenset(found)


def _declared(definition: Mapping[str, Json]) -> frozenset[str]:
    return frozenset(str(item.get("Name")) for item in _listed(definition.get("Parameters")))


def _listed(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []
