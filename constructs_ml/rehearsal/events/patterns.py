"""Event patterns: which events a rule takes.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

_ABSENT = object()
_OR = "$or"


class InvalidPatternError(ValueError):
    """What EventBridge would refuse as an event pattern."""


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether an event has what the pattern names. Every field of the pattern must match, and one value of each field.

    Of an array in the event one element must match; objects in an array match as a whole.
    """
    if isinstance(event, list):
        return any(matches(pattern, item) for item in event if isinstance(item, (dict, list)))
    return all(_field(name, wanted, event) for name, wanted in pattern.items())


def _field(name: str, wanted: Any, event: Any) -> bool:
    if name == _OR and _is_or(wanted):
        return any(matches(choice, event) for choice in wanted)
    found = event.get(name, _ABSENT) if isinstance(event, Mapping) else _ABSENT
    if isinstance(wanted, Mapping):
        # A path that leads nowhere can still match: `exists: false` further down.
        return matches(wanted, found if isinstance(found, (dict, list)) else {})
    values = _leaves(found)
    return any(_absent(item) if not values else any(_value(item, value) for value in values) for item in wanted)


def _leaves(found: Any) -> list[Any]:
    """The values at a field. An object is no leaf, so there is no value at its name."""
    if isinstance(found, list):
        return [leaf for item in found for leaf in _leaves(item)]
    return [] if found is _ABSENT or isinstance(found, dict) else [found]


def _absent(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("exists") is False


def _value(item: Any, value: Any) -> bool:
    if not isinstance(item, Mapping):
        return type(item) is type(value) and bool(item == value)
    operator, operand = next(iter(item.items()))
    if operator == "exists":
        return bool(operand)
    if operator == "anything-but":
        return _anything_but(operand, value)
    if operator == "numeric":
        return _numeric(operand, value)
    return _text(operator, operand, value)


def _text(operator: str, operand: Any, value: Any) -> bool:
    return isinstance(value, str) and _TEXT[operator](operand, value)


def _prefix(operand: Any, value: str) -> bool:
    if isinstance(operand, Mapping):
        return value.lower().startswith(operand["equals-ignore-case"].lower())
    return value.startswith(operand)


def _suffix(operand: Any, value: str) -> bool:
    if isinstance(operand, Mapping):
        return value.lower().endswith(operand["equals-ignore-case"].lower())
    return value.endswith(operand)


def _wildcard(operand: str, value: str) -> bool:
    r"""`*` stands for any characters, `\*` for a star, `\\` for a backslash."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", operand)
    expression = "".join(
        ".*" if part == "*" else re.escape(part[1:] if len(part) == 2 and part[0] == "\\" else part) for part in parts
    )
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _cidr(operand: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


_TEXT: dict[str, Callable[[Any, str], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": lambda operand, value: operand.lower() == value.lower(),
    "wildcard": _wildcard,
    "cidr": _cidr,
}


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        operator, inner = next(iter(operand.items()))
        return not any(_text(operator, one, value) for one in (inner if isinstance(inner, list) else [inner]))
    return not any(_value(one, value) for one in (operand if isinstance(operand, list) else [operand]))


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARISONS[comparison](value, bound) for comparison, bound in pairs)


def _is_or(wanted: Any) -> bool:
    return isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(item, Mapping) for item in wanted)


def check(pattern: Any) -> None:
    """Raise `InvalidPatternError` for what EventBridge would not take."""
    if not isinstance(pattern, Mapping):
        raise InvalidPatternError("Event pattern is not valid. Reason: Filter is not an object")
    if not pattern:
        raise InvalidPatternError("Event pattern is not valid. Reason: Empty objects are not allowed")
    for name, wanted in pattern.items():
        if name == _OR and _is_or(wanted):
            for choice in wanted:
                check(choice)
        elif isinstance(wanted, Mapping):
            check(wanted)
        elif not isinstance(wanted, list):
            raise InvalidPatternError(f'Event pattern is not valid. Reason: "{name}" must be an object or an array')
        elif not wanted:
            raise InvalidPatternError("Event pattern is not valid. Reason: Empty arrays are not allowed")
        else:
            for item in wanted:
                _check_item(name, item)


def _check_item(name: str, item: Any) -> None:
    if isinstance(item, list):
        raise InvalidPatternError(f'Event pattern is not valid. Reason: "{name}": arrays in arrays are not allowed')
    if not isinstance(item, Mapping):
        return
    if len(item) != 1:
        raise InvalidPatternError(
            f'Event pattern is not valid. Reason: "{name}": only one key allowed in match expression'
        )
    operator, operand = next(iter(item.items()))
    sound = _SOUND.get(operator)
    if sound is None:
        raise InvalidPatternError(f"Event pattern is not valid. Reason: Unrecognized match type {operator}")
    if not sound(operand):
        raise InvalidPatternError(f'Event pattern is not valid. Reason: "{name}": {operator} cannot take {operand!r}')


def _text_or_case(operand: Any) -> bool:
    inner = operand.get("equals-ignore-case") if isinstance(operand, Mapping) and len(operand) == 1 else operand
    return isinstance(inner, str)


def _sound_cidr(operand: Any) -> bool:
    try:
        return isinstance(operand, str) and bool(ipaddress.ip_network(operand, strict=False))
    except ValueError:
        return False


def _sound_wildcard(operand: Any) -> bool:
    return isinstance(operand, str) and "**" not in operand.replace("\\*", "")


def _sound_numeric(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    bounds = operand[1::2]
    ordered = len(operand) == 2 or (operand[0] in (">", ">=") and operand[2] in ("<", "<=") and operand[1] < operand[3])
    numbers = all(isinstance(bound, (int, float)) and not isinstance(bound, bool) for bound in bounds)
    return numbers and ordered and all(word in _COMPARISONS for word in operand[::2])


def _sound_anything_but(operand: Any) -> bool:
    if isinstance(operand, Mapping):
        if len(operand) != 1 or next(iter(operand)) not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            return False
        operator, inner = next(iter(operand.items()))
        return bool(inner) and all(_SOUND[operator](one) for one in (inner if isinstance(inner, list) else [inner]))
    given = operand if isinstance(operand, list) else [operand]
    plain = [one for one in given if isinstance(one, (str, int, float)) and not isinstance(one, bool)]
    return bool(given) and len(plain) == len(given) and len({isinstance(one, str) for one in given}) == 1


_SOUND: dict[str, Callable[[Any], bool]] = {
    "exists": lambda operand: isinstance(operand, bool),
    "prefix": _text_or_case,
    "suffix": _text_or_case,
    "equals-ignore-case": lambda operand: isinstance(operand, str),
    "wildcard": _sound_wildcard,
    "cidr": _sound_cidr,
    "numeric": _sound_numeric,
    "anything-but": _sound_anything_but,
}
