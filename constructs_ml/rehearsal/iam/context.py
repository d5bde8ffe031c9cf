"""Who asks for what under which circumstances: what policies are evaluated against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from constructs_ml.rehearsal.principals import Principal

Values = Mapping[str, tuple[str, ...]]
"""Condition keys and their values; an empty tuple is a key that the request is known not to have."""

# Global keys that a call of a role's session to a public address never has.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_ABSENT = (
    *("aws:username", "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"),
    *("aws:federatedprovider", "aws:multifactorauthage", "aws:multifactorauthpresent", "aws:sourceidentity"),
    *("aws:principalservicename", "aws:principalservicenameslist", "aws:referer"),
)
_TAGS = frozenset({"aws:resourcetag", "iam:resourcetag", "sagemaker:resourcetag"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One IAM action on one resource, and what is known of the request.

    `resources` are the spellings that the resource may have; none means that its ARN is not known, and then every
    statement of the action is taken to fit. `context` are condition keys. `families` are prefixes such as
    "aws:requesttag" of which every key is known: one that `context` lacks is absent.
    """

    action: str
    resources: tuple[str, ...] = ("*",)
    context: Values = field(default_factory=dict)
    families: frozenset[str] = frozenset()

    @property
    def resource(self) -> str:
        """The resource, for people."""
        return self.resources[0] if self.resources else "?"


@dataclass(frozen=True, slots=True)
class Caller:
    """A session of a role, or an AWS service that calls for itself (`role` is empty).

    `tags` are the role's, `values` what is known of every call that it makes.
    """

    account: str
    partition: str
    role: str = ""
    session: str = ""
    service: str = ""
    values: Values = field(default_factory=dict)

    @classmethod
    def of(cls, principal: Principal, account: str, partition: str, values: Values) -> Caller:
        """The caller behind a principal of the gate."""
        name = principal.role.rpartition("/")[2]
        session = f"arn:{partition}:sts::{account}:assumed-role/{name}/{principal.session or 'session'}"
        return cls(account, partition, principal.role, session if principal.role else "", principal.service, values)

    def __str__(self) -> str:
        return self.session or self.service

    @property
    def root(self) -> str:
        """The ARN that stands for the whole account."""
        return f"arn:{self.partition}:iam::{self.account}:root"


@dataclass(frozen=True, slots=True)
class Context:
    """The condition keys of one request."""

    caller: Caller
    asked: Asked
    now: tuple[str, str] = ("", "")
    tags: Callable[[str], Mapping[str, str] | None] = lambda _: None

    def __call__(self, key: str) -> tuple[str, ...] | None:
        """The values of a key in small letters: none where it is absent, None where nobody here knows it."""
        for values in (self.asked.context, self.caller.values):
            if key in values:
                return values[key]
        if key == "aws:currenttime":
            return (self.now[0],)
        if key == "aws:epochtime":
            return (self.now[1],)
        family, _, name = key.partition("/")
        if self.caller.role and (key in _ABSENT or family == "aws:principaltag"):
            return ()
        if family in self.asked.families:
            return ()
        if family in _TAGS:
            tags = self.tags(self.asked.resource)
            return None if tags is None else tuple(value for own, value in tags.items() if own.lower() == name)
        return None


def role_values(
    caller_role: str, role_id: str, session: str, account: str, region: str, tags: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """What is known of each call of a role's session. The transport is not rehearsed: it counts as secure."""
    known = {
        "aws:principalarn": caller_role,
        "aws:principalaccount": account,
        "aws:principaltype": "AssumedRole",
        "aws:userid": f"{role_id}:{session}",
        "aws:principalisawsservice": "false",
        "aws:viaawsservice": "false",
        "aws:securetransport": "true",
        "aws:requestedregion": region,
    }
    known |= {f"aws:principaltag/{key.lower()}": value for key, value in tags.items()}
    return {key: (value,) for key, value in known.items()} | {"aws:calledvia": ()}


def service_values(service: str, source_arn: str, account: str, region: str) -> dict[str, tuple[str, ...]]:
    """What is known of a call that an AWS service makes for a resource of this account.

    The default policy of a topic lets owners of sources in, which EventBridge does not name:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html.
    """
    return {
        "aws:sourceaccount": (account,),
        "aws:sourceowner": () if service == "events.amazonaws.com" else (account,),
        "aws:principalisawsservice": ("true",),
        "aws:viaawsservice": ("false",),
        "aws:securetransport": ("true",),
        "aws:requestedregion": (region,),
        **({"aws:sourcearn": (source_arn,)} if source_arn.startswith("arn:") else {}),
    }
