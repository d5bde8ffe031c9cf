"""known_case, whole: a Glue job, a container, a GPU and a function that makes an endpoint."""

from __future__ import annotations

import pytest

from apps.known_case.rehearse import DAYS, NAME, play, rehearsed


@pytest.mark.slow
def test_known_case_runs_from_orders_to_an_endpoint_that_answers() -> None:
    with rehearsed() as dev:
        run, answer = play(dev)
        assert run.status == "SUCCEEDED", run
        assert [state for state in run.states if state.islower()] == [
            "prepare",
            "extract",
            "transform",
            "train",
            "deploy",
        ]
        dear, cheap = map(float, answer.split())
        assert dear > 0.5 > cheap
        (job,) = dev.client("glue").get_job_runs(JobName="orders-extract-dev")["JobRuns"]
        assert job["Arguments"]["--from"].endswith(f"raw/{max(DAYS)}")
        endpoint = dev.client("sagemaker").describe_endpoint(EndpointName=NAME)
        (trained,) = dev.parts.store.all("TrainingJob")
        assert endpoint["EndpointConfigName"] == trained.name
        assert len({entry.name for entry in dev.embedded.journal.entries("stand-in")}) == 4
        assert not dev.parts.iam.denied()
