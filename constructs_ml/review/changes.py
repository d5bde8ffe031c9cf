"""What CloudFormation does to each resource when one assembly is deployed over another.

Judged by CloudFormation's own schemas, by what refers to what, and by SageMaker's rules about updates. It reads
templates alone: values that are filled in at deployment, such as parameters, are taken to stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from constructs_ml.facts import updates
from constructs_ml.review.assembly import Assembly, Template
from constructs_ml.review.references import changed_paths, mapped, references
from constructs_ml.review.sagemaker import feature_changes, refused_updates

Verdict = Literal["added", "in place", "replaced", "removed", "kept", "data loss", "refused", "unknown"]
STOPS: tuple[Verdict, ...] = ("refused", "data loss")
"""Verdicts that nobody should deploy without a decision."""
DATA: Mapping[str, str] = {
    "AWS::SageMaker::FeatureGroup": "records",
    "AWS::S3::Bucket": "objects",
    "AWS::KMS::Key": "everything encrypted with it",
    "AWS::SageMaker::ModelPackageGroup": "model versions",
}
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy", "DependsOn")


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource. `paths` are the properties that cause it; `way` is what to do instead, if any."""

    stack: str
    logical_id: str
    type: str
    verdict: Verdict
    paths: tuple[str, ...] = ()
    why: str = ""
    way: str = ""


def compare(before: Assembly, after: Assembly) -> tuple[Change, ...]:
    """Every resource that deploying `after` over `before` touches, by stack and logical id."""
    found: list[Change] = []
    for key in sorted({*before.templates, *after.templates}):
        stack = key.rpartition("/")[2]
        if key not in after.templates:
            why = "cdk deploy leaves a stack alone that the app no longer has; cdk destroy takes it"
            found.append(Change(stack, "", "AWS::CloudFormation::Stack", "kept", (), why))
            continue
        tagged = before.tags.get(key, {}) != after.tags.get(key, {})
        found += _stack(stack, before.templates.get(key, {}), after.templates[key], tagged=tagged)
    return tuple(found)


def _stack(stack: str, before: Template, after: Template, *, tagged: bool) -> Iterator[Change]:
    old, new = before.get("Resources", {}), after.get("Resources", {})
    causes = _causes(before, after, tagged=tagged and bool(old))
    refused = refused_updates(old, new)
    for key in sorted({*old, *new}):
        if key not in new:
            yield _removed(stack, key, old[key])
        elif key not in old:
            yield Change(stack, key, new[key]["Type"], "added")
        elif old[key]["Type"] != new[key]["Type"]:
            why = f"CloudFormation does not turn a {old[key]['Type']} into a {new[key]['Type']}"
            yield Change(stack, key, new[key]["Type"], "refused", ("Type",), why, "another logical id")
        elif key in refused:
            why, way = refused[key]
            yield Change(stack, key, new[key]["Type"], "refused", causes.get(key, ()), why, way)
        elif _condition(before, key) != _condition(after, key):
            why = "whether it is there at all is decided by a condition, at deployment"
            yield Change(stack, key, new[key]["Type"], "unknown", ("Condition", *causes.get(key, ())), why)
        elif key in causes:
            yield _changed(stack, key, old[key], new[key], causes[key])
        elif any(old[key].get(name) != new[key].get(name) for name in _POLICIES):
            paths = tuple(name for name in _POLICIES if old[key].get(name) != new[key].get(name))
            yield Change(stack, key, new[key]["Type"], "in place", paths, "only how CloudFormation treats it changes")


def _condition(template: Template, key: str) -> Any:
    """The name and the text of a resource's condition."""
    name = template["Resources"][key].get("Condition")
    return name and (name, template.get("Conditions", {}).get(name))


def _causes(before: Template, after: Template, *, tagged: bool) -> dict[str, tuple[str, ...]]:
    """The changed properties of each resource that stays.

    Those count too that refer to a replaced resource, that look something up in a changed mapping, and tags that a
    stack hands to resources whose tags are create-only.
    """
    old, new = before.get("Resources", {}), after.get("Resources", {})
    stays = [key for key in new if key in old and old[key]["Type"] == new[key]["Type"]]
    found = {key: list(changed_paths(_properties(old[key]), _properties(new[key]))) for key in stays}
    maps = set(changed_paths(before.get("Mappings", {}), after.get("Mappings", {})))
    for key in stays:
        found[key] += [
            path for path, name in mapped(_properties(new[key])) if any(item.split(".")[0] == name for item in maps)
        ]
        if tagged and new[key]["Type"] in updates.with_create_only_tags() and "Tags" not in found[key]:
            found[key].append("Tags")
    uses = {key: tuple(references(_properties(new[key]))) for key in stays}
    grown = True
    while grown:
        gone = {key for key in stays if _replaces(new[key]["Type"], found[key])}
        grown = False
        for key in stays:
            for path, other in uses[key]:
                if other in gone and path not in found[key]:
                    found[key].append(path)
                    grown = True
    return {key: tuple(dict.fromkeys(paths)) for key, paths in found.items() if paths}


def _changed(stack: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any], paths: tuple[str, ...]) -> Change:
    type = new["Type"]
    if not updates.known(type):
        return Change(stack, key, type, "unknown", paths, "the type's schema is not known here")
    if type == "AWS::SageMaker::FeatureGroup":
        why, way = feature_changes(_properties(old), _properties(new))
        if why:
            return Change(stack, key, type, "refused", paths, why, way)
    causes = tuple(path for path in paths if updates.replaces(type, path))
    if not causes:
        maybe = tuple(path for path in paths if updates.may_replace(type, path))
        if maybe:
            return Change(stack, key, type, "replaced", maybe, "the service may replace it")
        return Change(stack, key, type, "in place", paths)
    name = updates.name_property(type)
    given = _properties(new).get(name) if name else None
    if name is not None and given is not None and _properties(old).get(name) == given:
        why = f"{', '.join(causes)} can only change with the resource, and its {name} is taken by itself"
        return Change(stack, key, type, "refused", causes, why, f"leave it as it is, or another {name} beside this one")
    if type in DATA:
        left = str(old.get("UpdateReplacePolicy", "")).startswith("Retain")
        fate = "the old one stays behind with them" if left else "the old one is deleted with them"
        return Change(stack, key, type, "data loss", causes, f"the new one begins without {DATA[type]}; {fate}")
    return Change(stack, key, type, "replaced", causes)


def _removed(stack: str, key: str, resource: Mapping[str, Any]) -> Change:
    type = resource["Type"]
    if str(resource.get("DeletionPolicy", "")).startswith("Retain"):
        return Change(stack, key, type, "kept", (), "CloudFormation forgets it; it stays in the account")
    if type in DATA:
        why, way = f"it is deleted with {DATA[type]}", "DeletionPolicy Retain in a deployment before"
        return Change(stack, key, type, "data loss", (), why, way)
    return Change(stack, key, type, "removed")


def _replaces(type: str, paths: list[str]) -> bool:
    return updates.known(type) and any(updates.replaces(type, path) for path in paths)


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resource.get("Properties", {})
    return found
