"""The functions of templates, evaluated as CloudFormation evaluates them."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.cloudformation.intrinsics import LATER, Names, Resolver

_REFS = {"Name": "churn", "Count": 3, "On": True, "Subnets": ["a", "b"], "AWS::Region": "eu-central-1"}
_MAPPINGS = {"Sizes": {"dev": {"instance": "small", "zones": ["1", "2"]}}}


def _exported(name: str) -> str:
    if name != "shared":
        raise ServiceError("ValidationError", f"No export named {name} found.")
    return "value"


def value(given: Any, *, extended: bool = False) -> Any:
    def ref(name: str) -> Any:
        return _REFS.get(name, LATER)

    def attribute(name: str, path: str) -> Any:
        return f"{name}/{path}" if name in _REFS else LATER

    return Resolver(Names(ref, attribute, _MAPPINGS, _exported, "eu-central-1", extended)).value(given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"Ref": "Count"}, 3),
        ({"a": [{"Ref": "Name"}, 1, True]}, {"a": ["churn", 1, True]}),
        ({"Fn::GetAtt": ["Name", "Endpoint.Address"]}, "Name/Endpoint.Address"),
        ({"Fn::GetAtt": "Name.Arn"}, "Name/Arn"),
        ({"Fn::Sub": "${Name}-${Count}-${On}-${Name.Arn}-${!Literal}-$$"}, "churn-3-true-Name/Arn-${Literal}-$$"),
        ({"Fn::Sub": ["${Own}/${Name}", {"Own": {"Ref": "AWS::Region"}}]}, "eu-central-1/churn"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}, {"Ref": "On"}]]}, "a-3-true"),
        ({"Fn::Join": [",", {"Ref": "Subnets"}]}, "a,b"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", "x/y/z"]}]}, "y"),
        ({"Fn::Select": ["0", {"Ref": "Subnets"}]}, "a"),
        ({"Fn::FindInMap": ["Sizes", "dev", "instance"]}, "small"),
        ({"Fn::FindInMap": ["Sizes", {"Fn::Sub": "dev"}, "zones"]}, ["1", "2"]),
        ({"Fn::ImportValue": {"Fn::Sub": "shared"}}, "value"),
        ({"Fn::Base64": "text"}, "dGV4dA=="),
        ({"Fn::GetAZs": ""}, ["eu-central-1a", "eu-central-1b", "eu-central-1c"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Sub": "x-${NotYet}"}, LATER),
        ({"a": {"Fn::Join": ["", [{"Ref": "NotYet"}]]}}, {"a": LATER}),
    ],
)
def test_a_function_gives(given: Any, wanted: Any) -> None:
    assert value(given) == wanted


def test_language_extensions_add_functions_and_a_default() -> None:
    missing = {"Fn::FindInMap": ["Sizes", "prod", "instance", {"DefaultValue": "large"}]}
    assert value(missing, extended=True) == "large"
    assert value({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, extended=True) == '{"a":"churn"}'
    assert value({"Fn::Length": {"Ref": "Subnets"}}, extended=True) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Fn::ToJsonString": {}}, "needs the transform AWS::LanguageExtensions"),
        ({"Fn::FindInMap": ["Sizes", "prod", "instance"]}, "Unable to get mapping for Sizes::prod::instance"),
        ({"Fn::Select": [5, ["a"]]}, "nonexistent value at index 5"),
        ({"Fn::ImportValue": "gone"}, "No export named gone found."),
        ({"Fn::Join": ["", "text"]}, "where a list is needed"),
        ({"Fn::Sub": "${Subnets}"}, "where a text is needed"),
        ({"Fn::Frobnicate": []}, "Fn::Frobnicate"),
    ],
)
def test_a_function_refuses(given: Any, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        value(given)
