"""The state of an alarm, as its data says: M of N, what is missing, and the rules of composite alarms."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

ALARM, OK, INSUFFICIENT = "ALARM", "OK", "INSUFFICIENT_DATA"

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
EXTRA = 2
"""Periods that are looked at beyond those that are evaluated, for data in the place of what is missing.

CloudWatch says that there are some, not how many; in its examples there are two.
"""


def judge(points: Sequence[bool | None], periods: int, needed: int, missing: str, current: str) -> str:
    """The state that follows from the evaluation range, the oldest first: breaching, not breaching, or None.

    `periods` and `needed` are N and M, `missing` is TreatMissingData, `current` the state that was.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    recent = [point for point in points if point is not None][-periods:]
    breaching, gaps = sum(recent), periods - len(recent)
    if breaching >= needed:
        return ALARM
    if gaps == 0 or missing == "notBreaching":
        return OK
    if missing == "breaching":
        return ALARM if breaching + gaps >= needed else OK
    if not all(recent):
        return OK
    if missing == "ignore":
        return current
    if not recent:
        return INSUFFICIENT
    # Nothing but breaching data, too little of it: what is as old as M says rings all the same.
    ages = [age for age, point in enumerate(reversed(points[-periods:]), 1) if point]
    return ALARM if ages and max(ages) >= needed else current


class InvalidRuleError(ValueError):
    """An alarm rule that CloudWatch would refuse."""


_TOKEN = re.compile(
    r"\s*(?:(AND|OR|NOT|TRUE|FALSE)\b|([()])|(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"([^\"]+)\"|'([^']+)'|([^\s()]+))\s*\))"
)


class Rule:
    """The rule of a composite alarm: ALARM("a") AND (OK("b") OR NOT INSUFFICIENT_DATA("c")).

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise InvalidRuleError(f"AlarmRule {text!r} cannot be read at {text[at:].strip()!r}")
            word, bracket, state, *names = found.groups()
            self._tokens.append((state or word or bracket, next(filter(None, names), "")))
            at = found.end()
        self.alarms = tuple(name.rsplit(":alarm:", 1)[-1] for _, name in self._tokens if name)
        self.holds(lambda _: OK)

    def holds(self, state_of: Callable[[str], str]) -> bool:
        """Whether it holds, with the state of an alarm by its name."""
        rest = list(reversed(self._tokens))
        value = self._either(rest, state_of)
        if rest:
            raise InvalidRuleError(f"AlarmRule {self.text!r} goes on where it should end, at {rest[-1][0]!r}")
        return value

    def _either(self, rest: list[tuple[str, str]], state_of: Callable[[str], str]) -> bool:
        value = self._both(rest, state_of)
        while rest and rest[-1][0] == "OR":
            rest.pop()
            value = self._both(rest, state_of) or value
        return value

    def _both(self, rest: list[tuple[str, str]], state_of: Callable[[str], str]) -> bool:
        value = self._one(rest, state_of)
        while rest and rest[-1][0] == "AND":
            rest.pop()
            value = self._one(rest, state_of) and value
        return value

    def _one(self, rest: list[tuple[str, str]], state_of: Callable[[str], str]) -> bool:
        if not rest:
            raise InvalidRuleError(f"AlarmRule {self.text!r} ends too early")
        word, name = rest.pop()
        if word == "NOT":
            return not self._one(rest, state_of)
        if word == "(":
            value = self._either(rest, state_of)
            if not rest or rest.pop()[0] != ")":
                raise InvalidRuleError(f"AlarmRule {self.text!r} lacks a closing bracket")
            return value
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if not name:
            raise InvalidRuleError(f"AlarmRule {self.text!r} has {word!r} in a wrong place")
        return state_of(name.rsplit(":alarm:", 1)[-1]) == word
