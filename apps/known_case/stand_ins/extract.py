"""What known_case's Spark job does, with pandas: the orders of one day as Parquet, without what nobody may see."""

import io
import sys
from urllib.parse import urlparse

import boto3
import pandas
from awsglue.utils import getResolvedOptions

given = getResolvedOptions(sys.argv, ["from", "to", "JOB_NAME"])
source, target = urlparse(given["from"]), urlparse(given["to"])
s3 = boto3.client("s3")
prefix = source.path.lstrip("/")
for item in s3.list_objects_v2(Bucket=source.netloc, Prefix=prefix)["Contents"]:
    body = s3.get_object(Bucket=source.netloc, Key=item["Key"])["Body"].read()
    orders = pandas.read_csv(io.BytesIO(body), parse_dates=["day"]).drop(columns=["email", "address"])
    out = io.BytesIO()
    orders.to_parquet(out)
    s3.put_object(Bucket=target.netloc, Key=f"{target.path.lstrip('/')}/part-0.parquet", Body=out.getvalue())
print(f"{given['JOB_NAME']} wrote {given['to']}")
