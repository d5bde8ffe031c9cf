"""A run of a deployed pipeline, as its account tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from constructs_ml.drawing.drawing import Drawing
from constructs_ml.drawing.progress import Progress
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.spec.graph import draw, read_progress
from constructs_ml.spec.pipeline import PipelineSpec


@dataclass(frozen=True)
class Run:
    """An execution that ended or still runs: `status`, `output`, `error` and `cause` are Step Functions' own.

    `states` are those that it entered, in order; `progress` and `drawing` tell it step by step, where the pipeline's
    declaration is known.
    """

    account: EmbeddedAccount
    arn: str
    spec: PipelineSpec | None = None

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._described()["status"])

    @property
    def ended(self) -> bool:
        return self.status != "RUNNING"

    @property
    def input(self) -> Any:
        return json.loads(self._described()["input"])

    @property
    def output(self) -> Any:
        """What the run ended with; None while it runs and when it failed."""
        found = self._described().get("output")
        return None if found is None else json.loads(found)

    @property
    def error(self) -> str:
        return str(self._described().get("error", ""))

    @property
    def cause(self) -> str:
        return str(self._described().get("cause", ""))

    @property
    def events(self) -> list[Any]:
        """Its history, whole."""
        client = self.account.client("stepfunctions")
        pages = client.get_paginator("get_execution_history").paginate(executionArn=self.arn)
        return [event for page in pages for event in page["events"]]

    @property
    def states(self) -> list[str]:
        found = [event.get("stateEnteredEventDetails") for event in self.events]
        return [entered["name"] for entered in found if entered]

    @property
    def seconds(self) -> float:
        """How long it took, in real seconds."""
        found = self._described()
        return float((found.get("stopDate", found["startDate"]) - found["startDate"]).total_seconds())

    @property
    def progress(self) -> Progress:
        """Step by step. Raises `LookupError` for a state machine whose declaration is not known."""
        return read_progress(self._spec, self.events)

    @property
    def drawing(self) -> Drawing:
        """The pipeline drawn, with the path of this run."""
        return draw(self._spec, progress=self.progress)

    @cached_property
    def _spec(self) -> PipelineSpec:
        if self.spec is None:
            raise LookupError(f"{self.arn} is not the pipeline of a model that this rehearsal was given")
        return self.spec

    def _described(self) -> Any:
        return self.account.client("stepfunctions").describe_execution(executionArn=self.arn)

    def __str__(self) -> str:
        said = f": {self.error}: {self.cause}" if self.error else ""
        return f"{self.arn.split(':')[6]} {self.name} {self.status}{said}"
