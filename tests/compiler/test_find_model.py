"""The newest registered version: found, not found, and with parts of it missing."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import S3, BatchTransform, Fail, FindModel, Gate, Input, Register, Serving, SpecError, Version
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.spec.values import Result
from tests.compiler.test_states import failing, ran
from tests.support import IMAGE, compiled, definition_of, pipeline, prepare, statements_of, train

ARN = "arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-churn/7"
FOUND = {"ModelPackageSummaryList": [{"ModelPackageArn": ARN, "ModelPackageVersion": 7}]}
NOTHING: dict[str, Any] = {"ModelPackageSummaryList": []}
ARTIFACT = {"InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/churn/7/model.tar.gz"}]}}
DESCRIBED = {"ModelPackageArn": ARN, **ARTIFACT, "CustomerMetadataProperties": {"auc": "0.8", "other": "x"}}
LIST, DESCRIBE = "aws-sdk:sagemaker:listModelPackages", "aws-sdk:sagemaker:describeModelPackage"
ANSWERS = {LIST: FOUND, DESCRIBE: DESCRIBED}


def used(champion: FindModel, **changes: Any) -> Any:
    """A pipeline that uses everything of the version that was found."""
    arguments = (champion.version, champion.metadata("auc"), champion.metadata("owner"))
    return pipeline(champion, prepare(inputs={"model": champion.model}, arguments=arguments, **changes))


def test_the_newest_version_of_the_models_own_group_is_looked_up() -> None:
    ended, services = ran(used(FindModel()), ANSWERS)
    assert ended.status == "SUCCEEDED"
    assert services.of("champion") == [
        {
            "ModelPackageGroupName": "dev-churn",
            "ModelApprovalStatus": "Approved",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": 1,
        }
    ]
    described = services.of("Describe champion")[0]["ModelPackageName"]
    assert described == "arn:aws:sagemaker:aws-region:aws-accountid:model-package/dev-churn/7"


def test_later_steps_use_its_artifact_its_arn_and_its_metadata() -> None:
    ended, services = ran(used(FindModel()), ANSWERS)
    request = services.of("prepare")[0]
    assert request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://b/churn/7/model.tar.gz"
    assert request["AppSpecification"]["ContainerArguments"][1:] == [ARN, "0.8", ""]
    assert ended.output["steps"]["champion"] == {
        "version": ARN,
        "model": "s3://b/churn/7/model.tar.gz",
        "metadata_auc": "0.8",
        "metadata_owner": "",
    }


def test_a_version_without_metadata_has_empty_ones() -> None:
    described = {key: value for key, value in DESCRIBED.items() if key != "CustomerMetadataProperties"}
    _, services = ran(used(FindModel()), {**ANSWERS, DESCRIBE: described})
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == [ARN, "", ""]


def test_nothing_is_described_where_the_arn_is_enough() -> None:
    champion = FindModel()
    ended, services = ran(pipeline(champion, prepare(arguments=(champion.version,))), ANSWERS)
    assert "Describe champion" not in ended.states
    assert ended.output["steps"]["champion"] == {"version": ARN}
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == [ARN]


def test_a_required_version_that_is_not_there_ends_the_run_with_its_reason() -> None:
    ended, services = ran(used(FindModel()), {**ANSWERS, LIST: NOTHING})
    assert (ended.status, services.of("prepare")) == ("FAILED", [])
    assert "step champion found no version with the status Approved in the group dev-churn" in ended.cause
    assert len(services.of("Notify failure")) == 1


def test_without_a_version_the_references_are_empty_texts() -> None:
    champion = FindModel(required=False)
    spec = pipeline(champion, prepare(arguments=(champion.version, champion.metadata("auc"))))
    ended, services = ran(spec, {**ANSWERS, LIST: NOTHING})
    assert ended.status == "SUCCEEDED"
    assert services.of("prepare")[0]["AppSpecification"]["ContainerArguments"][1:] == ["", ""]


@pytest.mark.parametrize(("answer", "end"), [(FOUND, "there"), (NOTHING, "not there")])
def test_a_gate_decides_by_whether_one_exists(answer: dict[str, Any], end: str) -> None:
    champion = FindModel(required=False)
    gate = Gate(
        when=champion.exists, then=(Fail(name="yes", cause="there"),), otherwise=(Fail(name="no", cause="not there"),)
    )
    ended, _ = ran(pipeline(champion, gate), {**ANSWERS, LIST: answer})
    assert ended.cause == f"PipelineFailed: {end}"


@pytest.mark.parametrize(
    "described",
    [{"ModelPackageArn": ARN}, {"InferenceSpecification": {"Containers": [{"ModelDataSource": {}}]}}],
)
def test_a_version_without_a_single_artifact_ends_the_run_where_it_is_used(described: dict[str, Any]) -> None:
    ended, _ = ran(used(FindModel()), {**ANSWERS, DESCRIBE: described})
    assert "has no artifact that is a single URI" in ended.cause


@pytest.mark.parametrize("state", ["champion", "Describe champion"])
def test_throttling_is_waited_out_and_errors_reach_the_failure_path(state: str) -> None:
    throttled = {LIST: FOUND, DESCRIBE: DESCRIBED}
    answer = throttled[LIST if state == "champion" else DESCRIBE]

    def later(attempt: int) -> Any:
        return failing("SageMaker.ThrottlingException", 2)(attempt) if attempt <= 2 else answer

    ended, services = ran(used(FindModel()), {**ANSWERS, state: later})
    assert (ended.status, len(services.of(state))) == ("SUCCEEDED", 3)
    ended, _ = ran(used(FindModel()), {**ANSWERS, state: failing("SageMaker.ValidationException")})
    assert ended.states[-3:] == (state, "Notify failure", "Failed")


def test_the_role_reads_versions_of_this_group_alone() -> None:
    found = statements_of(compiled(used(FindModel())), "TrainingStatesRole")
    [versions] = [item for item in found if "sagemaker:ListModelPackages" in item["Action"]]
    assert versions["Action"] == ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]
    assert versions["Resource"]["Fn::Sub"].endswith(":model-package/dev-churn/*")


def test_a_job_may_read_what_any_pipeline_of_the_model_made() -> None:
    reads = str(statements_of(compiled(used(FindModel())), "TrainingProcessingRole"))
    assert "churn/*" in reads.replace("churn/training/*", "")


@pytest.mark.parametrize("champion", [FindModel(), FindModel(required=False, status="Rejected", name="last")])
def test_the_template_is_proved(champion: FindModel) -> None:
    assert prove_template(compiled(used(champion)).resources) == ()


@pytest.mark.parametrize("wrap", [Version, lambda arn: arn])
def test_predictions_are_made_by_the_version_that_was_found(wrap: Any) -> None:
    champion = FindModel()
    score = BatchTransform(
        name="score", model=wrap(champion.version), data=S3("customers/"), serving=Serving(image=IMAGE)
    )
    result = compiled(pipeline(champion, score))
    container = definition_of(result)["States"]["score"]["Parameters"]["PrimaryContainer"]
    assert container == {"ModelPackageName.$": "$.steps.champion.version"}
    assert prove_template(result.resources) == ()


def test_what_is_registered_with_metadata_is_found_with_it() -> None:
    day = Input("day", default="1997-09-30")
    step = Register(model=train().model, metadata={"day": day, "auc": "0.8"})
    _, services = ran(pipeline(prepare(), train(), step, inputs=(day,)))
    metadata = services.of("register")[0]["CustomerMetadataProperties"]
    assert (metadata["day"], metadata["auc"]) == ("1997-09-30", "0.8")
    assert metadata["constructs-ml:model"] == "churn"


@pytest.mark.parametrize(
    "metadata",
    [
        {"constructs-ml:model": "x"},
        {"a-b": "x"},
        {"auc": ""},
        {"auc": "x" * 257},
        {"auc": None},
        {f"k{number}": "x" for number in range(47)},
    ],
)
def test_metadata_that_could_not_be_kept_or_found_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Register(model=train().model, metadata=metadata)


def test_a_registered_artifact_of_a_found_version_needs_its_image() -> None:
    champion = FindModel()
    with pytest.raises(SpecError, match="model-image"):
        compiled(pipeline(champion, Register(model=champion.model)))


def test_a_result_that_the_step_does_not_have_is_refused() -> None:
    with pytest.raises(SpecError, match="result-unknown"):
        compiled(pipeline(FindModel(), prepare(arguments=(Result("champion", "arn"),))))


@pytest.mark.parametrize("build", [lambda: FindModel(status="Aproved"), lambda: FindModel().metadata("a-b")])
def test_a_wrong_declaration_is_refused(build: Any) -> None:
    with pytest.raises(SpecError):
        build()
