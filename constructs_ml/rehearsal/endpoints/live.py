"""An endpoint that answers: its fleet, the fleet that is to follow, and how traffic is split between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.endpoints.fleet import Fleet, Variant
from constructs_ml.rehearsal.endpoints.traffic import Router, Sampler
from constructs_ml.rehearsal.sagemaker.store import Resource


@dataclass(slots=True, eq=False)
class Live:
    """One endpoint; `share` of the traffic goes to `new`, the rest to `fleet`."""

    resource: Resource
    fleet: Fleet | None = None
    new: Fleet | None = None
    share: float = 0.0
    router: Router = field(default_factory=Router)
    captured: Sampler = field(default_factory=Sampler)
    shadowed: Sampler = field(default_factory=Sampler)

    @property
    def name(self) -> str:
        return self.resource.name

    def route(self, target: str = "") -> tuple[Fleet, Variant]:
        """Who answers the next request; `target` names a variant, whatever its weight."""
        fleet, new, share = self.fleet, self.new, self.share
        if fleet is None:
            raise ServiceError("ValidationError", f"Endpoint {self.name} not found.")
        shares = [(fleet, 1.0 if new is None else 1.0 - share)]
        shares += [(new, share)] if new is not None and share > 0 else []
        choices = [
            ((one, variant), part * (1.0 if target else _part(one, variant)))
            for one, part in shares
            for variant in one.variants
            if not target or variant.name == target
        ]
        if not choices:
            raise ServiceError("ValidationError", f"Variant {target} not found for Request.")
        return self.router.pick(choices)

    def shadow(self, fleet: Fleet) -> Variant | None:
        """The shadow variant that gets a copy of this request: as often as its weight is of the production's.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html.
        """
        total = sum(variant.weight for variant in fleet.variants)
        for shadow in fleet.shadows:
            if total > 0 and self.shadowed.takes(100 * min(1.0, shadow.weight / total)):
                return shadow
        return None

    def stop(self, patience: float = 60.0) -> None:
        """Stop every server."""
        fleets, self.fleet, self.new = (self.fleet, self.new), None, None
        for fleet in fleets:
            if fleet is not None:
                fleet.stop(patience)


def _part(fleet: Fleet, variant: Variant) -> float:
    total = sum(item.weight for item in fleet.variants)
    return variant.weight / total if total else 1.0 / len(fleet.variants)
