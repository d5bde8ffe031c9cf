"""A feature group for one account: the group, the role by which it writes its offline store, and Lake Formation's part.

What CloudFormation can never change of a group is the same in every deployment: its tags carry its name and stage
alone, and its role keeps its logical id. The role is retained with the group, which goes on writing by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from constructs_ml.compiler import permissions
from constructs_ml.compiler.infrastructure import Infrastructure, arn, bucket_arn, of_platform
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.recorded import check_recorded
from constructs_ml.compiler.template import Compiled, Json, Template, att, check_types, ref, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.features import FeatureGroupSpec, Offline

GROUP, ROLE = "Group", "Role"
_TABLE = "the table that Feature Store makes ends in the time of its making"
_UNITS = (("Weeks", 604_800), ("Days", 86_400), ("Hours", 3_600), ("Minutes", 60), ("Seconds", 1))


def compile_feature_group(
    spec: FeatureGroupSpec,
    account: Account,
    *,
    prefix: str,
    infrastructure: Infrastructure | None = None,
    role: Json | None = None,
    schemas: Path | None = None,
    destroyable: bool = False,
) -> Compiled:
    """Render a group. `schemas` is the folder of recorded schemas; `role` one that the user gives.

    The group goes with its stack only if both `destroyable` and the account's own say so. Raises `SpecError` for a
    change that CloudFormation cannot make, `AccountError` for a region that lacks the type.
    """
    template, found = Template(prefix), infrastructure or of_platform(account)
    faults = Faults()
    if schemas is not None:
        check_recorded(spec, schemas, template, faults)
    faults.raise_if_any()
    retain = not (destroyable and account.destroyable)
    place = store_place(spec, found)
    properties: dict[str, Json] = {
        "FeatureGroupName": names.feature_group(account.stage, spec.id),
        "RecordIdentifierFeatureName": spec.record_identifier,
        "EventTimeFeatureName": spec.event_time,
        "FeatureDefinitions": [{"FeatureName": item.name, "FeatureType": item.type} for item in spec.features],
        "Tags": tag_list(group_tags(spec, account)),
    }
    if spec.description:
        properties["Description"] = spec.description
    if spec.online is not None:
        properties["OnlineStoreConfig"] = _online(spec, found)
    if spec.online is None or spec.online.storage == "Standard":
        properties["ThroughputConfig"] = _throughput(spec)
    if spec.offline is not None:
        if role is None:
            made = _role(template, spec, account, place, found, retain=retain)
            role = att(made, "Arn")
        else:
            template.required += [item.render() for item in _statements(spec, account, place, found)]
        properties |= {"OfflineStoreConfig": _offline(spec.offline, place, found), "RoleArn": role}
    template.add(GROUP, "AWS::SageMaker::FeatureGroup", properties, retain=retain)
    if spec.offline is not None and spec.offline.lake_formation:
        _lake_formation(template, place, retain=retain)
    check_types(template, account, f"feature group {spec.name!r}")
    return template.compiled()


def group_tags(spec: FeatureGroupSpec, account: Account) -> dict[str, str]:
    """Written once: another tag would replace the group, so neither owner nor the account's tags stand here."""
    return {**spec.tags, tags.FEATURE_GROUP: spec.id, tags.STAGE: account.stage}


def store_place(spec: FeatureGroupSpec, found: Infrastructure) -> tuple[Json, str]:
    """The bucket and the prefix of the offline store."""
    given = spec.offline.location if spec.offline else None
    if given is None:
        return found.data_bucket, names.features_prefix(spec.id)
    key = given.key if given.key.endswith("/") or not given.key else f"{given.key}/"
    return given.bucket or found.data_bucket, key


def table_of(spec: FeatureGroupSpec, account: Account) -> tuple[str, str]:
    """Glue's database and table; the one that Feature Store makes ends in a time that nobody knows before."""
    if spec.offline is not None and spec.offline.table is not None:
        database, _, table = spec.offline.table.partition(".")
        return database, table
    return names.FEATURE_DATABASE, f"{names.feature_table(account.stage, spec.id)}*"


def _online(spec: FeatureGroupSpec, found: Infrastructure) -> Json:
    assert spec.online is not None
    store: dict[str, Any] = {"EnableOnlineStore": True, "StorageType": spec.online.storage}
    if found.key_arn is not None:
        store["SecurityConfig"] = {"KmsKeyId": found.key_arn}
    if spec.online.ttl is not None:
        seconds = int(spec.online.ttl.total_seconds())
        unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0)
        store["TtlDuration"] = {"Unit": unit, "Value": seconds // length}
    return store


def _throughput(spec: FeatureGroupSpec) -> Json:
    if spec.throughput is None:
        return {"ThroughputMode": "OnDemand"}
    return {
        "ThroughputMode": "Provisioned",
        "ProvisionedReadCapacityUnits": spec.throughput.reads,
        "ProvisionedWriteCapacityUnits": spec.throughput.writes,
    }


def _offline(store: Offline, place: tuple[Json, str], found: Infrastructure) -> Json:
    bucket, prefix = place
    storage: dict[str, Json] = {"S3Uri": sub("s3://${Bucket}/" + prefix.rstrip("/"), Bucket=bucket)}
    if found.key_arn is not None:
        storage["KmsKeyId"] = found.key_arn
    config: dict[str, Json] = {"S3StorageConfig": storage, "TableFormat": store.format}
    if store.table is not None:
        database, _, table = store.table.partition(".")
        config["DisableGlueTableCreation"] = True
        config["DataCatalogConfig"] = {"Catalog": ref("AWS::AccountId"), "Database": database, "TableName": table}
    return config


def _role(
    template: Template,
    spec: FeatureGroupSpec,
    account: Account,
    place: tuple[Json, str],
    found: Infrastructure,
    *,
    retain: bool,
) -> str:
    made = add_role(
        template,
        ROLE,
        description=f"Writes the offline store of {spec.id}",
        services=("sagemaker.amazonaws.com",),
        statements=_statements(spec, account, place, found),
        boundary=account.permissions_boundary,
        tags={**account.tags, **group_tags(spec, account)},
        retain=retain,
    )
    return made.id


def _statements(
    spec: FeatureGroupSpec, account: Account, place: tuple[Json, str], found: Infrastructure
) -> list[Statement]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-adding-policies.html, for one place alone."""
    bucket, prefix = place
    database, table = table_of(spec, account)
    objects = (bucket_arn(bucket, f"{prefix}*"),)
    written = ("s3:GetObject", "s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload")
    catalogue = tuple(arn("glue", item) for item in ("catalog", f"database/{database}", f"table/{database}/{table}"))
    statements = [
        Statement(written, objects, because=permissions.OBJECTS),
        Statement(("s3:GetBucketAcl", "s3:GetBucketLocation"), (bucket_arn(bucket),)),
        Statement(("s3:ListBucket",), (bucket_arn(bucket),), {"StringLike": {"s3:prefix": [f"{prefix}*"]}}),
        Statement(("glue:GetTable", "glue:UpdateTable"), catalogue, because=_TABLE),
    ]
    return statements + (permissions.use_key(found.key_arn) if found.key_arn is not None else [])


def _lake_formation(template: Template, place: tuple[Json, str], *, retain: bool) -> None:
    """The location as Lake Formation knows it: in hybrid mode, so that IAM's readers keep what they have."""
    bucket, prefix = place
    template.add(
        "Lake location",
        "AWS::LakeFormation::Resource",
        {
            "ResourceArn": bucket_arn(bucket, prefix.rstrip("/")),
            "UseServiceLinkedRole": True,
            "HybridAccessEnabled": True,
        },
        retain=retain,
    )
