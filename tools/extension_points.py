"""Writes docs/extension-points.md: every place where the rehearsal extends moto, and why."""

from __future__ import annotations

from collections.abc import Iterable

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.hooks import CHECKED_WITH, Hook
from constructs_ml.rehearsal.parts import make_parts

_HEAD = f"""# Where the rehearsal extends moto

Written by `python -m tools.extension_points`; checked with {CHECKED_WITH}. Services that are served whole need no place
in moto: each request passes one gate in front of it, which answers it or hands it on. The rest is below. Each place is
looked for when an account is opened, and one that is gone is named before anything runs; when the account closes,
everything is put back.

Served whole: {{services}}. Single operations of other services: {{operations}}.

| what is replaced | why |
|---|---|
"""


def page() -> str:
    """The page."""
    account = EmbeddedAccount("111111111111", "eu-central-1")
    make_parts(account)
    services = ", ".join(f"`{name}`" for name in sorted(account.gate.services))
    operations = ", ".join(f"`{service}:{name}`" for service, name in sorted(account.gate.operations))
    return _HEAD.format(services=services, operations=operations) + "".join(_rows(account.hooks))


def _rows(hooks: Iterable[Hook]) -> Iterable[str]:
    """A row for each reason; places that share one stand together."""
    places: dict[str, list[str]] = {}
    for hook in hooks:
        places.setdefault(hook.why, []).append(f"`{hook.owner}.{hook.attribute}`")
    for why, found in sorted(places.items(), key=lambda item: sorted(item[1])):
        yield f"| {'<br>'.join(sorted(found))} | {why} |\n"


if __name__ == "__main__":
    print(page(), end="")
