"""Batch predictions: the model that is made, the job that needs it, the model's end, and what the role may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    AccountNetwork,
    BatchTransform,
    Compute,
    Experiment,
    Image,
    Input,
    Network,
    PyTorch,
    Register,
    Serving,
    Sklearn,
    SpecError,
    TransformInput,
    TransformOutput,
    Version,
)
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import failing, ran
from tests.support import account, compiled, definition_of, pipeline, prepare, statements_of, train

MODEL = "arn:aws:sagemaker:eu-central-1:111111111111:model/churn-score-1"
ANSWERS = {
    "sagemaker:createModel": {"ModelArn": MODEL},
    "sagemaker:createTransformJob.sync": {"TransformJobName": "transform-1", "TransformJobStatus": "Completed"},
    "aws-sdk:sagemaker:deleteModel": {},
}
OWN = Serving(image=Sklearn("1.4-2"), code="inference.py", environment={"THRESHOLD": "0.5"})


def score(**changes: Any) -> BatchTransform:
    return BatchTransform(**{"name": "score", "model": train().model, "data": S3("customers/"), **changes})


def whole(step: BatchTransform | None = None, **changes: Any) -> Any:
    return pipeline(prepare(), train(), step or score(), **changes)


def test_the_model_is_made_used_and_deleted() -> None:
    ended, services = ran(whole(), ANSWERS)
    assert ended.status == "SUCCEEDED"
    assert ended.states[-4:] == ("score", "Transform score", "Delete model of score", "Done")
    container = services.of("score")[0]["PrimaryContainer"]
    assert container["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    assert "sagemaker-scikit-learn:1.4-2" in container["Image"]
    assert services.of("score")[0]["ExecutionRoleArn"] == "transformrole"
    assert services.of("Transform score")[0]["ModelName"] == "churn-score-1"
    assert services.of("Delete model of score") == [{"ModelName": "churn-score-1"}]


def test_the_job_is_requested_exactly() -> None:
    step = score(
        data=TransformInput(source=S3("customers/"), content_type="application/jsonlines", compression="Gzip"),
        predictions=TransformOutput(accept="application/jsonlines", join=True, input_filter="$[1:]", output_filter="$"),
        strategy="MultiRecord",
        max_payload_mb=10,
        concurrency=10,
        environment={"LEVEL": "info"},
        compute=Compute(instance_count=3),
        capture=True,
        experiment=Experiment(experiment="churn"),
    )
    _, services = ran(whole(step), ANSWERS)
    request = dict(services.of("Transform score")[0])
    assert request.pop("TransformJobName").startswith("churn-score-")
    del request["Tags"]
    where = "s3://artifactbucket/churn/training/run-1/score"
    assert request == {
        "ModelName": "churn-score-1",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://databucket/customers/"}},
            "ContentType": "application/jsonlines",
            "SplitType": "Line",
            "CompressionType": "Gzip",
        },
        "TransformOutput": {
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
            "S3OutputPath": f"{where}/predictions",
            "KmsKeyId": "keyarn",
        },
        "TransformResources": {"InstanceCount": 3, "InstanceType": "ml.m5.large", "VolumeKmsKeyId": "keyarn"},
        "DataCaptureConfig": {
            "GenerateInferenceId": True,
            "DestinationS3Uri": f"{where}/capture",
            "KmsKeyId": "keyarn",
        },
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 10,
        "MaxConcurrentTransforms": 10,
        "Environment": {"LEVEL": "info"},
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$", "JoinSource": "Input"},
        "ExperimentConfig": {"ExperimentName": "churn"},
    }


def test_later_steps_read_the_predictions_and_the_jobs_name() -> None:
    report = prepare(name="report", inputs={"scores": score().output()}, arguments=("--job", score().job_name))
    ended, services = ran(pipeline(prepare(), train(), score(), report), ANSWERS)
    source = services.of("report")[0]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    assert source == "s3://artifactbucket/churn/training/run-1/score/predictions/"
    assert "transform-1" in services.of("report")[0]["AppSpecification"]["ContainerArguments"]
    assert ended.output["steps"]["score"] == {"job": "transform-1"}


def test_a_foreign_artifact_is_served_by_its_image_and_script() -> None:
    result = compiled(pipeline(score(model=S3("s3://models/churn/model.tar.gz"), serving=OWN)))
    container = definition_of(result)["States"]["score"]["Parameters"]["PrimaryContainer"]
    assert container["ModelDataUrl"] == "s3://models/churn/model.tar.gz"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert container["Environment"]["THRESHOLD"] == "0.5"
    reads = str(statements_of(result, "TrainingTransformRole"))
    assert "s3:::models/churn/model.tar.gz*" in reads
    assert "customers/*" in reads
    assert prove_template(result.resources) == ()


def test_a_version_is_named_by_its_number_in_the_models_own_group() -> None:
    registered = Register(model=train().model)
    result = compiled(pipeline(prepare(), train(), registered, score(model=Version(3))))
    container = definition_of(result)["States"]["score"]["Parameters"]["PrimaryContainer"]
    place = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"
    assert container == {"ModelPackageName": f"{place}:model-package/dev-churn/3"}
    assert prove_template(result.resources) == ()
    assert "/churn/*" in str(statements_of(result, "TrainingTransformRole"))


def test_a_version_may_be_given_when_the_run_starts() -> None:
    arn = Input("version")
    spec = pipeline(score(model=Version(arn), serving=OWN), inputs=(arn,))
    _, services = ran(spec, ANSWERS, {"version": f"{MODEL}/7"})
    container = services.of("score")[0]["PrimaryContainer"]
    assert container["ModelPackageName"] == f"{MODEL}/7"
    assert "Image" not in container


def test_a_throttled_job_is_made_again_with_the_same_model_under_another_name() -> None:
    ended, services = ran(whole(), {**ANSWERS, "Transform score": failing("SageMaker.ThrottlingException", 2)})
    assert ended.states[-2] != "Done"
    calls = services.of("Transform score")
    assert len({call["TransformJobName"] for call in calls}) == 3
    assert {call["ModelName"] for call in calls} == {"churn-score-1"}
    assert len(services.of("score")) == 1


@pytest.mark.parametrize("state", ["score", "Transform score", "Delete model of score"])
def test_a_failure_reaches_the_notified_failure_path(state: str) -> None:
    ended, services = ran(whole(), {**ANSWERS, state: failing("Broken")})
    assert ended.states[-3:] == (state, "Notify failure", "Failed")
    assert ended.cause == "Broken: because"
    assert len(services.of("Notify failure")) == 1


def test_the_model_of_a_failed_job_is_kept() -> None:
    _, services = ran(whole(), {**ANSWERS, "Transform score": failing("Broken")})
    assert services.of("Delete model of score") == []


def test_the_states_role_makes_and_deletes_models_of_this_step_alone() -> None:
    found = statements_of(compiled(whole()), "TrainingStatesRole")
    [models] = [item for item in found if "sagemaker:CreateModel" in item["Action"]]
    assert models["Action"] == ["sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DeleteModel"]
    assert models["Resource"]["Fn::Sub"].endswith(":model/churn-score-*")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"predictions": TransformOutput(join=True, input_filter="$[1:]", output_filter="$['id','SageMakerOutput']")},
        {"capture": True, "retry": None, "network": Network(isolation=True)},
        {"model": S3("m/model.tar.gz"), "serving": Serving(image=Image("serve:1"))},
    ],
)
def test_the_template_is_proved(changes: dict[str, Any]) -> None:
    assert prove_template(compiled(whole(score(**changes))).resources) == ()


def test_inside_a_network_the_model_is_too() -> None:
    inside = account(network=AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",)))
    result = compiled(whole(), inside)
    request = definition_of(result)["States"]["score"]["Parameters"]
    assert request["VpcConfig"] == {"Subnets": ["${Subnet1}"], "SecurityGroupIds": ["${SecurityGroup1}"]}
    assert "ec2:CreateNetworkInterface" in str(statements_of(result, "TrainingTransformRole"))


def test_a_gpu_takes_the_gpu_image_for_inference() -> None:
    step = score(
        model=S3("m/model.tar.gz"),
        serving=Serving(image=PyTorch("2.3"), code="inference.py"),
        compute=Compute(instance_type="ml.g5.xlarge"),
    )
    result = compiled(pipeline(step))
    assert "pytorch-inference:2.3.0-gpu" in str(definition_of(result))
    assert "repository/pytorch-inference" in str(statements_of(result, "TrainingTransformRole"))
    assert "VolumeKmsKeyId" not in str(definition_of(result)["States"]["Transform score"])


def test_raw_fields_are_merged_last() -> None:
    client = {"ModelClientConfig": {"InvocationsTimeoutInSeconds": 600}}
    _, services = ran(whole(score(raw=client)), ANSWERS)
    assert services.of("Transform score")[0]["ModelClientConfig"] == {"InvocationsTimeoutInSeconds": 600}
    with pytest.raises(SpecError, match="parameter-unknown"):
        compiled(whole(score(raw={"ModelClient": {}})))


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"strategy": "SingleRecord", "data": TransformInput(source=S3("c/"), split="None")}, "transform-strategy"),
        ({"strategy": "Both"}, "kind"),
        ({"concurrency": 17}, "transform-payload"),
        ({"concurrency": 2, "max_payload_mb": 60}, "transform-payload"),
        ({"max_payload_mb": 101}, "number-range"),
        ({"concurrency": 0}, "number-range"),
        ({"compute": Compute(volume_gb=100)}, "job-field"),
        ({"network": Network(encrypt_between_containers=True)}, "job-field"),
        ({"network": Network(isolation=True), "serving": OWN}, "isolation-code"),
        ({"model": "s3://models/model.tar.gz"}, "kind"),
        ({"timeout": timedelta(0)}, "number-range"),
        ({"environment": {f"V{number}": "" for number in range(17)}}, "number-range"),
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any], id: str) -> None:
    with pytest.raises(SpecError, match=rf"\[{id}\]"):
        score(**changes)


@pytest.mark.parametrize("filter", ["features", "$" * 64])
def test_a_filter_is_a_short_path(filter: str) -> None:
    with pytest.raises(SpecError, match="JSONPath"):
        TransformOutput(input_filter=filter)


@pytest.mark.parametrize("model", [S3("m/model.tar.gz"), Version(3), Input("model")])
def test_a_model_without_a_known_image_needs_one(model: Any) -> None:
    inputs = (model,) if isinstance(model, Input) else ()
    with pytest.raises(SpecError, match=r"\[model-image\]"):
        compiled(pipeline(score(model=model), inputs=inputs))


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(SpecError, match="output-unknown"):
        score().output("capture")


@pytest.mark.parametrize("number", [0, -1, "3", True])
def test_a_version_is_a_number_or_a_reference(number: Any) -> None:
    with pytest.raises(SpecError):
        Version(number)
