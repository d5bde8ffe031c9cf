"""Requests are dealt out by weight, evenly and the same way each time."""

from __future__ import annotations

import pytest

from constructs_ml.rehearsal.endpoints.traffic import Router, Sampler


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 1.0, "b": 1.0}, {"a": 50, "b": 50}),
        ({"a": 9.0, "b": 1.0}, {"a": 90, "b": 10}),
        ({"a": 1.0, "b": 0.0}, {"a": 100, "b": 0}),
        ({"a": 0.0, "b": 0.0}, {"a": 50, "b": 50}),
        ({"a": 0.1, "b": 0.2, "c": 0.7}, {"a": 10, "b": 20, "c": 70}),
    ],
)
def test_each_gets_its_share_of_a_hundred(weights: dict[str, float], expected: dict[str, int]) -> None:
    router = Router()
    dealt = [router.pick(list(weights.items())) for _ in range(100)]
    assert {name: dealt.count(name) for name in weights} == expected


def test_half_is_every_second_one() -> None:
    router = Router()
    dealt = [router.pick([("old", 0.5), ("new", 0.5)]) for _ in range(6)]
    assert dealt == ["old", "new"] * 3


def test_new_shares_hold_from_the_next_request_on() -> None:
    router = Router()
    for _ in range(7):
        router.pick([("old", 1.0)])
    assert [router.pick([("old", 0.5), ("new", 0.5)]) for _ in range(10)].count("new") == 5
    assert {router.pick([("old", 0.0), ("new", 1.0)]) for _ in range(10)} == {"new"}


@pytest.mark.parametrize(("percent", "taken"), [(0, 0), (25, 25), (33, 33), (100, 100)])
def test_a_percentage_of_the_requests_is_taken(percent: float, taken: int) -> None:
    sampler = Sampler()
    assert sum(sampler.takes(percent) for _ in range(100)) == taken
