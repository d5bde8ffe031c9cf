"""Conditions of statements: every operator, with sets of values, absent keys, and keys that nobody here knows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import ipaddress
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from constructs_ml.rehearsal.iam.patterns import Lookup, UnknownKeyError, filled, like_arn, plain, text_pattern

Test = Callable[[str, str], bool]
"""Whether the request's value is what the policy's value asks for: `test(given, wanted)`."""


def _number(compare: Callable[[float, float], bool]) -> Test:
    return lambda given, wanted: compare(float(given), float(plain(wanted)))


def _moment(compare: Callable[[float, float], bool]) -> Test:
    return lambda given, wanted: compare(_seconds(given), _seconds(plain(wanted)))


def _seconds(text: str) -> float:
    """An ISO 8601 date or seconds since 1970."""
    if text.replace(".", "", 1).isdigit() and len(text) != len("2026"):
        return float(text)
    moment = datetime.fromisoformat(text if "-" in text else f"{text}-01-01")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _within(given: str, wanted: str) -> bool:
    return ipaddress.ip_address(given) in ipaddress.ip_network(plain(wanted), strict=False)


_TESTS: dict[str, Test] = {
    "StringEquals": lambda given, wanted: given == plain(wanted),
    "StringEqualsIgnoreCase": lambda given, wanted: given.casefold() == plain(wanted).casefold(),
    "StringLike": lambda given, wanted: text_pattern(wanted).fullmatch(given) is not None,
    "ArnEquals": lambda given, wanted: like_arn(wanted, given),
    "ArnLike": lambda given, wanted: like_arn(wanted, given),
    "NumericEquals": _number(operator.eq),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "DateEquals": _moment(operator.eq),
    "DateLessThan": _moment(operator.lt),
    "DateLessThanEquals": _moment(operator.le),
    "DateGreaterThan": _moment(operator.gt),
    "DateGreaterThanEquals": _moment(operator.ge),
    "Bool": lambda given, wanted: given.lower() == plain(wanted).lower(),
    "BinaryEquals": lambda given, wanted: base64.b64decode(given) == base64.b64decode(plain(wanted)),
    "IpAddress": _within,
}
# Each negated operator, and the one whose opposite it is.
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
_NAMES = {name.lower(): name for name in (*_TESTS, *_NEGATED, "Null")}


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator. `quantifier` is "ForAllValues", "ForAnyValue" or empty."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False

    def __str__(self) -> str:
        name = f"{self.quantifier}:{self.operator}" if self.quantifier else self.operator
        return f"{name}{'IfExists' if self.if_exists else ''} {self.key} {' or '.join(self.values)}"

    def holds(self, lookup: Lookup) -> bool:
        """Whether a request meets it. Raises `UnknownKeyError` where that depends on what nobody here knows."""
        given = lookup(self.key.lower())
        if given is None:
            raise UnknownKeyError(self.key)
        if self.operator == "Null":
            return ("true" in (value.lower() for value in self.values)) == (not given)
        negated = self.operator in _NEGATED
        if not given:
            if self.quantifier:
                return self.if_exists or self.quantifier == "ForAllValues"
            return self.if_exists or negated
        if self.quantifier == "ForAllValues":
            return all(self._fits(value, lookup) != negated for value in given)
        if self.quantifier == "ForAnyValue":
            return any(self._fits(value, lookup) != negated for value in given)
        return any(self._fits(value, lookup) for value in given) != negated

    def _fits(self, given: str, lookup: Lookup) -> bool:
        """Whether a value of the request is one of the policy's."""
        test = _TESTS[_NEGATED.get(self.operator, self.operator)]
        for value in self.values:
            wanted = filled(value, lookup)
            try:
                if wanted is not None and test(given, wanted):
                    return True
            except ValueError:  # text where a number, a date or an address should be: no match
                continue
        return False


def read(block: Any) -> tuple[Condition, ...]:
    """The conditions of a statement, all of which must hold. Raises `ValueError` for an operator that IAM lacks."""
    return tuple(_one(name, key, given) for name, keys in (block or {}).items() for key, given in keys.items())


def _one(name: str, key: str, given: Any) -> Condition:
    quantifier, _, rest = name.rpartition(":")
    bare = rest.removesuffix("IfExists")
    known = _NAMES.get(bare.lower())
    if known is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise ValueError(f"the condition operator {name!r} is none of IAM's: {', '.join(sorted(_NAMES.values()))}")
    return Condition(known, key, tuple(_texts(given)), quantifier, bare != rest)


def _texts(given: Any) -> Iterable[str]:
    for value in given if isinstance(given, (list, tuple)) else (given,):
        yield ("true" if value else "false") if isinstance(value, bool) else str(value)
