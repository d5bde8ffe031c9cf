"""Whether services will take what the states send: every Task's `Parameters` against botocore's service models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.compiler.proofs.machine import all_states
from constructs_ml.compiler.proofs.service_models import request_shape
from constructs_ml.compiler.proofs.shapes import Check
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, Faults

# Step Functions turns any JSON into the text that these members want.
_FREE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "lambda:invoke": frozenset({"Payload"}),
        "sns:publish": frozenset({"Message"}),
        "sqs:sendMessage": frozenset({"MessageBody"}),
        "states:startExecution": frozenset({"Input"}),
        "bedrock:invokeModel": frozenset({"Body"}),
        "eks:call": frozenset({"RequestBody"}),
        "eks:runJob": frozenset({"Job"}),
    }
)
_NOTHING: Mapping[str, Json] = MappingProxyType({})


def check_parameters(
    definition: Mapping[str, Json], *, substitutions: Mapping[str, Json] = _NOTHING, where: str = ""
) -> tuple[Fault, ...]:
    """Every parameter that its service would refuse, at every level of a definition.

    A member `name.$` counts as given; of its value, and of a text with `${Name}`, only what is certain is
    checked. `substitutions` maps such names to CloudFormation values, where more is known of them; `where`
    begins every place. Raises `MissingExtraError` without botocore.
    """
    faults, prefix = Faults(), f"{where}: " if where else ""
    known = NO_SUBSTITUTIONS.inside(substitutions)
    for place, resource, parameters in tasks(definition):
        call = parse_resource(resource, f"{prefix}{place}.Resource")
        shape = request_shape(call, f"{prefix}{place}.Resource") if isinstance(call, Integration) else call
        if isinstance(shape, Fault):
            faults.found.append(shape)
        elif shape is not None and isinstance(call, Integration) and isinstance(parameters, Mapping):
            check = Check(faults, known, free=_free(call))
            check.structure(shape, _given(call, parameters), f"{prefix}{place}.Parameters", top=True)
    return tuple(faults.found)


def check_raw(call: str, raw: Mapping[str, Json], *, where: str) -> tuple[Fault, ...]:
    """Fields that a user lays over the request of `call`, such as "sagemaker:createTrainingJob".

    They are merged into a whole request, so nothing counts as missing but inside a list, whose items are whole.
    Raises `MissingExtraError` without botocore.
    """
    service, _, action = call.removeprefix("aws-sdk:").partition(":")
    found = Integration(service, action, sdk=call.startswith("aws-sdk:"))
    shape = request_shape(found, where)
    if isinstance(shape, Fault):
        return (shape,)
    faults = Faults()
    if shape is not None:
        Check(faults, NO_SUBSTITUTIONS, partial=True, free=_free(found)).structure(shape, raw, where, top=True)
    return tuple(faults.found)


def tasks(definition: Mapping[str, Json]) -> Iterator[tuple[str, Json, Json]]:
    """What calls a service: tasks, and the readers of maps, which call S3 as it is. Place, resource, parameters."""
    for place, state in all_states(definition):
        if state.get("Type") == "Task":
            yield place, state.get("Resource"), state.get("Parameters")
        reader = state.get("ItemReader")
        if isinstance(reader, Mapping):
            resource = str(reader.get("Resource")).replace(":::s3:", ":::aws-sdk:s3:")
            yield f"{place}.ItemReader", resource, reader.get("Parameters")


def _free(call: Integration) -> frozenset[str]:
    return frozenset() if call.sdk else _FREE.get(call.key, frozenset())


def _given(call: Integration, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    """The parameters; of an event that Step Functions puts, the Detail may be any JSON and is passed over."""
    entries = parameters.get("Entries")
    if str(call) != "events:putEvents" or not isinstance(entries, (list, tuple)):
        return parameters
    plain = [{**item, "Detail": "{}"} if isinstance(item, Mapping) and "Detail" in item else item for item in entries]
    return {**parameters, "Entries": plain}
