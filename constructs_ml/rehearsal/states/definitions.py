"""Definitions on their way into moto's grammar: what it lacks is taken out, and given back to the states after."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from constructs_ml.rehearsal.states.intrinsics import invocation_of

Json = Any
_read = AmazonStateLanguageParser.parse
_READ = ("CSV", "JSON", "JSONL")
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector")


class Definitions:
    """Reads each definition once; every run gets a program of its own."""

    def __init__(self) -> None:
        self._trees: dict[str, Any] = {}

    def parse(self, definition: str) -> tuple[Any, Any]:
        """What moto's own reader gives: the program, and the tree of the text."""
        tree = self._trees.get(definition)
        raw = json.loads(definition)
        if tree is None:
            tree = self._trees[definition] = _read(json.dumps(_for_moto(raw), ensure_ascii=False))[1]
        program = Preprocessor().visit(tree)
        known = dict(states_of(raw))
        for state in _maps(program):
            state.iteration_component.declared = known[state.name]
            state.iteration_component.writer = state.result_writer
            if state.item_reader is not None:
                state.item_reader.declared = known[state.name]["ItemReader"]
        return program, tree


def states_of(definition: Any) -> Iterator[tuple[str, Any]]:
    """Every state of a definition, those of blocks included."""
    states = definition.get("States", {}) if isinstance(definition, Mapping) else {}
    for name, state in states.items() if isinstance(states, Mapping) else ():
        if not isinstance(state, Mapping):
            continue
        yield name, state
        for block in (*(state.get("Branches") or ()), state.get("ItemProcessor"), state.get("Iterator")):
            yield from states_of(block)


def _for_moto(definition: Json) -> Json:
    found = copy.deepcopy(definition)
    if found.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise ASLParserException(["the embedded account reads JSONPath, not JSONata"])
    for name, state in states_of(found):
        _known(name, state)
        for field in _TEMPLATES:
            _expressions(f"{name}.{field}", state.get(field))
        if state.get("Type") != "Map":
            continue
        if "WriterConfig" in state.get("ResultWriter", {}):
            raise ASLParserException([f"{name}: the embedded account does not have ResultWriter's WriterConfig"])
        state.pop("ItemBatcher", None)
        if isinstance(state.get("ToleratedFailurePercentage"), int):
            # moto's grammar takes a percentage with a fraction only.
            state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
        config = state.get("ItemReader", {}).get("ReaderConfig")
        if config is not None:
            _reader(name, config)
    return found


def _known(name: str, state: Json) -> None:
    if state.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise ASLParserException([f"{name}: the embedded account reads JSONPath, not JSONata"])
    if ":activity:" in str(state.get("Resource", "")):
        raise ASLParserException([f"{name}: the embedded account does not have activities"])


def _expressions(where: str, value: Json) -> None:
    """What moto would take for a text where Step Functions wants a path or an invocation."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        if not key.endswith(".$"):
            _expressions(f"{where}.{key}", item)
        elif not isinstance(item, str) or not item.startswith("$"):
            try:
                invocation_of(item if isinstance(item, str) else "")
            except ValueError as error:
                text = f"{where}.{key} must be a valid JSONPath or a valid intrinsic function call: {error}"
                raise ASLParserException([text]) from None
    for item in value if isinstance(value, list) else ():
        _expressions(where, item)


def _reader(name: str, config: Json) -> None:
    kind = config.get("InputType", "JSON")
    if kind not in _READ:
        text = f"{name}: the embedded account reads items of {', '.join(_READ)}, not of {kind}"
        raise ASLParserException([text])
    kept = {key: config[key] for key in ("MaxItems", "MaxItemsPath") if key in config}
    config.clear()
    config.update(InputType="JSON", **kept)


def _maps(program: Any) -> Iterator[StateMap]:
    """The maps of a program whose items are executions of their own."""
    for state in program.states.states.values():
        if isinstance(state, StateParallel):
            for branch in state.branches.programs:
                yield from _maps(branch)
        elif isinstance(state, StateMap):
            if isinstance(state.iteration_component, DistributedIterationComponent):
                yield state
            yield from _maps(state.iteration_component._get_iteration_program())
