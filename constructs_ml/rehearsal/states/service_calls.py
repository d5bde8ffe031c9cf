"""The calls that states make of services, and the jobs that they then watch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.service_models import model_of
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states import values
from constructs_ml.rehearsal.states.errors import NotServedError, TaskFailedError
from constructs_ml.rehearsal.states.outcomes import finish, prepare
from constructs_ml.rehearsal.states.roles import ExecutionRole, Roles
from constructs_ml.rehearsal.states.syncs import SYNCS, Sync, asked, look

Json = Any
_SOON, _LATER = 0.03, 0.3


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made: its request and answer in the service's words, and `output` in those of states."""

    call: Integration
    client: Any
    request: Mapping[str, Json]
    answer: Json
    output: Json


class ServiceCalls:
    """Makes the calls of states, each with the role of its execution."""

    def __init__(self, account: EmbeddedAccount, roles: Roles) -> None:
        self._account, self._roles = account, roles

    def make(
        self, call: Integration, parameters: Json, role: ExecutionRole, region: str, context: Mapping[str, Any]
    ) -> Made:
        """Call the service. Raises botocore's errors, `TaskFailedError` or `NotServedError`."""
        client = self._client(call, role, region)
        operation = _operation(client, call.action[:1].upper() + call.action[1:])
        shape = operation.input_shape
        request = {} if shape is None else values.request(parameters, shape, texts=call.service != "sagemaker")
        request = prepare(call, request, context)
        found = getattr(client, xform_name(operation.name))(**request)
        met = found.pop("ResponseMetadata", {})
        spelt = values.answer(found, operation.output_shape, values.iso if call.sdk else values.milliseconds)
        output = finish(call, request, spelt or {}, met)
        return Made(call, client, request, found, output)

    def watch(self, made: Made, running: Callable[[], bool], deadline: float) -> Json | None:
        """The description of a job when it succeeded; None when its state ended meanwhile, and the job was stopped.

        A state that ran out of its time, at `deadline`, leaves its job alone.
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
        """
        sync, pause = SYNCS[made.call.key], _SOON
        while running() and not self._account.clock.stopped:
            description = self._describe(made, sync)
            if _has_ended(made.call, sync, description):
                return _ended(made.call, sync, description)
            self._account.clock.poll(lambda: not running(), pause, every=_SOON)
            pause = min(pause * 1.5, _LATER)
        if not self._account.clock.stopped and time.monotonic() < deadline:
            with suppress(ClientError, BotoCoreError):
                stop = getattr(made.client, xform_name(sync.stop))
                stop(**asked(sync.stops, made.request, made.answer))
        return None

    def _client(self, call: Integration, role: ExecutionRole, region: str) -> Any:
        model = model_of(call)
        if model is None:
            raise NotServedError(f"there is no service {call.service!r}")
        if call.waits and call.key not in SYNCS:
            raise NotServedError("it does not know how to watch its job; call the API through aws-sdk and poll it")
        return self._account.client(model.service, self._roles.principal(role), region=region)

    def _describe(self, made: Made, sync: Sync) -> Json:
        operation = _operation(made.client, sync.describe)
        ask = getattr(made.client, xform_name(sync.describe))
        found = ask(**asked(sync.asks, made.request, made.answer))
        found.pop("ResponseMetadata", None)
        told = look(_spelt(sync.job), values.answer(found, operation.output_shape, values.milliseconds))
        if sync.known_by is None:
            return told
        member, path = sync.known_by
        wanted = look(path, {"request": made.request, "answer": made.answer})
        return next(job for job in told if job[member] == wanted)


def _operation(client: Any, name: str) -> Any:
    model = client.meta.service_model
    if name not in model.operation_names:
        raise NotServedError(f"the API of {model.service_name} has no {name}")
    return model.operation_model(name)


def _spelt(path: str) -> str:
    return ".".join(part[:1].upper() + part[1:] for part in path.split("."))


def _has_ended(call: Integration, sync: Sync, description: Json) -> bool:
    status = look(_spelt(sync.status), description)
    return status == sync.succeeded or status in sync.failed


def _ended(call: Integration, sync: Sync, description: Json) -> Json:
    """A succeeded job's description. `TaskFailedError` with the description as its cause for one that failed."""
    if call.key == "glue:startJobRun":
        description.setdefault("JobName", "")
    codes = [container.get("ExitCode", 1) for container in description.get("Containers", ())]
    failed = look(_spelt(sync.status), description) in sync.failed
    if failed or (call.key == "ecs:runTask" and any(codes)):
        raise TaskFailedError("States.TaskFailed", values.compact(description))
    if call.pattern == "sync:2":
        texts = {key: json.loads(description[key]) for key in ("Input", "Output") if key in description}
        return description | texts
    return description
