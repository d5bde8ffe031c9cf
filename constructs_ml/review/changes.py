"""What CloudFormation does to each resource when one assembly is deployed over another.

Judged by CloudFormation's own schemas, by what refers to what, and by SageMaker's rules about updates. It reads
templates alone: values that are filled in at deployment, such as parameters, are taken to stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from constructs_ml.facts import updates
from constructs_ml.review.assembly import Assembly, Template
from constructs_ml.review.conditions import changed_conditions, decided_by
from constructs_ml.review.exports import refused_exports
from constructs_ml.review.references import changed_paths, mapped, references
from constructs_ml.review.sagemaker import CAPTURE_MOVES, CAPTURED, feature_changes, refused_updates
from constructs_ml.review.values import differences

Verdict = Literal["added", "in place", "replaced", "removed", "kept", "outage", "data loss", "refused", "unknown"]
STOPS: tuple[Verdict, ...] = ("refused", "data loss", "outage")
"""Verdicts that nobody should deploy without a decision."""
DATA: Mapping[str, str] = {
    "AWS::CloudFormation::Stack": "everything in it",
    "AWS::DynamoDB::Table": "items",
    "AWS::ECR::Repository": "images",
    "AWS::EFS::FileSystem": "files",
    "AWS::Logs::LogGroup": "log events",
    "AWS::RDS::DBCluster": "databases",
    "AWS::RDS::DBInstance": "databases",
    "AWS::SageMaker::FeatureGroup": "records",
    "AWS::SageMaker::ModelPackage": "the model version",
    "AWS::S3::Bucket": "objects",
    "AWS::KMS::Key": "everything encrypted with it",
    "AWS::SageMaker::ModelPackageGroup": "model versions",
}
_SERVES = "AWS::SageMaker::Endpoint"
_OWN = "AWS::CDK::Metadata"
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy", "DependsOn")


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource, or, without a logical id, to a whole stack.

    `paths` are the properties that cause it, `details` what changes in them; `way` is what to do instead, if any.
    """

    stack: str
    logical_id: str
    type: str
    verdict: Verdict
    paths: tuple[str, ...] = ()
    why: str = ""
    way: str = ""
    details: tuple[str, ...] = ()


def compare(before: Assembly, after: Assembly) -> tuple[Change, ...]:
    """Every resource that deploying `after` over `before` touches, by stack and logical id."""
    found: list[Change] = []
    for key in sorted({*before.templates, *after.templates}):
        if key not in after.templates:
            why = "cdk deploy leaves a stack alone that the app no longer has; cdk destroy takes it"
            found.append(_whole(key, "kept", why))
            continue
        found += [_whole(key, "refused", f"synth found an error: {text}") for text in after.errors.get(key, ())]
        old, new = before.templates.get(key, {}), after.templates[key]
        tagged = before.tags.get(key, {}) != after.tags.get(key, {})
        judged = [_detailed(change, old, new) for change in _stack(_name(key), old, new, tagged=tagged)]
        gone = {item.logical_id for item in judged if item.verdict in ("replaced", "data loss", "removed")}
        others = [template for name, template in before.templates.items() if name != key]
        exports = refused_exports(old, new, gone, others)
        way = "the importing stack first, without the import"
        found += [*judged, *(_whole(key, "refused", why, (f"Outputs.{name}",), way) for name, why in exports)]
    return tuple(found)


def _whole(key: str, verdict: Verdict, why: str, paths: tuple[str, ...] = (), way: str = "") -> Change:
    """A change of a whole stack."""
    return Change(_name(key), "", "AWS::CloudFormation::Stack", verdict, paths, why, way)


def _name(key: str) -> str:
    """The stack's name, without its environment."""
    return key.rpartition("/")[2]


def _stack(stack: str, before: Template, after: Template, *, tagged: bool) -> Iterator[Change]:
    old, new = (_resources(template) for template in (before, after))
    causes = _causes(before, after, tagged=tagged and bool(old))
    refused = refused_updates(old, new)
    for key, paths in causes.items():
        if any(path.startswith(CAPTURED) for path in paths) and _properties(old[key]).get("DataCaptureConfig"):
            refused.setdefault(key, CAPTURE_MOVES)
    undecided = changed_conditions(before, after)
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
        else:
            yield from _kept(stack, key, old[key], new[key], causes.get(key, ()), undecided)


def _kept(
    stack: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any], causes: tuple[str, ...], undecided: set[str]
) -> Iterator[Change]:
    """What happens to a resource that stays: what its properties cause, what a condition leaves open, or a policy."""
    judged = _changed(stack, key, old, new, causes) if causes else None
    open_paths = [path for path, name in decided_by(_properties(new)) if name in undecided]
    condition = new.get("Condition")
    if condition != old.get("Condition") or condition in undecided:
        open_paths.append("Condition")
    if judged is not None and (judged.verdict in STOPS or not open_paths):
        yield judged
    elif open_paths:
        why = "a condition that changes decides it, at deployment"
        yield Change(stack, key, new["Type"], "unknown", tuple(dict.fromkeys((*open_paths, *causes))), why)
    elif any(old.get(name) != new.get(name) for name in _POLICIES):
        paths = tuple(name for name in _POLICIES if old.get(name) != new.get(name))
        yield Change(stack, key, new["Type"], "in place", paths, "only how CloudFormation treats it changes")


def _detailed(change: Change, before: Template, after: Template) -> Change:
    """The change with what differs in its properties."""
    old, new = (_resources(template).get(change.logical_id) for template in (before, after))
    if old is None or new is None:
        return change
    return replace(change, details=tuple(differences(_properties(old), _properties(new))))


def _causes(before: Template, after: Template, *, tagged: bool) -> dict[str, tuple[str, ...]]:
    """The changed properties of each resource that stays.

    Those count too that refer to a replaced resource, that look something up in a changed mapping, and tags that a
    stack hands to resources whose tags are create-only.
    """
    old, new = (_resources(template) for template in (before, after))
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
    causes = tuple(path for path in paths if updates.replaces(type, path))
    if type == "AWS::SageMaker::FeatureGroup" and not causes:
        why, way = feature_changes(_properties(old), _properties(new))
        if why:
            return Change(stack, key, type, "refused", paths, why, way)
    if not causes:
        maybe = tuple(path for path in paths if updates.may_replace(type, path))
        if maybe:
            return Change(stack, key, type, "replaced", maybe, "the service may replace it")
        return Change(stack, key, type, "in place", paths)
    name = updates.name_property(type)
    given = _properties(new).get(name) if name else None
    if name is not None and given is not None and name not in paths:
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
        way = "an account that is not destroyable keeps it; or DeletionPolicy Retain in a deployment before"
        why = f"it is deleted with {DATA[type]}"
        return Change(stack, key, type, "data loss", (), why, way)
    if type == _SERVES:
        return Change(stack, key, type, "outage", (), "what calls the endpoint fails from then on")
    return Change(stack, key, type, "removed")


def _replaces(type: str, paths: list[str]) -> bool:
    return updates.known(type) and any(updates.replaces(type, path) for path in paths)


def _resources(template: Template) -> dict[str, Any]:
    """The resources but for what the cdk CLI adds for itself, and for macros, whose resources nobody knows yet."""
    items = template.get("Resources", {}).items()
    return {key: item for key, item in items if isinstance(item, Mapping) and item.get("Type", _OWN) != _OWN}


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resource.get("Properties", {})
    return found
