"""Everything of a model in one account, noun by noun: what its stacks will hold."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler.dashboard import compile_dashboard
from constructs_ml.compiler.endpoint import compile_endpoint
from constructs_ml.compiler.feature_group import compile_feature_group
from constructs_ml.compiler.pipeline import compile_pipeline
from constructs_ml.compiler.recorded import FOLDER
from constructs_ml.compiler.registry import compile_registry
from constructs_ml.compiler.template import Compiled
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.steps import Register


def compile_model(spec: ModelSpec, account: Account) -> Iterator[Compiled]:
    """Everything of a model in one account, noun by noun."""
    if account.model(spec.name).features == "all":
        for group in spec.features:
            yield compile_feature_group(group, account, prefix=group.id, schemas=spec.root / FOLDER)
    if any(isinstance(step, Register) for step in spec.pipeline.all_steps):
        yield compile_registry(spec.registry, account, model=spec.name, owner=spec.owner, prefix="Registry")
    yield compile_pipeline(spec.pipeline, account, prefix="Pipeline")
    if spec.endpoint is not None:
        yield compile_endpoint(
            spec.endpoint,
            account,
            model=spec.name,
            owner=spec.owner,
            prefix="Endpoint",
            monitors=spec.monitors,
            images=spec.images,
            root=spec.root,
            user_tags=spec.tags,
        )
    yield compile_dashboard(spec, account, prefix="Dashboard")
