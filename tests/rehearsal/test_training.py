"""Training jobs run the user's script under SageMaker's contract, and end as SageMaker's do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.jobs import toolkit
from constructs_ml.rehearsal.stand_ins import StandIn
from tests.rehearsal.jobs_data import BUCKET, ROLE, Played, archive, channel, unpacked

TELL = """
import json, os, pathlib, sys
found = {"environment": dict(os.environ), "arguments": sys.argv[1:], "folder": os.getcwd()}
root = pathlib.Path(os.environ["SM_INPUT_DIR"])
found["files"] = {str(p.relative_to(root)): p.read_text(errors="replace") for p in root.rglob("*") if p.is_file()}
pathlib.Path(os.environ["SM_MODEL_DIR"], "found.json").write_text(json.dumps(found))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "more.txt").write_text("more")
print("loss=0.5;"); print("loss=0.25;")
"""
# Forever, saving where it got to; it ends by itself from the third step on.
STEPS = """
import os, pathlib, time
folder = pathlib.Path(os.environ.get("CHECKPOINTS", "/nowhere"))
at = folder / "step"
step = int(at.read_text()) if at.exists() else 0
print(f"starts at {step}")
while step < 3:
    step += 1
    if folder.exists(): at.write_text(str(step))
    print(f"step={step};", flush=True)
    time.sleep(0.1 if step != 2 or at.exists() and "resumed" in os.listdir(folder) else 30)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text(str(step))
"""
# https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
DOCUMENTED = [
    "SM_MODEL_DIR",
    "SM_CHANNELS",
    "SM_CHANNEL_TRAIN",
    "SM_HPS",
    "SM_HP_C",
    "SM_CURRENT_HOST",
    "SM_HOSTS",
    "SM_NUM_GPUS",
    "SM_NUM_CPUS",
    "SM_LOG_LEVEL",
    "SM_NETWORK_INTERFACE_NAME",
    "SM_USER_ARGS",
    "SM_INPUT_DIR",
    "SM_INPUT_CONFIG_DIR",
    "SM_RESOURCE_CONFIG",
    "SM_INPUT_DATA_CONFIG",
    "SM_TRAINING_ENV",
    "SM_OUTPUT_DATA_DIR",
    "SM_MODULE_NAME",
    "SM_FRAMEWORK_PARAMS",
]
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
FILES = ("config/hyperparameters.json", "config/inputdataconfig.json", "config/resourceconfig.json")


@pytest.fixture
def played(account) -> Played:
    return Played(account)


def test_the_script_finds_what_the_documentation_lists(account, played) -> None:
    with account.running():
        played.begin()
        metrics = {"MetricDefinitions": [{"Name": "validation:loss", "Regex": r"loss=([0-9.]+);"}]}
        given = played.request("tell", TELL, HyperParameters={"C": "1.0", "name": '"a"', "on": "true"})
        given["AlgorithmSpecification"] |= metrics
        given["Environment"] = {"OWN": "at /opt/ml/model"}
        played.sagemaker.create_training_job(**given)
        done = played.trained("tell")
        assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Completed", "Completed"), done
        found = json.loads(unpacked(played.get("models/tell/output/model.tar.gz"))["found.json"])
        environment, files = found["environment"], found["files"]
        assert [name for name in DOCUMENTED if name not in environment] == []
        assert environment["TRAINING_JOB_NAME"] == "tell"
        assert environment["TRAINING_JOB_ARN"] == done["TrainingJobArn"]
        assert environment["SM_CHANNEL_TRAIN"].endswith("/opt/ml/input/data/train")
        assert environment["OWN"] == f"at {environment['SM_MODEL_DIR']}"
        assert found["arguments"] == ["-C", "1.0", "--name", "a", "--on", "True"]
        assert json.loads(environment["SM_HPS"]) == {"C": 1.0, "name": "a", "on": True}
        assert json.loads(environment["SM_USER_ARGS"]) == found["arguments"]
        assert found["folder"].endswith("/opt/ml/code")
        assert set(FILES) <= set(files)
        assert files["data/train/data.csv"] == "a,b\n1,2\n"
        assert json.loads(files[FILES[0]])["C"] == "1.0"  # text on the wire, text in the file
        config = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        assert json.loads(files[FILES[1]])["train"] == config
        resources = json.loads(files[FILES[2]])
        assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
        assert unpacked(played.get("models/tell/output/output.tar.gz")) == {"more.txt": b"more"}


def test_describe_and_the_logs_tell_how_it_went(account, played) -> None:
    with account.running():
        played.begin()
        given = played.request("tell", TELL)
        given["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
        played.sagemaker.create_training_job(**given)
        done = played.trained("tell")
        assert done["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/tell/output/model.tar.gz"
        assert [(m["MetricName"], m["Value"]) for m in done["FinalMetricDataList"]] == [("loss", 0.25)]
        told = [item["Status"] for item in done["SecondaryStatusTransitions"]]
        assert told == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert all("EndTime" in item for item in done["SecondaryStatusTransitions"])
        assert done["TrainingStartTime"] <= done["TrainingEndTime"]
        assert done["BillableTimeInSeconds"] == done["TrainingTimeInSeconds"] >= 1
        assert played.lines("/aws/sagemaker/TrainingJobs", "tell") == ["loss=0.5;", "loss=0.25;"]
        dimensions = [{"Name": "TrainingJobName", "Value": "tell"}]
        found = account.client("cloudwatch").list_metrics(
            Namespace="/aws/sagemaker/TrainingJobs", MetricName="loss", Dimensions=dimensions
        )
        assert len(found["Metrics"]) == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise KeyError('amount')", 'ExitCode 1\nErrorMessage "KeyError: \'amount\'"\nCommand "python3 train.py"'),
        (
            "import os\nopen(os.environ['SM_INPUT_DIR'] + '/../output/failure', 'w').write('no rows')\nexit(3)",
            "AlgorithmError: no rows, exit code: 3",
        ),
    ],
)
def test_a_script_that_crashes_fails_the_job_with_its_reason(account, played, script: str, reason: str) -> None:
    with account.running():
        played.begin()
        done = played.train("crash", script)
        assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Failed", "Failed")
        assert reason in done["FailureReason"]
        assert played.keys("models/") == []


def test_a_job_out_of_time_is_stopped_and_keeps_what_it_left(account, played) -> None:
    script = "import os, time\nopen(os.environ['SM_MODEL_DIR'] + '/half', 'w').close()\ntime.sleep(60)"
    with account.running():
        played.begin()
        done = played.train("long", script, StoppingCondition={"MaxRuntimeInSeconds": 1})
        assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
        assert "half" in unpacked(played.get("models/long/output/model.tar.gz"))


def test_a_stopped_job_gets_sigterm_and_its_model_is_kept(account, played) -> None:
    script = """
import os, signal, sys, time
def end(*_): open(os.environ['SM_MODEL_DIR'] + '/saved', 'w').close(); sys.exit(1)
signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(60)
"""
    with account.running():
        played.begin()
        played.start("stop", script)
        played.until(lambda: played.jobs.prints("stop"))
        played.sagemaker.stop_training_job(TrainingJobName="stop")
        done = played.trained("stop")
        assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "Stopped")
        assert "saved" in unpacked(played.get("models/stop/output/model.tar.gz"))
        with pytest.raises(ClientError, match="rejected because the training job is in status Stopped"):
            played.sagemaker.stop_training_job(TrainingJobName="stop")


def spot(**more) -> dict:
    condition = {"MaxRuntimeInSeconds": 50, "MaxWaitTimeInSeconds": 60}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition} | more


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(account, played) -> None:
    with account.running():
        played.begin()
        checkpoints = {"S3Uri": f"s3://{BUCKET}/checkpoints/spot"}
        environment = {"CHECKPOINTS": "/opt/ml/checkpoints"}
        played.start("spot", STEPS, **spot(CheckpointConfig=checkpoints, Environment=environment))
        played.until(lambda: "step=2;" in played.jobs.prints("spot"))
        played.put(**{"checkpoints/spot/resumed": ""})
        played.jobs.interrupt("spot")
        done = played.trained("spot")
        assert done["SecondaryStatus"] == "Completed", done
        told = [item["Status"] for item in done["SecondaryStatusTransitions"]]
        again = ["Interrupted", "Starting", "Downloading", "Training"]
        assert told == ["Starting", "Downloading", "Training", *again, "Uploading", "Completed"]
        lines = played.lines("/aws/sagemaker/TrainingJobs", "spot")
        assert [line for line in lines if "starts" in line] == ["starts at 0", "starts at 2"]
        assert played.get("checkpoints/spot/step") == b"3"
        assert done["BillableTimeInSeconds"] < done["TrainingTimeInSeconds"]


def test_without_checkpoints_an_interrupted_job_starts_anew(account, played) -> None:
    script = "import time\nprint('begins', flush=True)\ntime.sleep(1.2)"
    with account.running():
        played.begin()
        played.jobs.interrupt_after("sp*", 0.8)
        done = played.train("spot", script, **spot())
        assert done["SecondaryStatus"] == "Completed"
        assert played.lines("/aws/sagemaker/TrainingJobs", "spot") == ["begins", "begins"]


def test_a_spot_job_that_waits_too_long_is_stopped(account, played) -> None:
    with account.running():
        played.begin()
        condition = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
        script = "import time; time.sleep(60)"
        done = played.train("spot", script, **spot(StoppingCondition=condition))
        assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_only_a_running_spot_job_can_be_interrupted(account, played) -> None:
    with account.running():
        played.begin()
        played.train("plain", "pass")
        with pytest.raises(ValueError, match="plain is no running spot training job"):
            played.jobs.interrupt("plain")


def test_an_entrypoint_of_a_teams_own_starts_under_a_stand_in_alone(account, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import sys; print('own', sys.argv[1:])")
    played = Played(account, StandIn("*/own:*", tmp_path / "own.py"))
    with account.running():
        played.begin()
        specification = {
            "TrainingImage": "111111111111.dkr.ecr.eu-central-1.amazonaws.com/own:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/train"],
            "ContainerArguments": ["--epochs", "2"],
        }
        done = played.train("own", "pass", AlgorithmSpecification=specification, HyperParameters={})
        assert done["TrainingJobStatus"] == "Completed", done
        line = played.lines("/aws/sagemaker/TrainingJobs", "own")[0]
        assert line.startswith("own ['--epochs', '2'")


def test_the_librarys_shell_entrypoint_starts_the_script(account, played) -> None:
    start = "mkdir -p /opt/ml/code && cd /opt/ml/code && tar -xzf /opt/ml/input/data/code/*.gz"
    with account.running():
        played.begin()
        given = played.request("shell", "import os, sys; print(sys.argv[1:], os.environ['SM_MODEL_DIR'][-13:])")
        given["AlgorithmSpecification"] |= {
            "ContainerEntrypoint": ["/bin/sh", "-c", f'{start} && exec python3 "$0" "$@"'],
            "ContainerArguments": ["train.py", "--epochs", "2"],
        }
        given["Environment"] = {"SM_MODEL_DIR": "/opt/ml/model"}
        played.sagemaker.create_training_job(**given)
        assert played.trained("shell")["TrainingJobStatus"] == "Completed"
        assert played.lines("/aws/sagemaker/TrainingJobs", "shell") == ["['--epochs', '2'] /opt/ml/model"]


def test_a_script_that_names_opt_ml_finds_it(account, played) -> None:
    script = "open('/opt/ml/model/there', 'w').write(open('/opt/ml/input/data/train/data.csv').read())"
    with account.running():
        played.begin()
        done = played.train("named", script)
        assert done["TrainingJobStatus"] == "Completed", played.lines("/aws/sagemaker/TrainingJobs", "named")
        assert unpacked(played.get("models/named/output/model.tar.gz"))["there"] == b"a,b\n1,2\n"
        assert not Path("/opt/ml/model/there").exists()


def test_without_user_namespaces_such_a_script_is_refused_with_what_to_change(account, played, monkeypatch) -> None:
    monkeypatch.setattr("constructs_ml.rehearsal.container.namespaces", lambda: False)
    with account.running():
        played.begin()
        done = played.train("named", "open('/opt/ml/model/there', 'w')")
        assert done["TrainingJobStatus"] == "Failed"
        assert "train.py names /opt/ml in its text" in done["FailureReason"]
        assert "SM_MODEL_DIR" in done["FailureReason"]


def test_a_manifest_names_the_objects_of_a_channel(account, played) -> None:
    script = "import os; print(sorted(os.listdir(os.environ['SM_CHANNEL_LISTED'])))"
    with account.running():
        manifest = json.dumps([{"prefix": f"s3://{BUCKET}/many/"}, "a.csv", "c.csv"])
        played.begin(**{"many/a.csv": "", "many/b.csv": "", "many/c.csv": "", "list.manifest": manifest})
        given = played.request("manifest", script)
        listed = channel("listed", "list.manifest")
        listed["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
        given["InputDataConfig"].append(listed)
        played.sagemaker.create_training_job(**given)
        assert played.trained("manifest")["TrainingJobStatus"] == "Completed"
        assert played.lines("/aws/sagemaker/TrainingJobs", "manifest") == ["['a.csv', 'c.csv']"]


def test_an_uncompressed_model_is_left_as_objects(account, played) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/models/", "CompressionType": "NONE"}
    with account.running():
        played.begin()
        done = played.train("plain", TELL, OutputDataConfig=output)
        assert done["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/plain/output/model"
        assert "models/plain/output/model/found.json" in played.keys("")


def test_missing_data_is_refused_when_the_job_is_created(account, played) -> None:
    with account.running():
        played.begin()
        inputs = [channel("train", "absent/")]
        with pytest.raises(
            ClientError, match=r"ValidationException.*No S3 objects found under S3 URL \"s3://.*absent/"
        ):
            played.start("none", "pass", InputDataConfig=inputs)
        assert played.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []


def test_data_that_the_role_may_not_read_fail_the_job(account, played) -> None:
    def denies(call: Call) -> None:
        if call.action == "s3:GetObject" and call.principal.role == ROLE and call.parameters["Key"] == "train/data.csv":
            raise ServiceError("AccessDenied", f"{ROLE} is not authorized to perform: s3:GetObject")

    with account.running():
        played.begin()
        account.gate.before.append(denies)
        done = played.train("denied", "pass")
        assert done["TrainingJobStatus"] == "Failed"
        assert done["FailureReason"].startswith("ClientError: Data download failed:AccessDenied: ")
        assert "s3:GetObject" in done["FailureReason"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.g5.xlarge"}}, r"training on ml\.g5\.xlarge expects a GPU"),
        ({"AlgorithmSpecification": {"TrainingImage": "1.dkr.ecr/x:1"}}, r"private image.*StandIn\(of=\"\*/x\*\""),
        (
            {
                "AlgorithmSpecification": {
                    "TrainingImage": "813361260812.dkr.ecr.eu-central-1.amazonaws.com/blazingtext:1"
                }
            },
            "AWS's own and is not published",
        ),
        ({"AlgorithmSpecification": {"TrainingInputMode": "Pipe"}}, "Pipe mode"),
        ({"HyperParameters": {"sagemaker_program": ""}}, "no script of yours runs in it"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}}, "LocalPath '/tmp/c'"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
    ],
)
def test_what_cannot_run_here_is_refused_by_name(account, played, change: dict, said: str) -> None:
    with account.running():
        played.begin()
        given = played.request("refused", "pass")
        for key, value in change.items():
            given[key] = given.get(key, {}) | value if isinstance(value, dict) else value
        with pytest.raises(ClientError, match=said):
            played.sagemaker.create_training_job(**given)


def test_several_machines_become_one_and_the_journal_says_so(account, played) -> None:
    with account.running():
        played.begin()
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": 4, "VolumeSizeInGB": 10}
        assert played.train("many", "pass", ResourceConfig=resources)["TrainingJobStatus"] == "Completed"
        said = [entry.what for entry in account.journal.entries("stand-in")]
        assert "one process in the place of 4 machines" in said
        assert any("scikit-learn" in what for what in said)


def test_the_scripts_own_calls_reach_the_account_as_its_role(account, played) -> None:
    seen = []
    script = "import boto3; boto3.client('s3').list_objects_v2(Bucket='data-of-tests', Prefix='mine')"
    with account.running():
        played.begin()
        account.gate.before.append(lambda call: seen.append((call.parameters.get("Prefix"), call.principal.role)))
        assert played.train("calls", script)["TrainingJobStatus"] == "Completed"
        assert ("mine", ROLE) in seen


def test_an_isolated_script_has_no_keys_to_call_with(account, played) -> None:
    script = "import boto3; boto3.client('s3').list_objects_v2(Bucket='data-of-tests')"
    with account.running():
        played.begin()
        done = played.train("isolated", script, EnableNetworkIsolation=True)
        assert "NoCredentialsError" in done["FailureReason"]


def test_an_account_that_closes_ends_its_jobs(account, played) -> None:
    with account.running():
        played.begin()
        played.start("open", "import time; time.sleep(60)")
        played.until(account.processes.running)
    assert account.processes.running() == []


@pytest.mark.slow
def test_a_requirement_that_is_installed_is_fine_and_another_is_named(account, played) -> None:
    with account.running():
        played.begin()
        for name, wanted in (("has", "joblib"), ("lacks", "no-such-package-anywhere>=3")):
            given = played.request(name)
            played.put(**{f"code/{name}.tar.gz": archive(**{"train_py": "pass", "requirements.txt": f"{wanted}\n"})})
            played.sagemaker.create_training_job(**given)
        assert played.trained("has")["TrainingJobStatus"] == "Completed"
        done = played.trained("lacks")
        assert done["TrainingJobStatus"] == "Failed"
        assert "no-such-package-anywhere" in done["FailureReason"]


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"a": "1", "sagemaker_region": "x"}, ["-a", "1"]),
        ({"map": '{"b": 2, "a": 1}'}, ["--map", "a=1,b=2"]),
        ({"none": "null", "word": "adam", "list": "[1, 2]"}, ["--list", "[1, 2]", "--none", "", "--word", "adam"]),
    ],
)
def test_arguments_are_the_toolkits(given: dict, arguments: list[str]) -> None:
    # https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/mapping.py (to_cmd_args)
    assert toolkit.arguments(given) == arguments


def test_the_roles_deployed_policies_decide_what_a_job_may(account) -> None:
    iam, played = Iam(account), Played(account)
    others = ["logs:*", "ecr:*", "s3:ListBucket", "s3:PutObject"]

    def policy(actions: list[str]) -> None:
        text = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        account.client("iam").put_role_policy(RoleName="jobs", PolicyName="p", PolicyDocument=json.dumps(text))

    with account.running():
        played.begin()
        trusted = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        account.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=trust)
        policy(others)
        assert "s3:GetObject" in played.train("denied", "pass")["FailureReason"]
        policy([*others, "s3:GetObject"])
        assert played.train("fine", "pass")["TrainingJobStatus"] == "Completed"
        policy(["s3:*", "logs:*"])
        with pytest.raises(ClientError, match="ecr:GetAuthorizationToken"):
            played.start("unpulled", "pass")
        assert {found.action for found in iam.denied()} >= {"s3:GetObject", "ecr:GetAuthorizationToken"}


def test_a_role_that_does_not_trust_sagemaker_is_refused(account) -> None:
    Iam(account)
    played = Played(account)
    with account.running():
        played.begin()
        with pytest.raises(ClientError, match="Could not assume role"):
            played.start("nobody", "pass")


def test_checkpoints_that_may_not_be_written_fail_the_job(account, played) -> None:
    def denies(call: Call) -> None:
        if call.action == "s3:PutObject" and call.principal.role == ROLE:
            raise ServiceError("AccessDenied", f"{ROLE} is not authorized to perform: s3:PutObject")

    script = "import time; open('/opt/ml/checkpoints/c', 'w').close(); time.sleep(60)"
    with account.running():
        played.begin()
        account.gate.before.append(denies)
        done = played.train("kept", script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/c"})
        assert done["FailureReason"].startswith("ClientError: Checkpoint upload failed:AccessDenied")
        assert account.processes.running() == []
