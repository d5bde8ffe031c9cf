"""The service models that botocore ships: what each action of each service takes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from constructs_ml.compiler.proofs.integrations import Integration
from constructs_ml.compiler.proofs.reshaped import OWN_SHAPES, SAME, reshape
from constructs_ml.compiler.proofs.texts import near
from constructs_ml.compiler.template import Json
from constructs_ml.faults import Fault, fault

# Step Functions calls a service by its id in AWS's SDK for Java; botocore's folders differ in these.
_FOLDERS = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "configservice": "config",
    "costandusagereportservice": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "databasemigrationservice": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "sfn": "stepfunctions",
}
_OPTIMISED_FOLDERS = {
    "bedrock:invokeModel": "bedrock-runtime",
    "elasticmapreduce": "emr",
    "states": "stepfunctions",
}
# These take what is no API of a service.
_UNMODELLED = frozenset({"apigateway", "http"})
_MODEL = "service-2"


class MissingExtraError(ImportError):
    """A proof needs a package that only an extra of this library installs."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A type of a service's model. Types of members are looked up in the same model when they are needed."""

    model: Model
    name: str

    @property
    def facts(self) -> Mapping[str, Json]:
        facts: Mapping[str, Json] = self.model.shapes[self.name]
        return facts

    @property
    def type(self) -> str:
        return str(self.facts["type"])

    def to(self, member: str) -> Shape:
        """The shape of a list's `member`, or of a map's `key` or `value`."""
        return Shape(self.model, self.facts[member]["shape"])


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One service: its operations by name, its shapes by name. `id` is its name in AWS's SDKs.

    Members have the names that Step Functions takes, or without `capitals` the service's own.
    """

    service: str
    operations: Mapping[str, Json]
    shapes: Mapping[str, Json]
    id: str = ""
    capitals: bool = True
    _members: dict[str, Mapping[str, Shape]] = field(default_factory=dict)
    _spellings: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def in_own_words(self) -> Model:
        """The same service with members as it spells them itself."""
        return replace(self, capitals=False, _members={}, _spellings={})

    def spelt(self, name: str) -> str:
        """A member's name as requests have it."""
        return pascal(name) if self.capitals else name

    def members(self, shape: str) -> Mapping[str, Shape]:
        """A structure's members under the names that requests have."""
        if shape not in self._members:
            found = self.shapes[shape].get("members", {})
            known = {self.spelt(name): Shape(self, member["shape"]) for name, member in found.items()}
            self._members[shape] = MappingProxyType(known)
        return self._members[shape]

    def spellings(self, shape: str) -> Mapping[str, str]:
        """Every accepted spelling of a structure's members: `DBName` is also taken as `DbName`."""
        if shape not in self._spellings:
            names = self.members(shape)
            self._spellings[shape] = MappingProxyType(
                {_softened(name): name for name in names} | {name: name for name in names}
            )
        return self._spellings[shape]


@cache
def load(service: str) -> Model | None:
    """The model of a service by botocore's name, or None. Raises `MissingExtraError` without botocore."""
    loader = _loader()
    if service not in _services():
        return None
    raw = loader.load_service_model(service, _MODEL)
    return Model(service, raw["operations"], reshape(service, raw["shapes"]), raw["metadata"]["serviceId"])


def request_shape(call: Integration, where: str) -> Shape | Fault | None:
    """What a call takes: a fault for an unknown service or action, None where no model describes it."""
    if not call.sdk and call.service in _UNMODELLED:
        return None
    model = model_of(call)
    if model is None:
        return fault("call-unknown", where=where, got=call.service, allowed=near(call.service, _sdk_names()))
    if not call.sdk and call.key in OWN_SHAPES.get(model.service, ()):
        return Shape(model, call.key)
    operation = model.operations.get(SAME.get(str(call), call.action[:1].upper() + call.action[1:]))
    if operation is None or (call.sdk and call.action[:1].isupper()):
        known = tuple(name[0].lower() + name[1:] for name in model.operations)
        return fault("call-unknown", where=where, got=call.action, allowed=near(call.action, known))
    if "input" not in operation:
        return Shape(_EMPTY, "Nothing")
    return Shape(model, operation["input"]["shape"])


def model_of(call: Integration) -> Model | None:
    """The model of the service that a call goes to, or None where there is none."""
    folder = _folder(call)
    return load(folder) if folder else None


def pascal(name: str) -> str:
    """A member's name as Step Functions takes it: it begins with a capital."""
    return name[:1].upper() + name[1:]


def _softened(name: str) -> str:
    return re.sub(r"^[A-Z]{2,}(?=[A-Z][a-z])", lambda match: match[0].capitalize(), name)


_EMPTY = Model("", MappingProxyType({}), MappingProxyType({"Nothing": {"type": "structure"}}))


def _folder(call: Integration) -> str | None:
    if not call.sdk:
        return _OPTIMISED_FOLDERS.get(call.key) or _OPTIMISED_FOLDERS.get(call.service) or call.service
    return _FOLDERS.get(call.service) or _compact().get(call.service)


def _sdk_names() -> tuple[str, ...]:
    return tuple({**_compact(), **_FOLDERS})


@cache
def _compact() -> Mapping[str, str]:
    """Services by their names without hyphens, as in `sagemakerruntime`."""
    return {name.replace("-", ""): name for name in _services()}


@cache
def _services() -> frozenset[str]:
    return frozenset(_loader().list_available_services(_MODEL))


@cache
def _loader() -> Json:
    try:
        loaders = importlib.import_module("botocore.loaders")
    except ImportError as error:
        raise MissingExtraError(
            "parameters are checked against botocore's service models, and botocore is not installed: "
            "pip install 'constructs-ml[proofs]'"
        ) from error
    return loaders.create_loader()
