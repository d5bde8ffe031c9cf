"""Whether a role allows exactly the calls that a definition's states make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from constructs_ml.compiler.proofs.allowances import ALLOWANCES, Allowance
from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.calls import calls
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS, Substitutions, Text, covers, ends
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, Faults

_NOTHING: Mapping[str, Json] = MappingProxyType({})
_PASSED = "iam:PassedToService"
# Before the part of an ARN that names the resource.
_COLONS = 5
_READABLE = frozenset({"Action", "Condition", "Effect", "Resource", "Sid"})


@dataclass(frozen=True, slots=True)
class _Grant:
    """One action on one resource, as one statement gives it."""

    action: str
    resource: Text
    passed_to: frozenset[str]
    denied: bool

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"

    def matches(self, call: Call) -> bool:
        """Whether this grant decides about a call."""
        granted, called = self.action.lower(), call.action.lower()
        if granted != called and not (_is_wild(granted) and covers(Text((granted,)), Text((called,)))):
            return False
        if self.passed_to and call.passed_to and call.passed_to not in self.passed_to:
            return False
        if call.optional:
            # What nobody has to allow may be allowed in part.
            return not call.resources or any(covers(item.starred, self.resource) for item in call.resources)
        return not call.resources or any(covers(self.resource, resource) for resource in call.resources)

    def is_tight(self, call: Call) -> bool:
        """Whether the grant's wildcards stand only where the call's own text is open."""
        if _is_wild(self.action):
            return False
        if call.optional or not call.resources:
            return True
        own = ends(self.resource, wild=True)
        return any(ends(resource, wild=False) == own for resource in call.resources)


def prove_role(
    definition: Mapping[str, Json],
    policies: Json,
    *,
    substitutions: Mapping[str, Json] = _NOTHING,
    known: Mapping[str, Json] = _NOTHING,
    machine: Json = None,
    declared: Sequence[Mapping[str, Json]] = (),
    allowances: Iterable[Allowance] = ALLOWANCES,
    where: str = "",
) -> tuple[Fault, ...]:
    """Every call that `policies` (documents or statements) do not allow, and everything they allow beside the calls.

    `substitutions` maps the `${Name}` of the definition to CloudFormation values, `known` gives names of the
    template a value on both sides, and `machine` is the ARN of the state machine itself; all are those of `calls`.
    `declared` are statements that someone answers for by hand, such as the permissions of a RawState; `allowances`
    are what others do for the state machine.

    Limits: ARNs are compared as texts. A name that CloudFormation fills in equals only itself, so a bucket's `Ref`
    and its `Arn` attribute are two things; what a run decides is covered by `*` alone. Of conditions only
    `iam:PassedToService` is read, the others are taken to hold. A wildcard counts as wider than the calls when it
    begins before, or ends after, the open part of each call's ARN; inside that part it may match more.
    """
    made = calls(definition, substitutions=substitutions, known=known, machine=machine)
    return prove_calls(made, policies, known=known, declared=declared, allowances=allowances, where=where)


def prove_calls(
    made: Sequence[Call],
    policies: Json,
    *,
    known: Mapping[str, Json] = _NOTHING,
    declared: Sequence[Mapping[str, Json]] = (),
    allowances: Iterable[Allowance] = ALLOWANCES,
    where: str = "",
) -> tuple[Fault, ...]:
    """The same for calls that are known, whatever makes them."""
    faults, place = Faults(), where or "role"
    texts = NO_SUBSTITUTIONS.inside(known)
    given = list(_grants(policies, texts, place, faults))
    allowed, denied = [item for item in given if not item.denied], [item for item in given if item.denied]
    _check_calls(made, allowed, denied, place, faults)
    by_hand = {_key(item) for item in _grants(list(declared), texts, place, faults)}
    free = [item for item in allowances if not item.with_calls or any(call.action in item.with_calls for call in made)]
    by_action: dict[str, list[Call]] = {}
    for call in made:
        by_action.setdefault(call.action.lower(), []).append(call)
    for item in allowed:
        if _key(item) not in by_hand and not any(_is_allowance(item, allowance) for allowance in free):
            near = made if _is_wild(item.action) else by_action.get(item.action.lower(), ())
            _check_use(item, near, place, faults)
    return tuple(faults.found)


def _check_calls(
    made: Iterable[Call], allowed: Iterable[_Grant], denied: Sequence[_Grant], place: str, faults: Faults
) -> None:
    """Every call that somebody has to allow is allowed, and none is denied."""
    by_action: dict[str, list[_Grant]] = {}
    for item in allowed:
        by_action.setdefault("*" if _is_wild(item.action) else item.action.lower(), []).append(item)
    for call in made:
        if call.optional:
            continue
        named = by_action.get(call.action.lower(), [])
        missed = not any(item.matches(call) for item in (*named, *by_action.get("*", ())))
        if missed or any(item.matches(call) for item in denied):
            got = "a Deny" if not missed else [str(item) for item in named] or f"no statement for {call.action}"
            faults.add("role-missing", where=place, got=got, allowed=str(call), action=call.action, state=call.where)


def _check_use(grant: _Grant, near: Sequence[Call], place: str, faults: Faults) -> None:
    """A grant serves some call of its action, and is no wider than the widest call that it serves."""
    served = [call for call in near if grant.matches(call)]
    if not served:
        same = [str(call) for call in near if call.action.lower() == grant.action.lower()]
        faults.add("role-idle", where=place, got=str(grant), allowed=same or "nothing", action=grant.action)
    elif not any(grant.is_tight(call) for call in served):
        faults.add(
            "role-wide", where=place, got=str(grant), allowed=[str(call) for call in served], action=grant.action
        )
    elif any(call.passed_to for call in served) and not grant.passed_to:
        allowed = f"a condition on {_PASSED}: {', '.join(sorted({call.passed_to for call in served}))}"
        faults.add("role-wide", where=place, got=f"{grant} without {_PASSED}", allowed=allowed, action=grant.action)


def _grants(policies: Json, texts: Substitutions, place: str, faults: Faults) -> Iterator[_Grant]:
    """Each action on each resource that documents or statements name."""
    for statement in _statements(policies):
        beyond = sorted(set(statement) - _READABLE)
        if beyond or statement.get("Effect") not in ("Allow", "Deny"):
            got = ", ".join(beyond) or f"Effect {statement.get('Effect')!r}"
            faults.add("role-statement", where=place, got=got, allowed="Effect, Action, Resource, Condition")
            continue
        condition = statement.get("Condition") or {}
        services = frozenset(
            str(service)
            for test in condition.values()
            if isinstance(test, Mapping)
            for service in _many(test.get(_PASSED, ()))
        )
        for action in _many(statement.get("Action", ())):
            for resource in _many(statement.get("Resource", ())):
                yield _Grant(str(action), texts.flatten(resource), services, statement["Effect"] == "Deny")


def _statements(policies: Json) -> Iterator[Mapping[str, Json]]:
    """Documents, statements and lists of them as single statements."""
    if isinstance(policies, (list, tuple)):
        for item in policies:
            yield from _statements(item)
    elif isinstance(policies, Mapping):
        if "Statement" in policies:
            yield from _statements(policies["Statement"])
        else:
            yield policies


def _is_allowance(grant: _Grant, allowance: Allowance) -> bool:
    if grant.action not in allowance.actions or (allowance.passed_to and grant.passed_to != {allowance.passed_to}):
        return False
    literal = "".join(part if isinstance(part, str) else "-" for part in grant.resource.parts)
    if allowance.below and literal.count(":") >= _COLONS:
        service, names = literal.split(":")[2], literal.split(":", _COLONS)[_COLONS].split("/")
        # Outside of S3, an ARN's first name is the kind of the resource.
        return not (names if service == "s3" else names[1:] or names)[0].startswith(("*", "?"))
    return allowance.anywhere or not _is_wild(literal)


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _key(grant: _Grant) -> tuple[str, Text, frozenset[str], bool]:
    return (grant.action.lower(), grant.resource, grant.passed_to, grant.denied)


def _many(value: Json) -> Sequence[Json]:
    return value if isinstance(value, (list, tuple)) else (value,)
