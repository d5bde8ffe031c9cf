"""What exists once per stage: buckets, key, topic, and the function that keeps SageMaker's logs in bounds."""

from __future__ import annotations

from constructs_ml.compiler.buckets import add_bucket, add_log_bucket
from constructs_ml.compiler.functions import RUNTIME, function_asset
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.policies import Statement, add_role
from constructs_ml.compiler.template import Compiled, Json, Template, asset, att, ref, sub, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.contract.settings import LogRetentionSettings
from constructs_ml.spec.account import Account

KEY, TOPIC, DATA, ARTIFACTS, RUNS = "Key", "Topic", "Data bucket", "Artifact bucket", "Runs table"
_SAGEMAKER_LOGS = "/aws/sagemaker/"


def compile_platform(account: Account, *, prefix: str, destroyable: bool = False) -> Compiled:
    """The platform of one account. Data goes only if both `destroyable` and the account's own say so."""
    template = Template(prefix)
    retain = not (destroyable and account.destroyable)
    key_arn = account.key_arn or _key(template, account, retain)
    template.add(
        "Key ARN",
        "AWS::SSM::Parameter",
        {
            "Name": names.key_parameter(account.stage),
            "Description": f"The key that encrypts the data of stage {account.stage}",
            "Type": "String",
            "Value": key_arn,
            "Tags": _tags(account),
        },
    )
    logs = add_log_bucket(template, account, _tags(account), retain=retain)
    for part, name, events in (
        (DATA, names.data_bucket, True),
        (ARTIFACTS, names.artifact_bucket, False),
    ):
        bucket_name = sub(name(account.stage, "${AWS::AccountId}", "${AWS::Region}"))
        add_bucket(
            template,
            part,
            bucket_name,
            account,
            _tags(account),
            key_arn=key_arn,
            logs=logs,
            events=events,
            retain=retain,
        )
    _topic(template, account, key_arn)
    _runs(template, account, key_arn)
    _log_retention(template, account)
    return template.compiled()


def _tags(account: Account) -> dict[str, str]:
    return {**account.tags, tags.STAGE: account.stage}


def _key(template: Template, account: Account, retain: bool) -> Json:
    """The key; AWS's services may use it to publish to the topic, for this account's alarms and rules only."""
    principals = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    own = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    statements: list[Json] = [
        _allow({"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}, "kms:*"),
        _allow({"Service": principals}, "kms:Decrypt", "kms:GenerateDataKey*") | {"Condition": own},
    ]
    if account.registry_readers:
        readers = [sub(f"arn:${{AWS::Partition}}:iam::{reader}:root") for reader in account.registry_readers]
        statements.append(_allow({"AWS": readers}, "kms:Decrypt", "kms:DescribeKey"))
    key = template.add(
        KEY,
        "AWS::KMS::Key",
        {
            "Description": f"Data and notices of stage {account.stage}",
            "EnableKeyRotation": True,
            "KeyPolicy": {"Version": "2012-10-17", "Statement": statements},
            "Tags": tag_list(_tags(account)),
        },
        retain=retain,
    )
    template.add("Key alias", "AWS::KMS::Alias", {"AliasName": f"alias/{account.stage}-ml", "TargetKeyId": ref(key)})
    return att(key, "Arn")


def _allow(principal: Json, *actions: str) -> dict[str, Json]:
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}


def _topic(template: Template, account: Account, key_arn: Json) -> None:
    topic = template.add(
        TOPIC,
        "AWS::SNS::Topic",
        {
            "TopicName": names.topic(account.stage),
            "DisplayName": f"Models of {account.stage}",
            "KmsMasterKeyId": key_arn,
            "Tags": tag_list(_tags(account)),
        },
    )
    services = {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]}
    own = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    publish = {
        "Effect": "Allow",
        "Principal": services,
        "Action": "sns:Publish",
        "Resource": ref(topic),
        "Condition": own,
    }
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": ref(topic),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [publish, plain]}
    template.add("Topic policy", "AWS::SNS::TopicPolicy", {"Topics": [ref(topic)], "PolicyDocument": policy})
    for address in account.notify:
        properties = {"TopicArn": ref(topic), "Protocol": "email", "Endpoint": address}
        template.add(f"Notify {address}", "AWS::SNS::Subscription", properties)


def _runs(template: Template, account: Account, key_arn: Json) -> None:
    """The table in which runs take turns. It holds what is in progress, nothing to keep, so it goes with the stack."""
    template.add(
        RUNS,
        "AWS::DynamoDB::Table",
        {
            "TableName": names.runs_table(account.stage),
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key_arn},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "Tags": tag_list(_tags(account)),
        },
    )


def _log_retention(template: Template, account: Account) -> None:
    """A function that runs once a day; https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html."""
    part = "Log retention"
    asset_name = "log-retention"
    template.assets[asset_name] = function_asset("log_retention")
    function_name = f"{account.stage}-ml-log-retention"
    log = template.add(
        f"{part} log",
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": f"/aws/lambda/{function_name}",
            "RetentionInDays": account.log_retention_days,
            "Tags": tag_list(_tags(account)),
        },
    )
    groups = arn("logs", f"log-group:{_SAGEMAKER_LOGS}*")
    role = add_role(
        template,
        f"{part} role",
        description="Gives SageMaker's log groups a retention",
        services=("lambda.amazonaws.com",),
        statements=[
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (att(log, "Arn"),)),
            Statement(
                ("logs:DescribeLogGroups",), (arn("logs", "log-group:*"),), because="listing has no narrower resource"
            ),
            Statement(("logs:PutRetentionPolicy",), (groups,), because="SageMaker names its log groups after its jobs"),
        ],
        boundary=account.permissions_boundary,
        tags=_tags(account),
    )
    settings = LogRetentionSettings(_SAGEMAKER_LOGS, account.log_retention_days)
    function = template.add(
        part,
        "AWS::Lambda::Function",
        {
            "FunctionName": function_name,
            "Runtime": RUNTIME,
            "Handler": "handler.handle",
            "Code": {"S3Bucket": asset(asset_name, "bucket"), "S3Key": asset(asset_name, "key")},
            "Role": att(role.id, "Arn"),
            "MemorySize": 256,
            "Timeout": 300,
            "Environment": {"Variables": settings.to_environment()},
            "LoggingConfig": {"LogGroup": ref(log)},
            "Tags": tag_list(_tags(account)),
        },
        depends_on=role.policies,
    )
    _daily(template, account, function, part)


def _daily(template: Template, account: Account, function: str, part: str) -> None:
    """A rule rather than a schedule: every region has rules, and this one has no time of day to keep."""
    rule = template.add(
        f"{part} daily",
        "AWS::Events::Rule",
        {
            "Description": "Once a day",
            "ScheduleExpression": "rate(1 day)",
            "State": "ENABLED",
            "Targets": [{"Id": "Function", "Arn": att(function, "Arn")}],
        },
    )
    template.add(
        f"{part} permission",
        "AWS::Lambda::Permission",
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": ref(function),
            "Principal": "events.amazonaws.com",
            "SourceArn": att(rule, "Arn"),
        },
    )
