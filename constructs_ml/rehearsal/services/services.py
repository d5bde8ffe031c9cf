"""The jobs of other services: each does real work, by its own script or a declared one, or is refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.services.athena import Athena
from constructs_ml.rehearsal.services.databrew import DataBrew
from constructs_ml.rehearsal.services.ecs import Ecs
from constructs_ml.rehearsal.services.emr_serverless import EmrServerless
from constructs_ml.rehearsal.services.glue import Glue
from constructs_ml.rehearsal.services.sagemaker_jobs import SageMakerJobs
from constructs_ml.rehearsal.services.works import Works
from constructs_ml.rehearsal.stand_ins import StandIn

# moto answers these as if something ran.
_REFUSED = {
    "batch": ("SubmitJob",),
    "codebuild": ("StartBuild", "StartBuildBatch"),
    "ecs": ("StartTask", "CreateService"),
    "elasticmapreduce": ("RunJobFlow", "AddJobFlowSteps"),
    "emr": ("RunJobFlow", "AddJobFlowSteps"),
    "glue": (
        "StartCrawler",
        "StartWorkflowRun",
        "StartTrigger",
        "RunStatement",
        "StartDataQualityRulesetEvaluationRun",
    ),
    "redshift-data": ("ExecuteStatement", "BatchExecuteStatement"),
}
_WHOLE = ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime")


class Services:
    """Glue, ECS, Athena, DataBrew and EMR Serverless; with a store also SageMaker's compilation and AutoML jobs."""

    def __init__(self, account: EmbeddedAccount, stand_ins: Sequence[StandIn] = (), store: Store | None = None) -> None:
        works = Works(account, stand_ins)
        self.glue, self.ecs = Glue(account, works), Ecs(account, works)
        self.athena, self.databrew = Athena(account, works), DataBrew(account, works)
        self.emr_serverless = EmrServerless(account, works)
        self.sagemaker_jobs = SageMakerJobs(account, works, store) if store is not None else None
        account.gate.before.append(_refuse)


def _refuse(call: Call) -> None:
    if call.service in _WHOLE or call.operation in _REFUSED.get(call.service, ()):
        text = f"the embedded account does not have {call.action}: nothing would run; test around this step"
        raise ServiceError("UnsupportedOperation", text)
