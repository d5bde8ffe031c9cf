"""ResultWriter: what the children of a Distributed Map gave, in files by their status.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials

from constructs_ml.rehearsal.states.errors import failure
from constructs_ml.rehearsal.states.roles import Roles
from constructs_ml.rehearsal.states.values import compact, iso

Json = Any


def writer_of(roles: Roles) -> Any:
    """Moto's `ResultWriter._eval_body`, writing with the role of the execution."""

    def eval_body(writer: Any, env: Any) -> None:
        results = env.stack.pop()
        writer.parargs.eval(env=env)
        place = env.stack.pop()
        run = env.map_run_record_pool_manager.get_all()[-1].map_run_arn
        details = env.aws_execution_details
        client = roles.client(details.region, "s3", StateCredentials(role_arn=details.role_arn))
        try:
            env.stack.append(_write(client, place, run, results.all))
        except (ClientError, BotoCoreError) as error:
            raise failure(env, "States.ResultWriterFailed", str(error), "mapRunFailedEventDetails") from error

    return eval_body


def _write(client: Any, place: Json, run: str, children: Sequence[Any]) -> Json:
    bucket, prefix = place["Bucket"], place.get("Prefix", "").rstrip("/")
    folder = "/".join(filter(None, (prefix, run.rsplit(":", 1)[1])))
    files: dict[str, list[Json]] = {}
    for status in ("FAILED", "PENDING", "SUCCEEDED"):
        found = [_told(child) for child in children if (child.status or "PENDING") == status]
        files[status] = []
        if found:
            key, body = f"{folder}/{status}_0.json", json.dumps(found).encode()
            client.put_object(Bucket=bucket, Key=key, Body=body)
            files[status] = [{"Key": key, "Size": len(body)}]
    key = f"{folder}/manifest.json"
    manifest = {"DestinationBucket": bucket, "MapRunArn": run, "ResultFiles": files}
    client.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    return {"MapRunArn": run, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _told(child: Any) -> Json:
    found = {
        "ExecutionArn": child.arn,
        "Input": compact(child.given),
        "InputDetails": {"Included": True},
        "Name": child.name,
        "StateMachineArn": child.machine,
        "Status": child.status or "PENDING",
    }
    if child.started:
        found["StartDate"] = iso(child.started)
    if child.stopped:
        found["StopDate"] = iso(child.stopped)
    if child.status == "SUCCEEDED":
        return found | {"Output": compact(child.output), "OutputDetails": {"Included": True}}
    return found | ({"Error": child.error, "Cause": child.cause} if child.status == "FAILED" else {})
