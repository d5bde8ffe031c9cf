"""What answers in the place of PyTorch's serving image: the model that `train.py` beside it left."""

from pathlib import Path

import joblib


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    if content_type != "text/csv":
        raise ValueError(f"content type {content_type!r}; text/csv without a header is needed")
    text = body.decode() if isinstance(body, bytes) else body
    return [[float(value) for value in line.split(",")] for line in text.splitlines() if line]


def predict_fn(rows, model):
    return model.predict_proba(rows)[:, 1]


def output_fn(scores, accept):
    return "\n".join(f"{score:.6f}" for score in scores) + "\n", "text/csv"
