"""Objects of S3 as a job, an endpoint or a function reads and writes them with its role."""

from __future__ import annotations

import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.principals import PERSON, Principal


class DataError(Exception):
    """S3 refused, or has nothing there; the text says it in S3's words."""


class Objects:
    """S3 as one principal; every place is a URI. Raises `DataError` for what S3 refuses."""

    def __init__(self, account: EmbeddedAccount, principal: Principal = PERSON) -> None:
        self._client = account.client("s3", principal)

    def keys(self, uri: str) -> Iterator[str]:
        """The URIs of the objects whose keys begin as `uri` does, folder markers left out."""
        bucket, prefix = split(uri)
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                yield from (f"s3://{bucket}/{o['Key']}" for o in page.get("Contents", []) if not o["Key"].endswith("/"))
        except ClientError as refused:
            raise DataError(_words(refused, uri)) from refused

    def read(self, uri: str) -> bytes:
        """An object's content."""
        bucket, key = split(uri)
        try:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as refused:
            raise DataError(_words(refused, uri)) from refused

    def write(self, uri: str, content: bytes, key: str | None = None) -> None:
        """Put an object, encrypted with a KMS key where one is given."""
        bucket, name = split(uri)
        try:
            self._client.put_object(Bucket=bucket, Key=name, Body=content, **encrypted(key))
        except ClientError as refused:
            raise DataError(_words(refused, uri)) from refused

    def fetch(self, uri: str, target: Path) -> None:
        """Download one object into a file."""
        bucket, key = split(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
            with target.open("wb") as file:
                shutil.copyfileobj(body, file)
        except ClientError as refused:
            raise DataError(_words(refused, uri)) from refused

    def download(self, uri: str, folder: Path) -> int:
        """Download everything below a prefix, or the object that it names; how many objects there were."""
        found = list(self.keys(uri))
        for item in found:
            self.fetch(item, below(folder, relative(item, uri)))
        return len(found)

    def upload(self, folder: Path, uri: str, key: str | None = None, *, unless: dict[Path, float] | None = None) -> int:
        """Upload every file of a folder below a prefix; how many.

        `unless` remembers when each file was last changed: those that were not changed since are left out.
        """
        count = 0
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            changed = path.stat().st_mtime
            if unless is not None and unless.get(path) == changed:
                continue
            self.write(f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}", path.read_bytes(), key)
            count += 1
            if unless is not None:
                unless[path] = changed
        return count


def relative(item: str, uri: str) -> str:
    """Where an object lands below a folder: after the prefix, or after the last slash where that cuts a name."""
    if item != uri and item.startswith(uri.rstrip("/") + "/"):
        return item[len(uri.rstrip("/")) + 1 :]
    return item[len(uri.rpartition("/")[0]) + 1 :]


def below(folder: Path, name: str) -> Path:
    """The file of a folder that a key or a manifest names. Raises `DataError` for a name that leads outside of it."""
    target = (folder / name).resolve()
    if folder.resolve() not in target.parents:
        raise DataError(f"the object {name!r} would be written outside of its folder")
    return target


def packed(folder: Path) -> bytes:
    """A folder's content as a tar.gz, as SageMaker packs model.tar.gz and output.tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return buffer.getvalue()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar.gz. Raises `DataError` for a file that is none, or that reaches outside of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as broken:
        raise DataError(f"{archive.name} is no tar.gz that can be unpacked: {broken}") from broken


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI. Raises `DataError` for another one."""
    place = urlparse(uri)
    if place.scheme != "s3" or not place.netloc:
        raise DataError(f"{uri!r} is no S3 URI: s3://bucket/key is needed")
    return place.netloc, uri.removeprefix(f"s3://{place.netloc}").lstrip("/")


def encrypted(key: str | None) -> dict[str, str]:
    """How PutObject encrypts with a KMS key, where one is given."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def _words(refused: ClientError, uri: str) -> str:
    error = refused.response["Error"]
    return f"{error['Code']}: {error['Message']} ({refused.operation_name} of {uri})"
