"""The settings of each function: one class writes its environment at synth and reads it at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping


@dataclass(frozen=True)
class LogRetentionSettings:
    """Which log groups get a retention, and how many days it is."""

    prefix: str
    days: int

    def to_environment(self) -> Dict[str, str]:
        return {"LOG_GROUP_PREFIX": self.prefix, "RETENTION_DAYS": str(self.days)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "LogRetentionSettings":
        """Raises KeyError or ValueError for an environment that this class did not write."""
        return cls(environment["LOG_GROUP_PREFIX"], int(environment["RETENTION_DAYS"]))
