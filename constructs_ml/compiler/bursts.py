"""Bursts of events that become one run: the states of the starter that count, wait, and start.

An event is admitted once, by the name of the execution that it becomes: Step Functions refuses the name of a change
that came before. Each admitted event adds one to the row of its burst; the one that finds no leader leads. The leader
waits until the count stands still, starts the run, and deletes the row if the count is still the one it saw. Where it
is not, an event came between: a successor leads the rest of the burst. An event that finds a leader which does not
run any more takes its place. So every event that was counted is followed by a run, however the writes interleave.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.expressions import Open, Path
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import intrinsic
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.table import CONFLICT, NO_EXECUTION, allow_table, table_name
from constructs_ml.compiler.template import Json

TAKEN = "StepFunctions.ExecutionAlreadyExistsException"
"""How Step Functions reports the name of an execution that there was in the last 90 days."""
ADMIT, COUNT, JOINED = "Admit event", "Count event", "Joined"
_WHO, _LOOK, _JUDGE, _LEAD, _READ, _CHECK, _KEEP = (
    "Who leads",
    "Look at leader",
    "Judge leader",
    "Take lead",
    "See who leads",
    "Check who leads",
    "Keep who leads",
)
_BEGIN, _WAIT, _SEE, _STILL, _AGAIN = "Begin to lead", "Wait for quiet", "See count", "Is it quiet", "Wait again"
_START, _RELEASE, _PASS_ON, _NEXT = "Start run of burst", "Give lead back", "Pass lead on", "Start successor"
_KEY = {"id": {"S.$": "$.burst.row"}}
_NAMES = {"#leader": "leader", "#arrivals": "arrivals"}
_ME = {":me": {"S.$": "$.burst.me"}}
_SEEN = "$.seen.row.Item"


def add(machine: Machine, duplicate: str, started: str) -> None:
    """Add the states that all bursts of a starter share; what is a burst's own is in the data at `$.burst`."""
    table_name(machine)
    allow_table(machine.context, "UpdateItem", "GetItem", "DeleteItem")
    _admit(machine, duplicate, started)
    _count(machine)
    _follow(machine)
    _lead(machine)
    _finish(machine, started)
    machine.put(JOINED, {"Type": "Succeed"})


def _admit(machine: Machine, duplicate: str, started: str) -> None:
    """The event as an execution of its own name."""
    _execution(machine, ADMIT, {"Name.$": "$.name", "Input.$": "$.inputs"}, (duplicate, started))


def _count(machine: Machine) -> None:
    """One more event; the first one leads."""
    update = "ADD #arrivals :one SET #leader = if_not_exists(#leader, :me)"
    kept = {"arrivals.$": "$.Attributes.arrivals.N", "leader.$": "$.Attributes.leader.S"}
    _update(machine, COUNT, update, {**_ME, ":one": {"N": "1"}}, (_WHO, ""), kept=kept)
    mine = {"Variable": "$.row.leader", "StringEqualsPath": "$.burst.me", "Next": _BEGIN}
    machine.put(_WHO, {"Type": "Choice", "Choices": [mine], "Default": _LOOK})


def _follow(machine: Machine) -> None:
    """An event that does not lead has done its part, unless its leader does not run any more."""
    machine.task(
        _LOOK,
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn.$": intrinsic((Open("Starts"), ":", Path("$.row.leader")))},
        _JUDGE,
        kept={"status.$": "$.Status"},
        at="$.leader",
        retry=[service_retry("sfn")],
        catch=[{"ErrorEquals": [NO_EXECUTION], "ResultPath": None, "Next": _LEAD}],
    )
    runs = {"Variable": "$.leader.status", "StringEquals": "RUNNING", "Next": JOINED}
    machine.put(_JUDGE, {"Type": "Choice", "Choices": [runs], "Default": _LEAD})
    kept = {"arrivals.$": "$.Attributes.arrivals.N", "leader.$": "$.Attributes.leader.S"}
    ended = {**_ME, ":ended": {"S.$": "$.row.leader"}}
    _update(machine, _LEAD, "SET #leader = :me", ended, (_BEGIN, _READ), condition="#leader = :ended", kept=kept)
    _see(machine, _READ, _CHECK)
    # No row means that the burst ended after this event was counted: its run began after that, too.
    there = {"Variable": f"{_SEEN}.leader.S", "IsPresent": True, "Next": _KEEP}
    machine.put(_CHECK, {"Type": "Choice", "Choices": [there], "Default": JOINED})
    machine.put(_KEEP, {"Type": "Pass", "Parameters": _ROW, "ResultPath": "$.row", "Next": _WHO})


_ROW = {"arrivals.$": f"{_SEEN}.arrivals.N", "leader.$": f"{_SEEN}.leader.S"}


def _lead(machine: Machine) -> None:
    """Wait until the count stands still, or long enough."""
    machine.put(_BEGIN, {"Type": "Pass", "Result": {"looks": 1}, "ResultPath": "$.lead", "Next": _WAIT})
    machine.put(_WAIT, {"Type": "Wait", "SecondsPath": "$.burst.quiet", "Next": _SEE})
    _see(machine, _SEE, _STILL)
    leader, arrivals = f"{_SEEN}.leader.S", f"{_SEEN}.arrivals.N"
    gone = {"Variable": leader, "IsPresent": False}
    other = {"Not": {"Variable": leader, "StringEqualsPath": "$.burst.me"}}
    quiet = {"Variable": arrivals, "StringEqualsPath": "$.row.arrivals"}
    enough = {"Variable": "$.lead.looks", "NumericGreaterThanEqualsPath": "$.burst.looks"}
    choices = [
        # Who was taken for dead and replaced has nothing left to do.
        {**gone, "Next": JOINED},
        {**other, "Next": JOINED},
        {"Or": [quiet, enough], "Next": "Keep count"},
    ]
    machine.put(_STILL, {"Type": "Choice", "Choices": choices, "Default": "Look once more"})
    machine.put("Keep count", {"Type": "Pass", "Parameters": _ROW, "ResultPath": "$.row", "Next": _START})
    looks = {"looks.$": "States.MathAdd($.lead.looks, 1)"}
    machine.put("Look once more", {"Type": "Pass", "Parameters": looks, "ResultPath": "$.lead", "Next": _AGAIN})
    machine.put(_AGAIN, {"Type": "Pass", "Parameters": _ROW, "ResultPath": "$.row", "Next": _WAIT})


def _finish(machine: Machine, started: str) -> None:
    """Start the run, which each leader does once; then give the lead back, or pass it on."""
    named = "States.Format('{}-{}', $.burst.trigger, States.Hash($.burst.me, 'SHA-1'))"
    run = {"StateMachineArn": "${StateMachine}", "Name.$": named, "Input.$": "$.inputs"}
    _execution(machine, _START, run, (_RELEASE, _RELEASE))
    released = {
        "TableName": "${RunsTable}",
        "Key": _KEY,
        "ConditionExpression": "#leader = :me AND #arrivals = :seen",
        "ExpressionAttributeNames": _NAMES,
        "ExpressionAttributeValues": {**_ME, ":seen": {"N.$": "$.row.arrivals"}},
    }
    more = {"ErrorEquals": [CONFLICT], "ResultPath": None, "Next": "Name successor"}
    machine.task(_RELEASE, "dynamodb:deleteItem", released, started, retry=[service_retry("dynamodb")], catch=[more])
    successor = "States.Format('{}-{}', $.burst.trigger, States.Hash(States.Format('{} next', $.burst.me), 'SHA-1'))"
    # The row names the successor before there is one: who finds it so, and no such execution, may take its place.
    next_one = {"name.$": successor}
    machine.put("Name successor", {"Type": "Pass", "Parameters": next_one, "ResultPath": "$.next", "Next": _PASS_ON})
    values = {**_ME, ":next": {"S.$": "$.next.name"}}
    mine = "#leader = :me OR #leader = :next"
    _update(machine, _PASS_ON, "SET #leader = :next", values, (_NEXT, started), condition=mine)
    given = {"trigger.$": "$.burst.trigger", "admitted": True}
    _execution(machine, _NEXT, {"Name.$": "$.next.name", "Input": given}, (started, started))


def _execution(machine: Machine, name: str, request: Mapping[str, Json], ways: tuple[str, str]) -> None:
    """Start an execution, of the starter unless another machine is named; `ways` are for a name taken, or free."""
    taken = {"ErrorEquals": [TAKEN], "ResultPath": None, "Next": ways[0]}
    given = {"StateMachineArn": "${Starter}", **request}
    machine.task(name, "states:startExecution", given, ways[1], retry=[service_retry("states")], catch=[taken])


def _update(
    machine: Machine,
    name: str,
    update: str,
    values: Mapping[str, Json],
    ways: tuple[str, str],
    *,
    condition: str = "",
    kept: Mapping[str, Json] | None = None,
) -> None:
    """Change the row; `ways` are where it goes on, and where if the condition fails."""
    request: dict[str, Json] = {
        "TableName": "${RunsTable}",
        "Key": _KEY,
        "UpdateExpression": update,
        "ExpressionAttributeNames": {name: word for name, word in _NAMES.items() if name in update + condition},
        "ExpressionAttributeValues": dict(values),
    }
    if condition:
        request["ConditionExpression"] = condition
    if kept:
        request["ReturnValues"] = "ALL_NEW"
    refused = [{"ErrorEquals": [CONFLICT], "ResultPath": None, "Next": ways[1]}] if condition else []
    again = [service_retry("dynamodb")]
    machine.task(name, "dynamodb:updateItem", request, ways[0], kept=kept, at="$.row", retry=again, catch=refused)


def _see(machine: Machine, name: str, after: str) -> None:
    """Read the row as it is at this moment."""
    request = {"TableName": "${RunsTable}", "Key": _KEY, "ConsistentRead": True}
    machine.task(
        name,
        "dynamodb:getItem",
        request,
        after,
        kept={"row.$": "$"},
        at="$.seen",
        retry=[service_retry("dynamodb")],
    )
