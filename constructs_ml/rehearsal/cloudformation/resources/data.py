"""Tables, catalogs and queries."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.rehearsal.cloudformation.resources import steps
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.work import Kind

ROWS: Mapping[str, Kind] = {
    "AWS::Athena::WorkGroup": Row(
        service="athena",
        create="CreateWorkGroup",
        delete="DeleteWorkGroup",
        id="{Name}",
        delete_keys={"WorkGroup": "{id}", "RecursiveDeleteOption": True},
        renames={"WorkGroupConfiguration": "Configuration"},
        apart=("RecursiveDeleteOption", "State"),
        replace=("Name",),
    ),
    "AWS::DynamoDB::Table": Row(
        service="dynamodb",
        create="CreateTable",
        update="UpdateTable",
        delete="DeleteTable",
        name="TableName",
        longest=255,
        keys={"TableName": "{id}"},
        attributes={"Arn": "{TableDescription[TableArn]}", "StreamArn": "{TableDescription[LatestStreamArn]}"},
        reshape=steps.table_as_called,
        apart=("PointInTimeRecoverySpecification", "TimeToLiveSpecification"),
        then=(steps.settle_backups_and_expiry,),
        changes_only=True,
    ),
    "AWS::Glue::Database": Row(
        service="glue",
        create="CreateDatabase",
        delete="DeleteDatabase",
        id="{DatabaseInput[Name]}",
        keys={"Name": "{id}"},
        apart=("DatabaseName",),
        tagged=False,
        replace=("*",),
    ),
    "AWS::Glue::Job": Row(
        service="glue",
        create="CreateJob",
        delete="DeleteJob",
        name="Name",
        longest=255,
        keys={"JobName": "{id}"},
        attributes={"Arn": "arn:{partition}:glue:{region}:{account}:job/{id}"},
        replace=("Name",),
    ),
    "AWS::Glue::Table": Row(
        service="glue",
        create="CreateTable",
        update="UpdateTable",
        delete="DeleteTable",
        id="{TableInput[Name]}",
        delete_keys={"DatabaseName": "{DatabaseName}", "Name": "{id}"},
        tagged=False,
        replace=("CatalogId", "DatabaseName", "TableInput.Name"),
    ),
    "AWS::LakeFormation::PrincipalPermissions": Row(
        service="lakeformation",
        create="GrantPermissions",
        delete="RevokePermissions",
        id="{PrincipalIdentifier}",
        reshape=lambda work: {key: value for key, value in work.properties.items() if key != "Catalog"},
        tagged=False,
    ),
    "AWS::LakeFormation::Resource": Row(
        service="lakeformation",
        create="RegisterResource",
        delete="DeregisterResource",
        id="{ResourceArn}",
        keys={"ResourceArn": "{id}"},
        tagged=False,
        replace=("*",),
    ),
}
