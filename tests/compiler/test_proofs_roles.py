"""A role is proved against the calls of its states: nothing missing, nothing more, nothing wider."""

from __future__ import annotations

import doctest
import importlib
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.churn.model import churn
from constructs_ml import Accounts, Function, InstanceRules, LambdaTask, Permission, RawState, prove_pipeline
from constructs_ml.compiler.proofs import LOGGING, TRACING, calls, prove_role, prove_template
from constructs_ml.compiler.proofs.texts import NO_SUBSTITUTIONS, Hole, Text, covers
from tests.support import (
    ROOT,
    account,
    compiled,
    definition_of,
    evaluate,
    gate,
    opened_of,
    pipeline,
    prepare,
    statements_of,
    train,
)

HERE = "${AWS::Region}:${AWS::AccountId}"
JOB = f"arn:${{AWS::Partition}}:sagemaker:{HERE}:training-job/"


def of(resource: str, parameters: object, **state: object) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": f"arn:${{AWS::Partition}}:states:::{resource}", "Parameters": parameters}
    return {"StartAt": "ask", "States": {"ask": {**task, "End": True, **state}}}


def made(definition: dict[str, Any], **given: Any) -> set[str]:
    return {str(call) for call in calls(definition, **given)}


def allow(action: str | list[str], resource: object, **more: object) -> dict[str, Any]:
    text = {"Fn::Sub": resource} if isinstance(resource, str) and "${" in resource else resource
    return {"Effect": "Allow", "Action": action, "Resource": text, **more}


def ids(definition: dict[str, Any], *statements: dict[str, Any], **given: Any) -> list[str]:
    return [fault.id for fault in prove_role(definition, list(statements), **given)]


TRAIN = of(
    "sagemaker:createTrainingJob.sync",
    {
        "TrainingJobName.$": "States.Format('churn-train-{}-{}', States.UUID(), $$.State.RetryCount)",
        "RoleArn": "${TrainingRole}",
    },
)
ROLE = {"Fn::GetAtt": ["Training", "Arn"]}
PASS = allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})
JOBS = allow(
    ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags"],
    f"{JOB}churn-train-*",
)
RULE = allow(
    ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    f"arn:${{AWS::Partition}}:events:{HERE}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule",
)
OPENED = {"TrainingRole": ROLE}


def test_a_job_that_is_waited_for_makes_these_calls_and_no_others() -> None:
    job = f"{JOB}churn-train-{{}}-{{}}"
    rule = f"arn:${{AWS::Partition}}:events:{HERE}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    assert made(TRAIN, substitutions=OPENED) == {
        f"sagemaker:CreateTrainingJob on {job}",
        f"sagemaker:DescribeTrainingJob on {job}",
        f"sagemaker:StopTrainingJob on {job}",
        f"sagemaker:AddTags on {job}",
        "iam:PassRole on ${Training.Arn} to sagemaker.amazonaws.com",
        f"events:PutTargets on {rule}",
        f"events:PutRule on {rule}",
        f"events:DescribeRule on {rule}",
    }


@pytest.mark.parametrize(
    ("action", "name", "kind", "rule"),
    [
        ("createProcessingJob", "ProcessingJobName", "processing-job", "SageMakerProcessingJobsRule"),
        ("createTransformJob", "TransformJobName", "transform-job", "SageMakerTransformJobsRule"),
        (
            "createHyperParameterTuningJob",
            "HyperParameterTuningJobName",
            "hyper-parameter-tuning-job",
            "SageMakerTuningJobsRule",
        ),
    ],
)
def test_every_kind_of_job_has_its_own_rule(action: str, name: str, kind: str, rule: str) -> None:
    found = made(of(f"sagemaker:{action}.sync", {name: "j", "Deep": [{"Deeper": {"RoleArn": "${R}"}}]}))
    noun = action.removeprefix("create")
    assert f"sagemaker:Stop{noun} on arn:${{AWS::Partition}}:sagemaker:{HERE}:{kind}/j" in found
    assert any(item.endswith(f"rule/StepFunctionsGetEventsFor{rule}") for item in found)
    assert "iam:PassRole on ${R} to sagemaker.amazonaws.com" in found


@pytest.mark.parametrize(
    ("resource", "parameters", "expected"),
    [
        ("sns:publish", {"TopicArn": "${T}"}, {"sns:Publish on ${T}"}),
        ("lambda:invoke", {"FunctionName": "${F}"}, {"lambda:InvokeFunction on ${F}"}),
        (
            "lambda:invoke",
            {"FunctionName": "f"},
            {f"lambda:InvokeFunction on arn:${{AWS::Partition}}:lambda:{HERE}:function:f"},
        ),
        (
            "aws-sdk:s3:getObject",
            {"Bucket": "${B}", "Key.$": "States.Format('a/{}/b', $.c)"},
            {"s3:GetObject on arn:${AWS::Partition}:s3:::${B}/a/{}/b"},
        ),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, {"s3:ListBucket on arn:${AWS::Partition}:s3:::b"}),
        ("aws-sdk:s3:headObject", {"Bucket": "b", "Key": "k"}, {"s3:GetObject on arn:${AWS::Partition}:s3:::b/k"}),
        (
            "aws-sdk:s3:copyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "c"},
            {"s3:PutObject on arn:${AWS::Partition}:s3:::b/k", "s3:GetObject"},
        ),
        (
            "events:putEvents",
            {"Entries": [{"Source": "s"}, {"EventBusName": "own"}]},
            {
                f"events:PutEvents on arn:${{AWS::Partition}}:events:{HERE}:event-bus/default",
                f"events:PutEvents on arn:${{AWS::Partition}}:events:{HERE}:event-bus/own",
            },
        ),
        ("states:startExecution", {"StateMachineArn": "${M}"}, {"states:StartExecution on ${M}"}),
        (
            "dynamodb:getItem",
            {"TableName": "t"},
            {f"dynamodb:GetItem on arn:${{AWS::Partition}}:dynamodb:{HERE}:table/t"},
        ),
        ("sqs:sendMessage", {"QueueUrl": "${Q}"}, {"sqs:SendMessage"}),
        ("aws-sdk:cloudwatchlogs:createLogGroup", {"LogGroupName": "g"}, {"logs:CreateLogGroup"}),
        ("aws-sdk:sagemaker:listModels", {}, {"sagemaker:ListModels on *"}),
        (
            "aws-sdk:sagemaker:createModelPackage",
            {"ModelPackageGroupName": "g", "Tags": []},
            {
                f"sagemaker:CreateModelPackage on arn:${{AWS::Partition}}:sagemaker:{HERE}:model-package-group/g",
                f"sagemaker:CreateModelPackage on arn:${{AWS::Partition}}:sagemaker:{HERE}:model-package/g/{{}}",
                f"sagemaker:AddTags on arn:${{AWS::Partition}}:sagemaker:{HERE}:model-package/g/{{}}",
            },
        ),
        ("aws-sdk:sagemaker:createModelPackage", {}, {"sagemaker:CreateModelPackage"}),
    ],
)
def test_every_integration_is_known_by_the_calls_it_makes(
    resource: str, parameters: object, expected: set[str]
) -> None:
    assert made(of(resource, parameters)) == expected


def test_a_nested_run_that_is_waited_for_is_watched() -> None:
    machine = "arn:aws:states:eu-west-1:111111111111:stateMachine:other"
    found = made(of("states:startExecution.sync:2", {"StateMachineArn": machine}))
    runs = "arn:aws:states:eu-west-1:111111111111:execution:other:{}"
    assert {f"states:StartExecution on {machine}", f"states:StopExecution on {runs}"} < found
    assert any("StepFunctionsGetEventsForStepFunctionsExecutionRule" in item for item in found)
    assert "states:DescribeExecution" in made(of("states:startExecution.sync", {"StateMachineArn": "${M}"}))


def test_a_distributed_map_starts_its_children_and_writes_their_results() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **of("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"})}
    each = {
        "Type": "Map",
        "ItemProcessor": processor,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "m", "Key": "list"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "r", "Prefix": "p"}},
    }
    found = made({"States": {"each": each}})
    assert "s3:GetObject on arn:${AWS::Partition}:s3:::m/list" in found
    assert "s3:GetObject on arn:${AWS::Partition}:s3:::b/k" in found
    assert "s3:PutObject on arn:${AWS::Partition}:s3:::r/p/{}" in found
    assert {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"} < found


def test_a_function_as_the_resource_is_invoked() -> None:
    arn = "arn:aws:lambda:eu-west-1:111111111111:function:f"
    task = {"States": {"ask": {"Type": "Task", "Resource": arn}}}
    assert made(task) == {f"lambda:InvokeFunction on {arn}"}


def test_the_exact_role_is_proved() -> None:
    assert ids(TRAIN, JOBS, RULE, PASS, substitutions=OPENED) == []
    document = {"Version": "2012-10-17", "Statement": [JOBS, RULE, PASS]}
    assert prove_role(TRAIN, document, substitutions=OPENED) == ()


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_statement_that_is_missing_is_named_with_its_state(missing: int) -> None:
    kept = [item for index, item in enumerate((JOBS, RULE, PASS)) if index != missing]
    found = prove_role(TRAIN, kept, substitutions=OPENED, where="role of the states")
    assert {fault.id for fault in found} == {"role-missing"}
    assert {fault.where for fault in found} == {"role of the states"}
    assert all("state 'ask'" in fault.what for fault in found)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("sagemaker:CreateTrainingJob", f"{JOB}churn-tune-*"), ["role-idle"]),
        (allow("sagemaker:CreateTrainingJob", f"{JOB}*"), ["role-wide"]),
        (allow("sagemaker:CreateTrainingJob", "*"), ["role-wide"]),
        (allow("sagemaker:*", f"{JOB}churn-train-*"), ["role-wide"]),
        (allow("sagemaker:DeleteModel", "*"), ["role-idle"]),
        (allow("iam:PassRole", ROLE), ["role-wide"]),
        (allow("iam:PassRole", "arn:aws:iam::1:role/other"), ["role-idle"]),
        (allow("kms:Decrypt", {"Ref": "Key"}), ["role-idle"]),
        (allow("logs:CreateLogDelivery", "*"), []),
        (allow("xray:PutTraceSegments", "*"), []),
        (allow("logs:CreateLogGroup", "*"), ["role-idle"]),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, ["role-statement"]),
        ({"Effect": "allow", "Action": "s3:GetObject", "Resource": "*"}, ["role-statement"]),
    ],
)
def test_what_is_granted_beyond_the_calls_is_found(statement: dict[str, Any], expected: list[str]) -> None:
    assert ids(TRAIN, JOBS, RULE, PASS, statement, substitutions=OPENED) == expected


def test_a_role_passed_to_another_service_is_missing() -> None:
    other = {**PASS, "Condition": {"StringEquals": {"iam:PassedToService": ["ecs.amazonaws.com"]}}}
    assert ids(TRAIN, JOBS, RULE, other, substitutions=OPENED) == ["role-missing", "role-idle"]


def test_a_deny_takes_the_call_away() -> None:
    deny = {"Effect": "Deny", "Action": "sagemaker:StopTrainingJob", "Resource": "*"}
    (fault,) = prove_role(TRAIN, [JOBS, RULE, PASS, deny], substitutions=OPENED)
    assert (fault.id, fault.got) == ("role-missing", "a Deny")


READ = of(
    "aws-sdk:s3:getObject", {"Bucket": "${ArtifactBucket}", "Key.$": "States.Format('churn/{}/report/m.json', $.r)"}
)
BUCKET = {"ArtifactBucket": {"Fn::Sub": "dev-ml-${AWS::AccountId}"}}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:${AWS::Partition}:s3:::dev-ml-${AWS::AccountId}/churn/*/report/m.json", []),
        ("arn:${AWS::Partition}:s3:::dev-ml-${AWS::AccountId}/churn/*", ["role-wide"]),
        ("arn:${AWS::Partition}:s3:::dev-ml-${AWS::AccountId}/*/report/m.json", ["role-wide"]),
        ("arn:${AWS::Partition}:s3:::dev-mx-${AWS::AccountId}/churn/*/report/m.json", ["role-missing", "role-idle"]),
        ("arn:${AWS::Partition}:s3:::dev-ml-${AWS::Region}/churn/*/report/m.json", ["role-missing", "role-idle"]),
        ("arn:aws:s3:::dev-ml-${AWS::AccountId}/churn/*/report/m.json", ["role-missing", "role-idle"]),
        ("arn:${AWS::Partition}:s3:::dev-ml-${AWS::AccountId}/churn/a/report/m.json", ["role-missing", "role-idle"]),
    ],
)
def test_a_wrong_bucket_prefix_or_key_is_found(resource: str, expected: list[str]) -> None:
    assert ids(READ, allow("s3:GetObject", resource), substitutions=BUCKET) == expected


def test_a_value_that_is_known_counts_on_both_sides() -> None:
    known = {"AWS::AccountId": "111111111111", "AWS::Partition": "aws"}
    statement = allow("s3:GetObject", "arn:aws:s3:::dev-ml-111111111111/churn/*/report/m.json")
    assert ids(READ, statement, substitutions=BUCKET, known=known) == []
    assert ids(READ, statement, substitutions=BUCKET) == ["role-missing", "role-idle"]


def test_a_bucket_of_another_construct_is_the_same_on_both_sides() -> None:
    token = {"Fn::ImportValue": "Other:Bucket"}
    arn = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::", token, "/churn/*/report/m.json"]]}
    assert ids(READ, allow("s3:GetObject", arn), substitutions={"ArtifactBucket": token}) == []
    sub = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/churn/*/report/m.json", {"Bucket": token}]}
    assert ids(READ, allow("s3:GetObject", sub), substitutions={"ArtifactBucket": token}) == []


def test_a_key_may_be_used_where_objects_are_read() -> None:
    statement = allow("s3:GetObject", "arn:${AWS::Partition}:s3:::dev-ml-${AWS::AccountId}/churn/*/report/m.json")
    key = allow(["kms:Decrypt", "kms:GenerateDataKey"], "{{resolve:ssm:/dev/ml/key}}")
    assert ids(READ, statement, key, substitutions=BUCKET) == []
    assert ids(READ, statement, key, substitutions=BUCKET, allowances=(LOGGING, TRACING)) == ["role-idle"] * 2
    assert ids(READ, statement, allow("kms:Decrypt", "*"), substitutions=BUCKET) == ["role-idle"]
    assert ids(READ, statement, allow("kms:Encrypt", {"Ref": "Key"}), substitutions=BUCKET) == ["role-idle"]


def test_what_someone_declared_by_hand_is_not_idle() -> None:
    extra = allow(["glue:GetJob", "glue:GetTable"], "arn:aws:glue:eu-west-1:111111111111:job/clean")
    start = of("glue:startJobRun", {"JobName": "clean"})
    granted = [allow("glue:StartJobRun", f"arn:${{AWS::Partition}}:glue:{HERE}:job/clean"), extra]
    assert ids(start, *granted) == ["role-idle", "role-idle"]
    assert ids(start, *granted, declared=[extra]) == []


def test_an_open_resource_needs_a_star_at_its_place() -> None:
    invoke = of("lambda:invoke", {"FunctionName.$": "$.function"})
    assert ids(invoke, allow("lambda:InvokeFunction", f"arn:${{AWS::Partition}}:lambda:{HERE}:function:*")) == []
    assert ids(invoke, allow("lambda:InvokeFunction", f"arn:${{AWS::Partition}}:lambda:{HERE}:function:f")) == [
        "role-missing",
        "role-idle",
    ]


def test_compiled_pipelines_are_proved() -> None:
    freshness = LambdaTask(name="check", function=Function(code="prepare.py", handler="prepare.handler"))
    for spec in (pipeline(), pipeline(prepare(), train()), pipeline(freshness, prepare(), train(), evaluate(), gate())):
        for where in (account(), account(key_arn="arn:aws:kms:eu-central-1:111111111111:key/1")):
            assert prove_template(compiled(spec, where).resources) == ()


def test_the_example_application_is_proved_for_every_account() -> None:
    for where in Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml"):
        assert prove_template(compiled(churn.pipeline, where).resources) == ()


@given(st.data())
def test_each_statement_of_a_compiled_role_is_needed_as_it_is(data: st.DataObject) -> None:
    statements = deepcopy(STATEMENTS)
    index = data.draw(st.integers(0, len(statements) - 1))
    statement = statements[index]
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    action = data.draw(st.sampled_from(actions))
    free = (*LOGGING.actions, *TRACING.actions, "kms:Decrypt", "kms:GenerateDataKey")
    how = data.draw(st.sampled_from(["drop", "rename", "widen"]))
    if action in free:
        return
    match how:
        case "drop":
            statement["Action"] = [item for item in actions if item != action]
            expected = {"role-missing"}
        case "rename":
            statement["Action"] = [*(item for item in actions if item != action), f"{action}s"]
            expected = {"role-missing", "role-idle"}
        case _:
            statement["Resource"] = "*"
            expected = {"role-wide"}
    found = prove_role(definition_of(COMPILED), statements, substitutions=opened_of(COMPILED))
    assert {fault.id for fault in found} == expected


def test_a_template_is_proved_as_a_whole() -> None:
    resources = deepcopy(dict(COMPILED.resources))
    policies = resources["TrainingStatesRole"]["Properties"].pop("Policies")
    assert {fault.id for fault in prove_template(resources)} == {"role-missing"}
    attached = {"PolicyDocument": policies[0]["PolicyDocument"], "Roles": [{"Ref": "TrainingStatesRole"}]}
    resources["Managed"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": attached}
    assert prove_template(resources) == ()
    resources["TrainingStateMachine"]["Properties"]["DefinitionString"] = "{"
    assert [(fault.id, fault.where) for fault in prove_template(resources)] == [
        ("definition-json", "TrainingStateMachine")
    ]


def test_a_role_from_outside_is_not_proved() -> None:
    machine = deepcopy(COMPILED.resources["TrainingStateMachine"])
    machine["Properties"]["RoleArn"] = "arn:aws:iam::111111111111:role/given"
    assert prove_template({"Machine": machine}) == ()


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a*c", "abbd", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a", "ab", False),
        ("ab", "a", False),
        ("a*b*c", "a-b-b-c", True),
        ("${A}/x", "${A}/x", True),
        ("${A}/x", "${B}/x", False),
        ("*/x", "${B}/x", True),
        ("?/x", "${B}/x", False),
    ],
)
def test_a_pattern_covers_what_iam_would_match(pattern: str, text: str, expected: bool) -> None:
    assert covers(NO_SUBSTITUTIONS.read(pattern), NO_SUBSTITUTIONS.read(text)) is expected


pieces = st.lists(st.sampled_from(["a", "b", Hole("N"), Hole()]), max_size=6)


@given(pieces, pieces)
def test_a_text_is_covered_by_itself_with_a_star_for_what_is_open(before: list[Any], after: list[Any]) -> None:
    text = Text.of(*before, *after)
    starred = Text.of(*("*" if item == Hole() else item for item in (*before, *after)))
    assert covers(starred, text)
    assert covers(Text(("*",)), text)
    assert covers(text, text) is (Hole() not in text.parts)


def test_a_literal_placeholder_is_no_hole() -> None:
    assert NO_SUBSTITUTIONS.read("${!Name}").known == "${Name}"
    assert NO_SUBSTITUTIONS.inside({"Name": {"Ref": "Name"}}).read("${Name}").holes == (Hole("Name"),)


COMPILED = compiled(pipeline(), account(key_arn="arn:aws:kms:eu-central-1:111111111111:key/1"))
STATEMENTS = statements_of(COMPILED, "TrainingStatesRole")


EACH = {
    "Type": "Map",
    "Label": "each",
    "ItemReader": {
        "Resource": "arn:${AWS::Partition}:states:::s3:getObject",
        "Parameters": {"Bucket": "${Data}", "Key.$": "$.manifest"},
    },
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "wait",
        "States": {"wait": {"Type": "Wait", "Seconds": 1, "End": True}},
    },
    "End": True,
}
MAP = {"StartAt": "each", "States": {"each": EACH}}
OWN = f"arn:${{AWS::Partition}}:states:{HERE}:stateMachine:dev-churn"
CHILDREN = OWN.replace("stateMachine", "execution")
MANIFEST = allow("s3:GetObject", "arn:${AWS::Partition}:s3:::${Data}/*")


def test_a_distributed_map_starts_the_machine_itself() -> None:
    found = [item for item in calls(MAP, machine={"Fn::Sub": OWN}) if item.action == "states:StartExecution"]
    assert [str(item) for item in found] == [f"states:StartExecution on {OWN}"]


@pytest.mark.parametrize(
    ("start", "describe", "expected"),
    [
        (OWN, f"{CHILDREN}:*", []),
        (OWN, f"{CHILDREN}/*", []),
        (OWN, f"{CHILDREN}/*:*", []),
        (OWN, f"{CHILDREN}/each:*", []),
        (OWN, f"arn:${{AWS::Partition}}:states:{HERE}:execution:*", ["role-wide"]),
        (OWN, "*", ["role-wide"]),
        (OWN, f"{CHILDREN}/other:*", ["role-missing", "role-idle"]),
        (f"{OWN}-other", f"{CHILDREN}:*", ["role-missing", "role-idle"]),
        ("*", f"{CHILDREN}:*", ["role-wide"]),
    ],
)
def test_the_children_of_a_distributed_map_are_its_own(start: str, describe: str, expected: list[str]) -> None:
    statements = [MANIFEST, allow("states:StartExecution", start), allow("states:DescribeExecution", describe)]
    assert ids(MAP, *statements, machine={"Fn::Sub": OWN}) == expected


def test_children_may_be_stopped_and_redriven_where_a_role_says_so() -> None:
    needed = [MANIFEST, allow("states:StartExecution", OWN), allow("states:DescribeExecution", f"{CHILDREN}:*")]
    more = allow(["states:StopExecution", "states:RedriveExecution"], f"{CHILDREN}/each:*")
    other = allow("states:StopExecution", CHILDREN.replace("churn", "other") + ":*")
    assert ids(MAP, *needed, more, machine={"Fn::Sub": OWN}) == []
    assert ids(MAP, *needed, other, machine={"Fn::Sub": OWN}) == ["role-idle"]
    assert ids({"States": {"ask": {"Type": "Succeed"}}}, more, machine={"Fn::Sub": OWN}) == ["role-idle", "role-idle"]


def test_a_listing_reads_the_bucket_and_its_objects_only_to_flatten_them() -> None:
    reader = {
        "Resource": "arn:${AWS::Partition}:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": "${Data}", "Prefix": "models/"},
    }
    listed = {"States": {"each": {**EACH, "ItemReader": reader}}}
    flat = {
        "States": {"each": {**EACH, "ItemReader": {**reader, "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN"}}}}
    }
    objects = "s3:GetObject on arn:${AWS::Partition}:s3:::${Data}/models/{}"
    assert "s3:ListBucket on arn:${AWS::Partition}:s3:::${Data}" in made(listed)
    assert objects not in made(listed)
    assert objects in made(flat)


def test_results_are_written_in_parts_with_the_key() -> None:
    writer = {"Resource": "arn:${AWS::Partition}:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
    written = {"States": {"each": {**EACH, "ItemReader": {}, "ResultWriter": writer}}}
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    exact = [
        allow(["states:StartExecution", "states:DescribeExecution"], "*"),
        allow(actions, "arn:${AWS::Partition}:s3:::b/p/*"),
        allow(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], {"Ref": "Key"}),
    ]
    del written["States"]["each"]["ItemReader"]
    assert ids(written, *exact) == []
    assert "role-idle" in ids(MAP, *exact)


@pytest.mark.parametrize(
    "spelt",
    [
        {"Fn::Sub": OWN},
        {"Ref": "Machine"},
        {"Fn::GetAtt": ["Machine", "Arn"]},
        {"Fn::Sub": f"arn:${{AWS::Partition}}:states:{HERE}:stateMachine:${{Machine.Name}}"},
    ],
)
def test_a_template_knows_the_arn_of_its_machine_in_every_spelling(spelt: dict[str, Any]) -> None:
    statements = [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": spelt},
        allow("states:DescribeExecution", f"{CHILDREN}/*:*"),
        MANIFEST,
    ]
    machine = {"StateMachineName": "dev-churn", "Definition": MAP, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}
    resources = {
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyDocument": {"Statement": statements}, "Roles": [{"Ref": "Role"}]},
        },
    }
    assert prove_template(resources) == ()
    machine["StateMachineName"] = "dev-other"
    assert {fault.id for fault in prove_template(resources)} >= {"role-missing", "role-idle"}


def audit(*permissions: Permission) -> RawState:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:startJobRun",
        "Parameters": {"JobName": "clean"},
        "ResultPath": "$.raw.audit",
    }
    return RawState(name="audit", state=state, permissions=permissions)


STARTED = Permission(actions=("glue:StartJobRun",), resources=(f"arn:${{AWS::Partition}}:glue:{HERE}:job/clean",))


def test_a_pipeline_is_proved_by_one_call() -> None:
    assert prove_pipeline(pipeline(), account()) == ()
    assert prove_pipeline(pipeline(audit(STARTED)), account()) == ()


def test_the_examples_of_the_docstrings_run() -> None:
    for module in ("constructs_ml.compiler.proofs", "constructs_ml.compiler.proved"):
        failed, run = doctest.testmod(importlib.import_module(module))
        assert (failed, run > 0) == (0, True), module


def test_what_a_raw_state_asks_for_is_its_own_to_answer() -> None:
    more = Permission(actions=("glue:GetTable",), resources=("arn:aws:glue:eu-central-1:111111111111:table/a/b",))
    assert prove_pipeline(pipeline(audit(STARTED, more)), account()) == ()
    assert [fault.id for fault in prove_pipeline(pipeline(audit(more)), account())] == ["role-missing"]


def test_a_pipeline_that_cannot_be_compiled_has_its_faults() -> None:
    found = prove_pipeline(pipeline(), account(instances=InstanceRules()))
    assert found
    assert {fault.scope for fault in found} == {"account"}


def test_every_proof_is_part_of_the_proof_of_a_pipeline() -> None:
    broken = RawState(
        name="audit",
        state={
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:glue:startJobRun",
            "Parameters": {"JobNam": "clean", "JobName": "${JobName}"},
            "ResultPath": "$.raw.audit[0:2]",
        },
    )
    found = {fault.id for fault in prove_pipeline(pipeline(broken), account())}
    assert {"state-path", "parameter-unknown", "role-missing"} <= found
