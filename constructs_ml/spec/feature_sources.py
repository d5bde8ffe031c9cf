"""Features read from what a team already has: a mapping, a data frame, a Parquet or Arrow schema, a JSON schema.

Nothing is guessed: a column whose type Feature Store cannot keep is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from constructs_ml.faults import Faults, SpecError, refuse
from constructs_ml.spec.features import TYPES, Feature, FeatureType

_PLAIN: dict[str, FeatureType] = {"str": "String", "int": "Integral", "float": "Fractional"}
_JSON: dict[str, FeatureType] = {"string": "String", "integer": "Integral", "number": "Fractional"}
_TEXT = "String, Integral or Fractional columns; write others as text first"


def features_from_mapping(types: Mapping[str, str | type]) -> tuple[Feature, ...]:
    """Features by name: "String", "Integral", "Fractional", or Python's `str`, `int`, `float`.

    >>> features_from_mapping({"customer_id": str, "tenure": "Integral"})
    (Feature(name='customer_id', type='String'), Feature(name='tenure', type='Integral'))
    """
    known: dict[str, FeatureType] = {**{name: name for name in TYPES}, **_PLAIN}
    shown = ((name, getattr(kind, "__name__", kind)) for name, kind in types.items())
    return _features(((name, str(kind), known.get(str(kind))) for name, kind in shown), "features_from_mapping")


def features_from_frame(frame: Any) -> tuple[Feature, ...]:
    """Features of a pandas DataFrame by the types of its columns.

    Integers and booleans are Integral, floats Fractional, strings and categories of strings String. A column of
    objects counts as text if all that it holds is text; times have no type here: write them as ISO 8601 text or
    as seconds.
    """
    names = [str(name) for name in frame.columns]
    columns = ((name, str(frame.iloc[:, at].dtype), _of_column(frame.iloc[:, at])) for at, name in enumerate(names))
    return _features(columns, "features_from_frame")


def features_from_arrow(schema: Any) -> tuple[Feature, ...]:
    """Features of a `pyarrow.Schema`."""
    columns = ((item.name, str(item.type), _of_arrow(str(item.type))) for item in schema)
    return _features(columns, "features_from_arrow")


def features_from_parquet(path: str | Path) -> tuple[Feature, ...]:
    """Features of a Parquet file's schema; needs pyarrow. No row is read."""
    try:
        from pyarrow import parquet
    except ImportError:
        where, allowed = "features_from_parquet", "pip install pyarrow"
        raise refuse("package-missing", where=where, got="no pyarrow", allowed=allowed, package="pyarrow") from None
    try:
        schema = parquet.read_schema(path)
    except (OSError, ValueError) as error:
        where = f"features_from_parquet({str(path)!r})"
        raise refuse("schema-file", where=where, got=str(error), allowed="a Parquet file") from None
    return features_from_arrow(schema)


def features_from_json_schema(path: str | Path) -> tuple[Feature, ...]:
    """Features of a JSON Schema file whose top is an object: its properties of type string, integer or number.

    A property may also be null, which Feature Store keeps as a missing value.
    """
    where = f"features_from_json_schema({str(path)!r})"
    try:
        schema = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refuse("schema-file", where=where, got=str(error), allowed="a JSON Schema file") from None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        raise refuse("schema-file", where=where, got="no properties", allowed="an object schema with properties")
    return _features(((name, *_of_json(item)) for name, item in properties.items()), where)


def _features(columns: Iterable[tuple[str, str, FeatureType | None]], where: str) -> tuple[Feature, ...]:
    """Each name with the type as it was found and as Feature Store keeps it; None is a fault."""
    faults, found = Faults(), list[Feature]()
    for name, shown, kept in columns:
        if kept is None:
            faults.add("column-type", where=where, got=f"{name}: {shown}", allowed=_TEXT, name=name)
            continue
        try:
            found.append(Feature(name, kept))
        except SpecError as refused:
            faults.found.extend(refused.faults)
    faults.raise_if_any()
    return tuple(found)


def _of_column(column: Any) -> FeatureType | None:
    kind = column.dtype.kind
    if str(column.dtype) in ("string", "str"):
        return "String"
    if str(column.dtype) == "category":
        return "String" if all(isinstance(item, str) for item in column.cat.categories) else None
    if kind == "O":
        kept = column.dropna()
        return "String" if len(kept) and all(isinstance(item, str) for item in kept) else None
    return {"i": "Integral", "u": "Integral", "b": "Integral", "f": "Fractional"}.get(kind)  # type: ignore[return-value]


def _of_arrow(name: str) -> FeatureType | None:
    if name in ("string", "large_string", "string_view") or name.startswith("dictionary<values=string"):
        return "String"
    if name == "bool" or name.startswith(("int", "uint")):
        return "Integral"
    return "Fractional" if name in ("halffloat", "float", "double") else None


def _of_json(item: Any) -> tuple[str, FeatureType | None]:
    kind = item.get("type") if isinstance(item, dict) else None
    kinds = kind if isinstance(kind, list) else [kind] if kind is not None else []
    bare = [str(name) for name in kinds if name != "null"]
    return " or ".join(map(str, kinds)) or "no type", _JSON.get(bare[0]) if len(bare) == 1 else None
