"""The environment of this process while an account is open: nothing in it leads to a real one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import boto3

_KEPT = ("AWS_CA_BUNDLE",)
_NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
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
