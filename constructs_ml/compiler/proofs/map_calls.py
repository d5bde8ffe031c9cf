"""What a distributed Map does by itself: it starts and watches its own children, and writes their results.

https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.machine import all_states
from constructs_ml.compiler.proofs.run_calls import runs_of
from constructs_ml.compiler.proofs.texts import ANYTHING, Substitutions, Text
from constructs_ml.compiler.proofs.values import members, text_of
from constructs_ml.compiler.template import Json

_WRITES = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")


def map_calls(definition: Mapping[str, Json], texts: Substitutions, machine: Sequence[Text]) -> Iterator[Call]:
    """The calls of every distributed Map. `machine` are the spellings of the ARN of the state machine itself.

    Editions of the page differ in `StopExecution`, and only a run that is redriven needs `RedriveExecution`.
    """
    for place, state in all_states(definition):
        processor = state.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, Mapping) else None
        if not isinstance(config, Mapping) or config.get("Mode") != "DISTRIBUTED":
            continue
        children = _children(machine, state.get("Label"))
        yield Call("states:StartExecution", tuple(machine), place)
        yield Call("states:DescribeExecution", children, place)
        yield Call("states:RedriveExecution", children, place, optional=True)
        yield Call("states:StopExecution", children, place, optional=True)
        yield from _reading(state.get("ItemReader"), texts, place)
        yield from _writing(state.get("ResultWriter"), texts, place)


def _children(machine: Sequence[Text], label: Json) -> tuple[Text, ...]:
    """Executions of the machine, as the page spells them, and as a child's ARN begins: `<machine>/<label>:`."""
    found: list[Text] = []
    for runs in (runs_of(item) for item in machine):
        if runs is not None:
            found += [
                Text.of(runs, ":", ANYTHING),
                Text.of(runs, "/", ANYTHING),
                Text.of(runs, "/", ANYTHING, ":", ANYTHING),
            ]
            if isinstance(label, str):
                found.append(Text.of(runs, f"/{label}:", ANYTHING))
    return tuple(found)


def _reading(reader: Json, texts: Substitutions, place: str) -> Iterator[Call]:
    """Objects that are listed are read only where their content becomes the items."""
    config = reader.get("ReaderConfig") if isinstance(reader, Mapping) else None
    if not isinstance(config, Mapping) or config.get("Transformation") != "LOAD_AND_FLATTEN":
        return
    yield from _objects(reader, texts, place, ("s3:GetObject",), "")


def _writing(writer: Json, texts: Substitutions, place: str) -> Iterator[Call]:
    yield from _objects(writer, texts, place, _WRITES, "/")


def _objects(given: Json, texts: Substitutions, place: str, actions: Sequence[str], end: str) -> Iterator[Call]:
    """Calls on everything below a prefix."""
    parameters = given.get("Parameters") if isinstance(given, Mapping) else None
    if isinstance(parameters, Mapping):
        named = dict(members(parameters, texts))
        bucket, prefix = (text_of(named.get(name, Text())) for name in ("Bucket", "Prefix"))
        arn = Text.of(texts.read("arn:${AWS::Partition}:s3:::"), bucket, "/", prefix, end, ANYTHING)
        for action in actions:
            yield Call(action, (arn,), place)
