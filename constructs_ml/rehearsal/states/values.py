"""Values on their way between a state and a service: spelling, texts, bytes and times.

States spell members in PascalCase whatever the service does:
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Any
Time = Callable[[datetime], Json]


def milliseconds(time: datetime) -> int:
    """How optimised integrations give times: milliseconds since 1970."""
    return round(time.timestamp() * 1000)


def iso(time: datetime) -> str:
    """How integrations of the SDK give times: "2026-01-31T12:00:00.123Z", without the fraction where it is nought."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{time.microsecond // 1000:03}Z" if time.microsecond else f"{text}Z"


def request(value: Json, shape: Any, *, texts: bool) -> Json:
    """A request as botocore wants it. With `texts` an object where a string belongs is sent as its JSON."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return _structure(value, shape, texts)
    if kind == "list" and isinstance(value, list):
        return [request(item, shape.member, texts=texts) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: request(item, shape.value, texts=texts) for key, item in value.items()}
    if kind == "blob" and not isinstance(value, bytes):
        return (value if isinstance(value, str) else compact(value)).encode()
    if kind == "string" and texts and isinstance(value, dict | list):
        return compact(value)
    if kind in ("float", "double") and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _structure(value: Mapping[str, Json], shape: Any, texts: bool) -> Json:
    if getattr(shape, "is_document_type", False):
        return value
    known = {name[:1].upper() + name[1:]: name for name in shape.members} | {name: name for name in shape.members}
    found = {}
    for key, item in value.items():
        name = known.get(key, key)
        member = shape.members.get(name)
        found[name] = item if member is None else request(item, member, texts=texts)
    return found


def answer(value: Json, shape: Any, time: Time) -> Json:
    """A service's answer as a state gets it."""
    if shape is None:
        return value
    kind = shape.type_name
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime):
        return time(value)
    if kind == "structure" and isinstance(value, Mapping):
        known = {key: item for key, item in value.items() if key in shape.members and item is not None}
        return {key[:1].upper() + key[1:]: answer(item, shape.members[key], time) for key, item in known.items()}
    if kind == "list" and isinstance(value, list | tuple):
        return [answer(item, shape.member, time) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {key: answer(item, shape.value, time) for key, item in value.items()}
    return value


def compact(value: Json) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), default=str)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
