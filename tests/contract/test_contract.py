"""What both sides agree on: names that fit, events that are matched and read by one class, old interpreters."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.events.models import EventPattern

from constructs_ml.contract import container, names
from constructs_ml.contract.events import (
    AlarmStateChange,
    ImagePushed,
    ModelPackageStateChange,
    ObjectCreated,
    Scheduled,
)
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
    """Whether EventBridge would match, as moto reads patterns."""
    return bool(EventPattern(None, pattern).matches_event(value))


def at(event: Any, path: str) -> Any:
    """What stands at a path of an event."""
    for name, quoted, index in re.findall(r"\.([A-Za-z]+)|\['([^']+)'\]|\[([0-9]+)\]", path):
        event = event[int(index)] if index else event[name or quoted]
    return event


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
    assert len(names.starter(stage, model, pipeline)) <= 80
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


RECORDED: dict[str, Any] = {
    "object_created": ObjectCreated,
    "alarm_state_change": AlarmStateChange,
    "model_package_state_change": ModelPackageStateChange,
    "ecr_image_action": ImagePushed,
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_paths_of_a_token_lead_to_what_the_parser_reads(name: str) -> None:
    parser, recorded = RECORDED[name], event(name)
    assert " ".join(at(recorded, path) for path in parser.TOKEN) == parser.parse(recorded).token


@pytest.mark.parametrize("name", RECORDED)
def test_a_token_is_that_of_the_change_and_not_of_the_event(name: str) -> None:
    parser, recorded = RECORDED[name], event(name)
    again = {**recorded, "id": "another"}
    assert parser.parse(again).token == parser.parse(recorded).token


@pytest.mark.parametrize("name", RECORDED)
def test_an_event_without_what_tells_its_change_is_not_read(name: str) -> None:
    with pytest.raises(KeyError):
        RECORDED[name].parse({**event(name), "detail": {}})


def test_an_alarm_is_matched_when_it_fires_and_read() -> None:
    fired = event("alarm_state_change")
    patterns = (
        AlarmStateChange.pattern(fired["resources"][0]),
        AlarmStateChange.pattern_of_any(["other", "ServerCpuTooHigh"]),
    )
    assert all(matches(pattern, fired) for pattern in patterns)
    assert not matches(AlarmStateChange.pattern_of_any(["ServerCpu"]), fired)
    assert AlarmStateChange.parse(fired).alarm == "ServerCpuTooHigh"
    fired["detail"]["state"]["value"] = "OK"
    assert not any(matches(pattern, fired) for pattern in patterns)


def test_a_version_is_matched_when_its_status_changes_or_when_it_is_registered_with_it() -> None:
    told = event("model_package_state_change")
    pattern = ModelPackageStateChange.pattern("versionedmp-p-idy6c3e1fiqj", "Approved")
    assert not matches(pattern, told)
    told["detail"]["ModelApprovalStatus"] = "Approved"
    assert not matches(pattern, told), "another field of an approved version changed"
    told["detail"]["UpdatedModelPackageFields"] = ["ApprovalDescription", "ModelApprovalStatus"]
    assert matches(pattern, told)
    del told["detail"]["UpdatedModelPackageFields"]
    assert matches(pattern, told)
    assert not matches(ModelPackageStateChange.pattern("another", "Approved"), told)


@pytest.mark.parametrize(
    ("change", "matched"),
    [
        ({}, True),
        ({"image-tag": "v2"}, False),
        ({"repository-name": "other"}, False),
        ({"result": "FAILURE"}, False),
        ({"action-type": "DELETE"}, False),
    ],
)
def test_an_image_is_matched_when_its_tag_was_pushed(change: dict[str, str], matched: bool) -> None:
    pushed = event("ecr_image_action")
    pushed["detail"] |= change
    assert matches(ImagePushed.pattern("my-repository-name", "latest"), pushed) == matched


def test_a_time_is_known_by_itself() -> None:
    assert Scheduled.parse({"time": "2026-11-21T03:00:00Z"}).token == "2026-11-21T03:00:00Z"
    assert set(Scheduled.INPUT) == {"time"}


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
