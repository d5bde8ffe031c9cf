"""Services that answer a pipeline's states: what the tests of steps outside SageMaker share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from constructs_ml import Account, AccountNetwork, PipelineSpec
from constructs_ml.compiler.proofs import prove_template
from constructs_ml.compiler.template import Compiled
from constructs_ml.faults import Fault
from tests.support import account, compiled, definition_of, pipeline, runnable, statements_of
from tools.interpreter import Call, Run, TaskFailure, run

NETWORK = AccountNetwork(subnets=("subnet-0a1b2c3d", "subnet-0a1b2c3e"), security_groups=("sg-0a1b2c3d",))
Answers = Mapping[str, Any]


def throttled(error: str, answer: Any, attempts: int = 2) -> Callable[[int], Any]:
    """An answer that comes after some attempts."""

    def asked(attempt: int) -> Any:
        if attempt <= attempts:
            raise TaskFailure(error, "later")
        return answer

    return asked


def broken(error: str = "JobFailed") -> Callable[[int], Any]:
    """An answer that never comes."""
    return throttled(error, None, attempts=10**6)


class Services:
    """Answers by the name of the state, each call with the number of the attempt where the answer asks for it."""

    def __init__(self, answers: Answers) -> None:
        self.answers = {"Notify failure": {"MessageId": "1"}, **answers}
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Any:
        self.calls.append(call)
        answer = self.answers.get(call.state, {})
        return answer(len(self.of(call.state))) if callable(answer) else answer

    def of(self, state: str) -> list[Mapping[str, Any]]:
        return [call.parameters for call in self.calls if call.state == state]


def made(*steps: Any, where: Account | None = None, **changes: Any) -> Compiled:
    """The template of a pipeline of these steps, in an account with subnets."""
    return compiled(pipeline(*steps, **changes), where or account(network=NETWORK))


def ran(
    *steps: Any,
    answers: Answers | None = None,
    given: Mapping[str, Any] | None = None,
    where: Account | None = None,
    **changes: Any,
) -> tuple[Run, Services]:
    """A run of a pipeline of these steps, every service answered from `answers`."""
    services = Services(answers or {})
    return run(runnable(made(*steps, where=where, **changes)), given or {}, services, name="run-1"), services


def state(name: str, *steps: Any, **changes: Any) -> Mapping[str, Any]:
    """One state of the definition."""
    found: Mapping[str, Any] = definition_of(made(*steps, **changes))["States"][name]
    return found


def allowed(result: Compiled, service: str, role: str = "TrainingStatesRole") -> dict[str, list[str]]:
    """What a role may do with one service: actions by resource, ARNs without their common beginning."""
    found: dict[str, list[str]] = {}
    for statement in statements_of(result, role):
        actions, resources = (
            item if isinstance(item, list) else [item] for item in (statement["Action"], statement["Resource"])
        )
        for action in actions:
            if action.startswith(f"{service}:"):
                for resource in resources:
                    found.setdefault(_short(resource), []).append(action.partition(":")[2])
    return found


def _short(resource: Any) -> str:
    text = resource.get("Fn::Sub", resource.get("Ref")) if isinstance(resource, dict) else resource
    if text is None:
        return ".".join(resource["Fn::GetAtt"])
    return str(text if isinstance(text, str) else text[0]).rpartition("${AWS::AccountId}:")[2]


def unproved(*steps: Any, **changes: Any) -> tuple[Fault, ...]:
    """What the proofs find wrong with the pipeline of these steps."""
    return prove_template(made(*steps, **changes).resources)


def spec(*steps: Any, **changes: Any) -> PipelineSpec:
    return pipeline(*steps, **changes)
