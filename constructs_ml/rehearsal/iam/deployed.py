"""The policies that are deployed: of roles, buckets, keys, functions, topics and queues, as moto keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend

from constructs_ml.rehearsal.iam.decisions import Standing
from constructs_ml.rehearsal.iam.policies import Policy, policy


@dataclass(frozen=True, slots=True)
class DeployedRole:
    """A role and the policies that apply to its calls. `trust` is who may assume it."""

    arn: str
    id: str
    tags: dict[str, str]
    identity: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None
    trust: Policy


class Deployed:
    """What stands in an account. Documents are read once for all; which ones apply is looked up for each call."""

    def __init__(self, account: str, partition: str) -> None:
        self._account, self._partition = account, partition
        self._by_name: dict[str, Any] = {}

    def role(self, arn: str) -> DeployedRole | None:
        """A role by its ARN, or None where the account has none of that ARN."""
        found = self._role(arn.rpartition("/")[2])
        if found is None or found.arn != arn:
            return None
        identity = [policy("identity", f"policy {name}", text) for name, text in found.policies.items()]
        identity += [policy("identity", f"policy {own.name}", _default(own)) for own in found.managed_policies.values()]
        trust = policy("resource", f"the trust policy of {found.name}", found.assume_role_policy_document)
        tags = {tag["Key"]: tag["Value"] for tag in found.tags or ()}
        return DeployedRole(found.arn, found.id, tags, tuple(identity), self._boundary(found), trust)

    def roles(self) -> Iterator[DeployedRole]:
        """Every role."""
        for found in list(self._iam.roles.values()):
            read = self.role(found.arn)
            if read is not None:
                yield read

    def of_resource(self, arn: str, region: str) -> Policy | None:
        """The policy of a bucket, key, function, topic or queue; None where it has none."""
        service, resource = arn.split(":", 5)[2::3]
        reader = {
            "s3": self._bucket,
            "kms": self._key,
            "lambda": self._function,
            "sns": self._topic,
            "sqs": self._queue,
        }
        try:
            document = reader[service](resource, arn, region) if service in reader else None
        except KeyError:
            return None
        return policy("resource", f"the policy of {arn}", document) if document else None

    def key(self, name: str, region: str) -> str:
        """The ARN of a key by its id, alias or ARN; empty where the account has no such key."""
        backend = self._backend("kms", region)
        if "alias/aws/" in name:
            return ""  # AWS's own key lets everybody in who comes through its service
        try:
            resource = name.split(":", 5)[5] if name.startswith("arn:") else name
            found = backend.describe_key(resource.removeprefix("key/"))
        except Exception:  # noqa: BLE001 - each of moto's exceptions says that there is none
            return ""
        return str(found.arn)

    def standing(self, role: DeployedRole, arn: str, region: str) -> Standing:
        """The policies around a request of a role on a resource."""
        own = self.of_resource(arn, region) if arn.startswith("arn:") else None
        named = arn.startswith("arn:") and arn.split(":", 5)[2] == "kms" and own is not None
        return Standing(role.identity, (own,) if own else (), role.boundary, None, must_name=named)

    @property
    def _iam(self) -> Any:
        return get_backend("iam")[self._account][self._partition]

    def _backend(self, service: str, region: str) -> Any:
        return get_backend(service)[self._account][region]

    def _role(self, name: str) -> Any:
        backend = self._iam
        found = self._by_name.get(name)
        if found is None or backend.roles.get(found.id) is not found:
            found = next((role for role in list(backend.roles.values()) if role.name == name), None)
            self._by_name[name] = found
        return found

    def _boundary(self, role: Any) -> tuple[Policy, ...] | None:
        arn = role.permissions_boundary_arn
        if not arn:
            return None
        found = self._iam.managed_policies.get(arn)
        # A boundary that does not exist allows nothing.
        return (policy("boundary", f"boundary {found.name}", _default(found)),) if found is not None else ()

    def _bucket(self, resource: str, _: str, __: str) -> Any:
        bucket = get_backend("s3")[self._account][self._partition].buckets[resource.partition("/")[0]]
        return bucket.policy.decode() if bucket.policy else None

    def _key(self, resource: str, _: str, region: str) -> Any:
        return self._backend("kms", region).keys[resource.removeprefix("key/")].policy

    def _function(self, _: str, arn: str, region: str) -> Any:
        name = arn.split(":")[6]
        functions = self._backend("lambda", region)
        found = next((own for own in functions.list_functions() if own.function_name == name), None)
        statements = found.policy.statements if found is not None else ()
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else None

    def _topic(self, _: str, arn: str, region: str) -> Any:
        return self._backend("sns", region).topics[arn].policy

    def _queue(self, resource: str, _: str, region: str) -> Any:
        return self._backend("sqs", region).queues[resource].policy


def _default(managed: Any) -> Any:
    """The document of a managed policy's default version."""
    return next(version.document for version in managed.versions if version.version_id == managed.default_version_id)
