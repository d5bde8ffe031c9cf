"""JumpStart's models: where they are read from, under which licence, and where they cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import S3, BatchTransform, Image, JumpStart, Register, Serving, SpecError
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import ran
from tests.support import account, compiled, definition_of, pipeline, prepare, statements_of, train

OWN = Image("llm:1")
SERVING = Serving(image=OWN)
PLACE = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"


def llm(**changes: Any) -> JumpStart:
    return JumpStart(**{"model_id": "llm-7b", "version": "2.1.0", "artifact": "llm-7b/artifacts/v2/", **changes})


def test_a_training_channel_reads_the_regions_own_bucket() -> None:
    step = train(channels={"model": llm()})
    _, services = ran(pipeline(step))
    source = services.of("train")[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://jumpstart-cache-prod-aws-region/llm-7b/artifacts/v2/"
    assert "ModelAccessConfig" not in source
    result = compiled(pipeline(step))
    reads = str(statements_of(result, "TrainingTrainingRole"))
    assert "s3:::jumpstart-cache-prod-${AWS::Region}/llm-7b/artifacts/v2/*" in reads
    assert prove_template(result.resources) == ()


def test_a_gated_model_is_read_under_its_licence_by_a_private_hub() -> None:
    step = train(channels={"model": llm(gated=True, accept_eula=True, hub="approved")})
    result = compiled(pipeline(step))
    source = definition_of(result)["States"]["train"]["Parameters"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["S3Uri"].startswith("s3://jumpstart-private-cache-prod-${AWS::Region}/")
    assert source["ModelAccessConfig"] == {"AcceptEula": True}
    content = f"{PLACE}:hub-content/approved/ModelReference/llm-7b/2.1.0"
    assert source["HubAccessConfig"] == {"HubContentArn": content}
    assert prove_template(result.resources) == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            llm(artifact="llm/model.tar.gz"),
            {"ModelDataUrl": "s3://jumpstart-cache-prod-${AWS::Region}/llm/model.tar.gz"},
        ),
        (
            llm(),
            {
                "S3Uri": "s3://jumpstart-cache-prod-${AWS::Region}/llm-7b/artifacts/v2/",
                "S3DataType": "S3Prefix",
                "CompressionType": "None",
            },
        ),
        (
            llm(artifact="llm/model.tar.gz", gated=True, accept_eula=True),
            {
                "S3Uri": "s3://jumpstart-private-cache-prod-${AWS::Region}/llm/model.tar.gz",
                "S3DataType": "S3Object",
                "CompressionType": "Gzip",
                "ModelAccessConfig": {"AcceptEula": True},
            },
        ),
    ],
)
def test_a_container_takes_an_archive_by_its_uri_and_anything_else_as_a_source(
    source: JumpStart, expected: dict[str, Any]
) -> None:
    steps = (
        Register(model=source, serving=SERVING),
        BatchTransform(name="score", model=source, data=S3("customers/"), serving=SERVING),
    )
    result = compiled(pipeline(*steps))
    found = definition_of(result)["States"]
    registered = found["register"]["Parameters"]["InferenceSpecification"]["Containers"][0]
    served = found["score"]["Parameters"]["PrimaryContainer"]
    for container in (registered, served):
        data = {key: value for key, value in container.items() if key.startswith("ModelData")}
        assert data == (expected if "ModelDataUrl" in expected else {"ModelDataSource": {"S3DataSource": expected}})
    assert prove_template(result.resources) == ()


@pytest.mark.parametrize(
    "step",
    [
        train(image=OWN, channels={"model": llm()}),
        prepare(image=OWN, inputs={"model": llm()}),
        Register(model=llm(), serving=SERVING),
    ],
)
def test_a_region_without_jumpstart_is_a_fault_of_the_account(step: Any) -> None:
    with pytest.raises(SpecError) as refused:
        compiled(pipeline(step), account(region="us-iso-west-1"))
    assert "jumpstart-region" in {fault.id for fault in refused.value.faults}


def test_a_stack_without_a_region_reads_the_bucket_of_where_it_is_deployed() -> None:
    result = compiled(pipeline(train(channels={"model": llm()})), account(id=None, region=None))
    assert "jumpstart-cache-prod-${AWS::Region}" in str(result.resources)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": "LLM 7B"},
        {"version": "*"},
        {"version": "latest"},
        {"artifact": "s3://jumpstart-cache-prod-us-east-1/llm"},
        {"artifact": "../other"},
        {"artifact": "/llm"},
        {"artifact": "llm/*"},
        {"hub": "my hub"},
        {"gated": True},
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        llm(**changes)
