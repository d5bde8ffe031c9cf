"""Cron expressions, field by field."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import Cron, Rate, SpecError

GOOD = [
    "0 3 * * ? *",
    "0/15 8-17 ? * MON-FRI *",
    "0 10 L * ? *",
    "0 10 LW * ? *",
    "0 10 15W * ? *",
    "0 10 ? * 6L *",
    "0 10 ? * FRI#2 *",
    "0 10 ? * 3#1 2026-2030",
    "5,35 14 1,15 JAN,jul ? *",
    "*/10 * * * ? *",
]
BAD = {
    "": "cron-fields",
    "0 3 * * ?": "cron-fields",
    "0 3 * * ? * *": "cron-fields",
    "60 3 * * ? *": "cron-field",
    "-1 3 * * ? *": "cron-field",
    "0 24 * * ? *": "cron-field",
    "0 3 0 * ? *": "cron-field",
    "0 3 32 * ? *": "cron-field",
    "0 3 * 13 ? *": "cron-field",
    "0 3 * FOO ? *": "cron-field",
    "0 3 ? * 0 *": "cron-field",
    "0 3 ? * 8 *": "cron-field",
    "0 3 * * ? 1969": "cron-field",
    "0 3 * * ? 2200": "cron-field",
    "0/0 3 * * ? *": "cron-field",
    "0/ 3 * * ? *": "cron-field",
    "1-2-3 3 * * ? *": "cron-field",
    "a 3 * * ? *": "cron-field",
    "? 3 * * ? *": "cron-field",
    "0 3 * * MON *": "cron-days",
    "0 3 ? * ? *": "cron-days",
}


@pytest.mark.parametrize("expression", GOOD)
def test_a_good_expression_is_taken_as_it_is(expression: str) -> None:
    assert Cron(expression).schedule == f"cron({expression})"


@pytest.mark.parametrize("expression", BAD)
def test_a_bad_expression_is_refused_for_its_reason(expression: str) -> None:
    with pytest.raises(SpecError) as refused:
        Cron(expression)
    assert BAD[expression] in {fault.id for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("unix", "ours"),
    [
        ("0 3 * * 1", "0 3 ? * 2 *"),
        ("0 3 1 * *", "0 3 1 * ? *"),
        ("0 3 * * 0", "0 3 ? * 1 *"),
        ("0 3 * * 7", "0 3 ? * 1 *"),
    ],
)
def test_a_unix_expression_is_answered_with_the_same_moment(unix: str, ours: str) -> None:
    with pytest.raises(SpecError) as refused:
        Cron(unix)
    assert refused.value.faults[0].allowed == ours
    assert Cron(ours).schedule


@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 31), st.integers(1, 12), st.integers(1970, 2199))
def test_every_single_moment_can_be_said(minute: int, hour: int, day: int, month: int, year: int) -> None:
    assert Cron(f"{minute} {hour} {day} {month} ? {year}").schedule


@given(st.text(max_size=30))
def test_any_text_is_taken_or_refused_and_never_crashes(text: str) -> None:
    try:
        Cron(text)
    except SpecError as refused:
        assert refused.faults  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("every", "schedule"),
    [
        (timedelta(minutes=1), "rate(1 minute)"),
        (timedelta(minutes=90), "rate(90 minutes)"),
        (timedelta(hours=1), "rate(1 hour)"),
        (timedelta(days=7), "rate(7 days)"),
    ],
)
def test_a_rate_is_said_in_the_largest_whole_unit(every: timedelta, schedule: str) -> None:
    assert Rate(every).schedule == schedule


@pytest.mark.parametrize("flexible", [timedelta(), timedelta(seconds=90), timedelta(minutes=1441)])
def test_a_window_is_one_to_1440_whole_minutes(flexible: timedelta) -> None:
    with pytest.raises(SpecError):
        Cron("0 3 * * ? *", flexible=flexible)
