"""AWS's framework images: which versions exist, where, and under which URI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from constructs_ml.facts import regions
from constructs_ml.facts.store import load
from constructs_ml.faults import refuse

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+):(?P<tag>[^:@]+)"
)


@dataclass(frozen=True, slots=True)
class FrameworkImage:
    """One image in every region that has it: `repository` is "name:tag" or a bare name, `accounts` each registry's."""

    repository: str
    accounts: Mapping[str, str]

    def uri(self, region: str, where: str = "image") -> str:
        """The literal URI in a region. Raises `SpecError` where the region lacks the image."""
        suffix = regions.dns_suffix(region)
        return f"{self.account(region, where)}.dkr.ecr.{region}.{suffix}/{self.repository}"

    def account(self, region: str, where: str = "image") -> str:
        """The account whose registry holds the image in a region."""
        if region not in self.accounts:
            near = tuple(name for name in regions.siblings(region) if name in self.accounts)
            raise refuse(
                "image-region",
                where=where,
                got=region,
                allowed=near or "another partition: no region of this one has the image",
                image=self.repository,
            )
        return self.accounts[region]

    @property
    def name(self) -> str:
        return self.repository.partition(":")[0]

    @property
    def registries(self) -> dict[str, dict[str, str]]:
        """The `Mappings` entry for a template that is not bound to a region."""
        return {region: {"Account": account} for region, account in self.accounts.items()}


def versions(family: str, scope: str) -> tuple[str, ...]:
    """The versions that a family offers for training, processing or inference."""
    return tuple(_config(family, scope)["versions"])


def find(
    family: str,
    *,
    version: str,
    scope: str,
    accelerator: str = "cpu",
    python: str | None = None,
    where: str = "image",
) -> FrameworkImage:
    """The image of a family: `version` as AWS writes it, or a short form such as "2.3".

    Raises `SpecError` for a version, an accelerator or a Python version that the family does not offer.
    Processing jobs run in training images. Source: sagemaker-core's image data, see `images.json`.
    """
    config = _config(family, scope)
    offered = config["versions"]
    entry = offered.get(config["aliases"].get(version, version)) or _shared(family, version, scope)
    if entry is None:
        near = get_close_matches(version, [*offered, *config["aliases"]], n=3)
        raise refuse(
            "image-version", where=where, got=repr(version), allowed=near or tuple(offered), family=family, scope=scope
        )
    tags = entry["tags"]
    by_python = tags.get(accelerator) or tags.get("")
    if by_python is None:
        raise refuse(
            "image-accelerator", where=where, got=accelerator, allowed=tuple(tags), family=family, version=version
        )
    if python is not None and python not in by_python:
        raise refuse(
            "image-python", where=where, got=repr(python), allowed=tuple(by_python), family=family, version=version
        )
    tag = by_python[python or _newest(by_python)]
    repository = f"{entry['repository']}:{tag}" if tag else entry["repository"]
    return FrameworkImage(repository, load("images")["registries"][entry["registries"]])


@dataclass(frozen=True, slots=True)
class Recognised:
    """What an image's URI says when it is one of AWS's for training; `accelerator` is "" where there is one image."""

    family: str
    version: str
    python: str
    accelerator: str


def recognise(uri: str) -> Recognised | None:
    """The family and version of one of AWS's training images, if this URI is one of them in its own region."""
    parts = _URI.fullmatch(uri)
    if parts is None:
        return None
    for family, scopes in load("images")["families"].items():
        for version, entry in scopes.get("training", {"versions": {}})["versions"].items():
            registry = load("images")["registries"][entry["registries"]].get(parts["region"])
            if registry != parts["account"] or entry["repository"] != parts["repository"]:
                continue
            for accelerator, by_python in entry["tags"].items():
                for python, tag in by_python.items():
                    if tag == parts["tag"]:
                        return Recognised(family, version, python, accelerator)
    return None


def ground_truth_merger(where: str = "image") -> FrameworkImage:
    """The image that joins answers with labels for model quality. Its name is AWS's documentation's, its registry
    is taken to be the analyzer's.
    """
    return replace(monitor(where), repository="sagemaker-model-monitor-groundtruth-merger")


def monitor(where: str = "image") -> FrameworkImage:
    """The image of Model Monitor's analyzer, which has one version and no tag."""
    return find("model-monitor", version="", scope="monitoring", where=where)


def data_wrangler(version: str, where: str = "image") -> FrameworkImage:
    """The image that runs Data Wrangler's flows, "3.x" and older. Raises `SpecError` for another version."""
    offered = versions("data-wrangler", "flow")
    if version not in offered:
        raise refuse(
            "image-version", where=where, got=repr(version), allowed=offered, family="data-wrangler", scope="flow"
        )
    return find("data-wrangler", version=version, scope="flow", where=where)


def _shared(family: str, version: str, scope: str) -> Any | None:
    """A training image that also serves: scikit-learn's and XGBoost's are one image for both, listed once."""
    trained = _config(family, "training")["versions"].get(version)
    serving = {entry["repository"] for entry in _config(family, scope)["versions"].values()}
    return trained if trained and trained["repository"] in serving else None


def _config(family: str, scope: str) -> Any:
    return load("images")["families"][family]["training" if scope == "processing" else scope]


def _newest(pythons: Mapping[str, str]) -> str:
    """The highest Python version; "py3" stands for the only Python 3 of an image."""
    return max(pythons, key=lambda name: (name.startswith("py3"), len(name), name))
