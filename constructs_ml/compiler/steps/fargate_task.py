"""A FargateTask step: the run, and the task definition that it may bring along.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
"""

from __future__ import annotations

from constructs_ml.compiler import jobs, permissions
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import literal
from constructs_ml.compiler.images import own_image, registry_arn
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.policies import Role, Statement, add_role
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.steps.common import access, allow_on, hand_over, kept, role_arn, watch
from constructs_ml.compiler.template import Json, att, ref, sub, tag_list
from constructs_ml.contract import names
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.steps import Container, FargateTask

_SERVICE = "ecs-tasks.amazonaws.com"
_NEWEST = "the family's newest revision is run"


def add(machine: Machine, step: FargateTask, after: str) -> None:
    """The run of the task."""
    context = machine.context
    allow_on(context, "ecs", ("DescribeTasks", "StopTask"), "task/", step.cluster, "/*")
    watch(context, "StepFunctionsGetEventsForECSTaskRule")
    machine.task(
        step.name,
        "ecs:runTask.sync",
        request(context, step),
        after,
        kept=kept(context, step.name, {key: f"$.{key}" for key in step.result_keys}),
        retry=retries("ecs", step.retry),
        seconds=jobs.state_timeout(step.timeout),
    )


def request(context: Context, step: FargateTask) -> dict[str, Json]:
    """The parameters of RunTask."""
    expressions = context.expressions
    definition, container = (
        _brought(context, step, step.task) if isinstance(step.task, Container) else _known(context, step)
    )
    parameters: dict[str, Json] = {
        "LaunchType": "FARGATE",
        "TaskDefinition": definition,
        "NetworkConfiguration": {"AwsvpcConfiguration": _network(context, step)},
    }
    expressions.put(parameters, "Cluster", expressions.text(step.cluster))
    changed: dict[str, Json] = {}
    if step.command:
        expressions.put_list(changed, "Command", [expressions.text(item) for item in step.command])
    if step.environment:
        changed["Environment"] = [_variable(context, name, value) for name, value in step.environment.items()]
    if changed:
        parameters["Overrides"] = {"ContainerOverrides": [{"Name": container, **changed}]}
    return jobs.with_raw(context, step.name, "ecs:runTask", parameters, step.raw)


def _variable(context: Context, name: str, value: Json) -> dict[str, Json]:
    variable: dict[str, Json] = {"Name": name}
    context.expressions.put(variable, "Value", context.expressions.text(value))
    return variable


def _network(context: Context, step: FargateTask) -> dict[str, Json]:
    """The subnets of the step or of the account: Fargate runs nothing outside."""
    found = jobs.vpc(context, step) if step.network.subnets or context.infrastructure.subnets is not None else None
    if found is None:
        allowed = "network: of the account, or network=Network(subnets=..., security_groups=...)"
        context.faults.add("network-missing", where=context.where(step.name), got="no network", allowed=allowed)
        return {"Subnets": ["unknown"]}
    return {
        "Subnets": found["Subnets"],
        "SecurityGroups": found["SecurityGroupIds"],
        "AssignPublicIp": "ENABLED" if step.public_ip else "DISABLED",
    }


def _known(context: Context, step: FargateTask) -> tuple[str, str]:
    """A definition of the account, and the container that gets the command and the environment."""
    task = step.task
    assert not isinstance(task, Container)
    exact = ":" in task.family
    named = arn("ecs", f"task-definition/{task.family}{'' if exact else ':*'}")
    context.allow(Statement(("ecs:RunTask",), (named,), because="" if exact else _NEWEST))
    if task.roles:
        hand_over(context, [sub(role_arn(role)) for role in task.roles], _SERVICE)
    return task.family, task.container


def _brought(context: Context, step: FargateTask, container: Container) -> tuple[str, str]:
    """A definition that comes with the pipeline, with its log group and its two roles."""
    template, name = context.template, step.name
    family = f"{names.state_machine(context.account.stage, context.spec.model, context.spec.name)}-{name}"
    log = template.add(
        f"{name} task log",
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": f"/aws/ecs/{family}",
            "RetentionInDays": context.account.log_retention_days,
            "Tags": tag_list(context.tags),
        },
    )
    registry = registry_arn(template, context.account, container.image)
    streams = Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (att(log, "Arn"),))
    runs = _role(context, name, "execution role", "Start", [streams, *permissions.pull([registry])])
    granted = access(context, container.reads, container.writes, container.permissions)
    own = _role(context, name, "task role", "Task", granted)
    properties: dict[str, Json] = {
        "Family": family,
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": str(container.cpu),
        "Memory": str(container.memory_mb),
        "RuntimePlatform": {"CpuArchitecture": container.architecture, "OperatingSystemFamily": "LINUX"},
        "ExecutionRoleArn": att(runs.id, "Arn"),
        "TaskRoleArn": att(own.id, "Arn"),
        "ContainerDefinitions": [
            {
                "Name": name,
                "Image": own_image(container.image),
                "Essential": True,
                "LogConfiguration": {
                    "LogDriver": "awslogs",
                    "Options": {
                        "awslogs-group": ref(log),
                        "awslogs-region": ref("AWS::Region"),
                        "awslogs-stream-prefix": name,
                    },
                },
            }
        ],
        "Tags": tag_list(context.tags),
    }
    if container.storage_gb is not None:
        properties["EphemeralStorage"] = {"SizeInGiB": container.storage_gb}
    ready = [*runs.policies, *own.policies]
    definition = ref(template.add(f"{name} task", "AWS::ECS::TaskDefinition", properties, depends_on=ready))
    context.allow(Statement(("ecs:RunTask",), (definition,)))
    hand_over(context, [att(runs.id, "Arn"), att(own.id, "Arn")], _SERVICE)
    return literal((context.expressions.open(logical_id("task", name), definition),)), name


def _role(context: Context, step: str, part: str, what: str, statements: list[Statement]) -> Role:
    return add_role(
        context.template,
        f"{step} {part}",
        description=f"{what} of {step} of {context.spec.name} of {context.spec.model}",
        services=(_SERVICE,),
        statements=statements,
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )
