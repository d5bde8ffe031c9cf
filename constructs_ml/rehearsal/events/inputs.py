"""What a rule's target gets of an event: all of it, a part of it, a constant, or a template that is filled in.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_STEP = re.compile(r"\.([A-Za-z0-9_\-/]+)|\[(\d+|\*)\]|\['([^']+)'\]")
_ABSENT = object()


class InvalidInputError(ValueError):
    """The input of a target could not be made: the event does not get there."""


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_name: str, rule_arn: str) -> str:
    """The text that a target gets."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        found = at_path(event, target["InputPath"])
        if found is _ABSENT:
            raise InvalidInputError(f"InputPath {target['InputPath']} leads to nothing in the event")
        return json.dumps(found)
    transformer = target.get("InputTransformer")
    if transformer:
        own = {key: value for key, value in event.items() if key != "detail"}
        given = {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event.ingestion-time": event.get("time"),
            "aws.events.event": own,
            "aws.events.event.json": dict(event),
        }
        paths = transformer.get("InputPathsMap") or {}
        found_at = {name: at_path(event, path) for name, path in paths.items()}
        given |= {name: found for name, found in found_at.items() if found is not _ABSENT}
        return fill(transformer["InputTemplate"], given)
    return json.dumps(event)


def at_path(event: Any, path: str) -> Any:
    """What the event has at "$.detail.state" or "$.resources[0]"."""
    if not path.startswith("$"):
        raise InvalidInputError(f"{path!r} is no JSON path; it begins with $")
    rest, found = path[1:], event
    if "".join(step[0] for step in _STEP.finditer(rest)) != rest:
        raise InvalidInputError(f"{path!r} has syntax that EventBridge does not read")
    for step in _STEP.finditer(rest):
        name, index = step[1] or step[3], step[2]
        if name is not None:
            found = found.get(name, _ABSENT) if isinstance(found, Mapping) else _ABSENT
        elif not isinstance(found, list):
            return _ABSENT
        elif index != "*":
            found = found[int(index)] if int(index) < len(found) else _ABSENT
        if found is _ABSENT:
            return _ABSENT
    return found


def fill(template: str, given: Mapping[str, Any]) -> str:
    """The template with values in the place of <names>.

    Outside of quotation marks a value stands as JSON; between them as text, which nothing escapes: a quotation mark in
    it spoils the template, as it does at AWS. A name that the event has nothing for leaves nothing behind.
    """
    made, at, quoted = [], 0, False
    for found in _PLACEHOLDER.finditer(template):
        between = template[at : found.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        made.append(between)
        made.append(_shown(given.get(found[1], _ABSENT), quoted=quoted))
        at = found.end()
    text = "".join([*made, template[at:]])
    if template.lstrip()[:1] in ("{", "[", '"'):
        try:
            return json.dumps(json.loads(text))
        except ValueError:
            raise InvalidInputError(f"the filled input template is no JSON: {text}") from None
    return text


def _shown(value: Any, *, quoted: bool) -> str:
    if value is _ABSENT:
        return ""
    if not quoted:
        return json.dumps(value)
    # Objects between quotation marks lose their own.
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")
