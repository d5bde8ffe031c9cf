"""What single integrations add to a request, and make of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.rehearsal.states.errors import TaskFailedError
from constructs_ml.rehearsal.states.syncs import SYNCS, TAGS
from constructs_ml.rehearsal.states.values import compact

Json = Any


def prepare(call: Integration, request: dict[str, Json], context: Mapping[str, Any]) -> dict[str, Json]:
    """A request with what Step Functions adds to it."""
    execution, machine = str(context["Execution"]["Id"]), str(context["StateMachine"]["Id"])
    if call.sdk:
        return request
    if call.waits and SYNCS[call.key].tagged:
        started = ({"Key": TAGS[0], "Value": execution}, {"Key": TAGS[1], "Value": "STARTED_BY_STEP_FUNCTIONS"})
        return request | {"Tags": [*request.get("Tags", ()), *started]}
    match call.key:
        case "states:startExecution":
            # "If you don't include any JSON input data, you still must include the two braces."
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
            return request | ({} if request.get("input") else {"input": "{}"})
        case "ecs:runTask" if call.waits:
            return request | {"startedBy": "AWS Step Functions"}
        case "events:putEvents":
            # https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
            entries = request.get("Entries", [])
            return request | {
                "Entries": [item | {"Resources": [*item.get("Resources", ()), machine, execution]} for item in entries]
            }
        case "lambda:invoke":
            return request | ({} if request.get("Payload", b"null") != b"null" else {"Payload": b"{}"})
        case _:
            return request


def finish(call: Integration, request: Mapping[str, Json], answer: dict[str, Json], met: Mapping[str, Any]) -> Json:
    """What a state gets of an answer. `TaskFailedError` for an answer that tells of a failure."""
    if call.sdk:
        return answer
    headers = dict(met.get("HTTPHeaders", {}))
    answer |= {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": met.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": met.get("RequestId", "")},
    }
    match call.key:
        case "lambda:invoke":
            return _invoked(answer)
        case "events:putEvents" if answer.get("FailedEntryCount"):
            raise TaskFailedError("EventBridge.FailedEntry", compact(answer))
        case "ecs:runTask" if not answer.get("Tasks"):
            raise TaskFailedError("ECS.AmazonECSException", compact(answer.get("Failures", [])))
        case "glue:startJobRun":
            return answer | {"JobName": request["JobName"]}
        case _:
            return answer


def _invoked(answer: dict[str, Json]) -> Json:
    """A function's answer; an error that it raised has its type as name, and all that it said as cause."""
    text = answer.get("Payload", "")
    try:
        payload = json.loads(text) if text else None
    except ValueError:
        payload = text
    if answer.pop("FunctionError", None):
        name = payload.get("errorType") if isinstance(payload, Mapping) else None
        raise TaskFailedError(name or "Lambda.Unknown", text)
    return answer | ({"Payload": payload} if text else {})
