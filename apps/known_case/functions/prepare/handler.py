"""Which day is learned from: the newest one that has data."""

import re
from urllib.parse import urlparse

DAY = re.compile(r"\d{4}-\d\d-\d\d")


def handle(event, context):
    import boto3

    place = urlparse(event["data"])
    pages = (
        boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=place.path.lstrip("/"))
    )
    return decide([item["Key"] for page in pages for item in page.get("Contents", [])], place.path.lstrip("/"))


def decide(keys, prefix):
    """The newest day among keys such as raw/2026-11-21/orders.csv; none is an error."""
    parts = (key.removeprefix(prefix).split("/")[0] for key in keys)
    days = sorted(part for part in parts if DAY.fullmatch(part))
    if not days:
        raise LookupError(f"no day of data below {prefix}")
    return {"day": days[-1]}
