"""Proofs of a definition from plain data: its structure, its services' parameters, and its role.

>>> from constructs_ml.compiler.proofs import check_states
>>> [fault.where for fault in check_states({"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "b"}}})]
['a.Next']
"""

from constructs_ml.compiler.proofs.allowances import (
    ALLOWANCES,
    ENCRYPTION,
    LAKE,
    LOGGING,
    PARTS,
    QUERIES,
    TASK_ROLES,
    TRACING,
    Allowance,
)
from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.calls import calls
from constructs_ml.compiler.proofs.integrations import OPTIMISED, Integration
from constructs_ml.compiler.proofs.later import passing_errors
from constructs_ml.compiler.proofs.machine import Machine, read_machine
from constructs_ml.compiler.proofs.parameters import check_parameters, check_raw
from constructs_ml.compiler.proofs.pipeline_calls import pipeline_calls
from constructs_ml.compiler.proofs.pipeline_definitions import check_pipeline
from constructs_ml.compiler.proofs.roles import prove_calls, prove_role
from constructs_ml.compiler.proofs.service_models import MissingExtraError
from constructs_ml.compiler.proofs.size import check_size
from constructs_ml.compiler.proofs.states import check_states
from constructs_ml.compiler.proofs.templates import prove_template

__all__ = [
    "check_states",
    "check_parameters",
    "check_raw",
    "check_size",
    "calls",
    "passing_errors",
    "prove_role",
    "prove_calls",
    "check_pipeline",
    "pipeline_calls",
    "prove_template",
    "read_machine",
    "Call",
    "Integration",
    "OPTIMISED",
    "Machine",
    "Allowance",
    "ALLOWANCES",
    "LOGGING",
    "TRACING",
    "ENCRYPTION",
    "PARTS",
    "TASK_ROLES",
    "QUERIES",
    "LAKE",
    "MissingExtraError",
]
