"""Custom resources: their function is called as CloudFormation calls it, and answers at the ResponseURL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.provided import PROVIDED
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work

_LONGEST = 3600.0
_TYPE = "AWS::CloudFormation::CustomResource"


def is_custom(type: str) -> bool:
    """Whether a type is a custom resource."""
    return type.startswith("Custom::") or type == _TYPE


class Custom:
    """Every custom resource: those that CDK's own Node.js functions provide are played, the others run."""

    replace: tuple[str, ...] = ("ServiceToken",)
    takes_tags = False

    def supports(self, attribute: str) -> bool:
        return bool(attribute)

    def make(self, work: Work) -> Made:
        return _asked(work, "Create")

    def change(self, work: Work) -> Made:
        return _asked(work, "Update")

    def remove(self, work: Work) -> None:
        _asked(work, "Delete")


CUSTOM = Custom()


def _asked(work: Work, request: str) -> Made:
    provided = PROVIDED.get(work.type)
    if provided is not None:
        return provided(work, request)
    token = work.given("ServiceToken")
    if ":lambda:" not in token:
        raise Failed(f"the rehearsal calls functions only: {work.logical_id} is provided by {token}")
    _check_runtime(work, token)
    inbox = _Inbox(work)
    event = _event(work, request, inbox.url)
    answer = work.client("lambda").invoke(FunctionName=token, Payload=json.dumps(event).encode())
    if answer.get("FunctionError"):
        said = answer["Payload"].read().decode(errors="replace")
        text = f"the function of {work.logical_id} raised instead of answering (CloudFormation would wait an hour)"
        raise Failed(f"{text}: {said}")
    return _answered(work, request, event, inbox.wait(float(work.properties.get("ServiceTimeout", _LONGEST))))


def _event(work: Work, request: str, url: str) -> dict[str, Json]:
    event: dict[str, Json] = {
        "RequestType": request,
        "ServiceToken": work.given("ServiceToken"),
        "ResponseURL": url,
        "StackId": work.stack.id,
        "RequestId": str(uuid4()),
        "LogicalResourceId": work.logical_id,
        "ResourceType": work.type,
        "ResourceProperties": _texts(work.properties),
    }
    if request != "Create":
        event["PhysicalResourceId"] = work.physical_id
    if request == "Update":
        event["OldResourceProperties"] = _texts(work.before)
    return event


def _texts(value: Json) -> Json:
    """Every number and boolean is a text in a custom resource's properties."""
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _answered(work: Work, request: str, event: Mapping[str, Json], answer: Mapping[str, Any]) -> Made:
    for key in ("Status", "RequestId", "StackId", "LogicalResourceId"):
        if not answer.get(key):
            raise Failed(f"Invalid response: the answer of {work.logical_id} has no {key}: {dict(answer)}")
    if answer["RequestId"] != event["RequestId"]:
        raise Failed(f"Invalid response: {work.logical_id} answered another request")
    id = str(answer.get("PhysicalResourceId") or work.physical_id)
    data = answer.get("Data") or {}
    made = Made(id, _flat(data))
    if answer["Status"] != "SUCCESS":
        said = f"Received response status [{answer['Status']}] from custom resource."
        reason = f"{said} Message returned: {answer.get('Reason', '')}"
        raise Failed(reason, made if id and request == "Create" else None)
    if not id and request == "Create":
        raise Failed("CustomResource attribute error: Vendor response doesn't contain PhysicalResourceId")
    return made


def _flat(data: Mapping[str, Any], path: str = "") -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in data.items():
        found[f"{path}{key}"] = value
        if isinstance(value, Mapping):
            found |= _flat(value, f"{path}{key}.")
    return found


def _check_runtime(work: Work, function: str) -> None:
    """A provider in Node.js needs packages that are not here: named, with what is played instead."""
    settings = work.client("lambda").get_function(FunctionName=function)["Configuration"]
    if str(settings.get("Runtime", "")).startswith("nodejs"):
        played = ", ".join(sorted(PROVIDED))
        text = f"{work.logical_id} ({work.type}) is provided by {settings['FunctionName']} in {settings['Runtime']}"
        raise Failed(f"{text}, which the rehearsal does not run; it plays {played}, and runs providers in Python")


class _Inbox:
    """Where a custom resource's function puts its answer: an object of a bucket, written by a signed address."""

    def __init__(self, work: Work) -> None:
        self._work, self._key = work, str(uuid4())
        self._bucket = f"cloudformation-custom-resource-response-{work.account.region.replace('-', '')}"
        client = work.client("s3")
        region = work.account.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            client.head_bucket(Bucket=self._bucket)
        except client.exceptions.ClientError:
            client.create_bucket(Bucket=self._bucket, **place)
        about = {"Bucket": self._bucket, "Key": self._key}
        self.url: str = client.generate_presigned_url("put_object", Params=about, ExpiresIn=int(2 * _LONGEST))

    def wait(self, seconds: float) -> dict[str, Any]:
        """The answer. `Failed` when none came in time."""
        client, found = self._work.client("s3"), {}

        def there() -> bool:
            try:
                body = client.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()
            except client.exceptions.ClientError:
                return False
            found.update(json.loads(body))
            return True

        clock = self._work.account.clock
        if not clock.poll(there, seconds / clock.acceleration):
            text = "CloudFormation did not receive a response from your Custom Resource within"
            raise Failed(f"{text} {seconds:.0f} s. Please check your logs for the function of {self._work.logical_id}.")
        client.delete_object(Bucket=self._bucket, Key=self._key)
        return found
