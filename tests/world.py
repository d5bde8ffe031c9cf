"""A small account in which executions go on state by state, in whatever order a test wants: for interleavings.

It knows what the machines of runs use: the table's conditional writes, executions by name, and a clock that stands
still until everybody waits. `tests/compiler/test_world.py` compares it with moto.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.compiler.template import Compiled
from tools.interpreter import Call, TaskFailure

ARNS = {"StateMachine": "arn:pipeline", "Runs": "arn:runs:", "Starter": "arn:starter", "Starts": "arn:starter:runs"}
CONFLICT = "DynamoDB.ConditionalCheckFailedException"


def definition(result: Compiled, part: str, prefix: str = "Training") -> dict[str, Any]:
    """A definition of the template with every placeholder filled."""
    text = result.resources[f"{prefix}{part}"]["Properties"]["DefinitionString"]["Fn::Sub"][0]
    filled = re.sub(r"\$\{([A-Za-z0-9:]+)\}", lambda found: ARNS.get(found[1], found[1].replace("::", "-")), text)
    found: dict[str, Any] = json.loads(filled)
    return found


@dataclass(slots=True)
class Table:
    """Rows by their key, and writes with conditions. Its reading of expressions is held against moto's."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, request: Mapping[str, Any]) -> Any:
        self._check(request, request["Item"]["id"]["S"])
        self.rows[request["Item"]["id"]["S"]] = copy.deepcopy(request["Item"])
        return {}

    def get(self, request: Mapping[str, Any]) -> Any:
        assert request["ConsistentRead"] is True
        row = self.rows.get(request["Key"]["id"]["S"])
        return {"Item": copy.deepcopy(row)} if row else {}

    def delete(self, request: Mapping[str, Any]) -> Any:
        self._check(request, request["Key"]["id"]["S"])
        self.rows.pop(request["Key"]["id"]["S"], None)
        return {}

    def update(self, request: Mapping[str, Any]) -> Any:
        key = request["Key"]["id"]["S"]
        self._check(request, key)
        row = self.rows.setdefault(key, {"id": {"S": key}})
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        for verb, body in re.findall(r"(ADD|SET) (.+?)(?= SET |$)", request["UpdateExpression"]):
            name, _, value = body.partition(" " if verb == "ADD" else " = ")
            if verb == "ADD":
                before = int(row.get(names[name], {"N": "0"})["N"])
                row[names[name]] = {"N": str(before + int(values[value]["N"]))}
            elif value.startswith("if_not_exists"):
                row.setdefault(names[name], values[value.rpartition(", ")[2].rstrip(")")])
            else:
                row[names[name]] = values[value]
        return {"Attributes": copy.deepcopy(row)} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _check(self, request: Mapping[str, Any], key: str) -> None:
        text = request.get("ConditionExpression")
        row = self.rows.get(key, {})
        if text and not any(
            all(self._holds(part, row, request) for part in arm.split(" AND ")) for arm in text.split(" OR ")
        ):
            raise TaskFailure(CONFLICT, "The conditional request failed")

    @staticmethod
    def _holds(part: str, row: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
        if part == "attribute_not_exists(id)":
            return "id" not in row
        name, value = part.split(" = ")
        found = row.get(request["ExpressionAttributeNames"][name])
        return bool(found == request["ExpressionAttributeValues"][value])


@dataclass(slots=True)
class Going:
    """One execution: the state it is about to enter, its data, and when a wait ends."""

    arn: str
    definition: Mapping[str, Any]
    given: Any
    state: str = ""
    data: Any = None
    status: str = "RUNNING"
    wakes: int = 0
    born: int = 0
    visited: list[str] = field(default_factory=list)


Answer = Callable[[Call], Any]


@dataclass(slots=True)
class World:
    """Executions of some machines over one table. `lost` makes a call's first answer get lost, so it is made again.

    `unknown` are executions that a look does not find yet, as just after their start.
    """

    machines: Mapping[str, Mapping[str, Any]]
    others: Answer = lambda call: {}
    table: Table = field(default_factory=Table)
    executions: dict[str, Going] = field(default_factory=dict)
    clock: int = 0
    steps: int = 0
    lost: bool = False
    unknown: set[str] = field(default_factory=set)
    log: list[tuple[int, str, str]] = field(default_factory=list)

    def start(self, machine: str, name: str, given: Any) -> str:
        """Start an execution; a name that was taken by another input, or has ended, is refused."""
        prefix = ARNS["Starts"] if machine == ARNS["Starter"] else f"{ARNS['Runs']}training"
        arn = f"{prefix}:{name}"
        known = self.executions.get(arn)
        if known is not None:
            if known.status == "RUNNING" and known.given == given:
                return arn
            raise TaskFailure("StepFunctions.ExecutionAlreadyExistsException", arn)
        found = self.machines.get(machine)
        going = Going(arn, found or {}, copy.deepcopy(given), born=self.steps)
        if found:
            going.state, going.data = found["StartAt"], copy.deepcopy(given)
        else:
            going.status = "SUCCEEDED"
        self.executions[arn] = going
        self.log.append((self.steps, "start", arn))
        return arn

    def stop(self, arn: str) -> None:
        if self.executions[arn].status == "RUNNING":
            self.executions[arn].status = "ABORTED"

    @property
    def running(self) -> list[Going]:
        return [item for item in self.executions.values() if item.status == "RUNNING"]

    @property
    def awake(self) -> list[Going]:
        return [item for item in self.running if item.wakes <= self.clock]

    def settle(self, most: int = 20_000) -> None:
        """Let everybody go on, in turn, until nobody runs; the clock moves when all wait."""
        for _ in range(most):
            if not self.running:
                return
            if not self.awake:
                self.clock = min(item.wakes for item in self.running)
            for item in self.awake:
                self.step(item)
        raise AssertionError(f"still running: {[(item.arn, item.state) for item in self.running]}")

    def step(self, going: Going) -> None:
        """One state of one execution, from its beginning to its end."""
        self.steps += 1
        name, state = going.state, going.definition["States"][going.state]
        going.visited.append(name)
        self.log.append((self.steps, name, going.arn))
        match state["Type"]:
            case "Succeed":
                going.status = "SUCCEEDED"
            case "Fail":
                going.status = "FAILED"
            case "Choice":
                taken = [rule["Next"] for rule in state["Choices"] if _holds(rule, going)]
                going.state = taken[0] if taken else state["Default"]
            case "Wait":
                seconds = state.get("Seconds", _read(state.get("SecondsPath", "$"), going))
                going.wakes, going.state = self.clock + seconds, state["Next"]
            case "Pass":
                made = _fill(state["Parameters"], going) if "Parameters" in state else state.get("Result", going.data)
                _keep(going, state, copy.deepcopy(made))
                going.state = state["Next"]
            case "Task":
                self._task(going, name, state)

    def _task(self, going: Going, name: str, state: Mapping[str, Any]) -> None:
        call = Call(name, state["Resource"].split(":::", 1)[1], _fill(state["Parameters"], going))
        try:
            if self.lost:
                self.lost = False
                with contextlib.suppress(TaskFailure):
                    self.answer(call)
            answer = self.answer(call)
        except TaskFailure as failure:
            for catcher in state["Catch"]:
                if {failure.error, "States.ALL"} & set(catcher["ErrorEquals"]):
                    _keep(going, catcher, {"Error": failure.error, "Cause": failure.cause})
                    going.state = catcher["Next"]
                    return
            raise
        if "ResultSelector" in state:
            answer = _fill(state["ResultSelector"], going, answer)
        _keep(going, state, answer)
        going.state = state["Next"]

    def answer(self, call: Call) -> Any:
        """What the services say to a call."""
        given = call.parameters
        match call.service:
            case "dynamodb:putItem":
                return self.table.put(given)
            case "dynamodb:getItem":
                return self.table.get(given)
            case "dynamodb:deleteItem":
                return self.table.delete(given)
            case "dynamodb:updateItem":
                return self.table.update(given)
            case "aws-sdk:sfn:describeExecution":
                found = self.executions.get(given["ExecutionArn"])
                if found is None or found.arn in self.unknown:
                    raise TaskFailure("Sfn.ExecutionDoesNotExistException", given["ExecutionArn"])
                return {"Status": found.status}
            case "states:startExecution":
                return {"ExecutionArn": self.start(given["StateMachineArn"], given["Name"], given["Input"])}
        return self.others(call)


def _keep(going: Going, state: Mapping[str, Any], value: Any) -> None:
    path = state.get("ResultPath", "$")
    if path == "$":
        going.data = value
    elif path is not None:
        place = going.data
        *outer, last = path.removeprefix("$.").split(".")
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value


def _read(path: str, going: Going, data: Any = None) -> Any:
    if path.startswith("$$."):
        name = going.arn.rpartition(":")[2]
        return {"Id": going.arn, "Name": name, "StartTime": str(going.born)}[path.rpartition(".")[2]]
    value = going.data if data is None else data
    for name, quoted, index in re.findall(r"\.([A-Za-z0-9_]+)|\['([^']+)'\]|\[([0-9]+)\]", path):
        value = value[int(index)] if index else value[name or quoted]
    return value


def _value(text: str, going: Going, data: Any = None) -> Any:
    text = text.strip()
    if text.startswith("$"):
        return _read(text, going, data)
    if text.startswith("'"):
        return text[1:-1]
    if not text.startswith("States."):
        return json.loads(text)
    name, _, inner = text.removesuffix(")").partition("(")
    given = [_value(part, going, data) for part in _parts(inner)]
    match name:
        case "States.Format":
            return given[0].replace("{}", "%s") % tuple(given[1:])
        case "States.Hash":
            assert given[1] == "SHA-1"
            return hashlib.sha1(given[0].encode(), usedforsecurity=False).hexdigest()
        case "States.MathAdd":
            return given[0] + given[1]
        case "States.JsonMerge":
            return {**given[0], **given[1]}
    raise AssertionError(f"the world does not know {name}")


def _parts(text: str) -> list[str]:
    """The arguments of an intrinsic."""
    found, depth, quoted = [""], 0, False
    for char in text:
        quoted ^= char == "'"
        depth += 0 if quoted else (char in "([") - (char in ")]")
        if char == "," and not depth and not quoted:
            found.append("")
        else:
            found[-1] += char
    return found


def _fill(value: Any, going: Going, data: Any = None) -> Any:
    if isinstance(value, Mapping):
        return {
            key.removesuffix(".$"): _value(item, going, data) if key.endswith(".$") else _fill(item, going, data)
            for key, item in value.items()
        }
    return [_fill(item, going, data) for item in value] if isinstance(value, list) else value


def _holds(rule: Mapping[str, Any], going: Going) -> bool:
    if "And" in rule:
        return all(_holds(item, going) for item in rule["And"])
    if "Or" in rule:
        return any(_holds(item, going) for item in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], going)
    try:
        found = _read(rule["Variable"], going)
    except (KeyError, IndexError, TypeError):
        assert "IsPresent" in rule, f"{rule} reads what is not there"
        return rule["IsPresent"] is False
    (test,) = set(rule) - {"Variable", "Next"}
    wanted = _read(rule[test], going) if test.endswith("Path") else rule[test]
    match test.removesuffix("Path"):
        case "StringEquals":
            return bool(found == wanted)
        case "NumericGreaterThanEquals":
            return bool(found >= wanted)
        case "IsPresent":
            return bool(wanted)
        case "IsString":
            return isinstance(found, str)
    raise AssertionError(f"the world does not know {test}")
