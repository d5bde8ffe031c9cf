"""What the renderers of one endpoint share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.template import Json, Template
from constructs_ml.contract import names, tags
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.compute import Serverless
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.model_settings import ModelSettings


@dataclass(slots=True, kw_only=True)
class EndpointContext:
    """One endpoint on its way into one account.

    `images` are those that the model's pipeline registers versions with, `fetched` the inference code that these
    versions fetch from the assets of their deployment; `vpc` the containers' subnets and groups.
    """

    spec: EndpointSpec
    account: Account
    model: str
    owner: str
    infrastructure: Infrastructure
    template: Template
    root: Path = Path()
    images: tuple[ContainerImage, ...] = ()
    fetched: tuple[Code, ...] = ()
    user_tags: Mapping[str, str] = field(default_factory=dict)
    vpc: tuple[Json, Json] | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def settings(self) -> ModelSettings:
        """What the account says about the model."""
        return self.account.model(self.model)

    @property
    def name(self) -> str:
        """The endpoint's name: the same for its callers whatever is behind it."""
        return names.endpoint(self.account.stage, self.model)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource whose tags may change."""
        return {
            **self.account.tags,
            **self.user_tags,
            tags.MODEL: self.model,
            tags.STAGE: self.account.stage,
            tags.OWNER: self.owner,
        }

    @property
    def where(self) -> str:
        """The place of a fault of this account's settings."""
        return f"{self.account.where or f'account {self.account.stage!r}'}: endpoint of model {self.model!r}"

    @property
    def is_serverless(self) -> bool:
        """Whether it has no machines: a serverless endpoint has one variant."""
        return isinstance(self.spec.variants[0].compute, Serverless)
