"""Gradient boosting on what was known about each customer."""

import argparse
import json
import os
import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import cross_val_score

TARGET, KEY = "churned", "customer_id"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--learning_rate", type=float, default=0.05)
    parser.add_argument("--n_estimators", type=int, default=120)
    parser.add_argument("--seed", type=int, default=7)
    options, _ = parser.parse_known_args()
    paths = sorted(Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv"))
    if not paths:
        sys.exit(f"no CSV files in {os.environ['SM_CHANNEL_TRAIN']}")
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    names = [name for name in table.columns if name not in (TARGET, KEY)]
    model = GradientBoostingClassifier(
        max_depth=options.max_depth,
        learning_rate=options.learning_rate,
        n_estimators=options.n_estimators,
        subsample=0.8,
        random_state=options.seed,
    )
    scores = cross_val_score(model, table[names], table[TARGET], scoring="roc_auc", cv=5)
    model.fit(table[names], table[TARGET])
    target = Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, target / "model.joblib")
    (target / "features.json").write_text(json.dumps(names))
    print(f"validation:auc={scores.mean():.4f}; customers={len(table)};")


if __name__ == "__main__":
    main()
