"""Search over the resources: filters by property or tag, nested as SageMaker nests them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing
from constructs_ml.rehearsal.sagemaker.nouns import operation
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

# Where the word in a request is not the noun; and those that the store does not keep.
_NOUNS = MappingProxyType({"ExperimentTrial": "Trial", "ExperimentTrialComponent": "TrialComponent"})
_ELSEWHERE = frozenset({"PipelineExecution", "FeatureMetadata", "PipelineVersion", "HubContent", "Model"})


class Search:
    """Answers Search for the nouns that the store keeps."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._store = store
        account.gate.serve("sagemaker", {"Search": self._search})

    def _search(self, call: Call) -> Json:
        given = call.parameters
        kind = given["Resource"]
        if kind in _ELSEWHERE:
            raise ServiceError("UnsupportedOperation", f"the embedded account does not search for {kind}")
        noun = _NOUNS.get(kind, kind)
        found = [r for r in self._store.all(noun) if _fits(r, given.get("SearchExpression") or {})]
        by = given.get("SortBy") or "LastModifiedTime"
        found.sort(key=lambda resource: _sortable(_property(resource, by)))
        if given.get("SortOrder") != "Ascending":
            found.reverse()
        answer = listing.cut([{noun: _told(resource)} for resource in found], "Results", given)
        return answer | {"TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


def _told(resource: Resource) -> dict[str, Json]:
    shape = operation("Search").output_shape.members["Results"].member.members[resource.noun.name]
    tags = [{"Key": key, "Value": value} for key, value in resource.tags.items()]
    return {key: value for key, value in resource.fields.items() if key in shape.members} | {"Tags": tags}


def _fits(resource: Resource, expression: Mapping[str, Json]) -> bool:
    """Filters, nested filters and sub-expressions, all joined by the expression's own operator."""
    tests = [_passes(resource.fields, item, resource) for item in expression.get("Filters") or ()]
    for nested in expression.get("NestedFilters") or ():
        items = _at(resource.fields, nested["NestedPropertyName"]) or ()
        prefix = nested["NestedPropertyName"] + "."
        filters = [{**item, "Name": item["Name"].removeprefix(prefix)} for item in nested["Filters"]]
        tests.append(any(all(_passes(item, test) for test in filters) for item in items))
    tests += [_fits(resource, item) for item in expression.get("SubExpressions") or ()]
    return any(tests) if expression.get("Operator") == "Or" and tests else all(tests)


def _passes(fields: Mapping[str, Json], test: Mapping[str, Json], resource: Resource | None = None) -> bool:
    value = _property(resource, test["Name"]) if resource is not None else _at(fields, test["Name"])
    wanted = test.get("Value") or ""
    match test.get("Operator") or "Equals":
        case "Equals":
            return _text(value) == wanted
        case "NotEquals":
            return _text(value) != wanted
        case "Contains":
            return wanted in _text(value)
        case "In":
            return _text(value) in wanted.split(",")
        case "Exists":
            return value is not None
        case "NotExists":
            return value is None
        case name:
            return value is not None and _ordered(name, value, wanted)


def _ordered(name: str, value: Json, wanted: str) -> bool:
    """Numbers and times; "Not supported for text properties"."""
    try:
        left, right = (float(value), float(wanted)) if isinstance(value, (int, float)) else _moments(value, wanted)
    except ValueError:
        raise invalid(f"{name} needs a number or a time, and {wanted!r} is none") from None
    return {
        "GreaterThan": left > right,
        "GreaterThanOrEqualTo": left >= right,
        "LessThan": left < right,
        "LessThanOrEqualTo": left <= right,
    }[name]


def _moments(value: Json, wanted: str) -> tuple[float, float]:
    return listing.moment(value).timestamp(), listing.moment(wanted).timestamp()


def _property(resource: Resource, name: str) -> Json:
    return resource.tags.get(name.removeprefix("Tags.")) if name.startswith("Tags.") else _at(resource.fields, name)


def _at(value: Json, path: str) -> Json:
    """A property by its path; a map's key may hold dots."""
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    head, _, rest = path.partition(".")
    return _at(value.get(head), rest) if rest else None


def _text(value: Json) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _sortable(value: Json) -> tuple[bool, Json]:
    return (value is not None, value.timestamp() if hasattr(value, "timestamp") else value or "")
