"""What becomes of a new resource when nobody here does its work: a status, or a refusal by name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Begins:
    """A new resource's status, and what it is after some seconds; the same where nothing takes time."""

    status: str
    settled: str = ""
    seconds: float = 0.0


# The words of each noun's status: the enums of botocore's model.
BEGINS = MappingProxyType(
    {
        "Algorithm": Begins("Completed"),
        "Domain": Begins("Pending", "InService", 60),
        "FeatureGroup": Begins("Creating", "Created", 15),
        "FlowDefinition": Begins("Active"),
        "Hub": Begins("Creating", "InService", 10),
        "HumanTaskUi": Begins("Active"),
        "InferenceExperiment": Begins("Creating", "Running", 60),
        "MlflowApp": Begins("Creating", "Created", 60),
        "ModelPackageGroup": Begins("Completed"),
        "MonitoringSchedule": Begins("Pending", "Scheduled", 10),
        "Pipeline": Begins("Active"),
        "Space": Begins("Pending", "InService", 10),
        "UserProfile": Begins("Pending", "InService", 10),
    }
)

_STAND_IN = "declare a stand-in for it, or leave it out of what is rehearsed"
_STUDIO = "it is a place for people to work in, and nothing of a pipeline needs it here"
_CLUSTERS = "HyperPod's clusters are machines, and none are rented here"
_PEOPLE = "people do this work; put its result where the next step reads it"

# Nouns that start work which nothing on this machine does.
REFUSED = MappingProxyType(
    {
        "AIBenchmarkJob": _STAND_IN,
        "AIRecommendationJob": _STAND_IN,
        "AIWorkloadConfig": _STAND_IN,
        "App": _STUDIO,
        "AutoMLJob": _STAND_IN,
        "AutoMLJobV2": _STAND_IN,
        "Cluster": _CLUSTERS,
        "ClusterSchedulerConfig": _CLUSTERS,
        "CompilationJob": _STAND_IN,
        "ComputeQuota": _CLUSTERS,
        "EdgeDeploymentPlan": _STAND_IN,
        "EdgePackagingJob": _STAND_IN,
        "HyperParameterTuningJob": _STAND_IN,
        "Image": _STUDIO,
        "ImageVersion": _STUDIO,
        "InferenceComponent": "deploy the model on a variant of the endpoint itself",
        "InferenceRecommendationsJob": _STAND_IN,
        "InferenceRouter": "call the endpoint itself",
        "Job": _STAND_IN,
        "LabelingJob": _PEOPLE,
        "MlflowTrackingServer": "use an MLflow app, which is kept but does not answer",
        "ModelCardExportJob": _STAND_IN,
        "NotebookInstance": _STUDIO,
        "OptimizationJob": _STAND_IN,
        "PartnerApp": _STUDIO,
        "Project": "Service Catalog makes its resources, and it is not here",
        "TrainingPlan": _CLUSTERS,
        "Workforce": _PEOPLE,
        "Workteam": _PEOPLE,
    }
)
