"""Code as archives that are the same, byte for byte, wherever they are made."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from constructs_ml.compiler.code import files
from constructs_ml.compiler.template import Asset

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o755


def archive_of(asset: Asset) -> Path:
    """The asset's archive, made once a process: its content is its name, so stacks share it."""
    folder = Path(_folder().name) / asset.digest
    target = folder / f"code.{asset.packaging}"
    if not target.exists():
        folder.mkdir(exist_ok=True)
        target.write_bytes(_zip(asset) if asset.packaging == "zip" else _tar(asset))
    return target


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="constructs-ml-")


def _tar(asset: Asset) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, path in files(Path(asset.source)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, _MODE
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return gzip.compress(packed.getvalue(), mtime=0)


def _zip(asset: Asset) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in [*files(Path(asset.source)), *_extra(asset)]:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


def _extra(asset: Asset) -> list[tuple[str, Path]]:
    return [(f"{prefix}/{name}", path) for prefix, source in asset.extra for name, path in files(Path(source))]
