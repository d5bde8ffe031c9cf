"""Deployed functions run: with their package, environment, role and context, warm after the first call."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from constructs_ml.compiler.functions import function_asset
from constructs_ml.contract.settings import LogRetentionSettings
from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.functions import Functions
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.stand_ins import StandIn
from tests.rehearsal.functions import called, deployed, lines, packed, role

APPS = Path(__file__).parents[2] / "apps"
ECHO = """
def handle(event, context):
    print("seen", event)
    return {"seen": event}
"""


@pytest.fixture
def running(account: EmbeddedAccount) -> Iterator[EmbeddedAccount]:
    Functions(account)
    with account.running():
        yield account


def test_an_event_goes_in_and_an_answer_comes_out(running: EmbeddedAccount) -> None:
    client = deployed(running, ECHO)
    assert called(client, {"a": [1, "é"]}) == ({"seen": {"a": [1, "é"]}}, "")
    entry = running.journal.entries("function")[-1]
    assert (entry.name, entry.detail["cold"], entry.detail["trigger"]) == ("work", True, "a person")


def test_a_second_call_finds_the_process_warm_and_an_update_ends_it(running: EmbeddedAccount) -> None:
    source = (
        "import os\ncount = 0\ndef handle(e, c):\n    global count\n    count += 1\n    return [os.getpid(), count]"
    )
    client = deployed(running, source)
    (first, one), (second, two) = called(client)[0], called(client)[0]
    assert (first, one, two) == (second, 1, 2)
    client.update_function_code(FunctionName="work", ZipFile=packed(ECHO))
    assert called(client, {"b": 1})[0] == {"seen": {"b": 1}}
    assert [process.name for process in running.processes.running()] == ["work"]
    client.update_function_configuration(FunctionName="work", Environment={"Variables": {"X": "1"}})
    called(client)
    assert len(running.processes.running()) == 1


def test_the_environment_is_the_declared_one_and_lambdas_own(
    running: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "x")
    client = deployed(
        running,
        "import os\ndef handle(e, c): return dict(os.environ)",
        Environment={"Variables": {"TABLE": "orders", "AWS_ENDPOINT_URL": "https://elsewhere"}},
        MemorySize=256,
    )
    found, _ = called(client)
    assert found["TABLE"] == "orders"
    assert found["AWS_ENDPOINT_URL"] == running.endpoint
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "work"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert found["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/work"
    assert found["_HANDLER"] == "handler.handle"
    assert found["AWS_REGION"] == running.region
    assert "SECRET_OF_THE_SHELL" not in found
    assert "REHEARSAL_RUNTIME" not in found


def test_a_handler_is_given_a_context(running: EmbeddedAccount) -> None:
    client = deployed(
        running,
        """
        def handle(event, context):
            return [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,
                    context.function_version, context.client_context.custom["who"], len(context.aws_request_id),
                    0 < context.get_remaining_time_in_millis() <= 10000, context.log_group_name]
        """,
    )
    version = client.publish_version(FunctionName="work")["Version"]
    client.create_alias(FunctionName="work", Name="live", FunctionVersion=version)
    custom = base64.b64encode(json.dumps({"custom": {"who": "me"}}).encode()).decode()
    found, _ = called(client, Qualifier="live", ClientContext=custom)
    arn = running.arn("lambda", "function:work:live")
    assert found == ["work", "128", arn, "1", "me", 36, True, "/aws/lambda/work"]


def test_a_function_calls_services_with_the_keys_of_its_role(running: EmbeddedAccount) -> None:
    seen = []
    running.gate.before.append(lambda call: seen.append((call.action, call.principal)))
    running.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": running.region})
    running.client("s3").put_object(Bucket="data", Key="raw/a.csv", Body=b"1")
    client = deployed(running, APPS / "churn/functions/freshness", name="freshness")
    assert called(client, {"data": "s3://data/raw/"}, name="freshness") == ({"objects": 1, "bytes": 1}, "")
    principal = next(who for action, who in seen if action == "s3:ListObjectsV2" and who.role)
    assert principal.role.endswith("role/freshness-role")
    assert (principal.service, principal.session) == ("lambda.amazonaws.com", "freshness")


@pytest.mark.slow
def test_the_functions_of_the_apps_run(running: EmbeddedAccount) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": running.region})
    for key in ("raw/2026-11-20/o.csv", "raw/2026-11-21/o.csv"):
        s3.put_object(Bucket="data", Key=key, Body=b"1")
    client = deployed(running, APPS / "known_case/functions/prepare", name="prepare")
    assert called(client, {"data": "s3://data/raw/"}, name="prepare") == ({"day": "2026-11-21"}, "")
    wanted = {"data": "s3://data/raw/", "manifest": "s3://data/m.json", "champion": "", "since": ""}
    deployed(
        running,
        APPS / "increment/functions/arrived",
        name="arrived",
        Environment={"Variables": {"SETTLE_SECONDS": "-5"}},
    )
    assert called(client, wanted, name="arrived")[0]["count"] == 2
    assert len(json.loads(s3.get_object(Bucket="data", Key="m.json")["Body"].read())) == 3


def test_known_cases_deployment_function_makes_an_endpoint(account: EmbeddedAccount) -> None:
    Store(account)
    Functions(account)
    with account.running():
        sagemaker, arn = account.client("sagemaker"), role(account, "known-case-serving", "sagemaker.amazonaws.com")
        image = f"763104351884.dkr.ecr.{account.region}.amazonaws.com/pytorch-training:2.3-cpu-py311"
        sagemaker.create_training_job(
            TrainingJobName="job-1",
            RoleArn=arn,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://data/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        settings = {"ENDPOINT": "known-case", "ROLE": "known-case-serving", "INSTANCE_TYPE": "ml.m5.large"}
        variables = {"Environment": {"Variables": settings}, "Timeout": 30}
        client = deployed(account, APPS / "known_case/functions/deploy", name="deploy", **variables)
        event = {"job": "job-1", "model": "s3://data/out/model.tar.gz"}
        wanted = {"endpoint": "known-case", "model": "job-1"}
        assert called(client, event, name="deploy") == (wanted, "")
        assert sagemaker.describe_endpoint(EndpointName="known-case")["EndpointConfigName"] == "job-1"


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("def handle(e, c): raise ValueError('no data')", "ValueError", "no data"),
        ("import pandas", "Runtime.ImportModuleError", "Unable to import module 'handler': No module named 'pandas'"),
        ("def other(e, c): pass", "Runtime.HandlerNotFound", "Handler 'handle' missing on module 'handler'"),
        ("def handle(e, c) return 1", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("raise KeyError('X')", "KeyError", "'X'"),
        ("def handle(e, c): return {1, 2}", "Runtime.MarshalError", "Unable to marshal response: Object of type set"),
        ("import os\ndef handle(e, c): os._exit(3)", "Runtime.ExitError", "exited with error: exit status 3"),
        ("import sys\ndef handle(e, c): sys.exit(0)", "Runtime.ExitError", "exited without providing a reason"),
    ],
)
def test_what_goes_wrong_in_a_function_is_told_as_lambda_tells_it(
    running: EmbeddedAccount, source: str, kind: str, message: str
) -> None:
    client = deployed(running, source)
    for _ in range(2):  # after an error as before
        found, error = called(client)
        assert (found["errorType"], error) == (kind, "Unhandled")
        assert message in found["errorMessage"]
    assert running.journal.entries("function")[-1].detail["error"] == kind


def test_an_exception_carries_its_trace_and_the_process_lives_on(running: EmbeddedAccount) -> None:
    client = deployed(running, "def handle(e, c):\n    return 1 / e['by']")
    found, _ = called(client, {"by": 0})
    assert found["errorType"] == "ZeroDivisionError"
    assert len(found["requestId"]) == 36
    assert "handler.py" in found["stackTrace"][0]
    assert called(client, {"by": 2}) == (0.5, "")
    assert running.journal.entries("function")[-1].detail["cold"] is False


def test_a_function_that_takes_too_long_is_ended(running: EmbeddedAccount) -> None:
    client = deployed(running, "import time\ndef handle(e, c): time.sleep(e['s'])\n", Timeout=1)
    found, error = called(client, {"s": 60})
    assert (error, found["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert found["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert not running.processes.running()
    assert called(client, {"s": 0}) == (None, "")


def test_logs_stand_between_start_and_end_and_in_the_tail(running: EmbeddedAccount) -> None:
    source = """
    import logging
    logging.getLogger().setLevel("INFO")
    def handle(event, context):
        print("no end of line", end="")
        logging.info("logged")
        print("last", end="")
    """
    client = deployed(running, source)
    answer = client.invoke(FunctionName="work", LogType="Tail")
    assert "LogResult" not in client.invoke(FunctionName="work")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    found = lines(running)
    assert tail == found[: len(tail)]
    assert [line.split(" ")[0] for line in tail[:1] + tail[-2:]] == ["START", "END", "REPORT"]
    assert tail[1].startswith("no end of line[INFO]\t")
    assert tail[1].endswith("logged")
    assert tail[2] == "last"
    assert "Init Duration" in tail[-1]
    assert "Init Duration" not in found[-1]


def test_logs_go_to_the_declared_group(running: EmbeddedAccount) -> None:
    client = deployed(running, ECHO, LoggingConfig={"LogGroup": "/mine"})
    assert client.get_function_configuration(FunctionName="work")["LoggingConfig"]["LogGroup"] == "/mine"
    called(client)
    assert "seen {}" in lines(running, "/mine")
    assert not running.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda")["logGroups"]


def test_a_role_that_may_not_log_loses_its_logs_and_the_journal_says_so(account: EmbeddedAccount) -> None:
    def refuse(principal: object, action: str, resource: str, context: object) -> None:
        if action == "logs:CreateLogStream":
            raise ServiceError("AccessDeniedException", f"not authorized to perform: {action} on {resource}")

    Functions(account)
    account.authorities.append(refuse)
    with account.running():
        client = deployed(account, ECHO)
        assert called(client, {"a": 1}) == ({"seen": {"a": 1}}, "")
        assert not account.client("logs").describe_log_groups()["logGroups"]
        assert "logs are lost" in account.journal.entries("function")[0].what


def test_what_lambda_refuses_is_refused(running: EmbeddedAccount) -> None:
    client = deployed(running, ECHO)
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Function not found"):
        client.invoke(FunctionName="nobody")
    with pytest.raises(ClientError, match=r"InvalidRequestContentException.*Could not parse request body into json"):
        client.invoke(FunctionName="work", Payload=b"{")
    with pytest.raises(ClientError, match="RequestTooLargeException"):
        client.invoke(FunctionName="work", InvocationType="Event", Payload=json.dumps("x" * 1_100_000))
    with pytest.raises(ClientError, match="Reserved keys used in this request: AWS_REGION"):
        deployed(running, ECHO, name="two", Environment={"Variables": {"AWS_REGION": "x"}})
    with pytest.raises(ClientError, match="exceeded the 4KB limit"):
        deployed(running, ECHO, name="three", Environment={"Variables": {"LONG": "x" * 4096}})
    assert client.invoke(FunctionName="work", InvocationType="DryRun")["StatusCode"] == 204
    assert not running.journal.entries("function")


def test_an_answer_that_is_too_large_is_an_error(running: EmbeddedAccount) -> None:
    client = deployed(running, "def handle(e, c): return 'x' * 6_300_000")
    found, error = called(client)
    assert (found["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")


def test_a_role_that_lambda_may_not_assume_is_refused(account: EmbeddedAccount) -> None:
    def distrust(principal: object) -> None:
        raise ServiceError("AccessDenied", "no")

    Functions(account)
    account.trust.append(distrust)
    with account.running(), pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        deployed(account, ECHO)


def test_no_concurrency_means_throttled(running: EmbeddedAccount) -> None:
    client = deployed(running, ECHO)
    client.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match=r"TooManyRequestsException.*Rate Exceeded"):
        client.invoke(FunctionName="work")
    client.delete_function_concurrency(FunctionName="work")
    assert called(client)[1] == ""


def test_another_language_or_an_image_is_refused_by_name(running: EmbeddedAccount) -> None:
    client = deployed(running, "exports.handler = 1", name="node", Runtime="nodejs22.x", Handler="index.handler")
    image = {"Code": {"ImageUri": f"{running.id}.dkr.ecr.{running.region}.amazonaws.com/x:1"}, "PackageType": "Image"}
    client.create_function(FunctionName="image", Role=role(running), **image)
    found, error = called(client, name="node")
    assert error == "Unhandled"
    assert "its runtime is nodejs22.x" in found["errorMessage"]
    assert 'StandIn(of="lambda:node", script=...)' in found["errorMessage"]
    assert "it is a container image" in called(client, name="image")[0]["errorMessage"]


def test_a_stand_in_answers_in_the_place_of_another_language(account: EmbeddedAccount, tmp_path: Path) -> None:
    script = tmp_path / "node_stand_in.py"
    script.write_text("import os, yaml\ndef handler(e, c): return [e, os.environ['MODE'], c.function_name]")
    Functions(account, [StandIn("lambda:node*", script)])
    with account.running():
        variables = {"Environment": {"Variables": {"MODE": "fast"}}}
        client = deployed(account, "", name="node", Runtime="nodejs22.x", Handler="index.handler", **variables)
        assert called(client, {"a": 1}, name="node") == ([{"a": 1}, "fast", "node"], "")
        assert account.journal.entries("stand-in")[0].name == "node"


def test_layers_are_on_the_path_and_other_packages_of_this_environment_are_not(running: EmbeddedAccount) -> None:
    content = {"ZipFile": packed("WORD = 'layered'", "python/shared.py")}
    layer = running.client("lambda").publish_layer_version(LayerName="shared", Content=content)
    source = """
    import shared, importlib.util
    def handle(e, c):
        found = [importlib.util.find_spec(name) is not None for name in ("boto3", "yaml", "constructs_ml")]
        return [shared.WORD, *found]
    """
    client = deployed(running, source, Layers=[layer["LayerVersionArn"]])
    assert called(client) == (["layered", True, False, False], "")


def test_the_librarys_own_function_gives_log_groups_a_retention(running: EmbeddedAccount) -> None:
    asset = function_asset("log_retention")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for folder, prefix in ((asset.source, ""), *((path, f"{place}/") for place, path in asset.extra)):
            for file in Path(folder).rglob("*.py"):
                archive.write(file, prefix + str(file.relative_to(folder)))
    running.client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": running.region})
    running.client("s3").put_object(Bucket="code", Key="a.zip", Body=out.getvalue())
    running.client("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    client = running.client("lambda")
    client.create_function(
        FunctionName="retention",
        Runtime="python3.14",
        Handler="handler.handle",
        Role=role(running),
        Code={"S3Bucket": "code", "S3Key": "a.zip"},
        Timeout=30,
        Environment={"Variables": LogRetentionSettings("/aws/sagemaker/", 30).to_environment()},
    )
    assert called(client, name="retention") == ({"changed": ["/aws/sagemaker/TrainingJobs"]}, "")


def test_the_rehearsals_end_ends_a_function_that_runs(account: EmbeddedAccount) -> None:
    Functions(account)
    with account.running():
        client = deployed(account, "import time\ndef handle(e, c): time.sleep(600)", Timeout=900)
        client.invoke(FunctionName="work", InvocationType="Event")
        assert account.clock.poll(account.processes.running, 5)
    assert not account.processes.running()
