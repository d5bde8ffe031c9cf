"""Objects of the real SDK, built without credentials and without network: what is recorded, and what is tested."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
os.environ["SAGEMAKER_TELEMETRY_OPT_OUT"] = "true"
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import boto3
import botocore.httpsession
from sagemaker.core.helper.pipeline_variable import PipelineVariable
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.network import NetworkConfig
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.processing import FrameworkProcessor, Processor, ScriptProcessor
from sagemaker.core.shapes import (
    HyperParameterTuningJobWarmStartConfig,
    ModelAccessConfig,
    ParentHyperParameterTuningJob,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.for_each_step import CurrentItem, ForEachStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import (
    Channel,
    CheckpointConfig,
    Compute,
    DataSource,
    FileSystemDataSource,
    InfraCheckConfig,
    InputData,
    InstanceGroup,
    MetricDefinition,
    Networking,
    OutputDataConfig,
    RetryStrategy,
    S3DataSource,
    ShuffleConfig,
    SourceCode,
    StoppingCondition,
    Tag,
)
from sagemaker.train.distributed import MPI, SMP, Torchrun
from sagemaker.train.tuner import HyperparameterTuner

ACCOUNT, REGION = "111111111111", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"
SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
XGBOOST = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PYTORCH = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-gpu-py311"
OWN = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn-train:1.2"
BUCKET = "sagemaker-eu-central-1-111111111111"


class UsedNetworkError(AssertionError):
    """Something was sent, although nothing is sent when a pipeline is declared."""


def offline() -> PipelineSession:
    """A session that can sign and send nothing; every attempt is an error."""

    def refuse(_self: object, request: Any) -> None:
        raise UsedNetworkError(request.url)

    botocore.httpsession.URLLib3Session.send = refuse
    boto = boto3.Session(region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
    session = PipelineSession(boto_session=boto, default_bucket=BUCKET)
    session._default_bucket = BUCKET  # else the session asks S3 whether the bucket is there
    return session


def trainer_script(session: PipelineSession) -> ModelTrainer:
    """A script in AWS's scikit-learn image, on spot, with everything that a Train step has a field for."""
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=SKLEARN,
        source_code=SourceCode(source_dir="folder", entry_script="main.py"),
        compute=Compute(
            instance_type="ml.m5.xlarge", instance_count=2, volume_size_in_gb=50, enable_managed_spot_training=True
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=3600, max_wait_time_in_seconds=7200),
        checkpoint_config=CheckpointConfig(),
        networking=Networking(enable_network_isolation=True, enable_inter_container_traffic_encryption=True),
        input_data_config=[
            InputData(channel_name="train", data_source="s3://data/train/", content_type="text/csv"),
            Channel(
                channel_name="extra",
                data_source=DataSource(
                    s3_data_source=S3DataSource(
                        s3_data_type="S3Prefix",
                        s3_uri="s3://data/extra/",
                        s3_data_distribution_type="ShardedByS3Key",
                    )
                ),
                input_mode="Pipe",
                compression_type="Gzip",
                shuffle_config=ShuffleConfig(seed=7),
            ),
            Channel(
                channel_name="images",
                data_source=DataSource(
                    s3_data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri="s3://data/images/")
                ),
                input_mode="FastFile",
            ),
        ],
        hyperparameters={"depth": 3, "rate": 0.1, "early": True, "layers": [8, 4], "label": "churned"},
        environment={"LOG_LEVEL": "info"},
    )
    trainer.with_retry_strategy(RetryStrategy(maximum_retry_attempts=3))
    trainer.with_metric_definitions([MetricDefinition(name="auc", regex="auc=([0-9.]+)")])
    return trainer


def trainer_builtin(session: PipelineSession) -> ModelTrainer:
    """A built-in algorithm with placeholders in a location, a hyperparameter and the environment; warm pool."""
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=XGBOOST,
        training_input_mode="Pipe",
        compute=Compute(instance_type="ml.m5.large", instance_count=1, keep_alive_period_in_seconds=600),
        input_data_config=[
            InputData(channel_name="train", data_source=ParameterString(name="data", default_value="s3://data/train/")),
            InputData(
                channel_name="days",
                data_source=Join(on="/", values=["s3://data", "days", ParameterString(name="day"), "x.csv"]),
            ),
        ],
        hyperparameters={
            "num_round": ParameterInteger(name="rounds", default_value=50),
            "objective": "binary:logistic",
        },
        environment={
            "THRESHOLD": ParameterFloat(name="Threshold", default_value=0.5),
            "RUN": Join(on="-", values=["churn", ExecutionVariables.PIPELINE_EXECUTION_ID]),
        },
        output_data_config=OutputDataConfig(s3_output_path="s3://models/", compression_type="NONE"),
    ).with_infra_check_config(InfraCheckConfig(enable_infra_check=True))


def trainer_cluster(session: PipelineSession) -> ModelTrainer:
    """Several processes on machines of two kinds, data of every kind, a given place for checkpoints."""
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=PYTORCH,
        source_code=SourceCode(source_dir="folder", entry_script="main.py"),
        distributed=MPI(process_count_per_node=1, mpi_additional_options=["-x", "NCCL_DEBUG=INFO"]),
        compute=Compute(
            instance_groups=[
                InstanceGroup(instance_group_name="workers", instance_type="ml.g5.xlarge", instance_count=2),
                InstanceGroup(instance_group_name="feeders", instance_type="ml.m5.xlarge", instance_count=1),
            ],
            training_plan_arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-plan/reserved",
        ),
        checkpoint_config=CheckpointConfig(s3_uri="s3://data/checkpoints/"),
        input_data_config=[
            Channel(
                channel_name="listed",
                data_source=DataSource(
                    s3_data_source=S3DataSource(
                        s3_data_type="ManifestFile", s3_uri="s3://data/list.manifest", instance_group_names=["workers"]
                    )
                ),
            ),
            Channel(
                channel_name="labelled",
                data_source=DataSource(
                    s3_data_source=S3DataSource(
                        s3_data_type="AugmentedManifestFile",
                        s3_uri="s3://data/labels.manifest",
                        attribute_names=["source-ref", "label"],
                    )
                ),
                input_mode="Pipe",
                record_wrapper_type="RecordIO",
            ),
            Channel(
                channel_name="mounted",
                data_source=DataSource(
                    file_system_data_source=FileSystemDataSource(
                        file_system_id=ParameterString(name="files"),
                        file_system_access_mode="rw",
                        file_system_type="FSxLustre",
                        directory_path="/fsx/data",
                    )
                ),
            ),
            InputData(
                channel_name="shared",
                data_source=FileSystemDataSource(
                    file_system_id="fs-0123456789abcdef0",
                    file_system_access_mode="ro",
                    file_system_type="EFS",
                    directory_path="/shared",
                ),
            ),
        ],
    )


def trainer_refused(session: PipelineSession) -> ModelTrainer:
    """Everything that a Train step does not take over."""
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=OWN,
        source_code=SourceCode(
            source_dir="folder", entry_script="main.py", requirements="main.py", ignore_patterns=["*.csv"]
        ),
        distributed=Torchrun(process_count_per_node=2, smp=SMP(tensor_parallel_degree=2)),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_kms_key_id="some-key"),
        networking=Networking(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        output_data_config=OutputDataConfig(s3_output_path="s3://models/", kms_key_id="some-key"),
        input_data_config=[
            Channel(
                channel_name="train",
                data_source=DataSource(
                    s3_data_source=S3DataSource(
                        s3_data_type="S3Prefix",
                        s3_uri="s3://data/train/",
                        model_access_config=ModelAccessConfig(accept_eula=True),
                    )
                ),
            ),
            InputData(channel_name="local", data_source="folder"),
        ],
        tags=[Tag(key="team", value="growth")],
    )


def processor_script(session: PipelineSession) -> ScriptProcessor:
    return ScriptProcessor(
        image_uri=SKLEARN,
        command=["python3"],
        role=ROLE,
        instance_type="ml.m5.xlarge",
        instance_count=1,
        volume_size_in_gb=40,
        max_runtime_in_seconds=1800,
        env={"LOG_LEVEL": "info", "DAY": ParameterString(name="day", default_value="1997-09-30")},
        network_config=NetworkConfig(enable_network_isolation=True, encrypt_inter_container_traffic=True),
        sagemaker_session=session,
    )


def processor_framework(session: PipelineSession) -> FrameworkProcessor:
    return FrameworkProcessor(
        image_uri=SKLEARN, role=ROLE, instance_type="ml.m5.large", instance_count=1, sagemaker_session=session
    )


def processor_container(session: PipelineSession) -> Processor:
    """A container with an entry of its own."""
    return Processor(
        image_uri=OWN,
        entrypoint=["/bin/prepare", "--fast"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )


def processor_refused(session: PipelineSession) -> ScriptProcessor:
    """Everything that a Process step does not take over."""
    return ScriptProcessor(
        image_uri=OWN,
        command=["Rscript"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        volume_kms_key="some-key",
        output_kms_key="some-key",
        tags=[{"Key": "team", "Value": "growth"}],
        network_config=NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        sagemaker_session=session,
    )


def run_arguments(_session: PipelineSession) -> dict[str, Any]:
    """What the SDK is given when it runs a processor: objects of their own."""
    folder = "/opt/ml/processing"
    return {
        "inputs": [
            ProcessingInput(
                input_name="raw",
                s3_input=ProcessingS3Input(
                    s3_uri="s3://data/raw/",
                    s3_data_type="S3Prefix",
                    local_path=f"{folder}/input/raw",
                    s3_input_mode="File",
                    s3_data_distribution_type="ShardedByS3Key",
                ),
            )
        ],
        "outputs": [
            ProcessingOutput(
                output_name="train",
                s3_output=ProcessingS3Output(
                    s3_uri=f"s3://{BUCKET}/train/", s3_upload_mode="EndOfJob", local_path=f"{folder}/output/train"
                ),
            )
        ],
        "arguments": ["--day", ParameterString(name="day", default_value="1997-09-30"), "--limit", "10"],
    }


def tuner_single(session: PipelineSession) -> HyperparameterTuner:
    return HyperparameterTuner(
        model_trainer=trainer_script(session),
        objective_metric_name="auc",
        metric_definitions=[{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
        hyperparameter_ranges={
            "depth": IntegerParameter(2, 9),
            "rate": ContinuousParameter(0.001, 0.3, scaling_type="Logarithmic"),
            "label": CategoricalParameter(["churned", "left"]),
        },
        strategy="Bayesian",
        objective_type="Maximize",
        max_jobs=20,
        max_parallel_jobs=4,
        max_runtime_in_seconds=36000,
        early_stopping_type="Auto",
        random_seed=7,
        warm_start_config=HyperParameterTuningJobWarmStartConfig(
            parent_hyper_parameter_tuning_jobs=[
                ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name="before")
            ],
            warm_start_type="TransferLearning",
        ),
    )


def tuner_several(session: PipelineSession) -> HyperparameterTuner:
    return HyperparameterTuner.create(
        model_trainer_dict={"forest": trainer_script(session), "boost": trainer_script(session)},
        objective_metric_name_dict={"forest": "auc", "boost": "auc"},
        hyperparameter_ranges_dict={
            "forest": {"depth": IntegerParameter(2, 9)},
            "boost": {"rate": ContinuousParameter(0.1, 1)},
        },
        metric_definitions_dict={name: [{"Name": "auc", "Regex": "auc=([0-9.]+)"}] for name in ("forest", "boost")},
        max_jobs=8,
    )


def pipeline(session: PipelineSession) -> Pipeline:
    """A pipeline with a job, a metrics file, a condition, a wait for a person, and an end in failure."""
    data = ParameterString(name="InputData", default_value="s3://data/raw/")
    report = PropertyFile(name="Report", output_name="report", path="metrics.json")
    check = Processor(
        image_uri=SKLEARN,
        entrypoint=["python3", "/opt/ml/processing/input/check.py", "--price", "${5}"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    metrics = ProcessingOutput(
        output_name="report",
        s3_output=ProcessingS3Output(
            s3_uri=f"s3://{BUCKET}/report/", s3_upload_mode="EndOfJob", local_path="/opt/ml/processing/output/report"
        ),
    )
    raw = ProcessingInput(
        input_name="raw",
        s3_input=ProcessingS3Input(
            s3_uri=data, s3_data_type="S3Prefix", local_path="/opt/ml/processing/input/raw", s3_input_mode="File"
        ),
    )
    prepare = ProcessingStep(
        name="Prepare", step_args=check.run(inputs=[raw], outputs=[metrics]), property_files=[report]
    )
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=XGBOOST,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        input_data_config=[
            InputData(
                channel_name="train",
                data_source=prepare.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri,
            )
        ],
        hyperparameters={"num_round": "50"},
    )
    train = TrainingStep(name="Train", step_args=trainer.train())
    ask = CallbackStep(
        name="Ask",
        sqs_queue_url=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/approvals",
        inputs={"model": train.properties.ModelArtifacts.S3ModelArtifacts},
        outputs=[CallbackOutput(output_name="answer", output_type=CallbackOutputTypeEnum.String)],
    )
    auc = JsonGet(step_name="Prepare", property_file=report, json_path="auc")
    good = ConditionStep(
        name="Good",
        conditions=[ConditionGreaterThanOrEqualTo(left=auc, right=0.8)],
        if_steps=[train, ask],
        else_steps=[FailStep(name="Bad", error_message="AUC below 0.8")],
    )
    steps = [prepare, good, *_other_services(session)]
    return Pipeline(name="churn", parameters=[data], steps=steps, sagemaker_session=session)


def _other_services(session: PipelineSession) -> list[Any]:
    """A function, a step of an EMR cluster, and a loop over functions."""
    function = Lambda(function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tell", session=session)
    tell = LambdaStep(
        name="Tell",
        lambda_func=function,
        inputs={"report": "$.x"},
        outputs=[LambdaOutput(output_name="items", output_type=LambdaOutputTypeEnum.String)],
    )
    spark = EMRStep(
        name="Spark",
        display_name="Spark",
        description="",
        cluster_id="j-1234567890123",
        step_config=EMRStepConfig(jar="s3://data/step.jar", args=["--day", ParameterString(name="InputData")]),
    )
    each = LambdaStep(name="One", lambda_func=function, inputs={"item": CurrentItem()}, outputs=[])
    loop = ForEachStep(
        name="Each",
        iterable_items=tell.properties.Outputs["items"],
        max_concurrency=2,
        for_each_body=[each],
    )
    return [tell, spark, loop]


RECORDED: dict[str, Callable[[PipelineSession], Any]] = {
    builder.__name__: builder
    for builder in (
        trainer_script,
        trainer_builtin,
        trainer_cluster,
        trainer_refused,
        processor_script,
        processor_framework,
        processor_container,
        processor_refused,
        run_arguments,
        tuner_single,
        tuner_several,
    )
}


def recording(thing: Any) -> Any:
    """An object as JSON: its class and its attributes, sessions and folders of this machine left out."""
    if thing is None or (isinstance(thing, (str, int, float)) and not hasattr(thing, "value")):
        return thing
    if isinstance(thing, (list, tuple)):
        return [recording(item) for item in thing]
    if isinstance(thing, dict):
        return {"mapping": {str(key): recording(item) for key, item in thing.items()}}
    name = type(thing).__name__
    if name in ("Unassigned", "SageMakerConfig") or name.endswith("Session"):
        return {"class": name}
    if hasattr(thing, "_value_"):
        return {"class": name, "attributes": {"value": thing.value}}
    found: dict[str, Any] = {
        "class": name,
        "attributes": {
            key: recording(item) for key, item in sorted(vars(thing).items()) if key != "local_container_root"
        },
    }
    private = getattr(thing, "__pydantic_private__", None)
    if private:
        found["private"] = {key: recording(item) for key, item in sorted(private.items())}
    if isinstance(thing, PipelineVariable):
        found["expr"] = thing.expr
    return found


def recordings(folder: Path) -> dict[str, str]:
    """The text of every recording; `folder` holds the code that the objects name."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        session = offline()
        found = {name: recording(build(session)) for name, build in RECORDED.items()}
        definition = json.loads(pipeline(session).definition())
    finally:
        os.chdir(before)
    texts = {**found, "pipeline_definition": definition}
    return {name: json.dumps(value, indent=1, sort_keys=True) + "\n" for name, value in texts.items()}
