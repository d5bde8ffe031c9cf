"""Models that a step takes: an artifact, or a version that is registered."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.facts import limits
from constructs_ml.spec.checks import check_kind, check_whole
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.values import S3, Below, Input, Item, ModelArtifact, Result


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the model's own group: its number, or the ARN that a reference holds.

    >>> from constructs_ml import Version
    >>> Version(3)
    Version(version=3)
    """

    version: int | Result | Input | Item

    def __post_init__(self) -> None:
        check_fields(self, "Version")
        check_kind("version", self.version, "Version", int, Result, Input, Item)
        if isinstance(self.version, int):
            check_whole("the version", self.version, "Version", 1, limits.MODEL_PACKAGE_VERSION)


ModelSource = ModelArtifact | S3 | Below | Input | Item | Result | Version | JumpStart
"""Where a model comes from. Inputs, items and results hold the `s3://` URI of its artifact."""
MODEL_SOURCES = (ModelArtifact, S3, Below, Input, Item, Result, Version, JumpStart)
