"""The service calls of a definition, wherever they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_RESOURCE = re.compile(
    r"arn:.+?:states:::(?:aws-sdk:)?(?P<service>[a-z0-9-]+):(?P<action>[A-Za-z0-9]+)(?P<pattern>\..+)?$"
)
_SERVICE = {"sfn": "stepfunctions", "states": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}


@dataclass(frozen=True, slots=True)
class Task:
    """One Task state: `service` is botocore's name, `action` in camelCase, `pattern` ".sync" or empty."""

    state: str
    service: str
    action: str
    pattern: str
    parameters: Mapping[str, Any]


def tasks(definition: Mapping[str, Any]) -> Iterator[Task]:
    """Every Task state that calls a service, those inside Map and Parallel included."""
    for name, state in definition["States"].items():
        for inner in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", ())):
            if inner:
                yield from tasks(inner)
        if state["Type"] == "Task":
            found = _RESOURCE.match(state["Resource"])
            if found:
                service = _SERVICE.get(found["service"], found["service"])
                yield Task(name, service, found["action"], found["pattern"] or "", state.get("Parameters", {}))
