"""Gives the log groups that SageMaker makes by itself a retention: they come without one and would be kept for ever."""

import os
from typing import Any, Dict, Iterable, List

from constructs_ml.contract.settings import LogRetentionSettings


def handle(event: Dict[str, Any], context: Any) -> Dict[str, List[str]]:
    import boto3

    settings = LogRetentionSettings.from_environment(os.environ)
    client = boto3.client("logs")
    names = decide(groups(client, settings.prefix))
    apply(client, names, settings.days)
    return {"changed": names}


def groups(client: Any, prefix: str) -> Iterable[Dict[str, Any]]:
    """Every log group below the prefix."""
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        yield from page["logGroups"]


def decide(found: Iterable[Dict[str, Any]]) -> List[str]:
    """The groups that nobody gave a retention: a person's choice is left alone."""
    return sorted(group["logGroupName"] for group in found if "retentionInDays" not in group)


def apply(client: Any, names: Iterable[str], days: int) -> None:
    for name in names:
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
