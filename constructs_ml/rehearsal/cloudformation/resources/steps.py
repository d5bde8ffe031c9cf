"""What single types need beside their rows: properties as their calls have them, and calls after creation."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Work


def settle_retention(work: Work) -> None:
    days, group = work.properties.get("RetentionInDays"), work.physical_id
    if days is not None and work.changed("RetentionInDays"):
        work.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=int(days))
    elif days is None and "RetentionInDays" in work.before:
        work.call("logs", "DeleteRetentionPolicy", logGroupName=group)


def settle_backups_and_expiry(work: Work) -> None:
    for property, operation, member in (
        ("PointInTimeRecoverySpecification", "UpdateContinuousBackups", "PointInTimeRecoverySpecification"),
        ("TimeToLiveSpecification", "UpdateTimeToLive", "TimeToLiveSpecification"),
    ):
        if property in work.properties and work.changed(property):
            work.call("dynamodb", operation, TableName=work.physical_id, **{member: work.properties[property]})


def table_as_called(work: Work) -> Mapping[str, Json]:
    given = dict(work.properties)
    if "StreamSpecification" in given:
        given["StreamSpecification"] = {"StreamEnabled": True, **given["StreamSpecification"]}
    if "SSESpecification" in given:
        names = {"SSEEnabled": "Enabled"}
        given["SSESpecification"] = {names.get(key, key): value for key, value in given["SSESpecification"].items()}
    return given


def settle_key(work: Work) -> None:
    key = work.physical_id
    if str(work.properties.get("EnableKeyRotation", "false")).lower() == "true":
        work.call("kms", "EnableKeyRotation", KeyId=key)
    elif "EnableKeyRotation" in work.before:
        work.call("kms", "DisableKeyRotation", KeyId=key)
    if work.changed("Enabled"):
        enabled = str(work.properties.get("Enabled", "true")).lower() == "true"
        work.call("kms", "EnableKey" if enabled else "DisableKey", KeyId=key)
    if work.before and work.changed("KeyPolicy"):
        work.call("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=json.dumps(work.given("KeyPolicy")))
    if work.before and work.changed("Description"):
        work.call("kms", "UpdateKeyDescription", KeyId=key, Description=work.properties.get("Description", ""))


def settle_repository(work: Work) -> None:
    name = work.physical_id
    lifecycle = (work.properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
    if lifecycle and work.changed("LifecyclePolicy"):
        work.call("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=lifecycle)
    policy = work.properties.get("RepositoryPolicyText")
    if policy and work.changed("RepositoryPolicyText"):
        work.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=json.dumps(policy))
    scanning = work.properties.get("ImageScanningConfiguration")
    if scanning and work.before and work.changed("ImageScanningConfiguration"):
        on = str(scanning.get("ScanOnPush", "false")).lower() == "true"
        work.call(
            "ecr", "PutImageScanningConfiguration", repositoryName=name, imageScanningConfiguration={"scanOnPush": on}
        )
    mutability = work.properties.get("ImageTagMutability")
    if mutability and work.before and work.changed("ImageTagMutability"):
        work.call("ecr", "PutImageTagMutability", repositoryName=name, imageTagMutability=mutability)


def empty_repository(work: Work) -> None:
    if str(work.properties.get("EmptyOnDelete", "false")).lower() == "true":
        work.call("ecr", "DeleteRepository", repositoryName=work.physical_id, force=True)


def machine_as_called(work: Work) -> Mapping[str, Json]:
    """The definition from wherever it stands, its substitutions made."""
    given = dict(work.properties)
    text = given.pop("DefinitionString", None)
    place, written = given.pop("DefinitionS3Location", None), given.pop("Definition", None)
    if place:
        asked = {"Bucket": place["Bucket"], "Key": place["Key"]}
        asked |= {"VersionId": place["Version"]} if "Version" in place else {}
        text = work.client("s3").get_object(**asked)["Body"].read().decode()
    elif written is not None:
        text = json.dumps(written)
    if text is None:
        raise Failed("a state machine needs DefinitionString, Definition or DefinitionS3Location")
    for name, value in given.pop("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value).lower() if isinstance(value, bool) else str(value))
    return {**given, "definition": text}


def scaling_policy_as_called(work: Work) -> Mapping[str, Json]:
    """A policy that names its target by `Ref` says with it what it scales."""
    given = dict(work.properties)
    target = given.pop("ScalingTargetId", "")
    parts = target.split("|")
    named = dict(zip(("ResourceId", "ScalableDimension", "ServiceNamespace"), parts, strict=False)) if target else {}
    return {**given, **named}


def secret_as_called(work: Work) -> Mapping[str, Json]:
    given = dict(work.properties)
    wanted = given.pop("GenerateSecretString", None)
    if wanted is not None and not work.before:
        signs = [
            sign for sign in string.ascii_letters + string.digits if sign not in wanted.get("ExcludeCharacters", "")
        ]
        made = "".join(secrets.choice(signs) for _ in range(int(wanted.get("PasswordLength", 32))))
        key, template = wanted.get("GenerateStringKey"), json.loads(wanted.get("SecretStringTemplate", "{}"))
        given["SecretString"] = json.dumps({**template, key: made}) if key else made
    return given


def refuse_scheduled_actions(work: Work) -> None:
    """Scheduled actions are calls of their own, which nothing here makes."""
    if work.properties.get("ScheduledActions"):
        raise Failed("the rehearsal makes no ScheduledActions of a scalable target")


def remove_from_group(work: Work) -> None:
    """A schedule is known by its group as well."""
    work.call(
        "scheduler", "DeleteSchedule", Name=work.physical_id, GroupName=work.properties.get("GroupName", "default")
    )
