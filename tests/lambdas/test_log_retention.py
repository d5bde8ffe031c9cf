"""The function that gives SageMaker's log groups a retention, against moto's CloudWatch Logs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from constructs_ml.compiler.functions import function_asset
from constructs_ml.contract.settings import LogRetentionSettings
from tests.support import ROOT


@pytest.fixture
def handler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("log_retention", ROOT / "lambdas" / "log_retention" / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    settings = LogRetentionSettings("/aws/sagemaker/", 30).to_environment()
    access = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    for key, value in {**settings, **access}.items():
        monkeypatch.setenv(key, value)
    with mock_aws():
        yield boto3.client("logs")


def retentions(logs: Any) -> dict[str, int | None]:
    return {group["logGroupName"]: group.get("retentionInDays") for group in logs.describe_log_groups()["logGroups"]}


def test_groups_without_a_retention_get_one_and_others_are_left_alone(handler: ModuleType, logs: Any) -> None:
    for name in ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs", "/aws/lambda/other"):
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName="/aws/sagemaker/ProcessingJobs", retentionInDays=7)
    assert handler.handle({}, None) == {"changed": ["/aws/sagemaker/TrainingJobs"]}
    assert retentions(logs) == {
        "/aws/lambda/other": None,
        "/aws/sagemaker/ProcessingJobs": 7,
        "/aws/sagemaker/TrainingJobs": 30,
    }


def test_a_second_run_changes_nothing(handler: ModuleType, logs: Any) -> None:
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    handler.handle({}, None)
    assert handler.handle({}, None) == {"changed": []}


def test_more_groups_than_a_page_are_all_seen(handler: ModuleType, logs: Any) -> None:
    for number in range(120):
        logs.create_log_group(logGroupName=f"/aws/sagemaker/{number:03}")
    assert len(handler.handle({}, None)["changed"]) == 120


def test_an_environment_without_settings_is_refused(
    handler: ModuleType, logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RETENTION_DAYS")
    with pytest.raises(KeyError, match="RETENTION_DAYS"):
        handler.handle({}, None)


def test_the_functions_archive_changes_with_the_contract_it_shares() -> None:
    asset = function_asset("log_retention")
    assert asset.packaging == "zip"
    assert asset.extra[0][0] == "constructs_ml/contract"
    assert len(asset.digest) == 64
