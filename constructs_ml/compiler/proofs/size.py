"""Whether Step Functions will take a definition of this size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from constructs_ml.compiler.policies import size
from constructs_ml.compiler.template import Json
from constructs_ml.facts import limits
from constructs_ml.faults import Fault, fault

_PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]*)\}")
_NOTHING: Mapping[str, Json] = MappingProxyType({})


def check_size(definition_text: str, where: str, *, substitutions: Mapping[str, Json] = _NOTHING) -> tuple[Fault, ...]:
    """A fault if a definition, as it stands in `Fn::Sub`, can become larger than Step Functions takes.

    Counted are the bytes of the text as UTF-8, blanks included, each `${Name}` at its longest: a pseudo parameter as
    its longest value, a literal of `substitutions` as it is, and what only a deployment knows with 128 characters. The
    quota: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    fixed, open_length = len(definition_text.encode()), 0
    lengths: dict[str, int] = {}
    for match in _PLACEHOLDER.finditer(definition_text):
        escaped, name = match.groups()
        if name not in lengths:
            value = substitutions.get(name, {"Ref": name})
            lengths[name] = size(
                {"Fn::Sub": ["${Value}", {"Value": value if isinstance(value, Mapping) else str(value)}]}
            )
        fixed -= len(match[0].encode())
        open_length += len(match[0]) - 1 if escaped else lengths[name]
    if fixed + open_length <= limits.DEFINITION_BYTES:
        return ()
    got = f"{fixed + open_length:,} bytes"
    allowed = (
        f"at most {limits.DEFINITION_BYTES:,} bytes: move a part of the steps into a pipeline of its own and call it "
        "by SubPipeline, or say steps that are alike once, in a ForEach"
    )
    return (fault("definition-size", where=where, got=got, allowed=allowed),)
