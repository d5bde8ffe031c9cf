"""Whatever stands in a field: it is a declaration that compiles, or a refusal in words, and never another error."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from constructs_ml import (
    S3,
    AthenaQuery,
    EmrServerlessJob,
    FindModel,
    Input,
    PipelineSpec,
    Register,
    SpecError,
    Split,
    compile_pipeline,
)
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import Step, blocks, walk
from tests.support import CODE, gate, prepare, train
from tools.coverage_examples import ACCOUNT, EXAMPLES, SUCCESSORS

STRANGE: tuple[Any, ...] = (
    None,
    3,
    -1.5,
    True,
    "x",
    "",
    (),
    ("x",),
    [1],
    {},
    {"a": "b"},
    {1: 2},
    object(),
    timedelta(seconds=-1),
    S3("raw/"),
    Input("other"),
    prepare(),
    prepare().output("train"),
)


def declared() -> Iterator[Step]:
    """One of every kind of step, each as some example or the tests declare it."""
    found: dict[str, Step] = {}
    examples = [step for spec in EXAMPLES() for step in spec.steps]
    examples += [step for successor in SUCCESSORS.values() for step in walk(successor.steps())]
    examples += [
        gate(),
        Register(model=train().model),
        FindModel(),
        Split(name="split", data=S3("raw/"), parts={"train": 0.8, "test": 0.2}),
        AthenaQuery(name="ask", query="SELECT 1", database="d"),
        EmrServerlessJob(name="spark", application="00f1", entry_point=S3("code/job.py"), role="spark"),
    ]
    for step in examples:
        found.setdefault(type(step).__name__, step)
    yield from found.values()


STEPS = tuple(declared())


def attempt(step: Step, name: str, value: Any) -> None:
    """Declare the step with this value, and compile it if it was not refused."""
    changed = dataclasses.replace(step, **{name: value})
    inside = [inner for block in blocks(changed) for inner in walk(block)]
    real = [each for each in (changed, *inside) if isinstance(each, get_args(Step))]
    used = [reference for each in real for reference in references_of(each)]
    inputs = tuple(dict.fromkeys(reference for reference in used if isinstance(reference, Input)))
    before = (prepare(), train()) if any(not isinstance(item, Input) for item in used) else ()
    spec = PipelineSpec(name="odd", model="churn", owner="growth", root=CODE, steps=(*before, changed), inputs=inputs)
    compile_pipeline(spec, ACCOUNT, prefix="Odd")


@pytest.mark.parametrize("step", STEPS, ids=[type(step).__name__ for step in STEPS])
def test_a_strange_value_is_refused_in_words_or_compiles(step: Step) -> None:
    wrong = []
    for field in dataclasses.fields(step):
        for value in STRANGE:
            try:
                with contextlib.suppress(SpecError):
                    attempt(step, field.name, value)
            except Exception as error:  # noqa: BLE001 - any other error is what is looked for
                wrong.append(f"{field.name}={value!r}: {type(error).__name__}: {error}"[:200])
    assert wrong == []
