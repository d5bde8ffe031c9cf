"""Records of a batch transform: split, put into requests, filtered, joined with their predictions.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"\.(?P<name>[A-Za-z_]\w*)|\[(?P<inner>[^\]]*)\]|(?P<all>\.\*)")
_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")
JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"


class RecordError(Exception):
    """What is wrong with a record, a filter or a prediction."""


def split(content: bytes) -> list[bytes]:
    """The lines, without their ends; the last line may have none."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    return lines[:-1] if lines and not lines[-1] else lines


def batches(records: Sequence[bytes], most: int, single: bool) -> Iterator[list[bytes]]:
    """Requests of one record, or of as many as fit into `most` bytes; 0 is no limit."""
    found: list[bytes] = []
    size = 0
    for record in records:
        if most and len(record) > most:
            raise RecordError("Too much data for max payload size")
        if found and (single or (most and size + len(record) > most)):
            yield found
            found, size = [], 0
        found.append(record)
        size += len(record) + 1
    if found:
        yield found


def select(path: str, value: Any) -> Any:
    """What a JSONPath of the supported subset selects: $, .name, ['a','b'], [0], [0,5:], [1:] and .* alone."""
    if not path.startswith("$"):
        raise RecordError(f"{path!r} is no JSONPath: it begins with $")
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise RecordError(f"{path!r}: {path[at:]!r} is not in the subset of JSONPath that batch transform has")
        value, at = _step(step, value, path), step.end()
    return value


def _step(step: re.Match[str], value: Any, path: str) -> Any:
    try:
        if step["all"]:
            return list(value.values()) if isinstance(value, dict) else list(value)
        if step["name"]:
            return value[step["name"]]
        inner = step["inner"].strip()
        names = [one or other for one, other in _NAME.findall(inner)]
        if names:
            return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}
        if inner in ("", "*"):
            return list(value)
        words = [word.strip() for word in inner.split(",")]
        if len(words) == 1 and ":" not in inner:
            return value[int(inner)]
        return [item for word in words for item in _range(word, value)]
    except (KeyError, IndexError, TypeError, ValueError) as missing:
        raise RecordError(f"{path!r} selects nothing in {json.dumps(value)[:200]}: {missing!r}") from missing


def _range(word: str, value: Any) -> list[Any]:
    if ":" not in word:
        return [value[int(word)]]
    first, last = (int(part) if part else None for part in word.split(":"))
    return list(value[slice(first, last)])


@dataclass(frozen=True, slots=True)
class Processing:
    """The DataProcessing of a transform job, for records of one content type."""

    content_type: str
    input_filter: str = "$"
    output_filter: str = "$"
    join: bool = False

    @property
    def plain(self) -> bool:
        """Whether records and predictions pass as they are."""
        return not self.join and self.input_filter == self.output_filter == "$"

    def sent(self, record: bytes) -> bytes:
        """What of a record reaches the model."""
        if self.input_filter == "$":
            return record
        return self._write(select(self.input_filter, self._read(record)))

    def kept(self, record: bytes, prediction: bytes) -> bytes:
        """What of a record and its prediction is written."""
        if self.output_filter == "$" and not self.join:
            return prediction
        found = self._read(prediction)
        if self.join:
            found = self._joined(self._read(record), found)
        return self._write(select(self.output_filter, found))

    def stamped(self, line: bytes, id: str, time: str) -> bytes:
        """What is written for a record, with its inference id and time behind it: two columns, or two keys.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
        """
        found = self._read(line)
        if isinstance(found, dict):
            return self._write({**found, "SageMakerInferenceId": id, "SageMakerInferenceTime": time})
        return self._write([*(found if isinstance(found, list) else [found]), id, time])

    def _joined(self, record: Any, prediction: Any) -> Any:
        if self.content_type.startswith(CSV):
            return [*record, *prediction]
        if isinstance(record, dict):
            return {**record, "SageMakerOutput": prediction}
        return {"SageMakerInput": record, "SageMakerOutput": prediction}

    def _read(self, text: bytes) -> Any:
        try:
            if self.content_type.startswith(CSV):
                return next(csv.reader(io.StringIO(text.decode())), [])
            return json.loads(text)
        except ValueError as broken:
            raise RecordError(f"{text[:200]!r} is no {self.content_type}: {broken}") from broken

    def _write(self, value: Any) -> bytes:
        if not self.content_type.startswith(CSV):
            return json.dumps(value).encode()
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return line.getvalue().encode()
