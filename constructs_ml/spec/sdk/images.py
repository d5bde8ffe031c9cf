"""The image that an object of the SDK names by its whole URI."""

from __future__ import annotations

from collections.abc import Container

from constructs_ml.facts import images, instances
from constructs_ml.spec.images import ContainerImage, Image, PyTorch, Sklearn, XGBoost
from constructs_ml.spec.jobs import Compute
from constructs_ml.spec.sdk.reading import Part


def image_in(given: Part, attribute: str, compute: Compute, instead: Container[str]) -> dict[str, ContainerImage]:
    """The argument of a step for the image that an object names, unless the caller gives one instead."""
    if "image" in instead:
        return {}
    uri = given.take(attribute)
    if uri is None:
        where = given.reader.where
        given.reader.faults.add("kind", where=where, got=f"no {attribute}", allowed="image=...", field="the image")
        return {}
    types = (compute.instance_type, *compute.preferences, *(group.instance_type for group in compute.groups))
    first = next((item for item in types if item), None)
    return {"image": given.reader.caught(lambda: image_of(uri, first))}


def image_of(uri: str, instance_type: str | None) -> ContainerImage:
    """One of AWS's images by family and version, so that every region finds its own; any other one as it is.

    PyTorch's images for CPU and GPU are told apart by the instance type; where the URI and the type contradict
    each other, the URI counts.
    """
    found = images.recognise(uri)
    match found.family if found else "":
        case "sklearn" if found:
            return Sklearn(found.version)
        case "xgboost" if found:
            return XGBoost(found.version)
        case "pytorch" if found and instance_type:
            fits = instances.has_gpu(instance_type) == (found.accelerator == "gpu")
            return PyTorch(found.version, python=found.python) if fits else Image(uri)
    return Image(uri)
