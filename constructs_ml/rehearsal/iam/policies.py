"""Policy documents, and the decision that they make about a request within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from constructs_ml.rehearsal.iam import conditions
from constructs_ml.rehearsal.iam.conditions import Condition
from constructs_ml.rehearsal.iam.context import Asked, Caller, Context
from constructs_ml.rehearsal.iam.patterns import (
    UnknownKeyError,
    action_pattern,
    arn_pattern,
    filled,
    plain,
    without_variables,
)

_VERSION = "2012-10-17"
# A service is also named for one region: "states.eu-west-1.amazonaws.com".
_REGIONAL = re.compile(r"^([a-z0-9-]+)\.[a-z]{2}(?:-[a-z]+)+-[0-9]\.(amazonaws\.com)(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `principals` is None in a policy of an identity, and else pairs of kind and name."""

    allows: bool
    name: str
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]
    principals: tuple[tuple[str, str], ...] | None = None
    not_principals: bool = False

    def names_action(self, action: str) -> bool:
        """Whether its Action or NotAction covers an action."""
        return any(action_pattern(item).fullmatch(action) for item in self.actions) != self.not_actions

    def names_resource(self, asked: Asked, context: Context) -> bool:
        """Whether its Resource or NotResource covers the resource. May raise `UnknownKeyError`."""
        if not asked.resources or not self.resources:
            return True
        patterns = [text for item in self.resources if (text := filled(item, context)) is not None]
        return any(
            any(arn_pattern(text).fullmatch(arn) for text in patterns) != self.not_resources for arn in asked.resources
        )

    def names_caller(self, caller: Caller) -> str:
        """How it names the caller: "session", "role", "account" (which delegates to its policies), or not ("")."""
        if self.principals is None:
            return "role"
        found = {_relation(kind, plain(name), caller) for kind, name in self.principals} - {""}
        if self.not_principals:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
            spared = found >= {"session", "role", "account"} or "anyone" in found or "service" in found
            return "" if spared else "role"
        if found & {"role", "anyone", "service"}:
            return "session" if "session" in found else "role"
        return next((item for item in ("session", "account") if item in found), "")


def _relation(kind: str, name: str, caller: Caller) -> str:
    if name == "*" and kind in ("AWS", "*"):
        return "anyone"
    if kind == "Service":
        return "service" if not caller.role and _REGIONAL.sub(r"\1.\2", name) == caller.service else ""
    if kind != "AWS" or not caller.role:
        return ""
    known = {caller.role: "role", caller.session: "session", caller.root: "account", caller.account: "account"}
    return known.get(name, "")


@dataclass(frozen=True, slots=True)
class Policy:
    """A document where it applies: `kind` is "identity", "resource", "boundary" or "session"; `name` is for people."""

    kind: str
    name: str
    statements: tuple[Statement, ...]


@lru_cache(maxsize=2048)
def read(text: str) -> tuple[Statement, ...]:
    """The statements of a document. Raises `ValueError` for one that IAM would refuse."""
    document = json.loads(text)
    if document.get("Version") != _VERSION:
        document = json.loads(without_variables(text))
    return tuple(_statement(item, number) for number, item in enumerate(_many(document.get("Statement", ())), start=1))


def policy(kind: str, name: str, document: Any) -> Policy:
    """A policy of a document, which is a text or a mapping."""
    return Policy(kind, name, read(document if isinstance(document, str) else json.dumps(document)))


def _statement(given: Mapping[str, Any], number: int) -> Statement:
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise ValueError(f"the effect of a statement is {effect!r}; Allow or Deny is needed")
    principals = given.get("Principal", given.get("NotPrincipal"))
    return Statement(
        allows=effect == "Allow",
        name=given.get("Sid") or f"statement {number}",
        actions=tuple(_many(given.get("Action", given.get("NotAction", ())))),
        not_actions="NotAction" in given,
        resources=tuple(_many(given.get("Resource", given.get("NotResource", ())))),
        not_resources="NotResource" in given,
        conditions=conditions.read(given.get("Condition")),
        principals=None if principals is None else tuple(_principals(principals)),
        not_principals="NotPrincipal" in given,
    )


def _principals(given: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(given, Mapping):
        yield "*", str(given)
        return
    for kind, names in given.items():
        for name in _many(names):
            yield kind, str(name)


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one statement speaks to one request: `relation` is how it names the caller, empty where it does not apply.

    `miss` says in words why a statement of the action does not apply; `unknown` is a key that nobody here knows.
    """

    policy: Policy
    statement: Statement
    relation: str = ""
    miss: str = ""
    unknown: str = ""


def readings(asked: Asked, caller: Caller, policies: Sequence[Policy], context: Context) -> list[Reading]:
    """What every statement that covers the action says."""
    return [
        _reading(asked, caller, one, statement, context)
        for one in policies
        for statement in one.statements
        if statement.names_action(asked.action)
    ]


def _reading(asked: Asked, caller: Caller, own: Policy, statement: Statement, context: Context) -> Reading:
    relation = statement.names_caller(caller)
    if not relation:
        return Reading(own, statement, miss="it names other principals")
    try:
        if not statement.names_resource(asked, context):
            known = " or ".join(statement.resources)
            return Reading(own, statement, miss=f"it {_but(statement.not_resources)} {known}")
        failed = _unmet(statement.conditions, context)
    except UnknownKeyError as unknown:
        return Reading(own, statement, miss=f"it depends on {unknown}, which is not known here", unknown=str(unknown))
    if failed is not None:
        has = context(failed.key.lower())
        found = f"the request has {', '.join(has)}" if has else "the request has no such key"
        return Reading(own, statement, miss=f"its condition {failed} is not met: {found}")
    return Reading(own, statement, relation)


def _but(negated: bool) -> str:
    return "is about everything but" if negated else "is about"


def _unmet(block: Sequence[Condition], context: Context) -> Condition | None:
    """The first condition that does not hold; raises `UnknownKeyError` only where no other one fails."""
    unknown: UnknownKeyError | None = None
    for condition in block:
        try:
            if not condition.holds(context):
                return condition
        except UnknownKeyError as error:
            unknown = unknown or error
    if unknown is not None:
        raise unknown
    return None
