"""What calls of S3, DynamoDB and Athena need: buckets, keys, tables and their indexes, a query and its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.needs import Need
from constructs_ml.compiler.proofs.task import Task
from constructs_ml.compiler.proofs.texts import ANYTHING, Text
from constructs_ml.compiler.proofs.values import Known, members, text_of

_S3_ACTIONS = {
    "headObject": "s3:GetObject",
    "headBucket": "s3:ListBucket",
    "listObjects": "s3:ListBucket",
    "listObjectsV2": "s3:ListBucket",
    "copyObject": "s3:PutObject",
    "createMultipartUpload": "s3:PutObject",
    "deleteObjects": "s3:DeleteObject",
}
_ON_OBJECTS = frozenset({"copyObject", "createMultipartUpload", "deleteObject", "getObject", "headObject", "putObject"})
_ON_BUCKETS = frozenset({"headBucket", "listObjects", "listObjectsV2"})
_ON_INDEXES = frozenset({"query", "scan"})
_IN_TRANSACTIONS = {"Get": "GetItem", "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


def s3_calls(task: Task) -> Iterator[Call]:
    """A call of S3 on a bucket or an object."""
    action = task.call.action
    bucket, key = task.member("Bucket"), task.member("Key")
    arn = None
    if bucket is not None and action in _ON_BUCKETS:
        arn = task.bucket(bucket)
    elif bucket is not None and key is not None and action in _ON_OBJECTS:
        arn = task.bucket(bucket, "/", key)
    yield task.on(_S3_ACTIONS.get(action, f"s3:{action[:1].upper()}{action[1:]}"), arn)
    if action == "copyObject":
        yield task.on("s3:GetObject", _copied(task))


def dynamodb_calls(task: Task) -> Iterator[Call]:
    """A call of DynamoDB on its table, on an index of it, or on the tables that a batch names.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html; a transaction needs the actions of its items:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    action = task.call.action
    capital = f"dynamodb:{action[:1].upper()}{action[1:]}"
    if action in ("transactGetItems", "transactWriteItems"):
        yield from _transaction(task)
    elif action in ("batchGetItem", "batchWriteItem"):
        tables = task.given.get("RequestItems")
        if not isinstance(tables, Mapping):
            yield task.on(capital)
            return
        for name, _ in members(tables, task.texts):
            yield Call(capital, task.spellings(task.texts.read(name), "dynamodb", "table/"), task.place)
    elif (table := task.member("TableName")) is not None:
        index = task.member("IndexName") if action in _ON_INDEXES else None
        arns = task.spellings(table, "dynamodb", "table/")
        yield task.on(capital, *(Text.of(arn, "/index/", index) if index is not None else arn for arn in arns))
    else:
        yield task.on(capital)


def query_calls(task: Task) -> Iterator[Call]:
    """A query of Athena, its catalog, and the place of its results.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html. Athena reads tables and objects with the
    caller's own permissions; which ones, only the query tells (see the allowance `QUERIES`).
    """
    group = "workgroup/{WorkGroup=primary}"
    yield from task.need(Need(("athena:StartQueryExecution",), group))
    yield from task.need(
        Need(("athena:GetDataCatalog",), "datacatalog/{QueryExecutionContext.Catalog=AwsDataCatalog}"), waiting=True
    )
    if task.call.waits:
        yield from task.need(Need(("athena:GetQueryExecution", "athena:StopQueryExecution"), group), waiting=True)
    results = _place(task.member("ResultConfiguration.OutputLocation"))
    if results is not None:
        bucket, key = results
        yield task.on("s3:GetBucketLocation", task.bucket(bucket))
        yield task.on("s3:PutObject", task.bucket(bucket, "/", key, ANYTHING))


def _copied(task: Task) -> Text | None:
    """The object that is copied, from `bucket/key`; a version of it stands behind a question mark."""
    source = task.member("CopySource")
    if source is None or "/" not in str(source).strip("/"):
        return None
    parts = [part.split("?versionId=")[0] if isinstance(part, str) else part for part in source.parts]
    if isinstance(parts[0], str):
        parts[0] = parts[0].removeprefix("/")
    bucket, key = _split(Text.of(*parts))
    return task.bucket(bucket, "/", key)


def _place(location: Text | None) -> tuple[Text, Text] | None:
    """Bucket and key of an S3 URI, as far as they are known."""
    first = location.parts[0] if location is not None and location.parts else None
    if location is None or not isinstance(first, str) or not first.startswith("s3://"):
        return None
    return _split(Text.of(first.removeprefix("s3://"), *location.parts[1:]))


def _split(text: Text) -> tuple[Text, Text]:
    """What stands before and after the first slash."""
    for index, part in enumerate(text.parts):
        if isinstance(part, str) and "/" in part:
            name, _, key = part.partition("/")
            return Text.of(*text.parts[:index], name), Text.of(key, *text.parts[index + 1 :])
    return text, Text()


def _transaction(task: Task) -> Iterator[Call]:
    """The actions of the items of a transaction, each on its table."""
    items = task.given.get("TransactItems")
    for item in items if isinstance(items, (list, tuple)) else ():
        for kind, body in item.items() if isinstance(item, Mapping) else ():
            given: dict[str, Known] = dict(members(body, task.texts)) if isinstance(body, Mapping) else {}
            arns = task.spellings(text_of(given.get("TableName")), "dynamodb", "table/")
            yield Call(f"dynamodb:{_IN_TRANSACTIONS.get(kind, f'{kind}Item')}", arns, task.place)
