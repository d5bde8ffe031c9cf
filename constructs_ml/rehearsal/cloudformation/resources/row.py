"""A type of resource as a row of a table: which calls make, change and delete it, and what it answers to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources import tagging
from constructs_ml.rehearsal.cloudformation.resources.shapes import member_of, shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work, is_gone, reason_of

Step = Callable[[Work], None]
Reshape = Callable[[Work], Mapping[str, Json]]


def _as_they_are(work: Work) -> Mapping[str, Json]:
    return work.properties


def _as_it_is(work: Work, longest: int) -> str:
    return work.made_name(longest)


def in_small_letters(work: Work, longest: int) -> str:
    """A made name for what takes no capitals."""
    return work.made_name(longest, lower=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One type. Patterns such as `"{TableName}"` are filled from the properties, the answer, and `Work.facts`.

    `name` is the property that CloudFormation fills with a name of its own, which the resource then keeps: `named` in
    at most `longest` characters; `id` is the pattern of `Ref`, which is that name where none is given; `keys` are the
    parameters by which `update` and `delete` know the resource. Properties that are `apart` go to no call of the row:
    the steps `then` see to them after creation and update, `first` before deletion; they see to changes of those that
    it `settles` as well, which are the creation's otherwise.
    """

    service: str
    create: str
    id: str = ""
    update: str = ""
    delete: str = ""
    name: str = ""
    longest: int = 64
    named: Callable[[Work, int], str] = _as_it_is
    keys: Mapping[str, Json] = field(default_factory=dict)
    update_keys: Mapping[str, Json] = field(default_factory=dict)
    delete_keys: Mapping[str, Json] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    changes_only: bool = False
    reshape: Reshape = _as_they_are
    then: tuple[Step, ...] = ()
    first: tuple[Step, ...] = ()
    settled: Callable[[Work], Mapping[str, Json] | None] | None = None
    gone: Callable[[Work], None] | None = None
    tagged_by: str = "Arn"
    tagged: bool = True
    replace: tuple[str, ...] = ()
    any_attribute: Callable[[str], bool] = lambda _: False

    @property
    def takes_tags(self) -> bool:
        return self.tagged and self.service in tagging.TAGGED

    def supports(self, attribute: str) -> bool:
        return attribute in self.attributes or self.any_attribute(attribute)

    def make(self, work: Work) -> Made:
        """`Kind.create`; the field `create` is the operation."""
        work = self._with_name(work)
        operation = self._model(work, self.create)
        parameters = self._parameters(work, operation)
        answer = work.call(self.service, self.create, **parameters)
        made = self._made(work, {**parameters, **answer})
        work = work.with_(physical_id=made.physical_id, attributes=made.attributes)
        try:
            for step in self.then:
                step(work)
            return self._when_settled(work, made)
        except Exception as failed:
            raise Failed(reason_of(failed), made) from failed

    def change(self, work: Work) -> Made:
        """`Kind.update`."""
        work = self._with_name(work)
        self._check_changes(work)
        answer: Mapping[str, Json] = {}
        if self.update:
            operation = self._model(work, self.update)
            keys = {**self._filled(self.keys, work), **self._filled(self.update_keys, work)}
            parameters = self._parameters(work, operation, updating=True)
            if set(parameters) - set(keys) or not self.changes_only:
                answer = work.call(self.service, self.update, **{**parameters, **keys})
        made = self._made(work, answer)
        for step in self.then:
            step(work)
        if self.takes_tags:
            tagging.retag(work, self.service, str({**made.attributes, "id": made.physical_id}.get(self.tagged_by, "")))
        return self._when_settled(work, made)

    def remove(self, work: Work) -> None:
        """`Kind.delete`."""
        with _nothing_if_gone():
            for step in self.first:
                step(work)
            if self.delete:
                keys = self.keys if self.delete_keys is None else self.delete_keys
                work.call(self.service, self.delete, **self._filled(keys, work))
        if self.gone is not None:
            self.gone(work)

    def _with_name(self, work: Work) -> Work:
        """With the name that was given, else the one that the resource has, else a new one."""
        if not self.name or work.properties.get(self.name):
            return work
        has = work.attributes.get(self.name) if self.id else work.physical_id
        name = work.before.get(self.name) or has or self.named(work, self.longest)
        return work.with_(properties={**work.properties, self.name: name})

    def _model(self, work: Work, operation: str) -> Any:
        return work.client(self.service).meta.service_model.operation_model(operation).input_shape

    def _parameters(self, work: Work, shape: Any, *, updating: bool = False) -> dict[str, Json]:
        """The properties as the call's parameters; what is neither this call's nor another's is refused."""
        found: dict[str, Json] = {}
        for property, value in self.reshape(work).items():
            if property in self.apart or (property == "Tags" and self.takes_tags):
                continue
            member = member_of(shape, self.renames.get(property, property))
            if not member:
                self._check_known(work, property)
            elif not (updating and self.changes_only and not work.changed(property)):
                found[member] = shaped(shape.members[member], value, property)
        tags = member_of(shape, "Tags") or member_of(shape, "TagList")
        if self.takes_tags and tags and not updating:
            given = tagging.all_of(work, self.service)
            found |= {tags: shaped(shape.members[tags], given)} if given else {}
        return found

    def _check_known(self, work: Work, property: str) -> None:
        name = self.renames.get(property, property)
        for operation in filter(None, (self.create, self.update)):
            if member_of(self._model(work, operation), name):
                return
        text = f"Properties validation failed for resource {work.logical_id} with message: #: extraneous key"
        raise Failed(f"{text} [{property}] is not permitted")

    def _check_changes(self, work: Work) -> None:
        """A change that nothing here would carry out is refused rather than skipped."""
        known = self._model(work, self.update) if self.update else None
        for property in {*work.properties, *work.before}:
            handled = property in (*self.apart, *self.settles, "Tags") or self.reshape is not _as_they_are
            if handled or not work.changed(property) or property == self.name:
                continue
            if known is None or not member_of(known, self.renames.get(property, property)):
                raise Failed(f"the rehearsal cannot change {property} of {work.type} in place ({work.logical_id})")

    def _made(self, work: Work, answer: Mapping[str, Json]) -> Made:
        words = {**work.attributes, **work.facts, **work.properties, **answer}
        id = work.physical_id or (self.id or f"{{{self.name}}}").format_map(words)
        found = dict(work.attributes)
        for attribute, pattern in self.attributes.items():
            with contextlib.suppress(KeyError, TypeError):
                found[attribute] = pattern.format_map({**words, "id": id})
        return Made(id, found)

    def _when_settled(self, work: Work, made: Made) -> Made:
        if self.settled is None:
            return made
        seen = self.settled(work.with_(physical_id=made.physical_id, attributes=made.attributes))
        return Made(made.physical_id, {**made.attributes, **(seen or {})})

    def _filled(self, keys: Mapping[str, Json], work: Work) -> dict[str, Json]:
        words = {**work.attributes, **work.properties, **work.facts}
        return {key: _fill(pattern, words) for key, pattern in keys.items()}


@contextlib.contextmanager
def _nothing_if_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as refused:
        if not is_gone(refused):
            raise


def _fill(pattern: Json, words: Mapping[str, Json]) -> Json:
    if isinstance(pattern, list):
        return [_fill(item, words) for item in pattern]
    return pattern.format_map(words) if isinstance(pattern, str) else pattern
