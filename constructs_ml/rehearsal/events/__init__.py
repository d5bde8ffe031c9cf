"""Events in the embedded account: buses, what S3 tells, what time starts, and alarms."""

from __future__ import annotations

from constructs_ml.rehearsal.events.flow import Events

__all__ = ["Events"]
