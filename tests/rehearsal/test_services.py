"""The jobs of other services: real work, or a refusal by name."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.services import Services
from constructs_ml.rehearsal.stand_ins import StandIn
from tests.rehearsal.functions import lines, role

APPS = Path(__file__).parents[2] / "apps"
ORDERS = "day,quantity,amount,returned,email,address\n2026-11-20,2,9.5,0,a@b.c,x\n2026-11-21,1,,1,a@b.c,x\n"
Opened = Callable[..., Any]


@pytest.fixture
def opened(account: EmbeddedAccount, tmp_path: Path) -> Opened:
    """Opens the account with stand-ins, each a script's text or a file, and the bucket `data`."""

    @contextmanager
    def with_stand_ins(**scripts: str | Path) -> Iterator[EmbeddedAccount]:
        declared = []
        for kind, script in scripts.items():
            file = script if isinstance(script, Path) else tmp_path / f"{kind}.py"
            if isinstance(script, str):
                file.write_text(textwrap.dedent(script))
            declared.append(StandIn(f"{kind.replace('_', '-')}:*", file))
        Services(account, declared, Store(account))
        with account.running():
            place = {"LocationConstraint": account.region}
            account.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration=place)
            yield account

    return with_stand_ins


def put(account: EmbeddedAccount, key: str, text: str) -> None:
    account.client("s3").put_object(Bucket="data", Key=key, Body=text.encode())


def text_of(account: EmbeddedAccount, key: str) -> str:
    return str(account.client("s3").get_object(Bucket="data", Key=key)["Body"].read().decode())


def until(account: EmbeddedAccount, look: Callable[[], Any], *ends: str) -> Any:
    assert account.clock.poll(lambda: look() in ends, 20), look()
    return look()


def glue_job(account: EmbeddedAccount, script: str = "", kind: str = "pythonshell", **more: Any) -> Any:
    client = account.client("glue")
    put(account, "jobs/job.py", textwrap.dedent(script))
    command = {"Name": kind, "ScriptLocation": "s3://data/jobs/job.py"}
    given = {"Role": role(account, "glue", "glue.amazonaws.com"), "Command": command} | more
    client.create_job(Name="extract", **given)
    return client


def glue_run(account: EmbeddedAccount, client: Any, **given: Any) -> dict[str, Any]:
    id = client.start_job_run(JobName="extract", **given)["JobRunId"]

    def look() -> str:
        return str(client.get_job_run(JobName="extract", RunId=id)["JobRun"]["JobRunState"])

    until(account, look, "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")
    return dict(client.get_job_run(JobName="extract", RunId=id)["JobRun"])


SHELL = """
import sys, boto3, helper
from awsglue.utils import getResolvedOptions
given = getResolvedOptions(sys.argv, ["day", "to"])
boto3.client("s3").put_object(Bucket="data", Key=given["to"], Body=(helper.WORD + given["day"]).encode())
print("done", given["day"])
"""


def test_a_python_shell_job_runs_its_script_with_its_arguments_modules_and_role(opened: Opened) -> None:
    with opened() as account:
        seen: list[Any] = []
        account.gate.before.append(lambda call: seen.append((call.action, call.principal)))
        put(account, "jobs/helper.py", "WORD = 'day '")
        extra = {"--extra-py-files": "s3://data/jobs/helper.py", "--to": "nowhere"}
        client = glue_job(account, SHELL, DefaultArguments=extra)
        run = glue_run(account, client, Arguments={"--day": "2026-11-21", "--to": "out.txt"})
        assert run["JobRunState"] == "SUCCEEDED"
        assert run["Arguments"]["--to"] == "out.txt"
        assert "CompletedOn" in run
        assert text_of(account, "out.txt") == "day 2026-11-21"
        assert lines(account, "/aws-glue/python-jobs/output") == ["done 2026-11-21"]
        writer = next(who for action, who in seen if action == "s3:PutObject" and who.role)
        assert (writer.role.rpartition("/")[2], writer.service) == ("glue", "glue.amazonaws.com")
        assert client.get_job_runs(JobName="extract")["JobRuns"][0]["Id"] == run["Id"]


def test_a_script_that_fails_fails_the_run_with_its_last_words(opened: Opened) -> None:
    with opened() as account:
        run = glue_run(account, glue_job(account, SHELL.replace(", helper", "")), Arguments={"--day": "1"})
        assert run["JobRunState"] == "FAILED"
        assert "--to" in run["ErrorMessage"]
        assert account.journal.entries("job")[-1].detail["status"] == "FAILED"


def test_a_script_that_its_role_may_not_read_fails_the_run(opened: Opened) -> None:
    def refuse(call: Any) -> None:
        if call.action == "s3:GetObject" and call.principal.role:
            raise ServiceError("AccessDenied", "not authorized to perform: s3:GetObject")

    with opened() as account:
        account.gate.before.append(refuse)
        run = glue_run(account, glue_job(account, SHELL))
        assert run["JobRunState"] == "FAILED"
        assert "s3://data/jobs/job.py could not be read: not authorized" in run["ErrorMessage"]


def test_a_run_is_stopped_and_only_as_many_run_as_the_job_allows(opened: Opened) -> None:
    with opened() as account:
        client = glue_job(account, "import time; time.sleep(600)")
        id = client.start_job_run(JobName="extract")["JobRunId"]
        with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
            client.start_job_run(JobName="extract")
        answer = client.batch_stop_job_run(JobName="extract", JobRunIds=[id, "jr_unknown"])
        assert [item["JobRunId"] for item in answer["SuccessfulSubmissions"]] == [id]
        assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
        until(account, lambda: client.get_job_run(JobName="extract", RunId=id)["JobRun"]["JobRunState"], "STOPPED")
        assert not account.processes.running()
        with pytest.raises(ClientError, match="EntityNotFoundException"):
            client.start_job_run(JobName="nobody")
        with pytest.raises(ClientError, match="EntityNotFoundException"):
            client.get_job_run(JobName="extract", RunId="jr_unknown")


def test_a_run_beyond_its_time_is_ended(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    from constructs_ml.rehearsal.services import works

    monkeypatch.setattr(works.Task, "seconds", property(lambda _: 0.2, lambda *_: None))
    with opened() as account:
        run = glue_run(account, glue_job(account, "import time; time.sleep(600)"), Timeout=1)
        assert run["JobRunState"] == "TIMEOUT"


def test_a_spark_job_fails_and_says_what_to_declare(opened: Opened) -> None:
    with opened() as account:
        run = glue_run(account, glue_job(account, "x", kind="glueetl"))
        assert run["JobRunState"] == "FAILED"
        assert 'declare StandIn(of="glue:extract", script=...)' in run["ErrorMessage"]


def cluster(account: EmbeddedAccount) -> Any:
    client = account.client("ecs")
    client.create_cluster(clusterName="ml")
    return client


def defined(account: EmbeddedAccount, client: Any, **container: Any) -> None:
    log = {"awslogs-group": "/aws/ecs/transform", "awslogs-region": account.region, "awslogs-stream-prefix": "t"}
    image = f"{account.id}.dkr.ecr.{account.region}.amazonaws.com/transform:1.0"
    given = {"name": "transform", "image": image, "environment": [{"name": "LOG_LEVEL", "value": "info"}]}
    given |= {"logConfiguration": {"logDriver": "awslogs", "options": log}}
    account.client("logs").create_log_group(logGroupName="/aws/ecs/transform")
    client.register_task_definition(
        family="transform",
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        requiresCompatibilities=["FARGATE"],
        taskRoleArn=role(account, "task", "ecs-tasks.amazonaws.com"),
        executionRoleArn=role(account, "start", "ecs-tasks.amazonaws.com"),
        containerDefinitions=[given | container],
    )


def fargate(client: Any, **changed: Any) -> dict[str, Any]:
    overrides = {"containerOverrides": [{"name": "transform", **changed}]} if changed else {}
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
    answer = client.run_task(
        cluster="ml",
        taskDefinition="transform",
        launchType="FARGATE",
        overrides=overrides,
        networkConfiguration=network,
        startedBy="test",
    )
    return dict(answer["tasks"][0])


def stopped(account: EmbeddedAccount, client: Any, task: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        return dict(client.describe_tasks(cluster="ml", tasks=[task["taskArn"]])["tasks"][0])

    until(account, lambda: look()["lastStatus"], "STOPPED")
    return look()


@pytest.mark.slow
def test_known_cases_extract_and_transform_run_on_orders(opened: Opened) -> None:
    transform = APPS / "known_case/containers/transform/transform.py"
    with opened(glue=APPS / "known_case/stand_ins/extract.py", ecs=transform) as account:
        put(account, "raw/2026-11-21/orders.csv", ORDERS)
        arguments = {"--from": "s3://data/raw/2026-11-21", "--to": "s3://data/extracted/run"}
        run = glue_run(account, glue_job(account, kind="glueetl"), Arguments=arguments)
        assert run["JobRunState"] == "SUCCEEDED", run
        client = cluster(account)
        defined(account, client)
        variables = {"FROM": "s3://data/extracted/run", "TO": "s3://data/transformed/run"}
        task = fargate(client, environment=[{"name": key, "value": value} for key, value in variables.items()])
        assert task["lastStatus"] == "PROVISIONING"
        ended = stopped(account, client, task)
        assert (ended["stopCode"], ended["stoppedReason"]) == (
            "EssentialContainerExited",
            "Essential container in task exited",
        )
        assert ended["containers"][0]["exitCode"] == 0
        wanted = "quantity,amount,weekday,returned\n2,9.5,4,0\n"
        assert text_of(account, "transformed/run/part-0.csv").startswith(wanted)
        assert [entry.name for entry in account.journal.entries("stand-in")] == ["extract", "transform"]


TASK = """
import os, sys, time
print(os.environ["LOG_LEVEL"], *sys.argv[1:])
if "sleep" in sys.argv: time.sleep(600)
sys.exit(3)
"""


def test_a_task_gets_its_command_logs_to_its_group_and_shows_its_exit_code(opened: Opened) -> None:
    told: list[Any] = []
    with opened(ecs=TASK) as account:
        account.buses.append(told.append)
        client = cluster(account)
        defined(account, client, command=["python", "/transform.py", "--day", "1"])
        first, second = fargate(client), fargate(client, command=["--day", "2"])
        assert stopped(account, client, first)["containers"][0]["exitCode"] == 3
        stopped(account, client, second)
        assert sorted(lines(account, "/aws/ecs/transform")) == ["info --day 1", "info --day 2"]
        assert {event["detail"]["lastStatus"] for event in told} >= {"PENDING", "RUNNING", "STOPPED"}
        assert json.dumps(told)


def test_a_task_is_stopped(opened: Opened) -> None:
    with opened(ecs=TASK) as account:
        client = cluster(account)
        defined(account, client)
        task = fargate(client, command=["sleep"])
        assert client.list_tasks(cluster="ml", family="transform")["taskArns"] == [task["taskArn"]]
        client.stop_task(cluster="ml", task=task["taskArn"], reason="enough")
        ended = stopped(account, client, task)
        assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "enough")
        assert client.describe_tasks(cluster="ml", tasks=["x"])["failures"][0]["reason"] == "MISSING"


def test_a_task_without_a_stand_in_a_cluster_or_a_definition_is_refused(opened: Opened) -> None:
    with opened() as account:
        client = account.client("ecs")
        with pytest.raises(ClientError, match="ClusterNotFoundException"):
            fargate(client)
        cluster(account)
        with pytest.raises(ClientError, match=r"Unable to (find|describe) task definition"):
            fargate(client)
        defined(account, client)
        with pytest.raises(ClientError, match=r'declare StandIn\(of="ecs:transform", script=...\)'):
            fargate(client)


def test_a_task_whose_execution_role_may_not_pull_does_not_start(opened: Opened) -> None:
    def refuse(principal: Any, action: str, resource: str, context: object) -> None:
        if action == "ecr:BatchGetImage" and principal.role.endswith("/start"):
            raise ServiceError("AccessDeniedException", f"not authorized to perform: {action} on {resource}")

    with opened(ecs=TASK) as account:
        account.authorities.append(refuse)
        client = cluster(account)
        defined(account, client)
        ended = stopped(account, client, fargate(client))
        assert ended["stopCode"] == "TaskFailedToStart"
        assert (
            "ecr:BatchGetImage on arn:aws:ecr:eu-central-1:111111111111:repository/transform" in ended["stoppedReason"]
        )


QUERY = """
import json, os, boto3
request = json.load(open(os.environ["REHEARSAL_REQUEST"]))
assert request["QueryString"] == "select 1", request["QueryString"]
bucket, _, key = request["OutputLocation"].removeprefix("s3://").partition("/")
boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"n,word\\n1,one\\n")
"""


def test_a_query_is_answered_by_its_stand_in(opened: Opened) -> None:
    with opened(athena=QUERY) as account:
        client = account.client("athena")
        place = {"OutputLocation": "s3://data/results/"}
        client.create_work_group(Name="ml")

        def ask(text: str) -> dict[str, Any]:
            given = {"QueryString": text, "WorkGroup": "ml", "ResultConfiguration": place}
            id = client.start_query_execution(**given)["QueryExecutionId"]

            def look() -> dict[str, Any]:
                return dict(client.get_query_execution(QueryExecutionId=id)["QueryExecution"])

            until(account, lambda: look()["Status"]["State"], "SUCCEEDED", "FAILED")
            return look()

        good, bad = ask("select 1"), ask("select 2")
        assert good["ResultConfiguration"]["OutputLocation"] == f"s3://data/results/{good['QueryExecutionId']}.csv"
        rows = client.get_query_results(QueryExecutionId=good["QueryExecutionId"])["ResultSet"]["Rows"]
        assert [[cell["VarCharValue"] for cell in row["Data"]] for row in rows] == [["n", "word"], ["1", "one"]]
        assert bad["Status"]["State"] == "FAILED"
        assert "AssertionError: select 2" in bad["Status"]["StateChangeReason"]
        with pytest.raises(ClientError, match="did not finish successfully"):
            client.get_query_results(QueryExecutionId=bad["QueryExecutionId"])


@pytest.mark.parametrize(("answer", "why"), [("not json", "is not JSON"), ("[1]", "is a list, no JSON object")])
def test_an_answer_that_cannot_be_read_fails_the_query(opened: Opened, answer: str, why: str) -> None:
    with opened(athena=f"import os; open(os.environ['REHEARSAL_ANSWER'], 'w').write({answer!r})") as account:
        client = account.client("athena")
        place = {"OutputLocation": "s3://data/results/"}
        id = client.start_query_execution(QueryString="select 1", ResultConfiguration=place)["QueryExecutionId"]

        def look() -> dict[str, Any]:
            return dict(client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"])

        until(account, lambda: look()["State"], "SUCCEEDED", "FAILED")
        assert look()["State"] == "FAILED"
        assert f"REHEARSAL_ANSWER {why}" in look()["StateChangeReason"]


def test_a_query_without_a_stand_in_or_a_place_is_refused(opened: Opened) -> None:
    with opened() as account:
        client = account.client("athena")
        with pytest.raises(ClientError, match="No output location provided"):
            client.start_query_execution(QueryString="select 1")
        with pytest.raises(ClientError, match=r'StandIn\(of="athena:primary"'):
            client.start_query_execution(
                QueryString="select 1", ResultConfiguration={"OutputLocation": "s3://data/results/"}
            )


FAILS_AT_TWO = """
import os, sys, json
request = json.load(open(os.environ["REHEARSAL_REQUEST"]))
print(sys.argv[1:], request.get("jobRunId") or request["Name"])
sys.exit("--fail" in sys.argv)
"""


def test_a_databrew_job_runs_by_its_stand_in(opened: Opened) -> None:
    with opened(databrew=FAILS_AT_TWO) as account:
        client = account.client("databrew")
        client.create_recipe_job(
            Name="clean",
            RoleArn=role(account, "brew", "databrew.amazonaws.com"),
            DatasetName="orders",
            Outputs=[{"Location": {"Bucket": "data"}}],
        )
        id = client.start_job_run(Name="clean")["RunId"]
        until(account, lambda: client.describe_job_run(Name="clean", RunId=id)["State"], "SUCCEEDED")
        assert client.list_job_runs(Name="clean")["JobRuns"][0]["RunId"] == id
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.start_job_run(Name="nobody")


def test_an_emr_serverless_job_runs_by_its_stand_in_once_for_a_token(opened: Opened) -> None:
    with opened(emr_serverless=FAILS_AT_TWO) as account:
        client = account.client("emr-serverless")
        application = client.create_application(name="spark", releaseLabel="emr-7.0.0", type="SPARK", clientToken="a")
        id = application["applicationId"]

        def start(token: str, *arguments: str) -> str:
            driver = {"sparkSubmit": {"entryPoint": "s3://data/job.py", "entryPointArguments": list(arguments)}}
            given = {"applicationId": id, "clientToken": token, "jobDriver": driver}
            arn = account.client("iam").get_role(RoleName="emr")["Role"]["Arn"]
            return str(client.start_job_run(executionRoleArn=arn, **given)["jobRunId"])

        role(account, "emr", "emr-serverless.amazonaws.com")
        good, again, bad = start("1", "--day"), start("1", "--day"), start("2", "--fail")
        assert good == again

        def state(run: str) -> str:
            return str(client.get_job_run(applicationId=id, jobRunId=run)["jobRun"]["state"])

        until(account, lambda: state(good), "SUCCESS")
        until(account, lambda: state(bad), "FAILED")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            state("unknown")


COMPILE = """
import json, os, boto3
request = json.load(open(os.environ["REHEARSAL_REQUEST"]))
bucket, _, key = request["ModelLocation"].removeprefix("s3://").partition("/")
if request["InputConfig"]["Framework"] == "PYTORCH":
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"compiled")
"""


def test_a_compilation_gives_what_its_stand_in_wrote(opened: Opened) -> None:
    with opened(compilation=COMPILE) as account:
        client, arn = account.client("sagemaker"), role(account, "neo", "sagemaker.amazonaws.com")

        def compiled(name: str, framework: str) -> dict[str, Any]:
            client.create_compilation_job(
                CompilationJobName=name,
                RoleArn=arn,
                InputConfig={"S3Uri": "s3://data/model.tar.gz", "Framework": framework, "DataInputConfig": "{}"},
                OutputConfig={"S3OutputLocation": "s3://data/compiled/", "TargetDevice": "ml_c5"},
                StoppingCondition={"MaxRuntimeInSeconds": 900},
            )

            def look() -> dict[str, Any]:
                return dict(client.describe_compilation_job(CompilationJobName=name))

            until(account, lambda: look()["CompilationJobStatus"], "COMPLETED", "FAILED")
            return look()

        bad = compiled("two", "XGBOOST")
        assert "wrote nothing to s3://data/compiled/model-ml_c5.tar.gz" in bad["FailureReason"]
        good = compiled("one", "PYTORCH")
        assert text_of(account, good["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")) == "compiled"
        with pytest.raises(ClientError, match="cannot be stopped"):
            client.stop_compilation_job(CompilationJobName="one")


SEARCH = """
import json, os
answer = {"BestCandidate": {"CandidateName": "best"}} if "tabular" in os.environ["REHEARSAL_REQUEST"] else {}
request = json.load(open(os.environ["REHEARSAL_REQUEST"]))
if request["AutoMLJobName"] == "good":
    json.dump({"BestCandidate": {"CandidateName": "best"}}, open(os.environ["REHEARSAL_ANSWER"], "w"))
"""


def search(account: EmbeddedAccount, name: str) -> dict[str, Any]:
    client = account.client("sagemaker")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train/"}}
    client.create_auto_ml_job_v2(
        AutoMLJobName=name,
        AutoMLJobInputDataConfig=[{"ChannelType": "training", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://data/out/"},
        AutoMLProblemTypeConfig={"TabularJobConfig": {"TargetAttributeName": "y"}},
        RoleArn=role(account, f"auto-{name}", "sagemaker.amazonaws.com"),
    )

    def look() -> dict[str, Any]:
        return dict(client.describe_auto_ml_job_v2(AutoMLJobName=name))

    until(account, lambda: look()["AutoMLJobStatus"], "Completed", "Failed")
    return look()


def test_automl_gives_the_candidate_that_its_stand_in_found(opened: Opened) -> None:
    with opened(automl=SEARCH) as account:
        assert search(account, "good")["BestCandidate"]["CandidateName"] == "best"
        bad = search(account, "bad")
        assert bad["AutoMLJobStatus"] == "Failed"
        assert "REHEARSAL_ANSWER" in bad["FailureReason"]


def test_what_only_aws_can_run_is_refused_by_name(opened: Opened) -> None:
    with opened() as account:
        with pytest.raises(ClientError, match=r'StandIn\(of="automl:x"'):
            search(account, "x")
        assert not account.client("sagemaker").list_auto_ml_jobs()["AutoMLJobSummaries"]
        with pytest.raises(ClientError, match="does not have batch:SubmitJob"):
            account.client("batch").submit_job(jobName="a", jobQueue="q", jobDefinition="d")
        with pytest.raises(ClientError, match="does not have glue:StartCrawler"):
            account.client("glue").start_crawler(Name="x")


def test_options_of_a_job_are_found_by_name_and_missed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from constructs_ml.rehearsal.services.path.awsglue.utils import GlueArgumentError, getResolvedOptions

    given = ["job.py", "--day", "1", "--other", "2", "--day-before", "0"]
    assert getResolvedOptions(given, ["day"]) == {"day": "1"}
    with pytest.raises(GlueArgumentError, match="--to"):
        getResolvedOptions(given, ["day", "to"])
