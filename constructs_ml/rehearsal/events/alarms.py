"""Alarms: moto keeps them and never looks at their metrics; here they ring."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events.alarm_words import Change, State, event_detail, function_payload, notice
from constructs_ml.rehearsal.events.deliveries import Deliveries
from constructs_ml.rehearsal.events.evaluation import evaluate
from constructs_ml.rehearsal.events.judgement import ALARM, INSUFFICIENT, OK, InvalidRuleError, Rule
from constructs_ml.rehearsal.events.metrics import Metrics, UnsupportedStatisticError
from constructs_ml.rehearsal.events.targets import Sent

_LOOK = 0.25
_ACTIONS = {ALARM: "AlarmActions", OK: "OKActions", INSUFFICIENT: "InsufficientDataActions"}
_TOPICS, _FUNCTIONS = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"


class Alarms:
    """Looks at every alarm when data comes, when the clock is advanced, and now and then.

    An alarm begins as INSUFFICIENT_DATA and keeps its state when it is redefined. A state that was set by hand stays
    until there is new data of a metric that the alarm names, or the clock is advanced.
    """

    def __init__(self, account: EmbeddedAccount, deliveries: Deliveries) -> None:
        self._account, self._deliveries = account, deliveries
        self._metrics = Metrics(account.clock)
        self._defined: dict[str, Mapping[str, Any]] = {}
        self._states: dict[str, State] = {}
        self._told: set[str] = set()
        self._by_hand: set[str] = set()
        self._waits, self._lock = False, threading.RLock()
        self._thread: threading.Thread | None = None
        account.gate.override("cloudwatch", "PutCompositeAlarm", self._put_composite)
        account.gate.after.append(self._seen)
        account.clock.watch(self._advanced)
        account.at_end(self._end)
        why = "times of alarms and data are the account's, which may be fast-forwarded"
        account.hook("moto.cloudwatch.models", "utcnow", lambda: account.clock.now().replace(tzinfo=None), why)

    def _seen(self, call: Call) -> None:
        if call.service != "cloudwatch":
            return
        given = call.parameters
        match call.operation:
            case "PutMetricData":
                self._metrics.put(given)
                self._forget_hands({one["MetricName"] for one in given.get("MetricData") or ()})
                self._soon()
            case "PutMetricAlarm" | "PutCompositeAlarm":
                self._define(given)
            case "DeleteAlarms":
                for name in given["AlarmNames"]:
                    self._defined.pop(name, None)
                    self._states.pop(name, None)
                    self._by_hand.discard(name)
            case "SetAlarmState":
                with self._lock:
                    self._by_hand |= {given["AlarmName"]} & self._defined.keys()
                    data = given.get("StateReasonData") or ""
                    self._changed(given["AlarmName"], given["StateValue"], given["StateReason"], data)
                self._soon()

    def _put_composite(self, call: Call) -> Json:
        """Keep a composite alarm where moto keeps alarms; it has no such operation itself."""
        given = call.parameters
        try:
            Rule(given["AlarmRule"])
        except InvalidRuleError as wrong:
            raise ServiceError("ValidationError", str(wrong)) from None
        if given.get("ActionsSuppressor"):
            text = "the embedded account has no ActionsSuppressor; leave it out of the rehearsed alarm"
            raise ServiceError("ValidationError", text)
        measured = dict.fromkeys(
            ("namespace", "metric_name", "comparison_operator", "period", "threshold", "statistic")
        )
        cloudwatch_backends[self._account.id][self._account.region].put_metric_alarm(
            **measured,
            name=given["AlarmName"],
            evaluation_periods=None,
            description=given.get("AlarmDescription"),
            dimensions=[],
            alarm_actions=list(given.get("AlarmActions") or ()),
            ok_actions=list(given.get("OKActions") or ()),
            insufficient_data_actions=list(given.get("InsufficientDataActions") or ()),
            actions_enabled=given.get("ActionsEnabled", True),
            rule=given["AlarmRule"],
            tags=[dict(tag) for tag in given.get("Tags") or ()],
        )
        return None

    def _forget_hands(self, metrics: set[str]) -> None:
        with self._lock:
            self._by_hand -= {name for name in self._by_hand if any(one in str(self._defined[name]) for one in metrics)}

    def _advanced(self, _before: datetime, _after: datetime) -> None:
        with self._lock:
            self._by_hand.clear()
        self._soon()

    def _define(self, given: Mapping[str, Any]) -> None:
        name = given["AlarmName"]
        with self._lock:
            self._defined[name] = dict(given)
            new = State(INSUFFICIENT, "Unchecked: Initial alarm creation", "", self._account.clock.now())
            state = self._states.setdefault(name, new)
            alarm = self._kept(name)
            alarm.state_value, alarm.state_reason = state.value, state.reason
            alarm.state_updated_timestamp = state.since.astimezone(UTC).replace(tzinfo=None)
            self._told.discard(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="alarms", daemon=True)
                self._thread.start()
        self._soon()

    def _kept(self, name: str) -> Any:
        return cloudwatch_backends[self._account.id][self._account.region].alarms.get(name)

    def _watch(self) -> None:
        clock = self._account.clock
        while clock.sleep(_LOOK * clock.acceleration):
            self._soon()

    def _soon(self) -> None:
        """Look at all alarms once, however often this is asked for before it is done."""
        with self._lock:
            if self._waits or not self._defined:
                return
            self._waits = True
        self._deliveries.do(self._look)

    def _look(self) -> None:
        with self._lock:
            self._waits = False
            for name, definition in list(self._defined.items()):
                if "AlarmRule" not in definition and name not in self._by_hand:
                    self._look_at(name, definition)
            composites = [(name, one) for name, one in self._defined.items() if "AlarmRule" in one]
            for _ in composites:  # one may be made of others
                for name, definition in composites:
                    if name in self._by_hand:
                        continue
                    self._combine(name, definition)

    def _look_at(self, name: str, definition: Mapping[str, Any]) -> None:
        try:
            found = evaluate(definition, self._metrics, self._states[name].value)
        except UnsupportedStatisticError as unknown:
            if name not in self._told:
                self._told.add(name)
                self._account.journal.write("alarm", name, f"is never evaluated here: {unknown}")
            return
        if found.state != self._states[name].value:
            self._set(name, found.state, found.reason, found.data(definition, self._account.clock.now()))

    def _combine(self, name: str, definition: Mapping[str, Any]) -> None:
        rule = Rule(definition["AlarmRule"])
        states = {one: state.value for one, state in self._states.items()}
        state = ALARM if rule.holds(lambda alarm: states.get(alarm, INSUFFICIENT)) else OK
        if state != self._states[name].value:
            names = ", ".join(f"{one} is {states.get(one, 'not there')}" for one in rule.alarms)
            self._set(name, state, f"{definition['AlarmRule']}: {names}", "")

    def _set(self, name: str, value: str, reason: str, data: str) -> None:
        alarm = self._kept(name)
        if alarm is not None:
            alarm.update_state(reason, data or "{}", value)
            self._changed(name, value, reason, data)

    def _changed(self, name: str, value: str, reason: str, data: str) -> None:
        """Tell of a new state, and run its actions: of the same state twice nothing is told."""
        definition, before = self._defined.get(name), self._states.get(name)
        if definition is None or before is None:
            return
        now = self._states[name] = State(value, reason, data, self._account.clock.now())
        if before.value == value:
            return
        alarm = self._kept(name)
        change = Change(alarm.alarm_arn, self._account.id, self._account.region, definition, before, now)
        self._account.journal.write("alarm", name, f"{before.value} -> {value}", reason=reason, state=value)
        self._account.emit("aws.cloudwatch", "CloudWatch Alarm State Change", event_detail(change), [change.arn])
        for action in (definition.get(_ACTIONS[value]) or ()) if alarm.actions_enabled else ():
            self._act(change, action)

    def _act(self, change: Change, action: str) -> None:
        name = change.definition["AlarmName"]
        if ":sns:" in action:
            subject, text = notice(change)
            sent = Sent({"Arn": action}, text, _TOPICS, name, change.arn, {"Subject": subject})
        elif ":lambda:" in action:
            sent = Sent({"Arn": action}, json.dumps(function_payload(change)), _FUNCTIONS, name, change.arn)
        else:
            self._account.journal.write("alarm", name, f"action not carried out: the embedded account has no {action}")
            return
        self._deliveries.add("alarm", "notice", sent)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join(5)
