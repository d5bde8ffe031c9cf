"""FargateTask steps: the run, the network, and the task definition that a pipeline brings along."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import (
    S3,
    AccountError,
    Container,
    Execution,
    FargateTask,
    Image,
    Input,
    LambdaTask,
    Network,
    Permission,
    SpecError,
    TaskDefinition,
    compile_pipeline,
)
from constructs_ml.compiler.infrastructure import of_platform
from tests.services import NETWORK, allowed, broken, made, ran, spec, state, throttled, unproved
from tests.support import account, prepare, statements_of, train

LINT = str(Path(sys.executable).parent / "cfn-lint")
DAY = Input("day", default="1997-09-30")
IMAGE = Image("transform:1.2")
KNOWN = TaskDefinition(family="transform", container="main", roles=("transform-task", "team/transform-start"))
FINISHED = {"TaskArn": "arn:aws:ecs:::task/ml/1", "Containers": [{"ExitCode": 0}]}


def transform(**changes: Any) -> FargateTask:
    return FargateTask(**{"name": "transform", "task": Container(image=IMAGE), **changes})


def test_a_task_runs_in_the_accounts_subnets_with_its_own_environment_and_command() -> None:
    step = transform(
        task=KNOWN, environment={"DAY": DAY, "ROWS": 10, "TO": S3("clean/") / DAY}, command=("run", "--day", DAY)
    )
    ended, services = ran(step, inputs=(DAY,), given={"day": "2026-11-21"})
    assert ended.status == "SUCCEEDED"
    assert services.calls[0].service == "ecs:runTask.sync"
    assert services.of("transform") == [
        {
            "LaunchType": "FARGATE",
            "Cluster": "ml",
            "TaskDefinition": "transform",
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "Subnets": ["subnet1", "subnet2"],
                    "SecurityGroups": ["securitygroup1"],
                    "AssignPublicIp": "DISABLED",
                }
            },
            "Overrides": {
                "ContainerOverrides": [
                    {
                        "Name": "main",
                        "Command": ["run", "--day", "2026-11-21"],
                        "Environment": [
                            {"Name": "DAY", "Value": "2026-11-21"},
                            {"Name": "ROWS", "Value": "10"},
                            {"Name": "TO", "Value": "s3://databucket/clean/2026-11-21"},
                        ],
                    }
                ]
            },
        }
    ]


def test_a_step_may_have_subnets_of_its_own_even_in_an_account_without() -> None:
    own = Network(subnets=("subnet-0000aaaa",), security_groups=("sg-0000aaaa",))
    network = state("transform", transform(network=own, public_ip=True), where=account())["Parameters"]
    assert network["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["subnet-0000aaaa"],
        "SecurityGroups": ["sg-0000aaaa"],
        "AssignPublicIp": "ENABLED",
    }


def test_jobs_of_sagemaker_run_in_given_subnets_too() -> None:
    own = Network(subnets=("subnet-0000aaaa",), security_groups=("sg-0000aaaa",))
    result = made(prepare(network=own), where=account())
    assert allowed(result, "ec2", "TrainingProcessingRole")
    assert "subnet-0000aaaa" in json.dumps(result.resources["TrainingStateMachine"])


def test_an_account_without_subnets_cannot_carry_it() -> None:
    with pytest.raises(AccountError, match="network"):
        made(transform(), where=account())


def test_a_throttled_start_is_made_again_and_its_result_used() -> None:
    step = transform()
    tell = LambdaTask(name="tell", function="tell", payload={"task": step.result("TaskArn")})
    answers = {"transform": throttled("ECS.ThrottlingException", FINISHED), "tell": {"Payload": {}}}
    ended, services = ran(step, tell, answers=answers)
    assert ended.status == "SUCCEEDED"
    assert len(services.of("transform")) == 3
    assert services.of("tell")[0]["Payload"] == {"task": "arn:aws:ecs:::task/ml/1"}


def test_a_container_that_fails_reaches_the_notified_failure_path() -> None:
    ended, _ = ran(transform(), answers={"transform": broken()})
    assert ended.states[-3:] == ("transform", "Notify failure", "Failed")


def test_a_known_definition_needs_its_newest_revision_and_its_roles_by_name() -> None:
    result = made(transform(task=KNOWN))
    assert allowed(result, "ecs") == {
        "task-definition/transform:*": ["RunTask"],
        "task/ml/*": ["DescribeTasks", "StopTask"],
    }
    passed = [item for item in statements_of(result, "TrainingStatesRole") if item["Action"] == "iam:PassRole"]
    assert [item["Resource"] for item in passed] == [
        [
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/transform-task"},
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/team/transform-start"},
        ]
    ]
    assert passed[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_one_revision_is_run_where_one_is_named() -> None:
    known = TaskDefinition(family="transform:3", container="main", roles=())
    assert "task-definition/transform:3" in allowed(made(transform(task=known)), "ecs")


def test_a_container_comes_with_its_definition_log_and_roles() -> None:
    container = Container(
        image=IMAGE,
        cpu=512,
        memory_mb=3072,
        storage_gb=50,
        architecture="ARM64",
        reads=(S3("raw/"), prepare().output("train")),
        writes=(S3("clean/"),),
        permissions=(
            Permission(actions=("sqs:SendMessage",), resources=("arn:${AWS::Partition}:sqs:eu-central-1:1:q",)),
        ),
    )
    found = made(prepare(), transform(task=container)).resources
    definition = found["TrainingTransformTask"]["Properties"]
    assert definition["Family"] == "dev-churn-training-transform"
    assert (definition["Cpu"], definition["Memory"]) == ("512", "3072")
    assert definition["EphemeralStorage"] == {"SizeInGiB": 50}
    assert definition["RuntimePlatform"] == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
    own = definition["ContainerDefinitions"][0]
    assert own["Name"] == "transform"
    assert own["Image"] == {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/transform:1.2"}
    assert own["LogConfiguration"]["Options"]["awslogs-group"] == {"Ref": "TrainingTransformTaskLog"}
    assert definition["ExecutionRoleArn"] == {"Fn::GetAtt": ["TrainingTransformExecutionRole", "Arn"]}
    assert definition["TaskRoleArn"] == {"Fn::GetAtt": ["TrainingTransformTaskRole", "Arn"]}


def test_each_of_its_roles_may_do_what_it_is_for() -> None:
    container = Container(image=IMAGE, reads=(S3("raw/"),), writes=(S3("clean/"),))
    result = made(transform(task=container))
    start, task = "TrainingTransformExecutionRole", "TrainingTransformTaskRole"
    assert allowed(result, "ecr", start) == {
        "repository/transform": ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"],
        "*": ["GetAuthorizationToken"],
    }
    assert allowed(result, "logs", start) == {"TrainingTransformTaskLog.Arn": ["CreateLogStream", "PutLogEvents"]}
    assert allowed(result, "s3", start) == {}
    text = json.dumps(statements_of(result, task))
    assert all(place in text for place in ("/raw/*", "/clean/*"))
    assert not any(service in text for service in ("ecr:", "logs:"))
    for role in (start, task):
        trust = result.resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_pipeline_may_run_the_definition_and_pass_its_two_roles_alone() -> None:
    result = made(transform())
    assert allowed(result, "ecs") == {"TrainingTransformTask": ["RunTask"], "task/ml/*": ["DescribeTasks", "StopTask"]}
    passed = [item for item in statements_of(result, "TrainingStatesRole") if item["Action"] == "iam:PassRole"]
    roles = ("TrainingTransformExecutionRole", "TrainingTransformTaskRole")
    assert passed[0]["Resource"] == [{"Fn::GetAtt": [role, "Arn"]} for role in roles]


def test_a_role_that_nothing_is_granted_to_stands_without_a_policy() -> None:
    assert "Policies" not in made(transform()).resources["TrainingTransformTaskRole"]["Properties"]


@pytest.mark.parametrize("task", [KNOWN, Container(image=IMAGE, reads=(S3("raw/"),))])
@pytest.mark.parametrize("cluster", ["ml", Input("cluster", default="ml")])
def test_the_pipeline_is_proved(task: TaskDefinition | Container, cluster: str | Input) -> None:
    inputs = (cluster,) if isinstance(cluster, Input) else ()
    assert unproved(transform(task=task, cluster=cluster), inputs=inputs) == ()


@pytest.mark.slow
def test_cfn_lint_finds_no_error(tmp_path: Path) -> None:
    found = made(transform(task=Container(image=IMAGE, cpu=2048, memory_mb=16_384, storage_gb=21))).resources
    (tmp_path / "t.json").write_text(json.dumps({"Resources": found}))
    done = subprocess.run([LINT, "-t", str(tmp_path / "t.json")], capture_output=True, text=True)
    assert "E" not in {line[:1] for line in done.stdout.splitlines()}, done.stdout


@pytest.mark.parametrize(
    ("cpu", "memory_mb"), [(256, 512), (512, 4096), (1024, 8192), (4096, 30_720), (8192, 61_440), (16_384, 122_880)]
)
def test_sizes_that_fargate_offers_are_taken(cpu: int, memory_mb: int) -> None:
    assert Container(image=IMAGE, cpu=cpu, memory_mb=memory_mb)


@pytest.mark.parametrize(("cpu", "memory_mb"), [(256, 4096), (300, 512), (512, 1500), (8192, 17_408), (16_384, 16_384)])
def test_sizes_that_it_does_not_are_refused(cpu: int, memory_mb: int) -> None:
    with pytest.raises(SpecError, match="no task of this size"):
        Container(image=IMAGE, cpu=cpu, memory_mb=memory_mb)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "transform"}, "task is not what it must be"),
        ({"cluster": "a/b"}, "not the name of something"),
        ({"command": "run"}, "command is not what it must be"),
        ({"environment": {"1A": "x"}}, "environment"),
        ({"network": Network(vpc=False)}, "has no such network"),
        ({"network": Network(isolation=True)}, "has no such network"),
        ({"network": Network(encrypt_between_containers=True)}, "has no such network"),
    ],
)
def test_what_ecs_would_refuse_is_refused_when_the_step_is_built(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        transform(**changes)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Container(image="transform:1.2"),  # type: ignore[arg-type]
        lambda: Container(image=IMAGE, storage_gb=20),
        lambda: Container(image=IMAGE, architecture="x86"),  # type: ignore[arg-type]
        lambda: Container(image=IMAGE, writes=(prepare().output("train"),)),  # type: ignore[arg-type]
        lambda: TaskDefinition(family="a b", container="main", roles=()),
        lambda: TaskDefinition(family="a", container="main", roles=("arn:aws:iam::1:role/x",)),
        lambda: Network(subnets=("subnet-1",)),
        lambda: Network(subnets=("subnet-1",), security_groups=("sg-1",), vpc=False),
        lambda: Network(subnets=("${Subnet}",), security_groups=("sg-1",)),
    ],
)
def test_parts_that_cannot_be_are_refused(build: Any) -> None:
    with pytest.raises(SpecError):
        build()


def test_what_it_made_is_read_by_training_from_the_place_that_both_name() -> None:
    clean = S3("clean/") / Execution("name")
    step = transform(task=Container(image=IMAGE, writes=(S3("clean/"),)), environment={"TO": clean})
    _, services = ran(step, train(channels={"train": clean}))
    told = services.of("transform")[0]["Overrides"]["ContainerOverrides"][0]["Environment"]
    channel = services.of("train")[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert told == [{"Name": "TO", "Value": channel}]
    assert channel == "s3://databucket/clean/run-1"


def test_what_it_reads_must_have_been_made_before() -> None:
    container = Container(image=IMAGE, reads=(prepare().output("train"),))
    with pytest.raises(SpecError, match="'prepare'"):
        made(transform(task=container))
    with pytest.raises(SpecError, match="used before it ran"):
        made(transform(task=container), prepare())


def test_a_key_of_the_data_bucket_is_used_beside_the_platforms() -> None:
    infrastructure = dataclasses.replace(of_platform(account(network=NETWORK)), data_key_arn="arn:aws:kms:x:1:key/2")
    step = transform(task=Container(image=IMAGE, reads=(S3("raw/"),)))
    result = compile_pipeline(spec(step), account(network=NETWORK), prefix="Training", infrastructure=infrastructure)
    granted = [item for item in statements_of(result, "TrainingTransformTaskRole") if item["Action"] == "kms:Decrypt"]
    assert [len(item["Resource"]) for item in granted] == [2]
