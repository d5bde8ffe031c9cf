"""Every row of the refusal table, provoked; its whole message is in the snapshot beside this file."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws
from syrupy.assertion import SnapshotAssertion

from constructs_ml import (
    S3,
    Account,
    Accounts,
    Algorithm,
    AllAtOnce,
    Artifact,
    AutoML,
    AutoScaling,
    Baseline,
    BatchTransform,
    CallService,
    Canary,
    Candidate,
    Channel,
    Code,
    Compute,
    Container,
    Continuous,
    Cron,
    DataCapture,
    DataQuality,
    Debounce,
    EarlyStop,
    EndpointSpec,
    Errors,
    Execution,
    ExportedPipeline,
    Fail,
    FargateTask,
    Feature,
    FeatureGroupSpec,
    FileSystem,
    ForEach,
    FromEvent,
    Function,
    Gate,
    GlueJob,
    Grid,
    Hyperband,
    Image,
    Input,
    InstanceGroup,
    InstanceRules,
    Instances,
    Integer,
    Item,
    JumpStart,
    LambdaTask,
    Latency,
    Linear,
    Metric,
    MetricDefinition,
    MLflow,
    ModelQuality,
    ModelSettings,
    ModelSpec,
    MonitorAlarm,
    Network,
    Objective,
    Offline,
    OnAlarm,
    OnApproval,
    OnData,
    OnDrift,
    OnEvent,
    OnFeatures,
    OnImage,
    Online,
    Permission,
    Pinned,
    Provisioned,
    PyTorch,
    Queue,
    Rate,
    RawState,
    Register,
    RegistrySpec,
    Retry,
    Rolling,
    ScheduledCapacity,
    Serverless,
    Sklearn,
    SMDistributedDataParallel,
    SpecError,
    Split,
    Spot,
    SubPipeline,
    Tabular,
    Torchrun,
    Train,
    TransformInput,
    Tune,
    Until,
    Upload,
    Variant,
    Version,
    Wait,
    WarmStart,
    XGBoost,
    compile_exported_pipeline,
    compile_sagemaker_pipeline,
    draw,
    drift,
    features_from_frame,
    features_from_json_schema,
    features_from_parquet,
    missing,
    pin,
    read_progress,
)
from constructs_ml.cli import load_model
from constructs_ml.cli.executions import Machine, machine_of, on_states
from constructs_ml.cli.inputs import given_inputs
from constructs_ml.cli.rehearse import _check_files, _pairs
from constructs_ml.compiler.proofs import (
    check_parameters,
    check_pipeline,
    check_size,
    check_states,
    prove_role,
    read_machine,
)
from constructs_ml.compiler.recorded import is_behind, write_record
from constructs_ml.compiler.registry import compile_registry
from constructs_ml.facts import images, regions
from constructs_ml.faults import error
from constructs_ml.refusals import REFUSALS
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.parts import make_parts
from constructs_ml.rehearsal.rehearsed import Rehearsed
from constructs_ml.rehearsal.stacks import of_assembly
from constructs_ml.review.assembly import read_assembly
from constructs_ml.spec.unknown_models import unknown_models
from constructs_ml.spec.values import ModelArtifact, Output
from tests.sdk.exports import of, step
from tests.sdk.stand_ins import recorded as recorded_sdk
from tests.support import (
    CODE,
    DAY,
    account,
    compiled,
    customers,
    definition_of,
    endpoint,
    evaluate,
    gate,
    monitors,
    opened_of,
    pinned,
    pipeline,
    prepare,
    served,
    train,
)

MOCKED = "123456789012"
PLAIN = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}

MOUNTED = FileSystem(id="fs-0a1b2c3d", directory="/data")
DEPTH = {"max_depth": Integer(2, 8)}
AUC = Objective("validation:auc", "Maximize")


def built_in(**changes: object) -> Train:
    return train(**{"image": XGBoost("1.7-1"), "code": None, "channels": {}, "hyperparameters": {}, **changes})


def tune(**changes: object) -> Tune:
    given = {"name": "tune", "train": built_in(), "objective": AUC, "ranges": DEPTH, "max_jobs": 4, **changes}
    return Tune(**given)  # type: ignore[arg-type]


def load(text: str) -> Callable[[Path], object]:
    def attempt(folder: Path) -> object:
        (folder / "accounts.yaml").write_text(text)
        return Accounts.load(folder / "accounts.yaml")

    return attempt


def one(extra: str) -> str:
    return f'accounts:\n  dev:\n    id: "111111111111"\n    region: eu-central-1\n    {extra}\n'


def call(resource: str, **parameters: object) -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}
        raise error(check_parameters({"States": {"ask": state}}))

    return attempt


def role(*statements: dict[str, object]) -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        raise error(prove_role({"States": {"ask": PLAIN}}, [{"Effect": "Allow", **item} for item in statements]))

    return attempt


FAILING = {"Name": "fail", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}


def in_sagemaker(*steps: dict[str, object]) -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        raise error(check_pipeline({"Version": "2020-12-01", "Steps": steps}))

    return attempt


def states(first: dict[str, object], name: str = "ask") -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        raise error(check_states({"StartAt": name, "States": {name: first, "done": {"Type": "Succeed"}}}))

    return attempt


def in_account(id: str, ask: Callable[[Machine], object]) -> Callable[[Path], object]:
    def attempt(folder: Path) -> object:
        with mock_aws():
            return ask(machine_of(pipeline(), account(id=id)))

    return attempt


def too_large(folder: Path) -> None:
    raise error(check_size('{"Comment": "%s"}' % ("x" * 1_048_576), "StateMachine"))


def fleet(*names: str) -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        from constructs_ml.compiler.fleet import check_names

        class Named:
            def __init__(self, name: str) -> None:
                self.name = name

        check_names("dev", [Named(name) for name in names])  # type: ignore[arg-type, list-item]

    return attempt


def in_cdk(build: Callable[[object], object]) -> Callable[[Path], object]:
    def attempt(folder: Path) -> None:
        from aws_cdk import App, Environment, Stack

        build(Stack(App(outdir=str(folder)), "S", env=Environment(account="111111111111", region="eu-central-1")))

    return attempt


def two_pipelines(stack: object) -> None:
    from constructs_ml import Pipeline

    Pipeline(stack, "Team-A", pipeline(), account=account())  # type: ignore[arg-type]
    Pipeline(stack, "TeamA", pipeline(), account=account())  # type: ignore[arg-type]


def unbound(stack: object) -> None:
    from constructs_ml import account_of

    account_of(stack)  # type: ignore[arg-type]


def elsewhere(stack: object) -> None:
    from constructs_ml import account_of

    account_of(stack, account(region="us-east-1"))  # type: ignore[arg-type]


def model(**given: object) -> ModelSpec:
    steps = (prepare(), train(), evaluate(), gate())
    return ModelSpec(**{"name": "churn", "owner": "growth", "root": CODE, "steps": steps, **given})  # type: ignore[arg-type]


def recorded(before: FeatureGroupSpec, after: FeatureGroupSpec) -> Callable[[Path], object]:
    def attempt(folder: Path) -> object:
        write_record(before, folder)
        return is_behind(after, folder)

    return attempt


QUEUE = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders"


def send(parameters: dict[str, object], **given: Any) -> CallService:
    url = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/orders"
    return CallService(name="send", call="sqs:sendMessage", parameters={"QueueUrl": url, **parameters}, **given)


def giving(**inputs: Any) -> Account:
    return account(models={"churn": ModelSettings(inputs=inputs)})


def exported(*steps: object, **given: object) -> Callable[[Path], object]:
    def attempt(folder: Path) -> object:
        definition = of(*steps) | given.get("definition", {})  # type: ignore[operator]
        spec = ExportedPipeline(name="training", model="churn", owner="growth", **(given | {"definition": definition}))
        return compile_exported_pipeline(spec, account(), prefix="Export")

    return attempt


def from_sdk(name: str = "trainer_script", **given: object) -> Callable[[Path], object]:
    return lambda _: Train.from_model_trainer(recorded_sdk(name), name="train", **given)


def no_record(folder: Path) -> object:
    (folder / "customers.json").write_text('{"features": {}}')
    return is_behind(customers(), folder)


def schema(text: str) -> Callable[[Path], object]:
    def attempt(folder: Path) -> object:
        (folder / "schema.json").write_text(text)
        return features_from_json_schema(folder / "schema.json")

    return attempt


def without_pyarrow(folder: Path) -> object:
    with patch.dict(sys.modules, {"pyarrow": None}):
        return features_from_parquet(folder / "customers.parquet")


def frame(**columns: list[object]) -> object:
    import pandas as pd

    return features_from_frame(pd.DataFrame(columns))


def conflict(_: Path) -> object:
    from constructs_ml.compiler.fleet import feature_groups

    one = model(features=(customers(),))
    other = model(name="uplift", features=(customers(description="the same people"),))
    return feature_groups("dev", account(), [one, other])


def misspelt(_: Path) -> None:
    nearly, _ = unknown_models(account(models={"chrun": ModelSettings()}), ["churn"])
    raise error(nearly)


def absent(stack: object) -> object:
    from constructs_ml import Endpoint

    return Endpoint(stack, "Endpoint", endpoint(), model="churn", owner="growth", account=account()).resources  # type: ignore[arg-type]


def exported_with_a_commit(stack: object) -> None:
    from constructs_ml import SageMakerPipeline

    spec = ExportedPipeline(name="training", model="churn", owner="growth", definition=of(step("a")))
    SageMakerPipeline(stack, "Training", spec, account=account(), commit="abc")  # type: ignore[arg-type]


def no_role(stack: object) -> object:
    from constructs_ml import FeatureGroup

    return FeatureGroup(stack, "Customers", customers(offline=None), account=account()).role  # type: ignore[arg-type]


def many(count: int) -> tuple[Feature, ...]:
    return (*customers().features, *(Feature(f"f{number}") for number in range(count)))


TWO = (Variant(name="main"), Variant(name="other"))
HOUR = timedelta(hours=1)
INF1 = EndpointSpec(variants=(Variant(compute=Instances(instance_type="ml.inf1.xlarge")),))
SERVERLESS = (Variant(compute=Serverless()),)
WARM = (Variant(compute=Serverless(concurrency=10, provisioned=2)),)
FOREIGN = Image("222222222222.dkr.ecr.eu-central-1.amazonaws.com/churn:1")
GPU = account(instances=InstanceRules(training="ml.g5.xlarge", processing="ml.m5.large"))
GET = {"Action": "s3:GetObject", "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/k"}}


def rehearse_an_image(folder: Path) -> None:
    """An assembly whose stack has an image asset."""
    stack: dict[str, Any] = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111111111111/eu-central-1",
        "properties": {"templateFile": "one.json"},
        "displayName": "dev/one",
        "dependencies": ["one.assets"],
    }
    assets = {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}}
    written = {
        "manifest.json": {"version": "48.0.0", "artifacts": {"one": stack, "one.assets": assets}},
        "assets.json": {"version": "48.0.0", "dockerImages": {"resize": {}}},
        "one.json": {"Resources": {}},
    }
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content))
    of_assembly(folder, "dev", "111111111111", "eu-central-1")


def approve_nothing(_: Path) -> None:
    """A model without versions."""
    embedded = EmbeddedAccount("111111111111", "eu-central-1")
    rehearsed = Rehearsed(embedded, make_parts(embedded), account(), {})
    with patch.object(Rehearsed, "versions", lambda *_: []):
        rehearsed.approve("churn")


def deploy_nothing(_: Path) -> None:
    """A rehearsal of stacks that were not compiled from models."""
    embedded = EmbeddedAccount("111111111111", "eu-central-1")
    Rehearsed(embedded, make_parts(embedded), account(), {}, ["dev-churn"]).deploy()


def pin_nobody(_: Path) -> None:
    """A model that the rehearsal was not given."""
    embedded = EmbeddedAccount("111111111111", "eu-central-1")
    Rehearsed(embedded, make_parts(embedded), account(), {"churn": model()}).pin("chrun", 1)


CASES: dict[str, Callable[[Path], object]] = {
    "name": lambda _: prepare(name="Prepare data"),
    "name-taken": lambda _: pipeline(prepare(), prepare()),
    "s3-location": lambda _: S3("/raw/"),
    "number-range": lambda _: Compute(volume_gb=0),
    "empty": lambda _: Gate(when=Metric("evaluate", "auc") > 0.5),
    "input-type": lambda _: Input("day", "Date"),  # type: ignore[arg-type]
    "input-default": lambda _: Input("depth", "Number", default="deep"),
    "input-taken": lambda _: pipeline(prepare(), inputs=(Input("day"), Input("day", "Number"))),
    "input-foreign": lambda _: pipeline(prepare(arguments=(Input("day"),)), inputs=(Input("month"),)),
    "input-reserved": lambda _: prepare(inputs={"code": S3("raw/")}),
    "input-mode": lambda _: prepare(inputs={"raw": Channel(source=S3("raw/"), mode="FastFile")}),
    "code-missing": lambda _: compiled(pipeline(prepare(code="prepair.py"))),
    "code-entry": lambda _: compiled(pipeline(prepare(code=Code("folder", "mian.py")))),
    "code-needed": lambda _: prepare(code=None),
    "image-uri": lambda _: Image("churn-train"),
    "image-version": lambda _: compiled(pipeline(prepare(image=Sklearn("1.4-3")))),
    "image-accelerator": lambda _: compiled(pipeline(train(channels={})), GPU),
    "image-python": lambda _: images.find("pytorch", version="2.3.0", scope="training", python="py27"),
    "image-region": lambda _: images.find("xgboost", version="1.7-1", scope="training").uri("ap-southeast-7"),
    "region": lambda _: regions.partition_of("eu-centrl-1"),
    "instance-missing": lambda _: compiled(where=account(instances=InstanceRules(training="ml.m5.large"))),
    "instance-type": lambda _: compiled(pipeline(prepare(compute=Compute(instance_type="ml.m5.huge")))),
    "instance-region": lambda _: compiled(
        pipeline(prepare(compute=Compute(instance_type="ml.p3.2xlarge"))), account(region="us-gov-east-1")
    ),
    "instance-not-allowed": lambda _: compiled(
        pipeline(prepare(compute=Compute(instance_type="ml.m5.4xlarge"))),
        account(instances=InstanceRules(processing="ml.m5.large", allowed=("ml.m5.large",))),
    ),
    "instance-count": lambda _: compiled(
        pipeline(prepare(compute=Compute(instance_count=4))),
        account(instances=InstanceRules(processing="ml.m5.large", most=2)),
    ),
    "network-missing": lambda _: compiled(pipeline(prepare(network=Network(vpc=True)))),
    "environment-name": lambda _: prepare(environment={"MY-VARIABLE": "1"}),
    "output-taken": lambda _: prepare(outputs=("train", "train")),
    "metric-taken": lambda _: train(metrics=(MetricDefinition("auc", "a=(.)"), MetricDefinition("auc", "b=(.)"))),
    "metric-regex": lambda _: MetricDefinition("auc", "auc=[0-9.]+"),
    "spot-wait": lambda _: train(timeout=timedelta(hours=2), spot=Spot(max_wait=timedelta(hours=1))),
    "spot-warm-pool": lambda _: train(spot=Spot(max_wait=timedelta(days=1)), warm_pool=timedelta(minutes=10)),
    "gate-condition": lambda _: Gate(when=0.8, then=(Fail(cause="no"),)),  # type: ignore[arg-type]
    "register-metrics": lambda _: Register(model=train().model, metrics=prepare()),
    "register-image": lambda _: Register(model=S3("models/model.tar.gz")),
    "function-handler": lambda _: Function(code="function", handler="handle"),
    "function-name": lambda _: LambdaTask(name="check", function="arn:aws:lambda:eu-central-1:1:function:x"),
    "result-key": lambda _: LambdaTask(name="check", function="check").result("objects[0]"),
    "permission-wildcard": lambda _: Permission(actions=("s3:*",), resources=("arn:aws:s3:::b",)),
    "raw-state-type": lambda _: RawState(name="end", state={"Type": "Succeed"}),
    "raw-state-next": lambda _: RawState(name="pause", state={"Type": "Wait", "Seconds": 1, "Next": "train"}),
    "raw-state-result": lambda _: RawState(name="count", state={"Type": "Pass", "Result": 1}),
    # steps of models
    "job-field": lambda _: BatchTransform(name="score", model=S3("m"), data=S3("c"), compute=Compute(volume_gb=100)),
    "transform-strategy": lambda _: BatchTransform(
        name="score", model=S3("m"), data=TransformInput(source=S3("c"), split="None"), strategy="MultiRecord"
    ),
    "transform-payload": lambda _: BatchTransform(
        name="score", model=S3("m"), data=S3("c"), max_payload_mb=50, concurrency=3
    ),
    "model-image": lambda _: compiled(pipeline(BatchTransform(name="score", model=Version(3), data=S3("c")))),
    "automl-objective": lambda _: AutoML(
        name="automl", data=S3("train/"), problem=Tabular(target="churned"), objective="AUC"
    ),
    "automl-validation": lambda _: AutoML(
        name="automl",
        data=S3("train/"),
        problem=Tabular(target="churned"),
        validation=S3("validation/"),
        validation_fraction=0.2,
    ),
    "split-parts": lambda _: Split(name="split", data=S3("raw/"), parts={"train": 0.7, "test": 0.2}),
    "jumpstart-eula": lambda _: JumpStart(model_id="llm", version="1.0.0", artifact="llm/", gated=True),
    "jumpstart-access": lambda _: compiled(
        pipeline(prepare(inputs={"model": JumpStart(model_id="llm", version="1", artifact="llm/", accept_eula=True)}))
    ),
    "jumpstart-region": lambda _: compiled(
        pipeline(train(image=Image("own:1"), channels={"m": JumpStart(model_id="llm", version="1", artifact="llm/")})),
        account(region="us-iso-west-1"),
    ),
    "cron-fields": lambda _: Cron("0 3 * * 1"),
    "cron-field": lambda _: Cron("0 25 * * ? *"),
    "cron-days": lambda _: Cron("0 3 * * * *"),
    "time-zone": lambda _: Cron("0 3 * * ? *", time_zone="Europe/Berln"),
    "rate": lambda _: Rate(timedelta(seconds=90)),
    "data-prefix": lambda _: OnData("raw/*", to="data"),
    "alarm-name": lambda _: OnAlarm("kpi-*"),
    "trigger-taken": lambda _: pipeline(triggers=(Cron("0 3 * * ? *"), Cron("0 4 * * ? *"))),
    "trigger-input": lambda _: pipeline(triggers=(OnData("raw/", to="date"),), inputs=(Input("data", default="x"),)),
    "trigger-value": lambda _: pipeline(
        triggers=(Cron("0 3 * * ? *", inputs={"depth": "deep"}),), inputs=(Input("depth", "Number", default=3),)
    ),
    "trigger-time": lambda _: pipeline(
        triggers=(Cron("0 3 * * ? *", inputs={"day": FromEvent("$.time")}),), inputs=(Input("day", default="x"),)
    ),
    "trigger-loop": lambda _: pipeline(triggers=(OnApproval(status="PendingManualApproval"),)),
    "trigger-reserved": lambda _: compiled(pipeline(triggers=(OnAlarm("kpi", name="log"),))),
    "event-path": lambda _: FromEvent("$.detail[*].key"),
    "event-pattern": lambda _: OnEvent({"source": "my.app"}),
    "event-pattern-size": lambda _: compiled(pipeline(triggers=(OnEvent({"source": ["a" * 5000]}),))),
    "event-bus": lambda _: OnEvent({"source": ["my.app"]}, bus="arn:aws:events:::event-bus/team"),
    "image-pushed": lambda _: OnImage("111111111111.dkr.ecr.eu-central-1.amazonaws.com/Serve"),
    "approval-status": lambda _: OnApproval(status="approved"),  # type: ignore[arg-type]
    "features-offline": lambda _: OnFeatures(customers(offline=None)),
    "drift-monitor": lambda _: pipeline(triggers=(OnDrift(monitors=("data-qualty",)),)),
    "drift-silent": lambda _: pipeline(triggers=(OnDrift(monitors=(DataQuality(),)),)),
    "debounce-event": lambda _: OnData(
        "raw/", to="data", inputs={"day": FromEvent("$.time")}, debounce=Debounce(quiet=timedelta(minutes=1))
    ),
    "looks": lambda _: Queue(every=timedelta(seconds=1)),
    "trigger-missing": lambda _: pipeline(triggers=(Cron("0 3 * * ? *"),), inputs=(Input("day"),)),
    "type-region": lambda _: compile_registry(
        RegistrySpec(), account(region="cn-north-1"), model="churn", owner="growth", prefix="Registry"
    ),
    "feature-name": lambda _: Feature("total amount"),
    "feature-reserved": lambda _: Feature("Write_Time"),
    "feature-type": lambda _: Feature("amount", "Double"),  # type: ignore[arg-type]
    "feature-taken": lambda _: customers(features=(*customers().features, Feature("SPEND", "Fractional"))),
    "feature-missing": lambda _: customers(event_time="update_time"),
    "feature-role-type": lambda _: customers(record_identifier="spend"),
    "feature-roles": lambda _: customers(event_time="customer_id"),
    "features-form": lambda _: customers(features={"customer_id": "String"}),
    "column-type": lambda _: frame(customer_id=["a"], basket=[["x", "y"]]),
    "schema-file": schema('{"type": "object"}'),
    "package-missing": without_pyarrow,
    "group-taken": lambda _: model(features=(customers(), customers())),
    "group-conflict": conflict,
    "store-missing": lambda _: customers(online=None, offline=None),
    "store-storage": lambda _: Online(storage="Disk"),  # type: ignore[arg-type]
    "store-format": lambda _: Offline(format="Hudi"),  # type: ignore[arg-type]
    "store-table": lambda _: Offline(table="customers"),
    "store-iceberg-table": lambda _: Offline(format="Iceberg", table="lake.customers"),
    "store-memory-throughput": lambda _: customers(
        online=Online(storage="InMemory"), throughput=Provisioned(reads=5, writes=5)
    ),
    "schema-removed": recorded(customers(), customers(features=customers().features[:2])),
    "schema-retyped": recorded(
        customers(), customers(features=(*customers().features[:2], Feature("spend", "Integral")))
    ),
    "schema-create-only": recorded(customers(), customers(online=Online(storage="InMemory"))),
    "schema-batch": recorded(customers(), customers(features=many(101))),
    "schema-record": no_record,
    "deployment-step": lambda _: Canary(percent=10, instances=1),
    "deployment-timeout": lambda _: Canary(
        percent=10, bake=timedelta(minutes=10), hold=timedelta(minutes=20), timeout=timedelta(minutes=30)
    ),
    "kind": lambda _: EndpointSpec(rollback="churn-kpi"),  # type: ignore[arg-type]
    "names-alike": lambda _: EndpointSpec(variants=(Variant(name="a-1"), Variant(name="a1"))),
    "deployment-share": lambda _: EndpointSpec(
        variants=(Variant(compute=Instances(count=50)),), deployment=Linear(instances=1)
    ),
    "deployment-half": lambda _: EndpointSpec(
        variants=(Variant(compute=Instances(count=3)),), deployment=Canary(instances=2)
    ),
    "serverless-deployment": lambda _: EndpointSpec(variants=SERVERLESS, deployment=Canary(percent=10)),
    "inferentia-deployment": lambda _: dataclasses.replace(INF1, deployment=AllAtOnce(hold=timedelta(minutes=5))),
    "variants-rolling": lambda _: EndpointSpec(variants=TWO, deployment=Rolling(percent=20)),
    "rollback-alarms": lambda _: EndpointSpec(variants=TWO, rollback=tuple(f"kpi-{number}" for number in range(7))),
    "variant-taken": lambda _: EndpointSpec(variants=(Variant(), Variant())),
    "variant-weights": lambda _: EndpointSpec(variants=(Variant(weight=0),)),
    "isolation-code": lambda _: EndpointSpec(variants=(Variant(code="inference.py"),), network=Network(isolation=True)),
    "artifact-key": lambda _: Artifact(S3("s3://models/churn/"), Sklearn("1.4-2")),
    "capture-what": lambda _: DataCapture(what="Errors"),  # type: ignore[arg-type]
    "volume-local": lambda _: served(
        EndpointSpec(variants=(Variant(compute=Instances(instance_type="ml.m5d.large", volume_gb=100)),))
    ),
    "serverless-memory": lambda _: Serverless(memory_mb=1536),
    "serverless-rollback": lambda _: EndpointSpec(variants=SERVERLESS, rollback=("kpi",)),
    "serverless-capture": lambda _: EndpointSpec(variants=SERVERLESS, capture=DataCapture()),
    "serverless-variants": lambda _: EndpointSpec(variants=(*SERVERLESS, Variant(name="other"))),
    "serverless-network": lambda _: EndpointSpec(variants=SERVERLESS, network=Network(isolation=True)),
    "serverless-image": lambda _: served(
        EndpointSpec(variants=(Variant(model=Pinned(FOREIGN), compute=Serverless()),)),
        pinned(main="s3://models/churn/3/model.tar.gz"),
    ),
    "scaling-measure": lambda _: AutoScaling(1, 4, invocations_per_instance=100, utilisation=50),
    "scaling-schedule": lambda _: AutoScaling(
        1, 4, schedules=(ScheduledCapacity("0 6 * * ? *", 2, 4), ScheduledCapacity("0 20 * * ? *", 1, 2))
    ),
    "scaling-zero": lambda _: AutoScaling(0, 4, utilisation=50),
    "scaling-count": lambda _: EndpointSpec(
        variants=(Variant(compute=Instances(count=5)),), autoscaling=AutoScaling(1, 4, utilisation=50)
    ),
    "scaling-concurrency": lambda _: EndpointSpec(
        variants=WARM, autoscaling=AutoScaling(1, 20, provisioned_utilisation=70)
    ),
    "serverless-scaling": lambda _: EndpointSpec(variants=SERVERLESS, autoscaling=AutoScaling(1, 4, utilisation=50)),
    "burstable-scaling": lambda _: EndpointSpec(
        variants=(Variant(compute=Instances(instance_type="ml.t2.medium")),),
        autoscaling=AutoScaling(1, 4, utilisation=50),
    ),
    "provisioned-measure": lambda _: EndpointSpec(variants=WARM, autoscaling=AutoScaling(2, 4, utilisation=50)),
    "instances-measure": lambda _: EndpointSpec(autoscaling=AutoScaling(1, 4, provisioned_utilisation=50)),
    "alarm-period": lambda _: Errors(period=timedelta(seconds=90)),
    "alarm-window": lambda _: Errors(period=timedelta(minutes=30), periods=100),
    "alarm-severity": lambda _: Latency(severity="fatal"),  # type: ignore[arg-type]
    "alarm-twice": lambda _: EndpointSpec(alarms=(Errors(), Errors(percent=5))),
    "alarm-bound": lambda _: MonitorAlarm(metric="auc"),
    "monitor-metric": lambda _: MonitorAlarm(metric="area under curve", below=0.7),
    "monitor-problem": lambda _: ModelQuality(ground_truth=S3("labels/"), problem="Ranking", inference="0"),  # type: ignore[arg-type]
    "monitor-answer": lambda _: ModelQuality(ground_truth=S3("labels/"), problem="BinaryClassification"),
    "monitor-regression": lambda _: ModelQuality(
        ground_truth=S3("labels/"), problem="Regression", inference="0", probability="1"
    ),
    "monitor-threshold": lambda _: ModelQuality(
        ground_truth=S3("labels/"), problem="BinaryClassification", probability="0"
    ),
    "monitor-window": lambda _: ModelQuality(
        ground_truth=S3("labels/"),
        problem="Regression",
        inference="0",
        start=timedelta(hours=1),
        end=timedelta(hours=2),
    ),
    "monitor-alarm-twice": lambda _: DataQuality(alarms=(missing("spend", above=0.2), missing("spend", above=0.3))),
    "monitor-taken": lambda _: model(endpoint=endpoint(), monitors=(DataQuality(), DataQuality())),
    "monitor-capture": lambda _: model(endpoint=EndpointSpec(), monitors=(DataQuality(),)),
    "monitor-blind": lambda _: model(endpoint=EndpointSpec(capture=DataCapture(what="Input")), monitors=monitors()),
    "monitor-baseline": lambda _: DataQuality(alarms=(drift("spend", above=0.2),)),
    "monitor-closed": lambda _: served(endpoint(), pinned(main=3), monitors=monitors()),
    "baseline-file": lambda _: Baseline(source=S3("baseline/"), constraints="../constraints.json"),
    "baseline-source": lambda _: Baseline(source="baseline/"),  # type: ignore[arg-type]
    "baseline-unknown": lambda _: model(
        endpoint=endpoint(), monitors=(DataQuality(baseline=Baseline(source=Output("evaluate", "reprot"))),)
    ),
    "resources-absent": in_cdk(absent),
    "role-absent": in_cdk(no_role),
    "pin-form": lambda _: pin("latest"),
    "pin-variant": lambda _: served(endpoint(), pinned(mian=3)),
    "pin-partial": lambda _: served(EndpointSpec(variants=TWO), pinned(main=3)),
    "pin-group": lambda _: served(
        endpoint(), pinned(main="arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-uplift/3")
    ),
    "pin-region": lambda _: served(
        endpoint(), pinned(main="arn:aws:sagemaker:eu-west-1:222222222222:model-package/staging-churn/3")
    ),
    "pin-code": lambda _: served(
        endpoint(),
        pinned(main="arn:aws:sagemaker:eu-central-1:222222222222:model-package/staging-churn/3"),
        fetched=(Code("train.py"),),
    ),
    "pin-image": lambda _: served(endpoint(), pinned(main="s3://models/churn/3/model.tar.gz"), images=()),
    "assembly-empty": read_assembly,
    "model-import": lambda _: load_model("tests.models:chrn"),
    "drawing-suffix": lambda _: draw(pipeline()).write("churn.png"),
    "drawing-file": lambda folder: draw(pipeline()).write(Path("nowhere") / "churn.svg"),
    "history-gap": lambda _: read_progress(pipeline(), [{"id": 2, "type": "ExecutionSucceeded"}]),
    "run-input": lambda _: given_inputs(pipeline(), ["day"]),
    "run-value": lambda _: given_inputs(pipeline(inputs=(Input("depth", "Number"),)), ["depth=three"]),
    "run-missing": lambda _: given_inputs(pipeline(inputs=(Input("depth", "Number"),)), []),
    "run-engine": lambda _: on_states(dataclasses.replace(load_model("tests.models:churn"), engine="pipelines")),
    "run-account": in_account("999999999999", lambda machine: None),
    "machine-missing": in_account(MOCKED, lambda machine: machine.start({})),
    "execution-missing": in_account(MOCKED, lambda machine: machine.execution("nightly")),
    "aws-refused": in_account(MOCKED, lambda machine: machine.events("not-an-arn")),
    "accounts-file": lambda folder: Accounts.load(folder.name + "-nowhere.yaml"),
    "accounts-yaml": load("accounts:\n  dev: [\n"),
    "accounts-duplicate": load(one("region: eu-west-1")),
    "accounts-unknown": load(one("instnces: {}")),
    "accounts-missing": load('accounts:\n  dev:\n    id: "111111111111"\n'),
    "accounts-quotes": load("accounts:\n  dev:\n    id: 111111111111\n    region: eu-central-1\n"),
    "accounts-value": load(one("log_retention_days: 8")),
    "accounts-key": load(one("key_arn: arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d")),
    "accounts-boundary": load(one("permissions_boundary: arn:aws-cn:iam::111111111111:policy/Boundary")),
    "accounts-closed": load(one("existing_customer: [model-moniter]")),
    "stage-missing": lambda folder: Accounts("accounts.yaml", {"dev": account()})["prod"],
    "account-half": lambda _: account(region=None),
    "account-id": lambda _: account(id="1111-1111-1111"),
    "account-unbound": in_cdk(unbound),
    "account-environment": in_cdk(elsewhere),
    "model-unknown": misspelt,
    "model-taken": fleet("churn", "churn"),
    "logical-id-taken": in_cdk(two_pipelines),
    "call-unknown": call("aws-sdk:s3:getThing"),
    "parameter-unknown": call("aws-sdk:s3:getObject", Bucket="b", Key="k", Verson="1"),
    "parameter-missing": call("aws-sdk:s3:getObject", Bucket="b"),
    "parameter-type": call("aws-sdk:s3:getObject", Bucket="b", Key=7),
    "parameter-size": call("aws-sdk:sagemaker:stopTrainingJob", TrainingJobName="x" * 64),
    "parameter-value": call("aws-sdk:s3:getObject", Bucket="b", Key="k", ChecksumMode="ON"),
    "parameter-twice": call("aws-sdk:s3:getObject", **{"Bucket": "b", "Key": "k", "Key.$": "$.key"}),
    "call-form": call("sns:publish.sync", TopicArn="${Topic}", Message="done"),
    "definition-json": lambda _: read_machine({"DefinitionString": "{"}, where="StateMachine"),
    "definition-size": too_large,
    "state-type": states({"Type": "Pas", "Next": "done"}),
    "state-field": states({"Type": "Pass", "Resutl": 1, "Next": "done"}),
    "state-missing": states({"Type": "Task", "Next": "done"}),
    "state-either": states({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.seconds", "Next": "done"}),
    "state-name": states({"Type": "Pass", "Next": "done"}, "x" * 81),
    "state-target": states({"Type": "Pass", "Next": "doen"}),
    "state-end": states({"Type": "Pass", "Next": "done", "End": True}),
    "state-unreached": states({"Type": "Pass", "End": True}),
    "state-endless": states({"Type": "Pass", "Next": "ask"}),
    "state-choice": states({"Type": "Choice", "Choices": [{"Variable": "$.auc", "Next": "done"}]}),
    "state-handler": states(PLAIN | {"Next": "done", "Retry": [{"ErrorEquals": ["States.ALL", "States.Timeout"]}]}),
    "state-number": states(PLAIN | {"Next": "done", "TimeoutSeconds": 0}),
    "state-path": states({"Type": "Pass", "InputPath": "inputs", "Next": "done"}),
    "state-intrinsic": states({"Type": "Pass", "Parameters": {"name.$": "States.UUDI()"}, "Next": "done"}),
    "state-constant": states({"Type": "Pass", "Parameters": {"name": "$.inputs.name"}, "Next": "done"}),
    "role-missing": role({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/other"}),
    "role-idle": role(GET, {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/k"}),
    "role-wide": role(GET | {"Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/*"}}),
    "role-statement": role(GET, {"NotAction": "s3:DeleteObject", "Resource": "*"}),
    "sdk-object": from_sdk("processor_script"),
    "sdk-attribute": from_sdk("trainer_refused"),
    "sdk-placeholder": from_sdk("trainer_builtin"),
    "sdk-without": from_sdk(without=("tag",)),
    "export-json": exported("not a step"),
    "export-version": exported(step("a"), definition={"Version": "2019"}),
    "export-name": exported(step("a"), step("a")),
    "export-type": exported(step("a", "Trainign")),
    "export-reference": exported(step("a", DependsOn=["b"])),
    "export-cycle": exported(step("a", DependsOn=["b"]), step("b", DependsOn=["a"])),
    "export-literal": exported(step("a"), replace={"arn:aws:iam::1:role/x": "role"}),
    "export-opening": exported(step("a"), replace={"a": "${AWS::AccountID}"}),
    "export-given": in_cdk(exported_with_a_commit),
    "export-access": exported(step("a", "Lambda", FunctionArn={"Get": "Execution.PipelineArn"})),
    "output-unknown": lambda _: prepare().output("trian"),
    "metric-unknown": lambda _: train().metric("loss"),
    "metric-name": lambda _: evaluate().metric("f1-score"),
    "metrics-undeclared": lambda _: prepare().metric("auc"),
    "metrics-place": lambda _: evaluate(metrics="metrics.json"),
    "truth-value": lambda _: 0.7 <= evaluate().metric("auc") <= 0.9,
    "condition-number": lambda _: evaluate().metric("auc") >= float("nan"),
    "step-foreign": lambda _: pipeline(prepare(), train(channels={"train": Output("prepair", "train")})),
    "step-later": lambda _: pipeline(train(), prepare()),
    "step-cycle": lambda _: pipeline(
        prepare(inputs={"model": ModelArtifact("train")}), train(channels={"train": Output("prepare", "train")})
    ),
    "step-branch": lambda _: pipeline(
        prepare(),
        train(),
        evaluate(),
        gate(then=(prepare(name="again", inputs={}),)),
        prepare(name="last", inputs={"data": Output("again", "train")}),
    ),
    "reference-kind": lambda _: pipeline(prepare(), train(channels={"train": ModelArtifact("prepare")})),
    # engines
    "engine-step": lambda _: compile_sagemaker_pipeline(pipeline(Wait(seconds=5)), account(), prefix="Training"),
    "pipeline-form": in_sagemaker({"Name": "train", "Type": "Train", "Arguments": {}}),
    "pipeline-reference": in_sagemaker(FAILING | {"Arguments": {"ErrorMessage": {"Get": "Steps.train.Reason"}}}),
    "pipeline-order": in_sagemaker(
        FAILING | {"DependsOn": ["again"]}, FAILING | {"Name": "again", "DependsOn": ["fail"]}
    ),
    # blocks
    "result-unknown": lambda _: gate().result("model"),
    "until-status": lambda _: Until("$.EndpointStatus", done=()),
    "step-unreached": lambda _: pipeline(Fail(cause="always"), prepare()),
    "item-key": lambda _: pipeline(
        ForEach(name="each", items=({"city": "Bern"},), steps=(prepare(arguments=(Item("ciyt"),)),))
    ),
    "item-outside": lambda _: pipeline(prepare(arguments=(Item("city"),))),
    "input-list": lambda _: ForEach(name="each", items=Input("cities"), steps=(prepare(),)),
    "map-tolerance": lambda _: ForEach(name="each", items=("Bern",), steps=(prepare(),), tolerated_failures=5),
    "wait-time": lambda _: Wait(seconds=1, until="2027-01-01T00:00:00Z"),
    # steps that call other services
    "service-name": lambda _: GlueJob(name="extract", job="team/extract"),
    "glue-argument": lambda _: GlueJob(name="extract", job="extract", arguments={"the day": "x"}),
    "glue-workers": lambda _: GlueJob(name="extract", job="extract", worker_type="G.1X"),
    "fargate-size": lambda _: Container(image=Image("transform:1.2"), cpu=256, memory_mb=4096),
    "fargate-network": lambda _: FargateTask(
        name="transform", task=Container(image=Image("transform:1.2")), network=Network(isolation=True)
    ),
    "network-half": lambda _: Network(subnets=("subnet-0a1b2c3d",)),
    "sub-which": lambda _: SubPipeline(name="score"),
    "sub-self": lambda _: pipeline(SubPipeline(name="again", pipeline="training")),
    "service-call": lambda _: CallService(name="send", call="sqs:SendMessage"),
    "call-json": lambda _: CallService(name="send", call="sqs:sendMessage", parameters={"MessageBody.$": "$.x"}),
    "call-mixed": lambda _: compiled(
        pipeline(send({"MessageBody": [Execution("id"), {"a": 1}]}, on=(QUEUE,))),
    ),
    "call-wait": lambda _: compiled(pipeline(send({"MessageBody": "x"}, on=(QUEUE,), wait="job"))),
    "call-on": lambda _: send({}, on=("arn:aws:sqs:eu-central-1:111111111111:orders",)),
    "call-resource": lambda _: compiled(
        pipeline(CallService(name="ask", call="sqs:sendMessage", parameters={"MessageBody": "x", "QueueUrl": "orders"}))
    ),
    "call-idle": lambda _: compiled(pipeline(send({"MessageBody": "x"}, on=(QUEUE, QUEUE.replace("sqs", "sns"))))),
    "keep-path": lambda _: CallService(name="ask", call="ssm:getParameter", keep={"value": "Parameter.Value"}),
    "task-token": lambda _: CallService(name="send", call="sqs:sendMessage", wait="token"),
    # inputs by account
    "account-input": lambda _: compiled(pipeline(inputs=(DAY,)), giving(dya="2026-11-21")),
    "account-input-type": lambda _: compiled(pipeline(inputs=(DAY,)), giving(day=20261121)),
    # training in depth
    "algorithm-name": lambda _: Algorithm("for est"),
    "algorithm-code": lambda _: train(image=Algorithm("forest")),
    "compute-ways": lambda _: Compute(instance_type="ml.m5.large", preferences=("ml.c5.large",)),
    "compute-group": lambda _: Compute(groups=(InstanceGroup("a", "ml.m5.large"), InstanceGroup("a", "ml.c5.large"))),
    "compute-plan": lambda _: Compute(training_plan="large"),
    "compute-training": lambda _: prepare(compute=Compute(groups=(InstanceGroup("a", "ml.m5.large"),))),
    "channel-mode": lambda _: Channel(source=S3("raw/"), compression="Gzip"),
    "channel-group": lambda _: train(channels={"train": Channel(source=S3("raw/"), groups=("gpus",))}),
    "file-system": lambda _: FileSystem(id="efs-1", directory="/data"),
    "file-system-network": lambda _: train(channels={"train": MOUNTED}, network=Network(vpc=False)),
    "file-system-vpc": lambda _: compiled(pipeline(train(channels={"train": MOUNTED}))),
    "distributed-image": lambda _: train(distributed=Torchrun()),
    "distributed-instance": lambda _: compiled(
        pipeline(train(channels={}, image=PyTorch("2.3"), distributed=SMDistributedDataParallel()))
    ),
    "spot-preferences": lambda _: train(
        spot=Spot(max_wait=timedelta(days=2)), compute=Compute(preferences=("ml.m5.large",))
    ),
    "groups-warm-pool": lambda _: train(
        warm_pool=timedelta(hours=1), compute=Compute(groups=(InstanceGroup("a", "ml.m5.large"),))
    ),
    "stop-metric": lambda _: train(stop_when=EarlyStop(metric="churn:loss", above=2)),
    "stop-name": lambda _: compiled(
        pipeline(train(channels={}, stop_when=EarlyStop(metric="validation:auc", below=0.1)))
    ),
    "stop-retry": lambda _: train(stop_when="loss-explodes", retry=Retry()),
    "debugger-closed": lambda _: compiled(pipeline(train(channels={}, raw={"DebugRuleConfigurations": []}))),
    "mlflow-name": lambda _: MLflow(experiment=""),
    "mlflow-isolated": lambda _: train(mlflow=MLflow(experiment="churn"), network=Network(isolation=True)),
    "mlflow-missing": lambda _: compiled(pipeline(train(channels={}, mlflow=MLflow(experiment="churn")))),
    "register-plain": lambda _: compiled(
        pipeline(train(channels={}, compress_model=False), Register(model=train().model))
    ),
    # tuning
    "tune-form": lambda _: Tune(name="tune", train=built_in(), ranges=DEPTH),
    "tune-several": lambda _: Tune(
        name="tune",
        trainings=(Candidate(name="xgb", train=built_in(), objective=AUC, ranges=DEPTH),),
        max_jobs=4,
        early_stopping=True,
    ),
    "tune-train": lambda _: tune(train=built_in(warm_pool=timedelta(minutes=5))),
    "tune-endless": lambda _: tune(max_jobs=None),
    "objective": lambda _: tune(train=train(), objective=Objective("accuracy", "Maximize")),
    "range-bounds": lambda _: Integer(8, 2),
    "range-scaling": lambda _: Continuous(0, 1, scaling="Logarithmic"),
    "range-taken": lambda _: tune(train=built_in(hyperparameters={"max_depth": 3})),
    "range-alike": lambda _: tune(ranges={"max-depth": Integer(2, 8), "max_depth": Integer(2, 8)}),
    "strategy-grid": lambda _: tune(strategy=Grid()),
    "strategy-hyperband": lambda _: tune(strategy=Hyperband()),
    "warm-start": lambda _: WarmStart(parents=(), kind="TransferLearning"),
    # processing in depth
    "entrypoint": lambda _: prepare(entrypoint=("python", "-m", "prepare")),
    "input-setting": lambda _: prepare(inputs={"raw": Channel(source=S3("raw/"), content_type="text/csv")}),
    # rehearsals
    "rehearsal-image": rehearse_an_image,
    "rehearsal-assembly": deploy_nothing,
    "rehearsal-model": pin_nobody,
    "rehearse-pair": lambda _: _pairs("--put", ["raw/a.csv"]),
    "rehearse-file": lambda folder: _check_files([("raw/a.csv", folder / "a.csv")]),
    "version-missing": approve_nothing,
    "upload-mode": lambda _: Upload(mode="Often"),  # type: ignore[arg-type]
    "accounts-mlflow": load(one("mlflow_arn: arn:aws:sagemaker:us-east-1:111111111111:mlflow-app/app-1")),
}


@pytest.mark.parametrize("id", sorted(REFUSALS))
def test_a_refusal_says_what_where_got_allowed_and_why(id: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    with pytest.raises((SpecError, RuntimeError)) as refused:
        CASES[id](tmp_path)
    message = str(refused.value).replace(str(tmp_path), "FOLDER").replace(tmp_path.name, "FOLDER")
    assert f"[{id}]" in message
    assert message == snapshot


def test_every_row_is_provoked_and_every_case_has_its_row() -> None:
    assert set(CASES) == set(REFUSALS)
    assert len(REFUSALS) >= 180


def test_an_xgboost_image_without_code_runs_its_own_algorithm() -> None:
    assert train(image=XGBoost("1.7-1"), code=None).code is None


def test_a_gpu_instance_takes_the_gpu_image() -> None:
    result = compiled(pipeline(train(channels={}, image=PyTorch("2.3"))), GPU)
    assert ":2.3.0-gpu-py311" in str(definition_of(result))
    assert "KeyArn" in opened_of(result)
