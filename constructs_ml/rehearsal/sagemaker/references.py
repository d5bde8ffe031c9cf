"""What a request refers to: roles that SageMaker can assume, models, configurations and versions that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_ml.rehearsal.calls import Call, Json
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.artifacts import check_data, containers
from constructs_ml.rehearsal.sagemaker.store import Store

_SAGEMAKER = "sagemaker.amazonaws.com"
_ROLES = ("RoleArn", "ExecutionRoleArn")
_VERBS = ("Create", "Update", "Start")


class References:
    """Refuses, before it is carried out, a call that refers to what is not there."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self._store = account, store
        self._checks = {
            "CreateModel": self._model,
            "CreateEndpointConfig": self._endpoint_config,
            "CreateEndpoint": self._endpoint,
            "UpdateEndpoint": self._endpoint,
            "CreateTransformJob": self._transform_job,
            "CreateMonitoringSchedule": self._monitoring_schedule,
        }
        account.gate.before.append(self._check)

    def _check(self, call: Call) -> None:
        if call.service != "sagemaker":
            return
        if call.operation.startswith(_VERBS):
            given = call.parameters
            name = next((str(value) for key, value in given.items() if key.endswith("Name")), call.operation)
            for role in _roles(given):
                self._account.assume(role, _SAGEMAKER, name)
        check = self._checks.get(call.operation)
        if check is not None:
            check(call.parameters)

    def _model(self, given: Mapping[str, Json]) -> None:
        role = given.get("ExecutionRoleArn")
        for container in containers(given):
            if container.get("ModelPackageName"):
                package = self._store.get("ModelPackage", container["ModelPackageName"])
                for packed in containers(package.fields.get("InferenceSpecification") or {}):
                    check_data(self._account, packed)
            elif role:
                check_data(self._account, container, self._account.assume(role, _SAGEMAKER, given["ModelName"]))
            else:
                check_data(self._account, container)

    def _endpoint_config(self, given: Mapping[str, Json]) -> None:
        for member in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in given.get(member) or ():
                if variant.get("ModelName"):
                    self._store.get("Model", variant["ModelName"])

    def _endpoint(self, given: Mapping[str, Json]) -> None:
        self._store.get("EndpointConfig", given["EndpointConfigName"])

    def _transform_job(self, given: Mapping[str, Json]) -> None:
        self._store.get("Model", given["ModelName"])

    def _monitoring_schedule(self, given: Mapping[str, Json]) -> None:
        config = given["MonitoringScheduleConfig"]
        name, kind = config.get("MonitoringJobDefinitionName"), config.get("MonitoringType")
        if name and kind:
            self._store.get(f"{kind}JobDefinition", name)


def _roles(given: Mapping[str, Json]) -> Iterator[str]:
    """The roles of a request, also those of the training jobs of a tuning job."""
    yield from (given[member] for member in _ROLES if given.get(member))
    definitions = [given.get("TrainingJobDefinition") or {}, *(given.get("TrainingJobDefinitions") or ())]
    yield from (definition["RoleArn"] for definition in definitions if definition.get("RoleArn"))
