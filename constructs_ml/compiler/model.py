"""Everything of a model in one account, noun by noun: what its stacks will hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from constructs_ml.compiler.dashboard import compile_dashboard
from constructs_ml.compiler.endpoint import compile_endpoint
from constructs_ml.compiler.feature_group import compile_feature_group
from constructs_ml.compiler.pipeline import compile_pipeline
from constructs_ml.compiler.recorded import FOLDER
from constructs_ml.compiler.registry import compile_registry
from constructs_ml.compiler.sagemaker.pipeline import compile_sagemaker_pipeline
from constructs_ml.compiler.template import Compiled
from constructs_ml.faults import Faults, SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.steps import Register


def compile_model(spec: ModelSpec, account: Account) -> tuple[Compiled, ...]:
    """Every noun of a model. Raises one error with the faults of all of them."""
    faults, made = Faults(), list[Compiled]()
    for compile in (*_groups(spec, account), *model_nouns(spec, account)):
        try:
            made.append(compile())
        except SpecError as refused:
            faults.found.extend(refused.faults)
    faults.raise_if_any()
    return tuple(made)


def _groups(spec: ModelSpec, account: Account) -> Iterator[Callable[[], Compiled]]:
    if account.model(spec.name).features == "all":
        for group in spec.features:
            yield partial(compile_feature_group, group, account, prefix=group.id, schemas=spec.root / FOLDER)


def model_nouns(spec: ModelSpec, account: Account, *, commit: str | None = None) -> Iterator[Callable[[], Compiled]]:
    """What compiles the nouns of a model's own stack, each for itself."""
    name, owner = spec.name, spec.owner
    if any(isinstance(step, Register) for step in spec.pipeline.all_steps):
        yield partial(compile_registry, spec.registry, account, model=name, owner=owner, prefix="Registry")
    compile = compile_pipeline if spec.engine == "states" else compile_sagemaker_pipeline
    yield partial(compile, spec.pipeline, account, prefix="Pipeline", commit=commit)
    if spec.endpoint is not None:
        yield partial(
            compile_endpoint,
            spec.endpoint,
            account,
            model=name,
            owner=owner,
            prefix="Endpoint",
            monitors=spec.monitors,
            images=spec.images,
            fetched=spec.fetched_code,
            root=spec.root,
            user_tags=spec.tags,
        )
    yield partial(compile_dashboard, spec, account, prefix="Dashboard")
