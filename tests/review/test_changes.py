"""What deploying a change does, told from two assemblies: in place, replaced, lost or refused."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Tags

from constructs_ml import (
    Account,
    AutoScaling,
    Daily,
    DataCapture,
    EndpointSpec,
    Feature,
    Fleet,
    InstanceRules,
    Instances,
    Linear,
    ModelSettings,
    ModelSpec,
    Online,
    Provisioned,
    Serverless,
    Variant,
    pin,
)
from constructs_ml.review.assembly import Assembly, read_assembly
from constructs_ml.review.changes import Change, compare
from tests.support import CODE, account, customers, endpoint, evaluate, gate, monitors, prepare, train

pytestmark = pytest.mark.node
FLAG = {"@aws-cdk/core:explicitStackTags": True}
MORE = (*customers().features, Feature("visits", "Integral"))


def model(**given: Any) -> ModelSpec:
    steps = (prepare(), train(), evaluate(), gate())
    known = {"features": (customers(),), "endpoint": endpoint(), "monitors": monitors(), **given}
    return ModelSpec(name="churn", owner=known.pop("owner", "growth"), root=CODE, steps=steps, **known)


def where(version: int | str = 3, settings: dict[str, Any] | None = None, **changes: Any) -> Account:
    found = ModelSettings(pins={"main": pin(version)}, **(settings or {}))
    return account(existing_customer=("model-monitor",), models={"churn": found}, **changes)


def assembly(
    folder: Path, spec: ModelSpec, of: Account, *, tags: dict[str, str] | None = None, context: Any = FLAG
) -> Assembly:
    app = App(outdir=str(folder), context=context)
    fleet = Fleet(app, of.stage, account=of, models=[spec])
    for key, value in (tags or {}).items():
        Tags.of(fleet).add(key, value)
    app.synth()
    return read_assembly(folder)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return assembly(tmp_path_factory.mktemp("first"), model(), where())


def verdicts(changes: tuple[Change, ...]) -> dict[str, str]:
    return {f"{item.stack}/{item.logical_id}": item.verdict for item in changes}


ENDPOINT = {
    "dev-churn/EndpointConfig": "replaced",
    "dev-churn/EndpointEndpoint": "in place",
}
VERSION = {**ENDPOINT, "dev-churn/EndpointMainModel": "replaced"}
GROUP, DEFINITION = "dev-features/CustomersGroup", "dev-churn/EndpointQualityDefinition"


PARTS = (
    "Config",
    "DataQualityDefinition",
    "DataQualityFeatureBaselineDriftSpendWarning",
    "DataQualitySchedule",
    "Endpoint",
    "MainErrors",
    "MainLatency",
    "MainModel",
    "MainScalingPolicy",
    "MainScalingTarget",
    "MonitoringRole",
    "QualityAucCritical",
    "QualityDefinition",
    "QualitySchedule",
    "Role",
)


def scaled(**given: Any) -> EndpointSpec:
    return endpoint(variants=(Variant(compute=Instances(**given)),))


CASES: dict[str, tuple[ModelSpec, Account, dict[str, str]]] = {
    "nothing": (model(), where(), {}),
    "a new model version": (model(), where(4), VERSION),
    "another deployment policy": (
        model(endpoint=endpoint(deployment=Linear(percent=25))),
        where(),
        {"dev-churn/EndpointEndpoint": "in place"},
    ),
    "more capacity for scaling": (
        model(endpoint=endpoint(autoscaling=AutoScaling(2, 8, invocations_per_instance=500))),
        where(),
        {"dev-churn/EndpointMainScalingTarget": "in place"},
    ),
    "another target of scaling": (
        model(endpoint=endpoint(autoscaling=AutoScaling(2, 4, invocations_per_instance=900))),
        where(),
        {"dev-churn/EndpointMainScalingPolicy": "in place"},
    ),
    "a larger share captured": (model(endpoint=endpoint(capture=DataCapture(percent=10))), where(), ENDPOINT),
    "an environment variable of the container": (
        model(endpoint=endpoint(variants=(Variant(environment={"THREADS": "2"}),))),
        where(),
        VERSION,
    ),
    "the instance type of a variant that scales": (
        model(endpoint=scaled(instance_type="ml.m5.xlarge")),
        where(),
        {"dev-churn/EndpointConfig": "refused", "dev-churn/EndpointEndpoint": "in place"},
    ),
    "a renamed variant": (
        model(endpoint=endpoint(variants=(Variant(name="best"),))),
        dataclasses.replace(where(), models={"churn": ModelSettings(pins={"best": pin(3)})}),
        {
            "dev-churn/EndpointBestErrors": "added",
            "dev-churn/EndpointBestLatency": "added",
            "dev-churn/EndpointBestModel": "added",
            "dev-churn/EndpointBestScalingPolicy": "added",
            "dev-churn/EndpointBestScalingTarget": "added",
            "dev-churn/EndpointConfig": "refused",
            "dev-churn/EndpointEndpoint": "in place",
            "dev-churn/EndpointMainErrors": "removed",
            "dev-churn/EndpointMainLatency": "removed",
            "dev-churn/EndpointMainModel": "removed",
            "dev-churn/EndpointMainScalingPolicy": "removed",
            "dev-churn/EndpointMainScalingTarget": "removed",
            "dev-churn/DashboardDashboard": "in place",
        },
    ),
    "instances made serverless": (
        model(endpoint=EndpointSpec(variants=(Variant(compute=Serverless()),), alarms=endpoint().alarms), monitors=()),
        where(),
        {
            "dev-churn/DashboardDashboard": "in place",
            "dev-churn/EndpointConfig": "refused",
            "dev-churn/EndpointDataQualityDefinition": "removed",
            "dev-churn/EndpointDataQualityFeatureBaselineDriftSpendWarning": "removed",
            "dev-churn/EndpointDataQualitySchedule": "removed",
            "dev-churn/EndpointEndpoint": "in place",
            "dev-churn/EndpointMainScalingPolicy": "removed",
            "dev-churn/EndpointMainScalingTarget": "removed",
            "dev-churn/EndpointMonitoringRole": "removed",
            "dev-churn/EndpointQualityAucCritical": "removed",
            "dev-churn/EndpointQualityDefinition": "removed",
            "dev-churn/EndpointQualitySchedule": "removed",
            "dev-churn/EndpointRole": "in place",
        },
    ),
    "a monitor's threshold": (
        model(monitors=monitors(threshold=0.6)),
        where(),
        {DEFINITION: "replaced", "dev-churn/EndpointQualitySchedule": "in place"},
    ),
    "a monitor's schedule": (
        model(monitors=(monitors()[0], dataclasses.replace(monitors()[1], schedule=Daily()))),
        where(),
        {
            DEFINITION: "replaced",
            "dev-churn/EndpointQualitySchedule": "in place",
            "dev-churn/EndpointQualityAucCritical": "in place",
        },
    ),
    "an added feature": (model(features=(customers(features=MORE),)), where(), {GROUP: "in place"}),
    "an online time to live": (
        model(features=(customers(online=Online(ttl=timedelta(days=30))),)),
        where(),
        {GROUP: "in place"},
    ),
    "provisioned throughput": (
        model(features=(customers(throughput=Provisioned(reads=5, writes=5)),)),
        where(),
        {GROUP: "in place"},
    ),
    "a removed feature": (
        model(features=(customers(features=customers().features[:2]),)),
        where(),
        {GROUP: "refused"},
    ),
    "a retyped feature": (
        model(features=(customers(features=(*customers().features[:2], Feature("spend", "Integral"))),)),
        where(),
        {GROUP: "refused"},
    ),
    "another storage of the online store": (
        model(features=(customers(online=Online(storage="InMemory")),)),
        where(),
        {GROUP: "refused"},
    ),
    "a new version of a group beside the old": (
        model(features=(customers(), customers(version=2, online=Online(storage="InMemory")))),
        where(),
        {"dev-features/CustomersV2Group": "added", "dev-features/CustomersV2Role": "added"},
    ),
    "another owner": (
        model(owner="research"),
        where(),
        {
            "dev-churn/EndpointConfig": "in place",
            "dev-churn/EndpointDataQualityFeatureBaselineDriftSpendWarning": "in place",
            "dev-churn/EndpointDataQualitySchedule": "in place",
            "dev-churn/EndpointEndpoint": "in place",
            "dev-churn/EndpointMainErrors": "in place",
            "dev-churn/EndpointMainLatency": "in place",
            "dev-churn/EndpointMainModel": "in place",
            "dev-churn/EndpointMainScalingTarget": "in place",
            "dev-churn/EndpointMonitoringRole": "in place",
            "dev-churn/EndpointQualityAucCritical": "in place",
            "dev-churn/EndpointQualitySchedule": "in place",
            "dev-churn/EndpointRole": "in place",
            "dev-churn/PipelineCodeRecord": "in place",
            "dev-churn/PipelineLog": "in place",
            "dev-churn/PipelineProcessingRole": "in place",
            "dev-churn/PipelineStateMachine": "in place",
            "dev-churn/PipelineStatesRole": "in place",
            "dev-churn/PipelineTrainingRole": "in place",
            "dev-churn/RegistryGroup": "in place",
        },
    ),
    "the only feature group, no longer declared": (
        model(features=()),
        where(),
        {"dev-features/": "kept"},
    ),
    "an endpoint that is no longer pinned": (
        model(),
        dataclasses.replace(where(), models={}),
        {
            **{f"dev-churn/Endpoint{part}": "removed" for part in PARTS},
            "dev-churn/EndpointEndpoint": "outage",
            "dev-churn/DashboardDashboard": "in place",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_has_its_verdict(name: str, first: Assembly, tmp_path: Path) -> None:
    spec, of, expected = CASES[name]
    assert verdicts(compare(first, assembly(tmp_path, spec, of))) == expected


def test_at_least_twenty_changes_are_judged() -> None:
    assert len(CASES) >= 20
    assert {verdict for _, _, expected in CASES.values() for verdict in expected.values()} >= {
        "in place",
        "replaced",
        "refused",
        "kept",
    }


def test_a_reviewer_reads_what_changes_in_words(first: Assembly, tmp_path: Path) -> None:
    after = assembly(tmp_path, model(features=(customers(features=MORE),)), where(4))
    found = {item.logical_id: "\n".join(item.details) for item in compare(first, after)}
    assert (
        '+ FeatureDefinitions[visits]: {"FeatureName": "visits", "FeatureType": "Integral"}' in found["CustomersGroup"]
    )
    assert "model-package/dev-churn/3 -> " in found["EndpointMainModel"]


def test_a_stack_that_synth_found_errors_in_is_refused(first: Assembly, tmp_path: Path) -> None:
    broken = dataclasses.replace(where(), instances=InstanceRules(processing="ml.m5.huge", endpoint="ml.m5.large"))
    found = [item for item in compare(first, assembly(tmp_path, model(), broken)) if not item.logical_id]
    assert {item.verdict for item in found} == {"refused"}
    assert any("SageMaker has no such instance type" in item.why for item in found)


def test_a_stack_wide_tag_touches_no_group_and_no_definition(first: Assembly, tmp_path: Path) -> None:
    after = assembly(tmp_path, model(), where(), tags={"cost-center": "growth"})
    found = verdicts(compare(first, after))
    assert set(found.values()) == {"in place"}
    assert not {GROUP, DEFINITION, "dev-churn/EndpointDataQualityDefinition"} & set(found)
    assert len(found) > 20


def test_a_tag_that_cdk_puts_on_the_stack_itself_reaches_them_all_the_same(tmp_path: Path) -> None:
    """CloudFormation hands a stack's own tags to its resources; CDK sets them unless it is told not to."""
    before = assembly(tmp_path / "before", model(), where(), context={})
    after = assembly(tmp_path / "after", model(), where(), tags={"team": "growth"}, context={})
    found = {f"{item.stack}/{item.logical_id}": item for item in compare(before, after)}
    assert found[GROUP].verdict == "refused"
    assert found[GROUP].paths == ("Tags",)
    assert found[DEFINITION].verdict == "replaced"
