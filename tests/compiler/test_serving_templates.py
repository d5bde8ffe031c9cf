"""Feature groups, endpoints, monitors and dashboards as cfn-lint judges them, and any endpoint that can be said."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_ml import (
    S3,
    Account,
    AccountNetwork,
    AllAtOnce,
    Artifact,
    AutoScaling,
    Baseline,
    Canary,
    Code,
    Compute,
    Daily,
    DataCapture,
    DataQuality,
    EndpointSpec,
    Errors,
    Every,
    Image,
    Instances,
    Latency,
    Linear,
    ModelQuality,
    MonitorAlarm,
    Network,
    Offline,
    Online,
    Provisioned,
    Rolling,
    ScheduledCapacity,
    Serverless,
    SpecError,
    Variant,
    drift,
)
from constructs_ml.compiler.dashboard import compile_dashboard
from constructs_ml.compiler.feature_group import compile_feature_group
from constructs_ml.compiler.template import Compiled
from tests.models import churn
from tests.support import account, customers, endpoint, monitors, pinned, served

LINT = str(Path(sys.executable).parent / "cfn-lint")
NETWORK = AccountNetwork(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",))
MAY = dataclasses.replace(
    pinned(main=3), existing_customer=("model-monitor",), network=NETWORK, tags={"cost-center": "growth"}
)
AGNOSTIC = dataclasses.replace(MAY, id=None, region=None)
REGRESSION = ModelQuality(
    ground_truth=S3("s3://labels/churn/"),
    problem="Regression",
    inference="0",
    start=timedelta(hours=30),
    end=timedelta(),
    schedule=Daily(23),
    timeout=timedelta(hours=5),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=2, volume_gb=100),
    network=Network(isolation=True, encrypt_between_containers=True),
    baseline=Baseline(source=S3("baselines/"), statistics=None),
    alarms=(MonitorAlarm(metric="rmse", above=3), MonitorAlarm(metric="rmse", above=9, severity="critical")),
)


def group(where: Account = MAY, **changes: Any) -> Compiled:
    return compile_feature_group(customers(**changes), where, prefix="Customers")


MADE: dict[str, Callable[[], Compiled]] = {
    "a group with both stores": group,
    "a group in no region": lambda: group(AGNOSTIC),
    "a group in memory": lambda: group(online=Online(storage="InMemory", ttl=timedelta(hours=5)), description="x"),
    "a group on disk alone": lambda: group(
        online=None, offline=Offline(format="Iceberg", location=S3("s3://lake/crm"))
    ),
    "a group with a table of its own": lambda: group(offline=Offline(table="lake.customers", lake_formation=True)),
    "a provisioned group": lambda: group(throughput=Provisioned(reads=5, writes=0), tags={"domain": "crm"}),
    "an endpoint with monitors": lambda: served(where=MAY, monitors=monitors()),
    "an endpoint in no region": lambda: served(where=AGNOSTIC, monitors=monitors()),
    "a regression's monitor": lambda: served(where=MAY, monitors=(REGRESSION, DataQuality(schedule=Every(6, start=2)))),
    "an isolated endpoint": lambda: served(endpoint(network=Network(isolation=True)), MAY),
    "an endpoint with code": lambda: served(
        EndpointSpec(
            variants=(Variant(model=Artifact(S3("m/1/model.tar.gz"), Image("serve:1")), code="inference.py"),),
            alarms=(Errors(severity="warning"), Latency(percentile=99.9)),
            rollback=("kpi",),
        ),
        account(),
    ),
    "a dashboard": lambda: compile_dashboard(churn, MAY, prefix="Dashboard"),
}


MADE["a scaled variety"] = lambda: served(
    EndpointSpec(
        variants=(Variant(name="main", weight=9, environment={"A": "1"}), Variant(name="challenger", weight=1)),
        deployment=Linear(percent=50, bake=timedelta(minutes=5), hold=timedelta(minutes=1), timeout=timedelta(hours=1)),
        autoscaling=AutoScaling(
            2,
            8,
            utilisation=60,
            schedules=(ScheduledCapacity("0 22 * * ? *", 1, 2, "Europe/Berlin"),),
            scale_in_cooldown=timedelta(minutes=10),
            scale_out_cooldown=timedelta(minutes=1),
        ),
        capture=DataCapture(percent=20, what="Input"),
        alarms=(Errors(percent=2, periods=5, ringing=4), Latency(milliseconds=250, percentile=95, severity="warning")),
    ),
    pinned(main="arn:aws:sagemaker:eu-central-1:222222222222:model-package/staging-churn/4", challenger=5),
)
MADE["a serverless one"] = lambda: served(
    EndpointSpec(
        variants=(Variant(compute=Serverless(memory_mb=3072, concurrency=20, provisioned=3)),),
        autoscaling=AutoScaling(1, 8, provisioned_utilisation=70),
    )
)


@pytest.mark.parametrize("name", MADE)
def test_each_of_them_is_written_like_this(name: str, snapshot: SnapshotAssertion) -> None:
    found = MADE[name]()
    reasons = [[item.resource, item.kind, item.subject, item.reason] for item in found.acknowledgements]
    notices = [[item.id, item.text] for item in found.notices]
    shown = {"resources": found.resources, "accepted": reasons, "notices": notices, "mappings": sorted(found.mappings)}
    assert shown == snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.slow
def test_each_of_them_is_clean(tmp_path: Path) -> None:
    parts = {"bucket": "assets", "key": "code.tar.gz", "uri": "s3://assets/code.tar.gz", "file": "code.tar.gz"}
    for number, compile in enumerate(MADE.values()):
        compiled = compile()
        template = compiled.template({}, dict.fromkeys(compiled.assets, parts))  # type: ignore[dict-item]
        (tmp_path / f"{number}.json").write_text(json.dumps(template))
    command = [LINT, "--regions", "eu-central-1", "--non-zero-exit-code", "error", "-t", str(tmp_path / "*.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]


minutes = st.integers(0, 60).map(lambda count: timedelta(minutes=count))
waits = {"bake": minutes, "hold": minutes}
sizes = st.one_of(
    st.builds(lambda value: {"percent": value}, st.integers(1, 60)),
    st.builds(lambda value: {"instances": value}, st.integers(1, 4)),
)
capacity = st.integers(1, 6)
computes = st.one_of(
    st.builds(
        lambda kind, count: {"kind": Instances, "instance_type": kind, "count": count},
        st.sampled_from([None, "ml.m5.large", "ml.t2.medium", "ml.inf1.xlarge", "ml.m5d.large"]),
        st.one_of(st.none(), capacity),
    ),
    st.builds(lambda warm: {"kind": Serverless, "provisioned": warm}, st.one_of(st.none(), st.integers(1, 5))),
)
scalings = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "minimum": capacity,
            "maximum": capacity,
            "measure": st.sampled_from(
                ["invocations_per_instance", "concurrency_per_instance", "utilisation", "provisioned_utilisation", ""]
            ),
            "scheduled": st.booleans(),
        }
    ),
)


def scaling(given: dict[str, Any] | None) -> AutoScaling | None:
    if given is None:
        return None
    schedules = (ScheduledCapacity("0 6 * * ? *", 1, 2),) if given["scheduled"] else ()
    measure = {given["measure"]: 50} if given["measure"] else {}
    return AutoScaling(given["minimum"], given["maximum"], schedules=schedules, **measure)


@given(
    st.lists(st.tuples(st.sampled_from(["main", "other", "a-1", "a1"]), computes, capacity), min_size=1, max_size=3),
    st.sampled_from([AllAtOnce, Canary, Linear, Rolling]),
    sizes,
    st.fixed_dictionaries(waits),
    scalings,
    st.booleans(),
    st.booleans(),
)
def test_any_endpoint_is_refused_in_words_or_compiles(
    variants: list[tuple[str, dict[str, Any], int]],
    policy: type,
    size: dict[str, int],
    wait: dict[str, timedelta],
    bounds: dict[str, Any] | None,
    capture: bool,
    isolated: bool,
) -> None:
    try:
        named = tuple(
            Variant(name=name, weight=weight, compute=(given := dict(compute)).pop("kind")(**given))
            for name, compute, weight in variants
        )
        wanted = {key: value for key, value in wait.items() if key in policy.__dataclass_fields__}
        deployment = policy(**wanted, **({} if policy is AllAtOnce else size))
        spec = EndpointSpec(
            variants=named,
            deployment=deployment,
            autoscaling=scaling(bounds),
            capture=DataCapture() if capture else None,
            network=Network(isolation=isolated),
        )
        found = served(spec, pinned(**{variant.name: 1 for variant in named}))
    except SpecError:
        return
    types = [item["Type"].rpartition("::")[2] for item in found.resources.values()]
    assert types.count("Model") == len(named)
    assert types.count("Endpoint") == types.count("EndpointConfig") == 1
    assert types.count("Alarm") == 2 * len(named)
    assert types.count("ScalableTarget") == (len(named) if bounds else 0)


def test_code_of_a_folder_travels_whole() -> None:
    found = served(endpoint(variants=(Variant(code=Code("folder", "main.py")),)))
    assert found.resources["EndpointMainModel"]["Properties"]["PrimaryContainer"]["Environment"][
        "SAGEMAKER_PROGRAM"
    ] == ("main.py")


def test_drift_is_watched_under_one_name_for_every_engine() -> None:
    assert drift("spend", above=0.1).metric == "feature_baseline_drift_spend"
