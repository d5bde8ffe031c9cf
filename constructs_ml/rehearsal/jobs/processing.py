"""One processing job: inputs, the user's command, outputs.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.container import PREFIX, Container, isolated
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs.inputs import download
from constructs_ml.rehearsal.jobs.toolkit import HOST
from constructs_ml.rehearsal.jobs.work import End, Work
from constructs_ml.rehearsal.objects import DataError, Objects, unpack
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

GROUP = "/aws/sagemaker/ProcessingJobs"
_DAY = 86_400
_CONFIG = (
    "ProcessingJobArn",
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
)


class ProcessingJob:
    """Runs one processing job; its resource tells how far it is."""

    def __init__(
        self,
        account: EmbeddedAccount,
        store: Store,
        resource: Resource,
        principal: Principal,
        command: Sequence[str],
    ) -> None:
        self._account, self._store, self._resource, self._principal = account, store, resource, principal
        self.work = Work(account, resource.name, GROUP, principal)
        self._command, self._given = command, resource.fields
        self._objects = Objects(account, principal)
        self._container = Container(Path(tempfile.mkdtemp(prefix=f"{resource.name}-", dir=account.folder)))
        self._continuous: dict[Path, float] = {}
        store.change(resource, ProcessingJobStatus="InProgress")

    def prints(self) -> Sequence[str]:
        """What it printed up to now."""
        return self.work.lines

    def run(self) -> None:
        """All of it."""
        try:
            self._prepare()
            self._store.change(self._resource, ProcessingStartTime=self._account.clock.now())
            end, code = self._work()
        except DataError as refused:
            self._end("Failed", FailureReason=f"ClientError: Data download failed:{refused}")
        except ValueError as refused:
            self._end("Failed", FailureReason=f"ClientError: {refused}")
        else:
            self._finish(end, code)
        self._container.remove()

    def stop(self) -> None:
        """End it early."""
        self.work.stop()

    def _prepare(self) -> None:
        for item in self._given.get("ProcessingInputs") or ():
            source = item["S3Input"]
            download(self._objects, source, self._container.path(source["LocalPath"]))
        for item in self._outputs():
            self._container.folder(item["LocalPath"])
        config = self._container.folder(f"{PREFIX}/config")
        self._container.folder(f"{PREFIX}/output")
        text = json.dumps({key: self._given.get(key) for key in _CONFIG}, default=str)
        (config / "processingjobconfig.json").write_text(self._container.text(text))
        (config / "resourceconfig.json").write_text(json.dumps({"current_host": HOST, "hosts": [HOST]}))

    def _work(self) -> tuple[End, int]:
        if self.work.stopping:
            return "stopped", 0
        application = self._given["AppSpecification"]
        arguments = list(application.get("ContainerArguments") or ())
        if len(self._command) > 1:
            command, code = [*self._command, *arguments], [Path(self._command[1])]
        else:
            command, code = [*application["ContainerEntrypoint"], *arguments], self._code()
        network = self._given.get("NetworkConfig") or {}
        declared = {
            "PROCESSING_JOB_ARN": self._resource.arn,
            "PROCESSING_JOB_NAME": self._resource.name,
            **(self._given.get("Environment") or {}),
        }
        own = self._account.environment(self._principal, declared)
        environment = isolated(own, network.get("EnableNetworkIsolation"))
        seconds = (self._given.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", _DAY)
        return self.work.run(
            self._container.command(command, *code),
            self._container.root,
            self._container.environment(environment),
            seconds=float(seconds),
            line=lambda _: None,
            tick=self._upload_continuous,
        )

    def _code(self) -> list[Path]:
        """The code among the inputs: what comes as an archive is unpacked to be looked at before it starts."""
        found = []
        for item in self._given.get("ProcessingInputs") or ():
            folder = self._container.path(item["S3Input"]["LocalPath"])
            scripts = [path for path in folder.rglob("*") if path.suffix in (".py", ".sh")]
            if item.get("InputName") == "code" or folder.name == "code":
                seen = self._container.root / "seen"
                for archive in folder.glob("*.gz"):
                    unpack(archive, seen)
                found += [seen] if seen.is_dir() else []
            found += scripts
        return found

    def _outputs(self) -> list[Mapping[str, Any]]:
        config = self._given.get("ProcessingOutputConfig") or {}
        return [item["S3Output"] for item in config.get("Outputs") or ()]

    def _upload_continuous(self) -> None:
        for item in self._outputs():
            if item.get("S3UploadMode") == "Continuous":
                try:
                    self._upload(item, self._continuous)
                except DataError as refused:
                    raise ValueError(f"Artifact upload failed:{refused}") from refused

    def _upload(self, item: Mapping[str, Any], unless: dict[Path, float] | None = None) -> None:
        key = (self._given.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
        self._objects.upload(self._container.path(item["LocalPath"]), item["S3Uri"], key, unless=unless)

    def _finish(self, end: End, code: int) -> None:
        try:
            if end == "ended" and code == 0:
                for item in self._outputs():
                    if item.get("S3UploadMode") != "Continuous":
                        self._upload(item)
        except DataError as refused:
            self._end("Failed", FailureReason=f"ClientError: Artifact upload failed:{refused}")
            return
        if end == "ended":
            reason = {"FailureReason": f"AlgorithmError: {self._failure()}, exit code: {code}"} if code else {}
            self._end("Failed" if code else "Completed", **reason)
        else:
            # Out of time is Stopped too: check_job_status in
            # https://github.com/aws/sagemaker-python-sdk/blob/master/src/sagemaker/session.py
            self._end("Stopped")

    def _failure(self) -> str:
        file = self._container.path(f"{PREFIX}/output/failure")
        return file.read_text(errors="replace")[:900] if file.is_file() else ""

    def _end(self, status: str, **fields: Any) -> None:
        if self._account.clock.stopped:
            return
        message = self._container.path(f"{PREFIX}/output/message")
        if message.is_file():
            try:
                fields["ExitMessage"] = message.read_bytes().decode()[:1024]
            except UnicodeDecodeError:
                status, fields["FailureReason"] = "Failed", "ClientError: /opt/ml/output/message is not UTF-8"
        if "FailureReason" in fields:
            fields["FailureReason"] = fields["FailureReason"][:1024]
        self._store.change(
            self._resource, ProcessingJobStatus=status, ProcessingEndTime=self._account.clock.now(), **fields
        )
