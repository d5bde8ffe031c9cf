"""The states of one level of a state machine: tasks, guards and the way into the failure path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Text, escape_sub
from constructs_ml.compiler.paths import StatesExpressions, result_path
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.template import Json
from constructs_ml.contract.names import NOTIFY_STATE as NOTIFY
from constructs_ml.spec.steps import Step

SERVICE = "arn:${AWS::Partition}:states:::"


@dataclass(slots=True)
class Machine:
    """One level. At the top every error leads to the notice; inside a block it ends the block, which is caught.

    `expressions` are those of this level; requests find them in its `context`.
    """

    context: Context
    expressions: StatesExpressions
    states: dict[str, Json] = field(default_factory=dict)
    nested: bool = False

    def inside(self, expressions: StatesExpressions) -> Machine:
        """The level inside a block: it shares everything but the expressions and the states."""
        context = copy(self.context)
        context.expressions = expressions
        return Machine(context, expressions, nested=True)

    def put(self, name: str, state: Mapping[str, Json]) -> None:
        """Add a state."""
        if name in self.states:
            raise AssertionError(f"the compiler rendered the state {name!r} twice")
        self.states[name] = dict(state)

    def task(
        self,
        name: str,
        call: str,
        parameters: Mapping[str, Json],
        after: str,
        *,
        kept: Mapping[str, Json] | None = None,
        at: str | None = None,
        retry: Sequence[Json] | None = None,
        seconds: int = 300,
        catch: Sequence[Json] = (),
    ) -> None:
        """A call of a service, of whose answer the run keeps only `kept`; `catch` comes before the failure path."""
        state: dict[str, Json] = {"Type": "Task", "Resource": SERVICE + call, "Parameters": dict(parameters)}
        if kept:
            state |= {"ResultSelector": dict(kept), "ResultPath": at or result_path(name)}
        else:
            state["ResultPath"] = None
        state |= {"TimeoutSeconds": seconds, "Retry": list(retry) if retry else [service_retry("sagemaker")]}
        catchers = [*catch, *self.catch]
        if catchers:
            state["Catch"] = catchers
        self.put(name, state | {"Next": after})

    @property
    def catch(self) -> list[Json]:
        """The way of an error out of a state: to the notice, or out of the block."""
        return [] if self.nested else [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": NOTIFY}]

    def guard(self, name: str, checks: Sequence[Json], after: str, cause: str) -> None:
        """Go on where every check holds, else to the failure path."""
        report = name.replace("Check", "Report", 1)
        held = checks[0] if len(checks) == 1 else {"And": list(checks)}
        self.put(name, {"Type": "Choice", "Choices": [{**held, "Next": after}], "Default": report})
        self.fail(report, "CheckFailed", cause)

    def fail(self, name: str, error: str, cause: str | Text) -> None:
        """Enter the failure path with an error of our own; the cause may hold paths."""
        told: dict[str, Json] = {"Error": escape_sub(error)}
        self.expressions.put(told, "Cause", (cause,) if isinstance(cause, str) else cause)
        if self.nested:
            said = {"CausePath": told.pop("Cause.$")} if "Cause.$" in told else {}
            self.put(name, {"Type": "Fail", **told, **said})
        elif "Cause" in told:
            self.put(name, {"Type": "Pass", "Result": told, "ResultPath": "$.error", "Next": NOTIFY})
        else:
            self.put(name, {"Type": "Pass", "Parameters": told, "ResultPath": "$.error", "Next": NOTIFY})


Chain = Callable[[Machine, Sequence[Step], str], None]
"""Renders steps one after the other at a level; the last goes on to the named state. Blocks are given it."""
