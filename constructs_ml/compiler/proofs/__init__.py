"""Proofs of a compiled pipeline: its calls are well-formed, and its role allows exactly these calls."""

from constructs_ml.compiler.proofs.parameters import check_parameters
from constructs_ml.compiler.proofs.roles import Need, needs, prove_role

__all__ = ["Need", "check_parameters", "needs", "prove_role"]
