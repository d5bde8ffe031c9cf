"""The new model and the one it would follow, on the same parcels that neither has learned from."""

import json
import os
from pathlib import Path

from archive import TARGET, load, read
from sklearn.metrics import roc_auc_score


def main():
    table = read(os.environ["PROCESSING_INPUT_TEST"])
    metrics = {
        "auc": auc(os.environ["PROCESSING_INPUT_MODEL"], table),
        "rival_auc": auc(os.environ["PROCESSING_INPUT_RIVAL"], table),
        "parcels": len(table),
    }
    report = Path(os.environ["PROCESSING_OUTPUT_REPORT"]) / "metrics.json"
    report.write_text(json.dumps(metrics, indent=1))
    print(report.read_text())


def auc(folder, table):
    (scaler, model), _ = load(folder)
    features = scaler.transform(table[list(scaler.feature_names_in_)])
    return round(float(roc_auc_score(table[TARGET], model.predict_proba(features)[:, 1])), 6)


if __name__ == "__main__":
    main()
