"""Conditions and rules: what a template decides from its parameters alone, before any resource exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.template import Template

NOTHING: Any = object()
"""What `Ref: AWS::NoValue` leaves: the property, or item, is not there."""


class Conditions:
    """The conditions of a template; `resolve` evaluates what stands inside them."""

    def __init__(self, template: Template, resolve: Callable[[Json], Json]) -> None:
        self._declared, self._resolve = template.conditions, resolve
        self._found: dict[str, bool] = {}
        self._looking: list[str] = []

    def holds(self, name: str) -> bool:
        """Whether the condition of a name is true."""
        if name not in self._found:
            if name not in self._declared:
                raise _wrong(f"Template error: Unresolved condition dependency {name}")
            if name in self._looking:
                raise _wrong(f"Template error: Circular dependency between conditions: {[*self._looking, name]}")
            self._looking.append(name)
            self._found[name] = self.true(self._declared[name])
            self._looking.pop()
        return self._found[name]

    def true(self, value: Json) -> bool:
        """Whether an expression of conditions is true."""
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        if not isinstance(value, Mapping) or len(value) != 1:
            raise _wrong(f"Template error: {value!r} is no condition")
        (function, given), *_ = value.items()
        match function:
            case "Condition":
                return self.holds(given)
            case "Fn::Equals":
                one, other = (_plain(self._resolve(item)) for item in given)
                return bool(one == other)
            case "Fn::Not":
                return not self.true(given[0])
            case "Fn::And":
                return all(self.true(item) for item in given)
            case "Fn::Or":
                return any(self.true(item) for item in given)
            case "Fn::Contains":
                return _plain(self._resolve(given[1])) in [_plain(item) for item in self._resolve(given[0])]
            case "Fn::EachMemberIn":
                allowed = self._resolve(given[1])
                return all(item in allowed for item in self._resolve(given[0]))
            case "Fn::EachMemberEquals":
                return all(item == self._resolve(given[1]) for item in self._resolve(given[0]))
        raise _wrong(f"Template error: {function} is no condition that the rehearsal knows")

    def chosen(self, value: Json) -> Json:
        """The value without `Fn::If`, and without what has no value; `NOTHING` where nothing is left."""
        if isinstance(value, list):
            items = [self.chosen(item) for item in value]
            return [item for item in items if item is not NOTHING]
        if not isinstance(value, Mapping):
            return value
        if value == {"Ref": "AWS::NoValue"}:
            return NOTHING
        if len(value) == 1 and "Fn::If" in value:
            name, yes, no = value["Fn::If"]
            return self.chosen(yes if self.holds(name) else no)
        found = {key: self.chosen(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not NOTHING}

    def check(self, rules: Mapping[str, Json]) -> None:
        """Refuse parameters that a rule does not accept."""
        for name, rule in rules.items():
            if "RuleCondition" in rule and not self.true(rule["RuleCondition"]):
                continue
            for assertion in rule["Assertions"]:
                if not self.true(assertion["Assert"]):
                    said = assertion.get("AssertDescription") or "its assertion is false"
                    raise _wrong(f"Template error: Rule {name} failed: {said}")


def _plain(value: Json) -> Json:
    """Texts, numbers and booleans are compared as texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _wrong(text: str) -> ServiceError:
    return ServiceError("ValidationError", text)
