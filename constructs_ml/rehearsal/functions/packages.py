"""What a function's process imports from: its unpacked archive, its layers, and boto3 as Lambda has it."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path

from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

# Lambda's Python runtimes have boto3 and what it needs: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html.
_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


class Packages:
    """Folders below one folder of the account; each archive is unpacked once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def code(self, function: LambdaFunction) -> Path:
        """The function's own archive, unpacked. Raises `zipfile.BadZipFile` for what is none."""
        return self._unpacked(f"code-{_safe(function.code_sha_256)}", getattr(function, "code_bytes", b""))

    def layers(self, function: LambdaFunction) -> list[Path]:
        """The folders of its layers that Python looks in; the last layer wins, as it overwrites /opt."""
        backend = get_backend(function.account_id, function.region)
        found: list[Path] = []
        for layer in reversed(function.layers):
            version = backend.layers_versions_by_arn(layer["Arn"])
            opt = self._unpacked(f"layer-{_safe(version.code_sha_256)}", version.code_bytes)
            libraries = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
            found += [opt / libraries, opt / "python"]
        return [folder for folder in found if folder.is_dir()]

    def sdk(self) -> Path:
        """boto3 and what it needs, and nothing else of this environment."""
        folder = self._folder / "sdk"
        with self._lock:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                for name in _SDK:
                    spec = find_spec(name)
                    if spec is not None and spec.origin is not None:
                        origin = Path(spec.origin)
                        source = origin.parent if origin.name == "__init__.py" else origin
                        (folder / source.name).symlink_to(source)
        return folder

    def _unpacked(self, name: str, archive: bytes) -> Path:
        folder = self._folder / name
        with self._lock:
            if not folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                beside = Path(tempfile.mkdtemp(dir=self._folder))
                try:
                    with zipfile.ZipFile(io.BytesIO(archive)) as found:
                        found.extractall(beside)
                    beside.chmod(0o755)
                    beside.rename(folder)
                except (EOFError, zlib.error) as broken:
                    raise zipfile.BadZipFile(str(broken)) from broken
                finally:
                    shutil.rmtree(beside, ignore_errors=True)
        return folder


def _safe(digest: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in digest)
