"""The table of runs, as the states of a machine use it."""

from __future__ import annotations

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Open
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement

CONFLICT = "DynamoDB.ConditionalCheckFailedException"
"""How Step Functions reports that the condition of a write does not hold."""
NO_EXECUTION = "Sfn.ExecutionDoesNotExistException"
"""How it reports an execution that it does not know: one that ended 90 days ago, or began just now."""


def table_name(machine: Machine) -> Open:
    """Let `${RunsTable}` stand for the table's name."""
    return machine.expressions.open("RunsTable", machine.context.infrastructure.runs_table)


def allow_table(context: Context, *actions: str) -> None:
    """Let the states read and write the table, and use its key where no other statement does."""
    found = context.infrastructure
    table = found.runs_table
    named = arn("dynamodb", f"table/{table}") if isinstance(table, str) else arn("dynamodb", "table/${T}", T=table)
    context.allow(Statement(tuple(f"dynamodb:{action}" for action in actions), (named,)))
    if found.runs_key_arn not in (None, found.key_arn):
        context.allow(Statement(("kms:Decrypt",), (found.runs_key_arn,)))
