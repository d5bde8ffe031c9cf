"""What SageMaker Pipelines cannot express: every step, field and order that does not fit, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from constructs_ml.compiler.sagemaker.conditions import size
from constructs_ml.compiler.sagemaker.retries import EXCEPTIONS, INTERVAL_SECONDS, MAX_ATTEMPTS, STEP_EXCEPTIONS
from constructs_ml.faults import Faults
from constructs_ml.spec.conditions import metrics_in
from constructs_ml.spec.jobs import DAY, Retry
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import (
    AutoML,
    BatchTransform,
    EmrServerlessJob,
    Fail,
    Function,
    Gate,
    LambdaTask,
    Parallel,
    Process,
    Register,
    Split,
    Step,
    Tabular,
    Train,
    Tune,
    goes_on,
)
from constructs_ml.spec.values import Result

FITTING: tuple[type, ...] = (
    Process,
    Split,
    Train,
    Tune,
    BatchTransform,
    AutoML,
    EmrServerlessJob,
    Register,
    LambdaTask,
    Gate,
    Parallel,
    Fail,
)
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html#step-type-lambda
LAMBDA_TIMEOUT = timedelta(minutes=10)
# An object with this key alone is computed, whatever it was meant to be.
_FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
# Not a limit of the service: a condition whose list grows beyond this cannot be reviewed.
_MOST_CLAUSES = 64


def fits(kind: type) -> bool:
    """Whether this engine has steps of a kind."""
    return kind in FITTING


def check_fit(spec: PipelineSpec, faults: Faults) -> None:
    """Add a fault for everything that SageMaker Pipelines cannot express."""
    functions = frozenset(step.name for step in spec.all_steps if isinstance(step, LambdaTask))
    check = _Check(faults, f"pipeline {spec.name!r} of model {spec.model!r}", functions)
    for item in spec.inputs:
        if item.type == "List":
            check.add(f"input {item.name!r}", "input of type List", "List", "String, Number or Boolean")
    by_name = {step.name: step for step in spec.all_steps}
    for step in spec.all_steps:
        check.step(step)
        check.results(step, by_name)
    check.order(spec.steps)


def ends_in_failure(steps: Sequence[Step]) -> bool:
    """Whether an arm of a gate ends the run as failed."""
    return not goes_on(steps)


@dataclass(frozen=True, slots=True)
class _Check:
    faults: Faults
    where: str
    functions: frozenset[str]

    def add(self, place: str, what: str, got: object, allowed: object) -> None:
        self.faults.add("engine-step", where=f"{self.where}, {place}", what=what, got=got, allowed=allowed)

    def step(self, step: Step) -> None:
        """The fields of one step."""
        place = f"step {step.name!r}"
        if not fits(type(step)):
            allowed = [kind.__name__ for kind in get_args(Step) if fits(kind)]
            self.add(place, f"{type(step).__name__} step", type(step).__name__, allowed)
        self._own_json(step, place)
        if isinstance(step, AutoML):
            self._automl(step, place)
        elif isinstance(step, EmrServerlessJob) and step.retry is not None:
            retried = f"no retry=; {', '.join(STEP_EXCEPTIONS)} are retried"
            self.add(place, "retry of EMR Serverless jobs", step.retry.on, retried)
        self._fields(step, place)

    def _own_json(self, step: Step, place: str) -> None:
        """What would be computed although it was meant as it stands, or the other way round."""
        for key in _paths(getattr(step, "raw", {})):
            self.add(place, "JSONPath in raw=", key, "a constant")
        for field in ("environment", "hyperparameters", "payload"):
            for key in sorted(_FUNCTIONS & set(getattr(step, field, {}))):
                self.add(place, f"{field} of this name", repr(key), "a name that is no function of its definitions")

    def _fields(self, step: Step, place: str) -> None:
        """What the step of the service has no field for."""
        match step:
            case Split():
                self._retry(step.retry, place)
            case Tune():
                self._retry(step.retry, place)
                if step.trainings:
                    self.add(
                        place, "way to the best of several algorithms", step.inner_names, "train= of one algorithm"
                    )
                for candidate in step.definitions:
                    self._own_json(candidate.train, place)
            case Process() | Train() | BatchTransform():
                self._retry(step.retry, place)
                if isinstance(step, BatchTransform) and step.timeout != DAY:
                    self.add(place, "bound on a transform job's time", step.timeout, "no timeout=")
                experiment = step.experiment
                if experiment and (experiment.experiment or experiment.trial):
                    self.add(place, "experiment or trial of a single step", experiment, "display_name alone")
                stop = getattr(step, "stop_when", None)
                if stop is not None:
                    self.add(place, "alarm that ends a job early", stop, "stop_when=None")
            case LambdaTask():
                self._lambda(step, place)
            case Gate():
                self._gate(step, place)

    def results(self, step: Step, by_name: Mapping[str, Step]) -> None:
        """What a step uses of another one's answer and no step of the service hands on."""
        for found in references_of(step):
            made = by_name.get(found.step) if isinstance(found, Result) else None
            if not isinstance(found, Result) or not isinstance(made, (AutoML, EmrServerlessJob)):
                continue
            place, got = f"step {step.name!r}", f"{found.step}.result({found.key!r})"
            if isinstance(made, EmrServerlessJob):
                self.add(place, "result of EMR Serverless jobs", got, "no result of this step")
            elif found.key == "containers":
                self.add(place, "list among a step's results", got, ".model, or result('candidate')")

    def _automl(self, step: AutoML, place: str) -> None:
        """The service's step takes the first version's request, and ensembles alone."""
        self._retry(step.retry, place)
        if not isinstance(step.problem, Tabular):
            kind = "none" if step.problem is None else type(step.problem).__name__
            self.add(place, "AutoML of this problem: its step knows the first version of the API", kind, "Tabular")
        elif step.problem.mode != "ENSEMBLING":
            self.add(place, "AutoML in this mode", step.problem.mode or "AutoML's own choice", "mode='ENSEMBLING'")
        if step.raw:
            got, allowed = f"raw={list(step.raw)}", "no raw=: it speaks of CreateAutoMLJobV2"
            self.add(place, "AutoML with fields of the second version of the API", got, allowed)

    def _retry(self, retry: Retry | None, place: str) -> None:
        if retry is None:
            return
        if not set(retry.on) & set(EXCEPTIONS):
            self.add(place, "retry for these errors", retry.on, EXCEPTIONS)
        if retry.attempts > MAX_ATTEMPTS:
            self.add(place, "retry with so many attempts", retry.attempts, f"at most {MAX_ATTEMPTS}")
        if retry.interval.total_seconds() > INTERVAL_SECONDS:
            self.add(place, "retry after so long an interval", retry.interval, f"at most {INTERVAL_SECONDS} seconds")

    def _lambda(self, step: LambdaTask, place: str) -> None:
        if step.retry is not None:
            self.add(place, "retry of functions", step.retry.on, f"no retry=; {', '.join(STEP_EXCEPTIONS)} are retried")
        if step.timeout < LAMBDA_TIMEOUT:
            self.add(place, "timeout of its own for a function", step.timeout, "the function's own timeout")
        if isinstance(step.function, Function) and step.function.timeout > LAMBDA_TIMEOUT:
            self.add(place, "patience for a function this slow", step.function.timeout, f"at most {LAMBDA_TIMEOUT}")
        for key, value in step.payload.items():
            if isinstance(value, tuple):
                self.add(place, "list among a function's arguments", f"payload[{key!r}]", "texts, numbers, booleans")

    def _gate(self, step: Gate, place: str) -> None:
        if step.outputs:
            self.add(place, "output of a gate", tuple(step.outputs), "a gate without outputs=")
        inside = [item.name for arm in (step.then, step.otherwise) for item in _gates(arm)]
        if inside:
            self.add(place, "condition inside another one", inside, "one condition, or gates in different pipelines")
        answered = [str(metric) for metric in metrics_in(step.when) if metric.step in self.functions]
        if answered:
            allowed = "metrics of Process, Train and Tune steps"
            self.add(place, "check that a function's answer is a finite number", answered, allowed)
        clauses = size(step.when)
        if clauses > _MOST_CLAUSES:
            got = f"{clauses} conditions once `and` stands outside of `or`"
            self.add(place, "short form of this condition", got, f"at most {_MOST_CLAUSES}")

    def order(self, steps: Sequence[Step]) -> bool:
        """Check that each step can wait for the one before it; the answer is whether another one could follow."""
        for index, step in enumerate(steps):
            rest = steps[index + 1 :]
            if isinstance(step, Gate):
                return self._after_gate(step, rest)
            open_end = not isinstance(step, Fail)
            if isinstance(step, Parallel):
                ends = [self.order(chain) for chain in step.chains]
                open_end = all(ends)
            if not open_end and rest:
                self._cannot_follow(step, rest)
            if not open_end:
                return False
        return True

    def _after_gate(self, step: Gate, rest: Sequence[Step]) -> bool:
        """What follows a gate goes into the arm that goes on, if the other one ends the run."""
        arms = (step.then, step.otherwise)
        goes_on = [arm for arm in arms if not ends_in_failure(arm)]
        for arm in arms:
            taken = (*arm, *rest) if len(goes_on) == 1 and arm is goes_on[0] else arm
            self.order(taken)
        if rest and len(goes_on) != 1:
            self._cannot_follow(step, rest)
        later = [item.name for item in _gates(rest)]
        if later and len(goes_on) == 1:
            place, allowed = f"step {step.name!r}", "one gate on the way through the pipeline"
            self.add(place, "condition inside another one, as the steps after a gate are", later, allowed)
        return False

    def _cannot_follow(self, step: Step, rest: Sequence[Step]) -> None:
        what = f"order in which {rest[0].name!r} comes after {type(step).__name__} {step.name!r}"
        allowed = "nothing after it, or a gate of which one arm ends in Fail"
        self.add(f"step {rest[0].name!r}", what, f"after {step.name!r}", allowed)


def _gates(steps: Sequence[Step]) -> list[Gate]:
    """The gates among steps, those in branches included; those inside other gates speak for themselves."""
    found: list[Gate] = []
    for step in steps:
        if isinstance(step, Gate):
            found.append(step)
        elif isinstance(step, Parallel):
            found += [gate for chain in step.chains for gate in _gates(chain)]
    return found


def _paths(value: object) -> list[str]:
    """Keys of user's own JSON that only the States Language computes."""
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            found += [key] if str(key).endswith(".$") else _paths(item)
    elif isinstance(value, (list, tuple)):
        found += [key for item in value for key in _paths(item)]
    return found
