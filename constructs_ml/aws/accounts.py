"""Which account a construct is built for: said once on a stage or stack, or given to the construct."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from constructs import Construct, IConstruct

from constructs_ml.aws.places import Place, place_of
from constructs_ml.faults import refuse
from constructs_ml.spec.account import Account

# The beginning of every string that stands for something not known yet.
_UNRESOLVED = "${Token["
_BOUND: WeakKeyDictionary[IConstruct, Account] = WeakKeyDictionary()


def bind_account(scope: IConstruct, account: Account) -> None:
    """Everything below `scope` is built for `account`, unless it says otherwise."""
    _BOUND[scope] = account


def account_of(scope: Construct, given: Account | None = None) -> Account:
    """The account given, or the one bound to the nearest scope above.

    Raises `SpecError` when there is none, or when it contradicts the environment of the stack.
    """
    return account_at(place_of(scope), given)


def account_at(place: Place, given: Account | None) -> Account:
    """The same for a construct whose place is known."""
    account = given or _bound(place.scope)
    record = place.record
    if account is None:
        raise refuse(
            "account-unbound", where=place.path, got="no account", allowed="account=, or bind_account(stage, account)"
        )
    for name, wanted, actual in (("id", account.id, record.account), ("region", account.region, record.region)):
        if wanted and _UNRESOLVED not in actual and wanted != actual:
            raise refuse(
                "account-environment",
                where=place.path,
                got=f"{name} {wanted} of account {account.stage!r}",
                allowed=f"{actual}, as env= of the stack says",
                name=name,
            )
    return account


def _bound(scope: IConstruct) -> Account | None:
    if not _BOUND:
        return None
    for node in reversed(scope.node.scopes):
        if node in _BOUND:
            return _BOUND[node]
    return None
