"""The Distributed Map: every item, or batch of items, is an execution of its own.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.stepfunctions.parser.api import HistoryEventType, MapRunStatus
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.batches import batches_of
from constructs_ml.rehearsal.states.errors import failure
from constructs_ml.rehearsal.states.readers import reader_of
from constructs_ml.rehearsal.states.roles import Roles
from constructs_ml.rehearsal.states.writers import writer_of

Json = Any
_MAP = "moto.stepfunctions.parser.asl.component.state.exec.state_map"
_AT_ONCE = 16


@dataclass(slots=True, eq=False)
class Child:
    """The execution of one item or batch; `status` is "" for as long as it did not end."""

    index: int
    given: Json
    items: int
    name: str = ""
    arn: str = ""
    machine: str = ""
    status: str = ""
    output: Json = None
    error: str = ""
    cause: str = ""
    started: datetime | None = None
    stopped: datetime | None = None


class Children(list[Json]):
    """The outputs of the children that succeeded, as the state gets them, and the children themselves."""

    all: Sequence[Child] = ()


def hook_maps(account: EmbeddedAccount, roles: Roles) -> None:
    """Let a Distributed Map tolerate failures, batch, read and write as Step Functions does."""
    why = "children are executions; failures are tolerated as declared; at most 16 run at once on this machine"
    account.hook(
        f"{_MAP}.iteration.distributed_iteration_component:DistributedIterationComponent", "_eval_body", _map_run, why
    )
    why = "items are read in pages, from lines of JSON too, with the role of the execution"
    account.hook(f"{_MAP}.item_reader.item_reader_decl:ItemReader", "_eval_body", reader_of(roles), why)
    why = "results are written, not their manifest alone"
    account.hook(f"{_MAP}.result_writer.result_writer_decl:ResultWriter", "_eval_body", writer_of(roles), why)


def _map_run(component: Any, env: Any) -> None:
    asked = env.stack.pop()
    record, declared = asked.map_run_record, component.declared
    _tell(env, "MapRunStarted", mapRunStartedEventDetails={"mapRunArn": record.map_run_arn})
    try:
        if asked.item_reader is not None:
            asked.item_reader.eval(env=env)
            items = env.stack.pop()
        else:
            items = asked.input_items
        inputs = batches_of(env, declared, _selected(env, asked, items))
        children = [Child(index, given, size) for index, (given, size) in enumerate(inputs)]
        _run_all(env, component, asked, children)
        _judge(env, component, asked, children)
    except FailureEventException as failed:
        error, cause = failed.extract_error_cause_pair() or ("", "")
        _tell(env, "MapRunFailed", mapRunFailedEventDetails={"error": error or "", "cause": cause or ""})
        record.set_stop(status=MapRunStatus.FAILED)
        raise
    _tell(env, "MapRunSucceeded")
    record.set_stop(status=MapRunStatus.SUCCEEDED)


def _selected(env: Any, asked: Any, items: Sequence[Json]) -> list[Json]:
    """Each item as ItemSelector, which sees the state's input, makes it."""
    selector = asked.item_selector or asked.parameters
    if selector is None:
        return list(items)
    found = []
    for index, item in enumerate(items):
        frame = env.open_inner_frame()
        frame.states.context_object.context_object_data["Map"] = {"Item": {"Index": index, "Value": item}}
        frame.states.reset(input_value=env.states.get_input())
        frame.stack = [env.states.get_input()]
        selector.eval(frame)
        found.append(frame.stack.pop())
        env.delete_frame(frame)
    return found


def _run_all(env: Any, component: Any, asked: Any, children: Sequence[Child]) -> None:
    waiting, lock = list(reversed(children)), threading.Lock()
    exceeded = _limit(component.declared, asked, sum(child.items for child in children))

    def work() -> None:
        while env.is_running():
            with lock:
                if not waiting or exceeded(children):
                    return
                child = waiting.pop()
            _run(env, component, asked, child)

    most = min(asked.map_run_record.max_concurrency or _AT_ONCE, _AT_ONCE, len(children))
    threads = [threading.Thread(target=work, name=f"{asked.state_name} {n}", daemon=True) for n in range(most)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _run(env: Any, component: Any, asked: Any, child: Child) -> None:
    frame = env.open_inner_frame()
    frame.event_manager = EventManager()
    context, record = frame.states.context_object.context_object_data, asked.map_run_record
    child.name, child.machine, child.started = str(uuid4()), record.map_state_machine_arn, datetime.now(UTC)
    child.arn = f"{child.machine.replace(':stateMachine:', ':execution:', 1)}:{child.name}"
    context["Execution"] = context["Execution"] | {"Id": child.arn, "Name": child.name, "Input": child.given}
    context["StateMachine"] = {"Id": child.machine, "Name": child.machine.rsplit(":", 1)[1]}
    context["Map"] = {"Item": {"Index": child.index, "Value": child.given}}
    frame.states.reset(input_value=child.given)
    component._get_iteration_program().eval(frame)
    state = frame.program_state()
    child.stopped = datetime.now(UTC)
    if isinstance(state, ProgramEnded) and env.is_running():
        child.output, child.status = frame.states.get_input(), "SUCCEEDED"
    elif isinstance(state, ProgramError):
        told = state.error or {}
        child.error, child.cause, child.status = told.get("error") or "", told.get("cause") or "", "FAILED"
    else:
        child.status = "ABORTED"
    env.delete_frame(frame)


def _judge(env: Any, component: Any, asked: Any, children: Sequence[Child]) -> None:
    """Leave the outputs on the stack, or fail where more failed than is tolerated."""
    outputs = Children(child.output for child in children if child.status == "SUCCEEDED")
    outputs.all = children
    env.stack.append(outputs)
    if not env.is_running() or not _limit(component.declared, asked, sum(c.items for c in children))(children):
        return
    if component.writer is not None:
        component.writer.eval(env)
    text = "The specified tolerated failure threshold was exceeded"
    raise failure(env, "States.ExceedToleratedFailureThreshold", text, "mapRunFailedEventDetails")


def _limit(declared: Json, asked: Any, total: int) -> Callable[[Sequence[Child]], bool]:
    """Whether more items failed than a map tolerates; without a declaration it tolerates none.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold
    """
    by_count = any(key.startswith("ToleratedFailureCount") for key in declared)
    by_share = any(key.startswith("ToleratedFailurePercentage") for key in declared)

    def exceeded(children: Sequence[Child]) -> bool:
        failed = sum(child.items for child in children if child.status == "FAILED")
        if by_count and failed > asked.tolerated_failure_count:
            return True
        if by_share and failed * 100 > asked.tolerated_failure_percentage * max(total, 1):
            return True
        return not by_count and not by_share and failed > 0

    return exceeded


def _tell(env: Any, kind: str, **details: Json) -> None:
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=getattr(HistoryEventType, kind),
        event_details=EventDetails(**details) if details else None,
    )
