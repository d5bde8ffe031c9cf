"""SageMaker's state changes: events shaped as documented, and entries in the journal."""

from __future__ import annotations

from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.store import Store


def test_a_job_that_failed_is_told_with_its_reason_and_times_in_milliseconds(account: EmbeddedAccount) -> None:
    """Like https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html."""
    events: list[dict[str, Any]] = []
    account.buses.append(events.append)
    store = Store(account)
    StateChanges(account, store)
    with account.running():
        job = store.add("TrainingJob", "train-1", {"RoleArn": "role"}, {"team": "retention"})
        store.change(job, TrainingJobStatus="InProgress")
        store.change(job, TrainingJobStatus="InProgress", SecondaryStatus="Training")
        store.change(job, TrainingJobStatus="Failed", FailureReason="AlgorithmError: exit 1")
    begun, failed = events
    assert begun["detail"]["TrainingJobStatus"] == "InProgress"
    assert failed["detail-type"] == "SageMaker Training Job State Change"
    assert failed["source"] == "aws.sagemaker"
    assert failed["resources"] == ["arn:aws:sagemaker:eu-central-1:111111111111:training-job/train-1"]
    detail = failed["detail"]
    assert (detail["TrainingJobName"], detail["FailureReason"]) == ("train-1", "AlgorithmError: exit 1")
    assert detail["Tags"] == {"team": "retention"}
    assert isinstance(detail["CreationTime"], int)
    assert detail["CreationTime"] > 10**12
    entries = account.journal.entries("job")
    assert [entry.detail["status"] for entry in entries] == ["InProgress", "Failed"]
    assert entries[1].detail["reason"] == "AlgorithmError: exit 1"
    assert entries[1].detail["noun"] == "TrainingJob"
    assert "seconds" not in entries[0].detail
    assert entries[1].detail["seconds"] >= 0
    assert entries[1].detail["processes"] == []


def test_an_endpoint_is_in_service_in_capitals(account: EmbeddedAccount) -> None:
    events: list[dict[str, Any]] = []
    account.buses.append(events.append)
    store = Store(account)
    StateChanges(account, store)
    with account.running():
        endpoint = store.add("Endpoint", "churn", {"EndpointConfigName": "one"})
        store.change(endpoint, EndpointStatus="InService")
    (event,) = events
    assert event["detail"]["EndpointStatus"] == "IN_SERVICE"
    assert account.journal.entries("endpoint")[0].detail["status"] == "InService"
