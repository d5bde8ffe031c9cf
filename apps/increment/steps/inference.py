"""How the registered model answers: the functions that SageMaker's scikit-learn container calls."""

import io
from pathlib import Path

import joblib
import pandas as pd


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    if content_type != "text/csv":
        raise ValueError(f"content type {content_type!r}; text/csv with a header is needed")
    return pd.read_csv(io.StringIO(body.decode() if isinstance(body, bytes) else body))


def predict_fn(table, loaded):
    scaler, model = loaded
    return model.predict_proba(scaler.transform(table[list(scaler.feature_names_in_)]))[:, 1]


def output_fn(scores, accept):
    return "\n".join(f"{score:.6f}" for score in scores) + "\n", "text/csv"
