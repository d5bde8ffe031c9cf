"""Monitoring schedules: kept, started and stopped, but nothing runs by them.

What they run are containers of AWS's own, open to existing customers alone.
"""

from __future__ import annotations

from constructs_ml.rehearsal.calls import Call, Json
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing
from constructs_ml.rehearsal.sagemaker.statuses import BEGINS
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_NOUN, _STATUS = "MonitoringSchedule", "MonitoringScheduleStatus"


class Schedules:
    """Says that a schedule's executions are left out; their list is empty."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self._store = account, store
        store.on("Create", _NOUN, self._created)
        operations = {
            "StartMonitoringSchedule": lambda call: self._set(call, "Scheduled"),
            "StopMonitoringSchedule": lambda call: self._set(call, "Stopped"),
            "ListMonitoringExecutions": lambda _: {"MonitoringExecutionSummaries": []},
        }
        account.gate.serve("sagemaker", operations)

    def _created(self, schedule: Resource, call: Call) -> None:
        config = call.parameters["MonitoringScheduleConfig"]
        definition = config.get("MonitoringJobDefinitionName", "")
        fields: dict[str, Json] = {"MonitoringType": config.get("MonitoringType")}
        if definition and config.get("MonitoringType"):
            found = self._store.find(f"{config['MonitoringType']}JobDefinition", definition)
            fields["EndpointName"] = listing.field_of(found, "EndpointName") if found else None
        begins = BEGINS[_NOUN]
        fields = {key: value for key, value in fields.items() if value}
        self._store.change(schedule, **fields, **{_STATUS: begins.status})
        self._store.later(schedule, begins.seconds, **{_STATUS: begins.settled})
        text = "is kept, and nothing runs by it: what it runs are containers of AWS's own"
        self._account.journal.write("resource", schedule.name, text, noun=_NOUN, name=schedule.name)

    def _set(self, call: Call, status: str) -> Json:
        schedule = self._store.get(_NOUN, call.parameters["MonitoringScheduleName"])
        self._store.change(schedule, **{_STATUS: status})
        return None
