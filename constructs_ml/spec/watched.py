"""Whether an endpoint captures what its monitors look at, and whether all that is watched is told apart."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.faults import Faults
from constructs_ml.spec.checks import alike
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.monitors import Monitor


def check_watched(endpoint: EndpointSpec | None, monitors: Sequence[Monitor], where: str) -> None:
    """Raise `SpecError` with every monitor that could never work, and every name that two of them share."""
    faults = Faults()
    capture = endpoint.capture if endpoint else None
    if monitors and capture is None:
        got = "no endpoint" if endpoint is None else "an endpoint without capture"
        faults.add("monitor-capture", where=where, got=got, allowed="endpoint=EndpointSpec(capture=DataCapture())")
    for monitor in monitors:
        if capture is not None and monitor.captured not in capture.what:
            got, allowed = f"capture of {capture.what}", f"{monitor.captured} or InputAndOutput"
            faults.add("monitor-blind", where=f"{where}, monitor {monitor.name!r}", got=got, allowed=allowed)
    _check_names(endpoint, [monitor.name for monitor in monitors], where, faults)
    faults.raise_if_any()


def _check_names(endpoint: EndpointSpec | None, watching: Sequence[str], where: str, faults: Faults) -> None:
    """Alarms of variants and of monitors are named alike, so no two of either may share a name."""
    variants = [variant.name for variant in endpoint.variants] if endpoint else []
    for name in dict.fromkeys(watching):
        if [*watching, *variants].count(name) > 1:
            got = "two monitors, or a monitor and a variant"
            faults.add("monitor-taken", where=where, got=got, allowed="name= to tell them apart", name=name)
    for group in alike(dict.fromkeys(watching)):
        faults.add("names-alike", where=where, got=group, allowed="other names", names=" and ".join(group))
