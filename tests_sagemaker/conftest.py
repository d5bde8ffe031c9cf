"""The SDK reads the environment when it is imported: this module sets it, so it comes before every test."""

from __future__ import annotations

import tools.sdk_objects as sdk_objects

assert sdk_objects.RECORDED
