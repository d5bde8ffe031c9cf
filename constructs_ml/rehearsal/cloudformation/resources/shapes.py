"""Values of a template in the form that botocore's model of a call has for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.work import Failed


def member_of(shape: Any, name: str) -> str:
    """The member of a structure that a property means: the same name, whatever its case; empty where there is none."""
    if name in shape.members:
        return name
    return next((member for member in shape.members if member.lower() == name.lower()), "")


def shaped(shape: Any, value: Json, path: str = "") -> Json:
    """The value in the shape's form: numbers from texts, JSON documents as texts, tags as list or map."""
    match shape.type_name:
        case "structure":
            return _structure(shape, value, path)
        case "list":
            if isinstance(value, Mapping) and shape.member.type_name == "structure":
                value = [{"Key": key, "Value": item} for key, item in value.items()]  # tags
            if not isinstance(value, list):
                raise Failed(f"Properties validation failed: #/{path}: expected type: JSONArray, found: {value!r}")
            return [shaped(shape.member, item, f"{path}/{index}") for index, item in enumerate(value)]
        case "map":
            if isinstance(value, list):
                value = {item["Key"]: item["Value"] for item in value}  # tags
            if not isinstance(value, Mapping):
                raise Failed(f"Properties validation failed: #/{path}: expected type: JSONObject, found: {value!r}")
            return {key: shaped(shape.value, item, f"{path}/{key}") for key, item in value.items()}
    return _scalar(shape.type_name, value, path)


def _structure(shape: Any, value: Json, path: str) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        raise Failed(f"Properties validation failed: #/{path}: expected type: JSONObject, found: {value!r}")
    found: dict[str, Json] = {}
    for key, item in value.items():
        tag = {"Key": "TagKey", "Value": "TagValue"}.get(key, "")
        name = member_of(shape, key) or (tag if tag in shape.members else "")
        if not name:
            raise Failed(f"Properties validation failed: #/{path}: extraneous key [{key}] is not permitted")
        found[name] = shaped(shape.members[name], item, f"{path}/{key}".lstrip("/"))
    return found


def _scalar(type: str, value: Json, path: str) -> Json:
    try:
        match type:
            case "string":
                return text_of(value)
            case "integer" | "long":
                number = float(value)
                if isinstance(value, bool) or number != int(number):
                    raise ValueError
                return int(number)
            case "float" | "double":
                if isinstance(value, bool):
                    raise ValueError
                return float(value)
            case "boolean":
                return {"true": True, "false": False}[str(value).lower()]
            case "blob":
                return value.encode() if isinstance(value, str) else value
    except (ValueError, TypeError, KeyError):
        text = f"Properties validation failed: #/{path}: expected type: {type.capitalize()}, found: {value!r}"
        raise Failed(text) from None
    return value


def text_of(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return json.dumps(value, separators=(",", ":"))
    return str(value)
