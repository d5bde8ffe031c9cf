"""The proofs of one pipeline, as a function that a team's own tests call."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.pipeline import compile_pipeline
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.sagemaker.pipeline import compile_sagemaker_pipeline
from constructs_ml.compiler.template import Json, sub
from constructs_ml.faults import Fault, SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.checks import check_kind
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import RawState


def prove_pipeline(
    declared: PipelineSpec | ModelSpec, account: Account, *, infrastructure: Infrastructure | None = None
) -> tuple[Fault, ...]:
    """Every fault of a pipeline, or of a model's pipeline on the model's engine, in one account; a sound one has none.

    The pipeline is compiled, and then proved: the structure and the size of its definition, each call's parameters
    against botocore's service models, and the states' role against the calls that they make. What an account or a
    spec cannot carry is among the faults, too. A RawState answers for its own permissions. Raises `MissingExtraError`
    without the extra `proofs`.

    >>> from constructs_ml import Account, Fail, PipelineSpec, prove_pipeline
    >>> account = Account(stage="dev", id="111111111111", region="eu-central-1")
    >>> stop = Fail(name="stop", cause="nothing to do")
    >>> prove_pipeline(PipelineSpec(name="training", model="churn", owner="growth", steps=(stop,)), account)
    ()
    """
    where = "prove_pipeline"
    check_kind("declared", declared, where, PipelineSpec, ModelSpec)
    check_kind("account", account, where, Account)
    spec = declared.pipeline if isinstance(declared, ModelSpec) else declared
    on_sagemaker = isinstance(declared, ModelSpec) and declared.engine == "pipelines"
    compile = compile_sagemaker_pipeline if on_sagemaker else compile_pipeline
    try:
        compiled = compile(spec, account, prefix="Pipeline", infrastructure=infrastructure)
    except SpecError as refused:
        return refused.faults
    return prove_template(compiled.resources, declared=tuple(_declared(spec)))


def _declared(spec: PipelineSpec) -> Iterator[Json]:
    """The statements that the pipeline's own author asked for."""
    for step in spec.all_steps:
        if isinstance(step, RawState):
            for item in step.permissions:
                resources = [sub(text) if "${" in text else text for text in item.resources]
                yield {"Effect": "Allow", "Action": list(item.actions), "Resource": resources}
