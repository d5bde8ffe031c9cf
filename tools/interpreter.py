"""Runs a state machine's definition in moto's interpreter, with one function answering every service call.

The hooks are moto's own but private: moto is pinned, and an attribute that is gone fails here by name.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

# The interpreter logs every caught error as a warning, whole syntax trees included.
logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL + 1)

_ROLE = "arn:aws:iam::123456789012:role/states"
_LONGEST_RUN = 120.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a state makes: "sagemaker:createTrainingJob.sync" and its parameters, paths already resolved."""

    state: str
    service: str
    parameters: Mapping[str, Any]


class TaskFailure(Exception):  # noqa: N818 - a failure of the task, not of this program
    """What an answer raises to fail its task as a service would."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended, the states that it entered, in order, and its history as the service tells it."""

    status: str
    output: Any
    error: str
    cause: str
    states: tuple[str, ...]
    events: tuple[Mapping[str, Any], ...]


Answer = Callable[[Call], Any]


def run(
    definition: Mapping[str, Any],
    given: Mapping[str, Any],
    answer: Answer,
    *,
    name: str = "local",
    pauses: bool = True,
    stored: Mapping[str, Mapping[str, str]] | None = None,
) -> Run:
    """Run a definition to its end. Waits between retries are skipped, and without `pauses` those of Wait states too.

    `stored` is what stands in S3 when the run begins, for the readers and writers of maps: texts by bucket and key.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(answering(answer))
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        stack.enter_context(patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parse)))
        if not pauses:
            stack.enter_context(patch.object(WaitFunction, "_wait_interval", lambda *_, **__: None))
        client = _client("stepfunctions")
        for bucket, objects in (stored or {}).items():
            _client("s3").create_bucket(Bucket=bucket)
            for key, text in objects.items():
                _client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
        machine = client.create_state_machine(name="local", definition=json.dumps(definition), roleArn=_ROLE)
        started = client.start_execution(stateMachineArn=machine["stateMachineArn"], name=name, input=json.dumps(given))
        arn = started["executionArn"]
        deadline = time.monotonic() + _LONGEST_RUN
        while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the run did not end within {_LONGEST_RUN:.0f} s")
            time.sleep(0.02)
        events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    states = tuple(event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event)
    output = json.loads(found["output"]) if found.get("output") else None
    return Run(found["status"], output, found.get("error", ""), found.get("cause", ""), states, tuple(events))


_read = AmazonStateLanguageParser.parse


@lru_cache(maxsize=16)
def _tree(definition: str) -> Any:
    return _read(definition)[1]


def _parse(definition: str) -> tuple[Any, Any]:
    """Moto's parse, which reads the text twice a run: here once for all runs, each with a program of its own."""
    tree = _tree(definition)
    return Preprocessor().visit(tree), tree


def _client(service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[None]:
    lock = threading.Lock()

    class Service(StateTaskService):  # type: ignore[misc]  # moto has no types
        """Every service of a definition."""

        def _get_supported_parameters(self) -> set[str]:
            return set()

        def _eval_body(self, env: Any) -> None:
            env.states.context_object.context_object_data["Task"] = {"Token": f"token-of-{self.name}"}
            super()._eval_body(env)

        def _eval_service_task(
            self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
        ) -> None:
            service = self.resource.resource_arn.split(":::", 1)[1]
            with lock:
                try:
                    env.stack.append(answer(Call(self.name, service, normalised_parameters)))
                except TaskFailure as failure:
                    raise FailureEventException(self._failed(env, failure)) from failure

        def _failed(self, env: Any, failure: TaskFailure) -> FailureEvent:
            details = {
                "error": failure.error,
                "cause": failure.cause,
                "resource": self._get_sfn_resource(),
                "resourceType": self._get_sfn_resource_type(),
            }
            return FailureEvent(
                env=env,
                error_name=CustomErrorName(failure.error),
                event_type="TaskFailed",
                event_details={"taskFailedEventDetails": details},
            )

    with (
        patch.object(state_task_factory, "state_task_service_for", lambda service_name: Service()),
        patch.object(retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: None)),
    ):
        yield
