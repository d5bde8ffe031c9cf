"""Functions, and who may call them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.shapes import member_of, shaped
from constructs_ml.rehearsal.cloudformation.resources.work import Work

_INLINE = {"python": "index.py", "nodejs": "index.js"}


def _code(work: Work) -> dict[str, Json]:
    """The code as the API takes it: text in the template becomes an archive of one file."""
    code = dict(work.given("Code"))
    if "ZipFile" in code:
        runtime = str(work.properties.get("Runtime", ""))
        name = next((name for start, name in _INLINE.items() if runtime.startswith(start)), "index.py")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), code["ZipFile"])
        code["ZipFile"] = archive.getvalue()
    return code


def _function(work: Work) -> Mapping[str, Json]:
    return work.properties if work.before else {**work.properties, "Code": _code(work)}


def _update(work: Work) -> None:
    """Code and configuration are changed by calls of their own."""
    name = work.physical_id
    limit = work.properties.get("ReservedConcurrentExecutions")
    if limit is not None and work.changed("ReservedConcurrentExecutions"):
        work.call("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=int(limit))
    elif limit is None and "ReservedConcurrentExecutions" in work.before:
        work.call("lambda", "DeleteFunctionConcurrency", FunctionName=name)
    if not work.before:
        return
    if work.changed("Code") or work.changed("Architectures"):
        more = {key: work.properties[key] for key in ("Architectures",) if key in work.properties}
        work.call("lambda", "UpdateFunctionCode", FunctionName=name, **_code(work), **more)
    shape = work.client("lambda").meta.service_model.operation_model("UpdateFunctionConfiguration").input_shape
    found = {}
    for property, value in work.properties.items():
        member = member_of(shape, property)
        if member and property != "FunctionName" and work.changed(property):
            found[member] = shaped(shape.members[member], value, property)
    gone = {
        "Environment": {"Variables": {}},
        "Layers": [],
        "Description": "",
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    }
    found |= {key: value for key, value in gone.items() if key in work.before and key not in work.properties}
    if found:
        work.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **found)


FUNCTION = Row(
    service="lambda",
    create="CreateFunction",
    delete="DeleteFunction",
    name="FunctionName",
    keys={"FunctionName": "{id}"},
    attributes={"Arn": "{FunctionArn}"},
    reshape=_function,
    apart=("ReservedConcurrentExecutions",),
    then=(_update,),
)


def _permission(work: Work) -> Mapping[str, Json]:
    return {**work.properties, "StatementId": work.made_name(100)}


PERMISSION = Row(
    service="lambda",
    create="AddPermission",
    delete="RemovePermission",
    id="{StatementId}",
    delete_keys={"FunctionName": "{FunctionName}", "StatementId": "{id}"},
    reshape=_permission,
    tagged=False,
)

VERSION = Row(
    service="lambda",
    create="PublishVersion",
    delete="DeleteFunction",
    id="{FunctionArn}",
    delete_keys={"FunctionName": "{FunctionName}", "Qualifier": "{Version}"},
    attributes={"Version": "{Version}", "FunctionArn": "{FunctionArn}"},
    tagged=False,
    replace=("*",),
)

ALIAS = Row(
    service="lambda",
    create="CreateAlias",
    update="UpdateAlias",
    delete="DeleteAlias",
    id="{AliasArn}",
    keys={"FunctionName": "{FunctionName}", "Name": "{Name}"},
    attributes={"AliasArn": "{AliasArn}"},
    tagged=False,
    replace=("FunctionName", "Name"),
)

EVENT_SOURCE_MAPPING = Row(
    service="lambda",
    create="CreateEventSourceMapping",
    update="UpdateEventSourceMapping",
    delete="DeleteEventSourceMapping",
    id="{UUID}",
    keys={"UUID": "{id}"},
    attributes={"Id": "{UUID}", "EventSourceMappingArn": "{EventSourceMappingArn}"},
    tagged=False,
    replace=("EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "SelfManagedEventSource"),
)
