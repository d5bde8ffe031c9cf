"""What both sides agree on: names that fit, events that are matched and read by one class, old interpreters."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml.contract import container, names
from constructs_ml.contract.events import AlarmStateChange, ObjectCreated
from constructs_ml.contract.settings import LogRetentionSettings
from constructs_ml.facts import limits
from tests.support import ROOT

EVENTS = Path(__file__).parent.parent / "events"
FILES = sorted((ROOT / "constructs_ml" / "contract").glob("*.py"))
NAME = st.from_regex(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True).filter(lambda text: "--" not in text)


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def matches(pattern: Any, value: Any) -> bool:
    """EventBridge's matching of what our patterns use: exact values, prefixes, one wildcard."""
    if isinstance(pattern, dict):
        return all(key in value and matches(inner, value[key]) for key, inner in pattern.items())
    values = value if isinstance(value, list) else [value]
    return any(_one(item, found) for item in pattern for found in values)


def _one(item: Any, found: Any) -> bool:
    if isinstance(item, dict) and "prefix" in item:
        return str(found).startswith(item["prefix"])
    if isinstance(item, dict) and "wildcard" in item:
        start, _, end = item["wildcard"].partition("*")
        return str(found).startswith(start) and str(found).endswith(end)
    return bool(item == found)


@given(NAME, NAME)
def test_a_job_name_always_fits_with_its_uuid_and_retry(model: str, step: str) -> None:
    prefix = names.job_prefix(model, step)
    name = f"{prefix}-{'0' * 36}-99"
    assert len(name) <= limits.JOB_NAME_LENGTH
    assert not prefix.startswith("-")
    assert not prefix.endswith("-")
    assert "--" not in prefix


def test_the_longest_names_fit_the_services() -> None:
    stage, model, pipeline = "s" * names.STAGE_LENGTH, "m" * names.MODEL_LENGTH, "p" * names.PIPELINE_LENGTH
    assert len(names.state_machine(stage, model, pipeline)) <= 80
    assert len(names.artifact_bucket(stage, "1" * 12, "ap-northeast-1")) <= 63
    assert len(names.model_package_group(stage, model)) <= 63
    assert len(names.endpoint(stage, model)) <= limits.ENDPOINT_NAME_LENGTH
    schedule = names.monitoring_schedule(stage, model, "m" * names.MONITOR_LENGTH)
    assert len(schedule) <= limits.SCHEDULE_NAME_LENGTH
    assert len(names.feature_group(stage, "g" * names.FEATURE_GROUP_LENGTH + "-v999")) <= 64
    assert len(names.alarm(stage, model, "m" * names.MONITOR_LENGTH + "-" + "x" * 128, "critical")) <= 255


def test_outputs_lie_below_the_pipelines_prefix() -> None:
    prefix = names.output_prefix("churn", "training", "run-1", "prepare", "train")
    assert prefix == "churn/training/run-1/prepare/train/"
    assert prefix.startswith(names.pipeline_prefix("churn", "training"))


def test_variables_of_folders_are_spelt_as_a_shell_can_read_them() -> None:
    assert container.input_variable("raw-data") == "PROCESSING_INPUT_RAW_DATA"
    assert container.channel_variable("train") == "SM_CHANNEL_TRAIN"


def test_an_arrived_object_is_matched_and_read() -> None:
    arrived = event("object_created")
    assert matches(ObjectCreated.pattern("amzn-s3-demo-bucket1", "raw/"), arrived)
    assert matches(ObjectCreated.pattern("amzn-s3-demo-bucket1", "raw/", ".csv"), arrived)
    assert ObjectCreated.parse(arrived).uri == "s3://amzn-s3-demo-bucket1/raw/example-key.csv"


@pytest.mark.parametrize(
    ("bucket", "prefix", "suffix"),
    [("b", "raw/", ""), ("amzn-s3-demo-bucket1", "new/", ""), ("amzn-s3-demo-bucket1", "raw/", ".txt")],
)
def test_another_object_is_not_matched(bucket: str, prefix: str, suffix: str) -> None:
    assert not matches(ObjectCreated.pattern(bucket, prefix, suffix), event("object_created"))


def test_the_paths_that_a_rule_reads_lead_to_what_the_parser_reads() -> None:
    arrived, parsed = event("object_created"), ObjectCreated.parse(event("object_created"))
    for name, path in ObjectCreated.PATHS.items():
        value: Any = arrived
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        assert value == getattr(parsed, name)


def test_an_alarm_is_matched_when_it_fires_and_read() -> None:
    fired = event("alarm_state_change")
    pattern = AlarmStateChange.pattern(fired["resources"][0])
    assert matches(pattern, fired)
    assert AlarmStateChange.parse(fired).alarm == "ServerCpuTooHigh"
    fired["detail"]["state"]["value"] = "OK"
    assert not matches(pattern, fired)


def test_settings_come_back_from_the_environment_they_made() -> None:
    settings = LogRetentionSettings("/aws/sagemaker/", 30)
    assert LogRetentionSettings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize(
    "environment", [{}, {"LOG_GROUP_PREFIX": "/x"}, {"LOG_GROUP_PREFIX": "/x", "RETENTION_DAYS": "ten"}]
)
def test_an_environment_that_nobody_wrote_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        LogRetentionSettings.from_environment(environment)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_contract_runs_on_the_oldest_interpreter_of_an_image(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=limits.OLDEST_PYTHON)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            root = node.module.split(".")[0]
            assert root in sys.stdlib_module_names or node.module.startswith("constructs_ml.contract")
