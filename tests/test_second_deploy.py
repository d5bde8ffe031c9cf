"""The reviewer's daily experience: what a small change changes in the templates, and that nothing else does."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from constructs_ml import Account, Cron, ModelSpec, OnAlarm
from tests.assemblies import Templates, changes, fleet
from tests.support import account, customers, endpoint, evaluate, gate, monitors, pinned, prepare, train

pytestmark = pytest.mark.node
DEFINITION = "Properties.DefinitionString.Fn::Sub"


def model(root: Path, **options: Any) -> ModelSpec:
    steps = options.pop("steps", (prepare(), train(**options.pop("train", {})), evaluate(), gate()))
    triggers = options.pop("triggers", (Cron("0 3 * * ? *"), OnAlarm("kpi")))
    return ModelSpec(name="churn", owner="growth", root=root, steps=steps, triggers=triggers, **options)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    for name in ("prepare", "train", "evaluate"):
        (folder / f"{name}.py").write_text(f"print('{name}')\n")
    return folder


@pytest.fixture
def first(tmp_path: Path, code: Path) -> Templates:
    return fleet(tmp_path / "first", model(code), account(), commit="a" * 40)


def second(tmp_path: Path, code: Path, *, commit: str = "a" * 40, where: Any = None, **options: Any) -> Templates:
    return fleet(tmp_path / "second", model(code, **options), where or account(), commit=commit)


def test_nothing_changed_changes_nothing(tmp_path: Path, code: Path, first: Templates) -> None:
    assert changes(first, second(tmp_path, code)) == {}


def test_a_hyperparameter_changes_the_definition_alone(tmp_path: Path, code: Path, first: Templates) -> None:
    after = second(tmp_path, code, train={"hyperparameters": {"depth": 4}})
    assert changes(first, after) == {"dev-churn/PipelineStateMachine": (DEFINITION,)}
    old = first["dev-churn"]["Resources"]["PipelineStateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    new = after["dev-churn"]["Resources"]["PipelineStateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    assert old[0].replace('"depth":"3"', '"depth":"4"') == new[0]
    assert old[1] == new[1]


def test_a_steps_code_changes_the_definition_and_the_record(tmp_path: Path, code: Path, first: Templates) -> None:
    (code / "train.py").write_text("print('better')\n")
    assert changes(first, second(tmp_path, code)) == {
        "dev-churn/PipelineCodeRecord": ("Properties.Value",),
        "dev-churn/PipelineStateMachine": (DEFINITION,),
    }


def test_a_tag_changes_tags_alone(tmp_path: Path, code: Path, first: Templates) -> None:
    found = changes(first, second(tmp_path, code, tags={"team": "growth"}))
    assert {path for paths in found.values() for path in paths} == {
        "Properties.Tags",
        "Properties.Tags.team",
        DEFINITION,
    }
    assert set(found) == {
        "dev-churn/PipelineCodeRecord",
        "dev-churn/PipelineLog",
        "dev-churn/PipelineProcessingRole",
        "dev-churn/PipelineStateMachine",
        "dev-churn/PipelineStatesRole",
        "dev-churn/PipelineTrainingRole",
        "dev-churn/PipelineStarter",
        "dev-churn/PipelineStarterLog",
        "dev-churn/PipelineStarterRole",
        "dev-churn/PipelineTriggerRole",
    }


def test_a_schedule_changes_in_place(tmp_path: Path, code: Path, first: Templates) -> None:
    after = second(tmp_path, code, triggers=(Cron("0 4 * * ? *"), OnAlarm("kpi")))
    assert changes(first, after) == {"dev-churn/PipelineCron": ("Properties.ScheduleExpression",)}


def test_another_trigger_comes_alone_and_the_starter_knows_it(tmp_path: Path, code: Path, first: Templates) -> None:
    late = Cron("0 4 * * ? *", name="late", flexible=timedelta(minutes=5))
    after = second(tmp_path, code, triggers=(Cron("0 3 * * ? *"), OnAlarm("kpi"), late))
    assert changes(first, after) == {
        "dev-churn/PipelineLate": ("+",),
        "dev-churn/PipelineStarter": (DEFINITION,),
    }


def test_a_commit_without_code_changes_the_record_alone(tmp_path: Path, code: Path, first: Templates) -> None:
    after = second(tmp_path, code, commit="b" * 40)
    assert changes(first, after) == {"dev-churn/PipelineCodeRecord": ("Properties.Value",)}


def test_more_retention_changes_log_groups_and_what_sets_them(tmp_path: Path, code: Path, first: Templates) -> None:
    after = second(tmp_path, code, where=dataclasses.replace(account(), log_retention_days=30))
    assert changes(first, after) == {
        "dev-churn/PipelineLog": ("Properties.RetentionInDays",),
        "dev-churn/PipelineStarterLog": ("Properties.RetentionInDays",),
        "dev-platform/PlatformLogBucket": ("Properties.LifecycleConfiguration.Rules",),
        "dev-platform/PlatformLogRetention": ("Properties.Environment.Variables.RETENTION_DAYS",),
        "dev-platform/PlatformLogRetentionLog": ("Properties.RetentionInDays",),
    }


def served(code: Path, version: int) -> tuple[ModelSpec, Account]:
    spec = model(code, endpoint=endpoint(), monitors=monitors(), features=(customers(),))
    return spec, dataclasses.replace(pinned(main=version), existing_customer=("model-monitor",))


def test_a_new_model_version_changes_the_text_of_the_model_alone(tmp_path: Path, code: Path) -> None:
    """CloudFormation then replaces the configuration that refers to it, and moves the endpoint: see the verdicts."""
    templates = [fleet(tmp_path / str(version), *served(code, version)) for version in (3, 4)]
    package = "Properties.PrimaryContainer.ModelPackageName.Fn::Sub"
    assert changes(*templates) == {"dev-churn/EndpointMainModel": (package,)}
