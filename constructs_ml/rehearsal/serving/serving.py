"""A model of SageMaker in a process of its own: its artifact unpacked, its script answering on a loopback port."""

from __future__ import annotations

import http.client
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.container import PREFIX, Container, isolated
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.images import FLASK, Refusal, image_command, repository
from constructs_ml.rehearsal.objects import DataError, Objects, unpack
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.processes import Process
from constructs_ml.rehearsal.sagemaker.store import Resource
from constructs_ml.rehearsal.stand_ins import StandIn

_PROGRAM = Path(__file__).with_name("model_server.py")
_CODE = f"{PREFIX}/model/code"


class ServingError(Exception):
    """Why a model cannot serve: its image, its artifact, its script."""


class ModelServer:
    """Serves a Model resource's container; made, it answers. Raises `ServingError` where it cannot.

    A stand-in for the image is an inference script: model_fn, and input_fn, predict_fn, output_fn where wanted.
    """

    def __init__(
        self,
        account: EmbeddedAccount,
        name: str,
        model: Resource,
        principal: Principal,
        stand_ins: Sequence[StandIn],
        *,
        instance_type: str | None = None,
        environment: Mapping[str, str] | None = None,
        line: Callable[[str], None] | None = None,
        seconds: float = 60,
    ) -> None:
        self.name = name
        self._account, self._objects = account, Objects(account, principal)
        definition = container_of(account, model)
        self._isolation = model.fields.get("EnableNetworkIsolation")
        self.image: str = definition["Image"]
        command = image_command(self.image, instance_type, stand_ins, "endpoint")
        if isinstance(command, Refusal):
            raise ServingError(str(command))
        self._container = Container(Path(tempfile.mkdtemp(prefix="model-", dir=account.folder)))
        variables = {**definition.get("Environment", {}), **(environment or {})}
        try:
            self._prepare(definition, variables, command)
            self._process = self._start(variables, principal, line)
            self.port = self._wait(seconds)
        except (DataError, ValueError) as refused:
            self._container.remove()
            raise ServingError(str(refused)) from refused
        if len(command) > 1:
            account.journal.write("stand-in", name, f"{command[1]} serves in the place of {self.image}")

    def invoke(
        self,
        body: bytes,
        content_type: str = "application/json",
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = 60,
    ) -> tuple[int, bytes, str]:
        """The status, body and content type of one answer. Raises `ServingError` when there is none in time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(
                "POST", "/invocations", body, {**(headers or {}), "Content-Type": content_type, "Accept": accept}
            )
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "")
        except (OSError, http.client.HTTPException) as failed:
            raise ServingError(f"{self.name} did not answer: {failed!r}") from failed
        finally:
            connection.close()

    def ping(self) -> bool:
        """Whether it answers its health check."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def id(self) -> int:
        """The id of the process."""
        return self._process.id

    @property
    def lines(self) -> Sequence[str]:
        """What it printed."""
        return tuple(self._process.lines)

    def stop(self) -> None:
        """End the process and delete its folders."""
        self._process.stop()
        self._container.remove()

    def _prepare(self, definition: Mapping[str, Any], variables: dict[str, str], command: Sequence[str]) -> None:
        """/opt/ml/model and its code/, as the container would have them; SAGEMAKER_PROGRAM names the script."""
        folder = self._container.folder(f"{PREFIX}/model")
        self._fetch(definition, folder)
        submitted = variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            archive = self._container.root / "sourcedir.tar.gz"
            self._objects.fetch(submitted, archive)
            unpack(archive, self._container.folder(_CODE))
        self._code = self._container.path(_CODE if not submitted or submitted.startswith("s3://") else submitted)
        if len(command) > 1:
            self._code = Path(command[1]).parent
            variables["SAGEMAKER_PROGRAM"] = Path(command[1]).name
        program = variables.setdefault("SAGEMAKER_PROGRAM", "inference.py")
        if not (self._code / program).is_file():
            found = sorted(item.name for item in self._code.iterdir()) if self._code.is_dir() else ()
            raise ValueError(
                f"{self.name}: no script {program} (SAGEMAKER_PROGRAM) beside the model; "
                f"its code folder has {', '.join(found) or 'nothing'}"
            )

    def _fetch(self, definition: Mapping[str, Any], folder: Path) -> None:
        source = definition.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = definition.get("ModelDataUrl") or source.get("S3Uri")
        if not uri:
            return
        if source.get("CompressionType") == "None":
            if not self._objects.download(uri, folder):
                raise DataError(f"Could not find model data at {uri}.")
            return
        archive = self._container.root / "model.tar.gz"
        try:
            self._objects.fetch(uri, archive)
        except DataError as refused:
            raise DataError(f"Could not find model data at {uri}: {refused}") from refused
        unpack(archive, folder)
        archive.unlink()

    def _start(self, variables: Mapping[str, str], principal: Principal, line: Callable[[str], None] | None) -> Process:
        self._port_file = self._container.root / "port"
        flavour = "flask" if repository(self.image) in FLASK else "toolkit"
        program = [sys.executable, "-P", str(_PROGRAM)]
        command = [*program, str(self._port_file), f"{PREFIX}/model", str(self._code), flavour]
        moved = self._container.command(command, self._code)
        environment = self._container.environment(
            isolated(self._account.environment(principal, variables), self._isolation)
        )
        environment["SAGEMAKER_BASE_DIR"] = str(self._container.path(PREFIX))
        return self._account.processes.start(self.name, moved, folder=self._code, environment=environment, line=line)

    def _wait(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while not self._port_file.is_file():
            if not self._process.running:
                self._process.wait()
                said = "\n".join(self._process.lines[-12:])
                raise ValueError(f"{self.name}: the model does not load:\n{said}")
            if time.monotonic() > deadline:
                self._process.stop()
                raise ValueError(f"{self.name}: the model did not load within {seconds:g} seconds")
            time.sleep(0.02)
        return int(self._port_file.read_text())


def container_of(account: EmbeddedAccount, model: Resource) -> dict[str, Any]:
    """A model's one container, a registered version's filled in. Raises `ServingError` for what cannot run here."""
    several = model.fields.get("Containers") or []
    if len(several) > 1:
        raise ServingError(f"model {model.name} is a pipeline of {len(several)} containers, which is not rehearsed")
    definition: dict[str, Any] = dict(model.fields.get("PrimaryContainer") or (several[0] if several else {}))
    if definition.get("Mode") == "MultiModel":
        raise ServingError(f"model {model.name} is a multi-model container, which is not rehearsed")
    package = definition.get("ModelPackageName")
    if package:
        described = account.client("sagemaker").describe_model_package(ModelPackageName=package)
        registered = described["InferenceSpecification"]["Containers"][0]
        own = {**registered.get("Environment", {}), **definition.get("Environment", {})}
        definition = {**registered, "Environment": own}
    if not definition.get("Image"):
        raise ServingError(f"model {model.name} has no image")
    return definition
