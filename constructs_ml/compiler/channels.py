"""The channels of a training job: its data, and the code that travels with it."""

from __future__ import annotations

from constructs_ml.compiler import jobs
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Text
from constructs_ml.compiler.jumpstart import access
from constructs_ml.compiler.template import Json
from constructs_ml.contract import container
from constructs_ml.spec.jobs import Channel, FileSystem
from constructs_ml.spec.steps import Train


def channels(context: Context, step: Train) -> list[Json]:
    """The InputDataConfig; code is a channel, so that network isolation works."""
    rendered: list[Json] = [_channel(context, name, channel) for name, channel in step.sources.items()]
    if step.name in context.code:
        source: dict[str, Json] = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
        uri: Text = jobs.code_uri(context, step.name)
        context.expressions.put(source, "S3Uri", uri)
        rendered.append({"ChannelName": container.CODE, "DataSource": {"S3DataSource": source}, "InputMode": "File"})
    return rendered


def _channel(context: Context, name: str, channel: Channel) -> dict[str, Json]:
    entry: dict[str, Json] = {"ChannelName": name, "DataSource": _source(context, channel), "InputMode": channel.mode}
    if channel.content_type:
        entry["ContentType"] = channel.content_type
    if channel.compression != "None":
        entry["CompressionType"] = channel.compression
    if channel.record_wrapper != "None":
        entry["RecordWrapperType"] = channel.record_wrapper
    if channel.shuffle_seed is not None:
        entry["ShuffleConfig"] = {"Seed": channel.shuffle_seed}
    return entry


def _source(context: Context, channel: Channel) -> dict[str, Json]:
    if isinstance(channel.source, FileSystem):
        found = channel.source
        mounted: dict[str, Json] = {
            "FileSystemAccessMode": found.access,
            "FileSystemType": found.kind,
            "DirectoryPath": found.directory,
        }
        context.expressions.put(mounted, "FileSystemId", context.expressions.text(found.id))
        return {"FileSystemDataSource": mounted}
    source: dict[str, Json] = {
        "S3DataType": channel.data_type,
        "S3DataDistributionType": channel.distribution,
    }
    context.expressions.put(source, "S3Uri", context.expressions.text(channel.source))
    if channel.attributes:
        source["AttributeNames"] = list(channel.attributes)
    if channel.groups:
        source["InstanceGroupNames"] = list(channel.groups)
    return {"S3DataSource": source | access(channel.source)}
