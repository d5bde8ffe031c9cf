"""When schedules come due.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from constructs_ml.rehearsal.events.schedules import read


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(expression: str, after: str, zone: str = "UTC", count: int = 1) -> list[str]:
    when, found = read(expression, zone, at("2026-01-01T00:00:00")), at(after)
    times = []
    for _ in range(count):
        moment = when.next(found)
        if moment is None:
            break
        found = moment
        times.append(f"{moment:%Y-%m-%dT%H:%M}")
    return times


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("cron(15 10 * * ? *)", ["2026-01-01T10:15", "2026-01-02T10:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-01-01T08:00", "2026-02-01T08:00"]),
        ("cron(0/15 * * * ? *)", ["2026-01-01T00:15", "2026-01-01T00:30"]),
        ("cron(15 10 ? * 6L 2026-2027)", ["2026-01-30T10:15", "2026-02-27T10:15"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-01-05T09:00", "2026-02-02T09:00"]),
        ("cron(0 0 L * ? *)", ["2026-01-31T00:00", "2026-02-28T00:00"]),
        ("cron(0 0 LW * ? *)", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("cron(0 0 3W * ? *)", ["2026-01-02T00:00", "2026-02-03T00:00"]),
        ("cron(0 0 1W 8 ? *)", ["2026-08-03T00:00", "2027-08-02T00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(0 0 1 1 ? 2026)", []),
        ("cron(0 0 31 2 ? *)", []),
        ("rate(1 day)", ["2026-01-02T00:00", "2026-01-03T00:00"]),
        ("rate(5 minutes)", ["2026-01-01T00:05", "2026-01-01T00:10"]),
        ("at(2026-06-01T12:30:00)", ["2026-06-01T12:30"]),
        ("at(2025-06-01T12:30:00)", []),
    ],
)
def test_expressions_come_due(expression: str, times: list[str]) -> None:
    assert following(expression, "2026-01-01T00:00:00", count=max(1, len(times))) == times


def test_a_time_zone_moves_with_the_seasons() -> None:
    assert following("cron(0 3 * * ? *)", "2026-03-27T12:00:00", "Europe/Berlin", 2) == [
        "2026-03-28T02:00",
        "2026-03-29T01:00",
    ]
    assert following("at(2026-06-01T12:00:00)", "2026-01-01T00:00:00", "Europe/Berlin") == ["2026-06-01T10:00"]


def test_an_hour_that_is_skipped_in_spring_fires_nothing_and_one_that_comes_twice_fires_once() -> None:
    assert following("cron(30 2 * * ? *)", "2026-03-28T02:00:00", "Europe/Berlin") == ["2026-03-30T00:30"]
    assert following("cron(30 2 * * ? *)", "2026-10-24T12:00:00", "Europe/Berlin", 2) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "every(1 day)",
        "rate(0 days)",
        "rate(1 fortnight)",
        "cron(0 3 * * *)",
        "cron(0 3 * * * *)",
        "at(tomorrow)",
        "rate(1 day",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(expression)
