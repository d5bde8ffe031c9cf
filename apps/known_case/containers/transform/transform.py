"""The container's program: what was ordered becomes numbers to learn from, one file in, one file out."""

import csv
import io
import os
from urllib.parse import urlparse

COLUMNS = ("quantity", "amount", "weekday", "returned")


def main(environment):
    import boto3
    import pyarrow.parquet as parquet

    s3 = boto3.client("s3")
    source, target = urlparse(environment["FROM"]), urlparse(environment["TO"])
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=source.path.lstrip("/") + "/")
    for item in (item for page in pages for item in page.get("Contents", []) if item["Key"].endswith(".parquet")):
        body = s3.get_object(Bucket=source.netloc, Key=item["Key"])["Body"].read()
        text = transform(parquet.read_table(io.BytesIO(body)).to_pylist())
        name = item["Key"].rpartition("/")[2].removesuffix(".parquet")
        s3.put_object(Bucket=target.netloc, Key=f"{target.path.lstrip('/')}/{name}.csv", Body=text)


def transform(orders):
    """Rows of numbers; an order without an amount says nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for order in orders:
        if order["amount"] is not None:
            writer.writerow(
                [int(order["quantity"]), float(order["amount"]), order["day"].weekday(), int(order["returned"])]
            )
    return out.getvalue()


if __name__ == "__main__":
    main(os.environ)
