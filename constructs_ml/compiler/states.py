"""The state machine of a pipeline: its steps as Amazon States Language, with one failure path."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler import concurrency, notice
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.paths import StatesExpressions
from constructs_ml.compiler.steps import (
    approve,
    athena_query,
    automl,
    batch_transform,
    call_service,
    compilation,
    data_wrangler,
    databrew_job,
    emr_serverless_job,
    fargate_task,
    find_model,
    flow,
    for_each,
    gate,
    glue_job,
    lambda_task,
    parallel,
    process,
    register,
    sub_pipeline,
    train,
    tune,
)
from constructs_ml.compiler.template import Json
from constructs_ml.contract.names import DONE_STATE as DONE
from constructs_ml.contract.names import FAILED_STATE as FAILED
from constructs_ml.contract.names import NOTIFY_STATE as NOTIFY
from constructs_ml.spec.concurrency import Allow
from constructs_ml.spec.steps import (
    Approve,
    AthenaQuery,
    AutoML,
    BatchTransform,
    Called,
    CallService,
    Compile,
    DataBrewJob,
    DataWrangler,
    EmrServerlessJob,
    Fail,
    FargateTask,
    FindModel,
    ForEach,
    Gate,
    GlueJob,
    Job,
    LambdaTask,
    Parallel,
    Process,
    RawState,
    Register,
    Split,
    Step,
    SubPipeline,
    Train,
    Tune,
    Wait,
    goes_on,
)
from constructs_ml.spec.values import Input

_IS_TYPE = {"String": "IsString", "Number": "IsNumeric", "Boolean": "IsBoolean"}


def definition(context: Context, expressions: StatesExpressions) -> dict[str, Json]:
    """The definition as a JSON object. Its texts go through `Fn::Sub` with the expressions' opened values."""
    machine = Machine(context, expressions)
    _begin(machine)
    chain(machine, context.spec.steps, concurrency.after(context.spec, DONE))
    _end(machine)
    if expressions.texts:
        carried = {name: flow.plain(value) for name, value in expressions.texts.items()}
        machine.states["Inputs"]["Parameters"]["texts"] = carried
    return {
        "Comment": f"{context.spec.name} of {context.spec.model}",
        "StartAt": next(iter(machine.states)),
        "States": machine.states,
    }


def chain(machine: Machine, steps: Sequence[Step], after: str) -> None:
    """Steps one after the other; the last goes on to `after`."""
    for step, following in zip(steps, [*(item.name for item in steps[1:]), after], strict=False):
        _step(machine, step, following)


def _step(machine: Machine, step: Step, after: str) -> None:
    match step:
        case Register():
            register.add(machine, step, after)
        case FindModel():
            find_model.add(machine, step, after)
        case Approve():
            approve.add(machine, step, after)
        case Gate():
            gate.add(machine, step, after, chain)
        case Parallel():
            parallel.add(machine, step, after, chain)
        case ForEach():
            for_each.add(machine, step, after, chain)
        case Wait():
            flow.wait(machine, step, after)
        case Fail():
            machine.fail(step.name, step.error, step.cause)
        case RawState():
            flow.raw(machine, step, after)
        case Process() | DataWrangler() | Split() | Train() | Tune() | BatchTransform() | AutoML() | Compile():
            _job(machine, step, after)
        case _:
            _call(machine, step, after)


def _job(machine: Machine, step: Job, after: str) -> None:
    """A job of SageMaker."""
    match step:
        case Process():
            process.add(machine, step, after)
        case DataWrangler():
            data_wrangler.add(machine, step, after)
        case Split():
            process.add(machine, step.process, after)
        case Train():
            train.add(machine, step, after)
        case Tune():
            tune.add(machine, step, after)
        case BatchTransform():
            batch_transform.add(machine, step, after)
        case AutoML():
            automl.add(machine, step, after)
        case Compile():
            compilation.add(machine, step, after)


def _call(machine: Machine, step: Called, after: str) -> None:
    """A call of a service outside SageMaker."""
    match step:
        case LambdaTask():
            lambda_task.add(machine, step, after)
        case GlueJob():
            glue_job.add(machine, step, after)
        case FargateTask():
            fargate_task.add(machine, step, after)
        case EmrServerlessJob():
            emr_serverless_job.add(machine, step, after)
        case AthenaQuery():
            athena_query.add(machine, step, after)
        case DataBrewJob():
            databrew_job.add(machine, step, after)
        case SubPipeline():
            sub_pipeline.add(machine, step, after)
        case CallService():
            call_service.add(machine, step, after)


def _begin(machine: Machine) -> None:
    """The inputs of the run: given ones over defaults, each present and of its type."""
    spec = machine.context.spec
    first, inputs = concurrency.before(spec, spec.steps[0].name), spec.inputs
    # Items of a ForEach are handed the results so far, which must be there even if no step has left any.
    results: dict[str, Json] = {"steps": {}} if any(isinstance(step, ForEach) for step in spec.all_steps) else {}
    if not inputs:
        machine.put("Inputs", {"Type": "Pass", "Parameters": {"inputs": {}, **results}, "Next": first})
        return
    defaults: dict[str, Json] = {}
    for item in inputs:
        default = machine.context.default_of(item)
        if isinstance(default, (tuple, list)):
            defaults[item.name] = flow.plain(default)
        elif default is not None:
            machine.expressions.put_value(defaults, item.name, default)
    machine.put("Defaults", {"Type": "Pass", "Parameters": {"defaults": defaults, "given.$": "$"}, "Next": "Inputs"})
    given = {"inputs.$": "States.JsonMerge($.defaults, $.given, false)", **results}
    machine.put("Inputs", {"Type": "Pass", "Parameters": given, "Next": "Check inputs"})
    names = ", ".join(f"{item.name} ({item.type})" for item in inputs)
    checks = [_is_given(machine, item) for item in inputs]
    machine.guard("Check inputs", checks, first, f"the run needs the inputs {names}")


def _is_given(machine: Machine, item: Input) -> Json:
    path = machine.expressions.path(item)
    if item.type == "List":
        return {"Variable": f"{path}[0]", "IsPresent": True}
    return {"And": [{"Variable": path, "IsPresent": True}, {"Variable": path, _IS_TYPE[item.type]: True}]}


def _end(machine: Machine) -> None:
    """Where every run ends: done, or failed with a notice; before that it gives back the turn that it took."""
    spec = machine.context.spec
    takes_turns = not isinstance(spec.concurrency, Allow)
    ends: list[str] = []
    if goes_on(spec.steps):
        ends.append(DONE)
        machine.put(DONE, {"Type": "Succeed"})
    if takes_turns or _can_fail(machine):
        ends.append(FAILED)
        notice.add(machine, f"{spec.name} of {spec.model}", "PipelineFailed", concurrency.after(spec, FAILED))
    if takes_turns:
        concurrency.add(machine, spec.steps[0].name, tuple(ends))


def _can_fail(machine: Machine) -> bool:
    """Whether some state leads to the notice: a pipeline of pauses alone has nothing that could fail."""
    ways = [state.get("Next") for state in machine.states.values()]
    ways += [caught["Next"] for state in machine.states.values() for caught in state.get("Catch", ())]
    return NOTIFY in ways
