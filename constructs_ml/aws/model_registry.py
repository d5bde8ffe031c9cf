"""ModelRegistry: the model package group of a model."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_ml.aws.accounts import account_at
from constructs_ml.aws.brought import BroughtIn
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.registry import compile_registry
from constructs_ml.contract import names
from constructs_ml.spec.account import Account
from constructs_ml.spec.registry import RegistrySpec

_READ = ("sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages")
_APPROVE = ("sagemaker:UpdateModelPackage",)


class RegistryHandle:
    """A model package group by its name, for grants."""

    def __init__(self, group_name: str) -> None:
        self.group_name = group_name

    @property
    def group_arn(self) -> str:
        return self._arn(f"model-package-group/{self.group_name}")

    @property
    def versions_arn(self) -> str:
        """Every version of the group."""
        return self._arn(f"model-package/{self.group_name}/*")

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal list and describe the versions."""
        return self._grant(grantee, _READ)

    def grant_approve(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal approve and reject versions."""
        return self._grant(grantee, (*_READ, *_APPROVE))

    def _grant(self, grantee: iam.IGrantable, actions: tuple[str, ...]) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self.group_arn, self.versions_arn]
        )

    @staticmethod
    def _arn(resource: str) -> str:
        return f"arn:{Aws.PARTITION}:sagemaker:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


class ModelRegistry(Construct, BroughtIn):
    """The group that holds the versions of a model; accounts in `registry_readers` may read it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        spec: RegistrySpec,
        *,
        model: str,
        owner: str,
        account: Account | None = None,
    ) -> None:
        super().__init__(scope, id)
        place = place_of(self)
        self.account = account_at(place, account)
        self.handle = RegistryHandle(names.model_package_group(self.account.stage, model))
        self._bring_in(
            place, lambda: compile_registry(spec, self.account, model=model, owner=owner, prefix=place.prefix), {}
        )

    @property
    def group_name(self) -> str:
        return self.handle.group_name

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal list and describe the versions."""
        return self.handle.grant_read(grantee)

    def grant_approve(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal approve and reject versions."""
        return self.handle.grant_approve(grantee)

    @staticmethod
    def from_model_package_group_name(name: str) -> RegistryHandle:
        """A group that exists in the account already."""
        return RegistryHandle(name)
