"""Event patterns, by the examples of AWS's page on their operators.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml.rehearsal.events.patterns import InvalidPatternError, check, matches

GOOD: list[tuple[Any, Any]] = [
    ({"time": [{"prefix": "2017-10-02"}]}, {"time": "2017-10-02T18:43:48Z"}),
    ({"service": [{"prefix": {"equals-ignore-case": "EventB"}}]}, {"service": "eventBridge"}),
    ({"FileName": [{"suffix": ".png"}]}, {"FileName": "a/b.png"}),
    ({"FileName": [{"suffix": {"equals-ignore-case": ".png"}}]}, {"FileName": "b.PNG"}),
    ({"Name": [{"equals-ignore-case": "alice"}]}, {"Name": "Alice"}),
    ({"state": [{"anything-but": "initializing"}]}, {"state": "running"}),
    ({"x-limit": [{"anything-but": 123}]}, {"x-limit": 456}),
    ({"state": [{"anything-but": ["stopped", "overloaded"]}]}, {"state": "running"}),
    ({"x-limit": [{"anything-but": [100, 200, 300]}]}, {"x-limit": 400}),
    ({"state": [{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]}, {"state": "running"}),
    ({"state": [{"anything-but": {"prefix": ["init", "error"]}}]}, {"state": "running"}),
    ({"FileName": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}, {"FileName": "a.png"}),
    ({"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"FilePath": "/usr/bin/x"}),
    ({"price": [{"numeric": [">", 0, "<=", 5]}]}, {"price": 5}),
    ({"count": [{"numeric": ["=", 301.8]}]}, {"count": 301.8}),
    ({"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}, {"sourceIPAddress": "10.0.0.255"}),
    ({"detail": {"state": [{"exists": True}]}}, {"detail": {"state": ""}}),
    ({"detail": {"c-count": [{"exists": False}]}}, {"detail": {"a": 1}}),
    ({"detail": {"c-count": [{"exists": False}]}}, {}),
    ({"UserID": [None]}, {"UserID": None}),
    ({"LastName": [""]}, {"LastName": ""}),
    ({"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}, {"Day": "Monday"}),
    ({"EventBusArn": [{"wildcard": "*bus/myEventBus"}]}, {"EventBusArn": "arn:aws:events:x:1:event-bus/myEventBus"}),
    ({"FileName": [{"wildcard": "dir/*.png"}]}, {"FileName": "dir/a/b.png"}),
    ({"Text": [{"wildcard": r"a\*b*"}]}, {"Text": "a*bc"}),
    ({"resources": ["a", "b"]}, {"resources": ["b", "c"]}),
    ({"list": {"name": ["x"], "size": [1]}}, {"list": [{"name": "y", "size": 1}, {"name": "x", "size": 1}]}),
    ({"a": [True]}, {"a": True}),
]
BAD: list[tuple[Any, Any]] = [
    ({"time": [{"prefix": "2017-10-02"}]}, {"time": "2018-10-02T18:43:48Z"}),
    ({"time": [{"prefix": "2"}]}, {"time": 2}),
    ({"FileName": [{"suffix": ".png"}]}, {"FileName": "b.PNG"}),
    ({"state": [{"anything-but": "initializing"}]}, {"state": "initializing"}),
    ({"state": [{"anything-but": "initializing"}]}, {}),
    ({"state": [{"anything-but": {"prefix": "init"}}]}, {"state": "initializing"}),
    ({"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"FilePath": "/usr/lib/x"}),
    ({"price": [{"numeric": [">", 0, "<=", 5]}]}, {"price": 0}),
    ({"price": [{"numeric": [">", 0]}]}, {"price": "1"}),
    ({"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}, {"sourceIPAddress": "10.0.1.1"}),
    ({"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}, {"sourceIPAddress": "no address"}),
    ({"detail": {"state": [{"exists": True}]}}, {"detail": {}}),
    ({"detail": {"state": [{"exists": False}]}}, {"detail": {"state": 1}}),
    ({"UserID": [None]}, {}),
    ({"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}, {"Day": "Friday"}),
    ({"FileName": [{"wildcard": "dir/*.png"}]}, {"FileName": "other/dir/b.png"}),
    ({"resources": ["a"]}, {"resources": []}),
    ({"list": {"name": ["x"], "size": [1]}}, {"list": [{"name": "x", "size": 2}, {"name": "y", "size": 1}]}),
    ({"a": [1]}, {"a": True}),
    ({"a": ["1"]}, {"a": 1}),
]


@pytest.mark.parametrize(("pattern", "event"), GOOD)
def test_a_pattern_takes_what_it_names(pattern: Any, event: Any) -> None:
    check(pattern)
    assert matches(pattern, event)


@pytest.mark.parametrize(("pattern", "event"), BAD)
def test_a_pattern_leaves_all_else(pattern: Any, event: Any) -> None:
    check(pattern)
    assert not matches(pattern, event)


@pytest.mark.parametrize(
    "pattern",
    [
        [],
        {},
        {"detail": {}},
        {"source": "aws.s3"},
        {"source": []},
        {"source": [["a"]]},
        {"a": [{"prefix": 1}]},
        {"a": [{"starts-with": "x"}]},
        {"a": [{"prefix": "x", "suffix": "y"}]},
        {"a": [{"wildcard": "a**b"}]},
        {"a": [{"numeric": [">"]}]},
        {"a": [{"numeric": ["<", 1, ">", 2]}]},
        {"a": [{"numeric": ["~", 1]}]},
        {"a": [{"cidr": "10.0.0.0/99"}]},
        {"a": [{"exists": "yes"}]},
        {"a": [{"anything-but": []}]},
        {"a": [{"anything-but": [1, "a"]}]},
        {"a": [{"anything-but": {"numeric": [">", 1]}}]},
    ],
)
def test_what_eventbridge_refuses_is_refused(pattern: Any) -> None:
    with pytest.raises(InvalidPatternError, match="not valid"):
        check(pattern)
