"""Runs of one model that take turns: who holds the turn stands in one row of the table of runs.

A run takes the turn by a write that fails if the row is another one's, and gives it back by a delete that fails
likewise. A holder that no longer runs, because it was stopped or could not give the turn back, is replaced by a write
that fails if the row is not that holder's any more. So there is never more than one holder that runs, and a write
that is made twice does what it did once.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.expressions import Open, Path
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import SERVICE, Machine
from constructs_ml.compiler.paths import intrinsic
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.table import CONFLICT, NO_EXECUTION, allow_table, table_name
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.concurrency import Allow, Queue
from constructs_ml.spec.pipeline import PipelineSpec

TAKE, SKIPPED = "Take turn", "Skipped"
_WAIT, _SEE, _LOOK, _AGAIN, _JUDGE, _TAKE_OVER = (
    "Begin to wait",
    "See whose turn it is",
    "Look at the other run",
    "Look at the other run again",
    "Judge the other run",
    "Take turn over",
)
_GIVE_BACK = "Give turn back"
_OWNER = "$.turn.owner"
_WHY = "the other runs of the model, by whatever pipeline, have no names before they start"
# A look may come before Step Functions knows of an execution everywhere; after this it is one of long ago.
_NEWS_SECONDS = 60


def before(spec: PipelineSpec, first: str) -> str:
    """Where a run begins whose first step is `first`."""
    return first if isinstance(spec.concurrency, Allow) else TAKE


def after(spec: PipelineSpec, end: str) -> str:
    """Where a run goes that ends in `end`."""
    return end if isinstance(spec.concurrency, Allow) else _give_back(end)


def add(machine: Machine, first: str, ends: tuple[str, ...]) -> None:
    """Add the states that take the turn and those that give it back before each end."""
    context = machine.context
    table_name(machine)
    allow_table(context, "PutItem", "GetItem", "DeleteItem")
    stage, model = context.account.stage, context.spec.model
    # A holder is its pipeline and its name, so that a look is at a run of this model whatever stands in the row.
    runs = f"execution:{names.state_machines(stage, model)}"
    machine.expressions.open("Runs", arn("states", runs))
    context.allow(Statement(("states:DescribeExecution",), (arn("states", f"{runs}*"),), because=_WHY))
    _take(machine, first)
    _watch(machine)
    for end in ends:
        _give(machine, end)


def _take(machine: Machine, first: str) -> None:
    """Take the turn; it may be free, or mine by a write whose answer was lost."""
    turn = _row(machine)
    _put(machine, TAKE, "attribute_not_exists(id) OR #owner = :me", {}, (_WAIT, first))
    machine.put(
        _WAIT,
        {"Type": "Pass", "Result": {"looks": 0, "owner": "nobody"}, "ResultPath": "$.turn", "Next": _SEE},
    )
    machine.task(
        _SEE,
        "dynamodb:getItem",
        {"TableName": "${RunsTable}", "Key": turn, "ConsistentRead": True},
        "Check whose turn it is",
        kept={"row.$": "$"},
        at="$.turn.found",
        retry=[service_retry("dynamodb")],
    )
    owner = "$.turn.found.row.Item.owner.S"
    machine.put(
        "Check whose turn it is",
        {
            "Type": "Choice",
            "Choices": [{"Variable": owner, "IsPresent": True, "Next": "Keep whose turn it is"}],
            "Default": _TAKE_OVER,
        },
    )
    machine.put(
        "Keep whose turn it is",
        {
            "Type": "Pass",
            "Parameters": {"looks.$": "$.turn.looks", "owner.$": owner},
            "ResultPath": "$.turn",
            "Next": _LOOK,
        },
    )
    # Whoever was seen as owner has ended, and an execution takes the turn only once.
    condition = "attribute_not_exists(id) OR #owner = :me OR #owner = :ended"
    _put(machine, _TAKE_OVER, condition, {":ended": {"S.$": _OWNER}}, (_SEE, first))


def _put(machine: Machine, name: str, condition: str, values: Mapping[str, Json], ways: tuple[str, str]) -> None:
    """Write this run into the row; `ways` are where it goes on if the condition fails, and if it holds."""
    request = {
        "TableName": "${RunsTable}",
        "Item": {**_row(machine), "owner": _me(machine)},
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":me": _me(machine), **values},
    }
    refused = {"ErrorEquals": [CONFLICT], "ResultPath": None, "Next": ways[0]}
    machine.task(name, "dynamodb:putItem", request, ways[1], retry=[service_retry("dynamodb")], catch=[refused])


def _watch(machine: Machine) -> None:
    """What the holder is doing: a run that goes on is waited for, one that does not loses the turn."""
    for name, unknown in ((_LOOK, "Wait for news of the other run"), (_AGAIN, _TAKE_OVER)):
        machine.task(
            name,
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn.$": intrinsic((Open("Runs"), Path(_OWNER)))},
            _JUDGE,
            kept={"status.$": "$.Status"},
            at="$.turn.run",
            retry=[service_retry("sfn")],
            catch=[{"ErrorEquals": [NO_EXECUTION], "ResultPath": None, "Next": unknown}],
        )
    machine.put("Wait for news of the other run", {"Type": "Wait", "Seconds": _NEWS_SECONDS, "Next": _AGAIN})
    goes_on: dict[str, Json] = {"Variable": "$.turn.run.status", "StringEquals": "RUNNING"}
    wanted = machine.context.spec.concurrency
    if not isinstance(wanted, Queue):
        choices: list[Json] = [{**goes_on, "Next": SKIPPED}]
        machine.put(SKIPPED, {"Type": "Succeed"})
    else:
        enough = {"Variable": "$.turn.looks", "NumericGreaterThanEquals": wanted.looks}
        choices = [{"And": [goes_on, enough], "Next": "Give up waiting"}, {**goes_on, "Next": "Count look"}]
        _wait(machine, wanted)
    machine.put(_JUDGE, {"Type": "Choice", "Choices": choices, "Default": _TAKE_OVER})


def _wait(machine: Machine, wanted: Queue) -> None:
    counted = {"looks.$": "States.MathAdd($.turn.looks, 1)", "owner.$": _OWNER}
    machine.put("Count look", {"Type": "Pass", "Parameters": counted, "ResultPath": "$.turn", "Next": "Wait for turn"})
    machine.put("Wait for turn", {"Type": "Wait", "Seconds": int(wanted.every.total_seconds()), "Next": _LOOK})
    told = (f"other runs of {machine.context.spec.model} went on for {wanted.at_most}; the last one is ", Path(_OWNER))
    machine.fail("Give up waiting", "QueueTimedOut", told)


def _give(machine: Machine, end: str) -> None:
    """Give the turn back if it is mine. What goes wrong here changes no run: who ended holds nothing."""
    request = {
        "TableName": "${RunsTable}",
        "Key": _row(machine),
        "ConditionExpression": "#owner = :me",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":me": _me(machine)},
    }
    machine.put(
        _give_back(end),
        {
            "Type": "Task",
            "Resource": f"{SERVICE}dynamodb:deleteItem",
            "Parameters": request,
            "ResultPath": None,
            "TimeoutSeconds": 60,
            "Retry": [service_retry("dynamodb")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": end}],
            "Next": end,
        },
    )


def _give_back(end: str) -> str:
    return f"{_GIVE_BACK}: {end.lower()}"


def _me(machine: Machine) -> dict[str, Json]:
    """The run itself as the row names it: what follows the stage and the model in its ARN."""
    return {"S.$": intrinsic((f"{machine.context.spec.name}:", Path("$$.Execution.Name")))}


def _row(machine: Machine) -> dict[str, Json]:
    return {"id": {"S": names.turn(machine.context.spec.model)}}
