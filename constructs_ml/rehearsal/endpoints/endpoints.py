"""SageMaker's endpoints: made, updated, scaled, deleted; each with model servers that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import scaling, updates
from constructs_ml.rehearsal.endpoints.components import Components
from constructs_ml.rehearsal.endpoints.containers import NotStartedError, Serve
from constructs_ml.rehearsal.endpoints.experiments import Experiments
from constructs_ml.rehearsal.endpoints.fleet import check, launch
from constructs_ml.rehearsal.endpoints.invocations import Invocations
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.rollout import Rollout
from constructs_ml.rehearsal.endpoints.told import told
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.serving.serving import ModelServer
from constructs_ml.rehearsal.stand_ins import StandIn

# Seconds: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
_STARTED = 480
_CLOSING = 1
_IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


class Endpoints:
    """Serves endpoints and sagemaker-runtime. `serve` starts one model server; tests hand in their own."""

    def __init__(
        self, account: EmbeddedAccount, store: Store, stand_ins: Sequence[StandIn], *, serve: Serve | None = None
    ) -> None:
        self.account, self.store = account, store
        self.serve = serve or model_server(account, stand_ins)
        self.live: dict[str, Live] = {}
        store.on("Create", "Endpoint", self._created)
        operations = {
            "UpdateEndpoint": self._update,
            "DeleteEndpoint": self._delete,
            "UpdateEndpointWeightsAndCapacities": self._scale,
        }
        account.gate.serve("sagemaker", operations)
        self.background = Background(account.clock)
        self.components = Components(account, store, self.live, self.serve, self.background, {})
        self.components.register()
        self.experiments = Experiments(account, store, self.live, self.serve, self.background)
        self.experiments.register()
        self.invocations = Invocations(account, self.live, self.background, self.components.find)
        account.gate.before.append(lambda call: scaling.check(store, call))
        account.at_end(self._end)

    def _created(self, resource: Resource, call: Call) -> None:
        config = self.store.get("EndpointConfig", call.parameters["EndpointConfigName"])
        check(self.store, config)
        deployment = call.parameters.get("DeploymentConfig")
        updates.planned(self.account, deployment, config)
        live = self.live[resource.name] = Live(resource)
        said = {"LastDeploymentConfig": deployment} if deployment else {}
        said |= {key: config.fields[key] for key in ("AsyncInferenceConfig",) if key in config.fields}
        self.store.change(resource, EndpointStatus="Creating", **said)
        self._work(live, lambda: self._bring_up(live, config))

    def _bring_up(self, live: Live, config: Resource) -> None:
        try:
            live.fleet = launch(self.account, self.store, live.name, config, self.serve)
        except (NotStartedError, ServiceError) as failed:
            self.store.change(live.resource, EndpointStatus="Failed", FailureReason=str(failed))
            return
        self.store.change(live.resource, EndpointStatus="InService", **live.fleet.describe())
        told(self.account, live, "IN_SERVICE", live.fleet, None)

    def _update(self, call: Call) -> Json:
        given = call.parameters
        live = self._ready(given["EndpointName"])
        if live.name in self.experiments.running:
            raise invalid(f"Endpoint {live.name} has inference experiment {self.experiments.running[live.name]}.")
        config = self.store.get("EndpointConfig", given["EndpointConfigName"])
        check(self.store, config)
        deployment = given.get("DeploymentConfig")
        if deployment is None and given.get("RetainDeploymentConfig"):
            deployment = live.resource.fields.get("LastDeploymentConfig")
        assert live.fleet is not None
        steps = updates.planned(self.account, deployment, config)
        updates.check(self.account, live.fleet, config, deployment, live.name)
        excluded = [item["VariantPropertyType"] for item in given.get("ExcludeRetainedVariantProperties") or ()]
        retained = excluded if given.get("RetainAllVariantProperties") else None
        rollout = Rollout(self.account, self.store, live, config, steps, self.serve, retained)
        live.resource.fields.pop("FailureReason", None)
        said = {"LastDeploymentConfig": deployment} if deployment else {}
        self.store.change(live.resource, EndpointStatus="Updating", **said)
        self._work(live, rollout.run)
        return {"EndpointArn": live.resource.arn}

    def _scale(self, call: Call) -> Json:
        live = self._ready(call.parameters["EndpointName"])
        assert live.fleet is not None
        by_name = {variant.name: variant for variant in live.fleet.variants}
        wanted = call.parameters["DesiredWeightsAndCapacities"]
        unknown = [item["VariantName"] for item in wanted if item["VariantName"] not in by_name]
        if unknown:
            raise invalid(f"Endpoint {live.name} has no variant {', '.join(unknown)}.")
        for item in wanted:
            serverless = by_name[item["VariantName"]].serverless
            wrong = "DesiredInstanceCount" if serverless else "ServerlessUpdateConfig"
            if item.get(wrong) is not None:
                raise invalid(f"Variant {item['VariantName']} is {'' if serverless else 'not '}serverless: no {wrong}.")
        self.store.change(live.resource, EndpointStatus="Updating")
        self._work(live, lambda: updates.scale(self.account, self.store, live, wanted))
        return {"EndpointArn": live.resource.arn}

    def _delete(self, call: Call) -> Json:
        resource = self.store.get("Endpoint", call.parameters["EndpointName"])
        if resource.status in _IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{resource.arn}".')
        if resource.name in self.experiments.running:
            raise invalid(
                f"Endpoint {resource.name} has inference experiment {self.experiments.running[resource.name]}."
            )
        held = self.components.of(resource.name)
        if held:
            raise invalid(f"Endpoint {resource.name} has inference components: delete {', '.join(held)} first.")
        live = self.live.get(resource.name) or Live(resource)
        self.store.change(resource, EndpointStatus="Deleting")
        self._work(live, lambda: self._gone(live))
        return None

    def _gone(self, live: Live) -> None:
        live.stop()
        self.live.pop(live.name, None)
        self.store.remove(live.resource)
        self.account.journal.write("endpoint", live.name, "deleted")

    def _ready(self, name: str) -> Live:
        """An endpoint that may change: a failed one can only be deleted.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html, EndpointStatus.
        """
        resource = self.store.get("Endpoint", name)
        if resource.status in _IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{resource.arn}".')
        if resource.status != "InService":
            raise invalid(f'Cannot update endpoint "{resource.arn}" in status {resource.status}: delete it.')
        return self.live[name]

    def _work(self, live: Live, work: Callable[[], None]) -> None:
        def failed(broken: Exception) -> None:
            self.store.change(live.resource, EndpointStatus="Failed", FailureReason=repr(broken))

        self.background.start(f"endpoint {live.name}", work, failed)

    def _end(self) -> None:
        self.background.end()
        self.components.stop()
        for live in list(self.live.values()):
            live.stop(_CLOSING)


def model_server(account: EmbeddedAccount, stand_ins: Sequence[StandIn]) -> Serve:
    """How a rehearsal starts a model: its inference script under the local Python, or a declared stand-in."""

    def serve(
        name: str, model: Resource, principal: Principal, variant: Mapping[str, Any], line: Callable[[str], None]
    ) -> ModelServer:
        machine = variant.get("InstanceType")
        patience = float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or _STARTED)
        given = (account, name, model, principal, stand_ins)
        return ModelServer(*given, instance_type=machine, line=line, seconds=patience)

    return serve
