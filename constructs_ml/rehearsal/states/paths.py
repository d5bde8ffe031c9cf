"""JSONPath as Step Functions reads it: a path that can mean one place only gives what stands there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from constructs_ml.rehearsal.embedded import EmbeddedAccount

_MODULES = (
    "moto.stepfunctions.parser.asl.component.common.string.string_expression",
    "moto.stepfunctions.parser.asl.component.intrinsic.argument.argument",
    "moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.boolean_equals",
    "moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.numeric",
    "moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.string_operators",
    "moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.timestamp_operators",
    "moto.stepfunctions.parser.asl.eval.states",
)
# Names in brackets may have any character: they are taken out before a wildcard, a slice or a filter is looked for.
_QUOTED = re.compile(r"\['(?:[^'\\]|\\.)*'\]|\[\"(?:[^\"\\]|\\.)*\"\]")
_MANY = re.compile(r"\*|\.\.|\?|\[[^\]]*[:,]")
_find_many = json_path.extract_json


def hook_paths(account: EmbeddedAccount) -> None:
    """Let definite paths give single values: `$.list[0].x` is x in an account, and was `[x]`."""
    why = "a definite path through an array gives the value, not a list with the value"
    for module in _MODULES:
        account.hook(module, "extract_json", extract, why)


def extract(path: str, data: Any) -> Any:
    """What a path finds."""
    if _MANY.search(_QUOTED.sub("", path)):
        return _find_many(path, data)
    found = _parsed(path).find(data)
    if not found:
        raise NoSuchJsonPathError(json_path=path, data=data)
    return found[0].value


@lru_cache(maxsize=4096)
def _parsed(path: str) -> Any:
    return parse(path)
