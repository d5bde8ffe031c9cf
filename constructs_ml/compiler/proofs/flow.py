"""How the states of one level follow each other: targets, reachability, and a way to an end from everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_ml.compiler.proofs.machine import Scope
from constructs_ml.compiler.proofs.texts import near
from constructs_ml.compiler.template import Json
from constructs_ml.facts import limits
from constructs_ml.faults import Faults

_ENDS = ("Succeed", "Fail")
_NO_NEXT = ("Choice", "Succeed", "Fail")


def check_flow(scope: Scope, faults: Faults, prefix: str) -> None:
    """Add what is wrong with the order of a level's states. `prefix` begins every place."""
    states = scope.body.get("States")
    if not isinstance(states, Mapping) or not states:
        faults.add(
            "state-field",
            where=prefix + scope.place("States"),
            got=repr(states),
            allowed="at least one state",
            name="States",
        )
        return
    for name in states:
        if len(name) > limits.STATE_NAME_LENGTH:
            faults.add(
                "state-name",
                where=prefix + scope.place("States"),
                got=f"{name!r} ({len(name)} characters)",
                allowed=f"at most {limits.STATE_NAME_LENGTH} characters",
            )
    known = {name: state for name, state in states.items() if isinstance(state, Mapping)}
    start = scope.body.get("StartAt")
    for name, state in known.items():
        _check_next(scope, name, state, faults, prefix)
    named = [("StartAt", start)]
    for name, state in known.items():
        named += [(f"{name}.{field}", target) for field, target in targets(state)]
    wrong = [(field, target) for field, target in named if not isinstance(target, str) or target not in states]
    for field, target in wrong:
        faults.add("state-target", where=prefix + scope.place(field), got=repr(target), allowed=_near(target, states))
    # A way or a state that cannot be read would make other states look unreached or endless, too.
    if not wrong and len(known) == len(states):
        _check_reach(scope, known, str(start), faults, prefix)


def targets(state: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Every state that can follow, with the field that names it."""
    for name in ("Next", "Default"):
        if name in state:
            yield name, state[name]
    for name in ("Choices", "Catch"):
        items = state.get(name)
        for index, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
            if isinstance(item, Mapping) and "Next" in item:
                yield f"{name}[{index}].Next", item["Next"]


def _check_next(scope: Scope, name: str, state: Mapping[str, Json], faults: Faults, prefix: str) -> None:
    kind = state.get("Type")
    if kind in _NO_NEXT:
        return
    given = [field for field in ("Next", "End") if field in state]
    if len(given) != 1:
        got = " and ".join(given) or "neither Next nor End"
        faults.add("state-end", where=prefix + scope.place(name), got=got, allowed='either "Next" or "End": true')
    elif given == ["End"] and state["End"] is not True:
        faults.add("state-end", where=f"{prefix}{scope.place(name)}.End", got=repr(state["End"]), allowed="true")


def _check_reach(
    scope: Scope, states: Mapping[str, Mapping[str, Json]], start: str, faults: Faults, prefix: str
) -> None:
    following = {name: [str(to) for _, to in targets(state) if to in states] for name, state in states.items()}
    reached = _closure([start], following)
    for name in states:
        if name not in reached:
            faults.add(
                "state-unreached",
                where=prefix + scope.place(name),
                got="no way from StartAt",
                allowed="a state that leads here",
            )
    before: dict[str, list[str]] = {name: [] for name in states}
    for name, successors in following.items():
        for successor in successors:
            before[successor].append(name)
    ends = [name for name, state in states.items() if state.get("End") is True or state.get("Type") in _ENDS]
    ending = _closure(ends, before)
    for name in states:
        if name in reached and name not in ending:
            allowed = 'a way to a Succeed or Fail state, or to "End": true'
            faults.add("state-endless", where=prefix + scope.place(name), got="no way to an end", allowed=allowed)


def _closure(start: list[str], edges: Mapping[str, list[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        for name in edges[waiting.pop()]:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _near(name: Json, states: Mapping[str, Json]) -> tuple[str, ...]:
    return near(str(name), tuple(str(item) for item in states))
