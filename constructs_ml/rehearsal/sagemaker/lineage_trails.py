"""The lineage that SageMaker writes by itself: of jobs, model packages and endpoints, by URI and never by content.

https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html. Directions, names and types are
those that sagemaker-core's lineage module looks for (query.py, artifact.py, visualizer.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from constructs_ml.rehearsal.calls import Json
from constructs_ml.rehearsal.sagemaker.artifacts import containers
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.lineage import Lineage
from constructs_ml.rehearsal.sagemaker.store import Resource

_JOBS = ("TrainingJob", "ProcessingJob", "TransformJob")
_STATUSES = MappingProxyType({"InProgress": "InProgress", "Completed": "Completed", "Failed": "Failed"})
_Artifacts = Iterator[tuple[str, str]]


class Trails:
    """Writes lineage whenever a job, a model package or an endpoint comes so far."""

    def __init__(self, lineage: Lineage, changes: StateChanges) -> None:
        self._lineage = lineage
        lineage.store.on_status(self._changed)
        changes.packages.append(self._package)

    def _changed(self, resource: Resource, before: str) -> None:
        if resource.noun.name in _JOBS:
            self._job(resource)
        elif resource.noun.name == "Endpoint" and resource.status == "InService":
            self._endpoint(resource)

    def _job(self, job: Resource) -> None:
        """A trial component; what contributed to it, and once it completed, what it produced."""
        kind = job.noun.name
        source = {"SourceArn": job.arn, "SourceType": f"SageMaker{kind}"}
        fields = {"DisplayName": job.name, "Source": source}
        trial = self._lineage.made("TrialComponent", f"{job.name}-aws-{job.noun.path}", fields)
        trial.fields["Status"] = {"PrimaryStatus": _STATUSES.get(job.status, "InProgress")}
        for uri, type in _inputs(kind, job.fields):
            self._lineage.associate(self._lineage.artifact(uri, type), trial, "ContributedTo")
        if job.status == "Completed":
            for uri, type in _outputs(kind, job.fields):
                self._lineage.associate(trial, self._lineage.artifact(uri, type), "Produced")

    def _package(self, package: Resource, updated: tuple[str, ...]) -> None:
        """A context of the group, an artifact of the version, an action for its making or approval."""
        artifact = self._lineage.artifact(package.arn, "Model", package.name.replace("/", "-"))
        group = package.fields.get("ModelPackageGroupName")
        if not group:
            return
        self._model(package.fields.get("InferenceSpecification") or {}, artifact)
        arn = self._lineage.store.get("ModelPackageGroup", group).arn
        fields = {"ContextType": "ModelGroup", "Source": {"SourceUri": arn}}
        context = self._lineage.made("Context", f"{group}-aws-model-group", fields)
        self._lineage.associate(artifact, context, "AssociatedWith")
        if updated and "ModelApprovalStatus" not in updated:
            return
        approval = package.fields["ModelApprovalStatus"]
        name = f"{group}-{package.fields['ModelPackageVersion']}-{approval}-aws-approval"
        properties = {"ModelApprovalStatus": approval}
        fields = {"ActionType": "Approval", "Source": {"SourceUri": package.arn}, "Properties": properties}
        action = self._lineage.made("Action", name, {**fields, "Status": "Completed"})
        self._lineage.associate(action, artifact, "ContributedTo")

    def _model(self, given: Mapping[str, Json], whole: Resource) -> None:
        """What a model is made of: images, data, versions of the registry."""
        for container in containers(given):
            found = ((container.get("Image"), "Image"), (container.get("ModelDataUrl"), "Model"))
            for uri, type in (*found, (container.get("ModelPackageName"), "Model")):
                if uri:
                    self._lineage.associate(self._lineage.artifact(uri, type), whole, "ContributedTo")

    def _endpoint(self, endpoint: Resource) -> None:
        """A context, and an action for each deployment to it, to which its models contributed."""
        store = self._lineage.store
        config = store.find("EndpointConfig", endpoint.fields.get("EndpointConfigName", ""))
        fields: dict[str, Any] = {"ContextType": "Endpoint", "Source": {"SourceUri": endpoint.arn}}
        context = self._lineage.made("Context", f"{endpoint.name}-aws-endpoint", fields)
        if config is None:
            return
        fields = {"ActionType": "ModelDeployment", "Source": {"SourceUri": config.arn}, "Status": "Completed"}
        action = self._lineage.made("Action", f"{config.name}-aws-model-deployment", fields)
        self._lineage.associate(action, context, "AssociatedWith")
        for variant in config.fields.get("ProductionVariants") or ():
            model = store.find("Model", variant.get("ModelName", ""))
            if model is not None:
                self._model(model.fields, action)


def _inputs(kind: str, fields: Mapping[str, Json]) -> _Artifacts:
    match kind:
        case "TrainingJob":
            yield from _given((fields.get("AlgorithmSpecification") or {}).get("TrainingImage"), "Image")
            for channel in fields.get("InputDataConfig") or ():
                yield from _given(_s3(channel), "DataSet")
            yield from _given((fields.get("CheckpointConfig") or {}).get("S3Uri"), "Checkpoint")
        case "ProcessingJob":
            yield from _given((fields.get("AppSpecification") or {}).get("ImageUri"), "Image")
            for item in fields.get("ProcessingInputs") or ():
                yield from _given((item.get("S3Input") or {}).get("S3Uri"), "DataSet")
        case "TransformJob":
            yield from _given(_s3(fields.get("TransformInput") or {}), "DataSet")


def _outputs(kind: str, fields: Mapping[str, Json]) -> _Artifacts:
    """The model's archive stands for its S3OutputPath: it is what versions and models name."""
    match kind:
        case "TrainingJob":
            yield from _given((fields.get("ModelArtifacts") or {}).get("S3ModelArtifacts"), "Model")
        case "ProcessingJob":
            for item in (fields.get("ProcessingOutputConfig") or {}).get("Outputs") or ():
                yield from _given((item.get("S3Output") or {}).get("S3Uri"), "DataSet")
        case "TransformJob":
            yield from _given((fields.get("TransformOutput") or {}).get("S3OutputPath"), "DataSet")


def _s3(channel: Mapping[str, Json]) -> Json:
    return ((channel.get("DataSource") or {}).get("S3DataSource") or {}).get("S3Uri")


def _given(uri: Json, type: str) -> _Artifacts:
    if uri:
        yield str(uri), type
