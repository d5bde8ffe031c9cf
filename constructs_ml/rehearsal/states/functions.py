"""The intrinsic functions themselves.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.states.values import compact

Json = Any
_MOST_ITEMS, _MOST_SIGNS = 1000, 10_000
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Template(str):
    """A literal text with its escapes, of which the braces matter to States.Format alone."""

    __slots__ = ()

    def __str__(self) -> str:
        return _ESCAPE.sub(r"\1", self[:])


def _format(template: str, *values: Json) -> str:
    literal = isinstance(template, Template)
    parts = re.split(r"(?<!\\)\{\}", template[:]) if literal else template.split("{}")
    if len(parts) != len(values) + 1:
        raise ValueError(f"{len(parts) - 1} places for {len(values)} values")
    texts = [_ESCAPE.sub(r"\1", part) if literal else part for part in parts]
    return texts[0] + "".join(_shown(value) + text for value, text in zip(values, texts[1:], strict=True))


def _shown(value: Json) -> str:
    """How a text has a value: an object as "{a=1, b=[]}", as moto's and LocalStack's tests record it of AWS."""
    match value:
        case str():
            return str(value)
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}={_shown(item)}' for key, item in value.items())}}}"
        case _:
            return compact(value)


def _partition(items: Sequence[Json], size: int) -> list[Json]:
    return [list(items[at : at + _whole(size)]) for at in range(0, len(items), _whole(size))]


def _range(first: int, last: int, step: int) -> list[int]:
    found = range(_whole(first), _whole(last) + (1 if step > 0 else -1), _whole(step))
    if len(found) > _MOST_ITEMS:
        raise ValueError(f"{len(found)} items; the most is {_MOST_ITEMS}")
    return list(found)


def _item(items: Sequence[Json], index: int) -> Json:
    if not isinstance(items, list) or _whole(index) < 0:
        raise ValueError(f"item {index} of {compact(items)[:100]}")
    return items[index]


def _unique(items: Sequence[Json]) -> list[Json]:
    return list({compact(item): item for item in reversed(items)}.values())[::-1]


def _hash(data: str, algorithm: str) -> str:
    known = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
    return hashlib.new(known[algorithm], _shown(data).encode()).hexdigest()


def _merge(one: Mapping[str, Json], other: Mapping[str, Json], deep: bool) -> Json:
    if deep is not False:
        raise ValueError("Step Functions merges shallowly only: the third argument is false")
    return {**one, **other}


def _add(one: int, other: int) -> int:
    return _whole(one) + _whole(other)


def _random(first: int, last: int, seed: int | None = None) -> int:
    source = random.Random(seed)  # noqa: S311 - a number that a definition asks for; no secret
    return source.randrange(_whole(first), _whole(last))


def _split(text: str, signs: str) -> list[str]:
    return [part for part in re.split(f"[{re.escape(signs)}]", text) if part]


def _encode(text: str) -> str:
    if len(text) > _MOST_SIGNS:
        raise ValueError(f"{len(text)} characters; the most is {_MOST_SIGNS}")
    return base64.b64encode(text.encode()).decode()


def _whole(number: float) -> int:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{number!r} is no number")
    return round(number)


FUNCTIONS: Mapping[str, Callable[..., Json]] = MappingProxyType(
    {
        "Array": lambda *items: list(items),
        "ArrayContains": lambda items, item: item in items,
        "ArrayGetItem": _item,
        "ArrayLength": len,
        "ArrayPartition": _partition,
        "ArrayRange": _range,
        "ArrayUnique": _unique,
        "Base64Decode": lambda text: base64.b64decode(text).decode(),
        "Base64Encode": _encode,
        "Format": _format,
        "Hash": _hash,
        "JsonMerge": _merge,
        "JsonToString": compact,
        "MathAdd": _add,
        "MathRandom": _random,
        "StringSplit": _split,
        "StringToJson": json.loads,
        "UUID": lambda: str(uuid4()),
    }
)
