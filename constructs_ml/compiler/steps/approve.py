"""An Approve step: a notice with the task's token, and what the answer was."""

from __future__ import annotations

from constructs_ml.compiler.expressions import Path, Text
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.retries import service_retry
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import Approve
from constructs_ml.spec.values import Execution

_SUBJECT_LENGTH = 100
_YES = 'aws stepfunctions send-task-success --task-output "{}" --task-token '
_NO = "aws stepfunctions send-task-failure --error Declined --cause "


def add(machine: Machine, step: Approve, after: str) -> None:
    """Publish and wait; https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html."""
    context, expressions = machine.context, machine.expressions
    opened = expressions.open("TopicArn", context.infrastructure.topic_arn)
    token = Path("$$.Task.Token")
    facts: list[Text] = [("\n- ", *expressions.text(fact)) for fact in step.facts]
    message: Text = (
        step.question,
        *(part for fact in facts for part in fact),
        "\n\nRun: ",
        *expressions.reference(Execution("id")),
        f"\n\nYes:\n{_YES}",
        token,
        f"\n\nNo:\n{_NO}'{step.name}: no' --task-token ",
        token,
    )
    parameters: dict[str, Json] = {
        "TopicArn": f"${{{opened.name}}}",
        "Subject": f"{context.spec.model} asks: {step.name}"[:_SUBJECT_LENGTH],
    }
    expressions.put(parameters, "Message", message)
    machine.task(
        step.name,
        "sns:publish.waitForTaskToken",
        parameters,
        after,
        retry=[service_retry("sns")],
        seconds=int(step.timeout.total_seconds()),
    )
