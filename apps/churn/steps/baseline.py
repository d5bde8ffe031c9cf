"""What monitors compare with: how the training data are distributed, and how good the model was on customers it had
not seen, as the files of statistics and constraints that Model Monitor reads."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from evaluate import load  # beside this file: the folder travels as a whole
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score

BUCKETS, SKETCH = 10, 2048
# How much worse than on the held-out customers the model may become.
TOLERANCE = 0.05


def sketch(values):
    """A KLL sketch: values at level n stand for 2**n each."""
    level = max(0, int(np.ceil(np.log2(len(values) / SKETCH))))
    kept = np.sort(values)[2**level // 2 :: 2**level] if level else values
    return {"parameters": {"c": 0.64, "k": float(SKETCH)}, "data": [[] for _ in range(level)] + [[*map(float, kept)]]}


def statistics(table):
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html"""
    features = []
    for name in table.columns:
        column = table[name].dropna().to_numpy(dtype=float)
        counts, edges = np.histogram(column, bins=BUCKETS)
        buckets = [
            {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts)  # noqa: B905 - the images' Python 3.9 has no strict=
        ]
        common = {"num_present": len(column), "num_missing": int(table[name].isna().sum())}
        numbers = {
            "common": common,
            "mean": float(column.mean()),
            "sum": float(column.sum()),
            "std_dev": float(column.std()),
            "min": float(column.min()),
            "max": float(column.max()),
            "distribution": {"kll": {"buckets": buckets, "sketch": sketch(column)}},
        }
        features.append({"name": name, "inferred_type": kind(table[name]), "numerical_statistics": numbers})
    return {"version": 0.0, "dataset": {"item_count": len(table)}, "features": features}


def constraints(table):
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html"""
    features = [
        {
            "name": name,
            "inferred_type": kind(table[name]),
            "completeness": float(table[name].notna().mean()),
            "num_constraints": {"is_non_negative": bool((table[name].dropna() >= 0).all())},
        }
        for name in table.columns
    ]
    comparison = {"perform_comparison": "Enabled", "comparison_threshold": 0.1, "comparison_method": "Robust"}
    monitoring = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": comparison,
    }
    return {"version": 0.0, "features": features, "monitoring_config": monitoring}


def quality(truth, score):
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html"""
    answer = score >= 0.5
    found = {
        "auc": roc_auc_score(truth, score),
        "accuracy": accuracy_score(truth, answer),
        "precision": precision_score(truth, answer),
        "recall": recall_score(truth, answer),
    }
    limits = {
        name: {"threshold": round(float(value) - TOLERANCE, 6), "comparison_operator": "LessThanThreshold"}
        for name, value in found.items()
    }
    return {"version": 0.0, "binary_classification_constraints": limits}


def kind(column):
    return "Integral" if pd.api.types.is_integer_dtype(column) else "Fractional"


def read(folder):
    paths = sorted(Path(folder).rglob("*.csv"))
    if not paths:
        sys.exit(f"no CSV files in {folder}")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def write(folder, **files):
    for name, content in files.items():
        (Path(folder) / f"{name}.json").write_text(json.dumps(content, indent=1))


def main():
    model, names = load(os.environ["PROCESSING_INPUT_MODEL"])
    train, test = read(os.environ["PROCESSING_INPUT_TRAIN"]), read(os.environ["PROCESSING_INPUT_TEST"])
    score = model.predict_proba(test[names])[:, 1]
    write(
        os.environ["PROCESSING_OUTPUT_DATA"], statistics=statistics(train[names]), constraints=constraints(train[names])
    )
    write(os.environ["PROCESSING_OUTPUT_QUALITY"], constraints=quality(test["churned"], score))
    print(f"features={len(names)}; customers={len(train)}; held_out={len(test)};")


if __name__ == "__main__":
    main()
