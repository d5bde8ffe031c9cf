"""A new version of an endpoint takes traffic step by step, and an alarm that rings meanwhile takes it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from constructs_ml.contract import names
from constructs_ml.rehearsal import Rehearsed, rehearsal
from constructs_ml.rehearsal.deployment import DeploymentFailed
from tests.rehearsal.small import small
from tests.support import account

ENDPOINT = names.endpoint("dev", "small")
ALARM = names.alarm("dev", "small", "main-errors", "critical")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dev() -> Iterator[Rehearsed]:
    """Two versions that were approved, of which the first is served."""
    with rehearsal(small(), account=account(), acceleration=60) as found:
        for word in ("first", "second"):
            assert found.wait_for(found.start("small", mode=word)).status == "SUCCEEDED"
            found.approve("small")
        found.pin("small", 1)
        yield found


def said(dev: Rehearsed) -> str:
    return dev.invoke("small", "hello").body.strip()


def served(dev: Rehearsed) -> str:
    """The endpoint's configuration."""
    described = dev.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    assert described["EndpointStatus"] == "InService"
    return str(described["EndpointConfigName"])


def pinning(dev: Rehearsed, version: int) -> tuple[threading.Thread, list[Exception]]:
    """Pin a version beside the test, which goes on once the new fleet has traffic."""
    failures: list[Exception] = []
    since = len(dev.embedded.journal)

    def pin() -> None:
        try:
            dev.pin("small", version)
        except DeploymentFailed as failed:
            failures.append(failed)

    thread = threading.Thread(target=pin)
    thread.start()
    assert dev.embedded.journal.wait(lambda entry: entry.detail.get("share") == 0.5, 60, since=since), dev.last()
    return thread, failures


def test_an_alarm_during_a_canary_brings_the_first_version_back(dev):
    assert said(dev) == "hello first"
    before = served(dev)
    thread, failures = pinning(dev, 2)
    dev.alarm(ALARM, why="too many errors")
    thread.join(60)
    (failed,) = failures
    assert isinstance(failed, DeploymentFailed)
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any(ALARM in reason and "AWS::SageMaker::Endpoint" in reason for reason in failed.reasons)
    assert served(dev) == before
    assert {said(dev) for _ in range(8)} == {"hello first"}
    assert dev.parts.iam.denied() == ()


def test_without_an_alarm_both_versions_answer_and_then_the_new_one_alone(dev):
    dev.alarm(ALARM, "OK")
    thread, failures = pinning(dev, 2)
    assert {said(dev) for _ in range(30)} == {"hello first", "hello second"}
    thread.join(60)
    assert failures == []
    assert {said(dev) for _ in range(8)} == {"hello second"}


def test_an_alarm_that_rings_already_keeps_a_new_version_away(dev):
    dev.alarm(ALARM)
    before = served(dev)
    with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        dev.pin("small", 1)
    assert served(dev) == before
    assert said(dev) == "hello second"
    dev.alarm(ALARM, "OK")
