"""Training and processing jobs at full breadth: what each setting becomes, and what the jobs' roles then allow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    MPI,
    S3,
    AccountError,
    AccountNetwork,
    Algorithm,
    Channel,
    Compute,
    Execution,
    Experiment,
    FileSystem,
    Image,
    Input,
    InstanceGroup,
    InstanceRules,
    MLflow,
    Network,
    Process,
    PyTorch,
    Register,
    SMDistributedDataParallel,
    Spot,
    Torchrun,
    Train,
    Upload,
    XGBoost,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from tests.compiler.test_states import FINISHED, ran
from tests.support import IMAGE, account, compiled, definition_of, evaluate, pipeline, prepare, statements_of, train

NETWORK = AccountNetwork(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",))
APP = "arn:aws:sagemaker:eu-central-1:111111111111:mlflow-app/app-1"
GPUS = account(instances=InstanceRules(training="ml.p4d.24xlarge", processing="ml.m5.large"))
PLAN = "arn:aws:sagemaker:eu-central-1:111111111111:training-plan/large-gpus-2027"


def plain(**changes: Any) -> Train:
    return train(**{"channels": {}, "metrics": (), **changes})


def compiled_of(*steps: Any, where: Any = None, **options: Any) -> Compiled:
    result = compiled(pipeline(*steps, **options), where)
    assert prove_template(result.resources) == ()
    return result


def request_of(step: Any, where: Any = None, **options: Any) -> dict[str, Any]:
    states = definition_of(compiled_of(step, where=where, **options))["States"]
    found: dict[str, Any] = states[step.name]["Parameters"]
    return found


def role_of(result: Compiled, kind: str = "Training") -> str:
    return str(statements_of(result, f"Training{kind}Role"))


# compute


def test_instance_groups_make_a_heterogeneous_cluster_and_channels_choose_among_them() -> None:
    groups = (InstanceGroup("cpus", "ml.c5.xlarge", 2), InstanceGroup("gpus", "ml.g5.xlarge"))
    channels = {"train": Channel(source=S3("raw/"), groups=("gpus",)), "all": S3("other/")}
    request = request_of(plain(compute=Compute(groups=groups), channels=channels))
    assert request["ResourceConfig"] == {
        "InstanceGroups": [
            {"InstanceGroupName": "cpus", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
            {"InstanceGroupName": "gpus", "InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
        ],
        "VolumeSizeInGB": 30,
    }
    sources = [channel["DataSource"]["S3DataSource"] for channel in request["InputDataConfig"]]
    assert [source.get("InstanceGroupNames") for source in sources] == [["gpus"], None, None]


def test_volumes_take_the_key_only_where_no_group_has_storage_of_its_own() -> None:
    groups = (InstanceGroup("a", "ml.c5.xlarge"), InstanceGroup("b", "ml.m5.xlarge"))
    assert "VolumeKmsKeyId" in request_of(plain(compute=Compute(groups=groups)))["ResourceConfig"]
    mixed = (groups[0], InstanceGroup("c", "ml.g5.xlarge"))
    assert "VolumeKmsKeyId" not in request_of(plain(compute=Compute(groups=mixed)))["ResourceConfig"]


def test_the_groups_of_a_cluster_count_together_against_the_accounts_bound() -> None:
    few = account(instances=InstanceRules(training="ml.m5.large", most=2))
    groups = (InstanceGroup("a", "ml.c5.xlarge", 2), InstanceGroup("b", "ml.m5.xlarge", 1))
    with pytest.raises(AccountError, match="instance-count"):
        compiled(pipeline(plain(compute=Compute(groups=groups))), few)


@pytest.mark.parametrize("step", [plain, prepare])
def test_a_job_takes_the_first_type_that_has_capacity(step: Any) -> None:
    compute = Compute(preferences=("ml.m5.xlarge", "ml.c5.xlarge"), instance_count=2)
    request = request_of(step(compute=compute))
    resources = request.get("ResourceConfig") or request["ProcessingResources"]["ClusterConfig"]
    assert resources["InstancePreferences"] == [
        {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
    ]
    assert "InstanceType" not in resources


def test_reserved_capacity_warm_pools_and_health_checks_are_asked_for() -> None:
    request = request_of(
        plain(
            compute=Compute(training_plan=PLAN),
            warm_pool=timedelta(hours=6),
            infrastructure_check=True,
            compress_model=False,
            experiment=Experiment(experiment="churn", run="first"),
        )
    )
    assert request["ResourceConfig"]["TrainingPlanArn"] == PLAN
    assert request["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 21_600
    assert request["InfraCheckConfig"] == {"EnableInfraCheck": True}
    assert request["OutputDataConfig"]["CompressionType"] == "NONE"
    assert request["ExperimentConfig"] == {"ExperimentName": "churn", "RunName": "first"}


# channels


def test_an_augmented_manifest_is_read_attribute_by_attribute() -> None:
    channel = Channel(
        source=S3("manifests/train.jsonl"),
        mode="Pipe",
        data_type="AugmentedManifestFile",
        attributes=("image", "label"),
        record_wrapper="RecordIO",
    )
    entry = request_of(plain(channels={"train": channel}))["InputDataConfig"][0]
    source = entry["DataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["AttributeNames"]) == ("AugmentedManifestFile", ["image", "label"])
    assert (entry["RecordWrapperType"], entry["InputMode"]) == ("RecordIO", "Pipe")


def test_the_jobs_input_mode_is_that_of_channels_that_say_nothing() -> None:
    channels = {"train": S3("raw/"), "extra": Channel(source=S3("extra/"), mode="File")}
    request = request_of(plain(channels=channels, input_mode="FastFile"))
    assert request["AlgorithmSpecification"]["TrainingInputMode"] == "FastFile"
    assert [channel["InputMode"] for channel in request["InputDataConfig"]] == ["FastFile", "File", "File"]


def test_a_job_mounts_file_systems_that_it_or_the_run_names() -> None:
    shared = Input("disk", default="fs-0123456789abcdef0")
    channels = {
        "fast": FileSystem(id="fs-0a1b2c3d", directory="/fsx/data", kind="FSxLustre"),
        "shared": FileSystem(id=shared, directory="/data", access="rw"),
    }
    result = compiled_of(plain(channels=channels), where=account(network=NETWORK), inputs=(shared,))
    request = definition_of(result)["States"]["train"]["Parameters"]
    assert request["InputDataConfig"][0]["DataSource"] == {
        "FileSystemDataSource": {
            "FileSystemAccessMode": "ro",
            "FileSystemType": "FSxLustre",
            "DirectoryPath": "/fsx/data",
            "FileSystemId": "fs-0a1b2c3d",
        }
    }
    mounted = request["InputDataConfig"][1]["DataSource"]["FileSystemDataSource"]
    assert mounted["FileSystemId.$"] == "$.inputs.disk"
    assert "VpcConfig" in request
    assert "fsx:${AWS::Region}:${AWS::AccountId}:file-system/fs-0a1b2c3d" in role_of(result)
    assert "elasticfilesystem:DescribeMountTargets" in role_of(result)


def test_a_file_system_is_reached_through_a_network_of_the_steps_own() -> None:
    own = Network(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",))
    step = plain(channels={"train": FileSystem(id="fs-0a1b2c3d", directory="/data")}, network=own)
    assert prove_template(compiled(pipeline(step)).resources) == ()


def test_a_file_system_in_an_account_without_network_is_a_fault_of_the_account() -> None:
    step = plain(channels={"train": FileSystem(id="fs-0a1b2c3d", directory="/data")})
    with pytest.raises(AccountError, match="file-system-vpc"):
        compiled(pipeline(step))


def test_training_goes_on_from_a_model_that_was_given() -> None:
    champion = Input("champion", default=S3("champions/model.tar.gz"))
    request = request_of(plain(channels={"model": champion}), inputs=(champion,))
    assert request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri.$"] == "$.inputs.champion"


# checkpoints


def test_checkpoints_are_kept_without_spot() -> None:
    request = request_of(plain(checkpoints=True))
    assert request["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert "/train/checkpoints/" in request["CheckpointConfig"]["S3Uri.$"]


@pytest.mark.parametrize("spot", [None, Spot(max_wait=timedelta(days=2))])
def test_a_job_resumes_from_given_checkpoints_and_may_write_there(spot: Spot | None) -> None:
    result = compiled_of(plain(checkpoints=S3("checkpoints/churn/"), spot=spot))
    request = definition_of(result)["States"]["train"]["Parameters"]
    assert request["CheckpointConfig"]["S3Uri"] == "s3://${DataBucket}/checkpoints/churn/"
    written = [item for item in statements_of(result, "TrainingTrainingRole") if "s3:PutObject" in item["Action"]]
    assert any("checkpoints/churn/*" in str(item["Resource"]) for item in written)


# algorithms and distributed training


def test_an_algorithm_trains_without_an_image() -> None:
    arn = "arn:aws:sagemaker:eu-central-1:222222222222:algorithm/forest"
    result = compiled_of(plain(image=Algorithm(arn), code=None))
    algorithm = definition_of(result)["States"]["train"]["Parameters"]["AlgorithmSpecification"]
    assert algorithm == {"AlgorithmName": arn, "TrainingInputMode": "File"}
    assert "TrainingImage" not in str(algorithm)


def test_the_model_of_an_algorithm_needs_an_image_to_be_registered() -> None:
    step = plain(image=Algorithm("forest"), code=None)
    with pytest.raises(ValueError, match="model-image"):
        compiled(pipeline(step, Register(model=step.model)))


def test_an_algorithms_own_metric_is_compared() -> None:
    step = plain(image=Algorithm("forest"), code=None)
    assert step.metric("validation:auc").name == "validation:auc"
    with pytest.raises(ValueError, match="metric-unknown"):
        plain(image=XGBoost("1.7-1"), code=None).metric("validation:auc")


@pytest.mark.parametrize(
    ("distributed", "expected"),
    [
        (
            Torchrun(),
            {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": "ml.p4d.24xlarge"},
        ),
        (
            MPI(processes_per_host=8, options="--verbose"),
            {
                "sagemaker_mpi_enabled": "true",
                "sagemaker_mpi_num_of_processes_per_host": "8",
                "sagemaker_mpi_custom_mpi_options": "--verbose",
            },
        ),
        (
            SMDistributedDataParallel(),
            {"sagemaker_distributed_dataparallel_enabled": "true", "sagemaker_instance_type": "ml.p4d.24xlarge"},
        ),
    ],
)
def test_the_training_toolkit_learns_how_to_start_the_script(distributed: Any, expected: dict[str, str]) -> None:
    step = plain(image=PyTorch("2.3"), distributed=distributed, compute=Compute(instance_count=2), hyperparameters={})
    found = request_of(step, GPUS)["HyperParameters"]
    assert {name: value for name, value in found.items() if name in expected} == expected
    assert len(found) == 3 + len(expected)


def test_a_heterogeneous_cluster_says_which_groups_train_together() -> None:
    groups = (InstanceGroup("a", "ml.g5.xlarge"), InstanceGroup("b", "ml.g5.2xlarge"))
    step = plain(image=PyTorch("2.3"), distributed=Torchrun(), compute=Compute(groups=groups))
    assert request_of(step)["HyperParameters"]["sagemaker_distribution_instance_groups"] == '["a","b"]'


def test_a_teams_own_image_starts_torchrun_on_every_machine() -> None:
    step = plain(
        image=Image("churn:1.2"), distributed=Torchrun(processes_per_host=4), compute=Compute(instance_count=2)
    )
    algorithm = request_of(step)["AlgorithmSpecification"]
    words = ["torchrun", "--nnodes", "2", "--nproc_per_node", "4", "--rdzv_backend", "c10d"]
    assert algorithm["ContainerArguments"] == [*words, "--rdzv_endpoint", "algo-1:7777", "train.py", "--depth", "3"]
    assert algorithm["ContainerEntrypoint"][2].endswith('exec "$0" "$@"')
    assert all(len(word) <= 256 for word in algorithm["ContainerEntrypoint"])
    assert "sagemaker_torch_distributed_enabled" not in str(algorithm)


def test_one_machine_needs_no_meeting_point() -> None:
    algorithm = request_of(plain(image=Image("churn:1.2"), distributed=Torchrun()))["AlgorithmSpecification"]
    assert algorithm["ContainerArguments"][:5] == ["torchrun", "--nnodes", "1", "--nproc_per_node", "auto"]
    assert "--rdzv_endpoint" not in algorithm["ContainerArguments"]


def test_the_data_parallel_library_on_other_machines_is_a_fault_of_the_account() -> None:
    step = plain(image=PyTorch("2.3"), distributed=SMDistributedDataParallel())
    with pytest.raises(AccountError, match="distributed-instance"):
        compiled(pipeline(step))


# debugger


DEBUG = {"DebugHookConfig": {"S3OutputPath": "s3://debug/", "CollectionConfigurations": []}}


def test_debugger_is_for_existing_customers_alone_and_the_refusal_names_what_follows_it() -> None:
    with pytest.raises(AccountError, match=r"DebugHookConfig[\s\S]*EarlyStop[\s\S]*debugger-closed"):
        compiled(pipeline(plain(raw=DEBUG)))
    request = request_of(plain(raw=DEBUG), account(existing_customer=("debugger",)))
    assert request["DebugHookConfig"]["S3OutputPath"] == "s3://debug/"


# mlflow


@pytest.mark.parametrize(("step", "kind"), [(plain, "Training"), (prepare, "Processing")])
def test_a_job_logs_to_the_accounts_mlflow_app(step: Any, kind: str) -> None:
    mlflow = MLflow(experiment="churn", artifacts=S3("s3://mlflow-files/runs/"))
    result = compiled_of(step(mlflow=mlflow, environment={"LEVEL": "info"}), where=account(mlflow_arn=APP))
    request = next(
        iter(
            definition_of(result)["States"][name]["Parameters"]
            for name in ("train", "prepare")
            if name in definition_of(result)["States"]
        )
    )
    assert request["Environment"].items() >= {"MLFLOW_TRACKING_URI": APP, "MLFLOW_EXPERIMENT_NAME": "churn"}.items()
    logging = next(item for item in statements_of(result, f"Training{kind}Role") if APP in str(item["Resource"]))
    assert logging["Resource"] == APP
    assert {"sagemaker-mlflow:LogMetric", "sagemaker:CallMlflowAppApi"} <= set(logging["Action"])
    assert not any("*" in action or "Delete" in action for action in logging["Action"])
    assert "mlflow-files/runs/*" in role_of(result, kind)


def test_a_tracking_server_is_no_app() -> None:
    arn = APP.replace("mlflow-app/", "mlflow-tracking-server/")
    result = compiled_of(plain(mlflow=MLflow(experiment="churn")), where=account(mlflow_arn=arn))
    assert "CallMlflowAppApi" not in role_of(result)


def test_an_account_without_mlflow_is_a_fault_unless_it_is_optional() -> None:
    with pytest.raises(AccountError, match="mlflow-missing"):
        compiled(pipeline(plain(mlflow=MLflow(experiment="churn"))))
    request = request_of(plain(mlflow=MLflow(experiment="churn", optional=True)))
    assert "MLFLOW" not in str(request)


# processing


def test_an_output_goes_to_a_given_place_while_the_job_runs_and_later_steps_find_it_there() -> None:
    place = S3("s3://shared-scores/churn/") / Execution("name")
    score = prepare(outputs=("scores", "log"), uploads={"scores": Upload(to=place, mode="Continuous")})
    after = evaluate(inputs={"scores": score.output("scores"), "log": score.output("log")}, metrics=None)
    result = compiled_of(score, after)
    states = definition_of(result)["States"]
    first, second = states["prepare"]["Parameters"]["ProcessingOutputConfig"]["Outputs"]
    assert (first["S3Output"]["S3UploadMode"], second["S3Output"]["S3UploadMode"]) == ("Continuous", "EndOfJob")
    assert first["S3Output"]["S3Uri.$"] == "States.Format('s3://shared-scores/churn/{}', $$.Execution.Name)"
    read = states["evaluate"]["Parameters"]["ProcessingInputs"]
    assert read[0]["S3Input"]["S3Uri.$"] == first["S3Output"]["S3Uri.$"]
    assert "/prepare/log/" in read[1]["S3Input"]["S3Uri.$"]
    written = [item for item in statements_of(result, "TrainingProcessingRole") if "s3:PutObject" in item["Action"]]
    assert any("shared-scores/churn/*" in str(item["Resource"]) for item in written)


def test_a_run_uploads_to_the_given_place() -> None:
    score = prepare(uploads={"train": Upload(to=S3("scores/"))})
    after = evaluate(inputs={"scores": score.output("train") / "part.csv"}, metrics=None)
    _, services = ran(pipeline(score, after), FINISHED)
    assert services.of("evaluate")[0]["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://databucket/scores/part.csv"


def test_a_teams_own_image_is_started_by_its_own_command() -> None:
    step = Process(name="own", image=Image("score:1"), entrypoint=("python", "-m", "score"), arguments=("--all",))
    application = request_of(step)["AppSpecification"]
    assert application["ContainerEntrypoint"] == ["python", "-m", "score"]
    assert application["ContainerArguments"] == ["--all"]


def test_a_processing_job_reads_what_a_manifest_lists() -> None:
    step = prepare(inputs={"raw": Channel(source=S3("manifests/day.json"), data_type="ManifestFile")})
    assert request_of(step)["ProcessingInputs"][0]["S3Input"]["S3DataType"] == "ManifestFile"


# what is refused


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"mode": "FastFile", "data_type": "ManifestFile"}, "channel-mode"),
        ({"mode": "FastFile", "data_type": "AugmentedManifestFile", "attributes": ("a",)}, "channel-mode"),
        ({"data_type": "AugmentedManifestFile", "mode": "Pipe"}, "channel-mode"),
        ({"attributes": ("a",)}, "channel-mode"),
        ({"mode": "File", "compression": "Gzip"}, "channel-mode"),
        ({"mode": "File", "record_wrapper": "RecordIO"}, "channel-mode"),
        ({"source": FileSystem(id="fs-0a1b2c3d", directory="/d"), "mode": "Pipe"}, "channel-mode"),
        (
            {"source": FileSystem(id="fs-0a1b2c3d", directory="/d"), "distribution": "ShardedByS3Key"},
            "channel-mode",
        ),
    ],
)
def test_a_channel_that_sagemaker_could_not_read_is_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        Channel(**{"source": S3("raw/"), **changes})


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"instance_type": "ml.m5.large", "preferences": ("ml.c5.large",)}, "compute-ways"),
        ({"instance_count": 2, "groups": (InstanceGroup("a", "ml.m5.large"),)}, "compute-ways"),
        ({"groups": (InstanceGroup("a", "ml.m5.large"), InstanceGroup("a", "ml.c5.large"))}, "compute-group"),
        ({"groups": tuple(InstanceGroup(f"g{n}", "ml.m5.large") for n in range(6))}, "number-range"),
        ({"preferences": "ml.m5.large"}, "kind"),
        ({"training_plan": "large"}, "compute-plan"),
        ({"training_plan": PLAN, "preferences": ("ml.c5.large",)}, "compute-ways"),
    ],
)
def test_machines_that_a_request_cannot_say_are_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        Compute(**changes)


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"image": Algorithm("forest")}, "algorithm-code"),
        ({"channels": {"a": Channel(source=S3("a/"), groups=("gpus",))}}, "channel-group"),
        (
            {"channels": {"a": FileSystem(id="fs-0a1b2c3d", directory="/")}, "network": Network(vpc=False)},
            "file-system-network",
        ),
        ({"distributed": Torchrun()}, "distributed-image"),
        ({"distributed": MPI(), "image": Image("own:1")}, "distributed-image"),
        ({"distributed": Torchrun(processes_per_host=2), "image": PyTorch("2.3")}, "distributed-image"),
        ({"distributed": Torchrun(), "image": Image("own:1"), "code": None}, "distributed-image"),
        (
            {"spot": Spot(max_wait=timedelta(days=2)), "compute": Compute(preferences=("ml.m5.large",))},
            "spot-preferences",
        ),
        (
            {"warm_pool": timedelta(hours=1), "compute": Compute(groups=(InstanceGroup("a", "ml.m5.large"),))},
            "groups-warm-pool",
        ),
        ({"warm_pool": timedelta(hours=7)}, "number-range"),
        ({"mlflow": MLflow(experiment="churn"), "network": Network(isolation=True)}, "mlflow-isolated"),
    ],
)
def test_a_training_job_that_could_not_start_is_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        plain(**changes)


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"entrypoint": ("run",)}, "entrypoint"),
        ({"entrypoint": ("run",), "image": Image("own:1")}, "entrypoint"),
        ({"compute": Compute(training_plan=PLAN)}, "compute-training"),
        ({"inputs": {"raw": Channel(source=S3("raw/"), content_type="text/csv")}}, "input-setting"),
        ({"inputs": {"raw": Channel(source=FileSystem(id="fs-0a1b2c3d", directory="/"))}}, "input-setting"),
        ({"uploads": {"other": Upload()}}, "output-unknown"),
        ({"metrics": "train/m.json", "uploads": {"train": Upload(to=S3("here/"))}}, "metrics-place"),
    ],
)
def test_a_processing_job_that_could_not_start_is_refused(changes: dict[str, Any], row: str) -> None:
    with pytest.raises(ValueError, match=rf"\[{row}\]"):
        prepare(**changes)


def test_an_image_of_aws_still_needs_code() -> None:
    with pytest.raises(ValueError, match="code-needed"):
        plain(image=IMAGE, code=None)
