"""The failure path of a state machine: a notice, then the end."""

from __future__ import annotations

from constructs_ml.compiler.expressions import Path
from constructs_ml.compiler.machine import SERVICE, Machine
from constructs_ml.compiler.paths import intrinsic
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import service_retry
from constructs_ml.contract.names import FAILED_STATE as FAILED
from constructs_ml.contract.names import NOTIFY_STATE as NOTIFY

_SUBJECT_LENGTH = 100


def add(machine: Machine, what: str, error: str, then: str = FAILED) -> None:
    """Publish that `what` failed, go through `then`, and fail with an error of our own."""
    context = machine.context
    topic = context.infrastructure.topic_arn
    subject = f"{what} failed in {context.account.stage}"[:_SUBJECT_LENGTH]
    parts = (f"{subject}. Error: ", Path("$.error.Error"), ". Cause: ", Path("$.error.Cause"))
    message = (*parts, ". Run: ", Path("$$.Execution.Id"))
    machine.expressions.open("TopicArn", topic)
    context.allow(Statement(("sns:Publish",), (topic,)))
    machine.put(
        NOTIFY,
        {
            "Type": "Task",
            "Resource": f"{SERVICE}sns:publish",
            "Parameters": {"TopicArn": "${TopicArn}", "Subject": subject, "Message.$": intrinsic(message)},
            "ResultPath": None,
            "TimeoutSeconds": 60,
            "Retry": [service_retry("sns")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": then}],
            "Next": then,
        },
    )
    # The error goes into the cause: a Fail state's own error must not be one of the reserved "States." names.
    ended = intrinsic((Path("$.error.Error"), ": ", Path("$.error.Cause")))
    machine.put(FAILED, {"Type": "Fail", "Error": error, "CausePath": ended})
