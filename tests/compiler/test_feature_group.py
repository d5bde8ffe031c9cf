"""What a feature group compiles to, and how its recorded schema guards what nobody can take back."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import S3, Account, AccountError, Feature, Offline, Online, Provisioned, SpecError
from constructs_ml.compiler.feature_group import compile_feature_group
from constructs_ml.compiler.recorded import check_evolution, is_behind, record_of, write_record
from constructs_ml.compiler.template import Compiled
from constructs_ml.facts import updates
from constructs_ml.faults import Faults
from constructs_ml.spec.features import TYPES, FeatureGroupSpec
from tests.support import account, customers, statements_of


def compiled(spec: FeatureGroupSpec | None = None, where: Account | None = None, **options: Any) -> Compiled:
    return compile_feature_group(spec or customers(), where or account(), prefix="Customers", **options)


def group(found: Compiled) -> dict[str, Any]:
    properties: dict[str, Any] = found.resources["CustomersGroup"]["Properties"]
    return properties


def test_a_group_has_its_features_both_stores_and_a_role_of_its_own() -> None:
    found = group(compiled(customers(online=Online(ttl=timedelta(days=30)), description="who buys")))
    assert found["FeatureGroupName"] == "dev-customers"
    assert (found["RecordIdentifierFeatureName"], found["EventTimeFeatureName"]) == ("customer_id", "updated_at")
    assert found["FeatureDefinitions"][2] == {"FeatureName": "spend", "FeatureType": "Fractional"}
    assert found["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 30}
    assert found["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"]["Fn::Sub"][0] == "s3://${Bucket}/features/customers"
    assert found["RoleArn"] == {"Fn::GetAtt": ["CustomersRole", "Arn"]}
    assert found["Description"] == "who buys"


@pytest.mark.parametrize(
    ("ttl", "shown"),
    [
        (timedelta(weeks=2), ("Weeks", 2)),
        (timedelta(hours=36), ("Hours", 36)),
        (timedelta(minutes=90), ("Minutes", 90)),
        (timedelta(seconds=61), ("Seconds", 61)),
    ],
)
def test_a_time_to_live_is_written_in_the_largest_whole_unit(ttl: timedelta, shown: tuple[str, int]) -> None:
    found = group(compiled(customers(online=Online(ttl=ttl))))["OnlineStoreConfig"]["TtlDuration"]
    assert (found["Unit"], found["Value"]) == shown


def test_group_and_role_are_retained_unless_both_keys_say_otherwise() -> None:
    for options, where, retained in (
        ({}, account(destroyable=True), True),
        ({"destroyable": True}, account(), True),
        ({"destroyable": True}, account(destroyable=True), False),
    ):
        found = compiled(where=where, **options).resources
        assert {"Retain" if retained else None} == {item.get("DeletionPolicy") for item in found.values()}
        assert {"Retain" if retained else None} == {item.get("UpdateReplacePolicy") for item in found.values()}


def test_its_tags_are_the_same_whatever_account_owner_or_team_say() -> None:
    tagged = compiled(where=account(tags={"cost-center": "x"}))
    assert group(tagged)["Tags"] == group(compiled())["Tags"]
    names = {item["Key"] for item in group(compiled(customers(tags={"domain": "crm"})))["Tags"]}
    assert names == {"domain", "constructs-ml:feature-group", "constructs-ml:stage"}
    assert tagged.resources["CustomersRole"] != compiled().resources["CustomersRole"]


def test_an_online_group_alone_needs_no_role() -> None:
    found = compiled(customers(offline=None))
    assert set(found.resources) == {"CustomersGroup"}
    assert not {"RoleArn", "OfflineStoreConfig"} & set(group(found))


def test_an_offline_group_alone_has_a_throughput_and_one_in_memory_none() -> None:
    found = group(compiled(customers(online=None, throughput=Provisioned(reads=1, writes=2))))
    assert "OnlineStoreConfig" not in found
    assert found["ThroughputConfig"]["ProvisionedWriteCapacityUnits"] == 2
    assert "ThroughputConfig" not in group(compiled(customers(online=Online(storage="InMemory"))))


def test_the_role_updates_its_own_table_and_no_other() -> None:
    made = json.dumps(statements_of(compiled(), "CustomersRole"))
    assert "table/sagemaker_featurestore/dev_customers_*" in made
    own = json.dumps(statements_of(compiled(customers(offline=Offline(table="lake.customers"))), "CustomersRole"))
    assert "table/lake/customers" in own
    assert "sagemaker_featurestore" not in own


def test_throughput_is_on_demand_unless_it_is_provisioned() -> None:
    assert group(compiled())["ThroughputConfig"] == {"ThroughputMode": "OnDemand"}
    assert group(compiled(customers(throughput=Provisioned(reads=5, writes=7))))["ThroughputConfig"] == {
        "ThroughputMode": "Provisioned",
        "ProvisionedReadCapacityUnits": 5,
        "ProvisionedWriteCapacityUnits": 7,
    }


def test_a_table_of_ones_own_turns_the_making_of_tables_off() -> None:
    store = group(compiled(customers(offline=Offline(table="lake.customers"))))["OfflineStoreConfig"]
    assert store["DisableGlueTableCreation"] is True
    assert store["DataCatalogConfig"] == {
        "Catalog": {"Ref": "AWS::AccountId"},
        "Database": "lake",
        "TableName": "customers",
    }
    made = group(compiled(customers(offline=Offline(format="Iceberg"))))["OfflineStoreConfig"]
    assert made["TableFormat"] == "Iceberg"
    assert "DataCatalogConfig" not in made


def test_a_bucket_of_ones_own_is_all_that_the_role_writes_to() -> None:
    found = compiled(customers(offline=Offline(location=S3("s3://lake/crm"))))
    statements = json.dumps(statements_of(found, "CustomersRole"))
    assert ":s3:::lake/crm/*" in statements
    assert "dev-ml-data" not in statements
    assert group(found)["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"]["Fn::Sub"] == [
        "s3://${Bucket}/crm",
        {"Bucket": "lake"},
    ]


def test_lake_formation_registers_the_location_in_hybrid_mode() -> None:
    found = compiled(customers(offline=Offline(lake_formation=True))).resources["CustomersLakeLocation"]
    assert found["Properties"]["HybridAccessEnabled"] is True
    assert found["DeletionPolicy"] == "Retain"


def test_a_role_that_is_given_is_told_what_it_needs() -> None:
    found = compiled(role={"Slot": "RoleArn"})
    assert set(found.resources) == {"CustomersGroup"}
    assert "s3:PutObject" in json.dumps(found.required)


def test_a_region_without_feature_groups_is_the_accounts_fault() -> None:
    with pytest.raises(AccountError, match="the region has no AWS::SageMaker::FeatureGroup"):
        compiled(where=account(region="us-gov-west-1"))


def test_a_version_is_a_group_of_its_own() -> None:
    second = customers(version=2)
    assert second.id == "customers-v2"
    assert group(compiled(second))["FeatureGroupName"] == "dev-customers-v2"


def test_a_group_without_a_record_says_so_and_one_with_it_is_silent(tmp_path: Path) -> None:
    assert [item.id for item in compiled(schemas=tmp_path).notices] == ["constructs-ml:schema-unrecorded"]
    write_record(customers(), tmp_path)
    assert compiled(schemas=tmp_path).notices == ()


def test_an_added_feature_passes_and_says_that_the_record_is_behind(tmp_path: Path) -> None:
    write_record(customers(), tmp_path)
    more = customers(features=(*customers().features, Feature("visits", "Integral")))
    found = compiled(more, schemas=tmp_path)
    assert [item.id for item in found.notices] == ["constructs-ml:schema-behind"]
    assert "adds visits" in found.notices[0].text
    write_record(more, tmp_path)
    assert compiled(more, schemas=tmp_path).notices == ()


def test_every_lost_feature_is_named_with_the_way_that_there_is(tmp_path: Path) -> None:
    write_record(customers(), tmp_path)
    with pytest.raises(SpecError) as refused:
        compiled(
            customers(features=(Feature("customer_id"), Feature("updated_at", "Fractional"))),
            schemas=tmp_path,
        )
    assert [fault.id for fault in refused.value.faults] == ["schema-retyped", "schema-removed"]
    assert all("version=2" in fault.allowed for fault in refused.value.faults)


@pytest.mark.parametrize(
    "change",
    [
        {"record_identifier": "updated_at", "event_time": "customer_id"},
        {"online": None},
        {"online": Online(storage="InMemory")},
        {"offline": None},
        {"offline": Offline(format="Iceberg")},
        {"offline": Offline(location=S3("elsewhere/"))},
        {"offline": Offline(table="lake.customers")},
        {"description": "another one"},
        {"tags": {"domain": "crm"}},
    ],
)
def test_what_can_never_change_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    write_record(customers(), tmp_path)
    with pytest.raises(SpecError, match="can never change"):
        compiled(customers(**change), schemas=tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"online": Online(ttl=timedelta(days=1))}, {"throughput": Provisioned(reads=1, writes=1)}],
)
def test_what_may_change_passes(tmp_path: Path, change: dict[str, Any]) -> None:
    write_record(customers(), tmp_path)
    assert compiled(customers(**change), schemas=tmp_path).notices == ()


def test_the_record_holds_everything_that_cloudformation_cannot_change() -> None:
    """What is create-only and not here is made from the account, the name and the library alone."""
    elsewhere = {
        "FeatureGroupName",
        "RoleArn",
        "OnlineStoreConfig.SecurityConfig",
        "OnlineStoreConfig.EnableOnlineStore",
    }
    recorded = {
        "RecordIdentifierFeatureName": "record_identifier",
        "EventTimeFeatureName": "event_time",
        "OnlineStoreConfig.StorageType": "online",
        "OfflineStoreConfig": "offline",
        "Description": "description",
        "Tags": "tags",
    }
    create_only = {path for path in _paths() if updates.replaces("AWS::SageMaker::FeatureGroup", path)}
    assert create_only == elsewhere | set(recorded)
    assert set(recorded.values()) | {"features"} == set(record_of(customers()))


def _paths() -> set[str]:
    from constructs_ml.facts.store import load

    return set(load("updates")["types"]["AWS::SageMaker::FeatureGroup"]["create_only"])


names = st.from_regex(r"[a-z]([-_]?[a-z0-9]){0,8}", fullmatch=True).filter(
    lambda name: name not in ("is_deleted", "write_time", "api_invocation_time")
)


@given(
    st.dictionaries(names, st.sampled_from(TYPES), max_size=8),
    st.dictionaries(names, st.sampled_from(TYPES), max_size=8),
)
def test_evolution_is_refused_exactly_when_something_recorded_is_gone(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    def spec(types: dict[str, Any]) -> FeatureGroupSpec:
        own = {"id-of-record": "String", "event-time-of-record": "String"}
        features = tuple(Feature(name, kind) for name, kind in {**types, **own}.items())
        return customers(features=features, record_identifier="id-of-record", event_time="event-time-of-record")

    faults = Faults()
    check_evolution(record_of(spec(before)), spec(after), "here", faults)
    lost = {name for name, kind in before.items() if after.get(name) != kind}
    assert {fault.what.split("'")[1] for fault in faults.found} == lost


def test_a_record_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "customers.json").write_text("{")
    with pytest.raises(SpecError, match="the recorded schema cannot be read"):
        is_behind(customers(), tmp_path)


def test_changing_the_group_changes_the_group_alone() -> None:
    more = dataclasses.replace(customers(), features=(*customers().features, Feature("visits", "Integral")))
    one, other = compiled().resources, compiled(more).resources
    assert {key for key in other if one[key] != other[key]} == {"CustomersGroup"}


def test_a_place_means_the_same_with_and_without_its_last_slash() -> None:
    spelt = [compiled(customers(offline=Offline(location=S3(f"s3://lake/crm{slash}")))) for slash in ("", "/")]
    assert spelt[0].resources == spelt[1].resources


def test_the_accounts_boundary_bounds_the_role() -> None:
    boundary = "arn:aws:iam::111111111111:policy/Boundary"
    found = compiled(where=account(permissions_boundary=boundary)).resources["CustomersRole"]
    assert found["Properties"]["PermissionsBoundary"] == boundary
