"""Is there data to learn from? A run without any fails at once and cheaply."""

from urllib.parse import urlparse


def handle(event, context):
    import boto3

    bucket, prefix = decide(event)
    return apply(boto3.client("s3"), bucket, prefix)


def decide(event):
    """The bucket and prefix of the run's `data`, an s3:// URI."""
    place = urlparse(event["data"])
    if place.scheme != "s3" or not place.netloc:
        raise ValueError(f"data is {event['data']!r}; an s3:// URI is needed")
    return place.netloc, place.path.lstrip("/")


def apply(client, bucket, prefix):
    """Count what is there; nothing is an error."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    sizes = [item["Size"] for page in pages for item in page.get("Contents", [])]
    if not any(sizes):
        raise LookupError(f"no data at s3://{bucket}/{prefix}")
    return {"objects": len(sizes), "bytes": sum(sizes)}
