"""Services that answer whatever a definition calls, with what the services' own models say that they give back.

A call is answered with every member of its operation's output, as botocore's model has it; a call that waits for its
job (`.sync`) with the description of the job. So a ResultSelector that selects what the service does not give fails
the run, as it would in an account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.compiler.proofs.integrations import Integration, parse_resource
from constructs_ml.compiler.proofs.service_models import Shape, model_of
from tools.interpreter import Call, TaskFailure

States = Mapping[str, Any]
BROKEN = "Broken"

# What a waiting call gives back: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
_DESCRIPTIONS: Mapping[str, tuple[str, ...]] = {
    "athena:startQueryExecution": ("GetQueryExecution",),
    "batch:submitJob": ("DescribeJobs", "Jobs"),
    "databrew:startJobRun": ("DescribeJobRun",),
    "ecs:runTask": ("DescribeTasks", "Tasks"),
    "eks:createCluster": ("DescribeCluster",),
    "eks:createFargateProfile": ("DescribeFargateProfile",),
    "eks:createNodegroup": ("DescribeNodegroup",),
    "elasticmapreduce:createCluster": ("DescribeCluster", "Cluster"),
    "emr-serverless:startJobRun": ("GetJobRun", "JobRun"),
    "glue:startJobRun": ("GetJobRun", "JobRun"),
    "states:startExecution": ("DescribeExecution",),
}
# No model describes what these give back: nothing may be selected from it.
_UNDESCRIBED = frozenset(
    {
        "eks:call",
        "eks:deleteCluster",
        "eks:deleteFargateProfile",
        "eks:deleteNodegroup",
        "eks:runJob",
        "elasticmapreduce:addStep",
        "elasticmapreduce:cancelStep",
        "elasticmapreduce:modifyInstanceFleetByName",
        "elasticmapreduce:modifyInstanceGroupByName",
        "elasticmapreduce:setClusterTerminationProtection",
        "elasticmapreduce:terminateCluster",
    }
)
# What code of ours, or another pipeline, decides: here a definition may select whatever it likes.
_FREE = {"lambda:invoke": "Payload", "states:startExecution": "Output"}
_TIME = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a run meets: metrics by step and name, states that never succeed, first errors and answers by state."""

    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    once: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)


class Services:
    """Every service of one run of a definition."""

    def __init__(self, definition: States, scenario: Scenario) -> None:
        self.tasks = dict(tasks(definition))
        self.scenario = scenario
        self.calls: list[Call] = []
        self._answered: list[str] = []
        self._first_broken: dict[str, Mapping[str, Any]] = {}

    def __call__(self, call: Call) -> Any:
        self.calls.append(call)
        if call.state in self.scenario.broken and self._breaks(call):
            raise TaskFailure(BROKEN, f"{call.state} is broken")
        if call.state in self.scenario.once and self.times(call.state) == 1:
            raise TaskFailure(self.scenario.once[call.state], "not now")
        self._answered.append(call.state)
        if call.state in self.scenario.answers:
            return self.scenario.answers[call.state]
        return self._answer(self.tasks[call.state], call)

    def times(self, state: str) -> int:
        return sum(1 for call in self.calls if call.state == state)

    def _breaks(self, call: Call) -> bool:
        """Of the items of a map only the first one: two that fail at once race for one slot of moto's interpreter."""
        first = self._first_broken.setdefault(call.state, call.parameters)
        return not self.tasks[call.state].map_mode or first == call.parameters

    def _answer(self, task: Task, call: Call) -> Any:
        resource = task.integration
        made = _sample(resource)
        if resource.key in _FREE:
            for path in task.selected:
                _fill(made, path, below=_FREE[resource.key])
        if resource.key == "s3:getObject":
            made["Body"] = json.dumps(self._metrics(task.name.removeprefix("Read ").removesuffix(" metrics")))
        if "FinalMetricDataList" in made:
            found = self._metrics(task.name)
            made["FinalMetricDataList"] = [{"MetricName": name, "Value": value} for name, value in found.items()]
        if task.status:
            # The first look comes too early, so that the pauses are run through.
            path, done = task.status
            made[path] = done if self._answered.count(call.state) > 1 else "Underway"
        return made

    def _metrics(self, step: str) -> Mapping[str, float]:
        return self.scenario.metrics.get(step, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A Task state, wherever it stands, and the mode of the Map around it.

    `status` is the member of its answer that a Choice waits for, and its value.
    """

    name: str
    state: Mapping[str, Any]
    integration: Integration
    map_mode: str
    status: tuple[str, str] | None

    @property
    def selected(self) -> Iterator[str]:
        """The paths that the state takes from the answer."""
        for key, value in self.state.get("ResultSelector", {}).items():
            if key.endswith(".$"):
                yield value


def tasks(definition: States, map_mode: str = "") -> Iterator[tuple[str, Task]]:
    """Every Task state of a definition and of the blocks in it; `map_mode` is how the Map around it runs, or ""."""
    for name, state in definition["States"].items():
        for branch in state.get("Branches", ()):
            yield from tasks(branch, map_mode)
        if "ItemProcessor" in state:
            inside = state["ItemProcessor"]
            yield from tasks(inside, inside.get("ProcessorConfig", {}).get("Mode", "INLINE"))
        if state["Type"] == "Task":
            call = parse_resource(state["Resource"], name)
            assert isinstance(call, Integration), f"{name} calls {state['Resource']}"
            status = _status(state, definition["States"].get(state.get("Next"), {}))
            yield name, Task(name=name, state=state, integration=call, map_mode=map_mode, status=status)


def _status(state: States, following: States) -> tuple[str, str] | None:
    """The member of the answer that the next state compares with texts, and the text by which the run goes on."""
    kept = state.get("ResultSelector", {}).get("status.$")
    if kept is None or not following.get("Choices"):
        return None
    rule = following["Choices"][0]
    test = rule["Or"][0] if "Or" in rule else rule
    return (kept.removeprefix("$."), test["StringEquals"]) if "StringEquals" in test else None


def _sample(call: Integration) -> Any:
    """What the service gives back: every member of its output."""
    if call.pattern == "waitForTaskToken" or call.key in _UNDESCRIBED:
        return {}
    model = model_of(call)
    assert model is not None, f"no model has {call}"
    name, members = call.action[:1].upper() + call.action[1:], ()
    if call.waits:
        default = (name.replace("Create", "Describe"),) if call.service == "sagemaker" else ()
        name, *members = _DESCRIPTIONS.get(call.key, default)
    output = model.operations[name].get("output")
    made = _value(Shape(model, output["shape"]), ()) if output else {}
    for member in members:
        made = made[member]
        made = made[0] if isinstance(made, list) else made
    if call.key in _FREE and (call.waits or call.service == "lambda"):
        made[_FREE[call.key]] = {}
    return made


def _value(shape: Shape, above: tuple[str, ...]) -> Any:
    """A value of a shape; a shape that holds itself ends there."""
    if shape.name in above:
        return None
    facts, inner = shape.facts, (*above, shape.name)
    match shape.type:
        case "structure":
            return {name: _value(member, inner) for name, member in shape.model.members(shape.name).items()}
        case "list":
            return [_value(shape.to("member"), inner)]
        case "map":
            return {"key": _value(shape.to("value"), inner)}
        case "timestamp":
            return _TIME
        case "string" | "character" | "blob":
            if shape.name.lower().endswith("arn"):
                return f"arn:aws:{shape.model.service}:eu-central-1:111111111111:thing/{shape.name}"
            return facts["enum"][0] if "enum" in facts else f"a {shape.name}"
        case "boolean":
            return True
    return max(1, facts.get("min", 1))


def _fill(made: Any, path: str, below: str) -> None:
    """Put a value at a path that a definition selects below a free member."""
    parts = path.removeprefix("$.").split(".")
    if parts[0] != below:
        return
    for part in parts[:-1]:
        made = made.setdefault(part, {})
    made.setdefault(parts[-1], "free")
