"""A ModelTrainer of the SDK, as it was recorded, becomes a Train step."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_ml import (
    MPI,
    S3,
    Channel,
    Code,
    Compute,
    FileSystem,
    Image,
    Input,
    InstanceGroup,
    MetricDefinition,
    Network,
    PyTorch,
    Sklearn,
    SpecError,
    Spot,
    Torchrun,
    Train,
    XGBoost,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.spec.account import AccountNetwork
from constructs_ml.spec.values import Execution, Output, join
from tests.sdk.stand_ins import rebuilt, recorded
from tests.support import account, compiled, definition_of, pipeline, prepare

SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PYTORCH = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311"
OWN = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn-train:1.2"
FILES = {
    "file_system_id": "fs-0123456789abcdef0",
    "file_system_access_mode": "ro",
    "file_system_type": "EFS",
    "directory_path": "/data",
}
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


def thing_of(kind: str, **attributes: Any) -> Any:
    return rebuilt({"class": kind, "attributes": attributes})


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
            "images": Channel(source=S3("s3://data/images/"), mode="FastFile"),
        },
        hyperparameters={"depth": 3, "rate": 0.1, "early": True, "layers": "[8, 4]", "label": "churned"},
        metrics=(MetricDefinition("auc", "auc=([0-9.]+)"),),
        environment={"LOG_LEVEL": "info"},
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=2, volume_gb=50),
        network=Network(isolation=True, encrypt_between_containers=True),
        spot=Spot(max_wait=timedelta(hours=2)),
        checkpoints=False,
        job_retries=3,
        timeout=timedelta(hours=1),
    )


def test_a_cluster_its_data_and_its_checkpoints_are_taken_over() -> None:
    assert cluster() == Train(
        name="train",
        image=PyTorch("2.3.0", python="py311"),
        code=Code("folder", "main.py"),
        distributed=MPI(processes_per_host=1, options="-x NCCL_DEBUG=INFO"),
        compute=Compute(
            groups=(InstanceGroup("workers", "ml.g5.xlarge", 2), InstanceGroup("feeders", "ml.m5.xlarge")),
            training_plan="arn:aws:sagemaker:eu-central-1:111111111111:training-plan/reserved",
        ),
        checkpoints=S3("s3://data/checkpoints/"),
        timeout=timedelta(hours=1),
        channels={
            "listed": Channel(source=S3("s3://data/list.manifest"), data_type="ManifestFile", groups=("workers",)),
            "labelled": Channel(
                source=S3("s3://data/labels.manifest"),
                mode="Pipe",
                data_type="AugmentedManifestFile",
                attributes=("source-ref", "label"),
                record_wrapper="RecordIO",
            ),
            "mounted": Channel(
                source=FileSystem(id=Input("files"), directory="/fsx/data", kind="FSxLustre", access="rw")
            ),
            "shared": Channel(source=FileSystem(id="fs-0123456789abcdef0", directory="/shared")),
        },
    )


def test_a_cluster_of_the_sdk_renders_and_is_proved() -> None:
    network = AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",))
    built = compiled(pipeline(cluster(), inputs=(Input("files"),)), account(network=network))
    request = definition_of(built)["States"]["train"]["Parameters"]
    assert request["CheckpointConfig"] == {"LocalPath": "/opt/ml/checkpoints", "S3Uri": "s3://data/checkpoints/"}
    assert request["HyperParameters"]["sagemaker_mpi_custom_mpi_options"] == "-x NCCL_DEBUG=INFO"
    assert [item["InstanceGroupName"] for item in request["ResourceConfig"]["InstanceGroups"]] == ["workers", "feeders"]
    assert prove_template(built.resources) == ()


def cluster(**given: Any) -> Train:
    return Train.from_model_trainer(recorded("trainer_cluster"), name="train", **given)


def test_the_input_mode_of_the_object_is_that_of_its_channels_but_not_of_file_systems() -> None:
    thing = recorded("trainer_cluster")
    thing.training_input_mode = "Pipe"
    step = Train.from_model_trainer(thing, name="train")
    assert step.input_mode == "Pipe"
    assert {name: channel.mode for name, channel in step.sources.items()} == {
        "listed": "Pipe",
        "labelled": "Pipe",
        "mounted": "File",
        "shared": "File",
    }


@pytest.mark.parametrize(
    ("distributed", "image", "taken"),
    [
        (thing_of("Torchrun"), PYTORCH, Torchrun()),
        (thing_of("Torchrun", process_count_per_node=2), OWN, Torchrun(processes_per_host=2)),
        (thing_of("MPI", process_count_per_node=2), PYTORCH, MPI(processes_per_host=2)),
    ],
)
def test_processes_are_started_as_the_object_says(distributed: Any, image: str, taken: object) -> None:
    step = Train.from_model_trainer(trainer(distributed=distributed, training_image=image), name="train")
    assert step.distributed == taken


@pytest.mark.parametrize(
    ("distributed", "image", "name"),
    [
        (thing_of("Torchrun", process_count_per_node=2), PYTORCH, "distributed"),
        (thing_of("MPI"), OWN, "distributed"),
        (thing_of("Torchrun"), SKLEARN, "distributed"),
        (thing_of("RunnerOfTomorrow"), PYTORCH, "distributed"),
        (thing_of("Torchrun", smp=SimpleNamespace(random_seed=1)), PYTORCH, "distributed.smp"),
    ],
)
def test_what_the_image_cannot_start_is_refused_and_can_be_given_instead(
    distributed: Any, image: str, name: str
) -> None:
    thing = trainer(distributed=distributed, training_image=image)
    assert set(refused(thing)) == {name}
    assert Train.from_model_trainer(thing, name="train", distributed=None).distributed is None
    left = Train.from_model_trainer(thing, name="train", without=(name,))
    assert left.distributed == (Torchrun() if name == "distributed.smp" else None)


def machines(**attributes: Any) -> Any:
    return SimpleNamespace(enable_managed_spot_training=None, **attributes)


def preference(kind: str, **more: Any) -> Any:
    return SimpleNamespace(instance_type=kind, **more)


WITHOUT_SPOT = {"stopping_condition": None, "checkpoint_config": None}


@pytest.mark.parametrize("counts", [{"instance_count": 2}, {}])
def test_types_of_which_one_is_taken_are_taken_over(counts: dict[str, int]) -> None:
    each = {} if counts else {"instance_count": 2}
    said = [preference(kind, **each) for kind in ("ml.m5.xlarge", "ml.m5.2xlarge")]
    compute = machines(instance_preferences=said, **counts)
    step = Train.from_model_trainer(trainer(compute=compute, training_image=PYTORCH, **WITHOUT_SPOT), name="train")
    assert step.compute == Compute(preferences=("ml.m5.xlarge", "ml.m5.2xlarge"), instance_count=2)
    assert step.image == PyTorch("2.3.0", python="py311")


@pytest.mark.parametrize(
    ("second", "name"),
    [
        (preference("ml.m5.2xlarge", instance_count=3), "compute.instance_preferences"),
        (
            preference("ml.m5.2xlarge", training_plan_arns=["arn"]),
            "compute.instance_preferences[1].training_plan_arns",
        ),
    ],
)
def test_types_with_numbers_or_plans_of_their_own_are_refused(second: Any, name: str) -> None:
    compute = machines(instance_preferences=[preference("ml.m5.xlarge"), second])
    assert set(refused(trainer(compute=compute, **WITHOUT_SPOT))) == {name}


def test_checkpoints_are_kept_without_spot_too() -> None:
    compute = machines(instance_type="ml.m5.large")
    step = Train.from_model_trainer(trainer(compute=compute, stopping_condition=None), name="train")
    assert (step.spot, step.checkpoints) == (None, True)


def test_checkpoints_at_a_place_that_is_none_are_refused() -> None:
    place = SimpleNamespace(s3_uri=placeholder("Steps.P.Out"), local_path=None)
    values = {"Steps.P.Out": Output("prepare", "train")}
    assert set(refused(trainer(checkpoint_config=place), values=values)) == {"checkpoint_config.s3_uri"}


@pytest.mark.parametrize(
    ("attributes", "row"),
    [
        ({"compression_type": "Gzip", "input_mode": "FastFile"}, "channel-mode"),
        ({"data_source": {"s3_data_source": {"S3Uri": "s3://data/a/", "S3DataType": "Other"}}}, "sdk-attribute"),
        ({"data_source": {"file_system_data_source": {**FILES, "file_system_id": "x"}}}, "file-system"),
        ({"data_source": {"file_system_data_source": FILES}, "input_mode": "Pipe"}, "channel-mode"),
        ({"data_source": {"dataset_source": {"dataset_arn": "arn"}}}, "sdk-attribute"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(attributes: dict[str, Any], row: str) -> None:
    channel = {"channel_name": "train", "data_source": "s3://data/", **attributes}
    with pytest.raises(SpecError) as error:
        Train.from_model_trainer(trainer(input_data_config=[channel]), name="train")
    assert [fault.id for fault in error.value.faults] == [row]


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


def test_settings_of_a_built_in_algorithm_are_taken_over() -> None:
    step = Train.from_model_trainer(recorded("trainer_builtin"), name="train", values=GIVEN)
    assert step.warm_pool == timedelta(minutes=10)
    assert (step.infrastructure_check, step.compress_model, step.input_mode) == (True, False, "Pipe")
    assert step.raw == {}


def test_raw_takes_every_object_in_the_spelling_of_the_api() -> None:
    compute = trainer().compute
    compute.instance_placement_config = SimpleNamespace(enable_multiple_jobs=True)
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
        "ResourceConfig": {"InstancePlacementConfig": {"EnableMultipleJobs": True}},
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
        "distributed.smp",
        "compute.volume_kms_key_id",
        "networking.subnets",
        "networking.security_group_ids",
        "output_data_config.kms_key_id",
        f"{source}.model_access_config",
        "input_data_config[1].data_source",
        "tags",
    }


def test_the_caller_may_leave_behind_by_name_and_give_instead() -> None:
    thing = recorded("trainer_refused")
    names = refused(thing)
    without = tuple(name for name in names if not name.startswith(("input_data_config", "source_code")))
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
    assert step.distributed == Torchrun(processes_per_host=2)
    assert step.channels == {"train": Output("prepare", "train"), "local": S3("local/")}


def test_a_name_to_leave_behind_that_stands_for_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-without"):
        Train.from_model_trainer(trainer(), name="train", without=("tag",))


def test_channels_and_hyperparameters_of_the_caller_are_laid_over_the_objects() -> None:
    step = Train.from_model_trainer(
        trainer(), name="train", channels={"train": Output("prepare", "train")}, hyperparameters={"depth": 9}
    )
    assert step.channels["train"] == Output("prepare", "train")
    assert set(step.channels) == {"train", "extra", "images"}
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
