"""From a purchase log to one row per customer: what was known on the split date, and whether they bought again."""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["customer_id", "date", "quantity", "amount"]


def read(folder):
    """Every CSV file of a folder as one log; rows that cannot be read are counted and left out."""
    paths = sorted(path for path in Path(folder).rglob("*.csv") if path.stat().st_size)
    if not paths:
        sys.exit(f"no CSV files in {folder}")
    frames = []
    for path in paths:
        frame = pd.read_csv(path, dtype=str)
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            sys.exit(f"{path.name} lacks the columns {', '.join(missing)}; it has {', '.join(frame.columns)}")
        frames.append(frame[COLUMNS])
    log = pd.concat(frames, ignore_index=True)
    log["date"] = pd.to_datetime(log["date"], format="%Y-%m-%d", errors="coerce")
    for name in ("quantity", "amount"):
        log[name] = pd.to_numeric(log[name], errors="coerce")
    sound = log.dropna()
    print(f"rows={len(sound)}; left_out={len(log) - len(sound)};")
    return sound


def features(log, split):
    """One row per customer who bought before `split`; weeks are counted back from it."""
    before, after = log[log["date"] <= split], log[log["date"] > split]
    if before.empty or after.empty:
        sys.exit(f"the log must reach over {split.date()}; it covers {log['date'].min()} to {log['date'].max()}")
    before = before.sort_values(["customer_id", "date"])
    gap = before.groupby("customer_id")["date"].diff().dt.days / 7
    groups = before.assign(gap=gap).groupby("customer_id")
    weeks = lambda moment: (split - moment).dt.days / 7  # noqa: E731 - a local abbreviation
    table = pd.DataFrame(
        {
            "purchases": groups.size(),
            "weeks_since_last": weeks(groups["date"].max()),
            "weeks_since_first": weeks(groups["date"].min()),
            "mean_gap_weeks": groups["gap"].mean(),
            "mean_amount": groups["amount"].mean(),
            "total_amount": groups["amount"].sum(),
            "total_quantity": groups["quantity"].sum(),
        }
    )
    table["mean_gap_weeks"] = table["mean_gap_weeks"].fillna(table["weeks_since_first"])
    table["days_bought"] = groups["date"].nunique()
    table["churned"] = (~table.index.isin(set(after["customer_id"]))).astype(int)
    return table.reset_index()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split-date", required=True)
    parser.add_argument("--test-fraction", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    table = features(read(os.environ["PROCESSING_INPUT_RAW"]), pd.Timestamp(options.split_date))
    held_out = np.random.default_rng(options.seed).random(len(table)) < options.test_fraction
    for name, part in (("train", table[~held_out]), ("test", table[held_out])):
        part.to_csv(Path(os.environ[f"PROCESSING_OUTPUT_{name.upper()}"]) / f"{name}.csv", index=False)
        print(f"{name}: customers={len(part)}; churn_rate={part['churned'].mean():.4f};")


if __name__ == "__main__":
    main()
