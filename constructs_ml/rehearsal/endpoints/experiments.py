"""Shadow tests: an inference experiment puts a shadow variant beside a running endpoint, and takes it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.containers import Serve
from constructs_ml.rehearsal.endpoints.fleet import Variant
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.starting import start
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_NOUN = "InferenceExperiment"
_ENDED = ("Completed", "Cancelled")


@dataclass(slots=True)
class Experiments:
    """Runs one at a time for an endpoint.

    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html. The shadow can be removed in the end; promoting
    it is an update of the endpoint, which the caller makes.
    """

    account: EmbeddedAccount
    store: Store
    live: Mapping[str, Live]
    serve: Serve
    background: Background
    running: dict[str, str] = field(default_factory=dict)
    captures: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    def register(self) -> None:
        """Answer the operations."""
        self.store.on("Create", _NOUN, self._created)
        operations = {
            "StartInferenceExperiment": self._start,
            "StopInferenceExperiment": self._stop,
            "DeleteInferenceExperiment": self._delete,
            "UpdateInferenceExperiment": self._update,
        }
        self.account.gate.serve("sagemaker", operations)

    def _created(self, resource: Resource, call: Call) -> None:
        given = call.parameters
        if given.get("Schedule"):
            raise invalid(
                "Schedule: the rehearsal starts an experiment at once; leave it out and stop it when it is due."
            )
        live = self.live.get(self.store.get("Endpoint", given["EndpointName"]).name)
        if live is None or live.fleet is None or live.resource.status != "InService":
            raise invalid(f"Endpoint {given['EndpointName']} is not in service.")
        if live.name in self.running:
            raise ServiceError("ConflictException", f"Endpoint {live.name} has experiment {self.running[live.name]}.")
        _check(live, given)
        self.running[live.name] = resource.name
        variants = [variant | {"Status": "Creating"} for variant in given["ModelVariants"]]
        self._tell(resource, live, "Creating", ModelVariants=variants)
        self._work(resource, live, lambda: self._bring_up(resource, live, given))

    def _bring_up(self, resource: Resource, live: Live, given: Mapping[str, Json]) -> None:
        fleet, shadowed = live.fleet, given["ShadowModeConfig"]["ShadowModelVariants"][0]
        assert fleet is not None
        wanted = next(v for v in given["ModelVariants"] if v["VariantName"] == shadowed["ShadowModelVariantName"])
        machine = wanted["InfrastructureConfig"]["RealTimeInferenceConfig"]
        config = {"VariantName": wanted["VariantName"], "InstanceType": machine["InstanceType"]}
        model = self.store.get("Model", wanted["ModelName"])
        principal = self.account.assume(model.fields["ExecutionRoleArn"], "sagemaker.amazonaws.com", session=live.name)
        containers = start(self.account, live.name, config, model, principal, self.serve)
        weight = sum(variant.weight for variant in fleet.variants) * shadowed["SamplingPercentage"] / 100
        count, now = int(machine["InstanceCount"]), self.account.clock.now()
        fleet.shadows = (Variant(config, fleet.config.name, principal, containers, weight, count, now),)
        self.captures[live.name] = fleet.capture
        if given.get("DataStorageConfig"):
            fleet.capture = _captured(given["DataStorageConfig"])
        variants = [variant | {"Status": "InService"} for variant in given["ModelVariants"]]
        self.store.change(live.resource, **fleet.describe())
        self._tell(resource, live, "Running", ModelVariants=variants)

    def _stop(self, call: Call) -> Json:
        resource, actions = self.store.get(_NOUN, call.parameters["Name"]), call.parameters["ModelVariantActions"]
        if resource.status != "Running":
            raise ServiceError("ConflictException", f"Inference experiment {resource.name} is {resource.status}.")
        config = resource.fields["ShadowModeConfig"]
        source, shadow = config["SourceModelVariantName"], config["ShadowModelVariants"][0]["ShadowModelVariantName"]
        if actions.get(source, "Retain") != "Retain" or actions.get(shadow, "Remove") != "Remove":
            raise invalid(
                "The rehearsal keeps the production variant and removes the shadow; promote with UpdateEndpoint."
            )
        live = self.live[resource.fields["EndpointMetadata"]["EndpointName"]]
        self._tell(resource, live, "Stopping")
        state = call.parameters.get("DesiredState") or "Completed"
        self._work(resource, live, lambda: self._end(resource, live, state))
        return {"InferenceExperimentArn": resource.arn}

    def _end(self, resource: Resource, live: Live, state: str, reason: str = "") -> None:
        self.running.pop(live.name, None)
        fleet = live.fleet
        if fleet is not None and live.name in self.captures:
            shadows, fleet.shadows = fleet.shadows, ()
            fleet.capture = self.captures.pop(live.name)
            for shadow in shadows:
                if shadow.containers is not None:
                    shadow.containers.stop()
            for gone in ("ShadowProductionVariants", "DataCaptureConfig"):
                live.resource.fields.pop(gone, None)
            self.store.change(live.resource, **fleet.describe())
        said = {"StatusReason": reason} if reason else {}
        self._tell(resource, live, state, CompletionTime=self.account.clock.now(), **said)

    def _start(self, call: Call) -> Json:
        """One starts when it is made here; asking for it again changes nothing."""
        resource = self.store.get(_NOUN, call.parameters["Name"])
        if resource.status in ("Creating", "Running"):
            return {"InferenceExperimentArn": resource.arn}
        raise ServiceError("ConflictException", f"Inference experiment {resource.name} is {resource.status}.")

    def _update(self, call: Call) -> Json:
        raise invalid(
            f"Inference experiment {call.parameters['Name']}: the rehearsal does not change one; make another."
        )

    def _delete(self, call: Call) -> Json:
        resource = self.store.get(_NOUN, call.parameters["Name"])
        if resource.status not in _ENDED:
            raise ServiceError(
                "ConflictException", f"Inference experiment {resource.name} is {resource.status}: stop it."
            )
        self.store.remove(resource)
        return {"InferenceExperimentArn": resource.arn}

    def _tell(self, resource: Resource, live: Live, status: str, **said: Json) -> None:
        endpoint = {
            key: live.resource.fields.get(key) for key in ("EndpointName", "EndpointConfigName", "EndpointStatus")
        }
        self.store.change(resource, Status=status, EndpointMetadata=endpoint, **said)

    def _work(self, resource: Resource, live: Live, work: Any) -> None:
        def failed(broken: Exception) -> None:
            self._end(resource, live, "Cancelled", str(broken))

        self.background.start(f"inference experiment {resource.name}", work, failed)


def _check(live: Live, given: Mapping[str, Json]) -> None:
    """One production and one shadow variant, of a real-time endpoint of one container.

    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html and, for what is excluded,
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html.
    """
    fleet, mode = live.fleet, given["ShadowModeConfig"]
    assert fleet is not None
    source, shadow = mode["SourceModelVariantName"], mode["ShadowModelVariants"][0]["ShadowModelVariantName"]
    if [variant.name for variant in fleet.variants] != [source] or fleet.shadows:
        raise invalid(f"Endpoint {live.name} must have the production variant {source} alone, and no shadow yet.")
    if {variant["VariantName"] for variant in given["ModelVariants"]} != {source, shadow}:
        raise invalid(f"ModelVariants must be {source} and {shadow}.")
    if fleet.variants[0].serverless or "AsyncInferenceConfig" in fleet.config.fields:
        raise invalid("Shadow tests exclude serverless and asynchronous endpoints.")
    if not 0 < mode["ShadowModelVariants"][0]["SamplingPercentage"] <= 100:
        raise invalid("SamplingPercentage must be 1 to 100.")


def _captured(given: Mapping[str, Json]) -> dict[str, Json]:
    config = {"EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": given["Destination"]}
    config["CaptureOptions"] = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    config |= {"KmsKeyId": given["KmsKey"]} if given.get("KmsKey") else {}
    return config | ({"CaptureContentTypeHeader": given["ContentType"]} if given.get("ContentType") else {})
