"""Register: a version of the model in the registry, waiting for approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from constructs_ml.contract import tags
from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.steps.common import check_environment, check_result_key
from constructs_ml.spec.steps.process import Process
from constructs_ml.spec.values import S3, VALUES, Input, ModelArtifact, Result, Value

Approval = Literal["PendingManualApproval", "Approved", "Rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a registered model is served: the inference script, what it reads and writes, where it may run.

    No image means the image that trained the model.
    """

    code: str | PurePath | Code | None = None
    image: ContainerImage | None = None
    content_types: tuple[str, ...] = ("text/csv",)
    response_types: tuple[str, ...] = ("text/csv",)
    instance_types: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, "Serving")
        if not self.content_types or not self.response_types:
            raise refuse(
                "empty", thing="content_types or response_types", where="Serving", got="()", allowed="MIME types"
            )
        check_environment(self.environment, "Serving")
        object.__setattr__(self, "environment", frozen(self.environment))


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Registers a model artifact as a new model package version in the model's group.

    `metrics` is the processing step whose metrics file becomes the version's model quality statistics;
    `approval` its status. An artifact that no Train step of this pipeline made, and one that a result names, need
    `serving.image`. `metadata` is kept with the version, as text of up to 256 characters, beside what the library notes
    of its run: a later FindModel reads it.
    """

    model: ModelArtifact | Result | S3 | Input | JumpStart
    metrics: Process | None = None
    serving: Serving = Serving()
    approval: Approval = "PendingManualApproval"
    description: str | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)
    name: str = "register"
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where, choices=True)
        check_name("step", self.name, where)
        if self.metrics is not None and (not isinstance(self.metrics, Process) or self.metrics.metrics is None):
            raise refuse(
                "register-metrics",
                where=where,
                got=repr(getattr(self.metrics, "name", self.metrics)),
                allowed="a Process step with metrics=",
            )
        if not isinstance(self.model, ModelArtifact) and self.serving.image is None:
            raise refuse(
                "register-image", where=where, got="no serving.image", allowed="the image that serves this artifact"
            )
        self._check_metadata(where)
        object.__setattr__(self, "metadata", frozen(self.metadata))
        object.__setattr__(self, "raw", frozen(self.raw))

    def _check_metadata(self, where: str) -> None:
        most = limits.METADATA_PROPERTIES - len(tags.OF_A_VERSION)
        if len(self.metadata) > most:
            quantity = "the number of metadata"
            raise refuse(
                "number-range", quantity=quantity, where=where, got=len(self.metadata), allowed=f"at most {most}"
            )
        for key, value in self.metadata.items():
            check_result_key(key, f"{where}, metadata")
            check_kind(f"metadata {key!r}", value, where, *VALUES)
            if isinstance(value, str) and not 1 <= len(value) <= limits.METADATA_LENGTH:
                quantity, allowed = f"the length of metadata {key!r}", f"1 to {limits.METADATA_LENGTH}"
                raise refuse("number-range", quantity=quantity, where=where, got=len(value), allowed=allowed)
