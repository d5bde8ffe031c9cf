"""What tests of jobs start from: data in S3, code in archives, requests with all that is required."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs import Jobs
from constructs_ml.rehearsal.sagemaker.store import Store

SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::111111111111:role/jobs"
BUCKET = "data-of-tests"
ENDED = ("Completed", "Failed", "Stopped")


def archive(**files: str) -> bytes:
    """A tar.gz of texts; `train_py=` becomes train.py."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as content:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_py", ".py").replace("_sh", ".sh"))
            member.size, member.mode = len(text.encode()), 0o755
            content.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        return {m.name: opened.extractfile(m).read() for m in opened.getmembers() if m.isfile()}


class Played:
    """An account with a bucket and jobs; `train` and `process` create a job and wait for its end."""

    def __init__(self, account: EmbeddedAccount, *stand_ins: Any) -> None:
        self.account = account
        self.store = Store(account)
        self.jobs = Jobs(account, self.store, stand_ins)

    def begin(self, **objects: str | bytes) -> None:
        self.s3 = self.account.client("s3")
        self.sagemaker = self.account.client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self.account.region})
        self.put(**{"train/data.csv": "a,b\n1,2\n", **objects})

    def put(self, **objects: str | bytes) -> None:
        for key, body in objects.items():
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def keys(self, prefix: str = "") -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def request(self, name: str, script: str = "", **more: Any) -> dict[str, Any]:
        """The request of a training job in script mode, its code in a channel as the library brings it."""
        if script:
            self.put(**{f"code/{name}.tar.gz": archive(train_py=script)})
        hyperparameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"/opt/ml/input/data/code/{name}.tar.gz",
            "sagemaker_region": "eu-central-1",
        }
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "InputDataConfig": [channel("train", "train/"), channel("code", f"code/{name}.tar.gz")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": hyperparameters | more.pop("HyperParameters", {}),
        }
        return request | more

    def start(self, name: str, script: str = "", **more: Any) -> None:
        self.sagemaker.create_training_job(**self.request(name, script, **more))

    def train(self, name: str, script: str = "", **more: Any) -> dict[str, Any]:
        self.start(name, script, **more)
        return self.trained(name)

    def trained(self, name: str) -> dict[str, Any]:
        return self.wait(lambda: self.sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")

    def process(self, name: str, script: str, **more: Any) -> dict[str, Any]:
        self.start_processing(name, script, **more)
        return self.processed(name)

    def processed(self, name: str) -> dict[str, Any]:
        return self.wait(lambda: self.sagemaker.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus")

    def start_processing(self, name: str, script: str, **more: Any) -> None:
        self.put(**{f"scripts/{name}/run.py": script})
        request = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": SKLEARN,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.py"],
            },
            "ProcessingInputs": [
                processing_input("raw", "train/"),
                processing_input("code", f"scripts/{name}/run.py"),
            ],
            "ProcessingOutputConfig": {"Outputs": [processing_output("out", f"out/{name}")]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
            },
            "Environment": {
                "PROCESSING_INPUT_RAW": "/opt/ml/processing/input/raw",
                "PROCESSING_OUTPUT_OUT": "/opt/ml/processing/output/out",
            },
        }
        self.sagemaker.create_processing_job(**(request | more))

    def wait(self, describe: Any, status: str, seconds: float = 40) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            found = describe()
            if found[status] in ENDED:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.03)

    def until(self, true: Any, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.03)

    def lines(self, group: str, job: str) -> list[str]:
        logs = self.account.client("logs")
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-")["logStreams"]
        assert len(streams) == 1
        events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
        return [event["message"] for event in events]


def channel(name: str, key: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{key}", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}} | more


def processing_input(name: str, key: str) -> Mapping[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/{key}", "LocalPath": f"/opt/ml/processing/input/{name}"}
    return {"InputName": name, "S3Input": place | {"S3DataType": "S3Prefix", "S3InputMode": "File"}}


def processing_output(name: str, key: str, mode: str = "EndOfJob") -> Mapping[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/{key}", "LocalPath": f"/opt/ml/processing/output/{name}", "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": place}
