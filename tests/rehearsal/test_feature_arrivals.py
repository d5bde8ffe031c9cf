"""Records are put into a deployed feature group, and what arrives in its offline store starts a run."""

from __future__ import annotations

import pytest

from constructs_ml import Account, Feature, FeatureGroupSpec, ModelSpec, OnFeatures, Online, Wait
from constructs_ml.rehearsal import rehearsal

CUSTOMERS = FeatureGroupSpec(
    name="customers",
    record_identifier="customer_id",
    event_time="updated_at",
    features=(Feature("customer_id"), Feature("updated_at"), Feature("spend", "Fractional")),
    online=Online(),
)
MODEL = ModelSpec(
    name="spenders",
    owner="growth",
    features=(CUSTOMERS,),
    steps=(Wait(name="settle", seconds=1),),
    triggers=(OnFeatures(CUSTOMERS, debounce=None),),
)


@pytest.mark.slow
def test_records_are_answered_online_and_their_files_start_a_run() -> None:
    with rehearsal(MODEL, account=Account(stage="dev", id="111111111111", region="eu-central-1")) as dev:
        (group,) = dev.client("sagemaker").list_feature_groups()["FeatureGroupSummaries"]
        records = dev.client("sagemaker-featurestore-runtime")
        values = {"customer_id": "7", "updated_at": "2026-11-20T00:00:00Z", "spend": "9.5"}
        record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
        records.put_record(FeatureGroupName=group["FeatureGroupName"], Record=record)
        found = records.get_record(FeatureGroupName=group["FeatureGroupName"], RecordIdentifierValueAsString="7")
        assert {item["FeatureName"]: item["ValueAsString"] for item in found["Record"]} == values
        run = dev.wait_for("spenders", seconds=20)
        assert run.status == "SUCCEEDED", run
        assert not dev.parts.iam.denied()
