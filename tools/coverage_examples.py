"""Declarations that set every friendly field, and what follows each step of the old SDK, for `tools.coverage`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from constructs_ml import (
    S3,
    Account,
    AccountNetwork,
    Algorithm,
    BatchTransform,
    Bayesian,
    CallService,
    Candidate,
    Categorical,
    Channel,
    Completion,
    Compute,
    Container,
    Continuous,
    DataBrewJob,
    Experiment,
    Fail,
    FargateTask,
    FileSystem,
    ForEach,
    Gate,
    GlueJob,
    Hyperband,
    Image,
    Input,
    InstanceGroup,
    InstanceRules,
    Integer,
    Item,
    JumpStart,
    LambdaTask,
    Metric,
    MetricDefinition,
    MLflow,
    Network,
    Objective,
    Parallel,
    PipelineSpec,
    Process,
    RawState,
    Retry,
    Serving,
    Sklearn,
    Spot,
    SubPipeline,
    Train,
    TransformInput,
    TransformOutput,
    Tune,
    Until,
    Upload,
    Wait,
    WarmStart,
    XGBoost,
)
from constructs_ml.spec.tuning import Range

_CODE = Path(__file__).parent.parent / "tests" / "code"
_HOUR = timedelta(hours=1)
_IMAGE = Sklearn("1.4-2")
_ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
ACCOUNT = Account(
    stage="dev",
    id="111111111111",
    region="eu-central-1",
    network=AccountNetwork(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",)),
    instances=InstanceRules(training="ml.m5.large", processing="ml.m5.large", transform="ml.m5.large"),
    key_arn="arn:aws:kms:eu-central-1:111111111111:key/00000000-0000-0000-0000-000000000000",
    mlflow_arn="arn:aws:sagemaker:eu-central-1:111111111111:mlflow-app/app-EXAMPLE12345",
)


def _spec(*steps: Any, **changes: Any) -> PipelineSpec:
    return PipelineSpec(
        **{"name": "whole", "model": "churn", "owner": "growth", "root": _CODE, "steps": steps, **changes}
    )


def _train(name: str, **changes: Any) -> Train:
    given = {"image": _IMAGE, "code": "train.py", "channels": {"train": S3("prepared/")}, **changes}
    return Train(name=name, **given)


def _trainings() -> tuple[Train, ...]:
    """Fields that exclude each other stand in different jobs."""
    auc = MetricDefinition("auc", "auc=(.+)")
    channels = {
        "train": Channel(
            source=S3("prepared/"), content_type="text/csv", distribution="ShardedByS3Key", shuffle_seed=3
        ),
        "images": Channel(
            source=S3("manifests/train.json"),
            mode="Pipe",
            data_type="AugmentedManifestFile",
            attributes=("source-ref", "class"),
            record_wrapper="RecordIO",
            compression="Gzip",
        ),
        "shared": FileSystem(id="fs-0123456789abcdef0", directory="/data"),
        "base": JumpStart(
            model_id="example", version="1.0.0", artifact="e/model.tar.gz", gated=True, accept_eula=True, hub="models"
        ),
    }
    groups = (InstanceGroup("gpu", "ml.g5.xlarge"), InstanceGroup("cpu", "ml.m5.large", 2))
    return (
        _train(
            "wide",
            channels=channels,
            hyperparameters={"depth": 3},
            metrics=(auc,),
            environment={"A": "b"},
            spot=Spot(max_wait=2 * _HOUR),
            timeout=_HOUR,
            infrastructure_check=True,
            compress_model=False,
            job_retries=2,
            experiment=Experiment(experiment="e", trial="t", display_name="d"),
            mlflow=MLflow(experiment="churn"),
            network=Network(isolation=False, encrypt_between_containers=True),
        ),
        _train(
            "grouped",
            image=Image("churn:1"),
            channels={"train": Channel(source=S3("prepared/"), groups=("gpu",))},
            compute=Compute(groups=groups),
        ),
        _train("bought", image=Algorithm("bought"), code=None, compute=Compute(instance_count=2)),
        _train(
            "planned",
            compute=Compute(training_plan="arn:aws:sagemaker:eu-central-1:111111111111:training-plan/p"),
        ),
        _train("warm", warm_pool=timedelta(minutes=10), checkpoints=S3("checkpoints/")),
        _train("flexible", compute=Compute(preferences=("ml.m5.large", "ml.m5.xlarge"))),
    )


def _tunings() -> tuple[Tune, ...]:
    objective = Objective("auc", "Maximize")
    metrics = (MetricDefinition("auc", "auc=(.+)"),)
    ranges: Mapping[str, Range] = {
        "depth": Integer(2, 8, "Linear"),
        "rate": Continuous(0.01, 0.5, "Logarithmic"),
        "kind": Categorical(("a", "b")),
    }
    whole = _train(
        "whole-train",
        metrics=metrics,
        hyperparameters={"seed": 1},
        environment={"A": "b"},
        spot=Spot(max_wait=2 * _HOUR),
        timeout=_HOUR,
        job_retries=2,
        network=Network(encrypt_between_containers=True),
        channels={
            "train": Channel(source=S3("prepared/"), content_type="text/csv", shuffle_seed=3),
            "shared": FileSystem(id="fs-0123456789abcdef0", directory="/data"),
        },
    )
    warm = WarmStart(parents=("earlier",), kind="TransferLearning")
    boosted = Train(name="boosted-train", image=XGBoost("1.7-1"), channels={"train": S3("prepared/")})
    boosting = Candidate(
        name="boosted",
        train=boosted,
        objective=Objective("validation:auc", "Maximize"),
        ranges={"max_depth": Integer(2, 8)},
    )
    plain = _train("plain-train", metrics=metrics, hyperparameters={"epochs": 5})
    return (
        Tune(
            name="tune",
            train=whole,
            objective=objective,
            ranges=ranges,
            strategy=Bayesian(),
            max_jobs=20,
            parallel=2,
            early_stopping=True,
            completion=Completion(target=0.9, not_improving=5, convergence=True),
            warm_start=warm,
            budget=5 * _HOUR,
            seed=7,
        ),
        Tune(
            name="hyper",
            train=plain,
            objective=objective,
            ranges={"depth": Integer(2, 8)},
            strategy=Hyperband(min_resource=1, max_resource=9),
            max_jobs=9,
        ),
        Tune(
            name="compare",
            trainings=(boosting, Candidate(name="plain", train=plain, objective=objective, ranges=ranges)),
            max_jobs=9,
        ),
    )


def _processings() -> tuple[Process, ...]:
    return (
        Process(
            name="wide",
            image=_IMAGE,
            code="prepare.py",
            arguments=("--a", "b"),
            inputs={"raw": Channel(source=S3("raw/"), mode="Pipe", compression="Gzip", distribution="ShardedByS3Key")},
            outputs=("train",),
            uploads={"train": Upload(to=S3("shared/"), mode="Continuous")},
            environment={"A": "b"},
            compute=Compute(instance_type="ml.m5.large", instance_count=2, volume_gb=50),
            network=Network(encrypt_between_containers=True),
            experiment=Experiment(experiment="e", trial="t", display_name="d"),
            timeout=_HOUR,
        ),
        Process(name="own", image=Image("churn:1"), entrypoint=("python", "-m", "churn")),
    )


def _transforms() -> tuple[BatchTransform, ...]:
    data = TransformInput(
        source=S3("customers/"), content_type="text/csv", split="Line", compression="Gzip", data_type="S3Prefix"
    )
    return (
        BatchTransform(
            name="score",
            model=S3("models/model.tar.gz"),
            data=data,
            predictions=TransformOutput(
                accept="text/csv", assemble="Line", join=True, input_filter="$[1:]", output_filter="$[0,-1]"
            ),
            serving=Serving(image=_IMAGE, code="inference.py"),
            strategy="MultiRecord",
            max_payload_mb=6,
            concurrency=2,
            environment={"A": "b"},
            compute=Compute(instance_type="ml.m5.large", instance_count=2),
            capture=True,
            experiment=Experiment(experiment="e", trial="t", display_name="d"),
            timeout=_HOUR,
        ),
    )


def EXAMPLES() -> tuple[PipelineSpec, ...]:  # noqa: N802 - a constant that is made when it is read
    """Pipelines that set every friendly field of every job."""
    return tuple(_spec(*steps) for steps in (_trainings(), _tunings(), _processings(), _transforms()))


# What an API field means that this library does not let through; AWS closed Debugger to new customers.
_DEBUGGER = "Debugger is closed to new customers; accounts with `existing_customer: [debugger]` reach it by `raw=`"
REFUSED: Mapping[str, Mapping[str, str]] = {
    "CreateTrainingJob": dict.fromkeys(
        ("DebugHookConfig", "DebugRuleConfigurations", "ProfilerConfig", "ProfilerRuleConfigurations"), _DEBUGGER
    ),
}


@dataclass(frozen=True, slots=True)
class Successor:
    """What a user writes here instead; `steps` make a pipeline of it, which is compiled and proved."""

    words: str
    steps: Callable[[], tuple[Any, ...]]


def _call(call: str, parameters: Mapping[str, object], **changes: Any) -> Callable[[], tuple[Any, ...]]:
    return lambda: (CallService(name="ask", call=call, parameters=parameters, **changes),)


def _emr(action: str, parameters: Mapping[str, object], **changes: Any) -> Successor:
    call = f"elasticmapreduce:{action}"
    return Successor(f'`CallService(call="{call}")`', _call(call, parameters, **changes))


def _eks(action: str, parameters: Mapping[str, object], **changes: Any) -> Successor:
    return Successor(f'`CallService(call="eks:{action}")`', _call(f"eks:{action}", parameters, **changes))


def _endpoint_config() -> tuple[Any, ...]:
    variant = {"VariantName": "main", "ModelName": "churn", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    parameters = {"EndpointConfigName": "churn-1", "ProductionVariants": [variant]}
    return (CallService(name="ask", call="sagemaker:createEndpointConfig", parameters=parameters),)


def _endpoint() -> tuple[Any, ...]:
    name = {"EndpointName": "churn"}
    move = CallService(
        name="move", call="sagemaker:updateEndpoint", parameters={**name, "EndpointConfigName": "churn-2"}
    )
    until = Until("$.EndpointStatus", done=("InService",), failed=("Failed",))
    return (move, CallService(name="wait", call="sagemaker:describeEndpoint", parameters=name, until=until))


def _container() -> FargateTask:
    return FargateTask(name="task", task=Container(image=Image("transform:1.2"), cpu=256, memory_mb=512))


_WAIT = Wait(name="later", seconds=60)
_ROW = {"TableName": "models", "Key": {"name": {"S": "churn"}}}
_NOTICE = {"TopicArn": _ARN % ("sns", "t"), "Message": "m"}
_PROFILES = {
    "on": (_ARN % ("eks", "cluster/ml"), _ARN % ("eks", "fargateprofile/ml/p/*")),
    "because": "profiles are numbered when they are made",
}
_CLUSTER = {"ClusterId": "j-EXAMPLE"}
_MADE = {"Name": "ml", "ResourcesVpcConfig": {"SubnetIds": ["subnet-0a1b2c3d"]}}
_ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cluster"
SUCCESSORS: Mapping[str, Successor] = {
    "Pass": Successor(
        '`RawState(state={"Type": "Pass", ...})`, or a value: `join(...)`',
        lambda: (RawState(name="pass", state={"Type": "Pass", "ResultPath": None}),),
    ),
    "Succeed": Successor("the end of every pipeline", lambda: (_WAIT,)),
    "Fail": Successor("`Fail`", lambda: (Gate(when=Metric("check", "a") > 0, otherwise=(Fail(cause="no"),)),)),
    "Wait": Successor("`Wait`", lambda: (_WAIT,)),
    "Choice, ChoiceRule": Successor(
        "`Gate` with conditions on metrics", lambda: (Gate(when=Metric("check", "a") > 0, then=(_WAIT,)),)
    ),
    "Parallel": Successor("`Parallel`", lambda: (Parallel(branches=(_WAIT, Wait(name="other", seconds=1))),)),
    "Map": Successor(
        "`ForEach`, also distributed",
        lambda: (
            ForEach(
                name="each", items=("a", "b"), steps=(LambdaTask(name="tell", function="f", payload={"x": Item()}),)
            ),
        ),
    ),
    "Task": Successor("`CallService`, `RawState`", _call("sns:publish", _NOTICE)),
    "Chain, Graph, FrozenGraph": Successor("`PipelineSpec(steps=(...))`", lambda: (_WAIT,)),
    "Retry, Catch": Successor(
        "`Retry`; throttling is always retried, and every error is caught",
        lambda: (LambdaTask(name="tell", function="f", retry=Retry(attempts=2)),),
    ),
    "TrainingStep": Successor("`Train`", lambda: (_train("train"),)),
    "TuningStep": Successor("`Tune`", lambda: _tunings()[1:2]),
    "TransformStep": Successor("`BatchTransform`", _transforms),
    "ProcessingStep": Successor("`Process`", lambda: _processings()[1:]),
    "ModelStep": Successor(
        '`Register`, `BatchTransform`, or `CallService(call="sagemaker:createModel")`',
        _call("sagemaker:createModel", {"ModelName": "churn-1", "ExecutionRoleArn": _ROLE}),
    ),
    "EndpointConfigStep": Successor(
        '`EndpointSpec`, or `CallService(call="sagemaker:createEndpointConfig")`', _endpoint_config
    ),
    "EndpointStep": Successor(
        "`EndpointSpec`, or `CallService` with `until=Until(...)`, which waits for the endpoint", _endpoint
    ),
    "LambdaStep": Successor("`LambdaTask`", lambda: (LambdaTask(name="tell", function="f"),)),
    "GlueStartJobRunStep": Successor("`GlueJob`", lambda: (GlueJob(name="extract", job="extract"),)),
    "BatchSubmitJobStep": Successor(
        '`CallService(call="batch:submitJob", wait="job")`',
        _call("batch:submitJob", {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}, wait="job"),
    ),
    "EcsRunTaskStep": Successor("`FargateTask`", lambda: (_container(),)),
    "DynamoDBGetItemStep": Successor('`CallService(call="dynamodb:getItem")`', _call("dynamodb:getItem", _ROW)),
    "DynamoDBPutItemStep": Successor(
        '`CallService(call="dynamodb:putItem")`',
        _call("dynamodb:putItem", {"TableName": "models", "Item": {"name": {"S": "churn"}}}),
    ),
    "DynamoDBUpdateItemStep": Successor(
        '`CallService(call="dynamodb:updateItem")`',
        _call("dynamodb:updateItem", {**_ROW, "UpdateExpression": "ADD n :n"}),
    ),
    "DynamoDBDeleteItemStep": Successor(
        '`CallService(call="dynamodb:deleteItem")`', _call("dynamodb:deleteItem", _ROW)
    ),
    "SnsPublishStep": Successor('`CallService(call="sns:publish")`', _call("sns:publish", _NOTICE)),
    "SqsSendMessageStep": Successor(
        '`CallService(call="sqs:sendMessage")`, with `TaskToken()` where an answer is waited for',
        _call(
            "sqs:sendMessage",
            {"QueueUrl": Input("queue", default="https://example.com/q"), "MessageBody": "m"},
            on=(_ARN % ("sqs", "q"),),
        ),
    ),
    "EventBridgePutEventsStep": Successor(
        '`CallService(call="events:putEvents")`',
        _call("events:putEvents", {"Entries": [{"Source": "s", "DetailType": "t", "Detail": {"a": 1}}]}),
    ),
    "GlueDataBrewStartJobRunStep": Successor("`DataBrewJob`", lambda: (DataBrewJob(name="brew", job="brew"),)),
    "StepFunctionsStartExecutionStep": Successor(
        "`SubPipeline`", lambda: (SubPipeline(name="child", pipeline="scoring"),)
    ),
    "EmrCreateClusterStep": _emr(
        "createCluster",
        {"Name": "c", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}},
        wait="job",
    ),
    "EmrTerminateClusterStep": _emr("terminateCluster", _CLUSTER, wait="job"),
    "EmrAddStepStep": _emr(
        "addStep", {**_CLUSTER, "Step": {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar"}}}, wait="job"
    ),
    "EmrCancelStepStep": _emr("cancelStep", {**_CLUSTER, "StepId": "s-EXAMPLE"}),
    "EmrSetClusterTerminationProtectionStep": _emr(
        "setClusterTerminationProtection", {**_CLUSTER, "TerminationProtected": True}
    ),
    "EmrModifyInstanceFleetByNameStep": _emr(
        "modifyInstanceFleetByName",
        {**_CLUSTER, "InstanceFleetName": "f", "InstanceFleet": {"TargetOnDemandCapacity": 2}},
    ),
    "EmrModifyInstanceGroupByNameStep": _emr(
        "modifyInstanceGroupByName", {**_CLUSTER, "InstanceGroupName": "g", "InstanceGroup": {"InstanceCount": 2}}
    ),
    "EksCreateClusterStep": _eks("createCluster", {**_MADE, "RoleArn": _ROLE}, wait="job"),
    "EksDeleteClusterStep": _eks("deleteCluster", {"Name": "ml"}, wait="job"),
    "EksCreateFargateProfileStep": _eks(
        "createFargateProfile",
        {"ClusterName": "ml", "FargateProfileName": "p", "PodExecutionRoleArn": _ROLE},
        wait="job",
        **_PROFILES,
    ),
    "EksDeleteFargateProfileStep": _eks(
        "deleteFargateProfile", {"ClusterName": "ml", "FargateProfileName": "p"}, wait="job", **_PROFILES
    ),
    "EksCreateNodegroupStep": _eks(
        "createNodegroup",
        {"ClusterName": "ml", "NodegroupName": "n", "NodeRole": _ROLE, "Subnets": ["subnet-0a1b2c3d"]},
        wait="job",
    ),
    "EksDeleteNodegroupStep": _eks("deleteNodegroup", {"ClusterName": "ml", "NodegroupName": "n"}, wait="job"),
    "EksCallStep": _eks(
        "call",
        {"ClusterName": "ml", "CertificateAuthority": "c", "Endpoint": "e", "Method": "GET", "Path": "/api/v1/pods"},
    ),
    "EksRunJobStep": _eks(
        "runJob",
        {"ClusterName": "ml", "CertificateAuthority": "c", "Endpoint": "e", "Job": {"apiVersion": "batch/v1"}},
        wait="job",
    ),
    "TrainingPipeline, InferencePipeline": Successor("`ModelSpec`", lambda: (_train("train"),)),
}
