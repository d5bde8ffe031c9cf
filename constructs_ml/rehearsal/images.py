"""Which local Python environment stands for a container image, and why an image cannot run on this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from constructs_ml.facts import instances
from constructs_ml.facts.store import load
from constructs_ml.rehearsal.stand_ins import StandIn, stand_in

Use = Literal["training", "processing", "transform", "endpoint"]

ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[^:@]+)([:@](?P<tag>.+))?"
)
_GPU = re.compile(r"(^|-)(gpu|cu\d+)(-|$)")
# AWS's images that start a user's script: by repository, the module that the script needs, and its package.
_FRAMEWORKS = {
    "sagemaker-scikit-learn": ("sklearn", "scikit-learn"),
    "sagemaker-xgboost": ("xgboost", "xgboost"),
    "sagemaker-pytorch": ("torch", "torch"),
    "pytorch-training": ("torch", "torch"),
    "pytorch-inference": ("torch", "torch"),
    "tensorflow-training": ("tensorflow", "tensorflow"),
    "huggingface-pytorch-training": ("transformers", "transformers"),
    "huggingface-pytorch-inference": ("transformers", "transformers"),
    "huggingface-tensorflow-training": ("transformers", "transformers"),
    "huggingface-tensorflow-inference": ("transformers", "transformers"),
    "mxnet-training": ("mxnet", "mxnet"),
    "mxnet-inference": ("mxnet", "mxnet"),
}
# Those whose serving part is the Flask application of sagemaker_containers; the others use sagemaker-inference.
FLASK = ("sagemaker-scikit-learn", "sagemaker-xgboost")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an image cannot run here, and what to do."""

    text: str

    def __str__(self) -> str:
        return self.text


def image_command(
    uri: str, instance_type: str | None, stand_ins: Sequence[StandIn], use: Use, *, script: bool = True
) -> Sequence[str] | Refusal:
    """What starts the code of a container here: the local Python, or the Python and the script of a stand-in.

    `script` says whether the user's own script runs in the image; without one the image's own algorithm would.
    """
    declared = stand_in(stand_ins, uri)
    if declared is not None:
        if not declared.script.is_file():
            return Refusal(f"the stand-in for {uri} is not there: {declared.script}")
        return (sys.executable, str(declared.script.resolve()))
    why = _reason(uri, instance_type, use, script)
    if why is None:
        return (sys.executable,)
    glob = "*/" + uri.rpartition("/")[2].partition("@")[0].partition(":")[0] + "*"
    return Refusal(
        f"the image {uri} cannot run in the rehearsal: {why}. "
        f'Declare what runs in its place: StandIn(of="{glob}", script=Path("..."))'
    )


def local_versions(uri: str) -> str:
    """What is in the local environment in the place of an image's own, for people: "scikit-learn 1.9.1"."""
    found = _FRAMEWORKS.get(repository(uri))
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    try:
        return f"{python}, {found[1]} {version(found[1])}" if found else python
    except PackageNotFoundError:
        return python


def repository(uri: str) -> str:
    """The name of an image's repository: "sagemaker-scikit-learn"."""
    parts = ECR.fullmatch(uri)
    return parts["repository"] if parts else uri.rpartition("/")[2].partition("@")[0].partition(":")[0]


def _reason(uri: str, instance_type: str | None, use: Use, script: bool) -> str | None:
    parts = ECR.fullmatch(uri)
    if parts is None or parts["account"] not in _registries():
        return "it is a private image, whose content is not known here"
    if parts["repository"] not in _FRAMEWORKS:
        return "its program is AWS's own and is not published as a Python package"
    if instance_type and instances.has_gpu(instance_type):
        return f"{use} on {instance_type} expects a GPU"
    if _GPU.search(parts["tag"] or ""):
        return "it is made for GPUs"
    if not script:
        return "no script of yours runs in it, and its built-in algorithm is not here"
    module, package = _FRAMEWORKS[parts["repository"]]
    if not _importable(module):
        return f"the local Python ({sys.executable}) has no {package}; install it"
    return None


@cache
def _importable(module: str) -> bool:
    return find_spec(module) is not None


@cache
def _registries() -> frozenset[str]:
    """The accounts of AWS that hold its images."""
    return frozenset(account for registry in load("images")["registries"] for account in registry.values())
