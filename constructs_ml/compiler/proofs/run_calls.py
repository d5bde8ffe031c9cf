"""What it needs to run something else: another state machine, a container, a batch job."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.needs import Need
from constructs_ml.compiler.proofs.task import Task
from constructs_ml.compiler.proofs.texts import ANYTHING, Hole, Text

CONTAINERS = "ecs-tasks.amazonaws.com"


def execution_calls(task: Task) -> Iterator[Call]:
    """A run of another state machine: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html."""
    machine = task.member("StateMachineArn")
    action = task.call.action
    yield task.on(f"states:{action[:1].upper()}{action[1:]}", machine)
    if task.call.waits:
        runs = runs_of(machine) if machine is not None else None
        run = Text.of(runs, ":", ANYTHING) if runs is not None else None
        yield task.on("states:DescribeExecution", run)
        yield task.on("states:StopExecution", run)
        yield from task.watch("StepFunctionsGetEventsForStepFunctionsExecutionRule")


def runs_of(machine: Text) -> Text | None:
    """The beginning of the ARNs of a state machine's executions, where its own ARN is spelt out."""
    if ":stateMachine:" not in str(machine):
        return None
    parts = (
        part if isinstance(part, Hole) else part.replace(":stateMachine:", ":execution:") for part in machine.parts
    )
    return Text.of(*parts)


def container_calls(task: Task) -> Iterator[Call]:
    """A task of ECS: https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html.

    The page grants the watching calls on `*`, for nobody knows a task's id before; its cluster is known. Roles stand
    in the task definition, which the state machine's definition does not hold (see the allowance `TASK_ROLES`), but
    for those that `Overrides` name.
    """
    yield Call("ecs:RunTask", _definition(task), task.place)
    tasks = _tasks(task)
    if "Tags" in task.given:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
        yield Call("ecs:TagResource", tasks, task.place)
    if task.call.waits:
        yield Call("ecs:DescribeTasks", tasks, task.place)
        yield Call("ecs:StopTask", tasks, task.place)
        yield from task.watch("StepFunctionsGetEventsForECSTaskRule")
    yield from task.hand(CONTAINERS, "Overrides.ExecutionRoleArn", "Overrides.TaskRoleArn")


def batch_calls(task: Task) -> Iterator[Call]:
    """A job of AWS Batch: https://docs.aws.amazon.com/step-functions/latest/dg/connect-batch.html.

    The page grants all on `*`; IAM knows queues, job definitions and jobs, and `*` for `DescribeJobs` alone.
    """
    yield from task.need(Need(("batch:SubmitJob",), "job-queue/{JobQueue|arn}"), waiting=True)
    definition = task.spell("batch", Need((), "job-definition/{JobDefinition|arn}"))
    yield Call("batch:SubmitJob", tuple(item for arn in definition for item in _revisions(arn)), task.place)
    if "Tags" in task.given:
        yield from task.need(Need(("batch:TagResource",), "job/*"), waiting=True)
    if task.call.waits:
        yield from task.need(Need(("batch:DescribeJobs",)), waiting=True)
        yield from task.need(Need(("batch:TerminateJob",), "job/*"), waiting=True)
        yield from task.watch("StepFunctionsGetEventsForBatchJobsRule")


def _definition(task: Task) -> tuple[Text, ...]:
    """The task definition: a family means its newest revision, whichever that is."""
    return tuple(_revisions(arn)[-1] for arn in task.spell("ecs", Need((), "task-definition/{TaskDefinition|arn}")))


def _revisions(arn: Text) -> tuple[Text, ...]:
    """A definition that is named without its revision, as it is and with any."""
    name = "".join(part if isinstance(part, str) else "-" for part in arn.parts).rpartition("/")[2]
    return (arn,) if arn.is_open or ":" in name else (arn, Text.of(arn, ":", ANYTHING))


def _tasks(task: Task) -> tuple[Text, ...]:
    """The tasks of the cluster. Where a cluster is open, it may be given by its name or by its ARN."""
    cluster = task.member("Cluster") or Text(("default",))
    if str(cluster).startswith("arn:"):
        parts = (part if isinstance(part, Hole) else part.replace(":cluster/", ":task/") for part in cluster.parts)
        return (Text.of(*parts, "/", ANYTHING),)
    arn = task.arn("ecs", "task/", cluster)
    return (Text.of(arn, "/", ANYTHING), *((task.arn("ecs", "task/", ANYTHING),) if cluster.is_open else ()))
