"""`AWS::CloudFormation::Stack`: a stack of a stack."""

from __future__ import annotations

from constructs_ml.rehearsal.cloudformation.resources.work import Failed, Made, Work

_KNOWN = ("NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PATIENCE = 3 * 3600.0


class Nested:
    """A nested stack is deployed through the service itself; its outputs are its attributes."""

    replace: tuple[str, ...] = ()
    takes_tags = True

    def supports(self, attribute: str) -> bool:
        return attribute.startswith("Outputs.")

    def make(self, work: Work) -> Made:
        answer = work.call("cloudformation", "CreateStack", StackName=work.made_name(128), **_asked(work))
        return _deployed(work, answer["StackId"], "CREATE_COMPLETE")

    def change(self, work: Work) -> Made:
        client = work.client("cloudformation")
        try:
            client.update_stack(StackName=work.physical_id, **_asked(work))
        except client.exceptions.ClientError as refused:
            if "No updates are to be performed" not in str(refused):
                raise
            return Made(work.physical_id, work.attributes)
        return _deployed(work, work.physical_id, "UPDATE_COMPLETE")

    def remove(self, work: Work) -> None:
        work.call("cloudformation", "DeleteStack", StackName=work.physical_id)
        _wait(work, work.physical_id, "DELETE_COMPLETE")


def _asked(work: Work) -> dict[str, object]:
    for property in work.properties:
        if property not in _KNOWN:
            raise Failed(f"Properties validation failed: extraneous key [{property}] is not permitted")
    parameters = {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in (work.properties.get("Parameters") or {}).items()
    }
    return {
        "TemplateURL": work.given("TemplateURL"),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": _CAPABILITIES,
        "Tags": [{"Key": key, "Value": value} for key, value in work.tags.items()],
    }


def _deployed(work: Work, id: str, wanted: str) -> Made:
    try:
        stack = _wait(work, id, wanted)
    except Failed as failed:
        raise Failed(failed.reason, Made(id)) from failed
    return Made(id, {f"Outputs.{out['OutputKey']}": out["OutputValue"] for out in stack.get("Outputs", [])})


def _wait(work: Work, id: str, wanted: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, dict[str, object]] = {}

    def done() -> bool:
        found["stack"] = work.call("cloudformation", "DescribeStacks", StackName=id)["Stacks"][0]
        return not str(found["stack"]["StackStatus"]).endswith("_IN_PROGRESS")

    work.account.clock.poll(done, _PATIENCE)
    stack = found["stack"]
    if stack["StackStatus"] != wanted:
        why = stack.get("StackStatusReason", "")
        raise Failed(f"Embedded stack {id} was not successfully deployed: {stack['StackStatus']} {why}".rstrip())
    return stack  # type: ignore[return-value]  # as DescribeStacks answers


NESTED = Nested()
