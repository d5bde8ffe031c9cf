"""What ECS does with a task's execution role before the container starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.access import check_pull
from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.images import ECR
from constructs_ml.rehearsal.logs import CREATE_GROUP, LogStream, check_writing, has_group

SERVICE = "ecs-tasks.amazonaws.com"


def prepared(
    account: EmbeddedAccount, definition: Mapping[str, Any], container: Mapping[str, Any], id: str
) -> LogStream | None:
    """What the execution role does first: it pulls the image, and opens the log. `ServiceError` for what it may not do.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    role = definition.get("executionRoleArn")
    agent = account.assume(role, SERVICE, session=id) if role else None
    image = container.get("image", "")
    log = container.get("logConfiguration") or {}
    writes = log.get("logDriver") == "awslogs"
    if agent is None:
        if ECR.fullmatch(image) or writes:
            text = f"{container['name']} needs an execution role: for its image, or for its logs"
            raise ServiceError("ClientException", text)
        return None
    check_pull(account, agent, image)
    if not writes:
        return None
    options = log["options"]
    group = options["awslogs-group"]
    stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{id}"
    known = has_group(account, group)
    if not known and options.get("awslogs-create-group") != "true":
        raise ServiceError("ResourceNotFoundException", f"The specified log group does not exist: {group}")
    check_writing(account, agent, group, stream, *(() if known else (CREATE_GROUP,)))
    return LogStream(account, group, stream)
