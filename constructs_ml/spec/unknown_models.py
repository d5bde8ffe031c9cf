"""What an account says of models that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from constructs_ml.faults import Fault, fault
from constructs_ml.spec.account import Account


def unknown_models(account: Account, names: Sequence[str]) -> tuple[list[Fault], list[Fault]]:
    """The account's entries that none of the models bears: those nearly one of `names`, and the others."""
    misspelt, others = list[Fault](), list[Fault]()
    where = f"{account.where or f'account {account.stage!r}'}: models"
    for name in sorted(set(account.models) - set(names)):
        near = get_close_matches(name, names, n=1)
        got = f"{name} (did you mean {near[0]}?)" if near else name
        found = fault("model-unknown", where=where, got=got, allowed=tuple(names))
        (misspelt if near else others).append(found)
    return misspelt, others
