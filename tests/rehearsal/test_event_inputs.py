"""What targets get, by the examples of AWS's page on input transformation.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml.rehearsal.events.inputs import InvalidInputError, target_input

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
    "detail": {"instance-id": "i-0123456789", "state": "RUNNING", "said": 'a "b"', "tags": {"a": 1}},
}
PATHS = {
    "timestamp": "$.time",
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "resource": "$.resources[0]",
    "missing": "$.detail.missing",
    "said": "$.detail.said",
    "tags": "$.detail.tags",
}


def filled(template: str) -> str:
    transformer = {"InputPathsMap": PATHS, "InputTemplate": template}
    return target_input({"InputTransformer": transformer}, EVENT, "watch", "arn:rule/watch")


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ('"instance <instance> is in <state>"', "instance i-0123456789 is in RUNNING"),
        ('"instance \\"<instance>\\" is in <state>"', 'instance "i-0123456789" is in RUNNING'),
        ('{"instance": <instance>, "state": <state>}', {"instance": "i-0123456789", "state": "RUNNING"}),
        ('{"instance": <instance>, "state": "<state>"}', {"instance": "i-0123456789", "state": "RUNNING"}),
        (
            '{"instance": <instance>, "state": [9, <state>, true], "Transformed": "Yes"}',
            {"instance": "i-0123456789", "state": [9, "RUNNING", True], "Transformed": "Yes"},
        ),
        ('{"at": <resource>}', {"at": "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"}),
        ('{"tags": <tags>}', {"tags": {"a": 1}}),
        ('{"said": <said>}', {"said": 'a "b"'}),
        ('{"gone": "<missing>"}', {"gone": ""}),
        (
            '{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>}',
            {"rule": "watch", "arn": "arn:rule/watch"},
        ),
        ('{"event": <aws.events.event.json>}', {"event": EVENT}),
        ('{"event": <aws.events.event>}', {"event": {key: EVENT[key] for key in EVENT if key != "detail"}}),
    ],
)
def test_a_template_is_filled_in_as_aws_fills_it(template: str, wanted: Any) -> None:
    assert json.loads(filled(template)) == wanted


@pytest.mark.parametrize("template", ['{"said": "<said>"}', '{"gone": <missing>}', '{"a": '])
def test_a_template_that_becomes_no_json_is_not_sent(template: str) -> None:
    with pytest.raises(InvalidInputError, match="no JSON"):
        filled(template)


def test_a_target_gets_the_event_a_part_of_it_or_a_constant() -> None:
    assert json.loads(target_input({}, EVENT, "", "")) == EVENT
    assert json.loads(target_input({"InputPath": "$.detail"}, EVENT, "", "")) == EVENT["detail"]
    assert target_input({"Input": '{"a":1}'}, EVENT, "", "") == '{"a":1}'


@pytest.mark.parametrize("path", ["detail", "$.detail[?(@.a)]", "$..state", "$.nothing", "$.resources[7]"])
def test_a_path_that_leads_nowhere_is_said(path: str) -> None:
    with pytest.raises(InvalidInputError):
        target_input({"InputPath": path}, EVENT, "", "")
