"""Patterns of policies: wildcards in actions, resources and values, and the variables of a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

# The parts of an ARN before its resource.
_SEGMENTS = 5
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
_CHARACTERS = frozenset("*?$")

Lookup = Callable[[str], tuple[str, ...] | None]
"""The values of a condition key: none where the request does not have it, None where nobody here knows."""


class UnknownKeyError(Exception):
    """A condition key whose value in this request is not known here."""


@lru_cache(maxsize=8192)
def action_pattern(pattern: str) -> re.Pattern[str]:
    """An action such as "s3:Get*"; letters of either case are equal."""
    return re.compile(_glob(pattern), re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=8192)
def text_pattern(pattern: str) -> re.Pattern[str]:
    """A value with wildcards, as StringLike reads it."""
    return re.compile(_glob(pattern), re.DOTALL)


@lru_cache(maxsize=8192)
def arn_pattern(pattern: str) -> re.Pattern[str]:
    """A resource. A star ends with its segment, unless it is the segment's last character.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    segments = pattern.split(":", _SEGMENTS)
    read = [_glob(item, inner="[^:]*") if number < _SEGMENTS else _glob(item) for number, item in enumerate(segments)]
    return re.compile(":".join(read), re.DOTALL)


def like_arn(pattern: str, arn: str) -> bool:
    """ArnLike and ArnEquals: each of the six parts is compared for itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    wanted, given = pattern.split(":", _SEGMENTS), arn.split(":", _SEGMENTS)
    if len(wanted) <= _SEGMENTS or len(given) <= _SEGMENTS:
        return pattern == "*" or pattern == arn
    return all(text_pattern(own).fullmatch(part) for own, part in zip(wanted, given, strict=True))


def filled(pattern: str, lookup: Lookup) -> str | None:
    """A pattern with its variables in place; None where the request lacks one and no default is given.

    Raises `UnknownKeyError`. A value is taken literally: a star in a tag is no wildcard.
    """
    if "${" not in pattern:
        return pattern
    pieces, end = [], 0
    for match in _VARIABLE.finditer(pattern):
        pieces.append(pattern[end : match.start()])
        end = match.end()
        name, default = match.groups()
        if name in _CHARACTERS:
            pieces.append(_literal(name))
            continue
        values = lookup(name.lower())
        if values is None:
            raise UnknownKeyError(name)
        if not values and default is None:
            return None
        pieces.append(_literal(values[0] if values else default))
    return "".join([*pieces, pattern[end:]])


# Letters of Unicode's private area stand for characters that mean nothing but themselves.
_HIDDEN = {"*": "\ue000", "?": "\ue001"}
_NO_VARIABLE = "\ue002"


def without_variables(text: str) -> str:
    """A text of a policy of version 2008-10-17, in which `${...}` is no variable."""
    return text.replace("${", f"{_NO_VARIABLE}{{")


def plain(text: str) -> str:
    """A filled pattern where wildcards mean nothing, as StringEquals reads it."""
    return text.replace("\ue000", "*").replace("\ue001", "?").replace(_NO_VARIABLE, "$")


def _literal(text: str) -> str:
    """A text whose stars and question marks are hidden from the reading of wildcards."""
    return "".join(_HIDDEN.get(letter, letter) for letter in text)


def _glob(pattern: str, inner: str = ".*") -> str:
    """A regular expression; `inner` is what a star means before the pattern's last character."""
    pieces, last = [], len(pattern) - 1
    for place, letter in enumerate(pattern):
        if letter == "*":
            pieces.append(".*" if place == last else inner)
        else:
            pieces.append("." if letter == "?" else re.escape(plain(letter)))
    return "".join(pieces)
