"""What a resource is made from, and what came of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from constructs_ml.facts import regions
from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount


@dataclass(frozen=True, slots=True)
class Owner:
    """The stack that a resource belongs to."""

    name: str
    id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One resource that is made, changed or deleted; `before` holds its properties as they were.

    `generation` counts replacements, so that the new resource gets another name than the old.
    """

    account: EmbeddedAccount
    stack: Owner
    logical_id: str
    type: str
    properties: Mapping[str, Json]
    before: Mapping[str, Json] = field(default_factory=dict)
    physical_id: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    generation: int = 0

    def client(self, service: str) -> Any:
        """A client of the account, as the engine."""
        return self.account.client(service)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation named as in botocore's model."""
        answer: dict[str, Any] = getattr(self.client(service), xform_name(operation))(**parameters)
        return answer

    def with_(self, **changes: Any) -> Work:
        """The same with something changed."""
        return dataclasses.replace(self, **changes)

    def given(self, property: str) -> Json:
        """A property that must be there."""
        if property not in self.properties:
            raise Failed(
                f"Properties validation failed for resource {self.logical_id}: required key [{property}] not found"
            )
        return self.properties[property]

    def changed(self, property: str) -> bool:
        """Whether a property is new or another than before."""
        return self.properties.get(property) != self.before.get(property)

    @cached_property
    def suffix(self) -> str:
        """Twelve characters, the same for the same resource of the same stack."""
        text = f"{self.stack.id}\n{self.logical_id}\n{self.generation}"
        return hashlib.sha256(text.encode()).hexdigest()[:12].upper()

    def made_name(self, longest: int = 64, *, lower: bool = False) -> str:
        """The name that CloudFormation gives to a resource without one: `stack-LogicalId-SUFFIX`."""
        room = longest - len(self.suffix) - 1
        head = f"{self.stack.name}-{self.logical_id}"
        if len(head) > room:
            stack = self.stack.name[: max(1, room - len(self.logical_id) - 1)].rstrip("-")
            head = f"{stack}-{self.logical_id}"[:room].rstrip("-")
        name = f"{head}-{self.suffix}"
        return name.lower() if lower else name

    @property
    def tags(self) -> dict[str, str]:
        """The resource's tags: its own, over its stack's."""
        return {**self.stack.tags, **tags_of(self.properties)}

    @property
    def facts(self) -> dict[str, Json]:
        """What the patterns of rows may say beside properties and answers."""
        account = self.account
        return {
            "partition": account.partition,
            "region": account.region,
            "account": account.id,
            "dns": regions.dns_suffix(account.region),
            "id": self.physical_id,
        }


@dataclass(frozen=True, slots=True)
class Made:
    """What `Ref` and `Fn::GetAtt` answer from now on."""

    physical_id: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


class Failed(Exception):  # noqa: N818 - the word of the statuses
    """A resource failed; `made` is what exists of it all the same, and must be deleted."""

    def __init__(self, reason: str, made: Made | None = None) -> None:
        super().__init__(reason)
        self.reason, self.made = reason, made


class Kind(Protocol):
    """How resources of one type are made, changed and deleted."""

    @property
    def replace(self) -> tuple[str, ...]:
        """The properties whose change replaces, where the facts of updates do not hold the type; "*" for all."""

    @property
    def takes_tags(self) -> bool:
        """Whether the stack's tags go to the resource."""

    def supports(self, attribute: str) -> bool:
        """Whether `Fn::GetAtt` knows an attribute."""

    def make(self, work: Work) -> Made:
        """Make it, and wait until it is stable."""

    def change(self, work: Work) -> Made:
        """Change it in place."""

    def remove(self, work: Work) -> None:
        """Delete it; it may be gone already."""


def tags_of(properties: Mapping[str, Json]) -> dict[str, str]:
    """The tags among properties, whichever form the type has for them."""
    tags = properties.get("Tags") or {}
    if isinstance(tags, Mapping):
        return {key: str(value) for key, value in tags.items()}
    return {tag["Key"]: str(tag["Value"]) for tag in tags}


def reason_of(error: Exception) -> str:
    """Why a call failed, as stack events word it."""
    if isinstance(error, Failed):
        return error.reason
    if isinstance(error, ServiceError):
        return str(error.message)
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        text = said.get("Message") or said.get("Code") or str(error)
        return f'Resource handler returned message: "{text}" (HandlerErrorCode: {_handler_code(said.get("Code", ""))})'
    if isinstance(error, BotoCoreError):
        return f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)'
    return f"{type(error).__name__}: {error}"


def is_gone(error: ClientError) -> bool:
    """Whether a call failed because the resource does not exist."""
    said = error.response.get("Error", {})
    code, text = str(said.get("Code", "")), str(said.get("Message", ""))
    words = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent", "UnknownResource", "404")
    return any(word in code for word in words) or "does not exist" in text or text.startswith("Could not find")


def _handler_code(code: str) -> str:
    for words, handler in (
        (("AlreadyExist", "InUse", "AlreadyOwned", "Conflict"), "AlreadyExists"),
        (("NotFound", "NoSuch", "DoesNotExist"), "NotFound"),
        (("AccessDenied", "Unauthorized"), "AccessDenied"),
        (("Throttl",), "Throttling"),
        (("LimitExceeded",), "ServiceLimitExceeded"),
        (("Invalid", "Validation", "Malformed"), "InvalidRequest"),
    ):
        if any(word in code for word in words):
            return handler
    return "GeneralServiceException"
