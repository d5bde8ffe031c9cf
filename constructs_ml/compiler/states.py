"""The state machine of a pipeline: its steps as Amazon States Language, with one failure path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constructs_ml.compiler import choices, processing, registration, training
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Path, escape_sub, intrinsic, key_of, literal, path_of, result_path
from constructs_ml.compiler.jobs import state_timeout
from constructs_ml.compiler.retries import retries, service_retry
from constructs_ml.compiler.template import Json, att
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import Fail, Function, Gate, LambdaTask, Process, RawState, Register, Step, Train
from constructs_ml.spec.values import Input, JobName, Result

DONE, FAILED, NOTIFY = "Done", "Failed", "Notify failure"
_SERVICE = "arn:${AWS::Partition}:states:::"
_CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": NOTIFY}]
_IS_TYPE = {"String": "IsString", "Number": "IsNumeric", "Boolean": "IsBoolean"}
_NOTICE_SUBJECT_LENGTH = 100


def definition(context: Context) -> dict[str, Json]:
    """The definition as a JSON object. Its texts go through `Fn::Sub` with the context's opened values."""
    machine = _Machine(context)
    machine.begin()
    machine.chain(context.spec.steps, DONE)
    machine.end()
    if context.expressions.texts:
        carried = {name: escape_sub(text) for name, text in context.expressions.texts.items()}
        machine.states["Inputs"]["Parameters"]["texts"] = carried
    return {
        "Comment": f"{context.spec.name} of {context.spec.model}",
        "StartAt": next(iter(machine.states)),
        "States": machine.states,
    }


@dataclass(slots=True)
class _Machine:
    context: Context
    states: dict[str, Json] = field(default_factory=dict)

    def begin(self) -> None:
        """The inputs of the run: given ones over defaults, each present and of its type."""
        first, inputs = self.context.spec.steps[0].name, self.context.spec.inputs
        if not inputs:
            self.states["Inputs"] = {"Type": "Pass", "Parameters": {"inputs": {}}, "Next": first}
            return
        defaults: dict[str, Json] = {}
        for item in inputs:
            if item.default is not None:
                self.context.expressions.put_value(defaults, key_of(item.name), item.default)
        self.states["Defaults"] = {
            "Type": "Pass",
            "Parameters": {"defaults": defaults, "given.$": "$"},
            "Next": "Inputs",
        }
        self.states["Inputs"] = {
            "Type": "Pass",
            "Parameters": {"inputs.$": "States.JsonMerge($.defaults, $.given, false)"},
            "Next": "Check inputs",
        }
        names = ", ".join(f"{item.name} ({item.type})" for item in inputs)
        self.guard("Check inputs", [_is_given(item) for item in inputs], first, f"the run needs the inputs {names}")

    def end(self) -> None:
        """Where every run ends: done, or failed with a notice."""
        spec, stage = self.context.spec, self.context.account.stage
        subject = f"{spec.name} of {spec.model} failed in {stage}"[:_NOTICE_SUBJECT_LENGTH]
        parts = (f"{subject}. Error: ", Path("$.error.Error"), ". Cause: ", Path("$.error.Cause"))
        message = (*parts, ". Run: ", Path("$$.Execution.Id"))
        self.context.expressions.open("TopicArn", self.context.infrastructure.topic_arn)
        self.states[DONE] = {"Type": "Succeed"}
        self.states[NOTIFY] = {
            "Type": "Task",
            "Resource": f"{_SERVICE}sns:publish",
            "Parameters": {"TopicArn": "${TopicArn}", "Subject": subject, "Message.$": intrinsic(message)},
            "ResultPath": None,
            "TimeoutSeconds": 60,
            "Retry": [service_retry("sns")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": FAILED}],
            "Next": FAILED,
        }
        # The error goes into the cause: a Fail state's own error must not be one of the reserved "States." names.
        ended = intrinsic((Path("$.error.Error"), ": ", Path("$.error.Cause")))
        self.states[FAILED] = {"Type": "Fail", "Error": "PipelineFailed", "CausePath": ended}

    def chain(self, steps: Sequence[Step], after: str) -> None:
        """Steps one after the other; the last goes on to `after`."""
        for step, following in zip(steps, [*(item.name for item in steps[1:]), after], strict=False):
            self.step(step, following)

    def step(self, step: Step, after: str) -> None:
        match step:
            case Process():
                self.process(step, after)
            case Train():
                self.train(step, after)
            case Register():
                self.task(
                    step.name, "aws-sdk:sagemaker:createModelPackage", registration.request(self.context, step), after
                )
            case LambdaTask():
                self.function(step, after)
            case Gate():
                self.gate(step, after)
            case Fail():
                self.fail(step.name, step.error, step.cause)
            case RawState():
                self.raw(step, after)

    def process(self, step: Process, after: str) -> None:
        wanted = self.context.metrics_of(step.name)
        kept = {"job.$": "$.ProcessingJobName"} if JobName(step.name) in self.context.used else {}
        self.task(
            step.name,
            "sagemaker:createProcessingJob.sync",
            processing.request(self.context, step),
            f"Read {step.name} metrics" if wanted else after,
            kept=kept,
            retry=retries("sagemaker", step.retry),
            seconds=state_timeout(step.timeout),
        )
        if not wanted or step.metrics is None:
            return
        output, _, file = step.metrics.partition("/")
        parameters: dict[str, Json] = {"Bucket": "${ArtifactBucket}"}
        key = (*self.context.expressions.output_key(step.name, output), file)
        self.context.expressions.put(parameters, "Key", key)
        self.task(
            f"Read {step.name} metrics",
            "aws-sdk:s3:getObject",
            parameters,
            f"Check {step.name} metrics",
            kept={"found.$": "States.StringToJson($.Body)"},
            at=result_path(step.name, "file"),
            retry=[service_retry("s3")],
        )
        found = {name: result_path(step.name, f"file.found.{name}") for name in wanted}
        numbers = {f"{name}.$": path for name, path in found.items()}
        self.metrics(step.name, found, _again(step.name, kept) | {"metrics": numbers}, after, step.metrics)

    def train(self, step: Train, after: str) -> None:
        wanted = self.context.metrics_of(step.name)
        kept = training.selector(self.context, step)
        self.task(
            step.name,
            "sagemaker:createTrainingJob.sync",
            training.request(self.context, step),
            f"Check {step.name} metrics" if wanted else after,
            kept=kept,
            retry=retries("sagemaker", step.retry),
            seconds=state_timeout(step.spot.max_wait if step.spot else step.timeout),
        )
        if wanted:
            found = training.found_metrics(step.name, wanted)
            numbers = {
                f"{key_of(name)}.$": f"States.ArrayGetItem({path.removesuffix('[0]')}, 0)"
                for name, path in found.items()
            }
            kept.pop("found")
            self.metrics(
                step.name,
                found,
                _again(step.name, kept) | {"metrics": numbers},
                after,
                "the training job's final metrics",
            )

    def metrics(self, step: str, found: Mapping[str, str], kept: Mapping[str, Json], after: str, source: str) -> None:
        """Go on with what later steps use alone, or to the failure path if a metric is missing or not finite."""
        names = ", ".join(found)
        checks = [check for path in found.values() for check in choices.is_finite(path)]
        self.guard(
            f"Check {step} metrics",
            checks,
            f"Keep {step} metrics",
            f"step {step} left no finite number for {names} in {source}",
        )
        self.states[f"Keep {step} metrics"] = {
            "Type": "Pass",
            "Parameters": dict(kept),
            "ResultPath": result_path(step),
            "Next": after,
        }

    def function(self, step: LambdaTask, after: str) -> None:
        payload: dict[str, Json] = {}
        for key, value in step.payload.items():
            self.context.expressions.put_value(payload, key, value)
        if isinstance(step.function, Function):
            arn = att(self.context.template.id(f"{step.name} function"), "Arn")
            name = literal((self.context.expressions.open(logical_id("function", step.name), arn),))
        else:
            name = step.function
        used = sorted(item.key for item in self.context.used if isinstance(item, Result) and item.step == step.name)
        self.task(
            step.name,
            "lambda:invoke",
            {"FunctionName": name, "Payload": payload},
            after,
            kept={f"{key}.$": f"$.Payload.{key}" for key in used},
            retry=retries("lambda", step.retry),
            seconds=int(step.timeout.total_seconds()),
        )

    def gate(self, step: Gate, after: str) -> None:
        opened = step.then[0].name if step.then else after
        closed = step.otherwise[0].name if step.otherwise else after
        rule = choices.rule(step.when) | {"Next": opened}
        self.states[step.name] = {
            "Type": "Choice",
            "Comment": escape_sub(str(step.when)),
            "Choices": [rule],
            "Default": closed,
        }
        self.chain(step.then, after)
        self.chain(step.otherwise, after)

    def raw(self, step: RawState, after: str) -> None:
        state = {**_plain(step.state), "Next": after}
        if state["Type"] in ("Task", "Map", "Parallel"):
            state["Catch"] = [*state.get("Catch", []), *_CATCH]
        self.states[step.name] = state

    def task(
        self,
        name: str,
        call: str,
        parameters: Mapping[str, Json],
        after: str,
        *,
        kept: Mapping[str, Json] | None = None,
        at: str | None = None,
        retry: Sequence[Json] | None = None,
        seconds: int = 300,
    ) -> None:
        """A call of a service, of whose answer the run keeps only `kept`."""
        state: dict[str, Json] = {"Type": "Task", "Resource": _SERVICE + call, "Parameters": dict(parameters)}
        if kept:
            state |= {"ResultSelector": dict(kept), "ResultPath": at or result_path(name)}
        else:
            state["ResultPath"] = None
        state |= {
            "TimeoutSeconds": seconds,
            "Retry": list(retry) if retry else [service_retry("sagemaker")],
            "Catch": _CATCH,
            "Next": after,
        }
        self.states[name] = state

    def guard(self, name: str, checks: Sequence[Json], after: str, cause: str) -> None:
        """Go on where every check holds, else to the failure path."""
        report = name.replace("Check", "Report", 1)
        held = checks[0] if len(checks) == 1 else {"And": list(checks)}
        self.states[name] = {"Type": "Choice", "Choices": [{**held, "Next": after}], "Default": report}
        self.fail(report, "CheckFailed", cause)

    def fail(self, name: str, error: str, cause: str) -> None:
        """Enter the failure path with an error of our own."""
        result = {"Error": escape_sub(error), "Cause": escape_sub(cause)}
        self.states[name] = {"Type": "Pass", "Result": result, "ResultPath": "$.error", "Next": NOTIFY}


def _is_given(item: Input) -> Json:
    path = path_of(item)
    return {"And": [{"Variable": path, "IsPresent": True}, {"Variable": path, _IS_TYPE[item.type]: True}]}


def _again(step: str, kept: Mapping[str, Json]) -> dict[str, Json]:
    """Results that stay where they are when a step's results are written anew."""
    return {name: result_path(step, name.removesuffix(".$")) for name in kept}


def _plain(value: object) -> Json:
    """A user's own JSON, protected from `Fn::Sub`."""
    if isinstance(value, str):
        return escape_sub(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
