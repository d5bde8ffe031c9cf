"""Which resource each operation is about: by service, the end of an ARN and the operations on it.

The actions and resource types are those of the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
`{Member}` is a member of the request (one that holds a whole ARN is taken as it is, each item of a list for itself),
`{Member=x}` one with a default, `*` an action without resources, `?` a resource that the request does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping

_LOG = "log-group:{logGroupName}"
_STREAMS = "log-group:{logGroupName}:log-stream:"

ROWS: Mapping[str, Mapping[str, str]] = {
    "athena": {
        "workgroup/{WorkGroup=primary}": "StartQueryExecution GetWorkGroup UpdateWorkGroup "
        "DeleteWorkGroup ListQueryExecutions CreateNamedQuery ListNamedQueries CreatePreparedStatement "
        "GetPreparedStatement",
        "datacatalog/{CatalogName}": "GetDatabase ListDatabases GetTableMetadata ListTableMetadata",
        "datacatalog/{Name}": "GetDataCatalog",
        "workgroup/{Name}": "CreateWorkGroup",
        "*": "ListDataCatalogs ListEngineVersions ListWorkGroups",
    },
    "cloudwatch": {
        "alarm:{AlarmName}": "PutMetricAlarm SetAlarmState PutCompositeAlarm DescribeAlarmHistory",
        "alarm:{AlarmNames=*}": "DeleteAlarms DescribeAlarms EnableAlarmActions DisableAlarmActions",
        "*": "PutMetricData GetMetricData GetMetricStatistics ListMetrics ListDashboards DescribeAlarmsForMetric "
        "GetMetricWidgetImage",
    },
    "dynamodb": {
        "table/{TableName}": "GetItem PutItem UpdateItem DeleteItem CreateTable DescribeTable UpdateTable DeleteTable "
        "DescribeTimeToLive UpdateTimeToLive DescribeContinuousBackups UpdateContinuousBackups",
        "table/{RequestItems}": "BatchGetItem BatchWriteItem",
        "*": "ListTables DescribeLimits DescribeEndpoints",
        "{ResourceArn}": "TagResource UntagResource ListTagsOfResource",
    },
    "ecr": {
        "repository/{repositoryName}": "BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer "
        "DescribeImages ListImages PutImage InitiateLayerUpload UploadLayerPart CompleteLayerUpload CreateRepository "
        "DeleteRepository BatchDeleteImage GetRepositoryPolicy SetRepositoryPolicy",
        "repository/{repositoryNames=*}": "DescribeRepositories",
        "*": "GetAuthorizationToken",
    },
    "ecs": {
        "cluster/{cluster=default}": "RegisterContainerInstance",
        "service/{cluster=default}/{serviceName}": "CreateService",
        "service/{cluster=default}/{service}": "UpdateService DeleteService",
        "task-definition/{family}:*": "RegisterTaskDefinition",
        "cluster/{clusters=default}": "DescribeClusters",
        "cluster/{clusterName=default}": "CreateCluster",
        "task/{cluster=default}/{tasks}": "DescribeTasks",
        "task/{cluster=default}/{task}": "StopTask",
        "*": "DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitions ListClusters",
        "?": "ListTasks",
        "{resourceArn}": "TagResource UntagResource ListTagsForResource",
    },
    "events": {
        "rule/{Name}": "PutRule DescribeRule DeleteRule EnableRule DisableRule",
        "rule/{Rule}": "PutTargets RemoveTargets ListTargetsByRule",
        "event-bus/{Name=default}": "DescribeEventBus CreateEventBus DeleteEventBus",
        "*": "PutPermission ListRules ListEventBuses ListRuleNamesByTarget",
        "{ResourceARN}": "TagResource UntagResource ListTagsForResource",
    },
    "iam": {
        "role/{RoleName}": "GetRole CreateRole DeleteRole UpdateRole GetRolePolicy PutRolePolicy DeleteRolePolicy "
        "ListRolePolicies ListAttachedRolePolicies AttachRolePolicy DetachRolePolicy TagRole UntagRole ListRoleTags "
        "UpdateAssumeRolePolicy PutRolePermissionsBoundary DeleteRolePermissionsBoundary",
        "{PolicyArn}": "GetPolicy GetPolicyVersion ListPolicyVersions DeletePolicy CreatePolicyVersion",
        "policy/{PolicyName}": "CreatePolicy",
        "*": "ListRoles ListPolicies GetAccountSummary ListAccountAliases",
    },
    "kms": {
        "key/{KeyId}": "Encrypt Decrypt GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant "
        "GetKeyPolicy PutKeyPolicy EnableKeyRotation GetKeyRotationStatus ScheduleKeyDeletion Sign Verify",
        "*": "CreateKey ListKeys ListAliases GenerateRandom",
    },
    "lambda": {
        "function:{FunctionName}": "GetFunction GetFunctionConfiguration CreateFunction UpdateFunctionCode "
        "UpdateFunctionConfiguration DeleteFunction AddPermission RemovePermission GetPolicy PublishVersion "
        "CreateAlias UpdateAlias GetAlias DeleteAlias ListVersionsByFunction ListAliases PutFunctionConcurrency "
        "DeleteFunctionConcurrency PutFunctionEventInvokeConfig GetFunctionConcurrency",
        "*": "ListFunctions ListEventSourceMappings ListLayers GetAccountSettings CreateEventSourceMapping",
        "{Resource}": "TagResource UntagResource ListTags",
    },
    "logs": {
        _LOG: "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey",
        _STREAMS: "CreateLogStream DescribeLogStreams FilterLogEvents PutMetricFilter PutSubscriptionFilter "
        "DescribeMetricFilters DescribeSubscriptionFilters StartQuery",
        _STREAMS + "{logStreamName}": "PutLogEvents GetLogEvents DeleteLogStream",
        "*": "PutResourcePolicy DescribeResourcePolicies DescribeQueries StopQuery TestMetricFilter DescribeLogGroups",
        "?": "GetQueryResults",
    },
    "resourcegroupstaggingapi": {"*": "GetResources GetTagKeys GetTagValues TagResources UntagResources"},
    "scheduler": {
        "schedule/{GroupName=default}/{Name}": "CreateSchedule GetSchedule UpdateSchedule DeleteSchedule",
        "schedule-group/{Name}": "CreateScheduleGroup GetScheduleGroup DeleteScheduleGroup",
        "*": "ListSchedules ListScheduleGroups",
    },
    "secretsmanager": {
        # Secrets Manager adds six characters to a secret's name.
        "secret:{SecretId}-??????": "GetSecretValue DescribeSecret PutSecretValue UpdateSecret DeleteSecret",
        "secret:{Name}-??????": "CreateSecret",
        "*": "ListSecrets GetRandomPassword",
    },
    "sns": {
        "{TopicArn}": "Publish PublishBatch Subscribe GetTopicAttributes SetTopicAttributes DeleteTopic "
        "ListSubscriptionsByTopic AddPermission RemovePermission",
        "{Name}": "CreateTopic",
        "*": "ListTopics ListSubscriptions",
        "?": "Unsubscribe",
        "{ResourceArn}": "TagResource UntagResource ListTagsForResource",
    },
    "sqs": {
        "{QueueUrl}": "SendMessage SendMessageBatch ReceiveMessage DeleteMessage DeleteMessageBatch GetQueueAttributes "
        "SetQueueAttributes ChangeMessageVisibility ChangeMessageVisibilityBatch PurgeQueue DeleteQueue TagQueue "
        "UntagQueue ListQueueTags ListDeadLetterSourceQueues",
        "{QueueName}": "CreateQueue GetQueueUrl",
        "*": "ListQueues",
    },
    "ssm": {
        "parameter/{Name}": "GetParameter PutParameter DeleteParameter GetParameterHistory LabelParameterVersion",
        "parameter/{Names}": "GetParameters DeleteParameters",
        "parameter/{Path}": "GetParametersByPath",
        "*": "DescribeParameters",
    },
    "stepfunctions": {
        "{stateMachineArn}": "StartExecution StartSyncExecution DescribeStateMachine ListExecutions UpdateStateMachine "
        "DeleteStateMachine",
        "{executionArn}": "DescribeExecution GetExecutionHistory StopExecution RedriveExecution "
        "DescribeStateMachineForExecution ListMapRuns",
        "{mapRunArn}": "DescribeMapRun UpdateMapRun",
        "stateMachine:{name}": "CreateStateMachine",
        "*": "SendTaskSuccess SendTaskFailure SendTaskHeartbeat ListStateMachines ListActivities "
        "ValidateStateMachineDefinition",
        "{resourceArn}": "TagResource UntagResource ListTagsForResource",
    },
    "sts": {"{RoleArn}": "AssumeRole", "*": "DecodeAuthorizationMessage"},
    "application-autoscaling": {
        "?": "RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy DeleteScalingPolicy PutScheduledAction "
        "DeleteScheduledAction",
        "*": "DescribeScalableTargets DescribeScalingPolicies DescribeScalingActivities DescribeScheduledActions",
    },
}

# Where IAM's word for a service is not botocore's.
PREFIXES = {
    "bedrock-runtime": "bedrock",
    "efs": "elasticfilesystem",
    "emr": "elasticmapreduce",
    "resourcegroupstaggingapi": "tag",
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "stepfunctions": "states",
}
# Where the action of an operation is not its name.
RENAMED = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html and
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permission is needed.
FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
