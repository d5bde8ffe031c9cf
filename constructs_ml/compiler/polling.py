"""Jobs that no integration waits for: started, looked at with growing pauses, and given up at a deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from constructs_ml.compiler.expressions import Path, Text
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import intrinsic, result_path
from constructs_ml.compiler.retries import retries, service_retry
from constructs_ml.compiler.template import Json
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.steps import Until

_FIRST_PAUSE, _LONGEST_PAUSE = 15, 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """How a job is started and followed.

    `start` and `look` are calls such as "aws-sdk:sagemaker:createCompilationJob", `name` is the member of their
    requests that holds the job's name, which ends in what `unique` makes: a start that says `exists` has started it
    before.
    `status` is the path of the status in the answer to `look`; `kept` selects from that answer what later steps use.
    `stop` is the call that ends the job when `deadline` has passed. `between` is a state that the caller adds: it is
    entered after each look at a running job, finds what `seen` selects there, and goes on to "Pause <step>".
    """

    start: str
    look: str
    stop: str
    name: str
    status: str
    done: Sequence[str]
    failed: Sequence[str]
    exists: str
    deadline: timedelta
    kept: Mapping[str, Json] = field(default_factory=dict)
    seen: Mapping[str, Json] = field(default_factory=dict)
    between: str = ""
    service: str = "sagemaker"
    retry: Retry | None = None
    unique: str = "States.UUID()"


def add(machine: Machine, step: str, poll: Poll, name: Text, parameters: Mapping[str, Json], after: str) -> None:
    """The states of a job: name it, start it, wait, look, and decide. `name` is the job's name without its end."""
    job = {"job.$": intrinsic((*name, "-", Path(poll.unique))), "wait": _FIRST_PAUSE, "waited": 0}
    machine.put(step, {"Type": "Pass", "Parameters": job, "ResultPath": result_path(step), "Next": f"Start {step}"})
    named = {f"{poll.name}.$": result_path(step, "job")}
    again = {"ErrorEquals": [poll.exists], "ResultPath": None, "Next": f"Wait for {step}"}
    machine.task(
        f"Start {step}",
        poll.start,
        {**parameters, **named},
        f"Wait for {step}",
        retry=retries(poll.service, poll.retry),
        catch=[again],
    )
    machine.task(
        f"Look at {step}",
        poll.look,
        named,
        f"Check {step}",
        kept={"status.$": poll.status, **poll.seen},
        at=result_path(step, "look"),
        retry=[service_retry(poll.service)],
    )
    carried = {"job.$": result_path(step, "job")}
    _loop(
        machine, step, poll.done, poll.failed, poll.deadline, late=f"Stop {step}", carried=carried, between=poll.between
    )
    _end(machine, step, poll, named, after)


def repeat(machine: Machine, step: str, until: Until, kept: Mapping[str, Json], after: str) -> None:
    """The states around a call that is made again until its answer has one of some statuses.

    The caller adds the call itself as "Look at <step>": it leaves `status`, and what is `kept`, below `look`.
    """
    first = {"wait": _FIRST_PAUSE, "waited": 0}
    machine.put(step, {"Type": "Pass", "Parameters": first, "ResultPath": result_path(step), "Next": f"Look at {step}"})
    _loop(machine, step, until.done, until.failed, until.deadline, late=f"Give up {step}")
    seen = {key: result_path(step, f"look.{key.removesuffix('.$')}") for key in kept}
    machine.put(f"Keep {step}", {"Type": "Pass", "Parameters": seen, "ResultPath": result_path(step), "Next": after})
    status = Path(result_path(step, "look.status"))
    if until.failed:
        machine.fail(f"Report {step}", "StatusFailed", (f"step {step}: the status is ", status))
    late = (f"step {step}: the status was still ", status, f" after {until.deadline}")
    machine.fail(f"Give up {step}", "StatusTimedOut", late)


def _loop(
    machine: Machine,
    step: str,
    done: Sequence[str],
    failed: Sequence[str],
    deadline: timedelta,
    *,
    late: str,
    carried: Mapping[str, Json] = MappingProxyType({}),
    between: str = "",
) -> None:
    """After a look: go on, fail, give up, or wait and look again, each time twice as long up to a bound."""
    status, wait, waited = (result_path(step, key) for key in ("look.status", "wait", "waited"))

    def any_of(values: Sequence[str]) -> dict[str, Json]:
        tests = [{"Variable": status, "StringEquals": value} for value in values]
        return tests[0] if len(tests) == 1 else {"Or": tests}

    ends: list[Json] = [{**any_of(done), "Next": f"Keep {step}"}]
    if failed:
        ends.append({**any_of(failed), "Next": f"Report {step}"})
    ends.append({"Variable": waited, "NumericGreaterThanEquals": int(deadline.total_seconds()), "Next": late})
    pauses: list[Json] = [{"Variable": wait, "NumericLessThan": _LONGEST_PAUSE, "Next": f"Wait longer for {step}"}]
    if between:
        machine.put(f"Check {step}", {"Type": "Choice", "Choices": ends, "Default": between})
        ends = []
    check = f"Pause {step}" if between else f"Check {step}"
    machine.put(check, {"Type": "Choice", "Choices": [*ends, *pauses], "Default": f"Wait again for {step}"})
    for name, pause in (("longer", f"States.MathAdd({wait}, {wait})"), ("again", wait)):
        counted = {**carried, "wait.$": pause, "waited.$": f"States.MathAdd({waited}, {wait})"}
        machine.put(
            f"Wait {name} for {step}",
            {"Type": "Pass", "Parameters": counted, "ResultPath": result_path(step), "Next": f"Wait for {step}"},
        )
    machine.put(
        f"Wait for {step}", {"Type": "Wait", "SecondsPath": result_path(step, "wait"), "Next": f"Look at {step}"}
    )


def _end(machine: Machine, step: str, poll: Poll, named: Mapping[str, Json], after: str) -> None:
    """The ends of a job: what later steps use, or the failure path."""
    job, status = Path(result_path(step, "job")), Path(result_path(step, "look.status"))
    if poll.kept:
        machine.task(
            f"Keep {step}",
            poll.look,
            named,
            after,
            kept=poll.kept,
            at=result_path(step),
            retry=[service_retry(poll.service)],
        )
    else:
        kept = {"job.$": result_path(step, "job")}
        machine.put(
            f"Keep {step}", {"Type": "Pass", "Parameters": kept, "ResultPath": result_path(step), "Next": after}
        )
    machine.fail(f"Report {step}", "JobFailed", (f"step {step}: the job ", job, " ended as ", status))
    machine.task(f"Stop {step}", poll.stop, named, f"Give up {step}", retry=[service_retry(poll.service)])
    machine.fail(
        f"Give up {step}", "JobTimedOut", (f"step {step}: the job ", job, f" did not end within {poll.deadline}")
    )
