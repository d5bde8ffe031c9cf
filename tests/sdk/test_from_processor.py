"""A processor of the SDK, as it was recorded, becomes a Process step."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from constructs_ml import S3, Channel, Compute, Image, Input, Network, Process, Sklearn, SpecError, Upload
from tests.sdk.stand_ins import recorded
from tests.support import account, compiled, definition_of, pipeline

DAY = Input("day", default="1997-09-30")


def script(**given: Any) -> Process:
    return Process.from_processor(recorded("processor_script"), name="prepare", code="prepare.py", **given)


def refused(thing: Any, **given: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as error:
        Process.from_processor(thing, name="prepare", **given)
    return {fault.what.split()[0]: fault.allowed for fault in error.value.faults}


def test_everything_that_a_step_has_a_field_for_goes_there() -> None:
    assert script(**recorded("run_arguments")) == Process(
        name="prepare",
        image=Sklearn("1.4-2"),
        code="prepare.py",
        arguments=("--day", DAY, "--limit", "10"),
        inputs={"raw": Channel(source=S3("s3://data/raw/"), distribution="ShardedByS3Key")},
        outputs=("train",),
        environment={"LOG_LEVEL": "info", "DAY": DAY},
        compute=Compute(instance_type="ml.m5.xlarge", volume_gb=40),
        network=Network(isolation=True, encrypt_between_containers=True),
        timeout=timedelta(minutes=30),
    )


def test_placeholders_inside_lists_survive_up_to_the_definition() -> None:
    step = script(**recorded("run_arguments"))
    spec = pipeline(step, inputs=(DAY,))
    request = definition_of(compiled(spec, account()))["States"]["prepare"]["Parameters"]
    assert request["AppSpecification"]["ContainerArguments.$"] == (
        "States.Array('prepare.py', '--day', $.inputs.day, '--limit', '10')"
    )


def test_a_framework_processor_runs_a_script_too() -> None:
    step = Process.from_processor(recorded("processor_framework"), name="prepare", code="prepare.py")
    assert (step.image, step.timeout) == (Sklearn("1.4-2"), timedelta(days=1))


def test_a_container_keeps_its_own_entry() -> None:
    step = Process.from_processor(recorded("processor_container"), name="prepare")
    assert step.image == Image("111111111111.dkr.ecr.eu-central-1.amazonaws.com/churn-train:1.2")
    assert (step.entrypoint, step.raw) == (("/bin/prepare", "--fast"), {})


def test_an_entry_in_an_image_of_awss_goes_into_raw() -> None:
    thing = recorded("processor_container")
    thing.image_uri = recorded("processor_script").image_uri
    with pytest.raises(SpecError, match="code-needed"):
        Process.from_processor(thing, name="prepare")
    step = Process.from_processor(thing, name="prepare", code="prepare.py")
    assert step.raw == {"AppSpecification": {"ContainerEntrypoint": ["/bin/prepare", "--fast"]}}
    given = Process.from_processor(recorded("processor_container"), name="prepare", entrypoint=("/bin/other",))
    assert given.entrypoint == ("/bin/other",)


def test_manifests_and_uploads_while_the_job_runs_are_taken_over() -> None:
    run = recorded("run_arguments")
    run["inputs"][0].s3_input.s3_data_type = "ManifestFile"
    run["outputs"][0].s3_output.s3_upload_mode = "Continuous"
    step = script(**run)
    assert step.sources["raw"].data_type == "ManifestFile"
    assert step.uploads == {"train": Upload(mode="Continuous")}
    assert script(**run, uploads={"train": Upload()}).uploads == {"train": Upload()}


@pytest.mark.parametrize(("shared", "each"), [(2, {}), (None, {"InstanceCount": 2})])
def test_types_of_which_one_is_taken_are_taken_over(shared: int | None, each: dict[str, int]) -> None:
    thing = recorded("processor_script")
    thing.instance_type, thing.instance_count = None, shared
    thing.instance_preferences = [{"InstanceType": name, **each} for name in ("ml.m5.xlarge", "ml.m5.2xlarge")]
    step = Process.from_processor(thing, name="prepare", code="prepare.py")
    assert step.compute == Compute(preferences=("ml.m5.xlarge", "ml.m5.2xlarge"), instance_count=2, volume_gb=40)


def test_what_cannot_be_taken_over_is_refused_by_name_all_of_it_at_once() -> None:
    names = refused(recorded("processor_refused"))
    assert set(names) == {
        "command",
        "volume_kms_key",
        "output_kms_key",
        "tags",
        "network_config.subnets",
        "network_config.security_group_ids",
    }
    assert "PipelineSpec(tags=...)" in names["tags"]
    step = Process.from_processor(recorded("processor_refused"), name="prepare", without=tuple(names))
    assert step.network == Network(vpc=True)


def test_inputs_and_outputs_of_our_own_are_taken_as_they_are() -> None:
    step = script(inputs={"raw": S3("raw/")}, outputs=("train",), arguments=("--all",))
    assert (step.inputs, step.outputs, step.arguments) == ({"raw": S3("raw/")}, ("train",), ("--all",))


@pytest.mark.parametrize(
    ("kind", "attribute", "value", "name"),
    [
        ("inputs", "local_path", "/opt/ml/elsewhere", "inputs[0].s3_input.local_path"),
        ("inputs", "s3_uri", "folder", "inputs[0].s3_input.s3_uri"),
        ("outputs", "local_path", "/opt/ml/elsewhere", "outputs[0].s3_output.local_path"),
        ("outputs", "s3_upload_mode", "Never", "outputs[0].s3_output.s3_upload_mode"),
    ],
)
def test_an_input_or_output_that_a_step_cannot_have_is_refused(
    kind: str, attribute: str, value: str, name: str
) -> None:
    run = recorded("run_arguments")
    setattr(getattr(run[kind][0], f"s3_{kind.removesuffix('s')}"), attribute, value)
    assert name in refused(recorded("processor_script"), code="prepare.py", **run)


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [("inputs", "dataset_definition"), ("inputs", "app_managed"), ("outputs", "feature_store_output")],
)
def test_data_of_other_services_is_refused(kind: str, attribute: str) -> None:
    run = recorded("run_arguments")
    setattr(run[kind][0], attribute, SimpleNamespace(name="x") if attribute != "app_managed" else True)
    assert f"{kind}[0].{attribute}" in refused(recorded("processor_script"), code="prepare.py", **run)


def test_local_mode_is_refused() -> None:
    thing = recorded("processor_script")
    thing.instance_type = "local"
    assert "instance_type" in refused(thing, code="prepare.py")


def test_what_a_run_left_on_the_object_does_not_count() -> None:
    thing = recorded("processor_script")
    thing.entrypoint = ["python3", "/opt/ml/processing/input/code/other.py"]
    thing.arguments, thing.jobs, thing._current_job_name = ["--old"], ["one"], "one"
    assert Process.from_processor(thing, name="prepare", code="prepare.py") == script()


def test_a_spark_processor_is_refused_by_the_names_that_it_has_more() -> None:
    thing = recorded("processor_script")
    thing.configuration_location = "s3://somewhere/"
    assert "configuration_location" in refused(thing, code="prepare.py")


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="sdk-object"):
        Process.from_processor(recorded("trainer_script"), name="prepare")
