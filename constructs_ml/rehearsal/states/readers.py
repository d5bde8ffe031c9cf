"""What a Distributed Map reads: objects below a prefix, or the items of one object.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials

from constructs_ml.rehearsal.states.errors import failure
from constructs_ml.rehearsal.states.roles import Roles

Json = Any


def reader_of(roles: Roles) -> Any:
    """Moto's `ItemReader._eval_body`, reading with the role of the execution."""

    def eval_body(reader: Any, env: Any) -> None:
        most = 0
        if reader.reader_config is not None:
            reader.reader_config.eval(env=env)
            most = env.stack.pop()["MaxItemsValue"] or 0
        request: dict[str, Json] = {}
        if reader.parargs is not None:
            reader.parargs.eval(env=env)
            request = env.stack.pop()
        details = env.aws_execution_details
        client = roles.client(details.region, "s3", StateCredentials(role_arn=details.role_arn))
        try:
            found = _read(client, reader, request)
        except (ClientError, BotoCoreError, ValueError) as error:
            raise failure(env, "States.ItemReaderFailed", str(error), "mapRunFailedEventDetails") from error
        env.stack.append(found[:most] if most else found)

    return eval_body


def _read(client: Any, reader: Any, request: Mapping[str, Json]) -> list[Json]:
    if reader.resource.api_action == "listObjectsV2":
        pages = client.get_paginator("list_objects_v2").paginate(**request)
        return [_listed(item) for page in pages for item in page.get("Contents", ())]
    text = client.get_object(**request)["Body"].read().decode()
    config = reader.declared.get("ReaderConfig", {})
    match config.get("InputType", "JSON"):
        case "CSV":
            return _rows(text, config)
        case "JSONL":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        case _:
            items = json.loads(text)
            if not isinstance(items, list):
                raise ValueError("Attempting to map over non-iterable node.")
            return items


def _listed(item: Mapping[str, Json]) -> Json:
    return {
        "Etag": item["ETag"],
        "Key": item["Key"],
        "LastModified": int(item["LastModified"].timestamp()),
        "Size": item["Size"],
        "StorageClass": item.get("StorageClass", "STANDARD"),
    }


def _rows(text: str, config: Mapping[str, Json]) -> list[Json]:
    """Every value is text; a short row has empty values at its end."""
    signs = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=signs[config.get("CSVDelimiter", "COMMA")]) if row]
    given = config.get("CSVHeaderLocation", "FIRST_ROW") == "GIVEN"
    headers = config["CSVHeaders"] if given else (rows.pop(0) if rows else [])
    if len(set(headers)) < len(headers):
        raise ValueError("CSV headers cannot contain duplicates.")
    return [dict(zip(headers, [*row, *[""] * len(headers)], strict=False)) for row in rows]
