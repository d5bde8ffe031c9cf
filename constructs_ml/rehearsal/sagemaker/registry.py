"""The model registry: versions in groups, their approval, and the policies of groups."""

from __future__ import annotations

import json
from collections.abc import Mapping

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing, tags
from constructs_ml.rehearsal.sagemaker.artifacts import check_data, containers
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.nouns import nouns, operation
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

_REFUSED = "ValidationException"
_REPLACED = (
    "ApprovalDescription",
    "InferenceSpecification",
    "ModelApprovalStatus",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "SourceUri",
)


class Registry:
    """Model packages: `CreateModelPackage` numbers versions, `UpdateModelPackage` approves them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """

    def __init__(self, account: EmbeddedAccount, store: Store, changes: StateChanges) -> None:
        self._account, self._store, self._changes = account, store, changes
        self._last: dict[str, int] = {}
        self._policies: dict[str, str] = {}
        operations = {
            "CreateModelPackage": self._create,
            "UpdateModelPackage": self._update,
            "ListModelPackages": self._list,
            "BatchDescribeModelPackage": self._describe_many,
            "PutModelPackageGroupPolicy": self._put_policy,
            "GetModelPackageGroupPolicy": self._get_policy,
            "DeleteModelPackageGroupPolicy": self._delete_policy,
            "DeleteModelPackageGroup": self._delete_group,
        }
        account.gate.serve("sagemaker", operations)

    def _create(self, call: Call) -> Json:
        given = dict(call.parameters)
        group, name = given.get("ModelPackageGroupName"), given.get("ModelPackageName")
        if group and name:
            text = "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            raise ServiceError(_REFUSED, text + "Cannot determine which one to use.")
        if not group and not name:
            raise ServiceError(_REFUSED, "Missing ARN.")
        for container in containers(given.get("InferenceSpecification") or {}):
            check_data(self._account, container)
        fields = given | {
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": given.get("CertifyForMarketplace") or False,
        }
        if group:
            fields |= self._version(self._store.get("ModelPackageGroup", group), given)
            name = f"{fields['ModelPackageGroupName']}/{fields['ModelPackageVersion']}"
        package = self._store.add("ModelPackage", str(name), fields, tags.given(given))
        self._changes.model_package(package)
        return {"ModelPackageArn": package.arn}

    def _version(self, group: Resource, given: Mapping[str, Json]) -> dict[str, Json]:
        """The next number, never one that a deleted version had; versions have no names of their own."""
        number = self._last[group.name] = self._last.get(group.name, 0) + 1
        return {
            "ModelPackageName": None,
            "ModelPackageGroupName": group.name,
            "ModelPackageVersion": number,
            "ModelApprovalStatus": given.get("ModelApprovalStatus") or "PendingManualApproval",
        }

    def _update(self, call: Call) -> Json:
        given = call.parameters
        package = self._store.get("ModelPackage", given["ModelPackageArn"])
        if given.get("ModelApprovalStatus") and "ModelPackageVersion" not in package.fields:
            text = "ModelApprovalStatus can only be updated for the versions of a model package group."
            raise ServiceError(_REFUSED, text)
        changed = {member: given[member] for member in _REPLACED if given.get(member) is not None}
        metadata = dict(package.fields.get("CustomerMetadataProperties") or {})
        for key in given.get("CustomerMetadataPropertiesToRemove") or ():
            metadata.pop(key, None)
        metadata |= given.get("CustomerMetadataProperties") or {}
        if given.get("CustomerMetadataPropertiesToRemove") or given.get("CustomerMetadataProperties"):
            changed["CustomerMetadataProperties"] = metadata
        if given.get("AdditionalInferenceSpecificationsToAdd"):
            known = list(package.fields.get("AdditionalInferenceSpecifications") or ())
            changed["AdditionalInferenceSpecifications"] = known + given["AdditionalInferenceSpecificationsToAdd"]
        self._store.change(package, **changed)
        self._changes.model_package(package, *changed)
        return {"ModelPackageArn": package.arn}

    def _list(self, call: Call) -> Json:
        """The versions of a group; without one, "UNVERSIONED ... is the default value if no ModelPackageType".

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html
        """
        given = dict(call.parameters)
        group = given.pop("ModelPackageGroupName", None)
        kind = given.get("ModelPackageType") or ("Versioned" if group else "Unversioned")
        found = self._store.all("ModelPackage")
        if group:
            name = self._store.get("ModelPackageGroup", group).name
            found = [package for package in found if package.fields.get("ModelPackageGroupName") == name]
        if kind != "Both":
            found = [p for p in found if ("ModelPackageVersion" in p.fields) == (kind == "Versioned")]
        return listing.page(nouns()["ModelPackage"], found, given)

    def _describe_many(self, call: Call) -> Json:
        found, missing = {}, {}
        shape = operation("BatchDescribeModelPackage").output_shape.members["ModelPackageSummaries"].value
        for arn in call.parameters["ModelPackageArnList"]:
            package = self._store.find("ModelPackage", arn)
            if package is None:
                text = f"ModelPackage {arn} does not exist."
                missing[arn] = {"ErrorCode": _REFUSED, "ErrorResponse": text}
            else:
                found[arn] = {key: value for key, value in package.fields.items() if key in shape.members}
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": missing}

    def _delete_group(self, call: Call) -> Json:
        group = self._store.get("ModelPackageGroup", call.parameters["ModelPackageGroupName"])
        if any(p.fields.get("ModelPackageGroupName") == group.name for p in self._store.all("ModelPackage")):
            text = f"Model Package Group {group.arn} cannot be deleted because it still contains Model Packages."
            raise ServiceError("ConflictException", text)
        self._store.remove(group)
        self._policies.pop(group.name, None)
        return None

    def _put_policy(self, call: Call) -> Json:
        group = self._store.get("ModelPackageGroup", call.parameters["ModelPackageGroupName"])
        policy = call.parameters["ResourcePolicy"]
        try:
            json.loads(policy)
        except ValueError as error:
            raise ServiceError(_REFUSED, f"ResourcePolicy is no JSON document: {error}") from None
        self._policies[group.name] = policy
        return {"ModelPackageGroupArn": group.arn}

    def _get_policy(self, call: Call) -> Json:
        group = self._store.get("ModelPackageGroup", call.parameters["ModelPackageGroupName"])
        if group.name not in self._policies:
            raise ServiceError(_REFUSED, f"Cannot find resource policy for: {group.arn}")
        return {"ResourcePolicy": self._policies[group.name]}

    def _delete_policy(self, call: Call) -> Json:
        group = self._store.get("ModelPackageGroup", call.parameters["ModelPackageGroupName"])
        if self._policies.pop(group.name, None) is None:
            raise ServiceError(_REFUSED, f"Cannot find resource policy for: {group.arn}")
        return None
