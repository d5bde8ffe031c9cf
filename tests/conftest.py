"""Importing `tools` forgets all credentials; node is the one that the make targets use."""

from __future__ import annotations

import os

from tools.node import find

os.environ.setdefault("JSII_NODE", str(find()))
os.environ.setdefault("CDK_VALIDATION", "false")
