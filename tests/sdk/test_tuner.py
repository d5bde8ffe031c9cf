"""A HyperparameterTuner of the SDK, as it was recorded, becomes a Tune step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Bayesian,
    Candidate,
    Categorical,
    Completion,
    Continuous,
    Grid,
    Hyperband,
    Input,
    Integer,
    MetricDefinition,
    Objective,
    Random,
    SpecError,
    Train,
    Tune,
    WarmStart,
)
from constructs_ml.compiler.proofs import prove_template
from tests.sdk.stand_ins import rebuilt, recorded
from tests.support import account, compiled, definition_of, pipeline

AUC = Objective("auc", "Maximize")
FIXED = {"early": True, "layers": "[8, 4]"}


def tuner(**changes: Any) -> Any:
    found = recorded("tuner_single")
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def tuned(thing: Any = None, **given: Any) -> Tune:
    return Tune.from_tuner(thing or tuner(), name="tune", **given)


def trained(name: str = "tune") -> Train:
    """The Train that the recorded trainer becomes, without the hyperparameters that are searched."""
    return replace(Train.from_model_trainer(recorded("trainer_script"), name=name), hyperparameters=FIXED)


def refused(thing: Any, **given: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as error:
        tuned(thing, **given)
    return {fault.what.split()[0]: fault.allowed for fault in error.value.faults}


def test_everything_that_a_step_has_a_field_for_goes_there() -> None:
    assert tuned() == Tune(
        name="tune",
        train=trained(),
        objective=AUC,
        ranges={
            "depth": Integer(2, 9),
            "rate": Continuous(0.001, 0.3, scaling="Logarithmic"),
            "label": Categorical(("churned", "left")),
        },
        strategy=Bayesian(),
        max_jobs=20,
        parallel=4,
        early_stopping=True,
        budget=timedelta(hours=10),
        seed=7,
        warm_start=WarmStart(parents=("before",), kind="TransferLearning"),
    )


def test_several_algorithms_become_candidates() -> None:
    boost, forest = tuned(recorded("tuner_several")).trainings
    assert (forest.name, forest.objective, forest.ranges) == ("forest", AUC, {"depth": Integer(2, 9)})
    assert (boost.name, boost.ranges) == ("boost", {"rate": Continuous(0.1, 1)})
    assert "depth" not in forest.train.hyperparameters
    assert boost.train.hyperparameters["depth"] == 3


@pytest.mark.parametrize("name", ["tuner_single", "tuner_several"])
def test_it_compiles_and_is_proved(name: str) -> None:
    step = tuned(recorded(name))
    built = compiled(pipeline(step), account())
    request = definition_of(built)["States"]["tune"]["Parameters"]
    assert request["HyperParameterTuningJobConfig"]["Strategy"] == "Bayesian"
    assert prove_template(built.resources) == ()


def test_fields_of_the_caller_count_before_the_objects() -> None:
    step = tuned(max_jobs=5, strategy=Random(), warm_start=None, ranges={"layers": Categorical(("[8]", "[4]"))})
    assert (step.max_jobs, step.strategy, step.warm_start) == (5, Random(), None)
    assert set(step.ranges) == {"depth", "rate", "label", "layers"}
    assert step.train is not None
    assert step.train.hyperparameters == {"early": True}


def test_fields_that_only_a_training_has_count_for_every_one() -> None:
    step = tuned(recorded("tuner_several"), channels={"train": S3("other/")})
    assert {item.train.channels["train"] for item in step.trainings} == {S3("other/")}


def test_what_a_tuning_job_cannot_have_of_its_trainer_can_be_given_instead() -> None:
    thing = tuner()
    thing.model_trainer.compute.enable_managed_spot_training = None
    thing.model_trainer.stopping_condition.max_wait_time_in_seconds = None
    thing.model_trainer.compute.keep_alive_period_in_seconds = 600
    with pytest.raises(SpecError, match="tune-train"):
        tuned(thing)
    step = tuned(thing, warm_pool=None)
    assert step.train is not None
    assert step.train.warm_pool is None


@pytest.mark.parametrize("said", [None, []])
def test_metrics_are_those_of_the_tuner_or_else_of_its_trainer(said: Any) -> None:
    other = [{"Name": "auc", "Regex": "other=(.*)"}]
    for metrics, regex in ((said, "auc=([0-9.]+)"), (other, "other=(.*)")):
        step = tuned(tuner(metric_definitions=metrics))
        assert step.train is not None
        assert step.train.metrics == (MetricDefinition("auc", regex),)


def config(**attributes: Any) -> Any:
    return SimpleNamespace(**attributes)


@pytest.mark.parametrize(
    ("attributes", "field", "value"),
    [
        ({"strategy": "Random"}, "strategy", Random()),
        (
            {
                "strategy": "Hyperband",
                "early_stopping_type": "Off",
                "strategy_config": config(hyperband_strategy_config=config(min_resource=2, max_resource=30)),
            },
            "strategy",
            Hyperband(min_resource=2, max_resource=30),
        ),
        (
            {"completion_criteria_config": config(target_objective_metric_value=0.9)},
            "completion",
            Completion(target=0.9),
        ),
        (
            {
                "completion_criteria_config": config(
                    best_objective_not_improving=config(max_number_of_training_jobs_not_improving=5),
                    convergence_detected=config(complete_on_convergence="Enabled"),
                )
            },
            "completion",
            Completion(not_improving=5, convergence=True),
        ),
        (
            {"completion_criteria_config": config(convergence_detected=config(complete_on_convergence="Disabled"))},
            "completion",
            None,
        ),
        ({"objective_type": "Minimize"}, "objective", Objective("auc", "Minimize")),
        ({"max_runtime_in_seconds": None}, "budget", None),
    ],
)
def test_the_search_is_the_objects(attributes: dict[str, Any], field: str, value: object) -> None:
    assert getattr(tuned(tuner(**attributes)), field) == value


def test_a_grid_needs_no_number_of_jobs() -> None:
    categories = {"label": recorded("tuner_single")._hyperparameter_ranges["label"]}
    thing = tuner(strategy="Grid", max_jobs=None, max_parallel_jobs=2, _hyperparameter_ranges=categories)
    assert (tuned(thing).strategy, tuned(thing).max_jobs) == (Grid(), None)


def test_an_earlier_tuning_job_may_be_an_input() -> None:
    placeholder = rebuilt({"class": "Properties", "expr": {"Get": "Parameters.Before"}})
    parent = config(hyper_parameter_tuning_job_name=placeholder)
    start = config(parent_hyper_parameter_tuning_jobs=[parent], warm_start_type="TransferLearning")
    step = tuned(tuner(warm_start_config=start), values={"Parameters.Before": Input("before")})
    assert step.warm_start == WarmStart(parents=(Input("before"),), kind="TransferLearning")


def test_a_trainers_attributes_are_left_behind_by_their_place() -> None:
    thing = tuner()
    thing.model_trainer.tags = [SimpleNamespace(key="a", value="b")]
    with pytest.raises(SpecError, match="tags cannot be taken over"):
        tuned(thing)
    assert tuned(thing, without=("model_trainer.tags",)).max_jobs == 20


PLACEHOLDER = rebuilt({"class": "ParameterInteger", "expr": {"Get": "Parameters.Number"}})


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"tags": ["x"]}, "tags"),
        ({"instance_configs": ["x"]}, "instance_configs"),
        ({"a_field_of_tomorrow": ["x"]}, "a_field_of_tomorrow"),
        ({"autotune": True}, "autotune"),
        ({"strategy": "Guessing"}, "strategy"),
        ({"max_jobs": PLACEHOLDER}, "max_jobs"),
        ({"objective_metric_name": PLACEHOLDER}, "objective_metric_name"),
        ({"metric_definitions": [{"Name": "auc", "Regex": PLACEHOLDER}]}, "metric_definitions[0].regex"),
        ({"strategy_config": config(other=config(x=1))}, "strategy_config.other"),
        ({"completion_criteria_config": config(other=1)}, "completion_criteria_config.other"),
        (
            {"_hyperparameter_ranges": {"depth": rebuilt({"class": "OrdinalParameter", "attributes": {"x": 1}})}},
            "hyperparameter_ranges.depth",
        ),
        (
            {
                "_hyperparameter_ranges": {
                    "depth": rebuilt(
                        {"class": "IntegerParameter", "attributes": {"min_value": 1, "max_value": 2, "scale": "x"}}
                    )
                }
            },
            "hyperparameter_ranges.depth.scale",
        ),
    ],
)
def test_it_names_what_it_refuses(attributes: dict[str, Any], name: str) -> None:
    assert set(refused(tuner(**attributes))) == {name}


def test_a_range_that_is_none_is_refused_with_everything_else() -> None:
    said = {"class": "IntegerParameter", "attributes": {"min_value": 9, "max_value": 2}}
    with pytest.raises(SpecError) as error:
        tuned(tuner(_hyperparameter_ranges={"depth": rebuilt(said)}, tags=["x"]))
    assert {fault.id for fault in error.value.faults} == {"range-bounds", "sdk-attribute"}


def test_a_candidate_that_is_none_is_refused() -> None:
    thing = recorded("tuner_several")
    thing._hyperparameter_ranges_dict["forest"] = {}
    with pytest.raises(SpecError, match="the number of ranges"):
        tuned(thing)


def test_candidates_may_be_given_instead() -> None:
    train = trained("forest")
    candidate = Candidate(name="forest", train=train, objective=AUC, ranges={"depth": Integer(1, 3)})
    step = tuned(recorded("tuner_several"), trainings=(candidate,))
    assert step.trainings == (candidate,)


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-object"):
        tuned(recorded("trainer_script"))
