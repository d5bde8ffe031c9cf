"""Schedule expressions: when `at(...)`, `rate(...)` and `cron(...)` come due.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from constructs_ml.faults import Faults
from constructs_ml.spec.cron import check_cron

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    moment: datetime

    def next(self, after: datetime) -> datetime | None:
        """The moment, if it is later than `after`."""
        return self.moment if self.moment > after else None


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again from `first` on. A day is 24 hours, whatever clocks do."""

    every: timedelta
    first: datetime

    def next(self, after: datetime) -> datetime | None:
        """The first time that is later than `after`."""
        if after < self.first:
            return self.first
        return self.first + ((after - self.first) // self.every + 1) * self.every


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields, read in a time zone.

    A time that clocks skip in spring is skipped; one that they show twice in autumn counts once.
    """

    fields: tuple[str, ...]
    zone: ZoneInfo

    def next(self, after: datetime) -> datetime | None:
        """The first time that is later than `after`; None where the years end."""
        minutes, hours = _numbers(self.fields[0], 0, 59), _numbers(self.fields[1], 0, 23)
        local = after.astimezone(self.zone)
        for day in self._days(local.date() - timedelta(days=1)):
            for hour in hours:
                for minute in minutes:
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    moment = found.astimezone(UTC)
                    there = moment.astimezone(self.zone).replace(tzinfo=None) == found.replace(tzinfo=None)
                    if there and moment > after:
                        return moment
        return None

    def _days(self, start: date) -> Iterator[date]:
        months = _numbers(self.fields[3], 1, 12, _MONTHS, 1)
        for year in _numbers(self.fields[5], 1970, 2199):
            for month in months if year >= start.year else ():
                days = _days_of_month(self.fields[2], year, month)
                if self.fields[2] == "?":
                    days = _days_of_week(self.fields[4], year, month)
                yield from (found for day in days if (found := date(year, month, day)) >= start)


def read(expression: str, zone: str = "UTC", first: datetime | None = None) -> At | Every | Cron:
    """A schedule expression; `first` is when a rate begins. Raises `ValueError` for what AWS would refuse."""
    found = re.fullmatch(r"(at|rate|cron)\((.*)\)", expression.strip())
    if found is None:
        raise ValueError(f"schedule expression {expression!r}; at(...), rate(...) or cron(...) is needed")
    kind, inner = found.groups()
    if kind == "at":
        return At(datetime.strptime(inner, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
    if kind == "rate":
        words = re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", inner)
        if words is None:
            raise ValueError(f"rate({inner}); a number and minutes, hours or days are needed")
        return Every(int(words[1]) * _UNITS[words[2]], first or datetime.now(UTC))
    faults = Faults()
    check_cron(inner, "schedule", faults)
    faults.raise_if_any()
    return Cron(tuple(inner.split()), ZoneInfo(zone))


def _numbers(text: str, least: int, most: int, words: tuple[str, ...] = (), base: int = 0) -> list[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        ends = [words.index(end.upper()) + base if end.upper() in words else end for end in span.split("-")]
        if span in ("*", "?"):
            low, high = least, most
        else:
            low, high = int(ends[0]), int(ends[-1]) if len(ends) > 1 or not step else most
        # A range may run over the end: FRI-MON.
        run = range(low, high + 1) if low <= high else [*range(low, most + 1), *range(least, high + 1)]
        found.update(list(run)[:: int(step or 1)])
    return sorted(found)


def _days_of_month(text: str, year: int, month: int) -> list[int]:
    last = calendar.monthrange(year, month)[1]
    if text == "?":
        return []
    if text == "L":
        return [last]
    if text.endswith("W"):
        return [_weekday_near(last if text == "LW" else int(text[:-1]), year, month, last)]
    return [day for day in _numbers(text, 1, 31) if day <= last]


def _weekday_near(day: int, year: int, month: int, last: int) -> int:
    """The weekday that is nearest, in the same month."""
    day = min(day, last)
    weekday = date(year, month, day).weekday()
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _days_of_week(text: str, year: int, month: int) -> list[int]:
    last = calendar.monthrange(year, month)[1]
    by_day: dict[int, list[int]] = {}
    for day in range(1, last + 1):
        by_day.setdefault((date(year, month, day).weekday() + 1) % 7 + 1, []).append(day)
    if "#" in text:
        name, _, nth = text.partition("#")
        days = by_day[_number_of_day(name)]
        return days[int(nth) - 1 : int(nth)]
    if text == "L":
        return by_day[7]
    if text.endswith("L"):
        return by_day[_number_of_day(text[:-1])][-1:]
    return sorted(day for number in _numbers(text, 1, 7, _DAYS, 1) for day in by_day[number])


def _number_of_day(name: str) -> int:
    return int(name) if name.isdigit() else _DAYS.index(name.upper()) + 1
