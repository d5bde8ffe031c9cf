"""What the commands share: where a model is declared, and how a refusal ends a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from constructs_ml.faults import SpecError, refuse
from constructs_ml.spec.model import ModelSpec

Model = Annotated[str, typer.Argument(help="Where the model is declared, such as apps.churn.model:churn.")]
_T = TypeVar("_T")


def load_model(place: str) -> ModelSpec:
    """The model at "package.module:name". Raises `SpecError` that says what is there instead."""
    module, _, name = place.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = import_module(module)
    except SpecError:
        raise
    except (ModuleNotFoundError, ValueError, TypeError) as error:
        missing = getattr(error, "name", None) or ""
        if missing and not module.startswith(missing):
            raise  # the module is there, and what it imports is not
        raise typer.BadParameter(f"{error}; write package.module:name") from None
    model = getattr(found, name, None)
    if not isinstance(model, ModelSpec):
        known = [key for key, value in vars(found).items() if isinstance(value, ModelSpec)]
        raise refuse("model-import", where=place, got=repr(name), allowed=[f"{module}:{key}" for key in known])
    return model


def refusing(ask: Callable[[], _T]) -> _T:
    """What `ask` answers; a refusal ends the command with its words."""
    try:
        return ask()
    except SpecError as refused:
        Console(stderr=True, soft_wrap=True, emoji=False).print(str(refused), style="red", markup=False)
        raise typer.Exit(2) from None
