"""Tuning jobs search the declared ranges with real training jobs, and tell which was best."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.jobs.search import candidates, scaled
from tests.rehearsal.jobs_data import Played

# The loss is how far x is from 3.
LOSS = """
import os
x = float(os.environ["SM_HP_X"])
print(f"loss={abs(x - 3):.4f};")
open(os.environ["SM_MODEL_DIR"] + "/x", "w").write(str(x))
"""
RANGES = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "10", "ScalingType": "Linear"}]}


@pytest.fixture
def played(account) -> Played:
    return Played(account)


def definition(played: Played, name: str, script: str) -> dict[str, Any]:
    given = played.request(name, script)
    given["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    static = given.pop("HyperParameters")
    del given["TrainingJobName"]
    return given | {"StaticHyperParameters": static}


def config(ranges: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": ranges or RANGES,
        **more,
    }


def start(played: Played, name: str = "tune", script: str = LOSS, **more: Any) -> None:
    request = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": config(),
        "TrainingJobDefinition": definition(played, name, script),
        **more,
    }
    played.sagemaker.create_hyper_parameter_tuning_job(**{k: v for k, v in request.items() if v is not None})


def tuned(played: Played, name: str = "tune") -> dict[str, Any]:
    describe = played.sagemaker.describe_hyper_parameter_tuning_job
    return played.wait(lambda: describe(HyperParameterTuningJobName=name), "HyperParameterTuningJobStatus")


def children(played: Played, name: str = "tune", **more: Any) -> list[dict[str, Any]]:
    listing = played.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job
    return listing(HyperParameterTuningJobName=name, **more)["TrainingJobSummaries"]


@pytest.mark.slow
def test_the_best_training_job_is_the_one_with_the_least_loss(account, played) -> None:
    with account.running():
        played.begin()
        start(played)
        done = tuned(played)
        assert done["HyperParameterTuningJobStatus"] == "Completed", done
        assert done["TrainingJobStatusCounters"]["Completed"] == 4  # the budget of a rehearsal
        assert done["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
        best = done["BestTrainingJob"]
        found = children(played, SortBy="FinalObjectiveMetricValue")
        values = [item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for item in found]
        assert values == sorted(values)
        assert found[0]["TrainingJobName"] == best["TrainingJobName"]
        assert best["TrainingJobName"].startswith("tune-00")
        objective = best["FinalHyperParameterTuningJobObjectiveMetric"]
        assert (objective["Type"], objective["MetricName"]) == ("Minimize", "loss")
        assert objective["Value"] == pytest.approx(abs(float(best["TunedHyperParameters"]["x"]) - 3), abs=1e-4)
        child = played.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
        assert child["TuningJobArn"] == done["HyperParameterTuningJobArn"]
        assert child["HyperParameters"]["_tuning_objective_metric"] == "loss"
        assert child["HyperParameters"]["x"] == best["TunedHyperParameters"]["x"]
        said = account.journal.entries("stand-in")
        assert any(
            "random search with a seed of at most 4 training jobs in the place of Bayesian" in e.what for e in said
        )


def test_a_grid_tries_every_combination_once(account) -> None:
    played = Played(account)
    played.jobs.tuning_budget = 10
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "3", "4"]}]}
    limits = {"MaxParallelTrainingJobs": 3}
    with account.running():
        played.begin()
        start(played, HyperParameterTuningJobConfig=config(ranges, Strategy="Grid", ResourceLimits=limits))
        done = tuned(played)
        assert sorted(item["TunedHyperParameters"]["x"] for item in children(played)) == ["1", "3", "4"]
        assert done["BestTrainingJob"]["TunedHyperParameters"] == {"x": "3"}


def test_training_jobs_that_fail_are_counted_and_the_rest_decides(account, played) -> None:
    script = LOSS + "import json\nif x > 2: raise SystemExit(1)\n"
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "9"]}]}
    with account.running():
        played.begin()
        start(played, script=script, HyperParameterTuningJobConfig=config(ranges, Strategy="Grid"))
        done = tuned(played)
        assert done["TrainingJobStatusCounters"]["NonRetryableError"] == 1
        assert done["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 1}
        assert done["BestTrainingJob"]["TunedHyperParameters"] == {"x": "1"}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit(1)", "No training job succeeded after 4 attempts"),
        ("pass", "No objective metrics found after"),
    ],
)
def test_a_tuning_job_without_any_objective_fails_in_sagemakers_words(
    account, played, script: str, reason: str
) -> None:
    with account.running():
        played.begin()
        start(played, script=script)
        done = tuned(played)
        assert done["HyperParameterTuningJobStatus"] == "Failed"
        assert done["FailureReason"].startswith(reason)
        assert "BestTrainingJob" not in done


def test_several_definitions_take_turns(account, played) -> None:
    with account.running():
        played.begin()
        several = []
        for name, goal in (("one", 3), ("two", 30)):
            own = definition(played, name, LOSS.replace("3):", f"{goal}):"))
            own |= {"DefinitionName": name, "HyperParameterRanges": RANGES}
            several.append(own | {"TuningObjective": {"Type": "Minimize", "MetricName": "loss"}})
        limits = {"Strategy": "Random", "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2}}
        start(played, HyperParameterTuningJobConfig=limits, TrainingJobDefinition=None, TrainingJobDefinitions=several)
        done = tuned(played)
        assert sorted(item["TrainingJobDefinitionName"] for item in children(played)) == ["one", "two"]
        assert done["BestTrainingJob"]["TrainingJobDefinitionName"] == "one"


def test_a_target_that_is_reached_ends_the_search(account, played) -> None:
    with account.running():
        played.begin()
        criteria = {"TargetObjectiveMetricValue": 100}
        limits = {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 1}
        start(played, HyperParameterTuningJobConfig=config(TuningJobCompletionCriteria=criteria, ResourceLimits=limits))
        assert tuned(played)["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_stopped_tuning_job_stops_its_training_jobs(account, played) -> None:
    with account.running():
        played.begin()
        start(played, script="print('on', flush=True)\nimport time; time.sleep(60)")
        played.until(lambda: any(played.jobs.prints(item["TrainingJobName"]) for item in children(played)))
        played.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
        assert tuned(played)["HyperParameterTuningJobStatus"] == "Stopped"
        assert {item["TrainingJobStatus"] for item in children(played)} == {"Stopped"}


def test_a_warm_start_tries_its_parents_best_first(account, played) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["3"]}]}
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "old"}]}
    with account.running():
        played.begin()
        start(played, "old", HyperParameterTuningJobConfig=config(ranges, ResourceLimits=limits))
        tuned(played, "old")
        warm |= {"WarmStartType": "IdenticalDataAndAlgorithm"}
        start(played, "new", HyperParameterTuningJobConfig=config(ResourceLimits=limits), WarmStartConfig=warm)
        done = tuned(played, "new")
        assert done["BestTrainingJob"]["TunedHyperParameters"] == {"x": "3"}
        assert done["OverallBestTrainingJob"]["TunedHyperParameters"] == {"x": "3"}
        warm["ParentHyperParameterTuningJobs"][0]["HyperParameterTuningJobName"] = "absent"
        with pytest.raises(ClientError, match="Could not find hyper parameter tuning job"):
            start(played, "newer", WarmStartConfig=warm)


def test_a_definition_that_cannot_run_is_refused_at_once(account, played) -> None:
    with account.running():
        played.begin()
        given = definition(played, "tune", LOSS)
        given["ResourceConfig"]["InstanceType"] = "ml.p3.2xlarge"
        with pytest.raises(ClientError, match=r"ml\.p3\.2xlarge expects a GPU"):
            start(played, TrainingJobDefinition=given)


@pytest.mark.parametrize(
    ("scaling", "low", "high", "middle"),
    [("Linear", 0.0, 10.0, 5.0), ("Logarithmic", 0.01, 1.0, 0.1), ("ReverseLogarithmic", 0.9, 0.999, 0.99)],
)
def test_scales_are_those_of_the_documentation(scaling: str, low: float, high: float, middle: float) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
    assert scaled(low, high, scaling, 0.5) == pytest.approx(middle)
    assert (scaled(low, high, scaling, 0), scaled(low, high, scaling, 1)) == pytest.approx((low, high))


def test_values_keep_to_their_ranges_and_to_their_seed() -> None:
    ranges = {
        "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "3", "ScalingType": "Logarithmic"}],
        "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0.1", "MaxValue": "0.2"}],
        "CategoricalParameterRanges": [{"Name": "c", "Values": ["a", "b"]}],
        "AutoParameters": [{"Name": "auto", "ValueHint": "10"}, {"Name": "word", "ValueHint": "adam"}],
    }
    drawn = list(itertools.islice(candidates(ranges, "Random", 1), 200))
    assert {item["n"] for item in drawn} == {"1", "2", "3"}
    assert all(0.1 <= float(item["x"]) <= 0.2 for item in drawn)
    assert {item["c"] for item in drawn} == {"a", "b"}
    assert all(item["auto"].isdigit() and item["word"] == "adam" for item in drawn)
    assert drawn == list(itertools.islice(candidates(ranges, "Random", 1), 200))
    assert drawn != list(itertools.islice(candidates(ranges, "Random", 2), 200))
