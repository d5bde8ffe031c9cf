"""The tags that tie resources and jobs to the model they belong to, and the code that made them."""

from __future__ import annotations

from constructs_ml.contract.names import PRODUCT

MODEL = f"{PRODUCT}:model"
STAGE = f"{PRODUCT}:stage"
OWNER = f"{PRODUCT}:owner"
PIPELINE = f"{PRODUCT}:pipeline"
FEATURE_GROUP = f"{PRODUCT}:feature-group"
VARIANT = f"{PRODUCT}:variant"
MONITOR = f"{PRODUCT}:monitor"
SEVERITY = f"{PRODUCT}:severity"
STEP = f"{PRODUCT}:step"
CODE = f"{PRODUCT}:code"
EXECUTION = f"{PRODUCT}:execution"

OF_A_VERSION = (MODEL, PIPELINE, EXECUTION, CODE)
"""What a model package version says of itself in its metadata."""
