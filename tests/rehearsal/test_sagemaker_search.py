"""Search: by property, tag, number and time; what is not kept is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from tests.rehearsal.test_sagemaker_store import refused


@pytest.fixture
def store(account: EmbeddedAccount) -> Any:
    made = Store(account)
    SageMaker(account, made)
    with account.running():
        for number, status in enumerate(("Approved", "Rejected", "Approved"), 1):
            fields = {
                "ModelPackageGroupName": "churn",
                "ModelPackageVersion": number,
                "ModelApprovalStatus": status,
                "CustomerMetadataProperties": {"git.commit": str(number)},
            }
            made.add("ModelPackage", f"churn/{number}", fields, {"team": f"t{number}"})
        yield made


def where(name: str, operator: str, value: str = "") -> dict[str, str]:
    return {"Name": name, "Operator": operator, **({"Value": value} if value else {})}


@pytest.mark.parametrize(
    ("expression", "versions"),
    [
        ({}, [3, 2, 1]),
        ({"Filters": [where("ModelApprovalStatus", "Equals", "Approved")]}, [3, 1]),
        ({"Filters": [where("ModelApprovalStatus", "NotEquals", "Approved")]}, [2]),
        ({"Filters": [where("ModelPackageVersion", "GreaterThan", "1")]}, [3, 2]),
        ({"Filters": [where("Tags.team", "In", "t1,t2")]}, [2, 1]),
        ({"Filters": [where("CustomerMetadataProperties.git.commit", "Equals", "2")]}, [2]),
        ({"Filters": [where("ApprovalDescription", "Exists")]}, []),
        ({"Filters": [where("CreationTime", "GreaterThan", "2999-01-01T00:00:00Z")]}, []),
        (
            {
                "Filters": [
                    where("ModelPackageVersion", "Equals", "1"),
                    where("ModelApprovalStatus", "Contains", "Reject"),
                ],
                "Operator": "Or",
            },
            [2, 1],
        ),
    ],
)
def test_versions_are_found(account: EmbeddedAccount, store: Store, expression: Any, versions: list[int]) -> None:
    given = {"SearchExpression": expression} if expression else {}
    found = account.client("sagemaker").search(Resource="ModelPackage", SortBy="ModelPackageVersion", **given)
    assert [item["ModelPackage"]["ModelPackageVersion"] for item in found["Results"]] == versions


def test_what_cannot_be_searched_is_refused(account: EmbeddedAccount, store: Store) -> None:
    sagemaker = account.client("sagemaker")
    assert refused(sagemaker.search, Resource="PipelineExecution")[0] == "UnsupportedOperation"
    wrong = {"Filters": [where("ModelPackageVersion", "LessThan", "many")]}
    assert refused(sagemaker.search, Resource="ModelPackage", SearchExpression=wrong)[0] == "ValidationException"
