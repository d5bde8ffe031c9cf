"""Tuning jobs: their requests, their names, what the best training job leaves, and every way to end.

The number in a test's name is that of https://github.com/aws/aws-step-functions-data-science-sdk-python/issues.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Bayesian,
    Candidate,
    Categorical,
    Completion,
    Continuous,
    Fail,
    Gate,
    Grid,
    Hyperband,
    Input,
    Integer,
    MetricDefinition,
    MLflow,
    Objective,
    Process,
    PyTorch,
    Random,
    Register,
    Spot,
    Train,
    Tune,
    WarmStart,
    XGBoost,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.contract import names
from tests.compiler.test_states import failing, ran
from tests.support import IMAGE, account, compiled, definition_of, pipeline, prepare, statements_of, train

BEST = {
    "TrainingJobName": "churn-1a2b3c4d-abcdefabcdef-0-001-aa",
    "TunedHyperParameters": {"max_depth": "5", "eta": "0.1"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": 0.93},
}
DONE = {"HyperParameterTuningJobName": "churn-1a2b3c4d-abcdefabcdef-0", "BestTrainingJob": BEST, "Tags": ["unused"]}
JOB = "sagemaker:createHyperParameterTuningJob.sync"
ANSWERS = {
    JOB: DONE,
    "aws-sdk:sagemaker:describeTrainingJob": {"ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/best/model.tar.gz"}},
}
RANGES = {"max_depth": Integer(2, 8), "eta": Continuous(0.01, 0.3, scaling="Logarithmic")}
AUC = Objective("validation:auc", "Maximize")


def xgboost(**changes: Any) -> Train:
    given = {"name": "xgb", "image": XGBoost("1.7-1"), "channels": {"train": prepare().output("train")}, **changes}
    return Train(**given)


def tune(**changes: Any) -> Tune:
    given = {
        "name": "tune",
        "train": xgboost(hyperparameters={"num_round": 50}),
        "objective": AUC,
        "ranges": RANGES,
        "max_jobs": 10,
        "parallel": 2,
        **changes,
    }
    return Tune(**given)


def request_of(step: Tune, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = definition_of(compiled(pipeline(prepare(), step, **options)))["States"]["tune"]
    return dict(found["Parameters"])


def used(step: Tune) -> Process:
    """A step that uses everything that a tuning job leaves."""
    arguments = (step.job_name, step.best("max_depth"), step.tuning_job)
    return prepare(name="use", inputs={"model": step.model}, arguments=arguments, outputs=())


def test_the_request_has_the_search_and_the_training_job() -> None:
    request = request_of(tune(seed=7, early_stopping=True, budget=timedelta(hours=1)))
    assert request["HyperParameterTuningJobConfig"] == {
        "Strategy": "Bayesian",
        "ResourceLimits": {
            "MaxParallelTrainingJobs": 2,
            "MaxNumberOfTrainingJobs": 10,
            "MaxRuntimeInSeconds": 3600,
        },
        "TrainingJobEarlyStoppingType": "Auto",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ParameterRanges": {
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Auto"}],
            "ContinuousParameterRanges": [
                {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
            ],
        },
        "RandomSeed": 7,
    }
    definition = request["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {"num_round": "50"}
    assert "HyperParameters" not in definition
    assert "Tags" not in definition
    assert definition["OutputDataConfig"]["S3OutputPath.$"].endswith("/tune/model/', $$.Execution.Name)")


@pytest.mark.parametrize(
    ("strategy", "name"),
    [(Random(), "Random"), (Bayesian(), "Bayesian"), (Hyperband(min_resource=1, max_resource=9), "Hyperband")],
)
def test_a_strategy_is_told_by_its_name(strategy: Any, name: str) -> None:
    config = request_of(tune(strategy=strategy))["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == name
    resources = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    assert config.get("StrategyConfig") == (resources if name == "Hyperband" else None)


def test_a_grid_has_as_many_jobs_as_combinations() -> None:
    ranges = {"booster": Categorical(("gbtree", "dart")), "depth": Categorical(("2", "4", "8"))}
    config = request_of(tune(strategy=Grid(), ranges=ranges, max_jobs=None, parallel=6))[
        "HyperParameterTuningJobConfig"
    ]
    assert "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]
    assert config["ParameterRanges"]["CategoricalParameterRanges"][1] == {"Name": "depth", "Values": ["2", "4", "8"]}
    assert tune(strategy=Grid(), ranges=ranges, max_jobs=6).max_jobs == 6


def test_a_search_ends_when_it_has_found_enough_and_starts_where_others_ended() -> None:
    parent = Input("parent")
    request = request_of(
        tune(
            completion=Completion(target=0.95, not_improving=5, convergence=True),
            warm_start=WarmStart(parents=("churn-1", parent), kind="TransferLearning"),
        ),
        inputs=(parent,),
    )
    assert request["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] == {
        "TargetObjectiveMetricValue": 0.95,
        "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
        "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
    }
    assert request["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": "churn-1"},
            {"HyperParameterTuningJobName.$": "$.inputs.parent"},
        ],
        "WarmStartType": "TransferLearning",
    }


def test_several_algorithms_bring_their_own_ranges_objectives_and_code() -> None:
    script = train(metrics=(MetricDefinition("auc", "auc=([0-9.]+)"),), hyperparameters={}, spot=None)
    step = tune(
        train=None,
        objective=None,
        ranges={},
        trainings=(
            Candidate(
                name="xgb", train=xgboost(), objective=AUC, ranges={"max_depth": Integer(2, 8), "eta": RANGES["eta"]}
            ),
            Candidate(
                name="sk", train=script, objective=Objective("auc", "Maximize"), ranges={"max_depth": Integer(1, 4)}
            ),
        ),
    )
    result = compiled(pipeline(prepare(), step, used(step)))
    request = definition_of(result)["States"]["tune"]["Parameters"]
    first, second = request["TrainingJobDefinitions"]
    assert (first["DefinitionName"], second["DefinitionName"]) == ("xgb", "sk")
    assert second["TuningObjective"] == {"Type": "Maximize", "MetricName": "auc"}
    assert second["StaticHyperParameters"]["sagemaker_program"] == "train.py"
    assert "/tune-sk/model/" in second["OutputDataConfig"]["S3OutputPath.$"]
    assert "HyperParameterTuningJobObjective" not in request["HyperParameterTuningJobConfig"]
    assert step.result_keys == ("best_max_depth", "tuning_job")
    assert prove_template(result.resources) == ()


def test_names_of_tuning_jobs_are_short_and_new_in_every_attempt() -> None:
    _, services = ran(pipeline(prepare(), tune()), {**ANSWERS, "tune": _throttled})
    found = [parameters["HyperParameterTuningJobName"] for parameters in services.of("tune")]
    assert len(set(found)) == 3
    assert all(re.fullmatch(r"churn-[0-9a-f]{8}-[0-9a-f]{12}-[0-2]", name) for name in found)
    assert all(len(name) <= 32 for name in found)


def _throttled(attempt: int) -> Any:
    return failing("SageMaker.ThrottlingException", attempts=2)(attempt) if attempt <= 2 else DONE


def test_a_long_model_name_leaves_room_for_the_unique_part() -> None:
    prefix = names.tuning_prefix("a-very-long-name-of-a-model", "training", "tune")
    assert len(prefix) + 1 + 12 + 1 + 2 <= 32
    assert prefix != names.tuning_prefix("a-very-long-name-of-a-model", "training", "tune-again")


def test_the_best_jobs_artifact_name_metric_and_hyperparameters_reach_later_steps() -> None:
    step = tune()
    good = Gate(name="good", when=step.metric() >= 0.9, then=(used(step), Register(model=step.model)))
    spec = pipeline(prepare(), step, good)
    ended, services = ran(spec, ANSWERS)
    assert ended.status == "SUCCEEDED"
    use = services.of("use")[0]
    assert use["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://bucket/best/model.tar.gz"
    assert use["AppSpecification"]["ContainerArguments"][1:] == [
        BEST["TrainingJobName"],
        "5",
        DONE["HyperParameterTuningJobName"],
    ]
    assert services.of("Read tune") == [{"TrainingJobName": BEST["TrainingJobName"]}]
    model = services.of("register")[0]["InferenceSpecification"]["Containers"][0]
    assert model["ModelDataUrl"] == "s3://bucket/best/model.tar.gz"
    assert "sagemaker-xgboost" in model["Image"]
    assert prove_template(compiled(spec).resources) == ()


def test_128_the_best_hyperparameters_are_those_of_the_best_job_and_no_description_is_asked_for_them() -> None:
    step = tune()
    final = train(hyperparameters={"max_depth": step.best("max_depth"), "eta": step.best("eta")})
    ended, services = ran(pipeline(prepare(), step, final), ANSWERS)
    assert ended.status == "SUCCEEDED"
    assert services.of("train")[0]["HyperParameters"].items() >= {"max_depth": "5", "eta": "0.1"}.items()
    assert services.of("Read tune") == []


def test_a_hyperparameter_with_a_hyphen_is_found() -> None:
    step = tune(ranges={"max-depth": Integer(2, 8)})
    best = {**BEST, "TunedHyperParameters": {"max-depth": "6"}}
    final = train(hyperparameters={"depth": step.best("max-depth")})
    _, services = ran(pipeline(prepare(), step, final), {**ANSWERS, JOB: {**DONE, "BestTrainingJob": best}})
    assert services.of("train")[0]["HyperParameters"]["depth"] == "6"


def test_of_the_answer_only_the_best_jobs_name_stays_when_no_step_uses_more() -> None:
    ended, services = ran(pipeline(prepare(), tune()), ANSWERS)
    assert ended.output["steps"]["tune"] == {"job": BEST["TrainingJobName"]}
    assert services.of("Read tune") == []


def test_a_search_without_a_best_job_reaches_the_failure_path_and_says_so() -> None:
    step = tune()
    final = train(hyperparameters={"max_depth": step.best("max_depth")})
    ended, services = ran(pipeline(prepare(), step, final), {JOB: {"HyperParameterTuningJobName": "churn-1"}})
    assert ended.status == "FAILED"
    assert ended.states[-3:] == ("Report tune", "Notify failure", "Failed")
    assert "no training job of the tuning job reported a finite validation:auc" in ended.cause
    assert services.of("train") == []


def test_a_best_value_that_is_no_number_opens_no_gate() -> None:
    step = tune()
    gate = Gate(name="good", when=step.metric("validation:auc") >= 0.9, then=(Fail(name="end", cause="too good"),))
    best = {**BEST, "FinalHyperParameterTuningJobObjectiveMetric": {"Value": "NaN"}}
    ended, _ = ran(pipeline(prepare(), step, gate), {JOB: {**DONE, "BestTrainingJob": best}})
    assert ended.states[-3:] == ("Report tune", "Notify failure", "Failed")


def test_a_failed_tuning_job_reaches_the_failure_path() -> None:
    ended, _ = ran(pipeline(prepare(), tune()), {"tune": failing("States.TaskFailed")})
    assert ended.states[-3:] == ("tune", "Notify failure", "Failed")


def test_the_roles_allow_the_search_its_training_jobs_and_nothing_else() -> None:
    step = tune()
    result = compiled(pipeline(prepare(), step, used(step)))
    prefix = names.tuning_prefix("churn", "training", "tune")
    allowed = {str(item["Action"]): str(item["Resource"]) for item in statements_of(result, "TrainingStatesRole")}
    search = next(on for action, on in allowed.items() if "CreateHyperParameterTuningJob" in action)
    assert f"hyper-parameter-tuning-job/{prefix}-*" in search
    assert f"training-job/{prefix}-*" in allowed["sagemaker:DescribeTrainingJob"]
    assert any("SageMakerTuningJobsRule" in on for on in allowed.values())
    assert prove_template(result.resources) == ()


def test_the_state_waits_as_long_as_the_search_may_take() -> None:
    spot = xgboost(timeout=timedelta(hours=1), spot=Spot(max_wait=timedelta(hours=2)))
    states = definition_of(compiled(pipeline(prepare(), tune(train=spot))))["States"]
    assert states["tune"]["TimeoutSeconds"] == 5 * 2 * 3600 + 1800
    limited = definition_of(compiled(pipeline(prepare(), tune(budget=timedelta(hours=3)))))["States"]
    assert limited["tune"]["TimeoutSeconds"] == 3 * 3600 + 1800


def test_raw_fields_of_the_inner_job_are_merged_and_checked_where_they_go() -> None:
    raw = {"StoppingCondition": {"MaxPendingTimeInSeconds": 3600}}
    definition = request_of(tune(train=xgboost(raw=raw)))["TrainingJobDefinition"]
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400, "MaxPendingTimeInSeconds": 3600}
    with pytest.raises(ValueError, match=r"DebugHookConfig.*\n(.*\n)*.*parameter-unknown"):
        compiled(pipeline(prepare(), tune(train=xgboost(raw={"DebugHookConfig": {}}))))


def test_runs_of_a_search_are_logged_to_mlflow() -> None:
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:mlflow-app/app-1"
    step = tune(train=xgboost(mlflow=MLflow(experiment="churn")))
    result = compiled(pipeline(prepare(), step), account(mlflow_arn=arn))
    environment = definition_of(result)["States"]["tune"]["Parameters"]["TrainingJobDefinition"]["Environment"]
    assert environment == {"MLFLOW_TRACKING_URI": arn, "MLFLOW_EXPERIMENT_NAME": "churn"}


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"train": None}, "tune-form"),
        ({"objective": None}, "tune-form"),
        ({"ranges": {}}, "number-range"),
        ({"ranges": {f"p{number}": Integer(1, 2) for number in range(31)}}, "number-range"),
        ({"ranges": {"num_round": Integer(1, 2)}}, "range-taken"),
        ({"ranges": {"a-b": Integer(1, 2), "a_b": Integer(1, 2)}}, "range-alike"),
        ({"ranges": {"a": (1, 2)}}, "kind"),
        ({"ranges": {"it's": Integer(1, 2)}}, "kind"),
        ({"strategy": Grid()}, "strategy-grid"),
        ({"strategy": Grid(), "ranges": {"a": Categorical(("1", "2"))}, "max_jobs": 3}, "strategy-grid"),
        ({"strategy": Hyperband()}, "strategy-hyperband"),
        ({"strategy": Hyperband(max_resource=9), "early_stopping": True}, "strategy-hyperband"),
        ({"max_jobs": None}, "tune-endless"),
        ({"parallel": 11}, "number-range"),
        ({"budget": timedelta(seconds=60)}, "number-range"),
        ({"seed": -1}, "number-range"),
        ({"train": xgboost(warm_pool=timedelta(minutes=5))}, "tune-train"),
        ({"train": xgboost(infrastructure_check=True)}, "tune-train"),
        ({"train": train(image=PyTorch("2.3"), metrics=())}, "objective"),
        ({"train": xgboost(environment={f"A{number}": "1" for number in range(49)})}, "number-range"),
        ({"name": "a" * 33}, "name"),
    ],
)
def test_what_a_search_cannot_be_is_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        tune(**changes)


def several(**changes: Any) -> Tune:
    one = Candidate(name="xgb", train=xgboost(), objective=AUC, ranges=RANGES)
    given = {"train": None, "objective": None, "ranges": {}, "trainings": (one,), **changes}
    return tune(**given)


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"warm_start": WarmStart(parents=("churn-1",), kind="TransferLearning")},
    ],
)
def test_several_algorithms_exclude_what_only_one_can_have(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\[tune-several\]"):
        several(**changes)


def test_a_candidate_keeps_its_things_under_a_name_that_no_step_has() -> None:
    with pytest.raises(ValueError, match=r"\[name-taken\]"):
        pipeline(prepare(), several(), prepare(name="tune-xgb", inputs={"raw": S3("raw/")}))


def test_a_hyperparameter_that_is_not_searched_has_no_best_value() -> None:
    with pytest.raises(ValueError, match=r"\[result-unknown\]"):
        tune().best("gamma")
    with pytest.raises(ValueError, match=r"\[metric-unknown\]"):
        tune().metric("loss")


def test_the_images_of_a_search_are_those_that_serve() -> None:
    assert tune().images == (XGBoost("1.7-1"),)
    assert IMAGE not in tune().images
