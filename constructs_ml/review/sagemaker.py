"""Updates that SageMaker refuses although CloudFormation's schemas allow them, each with the way that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_ml.facts import limits

Reason = tuple[str, str]
_CONFIG, _TARGET = "AWS::SageMaker::EndpointConfig", "AWS::ApplicationAutoScaling::ScalableTarget"


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
    scaled = _scaled_variants(old)
    for key in new:
        if key in old and old[key]["Type"] == new[key]["Type"] == _CONFIG:
            reason = _config(old[key]["Properties"], new[key]["Properties"], scaled)
            if reason:
                found[key] = reason
    return found


def _config(old: Mapping[str, Any], new: Mapping[str, Any], scaled: set[str]) -> Reason | None:
    before, after = ({item["VariantName"]: item for item in side["ProductionVariants"]} for side in (old, new))
    gone = [name for name in before if name not in after]
    if gone and not set(before) & set(after):
        way = f"keep the name {gone[0]!r}: what callers and scaling refer to is the variant's place, not its version"
        return f"an update needs a variant of the same name; {', '.join(gone)} would be gone", way
    busy = [name for name in gone if before[name].get("InitialVariantWeight", 1)]
    if busy:
        return f"variant {', '.join(busy)} still has traffic", "weight=0 in a deployment before"
    for name in before:
        if name in after:
            reason = _variant(name, before[name], after[name], name in scaled)
            if reason:
                return reason
    return _capture(old, new)


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


def _scaled_variants(resources: Mapping[str, Any]) -> set[str]:
    """The variants that are registered for scaling before the update."""
    ids = [item["Properties"]["ResourceId"] for item in resources.values() if item["Type"] == _TARGET]
    texts = [item if isinstance(item, str) else item.get("Fn::Sub", [""])[0] for item in ids]
    return {text.rpartition("/variant/")[2] for text in texts}


def _types(properties: Mapping[str, Any]) -> dict[str, str]:
    return {item["FeatureName"]: item["FeatureType"] for item in properties["FeatureDefinitions"]}
