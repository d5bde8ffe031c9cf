"""Definitions made with `sagemaker`'s own SDK (version 3), read by their attributes: the SDK is never imported."""

from __future__ import annotations

from constructs_ml.spec.sdk.processing import process_arguments
from constructs_ml.spec.sdk.training import train_arguments
from constructs_ml.spec.sdk.tuning import tune_arguments

__all__ = ["process_arguments", "train_arguments", "tune_arguments"]
