"""A ModelTrainer of the SDK, as it was recorded, becomes a Train step."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Channel,
    Code,
    Compute,
    Image,
    Input,
    MetricDefinition,
    Network,
    PyTorch,
    Sklearn,
    SpecError,
    Spot,
    Train,
    XGBoost,
)
from constructs_ml.spec.values import Execution, Output, join
from tests.sdk.stand_ins import rebuilt, recorded
from tests.support import account, compiled, definition_of, pipeline, prepare

THRESHOLD = Input("threshold", type="Number", default=0.5)
GIVEN = {"Parameters.Threshold": THRESHOLD}


def trainer(**changes: Any) -> Any:
    """The recorded trainer of a script, with attributes of the caller's on top."""
    found = recorded("trainer_script")
    for name, value in changes.items():
        private = type(found).__pydantic_private__
        if name in private:
            private[name] = value
        else:
            setattr(found, name, value)
    return found


def placeholder(get: str) -> Any:
    return rebuilt({"class": "Properties", "expr": {"Get": get}})


def refused(thing: Any, **given: Any) -> dict[str, str]:
    """The names that are refused, each with what would be allowed."""
    with pytest.raises(SpecError) as error:
        Train.from_model_trainer(thing, name="train", **given)
    return {fault.what.split()[0]: fault.allowed for fault in error.value.faults}


def test_everything_that_a_step_has_a_field_for_goes_there() -> None:
    assert Train.from_model_trainer(trainer(), name="train") == Train(
        name="train",
        image=Sklearn("1.4-2"),
        code=Code("folder", "main.py"),
        channels={
            "train": Channel(source=S3("s3://data/train/"), content_type="text/csv"),
            "extra": Channel(
                source=S3("s3://data/extra/"),
                mode="Pipe",
                distribution="ShardedByS3Key",
                compression="Gzip",
                shuffle_seed=7,
            ),
        },
        hyperparameters={"depth": 3, "rate": 0.1, "early": True, "layers": "[8, 4]", "label": "churned"},
        metrics=(MetricDefinition("auc", "auc=([0-9.]+)"),),
        environment={"LOG_LEVEL": "info"},
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=2, volume_gb=50),
        network=Network(isolation=True, encrypt_between_containers=True),
        spot=Spot(max_wait=timedelta(hours=2)),
        job_retries=3,
        timeout=timedelta(hours=1),
    )


def test_placeholders_become_inputs_or_what_the_caller_gives_for_them() -> None:
    step = Train.from_model_trainer(recorded("trainer_builtin"), name="train", values=GIVEN)
    assert step.channels["train"] == Channel(source=Input("data", default=S3("s3://data/train/")), mode="Pipe")
    assert step.hyperparameters["num_round"] == Input("rounds", type="Number", default=50)
    assert step.environment["THRESHOLD"] == THRESHOLD


def test_joined_placeholders_are_joined_here_too() -> None:
    step = Train.from_model_trainer(recorded("trainer_builtin"), name="train", values=GIVEN)
    assert step.environment["RUN"] == join("churn", "-", Execution("name"))
    assert step.channels["days"] == Channel(source=S3("s3://data/days/") / Input("day") / "x.csv", mode="Pipe")


def joined(on: str, *values: Any) -> Any:
    thing = rebuilt({"class": "Join", "expr": {"Std:Join": {}}, "attributes": {"on": on}})
    thing.values = list(values)
    return thing


@pytest.mark.parametrize(
    ("thing", "location"),
    [
        (joined("/", "s3:/", "data"), S3("s3://data/")),
        (joined("/", placeholder("Steps.P.Out"), "x"), Output("prepare", "train") / "x"),
    ],
)
def test_a_joined_location_begins_with_a_place(thing: Any, location: Any) -> None:
    source = SimpleNamespace(channel_name="train", data_source=thing)
    values = {"Steps.P.Out": Output("prepare", "train")}
    step = Train.from_model_trainer(trainer(input_data_config=[source]), name="train", values=values)
    assert step.channels["train"] == Channel(source=location)


@pytest.mark.parametrize(
    "thing",
    [
        joined("/", "s3:/", placeholder("Execution.PipelineExecutionId"), "x"),
        joined("-", "s3://data", placeholder("Execution.PipelineExecutionId")),
        joined("/", "s3://data", placeholder("Parameters.Unknown Name")),
        joined("/", "s3://data", placeholder("Execution.StartDateTime"), ".."),
    ],
)
def test_a_joined_location_whose_bucket_is_open_is_refused(thing: Any) -> None:
    source = SimpleNamespace(channel_name="train", data_source=thing)
    with pytest.raises(SpecError):
        Train.from_model_trainer(trainer(input_data_config=[source]), name="train")


def test_what_only_the_api_has_a_field_for_goes_into_raw() -> None:
    step = Train.from_model_trainer(recorded("trainer_builtin"), name="train", values=GIVEN)
    assert step.warm_pool == timedelta(minutes=10)
    assert step.raw == {
        "InfraCheckConfig": {"EnableInfraCheck": True},
        "OutputDataConfig": {"CompressionType": "NONE"},
    }


def test_raw_takes_every_object_in_the_spelling_of_the_api() -> None:
    compute = trainer().compute
    compute.training_plan_arn = "arn:plan"
    stopping = SimpleNamespace(max_runtime_in_seconds=60, max_wait_time_in_seconds=60, max_pending_time_in_seconds=7200)
    auth = SimpleNamespace(training_repository_credentials_provider_arn="arn:function")
    config = SimpleNamespace(training_repository_access_mode="Vpc", training_repository_auth_config=auth)
    checkpoints = SimpleNamespace(s3_uri=None, local_path="/opt/ml/points")
    step = Train.from_model_trainer(
        trainer(
            compute=compute, stopping_condition=stopping, training_image_config=config, checkpoint_config=checkpoints
        ),
        name="train",
        raw={"StoppingCondition": {"MaxPendingTimeInSeconds": 9000}},
    )
    provider = {"TrainingRepositoryCredentialsProviderArn": "arn:function"}
    assert step.raw == {
        "ResourceConfig": {"TrainingPlanArn": "arn:plan"},
        "StoppingCondition": {"MaxPendingTimeInSeconds": 9000},
        "AlgorithmSpecification": {
            "TrainingImageConfig": {
                "TrainingRepositoryAccessMode": "Vpc",
                "TrainingRepositoryAuthConfig": provider,
            }
        },
        "CheckpointConfig": {"LocalPath": "/opt/ml/points"},
    }


def test_what_cannot_be_taken_over_is_refused_by_name_all_of_it_at_once() -> None:
    source = "input_data_config[0].data_source.s3_data_source"
    assert set(refused(recorded("trainer_refused"))) == {
        "source_code.requirements",
        "source_code.ignore_patterns",
        "distributed",
        "compute.volume_kms_key_id",
        "networking.subnets",
        "networking.security_group_ids",
        "checkpoint_config.s3_uri",
        "checkpoint_config.local_path",
        "output_data_config.kms_key_id",
        f"{source}.s3_data_type",
        f"{source}.attribute_names",
        "input_data_config[0].record_wrapper_type",
        "input_data_config[1].data_source",
        "tags",
    }


def test_the_caller_may_leave_behind_by_name_and_give_instead() -> None:
    thing = recorded("trainer_refused")
    names = refused(thing)
    without = tuple(name for name in names if not name.startswith(("input_data_config", "source_code", "checkpoint")))
    step = Train.from_model_trainer(
        thing,
        name="train",
        without=without,
        code=Code("folder", "main.py"),
        spot=Spot(max_wait=timedelta(days=1)),
        channels={"train": Output("prepare", "train"), "local": S3("local/")},
    )
    assert step.image == Image("111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn-train:1.2")
    assert step.network == Network(vpc=True)
    assert step.channels == {"train": Output("prepare", "train"), "local": S3("local/")}


def test_a_name_to_leave_behind_that_stands_for_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-without"):
        Train.from_model_trainer(trainer(), name="train", without=("tag",))


def test_channels_and_hyperparameters_of_the_caller_are_laid_over_the_objects() -> None:
    step = Train.from_model_trainer(
        trainer(), name="train", channels={"train": Output("prepare", "train")}, hyperparameters={"depth": 9}
    )
    assert step.channels["train"] == Output("prepare", "train")
    assert set(step.channels) == {"train", "extra"}
    assert (step.hyperparameters["depth"], step.hyperparameters["label"]) == (9, "churned")


@pytest.mark.parametrize(
    "field",
    [
        {"image": XGBoost("1.7-1")},
        {"compute": Compute(instance_type="ml.c5.xlarge")},
        {"network": Network(vpc=False)},
        {"timeout": timedelta(minutes=5)},
        {"spot": None},
        {"metrics": ()},
        {"job_retries": 1},
        {"code": Code("folder", "helper.py")},
    ],
)
def test_every_field_of_the_step_counts_before_the_object(field: dict[str, Any]) -> None:
    step = Train.from_model_trainer(trainer(), name="train", **field)
    [(name, value)] = field.items()
    assert getattr(step, name) == value


def test_hyperparameters_of_one_step_do_not_leak_into_another() -> None:
    thing = trainer()
    first = Train.from_model_trainer(thing, name="first")
    thing.hyperparameters["depth"] = 9
    thing.hyperparameters["layers"].append(2)
    second = Train.from_model_trainer(thing, name="second")
    assert (first.hyperparameters["depth"], second.hyperparameters["depth"]) == (3, 9)
    assert (first.hyperparameters["layers"], second.hyperparameters["layers"]) == ("[8, 4]", "[8, 4, 2]")


def test_hyperparameters_are_the_text_that_the_sdk_would_send() -> None:
    given = {"list": [1, {"a": None}], "none": None, "text": "a b", "yes": True}
    step = Train.from_model_trainer(trainer(hyperparameters=given), name="train")
    assert step.hyperparameters == {"list": '[1, {"a": null}]', "none": "null", "text": "a b", "yes": True}


def test_the_object_stays_as_it_is() -> None:
    thing = trainer()
    Train.from_model_trainer(thing, name="train")
    assert repr(thing) == repr(trainer())


def test_a_step_of_the_sdk_renders_like_any_other() -> None:
    step = Train.from_model_trainer(trainer(), name="train", channels={"train": Output("prepare", "train")})
    task = definition_of(compiled(pipeline(prepare(), step), account()))["States"]["train"]
    request = task["Parameters"]
    assert request["HyperParameters"]["layers"] == "[8, 4]"
    assert request["RetryStrategy"] == {"MaximumRetryAttempts": 3}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"training_mode": SimpleNamespace(value="LOCAL_CONTAINER")}, "training_mode"),
        ({"algorithm_name": "some-algorithm"}, "algorithm_name"),
        ({"_tensorboard_output_config": SimpleNamespace(local_path="/tmp")}, "_tensorboard_output_config"),
        ({"_jumpstart_config": SimpleNamespace(model_id="x")}, "_jumpstart_config"),
        ({"_is_nova_recipe": True}, "_is_nova_recipe"),
        ({"a_field_of_tomorrow": 1}, "a_field_of_tomorrow"),
        ({"source_code": SimpleNamespace(source_dir="folder", command="bash go.sh")}, "source_code.command"),
        ({"source_code": SimpleNamespace(source_dir="s3://b/c.tar.gz", entry_script="a")}, "source_code.source_dir"),
        ({"source_code": SimpleNamespace(source_dir="c.tar.gz", entry_script="a")}, "source_code.source_dir"),
        ({"stopping_condition": SimpleNamespace(max_runtime_in_seconds=60)}, "compute.enable_managed_spot_training"),
        ({"compute": SimpleNamespace(instance_type="ml.m5.large")}, "stopping_condition.max_wait_time_in_seconds"),
        ({"hyperparameters": {"list": [placeholder("Parameters.x")]}}, "hyperparameters.list[0]"),
        ({"training_image": placeholder("Parameters.Image")}, "training_image"),
    ],
)
def test_it_names_what_it_refuses(changes: dict[str, Any], name: str) -> None:
    assert name in refused(trainer(**changes))


@pytest.mark.parametrize(
    ("get", "value"),
    [
        ("Execution.PipelineExecutionId", Execution("name")),
        ("Execution.PipelineExecutionArn", Execution("id")),
        ("Execution.StartDateTime", Execution("start_time")),
    ],
)
def test_facts_of_the_run_are_those_of_ours(get: str, value: Execution) -> None:
    step = Train.from_model_trainer(trainer(environment={"RUN": placeholder(get)}), name="train")
    assert step.environment == {"RUN": value}


@pytest.mark.parametrize(
    "expression",
    [{"Get": "Steps.Prepare.Outputs['train']"}, {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.P.PropertyFiles.F"}}}],
)
def test_a_placeholder_for_which_nothing_stands_is_refused(expression: dict[str, Any]) -> None:
    thing = trainer(environment={"X": rebuilt({"class": "JsonGet", "expr": expression})})
    with pytest.raises(SpecError, match="sdk-placeholder"):
        Train.from_model_trainer(thing, name="train")


def test_a_step_of_the_sdks_pipeline_is_replaced_by_one_of_ours() -> None:
    get = "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
    thing = trainer(input_data_config=[SimpleNamespace(channel_name="train", data_source=placeholder(get))])
    step = Train.from_model_trainer(thing, name="train", values={get: prepare().output("train")})
    assert step.channels["train"] == Channel(source=Output("prepare", "train"))


def test_a_parameter_with_listed_values_is_no_input() -> None:
    listed = recorded("trainer_builtin").input_data_config[0].data_source
    listed.enum_values = ["s3://a/", "s3://b/"]
    thing = trainer(environment={"DATA": listed})
    with pytest.raises(SpecError, match="sdk-placeholder"):
        Train.from_model_trainer(thing, name="train")


@pytest.mark.parametrize(
    ("uri", "instance", "image"),
    [
        ("763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-gpu-py311", "ml.g5.xlarge", "2.3.0"),
        ("763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311", "ml.m5.large", "2.3.0"),
        ("763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311", "ml.g5.xlarge", None),
        ("763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:0.0.1-cpu-py311", "ml.m5.large", None),
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311", "ml.m5.large", None),
    ],
)
def test_an_image_of_awss_is_known_by_its_whole_uri(uri: str, instance: str, image: str | None) -> None:
    thing = trainer(training_image=uri)
    thing.compute.instance_type = instance
    step = Train.from_model_trainer(thing, name="train")
    assert step.image == (Image(uri) if image is None else PyTorch(image, python="py311"))


def test_a_trainer_without_an_image_needs_one() -> None:
    thing = trainer(training_image=None, algorithm_name="some-algorithm")
    with pytest.raises(SpecError, match="the image is not what it must be"):
        Train.from_model_trainer(thing, name="train", without=("algorithm_name",))
    step = Train.from_model_trainer(thing, name="train", image=XGBoost("1.7-1"), code=None)
    assert step.image == XGBoost("1.7-1")


@pytest.mark.parametrize("value", [0, "", False])
def test_a_value_that_is_nothing_stands_for_a_placeholder_too(value: object) -> None:
    thing = trainer(environment={"X": placeholder("Parameters.X")})
    step = Train.from_model_trainer(thing, name="train", values={"Parameters.X": value})  # type: ignore[dict-item]
    assert step.environment == {"X": value}


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-object"):
        Train.from_model_trainer(recorded("processor_script"), name="train")
