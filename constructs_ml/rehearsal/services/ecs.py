"""ECS: a Fargate task is the work of a declared script, under the container's environment, command and role."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import PERSON, Principal
from constructs_ml.rehearsal.services.ecs_agent import SERVICE, prepared
from constructs_ml.rehearsal.services.works import Ended, Task, Work, Works, asked, took


@dataclass(slots=True)
class _Run:
    """A task as DescribeTasks answers it, and the definition that it runs."""

    fields: dict[str, Json]
    definition: Mapping[str, Any]
    container: Mapping[str, Any]
    work: Work | None = None


class Ecs:
    """Answers the calls around tasks; clusters and task definitions are kept by moto."""

    def __init__(self, account: EmbeddedAccount, works: Works) -> None:
        self._account, self._works = account, works
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        for operation, handler in {
            "RunTask": self._run,
            "DescribeTasks": self._describe,
            "ListTasks": self._list,
            "StopTask": self._stop,
        }.items():
            account.gate.override("ecs", operation, handler)

    def _run(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html."""
        given, client = call.parameters, self._account.client("ecs")
        clusters = client.describe_clusters(clusters=[given.get("cluster", "default")])["clusters"]
        if not clusters:
            raise ServiceError("ClusterNotFoundException", "Cluster not found.")
        found = asked(lambda: client.describe_task_definition(taskDefinition=given["taskDefinition"]))
        definition = found["taskDefinition"]
        if definition.get("networkMode") == "awsvpc" and not given.get("networkConfiguration"):
            text = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
            raise ServiceError("InvalidParameterException", text)
        secret = [item["name"] for item in definition["containerDefinitions"] if item.get("secrets")]
        if secret:
            text = f"the embedded account hands no secrets to containers: {', '.join(secret)} declares some"
            raise ServiceError("UnsupportedOperation", text)
        for role in filter(None, (definition.get("taskRoleArn"), definition.get("executionRoleArn"))):
            if call.principal != PERSON:
                self._account.authorize(call.principal, "iam:PassRole", role, **{"iam:PassedToService": SERVICE})
        script = self._works.needed("ecs", definition["family"])
        runs = [self._made(given, clusters[0]["clusterArn"], definition) for _ in range(int(given.get("count") or 1))]
        answer = [dict(run.fields) for run in runs]
        for run in runs:
            self._changed(run, lastStatus="PENDING")
            try:
                run.work = self._works.start(self._task(run, script), lambda ended, run=run: self._ended(run, ended))  # type: ignore[misc]
            except ServiceError as refused:
                self._stopped(run, "TaskFailedToStart", f"ResourceInitializationError: {refused.message}", None)
            else:
                self._changed(run, lastStatus="RUNNING", startedAt=self._account.clock.now())
        return {"tasks": answer, "failures": []}

    def _made(self, given: Mapping[str, Any], cluster: str, definition: Mapping[str, Any]) -> _Run:
        """A task that nothing runs for yet."""
        name, id = cluster.rpartition("/")[2], uuid4().hex
        arn, overrides = self._account.arn("ecs", f"task/{name}/{id}"), dict(given.get("overrides") or {})
        changed = [item["name"] for item in overrides.get("containerOverrides") or ()]
        known = definition["containerDefinitions"]
        container = next((item for item in known if item["name"] in changed), None) or next(
            (item for item in known if item.get("essential", True)), known[0]
        )
        unknown = set(changed) - {item["name"] for item in known}
        if unknown:
            text = f"Override for container named {sorted(unknown)[0]} is not a container in the TaskDefinition."
            raise ServiceError("InvalidParameterException", text)
        fields = {
            "taskArn": arn,
            "clusterArn": cluster,
            "taskDefinitionArn": definition["taskDefinitionArn"],
            "lastStatus": "PROVISIONING",
            "desiredStatus": "RUNNING",
            "launchType": given.get("launchType") or "FARGATE",
            "group": given.get("group") or f"family:{definition['family']}",
            "startedBy": given.get("startedBy") or "",
            "cpu": definition.get("cpu") or "",
            "memory": definition.get("memory") or "",
            "createdAt": self._account.clock.now(),
            "overrides": overrides,
            "tags": list(given.get("tags") or ()),
            "attachments": [],
            "containers": [
                {
                    "containerArn": self._account.arn("ecs", f"container/{name}/{id}/{uuid4()}"),
                    "taskArn": arn,
                    "name": item["name"],
                    "image": item.get("image", ""),
                    "lastStatus": "PENDING",
                }
                for item in known
            ],
        }
        run = _Run(fields, definition, container)
        self._runs[arn] = run
        return run

    def _task(self, run: _Run, script: Any) -> Task:
        """The program in the container's place; a `ServiceError` for what its roles may not do."""
        id, container = run.fields["taskArn"].rpartition("/")[2], run.container
        overrides: dict[str, Any] = next(
            (
                item
                for item in run.fields["overrides"].get("containerOverrides") or ()
                if item["name"] == container["name"]
            ),
            {},
        )
        role = run.fields["overrides"].get("taskRoleArn") or run.definition.get("taskRoleArn")
        principal = self._account.assume(role, SERVICE, session=id) if role else Principal()
        pairs = [*(container.get("environment") or ()), *(overrides.get("environment") or ())]
        command = list(overrides.get("command") or container.get("command") or ())
        if command and command[0].rpartition("/")[2].startswith("python"):
            # The whole command of an image without an entry point: the stand-in is its program.
            command = command[1 + (len(command) > 1 and command[1].endswith(".py")) :]
        return Task(
            name=run.definition["family"],
            script=script,
            principal=principal,
            arguments=command,
            variables={item["name"]: item.get("value", "") for item in pairs},
            log=prepared(self._account, run.definition, container, id),
            keys=bool(role),
        )

    def _ended(self, run: _Run, ended: Ended) -> None:
        if ended.why == "stopped":
            self._stopped(run, "UserInitiated", run.fields.get("stoppedReason") or "Task stopped by user", 143)
        else:
            self._stopped(run, "EssentialContainerExited", "Essential container in task exited", ended.code)

    def _stopped(self, run: _Run, code: str, reason: str, exit_code: int | None) -> None:
        for item in run.fields["containers"]:
            item["lastStatus"] = "STOPPED"
            if exit_code is not None and item["name"] == run.container["name"]:
                item["exitCode"] = exit_code
        moment = {"stoppedAt": self._account.clock.now(), "stopCode": code, "stoppedReason": reason}
        self._changed(run, lastStatus="STOPPED", desiredStatus="STOPPED", **moment)

    def _changed(self, run: _Run, **fields: Json) -> None:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html."""
        with self._lock:
            if run.fields["lastStatus"] == "STOPPED":
                return
            # The status last: who sees it finds the rest.
            run.fields.update({key: value for key, value in fields.items() if key != "lastStatus"})
            run.fields["lastStatus"] = fields["lastStatus"]
        family, status = run.definition["family"], fields["lastStatus"]
        codes = [item["exitCode"] for item in run.fields["containers"] if "exitCode" in item]
        what = status.lower() + (f": {run.fields['stoppedReason']}, exit code {codes}" if status == "STOPPED" else "")
        times = took(self._account, family, task=run.fields["taskArn"]) if status == "STOPPED" else {}
        self._account.journal.write(
            "job", family, what, service="ecs", task=run.fields["taskArn"], status=status, **times
        )
        detail = {key: value for key, value in run.fields.items() if key != "tags"}
        self._account.emit("aws.ecs", "ECS Task State Change", _plain(detail), [run.fields["taskArn"]])

    def _meant(self, cluster: str, wanted: str) -> Iterator[_Run]:
        name = cluster.rpartition("/")[2]
        for arn, run in self._runs.items():
            if wanted in (arn, arn.rpartition("/")[2]) and run.fields["clusterArn"].rpartition("/")[2] == name:
                yield run

    def _describe(self, call: Call) -> Json:
        cluster, found, failures = call.parameters.get("cluster", "default"), [], []
        for wanted in call.parameters["tasks"]:
            run = next(self._meant(cluster, wanted), None)
            if run is None:
                failures.append({"arn": wanted, "reason": "MISSING"})
            else:
                found.append(dict(run.fields))
        return {"tasks": found, "failures": failures}

    def _list(self, call: Call) -> Json:
        given = call.parameters
        cluster, family = given.get("cluster", "default").rpartition("/")[2], given.get("family")
        status = given.get("desiredStatus", "RUNNING")
        found = [
            arn
            for arn, run in self._runs.items()
            if run.fields["clusterArn"].rpartition("/")[2] == cluster
            and family in (None, run.definition["family"])
            and run.fields["desiredStatus"] == status
        ]
        return {"taskArns": found}

    def _stop(self, call: Call) -> Json:
        run = next(self._meant(call.parameters.get("cluster", "default"), call.parameters["task"]), None)
        if run is None:
            raise ServiceError("InvalidParameterException", "The referenced task was not found.")
        if run.fields["lastStatus"] != "STOPPED" and run.work is not None:
            run.fields |= {"stoppedReason": call.parameters.get("reason") or "Task stopped by user"}
            run.fields["desiredStatus"] = "STOPPED"
            run.work.stop()
        return {"task": dict(run.fields)}


def _plain(value: Json) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
