"""The script that cuts tables: every row in one part, and each way of cutting as it promises."""

from __future__ import annotations

import ast
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_ml.analysis import split
from constructs_ml.facts import limits

FRACTIONS = st.lists(st.integers(1, 20), min_size=2, max_size=4).map(
    lambda shares: [Fraction(share, sum(shares)) for share in shares]
)
KEYS = st.lists(st.integers(0, 8).map(str), max_size=120)
SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(0, 10_000), FRACTIONS)
def test_sizes_sum_to_the_whole_and_are_within_one_row(rows: int, fractions: list[Fraction]) -> None:
    found = split.sizes(rows, fractions)
    assert sum(found) == rows
    assert all(abs(size - rows * fraction) < 1 for size, fraction in zip(found, fractions, strict=True))


@given(st.integers(0, 500), FRACTIONS, SEEDS)
def test_random_parts_have_their_sizes_and_their_seed(rows: int, fractions: list[Fraction], seed: int) -> None:
    parts = split.random_parts(rows, fractions, seed)
    assert np.bincount(parts, minlength=len(fractions)).tolist() == split.sizes(rows, fractions)
    assert (parts == split.random_parts(rows, fractions, seed)).all()


def test_another_seed_draws_other_rows() -> None:
    halves = [Fraction(1, 2)] * 2
    assert (split.random_parts(100, halves, 1) != split.random_parts(100, halves, 2)).any()


@given(KEYS, FRACTIONS, SEEDS)
@settings(deadline=None)
def test_every_class_is_cut_alike_within_one_row(classes: list[str], fractions: list[Fraction], seed: int) -> None:
    parts = split.stratified_parts(classes, fractions, seed)
    assert len(parts) == len(classes)
    for name in set(classes):
        rows = np.asarray([item == name for item in classes])
        for part, fraction in enumerate(fractions):
            assert abs(int((parts[rows] == part).sum()) - int(rows.sum()) * fraction) <= 1


def test_many_small_classes_reach_every_part() -> None:
    parts = split.stratified_parts([str(number) for number in range(100)], [Fraction(4, 5), Fraction(1, 5)], 0)
    assert np.bincount(parts).tolist() == [80, 20]


@given(KEYS, FRACTIONS, SEEDS)
@settings(deadline=None)
def test_no_group_is_in_two_parts(groups: list[str], fractions: list[Fraction], seed: int) -> None:
    parts = split.grouped_parts(groups, fractions, seed)
    assert len(parts) == len(groups)
    assert len({(group, part) for group, part in zip(groups, parts, strict=True)}) == len(set(groups))
    largest = max((groups.count(group) for group in set(groups)), default=0)
    for part, fraction in enumerate(fractions):
        assert int((parts == part).sum()) <= len(groups) * fraction + largest
    assert (parts == split.grouped_parts(groups, fractions, seed)).all()


@given(st.lists(st.integers(-5, 5), max_size=80), FRACTIONS)
@settings(deadline=None)
def test_no_row_of_a_later_part_is_earlier(times: list[int], fractions: list[Fraction]) -> None:
    parts = split.time_parts(times, fractions)
    assert len(parts) == len(times)
    assert all(0 <= part < len(fractions) for part in parts)
    for one, part in zip(times, parts, strict=True):
        for other, later in zip(times, parts, strict=True):
            assert part <= later or other < one
    assert len({(time, part) for time, part in zip(times, parts, strict=True)}) == len(set(times))


def test_times_without_ties_are_cut_at_the_fractions() -> None:
    assert split.time_parts([5, 1, 4, 2, 3], [Fraction(3, 5), Fraction(2, 5)]).tolist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("times", "order"),
    [
        (["10", "9", "100"], [1, 0, 2]),
        (["2026-01-02", "2026-01-01", "2026-02-01"], [1, 0, 2]),
        (["2026-01-01", "2025-12-31T10:00:00Z"], [1, 0]),
        ([pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-01")], [1, 0]),
        (["2026-01-01T00:00:00+02:00", "2025-12-31T23:00:00+00:00"], [0, 1]),
        ([1.5, 0.5], [1, 0]),
    ],
)
def test_times_are_compared_as_what_they_are(times: list[Any], order: list[int]) -> None:
    found = split.comparable(pd.Series(times))
    assert np.argsort(np.argsort(found)).tolist() == order


@pytest.mark.parametrize(
    "times",
    [
        ["soon", "later"],
        ["2026-01-01", ""],
        [1.0, None],
        ["01/02/2026"],
        ["2026-13-01"],
        [pd.Timestamp("2026-01-01"), None],
    ],
)
def test_what_is_no_time_is_refused(times: list[Any]) -> None:
    with pytest.raises(split.SplitError):
        split.comparable(pd.Series(times, name="day"))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("INPUT_DATA", "OUTPUT_TRAIN", "OUTPUT_HOLD_OUT"):
        monkeypatch.setenv(f"PROCESSING_{name}", str(tmp_path / name))
    (tmp_path / "INPUT_DATA" / "deep").mkdir(parents=True)
    return tmp_path


PARTS = ("--part", "train=0.8", "--part", "hold-out=0.2")


def test_csv_values_and_headers_stay_as_they_are(folders: Path) -> None:
    (folders / "INPUT_DATA" / "a.csv").write_text('id,amount,note\n001,1.10,\n002,2,NA\n003,3,"a, b"\n')
    (folders / "INPUT_DATA" / "deep" / "b.csv").write_text("id,amount,note\n004,4e5,x\n005,5,y\n")
    split.main([*PARTS, "--by", "random", "--seed", "3"])
    parts = [(folders / name / "part.csv").read_text().splitlines() for name in ("OUTPUT_TRAIN", "OUTPUT_HOLD_OUT")]
    assert [len(part) for part in parts] == [5, 2]
    assert {part[0] for part in parts} == {"id,amount,note"}
    rows = sorted(row for part in parts for row in part[1:])
    assert rows == ["001,1.10,", "002,2,NA", '003,3,"a, b"', "004,4e5,x", "005,5,y"]


def test_parquet_keeps_its_types(folders: Path) -> None:
    table = pd.DataFrame({"id": range(10), "day": pd.date_range("2026-01-01", periods=10)[::-1]})
    table.to_parquet(folders / "INPUT_DATA" / "a.parquet")
    split.main([*PARTS, "--by", "time", "--column", "day"])
    train = pd.read_parquet(folders / "OUTPUT_TRAIN")
    test = pd.read_parquet(folders / "OUTPUT_HOLD_OUT")
    assert train.dtypes.to_dict() == table.dtypes.to_dict()
    assert train.day.max() < test.day.min()
    assert sorted([*train.id, *test.id]) == list(range(10))


@pytest.mark.parametrize(
    ("files", "arguments", "told"),
    [
        ({}, ("--by", "random"), "nothing"),
        ({"a.csv": "x\n1\n", "b.parquet": ""}, ("--by", "random"), "csv and parquet"),
        ({"a.csv": "x\n1\n", "b.csv": "y\n1\n"}, ("--by", "random"), "b.csv has other columns than a.csv"),
        ({"a.csv": "x\n1\n2\n"}, ("--by", "grouped", "--column", "z"), "no column 'z' among x"),
        ({"a.csv": "x,y\n1,\n2,2\n"}, ("--by", "grouped", "--column", "y"), "names no group in some rows"),
        ({"a.csv": "x\n1\n"}, ("--by", "random"), "the part 'hold-out' would be empty: the input has 1 rows"),
    ],
)
def test_a_table_that_cannot_be_cut_is_an_error(
    folders: Path, files: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    for name, text in files.items():
        (folders / "INPUT_DATA" / name).write_text(text)
    with pytest.raises(split.SplitError, match=told):
        split.main([*PARTS, *arguments])


def test_the_file_starts_by_itself(folders: Path) -> None:
    (folders / "INPUT_DATA" / "a.csv").write_text("x\n" + "".join(f"{number}\n" for number in range(10)))
    command = [sys.executable, split.__file__, *PARTS, "--by", "stratified", "--column", "x"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folders)
    assert done.stdout == "train: 8 rows\nhold-out: 2 rows\n", done.stderr


def test_the_file_is_of_the_oldest_python_that_it_runs_on() -> None:
    ast.parse(Path(split.__file__).read_text(), feature_version=limits.OLDEST_PYTHON)
