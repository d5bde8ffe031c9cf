"""The text of a template, JSON or YAML, as plain values: YAML's short forms opened, dates left as text."""

from __future__ import annotations

import json
from typing import Any

import yaml

from constructs_ml.rehearsal.calls import Json, ServiceError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CloudFormation(_Loader):  # type: ignore[misc]  # libyaml's loader where it is there
    """`!Sub` is `Fn::Sub`, and 2012-10-17 is text."""


_CloudFormation.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in _Loader.yaml_implicit_resolvers.items()
}


def _short_form(loader: Any, name: str, node: Any) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


_CloudFormation.add_multi_constructor("!", _short_form)


def read(text: str) -> dict[str, Json]:
    """The template as a mapping. `ServiceError` as CloudFormation words it for a text that is no template."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except json.JSONDecodeError:
        found = _yaml(text)  # YAML may begin with a brace as well
    if not isinstance(found, dict):
        raise ServiceError("ValidationError", "Template format error: unsupported structure.")
    return found


def _yaml(text: str) -> Json:
    try:
        return yaml.load(text, Loader=_CloudFormation)  # noqa: S506 - a safe loader with more tags
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ServiceError("ValidationError", f"Template format error: YAML not well-formed.{place}") from None
