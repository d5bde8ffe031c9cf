"""An embedded account for each test, closed when it is over."""

from __future__ import annotations

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount

ID, REGION = "111111111111", "eu-central-1"


@pytest.fixture
def account() -> EmbeddedAccount:
    """An account that is not open yet: make the parts that a test needs, then `with account.running():`."""
    return EmbeddedAccount(ID, REGION, acceleration=600)
