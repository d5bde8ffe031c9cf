"""A state machine waits for the jobs of five services, each run by a stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions import Functions
from constructs_ml.rehearsal.services import Services
from constructs_ml.rehearsal.stand_ins import StandIn
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.functions import deployed, role

KINDS = ("glue", "ecs", "athena", "databrew", "emr-serverless")


def chained(*tasks: tuple[str, dict[str, Any]]) -> str:
    """A definition of one task after the other; each result stands under its service's name."""
    states: dict[str, Any] = {}
    for number, (resource, parameters) in enumerate(tasks):
        place = f"$.{resource.partition(':')[0].replace('-', '')}"
        task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}
        following = {"Next": str(number + 1)} if number + 1 < len(tasks) else {"End": True}
        states[str(number)] = {**task, "ResultPath": place, **following}
    return json.dumps({"StartAt": "0", "States": states})


def definition(account: EmbeddedAccount) -> str:
    """The machine, and what its tasks start."""
    account.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": account.region})
    command = {"Name": "glueetl", "ScriptLocation": "s3://data/job.py"}
    account.client("glue").create_job(Name="extract", Role=role(account, "glue", "glue.amazonaws.com"), Command=command)
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="ml")
    ecs.register_task_definition(
        family="transform",
        networkMode="awsvpc",
        containerDefinitions=[{"name": "transform", "image": "public.ecr.aws/x/transform:1", "memory": 512}],
    )
    brew, emr = role(account, "brew", "databrew.amazonaws.com"), role(account, "emr", "emr-serverless.amazonaws.com")
    account.client("databrew").create_recipe_job(
        Name="clean", RoleArn=brew, DatasetName="orders", Outputs=[{"Location": {"Bucket": "data"}}]
    )
    application = account.client("emr-serverless").create_application(
        name="spark", releaseLabel="emr-7.0.0", type="SPARK", clientToken="a"
    )["applicationId"]
    deployed(account, "def handle(event, context): return event")
    network = {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}}
    task = {"LaunchType": "FARGATE", "Cluster": "ml", "TaskDefinition": "transform", "NetworkConfiguration": network}
    query = {"QueryString": "select 1", "ResultConfiguration": {"OutputLocation": "s3://data/results/"}}
    driver = {"SparkSubmit": {"EntryPoint": "s3://data/job.py"}}
    job = {"ApplicationId": application, "ClientToken": "1", "ExecutionRoleArn": emr, "JobDriver": driver}
    return chained(
        ("lambda:invoke", {"FunctionName": "work", "Payload": {"a": 1}}),
        ("glue:startJobRun.sync", {"JobName": "extract"}),
        ("ecs:runTask.sync", task),
        ("athena:startQueryExecution.sync", query),
        ("databrew:startJobRun.sync", {"Name": "clean"}),
        ("emr-serverless:startJobRun.sync", job),
    )


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["", "ecs", "emr-serverless"])
def test_a_machine_waits_for_each_job_and_ends_with_the_first_that_fails(
    account: EmbeddedAccount, tmp_path: Path, broken: str
) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("print('done')")
    bad.write_text("raise SystemExit('no space')")
    States(account)
    Functions(account)
    Services(account, [StandIn(f"{kind}:*", bad if kind == broken else good) for kind in KINDS])
    with account.running():
        client = account.client("stepfunctions")
        machine = {"name": "m", "roleArn": role(account, "machine", "states.amazonaws.com")}
        arn = client.create_state_machine(**machine, definition=definition(account))["stateMachineArn"]
        execution = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]

        def look() -> dict[str, Any]:
            return dict(client.describe_execution(executionArn=execution))

        assert account.clock.poll(lambda: look()["status"] != "RUNNING", 30)
        if broken:
            assert look()["status"] == "FAILED"
            assert "no space" in look()["cause"] or '"ExitCode":1' in look()["cause"]
            return
        found = json.loads(look()["output"])
        assert found["lambda"]["Payload"] == {"a": 1}
        assert (found["glue"]["JobRunState"], found["ecs"]["Containers"][0]["ExitCode"]) == ("SUCCEEDED", 0)
        assert found["athena"]["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
        assert (found["databrew"]["State"], found["emrserverless"]["State"]) == ("SUCCEEDED", "SUCCESS")
