"""The functions of a template, evaluated as CloudFormation evaluates them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.references import PLACEHOLDER

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What stands in a change set for a value that exists once its resource does."""


class _Later(Exception):  # noqa: N818 - no error: the value comes
    """A function met a value that is not known yet."""


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean: `ref` and `attribute` of the stack, its mappings, and the exports of all stacks."""

    ref: Callable[[str], Json]
    attribute: Callable[[str, str], Json]
    mappings: Mapping[str, Json]
    exported: Callable[[str], str]
    region: str
    extended: bool = False


class Resolver:
    """Evaluates values of one template, conditions already chosen."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._functions: dict[str, Callable[[Any], Json]] = {
            "Ref": names.ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": lambda given: names.exported(self.text(given)),
            "Fn::Base64": lambda given: base64.b64encode(self.text(given).encode()).decode(),
            "Fn::GetAZs": self._zones,
            "Fn::Cidr": self._cidr,
            "Fn::ToJsonString": self._to_json_string,
            "Fn::Length": self._length,
        }

    def value(self, given: Json) -> Json:
        """The value of anything that stands in a template."""
        if isinstance(given, list):
            return [self.value(item) for item in given]
        if not isinstance(given, Mapping):
            return given
        if len(given) == 1:
            (function, argument), *_ = given.items()
            if function in self._functions:
                try:
                    return self._functions[function](argument)
                except _Later:
                    return LATER
            if function.startswith("Fn::"):
                raise _wrong(f"Template error: the rehearsal evaluates no {function} here")
        return {key: self.value(item) for key, item in given.items()}

    def text(self, given: Json) -> str:
        """The same as text: numbers and booleans as CloudFormation writes them."""
        value = self.value(given)
        if value is LATER or (isinstance(value, str) and value == LATER):
            raise _Later
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        raise _wrong(f"Template error: {given!r} gives {value!r} where a text is needed")

    def items(self, given: Json) -> list[Json]:
        """The same as a list."""
        value = self.value(given)
        if value == LATER:
            raise _Later
        if not isinstance(value, list):
            raise _wrong(f"Template error: {given!r} gives {value!r} where a list is needed")
        return value

    def _get_att(self, given: Json) -> Json:
        name, attribute = given.split(".", 1) if isinstance(given, str) else given
        return self._names.attribute(name, self.text(attribute))

    def _sub(self, given: Json) -> str:
        text, own = (given, {}) if isinstance(given, str) else given

        def filled(found: Any) -> str:
            literal, inside = found.groups()
            name, _, attribute = inside.strip().partition(".")
            if literal:
                return f"${{{inside}}}"
            if inside.strip() in own:
                return self.text(own[inside.strip()])
            return self.text({"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name})

        return PLACEHOLDER.sub(filled, text)

    def _join(self, given: Json) -> str:
        between, items = given
        return str(between).join(self.text(item) for item in self.items(items))

    def _select(self, given: Json) -> Json:
        index, items = int(self.text(given[0])), self.items(given[1])
        if not 0 <= index < len(items):
            raise _wrong(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return items[index]

    def _split(self, given: Json) -> list[str]:
        return self.text(given[1]).split(given[0])

    def _find_in_map(self, given: Json) -> Json:
        name, top, second, *rest = given
        keys = [self.text(key) for key in (name, top, second)]
        found: Json = self._names.mappings
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                if rest and self._names.extended:
                    return self.value(rest[0]["DefaultValue"])
                raise _wrong(f"Template error: Unable to get mapping for {'::'.join(keys)}")
            found = found[key]
        return self.value(found)

    def _zones(self, given: Json) -> list[str]:
        region = self.text(given) or self._names.region
        return [f"{region}{zone}" for zone in "abc"]

    def _cidr(self, given: Json) -> list[str]:
        block, count, *bits = (self.text(item) for item in given)
        network = ipaddress.ip_network(block)
        prefix = network.max_prefixlen - int(bits[0] if bits else 8)
        found = network.subnets(new_prefix=prefix)
        return [str(next(found)) for _ in range(int(count))]

    def _to_json_string(self, given: Json) -> str:
        self._needs_extensions("Fn::ToJsonString")
        return json.dumps(self.value(given), separators=(",", ":"))

    def _length(self, given: Json) -> int:
        self._needs_extensions("Fn::Length")
        return len(self.items(given))

    def _needs_extensions(self, function: str) -> None:
        if not self._names.extended:
            raise _wrong(f"Template error: {function} needs the transform AWS::LanguageExtensions")


def _wrong(text: str) -> ServiceError:
    return ServiceError("ValidationError", text)
