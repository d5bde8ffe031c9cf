"""Whoever asks is known by the key that was given here: in a header, or in a presigned URL."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.principals import Principal

PATH = {"addressing_style": "path"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"},
    ],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::data/open/*"}
    ],
}


def filled(account: EmbeddedAccount) -> Principal:
    """A bucket of two objects, and a role that may read and write below open/."""
    s3, iam = account.client("s3"), account.client("iam")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": account.region})
    for key in ("open/a.txt", "closed/a.txt"):
        s3.put_object(Bucket="data", Key=key, Body=b"content")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(ALLOWED))
    return account.assume(role, "sagemaker.amazonaws.com", session="job")


def presigning(account: EmbeddedAccount, key: str, version: str):
    config = Config(signature_version=version, s3=PATH)
    keys = {"aws_access_key_id": key, "aws_secret_access_key": "rehearsal"}
    return boto3.client("s3", endpoint_url=account.endpoint, region_name=account.region, config=config, **keys)


def status(url: str, method: str = "GET", body: bytes | None = None) -> int:
    try:
        request = urllib.request.Request(url, data=body, method=method, headers={"content-type": ""})
        with urllib.request.urlopen(request) as answered:
            return int(answered.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_is_checked_as_the_role_that_made_it(account, version):
    Iam(account)
    with account.running():
        client = presigning(account, filled(account).access_key, version)

        def ask(operation: str, key: str) -> str:
            url: str = client.generate_presigned_url(operation, Params={"Bucket": "data", "Key": key})
            return url

        assert status(ask("get_object", "open/a.txt")) == 200
        assert status(ask("put_object", "open/b.txt"), "PUT", b"new") == 200
        assert status(ask("get_object", "closed/a.txt")) == 403
        assert status(ask("put_object", "closed/a.txt"), "PUT", b"new") == 403
        assert account.client("s3").get_object(Bucket="data", Key="closed/a.txt")["Body"].read() == b"content"
        own = account.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": "data", "Key": "closed/a.txt"}
        )
        assert status(own) == 200
        stranger = presigning(account, "AKIAOTHEROTHEROTHER1", version)
        assert (
            status(stranger.generate_presigned_url("get_object", Params={"Bucket": "data", "Key": "open/a.txt"})) == 403
        )


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("sagemaker", "list_models", "UnrecognizedClientException"),
        ("sqs", "list_queues", "UnrecognizedClientException"),
    ],
)
def test_a_key_that_was_not_given_here_is_refused(account, service, operation, code):
    calls: list[object] = []
    account.gate.before.append(calls.append)
    with account.running():
        keys = {"aws_access_key_id": "AKIAOTHEROTHEROTHER1", "aws_secret_access_key": "x"}
        client = boto3.client(service, endpoint_url=account.endpoint, region_name=account.region, **keys)
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)()
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert calls == []


def test_a_request_without_a_signature_is_refused(account):
    with account.running():
        filled(account)
        config = Config(signature_version=UNSIGNED, s3=PATH)
        client = boto3.client("s3", endpoint_url=account.endpoint, region_name=account.region, config=config)
        with pytest.raises(ClientError) as refused:
            client.get_object(Bucket="data", Key="open/a.txt")
        assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_the_pages_of_moto_are_closed(account):
    with account.running():
        account.client("sqs").create_queue(QueueName="q")
        assert status(f"{account.endpoint}/moto-api/reset", "POST", b"") == 403
        assert status(f"{account.endpoint}/moto-api/data.json") == 403
        assert len(account.client("sqs").list_queues()["QueueUrls"]) == 1


def test_the_keys_that_sts_gives_are_known(account):
    Iam(account)
    with account.running():
        role = filled(account).role
        given = account.client("sts").assume_role(RoleArn=role, RoleSessionName="someone")["Credentials"]
        client = presigning(account, given["AccessKeyId"], "s3v4")
        assert client.get_object(Bucket="data", Key="open/a.txt")["Body"].read() == b"content"
        with pytest.raises(ClientError, match="s3:GetObject"):
            client.get_object(Bucket="data", Key="closed/a.txt")
