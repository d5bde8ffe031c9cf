"""Tags of a resource beside its creation: what each service calls for tags, and CloudFormation's own tags."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.shapes import member_of, shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Work, tags_of


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls for tags of one service; `own` says whether CloudFormation's own tags are put there as well."""

    tag: str
    untag: str
    resource: str
    keys: str
    own: bool = True


# moto refuses tags that begin with aws: as a person's would be refused, except where `own` is left on.
TAGGED = {
    "sagemaker": _Calls("AddTags", "DeleteTags", "ResourceArn", "TagKeys"),
    "lambda": _Calls("TagResource", "UntagResource", "Resource", "TagKeys"),
    "dynamodb": _Calls("TagResource", "UntagResource", "ResourceArn", "TagKeys", own=False),
    "logs": _Calls("TagResource", "UntagResource", "resourceArn", "tagKeys", own=False),
    "cloudwatch": _Calls("TagResource", "UntagResource", "ResourceARN", "TagKeys", own=False),
    "sns": _Calls("TagResource", "UntagResource", "ResourceArn", "TagKeys", own=False),
    "sqs": _Calls("TagQueue", "UntagQueue", "QueueUrl", "TagKeys", own=False),
    "kms": _Calls("TagResource", "UntagResource", "KeyId", "TagKeys", own=False),
    "iam": _Calls("TagRole", "UntagRole", "RoleName", "TagKeys", own=False),
    "ssm": _Calls("AddTagsToResource", "RemoveTagsFromResource", "ResourceId", "TagKeys", own=False),
    "stepfunctions": _Calls("TagResource", "UntagResource", "resourceArn", "tagKeys", own=False),
    "ecr": _Calls("TagResource", "UntagResource", "resourceArn", "tagKeys", own=False),
    "events": _Calls("TagResource", "UntagResource", "ResourceARN", "TagKeys", own=False),
    "scheduler": _Calls("TagResource", "UntagResource", "ResourceArn", "TagKeys", own=False),
    "glue": _Calls("TagResource", "UntagResource", "ResourceArn", "TagsToRemove", own=False),
    "ecs": _Calls("TagResource", "UntagResource", "resourceArn", "tagKeys", own=False),
    "athena": _Calls("TagResource", "UntagResource", "ResourceARN", "TagKeys", own=False),
    "secretsmanager": _Calls("TagResource", "UntagResource", "SecretId", "TagKeys", own=False),
    "application-autoscaling": _Calls("TagResource", "UntagResource", "ResourceARN", "TagKeys", own=False),
}


def all_of(work: Work, service: str) -> list[dict[str, str]]:
    """The tags that a new resource gets: its own, its stack's, and CloudFormation's."""
    tags = work.tags
    if TAGGED[service].own:
        tags |= {
            "aws:cloudformation:stack-name": work.stack.name,
            "aws:cloudformation:stack-id": work.stack.id,
            "aws:cloudformation:logical-id": work.logical_id,
        }
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def retag(work: Work, service: str, resource: str) -> None:
    """Bring a changed resource's tags to what they should be now."""
    calls, before, now = TAGGED[service], tags_of(work.before), work.tags
    gone = [key for key in before if key not in now]
    new = {key: value for key, value in now.items() if before.get(key) != value}
    about: dict[str, Json] = {calls.resource: resource}
    if service == "ssm":
        about["ResourceType"] = "Parameter"
    if gone:
        work.call(service, calls.untag, **about, **{calls.keys: gone})
    if new:
        shape = work.client(service).meta.service_model.operation_model(calls.tag).input_shape
        member = next(filter(None, (member_of(shape, name) for name in ("Tags", "TagsToAdd"))))
        listed = [{"Key": key, "Value": value} for key, value in new.items()]
        work.call(service, calls.tag, **about, **{member: shaped(shape.members[member], listed)})
