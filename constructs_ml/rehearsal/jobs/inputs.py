"""What a job reads from S3 before it starts: prefixes, objects, and the objects that a manifest names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.calls import ServiceError, invalid
from constructs_ml.rehearsal.objects import DataError, Objects, below, split


def refuse(what: str, instead: str) -> ServiceError:
    """What the rehearsal does not do, as the answer of the call that asks for it."""
    return invalid(f"not rehearsed: {what}; {instead}")


def check_source(where: str, source: Mapping[str, Any], mode: str, compression: str) -> None:
    """Refuse by name what is not rehearsed of a channel or an input: `source` has S3Uri and S3DataType."""
    if mode == "Pipe":
        raise refuse(f"Pipe mode ({where})", "use File or FastFile")
    if source.get("S3DataType", "S3Prefix") not in ("S3Prefix", "ManifestFile"):
        raise refuse(f"{source['S3DataType']} ({where})", "use S3Prefix or ManifestFile")
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html: "CompressionType is used only in
    # Pipe input mode."
    if compression != "None":
        raise refuse(f"compression {compression} ({where})", "AWS unpacks data in Pipe mode alone: leave it out")


def check_there(objects: Objects, uri: str, role: str) -> None:
    """Refuse a training input that has no objects, in the words that SageMaker has for it.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html validates the inputs with
    the job's role when the job is created.
    """
    why = ""
    try:
        if next(objects.keys(uri), None) is not None:
            return
    except DataError as refused:
        why = f" Error message from S3: {refused}"
    raise invalid(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists '
        f'in the selected region, that objects exist under that S3 prefix, and that the role "{role}" has '
        f'"s3:ListBucket" permissions on bucket "{split(uri)[0]}".{why}'
    )


def download(objects: Objects, source: Mapping[str, Any], folder: Path) -> None:
    """Bring a source's objects into a folder. Raises `DataError`, also where there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    if source.get("S3DataType") == "ManifestFile":
        _by_manifest(objects, source["S3Uri"], folder)
    elif not objects.download(source["S3Uri"], folder):
        raise DataError(f'NoSuchKey: No S3 objects found under S3 URL "{source["S3Uri"]}"')


def uris(objects: Objects, source: Mapping[str, Any]) -> list[str]:
    """The objects of a source, by their URIs."""
    if source.get("S3DataType") != "ManifestFile":
        return list(objects.keys(source["S3Uri"]))
    prefix, names = _manifest(objects, source["S3Uri"])
    return [prefix + name for name in names]


def _by_manifest(objects: Objects, uri: str, folder: Path) -> None:
    prefix, names = _manifest(objects, uri)
    for name in names:
        objects.fetch(prefix + name, below(folder, name.lstrip("/")))


def _manifest(objects: Objects, uri: str) -> tuple[str, list[str]]:
    """The common prefix, and what follows it in each object's URI.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html: [{"prefix": "s3://..."}, "a", ...]
    """
    try:
        first, *names = json.loads(objects.read(uri))
        return first["prefix"], [str(name) for name in names]
    except (ValueError, KeyError, TypeError) as broken:
        raise DataError(f'{uri} is no manifest: a list of {{"prefix": "s3://..."}} and names is needed') from broken
