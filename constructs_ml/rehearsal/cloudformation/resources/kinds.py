"""Which kind makes a type, and which types nothing here makes."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.facts import updates
from constructs_ml.rehearsal.calls import Json, ServiceError
from constructs_ml.rehearsal.cloudformation.custom import CUSTOM, is_custom
from constructs_ml.rehearsal.cloudformation.nested import NESTED
from constructs_ml.rehearsal.cloudformation.resources.row import Row
from constructs_ml.rehearsal.cloudformation.resources.table import TABLE
from constructs_ml.rehearsal.cloudformation.resources.work import Kind


def kind_of(type: str) -> Kind | None:
    """What makes resources of a type; None for a type that the rehearsal does not make."""
    if is_custom(type):
        return CUSTOM
    return NESTED if type == "AWS::CloudFormation::Stack" else TABLE.get(type)


def check_types(types: Mapping[str, str]) -> None:
    """Refuse, all at once, the types (by logical id) that the rehearsal does not make."""
    missing = [f"{type} ({name})" for name, type in sorted(types.items()) if kind_of(type) is None]
    if missing:
        text = "Unsupported resource type in the rehearsal: " + ", ".join(missing)
        raise ServiceError("ValidationError", f"{text}. Leave it out of this stage, or add a row for it.")


def replaced_by(type: str, changed: list[str]) -> list[str]:
    """Those of the changed paths whose change replaces the resource."""
    if updates.known(type):
        return [path for path in changed if updates.replaces(type, path)]
    kind = kind_of(type)
    wanted = kind.replace if kind else ()
    return [path for path in changed if "*" in wanted or any(_meets(path, item) for item in wanted)]


def custom_name(type: str, properties: Mapping[str, Json]) -> str:
    """The name that the template gives a resource, if it gives one."""
    if updates.known(type):
        property = updates.name_property(type)
    else:
        kind = kind_of(type)
        property = kind.name if isinstance(kind, Row) else None
    return str(properties.get(property) or "") if property else ""


def _meets(path: str, item: str) -> bool:
    return path == item or path.startswith(f"{item}.") or item.startswith(f"{path}.")
