"""How many jsii messages a model costs: the count is free of noise, so it is what is tested."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns

from constructs_ml import (
    Account,
    Canary,
    Cron,
    DataCapture,
    Endpoint,
    EndpointSpec,
    Feature,
    FeatureGroup,
    Fleet,
    ModelSpec,
    OnAlarm,
    Pipeline,
    Rate,
    Variant,
)
from tests.jsii_messages import counted
from tests.support import (
    CODE,
    IMAGE,
    account,
    customers,
    endpoint,
    evaluate,
    gate,
    monitors,
    pinned,
    pipeline,
    prepare,
    train,
)

pytestmark = pytest.mark.node

# A construct: itself, its stack, its path (2), the include, and its acknowledged findings (2).
CONSTRUCT = 7
# The first construct of a stack asks for the stack's path (2), account and region.
STACK = 4
# An asset, its bucket and its key.
CODE_EACH = 3
# A construct without accepted findings.
BARE = CONSTRUCT - 2
# The stack of a model: the stack itself, and that it comes after its platform.
MODEL_STACK = 2


def stack(folder: Path) -> Stack:
    return Stack(App(outdir=str(folder)), "S", env=Environment(account="111111111111", region="eu-central-1"))


def messages(folder: Path, spec: Any, **given: Any) -> int:
    scope = stack(folder)
    with counted() as found:
        Pipeline(scope, "Training", spec, account=account(), **given)
    return found.total()


def test_a_pipeline_costs_a_fixed_number(tmp_path: Path) -> None:
    one = pipeline(prepare(code=None, image=_image()))
    assert messages(tmp_path, one) == STACK + CONSTRUCT


def test_code_costs_three_messages_each_and_is_shared(tmp_path: Path) -> None:
    assert messages(tmp_path / "1", pipeline(prepare())) == STACK + CONSTRUCT + CODE_EACH
    assert messages(tmp_path / "2", pipeline(prepare(), train())) == STACK + CONSTRUCT + 2 * CODE_EACH
    again = prepare(name="again")
    assert messages(tmp_path / "3", pipeline(prepare(), train(), again)) == STACK + CONSTRUCT + 2 * CODE_EACH


def test_one_more_step_adds_none(tmp_path: Path) -> None:
    few = pipeline(prepare(code=None, image=_image()))
    many = pipeline(*(prepare(name=f"prepare-{number}", code=None, image=_image()) for number in range(40)))
    assert messages(tmp_path / "few", few) == messages(tmp_path / "many", many)


def test_one_more_trigger_adds_none(tmp_path: Path) -> None:
    triggers = (
        Cron("0 3 * * ? *"),
        Rate(timedelta(days=1)),
        *(OnAlarm(f"kpi-{n}", name=f"kpi-{n}") for n in range(20)),
    )
    few, many = pipeline(prepare()), pipeline(prepare(), triggers=triggers)
    assert messages(tmp_path / "few", few) == messages(tmp_path / "many", many)


def test_a_topic_that_is_handed_in_costs_its_own_reads_alone(tmp_path: Path) -> None:
    scope = stack(tmp_path)
    topic = sns.Topic(scope, "Topic")
    with counted() as found:
        Pipeline(scope, "Training", pipeline(prepare()), account=account(), topic=topic)
    # Its ARN is read.
    assert found.total() == STACK + CONSTRUCT + CODE_EACH + 1


def test_each_model_of_a_fleet_costs_the_same(tmp_path: Path) -> None:
    costs = []
    for count in (1, 2, 4):
        models = [_model(f"churn-{number}") for number in range(count)]
        app = App(outdir=str(tmp_path / str(count)))
        with counted() as found:
            Fleet(app, "dev", account=account(), models=models)
        costs.append(found.total())
    # Its registry, pipeline and dashboard.
    assert costs[1] - costs[0] == MODEL_STACK + STACK + CONSTRUCT + 2 * BARE + 3 * CODE_EACH
    assert costs[2] - costs[1] == 2 * (costs[1] - costs[0])


def test_four_alarms_two_monitors_and_scaling_add_none_to_an_endpoint(tmp_path: Path) -> None:
    where = pinned(account(existing_customer=("model-monitor",)), main=3, other=4)
    variants = (Variant(name="main"), Variant(name="other"))
    bare = EndpointSpec(variants=variants, alarms=(), capture=DataCapture())
    full = endpoint(variants=variants, deployment=Canary(percent=50))
    assert endpoint_messages(tmp_path / "warm", full, where, monitors())
    few = endpoint_messages(tmp_path / "few", bare, where, ())
    assert few == STACK + CONSTRUCT
    assert endpoint_messages(tmp_path / "many", full, where, monitors()) == few


def test_an_endpoint_that_is_not_there_yet_costs_its_warning(tmp_path: Path) -> None:
    # Itself, its stack and place, and the annotation.
    assert endpoint_messages(tmp_path, endpoint(), account(), monitors()) == STACK + CONSTRUCT - 1


def test_a_feature_group_costs_the_same_whatever_its_size(tmp_path: Path) -> None:
    costs = []
    for count in (1, 1, 500):
        scope = stack(tmp_path / str(len(costs)))
        names = (*customers().features, *(Feature(f"f{number}") for number in range(count)))
        with counted() as found:
            FeatureGroup(scope, "Customers", customers(features=names), account=account())
        costs.append(found.total())
    assert costs[1:] == [STACK + CONSTRUCT] * 2


def endpoint_messages(folder: Path, spec: EndpointSpec, where: Account, watched: Any) -> int:
    scope = stack(folder)
    with counted() as found:
        Endpoint(
            scope, "Endpoint", spec, model="churn", owner="growth", account=where, monitors=watched, images=(IMAGE,)
        )
    return found.total()


def _model(name: str) -> ModelSpec:
    return ModelSpec(name=name, owner="growth", root=CODE, steps=(prepare(), train(), evaluate(), gate()))


def _image() -> Any:
    from constructs_ml import Image

    return Image("prepare:1")


def test_a_drawing_costs_none(tmp_path: Path) -> None:
    built = Pipeline(stack(tmp_path), "Training", pipeline(), account=account())
    with counted() as found:
        assert "prepare" in built.drawing.svg
    assert found.total() == 0
