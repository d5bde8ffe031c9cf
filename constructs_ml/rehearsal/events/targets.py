"""Targets: how an event, a schedule or an alarm reaches a state machine, a function, a topic, a queue, ..."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.inputs import InvalidInputError, at_path
from constructs_ml.rehearsal.principals import Principal

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html: errors that a second attempt
# would not mend are not retried.
_PASSING = ("Throttl", "TooManyRequests", "ServiceUnavailable", "InternalFailure", "InternalServer", "LimitExceeded")
# Names of services in universal targets that are not botocore's.
_SDK_NAMES = {
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "sagemaker-runtime": "sagemakerruntime",
}


class NotDeliveredError(Exception):
    """A target did not get what was sent; `passing` tells whether another attempt may help."""

    def __init__(self, code: str, why: str, *, passing: bool = False) -> None:
        super().__init__(f"{code}: {why}")
        self.code, self.why, self.passing = code, why, passing


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent: a text to a target, by a service that acts for a rule, a schedule, an alarm or a bucket.

    `target` is the target as EventBridge's API writes it; `event` what paths in its parameters point into.
    """

    target: Mapping[str, Any]
    text: str
    service: str
    source_name: str
    source_arn: str
    event: Mapping[str, Any] = field(default_factory=dict)

    def attempt(self, number: int) -> Sent:
        """With what EventBridge Scheduler tells of each attempt.

        https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        """
        text = self.text.replace("<aws.scheduler.attempt-number>", str(number))
        return replace(self, text=text.replace("<aws.scheduler.execution-id>", uuid4().hex[:16]))


class Targets:
    """Delivers to whatever the embedded account has; what it does not have is refused by name."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self._ways: dict[tuple[str, str], Callable[[Sent], None]] = {
            ("states", "stateMachine"): self._state_machine,
            ("states", "express"): self._state_machine,
            ("lambda", "function"): self._function,
            ("sns", ""): self._topic,
            ("sqs", ""): self._queue,
            ("logs", "log-group"): self._log_group,
            ("events", "event-bus"): self._bus,
            ("sagemaker", "pipeline"): self._pipeline,
            ("scheduler", ""): self._universal,
        }

    def deliver(self, sent: Sent) -> None:
        """Send once; `NotDeliveredError` says why it did not arrive."""
        arn = sent.target["Arn"].split(":", 5)
        kind = arn[5].replace("/", ":").split(":")[0] if len(arn) > 5 else ""
        way = self._ways.get((arn[2], kind)) or self._ways.get((arn[2], ""))
        if way is None:
            text = f"the embedded account cannot deliver to {sent.target['Arn']}; send it to a function or a queue"
            raise NotDeliveredError("UNSUPPORTED_TARGET", text)
        try:
            way(sent)
        except ClientError as refused:
            error = refused.response["Error"]
            raise NotDeliveredError(error["Code"], error["Message"], passing=_passes(error["Code"])) from None
        except ServiceError as refused:
            raise NotDeliveredError(refused.code, refused.message, passing=_passes(refused.code)) from None
        except (BotoCoreError, InvalidInputError, ValueError) as failed:
            raise NotDeliveredError("INVALID_PARAMETER", str(failed)) from None

    def bury(self, sent: Sent, failed: NotDeliveredError, attempts: int) -> None:
        """Put what could not be delivered into the target's dead-letter queue, if it has one.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        queue = (sent.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        told = {
            "ERROR_CODE": failed.code,
            "ERROR_MESSAGE": failed.why[:1024],
            "RULE_ARN": sent.source_arn,
            "TARGET_ARN": sent.target["Arn"],
            "RETRY_ATTEMPTS": str(attempts - 1),
        }
        attributes = {name: {"DataType": "String", "StringValue": value or "-"} for name, value in told.items()}
        body = json.dumps(sent.event) if sent.event else sent.text
        client = self._account.client("sqs")
        url = client.get_queue_url(QueueName=queue.split(":")[-1])["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)

    def _principal(self, sent: Sent, *, needed: bool = False) -> Principal:
        """The role of the target; without one the service itself, which the target's own policy must let in."""
        role = sent.target.get("RoleArn") or ""
        if needed and not role:
            raise NotDeliveredError("NO_PERMISSIONS", f"RoleArn is required for target {sent.target['Arn']}")
        return self._account.assume(role, sent.service, session=sent.source_name if role else sent.source_arn)

    def _state_machine(self, sent: Sent) -> None:
        client = self._account.client("stepfunctions", self._principal(sent, needed=True))
        # An execution that a rule starts is named by the rule: two UUIDs joined by an underscore.
        client.start_execution(stateMachineArn=sent.target["Arn"], name=f"{uuid4()}_{uuid4()}", input=sent.text)

    def _function(self, sent: Sent) -> None:
        client = self._account.client("lambda", self._principal(sent))
        client.invoke(FunctionName=sent.target["Arn"], InvocationType="Event", Payload=sent.text.encode())

    def _topic(self, sent: Sent) -> None:
        subject = {"Subject": sent.event["Subject"]} if "Subject" in sent.event else {}
        client = self._account.client("sns", self._principal(sent))
        client.publish(TopicArn=sent.target["Arn"], Message=sent.text, **subject)

    def _queue(self, sent: Sent) -> None:
        # The address of a queue is known from its ARN: nobody needs a permission to ask for it.
        name = sent.target["Arn"].split(":")[-1]
        url = self._account.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        group = (sent.target.get("SqsParameters") or {}).get("MessageGroupId")
        given = {"MessageGroupId": group} if group else {}
        self._account.client("sqs", self._principal(sent)).send_message(QueueUrl=url, MessageBody=sent.text, **given)

    def _log_group(self, sent: Sent) -> None:
        client, group = self._account.client("logs"), sent.target["Arn"].split(":log-group:")[1].removesuffix(":*")
        stream = str(uuid4())
        client.create_log_stream(logGroupName=group, logStreamName=stream)
        line = {"timestamp": int(self._account.clock.now().timestamp() * 1000), "message": sent.text}
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[line])

    def _bus(self, sent: Sent) -> None:
        given = sent.target.get("EventBridgeParameters") or {}
        source, kind = (
            given.get("Source") or sent.event.get("source"),
            given.get("DetailType") or sent.event.get("detail-type"),
        )
        detail = sent.text if given else json.dumps(sent.event.get("detail", {}))
        entry = {"Source": source, "DetailType": kind, "Detail": detail, "EventBusName": sent.target["Arn"]}
        entry["Resources"] = list(sent.event.get("resources", ()))
        client = self._account.client("events", self._principal(sent))
        told = client.put_events(Entries=[entry])["Entries"][0]
        if "ErrorCode" in told:
            raise NotDeliveredError(told["ErrorCode"], told["ErrorMessage"])

    def _pipeline(self, sent: Sent) -> None:
        given = (sent.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
        parameters = [{"Name": one["Name"], "Value": self._parameter(one["Value"], sent)} for one in given]
        client = self._account.client("sagemaker", self._principal(sent, needed=True))
        name = sent.target["Arn"].rsplit("/", 1)[1]
        client.start_pipeline_execution(PipelineName=name, PipelineParameters=parameters)

    def _parameter(self, value: str, sent: Sent) -> str:
        """A value, or what the event has at a path: a dynamic path parameter.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html#dynamic-path-parameters
        """
        if not value.startswith("$.") or not sent.event:
            return value
        found = at_path(sent.event, value)
        if not isinstance(found, (str, int, float)):
            raise NotDeliveredError("INVALID_PARAMETER", f"{value} leads to no text in the event")
        return found if isinstance(found, str) else json.dumps(found)

    def _universal(self, sent: Sent) -> None:
        """`arn:aws:scheduler:::aws-sdk:sqs:sendMessage` calls that operation with the input as its parameters.

        https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
        """
        words = sent.target["Arn"].split(":")
        if len(words) != 8 or words[5] != "aws-sdk":
            raise NotDeliveredError("UNSUPPORTED_TARGET", f"{sent.target['Arn']} names no operation of an AWS SDK")
        service, operation = _SDK_NAMES.get(words[6], words[6]), words[7][:1].upper() + words[7][1:]
        client = self._account.client(service, self._principal(sent, needed=True))
        if operation not in client.meta.service_model.operation_names:
            raise NotDeliveredError("UNSUPPORTED_TARGET", f"{service} has no operation {operation}")
        members = client.meta.service_model.operation_model(operation).input_shape.members
        known = {name.lower(): name for name in members}
        given = {known.get(name.lower(), name): value for name, value in json.loads(sent.text or "{}").items()}
        getattr(client, xform_name(operation))(**given)


def _passes(code: str) -> bool:
    return any(word in code for word in _PASSING)
