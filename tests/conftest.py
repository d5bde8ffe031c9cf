"""Every test runs without credentials, and with the node that the make targets use."""

from __future__ import annotations

import os

from tools.environment import forget_credentials
from tools.node import find

forget_credentials()
os.environ.setdefault("JSII_NODE", str(find()))
os.environ.setdefault("CDK_VALIDATION", "false")
