"""The data of models in S3: whether it is there, and may be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.objects import split
from constructs_ml.rehearsal.principals import PERSON, Principal


def containers(given: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The containers of a model or an inference specification."""
    if given.get("PrimaryContainer"):
        yield given["PrimaryContainer"]
    yield from given.get("Containers") or ()


def check_data(account: EmbeddedAccount, container: Mapping[str, Json], reader: Principal = PERSON) -> None:
    """Refuse a container whose data is not there, or not for the reader, in CreateModel's words.

    https://github.com/aws/aws-step-functions-data-science-sdk-python/issues/61 ("Could not find model data at ...") and
    https://github.com/philschmid/llm-sagemaker-sample/issues/2 ("Could not access model data at ...").
    """
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = container.get("ModelDataUrl") or source.get("S3Uri") or ""
    if not uri.startswith("s3://"):
        return
    bucket, key = split(uri)
    whole = container.get("Mode") == "MultiModel" or source.get("S3DataType") == "S3Prefix" or key.endswith("/")
    s3 = account.client("s3", reader)
    try:
        if whole:
            there = bool(s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"])
            there = there or container.get("Mode") == "MultiModel"
        else:
            there = bool(s3.head_object(Bucket=bucket, Key=key))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            there = False
        else:
            raise _denied(account, uri, reader) from error
    if not there:
        raise invalid(f"Could not find model data at {uri}.")


def _denied(account: EmbeddedAccount, uri: str, reader: Principal) -> ServiceError:
    text = (
        f'Could not access model data at {uri}. Please ensure that the role "{reader.role}" exists and that its trust '
        'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
        f'Also ensure that the role has "s3:GetObject" permissions and that the object is located in {account.region}.'
    )
    return invalid(text)
