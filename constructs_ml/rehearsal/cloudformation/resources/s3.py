"""`AWS::S3::Bucket`, which CloudFormation makes by a dozen calls, and its policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.parts import Coded
from constructs_ml.rehearsal.cloudformation.resources.shapes import shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work

Reform = Callable[[Any], dict[str, Json]]


def _encryption(given: Any) -> dict[str, Json]:
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    rules = [_renamed(rule, names) for rule in given["ServerSideEncryptionConfiguration"]]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _renamed(given: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    return {names.get(key, key): value for key, value in given.items()}


def _lifecycle(given: Any) -> dict[str, Json]:
    return {"LifecycleConfiguration": {"Rules": [_rule(dict(rule)) for rule in given["Rules"]]}}


def _rule(rule: dict[str, Any]) -> dict[str, Json]:
    """A rule as the API has it: what CloudFormation flattens is nested there."""
    expiration: dict[str, Json] = {
        name: rule.pop(key)
        for key, name in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if key in rule
    }
    if expiration:
        rule["Expiration"] = expiration
    if "NoncurrentVersionExpirationInDays" in rule:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.pop("NoncurrentVersionExpirationInDays")}
    for single, plural in (
        ("Transition", "Transitions"),
        ("NoncurrentVersionTransition", "NoncurrentVersionTransitions"),
    ):
        if single in rule:
            rule[plural] = [*rule.get(plural, []), rule.pop(single)]
    for plural, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
        names = {"TransitionInDays": days, "TransitionDate": "Date"}
        if plural in rule:
            rule[plural] = [_renamed(one, names) for one in rule[plural]]
    sizes: dict[str, Json] = {
        key: int(rule.pop(key)) for key in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if key in rule
    }
    about: dict[str, Json] = {**({"Prefix": rule.pop("Prefix")} if "Prefix" in rule else {}), **sizes}
    tags = rule.pop("TagFilters", [])
    if len(about) + len(tags) > 1:
        rule["Filter"] = {"And": {**about, **({"Tags": tags} if tags else {})}}
    else:
        rule["Filter"] = {"Tag": tags[0]} if tags else about or {"Prefix": ""}
    return rule


def _logging(given: Any) -> dict[str, Json]:
    target = {"TargetBucket": given.get("DestinationBucketName"), "TargetPrefix": given.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


_RECEIVERS = (
    ("LambdaConfigurations", "LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    ("QueueConfigurations", "QueueConfigurations", "Queue", "QueueArn"),
    ("TopicConfigurations", "TopicConfigurations", "Topic", "TopicArn"),
)


def _notifications(given: Any) -> dict[str, Json]:
    found: dict[str, Json] = {}
    events = given.get("EventBridgeConfiguration")
    if events is not None and str(events.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    for listed, name, receiver, arn in _RECEIVERS:
        items = []
        for one in given.get(listed, []):
            item = {arn: one[receiver], "Events": [one["Event"]]}
            if "Filter" in one:
                item["Filter"] = {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}}
            items.append(item)
        if items:
            found[name] = items
    return {"NotificationConfiguration": found}


def _cors(given: Any) -> dict[str, Json]:
    names = {"MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders", "Id": "ID"}
    rules = [_renamed(rule, names) for rule in given["CorsRules"]]
    return {"CORSConfiguration": {"CORSRules": rules}}


def _under(name: str) -> Reform:
    return lambda given: {name: given}


# property: the call that sets it, its parameters, and the call that takes it away (or parameters that do).
_SUB: Mapping[str, tuple[str, Reform, str | dict[str, Json]]] = {
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        _under("PublicAccessBlockConfiguration"),
        "DeletePublicAccessBlock",
    ),
    "OwnershipControls": ("PutBucketOwnershipControls", _under("OwnershipControls"), "DeleteBucketOwnershipControls"),
    "BucketEncryption": ("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "VersioningConfiguration": (
        "PutBucketVersioning",
        _under("VersioningConfiguration"),
        {"VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"),
    "LoggingConfiguration": ("PutBucketLogging", _logging, {"BucketLoggingStatus": {}}),
    "NotificationConfiguration": (
        "PutBucketNotificationConfiguration",
        _notifications,
        {"NotificationConfiguration": {}},
    ),
    "CorsConfiguration": ("PutBucketCors", _cors, "DeleteBucketCors"),
}


def _make(work: Work) -> Made:
    account = work.account
    name = work.properties.get("BucketName") or work.made_name(63, lower=True)
    if work.properties.get("AccessControl", "Private") not in ("Private", "BucketOwnerFullControl"):
        raise Failed(f"the rehearsal makes no bucket with AccessControl {work.properties['AccessControl']}")
    place = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
    work.call("s3", "CreateBucket", Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
    dns, region = work.facts["dns"], account.region
    return Made(
        name,
        {
            "Arn": f"arn:{account.partition}:s3:::{name}",
            "DomainName": f"{name}.s3.{dns}",
            "RegionalDomainName": f"{name}.s3.{region}.{dns}",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.{dns}",
            "WebsiteURL": f"http://{name}.s3-website.{region}.{dns}",
        },
    )


def _settle(work: Work) -> None:
    for property, (operation, reform, away) in _SUB.items():
        if not work.changed(property):
            continue
        if property in work.properties:
            _put(work, operation, reform(work.properties[property]))
        elif isinstance(away, str):
            work.call("s3", away, Bucket=work.physical_id)
        else:
            _put(work, operation, away)
    if work.tags:
        tags = [{"Key": key, "Value": value} for key, value in work.tags.items()]
        _put(work, "PutBucketTagging", {"Tagging": {"TagSet": tags}})
    elif work.before.get("Tags"):
        work.call("s3", "DeleteBucketTagging", Bucket=work.physical_id)


def _put(work: Work, operation: str, parameters: dict[str, Json]) -> None:
    model = work.client("s3").meta.service_model.operation_model(operation).input_shape
    found = {name: shaped(model.members[name], value, name) for name, value in parameters.items()}
    work.call("s3", operation, Bucket=work.physical_id, **found)


def _remove(work: Work) -> None:
    work.call("s3", "DeleteBucket", Bucket=work.physical_id)


BUCKET = Coded(
    made=_make,
    settle=_settle,
    removed=_remove,
    attributes=("Arn", "DomainName", "RegionalDomainName", "DualStackDomainName", "WebsiteURL"),
    takes_tags=True,
    known=("BucketName", "AccessControl", "Tags", *_SUB),
)


def _make_policy(work: Work) -> Made:
    return Made(work.given("Bucket"))


def _put_policy(work: Work) -> None:
    work.call("s3", "PutBucketPolicy", Bucket=work.given("Bucket"), Policy=json.dumps(work.given("PolicyDocument")))


def _remove_policy(work: Work) -> None:
    work.call("s3", "DeleteBucketPolicy", Bucket=work.physical_id)


BUCKET_POLICY = Coded(
    made=_make_policy, settle=_put_policy, removed=_remove_policy, known=("Bucket", "PolicyDocument", "Tags")
)
