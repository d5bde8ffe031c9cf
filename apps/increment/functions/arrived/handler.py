"""Which files are new: those that the approved model has not seen, as a manifest for a training job's channel.

S3 tells the time of an object in whole seconds, so "later than the last one seen" would lose a file of the same second.
Runs take half-open windows instead, since <= time < until, one behind the other: a second is wholly in one of them.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import urlparse

TIME, SUFFIX = "%Y-%m-%dT%H:%M:%SZ", ".csv"


def handle(event, context):
    import boto3

    settle = timedelta(seconds=int(os.environ["SETTLE_SECONDS"]))
    return apply(boto3.client("s3"), event, datetime.now(UTC) - settle)


def apply(client, event, until):
    """List, decide, write the manifest; without anything new there is none."""
    source, manifest = urlparse(event["data"]), urlparse(event["manifest"])
    prefix = source.path.lstrip("/")
    since = start(event["champion"], event["since"])
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=prefix)
    listed = [item for page in pages for item in page.get("Contents", [])]
    names, until = decide(listed, prefix, since, until)
    if names:
        body = json.dumps([{"prefix": f"s3://{source.netloc}/{prefix}"}, *names]).encode()
        client.put_object(Bucket=manifest.netloc, Key=manifest.path.lstrip("/"), Body=body)
    return {"manifest": event["manifest"] if names else "", "until": until.strftime(TIME), "count": len(names)}


def start(champion, since):
    """Where the window begins: at the end of the champion's, or before everything where there is no champion."""
    if not champion:
        return datetime.min.replace(tzinfo=UTC)
    if not since:
        raise ValueError(f"{champion} does not say data_until: what it has seen would be learned twice")
    return datetime.strptime(since, TIME).replace(tzinfo=UTC)


def decide(listed, prefix, since, until):
    """The names below the prefix of what was written in [since, until), in order, and where the next window begins.

    `until` is cut to its second. Nothing may be written with a time before it any more, which is why it lies back.
    """
    until = max(since, until.replace(microsecond=0))
    new = [
        item["Key"].removeprefix(prefix)
        for item in listed
        if since <= item["LastModified"] < until and item["Size"] and item["Key"].endswith(SUFFIX)
    ]
    return sorted(new), until
