"""The channels that a ModelTrainer of the SDK names."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial
from typing import Any, get_args

from constructs_ml.spec.jobs import Channel, DataType, FileSystem, InputMode
from constructs_ml.spec.sdk.attributes import attributes_of, expression_of
from constructs_ml.spec.sdk.reading import Part
from constructs_ml.spec.values import Location


def channels_of(given: Part, mode: InputMode, instead: Container[str]) -> dict[str, Channel]:
    """The channels, but for those that the caller gives instead; `mode` is that of channels that say none."""
    channels = {}
    for part, item in given.parts("input_data_config"):
        name = part.take("channel_name")
        if name not in instead:
            channels[name] = _channel(part, attributes_of(item), mode)
    return {name: channel for name, channel in channels.items() if channel is not None}


def _channel(part: Part, said: Mapping[str, Any], mode: InputMode) -> Channel | None:
    """One channel, whether it is an InputData or a Channel of the SDK."""
    own = part.take("input_mode")
    details: dict[str, Any] = {}
    for attribute, field in (
        ("content_type", "content_type"),
        ("compression_type", "compression"),
        ("record_wrapper_type", "record_wrapper"),
    ):
        if value := part.take(attribute):
            details[field] = value
    shuffle = part.part("shuffle_config")
    if (seed := shuffle.take("seed")) is not None:
        details["shuffle_seed"] = seed
    shuffle.close()
    source = said.get("data_source")
    location: Location | FileSystem | None
    if isinstance(source, str) or expression_of(source) is not None:
        part.leave("data_source")
        location = part.location(source, part.name("data_source"))
    else:
        location = _source(part.part("data_source"), details)
    part.close()
    if location is None:
        return None
    details["mode"] = own or ("File" if isinstance(location, FileSystem) else mode)
    return part.reader.caught(partial(Channel, source=location, **details))  # type: ignore[no-any-return]


def _source(part: Part, details: dict[str, Any]) -> Location | FileSystem | None:
    """The S3 place or the file system of a channel; data sets of other services are refused."""
    if "file_system_data_source" in part.said:
        mounted = _file_system(part.part("file_system_data_source"))
        part.close()
        return mounted
    if "file_system_id" in part.said:
        return _file_system(part)
    inner = part.part("s3_data_source") if "s3_data_source" in part.said else part
    location = inner.location(inner.said.pop("s3_uri", None), inner.name("s3_uri"))
    kind, known = inner.take("s3_data_type"), get_args(DataType)
    if kind in known:
        details["data_type"] = kind
    elif kind is not None:
        inner.reader.refuse(inner.name("s3_data_type"), kind, ", ".join(known))
    if distribution := inner.take("s3_data_distribution_type"):
        details["distribution"] = distribution
    for attribute, field in (("attribute_names", "attributes"), ("instance_group_names", "groups")):
        if attribute in inner.said:
            details[field] = tuple(inner.as_request(attribute))
    inner.close()
    part.close()
    return location


def _file_system(part: Part) -> FileSystem | None:
    """A file system; its id may be an input of the pipeline."""
    id = part.convert(part.said.pop("file_system_id"), part.name("file_system_id"))
    directory, kind = part.take("directory_path"), part.take("file_system_type")
    access = part.take("file_system_access_mode")
    part.close()
    if None in (id, directory, kind, access):
        return None
    build = partial(FileSystem, id=id, directory=directory, kind=kind, access=access)
    return part.reader.caught(build)  # type: ignore[no-any-return]
