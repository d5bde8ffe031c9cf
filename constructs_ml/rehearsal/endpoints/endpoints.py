"""SageMaker's endpoints: made, updated, scaled, deleted; each with model servers that answer."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import updates
from constructs_ml.rehearsal.endpoints.containers import NotStartedError, Serve
from constructs_ml.rehearsal.endpoints.fleet import check, launch
from constructs_ml.rehearsal.endpoints.invocations import Invocations
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.plan import refused
from constructs_ml.rehearsal.endpoints.rollout import Rollout
from constructs_ml.rehearsal.endpoints.told import told
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.serving.serving import ModelServer
from constructs_ml.rehearsal.stand_ins import StandIn

_IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
_log = logging.getLogger(__name__)


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
        self.invocations = Invocations(account, self.live)
        account.at_end(self._end)

    def _created(self, resource: Resource, call: Call) -> None:
        config = self._config(call.parameters["EndpointConfigName"])
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
        config = self._config(given["EndpointConfigName"])
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
            raise refused(f"Endpoint {live.name} has no variant {', '.join(unknown)}.")
        for item in wanted:
            if by_name[item["VariantName"]].serverless and "DesiredInstanceCount" in item:
                raise refused(f"Variant {item['VariantName']} is serverless: it has no instance count.")
        self.store.change(live.resource, EndpointStatus="Updating")
        self._work(live, lambda: updates.scale(self.account, self.store, live, wanted))
        return {"EndpointArn": live.resource.arn}

    def _delete(self, call: Call) -> Json:
        resource = self._found(call.parameters["EndpointName"])
        if resource.status in _IN_PROGRESS:
            raise refused(f'Cannot update in-progress endpoint "{resource.arn}".')
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
        resource = self._found(name)
        if resource.status in _IN_PROGRESS:
            raise refused(f'Cannot update in-progress endpoint "{resource.arn}".')
        if resource.status != "InService":
            raise refused(f'Cannot update endpoint "{resource.arn}" in status {resource.status}: delete it.')
        return self.live[name]

    def _found(self, name: str) -> Resource:
        found = self.store.find("Endpoint", name)
        if found is None:
            raise refused(f'Could not find endpoint "{self.account.arn("sagemaker", f"endpoint/{name}")}".')
        return found

    def _config(self, name: str) -> Resource:
        found = self.store.find("EndpointConfig", name)
        if found is None:
            arn = self.account.arn("sagemaker", f"endpoint-config/{name}")
            raise refused(f'Could not find endpoint configuration "{arn}".')
        return found

    def _work(self, live: Live, work: Callable[[], None]) -> None:
        live.worker = threading.Thread(
            target=self._guarded, args=(live, work), name=f"endpoint {live.name}", daemon=True
        )
        live.worker.start()

    def _guarded(self, live: Live, work: Callable[[], None]) -> None:
        """Whatever breaks leaves a failed endpoint that says why, unless the account is closing anyway."""
        try:
            work()
        except Exception as broken:  # noqa: BLE001 - a thread has nobody else to tell
            if self.account.clock.stopped:
                return
            _log.exception("endpoint %s", live.name)
            with contextlib.suppress(Exception):
                self.store.change(live.resource, EndpointStatus="Failed", FailureReason=repr(broken))

    def _end(self) -> None:
        self.invocations.end()
        for live in list(self.live.values()):
            if live.worker is not None:
                live.worker.join(10)
            live.stop()


def model_server(account: EmbeddedAccount, stand_ins: Sequence[StandIn]) -> Serve:
    """How a rehearsal starts a model: its inference script under the local Python, or a declared stand-in."""

    def serve(
        name: str, model: Resource, principal: Principal, instance_type: str | None, line: Callable[[str], None]
    ) -> ModelServer:
        return ModelServer(account, name, model, principal, stand_ins, instance_type=instance_type, line=line)

    return serve
