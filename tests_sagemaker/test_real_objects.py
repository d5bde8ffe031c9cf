"""The real SDK's objects: the recorded ones are still theirs, and what they become is what the SDK would send."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    TuningJobCompletionCriteria,
)
from sagemaker.core.utils.utils import serialize
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.steps import StepTypeEnum
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, RetryStrategy, StoppingCondition
from sagemaker.train.tuner import HyperparameterTuner

from constructs_ml import (
    S3,
    Account,
    ExportedPipeline,
    Input,
    PipelineSpec,
    Process,
    SpecError,
    Train,
    Tune,
    compile_exported_pipeline,
    compile_pipeline,
)
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.spec import exported_structure
from tests.sdk.stand_ins import recorded
from tools import sdk_objects
from tools.record_sdk import CODE, RECORDED, VERSION
from tools.sdk_objects import REGION, ROLE, SKLEARN, XGBOOST, UsedNetworkError, offline, recordings

ACCOUNT = Account(stage="dev", id="111111111111", region=REGION)
VALUES = {"Parameters.Threshold": Input("threshold", type="Number", default=0.5)}


@pytest.fixture
def session() -> Iterator[PipelineSession]:
    """A session that sends nothing, in the folder of the code that the objects name."""
    before = Path.cwd()
    os.chdir(CODE)
    yield offline()
    os.chdir(before)


def request_of(step: Train | Process | Tune) -> dict[str, Any]:
    """The request that our pipeline makes of a step, as text goes through `Fn::Sub`."""
    spec = PipelineSpec(name="training", model="churn", owner="growth", steps=(step,), root=CODE)
    unencrypted = dataclasses.replace(of_platform(ACCOUNT), key_arn=None)
    machine = compile_pipeline(spec, ACCOUNT, prefix="T", infrastructure=unencrypted).resources["TStateMachine"][
        "Properties"
    ]
    found: dict[str, Any] = json.loads(machine["DefinitionString"]["Fn::Sub"][0])["States"][step.name]["Parameters"]
    return found


def without(request: dict[str, Any], *names: str) -> dict[str, Any]:
    """A request without members that a pipeline decides, and without those that say nothing."""
    return {name: value for name, value in request.items() if name.removesuffix(".$") not in names and value}


def test_the_recorded_objects_are_those_of_the_installed_sdk() -> None:
    assert json.loads(VERSION.read_text()) == {"sagemaker": version("sagemaker")}, "make record-sdk"
    fresh = recordings(CODE)
    assert {file.stem for file in RECORDED.glob("*.json")} == {*fresh, "version"}
    for name, text in fresh.items():
        assert (RECORDED / f"{name}.json").read_text() == text, f"{name}: make record-sdk, and read the difference"


def test_the_session_of_these_tests_sends_nothing(session: PipelineSession) -> None:
    with pytest.raises(UsedNetworkError):
        session.boto_session.client("s3").list_buckets()


@pytest.mark.parametrize("name", ["trainer_script", "trainer_builtin", "trainer_cluster"])
def test_a_real_trainer_becomes_the_same_step_as_the_recorded_one(name: str, session: PipelineSession) -> None:
    real = getattr(sdk_objects, name)(session)
    step = Train.from_model_trainer(real, name="train", values=VALUES)
    assert step == Train.from_model_trainer(recorded(name), name="train", values=VALUES)


@pytest.mark.parametrize("name", ["processor_script", "processor_framework", "processor_container"])
def test_a_real_processor_becomes_the_same_step_as_the_recorded_one(name: str, session: PipelineSession) -> None:
    real, code = getattr(sdk_objects, name)(session), None if name == "processor_container" else "prepare.py"
    step = Process.from_processor(real, name="prepare", code=code, **sdk_objects.run_arguments(session))
    same = Process.from_processor(recorded(name), name="prepare", code=code, **recorded("run_arguments"))
    assert step == same


@pytest.mark.parametrize("name", ["tuner_single", "tuner_several"])
def test_a_real_tuner_becomes_the_same_step_as_the_recorded_one(name: str, session: PipelineSession) -> None:
    real = getattr(sdk_objects, name)(session)
    assert Tune.from_tuner(real, name="tune") == Tune.from_tuner(recorded(name), name="tune")


@pytest.mark.parametrize(
    ("name", "become"), [("trainer_refused", Train.from_model_trainer), ("processor_refused", Process.from_processor)]
)
def test_a_real_object_is_refused_by_the_same_names(name: str, become: Any, session: PipelineSession) -> None:
    def refused(thing: object) -> list[str]:
        with pytest.raises(SpecError) as error:
            become(thing, name="step")
        return sorted(fault.what for fault in error.value.faults)

    assert refused(getattr(sdk_objects, name)(session)) == refused(recorded(name))


def test_nothing_is_uploaded_when_a_step_is_declared(session: PipelineSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was uploaded")

    for name in ("upload_data", "upload_string_as_file_body"):
        monkeypatch.setattr(PipelineSession, name, refuse)
    trainer = sdk_objects.trainer_script(session)
    before = repr(trainer)
    Train.from_model_trainer(trainer, name="train")
    assert repr(trainer) == before
    with pytest.raises(AssertionError, match="something was uploaded"):
        trainer._create_training_job_args()


def test_our_request_of_a_training_job_is_the_one_that_the_sdk_would_make(session: PipelineSession) -> None:
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=XGBOOST,
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=2, keep_alive_period_in_seconds=600),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_pending_time_in_seconds=7200),
        input_data_config=[InputData(channel_name="train", data_source="s3://data/train/", content_type="text/csv")],
        hyperparameters={"num_round": 50, "rate": 1e-05, "early": True, "layers": [8, {"a": None}], "none": None},
        environment={"LOG_LEVEL": "info"},
    ).with_retry_strategy(RetryStrategy(maximum_retry_attempts=3))
    decided = ("TrainingJobName", "RoleArn", "OutputDataConfig", "Tags")
    theirs = without(trainer._create_training_job_args(boto3=True), *decided)
    ours = without(request_of(Train.from_model_trainer(trainer, name="train")), *decided)
    assert ours == theirs


def test_our_request_of_a_tuning_job_is_the_one_that_the_sdk_would_make(session: PipelineSession) -> None:
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=XGBOOST,
        compute=Compute(
            instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=40, enable_managed_spot_training=True
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=900),
        hyperparameters={"num_round": 50, "max_depth": 3},
        environment={"LOG_LEVEL": "info"},
    ).with_retry_strategy(RetryStrategy(maximum_retry_attempts=3))
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="validation:auc",
        hyperparameter_ranges={
            "max_depth": IntegerParameter(2, 9),
            "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
            "booster": CategoricalParameter(["gbtree", "dart"]),
        },
        strategy="Hyperband",
        strategy_config=HyperParameterTuningJobStrategyConfig(
            hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1, max_resource=30)
        ),
        completion_criteria_config=TuningJobCompletionCriteria(target_objective_metric_value=0.9),
        max_jobs=9,
        max_parallel_jobs=3,
        max_runtime_in_seconds=7200,
        random_seed=7,
    )
    tuner._prepare_static_hyperparameters_for_tuning()
    data = [InputData(channel_name="train", data_source="s3://data/train/", content_type="text/csv")]
    theirs = serialize(tuner._build_training_job_definition(data))
    search = serialize(tuner._build_tuning_job_config())
    trainer.input_data_config = data
    ours = request_of(Tune.from_tuner(tuner, name="tune"))
    decided = ("RoleArn", "OutputDataConfig")
    definition = without(ours["TrainingJobDefinition"], *decided)
    for channel in definition["InputDataConfig"]:
        del channel["InputMode"]  # the one of the algorithm, which both say
    assert definition == without(theirs, *decided)
    assert ours["HyperParameterTuningJobConfig"] == search


def test_our_request_of_a_processing_job_is_the_one_that_the_sdk_would_make(session: PipelineSession) -> None:
    processor = Processor(
        image_uri=SKLEARN.replace("sagemaker-scikit-learn", "other"),
        entrypoint=["/bin/prepare"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=2,
        max_runtime_in_seconds=600,
        env={"LOG_LEVEL": "info"},
        sagemaker_session=session,
    )
    run = sdk_objects.run_arguments(session)
    run["arguments"] = ["--limit", "10"]
    captured = processor.run(**run)
    captured.func(*captured.func_args, **captured.func_kwargs)
    theirs = session.context.args
    del theirs["ProcessingInputs"][0]["S3Input"]["S3CompressionType"]  # "None", which is the service's default
    step = Process.from_processor(processor, name="prepare", **run)
    ours = request_of(step)
    decided = ("ProcessingJobName", "RoleArn", "Tags", "ProcessingOutputConfig", "Environment", "NetworkConfig")
    assert without(ours, *decided) == without(theirs, *decided)
    assert ours["Environment"].items() >= theirs["Environment"].items()


def test_an_exported_definition_reaches_the_service_as_the_sdk_wrote_it(session: PipelineSession) -> None:
    text = sdk_objects.pipeline(session).definition()
    spec = ExportedPipeline(name="training", model="churn", owner="growth", definition=text)
    compiled = compile_exported_pipeline(spec, ACCOUNT, prefix="E")
    body = compiled.resources["EPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    assert json.loads(body.replace("${!", "${")) == json.loads(text)
    replaced = ExportedPipeline(
        name="training", model="churn", owner="growth", definition=text, replace={"s3://data/raw/": S3("raw/")}
    )
    assert "s3://data/raw/" not in str(compile_exported_pipeline(replaced, ACCOUNT, prefix="E").resources)


def test_types_of_steps_and_facts_of_runs_are_those_of_the_sdk() -> None:
    assert set(exported_structure.STEP_TYPES) == {item.value for item in StepTypeEnum}
    facts = {value.name for name, value in vars(ExecutionVariables).items() if name.isupper()}
    assert set(exported_structure._EXECUTION) == facts
