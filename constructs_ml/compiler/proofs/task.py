"""A task as its calls are derived from it: the members of its request, and the ARNs that they make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.needs import MAKING, Need
from constructs_ml.compiler.proofs.texts import ANYTHING, Substitutions, Text, covers
from constructs_ml.compiler.proofs.values import Known, members, text_of

HERE = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"
_SLOT = re.compile(r"\{(?P<path>[\w.]+)(?P<arn>\|arn)?(?:=(?P<default>[\w-]+))?\}|(?P<open>\*)")


@dataclass(frozen=True, slots=True)
class Task:
    """One task: `given` are the members of its request, `outer` knows the names of the template.

    `made` are the ARNs of what the definition's other states create or start: what a run's data names, such as the
    job that a loop waits for, is one of them.
    """

    place: str
    call: Integration
    given: Mapping[str, Known]
    texts: Substitutions
    outer: Substitutions
    made: tuple[Text, ...] = ()

    def on(self, action: str, *resources: Text | None) -> Call:
        """A call on a resource that is known in these spellings; without one, the definition does not tell it."""
        return Call(action, tuple(item for item in resources if item is not None), self.place)

    def need(self, need: Need, *, waiting: bool = False) -> Iterator[Call]:
        """The calls of one row of a table."""
        service = need.actions[0].partition(":")[0]
        for action in need.actions:
            # What a task makes, and the job that it waits for, is told by its own request.
            own = waiting or action.partition(":")[2].startswith(MAKING)
            yield Call(action, self.spell(service, need, own=own), self.place, optional=need.optional)

    def spell(self, service: str, need: Need, *, own: bool = True) -> tuple[Text, ...]:
        """The spellings of a row's resource; open ones are narrowed to what was made, unless it is the task's `own`."""
        arn = self.member(need.arn) if need.arn else None
        if arn is not None and not arn.is_anything:
            return (arn,)
        if not need.on:
            return (ANYTHING,)
        pieces: list[str | Text] = []
        either: list[Text] = []
        end, is_open = 0, False
        for slot in _SLOT.finditer(need.on):
            value = None if slot["open"] else self.member(slot["path"])
            value = value or (Text((slot["default"],)) if slot["default"] else ANYTHING)
            if slot["arn"] and str(value).startswith("arn:"):
                return (value,)
            if slot["arn"] and value.is_open and not value.is_anything:
                either.append(value)
            is_open = is_open or value.is_anything
            pieces += [need.on[end : slot.start()], value]
            end = slot.end()
        text = Text.of(self.outer.read(HERE % service), *pieces, need.on[end:])
        return (*either, *(self._narrowed(text) if is_open and not own else (text,)))

    def _narrowed(self, text: Text) -> tuple[Text, ...]:
        found = tuple(item for item in self.made if covers(text.starred, item))
        return found if found and text not in found else (text,)

    def member(self, *paths: str) -> Text | None:
        """The first of these members that is given; a dot leads into an object."""
        for path in paths:
            value: Known = None
            inside: Mapping[str, Known] = self.given
            for name in path.split("."):
                value = inside.get(name)
                inside = dict(members(value, self.texts)) if isinstance(value, Mapping) else {}
            if value is not None:
                return text_of(value)
        return None

    def arn(self, service: str, kind: str, name: Text) -> Text:
        """The ARN of something of this account, unless the name is an ARN already."""
        if str(name).startswith("arn:"):
            return name
        return Text.of(self.outer.read((HERE % service) + kind), name)

    def spellings(self, name: Text, service: str, kind: str) -> tuple[Text, ...]:
        """A thing that is given by its ARN or by its name; an open text may be either."""
        arn = self.arn(service, kind, name)
        return (name, arn) if name.is_open else (arn,)

    def bucket(self, name: Text, *key: str | Text) -> Text:
        """The ARN of a bucket, or with a key that of objects in it."""
        return Text.of(self.outer.read("arn:${AWS::Partition}:s3:::"), name, *key)

    def watch(self, rule: str, *, optional: bool = False) -> Iterator[Call]:
        """The rule by which Step Functions hears of a job that ended."""
        arn = self.outer.read(f"{HERE % 'events'}rule/{rule}")
        for action in ("DescribeRule", "PutRule", "PutTargets"):
            yield Call(f"events:{action}", (arn,), self.place, optional=optional)

    def hand(self, service: str, *paths: str) -> Iterator[Call]:
        """The roles that a request hands to a service, by ARN or by name."""
        for path in paths:
            role = self.member(path)
            if role is not None:
                by_name = Text.of(self.outer.read("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/"), role)
                either = (role,) if str(role).startswith("arn:") else (role, by_name) if role.is_open else (by_name,)
                yield Call("iam:PassRole", either, self.place, service)
