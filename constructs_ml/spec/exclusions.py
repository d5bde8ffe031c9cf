"""What AWS does not let go together at an endpoint: one list of rules, read by the spec, the compiler and the docs.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from constructs_ml.facts import limits
from constructs_ml.faults import Faults
from constructs_ml.spec.compute import Instances, Serverless
from constructs_ml.spec.deployment import AllAtOnce, Canary, Deployment, Linear, Rolling

if TYPE_CHECKING:
    from constructs_ml.spec.endpoint import EndpointSpec

Kind = Literal["instances", "burstable", "inferentia", "variants", "serverless", "provisioned"]
KINDS: tuple[Kind, ...] = ("instances", "burstable", "inferentia", "variants", "serverless", "provisioned")
_SERVERLESS = ("serverless", "provisioned")
_LEAST_SHARE: dict[type[Deployment], int] = {
    Linear: limits.LINEAR_PERCENT[0],
    Rolling: limits.ROLLING_PERCENT[0],
}


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One combination that is refused: the row of the refusal table, what was got, and what goes instead."""

    row: str
    got: str
    allowed: str


def kinds_of(spec: EndpointSpec, instance_types: tuple[str | None, ...] = ()) -> tuple[Kind, ...]:
    """The kinds that an endpoint is at once; instance types are the account's where a variant names none."""
    found: list[Kind] = ["variants"] if len(spec.variants) > 1 else []
    for index, variant in enumerate(spec.variants):
        compute = variant.compute
        given = instance_types[index] if index < len(instance_types) else None
        if isinstance(compute, Serverless):
            found.append("provisioned" if compute.provisioned else "serverless")
        else:
            found.append(_kind_of_type(compute.instance_type or given or ""))
    return tuple(dict.fromkeys(found))


def exclusions(
    kind: Kind, deployment: Deployment, measures: tuple[str, ...], *, scheduled: bool, capture: bool
) -> Iterator[Exclusion]:
    """What speaks against one combination, in AWS's words as far as AWS gives any."""
    name = type(deployment).__name__
    steps = isinstance(deployment, (Canary, Linear, Rolling))
    if kind in _SERVERLESS and (steps or getattr(deployment, "hold", None)):
        yield Exclusion("serverless-deployment", name, "AllAtOnce() without a hold")
    if kind == "inferentia" and (steps or getattr(deployment, "hold", None)):
        yield Exclusion("inferentia-deployment", name, "AllAtOnce() without a hold, or ml.inf2 instances")
    if kind == "variants" and isinstance(deployment, Rolling):
        yield Exclusion("variants-rolling", name, "AllAtOnce, Canary or Linear")
    if kind in _SERVERLESS and capture:
        yield Exclusion("serverless-capture", "capture", "no capture, or Instances()")
    yield from _scaling(kind, measures, scheduled=scheduled)


def _scaling(kind: Kind, measures: tuple[str, ...], *, scheduled: bool) -> Iterator[Exclusion]:
    if not (measures or scheduled):
        return
    if kind == "serverless":
        yield Exclusion("serverless-scaling", "autoscaling", "no autoscaling, or provisioned concurrency")
    if kind == "burstable":
        yield Exclusion("burstable-scaling", "autoscaling", "no autoscaling, or instances that are not burstable")
    for measure in measures:
        of_serverless = measure == "provisioned_utilisation"
        if kind == "provisioned" and not of_serverless:
            yield Exclusion("provisioned-measure", measure, "provisioned_utilisation, or schedules")
        if kind not in _SERVERLESS and of_serverless:
            yield Exclusion("instances-measure", measure, "a measure per instance, or utilisation")


def check_endpoint(
    spec: EndpointSpec,
    where: str,
    faults: Faults,
    *,
    instance_types: tuple[str | None, ...] = (),
    deployment: Deployment | None = None,
) -> None:
    """Add a fault for everything that does not go together; the account's types and policy count where given."""
    policy = deployment or spec.deployment
    measures = tuple(spec.autoscaling.measures) if spec.autoscaling else ()
    scheduled = bool(spec.autoscaling and spec.autoscaling.schedules)
    kinds = kinds_of(spec, instance_types)
    for kind in kinds:
        for found in exclusions(kind, policy, measures, scheduled=scheduled, capture=spec.capture is not None):
            faults.add(found.row, where=where, got=found.got, allowed=found.allowed)
    for variant in spec.variants:
        place = f"{where}, variant {variant.name!r}"
        if isinstance(variant.compute, Serverless):
            _check_serverless(spec, variant.compute, place, faults)
        else:
            _check_instances(spec, variant.compute, policy, place, faults)


def _check_serverless(spec: EndpointSpec, compute: Serverless, where: str, faults: Faults) -> None:
    if len(spec.variants) > 1:
        faults.add("serverless-variants", where=where, got=len(spec.variants), allowed="one variant, or Instances()")
    if spec.network.vpc or spec.network.subnets or spec.network.isolation:
        got = "vpc=True" if spec.network.vpc else "subnets=" if spec.network.subnets else "isolation=True"
        faults.add("serverless-network", where=where, got=got, allowed="Network(), or Instances()")
    if spec.rollback:
        faults.add("serverless-rollback", where=where, got=spec.rollback, allowed="no rollback=, or Instances()")
    scaling, warm = spec.autoscaling, compute.provisioned
    if scaling and warm and not scaling.least <= warm <= scaling.most <= compute.concurrency:
        got = f"{scaling.least} to {scaling.most}"
        allowed = f"{warm} provisioned between both, at most {compute.concurrency}"
        faults.add("scaling-concurrency", where=where, got=got, allowed=allowed)


def _check_instances(spec: EndpointSpec, compute: Instances, policy: Deployment, where: str, faults: Faults) -> None:
    scaling = spec.autoscaling
    least = scaling.least if scaling else instances_of(spec, compute)
    most = scaling.most if scaling else least
    step = None if isinstance(policy, AllAtOnce) else policy.instances
    if step is not None and step > least // 2:
        got, allowed = f"{step} of {least} instances", f"at most {least // 2}, or percent="
        faults.add("deployment-half", where=where, got=got, allowed=allowed)
    share = _LEAST_SHARE.get(type(policy), 0)
    if step is not None and step * 100 < share * most:
        got, allowed = f"{step} of {most} instances", f"at least {share} % of them, or percent="
        faults.add("deployment-share", where=where, got=got, allowed=allowed)
    if scaling and not scaling.minimum <= instances_of(spec, compute) <= scaling.maximum:
        allowed = f"{scaling.minimum} to {scaling.maximum}"
        faults.add("scaling-count", where=where, got=compute.count, allowed=allowed)


def least_instances(spec: EndpointSpec) -> int:
    """The instances that the smallest variant has at least."""
    counts = [instances_of(spec, item.compute) for item in spec.variants if isinstance(item.compute, Instances)]
    return spec.autoscaling.least if spec.autoscaling else min(counts, default=0)


def instances_of(spec: EndpointSpec, compute: Instances) -> int:
    """The instances that a variant begins with."""
    return compute.count or (spec.autoscaling.minimum if spec.autoscaling else 1)


def _kind_of_type(instance_type: str) -> Kind:
    if instance_type.startswith("ml.t2."):
        return "burstable"
    return "inferentia" if instance_type.startswith("ml.inf1.") else "instances"
