"""FeatureGroup: the features of one kind of record, and who may write and read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_ml.aws.accounts import account_at, account_of
from constructs_ml.aws.brought import BroughtIn
from constructs_ml.aws.places import place_of
from constructs_ml.aws.slots import Slots
from constructs_ml.compiler.feature_group import ROLE, compile_feature_group, store_place, table_of
from constructs_ml.compiler.infrastructure import of_platform, platform_key
from constructs_ml.contract import names
from constructs_ml.faults import refuse
from constructs_ml.spec.account import Account
from constructs_ml.spec.features import FeatureGroupSpec

_WRITE = ("sagemaker:PutRecord", "sagemaker:BatchWriteRecord", "sagemaker:UpdateRecord", "sagemaker:DeleteRecord")
_READ = ("sagemaker:GetRecord", "sagemaker:BatchGetRecord", "sagemaker:ListRecords")
_OBJECTS, _ANSWERS = ("s3:GetObject",), ("s3:PutObject", "s3:AbortMultipartUpload")
_LISTING = ("s3:ListBucket", "s3:GetBucketLocation")
_CATALOGUE = ("glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions", "glue:GetPartition")
_QUERY = (
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StopQueryExecution",
    "athena:GetWorkGroup",
)


class FeatureGroupHandle(Construct):
    """A feature group that exists in the account, found by its name: for grants.

    What a grant needs of the platform (its data bucket and key) is the platform's own, unless it is given.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        group: str,
        *,
        account: Account | None = None,
        bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        bucket_name: str | None = None,
        location: str | None = None,
        table: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._place = place_of(self)
        self.account = account_at(self._place, account)
        self.group = group
        self._bucket, self._key = bucket, key
        self._bucket_name = bucket_name
        self._location = location if location is not None else names.features_prefix(group)
        made = (names.FEATURE_DATABASE, f"{names.feature_table(self.account.stage, group)}*")
        self._table = table or made

    @property
    def feature_group_name(self) -> str:
        return names.feature_group(self.account.stage, self.group)

    @property
    def feature_group_arn(self) -> str:
        return _arn("sagemaker", f"feature-group/{self.feature_group_name}")

    def grant_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal put, change and delete records."""
        self._allow_key(grantee, "kms:Decrypt", "kms:GenerateDataKey")
        return _allow(grantee, _WRITE, self.feature_group_arn)

    def grant_online_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal get records from the online store."""
        self._allow_key(grantee, "kms:Decrypt")
        return _allow(grantee, _READ, self.feature_group_arn)

    def grant_offline_read(
        self, grantee: iam.IGrantable, *, workgroup: str = "primary", results: str = "athena/"
    ) -> iam.Grant:
        """Let a principal query the offline store: S3, Glue, Athena and the key together.

        `results` is the prefix in the same bucket to which Athena writes its answers. Under Lake Formation the
        principal needs its permissions beside these.
        """
        bucket = self._bucket_arn
        _allow(grantee, _OBJECTS, f"{bucket}/{self._location}*", f"{bucket}/{results}*")
        _allow(grantee, _ANSWERS, f"{bucket}/{results}*")
        _allow(grantee, _LISTING, bucket)
        self._allow_key(grantee, "kms:Decrypt", "kms:GenerateDataKey")
        _allow(grantee, _CATALOGUE, *self._catalogue())
        return _allow(grantee, _QUERY, _arn("athena", f"workgroup/{workgroup}"))

    def _catalogue(self) -> list[str]:
        database, table = self._table
        return [_arn("glue", item) for item in ("catalog", f"database/{database}", f"table/{database}/{table}")]

    @property
    def _bucket_arn(self) -> str:
        if self._bucket is not None:
            return self._bucket.bucket_arn
        name = self._bucket_name or names.data_bucket(self.account.stage, Aws.ACCOUNT_ID, Aws.REGION)
        return f"arn:{Aws.PARTITION}:s3:::{name}"

    def _allow_key(self, grantee: iam.IGrantable, *actions: str) -> None:
        """The given key, the given bucket's, or the platform's, which is known by a dynamic reference: no export."""
        own = self._key or (self._bucket.encryption_key if self._bucket is not None else None)
        if own is not None:
            own.grant(grantee, *actions)
        else:
            _allow(grantee, actions, platform_key(self.account))


class FeatureGroup(FeatureGroupHandle, BroughtIn):
    """A feature group, retained when its stack goes. What is not given is the platform's.

    `schemas` is the folder of recorded schemas that guard its evolution; `role` writes the offline store instead
    of one made here, and `required_policy` says what it needs. The group goes with its stack only if both
    `destroyable` and the account's own say so.

    Example: `FeatureGroup(self, "Customers", customers, schemas=Path("features"))`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        spec: FeatureGroupSpec,
        *,
        account: Account | None = None,
        bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        role: iam.IRole | None = None,
        schemas: Path | None = None,
        destroyable: bool = False,
    ) -> None:
        found = account_of(scope, account) if account is None else account
        super().__init__(
            scope,
            id,
            spec.id,
            account=found,
            bucket=bucket,
            key=key,
            bucket_name=spec.offline.location.bucket if spec.offline and spec.offline.location else None,
            location=store_place(spec, of_platform(found))[1],
            table=table_of(spec, found),
        )
        self.spec = spec
        slots = Slots(of_platform(self.account))
        slots.buckets(bucket, None, key or (bucket.encryption_key if bucket is not None else None))
        given = slots.role_arn(role) if role is not None else None
        self._bring_in(
            self._place,
            lambda: compile_feature_group(
                spec,
                self.account,
                prefix=self._place.prefix,
                infrastructure=slots.infrastructure,
                role=given,
                schemas=schemas,
                destroyable=destroyable,
            ),
            slots.values,
            role,
        )

    @cached_property
    def role(self) -> iam.IRole:
        """The role by which the offline store is written: the one given, or the one made here."""
        if self._given_role is not None:
            return self._given_role
        if self.spec.offline is None:
            where, allowed = self.node.path, "offline=Offline()"
            raise refuse("role-absent", where=where, got="a group without an offline store", allowed=allowed)
        return iam.Role.from_role_name(self, "WritingRole", self.crossing.ref(ROLE))

    @staticmethod
    def from_feature_group_name(
        scope: Construct, id: str, group: str, *, account: Account | None = None
    ) -> FeatureGroupHandle:
        """A group of the account's stage by the name that its spec has, with its version ("customers-v2")."""
        return FeatureGroupHandle(scope, id, group, account=account)

    @staticmethod
    def from_feature_group_attributes(
        scope: Construct,
        id: str,
        group: str,
        *,
        account: Account | None = None,
        bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        location: str | None = None,
        table: tuple[str, str] | None = None,
    ) -> FeatureGroupHandle:
        """The same for a group whose store is not the platform's: its bucket, key, prefix, Glue database and table."""
        return FeatureGroupHandle(
            scope, id, group, account=account, bucket=bucket, key=key, location=location, table=table
        )


def _allow(grantee: iam.IGrantable, actions: Sequence[str], *resources: str) -> iam.Grant:
    return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=list(resources))


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
