"""Autoscaling of an endpoint's variants: a target each, and the policy that tracks its measure."""

from __future__ import annotations

from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.template import Json, ref, sub, tag_list
from constructs_ml.contract import metrics
from constructs_ml.spec.compute import Serverless
from constructs_ml.spec.endpoint import Variant
from constructs_ml.spec.scaling import AutoScaling

_PREDEFINED = {
    "invocations_per_instance": "SageMakerVariantInvocationsPerInstance",
    "concurrency_per_instance": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "provisioned_utilisation": "SageMakerVariantProvisionedConcurrencyUtilization",
}


def add_scaling(context: EndpointContext, endpoint: Json) -> None:
    """Add a target and a policy for each variant, where the endpoint scales."""
    scaling = context.spec.autoscaling
    if scaling is None:
        return
    for variant in context.spec.variants:
        target = _target(context, scaling, variant, endpoint)
        for measure, value in scaling.measures.items():
            context.template.add(
                f"{variant.name} scaling policy",
                "AWS::ApplicationAutoScaling::ScalingPolicy",
                {
                    "PolicyName": f"{context.name}-{variant.name}",
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": ref(target),
                    "TargetTrackingScalingPolicyConfiguration": {
                        **_metric(context, variant, measure, value),
                        "ScaleInCooldown": int(scaling.scale_in_cooldown.total_seconds()),
                        "ScaleOutCooldown": int(scaling.scale_out_cooldown.total_seconds()),
                    },
                },
            )


def _target(context: EndpointContext, scaling: AutoScaling, variant: Variant, endpoint: Json) -> str:
    counted = "ProvisionedConcurrency" if isinstance(variant.compute, Serverless) else "InstanceCount"
    properties: dict[str, Json] = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": sub(f"endpoint/${{Endpoint}}/variant/{variant.name}", Endpoint=endpoint),
        "ScalableDimension": f"sagemaker:variant:Desired{counted}",
        "MinCapacity": scaling.minimum,
        "MaxCapacity": scaling.maximum,
        "Tags": tag_list(context.tags),
    }
    if scaling.schedules:
        properties["ScheduledActions"] = [
            {
                "ScheduledActionName": item.name,
                "Schedule": f"cron({item.expression})",
                "Timezone": item.time_zone,
                "ScalableTargetAction": {"MinCapacity": item.minimum, "MaxCapacity": item.maximum},
            }
            for item in scaling.schedules
        ]
    return context.template.add(
        f"{variant.name} scaling target", "AWS::ApplicationAutoScaling::ScalableTarget", properties
    )


def _metric(context: EndpointContext, variant: Variant, measure: str, value: float) -> dict[str, Json]:
    if measure in _PREDEFINED:
        target = value / 100 if measure == "provisioned_utilisation" else value
        return {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": _PREDEFINED[measure]},
        }
    dimensions = metrics.variant_dimensions(context.name, variant.name)
    return {
        "TargetValue": value,
        "CustomizedMetricSpecification": {
            "Namespace": metrics.ENDPOINT_INSTANCES_NAMESPACE,
            "MetricName": "CPUUtilization",
            "Statistic": "Average",
            "Unit": "Percent",
            "Dimensions": [{"Name": name, "Value": item} for name, item in dimensions.items()],
        },
    }
