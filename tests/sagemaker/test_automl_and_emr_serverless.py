"""AutoML and EMR Serverless on SageMaker Pipelines, beside what the real SDK writes for them."""

from __future__ import annotations

import copy
import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from constructs_ml import (
    S3,
    AutoML,
    BatchTransform,
    EmrServerlessJob,
    Fail,
    Gate,
    ImageClassification,
    Input,
    LambdaTask,
    Network,
    PipelineSpec,
    Register,
    Retry,
    Serving,
    SpecError,
    Tabular,
    TextClassification,
    compile_sagemaker_pipeline,
    join,
)
from constructs_ml.compiler.proofs import check_pipeline, prove_template
from constructs_ml.compiler.sagemaker.emr_serverless import MAPS
from constructs_ml.compiler.template import Compiled
from tests.support import DAY, IMAGE, INSTANCES, account, pipeline, prepare, statements_of

SDK: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "services.json").read_text())["definition"]
APPLICATION = Input("application", default="00f1abcd")
PREDICTING = account(instances=dataclasses.replace(INSTANCES, transform="ml.m5.large"))
TABLE = Tabular(target="churned", mode="ENSEMBLING")
HERE = "${AWS::Region}:${AWS::AccountId}"
ON = "arn:${AWS::Partition}:emr-serverless:" + HERE + ":/applications/"
ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/spark-job"


def features(**changes: Any) -> EmrServerlessJob:
    given = {"name": "features", "application": "00f1abcd", "entry_point": S3("jobs/features.py"), "role": "spark-job"}
    return EmrServerlessJob(**{**given, **changes})


def search(**changes: Any) -> AutoML:
    return AutoML(**{"name": "search", "data": S3("train/"), "problem": TABLE, **changes})


def proved(*steps: Any, inputs: tuple[Input, ...] = (), where: Any = None) -> Compiled:
    result = compile_sagemaker_pipeline(pipeline(*steps, inputs=inputs), where or account(), prefix="Training")
    assert prove_template(result.resources) == ()
    return result


def rendered(*given: Any, inputs: tuple[Input, ...] = (), where: Any = None) -> dict[str, Any]:
    resources = proved(*given, inputs=inputs, where=where).resources
    body = resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    return {step["Name"]: step for step in json.loads(body[0])["Steps"]}


def refused(spec: PipelineSpec) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as error:
        compile_sagemaker_pipeline(spec, account(), prefix="Training")
    assert {fault.id for fault in error.value.faults} == {"engine-step"}
    return [(fault.where.split(", ", 1)[1], str(fault.got)) for fault in error.value.faults]


def whole() -> tuple[Any, ...]:
    """The pipeline that the recording holds, in our words."""
    spark, best = features(application=APPLICATION, arguments=("--run", APPLICATION)), search()
    told = {"candidate": best.result("candidate"), "job": best.job_name, "model": best.model}
    good = Gate(
        name="gate",
        when=best.metric() > 0.8,
        then=(LambdaTask(name="tell", function="tell", payload=told),),
        otherwise=(Fail(cause="too low"),),
    )
    return spark, best, good


THEIRS = {step["Name"]: step for step in SDK["Steps"]}


@pytest.mark.parametrize("name", ["features", "search"])
def test_steps_have_the_members_that_the_sdk_gives_them(name: str) -> None:
    mine, theirs = rendered(*whole(), inputs=(APPLICATION,))[name], THEIRS[name]
    assert mine["Type"] == theirs["Type"]
    assert set(mine) - {"RetryPolicies", "DependsOn"} == set(theirs) - {"DisplayName", "Description"}
    assert set(mine["Arguments"]) == set(theirs["Arguments"])


def test_a_job_of_emr_serverless_is_spelt_like_the_sdk() -> None:
    mine = rendered(*whole(), inputs=(APPLICATION,))["features"]["Arguments"]
    theirs = copy.deepcopy(THEIRS["features"]["Arguments"])
    theirs["ExecutionRoleArn"] = theirs["JobConfig"]["executionRoleArn"] = ROLE
    theirs["JobConfig"]["jobDriver"]["sparkSubmit"]["entryPoint"] = "s3://${DataBucket}/jobs/features.py"
    assert mine == theirs


def test_an_automl_job_is_spelt_like_the_sdk() -> None:
    mine, theirs = rendered(*whole(), inputs=(APPLICATION,))["search"]["Arguments"], THEIRS["search"]["Arguments"]
    assert mine["AutoMLJobConfig"].pop("SecurityConfig").pop("VolumeKmsKeyId") == "${KeyArn}"
    assert mine["AutoMLJobConfig"] == {key: theirs["AutoMLJobConfig"][key] for key in ("Mode", "CompletionCriteria")}
    assert [set(item) for item in mine["InputDataConfig"]] == [set(item) for item in theirs["InputDataConfig"]]
    assert mine["OutputDataConfig"]["S3OutputPath"].keys() == theirs["OutputDataConfig"]["S3OutputPath"].keys()


def test_the_best_candidate_is_read_like_the_sdk_reads_it() -> None:
    mine, theirs = rendered(*whole(), inputs=(APPLICATION,))["gate"]["Arguments"], THEIRS["gate"]["Arguments"]
    assert mine["Conditions"] == theirs["Conditions"]
    assert mine["IfSteps"][0]["Arguments"] == theirs["IfSteps"][0]["Arguments"]


def test_our_checks_accept_what_the_sdk_writes() -> None:
    assert check_pipeline(SDK) == ()


def test_everything_of_an_automl_job_has_its_place_in_the_first_version() -> None:
    table = Tabular(
        target="churned",
        kind="BinaryClassification",
        mode="ENSEMBLING",
        candidates=5,
        algorithms=("xgboost",),
        weight="importance",
    )
    step = search(
        problem=table,
        objective="AUC",
        validation_fraction=0.2,
        content_type="text/csv;header=present",
        candidate_timeout=timedelta(minutes=10),
        timeout=timedelta(hours=2),
        network=Network(encrypt_between_containers=True),
    )
    where = account(key_arn="arn:aws:kms:eu-central-1:111111111111:key/1")
    found = rendered(step, where=where)["search"]["Arguments"]
    del found["Tags"], found["OutputDataConfig"], found["RoleArn"]
    assert found == {
        "ProblemType": "BinaryClassification",
        "AutoMLJobObjective": {"MetricName": "AUC"},
        "InputDataConfig": [
            {
                "ChannelType": "training",
                "ContentType": "text/csv;header=present",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://${DataBucket}/train/"}},
                "TargetAttributeName": "churned",
                "SampleWeightAttributeName": "importance",
            }
        ],
        "AutoMLJobConfig": {
            "Mode": "ENSEMBLING",
            "CompletionCriteria": {
                "MaxAutoMLJobRuntimeInSeconds": 7200,
                "MaxRuntimePerTrainingJobInSeconds": 600,
                "MaxCandidates": 5,
            },
            "CandidateGenerationConfig": {"AlgorithmsConfig": [{"AutoMLAlgorithms": ["xgboost"]}]},
            "SecurityConfig": {"EnableInterContainerTrafficEncryption": True, "VolumeKmsKeyId": "${KeyArn}"},
            "DataSplitConfig": {"ValidationFraction": 0.2},
        },
    }


def test_each_channel_names_the_target() -> None:
    found = rendered(search(validation=S3("valid/")))
    channels = found["search"]["Arguments"]["InputDataConfig"]
    assert [(item["ChannelType"], item["TargetAttributeName"]) for item in channels] == [
        ("training", "churned"),
        ("validation", "churned"),
    ]


def test_the_best_model_is_registered_and_predicts() -> None:
    best = search(retry=Retry(on=("SageMaker.JOB_INTERNAL_ERROR",)))
    score = BatchTransform(name="score", model=best.model, serving=Serving(image=IMAGE), data=S3("new/"))
    found = rendered(best, score, Register(model=best.model, serving=Serving(image=IMAGE)), where=PREDICTING)
    model = {"Get": "Steps.search.BestCandidate.InferenceContainers[0].ModelDataUrl"}
    assert found["score-CreateModel"]["Arguments"]["PrimaryContainer"]["ModelDataUrl"] == model
    (container,) = found["register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == model
    assert found["search"]["RetryPolicies"][1]["ExceptionType"] == ["SageMaker.JOB_INTERNAL_ERROR"]


def test_raw_fields_reach_the_run_in_the_services_spelling_and_keys_of_maps_stay() -> None:
    logs = {"CloudWatchLoggingConfiguration": {"Enabled": True, "LogTypes": {"SPARK_DRIVER": ["STDOUT"]}}}
    spark = {"Classification": "spark-defaults", "Properties": {"Spark.x": "1"}}
    raw = {
        "ConfigurationOverrides": {"MonitoringConfiguration": logs, "ApplicationConfiguration": [spark]},
        "Tags": {"Team": "growth"},
    }
    found = rendered(features(raw=raw))["features"]["Arguments"]["JobConfig"]
    assert found["tags"] == {"Team": "growth"}
    assert found["configurationOverrides"] == {
        "monitoringConfiguration": {
            "cloudWatchLoggingConfiguration": {"enabled": True, "logTypes": {"SPARK_DRIVER": ["STDOUT"]}}
        },
        "applicationConfiguration": [{"classification": "spark-defaults", "properties": {"Spark.x": "1"}}],
    }


def test_the_maps_of_a_run_are_botocores() -> None:
    shape = botocore.session.get_session().get_service_model("emr-serverless").shape_for("StartJobRunRequest")
    found: set[str] = set()

    def walk(item: Any, name: str, above: tuple[str, ...]) -> None:
        if item.name in above:
            return
        if item.type_name == "map":
            found.add(name[:1].upper() + name[1:])
        elif item.type_name == "list":
            walk(item.member, name, (*above, item.name))
        elif item.type_name == "structure":
            for key, member in item.members.items():
                walk(member, key, (*above, item.name))

    walk(shape, "", ())
    assert found == MAPS


def test_values_of_a_run_are_known_when_it_starts() -> None:
    spark = features(arguments=(prepare().job_name, DAY), spark_parameters=join("--conf day=", DAY))
    found = rendered(prepare(), spark, inputs=(DAY,))["features"]["Arguments"]["JobConfig"]["jobDriver"]["sparkSubmit"]
    assert found["entryPointArguments"] == [{"Get": "Steps.prepare.ProcessingJobName"}, {"Get": "Parameters.day"}]
    assert found["sparkSubmitParameters"] == {
        "Std:Join": {"On": "", "Values": ["--conf day=", {"Get": "Parameters.day"}]}
    }


@pytest.mark.parametrize(("application", "name"), [("00f1abcd", "00f1abcd"), (APPLICATION, "*")])
def test_the_role_may_run_in_this_application_and_hand_over_this_role(application: Any, name: str) -> None:
    result = proved(features(application=application), inputs=(APPLICATION,))
    found = [(item["Action"], item["Resource"]) for item in statements_of(result, "TrainingPipelineRole")]
    text = json.dumps(found)
    assert "emr-serverless:StartJobRun" in text
    assert json.dumps({"Fn::Sub": ON + name}) in text
    assert json.dumps({"Fn::Sub": f"{ON}{name}/jobruns/*"}) in text
    passed = [item for item in statements_of(result, "TrainingPipelineRole") if "iam:PassRole" in item["Action"]]
    assert [item["Resource"] for item in passed] == [{"Fn::Sub": ROLE}]
    assert passed[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


def test_the_role_may_run_automl_jobs_under_automls_role() -> None:
    result = proved(search())
    text = json.dumps(statements_of(result, "TrainingPipelineRole"))
    assert json.dumps({"Fn::GetAtt": ["TrainingAutoMLRole", "Arn"]}) in text
    for call in ("CreateAutoMLJob", "DescribeAutoMLJob", "StopAutoMLJob", "AddTags"):
        assert f'"sagemaker:{call}"' in text
    assert "automl-job/*" in text
    assert "V2" not in text


UNFIT: dict[str, tuple[tuple[Any, ...], list[tuple[str, str]]]] = {
    "images": ((search(problem=ImageClassification()),), [("step 'search'", "ImageClassification")]),
    "texts": (
        (search(problem=TextClassification(content="text", target="label")),),
        [("step 'search'", "TextClassification")],
    ),
    "a problem in raw": (
        (search(problem=None, raw={"AutoMLProblemTypeConfig": {"TextGenerationJobConfig": {}}}),),
        [("step 'search'", "none"), ("step 'search'", "raw=['AutoMLProblemTypeConfig']")],
    ),
    "a mode that AutoML chooses": (
        (search(problem=Tabular(target="churned")),),
        [("step 'search'", "AutoML's own choice")],
    ),
    "another mode": (
        (search(problem=Tabular(target="churned", mode="HYPERPARAMETER_TUNING")),),
        [("step 'search'", "HYPERPARAMETER_TUNING")],
    ),
    "errors of Step Functions": ((search(retry=Retry(on=("States.Timeout",))),), [("step 'search'", "States.Timeout")]),
    "all containers": (
        (search(), BatchTransform(name="score", model=search().result("containers"), data=S3("new/"))),
        [("step 'score'", "search.result('containers')")],
    ),
    "a retried job": ((features(retry=Retry(on=("States.Timeout",))),), [("step 'features'", "States.Timeout")]),
    "the id of a run": (
        (features(), LambdaTask(name="tell", function="tell", payload={"run": features().result("JobRunId")})),
        [("step 'tell'", "features.result('JobRunId')")],
    ),
}


@pytest.mark.parametrize("name", list(UNFIT))
def test_what_the_service_cannot_run_is_refused_by_the_name_of_its_step(name: str) -> None:
    given, faults = UNFIT[name]
    found = refused(pipeline(*given))
    assert [(where, got.strip("()',")) for where, got in found] == [(where, got.strip("()',")) for where, got in faults]


def broken(change: Any) -> list[tuple[str, str]]:
    definition = copy.deepcopy(SDK)
    change({step["Name"]: step for step in definition["Steps"]})
    return [(fault.id, fault.where) for fault in check_pipeline(definition)]


def job(step: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = step["features"]["Arguments"]["JobConfig"]
    return found


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda step: job(step).update(Name="a"), [("parameter-unknown", "features.JobConfig.Name")]),
        (lambda step: job(step).pop("executionRoleArn"), [("parameter-missing", "features.JobConfig")]),
        (lambda step: job(step).pop("applicationId"), [("parameter-missing", "features.JobConfig")]),
        (
            lambda step: job(step)["jobDriver"]["sparkSubmit"].pop("entryPoint"),
            [("parameter-missing", "features.JobConfig.jobDriver.sparkSubmit")],
        ),
        (lambda step: step["features"]["Arguments"].pop("ApplicationId"), [("pipeline-form", "features.Arguments")]),
        (
            lambda step: step["features"].update(RetryPolicies=[{"ExceptionType": ["SageMaker.CAPACITY_ERROR"]}]),
            [("pipeline-form", "features.RetryPolicies[0]")],
        ),
        (
            lambda step: step["search"]["Arguments"]["AutoMLJobConfig"].update(Mode="AUTO"),
            [("pipeline-form", "search.AutoMLJobConfig.Mode")],
        ),
        (
            lambda step: step["search"]["Arguments"]["InputDataConfig"][0].pop("TargetAttributeName"),
            [("parameter-missing", "search.Arguments.InputDataConfig[0]")],
        ),
        (
            lambda step: step["gate"]["Arguments"]["Conditions"][0].update(
                LeftValue={"Get": "Steps.search.BestCandidate.Score"}
            ),
            [("pipeline-reference", "gate.Arguments.Conditions[0].LeftValue")],
        ),
        (
            lambda step: step["gate"]["Arguments"]["Conditions"][0].update(
                LeftValue={"Get": "Steps.search.BestCandidateProperties.Report"}
            ),
            [("pipeline-reference", "gate.Arguments.Conditions[0].LeftValue")],
        ),
    ],
)
def test_a_definition_that_the_service_could_not_run_is_found(change: Any, faults: list[tuple[str, str]]) -> None:
    assert broken(change) == faults


def test_an_application_that_the_step_makes_needs_no_id() -> None:
    def own(step: dict[str, Any]) -> None:
        step["features"]["Arguments"]["ApplicationConfig"] = {"name": "spark"}
        del step["features"]["Arguments"]["ApplicationId"], job(step)["applicationId"]

    assert broken(own) == []
