"""Maps: items are read, batched, run and written as Step Functions does it, and failures are tolerated as declared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_ml.rehearsal.calls import Call
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.states import States
from tests.rehearsal.machines import create, deny, machine, output, run

CSV = "city,people\nBern,3\nBasel\n"
FAIL_BERN = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.city", "StringEquals": "Bern", "Next": "No"}],
            "Default": "Yes",
        },
        "No": {"Type": "Fail", "Error": "Bern", "Cause": "not this one"},
        "Yes": {"Type": "Pass", "End": True},
    },
}
SHOW = {
    "StartAt": "Show",
    "States": {"Show": {"Type": "Pass", "Parameters": {"got.$": "$", "by.$": "$$.Execution.Name"}, "End": True}},
}


@pytest.fixture
def states(account: EmbeddedAccount) -> EmbeddedAccount:
    States(account)
    return account


def distributed(inside: Any, **more: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inside}
    return machine(("Map", {"Type": "Map", "ItemProcessor": processor, "Label": "Map", "End": True, **more}))


def reader(action: str = "getObject", **config: Any) -> dict[str, Any]:
    place = {"Key": "items"} if action == "getObject" else {"Prefix": "items"}
    found: dict[str, Any] = {"Resource": f"arn:aws:states:::s3:{action}", "Parameters": {"Bucket": "given", **place}}
    return found | ({"ReaderConfig": config} if config else {})


def put(account: EmbeddedAccount, **objects: str) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="given", CreateBucketConfiguration={"LocationConstraint": account.region})
    for key, text in objects.items():
        s3.put_object(Bucket="given", Key=key, Body=text.encode())


@pytest.mark.parametrize(
    ("text", "config"),
    [
        (CSV, {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}),
        ("Bern;3\nBasel;\n", {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["city", "people"]}),
        ('[{"city": "Bern", "people": "3"}, {"city": "Basel", "people": ""}]', {"InputType": "JSON"}),
        ('{"city": "Bern", "people": "3"}\n{"city": "Basel", "people": ""}\n', {"InputType": "JSONL"}),
    ],
)
def test_items_are_read_from_a_file(states: EmbeddedAccount, text: str, config: dict[str, Any]) -> None:
    if ";" in text:
        config = config | {"CSVDelimiter": "SEMICOLON"}
    calls: list[Call] = []
    states.gate.before.append(calls.append)
    with states.running():
        put(states, items=text)
        found = output(run(states, distributed(SHOW, ItemReader=reader(**config))))
    assert [item["got"] for item in found] == [{"city": "Bern", "people": "3"}, {"city": "Basel", "people": ""}]
    assert len({item["by"] for item in found}) == 2
    assert [call.principal.session for call in calls if call.operation == "GetObject"] == ["one"]


def test_objects_are_listed_page_by_page(states: EmbeddedAccount) -> None:
    with states.running():
        put(states, items1="a", items2="b", other="c")
        asked = reader("listObjectsV2")
        asked["Parameters"]["MaxKeys"] = 1
        found = output(run(states, distributed(SHOW, ItemReader=asked)))
    assert [item["got"]["Key"] for item in found] == ["items1", "items2"]
    assert isinstance(found[0]["got"]["LastModified"], int)


def test_a_reader_without_permission_fails_the_state(states: EmbeddedAccount) -> None:
    deny(states, "s3:GetObject", "AccessDenied")
    with states.running():
        put(states, items="[]")
        found = run(states, distributed(SHOW, ItemReader=reader(InputType="JSON")))
    assert (found["status"], found["error"]) == ("FAILED", "States.ItemReaderFailed")
    assert "may not do s3:GetObject" in found["cause"]


def test_items_go_to_children_in_batches_with_a_selector(states: EmbeddedAccount) -> None:
    more = {
        "ItemSelector": {"n.$": "$$.Map.Item.Value", "all.$": "$.all"},
        "ItemsPath": "$.items",
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"all.$": "$.all"}},
    }
    with states.running():
        found = output(run(states, distributed(SHOW, **more), {"items": [1, 2, 3], "all": "x"}))
    assert [item["got"]["BatchInput"] for item in found] == [{"all": "x"}] * 2
    assert [[one["n"] for one in item["got"]["Items"]] for item in found] == [[1, 2], [3]]


def test_one_failed_item_fails_the_map_unless_it_is_tolerated(states: EmbeddedAccount) -> None:
    items = [{"city": city} for city in ("Bern", "Basel", "Biel")]
    with states.running():
        found = run(states, distributed(FAIL_BERN, ItemsPath="$.items"), {"items": items}, "strict")
        assert (found["status"], found["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        some = distributed(FAIL_BERN, ItemsPath="$.items", ToleratedFailurePercentage=34)
        assert output(run(states, some, {"items": items}, "share")) == items[1:]
        none = distributed(FAIL_BERN, ItemsPath="$.items", ToleratedFailurePercentage=33)
        assert run(states, none, {"items": items}, "small-share")["status"] == "FAILED"
        one = distributed(FAIL_BERN, ItemsPath="$.items", ToleratedFailureCount=1)
        assert output(run(states, one, {"items": items}, "count")) == items[1:]


def test_results_are_written_by_status(states: EmbeddedAccount) -> None:
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "given", "Prefix": "results"},
    }
    items = [{"city": "Bern"}, {"city": "Basel"}]
    definition = distributed(FAIL_BERN, ItemsPath="$.items", ToleratedFailureCount=1, ResultWriter=writer)

    def read(key: str) -> Any:
        return json.loads(states.client("s3").get_object(Bucket="given", Key=key)["Body"].read())

    with states.running():
        put(states)
        found = output(run(states, definition, {"items": items}))
        manifest = read(found["ResultWriterDetails"]["Key"])
        files = {status: [read(file["Key"]) for file in found] for status, found in manifest["ResultFiles"].items()}
    assert manifest["MapRunArn"] == found["MapRunArn"]
    assert [child["Input"] for file in files["SUCCEEDED"] for child in file] == ['{"city":"Basel"}']
    assert [(child["Error"], child["Cause"]) for file in files["FAILED"] for child in file] == [
        ("Bern", "not this one")
    ]
    assert files["PENDING"] == []


@pytest.mark.parametrize("more", [{"ItemReader": reader(InputType="MANIFEST")}, {"ResultWriter": {"WriterConfig": {}}}])
def test_what_is_not_there_is_refused_by_name(states: EmbeddedAccount, more: dict[str, Any]) -> None:
    with states.running(), pytest.raises(ClientError, match="the embedded account"):
        create(states, distributed(SHOW, **more))


def test_two_items_of_an_inline_map_fail_at_once_and_the_first_is_caught(states: EmbeddedAccount) -> None:
    inside = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "No", "Cause": "never"}}}
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Told"}]
    every = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inside, "Catch": caught, "End": True}
    definition = machine(("Map", every), ("Told", {"Type": "Pass", "End": True}))
    with states.running():
        for n in range(5):
            found = output(run(states, definition, {"items": [1, 2, 3]}, f"run-{n}"))
            assert found["error"] == {"Error": "No", "Cause": "never"}
