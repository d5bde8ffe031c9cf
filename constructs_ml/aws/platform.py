"""Platform: what exists once per stage, and handles to it from other stacks."""

from __future__ import annotations

from functools import cached_property

from aws_cdk import Aws
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from constructs_ml.aws.accounts import account_at
from constructs_ml.aws.crossing import Resources, bring_in
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.platform import compile_platform
from constructs_ml.contract import names
from constructs_ml.spec.account import Account


class PlatformHandles(Construct):
    """The platform of a stage, found by its contract names from any stack of the account."""

    def __init__(self, scope: Construct, id: str, *, account: Account | None = None) -> None:
        super().__init__(scope, id)
        self._place = place_of(self)
        self.account = account_at(self._place, account)

    @cached_property
    def key(self) -> kms.IKey:
        """The key that encrypts the stage's data."""
        arn = self.account.key_arn
        if arn is None:
            arn = ssm.StringParameter.value_for_string_parameter(self, names.key_parameter(self.account.stage))
        return kms.Key.from_key_arn(self, "ImportedKey", arn)

    @cached_property
    def data_bucket(self) -> s3.IBucket:
        """The bucket of what teams bring."""
        return self._bucket("ImportedDataBucket", names.data_bucket(self.account.stage, Aws.ACCOUNT_ID, Aws.REGION))

    @cached_property
    def artifact_bucket(self) -> s3.IBucket:
        """The bucket of what pipelines make."""
        name = names.artifact_bucket(self.account.stage, Aws.ACCOUNT_ID, Aws.REGION)
        return self._bucket("ImportedArtifactBucket", name)

    @cached_property
    def topic(self) -> sns.ITopic:
        """The topic of failures and notices."""
        name = names.topic(self.account.stage)
        arn = f"arn:{Aws.PARTITION}:sns:{Aws.REGION}:{Aws.ACCOUNT_ID}:{name}"
        return sns.Topic.from_topic_arn(self, "ImportedTopic", arn)

    def _bucket(self, id: str, name: str) -> s3.IBucket:
        return s3.Bucket.from_bucket_attributes(self, id, bucket_name=name, encryption_key=self.key)


class Platform(PlatformHandles):
    """The platform itself: data, artifact and log bucket, key, topic, and the function that bounds SageMaker's logs.

    `destroyable` is one of the two keys that deleting data takes; the other is the account's own.
    """

    def __init__(self, scope: Construct, id: str, *, account: Account | None = None, destroyable: bool = False) -> None:
        super().__init__(scope, id, account=account)
        self.compiled = compile_platform(self.account, prefix=self._place.prefix, destroyable=destroyable)
        self._crossing = bring_in(self._place, self.compiled)

    @property
    def resources(self) -> Resources:
        """The typed L1s by part, such as `resources["Data bucket"]`."""
        return Resources(self._crossing)

    @cached_property
    def key(self) -> kms.IKey:
        """The key of this platform, from this stack itself."""
        arn = self.account.key_arn or self._crossing.att("Key", "Arn")
        return kms.Key.from_key_arn(self, "ImportedKey", arn)

    @classmethod
    def from_stage(cls, scope: Construct, id: str, *, account: Account | None = None) -> PlatformHandles:
        """Handles to the platform from another stack, by contract names alone."""
        return PlatformHandles(scope, id, account=account)
