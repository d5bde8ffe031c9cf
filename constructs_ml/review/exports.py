"""Exports that other stacks import: CloudFormation neither removes nor changes one that is in use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from constructs_ml.review.references import intrinsics, references, text_of


def refused_exports(
    before: Mapping[str, Any], after: Mapping[str, Any], gone: set[str], others: Collection[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Outputs whose export is in use and would go or change, with the reason.

    `gone` are the logical ids whose physical resources change; `others` the templates that are deployed beside.
    """
    used = {name for template in others for name in _imports(template)}
    old, new = (_exports(template) for template in (before, after))
    for name in sorted(used & set(old)):
        output, value = old[name]
        if name not in new:
            yield output, f"the export {name} is imported by another stack, and would go"
        elif new[name][1] != value or gone & {other for _, other in references({"": value})}:
            yield output, f"the export {name} is imported by another stack, and would change"


def _exports(template: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The output and the value of each export, by the name that importers use."""
    outputs = template.get("Outputs", {})
    return {
        text_of(output["Export"].get("Name")): (name, output.get("Value"))
        for name, output in outputs.items()
        if isinstance(output, Mapping) and isinstance(output.get("Export"), Mapping)
    }


def _imports(template: Mapping[str, Any]) -> Iterator[str]:
    for _, function, body in intrinsics(template.get("Resources", {})):
        if function == "Fn::ImportValue":
            yield text_of(body)
