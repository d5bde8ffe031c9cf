"""The code of steps and functions: found, checked, and named by the digest of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from constructs_ml.compiler.template import Asset, Packaging
from constructs_ml.faults import refuse

_LEFT_OUT = {"__pycache__", ".DS_Store", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"}


def read_code(
    root: Path,
    path: str | PurePath,
    *,
    entry: str | None = None,
    packaging: Packaging = "tar.gz",
    where: str = "code",
) -> tuple[Asset, str]:
    """The asset of a file or folder below `root`, and the name of the file that starts.

    Raises `SpecError` when the code, or the entry in it, is not there.
    """
    source = root / path
    if not source.exists():
        beside = sorted(item.name for item in source.parent.iterdir()) if source.parent.is_dir() else ()
        raise refuse("code-missing", where=where, got=str(path), allowed=beside or "a file or a folder", path=str(path))
    if source.is_file():
        chosen = source.name
    else:
        names = [name for name, _ in files(source)]
        if entry is not None and entry not in names:
            raise refuse("code-entry", where=where, got=entry, allowed=names, path=str(path), entry=entry)
        chosen = entry or ""
    return Asset(str(source), digest(source), packaging), chosen


def files(source: Path) -> Iterator[tuple[str, Path]]:
    """The files that travel, by their names in the archive, in a stable order."""
    if source.is_file():
        yield source.name, source
        return
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and not _LEFT_OUT & set(name.parts) and path.suffix != ".pyc":
            yield name.as_posix(), path


def digest(source: Path) -> str:
    """SHA-256 over the names and contents of all files, in hexadecimal."""
    total = hashlib.sha256()
    for name, path in files(source):
        content = path.read_bytes()
        total.update(f"{len(name)}:{name}{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()
