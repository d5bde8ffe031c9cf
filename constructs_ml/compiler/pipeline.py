"""A pipeline for one account: state machine, roles, functions, triggers, and the record of its code."""

from __future__ import annotations

import json

from constructs_ml.compiler import states
from constructs_ml.compiler.code import read_code
from constructs_ml.compiler.context import CodeAsset, Context
from constructs_ml.compiler.infrastructure import Infrastructure, of_platform
from constructs_ml.compiler.job_roles import add_job_roles
from constructs_ml.compiler.paths import StatesExpressions
from constructs_ml.compiler.state_machine import PIPELINE, add_state_machine
from constructs_ml.compiler.steps.tune import definitions
from constructs_ml.compiler.template import Asset, Compiled, Packaging, Template, check_types
from constructs_ml.compiler.triggers import add_triggers
from constructs_ml.contract import names
from constructs_ml.faults import SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.steps import BatchTransform, Function, LambdaTask, Process, Register, Split, Step, Train, Tune

STATE_MACHINE, STATES_ROLE = PIPELINE.machine, PIPELINE.role


def compile_pipeline(
    spec: PipelineSpec,
    account: Account,
    *,
    prefix: str,
    infrastructure: Infrastructure | None = None,
    commit: str | None = None,
) -> Compiled:
    """Render a pipeline. Raises `AccountError` with every setting of the account that cannot carry it."""
    found = infrastructure or of_platform(account)
    expressions = StatesExpressions(spec.model, spec.name, found.data_bucket, found.artifact_bucket)
    context = Context(
        spec=spec, account=account, infrastructure=found, template=Template(prefix), expressions=expressions
    )
    context.check_inputs()
    collect_code(context)
    definition = states.definition(context, expressions)
    context.faults.raise_if_any()
    roles = add_job_roles(context)
    ready = [policy for role in roles for policy in role.policies]
    add_triggers(context, add_state_machine(context, PIPELINE, definition, ready))
    if commit or context.code:
        add_code_record(context, commit)
    context.faults.raise_if_any()
    check_types(context.template, account, f"pipeline {spec.name!r} of model {spec.model!r}")
    return context.template.compiled()


def collect_code(context: Context) -> None:
    """Read the code of every step; steps that share a source share its asset."""
    for step in context.spec.all_steps:
        for name, (code, packaging) in _codes_of(step).items():
            _collect(context, step, name, code, packaging)


def _collect(context: Context, step: Step, name: str, code: Code, packaging: Packaging) -> None:
    where = f"pipeline {context.spec.name!r}, step {step.name!r}"
    try:
        found, entry = read_code(context.spec.root, code.path, entry=code.entry, packaging=packaging, where=where)
    except SpecError as refused:
        context.faults.found.extend(refused.faults)
        context.code[name] = CodeAsset("missing", "", "missing")
        return
    context.code[name] = CodeAsset(_asset_name(context, found, name), entry, found.digest)


def _asset_name(context: Context, found: Asset, step: str) -> str:
    """The asset's name: that of the first step which brings this content."""
    for name, known in context.template.assets.items():
        if (known.digest, known.packaging) == (found.digest, found.packaging):
            return name
    context.template.assets[step] = found
    return step


def _codes_of(step: Step) -> dict[str, tuple[Code, Packaging]]:
    """The code that a step brings, by the name under which it is kept: the step's, but for a tuner's candidates."""
    if isinstance(step, Tune):
        return {name: found for inner in definitions(step) for name, found in _codes_of(inner).items()}
    code, packaging = _code_of(step)
    return {} if code is None else {step.name: (code, packaging)}


def _code_of(step: Step) -> tuple[Code | None, Packaging]:
    match step:
        case Split():
            return _code_of(step.process)
        case Process(code=code) | Train(code=code) if code is not None:
            return (code if isinstance(code, Code) else Code(code)), "tar.gz"
        case Register(serving=serving) | BatchTransform(serving=serving) if serving.code is not None:
            return (serving.code if isinstance(serving.code, Code) else Code(serving.code)), "tar.gz"
        case LambdaTask(function=Function(code=path)):
            return Code(path), "zip"
    return None, "zip"


def add_code_record(context: Context, commit: str | None) -> None:
    """The one place where the commit stands: which code digests, from which commit."""
    digests = {step: code.digest for step, code in sorted(context.code.items())}
    value = json.dumps({"commit": commit or "unknown", "code": digests}, sort_keys=True)
    context.template.add(
        "Code record",
        "AWS::SSM::Parameter",
        {
            "Name": names.code_parameter(context.account.stage, context.spec.model, context.spec.name),
            "Description": f"Commit and code digests of {context.spec.name} of {context.spec.model}",
            "Type": "String",
            "Value": value,
            "Tags": dict(sorted(context.tags.items())),
        },
    )
