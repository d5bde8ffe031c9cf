"""Runs the jobs of a pipeline as local processes, under the contract of SageMaker's containers.

Inputs come from the local account's S3 and outputs go there; `/opt/ml` is a temporary folder.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from tools.interpreter import Call, TaskFailure
from tools.local_account import LocalAccount

_PREFIX = "/opt/ml"
_OWN = ("sagemaker_program", "sagemaker_submit_directory", "sagemaker_region")


@dataclass(slots=True)
class Jobs:
    """Answers every call of a run; `done` remembers what ran, for the report."""

    account: LocalAccount
    templates: Sequence[Path]
    done: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, call: Call) -> Any:
        """The service's answer to one call. Raises `TaskFailure` where the service would fail the task."""
        answers: Mapping[str, Callable[[Call], Any]] = {
            "sagemaker:createProcessingJob.sync": self._processing,
            "sagemaker:createTrainingJob.sync": self._training,
            "aws-sdk:s3:getObject": self._get_object,
            "aws-sdk:sagemaker:createModelPackage": self._register,
            "lambda:invoke": self._function,
            "sns:publish": self._publish,
            "dynamodb:putItem": self._table,
            "dynamodb:getItem": self._table,
            "dynamodb:deleteItem": self._table,
        }
        started = time.monotonic()
        result = answers[call.service](call)
        seconds = round(time.monotonic() - started, 2)
        self.done.append({"state": call.state, "service": call.service, "seconds": seconds, "result": _short(result)})
        return result

    def _processing(self, call: Call) -> Any:
        request = call.parameters
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for item in request["ProcessingInputs"]:
                self._download(item["S3Input"]["S3Uri"], _local(root, item["S3Input"]["LocalPath"]))
            outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
            for item in outputs:
                _local(root, item["S3Output"]["LocalPath"]).mkdir(parents=True)
            application = request["AppSpecification"]
            code = _unpacked(_local(root, f"{_PREFIX}/processing/input/code"))
            log = self._run(root, code, application["ContainerArguments"], request["Environment"])
            self._note(call, "processing", request["ProcessingJobName"], log)
            for item in outputs:
                self._upload(_local(root, item["S3Output"]["LocalPath"]), item["S3Output"]["S3Uri"])
        return {"ProcessingJobName": request["ProcessingJobName"], "ProcessingJobStatus": "Completed"}

    def _training(self, call: Call) -> Any:
        request, environment = call.parameters, dict(call.parameters.get("Environment", {}))
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for item in request["InputDataConfig"]:
                path = f"{_PREFIX}/input/data/{item['ChannelName']}"
                self._download(item["DataSource"]["S3DataSource"]["S3Uri"], _local(root, path))
                environment[f"SM_CHANNEL_{item['ChannelName'].upper()}"] = path
            model = _local(root, f"{_PREFIX}/model")
            model.mkdir()
            environment["SM_MODEL_DIR"] = f"{_PREFIX}/model"
            given = request["HyperParameters"]
            pairs = [(f"--{key}", value) for key, value in given.items() if key not in _OWN]
            arguments = [given["sagemaker_program"], *(text for pair in pairs for text in pair)]
            code = _unpacked(_local(root, f"{_PREFIX}/input/data/code"))
            log = self._run(root, code, arguments, environment)
            self._note(call, "training", request["TrainingJobName"], log)
            uri = f"{request['OutputDataConfig']['S3OutputPath']}{request['TrainingJobName']}/output/model.tar.gz"
            self._put(uri, _packed(model))
        definitions = request["AlgorithmSpecification"].get("MetricDefinitions", [])
        found = {item["Name"]: re.findall(item["Regex"], log) for item in definitions}
        metrics = [{"MetricName": name, "Value": float(values[-1])} for name, values in found.items() if values]
        artifacts = {"S3ModelArtifacts": uri}
        return {
            "TrainingJobName": request["TrainingJobName"],
            "ModelArtifacts": artifacts,
            "FinalMetricDataList": metrics,
        }

    def _function(self, call: Call) -> Any:
        """The deployed zip in a process of its own, with the handler's name from the deployed configuration."""
        client = self.account.client("lambda")
        configuration = client.get_function(FunctionName=call.parameters["FunctionName"])["Configuration"]
        module, handler = configuration["Handler"].rsplit(".", 1)
        program = f"import json,sys,{module} as m; print(json.dumps(m.{handler}(json.load(sys.stdin), None)))"
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(io.BytesIO(self._code(configuration["FunctionName"]))).extractall(folder)
            environment = self.account.environment() | configuration.get("Environment", {}).get("Variables", {})
            payload = json.dumps(call.parameters["Payload"])
            done = _process([sys.executable, "-c", program], Path(folder), environment, payload)
        self.done.append({"state": call.state, "kind": "function", "name": configuration["FunctionName"]})
        return {"Payload": json.loads(done)}

    def _code(self, function: str) -> bytes:
        """The zip that was deployed, where its template says that it lies."""
        for path in self.templates:
            for resource in json.loads(path.read_text())["Resources"].values():
                properties = resource.get("Properties", {})
                if properties.get("FunctionName") == function:
                    place = {"Bucket": properties["Code"]["S3Bucket"], "Key": properties["Code"]["S3Key"]}
                    return bytes(self.account.client("s3").get_object(**place)["Body"].read())
        raise LookupError(f"no template has the function {function}")

    def _get_object(self, call: Call) -> Any:
        client = self.account.client("s3")
        try:
            return {"Body": client.get_object(**call.parameters)["Body"].read().decode()}
        except client.exceptions.NoSuchKey as missing:
            raise TaskFailure("S3.NoSuchKeyException", str(missing)) from missing

    def _register(self, call: Call) -> Any:
        return {
            "ModelPackageArn": self.account.client("sagemaker").create_model_package(**call.parameters)[
                "ModelPackageArn"
            ]
        }

    def _publish(self, call: Call) -> Any:
        return {"MessageId": self.account.client("sns").publish(**call.parameters)["MessageId"]}

    def _table(self, call: Call) -> Any:
        client = self.account.client("dynamodb")
        method = getattr(client, call.service.partition(":")[2].replace("Item", "_item"))
        try:
            return method(**call.parameters)
        except client.exceptions.ConditionalCheckFailedException as refused:
            raise TaskFailure("DynamoDB.ConditionalCheckFailedException", str(refused)) from refused

    def _run(self, root: Path, code: Path, arguments: list[str], environment: Mapping[str, str]) -> str:
        """Start a script as its container would; every /opt/ml in its environment and arguments is the folder."""
        moved = {key: value.replace(_PREFIX, str(root)) for key, value in environment.items()}
        command = [sys.executable, *(text.replace(_PREFIX, str(root)) for text in arguments)]
        return _process(command, code, {"PATH": os.environ["PATH"], **moved})

    def _note(self, call: Call, kind: str, job: str, log: str) -> None:
        self.done.append({"state": call.state, "kind": kind, "name": job, "log": log.strip().splitlines()[-12:]})

    def _download(self, uri: str, folder: Path) -> None:
        place, client = urlparse(uri), self.account.client("s3")
        prefix = place.path.lstrip("/")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        if not keys:
            raise TaskFailure("States.TaskFailed", f"No S3 objects found under {uri}")
        base = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/"
        for key in keys:
            target = folder / key.removeprefix(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(place.netloc, key, str(target))

    def _upload(self, folder: Path, uri: str) -> None:
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            self._put(f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def _put(self, uri: str, content: bytes) -> None:
        place = urlparse(uri)
        self.account.client("s3").put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=content)


def _process(command: list[str], folder: Path, environment: Mapping[str, str], given: str = "") -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-8:])
        raise TaskFailure("States.TaskFailed", f"AlgorithmError: exit code {done.returncode}: {tail}")
    return done.stdout


def _local(root: Path, path: str) -> Path:
    return root / path.removeprefix(_PREFIX).lstrip("/")


def _unpacked(folder: Path) -> Path:
    for archive in list(folder.glob("*.gz")):
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
    return folder


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return packed.getvalue()


def _short(result: Any) -> Any:
    text = json.dumps(result, default=str)
    return result if len(text) < 2000 else f"{text[:2000]}..."
