"""Faults of one account's settings: errors on its own constructs, so that other stages still synthesize."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aws_cdk import Annotations
from constructs import Construct

from constructs_ml.compiler.template import Compiled
from constructs_ml.faults import AccountError


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a construct compiled to, or why its account cannot carry it."""

    compiled: Compiled | None
    refused: AccountError | None = None


def attempt(scope: Construct, compile: Callable[[], Compiled]) -> Attempt:
    """Compile; a fault of the account becomes an error annotation on `scope`, every other error is raised.

    Notices become warnings, which can be acknowledged by their ids.
    """
    try:
        compiled = compile()
    except AccountError as refused:
        for fault in refused.faults:
            Annotations.of(scope).add_error(str(fault))
        return Attempt(None, refused)
    for notice in compiled.notices:
        Annotations.of(scope).add_warning_v2(notice.id, notice.text)
    return Attempt(compiled)
