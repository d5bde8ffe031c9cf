"""The parts of a state with their own grammar: the rules of a Choice, retriers and catchers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from constructs_ml.compiler.proofs.language import read_path
from constructs_ml.compiler.proofs.machine import inside
from constructs_ml.compiler.proofs.texts import near
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, Faults

_ORDERED = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_TESTS: dict[str, type | tuple[type, ...]] = {
    **{f"String{name}": str for name in _ORDERED},
    **{f"Numeric{name}": (int, float) for name in _ORDERED},
    **{f"Timestamp{name}": str for name in _ORDERED},
    "BooleanEquals": bool,
    "StringMatches": str,
    **dict.fromkeys(("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"), bool),
}
_PATHS = frozenset(f"{name}Path" for name in _TESTS if not name.startswith("Is") and name != "StringMatches")
_COMBINED = ("And", "Or", "Not")
_WORDS: dict[type | tuple[type, ...], str] = {str: "text", bool: "true or false", (int, float): "a number"}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ERRORS = tuple(
    f"States.{name}"
    for name in [
        "ALL",
        "BranchFailed",
        "DataLimitExceeded",
        "ExceedToleratedFailureThreshold",
        "HeartbeatTimeout",
        "Http.Socket",
        "IntrinsicFailure",
        "ItemReaderFailed",
        "NoChoiceMatched",
        "ParameterPathFailure",
        "Permissions",
        "QueryEvaluationError",
        "ResultPathMatchFailure",
        "ResultWriterFailed",
        "Runtime",
        "TaskFailed",
        "Timeout",
    ]
)
_RETRIER = (
    "BackoffRate",
    "Comment",
    "ErrorEquals",
    "IntervalSeconds",
    "JitterStrategy",
    "MaxAttempts",
    "MaxDelaySeconds",
)
_CATCHER = ("Comment", "ErrorEquals", "Next", "ResultPath")
# The largest values: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_LARGEST = 99_999_999
_LONGEST_DELAY = 31_622_399


def check_choices(choices: Json, where: str, faults: Faults) -> None:
    """Add what is wrong with the rules of a Choice state."""
    if not isinstance(choices, (list, tuple)) or not choices:
        faults.add("state-choice", where=where, got=repr(choices), allowed="a list of at least one rule")
        return
    for index, rule in enumerate(choices):
        place = f"{where}[{index}]"
        if isinstance(rule, Mapping) and "Next" not in rule:
            faults.add(
                "state-choice", where=place, got="no Next", allowed="the state that follows where the rule holds"
            )
        _check_rule(rule, place, faults, top=True)


def check_retriers(retriers: Json, where: str, faults: Faults) -> None:
    """Add what is wrong with a `Retry`."""
    for place, item in _handlers(retriers, _RETRIER, where, faults):
        interval = item.get("IntervalSeconds", 1)
        for name, least, most in (
            ("IntervalSeconds", 1, _LARGEST),
            ("MaxAttempts", 0, _LARGEST),
            ("MaxDelaySeconds", interval + 1 if isinstance(interval, int) else 1, _LONGEST_DELAY),
        ):
            check_count(item, name, place, faults, least, most)
        rate = item.get("BackoffRate", 1)
        if not isinstance(rate, (int, float)) or isinstance(rate, bool) or rate < 1:
            faults.add("state-handler", where=f"{place}.BackoffRate", got=repr(rate), allowed="a number of at least 1")
        jitter = item.get("JitterStrategy", "NONE")
        if jitter not in ("FULL", "NONE"):
            faults.add("state-handler", where=f"{place}.JitterStrategy", got=repr(jitter), allowed=("FULL", "NONE"))


def check_catchers(catchers: Json, where: str, faults: Faults) -> None:
    """Add what is wrong with a `Catch`."""
    for place, item in _handlers(catchers, _CATCHER, where, faults):
        if "Next" not in item:
            faults.add("state-handler", where=place, got="no Next", allowed="the state that follows the error")
        if item.get("ResultPath") is not None:
            found = read_path(item["ResultPath"], f"{place}.ResultPath", reference=True, context=False)
            if isinstance(found, Fault):
                faults.found.append(found)


def check_count(
    owner: Mapping[str, Json], name: str, where: str, faults: Faults, least: int, most: int = _LARGEST
) -> None:
    """A field that is a whole number between `least` and `most`, if it is there."""
    value = owner.get(name, least)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        allowed = f"a whole number from {least} to {most}"
        faults.add("state-number", where=inside(where, name), got=repr(value), allowed=allowed)


def _check_rule(rule: Json, where: str, faults: Faults, *, top: bool = False) -> None:
    if not isinstance(rule, Mapping):
        faults.add("state-choice", where=where, got=repr(rule), allowed="an object")
        return
    if not top and "Next" in rule:
        faults.add(
            "state-choice", where=where, got="Next inside another rule", allowed="Next beside the outermost rule alone"
        )
    tests = [str(name) for name in rule if name not in ("Next", "Comment", "Variable")]
    if len(tests) != 1:
        got = " and ".join(tests) or "no test"
        faults.add("state-choice", where=where, got=got, allowed="exactly one test, or one of And, Or, Not")
        return
    name, value = tests[0], rule[tests[0]]
    if name in _COMBINED:
        _check_combined(rule, name, f"{where}.{name}", faults)
        return
    if name not in _TESTS and name not in _PATHS:
        faults.add("state-choice", where=where, got=name, allowed=near(name, (*_TESTS, *sorted(_PATHS), *_COMBINED)))
        return
    for place, path in [("Variable", rule.get("Variable"))] + ([(name, value)] if name in _PATHS else []):
        found = read_path(path, f"{where}.{place}")
        if isinstance(found, Fault):
            faults.found.append(found)
    if name in _TESTS:
        _check_operand(name, value, f"{where}.{name}", faults)


def _check_combined(rule: Mapping[str, Json], name: str, where: str, faults: Faults) -> None:
    value = rule[name]
    if "Variable" in rule:
        faults.add(
            "state-choice", where=where, got=f"Variable beside {name}", allowed="Variable inside the rules alone"
        )
    if name == "Not":
        _check_rule(value, where, faults)
    elif not isinstance(value, (list, tuple)) or not value:
        faults.add("state-choice", where=where, got=repr(value), allowed="a list of at least one rule")
    else:
        for index, inner in enumerate(value):
            _check_rule(inner, f"{where}[{index}]", faults)


def _check_operand(name: str, value: Json, where: str, faults: Faults) -> None:
    wanted = _TESTS[name]
    fits = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    if not fits:
        faults.add("state-choice", where=where, got=repr(value), allowed=_WORDS[wanted])
    elif name.startswith("Timestamp") and "${" not in str(value) and not _TIMESTAMP.fullmatch(str(value)):
        faults.add("state-choice", where=where, got=repr(value), allowed='a time such as "2026-11-01T00:00:00Z"')


def _handlers(items: Json, fields: tuple[str, ...], where: str, faults: Faults) -> list[tuple[str, Mapping[str, Json]]]:
    """The retriers or catchers that are objects, each with its place, after a check of what both have."""
    if not isinstance(items, (list, tuple)):
        faults.add("state-handler", where=where, got=repr(items), allowed="a list")
        return []
    found = []
    for index, item in enumerate(items):
        place = f"{where}[{index}]"
        if not isinstance(item, Mapping):
            faults.add("state-handler", where=place, got=repr(item), allowed="an object")
            continue
        for name in sorted(set(item) - set(fields)):
            faults.add("state-field", where=inside(place, name), got=name, allowed=near(name, fields), name=name)
        _check_errors(item.get("ErrorEquals"), f"{place}.ErrorEquals", faults, last=index == len(items) - 1)
        found.append((place, item))
    return found


def _check_errors(names: Json, where: str, faults: Faults, *, last: bool) -> None:
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        faults.add("state-handler", where=where, got=repr(names), allowed="a list of at least one error's name")
        return
    for name in names:
        if name.startswith("States.") and name not in _ERRORS:
            faults.add("state-handler", where=where, got=name, allowed=near(name, _ERRORS))
    if "States.ALL" in names and (len(names) > 1 or not last):
        got = ", ".join(names) if len(names) > 1 else "States.ALL before another one"
        faults.add("state-handler", where=where, got=got, allowed="States.ALL alone and last")
