"""The environment of this process while an account is open: nothing in it leads to a real one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

import boto3

_KEPT = ("AWS_CA_BUNDLE",)
_NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# What leads a client of AWS past AWS_ENDPOINT_URL, or to other keys:
# https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
_ELSEWHERE = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)


def staying(declared: Mapping[str, str]) -> dict[str, str]:
    """The variables that a job or a function declares, without those that lead out of the account."""
    return {
        name: value
        for name, value in declared.items()
        if name.upper() not in _ELSEWHERE and not name.upper().startswith("AWS_ENDPOINT_URL")
    }


@contextlib.contextmanager
def without_credentials() -> Iterator[None]:
    """Take every credential, profile and endpoint of AWS out of the environment, and put them back at the end.

    boto3's default session goes too: one that was made before has read its keys already.

    Our own clients need none of them; moto's backends make clients of their own, and read the profile.
    """
    taken = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("AWS_") and key not in _KEPT}
    os.environ.update(_NOWHERE)
    session, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, None
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = session
        for key in _NOWHERE:
            os.environ.pop(key, None)
        os.environ.update(taken)
