"""The model package group of a model."""

from __future__ import annotations

from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.template import Compiled, Json, Template, check_types, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.spec.account import Account
from constructs_ml.spec.registry import RegistrySpec

GROUP = "Group"


def compile_registry(spec: RegistrySpec, account: Account, *, model: str, owner: str, prefix: str) -> Compiled:
    """The group, retained when its stack goes, and its policy for the account's `registry_readers`."""
    template = Template(prefix)
    group = names.model_package_group(account.stage, model)
    group_tags = {**account.tags, tags.MODEL: model, tags.STAGE: account.stage, tags.OWNER: owner}
    properties: dict[str, Json] = {"ModelPackageGroupName": group, "Tags": tag_list(group_tags)}
    if spec.description:
        properties["ModelPackageGroupDescription"] = spec.description
    if account.registry_readers:
        properties["ModelPackageGroupPolicy"] = _policy(group, account.registry_readers)
    template.add(GROUP, "AWS::SageMaker::ModelPackageGroup", properties, retain=not account.destroyable)
    check_types(template, account, f"registry of model {model!r}")
    return template.compiled()


def _policy(group: str, readers: tuple[str, ...]) -> Json:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html."""
    principals = [sub(f"arn:${{AWS::Partition}}:iam::{reader}:root") for reader in readers]
    group_arn = arn("sagemaker", f"model-package-group/{group}")
    versions = arn("sagemaker", f"model-package/{group}/*")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadGroup",
                "Effect": "Allow",
                "Principal": {"AWS": principals},
                "Action": ["sagemaker:DescribeModelPackageGroup"],
                "Resource": [group_arn],
            },
            {
                "Sid": "ReadVersions",
                "Effect": "Allow",
                "Principal": {"AWS": principals},
                "Action": ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"],
                "Resource": [versions],
            },
        ],
    }
