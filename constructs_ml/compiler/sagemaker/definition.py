"""The definition of a pipeline in SageMaker's form, with the order of its steps."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import literal
from constructs_ml.compiler.sagemaker.conditions import conditions
from constructs_ml.compiler.sagemaker.expressions import PipelineExpressions, arrival_key
from constructs_ml.compiler.sagemaker.fits import ends_in_failure
from constructs_ml.compiler.sagemaker.steps import rendered_steps
from constructs_ml.compiler.template import Json
from constructs_ml.spec.steps import Gate, Parallel, Step
from constructs_ml.spec.values import S3, Input

VERSION = "2020-12-01"


def definition(context: Context, expressions: PipelineExpressions) -> dict[str, Json]:
    """The definition as a JSON object. Its texts go through `Fn::Sub` with the expressions' opened values.

    No experiment is made for a run: what SageMaker Experiments was, is frozen.
    """
    steps, _ = _chain(context, expressions, context.spec.steps, ())
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [item for given in context.spec.inputs for item in _parameters(context, expressions, given)],
        "PipelineExperimentConfig": None,
        "Steps": steps,
    }


def parameter_type(item: Input) -> str:
    """The type of an input's parameter: a number is an Integer where its default is one, else a Float."""
    if item.type == "Number":
        return "Integer" if isinstance(item.default, int) else "Float"
    return item.type


def _parameters(context: Context, expressions: PipelineExpressions, item: Input) -> list[Json]:
    parameter: dict[str, Json] = {"Name": item.name, "Type": parameter_type(item)}
    default = context.default_of(item)
    if isinstance(default, (S3, str)):
        parameter["DefaultValue"] = literal(expressions.text(default))
    elif default is not None:
        parameter["DefaultValue"] = default
    if parameter["Type"] == "Integer" and isinstance(default, float):
        where, allowed = context.where_of_input(item.name), "a whole number, as its own default is one"
        context.faults.add("account-input-type", where=where, got=default, allowed=allowed, name=item.name)
    if item.name not in expressions.arriving:
        return [parameter]
    return [parameter, {"Name": arrival_key(item.name), "Type": "String", "DefaultValue": ""}]


def _chain(
    context: Context, expressions: PipelineExpressions, steps: Sequence[Step], after: tuple[str, ...]
) -> tuple[list[Json], tuple[str, ...]]:
    """Steps one after the other, the first after those named; the answer ends with those that a next one waits for."""
    found: list[Json] = []
    for index, step in enumerate(steps):
        if isinstance(step, Parallel):
            branches = [_chain(context, expressions, chain, after) for chain in step.chains]
            found += [item for branch, _ in branches for item in branch]
            after = tuple(name for _, ends in branches for name in ends)
        elif isinstance(step, Gate):
            found.append(_waiting(_gate(context, expressions, step, steps[index + 1 :]), after))
            return found, ()
        else:
            for item in rendered_steps(context, expressions, step):
                found.append(_waiting(item, after))
                after = (item["Name"],)
    return found, after


def _gate(context: Context, expressions: PipelineExpressions, step: Gate, rest: Sequence[Step]) -> dict[str, Json]:
    """A condition. What follows it stands in the arm that goes on: a step cannot wait for a condition's arms."""
    arms = [(*arm, *(() if ends_in_failure(arm) else rest)) for arm in (step.then, step.otherwise)]
    then, otherwise = (_chain(context, expressions, arm, ())[0] for arm in arms)
    arguments = {"Conditions": conditions(step.when, expressions), "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": step.name, "Type": "Condition", "Arguments": arguments}


def _waiting(step: dict[str, Json], after: tuple[str, ...]) -> dict[str, Json]:
    return {**step, "DependsOn": list(after)} if after else step
