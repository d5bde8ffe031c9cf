"""Any pipeline that can be said, on both engines; and any that cannot, refused in words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_ml import (
    S3,
    Compute,
    Cron,
    Execution,
    Fail,
    Function,
    Gate,
    Image,
    Input,
    LambdaTask,
    MetricDefinition,
    OnData,
    Parallel,
    PipelineSpec,
    Process,
    Register,
    Retry,
    SpecError,
    Train,
    Wait,
    compile_pipeline,
    compile_sagemaker_pipeline,
    join,
)
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.spec.conditions import Condition, Metric
from constructs_ml.spec.steps import Step
from constructs_ml.spec.values import JobName, ModelArtifact, Output
from tests.support import CODE, account, evaluate, gate, pipeline, prepare, train

IMAGE = Image("churn:1")
DAY = Input("day", default="it's {a} \\ ${HOME}")
LIMIT, ROUNDS, STRICT = Input("limit", "Number", 0.5), Input("rounds", "Number", 3), Input("strict", "Boolean", True)
ARRIVED = Input("arrived", default=S3("raw/"))
INPUTS = (DAY, LIMIT, ROUNDS, STRICT, ARRIVED)
FACTS = tuple(map(Execution, ("name", "id", "start_time")))
ACCOUNTS = (account(), account(id=None, region=None), account(key_arn="arn:aws:kms:eu-central-1:111111111111:key/1"))

# The APIs want one line; everything else is allowed to be as awkward as it is. A constant that begins like a path of
# the States Language is found suspicious by its check, so none does.
awkward = ["${", "${AWS::Region}", "${!x}", "$", "{}", "'", "\\", '"', "$.x", "States.UUID()", "%", "<a>", "$$", "Get"]
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12),
    st.sampled_from(awkward),
).map(lambda text: f"x{text}" if text.startswith(("$", "States.")) else text)
numbers = st.one_of(st.integers(-5, 5), st.floats(-5, 5), st.booleans())


@dataclasses.dataclass
class Said:
    """What is there at one place of a pipeline: values and locations that a step may use, metrics, trained models."""

    values: list[Any]
    locations: list[Any]
    metrics: list[Metric]
    models: list[Any]
    names: list[str]

    def inside(self) -> Said:
        """What a block begins with; names are those of the whole pipeline."""
        return Said(list(self.values), list(self.locations), list(self.metrics), list(self.models), self.names)

    def name(self, kind: str) -> str:
        self.names.append(kind)
        return f"{kind}-{len(self.names)}"


def value(draw: Any, said: Said) -> Any:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(texts)
    if kind == 1:
        return draw(numbers)
    if kind == 2:
        return join(
            *(draw(st.one_of(texts, numbers, st.sampled_from(said.values))) for _ in range(draw(st.integers(1, 3))))
        )
    return draw(st.sampled_from(said.values))


def location(draw: Any, said: Said) -> Any:
    found = draw(st.sampled_from(said.locations))
    if isinstance(found, (S3, Output)) and draw(st.booleans()):
        return found / draw(st.sampled_from(["part", DAY, Execution("name")])) / "x.csv"
    return found


def condition(draw: Any, said: Said, depth: int = 2) -> Condition:
    kind = draw(st.integers(0, 4)) if depth else 0
    if kind <= 1:
        right = draw(st.one_of(st.floats(-9, 9), st.sampled_from([LIMIT, ROUNDS, *said.metrics])))
        left: Metric = draw(st.sampled_from(said.metrics))
        operator = draw(st.sampled_from(["__ge__", "__gt__", "__le__", "__lt__"]))
        return getattr(left, operator)(right)  # type: ignore[no-any-return]
    if kind == 2:
        return ~condition(draw, said, depth - 1)
    one, two = condition(draw, said, depth - 1), condition(draw, said, depth - 1)
    return one & two if kind == 3 else one | two


def process(draw: Any, said: Said) -> Process:
    measured = draw(st.booleans())
    step = Process(
        name=said.name("process"),
        image=IMAGE,
        code=draw(st.sampled_from([None, "prepare.py"])),
        inputs={f"in{n}": location(draw, said) for n in range(draw(st.integers(0, 2)))},
        arguments=tuple(value(draw, said) for _ in range(draw(st.integers(0, 2)))),
        environment={"A": value(draw, said)},
        outputs=("out", "report"),
        metrics="report/metrics.json" if measured else None,
        retry=draw(st.sampled_from([None, Retry(on=("States.TaskFailed", "SageMaker.JOB_INTERNAL_ERROR"))])),
    )
    said.values += [step.output("out"), step.job_name]
    said.locations.append(step.output("out"))
    said.metrics += [step.metric("auc")] if measured else []
    return step


def training(draw: Any, said: Said) -> Train:
    step = Train(
        name=said.name("train"),
        image=IMAGE,
        code=draw(st.sampled_from([None, "train.py"])),
        channels={"train": location(draw, said)},
        hyperparameters={"a": value(draw, said), "b": value(draw, said)},
        metrics=(MetricDefinition("validation:auc", "auc=([0-9.]+)"),),
    )
    said.values += [step.model, step.job_name]
    said.locations.append(step.model)
    said.metrics.append(step.metric("validation:auc"))
    said.models.append(step.model)
    return step


def function(draw: Any, said: Said) -> LambdaTask:
    brought = draw(st.booleans())
    step = LambdaTask(
        name=said.name("function"),
        function=Function(code="function") if brought else "check",
        payload={"a": value(draw, said), "b": value(draw, said)},
    )
    said.values.append(step.result("rows"))
    said.locations.append(step.result("place"))
    return step


def register(draw: Any, said: Said) -> Register:
    return Register(
        name=said.name("register"),
        model=draw(st.sampled_from(said.models)),
        description=draw(st.sampled_from([None, "x"])),
    )


def failure(draw: Any, said: Said) -> Fail:
    return Fail(name=said.name("fail"), cause=draw(texts))


def choice(draw: Any, said: Said, *, rest: int, fitting: bool) -> Gate:
    """A gate with `rest` steps after it; a fitting one then ends one arm in failure, and holds no other gate."""
    arms = [chain(draw, said.inside(), draw(st.integers(0, 2)), fitting=fitting, gates=not fitting) for _ in range(2)]
    if (rest and fitting) or draw(st.booleans()):
        arms[draw(st.integers(0, 1))] = (failure(draw, said),)
    if not any(arms):
        arms[0] = (failure(draw, said),)
    when = condition(draw, said)
    outputs = {} if fitting or draw(st.booleans()) else {"x": (1, DAY)}
    return Gate(name=said.name("gate"), when=when, then=arms[0], otherwise=arms[1], outputs=outputs)


def parallel(draw: Any, said: Said, *, fitting: bool) -> Parallel:
    inside = [said.inside(), said.inside()]
    known = {name: len(getattr(said, name)) for name in ("values", "locations", "metrics", "models")}
    branches = tuple(chain(draw, item, draw(st.integers(1, 2)), fitting=fitting, gates=False) for item in inside)
    for item in inside:
        for name, before in known.items():
            getattr(said, name).extend(getattr(item, name)[before:])
    return Parallel(name=said.name("parallel"), branches=branches)


def chain(draw: Any, said: Said, length: int, *, fitting: bool, gates: bool, blocks: bool = False) -> tuple[Step, ...]:
    found: list[Step] = []
    for rest in reversed(range(length)):
        kinds: list[Callable[[Any, Said], Step]] = [process, training, function]
        kinds += [register] if said.models else []
        kinds += [lambda draw, said: parallel(draw, said, fitting=fitting)] if blocks else []
        if gates and said.metrics:
            kinds += [lambda draw, said, rest=rest: choice(draw, said, rest=rest, fitting=fitting)] * 2
        step = draw(st.sampled_from(kinds))(draw, said)
        gates = gates and not (fitting and isinstance(step, Gate))
        found.append(step)
    return tuple(found)


@st.composite
def specs(draw: Any, *, fitting: bool) -> PipelineSpec:
    """A sound pipeline; a fitting one has nothing that only a state machine can run."""
    said = Said([*INPUTS, *FACTS, S3("raw/")], [S3("raw/"), S3("s3://other/x/"), DAY, ARRIVED], [], [], [])
    steps = chain(draw, said, draw(st.integers(1, 5)), fitting=fitting, gates=True, blocks=True)
    if not fitting and draw(st.booleans()):
        steps = (*steps, Wait(seconds=5))
    triggers = draw(st.sampled_from([(), (Cron("0 3 * * ? *", inputs={"rounds": 5}), OnData("raw/", to="arrived"))]))
    return PipelineSpec(
        name="training", model="churn", owner="growth", root=CODE, inputs=INPUTS, steps=steps, triggers=triggers
    )


@given(specs(fitting=True), st.sampled_from(ACCOUNTS))
@settings(max_examples=20)
def test_a_fitting_pipeline_is_sound_on_both_engines(spec: PipelineSpec, where: Any) -> None:
    assert prove_template(compile_pipeline(spec, where, prefix="Training").resources) == ()
    assert prove_template(compile_sagemaker_pipeline(spec, where, prefix="Training").resources) == ()


@given(specs(fitting=False))
@settings(max_examples=15)
def test_any_other_is_sound_on_one_and_refused_by_the_other_in_its_own_words(spec: PipelineSpec) -> None:
    assert prove_template(compile_pipeline(spec, account(), prefix="Training").resources) == ()
    try:
        compiled = compile_sagemaker_pipeline(spec, account(), prefix="Training")
    except SpecError as error:
        faults = error.faults
    else:
        faults = prove_template(compiled.resources)
    assert {fault.id for fault in faults} <= {"engine-step"}


def test_a_dollar_before_a_reference_begins_no_variable() -> None:
    spec = pipeline(prepare(environment={"A": join("$", DAY), "B": join("a$", ROUNDS)}), inputs=INPUTS)
    text = json.dumps(compile_pipeline(spec, account(), prefix="Training").resources)
    assert "${}" not in text
    assert "a$" in text


def test_an_arm_that_fails_hands_on_nothing() -> None:
    ends = gate(then=(prepare(name="again"),), outputs={"day": (DAY, "never")})
    spec = pipeline(
        prepare(), train(), evaluate(), ends, prepare(name="last", arguments=(ends.result("day"),)), inputs=INPUTS
    )
    compiled = compile_pipeline(spec, account(), prefix="Training")
    assert prove_template(compiled.resources) == ()
    assert "Keep other gate outputs" not in json.dumps(compiled.resources)


def renamed(draw: Any, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Two steps of one name."""
    return (*steps, dataclasses.replace(draw(st.sampled_from(steps))))


def broken(draw: Any, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A reference to a step that is not there, comes later, is the step itself, or leaves no such thing."""
    names = ["nobody", "last", *(step.name for step in steps)]
    name = draw(st.sampled_from(names))
    wrong = draw(
        st.sampled_from(
            [Output(name, "nothing"), ModelArtifact("nobody"), JobName("last"), Input("nothing"), Output("last", "out")]
        )
    )
    last = Process(name="last", image=IMAGE, inputs={"in": wrong}, outputs=("out",))
    return (*steps, last)


def circle(draw: Any, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Two steps that need each other."""
    first = Process(name="first", image=IMAGE, inputs={"in": Output("last", "out")}, outputs=("out",))
    last = Process(name="last", image=IMAGE, inputs={"in": Output("first", "out")}, outputs=("out",))
    return (first, *steps, last)


@pytest.mark.parametrize("breaking", [renamed, broken, circle])
@given(st.data())
@settings(max_examples=10)
def test_a_pipeline_that_cannot_run_is_refused_when_it_is_said(breaking: Any, data: st.DataObject) -> None:
    spec = data.draw(specs(fitting=True))
    steps = breaking(data.draw, spec.steps)
    with pytest.raises(SpecError):
        dataclasses.replace(spec, steps=steps)


durations = st.timedeltas(timedelta(days=-1), timedelta(days=400))
BAD: dict[str, st.SearchStrategy[Callable[[], object]]] = {
    "a name": st.builds(lambda it: lambda: Process(name=it, image=IMAGE), st.text(max_size=40)),
    "a place": st.builds(lambda it: lambda: S3(it), st.text(max_size=20)),
    "a part of a place": st.builds(lambda it: lambda: S3("raw/") / it, st.text(max_size=9)),
    "a timeout": st.builds(lambda it: lambda: Process(name="a", image=IMAGE, timeout=it), durations),
    "a retry": st.builds(
        lambda n, it, x: lambda: Retry(attempts=n, interval=it, backoff=x), st.integers(), durations, st.floats()
    ),
    "machines": st.builds(
        lambda n, size: lambda: Compute(instance_count=n, volume_gb=size), st.integers(), st.integers()
    ),
    "outputs": st.builds(
        lambda it: lambda: Process(name="a", image=IMAGE, outputs=tuple(it)), st.lists(st.text(max_size=3), max_size=12)
    ),
    "a metrics file": st.builds(
        lambda it: lambda: Process(name="a", image=IMAGE, outputs=("out",), metrics=it), st.text(max_size=12)
    ),
    "a metric's expression": st.builds(lambda it: lambda: MetricDefinition("auc", it), st.text(max_size=9)),
    "a threshold": st.builds(lambda it: lambda: Metric("a", "b") >= it, st.floats(allow_nan=True)),
    "a default": st.builds(
        lambda kind, it: lambda: Input("a", kind, it),
        st.sampled_from(["String", "Number", "Boolean", "List", "Text"]),
        st.one_of(texts, numbers, st.just(S3("raw/")), st.just((1,))),
    ),
    "a cron expression": st.builds(lambda it: lambda: Cron(it), st.text(max_size=15)),
    "an image": st.builds(lambda it: lambda: Image(it), st.text(max_size=15)),
    "a function": st.builds(lambda it: lambda: LambdaTask(name="a", function=it), st.text(max_size=15)),
}


@pytest.mark.parametrize("field", list(BAD))
@given(st.data())
@settings(max_examples=25)
def test_a_bad_value_is_refused_in_words_and_never_crashes(field: str, data: st.DataObject) -> None:
    build = data.draw(BAD[field])
    with suppress(SpecError):
        build()
