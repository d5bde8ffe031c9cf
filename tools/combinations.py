"""Writes docs/endpoint-combinations.md: which endpoints AWS allows, and why it refuses the others.

python -m tools.combinations > docs/endpoint-combinations.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from constructs_ml import (
    AllAtOnce,
    AutoScaling,
    Canary,
    DataCapture,
    EndpointSpec,
    Instances,
    Linear,
    Rolling,
    ScheduledCapacity,
    Serverless,
    SpecError,
    Variant,
)
from constructs_ml.faults import Fault
from constructs_ml.refusals import REFUSALS
from constructs_ml.spec.deployment import Deployment
from constructs_ml.spec.exclusions import KINDS, Kind

SCALINGS = ("none", "invocations", "concurrency", "utilisation", "provisioned", "schedule")
_TWO = Instances(count=2)
_WARM = Serverless(concurrency=10, provisioned=2)
_SHOWN: dict[Kind, str] = {
    "instances": "instances",
    "burstable": "ml.t2 instances",
    "inferentia": "ml.inf1 instances",
    "variants": "several variants",
    "serverless": "serverless",
    "provisioned": "serverless, provisioned",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination."""

    kind: Kind
    deployment: Deployment
    scaling: str
    capture: bool

    def build(self) -> EndpointSpec:
        """The endpoint. Raises `SpecError` where AWS refuses it."""
        return EndpointSpec(
            variants=_variants(self.kind),
            deployment=self.deployment,
            autoscaling=_scaling(self.scaling),
            capture=DataCapture() if self.capture else None,
        )

    def refusals(self) -> tuple[Fault, ...]:
        """Why AWS refuses it; nothing where it is allowed."""
        try:
            self.build()
        except SpecError as refused:
            return refused.faults
        return ()

    @property
    def policy(self) -> str:
        return type(self.deployment).__name__


def cells() -> Iterator[Cell]:
    """Every combination of kind, policy, scaling and capture."""
    policies = (AllAtOnce(), Canary(percent=50), Linear(percent=50, bake=timedelta(minutes=5)), Rolling(percent=50))
    for kind in KINDS:
        for deployment in policies:
            for scaling in SCALINGS:
                for capture in (False, True):
                    yield Cell(kind, deployment, scaling, capture)


def table() -> str:
    """The page: a row a kind and policy, a column a scaling, and the reasons below."""
    found = list(cells())
    lines = [
        "# Which endpoints AWS allows",
        "",
        "Written by `python -m tools.combinations` out of the rules that refuse the others; every cell is tested. A",
        "cell says whether the combination works with data capture and without: **yes** both ways, *no capture* only",
        "without it, or the number of the reason. The endpoint's kind stands left, autoscaling above.",
        "",
        f"| endpoint | deployment | {' | '.join(SCALINGS)} |",
        f"|---|---|{'---|' * len(SCALINGS)}",
    ]
    reasons: dict[str, int] = {}
    for kind in KINDS:
        for policy in dict.fromkeys(cell.policy for cell in found):
            row = [cell for cell in found if (cell.kind, cell.policy) == (kind, policy)]
            shown = [_cell([cell for cell in row if cell.scaling == scaling], reasons) for scaling in SCALINGS]
            lines.append(f"| {_SHOWN[kind]} | {policy} | {' | '.join(shown)} |")
    lines += ["", "| | refused because | id |", "|---|---|---|"]
    lines += [f"| {number} | {REFUSALS[id].what}: {REFUSALS[id].why} | `{id}` |" for id, number in reasons.items()]
    return "\n".join(lines) + "\n"


def _cell(pair: list[Cell], reasons: dict[str, int]) -> str:
    without, with_capture = ({fault.id for fault in cell.refusals()} for cell in pair)
    if not without:
        return "*no capture*" if with_capture else "**yes**"
    return ", ".join(str(reasons.setdefault(id, len(reasons) + 1)) for id in sorted(without))


def _variants(kind: Kind) -> tuple[Variant, ...]:
    match kind:
        case "instances":
            return (Variant(compute=_TWO),)
        case "burstable":
            return (Variant(compute=Instances(instance_type="ml.t2.medium", count=2)),)
        case "inferentia":
            return (Variant(compute=Instances(instance_type="ml.inf1.xlarge", count=2)),)
        case "variants":
            return (Variant(compute=_TWO), Variant(name="other", compute=_TWO))
        case "serverless":
            return (Variant(compute=Serverless()),)
        case "provisioned":
            return (Variant(compute=_WARM),)


def _scaling(name: str) -> AutoScaling | None:
    match name:
        case "invocations":
            return AutoScaling(2, 4, invocations_per_instance=500)
        case "concurrency":
            return AutoScaling(2, 4, concurrency_per_instance=5)
        case "utilisation":
            return AutoScaling(2, 4, utilisation=60)
        case "provisioned":
            return AutoScaling(2, 4, provisioned_utilisation=70)
        case "schedule":
            return AutoScaling(2, 4, schedules=(ScheduledCapacity("0 6 ? * MON-FRI *", 3, 4, "Europe/Berlin"),))
        case _:
            return None


if __name__ == "__main__":
    print(table(), end="")
