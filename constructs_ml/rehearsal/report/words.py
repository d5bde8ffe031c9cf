"""Names and texts as people read them: job names without their UUIDs, ARNs and images without their beginnings."""

from __future__ import annotations

import re

_UUID = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-(\d+))?\b")
_ARN = re.compile(r"\barn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d*:")
_IMAGE = re.compile(r"\b\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/")


def short(text: str) -> str:
    """A name or a sentence without what nobody reads: "churn-train-0b5f...-1" is "churn-train (attempt 2)"."""
    return _IMAGE.sub("", _ARN.sub("", _UUID.sub(_attempt, text)))


def _attempt(found: re.Match[str]) -> str:
    number = int(found[1] or 0)
    return f" (attempt {number + 1})" if number else ""


def lasted(seconds: float) -> str:
    """How long, in words: "250 ms", "3.4 s", "2 min 5 s"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
