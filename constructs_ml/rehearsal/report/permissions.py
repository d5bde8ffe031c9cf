"""What IAM saw, for the page: denied, used, never used, and what was not decided."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.rehearsal.iam import Summary
from constructs_ml.rehearsal.iam.usage import Denied, RoleUse
from constructs_ml.rehearsal.report.markup import Markup, code, folded, html, listed, section, table

_UNCHECKED = "Calls of these roles were let through without being checked: CDK's own, and CloudFormation's."
_LOOSE = "These actions were checked for some resource, not for a certain one: the request does not tell which it is."
_UNDECIDED = (
    "These statements deny where a condition key has a certain value, which nobody knows here; they were taken not to"
    " apply. Look at them by hand."
)


def permissions(iam: Summary) -> Iterator[str]:
    """The sections, those that need a hand first."""
    heads = ("role", "action", "resource", "times", "what AWS would say", "what to add")
    rows = table(heads, (_denied(item) for item in iam.denied))
    note = "Each is a call that AWS would refuse. The statement beside it is what its policy lacks."
    yield section("Denied calls", rows, note=note, count=len(iam.denied))
    roles = [role for role in iam.roles if role.calls]
    used = table(("role", "calls", "actions"), (_used(role) for role in roles))
    yield section("Permissions used", used, count=sum(len(role.calls) for role in roles), open=False)
    idle = [role for role in iam.roles if role.unused]
    rows = "".join(_unused(role) for role in idle)
    note = "Allowed, and not needed in this rehearsal. Those without a reason may be too much, or nothing tried them."
    yield section("Permissions never used", rows, note=note, count=sum(len(role.unused) for role in idle), open=False)
    said = ((_UNCHECKED, map(name_of, iam.unchecked)), (_LOOSE, iam.loose), (_UNDECIDED, iam.undecided))
    asked = "".join(f"<p>{html(words)}</p>{shown}" for words, items in said if (shown := listed(items)))
    yield section("Not decided by the rehearsal", asked, open=False)


def name_of(arn: str) -> str:
    """A role's name."""
    return arn.rpartition("/")[2]


def _denied(item: Denied) -> tuple[object, ...]:
    said = html(item.message)
    if item.near:
        said = Markup(said + folded("why no statement allows it", listed(item.near)))
    add = code(item.missing) or html(f"a statement denies it: {item.denied_by}" if item.denied_by else "")
    where = html(f"in its {item.missing_in} policy") if item.missing_in and item.missing else Markup()
    return name_of(item.role), item.action, item.resource, item.times, said, Markup(add + where)


def _used(role: RoleUse) -> tuple[object, ...]:
    rows = table(("action", "calls"), role.calls)
    return name_of(role.role), sum(calls for _, calls in role.calls), folded(f"{len(role.calls)} actions", rows)


def _unused(role: RoleUse) -> str:
    rows = (
        (item.statement or item.policy, item.action, ", ".join(item.resources), item.because or "no call needed it")
        for item in role.unused
    )
    open_ = sum(not item.because for item in role.unused)
    title = f"{name_of(role.role)}: {len(role.unused)}, {open_} without a reason"
    return folded(title, table(("statement", "action", "resources", "why"), rows))
