"""Stacks as most teams want them: one platform per account, one stack per model after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Annotations, Environment, Stack, Stage
from constructs import Construct

from constructs_ml.aws.accounts import account_of, bind_account
from constructs_ml.aws.dashboard import Dashboard
from constructs_ml.aws.endpoint import Endpoint
from constructs_ml.aws.feature_group import FeatureGroup
from constructs_ml.aws.model_registry import ModelRegistry
from constructs_ml.aws.pipeline import Pipeline
from constructs_ml.aws.platform import Platform
from constructs_ml.aws.sagemaker_pipeline import SageMakerPipeline
from constructs_ml.compiler.fleet import FEATURES, PLATFORM, check_names, feature_groups
from constructs_ml.contract.names import PRODUCT
from constructs_ml.spec.account import Account
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.features import FeatureGroupSpec
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.steps import Register
from constructs_ml.spec.unknown_models import unknown_models


class FeatureStack(Stack):
    """The feature groups of one account: shared by models, so they stand in a stack of their own.

    `groups` has with each group the folder of its recorded schema.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        groups: Sequence[tuple[FeatureGroupSpec, Path]],
        *,
        account: Account,
        stack_name: str | None = None,
    ) -> None:
        super().__init__(
            scope, id, env=_environment(account), stack_name=stack_name, description=f"Features of {account.stage}"
        )
        bind_account(self, account)
        self.groups = {
            spec.id: FeatureGroup(
                self, logical_id(spec.id), spec, account=account, schemas=folder, destroyable=account.destroyable
            )
            for spec, folder in groups
        }


class ModelStack(Stack):
    """Everything of one model in one account: its registry if a step registers, pipeline, endpoint, dashboard.

    `commit` is written into one parameter and nowhere else.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        model: ModelSpec,
        *,
        account: Account | None = None,
        commit: str | None = None,
        stack_name: str | None = None,
    ) -> None:
        found = account_of(scope, account) if account is None else account
        super().__init__(
            scope,
            id,
            env=_environment(found),
            stack_name=stack_name,
            description=f"Model {model.name} of {model.owner}",
        )
        bind_account(self, found)
        self.model = model
        self.registry: ModelRegistry | None = None
        if any(isinstance(step, Register) for step in model.pipeline.all_steps):
            self.registry = ModelRegistry(
                self, "Registry", model.registry, model=model.name, owner=model.owner, account=found
            )
        engine = Pipeline if model.engine == "states" else SageMakerPipeline
        self.pipeline = engine(self, "Pipeline", model.pipeline, account=found, commit=commit)
        self.endpoint: Endpoint | None = None
        if model.endpoint is not None:
            self.endpoint = Endpoint(
                self,
                "Endpoint",
                model.endpoint,
                model=model.name,
                owner=model.owner,
                account=found,
                monitors=model.monitors,
                images=model.images,
                fetched=model.fetched_code,
                root=model.root,
                user_tags=model.tags,
            )
        self.dashboard = Dashboard(self, "Dashboard", model, account=found)


class PlatformStack(Stack):
    """The platform of one account."""

    def __init__(self, scope: Construct, id: str, *, account: Account, stack_name: str | None = None) -> None:
        super().__init__(
            scope, id, env=_environment(account), stack_name=stack_name, description=f"ML platform of {account.stage}"
        )
        self.platform = Platform(self, "Platform", account=account, destroyable=account.destroyable)


class Fleet(Stage):
    """Every model of one account: `cdk deploy "dev/*"` brings up the platform, the features, then the models.

    Two models of one name are refused, and so are two declarations of one feature group; a fault of this
    account's settings shows as an error on its own stacks.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        account: Account,
        models: Sequence[ModelSpec],
        commit: str | None = None,
    ) -> None:
        check_names(id, models)
        super().__init__(scope, id, env=_environment(account))
        bind_account(self, account)
        platform = PlatformStack(self, PLATFORM, account=account, stack_name=f"{account.stage}-{PLATFORM}")
        self.platform = platform.platform
        _check_models(platform, account, [model.name for model in models])
        self.features: FeatureStack | None = None
        groups = feature_groups(id, account, models)
        if groups:
            self.features = FeatureStack(
                self, FEATURES, groups, account=account, stack_name=f"{account.stage}-{FEATURES}"
            )
            self.features.add_stack_dependency(platform)
        self.models: dict[str, ModelStack] = {}
        for model in models:
            stack = ModelStack(
                self, model.name, model, account=account, commit=commit, stack_name=f"{account.stage}-{model.name}"
            )
            stack.add_stack_dependency(self.features if self.features and model.features else platform)
            self.models[model.name] = stack


def _environment(account: Account) -> Environment | None:
    return Environment(account=account.id, region=account.region) if account.id else None


def _check_models(scope: Construct, account: Account, names: Sequence[str]) -> None:
    """Say what the account says of models that are not here: an error where one of them may be meant."""
    misspelt, others = unknown_models(account, names)
    for found in misspelt:
        Annotations.of(scope).add_error(str(found))
    for found in others:
        Annotations.of(scope).add_warning_v2(f"{PRODUCT}:model-unknown", str(found))
