"""Whether a request is allowed: all policies that apply to it, in the order in which AWS asks them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html and,
for keys and trust, https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs_ml.rehearsal.iam.context import Asked, Caller, Context
from constructs_ml.rehearsal.iam.policies import Policy, Reading, readings

_WORDS = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """The policies around one request.

    `boundary` and `session` are None where there is none. `must_name` says that the resource's own policy has to
    allow, or to delegate to the account's policies: so it is with keys and with the trust of roles.
    """

    identity: tuple[Policy, ...] = ()
    resource: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None
    must_name: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request.

    `why` is the end of AWS's message, `lacking` the kind of policy that does not allow or that denies. `used` are the
    statements that allowed, `near` says in words why others did not, `unknown` are keys that would have decided, and
    `open` are statements that would deny if such a key had a certain value.
    """

    allowed: bool
    why: str = ""
    lacking: str = ""
    denied_by: str = ""
    used: tuple[Reading, ...] = ()
    near: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


def decide(context: Context, standing: Standing) -> Decision:
    """The decision of AWS within one account."""
    asked, caller = context.asked, context.caller
    said = {
        "identity": readings(asked, caller, standing.identity, context),
        "resource": readings(asked, caller, standing.resource, context),
        "boundary": readings(asked, caller, standing.boundary or (), context),
        "session": readings(asked, caller, standing.session or (), context),
    }
    every = [reading for group in said.values() for reading in group]
    near = tuple(_near(reading) for reading in every if reading.miss)
    unknown = tuple(dict.fromkeys(reading.unknown for reading in every if reading.unknown))
    for kind, group in said.items():
        for reading in group:
            if reading.relation and not reading.statement.allows:
                by = f"{reading.statement.name} of {reading.policy.name}"
                why = f"with an explicit deny in {_article(_WORDS[kind])}"
                return Decision(False, why, kind, by, (), near, unknown)
    lacking = _lacking(said, standing)
    if lacking == "identity" and not caller.role:
        lacking = "resource"
    if lacking:
        why = f"because no {_WORDS[lacking]} allows the {asked.action} action"
        return Decision(False, why, lacking, "", (), near, unknown)
    used = tuple(reading for reading in every if _allows(reading))
    return Decision(True, used=used, near=near, unknown=unknown, open=tuple(_near(r) for r in every if _is_open(r)))


def _lacking(said: Mapping[str, list[Reading]], standing: Standing) -> str:
    """The kind of policy without whose allowance the request fails, or nothing."""
    own = any(_allows(reading) for reading in said["identity"])
    named = {reading.relation for reading in said["resource"] if _allows(reading)}
    direct = bool(named & {"role", "session"})
    if not direct and not own:
        return "resource" if standing.must_name and not named else "identity"
    if standing.must_name and not direct and "account" not in named:
        return "resource"
    if "session" in named:
        # A resource's policy that names the session itself is not limited by boundary and session policies.
        return ""
    for kind, limit in (("boundary", standing.boundary), ("session", standing.session)):
        if limit is not None and not any(_allows(reading) for reading in said[kind]):
            return kind
    return ""


def _allows(reading: Reading) -> bool:
    return bool(reading.relation) and reading.statement.allows


def _is_open(reading: Reading) -> bool:
    return bool(reading.unknown) and not reading.statement.allows


def _near(reading: Reading) -> str:
    verb = "allows" if reading.statement.allows else "denies"
    return f"{reading.statement.name} of {reading.policy.name} {verb} it, but {reading.miss}"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def missing(asked: Asked, caller: Caller, lacking: str) -> dict[str, Any]:
    """The statement to add: to the role or its boundary, or to the resource's own policy."""
    resource = asked.resources[0] if asked.resources else "*"
    statement: dict[str, Any] = {"Effect": "Allow", "Action": asked.action, "Resource": resource}
    passed = asked.context.get("iam:passedtoservice")
    if passed:
        statement["Condition"] = {"StringEquals": {"iam:PassedToService": passed[0]}}
    if lacking == "resource":
        statement["Principal"] = {"AWS": caller.role} if caller.role else {"Service": caller.service}
        if asked.action.startswith("kms:"):
            statement["Resource"] = "*"
    return statement
