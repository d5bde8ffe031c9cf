"""The model on customers it has not seen, as a flat file of numbers."""

import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, roc_auc_score

NEEDED = ("model.joblib", "features.json")


def load(folder):
    """The model and its features from the archive that the training job left; only the needed files are taken."""
    archives = sorted(Path(folder).rglob("model.tar.gz"))
    if len(archives) != 1:
        sys.exit(f"{len(archives)} model.tar.gz in {folder}; exactly one is needed")
    with tempfile.TemporaryDirectory() as unpacked, tarfile.open(archives[0]) as archive:
        files = {member.name.removeprefix("./"): member for member in archive.getmembers() if member.isfile()}
        missing = [name for name in NEEDED if name not in files]
        if missing:
            sys.exit(f"{archives[0].name} lacks {', '.join(missing)}; it has {', '.join(files) or 'nothing'}")
        for name in NEEDED:
            (Path(unpacked) / name).write_bytes(archive.extractfile(files[name]).read())
        return joblib.load(Path(unpacked) / NEEDED[0]), json.loads((Path(unpacked) / NEEDED[1]).read_text())


def main():
    model, names = load(os.environ["PROCESSING_INPUT_MODEL"])
    paths = sorted(Path(os.environ["PROCESSING_INPUT_TEST"]).rglob("*.csv"))
    if not paths:
        sys.exit(f"no CSV files in {os.environ['PROCESSING_INPUT_TEST']}")
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    truth, score = table["churned"], model.predict_proba(table[names])[:, 1]
    metrics = {
        "auc": roc_auc_score(truth, score),
        "average_precision": average_precision_score(truth, score),
        "accuracy": accuracy_score(truth, score >= 0.5),
        "brier": brier_score_loss(truth, score),
        "churn_rate": truth.mean(),
        "customers": len(table),
    }
    report = Path(os.environ["PROCESSING_OUTPUT_REPORT"]) / "metrics.json"
    report.write_text(json.dumps({name: round(float(value), 6) for name, value in metrics.items()}, indent=1))
    print(report.read_text())


if __name__ == "__main__":
    main()
