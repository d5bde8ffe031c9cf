"""An account with every part, in which each documented integration of SageMaker is run once; and how kinds compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.parts import Parts, make_parts
from tests.rehearsal.jobs_data import SKLEARN, archive
from tests.rehearsal.machines import machine, run, task

INTEGRATIONS = json.loads((Path(__file__).parent / "recorded" / "sagemaker_integrations.json").read_text())
BUCKET = "documented"
ROLE = "arn:aws:iam::111111111111:role/jobs"
CALLS = [key for key in INTEGRATIONS if key != "about"]
_TRAIN = """
import os
print(f"loss={os.environ.get('SM_HP_ALPHA', '0.5')};")
open(os.environ["SM_MODEL_DIR"] + "/offset", "w").write("1")
"""
_PROCESS = "open('/opt/ml/processing/output/out/a.txt', 'w').write('a')"
_INFERENCE = """
def model_fn(folder): return open(folder + '/offset').read()
def input_fn(body, content_type): return body
def predict_fn(body, offset): return offset
def output_fn(answer, accept): return answer, 'text/csv'
"""


@dataclass
class Ran:
    """What reached the gate, what executions ended with and what the bus was told, by integration or detail type."""

    account: EmbeddedAccount
    parts: Parts
    calls: list[Call] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def output(self, call: str) -> Any:
        assert self.found[call]["status"] == "SUCCEEDED", self.found[call]
        return json.loads(self.found[call]["output"])

    def told(self, kind: str) -> dict[str, Any]:
        """The last event of a detail type."""
        return next(event for event in reversed(self.events) if event["detail-type"] == kind)


def opened() -> Ran:
    """An account with every part, not open yet."""
    account = EmbeddedAccount("111111111111", "eu-central-1", acceleration=600)
    ran = Ran(account, make_parts(account))
    account.buses.append(ran.events.append)
    account.gate.before.append(ran.calls.append)
    return ran


def prepare(ran: Ran) -> None:
    """Roles that may do all, data and code."""
    iam, s3 = ran.account.client("iam"), ran.account.client("s3")
    services = [f"{name}.amazonaws.com" for name in ("sagemaker", "states", "scheduler")]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for name in ("jobs", "states"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_policy(allowed))
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ran.account.region})
    objects = {"train.tar.gz": archive(train_py=_TRAIN), "inference.tar.gz": archive(inference_py=_INFERENCE)}
    objects |= {"process.py": _PROCESS.encode(), "broken.tar.gz": archive(train_py="raise ValueError('no')")}
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=f"code/{key}", Body=body)
    s3.put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"1,2\n")


def parameters(call: str) -> dict[str, Any]:
    """The documented input of an integration, filled in and with what it takes to run here."""
    known = INTEGRATIONS[call]
    text = json.dumps([known["example"], known["more"]])
    for word, value in {"bucket": BUCKET, "role": ROLE, "image": SKLEARN}.items():
        text = text.replace(f"{{{word}}}", value)
    given, more = json.loads(text)
    for path, value in more.items():
        *above, last = path.split(".")
        place = given
        for part in above:
            place = place[part]
        place[last] = value
    return dict(given)


def run_all(ran: Ran) -> None:
    """Each integration in its turn; the later ones need what the earlier ones made."""
    variants = parameters("sagemaker:createEndpointConfig") | {"EndpointConfigName": "other-config"}
    for number, call in enumerate(CALLS):
        if call == "sagemaker:updateEndpoint":
            ran.account.client("sagemaker").create_endpoint_config(**variants)
            in_service(ran)
        ran.found[call] = run(ran.account, machine(("Call", task(call, parameters(call)))), name=f"run-{number}")
    in_service(ran)


def in_service(ran: Ran) -> None:
    client = ran.account.client("sagemaker")
    look = lambda: client.describe_endpoint(EndpointName="endpoint")["EndpointStatus"] == "InService"  # noqa: E731
    assert ran.account.clock.poll(look, 20)


def kind(value: Any) -> str:
    """The kind of a JSON value."""
    names = {dict: "object", list: "list", str: "text", bool: "truth", type(None): "null"}
    return names.get(type(value), "number")


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
