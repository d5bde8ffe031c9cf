"""Every definition that the applications, the examples and the other tests render is run, with all services answered.

Of each pipeline: a run to its end for every arm of every gate. Of the applications and one pipeline of each kind: for
every Task state that some run calls one run in which its service says "later" once, and one in which it never
succeeds. States that only a failure leads to are found by these failures, and treated likewise. The answers are those
of `tests.answers`.

The applications are run in each account of theirs. A failure inside a Distributed Map is made, but its end is not
looked at: moto's succeeds whatever becomes of its items. Not here: the state machines of starters, and the loops of
jobs that never end (tests/compiler/test_polling.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from apps.churn.model import churn
from apps.known_case.model import known_case
from constructs_ml import Account, Accounts, Metric, PipelineSpec, compile_pipeline
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import Gate, walk
from constructs_ml.spec.values import Below, Input
from tests.answers import BROKEN, Scenario, Services, Task, tasks
from tests.compiler import test_blocks, test_definitions
from tests.scenarios import scenarios
from tests.support import CODE, ROOT, account, evaluate, runnable
from tools.coverage_examples import ACCOUNT, EXAMPLES, SUCCESSORS
from tools.interpreter import Run, run

pytestmark = pytest.mark.slow

# A Number that a gate compares with stands between 0 and 1; the rest only has to be of its type.
_OF_TYPE = {"Number": 0.5, "String": "text", "Boolean": True, "List": ["a"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline in an account; `given` is more than the inputs that have no default."""

    spec: PipelineSpec
    account: Account
    given: Mapping[str, Any] = field(default_factory=dict)


def of_app(model: Any, folder: str) -> Iterator[tuple[str, Callable[[], Pipeline]]]:
    for where in Accounts.load(ROOT / "apps" / folder / "accounts.yaml"):
        yield f"{folder} in {where.stage}", lambda where=where: Pipeline(spec=model.pipeline, account=where)


def successor(name: str) -> Pipeline:
    steps = SUCCESSORS[name].steps()
    used = [reference for step in walk(steps) for reference in references_of(step)]
    if any(isinstance(reference, Metric) for reference in used):
        steps = (replace(evaluate(inputs={}), name="check"), *steps)
    inputs = tuple(reference for reference in used if isinstance(reference, Input))
    spec = PipelineSpec(name="whole", model="churn", owner="growth", root=CODE, steps=steps, inputs=inputs)
    return Pipeline(spec=spec, account=ACCOUNT)


def definition_case(name: str) -> Pipeline:
    spec, where = test_definitions.CASES[name]
    # The Map of "corners" is the team's own state: it reads an input that no declaration names.
    return Pipeline(spec=spec(), account=where(), given={"items": [1]} if name == "corners" else {})


PIPELINES: dict[str, Callable[[], Pipeline]] = {
    **dict(of_app(churn, "churn")),
    **dict(of_app(known_case, "known_case")),
    **{f"example {n}": lambda n=n: Pipeline(spec=EXAMPLES()[n], account=ACCOUNT) for n in range(len(EXAMPLES()))},
    **{f"after {name}": lambda name=name: successor(name) for name in SUCCESSORS},
    **{f"definition {name}": lambda name=name: definition_case(name) for name in test_definitions.CASES},
    **{
        f"block {name}": lambda name=name: Pipeline(spec=test_blocks.CASES[name](), account=account())
        for name in test_blocks.CASES
    },
}

# An application is broken in its first account alone: a test shows that the others have the same ways. Of the rest, one
# of each kind; where two branches or items fail at once, moto's interpreter lets them race for one place.
FAILING = (
    "churn in dev",
    "known_case in dev",
    "example 3",
    "after TuningStep",
    "after EndpointStep",
    "after DynamoDBPutItemStep",
    "after SqsSendMessageStep",
    "after EmrAddStepStep",
    "after StepFunctionsStartExecutionStep",
    "block approve",
    "block outputs",
    "block constants",
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A definition and what its runs are given."""

    definition: Mapping[str, Any]
    given: Mapping[str, Any]
    stored: Mapping[str, Mapping[str, str]]
    scenarios: tuple[Scenario, ...]
    gates: tuple[str, ...]
    tasks: Mapping[str, Task]

    def run(self, scenario: Scenario) -> tuple[Run, Services]:
        services = Services(self.definition, scenario)
        ended = run(self.definition, self.given, services, name="run-1", pauses=False, stored=self.stored)
        return ended, services


@cache
def ready(name: str) -> Ready:
    made = PIPELINES[name]()
    definition = runnable(compile_pipeline(made.spec, made.account, prefix="Training"))
    defaults = definition["States"].get("Defaults", {}).get("Parameters", {}).get("defaults", {})
    known = {key.removesuffix(".$") for key in defaults}
    given = {item.name: _OF_TYPE[item.type] for item in made.spec.inputs if item.name not in known}
    given |= made.given
    gates = tuple(step.name for step in walk(made.spec.steps) if isinstance(step, Gate))
    stored = stored_for(definition, made.spec)
    return Ready(definition, given, stored, scenarios(made.spec, given), gates, dict(tasks(definition)))


def stored_for(definition: dict[str, Any], spec: PipelineSpec) -> Mapping[str, Mapping[str, str]]:
    """Two items for each reader of a Distributed Map, and the buckets that its writer needs."""
    found: dict[str, dict[str, str]] = {}
    for name, state in definition["States"].items():
        if "ResultWriter" in state:
            found.setdefault(state["ResultWriter"]["Parameters"]["Bucket"], {})
        if "ToleratedFailurePercentage" in state:
            # Moto's grammar takes a percentage with a fraction only.
            state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
        if "ItemReader" not in state:
            continue
        reader = state["ItemReader"]
        objects = found.setdefault(reader["Parameters"]["Bucket"], {})
        if "ReaderConfig" not in reader:
            objects[f"{reader['Parameters']['Prefix']}Bern"] = objects[f"{reader['Parameters']['Prefix']}Basel"] = "x"
            continue
        # Moto reads lists in JSON and CSV alone; lines of JSON are given to it as a list.
        reader["ReaderConfig"]["InputType"] = reader["ReaderConfig"]["InputType"].replace("JSONL", "JSON")
        step = next(step for step in walk(spec.steps) if step.name == name)
        in_json = reader["ReaderConfig"]["InputType"] == "JSON"
        objects[key_of(step.items.file)] = '[{"city": "Bern"}, {"city": "Basel"}]' if in_json else "city\nBern\nBasel\n"
    return found


def key_of(place: Any) -> str:
    if not isinstance(place, Below):
        return str(place.key)
    parts = (str(part.default if isinstance(part, Input) else part) for part in place.parts)
    return "/".join((key_of(place.place).rstrip("/"), *parts))


@dataclass(frozen=True, slots=True)
class Known:
    """What the runs of a pipeline showed: which run calls each task first, and how it ended."""

    runs: tuple[tuple[Scenario, Run, Services], ...]


@cache
def known(name: str) -> Known:
    """The runs of a pipeline's scenarios."""
    made = ready(name)
    return Known(tuple((scenario, *made.run(scenario)) for scenario in made.scenarios))


def notices(services: Services) -> int:
    return services.times("Notify failure")


def is_told(ended: Run, services: Services) -> bool:
    """Whether a run ended through the one failure path."""
    return (ended.status, ended.states[-1], notices(services)) == ("FAILED", "Failed", 1)


def does_not_matter(task: str) -> bool:
    """Whether a run ends as it would without this task: the notice itself, and the end of a turn."""
    return task == "Notify failure" or task.startswith("Give turn back: ")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_run_comes_to_its_end_through_every_arm(name: str) -> None:
    made, found = ready(name), known(name)
    assert found.runs[0][1].status == "SUCCEEDED"
    assert found.runs[0][1].states[-1] == "Done"
    steps = set()
    for _, ended, services in found.runs:
        assert "States.Runtime" not in ended.cause
        assert ended.status == "SUCCEEDED" or is_told(ended, services)
        steps |= set(zip(ended.states, ended.states[1:], strict=False))
    for gate in made.gates:
        state = made.definition["States"][gate]
        assert {(gate, state["Choices"][0]["Next"]), (gate, state["Default"])} <= steps


@pytest.mark.parametrize("name", FAILING)
def test_every_task_comes_back_from_one_throttling_and_ends_the_run_when_it_breaks(name: str) -> None:
    made, found = ready(name), list(known(name).runs)
    waiting = [*made.tasks]
    while task := next((task for task in waiting if any(services.times(task) for _, _, services in found)), None):
        waiting.remove(task)
        scenario, ended, services = next(item for item in found if item[2].times(task))
        check_throttled(made, made.tasks[task], scenario, ended, services)
        found.append(check_broken(made, made.tasks[task], scenario, ended))
    assert waiting == []


@pytest.mark.parametrize(("app", "folder"), [(churn, "churn"), (known_case, "known_case")])
def test_what_failures_see_of_an_application_is_the_same_in_each_account(app: Any, folder: str) -> None:
    first, *others = (task_ways(ready(name)) for name, _ in of_app(app, folder))
    assert others
    assert all(other == first for other in others)


def task_ways(made: Ready) -> Mapping[str, Any]:
    kept = ("Resource", "ResultSelector", "ResultPath", "Retry", "Catch", "Next")
    return {name: [task.state.get(key) for key in kept] for name, task in made.tasks.items()}


def check_throttled(made: Ready, task: Task, scenario: Scenario, ended: Run, services: Services) -> None:
    """The run ends as it did, with one call more."""
    if "Retry" not in task.state:
        assert "ResultSelector" not in task.state, f"{task.name} is of ours and must be tried again"
        return
    later = replace(scenario, once={**scenario.once, task.name: task.state["Retry"][0]["ErrorEquals"][0]})
    again, more = made.run(later)
    assert (again.status, again.states[-1]) == (ended.status, ended.states[-1]), task.name
    assert more.times(task.name) >= services.times(task.name) + 1, task.name


def check_broken(made: Ready, task: Task, scenario: Scenario, ended: Run) -> tuple[Scenario, Run, Services]:
    """The run ends through the failure path, with one notice that says why."""
    broken = replace(scenario, broken=scenario.broken | {task.name})
    failed, services = made.run(broken)
    if does_not_matter(task.name):
        assert (failed.status, failed.cause) == (ended.status, ended.cause), task.name
    elif task.map_mode != "DISTRIBUTED":
        assert is_told(failed, services), task.name
        assert BROKEN in failed.cause, task.name
    else:
        assert services.times(task.name), task.name
    return broken, failed, services
