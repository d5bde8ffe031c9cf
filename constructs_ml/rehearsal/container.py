"""The file system of a container on this machine: `/opt/ml` is a folder of the rehearsal's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

PREFIX = "/opt/ml"
_NAMED = re.compile(r"(?<![\w.-])/opt/ml(?![\w-])")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_TEXTS = (".py", ".sh", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".txt", ".r", ".R")

# In a mount namespace of its own: /opt is built anew, with everything that it holds on this machine, and ml.
_MOUNT = f"""set -e
if [ ! -d {PREFIX} ]; then
  mkdir -p "$1/opt-was"
  mount --rbind /opt "$1/opt-was"
  mount -t tmpfs tmpfs /opt
  for item in "$1"/opt-was/*; do
    [ -e "$item" ] || continue
    if [ -d "$item" ]; then mkdir "/opt/${{item##*/}}"; else : > "/opt/${{item##*/}}"; fi
    mount --rbind "$item" "/opt/${{item##*/}}"
  done
  mkdir {PREFIX}
fi
mount --rbind "$1/opt/ml" {PREFIX}
shift
exec "$@"
"""


class Container:
    """One container's folders below `root`; paths in texts are rewritten to them.

    Code that names /opt/ml itself runs in a mount namespace, where that path is real.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ml = root / "opt" / "ml"
        self._ml.mkdir(parents=True, exist_ok=True)
        self._programs = root / "bin"
        self._programs.mkdir(exist_ok=True)
        for name in ("python", "python3"):  # the image's Python is this one, by whichever name it is called
            program = self._programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            program.chmod(0o755)

    def path(self, inside: str) -> Path:
        """Where a path of the container lies. Raises `ValueError` for one outside of /opt/ml."""
        if not PurePosixPath(inside).is_relative_to(PREFIX) or ".." in PurePosixPath(inside).parts:
            raise ValueError(f"the path {inside} is not below {PREFIX}, all that containers share with the rehearsal")
        return self._ml / PurePosixPath(inside).relative_to(PREFIX)

    def folder(self, inside: str) -> Path:
        """The same, made if it is not there."""
        found = self.path(inside)
        found.mkdir(parents=True, exist_ok=True)
        return found

    def text(self, text: str) -> str:
        """A text with the container's paths as this machine has them."""
        return _NAMED.sub(lambda _: str(self._ml), text)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables with their paths as this machine has them; `python3` is the local Python, pip stays offline."""
        found = {"HOME": str(self.root), "LC_ALL": "C.UTF-8"}
        found |= {name: self.text(value) for name, value in variables.items()}
        found["PATH"] = f"{self._programs}:{found.get('PATH', '')}"
        # What requirements.txt wants must be installed already: nothing leaves the machine.
        found |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
        return {**found, "PIP_ROOT_USER_ACTION": "ignore"}

    def command(self, command: Sequence[str], *code: Path) -> list[str]:
        """What starts a command here: its paths rewritten, or it runs in a namespace where its code names /opt/ml.

        Raises `ValueError` where that is needed and not to be had.
        """
        named = hard_coded(code)
        if named is None:
            return [self.text(word) for word in command]
        if not namespaces():
            raise ValueError(
                f"{named} names {PREFIX} in its text, and this machine has no user namespaces to show it there: "
                f"read the folders from the environment (SM_MODEL_DIR, SM_CHANNEL_TRAIN, PROCESSING_INPUT_...)"
            )
        return ["unshare", "-Urm", "/bin/sh", "-c", _MOUNT, "sh", str(self.root), *command]

    def remove(self) -> None:
        """Delete the folders."""
        shutil.rmtree(self.root, ignore_errors=True)


def isolated(variables: Mapping[str, str], isolation: object) -> dict[str, str]:
    """The account's variables without its keys where a container is isolated from the network.

    https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html: such a container has no
    credentials and cannot call other services.
    """
    return {name: value for name, value in variables.items() if not (isolation and name in _KEYS)}


def hard_coded(code: Sequence[Path]) -> str | None:
    """The first file of the code that names /opt/ml in its text."""
    for folder in code:
        files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        for file in files:
            if file.suffix in _TEXTS and file.is_file() and _NAMED.search(file.read_text(errors="replace")):
                return file.name
    return None


@cache
def namespaces() -> bool:
    """Whether this machine lets a user mount in a namespace of their own (Linux, user namespaces allowed)."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    trial = ["unshare", "-Urm", "/bin/sh", "-c", "mount -t tmpfs tmpfs /opt"]  # the namespace ends with it
    return subprocess.run(trial, capture_output=True, check=False, timeout=20).returncode == 0  # noqa: S603 - fixed
