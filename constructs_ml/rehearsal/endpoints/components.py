"""Inference components: models that share the variants of one endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.containers import Containers, NotStartedError, Serve
from constructs_ml.rehearsal.endpoints.fleet import Variant
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.starting import start
from constructs_ml.rehearsal.sagemaker.nouns import nouns
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_NOUN = "InferenceComponent"


@dataclass(slots=True)
class Components:
    """Starts, changes and stops them. All copies of one are one server here.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html.
    """

    account: EmbeddedAccount
    store: Store
    live: Mapping[str, Live]
    serve: Serve
    background: Background
    running: dict[str, Containers]

    def register(self) -> None:
        """Answer the operations."""
        self.store.on("Create", _NOUN, self._created)
        self.store.on("Delete", _NOUN, self._deleted)
        operations = {
            "UpdateInferenceComponent": self._update,
            "UpdateInferenceComponentRuntimeConfig": self._copies,
        }
        self.account.gate.serve("sagemaker", operations)

    def of(self, endpoint: str) -> list[str]:
        """The names of an endpoint's components."""
        return [item.name for item in self.store.all(_NOUN) if item.fields["EndpointName"] == endpoint]

    def find(self, live: Live, variant: Variant, name: str) -> Containers:
        """What answers for a component on this variant."""
        found = self.store.find(_NOUN, name)
        if found is None or (found.fields["EndpointName"], found.fields["VariantName"]) != (live.name, variant.name):
            raise ServiceError("ValidationError", f"Inference Component {name} of endpoint {live.name} not found.")
        if name not in self.running:
            raise ServiceError("ModelNotReadyException", f"Inference Component {name} has no copy that answers.")
        return self.running[name]

    def stop(self) -> None:
        """Stop every server."""
        for name in list(self.running):
            self.running.pop(name).stop(1)

    def _created(self, resource: Resource, call: Call) -> None:
        live, given = self._endpoint(call), call.parameters
        variant = _variant(live, given.get("VariantName") or "")
        copies = int((given.get("RuntimeConfig") or {}).get("CopyCount", 1))
        said = {"EndpointArn": live.resource.arn, "VariantName": variant.name, "RuntimeConfig": _counted(copies, 0)}
        said["Specification"] = self._described(_specified(given))
        self.store.change(resource, InferenceComponentStatus="Creating", **said)
        self._work(resource, lambda: self._bring_up(resource, variant, given, copies, "Failed"))

    def _bring_up(
        self, resource: Resource, variant: Variant, given: Mapping[str, Json], copies: int, otherwise: str
    ) -> None:
        try:
            model = self._model(resource.name, _specified(given), variant)
            where = {**variant.config, "VariantName": resource.name}
            endpoint = resource.fields["EndpointName"]
            new = start(self.account, endpoint, where, model, variant.principal, self.serve) if copies else None
        except (NotStartedError, ServiceError) as failed:
            self.store.change(resource, InferenceComponentStatus=otherwise, FailureReason=str(failed))
            return
        old = self.running.pop(resource.name, None)
        if new is not None:
            self.running[resource.name] = new
        if old is not None:
            old.stop()
        resource.fields.pop("FailureReason", None)
        said = {"RuntimeConfig": _counted(copies, copies), "Specification": self._described(_specified(given))}
        self.store.change(resource, InferenceComponentStatus="InService", **said)

    def _update(self, call: Call) -> Json:
        given = call.parameters
        resource = self._ready(given["InferenceComponentName"])
        if given.get("DeploymentConfig"):
            text = "the rehearsal replaces all copies at once; leave DeploymentConfig out"
            raise invalid(f"Inference component {resource.name}: {text}.")
        copies = int((given.get("RuntimeConfig") or {}).get("CopyCount", self._count(resource)))
        if not given.get("Specification"):
            return self._counted_anew(resource, copies)
        variant = _variant(self.live[resource.fields["EndpointName"]], resource.fields["VariantName"])
        self.store.change(resource, InferenceComponentStatus="Updating")
        self._work(resource, lambda: self._bring_up(resource, variant, given, copies, "InService"))
        return {"InferenceComponentArn": resource.arn}

    def _copies(self, call: Call) -> Json:
        resource = self._ready(call.parameters["InferenceComponentName"])
        return self._counted_anew(resource, int(call.parameters["DesiredRuntimeConfig"]["CopyCount"]))

    def _counted_anew(self, resource: Resource, copies: int) -> Json:
        if not copies or not self._count(resource):
            raise invalid(f"Inference component {resource.name}: to and from 0 copies is not rehearsed; delete it.")
        self.store.change(resource, InferenceComponentStatus="Updating", RuntimeConfig=_counted(copies, copies))
        self.store.change(resource, InferenceComponentStatus="InService")
        return {"InferenceComponentArn": resource.arn}

    def _deleted(self, resource: Resource, _: Call) -> None:
        old = self.running.pop(resource.name, None)
        if old is not None:
            self._work(resource, old.stop)

    def _count(self, resource: Resource) -> int:
        return int(resource.fields["RuntimeConfig"]["DesiredCopyCount"])

    def _ready(self, name: str) -> Resource:
        resource = self.store.get(_NOUN, name)
        if resource.status != "InService":
            raise invalid(f'Cannot update inference component "{resource.arn}" in status {resource.status}.')
        return resource

    def _endpoint(self, call: Call) -> Live:
        name = call.parameters["EndpointName"]
        live = self.live.get(self.store.get("Endpoint", name).name)
        if live is None or live.fleet is None or live.resource.status != "InService":
            raise invalid(f"Endpoint {name} is not in service.")
        return live

    def _model(self, name: str, given: Mapping[str, Any], variant: Variant) -> Resource:
        """The model of a specification; one that names a container only is a model all the same."""
        if given.get("ModelName"):
            found = self.store.get("Model", given["ModelName"])
            return replace(found, name=name)
        container = given["Container"]
        definition = {"Image": container.get("Image", ""), "Environment": container.get("Environment") or {}}
        if container.get("ArtifactUrl"):
            definition["ModelDataUrl"] = container["ArtifactUrl"]
        fields = {"PrimaryContainer": definition, "ExecutionRoleArn": variant.principal.role}
        return Resource(nouns()["Model"], name, "", fields, {}, self.account.clock.now())

    def _described(self, given: Mapping[str, Any]) -> dict[str, Json]:
        said = dict(given)
        container = said.get("Container")
        if container:
            image = container.get("Image", "")
            shown = {key: value for key, value in container.items() if key != "Image"}
            moment = self.account.clock.now()
            images = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": moment}
            said["Container"] = shown | {"DeployedImage": images}
        return said

    def _work(self, resource: Resource, work: Any) -> None:
        def failed(broken: Exception) -> None:
            self.store.change(resource, InferenceComponentStatus="Failed", FailureReason=repr(broken))

        self.background.start(f"inference component {resource.name}", work, failed)


def _variant(live: Live, name: str) -> Variant:
    assert live.fleet is not None
    found = next((item for item in live.fleet.variants if item.name == name), None)
    if found is None or found.containers is not None:
        raise invalid(f"Endpoint {live.name} has no variant {name!r} for inference components (one without ModelName).")
    return found


def _specified(given: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = given.get("Specification") or {}
    if found.get("BaseInferenceComponentName") or given.get("Specifications"):
        raise invalid("Adapters and several specifications of one inference component are not rehearsed.")
    if not found.get("ModelName") and not found.get("Container"):
        raise invalid("An inference component needs a ModelName or a Container.")
    return found


def _counted(desired: int, current: int) -> dict[str, int]:
    return {"DesiredCopyCount": desired, "CurrentCopyCount": current}
