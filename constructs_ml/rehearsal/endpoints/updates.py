"""What an update of an endpoint may ask for, and changes of weights and instance counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_ml.rehearsal.calls import Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.alarms import missing
from constructs_ml.rehearsal.endpoints.fleet import Fleet
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.plan import Plan, plan
from constructs_ml.rehearsal.endpoints.told import told
from constructs_ml.rehearsal.sagemaker.store import Resource, Store


def planned(account: EmbeddedAccount, deployment: Mapping[str, Json] | None, config: Resource) -> Plan:
    """The plan of a DeploymentConfig; its alarms must be there."""
    variants = config.fields["ProductionVariants"]
    found = plan(deployment, sum(int(variant.get("InitialInstanceCount", 0)) for variant in variants))
    absent = missing(account, found.alarms)
    if absent:
        raise invalid(f"AutoRollbackConfiguration: no CloudWatch alarm is named {', '.join(absent)}.")
    if not deployment:
        return found
    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html.
    if any("ServerlessConfig" in variant for variant in variants):
        raise invalid("DeploymentConfig: a serverless endpoint has no deployment guardrails.")
    if "RollingUpdatePolicy" in deployment and len(variants) > 1:
        raise invalid("RollingUpdatePolicy: endpoints with several production variants are excluded.")
    return found


def check(
    account: EmbeddedAccount, old: Fleet, config: Resource, deployment: Mapping[str, Json] | None, endpoint: str
) -> None:
    """Refuse an update that SageMaker refuses for what the endpoint is now."""
    before = {variant.name: variant.config for variant in old.variants}
    after = {variant["VariantName"]: variant for variant in config.fields["ProductionVariants"]}
    if deployment and set(before) != set(after):
        names = f"{', '.join(sorted(before))} before, {', '.join(sorted(after))} after"
        raise invalid(f"DeploymentConfig: the variants must have the same names in both configs: {names}.")
    if ("AsyncInferenceConfig" in old.config.fields) != ("AsyncInferenceConfig" in config.fields):
        raise invalid("An asynchronous endpoint cannot become a real-time one, nor the other way round.")
    # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html: deregister before the type changes.
    changed = [
        name
        for name, variant in before.items()
        if variant.get("InstanceType") != after.get(name, {}).get("InstanceType") and "InstanceType" in variant
    ]
    scaled = _scaled(account, endpoint, changed) if changed else []
    if scaled:
        raise invalid(
            f"The instance type of variant {', '.join(scaled)} cannot change while it is registered as a scalable"
            " target: deregister it with Application Auto Scaling first."
        )


def scale(account: EmbeddedAccount, store: Store, live: Live, wanted: Sequence[Mapping[str, Json]]) -> None:
    """Give variants other weights and instance counts; the same servers go on answering.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html.
    """
    fleet = live.fleet
    assert fleet is not None
    for item in wanted:
        variant = next(one for one in fleet.variants if one.name == item["VariantName"])
        before = variant.instances
        if item.get("ServerlessUpdateConfig"):
            serverless = {**variant.config["ServerlessConfig"], **item["ServerlessUpdateConfig"]}
            variant.config = {**variant.config, "ServerlessConfig": serverless}
        variant.weight = float(item.get("DesiredWeight", variant.weight))
        variant.instances = int(item.get("DesiredInstanceCount", before))
        if variant.instances != before:
            way = "out" if variant.instances > before else "in"
            text = f"Scaling {way} desired instance count to {variant.instances}."
            account.journal.write("endpoint", live.name, text, variant=variant.name, instances=variant.instances)
            told(account, live, "UPDATING", fleet, ("Updating", text))
    store.change(live.resource, EndpointStatus="InService", **fleet.describe())


def _scaled(account: EmbeddedAccount, endpoint: str, variants: Sequence[str]) -> list[str]:
    resources = [f"endpoint/{endpoint}/variant/{name}" for name in variants]
    client = account.client("application-autoscaling")
    found = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=resources)["ScalableTargets"]
    return [target["ResourceId"].rpartition("/")[2] for target in found]
