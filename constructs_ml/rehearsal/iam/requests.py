"""From a call to what IAM is asked: actions, the ARNs of their resources, and the keys of their conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from constructs_ml.compiler.proofs.needs import NEEDS, Need
from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.iam.arns import Here, member, prefix, spelt
from constructs_ml.rehearsal.iam.context import Asked, Values
from constructs_ml.rehearsal.iam.passed import passed
from constructs_ml.rehearsal.iam.s3_requests import s3_asked
from constructs_ml.rehearsal.iam.sagemaker_requests import sagemaker_asked
from constructs_ml.rehearsal.iam.table import FREE, RENAMED, ROWS

_TAGS = frozenset({"aws:requesttag", "aws:tagkeys"})
# Beside its own action, a call that gives tags needs this one.
_TAGGING = {
    "dynamodb": "dynamodb:TagResource",
    "ecs": "ecs:TagResource",
    "events": "events:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "stepfunctions": "states:TagResource",
}


def asked_of(call: Call, here: Here) -> tuple[Asked, ...]:
    """Every request of IAM that a call is; none where it needs no permission."""
    if call.action in FREE:
        return ()
    own = _OWN.get(call.service) or (sagemaker_asked if prefix(call.service) == "sagemaker" else _by_table)
    return (*own(call, here), *passed(call, here))


def _by_table(call: Call, here: Here) -> Iterator[Asked]:
    action = RENAMED.get(call.action, f"{prefix(call.service)}:{call.operation}")
    template = _rows(call.service).get(call.operation)
    if template is None:
        yield from _by_needs(call, here, action)
        return
    arns, context = spelt(template, call, here), _context(call)
    for arn in arns or ("",):
        yield Asked(action, (arn,) if arn else (), context, _TAGS)
    tags = member(call.parameters, "Tags")
    if tags and call.service in _TAGGING and action != _TAGGING[call.service]:
        yield Asked(_TAGGING[call.service], arns or (), context, _TAGS)


def _by_needs(call: Call, here: Here, action: str) -> Iterator[Asked]:
    """By the table of Step Functions' integrations; a resource that it does not tell is not compared."""
    known = NEEDS.get(f"{prefix(call.service)}:{call.operation[:1].lower()}{call.operation[1:]}")
    for need in known.always if known else (Need((action,), "?"),):
        for each in need.actions:
            for arn in _needed(need, call, here) or ("",):
                yield Asked(each, (arn,) if arn else (), _context(call), _TAGS)


def _needed(need: Need, call: Call, here: Here) -> tuple[str, ...] | None:
    if need.arn:
        return spelt(f"{{{need.arn}}}", call, here)
    if not need.on:
        return ("*",)
    return None if need.on == "?" or "*" in need.on else spelt(need.on, call, here)


@cache
def _rows(service: str) -> Mapping[str, str]:
    """The template of each operation."""
    return {operation: template for template, names in ROWS.get(service, {}).items() for operation in names.split()}


def _context(call: Call) -> Values:
    """The keys that a request tells: its tags, and those that its service defines."""
    found: dict[str, tuple[str, ...]] = {}
    tags = member(call.parameters, "Tags")
    for key, value in _tags(tags):
        found[f"aws:requesttag/{key.lower()}"] = (value,)
    if tags:
        found["aws:tagkeys"] = tuple(key for key, _ in _tags(tags))
    for key, name in _KEYS.get(call.service, {}).items():
        value = member(call.parameters, name)
        found[key] = () if value is None else (str(value),)
    return found


# https://docs.aws.amazon.com/service-authorization/latest/reference/list_cloudwatch.html and its siblings
_KEYS: Mapping[str, Mapping[str, str]] = {
    "cloudwatch": {"cloudwatch:namespace": "Namespace"},
    "events": {"events:eventbusname": "EventBusName"},
    "lambda": {"lambda:functionarn": "FunctionName", "lambda:principal": "Principal"},
    "sns": {"sns:protocol": "Protocol", "sns:endpoint": "Endpoint"},
    "ssm": {"ssm:overwrite": "Overwrite"},
}


def _tags(given: Any) -> Iterator[tuple[str, str]]:
    """Tags as a mapping or as a list, in each service's spelling."""
    if isinstance(given, Mapping):
        yield from ((str(key), str(value)) for key, value in given.items())
    for tag in given if isinstance(given, (list, tuple)) else ():
        if isinstance(tag, Mapping):
            small = {str(key).lower(): str(value) for key, value in tag.items()}
            yield small.get("key", small.get("tagkey", "")), small.get("value", small.get("tagvalue", ""))


def _publish(call: Call, here: Here) -> Iterator[Asked]:
    """A message to a topic; one to a telephone number has no resource."""
    for name in ("TopicArn", "TargetArn"):
        if call.parameters.get(name):
            yield Asked("sns:Publish", (call.parameters[name],), _context(call), _TAGS)
            return
    yield Asked("sns:Publish", ("*",), _context(call), _TAGS)


def _sns(call: Call, here: Here) -> Iterator[Asked]:
    return _publish(call, here) if call.operation == "Publish" else _by_table(call, here)


def _lambda(call: Call, here: Here) -> Iterator[Asked]:
    """An invocation is one of a version or alias where it is named: `lambda:InvokeFunction`."""
    if call.operation not in ("Invoke", "InvokeAsync", "InvokeWithResponseStream"):
        yield from _by_table(call, here)
        return
    arns = spelt("function:{FunctionName}", call, here) or ()
    qualifier = call.parameters.get("Qualifier")
    yield Asked("lambda:InvokeFunction", tuple(f"{arn}:{qualifier}" if qualifier else arn for arn in arns))


def _events(call: Call, here: Here) -> Iterator[Asked]:
    """Events go to buses, and a rule of another bus has that bus in its name."""
    bus = str(call.parameters.get("EventBusName") or "default").rpartition("/")[2]
    if call.operation == "PutEvents":
        for entry in call.parameters.get("Entries", ()):
            name = str(entry.get("EventBusName") or "default")
            arn = name if name.startswith("arn:") else here.arn("events", f"event-bus/{name}")
            known = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
            context = {key: () if value is None else (str(value),) for key, value in known.items()}
            yield Asked("events:PutEvents", (arn,), context)
        return
    for asked in _by_table(call, here):
        if bus == "default" or ":rule/" not in asked.resource:
            yield asked
        else:
            arn = asked.resource.replace(":rule/", f":rule/{bus}/", 1)
            yield Asked(asked.action, (arn,), asked.context, asked.families)


def _dynamodb(call: Call, here: Here) -> Iterator[Asked]:
    """Items of a table, of an index of it, or of several tables at once.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    if call.operation in ("TransactGetItems", "TransactWriteItems"):
        for item in call.parameters.get("TransactItems", ()):
            for kind, body in item.items():
                verb = {"Get": "GetItem", "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}.get(kind)
                arns = spelt("table/{TableName}", Call(call.service, "", body, call.principal, call.region), here)
                yield Asked(f"dynamodb:{verb or 'ConditionCheckItem'}", arns or ())
    elif call.operation in ("Query", "Scan"):
        index = call.parameters.get("IndexName")
        arns = spelt("table/{TableName}", call, here) or ()
        yield Asked(f"dynamodb:{call.operation}", tuple(f"{arn}/index/{index}" if index else arn for arn in arns))
    else:
        yield from _by_table(call, here)


def _glue(call: Call, here: Here) -> Iterator[Asked]:
    """Tables and databases are asked about with all that is above them.

    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    given = call.parameters
    database = member(given, "DatabaseName") or (given.get("Name") if "Database" in call.operation else None)
    if not database and "Database" not in call.operation:
        yield from _by_table(call, here)
        return
    above = ["catalog", *([f"database/{database}"] if database else [])]
    table = member(given, "TableName") or member(given, "TableInput.Name") or given.get("Name")
    if (table and "Table" in call.operation) or member(given, "TableName"):
        above.append(f"table/{database}/{table}")
    for resource in above:
        yield Asked(f"glue:{call.operation}", (here.arn("glue", resource),))


def _ecs(call: Call, here: Here) -> Iterator[Asked]:
    """A task is run from a definition: a family without a revision means its newest.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    if call.operation != "RunTask":
        yield from _by_table(call, here)
        return
    family = str(member(call.parameters, "taskDefinition") or "")
    arn = family if family.startswith("arn:") else here.arn("ecs", f"task-definition/{family}")
    revised = ":" in arn.rpartition("/")[2]
    cluster = str(member(call.parameters, "cluster") or "default").rpartition("/")[2]
    context = {**_context(call), "ecs:cluster": (here.arn("ecs", f"cluster/{cluster}"),)}
    yield Asked("ecs:RunTask", (arn,) if revised else (f"{arn}:1", arn), context, _TAGS)
    if member(call.parameters, "tags"):
        yield Asked("ecs:TagResource", (here.arn("ecs", f"task/{cluster}/new"),), context, _TAGS)


def _logs(call: Call, here: Here) -> Iterator[Asked]:
    """A log group is spelt with its streams or without them, and policies are written in both ways."""
    for asked in _by_table(call, here):
        resource = asked.resource
        if call.operation == "DescribeLogGroups":
            yield Asked(asked.action, ("*", here.arn("logs", "log-group::log-stream:")), asked.context)
        elif ":log-group:" in resource and ":log-stream:" not in resource:
            yield Asked(asked.action, (resource, f"{resource}:log-stream:"), asked.context, asked.families)
        elif resource.endswith(":log-stream:"):
            bare = resource.removesuffix(":log-stream:")
            yield Asked(asked.action, (resource, bare), asked.context, asked.families)
        else:
            yield asked


_OWN: Mapping[str, Callable[[Call, Here], Iterator[Asked]]] = {
    "dynamodb": _dynamodb,
    "ecs": _ecs,
    "events": _events,
    "glue": _glue,
    "lambda": _lambda,
    "logs": _logs,
    "s3": s3_asked,
    "sns": _sns,
}
