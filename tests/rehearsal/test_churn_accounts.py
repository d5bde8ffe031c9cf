"""churn in its other accounts: each stage is deployed with its own settings, beside what its account has before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from apps.churn.model import churn
from constructs_ml import Accounts
from constructs_ml.rehearsal import DeploymentFailed, Rehearsed, rehearsal

ACCOUNTS = Accounts.load(Path(__file__).parents[2] / "apps" / "churn" / "accounts.yaml")
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def boundary(dev: Rehearsed) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
    dev.client("iam").create_policy(PolicyName="MlBoundary", PolicyDocument=document)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["staging", "prod", "gov"])
def test_a_stage_is_deployed_to_its_account(stage: str) -> None:
    known = ACCOUNTS[stage]
    unpinned = replace(known, models={"churn": replace(known.model("churn"), pins={})})
    with rehearsal(churn, account=unpinned, deployed=False) as dev:
        if known.permissions_boundary:
            boundary(dev)
        features = [] if stage == "gov" else [f"{stage}-features"]
        assert dev.deploy() == [f"{stage}-platform", *features, f"{stage}-churn"]
        roles = [item["RoleName"] for item in dev.client("iam").list_roles()["Roles"]]
        role = next(dev.client("iam").get_role(RoleName=name)["Role"] for name in roles if "churn" in name)
        bounds = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        assert bounds == known.permissions_boundary
        assert f":{known.id}:" in role["Arn"]


@pytest.mark.slow
def test_a_pin_of_a_version_that_is_not_there_rolls_back() -> None:
    with (
        rehearsal(churn, account=ACCOUNTS["staging"], deployed=False) as dev,
        pytest.raises(DeploymentFailed, match="model-package/staging-churn/4"),
    ):
        dev.deploy()
