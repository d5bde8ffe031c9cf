"""A SubPipeline step: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html."""

from __future__ import annotations

from constructs_ml.compiler import jobs
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import RUNS, kept, watch
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.steps import SubPipeline
from constructs_ml.spec.values import Execution, Result

# By this key the console of Step Functions leads from a run to those that it started.
_STARTED_BY = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"

_TO_START = 300


def add(machine: Machine, step: SubPipeline, after: str) -> None:
    """The run of the other machine."""
    context, expressions = machine.context, machine.expressions
    spec, stage = context.spec, context.account.stage
    name = step.machine or names.state_machine(stage, step.model or spec.model, str(step.pipeline))
    if name == names.state_machine(stage, spec.model, spec.name):
        where = f"pipeline {spec.name!r}, step {step.name!r}"
        context.faults.add("sub-self", where=where, got=name, allowed="another state machine")
    inputs: dict[str, Json] = {}
    for key, value in step.inputs.items():
        expressions.put_value(inputs, key, value)
    expressions.put_value(inputs, _STARTED_BY, Execution("id"))
    machine_arn = f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{name}"
    context.allow(Statement(("states:StartExecution",), (arn("states", f"stateMachine:{name}"),)))
    if step.wait:
        runs = arn("states", f"execution:{name}:*")
        context.allow(Statement(("states:DescribeExecution", "states:StopExecution"), (runs,), because=RUNS))
        watch(context, "StepFunctionsGetEventsForStepFunctionsExecutionRule")
    used = {item.key for item in context.used if isinstance(item, Result) and item.step == step.name}
    machine.task(
        step.name,
        "states:startExecution.sync:2" if step.wait else "states:startExecution",
        {"StateMachineArn": machine_arn, "Input": inputs},
        after,
        kept=kept(context, step.name, {key: f"$.Output.{key}" if step.wait else f"$.{key}" for key in used}),
        retry=retries("states", step.retry),
        seconds=jobs.state_timeout(step.timeout) if step.wait else _TO_START,
    )
