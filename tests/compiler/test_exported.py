"""An exported definition as `AWS::SageMaker::Pipeline`: its text, its role, and what still stands literally."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml import (
    S3,
    ExportedPipeline,
    Image,
    Permission,
    Sklearn,
    SpecError,
    XGBoost,
    compile_exported_pipeline,
)
from constructs_ml.compiler.template import Compiled
from tests.sdk.exports import json_values, of, step
from tests.sdk.stand_ins import definition
from tests.support import account, statements_of

LINT = str(Path(sys.executable).parent / "cfn-lint")
AGNOSTIC = dataclasses.replace(account(), id=None, region=None)
SKLEARN = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
XGBOOST = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:1.7-1"
REPLACE: dict[str, Any] = {
    "arn:aws:iam::111111111111:role/sagemaker": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/jobs",
    "111111111111": "${AWS::AccountId}",
    "eu-central-1": "${AWS::Region}",
    "s3://data/raw/": S3("raw/"),
    SKLEARN: Sklearn("1.4-2"),
    XGBOOST: XGBoost("1.7-1"),
}
JOB = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:"
EMR_CALLS = ("AddJobFlowSteps", "CancelSteps", "DescribeCluster", "DescribeStep", "ListSteps")
ROLE = {"RoleArn": "arn:aws:iam::111111111111:role/r"}


def compiled(found: Any = None, where: Any = None, **given: Any) -> Compiled:
    spec = ExportedPipeline(
        name="training", model="churn", owner="growth", definition=definition() if found is None else found, **given
    )
    return compile_exported_pipeline(spec, where or account(), prefix="Export")


def properties(result: Compiled) -> dict[str, Any]:
    found: dict[str, Any] = result.resources["ExportPipeline"]["Properties"]
    return found


def deployed(result: Compiled, **values: str) -> Any:
    """The definition as CloudFormation hands it over: `Fn::Sub` evaluated."""
    body = properties(result)["PipelineDefinition"]["PipelineDefinitionBody"]
    if isinstance(body, dict):
        text, openings = body["Fn::Sub"] if isinstance(body["Fn::Sub"], list) else (body["Fn::Sub"], {})
        known = {"AWS::AccountId": "222222222222", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", **values}

        def filled(found: re.Match[str]) -> str:
            name = found.group(1)
            return f"${{{name[1:]}}}" if name.startswith("!") else known.get(name) or f"<{name}>"

        assert set(openings) <= set(re.findall(r"\$\{([A-Za-z0-9]+)\}", text))
        body = re.sub(r"\$\{([^}]*)\}", filled, text)
    return json.loads(body)


def allowed(*steps: Any, parameters: Any = (), **given: Any) -> list[dict[str, Any]]:
    result = compiled(of(*steps, Parameters=list(parameters)), **given)
    return statements_of(result, "ExportRole")


def faults(*steps: Any, **given: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as error:
        allowed(*steps, **given)
    return [(item.where.rpartition(", ")[2], item.id) for item in error.value.faults]


def test_what_reaches_the_service_is_the_export_as_it_is() -> None:
    assert deployed(compiled()) == definition()


def test_a_dollar_and_a_brace_in_the_export_are_protected() -> None:
    body = properties(compiled())["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    assert '"${!5}"' in body


def test_an_export_without_any_is_plain_text() -> None:
    body = properties(compiled(of(step("a"))))["PipelineDefinition"]["PipelineDefinitionBody"]
    assert json.loads(body) == of(step("a"))


def test_the_pipeline_is_named_tagged_and_bound() -> None:
    result = compiled(parallel=3, description="From the SDK", tags={"team": "growth"})
    found = properties(result)
    assert found["PipelineName"] == "dev-churn-training"
    assert found["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 3}
    assert found["PipelineDescription"] == "From the SDK"
    assert {"Key": "team", "Value": "growth"} in found["Tags"]
    assert found["RoleArn"] == {"Fn::GetAtt": ["ExportRole", "Arn"]}


def test_literals_become_what_each_account_has() -> None:
    found = json.dumps(deployed(compiled(where=AGNOSTIC, replace=REPLACE)))
    assert "111111111111" not in found
    assert "eu-central-1" not in found
    assert "arn:aws:iam::222222222222:role/jobs" in found
    assert "s3://<DataBucket>/raw/" in found
    assert found.count("<ImageSklearn>") == found.count("<ImageXgboost>") == 1
    assert "s3://sagemaker-eu-west-1-222222222222/report/" in found


def test_an_image_is_the_one_of_the_accounts_own_region() -> None:
    result = compiled(where=account(region="eu-west-1"), replace={SKLEARN: Sklearn("1.4-2"), XGBOOST: Image("own:1")})
    steps = deployed(result)["Steps"]
    assert ".dkr.ecr.eu-west-1.amazonaws.com/" in steps[0]["Arguments"]["AppSpecification"]["ImageUri"]
    assert "<ImageOwn>" in json.dumps(steps)


def test_the_longest_literal_counts_first() -> None:
    replace = {"111111111111": "${AWS::AccountId}", "arn:aws:iam::111111111111:role/sagemaker": "the-role"}
    assert deployed(compiled(replace=replace))["Steps"][0]["Arguments"]["RoleArn"] == "the-role"


def test_a_replacement_may_hold_quotes() -> None:
    assert deployed(compiled(replace={"AUC below 0.8": 'not "good"'}))["Steps"][1]["Arguments"]["ElseSteps"][0][
        "Arguments"
    ] == {"ErrorMessage": 'not "good"'}


def test_what_stands_literally_is_told_with_its_place() -> None:
    texts = {notice.id: notice.text for notice in compiled().notices}
    assert set(texts) == {
        "constructs-ml:export-arn",
        "constructs-ml:export-account-id",
        "constructs-ml:export-region",
    }
    assert (
        "arn:aws:iam::111111111111:role/sagemaker at Steps[0].Arguments.RoleArn and 1 more"
        in (texts["constructs-ml:export-arn"])
    )
    assert "another" not in "".join(texts.values())


def test_a_literal_of_another_account_is_told_as_one() -> None:
    texts = " ".join(notice.text for notice in compiled(where=account(id="333333333333", region="eu-west-1")).notices)
    assert "111111111111 (another account)" in texts
    assert "eu-central-1 (another region)" in texts
    assert "492215442770" in texts


def test_an_image_of_awss_in_its_own_region_is_no_literal() -> None:
    assert "492215442770" not in " ".join(notice.text for notice in compiled().notices)


def test_nothing_is_told_where_everything_differs_by_account() -> None:
    assert compiled(replace=REPLACE).notices == ()


def test_the_role_of_the_recorded_pipeline_allows_its_calls() -> None:
    found = statements_of(compiled(), "ExportRole")
    actions = [item["Action"] if isinstance(item["Action"], str) else ",".join(item["Action"]) for item in found]
    jobs = "sagemaker:AddTags,sagemaker:Create{0},sagemaker:Describe{0},sagemaker:Stop{0}"
    assert actions == [
        jobs.format("ProcessingJob"),
        "iam:PassRole",
        jobs.format("TrainingJob"),
        "sqs:SendMessage",
        "lambda:InvokeFunction",
        ",".join(f"elasticmapreduce:{call}" for call in EMR_CALLS),
        "events:DescribeRule,events:PutRule,events:PutTargets",
        "s3:GetObject",
    ]
    assert found[1]["Resource"] == "arn:aws:iam::111111111111:role/sagemaker"
    assert found[1]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert found[3]["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:sqs:eu-central-1:111111111111:approvals"}
    assert found[4]["Resource"] == "arn:aws:lambda:eu-central-1:111111111111:function:tell"
    report = "arn:${AWS::Partition}:s3:::sagemaker-eu-central-1-111111111111/report/metrics.json"
    assert found[7]["Resource"] == {"Fn::Sub": report}


def test_the_role_follows_the_replacements() -> None:
    found = statements_of(compiled(where=AGNOSTIC, replace=REPLACE), "ExportRole")
    assert found[1]["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/jobs"}
    queue = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:approvals"
    assert found[3]["Resource"] == {"Fn::Sub": queue}


@pytest.mark.parametrize(
    ("type", "arguments", "noun", "resource"),
    [
        ("Training", ROLE, "TrainingJob", "training-job/pipelines-*"),
        ("Training", ROLE | {"TrainingJobName": "mine"}, "TrainingJob", "training-job/mine*"),
        ("Processing", ROLE, "ProcessingJob", "processing-job/pipelines-*"),
        ("QualityCheck", ROLE, "ProcessingJob", "processing-job/pipelines-*"),
        ("ClarifyCheck", ROLE, "ProcessingJob", "processing-job/pipelines-*"),
        ("Transform", {}, "TransformJob", "transform-job/pipelines-*"),
        ("Tuning", {"TrainingJobDefinition": ROLE}, "HyperParameterTuningJob", "hyper-parameter-tuning-job/*"),
        ("AutoML", ROLE, "AutoMLJob", "automl-job/*"),
    ],
)
def test_a_job_is_made_described_stopped_and_tagged(
    type: str, arguments: dict[str, Any], noun: str, resource: str
) -> None:
    found = allowed(step("a", type, Arguments=arguments))
    calls = [f"sagemaker:{verb}{noun}" for verb in ("Create", "Describe", "Stop")]
    assert found[0]["Action"] == ["sagemaker:AddTags", *calls]
    assert found[0]["Resource"] == {"Fn::Sub": JOB + resource}


def test_the_second_version_of_automl_is_called_where_it_is_meant() -> None:
    found = allowed(step("a", "AutoML", Arguments=ROLE | {"AutoMLProblemTypeConfig": {}}))
    assert "sagemaker:CreateAutoMLJobV2" in found[0]["Action"]
    assert "sagemaker:StopAutoMLJob" in found[0]["Action"]


def test_models_and_their_versions_are_made() -> None:
    model = step("a", "Model", Arguments={"ExecutionRoleArn": ROLE["RoleArn"]})
    version = step("b", "RegisterModel", Arguments={"ModelPackageGroupName": "churn"})
    found = allowed(model, version)
    assert found[0]["Resource"] == {"Fn::Sub": f"{JOB}model/pipelines-*"}
    assert found[1]["Action"] == "iam:PassRole"
    assert found[2]["Resource"] == [
        {"Fn::Sub": f"{JOB}model-package-group/churn"},
        {"Fn::Sub": f"{JOB}model-package/churn/*"},
    ]


def test_functions_are_invoked() -> None:
    function = "arn:aws:lambda:eu-central-1:111111111111:function:f"
    [found] = allowed(step("a", "Lambda", FunctionArn=function))
    assert (found["Action"], found["Resource"]) == ("lambda:InvokeFunction", function)


def test_emr_on_a_cluster_that_is_there() -> None:
    found = allowed(step("a", "EMR", Arguments={"ClusterId": "j-1", "StepConfig": {}}))
    assert found[0]["Resource"] == {
        "Fn::Sub": "arn:${AWS::Partition}:elasticmapreduce:${AWS::Region}:${AWS::AccountId}:cluster/j-1"
    }
    assert "elasticmapreduce:RunJobFlow" not in found[0]["Action"]
    assert found[1]["Action"] == ["events:DescribeRule", "events:PutRule", "events:PutTargets"]


def test_emr_on_a_cluster_of_its_own_passes_the_clusters_roles() -> None:
    profile = "arn:aws:iam::111111111111:instance-profile/nodes"
    config = {"ServiceRole": "EMR_DefaultRole", "JobFlowRole": profile}
    found = allowed(step("a", "EMR", Arguments={"ClusterConfig": config, "StepConfig": {}}))
    passed = [item for item in found if item["Action"] == "iam:PassRole"]
    assert [role for item in passed for role in item["Resource"]] == [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/EMR_DefaultRole"},
        "arn:aws:iam::111111111111:role/nodes",
    ]
    assert any("elasticmapreduce:RunJobFlow" in item["Action"] for item in found)


def test_a_parameters_default_tells_the_role() -> None:
    role = {"Name": "Role", "Type": "String", "DefaultValue": "arn:aws:iam::111111111111:role/r"}
    found = allowed(step("a", "Training", Arguments={"RoleArn": {"Get": "Parameters.Role"}}), parameters=[role])
    assert found[1]["Resource"] == role["DefaultValue"]


def test_what_a_join_makes_is_a_wildcard_where_the_run_decides() -> None:
    uri = {"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}, "m.json"]}}
    read = step("a", Arguments={"ErrorMessage": {"Std:JsonGet": {"S3Uri": uri, "Path": "x"}}})
    [found] = allowed(read)
    assert found["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/*/m.json"}


ANY_BUCKET = step("a", Arguments={"ErrorMessage": {"Std:JsonGet": {"S3Uri": {"Get": "Execution.PipelineArn"}}}})
LATE = {"Get": "Execution.PipelineName"}


@pytest.mark.parametrize(
    ("found", "place", "service"),
    [
        (step("a", "Training"), "Steps[0].Arguments.RoleArn", "iam"),
        (step("a", "Training", Arguments={"RoleArn": LATE}), "Steps[0].Arguments.RoleArn", "iam"),
        (step("a", "Lambda", FunctionArn=LATE), "Steps[0].FunctionArn", "lambda"),
        (step("a", "Callback", SqsQueueUrl=LATE), "Steps[0].SqsQueueUrl", "sqs"),
        (step("a", "Callback", SqsQueueUrl="http://elsewhere"), "Steps[0].SqsQueueUrl", "sqs"),
        (step("a", "EMRServerless"), "Steps[0].Type", "emr-serverless"),
        (step("a", "Endpoint"), "Steps[0].Type", "sagemaker"),
        (step("a", "Cleanup"), "Steps[0].Type", "s3"),
        (ANY_BUCKET, "Steps[0].Arguments.ErrorMessage.Std:JsonGet", "s3"),
    ],
)
def test_what_the_definition_does_not_tell_the_caller_must(found: Any, place: str, service: str) -> None:
    assert (place, "export-access") in faults(found)
    told = Permission(actions=(f"{service}:Something",), resources=("arn:${AWS::Partition}:x",))
    given = allowed(found, permissions=(told,))
    assert {"Effect": "Allow", "Action": f"{service}:Something", "Resource": {"Fn::Sub": told.resources[0]}} in given


def test_every_wildcard_has_its_reason() -> None:
    result = compiled(of(step("a", "Training", Arguments=ROLE), step("b", "EMR")))
    subjects = {json.dumps(item.subject) for item in result.acknowledgements}
    assert len(subjects) == 2
    assert all(item.reason for item in result.acknowledgements)


@given(
    st.sampled_from(["Training", "Processing", "Lambda", "Callback", "EMR", "RegisterModel", "Condition", "Tuning"]),
    st.dictionaries(
        st.sampled_from(["RoleArn", "ClusterConfig", "ClusterId", "ProcessingOutputConfig", "Std:JsonGet", "Std:Join"]),
        json_values,
        max_size=3,
    ),
    st.dictionaries(st.sampled_from(["FunctionArn", "SqsQueueUrl", "PropertyFiles"]), json_values, max_size=2),
)
def test_any_step_compiles_or_is_a_spec_error(type: str, arguments: dict[str, Any], more: dict[str, Any]) -> None:
    try:
        compiled(of(step("a", type, Arguments=arguments, **more)))
    except SpecError:
        return


@pytest.mark.slow
def test_the_template_is_clean(tmp_path: Path) -> None:
    made = (compiled(), compiled(where=AGNOSTIC, replace=REPLACE, parallel=2, description="From the SDK"))
    for number, result in enumerate(made):
        (tmp_path / f"{number}.json").write_text(json.dumps(result.template({}, {})))
    command = [LINT, "--regions", "eu-central-1", "--non-zero-exit-code", "error", "-t", str(tmp_path / "*.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]
