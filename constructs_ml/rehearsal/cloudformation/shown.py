"""CloudFormation's operations that only look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError
from constructs_ml.rehearsal.cloudformation import change_sets
from constructs_ml.rehearsal.cloudformation.exports import Exports
from constructs_ml.rehearsal.cloudformation.model import Event, Live, Stack
from constructs_ml.rehearsal.cloudformation.requests import needed_capabilities, text_of
from constructs_ml.rehearsal.cloudformation.resources.shapes import text_of as as_text
from constructs_ml.rehearsal.cloudformation.stacks import Stacks
from constructs_ml.rehearsal.cloudformation.template import Template, parsed
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_PAGE = 100
_DRIFT = {"DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}}
_RESOURCE_DRIFT = {"DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"}}


class Shown:
    """The handlers of an account's stacks and exports."""

    def __init__(self, account: EmbeddedAccount, stacks: Stacks, exports: Exports) -> None:
        self._account, self._stacks, self._exports = account, stacks, exports

    @property
    def operations(self) -> Mapping[str, Handler]:
        """The handlers, by operation."""
        return {
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackEvents": self._describe_events,
            "DescribeEvents": lambda call: {"OperationEvents": []},
            "DescribeStackResource": self._describe_resource,
            "DescribeStackResources": self._describe_resources,
            "ListStackResources": self._list_resources,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._summary,
            "ValidateTemplate": self._validate,
            "GetStackPolicy": lambda call: {"StackPolicyBody": self._stack(call).policy},
            "ListExports": self._list_exports,
            "ListImports": self._list_imports,
        }

    def _stack(self, call: Call) -> Stack:
        return self._stacks.get(call.parameters["StackName"])

    def _describe_stacks(self, call: Call) -> Json:
        name = call.parameters.get("StackName")
        return {"Stacks": [_stack(one) for one in ([self._stacks.get(name)] if name else self._stacks.alive())]}

    def _list_stacks(self, call: Call) -> Json:
        wanted = call.parameters.get("StackStatusFilter")
        found = [one for one in self._stacks.all() if not wanted or one.status in wanted]
        return {"StackSummaries": [_summary(one) for one in found]}

    def _describe_events(self, call: Call) -> Json:
        """The newest first, in pages; the next page begins after an event, for new ones come in front."""
        stack, after = self._stack(call), call.parameters.get("NextToken")
        with stack.lock:
            events = list(reversed(stack.events))
        start = next((index for index, event in enumerate(events, 1) if event.id == after), 0)
        page = events[start : start + _PAGE]
        answer: dict[str, Json] = {"StackEvents": [_event(stack, event) for event in page]}
        return answer | ({"NextToken": page[-1].id} if start + _PAGE < len(events) else {})

    def _describe_resource(self, call: Call) -> Json:
        stack, name = self._stack(call), call.parameters["LogicalResourceId"]
        if name not in stack.live:
            raise ServiceError("ValidationError", f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": _resource(stack, stack.live[name], "LastUpdatedTimestamp")}

    def _describe_resources(self, call: Call) -> Json:
        given = call.parameters
        name, wanted = given.get("StackName"), given.get("LogicalResourceId")
        found = [
            _resource(stack, live, "Timestamp")
            for stack in ([self._stacks.get(name)] if name else self._owners(given.get("PhysicalResourceId", "")))
            for live in list(stack.live.values())
            if wanted in (None, live.declared.logical_id)
        ]
        return {"StackResources": found}

    def _owners(self, physical_id: str) -> list[Stack]:
        found = [
            stack
            for stack in self._stacks.alive()
            if any(live.physical_id == physical_id for live in list(stack.live.values()))
        ]
        if not found:
            raise ServiceError("ValidationError", f"Stack for {physical_id} does not exist")
        return found

    def _list_resources(self, call: Call) -> Json:
        stack = self._stack(call)
        found = [_resource(stack, live, "LastUpdatedTimestamp") for live in list(stack.live.values())]
        for entry in found:
            del entry["StackName"], entry["StackId"]
        return {"StackResourceSummaries": found}

    def _get_template(self, call: Call) -> Json:
        stack, name = self._stack(call), call.parameters.get("ChangeSetName")
        if name:
            return _template(change_sets.found(stack, name).request.template)
        if stack.request is None:  # a change set, and no more
            return {"TemplateBody": "{}", "StagesAvailable": ["Original", "Processed"]}
        return _template(stack.request.template)

    def _summary(self, call: Call) -> Json:
        if not call.parameters.get("StackName"):
            return _template_summary(parsed(text_of(self._account, call.parameters)))
        stack = self._stack(call)
        if stack.request is None:
            raise ServiceError("ValidationError", f"Stack {stack.name} has no template yet")
        return _template_summary(stack.request.template)

    def _validate(self, call: Call) -> Json:
        found = _template_summary(parsed(text_of(self._account, call.parameters)))
        kept = ("Parameters", "Description", "Capabilities", "CapabilitiesReason", "DeclaredTransforms")
        return {key: value for key, value in found.items() if key in kept}

    def _list_exports(self, _: Call) -> Json:
        found = self._exports.all()
        return {"Exports": [{"ExportingStackId": s.id, "Name": o.export, "Value": o.value} for s, o in found]}

    def _list_imports(self, call: Call) -> Json:
        name = call.parameters["ExportName"]
        users = self._exports.users(name)
        if not users:
            raise ServiceError("ValidationError", f"Export '{name}' is not imported by any stack.")
        return {"Imports": users}


def _stack(stack: Stack) -> dict[str, Json]:
    request = stack.request
    answer: dict[str, Json] = {
        **_summary(stack),
        "DisableRollback": bool(request and request.on_failure == "DO_NOTHING"),
        "EnableTerminationProtection": stack.protected,
        "Capabilities": list(request.capabilities) if request else [],
        "NotificationARNs": list(request.notified) if request else [],
        "Parameters": [parameter.shown for parameter in request.parameters.values()] if request else [],
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                **({"Description": output.description} if output.description else {}),
                **({"ExportName": output.export} if output.export else {}),
            }
            for output in stack.outputs
        ],
    }
    if request and request.role:
        answer["RoleARN"] = request.role
    if request and request.template.description:
        answer["Description"] = request.template.description
    return answer


def _summary(stack: Stack) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        **_DRIFT,
    }
    times: dict[str, datetime | None] = {"LastUpdatedTime": stack.updated, "DeletionTime": stack.deleted}
    answer |= {key: at for key, at in times.items() if at is not None}
    return answer | ({"StackStatusReason": stack.reason} if stack.reason else {})


def _event(stack: Stack, event: Event) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
    }
    answer |= {"ResourceStatusReason": event.reason} if event.reason else {}
    answer |= {"ClientRequestToken": event.token} if event.token else {}
    return answer | ({"ResourceProperties": as_text(event.properties)} if event.properties is not None else {})


def _resource(stack: Stack, live: Live, when: str) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": live.declared.logical_id,
        "PhysicalResourceId": live.physical_id,
        "ResourceType": live.declared.type,
        "ResourceStatus": live.status,
        when: live.at or stack.created,
        **_RESOURCE_DRIFT,
    }
    return answer | ({"ResourceStatusReason": live.reason} if live.reason else {})


def _template(template: Template) -> dict[str, Json]:
    return {"TemplateBody": template.text, "StagesAvailable": ["Original", "Processed"]}


def _template_summary(template: Template) -> dict[str, Json]:
    needed = needed_capabilities(template.resources.values())
    answer: dict[str, Json] = {
        "Parameters": [_declaration(name, about) for name, about in template.parameters.items()],
        "ResourceTypes": sorted({one.type for one in template.resources.values()}),
        "DeclaredTransforms": list(template.transforms),
        "Capabilities": needed,
    }
    if needed:
        names = [name for name, one in template.resources.items() if one.type.startswith("AWS::IAM::")]
        answer["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(names)}]"
    return answer | ({"Description": template.description} if template.description else {})


def _declaration(name: str, about: Mapping[str, Any]) -> dict[str, Json]:
    answer: dict[str, Json] = {"ParameterKey": name, "ParameterType": about.get("Type", "String")}
    answer["NoEcho"] = str(about.get("NoEcho", "false")).lower() == "true"
    if "Default" in about:
        answer["DefaultValue"] = str(about["Default"])
    return answer | ({"Description": about["Description"]} if "Description" in about else {})
