"""An update of an endpoint while it runs: a new fleet, traffic step by step, alarms watched, and the way back."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints.alarms import Alarms
from constructs_ml.rehearsal.endpoints.containers import NotStartedError, Serve
from constructs_ml.rehearsal.endpoints.fleet import Fleet, launch
from constructs_ml.rehearsal.endpoints.live import Live
from constructs_ml.rehearsal.endpoints.plan import Plan, Step
from constructs_ml.rehearsal.endpoints.told import told
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_LOOK = 0.1  # seconds of real time between two looks at the alarms


class RollbackError(Exception):
    """The deployment goes back; the text is the FailureReason."""


@dataclass(slots=True)
class Rollout:
    """One UpdateEndpoint on its way; `run` returns when the endpoint is in service again, on either config."""

    account: EmbeddedAccount
    store: Store
    live: Live
    config: Resource
    plan: Plan
    serve: Serve
    retained: Collection[str] | None
    waited: float = 0.0
    began: float = 0.0

    def run(self) -> None:
        """Carry the plan out; the stages and their words are those of
        https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
        """
        live, self.began = self.live, time.monotonic()
        assert live.fleet is not None
        try:
            alarms = Alarms(self.account, self.plan.alarms, live.fleet.principal)
            live.new = self._launch(live.fleet)
            for step in self.plan.steps:
                self._shift(step, live.new)
                self._bake(step, live.new, alarms)
        except (RollbackError, NotStartedError, ServiceError) as failed:
            self._back(str(failed))
        else:
            self._finish(live.new)

    def _launch(self, old: Fleet) -> Fleet:
        count = sum(int(item.get("InitialInstanceCount", 0)) for item in self.config.fields["ProductionVariants"])
        self._say("Creating", f"Launching {count} instance(s).", None)
        new = launch(self.account, self.store, self.live.name, self.config, self.serve)
        if self.retained is not None:
            new.keep(old, self.retained)
        return new

    def _shift(self, step: Step, new: Fleet) -> None:
        self._in_time()
        self._say("ActivatingTraffic", f"Activating traffic on {self._capacity(step, new)}.", new)
        self.live.share = step.share
        text = f"{step.share:.0%} of the traffic goes to {new.config.name}"
        self.account.journal.write("endpoint", self.live.name, text, share=step.share, config=new.config.name)

    def _bake(self, step: Step, new: Fleet, alarms: Alarms) -> None:
        if step.bake:
            where = f"with traffic enabled on {self._capacity(step, new)}"
            self._say("Baking", f"Baking for {step.bake} seconds ({step.why}) {where}.", new)
        left = float(step.bake)
        while True:
            ringing = alarms.ringing()
            if ringing:
                words = "The deployment was rolled back: the following CloudWatch alarm(s) are in ALARM state: "
                raise RollbackError(words + ", ".join(ringing))
            self._in_time()
            if left <= 0:
                return
            pause = min(left, _LOOK * self.account.clock.acceleration)
            if not self.account.clock.sleep(pause):
                raise RollbackError("The rehearsal ended.")
            left, self.waited = left - pause, self.waited + pause

    def _in_time(self) -> None:
        """What waits counts in the account's time, what works in real time."""
        worked = time.monotonic() - self.began - self.waited / self.account.clock.acceleration
        if self.plan.timeout is not None and self.waited + worked > self.plan.timeout:
            limit = f"MaximumExecutionTimeoutInSeconds of {self.plan.timeout}"
            raise RollbackError(f"The deployment was rolled back: it took longer than its {limit}.")

    def _finish(self, new: Fleet) -> None:
        live = self.live
        old, live.fleet, live.new, live.share = live.fleet, new, None, 0.0
        assert old is not None
        told(self.account, live, "UPDATING", old, ("Deleting", f"Terminating {old.instances} instance(s)."))
        old.stop()
        self._in_service(None)
        told(self.account, live, "IN_SERVICE", new, None)

    def _back(self, reason: str) -> None:
        """Traffic returns to the old fleet, which never left; the config's name stays the old one."""
        live, new = self.live, self.live.new
        assert live.fleet is not None
        if self.account.clock.stopped:
            return
        self.store.change(live.resource, EndpointStatus="RollingBack", FailureReason=reason)
        self.account.journal.write("endpoint", live.name, f"rolled back: {reason}", config=self.config.name)
        live.share, live.new = 0.0, None  # at once: a rollback in batches (RollbackMaximumBatchSize) has no bake either
        if new is not None:
            told(self.account, live, "ROLLING_BACK", new, ("Deleting", f"Terminating {new.instances} instance(s)."))
            new.stop()
        self._in_service(reason)
        told(self.account, live, "IN_SERVICE", live.fleet, None)

    def _in_service(self, reason: str | None) -> None:
        live, fields = self.live, self.live.resource.fields
        assert live.fleet is not None
        for gone in ("PendingDeploymentSummary", "FailureReason", "ShadowProductionVariants", "DataCaptureConfig"):
            fields.pop(gone, None)
        said = live.fleet.describe() | ({"FailureReason": reason} if reason else {})
        self.store.change(live.resource, EndpointStatus="InService", **said)

    def _capacity(self, step: Step, new: Fleet) -> str:
        if step.share >= 1:
            return f"full capacity of {new.instances} instance(s)"
        return f"canary capacity of {max(1, round(step.share * new.instances))} instance(s)"

    def _say(self, status: str, message: str, new: Fleet | None) -> None:
        """Into PendingDeploymentSummary, and as an event."""
        assert self.live.fleet is not None
        started = self.live.resource.fields.get("PendingDeploymentSummary", {}).get("StartTime")
        summary: dict[str, Json] = {"EndpointConfigName": self.config.name}
        summary["StartTime"] = started or self.account.clock.now()
        stage = {"Status": status, "StatusMessage": message, "StartTime": self.account.clock.now()}
        found = new.describe(pending=True)["ProductionVariants"] if new else list(map(_asked, self._variants()))
        summary["ProductionVariants"] = [variant | {"VariantStatus": [stage]} for variant in found]
        self.store.change(self.live.resource, PendingDeploymentSummary=summary)
        told(self.account, self.live, "UPDATING", self.live.fleet, None)

    def _variants(self) -> list[Mapping[str, Json]]:
        found: list[Mapping[str, Json]] = self.config.fields["ProductionVariants"]
        return found


def _asked(variant: Mapping[str, Json]) -> dict[str, Json]:
    """A variant of the new fleet before it is there."""
    said: dict[str, Json] = {"VariantName": variant["VariantName"], "CurrentWeight": 0.0}
    said["DesiredWeight"] = float(variant.get("InitialVariantWeight", 1.0))
    if "InitialInstanceCount" in variant:
        said |= {"CurrentInstanceCount": 0, "DesiredInstanceCount": variant["InitialInstanceCount"]}
    return said
