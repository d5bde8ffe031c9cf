"""Approve: a person decides whether the run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, check_tuple
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.values import VALUES, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Asks on the stage's topic and waits for an answer; no answer in time, or a no, ends the run as failed.

    The notice holds `question`, the `facts` and the two commands that answer it, each a call of Step Functions'
    SendTaskSuccess or SendTaskFailure with the task's token. `timeout` is at most a year, as a run is.

    >>> from constructs_ml import Approve
    >>> Approve(question="Does the new version go live?").timeout
    datetime.timedelta(days=3)
    """

    question: str
    name: str = "approve"
    facts: tuple[Value, ...] = ()
    timeout: timedelta = timedelta(days=3)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        if not self.question:
            raise refuse("empty", thing="question", where=where, got="''", allowed="what a person is asked")
        check_tuple("facts", self.facts, where, *VALUES)
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), timedelta(days=365))
