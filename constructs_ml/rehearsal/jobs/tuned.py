"""What the training jobs of a tuning job came to: the best of them, their counts, their summaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_ml.rehearsal.sagemaker.listing import cut
from constructs_ml.rehearsal.sagemaker.store import Resource

_ENDED = ("Completed", "Failed", "Stopped")
_SHOWN = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingJobStatus")
_SHOWN_LATER = ("TrainingStartTime", "TrainingEndTime", "FailureReason")


@dataclass(frozen=True, slots=True)
class Trial:
    """One training job of a tuning job: the definition it is of, its objective, the values that it tries."""

    resource: Resource
    definition: str
    objective: Mapping[str, Any]
    tuned: Mapping[str, str]

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.resource.status in _ENDED

    @property
    def maximize(self) -> bool:
        """Whether more is better."""
        return str(self.objective.get("Type", "Maximize")) == "Maximize"

    @property
    def value(self) -> float | None:
        """The objective at its end; None where it failed or printed none."""
        if self.resource.status not in ("Completed", "Stopped"):
            return None
        shown = self.resource.fields.get("FinalMetricDataList") or ()
        found = next((item["Value"] for item in shown if item["MetricName"] == self.objective["MetricName"]), None)
        return None if found is None or not math.isfinite(found) else float(found)


def best(trials: Iterable[Trial]) -> Trial | None:
    """The trial with the best objective; several definitions are compared by their own objectives' values."""
    found = [trial for trial in trials if trial.value is not None]
    return max(found, key=lambda trial: (trial.value or 0.0) * (1 if trial.maximize else -1), default=None)


def counters(trials: Iterable[Trial]) -> tuple[dict[str, int], dict[str, int]]:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    jobs = {"Completed": 0, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
    objectives = {"Succeeded": 0, "Pending": 0, "Failed": 0}
    for trial in trials:
        status = trial.resource.status
        jobs["NonRetryableError" if status == "Failed" else status if trial.ended else "InProgress"] += 1
        objectives[objective_status(trial)] += 1
    return jobs, objectives


def objective_status(trial: Trial) -> str:
    """How the objective of a trial came out."""
    if not trial.ended:
        return "Pending"
    return "Failed" if trial.value is None else "Succeeded"


def summary(trial: Trial) -> dict[str, Any]:
    """A HyperParameterTrainingJobSummary."""
    fields = trial.resource.fields
    shown = {name: fields[name] for name in _SHOWN}
    shown |= {name: fields[name] for name in _SHOWN_LATER if fields.get(name) is not None}
    shown |= {"TunedHyperParameters": dict(trial.tuned), "ObjectiveStatus": objective_status(trial)}
    if trial.definition:
        shown["TrainingJobDefinitionName"] = trial.definition
    if trial.value is not None:
        kind = {"Type": trial.objective.get("Type", "Maximize"), "MetricName": trial.objective["MetricName"]}
        shown["FinalHyperParameterTuningJobObjectiveMetric"] = {**kind, "Value": trial.value}
    return shown


def listed(trials: Sequence[Trial], given: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ListTrainingJobsForHyperParameterTuningJob: filtered, sorted, in pages."""
    wanted, by = given.get("StatusEquals"), given.get("SortBy", "Name")
    shown = [summary(trial) for trial in trials if wanted in (None, trial.resource.status)]
    if by == "FinalObjectiveMetricValue":
        shown = [item for item in shown if "FinalHyperParameterTuningJobObjectiveMetric" in item]
    keys = {
        "Name": lambda item: item["TrainingJobName"],
        "CreationTime": lambda item: item["CreationTime"],
        "Status": lambda item: item["TrainingJobStatus"],
        "FinalObjectiveMetricValue": lambda item: item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
    }
    shown.sort(key=keys[by], reverse=given.get("SortOrder") == "Descending")
    return cut(shown, "TrainingJobSummaries", given)
