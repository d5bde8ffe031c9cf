"""Notices of topics: to addresses, where nobody is but the journal, and to functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from moto.sns.models import Subscription

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.deliveries import Deliveries
from constructs_ml.rehearsal.events.targets import Sent

_SERVICE = "sns.amazonaws.com"
_PEOPLE = ("email", "email-json", "sms", "http", "https")


@dataclass(frozen=True, slots=True)
class _Notice:
    message: str
    id: str
    subject: str | None
    attributes: Mapping[str, Any]


class Notices:
    """Writes down what people would get, and hands functions what SNS hands them; queues are moto's.

    The endpoint is not confirmed first, as AWS asks people to do: each address counts as confirmed.
    """

    def __init__(self, account: EmbeddedAccount, deliveries: Deliveries) -> None:
        self._account, self._deliveries = account, deliveries
        why = "moto keeps mail to itself, and runs functions while the publisher waits"
        account.hook("moto.sns.models:Subscription", "publish", self._publishing(Subscription.publish), why)

    def _publishing(self, publish: Any) -> Any:
        notices = self

        def told(subscription: Any, message: str, message_id: str, *rest: Any, **more: Any) -> Any:
            if subscription.protocol not in (*_PEOPLE, "lambda"):
                return publish(subscription, message, message_id, *rest, **more)
            given = dict(zip(("subject", "message_attributes"), rest, strict=False)) | more
            attributes, matcher = given.get("message_attributes") or {}, subscription._filter_policy_matcher
            if matcher is None or matcher.matches(attributes, message):
                if given.get("message_structure") == "json":
                    message = subscription._parse_message_structure(message, subscription.protocol)
                notice = _Notice(message, message_id, given.get("subject"), attributes)
                tell = notices._invoke if subscription.protocol == "lambda" else notices._write
                tell(subscription, notice)
            return None

        return told

    def _write(self, subscription: Any, notice: _Notice) -> None:
        first = notice.subject or (notice.message.splitlines() or [""])[0]
        text = f"notice to {subscription.endpoint}: {first[:200]}"
        topic = subscription.topic
        self._account.journal.write("event", topic.name, text, topic=topic.arn, message=notice.message)

    def _invoke(self, subscription: Any, notice: _Notice) -> None:
        topic = subscription.topic
        # https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "EventSource": "aws:sns",
            "Sns": {
                "SignatureVersion": "1",
                "Timestamp": self._account.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "Signature": "rehearsal",
                "SigningCertUrl": "https://localhost/SimpleNotificationService.pem",
                "MessageId": notice.id or str(uuid4()),
                "Message": notice.message,
                "MessageAttributes": {name: _attribute(value) for name, value in notice.attributes.items()},
                "Type": "Notification",
                "UnsubscribeUrl": "https://localhost/unsubscribe",
                "TopicArn": topic.arn,
                "Subject": notice.subject,
            },
        }
        sent = Sent({"Arn": subscription.endpoint}, json.dumps({"Records": [record]}), _SERVICE, topic.name, topic.arn)
        self._deliveries.add("event", "notice", sent)


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    found = value.get("value", value.get("StringValue"))
    return {"Type": value.get("type", value.get("DataType")), "Value": found}
