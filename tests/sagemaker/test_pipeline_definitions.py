"""What each step and each order become on SageMaker Pipelines, and what becomes of the rest."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from constructs_ml import (
    S3,
    Approve,
    BatchTransform,
    Candidate,
    Execution,
    Experiment,
    Fail,
    ForEach,
    Function,
    Gate,
    Input,
    Integer,
    LambdaTask,
    Metric,
    Objective,
    Parallel,
    PipelineSpec,
    RawState,
    Register,
    Retry,
    SpecError,
    Tune,
    Version,
    Wait,
    compile_sagemaker_pipeline,
    join,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.sagemaker.conditions import clauses
from constructs_ml.compiler.template import Compiled
from constructs_ml.spec.conditions import All, AnyOf, Comparison, Condition, Not
from tests.support import DAY, INSTANCES, account, evaluate, gate, pipeline, prepare, statements_of, train

AUC = Metric("evaluate", "auc")


def compiled(spec: PipelineSpec, where: Any = None, **options: Any) -> Compiled:
    return compile_sagemaker_pipeline(spec, where or account(), prefix="Training", **options)


def definition(spec: PipelineSpec) -> dict[str, Any]:
    result = compiled(spec)
    assert prove_template(result.resources) == ()
    body = result.resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    found: dict[str, Any] = json.loads(body[0])
    return found


def steps(spec: PipelineSpec) -> dict[str, Any]:
    return {step["Name"]: step for step in definition(spec)["Steps"]}


def refused(spec: PipelineSpec) -> list[tuple[str, str]]:
    """Where and what: every fault that the engine finds."""
    with pytest.raises(SpecError) as error:
        compiled(spec)
    assert {fault.id for fault in error.value.faults} == {"engine-step"}
    return [(fault.where.split(", ", 1)[1], fault.what) for fault in error.value.faults]


def test_each_step_waits_for_the_one_before_it() -> None:
    found = steps(pipeline(prepare(), train(), evaluate()))
    assert [step.get("DependsOn") for step in found.values()] == [None, ["prepare"], ["train"]]


def test_branches_start_together_and_what_follows_waits_for_all_ends() -> None:
    left = (prepare(name="left"), prepare(name="left-2"))
    found = steps(pipeline(prepare(), Parallel(branches=(left, prepare(name="right"))), prepare(name="last")))
    waits = {name: step.get("DependsOn") for name, step in found.items()}
    assert waits == {
        "prepare": None,
        "left": ["prepare"],
        "left-2": ["left"],
        "right": ["prepare"],
        "last": ["left-2", "right"],
    }


def test_what_follows_a_gate_stands_in_the_arm_that_goes_on() -> None:
    guard = Gate(when=evaluate().metric("auc") >= 0.8, otherwise=(Fail(cause="AUC below 0.8"),))
    register = Register(model=train().model, metrics=evaluate())
    found = steps(pipeline(prepare(), train(), evaluate(), guard, register, prepare(name="after")))
    assert list(found) == ["prepare", "train", "evaluate", "gate"]
    arms = found["gate"]["Arguments"]
    assert [(item["Name"], item.get("DependsOn")) for item in arms["IfSteps"]] == [
        ("register", None),
        ("after", ["register"]),
    ]
    assert [item["Name"] for item in arms["ElseSteps"]] == ["fail"]


def test_parameters_have_the_type_of_their_input() -> None:
    inputs = (
        DAY,
        Input("raw", default=S3("raw/")),
        Input("rounds", "Number", 50),
        Input("rate", "Number", 0.5),
        Input("limit", "Number"),
        Input("strict", "Boolean", False),
    )
    spec = pipeline(prepare(inputs={"raw": inputs[1]}, arguments=inputs), inputs=inputs)
    assert definition(spec)["Parameters"] == [
        {"Name": "day", "Type": "String", "DefaultValue": "1997-09-30"},
        {"Name": "raw", "Type": "String", "DefaultValue": "s3://${DataBucket}/raw/"},
        {"Name": "rounds", "Type": "Integer", "DefaultValue": 50},
        {"Name": "rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "limit", "Type": "Float"},
        {"Name": "strict", "Type": "Boolean", "DefaultValue": False},
    ]


def test_numbers_become_text_where_the_api_wants_text() -> None:
    rounds = Input("rounds", "Number", 50)
    spec = pipeline(prepare(), train(hyperparameters={"rounds": rounds}), inputs=(rounds,))
    given = steps(spec)["train"]["Arguments"]["HyperParameters"]
    assert given["rounds"] == {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.rounds"}]}}


def test_places_below_an_output_and_texts_are_joined() -> None:
    part = prepare().output("train") / DAY / "part.csv"
    spec = pipeline(
        prepare(),
        prepare(name="again", inputs={"raw": part}, arguments=(join("run-", Execution("start_time"), "-", 7),)),
        inputs=(DAY,),
    )
    arguments = steps(spec)["again"]["Arguments"]
    output = {"Get": "Steps.prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    assert arguments["ProcessingInputs"][0]["S3Input"]["S3Uri"] == {
        "Std:Join": {"On": "", "Values": [output, {"Get": "Parameters.day"}, "/part.csv"]}
    }
    assert arguments["AppSpecification"]["ContainerArguments"][1] == {
        "Std:Join": {"On": "", "Values": ["run-", {"Get": "Execution.StartDateTime"}, "-7"]}
    }


def test_awkward_texts_stand_as_they_are() -> None:
    awkward = "it's {a} \\ \N{GREEK SMALL LETTER PI} ${HOME} $.x"
    spec = pipeline(prepare(arguments=(awkward, join(awkward, DAY))), inputs=(DAY,))
    arguments = steps(spec)["prepare"]["Arguments"]["AppSpecification"]["ContainerArguments"][1:]
    protected = awkward.replace("${", "${!")
    assert arguments == [protected, {"Std:Join": {"On": "", "Values": [protected, {"Get": "Parameters.day"}]}}]


def test_outputs_lie_below_the_id_of_the_run() -> None:
    (output, _) = steps(pipeline(prepare()))["prepare"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    values = ["s3://${ArtifactBucket}/churn/training/", {"Get": "Execution.PipelineExecutionId"}, "/prepare/train/"]
    assert output["S3Output"]["S3Uri"] == {"Std:Join": {"On": "", "Values": values}}


def test_no_job_has_a_name_of_ours() -> None:
    assert "JobName" not in json.dumps(definition(pipeline()))


def test_a_metrics_file_is_a_property_file_only_where_it_is_compared() -> None:
    assert "PropertyFiles" not in steps(pipeline(prepare(), train(), evaluate()))["evaluate"]
    result = compiled(pipeline(prepare(), train(), evaluate()))
    assert "s3:GetObject" not in json.dumps(statements_of(result, "TrainingPipelineRole"))


def test_a_function_is_brought_along_and_its_answer_is_text() -> None:
    check = LambdaTask(name="check", function=Function(code="function"), payload={"run": Execution("id")})
    result = compiled(pipeline(check, prepare(arguments=(check.result("rows"), check.result("day")))))
    assert prove_template(result.resources) == ()
    properties = result.resources["TrainingPipeline"]["Properties"]
    text, opened = properties["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    (step, _) = json.loads(text)["Steps"]
    assert step["FunctionArn"] == "${FunctionCheck}"
    assert opened["FunctionCheck"] == {"Fn::GetAtt": ["TrainingCheckFunction", "Arn"]}
    assert step["OutputParameters"] == [
        {"OutputName": "day", "OutputType": "String"},
        {"OutputName": "rows", "OutputType": "String"},
    ]
    assert result.resources["TrainingCheckFunction"]["Type"] == "AWS::Lambda::Function"


def test_a_transform_is_a_model_and_a_job_that_finds_it() -> None:
    score = BatchTransform(name="score", model=train().model, data=S3("customers/"), capture=True)
    after = prepare(name="after", inputs={"raw": score.output()}, arguments=(score.job_name,))
    where = account(instances=dataclasses.replace(INSTANCES, transform="ml.m5.large"))
    result = compiled(pipeline(prepare(), train(), score, after), where)
    assert prove_template(result.resources) == ()
    body = result.resources["TrainingPipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
    found = {step["Name"]: step for step in json.loads(body[0])["Steps"]}
    assert [(name, step["Type"], step.get("DependsOn")) for name, step in found.items()][2:] == [
        ("score-CreateModel", "Model", ["train"]),
        ("score", "Transform", ["score-CreateModel"]),
        ("after", "Processing", ["score"]),
    ]
    model = found["score-CreateModel"]["Arguments"]
    assert model["PrimaryContainer"]["ModelDataUrl"] == {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    job = found["score"]["Arguments"]
    assert job["ModelName"] == {"Get": "Steps.score-CreateModel.ModelName"}
    run = ["s3://${ArtifactBucket}/churn/training/", {"Get": "Execution.PipelineExecutionId"}]
    assert job["TransformOutput"]["S3OutputPath"] == {"Std:Join": {"On": "", "Values": [*run, "/score/predictions"]}}
    given = found["after"]["Arguments"]
    (raw, *_) = given["ProcessingInputs"]
    assert raw["S3Input"]["S3Uri"] == {"Std:Join": {"On": "", "Values": [*run, "/score/predictions/"]}}
    assert given["AppSpecification"]["ContainerArguments"][1] == {"Get": "Steps.score.TransformJobName"}


def tuned(**changes: Any) -> Tune:
    given = {"objective": Objective("validation:auc", "Maximize"), "ranges": {"max-depth": Integer(2, 8)}}
    return Tune(**{"name": "tune", "train": train(hyperparameters={}), "max_jobs": 4, **given, **changes})


def test_the_best_of_a_tuning_job_is_found_by_its_references() -> None:
    best = tuned()
    used = (best.best("max-depth"), best.tuning_job, best.job_name)
    good = Gate(when=best.metric() > 0.5, then=(Register(model=best.model),), otherwise=(Fail(cause="no"),))
    found = steps(pipeline(prepare(), best, prepare(name="after", arguments=used), good))
    assert (found["tune"]["Type"], found["tune"]["DependsOn"]) == ("Tuning", ["prepare"])
    job = "Steps.tune.BestTrainingJob"
    assert found["after"]["Arguments"]["AppSpecification"]["ContainerArguments"][1:] == [
        {"Std:Join": {"On": "", "Values": [{"Get": f"{job}.TunedHyperParameters['max-depth']"}]}},
        {"Std:Join": {"On": "", "Values": [{"Get": "Steps.tune.HyperParameterTuningJobName"}]}},
        {"Get": f"{job}.TrainingJobName"},
    ]
    arms = found["gate"]["Arguments"]
    assert arms["Conditions"][0]["LeftValue"] == {"Get": f"{job}.FinalHyperParameterTuningJobObjectiveMetric.Value"}
    (container,) = arms["IfSteps"][0]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"]["Std:Join"]["Values"] == [
        "s3://${ArtifactBucket}/churn/training/",
        {"Get": "Execution.PipelineExecutionId"},
        "/tune/model/",
        {"Get": f"{job}.TrainingJobName"},
        "/output/model.tar.gz",
    ]


def test_retries_of_both_kinds_become_policies() -> None:
    own = Retry(attempts=3, interval=timedelta(minutes=2), backoff=1.5, on=("States.ALL", "SageMaker.CAPACITY_ERROR"))
    (step,) = steps(pipeline(prepare(retry=own))).values()
    assert step["RetryPolicies"] == [
        {
            "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING", "SageMaker.RESOURCE_LIMIT"],
            "IntervalSeconds": 5,
            "BackoffRate": 2,
            "MaxAttempts": 6,
        },
        {
            "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
            "IntervalSeconds": 120,
            "BackoffRate": 1.5,
            "MaxAttempts": 3,
        },
    ]


def holds(condition: Condition, values: dict[str, float]) -> bool:
    match condition:
        case Comparison(metric, operator, value):
            left, right = values[metric.name], value
            assert isinstance(right, (int, float))
            return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[operator]
        case All(inner):
            return all(holds(item, values) for item in inner)
        case AnyOf(inner):
            return any(holds(item, values) for item in inner)
        case Not(inside):
            return not holds(inside, values)


A, B, C = (Metric("evaluate", name) >= 1 for name in "abc")


@pytest.mark.parametrize(
    "condition",
    [A, ~A, A & B, A | B, ~(A & B), ~(A | B), A | (B & C), ~(A | (B & ~C)), (A & B) | (B & C) | (~A & C)],
    ids=str,
)
def test_a_condition_means_the_same_as_a_list_of_or(condition: Condition) -> None:
    listed = clauses(condition)
    for given in itertools.product((0, 1, 2), repeat=3):
        values = dict(zip("abc", given, strict=True))
        means = all(any(holds(item, values) for item in clause) for clause in listed)
        assert means == holds(condition, values)


def test_the_engine_refuses_every_step_that_it_lacks_at_once() -> None:
    spec = pipeline(
        Wait(seconds=5),
        Approve(question="Go?"),
        ForEach(name="each", items=({"a": 1},), steps=(prepare(name="one"),)),
        RawState(name="raw", state={"Type": "Wait", "Seconds": 1}),
    )
    found = refused(spec)
    assert [where for where, _ in found] == ["step 'wait'", "step 'approve'", "step 'each'", "step 'raw'"]
    assert [what.rsplit(" ", 2)[1] for _, what in found] == ["Wait", "Approve", "ForEach", "RawState"]


def arms(*then: Any, **changes: Any) -> Gate:
    return dataclasses.replace(gate(), then=then, **changes)


LATER = prepare(name="later")
UNFIT: dict[str, tuple[tuple[Any, ...], list[str]]] = {
    "a retry for errors of Step Functions": ((prepare(retry=Retry()),), ["step 'prepare'"]),
    "a retry with too many attempts": (
        (prepare(retry=Retry(attempts=21, on=("Step.THROTTLING",))),),
        ["step 'prepare'"],
    ),
    "a retry after a day": (
        (prepare(retry=Retry(interval=timedelta(days=1), on=("Step.THROTTLING",))),),
        ["step 'prepare'"],
    ),
    "an experiment": ((prepare(experiment=Experiment(experiment="e")),), ["step 'prepare'"]),
    "a path in raw": ((prepare(raw={"AppSpecification": {"ImageUri.$": "$.x"}}),), ["step 'prepare'"]),
    "a hyperparameter named like a function": ((prepare(), train(hyperparameters={"Get": 1})), ["step 'train'"]),
    "a function's retry": ((LambdaTask(name="f", function="f", retry=Retry()),), ["step 'f'"]),
    "a short wait for a function": (
        (LambdaTask(name="f", function="f", timeout=timedelta(minutes=1)),),
        ["step 'f'"],
    ),
    "a slow function": (
        (LambdaTask(name="f", function=Function(code="function", timeout=timedelta(minutes=11))),),
        ["step 'f'"],
    ),
    "several algorithms": (
        (
            prepare(),
            tuned(
                train=None,
                objective=None,
                ranges={},
                trainings=(
                    Candidate(
                        name="one",
                        train=train(hyperparameters={}),
                        objective=Objective("validation:auc", "Maximize"),
                        ranges={"depth": Integer(2, 8)},
                    ),
                ),
            ),
        ),
        ["step 'tune'"],
    ),
    "a bound on a transform": (
        (BatchTransform(name="score", model=Version(1), data=S3("d/"), timeout=timedelta(hours=1)),),
        ["step 'score'"],
    ),
    "a list for a function": ((LambdaTask(name="f", function="f", payload={"a": (1, 2)}),), ["step 'f'"]),
    "a number of a function": (
        (
            LambdaTask(name="f", function="f"),
            Gate(when=LambdaTask(name="f", function="f").number("count") >= 1, then=(Fail(cause="no"),)),
        ),
        ["step 'gate'"],
    ),
    "an output of a gate": (
        (prepare(), train(), evaluate(), arms(outputs={"x": ("a", "b")})),
        ["step 'gate'"],
    ),
    "a gate in a gate": (
        (prepare(), train(), evaluate(), arms(arms(name="inner", otherwise=(LATER,)))),
        ["step 'gate'"],
    ),
    "a gate after a gate": (
        (prepare(), train(), evaluate(), gate(), arms(LATER, name="second", otherwise=())),
        ["step 'gate'"],
    ),
    "a step after a gate whose arms both go on": (
        (prepare(), train(), evaluate(), arms(prepare(name="a"), otherwise=()), LATER),
        ["step 'later'"],
    ),
    "a step after branches of which one ends in a gate": (
        (prepare(), train(), evaluate(), Parallel(branches=(gate(), prepare(name="a"))), LATER),
        ["step 'later'"],
    ),
    "a step after branches of which one fails": (
        (Parallel(branches=(Fail(cause="no"), prepare(name="a"))), LATER),
        ["step 'later'"],
    ),
}


@pytest.mark.parametrize("name", list(UNFIT))
def test_what_cannot_be_expressed_is_refused_by_the_name_of_its_step(name: str) -> None:
    given, where = UNFIT[name]
    assert [place for place, _ in refused(pipeline(*given))] == where


def test_an_input_that_is_a_list_is_refused() -> None:
    assert refused(pipeline(prepare(), inputs=(Input("items", "List"),))) == [
        ("input 'items'", "SageMaker Pipelines has no input of type List")
    ]


def test_a_condition_that_grows_too_long_is_refused() -> None:
    pairs = [(number <= AUC) & (number + 1 > AUC) for number in range(7)]
    grown = AnyOf(tuple(pairs))
    spec = pipeline(prepare(), train(), evaluate(), arms(LATER, when=grown))
    assert refused(spec) == [("step 'gate'", "SageMaker Pipelines has no short form of this condition")]


def test_a_failed_run_is_told_on_the_topic() -> None:
    result = compiled(pipeline(prepare()))
    rule = result.resources["TrainingFailures"]["Properties"]
    arn = {"Fn::Sub": "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:pipeline/dev-churn-training"}
    assert rule["EventPattern"]["detail"] == {"currentPipelineExecutionStatus": ["Failed"], "pipelineArn": [arn]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:dev-ml-notices"}
    assert target["InputTransformer"] == {
        "InputPathsMap": {"execution": "$.detail.pipelineExecutionArn"},
        "InputTemplate": '"training of churn failed in dev. Run: <execution>"',
    }


def test_a_commit_changes_the_record_alone() -> None:
    first, second = (compiled(pipeline(), commit=commit).resources for commit in ("a", "b"))
    changed = [name for name in first if first[name] != second[name]]
    assert changed == ["TrainingCodeRecord"]
