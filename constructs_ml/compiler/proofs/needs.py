"""What integrations need that a table can tell: the actions of a call, and the ARN that its request makes.

Each row stands beside the page of the Step Functions developer guide that tells it (November 2026). Where a page's
policy is wider than the call (`*`, or the actions of `.sync` for a plain call), the row follows the call, and takes
the resource from the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# The verbs of actions that make what later calls are about.
MAKING = ("Create", "Start")


@dataclass(frozen=True, slots=True)
class Need:
    """Actions on one resource, of the account and region of the state machine.

    `on` is the end of the ARN: `{Member}` is a member of the request (`{Member|arn}` one that may hold the whole
    ARN, `{Member=x}` one with a default), `*` is what nobody knows before. Empty means that IAM knows no narrower
    resource than `*`. `arn` is the member that holds the whole ARN; `on` then counts where a run decides it.
    """

    actions: tuple[str, ...]
    on: str = ""
    arn: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What one integration calls: `always`, and while Step Functions waits for the job (`.sync`).

    `rule` is the EventBridge rule by which it hears of the end; `roles` are members that name a role, each with the
    service that gets it.
    """

    always: tuple[Need, ...] = ()
    waiting: tuple[Need, ...] = ()
    rule: str = ""
    rule_optional: bool = False
    roles: tuple[tuple[str, str], ...] = ()


def _simple(service: str, on: str, *actions: str, arn: str = "") -> dict[str, Needs]:
    """Calls that need their own action and nothing else."""
    return {
        f"{service}:{action}": Needs((Need((f"{service}:{action[0].upper()}{action[1:]}",), on, arn),))
        for action in actions
    }


# https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html: the page says `*`, IAM knows jobs.
_GLUE = {
    "glue:startJobRun": Needs(
        (Need(("glue:StartJobRun",), "job/{JobName}"),),
        (Need(("glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns"), "job/{JobName}"),),
    ),
    **_simple("glue", "job/{JobName}", "batchStopJobRun", "getJobRun", "getJobRuns"),
}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-databrew.html
_DATABREW = {
    "databrew:startJobRun": Needs(
        (Need(("databrew:StartJobRun",), "job/{Name}"),),
        (Need(("databrew:ListJobRuns", "databrew:StopJobRun"), "job/{Name}"),),
    ),
    **_simple("databrew", "job/{Name}", "describeJobRun", "listJobRuns", "stopJobRun"),
}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
_ATHENA = _simple("athena", "workgroup/*", "getQueryExecution", "getQueryResults", "stopQueryExecution")

_APPLICATION, _RUNS = "/applications/{ApplicationId}", "/applications/{ApplicationId}/jobruns/*"
_EMR_RULE = "StepFunctionsGetEventsForEMRServerless%sRule"
_GET_APPLICATION = Need(("emr-serverless:GetApplication",), _APPLICATION)
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
_EMR_SERVERLESS = {
    "emr-serverless:createApplication": Needs(
        (Need(("emr-serverless:CreateApplication",)),),
        (Need(("emr-serverless:DeleteApplication", "emr-serverless:GetApplication"), "/applications/*"),),
        _EMR_RULE % "Application",
    ),
    "emr-serverless:startApplication": Needs(
        (Need(("emr-serverless:StartApplication",), _APPLICATION),),
        (_GET_APPLICATION, Need(("emr-serverless:StopApplication",), _APPLICATION)),
        _EMR_RULE % "Application",
    ),
    "emr-serverless:stopApplication": Needs(
        (Need(("emr-serverless:StopApplication",), _APPLICATION),), (_GET_APPLICATION,), _EMR_RULE % "Application"
    ),
    "emr-serverless:deleteApplication": Needs(
        (Need(("emr-serverless:DeleteApplication",), _APPLICATION),), (_GET_APPLICATION,), _EMR_RULE % "Application"
    ),
    "emr-serverless:startJobRun": Needs(
        (Need(("emr-serverless:StartJobRun",), _APPLICATION),),
        (Need(("emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"), _RUNS),),
        _EMR_RULE % "Job",
        roles=(("ExecutionRoleArn", "emr-serverless.amazonaws.com"),),
    ),
    "emr-serverless:cancelJobRun": Needs(
        (Need(("emr-serverless:CancelJobRun",), "/applications/{ApplicationId}/jobruns/{JobRunId}"),),
        (Need(("emr-serverless:GetJobRun",), "/applications/{ApplicationId}/jobruns/{JobRunId}"),),
        _EMR_RULE % "Job",
    ),
    **_simple("emr-serverless", "/applications/{ApplicationId}/jobruns/{JobRunId}", "getJobRun"),
    **_simple("emr-serverless", _APPLICATION, "getApplication"),
}
_CLUSTER = "cluster/{ClusterId}"
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html. An older edition of the page grants the rules
# as well, and AWS's CDK still does.
_EMR = {
    "elasticmapreduce:createCluster": Needs(
        (Need(("elasticmapreduce:RunJobFlow",)), Need(("elasticmapreduce:AddTags",), "cluster/*", optional=True)),
        (Need(("elasticmapreduce:DescribeCluster", "elasticmapreduce:TerminateJobFlows"), "cluster/*"),),
        "StepFunctionsGetEventForEMRRunJobFlowRule",
        rule_optional=True,
        roles=(
            ("ServiceRole", "elasticmapreduce.amazonaws.com"),
            ("JobFlowRole", "ec2.amazonaws.com"),
            ("AutoScalingRole", "application-autoscaling.amazonaws.com"),
        ),
    ),
    "elasticmapreduce:terminateCluster": Needs(
        (Need(("elasticmapreduce:TerminateJobFlows",), _CLUSTER),),
        (Need(("elasticmapreduce:DescribeCluster",), _CLUSTER),),
        "StepFunctionsGetEventForEMRTerminateJobFlowsRule",
        rule_optional=True,
    ),
    "elasticmapreduce:addStep": Needs(
        (Need(("elasticmapreduce:AddJobFlowSteps",), _CLUSTER),),
        (Need(("elasticmapreduce:CancelSteps", "elasticmapreduce:DescribeStep"), _CLUSTER),),
        "StepFunctionsGetEventForEMRAddJobFlowStepsRule",
        rule_optional=True,
    ),
    "elasticmapreduce:cancelStep": Needs((Need(("elasticmapreduce:CancelSteps",), _CLUSTER),)),
    "elasticmapreduce:setClusterTerminationProtection": Needs(
        (Need(("elasticmapreduce:SetTerminationProtection",), _CLUSTER),)
    ),
    "elasticmapreduce:modifyInstanceFleetByName": Needs(
        (Need(("elasticmapreduce:ListInstanceFleets", "elasticmapreduce:ModifyInstanceFleet"), _CLUSTER),)
    ),
    "elasticmapreduce:modifyInstanceGroupByName": Needs(
        (Need(("elasticmapreduce:ListInstanceGroups", "elasticmapreduce:ModifyInstanceGroups"), _CLUSTER),)
    ),
}
_GROUP = "nodegroup/{ClusterName}/{NodegroupName}/*"
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-eks.html. What `call` and `runJob` do in a cluster is
# Kubernetes' to allow, not IAM's.
_EKS = {
    "eks:call": Needs(),
    "eks:runJob": Needs(),
    "eks:createCluster": Needs(
        (Need(("eks:CreateCluster",)),),
        (Need(("eks:DeleteCluster", "eks:DescribeCluster"), "cluster/{Name}"),),
        roles=(("RoleArn", "eks.amazonaws.com"),),
    ),
    "eks:deleteCluster": Needs(
        (Need(("eks:DeleteCluster",), "cluster/{Name}"),), (Need(("eks:DescribeCluster",), "cluster/{Name}"),)
    ),
    "eks:createNodegroup": Needs(
        (
            Need(("eks:CreateNodegroup",), "cluster/{ClusterName}"),
            Need(("ec2:DescribeSubnets",)),
            Need(("iam:GetRole", "iam:ListAttachedRolePolicies"), arn="NodeRole"),
        ),
        (Need(("eks:DeleteNodegroup", "eks:DescribeNodegroup"), _GROUP),),
        roles=(("NodeRole", "eks.amazonaws.com"),),
    ),
    "eks:deleteNodegroup": Needs(
        (Need(("eks:DeleteNodegroup",), _GROUP),), (Need(("eks:DescribeNodegroup",), _GROUP),)
    ),
    **_simple("eks", "cluster/{Name}", "describeCluster"),
}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html
_CODEBUILD = {
    "codebuild:startBuild": Needs(
        (Need(("codebuild:StartBuild",), "project/{ProjectName|arn}"),),
        (Need(("codebuild:BatchGetBuilds", "codebuild:StopBuild"), "project/{ProjectName|arn}"),),
        "StepFunctionsGetEventForCodeBuildStartBuildRule",
    ),
    "codebuild:startBuildBatch": Needs(
        (Need(("codebuild:StartBuildBatch",), "project/{ProjectName|arn}"),),
        (Need(("codebuild:BatchGetBuildBatches", "codebuild:StopBuildBatch"), "project/{ProjectName|arn}"),),
        "StepFunctionsGetEventForCodeBuildStartBuildBatchRule",
    ),
    **_simple("codebuild", "project/*", "batchDeleteBuilds", "stopBuild", "stopBuildBatch", "batchGetBuilds"),
    **_simple("codebuild", "report-group/*", "batchGetReports"),
}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_stepfunctions.html
_STATES = {
    **_simple("states", "execution:*", "describeExecution", "getExecutionHistory", "stopExecution", arn="ExecutionArn"),
    **_simple("states", "stateMachine:*", "describeStateMachine", "listExecutions", arn="StateMachineArn"),
    **_simple("states", "", "sendTaskFailure", "sendTaskHeartbeat", "sendTaskSuccess"),
}
_PACKAGES, _PIPELINE_RUN = "model-package/{ModelPackageGroupName}/*", "pipeline/*/execution/*"
_RUN_CALLS = (
    *("describePipelineExecution", "listPipelineExecutionSteps", "listPipelineParametersForExecution"),
    *("retryPipelineExecution", "stopPipelineExecution", "updatePipelineExecution"),
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker.html. That versions of a group are
# listed on its packages: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-ram.html
_SAGEMAKER = {
    **_simple("sagemaker", "pipeline/{PipelineName|arn}", "startPipelineExecution", "listPipelineExecutions"),
    **_simple("sagemaker", _PIPELINE_RUN, *_RUN_CALLS, arn="PipelineExecutionArn"),
    **_simple("sagemaker", _PACKAGES, "listModelPackages"),
    **_simple("sagemaker", "endpoint/{EndpointName}", "updateEndpointWeightsAndCapacities", "invokeEndpoint"),
    **_simple("sagemaker", "endpoint/{EndpointName}", "invokeEndpointAsync"),
    **_simple(
        "sagemaker",
        "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
        "listTrainingJobsForHyperParameterTuningJob",
    ),
    **_simple("sagemaker", "feature-group/{FeatureGroupName|arn}", "deleteRecord", "getRecord", "putRecord"),
    **_simple("sagemaker", "*", "addTags", "deleteTags", "listTags", arn="ResourceArn"),
    **_simple("sagemaker", "model-package/*", "updateModelPackage", arn="ModelPackageArn"),
    **_simple("sagemaker", "", "search", "listCandidatesForAutoMLJob"),
}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_cloudwatch.html
_CLOUDWATCH = {
    **_simple("cloudwatch", "alarm:{AlarmName}", "describeAlarmHistory", "putMetricAlarm", "setAlarmState"),
    **_simple("cloudwatch", "", "getMetricData", "getMetricStatistics", "putMetricData"),
}

NEEDS: Mapping[str, Needs] = MappingProxyType(
    {
        **_GLUE,
        **_DATABREW,
        **_ATHENA,
        **_EMR_SERVERLESS,
        **_EMR,
        **_EKS,
        **_CODEBUILD,
        **_STATES,
        **_SAGEMAKER,
        **_CLOUDWATCH,
    }
)
"""By IAM's name of the service and the action as Step Functions writes it."""
