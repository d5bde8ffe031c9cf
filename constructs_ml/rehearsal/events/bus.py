"""Event buses: which rules take an event, and its way to their targets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.events.models import events_backends

from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events import patterns
from constructs_ml.rehearsal.events.deliveries import Deliveries
from constructs_ml.rehearsal.events.inputs import InvalidInputError, target_input
from constructs_ml.rehearsal.events.targets import Sent

SERVICE = "events.amazonaws.com"
_NEED_ROLES = (
    ":states:",
    ":sagemaker:",
    ":ecs:",
    ":kinesis:",
    ":firehose:",
    ":batch:",
    ":codebuild:",
    ":codepipeline:",
)
_REQUIRED = ("Source", "DetailType", "Detail")


@dataclass(slots=True)
class Duplicates:
    """Which events come twice: each `every`-th of an AWS service to a state machine (0: none), the `next` ones of any
    kind, and all of the `rules` of these names.

    EventBridge delivers at least once: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html
    """

    every: int = 5
    next: int = 0
    rules: frozenset[str] = frozenset()
    _seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, rule: str, target: str, source: str) -> bool:
        """Whether this delivery is made twice."""
        with self._lock:
            if self.next > 0:
                self.next -= 1
                return True
            if rule in self.rules:
                return True
            if not self.every or ":stateMachine:" not in target or not source.startswith("aws."):
                return False
            self._seen += 1
            return self._seen % self.every == 0


class Bus:
    """Takes events of AWS services and of users, and hands them to the targets of every rule that matches.

    The rules and their targets are those that moto keeps. A rule with a schedule has no pattern and takes no event.
    """

    def __init__(self, account: EmbeddedAccount, deliveries: Deliveries) -> None:
        self._account, self._deliveries = account, deliveries
        self.duplicates = Duplicates()
        account.buses.append(self._take)
        account.gate.override("events", "PutEvents", self._put_events)
        account.gate.override("events", "TestEventPattern", _test_event_pattern)
        account.gate.before.append(_check)

    def _take(self, event: dict[str, Any]) -> None:
        self.put(event)

    def put(self, event: Mapping[str, Any], bus: str = "default") -> int:
        """Send an event on its ways; how many targets there are for it."""
        found = [(rule, target) for rule in self._rules(bus) if _takes(rule, event) for target in list(rule.targets)]
        for rule, target in found:
            self.send(rule, target, event)
        return len(found)

    def send(self, rule: Any, target: Mapping[str, Any], event: Mapping[str, Any], kind: str = "event") -> None:
        """Send an event to one target of a rule, at times twice."""
        try:
            text = target_input(target, event, rule.name, rule.arn)
        except InvalidInputError as wrong:
            self._account.journal.write(kind, rule.name, f"not delivered: {wrong}", target=target["Arn"])
            return
        sent = Sent(target, text, SERVICE, rule.name, rule.arn, event)
        self._deliveries.add(kind, event.get("detail-type", ""), sent)
        if self.duplicates.take(rule.name, target["Arn"], event.get("source", "")):
            what = "delivered twice, as EventBridge may do: a consumer must not mind"
            self._account.journal.write(kind, rule.name, what, target=target["Arn"], duplicate=True)
            self._deliveries.add(kind, event.get("detail-type", ""), sent)

    def rules(self) -> Iterator[Any]:
        """Every rule of every bus."""
        for bus in list(self._backend.event_buses.values()):
            yield from list(bus.rules.values())

    def _rules(self, bus: str) -> list[Any]:
        found = self._backend.event_buses.get(bus)
        return list(found.rules.values()) if found else []

    @property
    def _backend(self) -> Any:
        return events_backends[self._account.id][self._account.region]

    def _put_events(self, call: Call) -> Json:
        entries = call.parameters["Entries"]
        if not 1 <= len(entries) <= 10:
            text = "Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10"
            raise invalid(text)
        told = [self._put_entry(entry, call) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in one for one in told), "Entries": told}

    def _put_entry(self, entry: Mapping[str, Any], call: Call) -> Json:
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
        fault = _fault(entry, forwarded=call.principal.service == SERVICE)
        if fault:
            self._account.journal.write("event", entry.get("DetailType") or "?", f"refused: {fault[1]}", code=fault[0])
            return {"ErrorCode": fault[0], "ErrorMessage": fault[1]}
        moment = entry.get("Time") or self._account.clock.now()
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self._account.id,
            "time": _text_of(moment),
            "region": self._account.region,
            "resources": list(entry.get("Resources") or ()),
            "detail": json.loads(entry["Detail"]),
        }
        bus = (entry.get("EventBusName") or "default").rsplit("/", 1)[-1]
        if bus not in self._backend.event_buses:
            self._account.journal.write("event", entry["DetailType"], f"lost: there is no event bus {bus}")
        elif not self.put(event, bus):
            self._account.journal.write("event", entry["DetailType"], "no rule takes it", source=entry["Source"])
        return {"EventId": event["id"]}


def _takes(rule: Any, event: Mapping[str, Any]) -> bool:
    pattern = rule.event_pattern.get_pattern()
    return rule.state.startswith("ENABLED") and bool(pattern) and patterns.matches(pattern, event)


def _fault(entry: Mapping[str, Any], *, forwarded: bool) -> tuple[str, str] | None:
    for name in _REQUIRED:
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    try:
        sound = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        sound = False
    if not sound:
        return "MalformedDetail", "Detail is malformed."
    if entry["Source"].startswith("aws.") and not forwarded:
        return "NotAuthorizedForSourceException", f"Not authorized for the source {entry['Source']}: it is AWS's own."
    return None


def _test_event_pattern(call: Call) -> Json:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
    pattern = _sound(call.parameters["EventPattern"])
    try:
        event = json.loads(call.parameters["Event"])
    except ValueError:
        raise invalid("Parameter Event is not valid.") from None
    missing = [
        name for name in ("id", "account", "source", "time", "region", "resources", "detail-type") if name not in event
    ]
    if missing:
        raise invalid(f"Parameter Event is not valid: {', '.join(missing)} missing.")
    return {"Result": patterns.matches(pattern, event)}


def _check(call: Call) -> None:
    """Refuse rules and targets that EventBridge refuses and moto takes."""
    if call.service == "events" and call.operation == "PutRule" and call.parameters.get("EventPattern"):
        _sound(call.parameters["EventPattern"])
    if call.service == "events" and call.operation == "PutTargets":
        for target in call.parameters["Targets"]:
            if any(word in target["Arn"] for word in _NEED_ROLES) and not target.get("RoleArn"):
                raise invalid(f"RoleArn is required for target {target['Arn']}.")


def _sound(text: str) -> Any:
    try:
        pattern = json.loads(text)
        patterns.check(pattern)
    except ValueError as wrong:
        raise ServiceError("InvalidEventPatternException", str(wrong)) from None
    return pattern


def _text_of(moment: Any) -> str:
    found = datetime.fromtimestamp(moment, UTC) if isinstance(moment, (int, float)) else moment
    return stamp(found)
