"""What ECS does with a task's execution role before the container starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.logs import LogStream

SERVICE = "ecs-tasks.amazonaws.com"
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)([:@].+)?"
)


def prepared(
    account: EmbeddedAccount, definition: Mapping[str, Any], container: Mapping[str, Any], id: str
) -> LogStream | None:
    """What the execution role does first: it pulls the image, and opens the log. `ServiceError` for what it may not do.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    role = definition.get("executionRoleArn")
    agent = account.assume(role, SERVICE, session=id) if role else None
    image = _ECR.fullmatch(container.get("image", ""))
    log = container.get("logConfiguration") or {}
    writes = log.get("logDriver") == "awslogs"
    if agent is None:
        if image or writes:
            text = f"{container['name']} needs an execution role: for its image, or for its logs"
            raise ServiceError("ClientException", text)
        return None
    if image:
        registry = f"arn:{account.partition}:ecr:{image['region']}:{image['account']}:repository/{image['name']}"
        account.authorize(agent, "ecr:GetAuthorizationToken", "*")
        for action in ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"):
            account.authorize(agent, action, registry)
    if not writes:
        return None
    options = log["options"]
    group = options["awslogs-group"]
    stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{id}"
    arn = account.arn("logs", f"log-group:{group}")
    known = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if not any(item["logGroupName"] == group for item in known):
        if options.get("awslogs-create-group") != "true":
            text = f"The specified log group does not exist: {group}"
            raise ServiceError("ResourceNotFoundException", text)
        account.authorize(agent, "logs:CreateLogGroup", arn)
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        account.authorize(agent, action, f"{arn}:log-stream:{stream}")
    return LogStream(account, group, stream)
