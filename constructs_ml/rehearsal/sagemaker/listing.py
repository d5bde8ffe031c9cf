"""ListX for every noun: which resources are meant, in which order, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from constructs_ml.rehearsal.calls import Json, invalid
from constructs_ml.rehearsal.sagemaker.nouns import Noun, operation

if TYPE_CHECKING:
    from constructs_ml.rehearsal.sagemaker.store import Resource

_PAGING = ("NextToken", "MaxResults", "SortBy", "SortOrder")
# Filters that leave out nothing here: there is one account, no sharing, and no training plan.
_IDLE = ("CrossAccountFilterOption", "ManagedBy", "ModelPackageType", "WarmPoolStatusEquals")
_TIMES = MappingProxyType(
    {
        "CreationTime": "CreationTime",
        "Created": "CreationTime",
        "LastModifiedTime": "LastModifiedTime",
        "ModifiedTime": "LastModifiedTime",
    }
)
# Members of summaries and filters that stand elsewhere in what DescribeX answers.
_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "SourceArn": "Source.SourceArn",
        "SourceUri": "Source.SourceUri",
        "Strategy": "HyperParameterTuningJobConfig.Strategy",
        "ResourceLimits": "HyperParameterTuningJobConfig.ResourceLimits",
        "MonitoringType": "MonitoringScheduleConfig.MonitoringType",
        "VariantName": "VariantName",
        "OfflineStoreStatus": "OfflineStoreStatus.Status",
        "ExperimentSource": "Source",
        "TrialSource": "Source",
        "TrialComponentSource": "Source",
        "MonitoringJobDefinitionArn": "JobDefinitionArn",
    }
)
_DEFINITION = {
    "EndpointName": "{input}.EndpointInput.EndpointName",
    "MonitoringJobDefinitionName": "JobDefinitionName",
}
_DEFAULT_PAGE = 10  # "The default value is 10." of most operations' MaxResults; the model's, where it says another


def page(noun: Noun, found: Iterable[Resource], given: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to a ListX call over these resources, the oldest first."""
    wanted = [resource for resource in found if is_wanted(resource, given)]
    wanted = _sorted(noun, wanted, given)
    shape = operation(noun.list_operation).output_shape.members[noun.listed].member
    summaries = [_summary(resource, shape) for resource in wanted]
    return cut(summaries, noun.listed, given, _default_page(noun.list_operation))


def cut(items: list[Json], member: str, given: Mapping[str, Json], default: int = _DEFAULT_PAGE) -> dict[str, Json]:
    """One page of a list, and where the next begins."""
    most = int(given.get("MaxResults") or default)
    try:
        start = int(given.get("NextToken") or 0)
    except ValueError:
        raise invalid("Invalid NextToken.") from None
    answer: dict[str, Json] = {member: items[start : start + most]}
    if start + most < len(items):
        answer["NextToken"] = str(start + most)
    return answer


def is_wanted(resource: Resource, given: Mapping[str, Json]) -> bool:
    """Whether each filter of a ListX call lets a resource pass."""
    return all(
        _passes(resource, member, wanted)
        for member, wanted in given.items()
        if member not in _PAGING and member not in _IDLE and wanted is not None
    )


def _passes(resource: Resource, member: str, wanted: Json) -> bool:
    for end, test in _TESTS.items():
        subject = member.removesuffix(end)
        if subject != member:
            return test(_subject(resource, subject), wanted)
    return bool(field_of(resource, member) == (_bare(wanted) if member.endswith("Name") else wanted))


def _contains(value: Json, wanted: Json) -> bool:
    return str(wanted).lower() in str(value or "").lower()


def _after(value: Json, wanted: Json) -> bool:
    return value is not None and moment(value) > moment(wanted)


def _before(value: Json, wanted: Json) -> bool:
    return value is not None and moment(value) < moment(wanted)


_TESTS: Mapping[str, Callable[[Json, Json], bool]] = MappingProxyType(
    {
        "Contains": _contains,
        "Prefix": lambda value, wanted: str(value or "").startswith(str(wanted)),
        "Equals": lambda value, wanted: bool(value == wanted),
        "After": _after,
        "Before": _before,
    }
)


def _subject(resource: Resource, subject: str) -> Json:
    """What a filter such as "Status" of StatusEquals is about."""
    if subject == "Name":
        return resource.fields.get(resource.noun.key) or resource.name
    if subject == "Status":
        return resource.status
    return field_of(resource, _TIMES.get(subject, subject))


def field_of(resource: Resource, member: str) -> Json:
    """A member of DescribeX, or what a summary has under a name of its own."""
    if member in resource.fields:
        return resource.fields[member]
    place = _ELSEWHERE.get(member, "")
    if resource.noun.name.endswith("JobDefinition"):
        place = _DEFINITION.get(member, place).format(input=resource.noun.name.removesuffix("Definition") + "Input")
    elif member == "MonitoringJobDefinitionName":
        place = "MonitoringScheduleConfig.MonitoringJobDefinitionName"
    value: Json = resource.fields
    for part in place.split(".") if place else (member,):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _summary(resource: Resource, shape: Any) -> Json:
    if shape.type_name != "structure":
        return resource.arn
    found = {member: field_of(resource, member) for member in shape.members}
    return {member: value for member, value in found.items() if value is not None}


def _sorted(noun: Noun, found: list[Resource], given: Mapping[str, Json]) -> list[Resource]:
    """By what is asked for; else by time, in the order that the operation's model names as its default."""
    by = str(given.get("SortBy") or _default(noun.list_operation, "SortBy", "CreationTime")).upper().replace("_", "")
    order = str(given.get("SortOrder") or _default(noun.list_operation, "SortOrder", "Descending")).upper()
    match by:
        case "NAME" | "HUBNAME":
            found = sorted(found, key=lambda resource: resource.name)
        case "STATUS" | "HUBSTATUS" | "FEATUREGROUPSTATUS":
            found = sorted(found, key=lambda resource: resource.status)
        case "LASTMODIFIEDTIME":
            found = sorted(found, key=lambda resource: moment(resource.fields.get("LastModifiedTime", 0)))
        case _:
            found = sorted(found, key=lambda resource: resource.created)
    return found[::-1] if order == "DESCENDING" else found


@cache
def _default(name: str, member: str, otherwise: str) -> str:
    """The default that the documentation in botocore's model tells: "The default is <code>Ascending</code>"."""
    shape = operation(name).input_shape.members.get(member)
    text = re.sub("<[^>]+>", "", shape.documentation) if shape is not None else ""
    told = re.search(r"default (?:value )?is (\w+)", text) or re.search(r"in (\w+) order by", text)
    return told[1] if told else otherwise


@cache
def _default_page(name: str) -> int:
    shape = operation(name).input_shape.members.get("MaxResults")
    text = re.sub("<[^>]+>", "", shape.documentation) if shape is not None else ""
    told = re.search(r"default (?:value )?(?:for MaxResults )?is (\d+)|defaults to (\d+)|\((\d+) by default", text)
    found = [int(group) for group in told.groups() if group] if told else []
    return found[0] if found else _DEFAULT_PAGE


def _bare(name: Json) -> Json:
    """The name in an ARN, as filters by group take either."""
    return name.rpartition("/")[2] if isinstance(name, str) and name.startswith("arn:") else name


def moment(value: Json) -> datetime:
    """A time of a request or an answer, with its zone: without one it is UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, str) and not re.fullmatch(r"[\d.]+", value):
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
