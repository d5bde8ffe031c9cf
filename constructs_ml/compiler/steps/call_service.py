"""A CallService step: the integration that is best, its parameters, and what the call needs.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.compiler import polling
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.machine import SERVICE, Machine
from constructs_ml.compiler.nested import put_json
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.proofs import OPTIMISED, Call, Integration, calls, check_parameters, passing_errors
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS, Hole, Text, covers
from constructs_ml.compiler.retries import is_known, retries
from constructs_ml.compiler.steps.common import kept
from constructs_ml.compiler.template import Json, sub
from constructs_ml.faults import Faults, SpecError
from constructs_ml.spec.steps import CallService

# Services whose own integration has another name than their SDK.
_SDK_NAMES = {
    "elasticmapreduce": "emr",
    "emr-containers": "emrcontainers",
    "emr-serverless": "emrserverless",
    "events": "eventbridge",
    "states": "sfn",
}
_OPTIMISED_NAMES = {sdk: name for name, sdk in _SDK_NAMES.items()}
_PATTERNS = {"response": ("",), "job": ("sync:2", "sync"), "token": ("waitForTaskToken",)}
_HERE = "arn:${AWS::Partition}:"
_DECIDED = "only the run decides what it is called on"


def add(machine: Machine, step: CallService, after: str) -> None:
    """The call. What is wrong with it is told with the path of the fault."""
    context = machine.context
    where = f"pipeline {context.spec.name!r}"
    call = integration(step, context.faults, f"{where}, step {step.name!r}")
    rendered: dict[str, Json] = {}
    try:
        put_json(machine.expressions, rendered, "Parameters", step.parameters, f"{where}: {step.name}.Parameters")
    except SpecError as refused:
        context.faults.found.extend(refused.faults)
        return
    parameters = rendered["Parameters"]
    name = resource_of(call)
    asked = {step.name: {"Type": "Task", "Resource": SERVICE + name, "Parameters": parameters}}
    found = check_parameters({"States": asked}, where=where)
    if found:
        context.faults.found.extend(found)
        return
    _allow(context, step, calls({"States": asked}), f"{where}, step {step.name!r}")
    known = not call.sdk and is_known(call.service)
    again = retries(call.service, step.retry, () if known else passing_errors(call))
    seconds = int(step.timeout.total_seconds())
    used = kept(context, step.name, step.keep)
    if step.until is None:
        machine.task(step.name, name, parameters, after, kept=used, retry=again, seconds=seconds)
        return
    polling.repeat(machine, step.name, step.until, used, after)
    machine.task(
        f"Look at {step.name}",
        name,
        parameters,
        f"Check {step.name}",
        kept={"status.$": step.until.status, **used},
        at=result_path(step.name, "look"),
        retry=again,
        seconds=seconds,
    )


def integration(step: CallService, faults: Faults, where: str) -> Integration:
    """The service's own integration where it has the action and waits so, else the SDK's."""
    service, _, action = step.call.partition(":")
    own = _OPTIMISED_NAMES.get(service, service)
    patterns = OPTIMISED.get(own, {}).get(action, ())
    for pattern in _PATTERNS[step.wait]:
        if pattern in patterns:
            return Integration(own, action, pattern)
    if step.wait == "job":
        waiting = [f"{own}:{name}" for name, known in OPTIMISED.get(own, {}).items() if "sync" in known]
        faults.add("call-wait", where=where, got=step.call, allowed=waiting or 'wait="response"')
    return Integration(
        _SDK_NAMES.get(service, service), action, "waitForTaskToken" if step.wait == "token" else "", sdk=True
    )


def resource_of(call: Integration) -> str:
    """An integration as the end of a state's resource."""
    return f"{call}.{call.pattern}" if call.pattern else str(call)


def _allow(context: Context, step: CallService, made: Sequence[Call], where: str) -> None:
    """Each action on what its request tells, or else on what `on` names of its service."""
    used: set[str] = set()
    for call in made:
        service = call.action.partition(":")[0]
        given = [arn for arn in step.on if arn.removeprefix(_HERE).startswith(f"{service}:")]
        if call.resources and not all(item.is_open for item in call.resources):
            given = [arn for arn in given if any(covers(NO_SUBSTITUTIONS.read(arn), item) for item in call.resources)]
        used.update(given)
        # Where a name may be given as an ARN too, the ARN that the name makes is the narrower one.
        told = [item for item in call.resources if not item.is_open] or call.resources
        resources: list[Json] = [sub(arn) for arn in given] or [_told(context, item) for item in told[:1]]
        if not resources:
            allowed = f"on= with an ARN of {service}"
            context.faults.add("call-resource", where=where, got=step.on, allowed=allowed, action=call.action)
            continue
        passed = {"StringEquals": {"iam:PassedToService": call.passed_to}} if call.passed_to else None
        because = (step.because or _DECIDED) if any("*" in str(item) for item in resources) else ""
        context.allow(Statement((call.action,), tuple(resources), passed, because))
    idle = [arn for arn in step.on if arn not in used]
    if idle:
        context.faults.add("call-idle", where=where, got=idle, allowed=sorted({call.action for call in made}))


def _told(context: Context, resource: Text) -> Json:
    """A resource that the request tells, as CloudFormation writes it; what a run decides is a `*`."""
    if resource.is_open and not resource.holes[0].name:
        return "*"
    text = "".join(
        f"${{{part.name}}}" if isinstance(part, Hole) and part.name else "*" if isinstance(part, Hole) else part
        for part in resource.parts
    )
    opened = context.expressions.opened
    return sub(text, **{hole.name: opened[hole.name] for hole in resource.holes if hole.name in opened})
