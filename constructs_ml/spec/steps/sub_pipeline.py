"""SubPipeline: another pipeline, started with inputs and waited for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from constructs_ml.contract import names
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_kind, check_name, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Retry
from constructs_ml.spec.steps.common import result_of
from constructs_ml.spec.values import VALUES, Result, Value

_MACHINE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_STARTED = ("ExecutionArn",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubPipeline:
    """Starts a pipeline of this stage with `inputs`, and waits for its end.

    `pipeline` is one of this library's, of `model` or of the same model; `machine` is any state machine of the
    account. A run that fails, fails the step. Without `wait` the step ends when the run has begun.

    >>> from constructs_ml import SubPipeline
    >>> score = SubPipeline(name="score", pipeline="scoring", inputs={"day": "2026-11-21"})
    >>> score.result("steps")
    Result(step='score', key='steps')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)

    name: str
    pipeline: str | None = None
    model: str | None = None
    machine: str | None = None
    inputs: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    wait: bool = True
    retry: Retry | None = None
    timeout: timedelta = 7 * DAY

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        if (self.pipeline is None) == (self.machine is None):
            got = f"pipeline={self.pipeline!r}, machine={self.machine!r}"
            raise refuse("sub-which", where=where, got=got, allowed="pipeline=, or machine=")
        if self.pipeline is not None:
            check_name("pipeline", self.pipeline, where, longest=names.PIPELINE_LENGTH)
        elif not isinstance(self.machine, str) or not _MACHINE.fullmatch(self.machine) or self.model is not None:
            got = f"machine={self.machine!r}, model={self.model!r}"
            raise refuse("sub-which", where=where, got=got, allowed="the name of a state machine, without model=")
        if self.model is not None:
            check_name("model", self.model, where, longest=names.MODEL_LENGTH)
        for key, value in self.inputs.items():
            check_kind("the name of an input", key, where, str)
            for item in value if isinstance(value, tuple) else (value,):
                check_kind(f"input {key!r}", item, where, *VALUES)
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 365 * DAY)
        object.__setattr__(self, "inputs", frozen(self.inputs))

    @property
    def result_keys(self) -> tuple[str, ...] | None:
        """Any key of the output of a run that is waited for; else what is known of one that has begun."""
        return None if self.wait else _STARTED

    def result(self, key: str) -> Result:
        """One top-level key of the run's output; without `wait`, its ExecutionArn."""
        return result_of(self.name, key, self.result_keys)
