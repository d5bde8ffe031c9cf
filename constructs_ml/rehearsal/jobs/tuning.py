"""One tuning job: training jobs with values from the declared ranges, and the best of them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html. However its strategy
is called, it is a random search with a seed and a small budget here, but for a grid, which is one: the journal says so.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs.definitions import definitions, shown, training_fields
from constructs_ml.rehearsal.jobs.search import candidates
from constructs_ml.rehearsal.jobs.tuned import Trial, best, counters, summary
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

# "No training job succeeded after 5 attempts": SageMaker gives up when none of the first five does.
_ATTEMPTS = 5
# "no better by 1 %": TuningJobCompletionCriteria, BestObjectiveNotImproving.
_BETTER = 0.01


class TuningJob:
    """Runs one tuning job; its resource tells how far it is."""

    def __init__(
        self,
        account: EmbeddedAccount,
        store: Store,
        resource: Resource,
        start: Callable[[Resource], None],
        stop: Callable[[Resource], None],
        budget: int,
    ) -> None:
        self._account, self._store, self._resource = account, store, resource
        self._start, self._stop = start, stop
        self._config = resource.fields["HyperParameterTuningJobConfig"]
        self._definitions = definitions(resource.fields)
        limits = self._config["ResourceLimits"]
        wanted = limits.get("MaxNumberOfTrainingJobs")
        self._budget = min(budget, wanted) if wanted else budget
        self._parallel = int(limits.get("MaxParallelTrainingJobs") or 1)
        self._seconds = limits.get("MaxRuntimeInSeconds")
        self._asked = False
        self.trials: list[Trial] = []
        self._parents = self._warm_start()
        self._say(wanted)
        self._tell(HyperParameterTuningJobStatus="InProgress", **shown(resource.fields))

    def stop(self) -> None:
        """End it early, its running training jobs too."""
        self._asked = True

    def prints(self) -> Sequence[str]:
        """A tuning job prints nothing: its training jobs do."""
        return ()

    def run(self) -> None:
        """All of it."""
        began, drawn = time.monotonic(), self._values()
        late = exhausted = False
        while not self._account.clock.stopped:
            running = [trial for trial in self.trials if not trial.ended]
            late = late or (self._seconds is not None and time.monotonic() - began > float(self._seconds))
            more = not (self._asked or late or exhausted) and self._goes_on()
            if self._asked or late:
                for trial in running:
                    self._stop(trial.resource)
            elif more and len(running) < self._parallel:
                found = next(drawn, None)
                exhausted = found is None
                if found is not None:
                    self._begin(*found)
                continue
            if not running and not more:
                break
            self._tell()
            time.sleep(0.05)
        if not self._account.clock.stopped:
            self._finish(time.monotonic() - began)

    def _values(self) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
        """Definitions in turn, each with its next values; those that parents found best come first."""
        strategy, seed = self._config.get("Strategy", "Bayesian"), int(self._config.get("RandomSeed") or 0)
        for definition in self._definitions:
            names = {item["Name"] for items in definition["HyperParameterRanges"].values() for item in items}
            for parent in self._parents:
                known = {name: value for name, value in parent.tuned.items() if name in names}
                if known and len(known) == len(names):
                    yield definition, known
        sources = [
            zip(itertools.repeat(definition), candidates(definition["HyperParameterRanges"], strategy, seed + number))
            for number, definition in enumerate(self._definitions)
        ]
        for found in itertools.zip_longest(*sources):
            yield from (pair for pair in found if pair is not None)

    def _goes_on(self) -> bool:
        """Whether another training job may begin."""
        if len(self.trials) >= self._budget:
            return False
        ended = [trial for trial in self.trials if trial.ended]
        if len(ended) >= _ATTEMPTS and not any(trial.value is not None for trial in ended):
            return False
        return not self._complete([trial for trial in ended if trial.value is not None])

    def _complete(self, ended: Sequence[Trial]) -> bool:
        """Whether TuningJobCompletionCriteria are met."""
        criteria = self._config.get("TuningJobCompletionCriteria") or {}
        found = best(ended)
        if found is None or found.value is None:
            return False
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None and (found.value >= target if found.maximize else found.value <= target):
            return True
        most = (criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
        if most is None:
            return False
        first = next(n for n, trial in enumerate(ended) if _alike(trial, found))
        return len(ended) - 1 - first >= int(most)

    def _begin(self, definition: dict[str, Any], values: dict[str, str]) -> None:
        number = len(self.trials) + 1
        name = f"{self._resource.name}-{number:03d}-{uuid4().hex[:8]}"
        fields = {**training_fields(definition, values), "TuningJobArn": self._resource.arn}
        child = self._store.add("TrainingJob", name, fields, self._resource.tags)
        trial = Trial(child, definition.get("DefinitionName", ""), definition["TuningObjective"], values)
        try:
            self._start(child)
        except ServiceError as refused:
            reason = f"ClientError: {refused.message}"[:1024]
            self._store.change(child, TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason=reason)
        self.trials.append(trial)
        self._tell()

    def _tell(self, **fields: Any) -> None:
        jobs, objectives = counters(self.trials)
        fields |= {"TrainingJobStatusCounters": jobs, "ObjectiveStatusCounters": objectives}
        if any(self._resource.fields.get(name) != value for name, value in fields.items()):
            self._store.change(self._resource, **fields)

    def _finish(self, seconds: float) -> None:
        now, found = self._account.clock.now(), best(self.trials)
        fields: dict[str, Any] = {
            "HyperParameterTuningEndTime": now,
            "ConsumedResources": {"RuntimeInSeconds": math.ceil(seconds)},
        }
        if found is not None:
            fields["BestTrainingJob"] = summary(found)
            everything = best([*self.trials, *self._parents])
            warm = self._resource.fields.get("WarmStartConfig") or {}
            if warm.get("WarmStartType") == "IdenticalDataAndAlgorithm":
                fields["OverallBestTrainingJob"] = summary(everything or found)
        status = "Stopped" if self._asked else "Completed"
        if found is None and not self._asked:
            status, fields["FailureReason"] = "Failed", self._failure()
        self._tell(HyperParameterTuningJobStatus=status, **fields)

    def _failure(self) -> str:
        count = len(self.trials)
        if any(trial.resource.status == "Completed" for trial in self.trials):
            return (
                f"No objective metrics found after running {count} training jobs. Please ensure that the custom "
                "algorithm is emitting the objective metric as defined by the regular expression provided."
            )
        return (
            f"No training job succeeded after {count} attempts. For additional details, please take a look at the "
            "training job failures by listing training jobs for the hyperparameter tuning job."
        )

    def _warm_start(self) -> list[Trial]:
        """The best training jobs of the parents, as trials. Raises `ServiceError` for a parent that is not there."""
        warm = self._resource.fields.get("WarmStartConfig") or {}
        found = []
        for item in warm.get("ParentHyperParameterTuningJobs") or ():
            parent = self._store.get("HyperParameterTuningJob", item["HyperParameterTuningJobName"])
            shown = parent.fields.get("BestTrainingJob")
            if shown:
                made = self._store.get("TrainingJob", shown["TrainingJobName"])
                objective = shown["FinalHyperParameterTuningJobObjectiveMetric"]
                found.append(Trial(made, "", objective, shown["TunedHyperParameters"]))
        return found

    def _say(self, wanted: int | None) -> None:
        strategy = self._config.get("Strategy", "Bayesian")
        search = "a grid" if strategy == "Grid" else "a random search with a seed"
        text = f"{search} of at most {self._budget} training jobs in the place of {strategy} with {wanted or 'its own'}"
        if self._config.get("TrainingJobEarlyStoppingType") == "Auto" or strategy == "Hyperband":
            text += "; none is stopped early"
        self._account.journal.write("stand-in", self._resource.name, text, strategy=strategy, budget=self._budget)


def _alike(trial: Trial, found: Trial) -> bool:
    assert trial.value is not None
    assert found.value is not None
    return abs(trial.value - found.value) <= abs(found.value) * _BETTER
