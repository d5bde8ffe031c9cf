"""The face of a rehearsal: what a person asks of it, and how it refuses what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from constructs_ml import Fail, ModelSpec
from constructs_ml.rehearsal import Rehearsed, rehearsal
from tests.support import CODE, account

ENDS = ModelSpec(
    name="ends", owner="growth", root=CODE, steps=(Fail(name="stop", error="Nothing", cause="there is nothing to do"),)
)


@pytest.fixture(scope="module")
def dev() -> Iterator[Rehearsed]:
    with rehearsal(ENDS, account=account(), acceleration=600) as found:
        yield found


def test_all_versions_are_there_and_not_one_page_of_them(dev):
    client = dev.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="dev-many")
    for _ in range(12):
        client.create_model_package(ModelPackageGroupName="dev-many", ModelApprovalStatus="PendingManualApproval")
    assert [item["ModelPackageVersion"] for item in dev.versions("many")] == list(range(1, 13))
    assert dev.approve("many") == 12


@pytest.mark.slow
def test_all_runs_are_there_and_not_one_page_of_them(dev):
    begun = [dev.start("ends").arn for _ in range(102)]
    assert {run.arn for run in dev.runs("ends")} >= set(begun)
