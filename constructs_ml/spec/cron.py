"""The six fields of an EventBridge cron expression, checked one by one."""

from __future__ import annotations

import re

from constructs_ml.faults import Faults

_MONTHS = {
    name: index
    for index, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], start=1
    )
}
_DAYS = {name: index for index, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], start=1)}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day-of-month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day-of-week", 1, 7, _DAYS),
    ("year", 1970, 2199, {}),
)
_SPECIAL = {
    "day-of-month": r"L|LW|([1-9]|[12]\d|3[01])W",
    "day-of-week": r"L|[1-7]L|[1-7]#[1-5]|[A-Z]{3}#[1-5]|[A-Z]{3}L",
}


def check_cron(expression: str, where: str, faults: Faults) -> None:
    """Add a fault for each field that EventBridge would refuse.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        hint = _from_unix(fields) if len(fields) == 5 else "minutes hours day-of-month month day-of-week year"
        faults.add("cron-fields", where=where, got=f"{len(fields)} fields in {expression!r}", allowed=hint)
        return
    for text, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        if not _sound(text, name, least, most, words):
            named = f" or {next(iter(words))}-{list(words)[-1]}" if words else ""
            faults.add(
                "cron-field", where=where, got=repr(text), allowed=f"{least} to {most}{named}, * , - /", name=name
            )
    if (fields[2] == "?") == (fields[4] == "?"):
        faults.add(
            "cron-days",
            where=where,
            got=f"day-of-month {fields[2]!r} and day-of-week {fields[4]!r}",
            allowed="? in exactly one of them",
        )


def _sound(text: str, name: str, least: int, most: int, words: dict[str, int]) -> bool:
    if text == "?":
        return name in _SPECIAL
    if name in _SPECIAL and re.fullmatch(_SPECIAL[name], text):
        return True
    return all(_sound_item(item, least, most, words) for item in text.split(","))


def _sound_item(item: str, least: int, most: int, words: dict[str, int]) -> bool:
    start, _, step = item.partition("/")
    if step and not (step.isdigit() and 1 <= int(step) <= most):
        return False
    if "/" in item and not step:
        return False
    if start == "*":
        return True
    ends = [words.get(end.upper(), int(end) if end.isdigit() else None) for end in start.split("-")]
    inside = all(end is not None and least <= end <= most for end in ends)
    return inside and len(ends) <= 2


def _from_unix(fields: list[str]) -> str:
    """The same moment as five Unix fields: days are counted from 1 and one of the two day fields is ?."""
    minute, hour, day, month, weekday = fields
    if weekday == "*":
        return f"{minute} {hour} {day} {month} ? *"
    shifted = re.sub(r"\d", lambda digit: str(int(digit[0]) % 7 + 1), weekday)
    return f"{minute} {hour} ? {month} {shifted} *"
