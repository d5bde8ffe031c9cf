"""Limits of steps that depend on what the library itself adds."""

from __future__ import annotations

import pytest

from constructs_ml import SpecError
from tests.support import prepare, train


def variables(count: int) -> dict[str, str]:
    return {f"V{number}": "x" for number in range(count)}


def test_a_job_may_have_as_many_variables_as_the_service_takes_beside_ours() -> None:
    step = prepare(environment=variables(97))
    assert len(step.environment) + len(step.folders) == 100
    with pytest.raises(SpecError, match="at most 97"):
        prepare(environment=variables(98))
    assert train(environment=variables(97))
    with pytest.raises(SpecError, match="at most 97"):
        train(environment=variables(98))


def test_a_step_cannot_change_after_it_was_checked() -> None:
    step = prepare(environment={"A": "b"})
    with pytest.raises(TypeError):
        step.environment["A"] = "c"  # type: ignore[index]


def test_more_inputs_than_the_service_takes_are_refused() -> None:
    from constructs_ml import S3

    many = {f"input-{number}": S3("raw/") for number in range(10)}
    with pytest.raises(SpecError, match="at most 9"):
        prepare(inputs=many)
