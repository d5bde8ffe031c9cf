"""One training job, from its inputs to its model.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from threading import Timer
from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs.metrics import NAMESPACE, Metrics
from constructs_ml.rehearsal.jobs.training_container import TrainingContainer
from constructs_ml.rehearsal.jobs.work import End, Work
from constructs_ml.rehearsal.objects import DataError, Objects, packed
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

DAY = 86_400
# What of the training time a spot machine bills here. AWS's own share changes by the hour.
_SPOT_SHARE = 0.3
_BETWEEN_MACHINES = 60.0
_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "The managed spot training instances were interrupted",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


class TrainingJob:
    """Runs one training job; its resource tells how far it is."""

    def __init__(
        self,
        account: EmbeddedAccount,
        store: Store,
        resource: Resource,
        principal: Principal,
        command: Sequence[str],
        interruption: float | None,
    ) -> None:
        self.account, self.store, self.resource, self.principal = account, store, resource, principal
        self.work = Work(account, resource.name, NAMESPACE, principal)
        self._command, self._interruption = command, interruption
        self._objects = Objects(account, principal)
        given = resource.fields
        definitions = given["AlgorithmSpecification"].get("MetricDefinitions") or ()
        self._metrics = Metrics(account, principal, resource.name, definitions)
        self._limits = given.get("StoppingCondition") or {}
        self._spot = bool(given.get("EnableManagedSpotTraining"))
        self._seconds = 0.0
        self._began = time.monotonic()
        self._code = 0
        self._container = self._machine()
        self.status("Starting", TrainingJobStatus="InProgress")

    def status(self, secondary: str, message: str = "", **fields: Any) -> None:
        """Go on to a secondary status, and change what else is given."""
        now = self.account.clock.now()
        before = [dict(item) for item in self.resource.fields.get("SecondaryStatusTransitions") or ()]
        if before:
            before[-1]["EndTime"] = now
        last = {"Status": secondary, "StartTime": now, "StatusMessage": message or _MESSAGES[secondary]}
        if secondary in ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
            last["EndTime"] = now
        fields |= {"SecondaryStatus": secondary, "SecondaryStatusTransitions": [*before, last]}
        self.store.change(self.resource, **fields)

    def stop(self) -> None:
        """End it early; what it left is uploaded."""
        self.work.stop()

    def prints(self) -> Sequence[str]:
        """What it printed up to now."""
        return self.work.lines

    def run(self) -> None:
        """All of it."""
        try:
            self._run()
        except DataError as refused:
            self._fail(f"ClientError: Data download failed:{refused}")
        except ValueError as refused:
            self._fail(f"ClientError: {refused}")
        finally:
            self._container.remove()

    def _run(self) -> None:
        end: End = "interrupted"
        while end == "interrupted":
            self.status("Downloading")
            self._container.prepare(self._objects)
            if self.work.stopping:
                end = "stopped"
                break
            if "TrainingStartTime" not in self.resource.fields:
                self.store.change(self.resource, TrainingStartTime=self.account.clock.now())
            end = self._train(self._container)
            if end == "interrupted":
                self._again()
                if self.work.stopping or self._waited_too_long():
                    end = "stopped" if self.work.stopping else "out of time"
                    break
        self._finish(end, self._container)

    def _machine(self) -> TrainingContainer:
        return TrainingContainer(self.account, self.resource, self.principal, self._command)

    def _train(self, container: TrainingContainer) -> End:
        self.status("Training")
        fault, self._interruption = self._interruption, None
        began, timer = time.monotonic(), None
        if fault is not None:
            timer = _later(fault, self.work.interrupt)
        left = float(self._limits.get("MaxRuntimeInSeconds", DAY)) - self._seconds
        wait = self._limits.get("MaxWaitTimeInSeconds")
        if self._spot and wait is not None:
            left = min(left, float(wait) - (began - self._began))
        command, folder, environment = container.start()

        def tick() -> None:
            self._metrics.publish()
            try:
                container.keep_checkpoints(self._objects)
            except DataError as refused:
                raise ValueError(f"Checkpoint upload failed:{refused}") from refused

        try:
            end, self._code = self.work.run(
                command, folder, environment, seconds=left, line=self._metrics.read, tick=tick
            )
        finally:
            self._seconds += time.monotonic() - began
            if timer is not None:
                timer.cancel()
        return end

    def _again(self) -> None:
        """A spot machine was taken: the next one has nothing but what lies in S3."""
        self.status("Interrupted")
        kept = "its checkpoints are restored" if self.resource.fields.get("CheckpointConfig") else "it starts anew"
        self.account.journal.write("job", self.resource.name, f"interrupted; {kept}", secondary="Interrupted")
        self._container.remove()
        self.work.pause(_BETWEEN_MACHINES)
        if not self.work.stopping:
            self.status("Starting")
        self._container = self._machine()

    def _waited_too_long(self) -> bool:
        wait = self._limits.get("MaxWaitTimeInSeconds")
        return wait is not None and time.monotonic() - self._began > float(wait)

    def _finish(self, end: End, container: TrainingContainer) -> None:
        if self.account.clock.stopped:
            return
        if end == "ended" and self._code != 0:
            self._fail(
                f"AlgorithmError: {container.failure(self._code, self.work.lines[-12:])}, exit code: {self._code}"
            )
            return
        if end == "stopped":
            self.status("Stopping")
        else:
            self.status("Uploading")
        try:
            self._upload(container)
        except DataError as refused:
            self._fail(f"ClientError: Artifact upload failed:{refused}")
            return
        if end == "ended":
            self._end("Completed", "Completed")
        elif end == "stopped":
            self._end("Stopped", "Stopped")
        else:
            # Out of time is Stopped, not Failed: SecondaryStatus in
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
            self._end("Stopped", "MaxWaitTimeExceeded" if self._waited_too_long() else "MaxRuntimeExceeded")

    def _upload(self, container: TrainingContainer) -> None:
        config = self.resource.fields["OutputDataConfig"]
        base, key = f"{config['S3OutputPath'].rstrip('/')}/{self.resource.name}/output", config.get("KmsKeyId")
        plain = config.get("CompressionType") == "NONE"
        for source, name in (("model", "model"), ("output/data", "output")):
            folder = container.ml(source)
            if not any(folder.iterdir()):
                continue
            if plain:
                self._objects.upload(folder, f"{base}/{name}", key)
            else:
                self._objects.write(f"{base}/{name}.tar.gz", packed(folder), key)
        artifacts = f"{base}/model" if plain else f"{base}/model.tar.gz"
        self.store.change(self.resource, ModelArtifacts={"S3ModelArtifacts": artifacts})

    def _fail(self, reason: str) -> None:
        if not self.account.clock.stopped:
            self._end("Failed", "Failed", FailureReason=reason[:1024])

    def _end(self, status: str, secondary: str, **fields: Any) -> None:
        now = self.account.clock.now()
        fields["TrainingEndTime"] = now
        fields.setdefault("ModelArtifacts", self.resource.fields.get("ModelArtifacts") or {"S3ModelArtifacts": ""})
        if "TrainingStartTime" in self.resource.fields:
            trained = max(1, math.ceil(self._seconds))
            billed = math.floor(trained * _SPOT_SHARE) if self._spot else trained
            fields |= {"TrainingTimeInSeconds": trained, "BillableTimeInSeconds": billed}
        final = self._metrics.final
        if final:
            fields["FinalMetricDataList"] = final
        self.status(secondary, TrainingJobStatus=status, **fields)


def _later(seconds: float, action: Callable[[], None]) -> Timer:
    timer = Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer
