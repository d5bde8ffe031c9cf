"""What one account says about one model, as the file has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from constructs_ml.config.strict import Strict, refusal, refused_by
from constructs_ml.contract import names
from constructs_ml.faults import SpecError
from constructs_ml.spec.deployment import AllAtOnce, Canary, Deployment, Linear, Rolling
from constructs_ml.spec.model_settings import ModelSettings, pin

_KINDS: Mapping[str, type[Deployment]] = {
    "all-at-once": AllAtOnce,
    "canary": Canary,
    "linear": Linear,
    "rolling": Rolling,
}


_KEYS = {
    "percent": "percent",
    "instances": "instances",
    "bake": "bake_minutes",
    "hold": "hold_minutes",
    "timeout": "timeout_minutes",
}


def _pin(value: Any) -> Any:
    try:
        pin(value)
    except SpecError as refused:
        raise refused_by(refused) from None
    return value


_Pin = Annotated[
    Any,
    BeforeValidator(_pin),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^(arn:|s3://)"}]}),
]
_InputName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_Text = Annotated[str, Field(min_length=1)]
_Variant = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9-]{{0,{names.VARIANT_LENGTH - 1}}}$")]
_Minutes = Annotated[int | None, Field(default=None, ge=0, le=480)]


class DeploymentItem(Strict):
    """The deployment policy of this account, instead of the endpoint's own."""

    kind: Literal["all-at-once", "canary", "linear", "rolling"]
    percent: int | None = None
    instances: int | None = None
    bake_minutes: _Minutes
    hold_minutes: _Minutes
    timeout_minutes: _Minutes

    @model_validator(mode="after")
    def _fits(self) -> DeploymentItem:
        known = set(_KINDS[self.kind].__dataclass_fields__)
        for name in sorted(set(self.given()) - known):
            allowed = tuple(key for item, key in _KEYS.items() if item in known)
            raise refusal("accounts-value", f"{_KEYS[name]} for {self.kind}", allowed)
        try:
            self.build()
        except SpecError as refused:
            raise refused_by(refused) from None
        return self

    def given(self) -> dict[str, Any]:
        """What the file says, as the arguments of a policy."""
        waits = {"bake": self.bake_minutes, "hold": self.hold_minutes, "timeout": self.timeout_minutes}
        found: dict[str, Any] = {"percent": self.percent, "instances": self.instances}
        found |= {name: None if value is None else timedelta(minutes=value) for name, value in waits.items()}
        return {name: value for name, value in found.items() if value is not None}

    def build(self) -> Deployment:
        """The policy. Raises `SpecError` for what AWS does not allow."""
        return _KINDS[self.kind](**self.given())


class ModelItem(Strict):
    """One model in one account."""

    pins: dict[_Variant, _Pin] = Field(
        default={}, description="The version that each variant serves: a number, a model package's ARN, an s3:// URI."
    )
    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")] | None = Field(
        default=None, description="The pipeline execution whose outputs are the monitors' baselines."
    )
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")] | None = Field(
        default=None, description="For variants that name none."
    )
    deployment: DeploymentItem | None = None
    monitors: Literal["native", "none"] = Field(
        default="native", description="none leaves the model's monitors out of this account, knowingly."
    )
    features: Literal["all", "none"] = Field(
        default="all", description="none leaves the model's feature groups out of this account, knowingly."
    )

    inputs: dict[_InputName, _Text | bool | int | float | list[Any]] = Field(
        default={}, description="This account's defaults for inputs of the model's pipelines, by their names."
    )

    def build(self) -> ModelSettings:
        """The settings, as specs and compilers read them."""
        return ModelSettings(
            pins={name: pin(value) for name, value in self.pins.items()},
            run=self.run,
            instance_type=self.instance_type,
            deployment=self.deployment.build() if self.deployment else None,
            monitors=self.monitors,
            features=self.features,
            inputs={name: tuple(value) if isinstance(value, list) else value for name, value in self.inputs.items()},
        )
