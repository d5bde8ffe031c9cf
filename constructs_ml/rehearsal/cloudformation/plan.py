"""What a template means for a stack: its resources with their conditions chosen, their order, and what changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from constructs_ml.facts import regions
from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.conditions import NOTHING, Conditions
from constructs_ml.rehearsal.cloudformation.intrinsics import LATER, Names, Resolver
from constructs_ml.rehearsal.cloudformation.model import Change, Live, Output, Request
from constructs_ml.rehearsal.cloudformation.references import ordered, references
from constructs_ml.rehearsal.cloudformation.resources.kinds import check_types, kind_of, replaced_by
from constructs_ml.rehearsal.cloudformation.resources.work import Owner, tags_of
from constructs_ml.rehearsal.cloudformation.template import PSEUDO, Declared
from constructs_ml.rehearsal.embedded import EmbeddedAccount

Exported = Callable[[str], str]


class Plan:
    """A request read against the resources that live; `live` may change meanwhile, and names mean what it holds."""

    def __init__(
        self, account: EmbeddedAccount, owner: Owner, request: Request, live: Mapping[str, Live], exported: Exported
    ) -> None:
        self._account, self._owner, self._request, self.live = account, owner, request, live
        self._exported = exported
        self.imports: set[str] = set()
        template = request.template
        region, extended = account.region, template.extended
        names = Names(self._ref, self._attribute, template.mappings, self._import, region, extended)
        self._resolver = Resolver(names)
        self._conditions = Conditions(template, self._resolver.value)
        self._conditions.check(template.rules)
        holding = [one for one in template.resources.values() if self._holds(one.condition)]
        self.resources = {one.logical_id: self._chosen(one) for one in holding}
        check_types({name: one.type for name, one in self.resources.items()})
        self._outputs = {
            key: self._conditions.chosen(output)
            for key, output in template.outputs.items()
            if self._holds(output.get("Condition", ""))
        }
        self.needs = {name: tuple(self._needed(one)) for name, one in self.resources.items()}
        self._check_outputs()
        self.order = ordered(self.needs)

    def properties(self, name: str) -> dict[str, Json]:
        """A resource's properties, resolved by what lives now; dynamic references stand as they are."""
        declared = self.resources[name]
        found: dict[str, Json] = self._resolver.value(declared.properties)
        kind = kind_of(declared.type)
        return _with_tags(found, self._request.tags) if kind and kind.takes_tags else found

    def outputs(self) -> list[Output]:
        """The outputs, by what lives now."""
        found = []
        for key, output in self._outputs.items():
            value = self._resolver.value(output["Value"])
            if not isinstance(value, str | int | float):
                raise ServiceError("ValidationError", f"Template format error: Output {key} is malformed: {value!r}")
            export = self._resolver.value((output.get("Export") or {}).get("Name", ""))
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found.append(Output(key, text, str(output.get("Description", "")), str(export)))
        return found

    def changes(self) -> list[Change]:
        """What would be done, as far as it can be known before."""
        before, shadow = self.live, dict(self.live)
        self.live = shadow
        try:
            found = [change for name in self.order for change in self._change(name, before, shadow)]
        finally:
            self.live = before
        gone = [name for name in before if name not in self.resources]
        return found + [Change("Remove", n, before[n].declared.type, before[n].physical_id) for n in gone]

    def changed_outputs(self, outputs: list[Output]) -> bool:
        """Whether the outputs will differ from these."""
        return self.outputs() != outputs

    def _change(self, name: str, before: Mapping[str, Live], shadow: dict[str, Live]) -> Iterator[Change]:
        declared = self.resources[name]
        if name not in before:
            yield Change("Add", name, declared.type)
            return
        old = before[name]
        if old.declared.type != declared.type:
            text = "Update of resource type is not permitted. The new template modifies resource type of the following"
            raise ServiceError("ValidationError", f"{text} resources: [{name}]")
        change = difference(old, declared, self.properties(name))
        if change is not None:
            if change.replacing:
                del shadow[name]
            yield change

    def _holds(self, condition: str) -> bool:
        return not condition or self._conditions.holds(condition)

    def _chosen(self, declared: Declared) -> Declared:
        properties = self._conditions.chosen(declared.properties)
        return dataclasses.replace(declared, properties={} if properties is NOTHING else properties)

    def _needed(self, declared: Declared) -> Iterator[str]:
        known = self._request.template.resources
        for found in references(declared.properties):
            if found.name in known:
                self._check_reference(found.name, found.attribute, "Resources")
                yield found.name
        yield from (name for name in declared.depends_on if name in self.resources)

    def _check_outputs(self) -> None:
        for found in references(self._outputs):
            if found.name in self._request.template.resources:
                self._check_reference(found.name, found.attribute, "Outputs")

    def _check_reference(self, name: str, attribute: str, section: str) -> None:
        if name not in self.resources:
            text = f"Template format error: Unresolved resource dependencies [{name}] in the {section} block"
            raise ServiceError("ValidationError", f"{text} of the template")
        kind = kind_of(self.resources[name].type)
        if attribute not in ("", "*") and kind is not None and not kind.supports(attribute):
            text = f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            raise ServiceError("ValidationError", text)

    def _ref(self, name: str) -> Json:
        if name in PSEUDO:
            return self._pseudo(name)
        if name in self._request.parameters:
            return self._request.parameters[name].value
        return self.live[name].physical_id if name in self.live else LATER

    def _pseudo(self, name: str) -> Json:
        account = self._account
        return {
            "AWS::AccountId": account.id,
            "AWS::NotificationARNs": list(self._request.notified),
            "AWS::Partition": account.partition,
            "AWS::Region": account.region,
            "AWS::StackId": self._owner.id,
            "AWS::StackName": self._owner.name,
            "AWS::URLSuffix": regions.dns_suffix(account.region),
        }.get(name, "")

    def _attribute(self, name: str, attribute: str) -> Json:
        if name not in self.live:
            return LATER
        found = self.live[name].attributes
        if attribute not in found:
            type = self.live[name].declared.type
            raise ServiceError(
                "ValidationError", f"{name} ({type}) has no attribute {attribute}; it has {sorted(found)}"
            )
        return found[attribute]

    def _import(self, name: str) -> str:
        self.imports.add(name)
        return self._exported(name)


def difference(old: Live, declared: Declared, properties: Mapping[str, Json]) -> Change | None:
    """What is to change of a resource that lives, or None."""
    paths = list(_paths(old.properties, properties))
    tags = [path for path in paths if path.partition(".")[0] == "Tags"]
    scope = [name for name, some in (("Tags", tags), ("Properties", len(paths) > len(tags))) if some]
    scope += ["Metadata"] if old.declared.metadata != declared.metadata else []
    scope += ["DeletionPolicy"] if old.declared.deletion_policy != declared.deletion_policy else []
    scope += ["UpdateReplacePolicy"] if old.declared.update_replace_policy != declared.update_replace_policy else []
    if not scope:
        return None
    replacing = tuple(replaced_by(declared.type, paths))
    return Change("Modify", declared.logical_id, declared.type, old.physical_id, tuple(scope), tuple(paths), replacing)


def _paths(old: Json, new: Json, path: str = "") -> Iterator[str]:
    """The dotted paths that differ; a list is one value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {**old, **new}:
            inner = f"{path}.{key}" if path else str(key)
            if (key in old) != (key in new):
                yield inner
            else:
                yield from _paths(old[key], new[key], inner)
    elif old != new:
        yield path


def _with_tags(properties: dict[str, Json], tags: Mapping[str, str]) -> dict[str, Json]:
    """The properties with the stack's tags, under the resource's own."""
    if not tags:
        return properties
    merged = {**tags, **tags_of(properties)}
    if isinstance(properties.get("Tags"), Mapping):
        return {**properties, "Tags": merged}
    return {**properties, "Tags": [{"Key": key, "Value": value} for key, value in merged.items()]}
