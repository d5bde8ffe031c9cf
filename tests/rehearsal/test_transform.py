"""Batch transform: every object through the user's inference script, written beside its name."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.jobs.records import Processing, RecordError, batches, select, split
from tests.rehearsal.jobs_data import BUCKET, ROLE, SKLEARN, Played, archive

# Sums a row's numbers; counts its requests in what it prints.
SUMS = """
import json
def model_fn(folder): return open(folder + '/offset').read()
def input_fn(body, content_type):
    print('request', flush=True)
    if content_type == 'text/csv': return [[float(x) for x in line.split(',')] for line in body.split()]
    if content_type == 'application/jsonlines': return [json.loads(l)['x'] for l in body.decode().split(chr(10))]
    return [json.loads(body)['x']]
def predict_fn(rows, offset):
    return [sum(row) + float(offset) for row in rows]
def output_fn(sums, accept):
    return ''.join(f'{s:g}' + chr(10) for s in sums), accept
"""


@pytest.fixture
def played(account) -> Played:
    return Played(account)


def begin(played: Played, script: str = SUMS, **objects: str | bytes) -> None:
    played.begin(**{"in/a.csv": "1,2\n3,4\n5,6\n", "model.tar.gz": archive(offset="10"), **objects})
    played.put(**{"code.tar.gz": archive(**{"inference.py": script})})
    container = {"Image": SKLEARN, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    container["Environment"] = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/code.tar.gz",
    }
    played.sagemaker.create_model(ModelName="sums", ExecutionRoleArn=ROLE, PrimaryContainer=container)


def transform(played: Played, name: str = "job", **more: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}}
    given = {
        "TransformJobName": name,
        "ModelName": "sums",
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for key, value in more.items():
        given[key] = {**given.get(key, {}), **value} if isinstance(value, dict) else value
    played.sagemaker.create_transform_job(**given)
    describe = played.sagemaker.describe_transform_job
    return played.wait(lambda: describe(TransformJobName=name), "TransformJobStatus")


def test_each_object_is_answered_as_the_script_would(account, played) -> None:
    with account.running():
        begin(played, **{"in/deeper/b.csv": "7,8\n"})
        done = transform(played)
        assert done["TransformJobStatus"] == "Completed", done
        assert played.get("out/a.csv.out") == b"13\n17\n21\n"
        assert played.get("out/deeper/b.csv.out") == b"25\n"
        assert done["TransformStartTime"] <= done["TransformEndTime"]
        assert played.lines("/aws/sagemaker/TransformJobs", "job") == ["request", "request"]


def test_a_single_record_is_a_request_of_its_own(account, played) -> None:
    with account.running():
        begin(played)
        assert transform(played, BatchStrategy="SingleRecord")["TransformJobStatus"] == "Completed"
        assert played.get("out/a.csv.out") == b"13\n17\n21\n"
        assert played.lines("/aws/sagemaker/TransformJobs", "job") == ["request"] * 3


def test_inputs_are_filtered_and_joined_with_their_predictions(account, played) -> None:
    with account.running():
        begin(played, **{"in/a.csv": "id1,1,2\nid2,3,4\n"})
        filters = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
        assert transform(played, DataProcessing=filters)["TransformJobStatus"] == "Completed"
        assert played.get("out/a.csv.out") == b"id1,13\nid2,17\n"


def test_json_lines_are_joined_under_sagemakeroutput(account, played) -> None:
    with account.running():
        begin(played, **{"in/a.csv": '{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n'})
        filters = {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
        lines = "application/jsonlines"
        done = transform(
            played, DataProcessing=filters, TransformInput={"ContentType": lines}, TransformOutput={"Accept": lines}
        )
        assert done["TransformJobStatus"] == "Completed", done
        found = [json.loads(line) for line in played.get("out/a.csv.out").split(b"\n") if line]
        assert found == [{"id": 1, "SageMakerOutput": 13}, {"id": 2, "SageMakerOutput": 13}]


def test_compressed_objects_are_unpacked(account, played) -> None:
    with account.running():
        begin(played, **{"in/a.csv": gzip.compress(b"1,2\n")})
        assert transform(played, TransformInput={"CompressionType": "Gzip"})["TransformJobStatus"] == "Completed"
        assert played.get("out/a.csv.out") == b"13\n"


def test_what_was_captured_is_listed_and_stamped(account, played) -> None:
    with account.running():
        begin(played)
        capture = {"DestinationS3Uri": f"s3://{BUCKET}/captured", "GenerateInferenceId": True}
        assert transform(played, DataCaptureConfig=capture)["TransformJobStatus"] == "Completed"
        listed = [json.loads(played.get(key)) for key in played.keys("captured/")]
        assert listed[0] == [{"prefix": f"s3://{BUCKET}/in/"}, "a.csv"]
        assert listed[1] == [{"prefix": f"s3://{BUCKET}/out/"}, "a.csv.out"]
        first = played.get("out/a.csv.out").decode().splitlines()[0].split(",")
        assert (first[0], len(first[1]), len(first)) == ("13", 36, 3)


def test_one_bad_object_fails_the_job_and_the_others_are_written(account, played) -> None:
    with account.running():
        begin(played, **{"in/b.csv": "not,numbers\n"})
        done = transform(played)
        assert (done["TransformJobStatus"], done["FailureReason"]) == (
            "Failed",
            "AlgorithmError: See job logs for more information",
        )
        assert played.get("out/a.csv.out") == b"13\n17\n21\n"
        assert played.keys("out/b") == []
        lines = played.lines("/aws/sagemaker/TransformJobs", "job")
        assert "Bad HTTP status received from algorithm: 500" in lines
        assert any("could not convert string to float" in line for line in lines)


def test_a_record_over_the_maximum_is_refused_in_sagemakers_words(account, played) -> None:
    with account.running():
        begin(played, **{"in/a.csv": "1," * 600_000 + "1\n"})
        done = transform(played, MaxPayloadInMB=1)
        assert (done["TransformJobStatus"], done["FailureReason"]) == (
            "Failed",
            "Too much data for max payload size",
        )


def test_a_model_that_does_not_load_fails_the_job_with_its_error(account, played) -> None:
    with account.running():
        begin(played, "def model_fn(folder): raise OSError('broken file')")
        done = transform(played)
        assert done["TransformJobStatus"] == "Failed"
        assert "broken file" in done["FailureReason"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ModelName": "absent"}, 'Could not find model "arn:aws:sagemaker:.*/absent"'),
        ({"TransformInput": {"SplitType": "RecordIO"}}, "SplitType RecordIO"),
        ({"TransformResources": {"InstanceType": "ml.g4dn.xlarge"}}, r"transform on ml\.g4dn\.xlarge expects a GPU"),
    ],
)
def test_what_cannot_run_here_is_refused_by_name(account, played, change: dict, said: str) -> None:
    with account.running():
        begin(played)
        with pytest.raises(ClientError, match=said):
            transform(played, **change)


def test_a_stopped_job_is_stopped_before_its_next_request(account, played) -> None:
    slow = SUMS.replace("print('request', flush=True)", "import time; print('request', flush=True); time.sleep(0.3)")
    with account.running():
        begin(played, slow, **{"in/a.csv": "1,2\n" * 100})
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}}
        played.sagemaker.create_transform_job(
            TransformJobName="long",
            ModelName="sums",
            BatchStrategy="SingleRecord",
            TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        played.until(lambda: "request" in played.jobs.prints("long"))
        played.sagemaker.stop_transform_job(TransformJobName="long")
        describe = played.sagemaker.describe_transform_job
        done = played.wait(lambda: describe(TransformJobName="long"), "TransformJobStatus")
        assert done["TransformJobStatus"] == "Stopped"
        assert played.keys("out/") == []


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        # Examples of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataProcessing.html
        ("$", [1], [1]),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$.features", {"features": [1], "id": 2}, [1]),
        ("$[0,5:]", [0, 1, 2, 3, 4, 5, 6], [0, 5, 6]),
        ("$['id','SageMakerOutput']", {"id": 1, "x": 2, "SageMakerOutput": 3}, {"id": 1, "SageMakerOutput": 3}),
        ("$[-1]", [1, 2], 2),
        ("$.a['b'][0]", {"a": {"b": [7]}}, 7),
    ],
)
def test_the_supported_paths_select_what_the_documentation_says(path: str, value: Any, found: Any) -> None:
    assert select(path, value) == found


@pytest.mark.parametrize("path", ["a", "$..a", "$[?(@.x)]", "$.absent", "$[9]"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(RecordError):
        select(path, {"a": 1} if "[" not in path else [1])


def test_records_are_batched_up_to_the_payload() -> None:
    assert list(batches([b"12", b"34", b"5"], 5, single=False)) == [[b"12", b"34"], [b"5"]]
    assert list(batches([b"12", b"34"], 0, single=False)) == [[b"12", b"34"]]
    assert split(b"a\r\nb\n") == [b"a", b"b"]
    assert Processing("text/csv", "$[0]").sent(b'"a,b",2') == b'"a,b"'
