"""What is no tuple, no text or no value is refused where it is written, not where it is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Fail,
    ForEach,
    Function,
    Gate,
    LambdaTask,
    Metric,
    Parallel,
    Permission,
    PipelineSpec,
    RawState,
    SpecError,
    Wait,
)
from tests.support import prepare, train

PAUSE: Any = Wait(name="pause", seconds=1)
NOTHING: Any = None
GOOD = Metric("prepare", "rows") >= 1


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("then", lambda: Gate(when=GOOD, then=PAUSE)),
        ("otherwise", lambda: Gate(when=GOOD, then=(PAUSE,), otherwise=PAUSE)),
        ("outputs", lambda: Gate(when=GOOD, then=(PAUSE,), outputs={"kept": (NOTHING, 1)})),
        ("steps", lambda: ForEach(name="each", items=(1,), steps=PAUSE)),
        ("keep", lambda: ForEach(name="each", items=(1,), steps=(PAUSE,), keep={"day": NOTHING})),
        ("branches", lambda: Parallel(branches=PAUSE)),
        ("steps", lambda: PipelineSpec(name="nightly", model="churn", owner="growth", steps=PAUSE)),
        ("cause", lambda: Fail(cause=5)),  # type: ignore[arg-type]
        ("error", lambda: Fail(cause="no rows", error=NOTHING)),
        ("actions", lambda: Permission(actions="s3:GetObject", resources=("arn:aws:s3:::b/k",))),  # type: ignore[arg-type]
        ("resources", lambda: Permission(actions=("s3:GetObject",), resources="arn:aws:s3:::b/k")),  # type: ignore[arg-type]
        ("state", lambda: RawState(name="raw", state=NOTHING)),
        ("permissions", lambda: RawState(name="raw", state={"Type": "Wait"}, permissions=NOTHING)),
        ("function", lambda: LambdaTask(name="ask", function=NOTHING)),
        ("payload", lambda: LambdaTask(name="ask", function="ask", payload={"day": NOTHING})),
        ("reads", lambda: Function(code="functions/ask", reads=S3("raw/"))),  # type: ignore[arg-type]
        ("outputs", lambda: prepare(outputs="train")),
        ("arguments", lambda: prepare(arguments="--fast")),
        ("entrypoint", lambda: prepare(entrypoint="/bin/run")),
        ("metrics", lambda: train(metrics="auc")),
    ],
)
def test_a_value_of_another_kind_is_refused_by_the_field_that_holds_it(field: str, make: Callable[[], object]) -> None:
    with pytest.raises(SpecError, match=f"{field} is not what it must be"):
        make()


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-11-21", "2026-11-21 03:00:00Z", "2026-11-21T03:00:00"])
def test_a_time_that_the_states_language_does_not_read_is_refused(until: str) -> None:
    with pytest.raises(SpecError, match="wait-time"):
        Wait(until=until)


@pytest.mark.parametrize("until", ["2026-11-21T03:00:00Z", "2026-11-21T03:00:00.5+01:00"])
def test_a_time_with_its_zone_is_waited_for(until: str) -> None:
    assert Wait(until=until).until == until


def test_steps_whose_resources_would_share_one_id_are_refused() -> None:
    alike = (Wait(name="pause-1", seconds=1), Wait(name="pause1", seconds=1))
    with pytest.raises(SpecError, match="names-alike"):
        PipelineSpec(name="nightly", model="churn", owner="growth", steps=alike)
