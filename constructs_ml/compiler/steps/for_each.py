"""A ForEach step: a Map state, inline or distributed.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.compiler.expressions import Path, is_dynamic, literal
from constructs_ml.compiler.infrastructure import arn, bucket_arn
from constructs_ml.compiler.machine import SERVICE, Chain, Machine
from constructs_ml.compiler.paths import EXECUTION, intrinsic, result_path
from constructs_ml.compiler.permissions import OBJECTS
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.steps.flow import plain
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import ForEach, Listing, Manifest, goes_on
from constructs_ml.spec.values import S3, Below, Input, Output, Result

_CARRIED = {name: f"$.execution.{name}" for name in EXECUTION}
_READERS: Mapping[str, Mapping[str, Json]] = {
    "JSON": {"InputType": "JSON"},
    "JSONL": {"InputType": "JSONL"},
    "CSV": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
}


def add(machine: Machine, step: ForEach, after: str, chain: Chain) -> None:
    """The Map state. Every item is handed the inputs and the results so far, and a prefix of its own for outputs."""
    state: dict[str, Json] = {"Type": "Map", **_items(machine, step)}
    processor = _processor(machine, step, chain)
    state |= {"ItemSelector": _selector(machine, step), "ItemProcessor": processor}
    if step.concurrency:
        state["MaxConcurrency"] = step.concurrency
    if step.tolerated_failures:
        state["ToleratedFailurePercentage"] = step.tolerated_failures
    if step.is_distributed:
        state["Label"] = logical_id(step.name)
        state |= {"ResultWriter": _writer(machine, step), "ResultPath": None}
        _let_children_run(machine)
    elif step.keep:
        state |= {"ResultSelector": {"items.$": "$"}, "ResultPath": result_path(step.name)}
    else:
        state["ResultPath"] = None
    if machine.catch:
        state["Catch"] = machine.catch
    machine.put(f"Each {step.name}" if isinstance(step.items, tuple) else step.name, state | {"Next": after})


def _processor(machine: Machine, step: ForEach, chain: Chain) -> Json:
    """The states that run for every item; at their end stands what is kept of it."""
    execution = _CARRIED if step.is_distributed else None
    inside = machine.inside(machine.expressions.inside(item=True, execution=execution))
    end = f"End of {step.name}"
    chain(inside, step.steps, end)
    kept: dict[str, Json] = {}
    for key, value in step.keep.items():
        inside.expressions.put_value(kept, key, value)
    if goes_on(step.steps):
        inside.put(end, {"Type": "Pass", "Parameters": kept, "End": True})
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if step.is_distributed else {"Mode": "INLINE"}
    return {"ProcessorConfig": mode, "StartAt": step.steps[0].name, "States": inside.states}


def _items(machine: Machine, step: ForEach) -> Mapping[str, Json]:
    """Where the items come from. A list that stands in the spec is put into the run's data first."""
    match step.items:
        case tuple() as items:
            place = result_path(step.name, "given")
            each = f"Each {step.name}"
            machine.put(step.name, {"Type": "Pass", "Result": plain(items), "ResultPath": place, "Next": each})
            return {"ItemsPath": place}
        case Input() | Result() as reference:
            return {"ItemsPath": machine.expressions.path(reference)}
        case Manifest(file, format):
            parameters = _place(machine, file, "Key", ("s3:GetObject",))
            return {"ItemReader": {**_read("getObject", parameters), "ReaderConfig": dict(_READERS[format])}}
        case Listing(prefix):
            return {"ItemReader": _read("listObjectsV2", _place(machine, prefix, "Prefix", ("s3:ListBucket",)))}


def _read(call: str, parameters: Json) -> dict[str, Json]:
    return {"Resource": f"{SERVICE}s3:{call}", "Parameters": parameters}


def _place(machine: Machine, place: S3 | Below, member: str, actions: tuple[str, ...]) -> dict[str, Json]:
    """The bucket and the key that a reader is given, and the right to read them."""
    bucket, key = machine.expressions.place(place)
    parameters: dict[str, Json] = {"Bucket": literal((bucket,))}
    machine.expressions.put(parameters, member, key)
    named = bucket if isinstance(bucket, str) else machine.expressions.opened[bucket.name]  # type: ignore[union-attr]
    if member == "Prefix":
        machine.context.allow(Statement(actions, (bucket_arn(named),)))
    else:
        wild = "".join("*" if isinstance(part, Path) else literal((part,)) for part in key)
        because = OBJECTS if is_dynamic(key) else ""
        machine.context.allow(Statement(actions, (bucket_arn(named, wild),), because=because))
    return parameters


def _selector(machine: Machine, step: ForEach) -> dict[str, Json]:
    """What the states of an item are given."""
    expressions = machine.expressions
    run = intrinsic((*expressions.run(), f"/{step.name}/", Path("$$.Map.Item.Index")))
    selector: dict[str, Json] = {"inputs.$": "$.inputs", "steps.$": "$.steps", "run.$": run}
    if isinstance(step.items, Listing):
        bucket = literal((expressions.place(step.items.prefix)[0],))
        uri = f"States.Format('s3://{bucket}/{{}}', $$.Map.Item.Value.Key)"
        selector["item"] = {"uri.$": uri, "key.$": "$$.Map.Item.Value.Key", "size.$": "$$.Map.Item.Value.Size"}
    else:
        selector["item.$"] = "$$.Map.Item.Value"
    if step.is_distributed or expressions.execution is not EXECUTION:
        selector["execution"] = {f"{name}.$": path for name, path in expressions.execution.items()}
    if expressions.texts:
        selector["texts.$"] = "$.texts"
    return selector


def _writer(machine: Machine, step: ForEach) -> Json:
    """Where a Distributed Map writes the results of its items, which may be more than a state can hold."""
    _, key = machine.expressions.place(Output(step.name, "results"))
    parameters: dict[str, Json] = {"Bucket": "${ArtifactBucket}"}
    machine.expressions.put(parameters, "Prefix", key)
    spec = machine.context.spec
    written = f"{names.pipeline_prefix(spec.model, spec.name)}*/{step.name}/results/*"
    actions = ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
    resource = bucket_arn(machine.context.infrastructure.artifact_bucket, written)
    machine.context.allow(Statement(actions, (resource,), because=OBJECTS))
    return {"Resource": f"{SERVICE}s3:putObject", "Parameters": parameters}


def _let_children_run(machine: Machine) -> None:
    """A Distributed Map starts its items as executions of its own machine, whose ARN is spelled to avoid a circle."""
    context = machine.context
    name = names.state_machine(context.account.stage, context.spec.model, context.spec.name)
    context.allow(
        Statement(("states:StartExecution",), (arn("states", f"stateMachine:{name}"),)),
        Statement(
            ("states:DescribeExecution", "states:StopExecution"),
            (arn("states", f"execution:{name}:*"),),
            because="the executions of items have no names before they exist",
        ),
    )
