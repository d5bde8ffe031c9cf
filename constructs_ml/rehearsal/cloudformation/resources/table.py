"""Every type of resource that the rehearsal makes."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.rehearsal.cloudformation.resources import (
    data,
    iam,
    lambdas,
    messaging,
    operations,
    s3,
    sagemaker,
    steps,
)
from constructs_ml.rehearsal.cloudformation.resources.parts import Coded
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.work import Kind, Made, Work


def _nothing(work: Work) -> Made:
    return Made(work.made_name())


TABLE: Mapping[str, Kind] = {
    "AWS::CDK::Metadata": Coded(made=_nothing, removed=lambda work: None, known=("Analytics",)),
    "AWS::ECR::Repository": Row(
        service="ecr",
        create="CreateRepository",
        delete="DeleteRepository",
        name="RepositoryName",
        longest=256,
        keys={"repositoryName": "{id}"},
        attributes={"Arn": "{repository[repositoryArn]}", "RepositoryUri": "{repository[repositoryUri]}"},
        apart=("LifecyclePolicy", "RepositoryPolicyText", "EmptyOnDelete"),
        settles=("ImageScanningConfiguration", "ImageTagMutability"),
        then=(steps.settle_repository,),
        first=(steps.empty_repository,),
        replace=("RepositoryName", "EncryptionConfiguration"),
    ),
    "AWS::ECS::Cluster": Row(
        service="ecs",
        create="CreateCluster",
        update="UpdateCluster",
        delete="DeleteCluster",
        name="ClusterName",
        longest=255,
        delete_keys={"cluster": "{id}"},
        update_keys={"cluster": "{id}"},
        attributes={"Arn": "{cluster[clusterArn]}"},
        replace=("ClusterName",),
    ),
    "AWS::ECS::TaskDefinition": Row(
        service="ecs",
        create="RegisterTaskDefinition",
        delete="DeregisterTaskDefinition",
        name="Family",
        longest=255,
        id="{taskDefinition[taskDefinitionArn]}",
        keys={"taskDefinition": "{id}"},
        attributes={"TaskDefinitionArn": "{taskDefinition[taskDefinitionArn]}"},
        tagged_by="id",
        replace=("*",),
    ),
    "AWS::Events::EventBus": Row(
        service="events",
        create="CreateEventBus",
        delete="DeleteEventBus",
        id="{Name}",
        keys={"Name": "{id}"},
        attributes={"Arn": "{EventBusArn}", "Name": "{Name}"},
        replace=("Name",),
    ),
    "AWS::Events::Rule": messaging.RULE,
    "AWS::IAM::ManagedPolicy": iam.MANAGED_POLICY,
    "AWS::IAM::Policy": iam.POLICY,
    "AWS::IAM::Role": iam.ROLE,
    "AWS::IAM::RolePolicy": iam.ROLE_POLICY,
    "AWS::Lambda::Alias": lambdas.ALIAS,
    "AWS::Lambda::EventSourceMapping": lambdas.EVENT_SOURCE_MAPPING,
    "AWS::Lambda::Function": lambdas.FUNCTION,
    "AWS::Lambda::Permission": lambdas.PERMISSION,
    "AWS::Lambda::Version": lambdas.VERSION,
    "AWS::S3::Bucket": s3.BUCKET,
    "AWS::S3::BucketPolicy": s3.BUCKET_POLICY,
    "AWS::SNS::Subscription": messaging.SUBSCRIPTION,
    "AWS::SNS::Topic": messaging.TOPIC,
    "AWS::SNS::TopicPolicy": messaging.TOPIC_POLICY,
    "AWS::SQS::Queue": messaging.QUEUE,
    "AWS::SQS::QueuePolicy": messaging.QUEUE_POLICY,
    "AWS::Scheduler::Schedule": Row(
        service="scheduler",
        create="CreateSchedule",
        update="UpdateSchedule",
        delete="DeleteSchedule",
        name="Name",
        keys={"Name": "{id}"},
        attributes={"Arn": "{ScheduleArn}"},
        tagged=False,
    ),
    "AWS::Scheduler::ScheduleGroup": Row(
        service="scheduler",
        create="CreateScheduleGroup",
        delete="DeleteScheduleGroup",
        name="Name",
        keys={"Name": "{id}"},
        attributes={"Arn": "{ScheduleGroupArn}"},
        replace=("Name",),
    ),
    "AWS::StepFunctions::Activity": Row(
        service="stepfunctions",
        create="CreateActivity",
        delete="DeleteActivity",
        name="Name",
        longest=80,
        id="{activityArn}",
        keys={"activityArn": "{id}"},
        attributes={"Arn": "{activityArn}", "Name": "{Name}"},
        replace=("Name",),
    ),
    "AWS::StepFunctions::StateMachine": Row(
        service="stepfunctions",
        create="CreateStateMachine",
        update="UpdateStateMachine",
        delete="DeleteStateMachine",
        name="StateMachineName",
        longest=80,
        id="{stateMachineArn}",
        keys={"stateMachineArn": "{id}"},
        attributes={"Arn": "{stateMachineArn}", "Name": "{StateMachineName}", "StateMachineRevisionId": "{revisionId}"},
        renames={"StateMachineName": "name", "StateMachineType": "type"},
        reshape=steps.machine_as_called,
        tagged_by="id",
    ),
    **data.ROWS,
    **operations.ROWS,
    **sagemaker.rows(),
}
