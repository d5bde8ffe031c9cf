"""Topics, queues, subscriptions, and the policies of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.parts import Coded
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.shapes import shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Made, Work


def _text(value: Any) -> str:
    """An attribute as SNS and SQS have it: always a text."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)


def _attributes(work: Work, *others: str) -> dict[str, str]:
    return {key: _text(value) for key, value in work.properties.items() if key not in (*others, "Tags")}


def _first_in_first_out(work: Work, longest: int) -> str:
    """The made name of a topic or queue; that of a FIFO one ends with `.fifo`."""
    fifo = any(_text(work.properties.get(key, "")) == "true" for key in ("FifoTopic", "FifoQueue"))
    return f"{work.made_name(longest - len('.fifo'))}.fifo" if fifo else work.made_name(longest)


def _topic(work: Work) -> Mapping[str, Json]:
    fifo = str(work.properties.get("FifoTopic", "")).lower() == "true"
    name = work.properties["TopicName"]
    name = f"{name}.fifo" if fifo and not name.endswith(".fifo") else name
    found = {"Name": name, "Attributes": _attributes(work, "TopicName", "Subscription")}
    return {**found, **{key: value for key, value in work.properties.items() if key == "Tags"}}


def _set_topic(work: Work) -> None:
    if work.before:
        now, before = _attributes(work, "TopicName", "Subscription"), _attributes(work.with_(properties=work.before))
        for key in {*now, *before} - {"TopicName", "Subscription"}:
            if now.get(key) != before.get(key):
                value = now.get(key, "")
                work.call(
                    "sns", "SetTopicAttributes", TopicArn=work.physical_id, AttributeName=key, AttributeValue=value
                )
    for subscription in work.properties.get("Subscription", []):
        if subscription not in work.before.get("Subscription", []):
            work.call("sns", "Subscribe", TopicArn=work.physical_id, **subscription)


TOPIC = Row(
    service="sns",
    create="CreateTopic",
    delete="DeleteTopic",
    name="TopicName",
    longest=256,
    named=_first_in_first_out,
    id="{TopicArn}",
    keys={"TopicArn": "{id}"},
    attributes={"TopicArn": "{TopicArn}", "TopicName": "{TopicName}"},
    reshape=_topic,
    then=(_set_topic,),
    tagged_by="id",
)

_OF_SUBSCRIPTION = ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")


def _subscription(work: Work) -> Mapping[str, Json]:
    found = {key: value for key, value in work.properties.items() if key not in (*_OF_SUBSCRIPTION, "Region")}
    own = {key: _text(value) for key, value in work.properties.items() if key in _OF_SUBSCRIPTION}
    return {**found, "ReturnSubscriptionArn": True, **({"Attributes": own} if own else {})}


def _set_subscription(work: Work) -> None:
    for key in _OF_SUBSCRIPTION if work.before else ():
        if work.changed(key):
            value = _text(work.properties.get(key, "{}"))
            about = {"SubscriptionArn": work.physical_id, "AttributeName": key, "AttributeValue": value}
            work.call("sns", "SetSubscriptionAttributes", **about)


SUBSCRIPTION = Row(
    service="sns",
    create="Subscribe",
    delete="Unsubscribe",
    id="{SubscriptionArn}",
    keys={"SubscriptionArn": "{id}"},
    attributes={"Arn": "{SubscriptionArn}"},
    reshape=_subscription,
    then=(_set_subscription,),
    tagged=False,
)


def _queue(work: Work) -> Mapping[str, Json]:
    return {
        "QueueName": work.properties["QueueName"],
        "Attributes": _attributes(work, "QueueName"),
        **{key: value for key, value in work.properties.items() if key == "Tags"},
    }


QUEUE = Row(
    service="sqs",
    create="CreateQueue",
    update="SetQueueAttributes",
    delete="DeleteQueue",
    name="QueueName",
    longest=80,
    named=_first_in_first_out,
    id="{QueueUrl}",
    keys={"QueueUrl": "{id}"},
    attributes={
        "Arn": "arn:{partition}:sqs:{region}:{account}:{QueueName}",
        "QueueName": "{QueueName}",
        "QueueUrl": "{QueueUrl}",
    },
    reshape=_queue,
    tagged_by="id",
)


def _policy_of(service: str, operation: str, listed: str, key: str) -> Coded:
    """A policy that is set as an attribute of everything in a list."""

    def put(work: Work, document: str, targets: list[str]) -> None:
        for target in targets:
            if service == "sqs":
                work.call(service, operation, QueueUrl=target, Attributes={"Policy": document})
            else:
                work.call(service, operation, TopicArn=target, AttributeName="Policy", AttributeValue=document)

    def settle(work: Work) -> None:
        put(work, _text(work.given("PolicyDocument")), work.given(listed))
        put(work, "", [target for target in work.before.get(listed, []) if target not in work.given(listed)])

    def make(work: Work) -> Made:
        name = work.made_name()
        return Made(name, {"Id": name})

    return Coded(
        made=make,
        settle=settle,
        removed=lambda work: put(work, _without(work, key), work.given(listed)),
        attributes=("Id",),
        known=("PolicyDocument", listed),
    )


def _without(work: Work, key: str) -> str:
    """What a topic goes back to is its owner's default policy; a queue has none."""
    if key == "QueueUrl":
        return ""
    actions = ["GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"]
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in (*actions, "Subscribe", "ListSubscriptionsByTopic", "Publish")],
        "Resource": work.given("Topics")[0],
        "Condition": {"StringEquals": {"AWS:SourceOwner": work.account.id}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


TOPIC_POLICY = _policy_of("sns", "SetTopicAttributes", "Topics", "TopicArn")
QUEUE_POLICY = _policy_of("sqs", "SetQueueAttributes", "Queues", "QueueUrl")


def _targets(work: Work) -> None:
    """The targets of a rule; those that are gone are removed."""
    rule, bus = work.attributes["RuleName"], work.properties.get("EventBusName", "default")
    now, before = (given.get("Targets", []) for given in (work.properties, work.before))
    gone = [target["Id"] for target in before if target["Id"] not in [one["Id"] for one in now]]
    if gone:
        work.call("events", "RemoveTargets", Rule=rule, EventBusName=bus, Ids=gone)
    if now and now != before:
        shape = work.client("events").meta.service_model.operation_model("PutTargets").input_shape
        answer = work.call(
            "events",
            "PutTargets",
            Rule=rule,
            EventBusName=bus,
            Targets=shaped(shape.members["Targets"], now, "Targets"),
        )
        for failed in answer.get("FailedEntries", []):
            raise RuntimeError(f"target {failed['TargetId']}: {failed.get('ErrorMessage') or failed['ErrorCode']}")


def _remove_from_bus(work: Work) -> None:
    """A rule goes without its targets, and from its own bus."""
    about = {"EventBusName": work.properties.get("EventBusName", "default")}
    ids = [target["Id"] for target in work.properties.get("Targets", [])]
    if ids:
        work.call("events", "RemoveTargets", Rule=work.attributes["RuleName"], Ids=ids, **about)
    work.call("events", "DeleteRule", Name=work.attributes["RuleName"], **about)


RULE = Row(
    service="events",
    create="PutRule",
    update="PutRule",
    name="Name",
    attributes={"Arn": "{RuleArn}", "RuleName": "{Name}"},
    apart=("Targets",),
    then=(_targets,),
    first=(_remove_from_bus,),
)
