"""What a call asks a stack to become."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.model import Request, Stack
from constructs_ml.rehearsal.cloudformation.parameters import parameter_values
from constructs_ml.rehearsal.cloudformation.template import parsed
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_NAMED = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
_UNNAMED = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey")


def request_of(account: EmbeddedAccount, given: Mapping[str, Any], before: Stack | None) -> Request:
    """The template, with values for its parameters; what the call leaves out stays as it is in `before`."""
    old = before.request if before else None
    kept = old.template if given.get("UsePreviousTemplate") and old is not None else None
    template = kept or parsed(text_of(account, given))

    def fetch(name: str) -> str:
        try:
            return str(account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as missing:
            text = f"Unable to fetch parameters [{name}] from parameter store for this account."
            raise ServiceError("ValidationError", text) from missing

    values = parameter_values(template.parameters, given.get("Parameters") or (), old.parameters if old else {}, fetch)
    tags = given.get("Tags")
    request = Request(
        template=template,
        parameters=values,
        tags={tag["Key"]: tag["Value"] for tag in tags} if tags is not None else dict(old.tags if old else {}),
        capabilities=tuple(given.get("Capabilities") or ()),
        role=given.get("RoleARN") or (old.role if old else ""),
        notified=tuple(given.get("NotificationARNs") or ()),
        on_failure=given.get("OnFailure") or given.get("OnStackFailure") or "ROLLBACK",
        token=given.get("ClientRequestToken") or given.get("ClientToken") or "",
    )
    return failure_mode(request, given)


def failure_mode(request: Request, given: Mapping[str, Any]) -> Request:
    """The request as a call says what becomes of a failure."""
    token = given.get("ClientRequestToken") or request.token
    if given.get("DisableRollback"):
        return dataclasses.replace(request, on_failure="DO_NOTHING", token=token)
    return dataclasses.replace(request, token=token)


def text_of(account: EmbeddedAccount, given: Mapping[str, Any]) -> str:
    """The template's text, from the call or from a bucket of the account."""
    if given.get("TemplateBody"):
        return str(given["TemplateBody"])
    address = given.get("TemplateURL")
    if not address:
        text = "Either Template URL or Template Body must be specified."
        raise ServiceError("ValidationError", text)
    parts = urlsplit(address)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if host.startswith(("s3.", "s3-")) or host in ("localhost", "127.0.0.1"):
        bucket, _, key = path.partition("/")
    else:
        bucket, key = host.partition(".s3")[0], path
    try:
        body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as missing:
        raise ServiceError("ValidationError", f"S3 error: {missing}: {address}") from missing
    return str(body.decode())


def check_capabilities(request: Request) -> None:
    """IAM resources need the caller's word.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    """
    wanted = needed_capabilities(request.template.resources.values())
    given = request.capabilities
    fine = not wanted or "CAPABILITY_NAMED_IAM" in given or (wanted == ["CAPABILITY_IAM"] and "CAPABILITY_IAM" in given)
    if not fine:
        raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(wanted)}]")


def needed_capabilities(resources: Any) -> list[str]:
    """The capabilities that a template's resources need."""
    found: Json = [one for one in resources if one.type in _NAMED or one.type in _UNNAMED]
    if not found:
        return []
    named = any(_NAMED.get(one.type, "") in one.properties for one in found)
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"]
