"""Jobs of SageMaker that are looked at until they end: AutoML and Neo's compilation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from constructs_ml import (
    S3,
    AccountNetwork,
    AutoML,
    BatchTransform,
    Compile,
    Fail,
    Gate,
    ImageClassification,
    Network,
    Register,
    Serving,
    SpecError,
    Tabular,
    TargetPlatform,
    TextClassification,
    TimeSeriesForecasting,
)
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.compiler.pipeline import compile_pipeline
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.spec.steps.automl import Objective
from constructs_ml.spec.steps.compile import Accelerator, Arch, NeoFramework, Os, TargetDevice
from tests.compiler.test_states import FINISHED, Services, failing
from tests.support import IMAGE, account, compiled, definition_of, pipeline, prepare, runnable, statements_of, train
from tools.interpreter import Run, run

CONTAINERS = [
    {"Image": "first", "ModelDataUrl": "s3://b/transform.tar.gz", "Environment": {"A": "1"}},
    {"Image": "second", "ModelDataUrl": "s3://b/model.tar.gz"},
]
BEST = {
    "CandidateName": "churn-best",
    "FinalAutoMLJobObjectiveMetric": {"MetricName": "AUC", "Value": 0.87},
    "InferenceContainers": CONTAINERS,
}
TUNED = {"AutoMLJobName": "churn-automl-1", "AutoMLJobStatus": "Completed", "BestCandidate": BEST}
NEO = {
    "CompilationJobName": "churn-small-1",
    "CompilationJobStatus": "COMPLETED",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/small/model-ml_c5.tar.gz"},
}
ANSWERS = {
    "aws-sdk:sagemaker:createAutoMLJobV2": {"AutoMLJobArn": "a"},
    "aws-sdk:sagemaker:describeAutoMLJobV2": TUNED,
    "aws-sdk:sagemaker:stopAutoMLJob": {},
    "aws-sdk:sagemaker:createCompilationJob": {"CompilationJobArn": "a"},
    "aws-sdk:sagemaker:describeCompilationJob": NEO,
    "aws-sdk:sagemaker:stopCompilationJob": {},
}


def ran(spec: Any, answers: Mapping[str, Any] | None = None) -> tuple[Run, Services]:
    """Run with pauses that take no time."""
    definition = runnable(compiled(spec))
    for name, state in definition["States"].items():
        if state["Type"] == "Wait":
            definition["States"][name] = {"Type": "Pass", "Next": state["Next"]}
    services = Services({**FINISHED, **ANSWERS, **(answers or {})})
    return run(definition, {}, services, name="run-1"), services


def automl(**changes: Any) -> AutoML:
    return AutoML(**{"name": "automl", "data": S3("train/"), "problem": Tabular(target="churned"), **changes})


def small(**changes: Any) -> Compile:
    given = {
        "name": "small",
        "source": train().model,
        "framework": "PYTORCH",
        "framework_version": "1.13",
        "input_shape": {"input0": (1, 3, 224, 224)},
        "target": "ml_c5",
        **changes,
    }
    return Compile(**given)


def test_the_best_candidate_is_what_later_steps_use() -> None:
    step = automl()
    last = prepare(inputs={"model": step.model}, arguments=(step.result("candidate"), step.job_name))
    ended, services = ran(pipeline(step, last))
    assert ended.status == "SUCCEEDED"
    request = services.of("prepare")[0]
    assert request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://b/transform.tar.gz"
    assert request["AppSpecification"]["ContainerArguments"][1:] == ["churn-best", "churn-automl-1"]
    assert ended.output["steps"]["automl"] == {
        "model": "s3://b/transform.tar.gz",
        "candidate": "churn-best",
        "job": "churn-automl-1",
    }


def test_the_automl_job_is_requested_exactly_under_a_short_name() -> None:
    step = automl(
        problem=Tabular(
            target="churned",
            kind="BinaryClassification",
            mode="ENSEMBLING",
            candidates=20,
            algorithms=("xgboost",),
            weight="w",
        ),
        objective="AUC",
        validation_fraction=0.2,
        content_type="text/csv;header=present",
        candidate_timeout=timedelta(minutes=30),
        timeout=timedelta(hours=2),
        network=Network(encrypt_between_containers=True),
    )
    _, services = ran(pipeline(step))
    request = dict(services.of("Start automl")[0])
    name = request.pop("AutoMLJobName")
    assert name.startswith("churn-automl-")
    assert len(name) <= 32
    del request["Tags"]
    assert request == {
        "RoleArn": "automlrole",
        "AutoMLJobInputDataConfig": [
            {
                "ChannelType": "training",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://databucket/train/"}},
                "ContentType": "text/csv;header=present",
            }
        ],
        "OutputDataConfig": {
            "S3OutputPath": "s3://artifactbucket/churn/training/run-1/automl/candidates/",
            "KmsKeyId": "keyarn",
        },
        "SecurityConfig": {"EnableInterContainerTrafficEncryption": True, "VolumeKmsKeyId": "keyarn"},
        "AutoMLProblemTypeConfig": {
            "TabularJobConfig": {
                "CompletionCriteria": {
                    "MaxAutoMLJobRuntimeInSeconds": 7200,
                    "MaxRuntimePerTrainingJobInSeconds": 1800,
                    "MaxCandidates": 20,
                },
                "TargetAttributeName": "churned",
                "ProblemType": "BinaryClassification",
                "Mode": "ENSEMBLING",
                "SampleWeightAttributeName": "w",
                "CandidateGenerationConfig": {"AlgorithmsConfig": [{"AutoMLAlgorithms": ["xgboost"]}]},
            }
        },
        "AutoMLJobObjective": {"MetricName": "AUC"},
        "DataSplitConfig": {"ValidationFraction": 0.2},
    }


@pytest.mark.parametrize(
    ("problem", "key"),
    [
        (TextClassification(content="text", target="label"), "TextClassificationJobConfig"),
        (ImageClassification(), "ImageClassificationJobConfig"),
        (
            TimeSeriesForecasting(
                target="sold",
                timestamp="day",
                item="shop",
                frequency="2D",
                horizon=14,
                quantiles=("p10", "p50"),
                groups=("city",),
                holidays="CH",
            ),
            "TimeSeriesForecastingJobConfig",
        ),
    ],
)
def test_every_problem_is_one_of_the_apis_and_proved(problem: Any, key: str) -> None:
    result = compiled(pipeline(automl(problem=problem, validation=S3("validation/"))))
    request = definition_of(result)["States"]["Start automl"]["Parameters"]
    assert list(request["AutoMLProblemTypeConfig"]) == [key]
    assert [item["ChannelType"] for item in request["AutoMLJobInputDataConfig"]] == ["training", "validation"]
    assert prove_template(result.resources) == ()


def test_a_language_model_is_fine_tuned_by_raw() -> None:
    config = {"TextGenerationJobConfig": {"BaseModelName": "Falcon7BInstruct"}}
    result = compiled(pipeline(automl(problem=None, raw={"AutoMLProblemTypeConfig": config})))
    assert definition_of(result)["States"]["Start automl"]["Parameters"]["AutoMLProblemTypeConfig"] == config
    assert prove_template(result.resources) == ()


@pytest.mark.parametrize(("value", "end"), [(0.87, "good"), (0.5, "bad")])
def test_a_gate_decides_by_the_best_objective(value: float, end: str) -> None:
    step = automl()
    gate = Gate(
        when=step.metric() >= 0.8, then=(Fail(name="yes", cause="good"),), otherwise=(Fail(name="no", cause="bad"),)
    )
    best = {**BEST, "FinalAutoMLJobObjectiveMetric": {"MetricName": "AUC", "Value": value}}
    answers = {"aws-sdk:sagemaker:describeAutoMLJobV2": {**TUNED, "BestCandidate": best}}
    spec = pipeline(step, prepare(inputs={"m": step.model}), gate)
    assert ran(spec, answers)[0].cause == f"PipelineFailed: {end}"
    assert prove_template(compiled(spec).resources) == ()


def test_an_objective_that_is_no_number_opens_no_gate() -> None:
    step = automl()
    gate = Gate(when=step.metric() >= 0.8, then=(Fail(name="yes", cause="good"),))
    best = {**BEST, "FinalAutoMLJobObjectiveMetric": {"MetricName": "AUC", "Value": "NaN"}}
    ended, _ = ran(pipeline(step, gate), {"aws-sdk:sagemaker:describeAutoMLJobV2": {**TUNED, "BestCandidate": best}})
    assert "step automl left no finite number for objective" in ended.cause


def test_all_containers_of_the_best_candidate_make_predictions() -> None:
    step = automl()
    score = BatchTransform(name="score", model=step.result("containers"), data=S3("customers/"))
    made = {"sagemaker:createModel": {"ModelArn": "arn:aws:sagemaker:r:1:model/m"}}
    done = {"sagemaker:createTransformJob.sync": {"TransformJobName": "t"}, "aws-sdk:sagemaker:deleteModel": {}}
    ended, services = ran(pipeline(step, score), {**made, **done})
    assert ended.status == "SUCCEEDED"
    assert services.of("score")[0]["Containers"] == CONTAINERS
    assert "PrimaryContainer" not in services.of("score")[0]
    result = compiled(pipeline(step, score))
    assert prove_template(result.resources) == ()
    assert "repository/*" in str(statements_of(result, "TrainingTransformRole"))


@pytest.mark.parametrize(
    ("spec", "look", "status", "failed"),
    [
        (pipeline(automl()), "aws-sdk:sagemaker:describeAutoMLJobV2", "AutoMLJobStatus", "Failed"),
        (pipeline(automl()), "aws-sdk:sagemaker:describeAutoMLJobV2", "AutoMLJobStatus", "Stopped"),
        (
            pipeline(prepare(), train(), small()),
            "aws-sdk:sagemaker:describeCompilationJob",
            "CompilationJobStatus",
            "FAILED",
        ),
    ],
)
def test_a_job_that_fails_reaches_the_notified_failure_path(spec: Any, look: str, status: str, failed: str) -> None:
    ended, services = ran(spec, {look: {status: failed}})
    assert f"ended as {failed}" in ended.cause
    assert len(services.of("Notify failure")) == 1


def test_throttled_starts_are_made_again() -> None:
    answers = {"Start automl": failing("SageMaker.ThrottlingException", 2)}
    ended, services = ran(pipeline(automl()), answers)
    assert (ended.status, len(services.of("Start automl"))) == ("SUCCEEDED", 3)
    assert len({call["AutoMLJobName"] for call in services.of("Start automl")}) == 1


def test_the_role_of_automl_does_what_is_documented_and_passes_itself() -> None:
    result = compiled(pipeline(automl()))
    actions = {
        action
        for item in statements_of(result, "TrainingAutoMLRole")
        for action in ([item["Action"]] if isinstance(item["Action"], str) else item["Action"])
    }
    documented = {
        *(f"sagemaker:{verb}{noun}" for verb in ("Create", "Describe", "Delete") for noun in ("Model", "Endpoint")),
        *(f"sagemaker:{verb}EndpointConfig" for verb in ("Create", "Describe", "Delete")),
        "sagemaker:InvokeEndpoint",
        "sagemaker:ListTags",
        "cloudwatch:PutMetricData",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:CreateLogGroup",
        "logs:DescribeLogStreams",
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket",
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
    }
    assert documented <= actions
    policy = result.resources["TrainingAutoMLRolePassing"]["Properties"]
    [passing] = policy["PolicyDocument"]["Statement"]
    assert passing["Resource"] == {"Fn::GetAtt": ["TrainingAutoMLRole", "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert "TrainingAutoMLRolePassing" in result.resources["TrainingStateMachine"]["DependsOn"]


def test_a_given_role_is_told_what_automl_needs() -> None:
    import dataclasses

    found = dataclasses.replace(of_platform(account()), roles={"automl": {"Slot": "RoleArn"}})
    result = compile_pipeline(pipeline(automl()), account(), prefix="Training", infrastructure=found)
    passing = [item for item in result.required if item["Action"] == "iam:PassRole"]
    assert [item["Resource"] for item in passing] == [{"Slot": "RoleArn"}]
    assert "TrainingAutoMLRole" not in result.resources


def test_the_compiled_model_is_what_later_steps_use() -> None:
    step = small()
    register = Register(model=step.model, serving=Serving(image=IMAGE))
    ended, services = ran(pipeline(prepare(), train(), step, register))
    container = services.of("register")[0]["InferenceSpecification"]["Containers"][0]
    assert container["ModelDataUrl"] == "s3://b/small/model-ml_c5.tar.gz"
    assert ended.output["steps"]["small"] == {"model": "s3://b/small/model-ml_c5.tar.gz"}


def test_the_compilation_job_is_requested_exactly() -> None:
    _, services = ran(pipeline(prepare(), train(), small()))
    request = dict(services.of("Start small")[0])
    assert request.pop("CompilationJobName").startswith("churn-small-")
    del request["Tags"]
    assert request == {
        "RoleArn": "compilationrole",
        "InputConfig": {
            "Framework": "PYTORCH",
            "S3Uri": "s3://bucket/model.tar.gz",
            "DataInputConfig": '{"input0": [1, 3, 224, 224]}',
            "FrameworkVersion": "1.13",
        },
        "OutputConfig": {
            "S3OutputLocation": "s3://artifactbucket/churn/training/run-1/small/model/",
            "TargetDevice": "ml_c5",
            "KmsKeyId": "keyarn",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def test_a_platform_stands_for_a_device_that_has_no_name() -> None:
    target = TargetPlatform(os="LINUX", arch="ARM64", accelerator="NVIDIA")
    options = {"gpu-code": "sm_62", "trt-ver": "6.0.1", "cuda-ver": "10.0"}
    inside = account(network=AccountNetwork(subnets=("subnet-1",), security_groups=("sg-1",)))
    result = compiled(pipeline(small(source=S3("m/model.tar.gz"), target=target, options=options)), inside)
    request = definition_of(result)["States"]["Start small"]["Parameters"]
    assert request["OutputConfig"]["TargetPlatform"] == {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    assert request["OutputConfig"]["CompilerOptions"].startswith('{"gpu-code": "sm_62"')
    assert request["VpcConfig"]["Subnets"] == ["${Subnet1}"]
    assert prove_template(result.resources) == ()


def test_the_role_of_compilation_pulls_no_image() -> None:
    result = compiled(pipeline(prepare(), train(), small()))
    text = str(statements_of(result, "TrainingCompilationRole"))
    assert "ecr:" not in text
    assert "/aws/sagemaker/CompilationJobs" in text
    assert prove_template(result.resources) == ()


@pytest.mark.parametrize(
    ("choices", "shape"),
    [
        (NeoFramework, "Framework"),
        (TargetDevice, "TargetDevice"),
        (Os, "TargetPlatformOs"),
        (Arch, "TargetPlatformArch"),
        (Accelerator, "TargetPlatformAccelerator"),
        (Objective, "AutoMLMetricEnum"),
    ],
)
def test_choices_are_botocores(choices: Any, shape: str) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(choices.__args__) == set(model.shape_for(shape).enum)


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"problem": None}, "empty"),
        ({"problem": "classification"}, "kind"),
        ({"problem": Tabular(target="y", kind="Regression")}, "automl-objective"),
        ({"objective": "AUC"}, "automl-objective"),
        ({"objective": "auc"}, "kind"),
        ({"validation_fraction": 1.5}, "number-range"),
        ({"validation_fraction": 0.2, "validation": S3("v/")}, "automl-validation"),
        ({"network": Network(isolation=True)}, "job-field"),
        ({"timeout": timedelta(minutes=1)}, "number-range"),
        ({"candidate_timeout": timedelta(days=2)}, "number-range"),
        ({"data_type": "Folder"}, "kind"),
    ],
)
def test_a_wrong_automl_is_refused(changes: dict[str, Any], id: str) -> None:
    with pytest.raises(SpecError, match=rf"\[{id}\]"):
        automl(**changes)


@pytest.mark.parametrize(
    "build",
    [
        lambda: automl().metric("auc"),
        lambda: automl().result("model"),
        lambda: Tabular(target="y", kind="Ranking"),  # type: ignore[arg-type]
        lambda: Tabular(target="y", candidates=751),
        lambda: TimeSeriesForecasting(target="y", timestamp="t", item="i", frequency="daily", horizon=1),
        lambda: TimeSeriesForecasting(target="y", timestamp="t", item="i", frequency="D", horizon=0),
        lambda: TimeSeriesForecasting(
            target="y", timestamp="t", item="i", frequency="D", horizon=1, quantiles=("0.5",)
        ),
        lambda: TimeSeriesForecasting(
            target="y", timestamp="t", item="i", frequency="D", horizon=1, groups=tuple("abcdef")
        ),
        lambda: small(framework="pytorch"),
        lambda: small(target="ml.c5.xlarge"),
        lambda: small(input_shape={"input0": 3}),
        lambda: small(input_shape={"input0": (0,)}),
        lambda: small(network=Network(isolation=True)),
        lambda: small(timeout=timedelta(days=2)),
        lambda: TargetPlatform(os="MACOS", arch="ARM64"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_declaration_is_refused(build: Any) -> None:
    with pytest.raises(SpecError):
        build()
