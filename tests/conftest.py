"""Node for the tests that need it: JSII_NODE, unless it is set already."""

from __future__ import annotations

import os

from tools.node import find

os.environ.setdefault("JSII_NODE", str(find()))
os.environ.setdefault("CDK_VALIDATION", "false")
