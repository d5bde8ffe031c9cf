"""Definitions, policies and drawings as they are written: snapshots of our own JSON, to be read in a diff."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_ml import (
    S3,
    Channel,
    Code,
    Compute,
    Cron,
    Execution,
    Experiment,
    Fail,
    Function,
    Image,
    Input,
    LambdaTask,
    Network,
    OnAlarm,
    OnData,
    Permission,
    RawState,
    Register,
    Retry,
    Serving,
    SpecError,
    Spot,
    Wait,
    XGBoost,
    between,
    mermaid,
)
from constructs_ml.spec.account import AccountNetwork
from tests.support import account, compiled, definition_of, evaluate, gate, opened_of, pipeline, prepare, train

DAY, LEAST = Input("day", default="1997-09-30"), Input("least", "Number")
DATA = Input("data", default=S3("raw/"))
NETWORK = AccountNetwork(subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))


def everything() -> Any:
    check = LambdaTask(
        name="check", function=Function(code="function", reads=(S3("raw/"),)), payload={"data": DATA, "n": 3}
    )
    first = prepare(
        inputs={
            "raw": Channel(source=DATA, mode="Pipe", distribution="ShardedByS3Key", compression="Gzip"),
            "old": S3("s3://other/x/"),
        },
        arguments=("--day", DAY, "it's", 0.5),
        environment={"OBJECTS": check.result("objects"), "HOME_OF": "${HOME}", "RUN": Execution("id")},
        compute=Compute(instance_type="ml.r5d.large", instance_count=2, volume_gb=50),
        network=Network(isolation=True, encrypt_between_containers=True),
        retry=Retry(attempts=3, interval=timedelta(seconds=15), backoff=4),
        experiment=Experiment(experiment="e", trial="t"),
        raw={"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 70}}},
    )
    trained = train(
        channels={
            "train": Channel(source=first.output("train"), mode="FastFile", content_type="text/csv", shuffle_seed=3)
        },
        hyperparameters={"depth": 3, "rate": 0.1, "flag": True, "day": DAY},
        code=Code("folder", "main.py"),
        spot=Spot(max_wait=timedelta(hours=30)),
        timeout=timedelta(hours=20),
        job_retries=3,
    )
    judged = evaluate(arguments=("--job", trained.job_name))
    serving = Serving(code="inference.py", instance_types=("ml.m5.large",), environment={"A": "b"})
    when = between(judged.metric("auc"), 0.7, 0.9) & ~(trained.metric("validation:auc") < LEAST) | (
        judged.metric("f") > judged.metric("g")
    )
    chosen = gate(
        when=when,
        then=(Register(model=trained.model, metrics=judged, serving=serving, description="d"),),
        otherwise=(Fail(cause="no", error="Bad"),),
    )
    arn = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q"
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sqs:getQueueUrl",
        "Parameters": {"QueueName": "${q}"},
        "ResultPath": None,
    }
    raw = RawState(name="ask", state=state, permissions=(Permission(actions=("sqs:GetQueueUrl",), resources=(arn,)),))
    triggers = (
        Cron("0 3 * * ? *", inputs={"least": 0.5}),
        OnData("raw/", to="data", inputs={"least": 0.5}),
        OnAlarm("kpi", inputs={"least": 0.1}),
    )
    return pipeline(
        check, first, trained, judged, chosen, raw, inputs=(DAY, LEAST, DATA), triggers=triggers, tags={"team": "x"}
    )


def own_image() -> Any:
    own = train(
        name="own",
        image=Image("churn:1"),
        channels={"train": S3("prepared/")},
        warm_pool=timedelta(minutes=5),
        network=Network(vpc=False),
        metrics=(),
    )
    builtin = train(name="builtin", image=XGBoost("1.7-1"), code=None, channels={}, hyperparameters={}, metrics=())
    existing = LambdaTask(name="tell", function="existing", timeout=timedelta(seconds=30))
    return pipeline(own, builtin, existing, RawState(name="pause", state={"Type": "Wait", "Seconds": 5}))


def corners() -> Any:
    depth, flag = Input("depth", "Number", default=3), Input("flag", "Boolean", default=True)
    again = Retry(attempts=1, on=("Lambda.Unknown",))
    tell = LambdaTask(name="tell", function="existing", retry=again, payload={"flag": flag, "off": False})
    first = prepare(
        arguments=("ünïcode", DAY, "ünïcode", "two\nlines"), environment={"OFF": False, "ANSWER": tell.result("answer")}
    )
    judged = evaluate(inputs={}, arguments=("--after", first.job_name), metrics="report/sub/metrics.json")
    trained = train(channels={}, hyperparameters={"depth": depth, "off": False, "job": judged.job_name}, retry=Retry())
    branch = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
    inner = {"StartAt": "b", "States": {"b": {"Type": "Pass", "End": True}}}
    caught = [{"ErrorEquals": ["Mine"], "Next": "pause", "ResultPath": "$.raw.error"}]
    both = RawState(name="both", state={"Type": "Parallel", "Branches": [branch], "Catch": caught, "ResultPath": None})
    each = {"Type": "Map", "ItemsPath": "$.inputs.items", "ItemProcessor": inner, "ResultPath": None}
    pause = RawState(name="pause", state={"Type": "Wait", "Seconds": 5})
    shut = gate(name="shut", when=judged.metric("auc") > 0.5, then=(), otherwise=(Fail(name="low", cause="low"),))
    wide = gate(
        name="wide",
        when=judged.metric("auc") > 0.6,
        then=(Register(model=trained.model, metrics=judged),),
        otherwise=(),
    )
    steps = (tell, first, judged, trained, both, RawState(name="each", state=each), pause, shut, wide)
    return pipeline(*steps, inputs=(DAY, depth, flag))


def one_input() -> Any:
    return pipeline(prepare(arguments=(DAY,)), inputs=(DAY,))


CASES: dict[str, tuple[Any, Any]] = {
    "plain": (pipeline, account),
    "everything": (
        everything,
        lambda: account(network=NETWORK, permissions_boundary="arn:aws:iam::111111111111:policy/B"),
    ),
    "own image": (own_image, lambda: account(network=NETWORK)),
    "corners": (corners, account),
    "one input": (one_input, account),
    "no region": (pipeline, lambda: account(id=None, region=None)),
}


@pytest.fixture
def json_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("name", CASES)
def test_a_definition_is_written_like_this(name: str, json_snapshot: SnapshotAssertion) -> None:
    spec, where = CASES[name]
    result = compiled(spec(), where(), commit="a" * 40)
    assert {"definition": definition_of(result), "opened": opened_of(result)} == json_snapshot


@pytest.mark.parametrize("name", CASES)
def test_the_other_resources_are_written_like_this(name: str, json_snapshot: SnapshotAssertion) -> None:
    spec, where = CASES[name]
    result = compiled(spec(), where(), commit="a" * 40)
    rest = {key: dict(resource) for key, resource in result.resources.items()}
    rest["TrainingStateMachine"]["Properties"] = {
        key: value for key, value in rest["TrainingStateMachine"]["Properties"].items() if key != "DefinitionString"
    }
    reasons = [[item.resource, item.kind, item.subject, item.reason] for item in result.acknowledgements]
    assert {"resources": rest, "mappings": sorted(result.mappings), "accepted": reasons} == json_snapshot


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_compiled_is_proved(name: str) -> None:
    from constructs_ml.compiler.proofs import prove_template

    spec, where = CASES[name]
    assert prove_template(compiled(spec(), where()).resources) == ()


def test_everything_is_drawn_like_this(snapshot: SnapshotAssertion) -> None:
    assert mermaid(everything()) == snapshot


def test_a_pipeline_compiles_the_same_twice() -> None:
    assert compiled(everything()).resources == compiled(everything()).resources


def test_a_pipeline_that_is_too_long_for_one_machine_is_refused_with_the_way_out() -> None:
    long = tuple(prepare(name=f"step-{number}", arguments=("x" * 6000,)) for number in range(130))
    with pytest.raises(SpecError, match="SubPipeline") as refused:
        compiled(pipeline(*long))
    assert [fault.id for fault in refused.value.faults] == ["definition-size"]


def test_a_pipeline_in_which_nothing_can_fail_has_no_failure_path() -> None:
    machine = compiled(pipeline(Wait(seconds=60))).resources["TrainingStateMachine"]
    assert set(json.loads(machine["Properties"]["DefinitionString"]["Fn::Sub"])["States"]) == {"Inputs", "wait", "Done"}
