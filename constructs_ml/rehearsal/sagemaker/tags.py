"""The tags of SageMaker's resources: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from constructs_ml.rehearsal.calls import Call, Handler, Json, invalid

if TYPE_CHECKING:
    from constructs_ml.rehearsal.sagemaker.store import Resource, Store


def given(parameters: Mapping[str, Json]) -> dict[str, str]:
    """The tags in a request."""
    return {tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or ()}


def operations(store: Store) -> Iterator[tuple[str, Handler]]:
    """The handlers over a store's resources."""
    yield "AddTags", partial(_add, store)
    yield "ListTags", partial(_list, store)
    yield "DeleteTags", partial(_delete, store)


def _add(store: Store, call: Call) -> Json:
    tags = _tagged(store, call).tags
    tags.update(given(call.parameters))
    return {"Tags": _as_list(tags)}


def _list(store: Store, call: Call) -> Json:
    return {"Tags": _as_list(_tagged(store, call).tags)}


def _delete(store: Store, call: Call) -> Json:
    tags = _tagged(store, call).tags
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


def _tagged(store: Store, call: Call) -> Resource:
    arn = call.parameters["ResourceArn"]
    found = store.by_arn(arn)
    if found is None:
        raise invalid(f"Could not find resource {arn}.")
    return found


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
