"""Endpoints that answer: SageMaker's hosting, its deployments, invocations, capture and metrics."""

from __future__ import annotations

from constructs_ml.rehearsal.endpoints.endpoints import Endpoints

__all__ = ["Endpoints"]
