"""Roles and data that a request names: SageMaker looks at both before it makes anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.test_sagemaker_store import refused


@pytest.fixture
def sagemaker(account: EmbeddedAccount) -> Any:
    Iam(account)
    SageMaker(account, Store(account))
    with account.running():
        s3 = account.client("s3")
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="models", Key="model.tar.gz", Body=b"model")
        yield account.client("sagemaker")


def role(account: EmbeddedAccount, service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = account.client("iam").create_role(RoleName="churn", AssumeRolePolicyDocument=trust)
    return str(made["Role"]["Arn"])


def model(role: str, key: str = "model.tar.gz") -> dict[str, Any]:
    container = {"Image": "image", "ModelDataUrl": f"s3://models/{key}"}
    return {"ModelName": "churn", "ExecutionRoleArn": role, "PrimaryContainer": container}


def test_a_role_that_does_not_trust_sagemaker_is_refused(account: EmbeddedAccount, sagemaker: Any) -> None:
    arn = role(account, "lambda.amazonaws.com")
    for wrong in (arn, arn.replace("churn", "none")):
        code, message = refused(sagemaker.create_model, **model(wrong))
        assert (code, message.startswith(f"Could not assume role {wrong}.")) == ("ValidationException", True)
    assert sagemaker.list_models()["Models"] == []


def test_a_model_is_read_with_its_role(account: EmbeddedAccount, sagemaker: Any) -> None:
    arn = role(account, "sagemaker.amazonaws.com")
    code, message = refused(sagemaker.create_model, **model(arn))
    assert (code, message.startswith("Could not access model data at s3://models/model.tar.gz.")) == (
        "ValidationException",
        True,
    )
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account.client("iam").put_role_policy(RoleName="churn", PolicyName="read", PolicyDocument=policy)
    assert sagemaker.create_model(**model(arn))["ModelArn"].endswith(":model/churn")
