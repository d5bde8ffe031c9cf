"""A HyperparameterTuner of the SDK, as it was recorded, becomes a Tune step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from constructs_ml import (
    S3,
    Bayesian,
    Categorical,
    Continuous,
    Hyperband,
    Integer,
    Objective,
    SpecError,
    Tune,
    WarmStart,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.spec.sdk.tuned import search_of
from tests.sdk.stand_ins import recorded
from tests.support import compiled, pipeline


def test_a_tuner_of_one_algorithm_is_the_search_that_it_says() -> None:
    step = Tune.from_tuner(recorded("tuner_single"), name="tune", code="train.py")
    assert step.train is not None
    assert step.objective == Objective("auc", "Maximize")
    assert step.ranges == {
        "depth": Integer(2, 9),
        "rate": Continuous(0.001, 0.3, "Logarithmic"),
        "label": Categorical(("churned", "left")),
    }
    assert (step.strategy, step.max_jobs, step.parallel, step.early_stopping) == (Bayesian(), 20, 4, True)
    assert (step.budget, step.seed) == (timedelta(hours=10), 7)
    assert step.warm_start == WarmStart(parents=("before",), kind="TransferLearning")
    assert prove_template(compiled(pipeline(step)).resources) == ()


def test_a_tuner_of_several_algorithms_compares_them() -> None:
    step = Tune.from_tuner(recorded("tuner_several"), name="tune", code="train.py", channels={"train": S3("other/")})
    assert {candidate.name for candidate in step.trainings} == {"forest", "boost"}
    assert all(candidate.train.channels["train"] == S3("other/") for candidate in step.trainings)


def test_a_strategy_and_its_completion_are_told() -> None:
    told = {
        "name": "tune",
        "strategy": "Hyperband",
        "strategy_config": {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 9}},
        "completion_criteria_config": {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}},
        "max_jobs": 4,
        "max_parallel_jobs": 2,
        "early_stopping": False,
        "autotune": True,
    }
    found = search_of(told)
    assert found["strategy"] == Hyperband(min_resource=2, max_resource=9)
    assert found["completion"].convergence
    assert found["raw"] == {"Autotune": {"Mode": "Enabled"}}


def test_what_cannot_be_taken_over_is_named() -> None:
    thing = recorded("tuner_single")
    thing.a_field_of_tomorrow = ["x"]
    with pytest.raises(SpecError, match="a_field_of_tomorrow cannot be taken over"):
        Tune.from_tuner(thing, name="tune")
