"""Cuts a table into parts: at random, by class, by group or by time. A processing job starts this file by itself.

It reads every CSV or Parquet file of its input, and writes one file for each part. Of a CSV, values stay the text that
they are. Rows keep their order within a part. The images of AWS's scikit-learn have pandas 1.1 and newer.
"""

from __future__ import annotations

import argparse
import os
from fractions import Fraction
from pathlib import Path
from typing import List, Sequence

import numpy as np
import pandas as pd

_ISO = r"\d{4}-\d\d-\d\d([T ]|$)"
_FORMATS = {".csv": "csv", ".gz": "csv", ".parquet": "parquet"}


class SplitError(ValueError):
    """A table that cannot be cut as it was asked."""


def sizes(rows: int, fractions: Sequence[Fraction]) -> List[int]:
    """How many rows each part gets: whole numbers that sum to `rows`, each less than one from its share."""
    exact = [rows * fraction for fraction in fractions]
    found = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda part: (found[part] - exact[part], part))
    for part in by_remainder[: rows - sum(found)]:
        found[part] += 1
    return found


def random_parts(rows: int, fractions: Sequence[Fraction], seed: int) -> np.ndarray:
    """The part of each row, drawn without regard to what it holds."""
    parts = np.empty(rows, dtype=int)
    parts[np.random.RandomState(seed).permutation(rows)] = np.repeat(range(len(fractions)), sizes(rows, fractions))
    return parts


def stratified_parts(classes: Sequence[object], fractions: Sequence[Fraction], seed: int) -> np.ndarray:
    """The part of each row: every class is cut alike, and what rounding leaves over goes where most is missing."""
    labels, _ = pd.factorize(np.asarray(classes, dtype=object), sort=False)
    draw = np.random.RandomState(seed)
    parts = np.empty(len(labels), dtype=int)
    missing = [Fraction(0)] * len(fractions)
    for label in range(labels.max() + 1 if len(labels) else 0):
        rows = np.flatnonzero(labels == label)
        exact = [len(rows) * fraction for fraction in fractions]
        counts = [int(share) for share in exact]
        missing = [before + share - count for before, share, count in zip(missing, exact, counts)]
        neediest = sorted(range(len(fractions)), key=lambda part: (-missing[part], part))
        for part in neediest[: len(rows) - sum(counts)]:
            counts[part] += 1
            missing[part] -= 1
        parts[draw.permutation(rows)] = np.repeat(range(len(fractions)), counts)
    return parts


def grouped_parts(groups: Sequence[object], fractions: Sequence[Fraction], seed: int) -> np.ndarray:
    """The part of each row: groups stay whole. In an order by chance, each goes where most rows are missing.

    No part is larger than its share by more than the largest group.
    """
    labels, known = pd.factorize(np.asarray(groups, dtype=object), sort=False)
    counts = np.bincount(labels, minlength=len(known))
    missing = [len(labels) * fraction for fraction in fractions]
    chosen = np.empty(len(known), dtype=int)
    for group in np.random.RandomState(seed).permutation(len(known)):
        part = max(range(len(fractions)), key=lambda item: (missing[item], -item))
        chosen[group] = part
        missing[part] -= int(counts[group])
    return chosen[labels] if len(labels) else np.empty(0, dtype=int)


def time_parts(times: Sequence[object], fractions: Sequence[Fraction]) -> np.ndarray:
    """The part of each row: earlier rows in earlier parts, and rows of one time in one part, that of its first row."""
    values = np.asarray(times)
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(sizes(len(values), fractions))
    firsts = np.searchsorted(values[order], values[order], side="left")
    parts = np.empty(len(values), dtype=int)
    parts[order] = np.searchsorted(ends, firsts, side="right")
    return parts


def comparable(column: pd.Series) -> np.ndarray:
    """A column of times as numbers: numbers as they are, ISO 8601 texts as points in time, UTC where they name none."""
    if column.isna().any() or (column.astype(str) == "").any():
        raise SplitError("column %r holds no time in some rows" % column.name)
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.asarray(column.astype("int64"))
    numbers = pd.to_numeric(column, errors="coerce")
    return np.asarray(_points(column) if numbers.isna().any() else numbers)


def _points(column: pd.Series) -> pd.Series:
    """Texts as points in time. Other forms than ISO 8601 are refused: 01/02 is a day in some countries only."""
    texts = column.astype(str)
    wrong = ~texts.str.match(_ISO)
    if wrong.any():
        message = "column %r holds neither numbers nor ISO 8601 times: %r"
        raise SplitError(message % (column.name, texts[wrong].iloc[0]))
    try:
        try:
            found = pd.to_datetime(texts, utc=True, format="ISO8601")
        except ValueError:  # older than pandas 2, which does not know this format and needs none
            found = pd.to_datetime(texts, utc=True)
    except (ValueError, TypeError) as error:
        raise SplitError("column %r: %s" % (column.name, error)) from error
    return found.astype("int64")


def parts_of(table: pd.DataFrame, by: str, column: str, fractions: Sequence[Fraction], seed: int) -> np.ndarray:
    """The part of each row of a table, by one of the four ways."""
    if by == "random":
        return random_parts(len(table), fractions, seed)
    if column not in table.columns:
        raise SplitError("there is no column %r among %s" % (column, ", ".join(map(str, table.columns))))
    values = table[column]
    if by == "time":
        return time_parts(list(comparable(values)), fractions)
    if by == "stratified":
        return stratified_parts(list(values.astype(str)), fractions, seed)
    if values.isna().any() or (values.astype(str) == "").any():
        raise SplitError("column %r names no group in some rows" % column)
    return grouped_parts(list(values.astype(str)), fractions, seed)


def read(folder: Path) -> tuple[pd.DataFrame, str]:
    """The rows of all files, and their format. Files without rows count; files of other columns are an error."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _FORMATS)
    formats = {_FORMATS[path.suffix] for path in files}
    if len(formats) != 1:
        raise SplitError("the input holds %s, not files of one format" % (" and ".join(sorted(formats)) or "nothing"))
    format = formats.pop()
    if format == "csv":
        tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in files]
    else:
        tables = [pd.read_parquet(path) for path in files]
    for path, table in zip(files, tables):
        if list(table.columns) != list(tables[0].columns):
            raise SplitError("%s has other columns than %s" % (path.name, files[0].name))
    return pd.concat(tables, ignore_index=True), format


def write(table: pd.DataFrame, folder: Path, format: str) -> None:
    """One file of a part, with its header."""
    folder.mkdir(parents=True, exist_ok=True)
    if format == "csv":
        table.to_csv(folder / "part.csv", index=False)
    else:
        table.to_parquet(folder / "part.parquet", index=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the folder and write the folders that the job's variables name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", required=True, metavar="NAME=FRACTION")
    parser.add_argument("--by", choices=("random", "stratified", "grouped", "time"), required=True)
    parser.add_argument("--column", default="")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    names = [item.partition("=")[0] for item in given.part]
    fractions = [Fraction(item.partition("=")[2]) for item in given.part]
    table, format = read(Path(os.environ["PROCESSING_INPUT_DATA"]))
    parts = parts_of(table, given.by, given.column, fractions, given.seed)
    for number, name in enumerate(names):
        rows = table[parts == number]
        if not len(rows):
            raise SplitError("the part %r would be empty: the input has %d rows" % (name, len(table)))
        write(rows, Path(os.environ["PROCESSING_OUTPUT_" + name.upper().replace("-", "_")]), format)
        print("%s: %d rows" % (name, len(rows)))


if __name__ == "__main__":
    main()
