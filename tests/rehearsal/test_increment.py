"""increment, whole: the second run goes on from the model that the first one made and a person approved."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from apps.increment.model import increment
from constructs_ml import Accounts
from constructs_ml.rehearsal import Rehearsed, Run, rehearsal

ACCOUNTS = Path(__file__).parents[2] / "apps" / "increment" / "accounts.yaml"
FUNCTION = "dev-increment-training-arrived"


def parcels(seed: int, number: int = 400) -> str:
    """Parcels of which the far ones come late."""
    chance = np.random.default_rng(seed)
    distance, weight = chance.uniform(1, 100, number), chance.uniform(0, 10, number)
    late = (chance.random(number) < distance / 120).astype(int)
    rows = (f"{d:.2f},{w:.2f},{y}" for d, w, y in zip(distance, weight, late, strict=True))
    return "\n".join(["distance,weight,late", *rows, ""])


def arrive(dev: Rehearsed, name: str, seed: int) -> Run:
    """A file arrives and a burst's pause goes by; the run. Functions read this machine's clock, to the second."""
    dev.put(f"arrivals/{name}", parcels(seed))
    time.sleep(1)
    dev.advance(timedelta(minutes=45))
    return dev.wait_for("increment")


@pytest.mark.slow
def test_the_second_increment_goes_on_from_the_champion() -> None:
    with rehearsal(increment, account=Accounts.load(ACCOUNTS)["dev"]) as dev:
        settled = {"Variables": {"SETTLE_SECONDS": "0"}}
        dev.client("lambda").update_function_configuration(FunctionName=FUNCTION, Environment=settled)
        dev.put("holdout/a.csv", parcels(1))
        first = arrive(dev, "1.csv", 2)
        assert first.status == "SUCCEEDED", first
        assert "cold" in first.states
        dev.approve("increment")
        second = arrive(dev, "2.csv", 3)
        assert second.status == "SUCCEEDED", second
        assert "warm" in second.states
        jobs = {job.name: job for job in dev.parts.store.all("TrainingJob")}
        warm = next(job for name, job in jobs.items() if "-warm-" in name)
        channels = {item["ChannelName"]: item["DataSource"]["S3DataSource"] for item in warm.fields["InputDataConfig"]}
        assert channels["previous"]["S3Uri"] == first.output["steps"]["cold"]["model"]
        assert channels["train"]["S3DataType"] == "ManifestFile"
        steps = second.output["steps"]
        assert steps["champion"]["metadata_data_until"] == first.output["steps"]["arrived"]["until"]
        assert steps["arrived"]["metrics"]["count"] == 1
        assert len(dev.versions("increment")) == 2
        assert not dev.parts.iam.denied()
