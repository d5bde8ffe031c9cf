"""Record what the real SDK writes for a pipeline of every step that this library renders for SageMaker Pipelines.

Run it with a Python that has the SDK: `python tools/record_pipelines.py tests/sagemaker/recorded`. Nothing is sent.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ |= {
    "SAGEMAKER_VALIDATE_ROLE": "false",
    "SAGEMAKER_TELEMETRY_OPT_OUT": "true",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

import boto3
import botocore.httpsession
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.conditions import (
    ConditionGreaterThan,
    ConditionGreaterThanOrEqualTo,
    ConditionLessThan,
    ConditionLessThanOrEqualTo,
    ConditionOr,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import (
    ParameterBoolean,
    ParameterFloat,
    ParameterInteger,
    ParameterString,
)
from sagemaker.core.workflow.pipeline_context import (
    PipelineSession,
    _JobStepArguments,
    _ModelStepArguments,
    _StepArguments,
)
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.automl_step import AutoMLStep
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_serverless_step import EMRServerlessJobConfig, EMRServerlessStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, MetricDefinition

ROLE = "arn:aws:iam::111111111111:role/sagemaker"
IMAGE = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn:1"
BUCKET = "artifacts"
FOLDER = "/opt/ml/processing"


def offline() -> PipelineSession:
    """A session that signs and sends nothing."""

    def refuse(_self: object, request: Any) -> None:
        raise AssertionError(f"the SDK called {request.url}")

    botocore.httpsession.URLLib3Session.send = refuse
    boto = boto3.Session(region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none")
    session = PipelineSession(boto_session=boto, default_bucket=BUCKET)
    session._default_bucket = BUCKET
    return session


def place(step: str, output: str) -> Join:
    return Join(
        on="",
        values=["s3://artifacts/churn/training/", ExecutionVariables.PIPELINE_EXECUTION_ID, f"/{step}/{output}/"],
    )


def uploaded(step: str, name: str) -> ProcessingOutput:
    target = ProcessingS3Output(
        s3_uri=place(step, name), s3_upload_mode="EndOfJob", local_path=f"{FOLDER}/output/{name}"
    )
    return ProcessingOutput(output_name=name, s3_output=target)


def read(name: str, uri: Any) -> ProcessingInput:
    source = ProcessingS3Input(
        s3_uri=uri,
        s3_data_type="S3Prefix",
        local_path=f"{FOLDER}/input/{name}",
        s3_input_mode="File",
        s3_data_distribution_type="FullyReplicated",
    )
    return ProcessingInput(input_name=name, s3_input=source)


def processor(session: PipelineSession) -> Processor:
    return Processor(
        image_uri=IMAGE,
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        max_runtime_in_seconds=86400,
        env={"PROCESSING_OUTPUT_TRAIN": f"{FOLDER}/output/train"},
        tags=[{"Key": "owner", "Value": "growth"}],
        sagemaker_session=session,
    )


def registration(session: PipelineSession, model: Any, statistics: Any) -> ModelStep:
    """The request is given as it is: what builds it in the SDK needs a model server's code."""
    arguments = _ModelStepArguments(model=None)
    arguments.caller_name = "create_model_package_from_containers"
    arguments.create_model_package_request = {
        "ModelPackageGroupName": "dev-churn",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": model}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": statistics}}},
        "CustomerMetadataProperties": {"execution": ExecutionVariables.PIPELINE_EXECUTION_ARN},
    }

    class _Model:
        sagemaker_session = session

    arguments.model = _Model()
    policy = StepRetryPolicy(
        exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
        interval_seconds=5,
        max_attempts=6,
    )
    return ModelStep(name="register", step_args=arguments, retry_policies=[policy])


def whole(session: PipelineSession) -> Pipeline:
    day = ParameterString(name="day", default_value="1997-09-30")
    depth = ParameterInteger(name="depth", default_value=3)
    least = ParameterFloat(name="least", default_value=0.8)
    strict = ParameterBoolean(name="strict", default_value=True)
    check = LambdaStep(
        name="check",
        lambda_func=Lambda(function_arn="arn:aws:lambda:eu-central-1:111111111111:function:check"),
        inputs={"day": day, "run": ExecutionVariables.PIPELINE_EXECUTION_ID, "limit": 10, "strict": strict},
        outputs=[LambdaOutput(output_name="rows")],
    )
    prepare = ProcessingStep(
        name="prepare",
        step_args=processor(session).run(
            inputs=[read("raw", Join(on="", values=["s3://data/raw/", day]))],
            outputs=[uploaded("prepare", "train"), uploaded("prepare", "test")],
            arguments=["--rows", check.properties.Outputs["rows"].to_string(), "--depth", depth.to_string()],
        ),
        depends_on=[check],
        retry_policies=[
            StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], interval_seconds=5, max_attempts=6),
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR], interval_seconds=30, max_attempts=2
            ),
        ],
    )
    outputs = prepare.properties.ProcessingOutputConfig.Outputs
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=IMAGE,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        input_data_config=[InputData(channel_name="train", data_source=outputs["train"].S3Output.S3Uri)],
        hyperparameters={"depth": depth.to_string()},
        environment={"DAY": day},
    )
    trainer.with_metric_definitions([MetricDefinition(name="validation:auc", regex="auc=([0-9.]+)")])
    train = TrainingStep(name="train", step_args=trainer.train(), depends_on=["prepare"])
    report = PropertyFile(name="metrics", output_name="report", path="metrics.json")
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    evaluate = ProcessingStep(
        name="evaluate",
        step_args=processor(session).run(
            inputs=[read("model", model), read("test", outputs["test"].S3Output.S3Uri)],
            outputs=[uploaded("evaluate", "report")],
            arguments=["--job", train.properties.TrainingJobName, "--prepared", prepare.properties.ProcessingJobName],
        ),
        property_files=[report],
        depends_on=["train"],
    )
    auc = JsonGet(step_name="evaluate", property_file=report, json_path="auc")
    final = train.properties.FinalMetricDataList["validation:auc"].Value
    folder = evaluate.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri
    good = ConditionStep(
        name="gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=auc, right=least),
            ConditionLessThan(left=final, right=1.0),
            ConditionOr(
                conditions=[
                    ConditionGreaterThan(left=auc, right=0.9),
                    ConditionLessThanOrEqualTo(left=auc, right=final),
                ]
            ),
        ],
        if_steps=[registration(session, model, Join(on="", values=[folder, "metrics.json"]))],
        else_steps=[FailStep(name="fail", error_message="PipelineFailed: AUC below 0.8")],
        depends_on=["evaluate"],
    )
    return Pipeline(
        name="dev-churn-training",
        parameters=[day, depth, least, strict],
        pipeline_experiment_config=None,
        steps=[check, prepare, train, evaluate, good],
        sagemaker_session=session,
    )


def spark(application: Any) -> EMRServerlessStep:
    driver = {"entryPoint": "s3://data/jobs/features.py", "entryPointArguments": ["--run", application]}
    job = EMRServerlessJobConfig(
        job_driver={"sparkSubmit": driver},
        execution_role_arn=ROLE,
        execution_timeout_minutes=1440,
        name="churn-features",
    )
    return EMRServerlessStep(
        name="features", display_name="", description="", job_config=job, application_id=application
    )


def search(session: PipelineSession) -> AutoMLStep:
    """The request is given as it is: the SDK's third version has the step, and nothing yet that builds its request."""

    def auto_ml(job: Any) -> None:
        request = {
            "InputDataConfig": [
                {
                    "ChannelType": "training",
                    "TargetAttributeName": "churned",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train/"}},
                }
            ],
            "OutputDataConfig": {"S3OutputPath": place("search", "candidates")},
            "AutoMLJobConfig": {
                "Mode": "ENSEMBLING",
                "CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": 86400},
                "SecurityConfig": {"EnableInterContainerTrafficEncryption": True},
            },
            "RoleArn": ROLE,
            "Tags": [{"Key": "owner", "Value": "growth"}],
        }
        job.sagemaker_session.context = _JobStepArguments("auto_ml", request)

    class _Job:
        sagemaker_session = session

    Session.auto_ml = auto_ml
    return AutoMLStep(name="search", step_args=_StepArguments("auto_ml", auto_ml, _Job()))


def services(session: PipelineSession) -> Pipeline:
    """EMR Serverless and AutoML, and what later steps read of the best candidate."""
    application = ParameterString(name="application", default_value="00f1abcd")
    found = search(session)
    best = found.properties.BestCandidate
    tell = LambdaStep(
        name="tell",
        lambda_func=Lambda(function_arn="arn:aws:lambda:eu-central-1:111111111111:function:tell"),
        inputs={
            "candidate": best.CandidateName,
            "job": found.properties.AutoMLJobName,
            "model": best.InferenceContainers[0].ModelDataUrl,
        },
        outputs=[],
    )
    good = ConditionStep(
        name="gate",
        conditions=[ConditionGreaterThan(left=best.FinalAutoMLJobObjectiveMetric.Value, right=0.8)],
        if_steps=[tell],
        else_steps=[FailStep(name="fail", error_message="PipelineFailed: too low")],
    )
    return Pipeline(
        name="dev-churn-training",
        parameters=[application],
        pipeline_experiment_config=None,
        steps=[spark(application), found, good],
        sagemaker_session=session,
    )


def main() -> None:
    for name, pipeline in (("whole", whole), ("services", services)):
        definition = json.loads(pipeline(offline()).definition())
        recorded = {"sagemaker": version("sagemaker"), "definition": definition}
        target = Path(sys.argv[1]) / f"{name}.json"
        target.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
