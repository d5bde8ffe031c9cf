"""The resources of SageMaker: kept as DescribeX answers them, made and changed by the API's own verbs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.nouns import Noun, nouns

Started = Callable[["Resource", Call], None]
"""What happens when a resource was created, updated or deleted; it returns soon, and may go on in a thread."""


@dataclass(slots=True, eq=False)
class Resource:
    """One resource: `fields` are what DescribeX answers, in the shape of its output."""

    noun: Noun
    name: str
    arn: str
    fields: dict[str, Json]
    tags: dict[str, str]
    created: datetime

    @property
    def status(self) -> str:
        return str(self.fields.get(self.noun.status, ""))


@dataclass(slots=True)
class _Kept:
    by_name: dict[str, Resource] = field(default_factory=dict)


class Store:
    """Every resource of SageMaker, by noun and name. Safe to use from any thread."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self.account = account
        self._kept = {name: _Kept() for name in nouns()}
        self._lock = threading.RLock()
        self._started: dict[tuple[str, str], Started] = {}
        self._changed: list[Callable[[Resource, str], None]] = []
        account.gate.serve("sagemaker", dict(self._operations()))

    def on(self, verb: str, noun: str, started: Started) -> None:
        """Call `started` after the verb ("Create", "Update", "Delete") was carried out on a resource of the noun.

        An error that it raises as `ServiceError` is the operation's answer; a created resource is then forgotten.
        """
        self._started[verb, noun] = started

    def on_status(self, changed: Callable[[Resource, str], None]) -> None:
        """Call `changed(resource, before)` whenever a resource's status changed."""
        self._changed.append(changed)

    def find(self, noun: str, name_or_arn: str) -> Resource | None:
        """A resource by its name or ARN."""
        with self._lock:
            found = self._kept[noun].by_name.get(name_or_arn)
            return found or next((r for r in self._kept[noun].by_name.values() if r.arn == name_or_arn), None)

    def get(self, noun: str, name_or_arn: str) -> Resource:
        """The same; a `ServiceError` as SageMaker words it where there is none."""
        found = self.find(noun, name_or_arn)
        if found is None:
            path = nouns()[noun].path
            arn = (
                name_or_arn
                if name_or_arn.startswith("arn:")
                else self.account.arn("sagemaker", f"{path}/{name_or_arn}")
            )
            raise ServiceError("ResourceNotFound", f'Could not find {path} "{arn}".')
        return found

    def all(self, noun: str) -> list[Resource]:
        """Every resource of a noun, the oldest first."""
        with self._lock:
            return list(self._kept[noun].by_name.values())

    def add(self, noun: str, name: str, fields: Mapping[str, Json], tags: Mapping[str, str] | None = None) -> Resource:
        """Keep a new resource; `ServiceError` when the name is taken."""
        kind, now = nouns()[noun], self.account.clock.now()
        arn = self.account.arn("sagemaker", f"{kind.path}/{name}")
        with self._lock:
            if name in self._kept[noun].by_name:
                raise ServiceError(
                    "ResourceInUse", f"{noun} {arn} already exists: names are unique in an account and region."
                )
            members = kind.model("Describe").output_shape.members
            known = {key: value for key, value in fields.items() if key in members}
            given = {kind.key: name, "CreationTime": now, "LastModifiedTime": now, kind.arn: arn}
            known |= {key: value for key, value in given.items() if key in members}
            resource = Resource(kind, name, arn, known, dict(tags or {}), now)
            self._kept[noun].by_name[name] = resource
        return resource

    def change(self, resource: Resource, **fields: Json) -> None:
        """Change what DescribeX answers; a new status is written down and told."""
        with self._lock:
            before = resource.status
            resource.fields.update(fields)
            if "LastModifiedTime" in resource.noun.model("Describe").output_shape.members:
                resource.fields["LastModifiedTime"] = self.account.clock.now()
            now = resource.status
        if now != before:
            for changed in tuple(self._changed):
                changed(resource, before)

    def remove(self, resource: Resource) -> None:
        """Forget a resource."""
        with self._lock:
            self._kept[resource.noun.name].by_name.pop(resource.name, None)

    def by_arn(self, arn: str) -> Resource | None:
        """Any resource by its ARN."""
        with self._lock:
            return next((r for kept in self._kept.values() for r in kept.by_name.values() if r.arn == arn), None)

    def _operations(self) -> Iterator[tuple[str, Handler]]:
        for noun in nouns().values():
            yield f"Create{noun.name}", partial(self._create, noun)
            yield f"Describe{noun.name}", partial(self._describe, noun)
            if noun.list_operation:
                yield noun.list_operation, partial(self._list, noun)
            if noun.has("Update"):
                yield f"Update{noun.name}", partial(self._update, noun)
            if noun.has("Delete"):
                yield f"Delete{noun.name}", partial(self._delete, noun)
        yield "AddTags", self._add_tags
        yield "ListTags", self._list_tags
        yield "DeleteTags", self._delete_tags

    def _create(self, noun: Noun, call: Call) -> Json:
        given = dict(call.parameters)
        tags = {tag["Key"]: tag["Value"] for tag in given.pop("Tags", None) or ()}
        resource = self.add(noun.name, given[noun.key], given, tags)
        try:
            self._start("Create", resource, call)
        except ServiceError:
            self.remove(resource)
            raise
        return {noun.arn: resource.arn} if noun.arn else None

    def _describe(self, noun: Noun, call: Call) -> Json:
        return dict(self._meant(noun, call).fields)

    def _list(self, noun: Noun, call: Call) -> Json:
        """Newest first, filtered by name and status, in pages."""
        given = call.parameters
        found = [resource for resource in reversed(self.all(noun.name)) if _wanted(resource, given)]
        start, most = int(given.get("NextToken") or 0), int(given.get("MaxResults") or 100)
        members = _summary_members(noun)
        page = [{key: value for key, value in r.fields.items() if key in members} for r in found[start : start + most]]
        answer: dict[str, Json] = {noun.listed: page}
        if start + most < len(found):
            answer["NextToken"] = str(start + most)
        return answer

    def _update(self, noun: Noun, call: Call) -> Json:
        resource = self._meant(noun, call)
        before = dict(resource.fields)
        members = noun.model("Describe").output_shape.members
        self.change(resource, **{key: value for key, value in call.parameters.items() if key in members})
        try:
            self._start("Update", resource, call)
        except ServiceError:
            resource.fields = before
            raise
        shape = noun.model("Update").output_shape
        return {member: resource.arn for member in shape.members if member.endswith("Arn")} if shape else None

    def _delete(self, noun: Noun, call: Call) -> Json:
        resource = self._meant(noun, call)
        self.remove(resource)
        self._start("Delete", resource, call)
        shape = noun.model("Delete").output_shape
        return {member: resource.arn for member in shape.members if member.endswith("Arn")} if shape else None

    def _start(self, verb: str, resource: Resource, call: Call) -> None:
        started = self._started.get((verb, resource.noun.name))
        if started is not None:
            started(resource, call)

    def _meant(self, noun: Noun, call: Call) -> Resource:
        given = call.parameters
        return self.get(noun.name, given.get(noun.key) or given.get(noun.arn) or next(iter(given.values())))

    def _add_tags(self, call: Call) -> Json:
        tags = self._tagged(call).tags
        tags.update({tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]})
        return {"Tags": _as_list(tags)}

    def _list_tags(self, call: Call) -> Json:
        return {"Tags": _as_list(self._tagged(call).tags)}

    def _delete_tags(self, call: Call) -> Json:
        tags = self._tagged(call).tags
        for key in call.parameters["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _tagged(self, call: Call) -> Resource:
        found = self.by_arn(call.parameters["ResourceArn"])
        if found is None:
            raise ServiceError("ResourceNotFound", f"Could not find {call.parameters['ResourceArn']}.")
        return found


def _wanted(resource: Resource, given: Mapping[str, Any]) -> bool:
    return given.get("NameContains", "").lower() in resource.name.lower() and given.get("StatusEquals") in (
        None,
        resource.status,
    )


def _summary_members(noun: Noun) -> Any:
    listed = noun.model("Describe").service_model.operation_model(noun.list_operation).output_shape.members[noun.listed]
    return listed.member.members if listed.member.type_name == "structure" else ()


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
