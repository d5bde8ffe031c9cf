"""The container of a training job: its files of configuration, its channels, its variables, its command."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.container import PREFIX, Container, isolated
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs import toolkit
from constructs_ml.rehearsal.jobs.inputs import download
from constructs_ml.rehearsal.objects import DataError, Objects, unpack
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource

CHECKPOINTS = f"{PREFIX}/checkpoints"
_INSTALL = 'python3 -m pip install -q -r requirements.txt && exec "$0" "$@"'
_FOLDERS = ("code", "input/config", "input/data", "model", "output/data", "output/intermediate")


class TrainingContainer:
    """The folders of one attempt at a training job, as SageMaker and the toolkit in its images prepare them."""

    def __init__(
        self, account: EmbeddedAccount, resource: Resource, principal: Principal, command: Sequence[str]
    ) -> None:
        self._account, self._principal, self._command = account, principal, command
        self._resource, self._given = resource, resource.fields
        self._container = Container(Path(tempfile.mkdtemp(prefix=f"{resource.name}-", dir=account.folder)))
        for name in _FOLDERS:
            self._container.folder(f"{PREFIX}/{name}")
        self._kept: dict[Path, float] = {}
        checkpoints = self._given.get("CheckpointConfig")
        self._checkpoints: Mapping[str, str] | None = checkpoints
        if checkpoints:
            self._container.folder(checkpoints.get("LocalPath") or CHECKPOINTS)

    def ml(self, name: str) -> Path:
        """A folder below /opt/ml."""
        return self._container.path(f"{PREFIX}/{name}")

    def remove(self) -> None:
        """Delete the folders."""
        self._container.remove()

    def prepare(self, objects: Objects) -> None:
        """Configuration, channels, checkpoints and code. Raises `DataError`."""
        hyperparameters = self._given.get("HyperParameters") or {}
        for name, content in (
            ("hyperparameters", hyperparameters),
            ("inputdataconfig", self.channels()),
            ("resourceconfig", self.resources()),
        ):
            self.ml(f"input/config/{name}.json").write_text(json.dumps(content))
        for channel in self._given.get("InputDataConfig") or ():
            source = channel["DataSource"]["S3DataSource"]
            download(objects, source, self.ml(f"input/data/{channel['ChannelName']}"))
        if self._checkpoints:
            folder = self._container.path(self._checkpoints.get("LocalPath") or CHECKPOINTS)
            objects.download(self._checkpoints["S3Uri"].rstrip("/") + "/", folder)
            self._kept = {path: path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}
        if not self._entrypoint and len(self._command) == 1:
            self._submitted(objects)

    def channels(self) -> dict[str, dict[str, str]]:
        """inputdataconfig.json."""
        mode = self._given["AlgorithmSpecification"].get("TrainingInputMode", "File")
        found = {}
        for channel in self._given.get("InputDataConfig") or ():
            source = channel["DataSource"]["S3DataSource"]
            config = {
                "ContentType": channel.get("ContentType"),
                "TrainingInputMode": channel.get("InputMode") or mode,
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            found[channel["ChannelName"]] = {key: value for key, value in config.items() if value}
        return found

    def resources(self) -> dict[str, Any]:
        """resourceconfig.json: one host here, however many were declared."""
        config = self._given["ResourceConfig"]
        groups = config.get("InstanceGroups") or config.get("InstancePreferences") or [config]
        name = groups[0].get("InstanceGroupName", "homogeneousCluster")
        kind = groups[0].get("InstanceType", "unknown")
        group = {"instance_group_name": name, "instance_type": kind, "hosts": [toolkit.HOST]}
        return {
            "current_host": toolkit.HOST,
            "current_instance_type": kind,
            "current_group_name": name,
            "hosts": [toolkit.HOST],
            "instance_groups": [group],
            "network_interface_name": "eth0",
        }

    def start(self) -> tuple[list[str], Path, dict[str, str]]:
        """The command, its folder, and its environment. Raises `ValueError` for code that cannot run here."""
        given, hyperparameters = self._given, self._given.get("HyperParameters") or {}
        declared = {
            "TRAINING_JOB_NAME": self._resource.name,
            "TRAINING_JOB_ARN": self._resource.arn,
            **(given.get("Environment") or {}),
        }
        variables = self._account.environment(self._principal, declared)
        environment = isolated(variables, given.get("EnableNetworkIsolation"))
        folder, code = self.ml("code"), [self.ml("code"), self.ml("input/data/code")]
        if len(self._command) > 1:
            command = [*self._command, *self._arguments, *toolkit.arguments(hyperparameters)]
            code = [Path(self._command[1])]
        elif self._entrypoint:
            command = [*self._entrypoint, *self._arguments]
            code = self._unpacked() or code
        else:
            command = self._script_mode()
            if (folder / "requirements.txt").is_file():
                command = ["/bin/sh", "-c", _INSTALL, *command]
        if not self._entrypoint:
            script = toolkit.program(hyperparameters, environment)
            names = toolkit.variables(
                hyperparameters, self.channels(), self.resources(), job=self._resource.name, script=script
            )
            own = {"CURRENT_HOST": toolkit.HOST, "SAGEMAKER_REGION": self._account.region, "PYTHONPATH": toolkit.CODE}
            environment = {**names, **environment, **own}
        return self._container.command(command, *code), folder, self._container.environment(environment)

    def failure(self, code: int, tail: Sequence[str]) -> str:
        """What /opt/ml/output/failure says; else what the toolkit writes there when a script fails."""
        file = self.ml("output/failure")
        if file.is_file():
            return file.read_text(errors="replace")[:1024]
        if self._entrypoint:
            return ""
        error = next((line for line in reversed(tail) if line.strip()), "")
        command = " ".join(["python3", *self._script_mode()[1:]]) if len(self._command) == 1 else str(self._command[1])
        return f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{error[:400]}"\nCommand "{command[:300]}"'

    def keep_checkpoints(self, objects: Objects) -> None:
        """Copy what is new among the checkpoints to S3. Raises `DataError`."""
        if self._checkpoints:
            folder = self._container.path(self._checkpoints.get("LocalPath") or CHECKPOINTS)
            objects.upload(folder, self._checkpoints["S3Uri"], unless=self._kept)

    @property
    def _entrypoint(self) -> list[str]:
        return list(self._given["AlgorithmSpecification"].get("ContainerEntrypoint") or ())

    @property
    def _arguments(self) -> list[str]:
        return list(self._given["AlgorithmSpecification"].get("ContainerArguments") or ())

    def _script_mode(self) -> list[str]:
        hyperparameters = self._given.get("HyperParameters") or {}
        script = toolkit.program(hyperparameters, self._given.get("Environment") or {})
        return toolkit.command(script, toolkit.arguments(hyperparameters))

    def _submitted(self, objects: Objects) -> None:
        """The user's code in /opt/ml/code, from an archive in S3, an archive in a channel, or a folder."""
        hyperparameters = self._given.get("HyperParameters") or {}
        environment = self._given.get("Environment") or {}
        place = environment.get("SAGEMAKER_SUBMIT_DIRECTORY") or str(
            toolkit.decoded(hyperparameters).get("sagemaker_submit_directory", "")
        )
        code = self.ml("code")
        if place.startswith("s3://"):
            archive = self._container.root / "sourcedir.tar.gz"
            objects.fetch(place, archive)
            unpack(archive, code)
        elif place:
            found = self._container.path(place)
            if found.is_file():
                unpack(found, code)
            elif found.is_dir():
                for item in found.iterdir():
                    item.rename(code / item.name)
            else:
                raise DataError(f"sagemaker_submit_directory {place} is not there")

    def _unpacked(self) -> list[Path]:
        """The code that an entrypoint unpacks itself, unpacked beside it to be looked at before it starts."""
        seen = self._container.root / "seen"
        for archive in self.ml("input/data").rglob("*.gz"):
            if archive.parent.name == "code":
                unpack(archive, seen)
        return [seen] if seen.is_dir() else []
