"""The names that SageMaker gives: ids and ARNs of what is not named by the caller alone."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Json, invalid
from constructs_ml.rehearsal.sagemaker.nouns import Noun

# Names that are unique within another resource only.
_WITHIN = MappingProxyType({"Space": ("DomainId", "SpaceName"), "UserProfile": ("DomainId", "UserProfileName")})
# Nouns whose ARN holds an id of SageMaker's: its length, its letters, what stands before it, the member that has it.
_IDS = MappingProxyType(
    {
        "Artifact": (32, "0123456789abcdef", "", ""),
        "Domain": (12, string.ascii_lowercase + string.digits, "d-", "DomainId"),
        "MlflowApp": (12, string.ascii_uppercase + string.digits, "app-", ""),
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a new resource is kept under, the end of its ARN, and the fields that SageMaker gives it."""

    name: str
    fields: Mapping[str, Json] = field(default_factory=dict)


def identity(noun: Noun, given: Mapping[str, Json]) -> Identity:
    """The identity of a resource that a request creates."""
    if noun.name in _IDS:
        length, letters, before, member = _IDS[noun.name]
        made = before + "".join(secrets.choice(letters) for _ in range(length))
        return Identity(made, {member: made} if member else {})
    name = named(noun, given)
    if not name:
        raise invalid(f"{noun.key} is needed")
    return Identity(name)


def named(noun: Noun, given: Mapping[str, Json]) -> str:
    """The name or ARN by which a request means a resource."""
    if noun.name in _WITHIN:
        return "/".join(given.get(member, "") for member in _WITHIN[noun.name])
    own = _IDS.get(noun.name, ("", "", "", ""))[3]
    for member in (own, noun.key, noun.arn):
        if given.get(member):
            return str(given[member])
    members = noun.model("Describe").input_shape.required_members
    return next((str(given[member]) for member in members if given.get(member)), "")
