"""A logistic regression on the logarithms of what was known about each customer."""

import argparse
import json
import os
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

TARGET, KEY = "churned", "customer_id"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-C", "--C", type=float, default=1.0, help="inverse of the regularisation's strength")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    options, _ = parser.parse_known_args()
    paths = sorted(Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv"))
    if not paths:
        sys.exit(f"no CSV files in {os.environ['SM_CHANNEL_TRAIN']}")
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    names = [name for name in table.columns if name not in (TARGET, KEY)]
    model = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(C=options.C))
    # Customers come in the order of their first purchase: folds must be shuffled to be alike.
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=options.seed)
    scores = cross_val_score(model, table[names], table[TARGET], scoring="roc_auc", cv=folds)
    model.fit(table[names], table[TARGET])
    target = Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, target / "model.joblib")
    (target / "features.json").write_text(json.dumps(names))
    print(f"validation:auc={scores.mean():.4f}; customers={len(table)};")


if __name__ == "__main__":
    main()
