"""The library's own functions: found beside the package, packed with the contract they share with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from constructs_ml import contract
from constructs_ml.compiler.code import digest
from constructs_ml.compiler.template import Asset

RUNTIME = "python3.14"
_PACKAGE = Path(__file__).parent.parent


def function_asset(name: str) -> Asset:
    """The archive of one function: its folder, and `constructs_ml/contract` beside it."""
    shipped, checkout = _PACKAGE / "_lambdas" / name, _PACKAGE.parent / "lambdas" / name
    source = shipped if shipped.is_dir() else checkout
    shared = Path(contract.__file__).parent
    total = hashlib.sha256(f"{digest(source)}{digest(shared)}".encode()).hexdigest()
    return Asset(str(source), total, "zip", extra=(("constructs_ml/contract", str(shared)),))
