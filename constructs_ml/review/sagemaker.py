"""Updates that SageMaker refuses although CloudFormation's schemas allow them, each with the way that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_ml.facts import limits
from constructs_ml.review.references import references, text_of

Reason = tuple[str, str]
_ENDPOINT, _CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def feature_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Reason:
    """Why a feature group's definitions cannot change like this; two empty texts if they can.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateFeatureGroup.html
    """
    before, after = (_types(item) for item in (old, new))
    way = "a new version of the group beside this one"
    gone = [name for name in before if name not in after]
    if gone:
        return f"Feature Store never removes a feature: {', '.join(gone)}", way
    retyped = [name for name, kind in before.items() if after[name] != kind]
    if retyped:
        return f"Feature Store never retypes a feature: {', '.join(retyped)}", way
    added = len(after) - len(before)
    if added > limits.FEATURES_ADDED_AT_ONCE:
        return f"one update adds at most {limits.FEATURES_ADDED_AT_ONCE} features, not {added}", "several deployments"
    return "", ""


def refused_updates(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Reason]:
    """Endpoint configurations that the endpoint would refuse to move to, by logical id."""
    found: dict[str, Reason] = {}
    for key in new:
        if key in old and old[key]["Type"] == new[key]["Type"] == _CONFIG:
            before, after = (side[key].get("Properties", {}) for side in (old, new))
            reason = _config(before, after, _scaled_variants(old, key))
            if reason:
                found[key] = reason
    return found


def _config(old: Mapping[str, Any], new: Mapping[str, Any], scaled: set[str]) -> Reason | None:
    before, after = _variants(old), _variants(new)
    gone = [name for name in before if name not in after]
    if gone and not set(before) & set(after):
        way = f"keep the name {gone[0]!r}: what callers and scaling refer to is the variant's place, not its version"
        return f"an update needs a variant of the same name; {', '.join(gone)} would be gone", way
    busy = [name for name in gone if before[name].get("InitialVariantWeight", 1)]
    if busy:
        return f"variant {', '.join(busy)} still has traffic", "weight=0 in a deployment before"
    held = [name for name in gone if name in scaled]
    if held:
        return (
            f"variant {', '.join(held)} is still a registered scalable target",
            "its scaling out, in a deployment before",
        )
    for name in before:
        if name in after:
            reason = _variant(name, before[name], after[name], name in scaled)
            if reason:
                return reason
    return _capture(old, new)


def _variants(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The variants by name, as far as the template says them."""
    items = config.get("ProductionVariants", [])
    known = [item for item in (items if isinstance(items, list) else []) if isinstance(item.get("VariantName"), str)]
    return {item["VariantName"]: item for item in known}


def _variant(name: str, old: Mapping[str, Any], new: Mapping[str, Any], scaled: bool) -> Reason | None:
    if "ServerlessConfig" in new and "ServerlessConfig" not in old:
        return f"variant {name!r} has instances, and SageMaker does not make it serverless", "another endpoint"
    if scaled and old.get("InstanceType") != new.get("InstanceType"):
        return (
            f"variant {name!r} is a registered scalable target, and its instance type cannot change while it is",
            "three deployments: without autoscaling, with the new type, with autoscaling",
        )
    return None


def _capture(old: Mapping[str, Any], new: Mapping[str, Any]) -> Reason | None:
    before, after = (side.get("DataCaptureConfig", {}).get("DestinationS3Uri") for side in (old, new))
    if before is not None and after is not None and before != after:
        return (
            "monitors read the destination that capture began with, and SageMaker keeps it for the endpoint's variants",
            "two deployments: without capture, then with the new destination",
        )
    return None


def _scaled_variants(resources: Mapping[str, Any], config: str) -> set[str]:
    """The variants of the endpoints with a configuration that are registered for scaling before the update."""
    endpoints = {
        key: item.get("Properties", {})
        for key, item in resources.items()
        if item["Type"] == _ENDPOINT and config in {name for _, name in references(item.get("Properties", {}))}
    }
    names = {str(item.get("EndpointName")) for item in endpoints.values()}
    found: set[str] = set()
    for item in resources.values():
        if item["Type"] == _TARGET:
            place = item.get("Properties", {}).get("ResourceId", "")
            head, _, variant = text_of(place).rpartition("/variant/")
            if head.removeprefix("endpoint/") in names or {name for _, name in references(place)} & set(endpoints):
                found.add(variant)
    return found


def _types(properties: Mapping[str, Any]) -> dict[str, str]:
    items = properties.get("FeatureDefinitions", [])
    known = [item for item in (items if isinstance(items, list) else []) if "FeatureName" in item]
    return {item["FeatureName"]: item.get("FeatureType", "") for item in known}
