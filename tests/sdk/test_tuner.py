"""A HyperparameterTuner of the SDK, as it was recorded, becomes plain arguments of a search."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_ml import S3, Sklearn, SpecError, Train
from constructs_ml.spec.sdk import tune_arguments
from tests.sdk.stand_ins import recorded


def told(thing: Any, without: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    return tune_arguments(thing, name="tune", values={}, without=without, changes=changes)


def test_the_search_and_its_bounds_are_told() -> None:
    found = told(recorded("tuner_single"))
    del found["algorithms"]
    assert found == {
        "name": "tune",
        "strategy": "Bayesian",
        "objective": "Maximize",
        "max_jobs": 20,
        "max_parallel_jobs": 4,
        "early_stopping": True,
        "autotune": False,
        "timeout": timedelta(hours=10),
        "random_seed": 7,
        "warm_start_config": {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "before"}],
            "WarmStartType": "TransferLearning",
        },
    }


def test_ranges_metric_and_fixed_hyperparameters_are_told_apart() -> None:
    [algorithm] = told(recorded("tuner_single"))["algorithms"].values()
    assert algorithm["objective_metric"] == "auc"
    assert algorithm["metrics"] == (("auc", "auc=([0-9.]+)"),)
    assert algorithm["ranges"] == {
        "depth": {"type": "Integer", "min": 2, "max": 9, "scaling": "Auto"},
        "rate": {"type": "Continuous", "min": 0.001, "max": 0.3, "scaling": "Logarithmic"},
        "label": {"type": "Categorical", "values": ["churned", "left"]},
    }
    train = Train(**algorithm["train"])
    assert (train.image, dict(train.hyperparameters)) == (Sklearn("1.4-2"), {"early": True, "layers": "[8, 4]"})


def test_several_algorithms_have_their_own_ranges() -> None:
    found = told(recorded("tuner_several"))["algorithms"]
    assert {name: set(item["ranges"]) for name, item in found.items()} == {"forest": {"depth"}, "boost": {"rate"}}


def test_fields_of_the_caller_count_for_every_training() -> None:
    found = told(recorded("tuner_several"), channels={"train": S3("other/")})["algorithms"]
    assert {item["train"]["channels"]["train"] for item in found.values()} == {S3("other/")}


def test_a_trainers_attributes_are_left_behind_by_their_place() -> None:
    thing = recorded("tuner_single")
    thing.model_trainer.tags = [SimpleNamespace(key="a", value="b")]
    with pytest.raises(SpecError, match="tags cannot be taken over"):
        told(thing)
    assert told(thing, without=("model_trainer.tags",))["max_jobs"] == 20


@pytest.mark.parametrize("name", ["tags", "instance_configs", "a_field_of_tomorrow"])
def test_it_names_what_it_refuses(name: str) -> None:
    thing = recorded("tuner_single")
    setattr(thing, name, ["x"])
    with pytest.raises(SpecError, match=f"{name} cannot be taken over"):
        told(thing)


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-object"):
        told(recorded("trainer_script"))
