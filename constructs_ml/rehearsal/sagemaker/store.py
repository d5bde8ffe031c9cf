"""The resources of SageMaker: kept as DescribeX answers them, made and changed by the API's own verbs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing, tags, validation, wording
from constructs_ml.rehearsal.sagemaker.identities import identity, named
from constructs_ml.rehearsal.sagemaker.nouns import Noun, nouns
from constructs_ml.rehearsal.sagemaker.statuses import BEGINS, REFUSED

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
    """The resources of a noun; `used` are the names of jobs, which are unique for ever."""

    by_name: dict[str, Resource] = field(default_factory=dict)
    by_arn: dict[str, Resource] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


class Store:
    """Every resource of SageMaker, by noun and name. Safe to use from any thread."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self.account = account
        self._kept = {name: _Kept() for name in nouns()}
        self._lock = threading.RLock()
        self._started: dict[tuple[str, str], Started] = {}
        self._changed: list[Callable[[Resource, str], None]] = []
        account.gate.serve("sagemaker", dict(self._operations()))
        account.gate.before.append(lambda call: validation.check(call) if call.service == "sagemaker" else None)

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
            return self._kept[noun].by_name.get(name_or_arn) or self._kept[noun].by_arn.get(name_or_arn)

    def get(self, noun: str, name_or_arn: str) -> Resource:
        """The same; a `ServiceError` as SageMaker words it where there is none."""
        found = self.find(noun, name_or_arn)
        if found is None:
            kind = nouns()[noun]
            arn = self.arn(kind, name_or_arn)
            raise wording.cannot_find(kind, arn.partition("/")[2], arn)
        return found

    def arn(self, noun: Noun, name_or_arn: str) -> str:
        """The ARN of a resource of this name, whether it is there or not."""
        return (
            name_or_arn
            if name_or_arn.startswith("arn:")
            else self.account.arn("sagemaker", f"{noun.path}/{name_or_arn}")
        )

    def all(self, noun: str) -> list[Resource]:
        """Every resource of a noun, the oldest first."""
        with self._lock:
            return list(self._kept[noun].by_name.values())

    def add(self, noun: str, name: str, fields: Mapping[str, Json], tags: Mapping[str, str] | None = None) -> Resource:
        """Keep a new resource; `ServiceError` when the name is taken. A field that is None is left out."""
        kind, now = nouns()[noun], self.account.clock.now()
        arn, members = self.arn(kind, name), nouns()[noun].model("Describe").output_shape.members
        known = {kind.key: name, "CreationTime": now, "LastModifiedTime": now, kind.arn: arn} | dict(fields)
        known = {key: value for key, value in known.items() if key in members and value is not None}
        resource = Resource(kind, name, arn, known, dict(tags or {}), now)
        with self._lock:
            kept = self._kept[noun]
            if name in kept.by_name or name in kept.used:
                raise wording.taken(kind, name, arn)
            kept.by_name[name] = kept.by_arn[arn] = resource
            if noun.endswith("Job"):
                kept.used.add(name)
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
            kept = self._kept[resource.noun.name]
            kept.by_name.pop(resource.name, None)
            kept.by_arn.pop(resource.arn, None)

    def by_arn(self, arn: str) -> Resource | None:
        """Any resource by its ARN."""
        with self._lock:
            return next((kept.by_arn[arn] for kept in self._kept.values() if arn in kept.by_arn), None)

    def later(self, resource: Resource, seconds: float, **fields: Json) -> None:
        """Change a resource after so many seconds of the account's time, if it is still there then."""

        def settle() -> None:
            if self.account.clock.sleep(seconds) and self.find(resource.noun.name, resource.name) is resource:
                self.change(resource, **fields)

        threading.Thread(target=settle, name=f"settle {resource.name}", daemon=True).start()

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
        yield from tags.operations(self)

    def _create(self, noun: Noun, call: Call) -> Json:
        self._refuse(noun)
        given = dict(call.parameters)
        new = identity(noun, given)
        resource = self.add(noun.name, new.name, given | dict(new.fields), tags.given(given))
        if noun.name == "Artifact":
            resource.fields.setdefault("ArtifactName", resource.arn)
        try:
            self._start("Create", resource, call)
        except ServiceError:
            self._forget(resource)
            raise
        answered = noun.model("Create").output_shape
        answer = {member: resource.fields.get(member) for member in (answered.members if answered else ())}
        return {key: value for key, value in answer.items() if value is not None} | (
            {noun.arn: resource.arn} if noun.arn else {}
        )

    def _refuse(self, noun: Noun) -> None:
        """Refuse by name what would start work that nobody here does."""
        if noun.name in REFUSED and ("Create", noun.name) not in self._started:
            text = f"the embedded account does not run sagemaker:Create{noun.name}: {REFUSED[noun.name]}"
            raise ServiceError("UnsupportedOperation", text)

    def _forget(self, resource: Resource) -> None:
        """Remove a resource that was never made: its name is free again."""
        self.remove(resource)
        with self._lock:
            self._kept[resource.noun.name].used.discard(resource.name)

    def _describe(self, noun: Noun, call: Call) -> Json:
        return dict(self._meant(noun, call).fields)

    def _list(self, noun: Noun, call: Call) -> Json:
        return listing.page(noun, self.all(noun.name), call.parameters)

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
        begins = BEGINS.get(resource.noun.name)
        if started is not None:
            started(resource, call)
        elif verb == "Create" and begins is not None and resource.noun.status:
            self.change(resource, **{resource.noun.status: begins.status})
            if begins.settled:
                self.later(resource, begins.seconds, **{resource.noun.status: begins.settled})

    def _meant(self, noun: Noun, call: Call) -> Resource:
        return self.get(noun.name, named(noun, call.parameters))
