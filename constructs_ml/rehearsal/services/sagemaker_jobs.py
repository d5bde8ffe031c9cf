"""SageMaker's jobs that run AWS's own programs alone: compilation and AutoML are the work of declared scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call, Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import split
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.services.works import Ended, Task, Work, Works

_ANSWER = "the stand-in says what it found in the JSON file that REHEARSAL_ANSWER names"


class SageMakerJobs:
    """Compilation jobs and AutoML jobs of both versions, in the store.

    A script finds the request in the file REHEARSAL_REQUEST. For a compilation it writes the compiled model to
    `ModelLocation` there; for AutoML it writes {"BestCandidate": {...}} to the file REHEARSAL_ANSWER.
    """

    def __init__(self, account: EmbeddedAccount, works: Works, store: Store) -> None:
        self._account, self._works, self._store = account, works, store
        self._work: dict[str, Work] = {}
        store.on("Create", "CompilationJob", self._compile)
        store.on("Create", "AutoMLJob", self._search)
        store.on("Create", "AutoMLJobV2", self._search)
        account.gate.serve(
            "sagemaker", {"StopCompilationJob": self._stop_compilation, "StopAutoMLJob": self._stop_search}
        )

    def _compile(self, job: Resource, call: Call) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateCompilationJob.html."""
        output = call.parameters["OutputConfig"]
        target = output.get("TargetDevice") or "platform"
        model = f"{output['S3OutputLocation'].rstrip('/')}/model-{target}.tar.gz"
        seconds = (call.parameters.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")

        def ended(end: Ended) -> None:
            failure = "" if end.succeeded else end.text
            if end.succeeded and not self._exists(model):
                failure = f"the stand-in wrote nothing to {model}, the ModelLocation of its request"
            state = "STOPPED" if end.why == "stopped" else "FAILED" if failure else "COMPLETED"
            fields = {"CompilationEndTime": self._account.clock.now(), "FailureReason": failure}
            if state == "COMPLETED":
                fields["ModelArtifacts"] = {"S3ModelArtifacts": model}
            self._store.change(job, **fields, CompilationJobStatus=state)

        self._store.change(job, CompilationJobStatus="INPROGRESS", CompilationStartTime=self._account.clock.now())
        self._start(job, call, "compilation", {"ModelLocation": model}, seconds, ended)

    def _search(self, job: Resource, call: Call) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAutoMLJobV2.html."""

        def ended(end: Ended) -> None:
            failure = "" if end.succeeded else end.text
            best = end.answer.get("BestCandidate")
            if end.succeeded and not isinstance(best, Mapping):
                failure = f'no {{"BestCandidate": {{...}}}}: {_ANSWER}'
            state = "Stopped" if end.why == "stopped" else "Failed" if failure else "Completed"
            fields: dict[str, Json] = {"EndTime": self._account.clock.now(), "FailureReason": failure}
            if state == "Completed":
                now = self._account.clock.now()
                base = {"ObjectiveStatus": "Succeeded", "CandidateSteps": [], "CandidateStatus": "Completed"}
                named = {"CandidateName": f"{job.name}-1", "CreationTime": now, "LastModifiedTime": now}
                fields["BestCandidate"] = {**base, **named, **(best or {})}
            self._store.change(job, **fields, AutoMLJobSecondaryStatus=state, AutoMLJobStatus=state)

        self._store.change(job, AutoMLJobStatus="InProgress", AutoMLJobSecondaryStatus="Starting")
        self._start(job, call, "automl", {}, None, ended)

    def _start(
        self,
        job: Resource,
        call: Call,
        kind: str,
        more: Mapping[str, Json],
        seconds: float | None,
        ended: Callable[[Ended], None],
    ) -> None:
        script = self._works.needed(kind, job.name)
        principal = self._account.assume(call.parameters["RoleArn"], "sagemaker.amazonaws.com", session=job.name)
        task = Task(
            name=job.name, script=script, principal=principal, request={**call.parameters, **more}, seconds=seconds
        )
        self._work[job.arn] = self._works.start(task, ended)

    def _exists(self, place: str) -> bool:
        bucket, key = split(place)
        try:
            self._account.client("s3").head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def _stop_compilation(self, call: Call) -> None:
        self._stop(self._store.get("CompilationJob", call.parameters["CompilationJobName"]))

    def _stop_search(self, call: Call) -> None:
        name = call.parameters["AutoMLJobName"]
        job = self._store.find("AutoMLJobV2", name) or self._store.get("AutoMLJob", name)
        self._stop(job)

    def _stop(self, job: Resource) -> None:
        work = self._work.get(job.arn)
        if work is None or not work.process.running:
            raise invalid(f"{job.name} is {job.status}: it cannot be stopped.")
        work.stop()
