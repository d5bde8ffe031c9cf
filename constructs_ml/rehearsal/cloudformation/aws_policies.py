"""AWS's own managed policies: moto has their texts, and reads all of them or none; here each is known once named."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.core.base_backend import BackendDict
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount


def know_policy(account: EmbeddedAccount, call: Call) -> None:
    """Let IAM know a policy of AWS's that a call names; for `gate.before`."""
    if call.service != "iam":
        return
    for member in ("PolicyArn", "PermissionsBoundary"):
        arn = str(call.parameters.get(member) or "")
        if ":iam::aws:policy/" in arn:
            _know(account, arn)


def _know(account: EmbeddedAccount, arn: str) -> None:
    backends: BackendDict = iam_backends
    backend = backends[account.id][account.partition]
    data = _data().get(arn.rpartition("/")[2])
    if arn not in backend.managed_policies and data is not None:
        policy = AWSManagedPolicy.from_data(arn.rpartition("/")[2], account.id, account.partition, data)
        if policy.arn == arn:
            backend.managed_policies[arn] = policy


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found
