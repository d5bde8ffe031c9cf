"""The word that was learned, after each request."""

from pathlib import Path


def model_fn(folder):
    return (Path(folder) / "word.txt").read_text()


def input_fn(body, content_type):
    return body.decode() if isinstance(body, bytes) else body


def predict_fn(text, word):
    return f"{text.strip()} {word}"


def output_fn(said, accept):
    return said, "text/csv"
