"""How the registered model answers: the functions that SageMaker's scikit-learn container calls."""

import io
import json
from pathlib import Path

import joblib
import pandas as pd


def model_fn(model_dir):
    folder = Path(model_dir)
    return joblib.load(folder / "model.joblib"), json.loads((folder / "features.json").read_text())


def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    if content_type == "text/csv":
        return pd.read_csv(io.StringIO(text))
    if content_type == "application/json":
        return pd.DataFrame(json.loads(text))
    raise ValueError(f"content type {content_type!r}; text/csv with a header or application/json is needed")


def predict_fn(table, loaded):
    model, names = loaded
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(f"the request lacks {', '.join(missing)}")
    return model.predict_proba(table[names])[:, 1]


def output_fn(scores, accept):
    if accept == "application/json":
        return json.dumps({"churn": [float(score) for score in scores]}), accept
    return "\n".join(f"{score:.6f}" for score in scores) + "\n", "text/csv"
