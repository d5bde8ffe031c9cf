"""Features from what a team already has, good and bad."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from constructs_ml import (
    Feature,
    SpecError,
    features_from_arrow,
    features_from_frame,
    features_from_json_schema,
    features_from_mapping,
    features_from_parquet,
)

WANTED = (Feature("id", "String"), Feature("age", "Integral"), Feature("spend", "Fractional"))


def test_a_mapping_takes_feature_stores_types_and_pythons() -> None:
    assert features_from_mapping({"id": str, "age": "Integral", "spend": float}) == WANTED


@pytest.mark.parametrize("kind", [list, bool, "Text", datetime.datetime])
def test_a_mapping_refuses_any_other_type(kind: Any) -> None:
    with pytest.raises(SpecError, match="'when' has a type that Feature Store cannot keep"):
        features_from_mapping({"id": str, "when": kind})


def test_a_frame_is_read_by_the_types_of_its_columns() -> None:
    frame = pd.DataFrame({"id": ["a", None], "age": [1, 2], "spend": [0.5, None]})
    assert features_from_frame(frame) == WANTED
    others = pd.DataFrame(
        {
            "text": pd.array(["a"], dtype="string"),
            "kind": pd.Categorical(["a"]),
            "flag": [True],
            "small": pd.array([1], dtype="uint8"),
            "missing": pd.array([None], dtype="Int64"),
            "half": pd.array([0.5], dtype="float32"),
        }
    )
    found = {item.name: item.type for item in features_from_frame(others)}
    assert found == {
        "text": "String",
        "kind": "String",
        "flag": "Integral",
        "small": "Integral",
        "missing": "Integral",
        "half": "Fractional",
    }


@pytest.mark.parametrize(
    "column",
    [
        pd.to_datetime(["2026-01-01"]),
        [["a", "b"]],
        [{"a": 1}],
        pd.Categorical([1]),
        pd.to_timedelta(["1 day"]),
        [1 + 2j],
    ],
)
def test_a_frames_other_columns_are_refused_by_name(column: Any) -> None:
    with pytest.raises(SpecError, match="the column 'odd'"):
        features_from_frame(pd.DataFrame({"id": ["a"], "odd": column}))


def test_every_bad_column_is_told_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        features_from_frame(pd.DataFrame({"one": [[1]], "id": ["a"], "two": [{}]}))
    assert [fault.got.split(":")[0] for fault in refused.value.faults] == ["one", "two"]


def test_arrow_and_parquet_are_read_without_a_row(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.string()), ("age", pa.int16()), ("spend", pa.float64())])
    assert features_from_arrow(schema) == WANTED
    parquet.write_table(schema.empty_table(), tmp_path / "rows.parquet")
    assert features_from_parquet(tmp_path / "rows.parquet") == WANTED
    others = pa.schema(
        [("a", pa.large_string()), ("b", pa.bool_()), ("c", pa.dictionary(pa.int8(), pa.string())), ("d", pa.float16())]
    )
    assert [item.type for item in features_from_arrow(others)] == ["String", "Integral", "String", "Fractional"]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.list_(pa.int8()), pa.binary(), pa.decimal128(10, 2), pa.date32()]
)
def test_arrows_other_types_are_refused(kind: Any) -> None:
    with pytest.raises(SpecError, match="the column 'odd'"):
        features_from_arrow(pa.schema([("odd", kind)]))


def test_a_json_schema_is_read_by_its_properties(tmp_path: Path) -> None:
    properties = {"id": {"type": "string"}, "age": {"type": ["integer", "null"]}, "spend": {"type": "number"}}
    (tmp_path / "s.json").write_text(json.dumps({"type": "object", "properties": properties}))
    assert features_from_json_schema(tmp_path / "s.json") == WANTED


ODD = [
    {"type": "array"},
    {"type": ["string", "number"]},
    {"$ref": "#/x"},
    {"type": "boolean"},
    {"type": 5},
    {"type": [{}]},
    {},
    True,
]


@pytest.mark.parametrize("item", ODD)
def test_a_json_schemas_other_properties_are_refused(tmp_path: Path, item: Any) -> None:
    (tmp_path / "s.json").write_text(json.dumps({"properties": {"odd": item}}))
    with pytest.raises(SpecError, match="the column 'odd'"):
        features_from_json_schema(tmp_path / "s.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"properties": {}}', '{"properties": []}'])
def test_a_file_that_is_no_json_schema_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(SpecError, match="the schema cannot be read"):
        features_from_json_schema(tmp_path / "s.json")
    with pytest.raises(SpecError, match="the schema cannot be read"):
        features_from_json_schema(tmp_path / "nowhere.json")


def test_a_column_that_holds_nothing_and_names_that_stand_twice_are_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the column 'empty'"):
        features_from_frame(pd.DataFrame({"id": ["a"], "empty": pd.Series([None], dtype=object)}))
    twice = pd.DataFrame([["a", 1]], columns=["id", "id"])
    assert [item.type for item in features_from_frame(twice)] == ["String", "Integral"]


def test_every_bad_name_is_told_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        features_from_mapping({"a b": str, "write_time": str, "ok": list})
    assert [fault.id for fault in refused.value.faults] == ["feature-name", "feature-reserved", "column-type"]


def test_a_parquet_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the schema cannot be read"):
        features_from_parquet(tmp_path / "nowhere.parquet")
