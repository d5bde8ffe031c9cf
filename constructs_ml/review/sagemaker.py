"""Updates that SageMaker refuses although CloudFormation's schemas allow them, each with the way that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_ml.facts import limits
from constructs_ml.review.references import references, text_of

Reason = tuple[str, str]
_ENDPOINT, _CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
CAPTURED = "DataCaptureConfig.DestinationS3Uri"
CAPTURE_MOVES: Reason = (
    "monitors read the destination that capture began with, and SageMaker keeps it for the endpoint's variants",
    "two deployments: without capture, then with the new destination",
)


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
    """Configurations that an endpoint would refuse to move to, by the logical id of what changes.

    That is the configuration where it keeps its logical id, and the endpoint where it moves to another one.
    """
    found: dict[str, Reason] = {}
    for key in new:
        if key not in old or not old[key]["Type"] == new[key]["Type"] == _ENDPOINT:
            continue
        before, after = (_config_of(side, key) for side in (old, new))
        if before in old and after in new and old[before]["Type"] == new[after]["Type"] == _CONFIG:
            pair = (old[before].get("Properties", {}), new[after].get("Properties", {}))
            reason = _config(*pair, _scaled_variants(old, key))
            if reason:
                found[after if before == after else key] = reason
    return found


def _config_of(resources: Mapping[str, Any], endpoint: str) -> str:
    """The logical id of the configuration that an endpoint refers to."""
    wanted = resources[endpoint].get("Properties", {}).get("EndpointConfigName")
    return next((name for _, name in references({"": wanted})), "")


def _config(old: Mapping[str, Any], new: Mapping[str, Any], scaled: set[str]) -> Reason | None:
    before, after = _variants(old), _variants(new)
    gone = [name for name in before if name not in after]
    if gone and not set(before) & set(after):
        way = f"keep the name {gone[0]!r}: what callers and scaling refer to is the variant's place, not its version"
        return f"an update needs a variant of the same name; {', '.join(gone)} would be gone", way
    busy = [name for name in gone if _weight(before[name])]
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
    return None


def _weight(variant: Mapping[str, Any]) -> float:
    """The variant's weight; one that is not written out may be anything above 0."""
    try:
        return float(variant.get("InitialVariantWeight", 1))
    except (TypeError, ValueError):
        return 1.0


def _variants(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The variants by name, as far as the template says them."""
    items = config.get("ProductionVariants", [])
    return {item["VariantName"]: item for item in _named(items, "VariantName")}


def _named(items: Any, name: str) -> list[Mapping[str, Any]]:
    """The items of a list that say their names; an intrinsic may stand for others."""
    known = items if isinstance(items, list) else []
    return [item for item in known if isinstance(item, Mapping) and isinstance(item.get(name), str)]


def _variant(name: str, old: Mapping[str, Any], new: Mapping[str, Any], scaled: bool) -> Reason | None:
    if "ServerlessConfig" in new and "ServerlessConfig" not in old:
        return f"variant {name!r} has instances, and SageMaker does not make it serverless", "another endpoint"
    if scaled and old.get("InstanceType") != new.get("InstanceType"):
        return (
            f"variant {name!r} is a registered scalable target, and its instance type cannot change while it is",
            "three deployments: without autoscaling, with the new type, with autoscaling",
        )
    return None


def _scaled_variants(resources: Mapping[str, Any], endpoint: str) -> set[str]:
    """The variants of an endpoint that are registered for scaling before the update."""
    name = resources[endpoint].get("Properties", {}).get("EndpointName")
    found: set[str] = set()
    for item in resources.values():
        if item["Type"] == _TARGET:
            place = item.get("Properties", {}).get("ResourceId", "")
            head, _, variant = text_of(place).rpartition("/variant/")
            if head == f"endpoint/{name}" or endpoint in {other for _, other in references(place)}:
                found.add(variant)
    return found


def _types(properties: Mapping[str, Any]) -> dict[str, str]:
    items = _named(properties.get("FeatureDefinitions"), "FeatureName")
    return {item["FeatureName"]: item.get("FeatureType", "") for item in items}
