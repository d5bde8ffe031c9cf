"""The environment of this process without anything that leads to a real AWS account."""

from __future__ import annotations

import os

_KEPT = ("AWS_CA_BUNDLE",)


def without_credentials() -> dict[str, str]:
    """A copy of the environment in which no credentials, profile or endpoint of AWS stands."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_") or key in _KEPT}


def forget_credentials() -> None:
    """Take them out of this process too: botocore reads the profile as soon as it is imported."""
    kept = without_credentials()
    for key in set(os.environ) - set(kept):
        del os.environ[key]
