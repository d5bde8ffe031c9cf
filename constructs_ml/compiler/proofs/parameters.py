"""Every parameter of every call against botocore's model of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from constructs_ml.compiler.proofs.tasks import Task, tasks
from constructs_ml.faults import Fault, fault

_OPEN = re.compile(r"\$\{[^}]*\}|\{\}|\{\{resolve:[^}]*\}\}")
_NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}


def check_parameters(definition: Mapping[str, Any], where: str = "definition") -> tuple[Fault, ...]:
    """Faults of every call: unknown and missing names, types, lengths, ranges, enumerations, patterns.

    A value that is known only at run time (`"Name.$"`) or at deployment (`${Name}`) counts as given; of its
    text the known part is measured. Needs botocore: the extra `proofs`.
    """
    return tuple(found for task in tasks(definition) for found in _check_task(task, where))


def _check_task(task: Task, where: str) -> Iterator[Fault]:
    place = f"{where}: {task.state}"
    try:
        operation = _model(task.service).operation_model(task.action[0].upper() + task.action[1:])
    except Exception as unknown:  # noqa: BLE001 - botocore raises several kinds for what it does not know
        yield fault("call-unknown", where=place, got=f"{task.service}:{task.action}", allowed=str(unknown))
        return
    yield from _check(operation.input_shape, task.parameters, f"{place}.Parameters")


@cache
def _model(service: str) -> Any:
    from botocore.session import get_session  # the extra `proofs`

    return get_session().get_service_model(service)


def _check(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    kind = shape.type_name
    if kind == "structure":
        yield from _check_structure(shape, value, where)
    elif kind == "list":
        yield from _check_list(shape, value, where)
    elif kind == "map":
        yield from _check_map(shape, value, where)
    elif kind == "string":
        yield from _check_text(shape, value, where)
    elif kind in _NUMBERS:
        yield from _check_number(shape, value, where)
    elif kind == "boolean" and not isinstance(value, bool):
        yield _wrong(where, value, "true or false")


def _check_structure(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong(where, value, "an object")
        return
    given = {name.removesuffix(".$"): name for name in value}
    for bare, name in given.items():
        if bare not in shape.members:
            near = get_close_matches(bare, shape.members, n=2) or sorted(shape.members)
            yield fault("parameter-unknown", where=where, got=bare, allowed=near)
        elif name == bare:
            yield from _check(shape.members[bare], value[name], f"{where}.{bare}")
        else:
            yield from _check_dynamic(shape.members[bare], value[name], f"{where}.{bare}")
    for name in shape.required_members:
        if name not in given:
            yield fault("parameter-missing", where=where, got=sorted(given), allowed=name)


def _check_list(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    if not isinstance(value, (list, tuple)):
        yield _wrong(where, value, "a list")
        return
    yield from _bounds(shape, len(value), where, "items")
    for index, item in enumerate(value):
        yield from _check(shape.member, item, f"{where}[{index}]")


def _check_map(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong(where, value, "an object")
        return
    yield from _bounds(shape, len(value), where, "entries")
    for name, item in value.items():
        if name.endswith(".$"):
            yield from _check_dynamic(shape.value, item, f"{where}.{name.removesuffix('.$')}")
        else:
            yield from _check(shape.value, item, f"{where}.{name}")
        yield from _check_text(shape.key, name.removesuffix(".$"), f"{where}, key {name!r}")


def _check_text(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield _wrong(where, value, "text")
        return
    opened = bool(_OPEN.search(value))
    known = _OPEN.sub("", value)
    most = shape.metadata.get("max")
    if most is not None and len(known) > most:
        yield fault("parameter-size", where=where, got=f"{len(known)} characters", allowed=f"at most {most}")
    if opened:
        return
    if len(value) < shape.metadata.get("min", 0):
        yield fault(
            "parameter-size", where=where, got=f"{len(value)} characters", allowed=f"at least {shape.metadata['min']}"
        )
    if shape.enum and value not in shape.enum:
        yield fault(
            "parameter-value", where=where, got=value, allowed=get_close_matches(value, shape.enum) or shape.enum[:8]
        )
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield fault("parameter-value", where=where, got=value, allowed=f"text like {pattern}")


def _check_number(shape: Any, value: Any, where: str) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, _NUMBERS[shape.type_name]):
        yield _wrong(where, value, "a number")
        return
    yield from _bounds(shape, value, where, "")


def _check_dynamic(shape: Any, expression: Any, where: str) -> Iterator[Fault]:
    """What can be known of a path or an intrinsic: the literal part of a text, the number of a list's items."""
    if not isinstance(expression, str) or not expression.startswith(("$", "States.")):
        yield _wrong(f"{where}.$", expression, "a path or an intrinsic function")
        return
    literal = re.match(r"States\.Format\('((?:[^'\\]|\\.)*)'", expression)
    if literal and shape.type_name == "string":
        known = len(_OPEN.sub("", literal[1]))
        # A UUID has 36 characters; everything else counts as empty.
        least = known + 36 * expression.count("States.UUID()")
        if least > shape.metadata.get("max", least):
            yield fault(
                "parameter-size",
                where=where,
                got=f"at least {least} characters",
                allowed=f"at most {shape.metadata['max']}",
            )
    if expression.startswith("States.Format(") and shape.type_name not in ("string", "blob"):
        yield _wrong(where, expression, f"a {shape.type_name}")
    if expression.startswith("States.Array(") and shape.type_name != "list":
        yield _wrong(where, expression, f"a {shape.type_name}")


def _bounds(shape: Any, value: float, where: str, unit: str) -> Iterator[Fault]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and value < least) or (most is not None and value > most):
        yield fault("parameter-size", where=where, got=f"{value} {unit}".strip(), allowed=f"{least} to {most}")


def _matches(pattern: str, value: str) -> bool:
    """Whether a text fits a service's pattern; one that Python cannot read (Java's classes) decides nothing."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


def _wrong(where: str, value: Any, allowed: str) -> Fault:
    return fault("parameter-type", where=where, got=repr(value), allowed=allowed)
