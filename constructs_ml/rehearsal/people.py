"""What people do in a rehearsal: they read a question and answer it, and they approve versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_TOKEN = re.compile(r"--task-token (\S+)")


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a run asks on a topic, and waits for the answer to."""

    subject: str
    text: str
    token: str


@dataclass(slots=True)
class People:
    """Reads what is published, and answers as a person would; `waits` says whether a token is still waited for."""

    account: EmbeddedAccount
    waits: Callable[[str], bool]
    _asked: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.account.gate.after.append(self._read)

    @property
    def questions(self) -> list[Question]:
        """What is asked and still waited for, the oldest first."""
        return [question for question in self._asked if self.waits(question.token)]

    def answer(self, question: Question, *, yes: bool = True, output: str = "{}", cause: str = "declined") -> None:
        """Give the run its answer."""
        client = self.account.client("stepfunctions")
        if yes:
            client.send_task_success(taskToken=question.token, output=output)
        else:
            client.send_task_failure(taskToken=question.token, error="Declined", cause=cause)
        self.account.journal.write("person", question.subject, "said yes" if yes else f"said no: {cause}")

    def decide(self, version: str, status: str, why: str = "") -> None:
        """Set the approval of a model package by its ARN: "Approved" or "Rejected"."""
        said: dict[str, Any] = {"ApprovalDescription": why} if why else {}
        client = self.account.client("sagemaker")
        client.update_model_package(ModelPackageArn=version, ModelApprovalStatus=status, **said)
        self.account.journal.write("person", version.partition("model-package/")[2], status.lower(), why=why)

    def _read(self, call: Call) -> None:
        if call.action != "sns:Publish":
            return
        text = call.parameters.get("Message", "")
        token = _TOKEN.search(text)
        if token:
            subject = call.parameters.get("Subject", "a question")
            self._asked.append(Question(subject, text, token[1]))
            self.account.journal.write("person", subject, "is asked", text=text.partition("\n\nYes:")[0])
