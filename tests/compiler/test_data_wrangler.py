"""A Data Wrangler flow as a processing job."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml import S3, AccountNetwork, DataWrangler, SpecError
from constructs_ml.compiler.proofs import prove_template
from tests.compiler.test_states import failing, ran
from tests.support import account, compiled, definition_of, pipeline, statements_of, train

NODE = "3f74973c-fd1e-4845-89f8-0dd400031be9.default"


def clean(**changes: Any) -> DataWrangler:
    given = {
        "name": "clean",
        "flow": S3("flows/clean.flow"),
        "inputs": {"customers.csv": S3("raw/customers.csv")},
        "outputs": {"clean": NODE},
        **changes,
    }
    return DataWrangler(**given)


def test_the_job_is_requested_as_the_exported_notebooks_do() -> None:
    _, services = ran(pipeline(clean()))
    request = services.of("clean")[0]
    image = "024640144536.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-data-wrangler-container:3.x"
    argument = f'--output-config \'{{"{NODE}": {{"content_type": "CSV"}}}}\''
    assert request["AppSpecification"] == {"ImageUri": image, "ContainerArguments": [argument]}
    places = {item["InputName"]: item["S3Input"] for item in request["ProcessingInputs"]}
    assert places["flow"]["LocalPath"] == "/opt/ml/processing/flow"
    assert places["flow"]["S3Uri"] == "s3://databucket/flows/clean.flow"
    assert places["customers.csv"]["LocalPath"] == "/opt/ml/processing/customers.csv"
    [output] = request["ProcessingOutputConfig"]["Outputs"]
    assert output["OutputName"] == NODE
    assert output["S3Output"]["LocalPath"] == "/opt/ml/processing/output"


def test_later_steps_read_what_the_node_left() -> None:
    step = clean()
    _, services = ran(pipeline(step, train(channels={"train": step.output("clean")})))
    source = services.of("train")[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert source == "s3://artifactbucket/churn/training/run-1/clean/clean/"


@pytest.mark.parametrize(
    "where",
    [
        account(),
        account(id=None, region=None),
        account(network=AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",))),
    ],
)
def test_the_template_is_proved_and_the_role_reads_the_flow_and_pulls_the_image(where: Any) -> None:
    result = compiled(pipeline(clean()), where)
    assert prove_template(result.resources) == ()
    text = str(statements_of(result, "TrainingProcessingRole"))
    assert "flows/clean.flow*" in text
    assert "repository/sagemaker-data-wrangler-container" in text
    assert ("VpcConfig" in str(definition_of(result))) == (where.network is not None)


def test_throttling_is_waited_out_and_a_failure_reaches_the_failure_path() -> None:
    ended, services = ran(pipeline(clean()), {"clean": failing("SageMaker.ThrottlingException", 2)})
    assert (ended.status, len(services.of("clean"))) == ("SUCCEEDED", 3)
    ended, _ = ran(pipeline(clean()), {"clean": failing("Broken")})
    assert ended.states[-3:] == ("clean", "Notify failure", "Failed")


@pytest.mark.parametrize(
    "changes",
    [
        {"flow": S3("flows/clean.json")},
        {"flow": "clean.flow"},
        {"outputs": {}},
        {"outputs": {"clean": "node"}},
        {"outputs": {"Clean": NODE}},
        {"inputs": {"flow": S3("raw/")}},
        {"inputs": {"a/b": S3("raw/")}},
        {"content_type": "JSON"},
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        clean(**changes)


def test_an_unknown_version_and_output_are_refused() -> None:
    with pytest.raises(SpecError, match="image-version"):
        compiled(pipeline(clean(version="9.x")))
    with pytest.raises(SpecError, match="output-unknown"):
        clean().output("other")
