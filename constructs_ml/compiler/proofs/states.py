"""Whether a definition is sound Amazon States Language, before any service sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_ml.compiler.proofs.flow import check_flow
from constructs_ml.compiler.proofs.integrations import parse_resource
from constructs_ml.compiler.proofs.language import read_path, read_value
from constructs_ml.compiler.proofs.machine import Scope, inside, nested, scopes
from constructs_ml.compiler.proofs.rules import check_catchers, check_choices, check_count, check_retriers
from constructs_ml.compiler.proofs.texts import near
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, Faults

_ALWAYS = ("Comment", "QueryLanguage", "Type")
_DATA = ("InputPath", "OutputPath")
_ON = ("End", "Next")
_WORK = ("Catch", "Parameters", "ResultPath", "ResultSelector", "Retry")
_FIELDS: dict[str, tuple[str, ...]] = {
    "Task": (
        *(*_ALWAYS, *_DATA, *_ON, *_WORK),
        *(
            "Credentials",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Resource",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
        ),
    ),
    "Pass": (*_ALWAYS, *_DATA, *_ON, "Parameters", "Result", "ResultPath"),
    "Wait": (*_ALWAYS, *_DATA, *_ON, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    "Choice": (*_ALWAYS, *_DATA, "Choices", "Default"),
    "Succeed": (*_ALWAYS, *_DATA),
    "Fail": (*_ALWAYS, "Cause", "CausePath", "Error", "ErrorPath"),
    "Parallel": (*_ALWAYS, *_DATA, *_ON, *_WORK, "Branches"),
    "Map": (
        *(*_ALWAYS, *_DATA, *_ON, *_WORK),
        *("ItemBatcher", "ItemProcessor", "ItemReader", "ItemSelector", "ItemsPath", "Iterator", "Label"),
        *("MaxConcurrency", "MaxConcurrencyPath", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath"),
        *("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ),
}
_MACHINE = ("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version")
_BRANCH = ("Comment", "QueryLanguage", "StartAt", "States")
_NEEDED = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Credentials")
_EITHER = (
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("Cause", "CausePath"),
    ("Error", "ErrorPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ItemProcessor", "Iterator"),
    ("ItemSelector", "Parameters"),
)
_WAITS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
_REFERENCES = (
    "HeartbeatSecondsPath",
    "ItemsPath",
    "MaxConcurrencyPath",
    "SecondsPath",
    "TimeoutSecondsPath",
    "TimestampPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)

# DataProcessing of a transform job: JSONPaths that the service itself follows.
_FILTERS = ("InputFilter", "OutputFilter")


def check_states(definition: Mapping[str, Json], *, where: str = "") -> tuple[Fault, ...]:
    """Every fault in the structure of a definition: flow, fields, rules, retries, paths and intrinsics.

    The language is https://states-language.net with JSONPath; JSONata is refused. `where` begins every place.
    """
    faults, prefix = Faults(), f"{where}: " if where else ""
    seen: dict[str, str] = {}
    for scope in scopes(definition):
        allowed = _BRANCH if scope.path else _MACHINE
        allowed = (*allowed, "ProcessorConfig") if scope.path.endswith("ItemProcessor") else allowed
        _check_fields(scope.body, allowed, prefix + scope.path, faults)
        _check_language(scope.body, prefix + scope.path, faults)
        check_count(scope.body, "TimeoutSeconds", prefix + scope.path, faults, 1)
        check_flow(scope, faults, prefix)
        _check_taken(scope, seen, faults, prefix)
        for place, state in _states(scope, faults, prefix):
            _check_state(state, place, faults)
    return tuple(faults.found)


def _states(scope: Scope, faults: Faults, prefix: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The states that are objects of a known type; the others are faults."""
    states = scope.body.get("States")
    for name, state in states.items() if isinstance(states, Mapping) else ():
        place = prefix + scope.place(str(name))
        kind = state.get("Type") if isinstance(state, Mapping) else None
        if not isinstance(kind, str) or kind not in _FIELDS:
            got = repr(kind) if isinstance(state, Mapping) else repr(state)
            faults.add("state-type", where=place, got=got, allowed=near(str(kind), tuple(_FIELDS)))
        else:
            yield place, state


def _check_state(state: Mapping[str, Json], place: str, faults: Faults) -> None:
    kind = str(state["Type"])
    _check_fields(state, _FIELDS[kind], place, faults)
    _check_language(state, place, faults)
    for name in _NEEDED.get(kind, ()):
        if name not in state:
            faults.add("state-missing", where=place, got=f"no {name}", allowed=name, kind=kind, name=name)
    for pair in _EITHER:
        given = [name for name in pair if name in state]
        if len(given) > 1:
            faults.add("state-either", where=place, got=" and ".join(given), allowed=f"one of {', '.join(pair)}")
    _check_paths(state, place, faults)
    for name in _TEMPLATES:
        if name in state:
            _check_template(state[name], f"{place}.{name}", faults)
    for name in ("ItemReader", "ResultWriter", "ItemBatcher"):
        if isinstance(state.get(name), Mapping):
            for key in ("Parameters", "BatchInput"):
                _check_template(state[name].get(key), f"{place}.{name}.{key}", faults)
    _check_own(kind, state, place, faults)


def _check_own(kind: str, state: Mapping[str, Json], place: str, faults: Faults) -> None:
    """What only one or a few types of states have."""
    if "Retry" in state:
        check_retriers(state["Retry"], f"{place}.Retry", faults)
    if "Catch" in state:
        check_catchers(state["Catch"], f"{place}.Catch", faults)
    for name, least in (("TimeoutSeconds", 1), ("HeartbeatSeconds", 1), ("Seconds", 0), ("MaxConcurrency", 0)):
        check_count(state, name, place, faults, least)
    match kind:
        case "Choice" if "Choices" in state:
            check_choices(state["Choices"], f"{place}.Choices", faults)
        case "Task":
            _check_task(state, place, faults)
        case "Wait":
            given = [name for name in _WAITS if name in state]
            if len(given) != 1:
                got = " and ".join(given) or "none of them"
                faults.add("state-either", where=place, got=got, allowed=f"one of {', '.join(_WAITS)}")
        case "Parallel" | "Map":
            _check_nested(kind, state, place, faults)


def _check_task(state: Mapping[str, Json], place: str, faults: Faults) -> None:
    found = parse_resource(state.get("Resource", ""), f"{place}.Resource") if "Resource" in state else None
    if isinstance(found, Fault):
        faults.found.append(found)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        allowed = f"less than TimeoutSeconds ({timeout})"
        faults.add("state-number", where=f"{place}.HeartbeatSeconds", got=heartbeat, allowed=allowed)


def _check_nested(kind: str, state: Mapping[str, Json], place: str, faults: Faults) -> None:
    """A block has something inside, and each of it is an object (what is inside is checked as its own level)."""
    if kind == "Map" and not {"ItemProcessor", "Iterator"} & set(state):
        faults.add(
            "state-missing",
            where=place,
            got="no ItemProcessor",
            allowed="ItemProcessor",
            kind=kind,
            name="ItemProcessor",
        )
        return
    found = list(nested(state))
    branches = state.get("Branches", ())
    wanted = len(branches) if kind == "Parallel" and isinstance(branches, (list, tuple)) else 1
    if "Branches" in state or kind == "Map":
        name = "Branches" if kind == "Parallel" else "ItemProcessor"
        if not found or len(found) != wanted:
            got, allowed = repr(state.get(name)), "objects with StartAt and States"
            faults.add("state-field", where=f"{place}.{name}", got=got, allowed=allowed, name=name)


def _check_fields(body: Mapping[str, Json], allowed: tuple[str, ...], place: str, faults: Faults) -> None:
    for name in body:
        if name not in allowed:
            faults.add("state-field", where=inside(place, name), got=name, allowed=near(str(name), allowed), name=name)


def _check_language(body: Mapping[str, Json], place: str, faults: Faults) -> None:
    language = body.get("QueryLanguage", "JSONPath")
    if language != "JSONPath":
        where = inside(place, "QueryLanguage")
        faults.add("state-field", where=where, got=repr(language), allowed="JSONPath", name="QueryLanguage")


def _check_taken(scope: Scope, seen: dict[str, str], faults: Faults, prefix: str) -> None:
    states = scope.body.get("States")
    for name in states if isinstance(states, Mapping) else ():
        place = prefix + scope.place(name)
        if name in seen:
            faults.add(
                "state-name", where=place, got=seen[name], allowed="one name for one state, at all levels", name=name
            )
        seen.setdefault(name, place)


def _check_paths(state: Mapping[str, Json], place: str, faults: Faults) -> None:
    found: list[object] = []
    found += [read_path(state[name], f"{place}.{name}") for name in _DATA if state.get(name) is not None]
    if state.get("ResultPath") is not None:
        found.append(read_path(state["ResultPath"], f"{place}.ResultPath", reference=True, context=False))
    found += [read_path(state[name], f"{place}.{name}", reference=True) for name in _REFERENCES if name in state]
    found += [read_value(state[name], f"{place}.{name}") for name in ("ErrorPath", "CausePath") if name in state]
    faults.found.extend(item for item in found if isinstance(item, Fault))


def _check_template(value: Json, place: str, faults: Faults) -> None:
    """A payload template: what is computed stands behind `name.$`, and nothing that looks computed elsewhere."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = f"{place}.{key}"
            if not str(key).endswith(".$"):
                if key not in _FILTERS:
                    _check_template(item, inner, faults)
                continue
            found = read_value(item, inner)
            if isinstance(found, Fault):
                faults.found.append(found)
            if str(key).removesuffix(".$") in value:
                bare = str(key).removesuffix(".$")
                faults.add("state-either", where=inner, got=f"{bare} and {key}", allowed="one of both", name=bare)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check_template(item, f"{place}[{index}]", faults)
    elif isinstance(value, str) and _looks_computed(value):
        faults.add("state-constant", where=place, got=repr(value), allowed='a name that ends in ".$", or another text')


def _looks_computed(text: str) -> bool:
    """Whether a text reads as a path or an intrinsic function; it would be passed on as it stands."""
    if text.startswith(("$.", "$$.", "$[")):
        return not isinstance(read_path(text, ""), Fault)
    return text.startswith("States.") and text.endswith(")") and not isinstance(read_value(text, ""), Fault)
