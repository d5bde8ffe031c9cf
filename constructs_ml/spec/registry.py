"""RegistrySpec: where the versions of a model are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySpec:
    """The model package group of a model. Who may read it from other accounts stands in the account's settings."""

    description: str = ""
