"""ItemBatcher: items that go to one child together.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from constructs_ml.rehearsal.states.errors import failure
from constructs_ml.rehearsal.states.paths import extract
from constructs_ml.rehearsal.states.values import compact

Json = Any
_MOST_BYTES = 256 * 1024


def batches_of(env: Any, declared: Mapping[str, Json], items: Sequence[Json]) -> list[tuple[Json, int]]:
    """The input of each child, and how many items it stands for."""
    batcher = declared.get("ItemBatcher")
    if batcher is None:
        return [(item, 1) for item in items]
    most = _number(env, batcher, "MaxItemsPerBatch") or len(items) or 1
    room = min(_number(env, batcher, "MaxInputBytesPerBatch") or _MOST_BYTES, _MOST_BYTES)
    shared = {"BatchInput": _resolved(env, batcher["BatchInput"])} if "BatchInput" in batcher else {}
    batches: list[list[Json]] = []
    for item in items:
        last = batches[-1] if batches else None
        if last is None or len(last) >= most or _size(shared | {"Items": [*last, item]}) > room:
            batches.append([item])
        else:
            last.append(item)
    return [(shared | {"Items": batch}, len(batch)) for batch in batches]


def _size(value: Json) -> int:
    return len(compact(value).encode())


def _number(env: Any, batcher: Mapping[str, Json], name: str) -> int:
    if f"{name}Path" in batcher:
        return int(_at(env, batcher[f"{name}Path"]))
    return int(batcher.get(name, 0))


def _resolved(env: Any, value: Json) -> Json:
    """The batch's own input: members that end in ".$" are paths into the state's input or the context."""
    if isinstance(value, Mapping):
        return {
            key.removesuffix(".$"): _at(env, item) if key.endswith(".$") else _resolved(env, item)
            for key, item in value.items()
        }
    return [_resolved(env, item) for item in value] if isinstance(value, list) else value


def _at(env: Any, path: str) -> Json:
    try:
        if path.startswith("$$"):
            return extract(path[1:], env.states.context_object.context_object_data)
        return extract(path, env.states.get_input())
    except NoSuchJsonPathError as missing:
        raise failure(env, "States.Runtime", str(missing), "mapRunFailedEventDetails") from None
