"""Programs that do the work of a service's job: started, watched, bounded in time, and asked how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.logs import LogStream
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.processes import Process
from constructs_ml.rehearsal.stand_ins import StandIn, stand_in


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, why, its last words, and what it wrote to the file REHEARSAL_ANSWER."""

    code: int
    why: Literal["exit", "timeout", "stopped"]
    last: str
    answer: Mapping[str, Json]

    @property
    def succeeded(self) -> bool:
        return self.why == "exit" and self.code == 0

    @property
    def text(self) -> str:
        """A sentence for an error message."""
        return f"{self.last} (exit code {self.code})" if self.last else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Task:
    """A program: a Python script, its arguments, the principal it calls AWS as, and what it finds beside them.

    `request` is handed over as a JSON file, named in REHEARSAL_REQUEST; `seconds` of real time bound it.
    """

    name: str
    script: Path
    principal: Principal
    arguments: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[Path] = ()
    request: Mapping[str, Json] | None = None
    seconds: float | None = None
    log: LogStream | None = None
    keys: bool = True


class Work:
    """A started program."""

    def __init__(self, process: Process) -> None:
        self.process, self.asked_to_stop = process, False

    def stop(self) -> None:
        """End it; whoever waits for it is told that it was stopped."""
        self.asked_to_stop = True
        with contextlib.suppress(OSError, ValueError):
            if self.process.popen.stdin is not None:
                self.process.popen.stdin.close()


@dataclass(slots=True)
class Run:
    """A run of a service's job as its Describe call answers it, with its work where it has any."""

    fields: dict[str, Json]
    work: Work | None = None


class Works:
    """Starts programs, and knows which are declared for what."""

    def __init__(self, account: EmbeddedAccount, stand_ins: Sequence[StandIn]) -> None:
        self.account, self._stand_ins = account, tuple(stand_ins)
        self._background = Background(account.clock)
        account.at_end(self._stop)

    def stand_in(self, kind: str, *names: str) -> Path | None:
        """The script that stands in for "kind:name", by any of its names."""
        found = (stand_in(self._stand_ins, f"{kind}:{name}") for name in names if name)
        declared = next((item for item in found if item is not None), None)
        if declared is None:
            return None
        script = Path(declared.script).resolve()
        text = f"{script.name} stands in for {kind}:{names[0]}"
        self.account.journal.write("stand-in", names[0], text, of=declared.of, script=str(script))
        return script

    def needed(self, kind: str, *names: str) -> Path:
        """The same; a `ServiceError` that says what to declare where there is none."""
        found = self.stand_in(kind, *names)
        if found is None:
            raise ServiceError("UnsupportedOperation", missing(kind, names[0]))
        return found

    def start(self, task: Task, ended: Callable[[Ended], None]) -> Work:
        """Start a program; `ended` is called in a thread when it is over, unless the rehearsal is over before."""
        folder = self.account.folder / "services" / uuid4().hex
        folder.mkdir(parents=True)
        environment = self.account.environment(task.principal, task.variables)
        if not task.keys:
            del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        environment["REHEARSAL_ANSWER"] = str(folder / "answer.json")
        if task.path:
            environment["PYTHONPATH"] = os.pathsep.join(str(item) for item in task.path)
        if task.request is not None:
            (folder / "request.json").write_text(json.dumps(task.request, default=_text, indent=2))
            environment["REHEARSAL_REQUEST"] = str(folder / "request.json")
        process = self.account.processes.start(
            task.name,
            [sys.executable, "-u", str(task.script), *task.arguments],
            folder=folder,
            environment=environment,
            line=task.log.write if task.log else None,
        )
        work = Work(process)
        self._background.start(task.name, lambda: self._watch(task, work, folder, ended))
        return work

    def _watch(self, task: Task, work: Work, folder: Path, ended: Callable[[Ended], None]) -> None:
        code = work.process.wait(task.seconds)
        why: Literal["exit", "timeout", "stopped"] = "stopped" if work.asked_to_stop else "exit"
        if code is None:
            code, why = work.process.stop(), "timeout"
        if self.account.clock.stopped:
            return
        if task.log is not None:
            task.log.close()
        last = next((line.strip() for line in reversed(work.process.lines) if line.strip()), "")
        try:
            answer = _answer(folder / "answer.json")
        except ValueError as wrong:
            code, last, answer = code or 1, str(wrong), {}
        ended(Ended(code, why, last, answer))

    def _stop(self) -> None:
        self.account.processes.stop()
        self._background.end()


def _answer(file: Path) -> dict[str, Json]:
    """What a program wrote to REHEARSAL_ANSWER. Raises `ValueError` for what is no JSON object."""
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text())
    except ValueError as wrong:
        raise ValueError(f"what was written to REHEARSAL_ANSWER is not JSON: {wrong}") from wrong
    if not isinstance(found, dict):
        raise ValueError(f"what was written to REHEARSAL_ANSWER is a {type(found).__name__}, no JSON object")
    return found


def missing(kind: str, name: str) -> str:
    """What to declare for something that does not run here by itself."""
    return (
        f"{kind}:{name} does not run in the embedded account by itself; "
        f'declare StandIn(of="{kind}:{name}", script=...), a Python script that does its work'
    )


def asked(call: Callable[[], Any]) -> Any:
    """What moto answers to a call of our own; its refusal becomes the caller's."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as refused:
        error = refused.response["Error"]
        raise ServiceError(error["Code"], error.get("Message", "")) from refused


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def took(account: EmbeddedAccount, process: str, **run: str) -> dict[str, Any]:
    """What an entry says of a run that ended: real seconds since the first entry about it, and its processes."""
    return {"seconds": account.journal.since("job", **run), "processes": account.processes.ids(process)[-1:]}
