"""Importing `tools` forgets all credentials; node is the one that the make targets use."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tools.node import find

os.environ.setdefault("JSII_NODE", str(find()))
os.environ.setdefault("CDK_VALIDATION", "false")
# The same examples everywhere, and no verdict that depends on how busy a machine is.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
