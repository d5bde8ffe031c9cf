"""What a rehearsal answers to who asks it: an endpoint's answer, or that nothing came."""

from __future__ import annotations

from dataclasses import dataclass


class RehearsalTimeout(Exception):  # noqa: N818 - what happened until then is in the text
    """What was waited for did not come; the text holds the last things that happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: the body as text, its content type, and the variant that made it."""

    body: str
    content_type: str
    variant: str
