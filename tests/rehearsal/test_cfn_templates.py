"""What a template may say is read; what it may not say is refused before anything is created."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_ml.rehearsal.calls import ServiceError
from constructs_ml.rehearsal.cloudformation.model import Live, Request
from constructs_ml.rehearsal.cloudformation.parameters import parameter_values
from constructs_ml.rehearsal.cloudformation.plan import Plan
from constructs_ml.rehearsal.cloudformation.resources.work import Owner
from constructs_ml.rehearsal.cloudformation.template import parsed
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from tests.rehearsal.cfn import of, parameter, topic

_STORED = {"/bootstrap/version": "33"}


def planned(account: EmbeddedAccount, template: Any, *, live: dict[str, Live] | None = None, **given: str) -> Plan:
    found = parsed(template if isinstance(template, str) else json.dumps(template))
    asked = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    values = parameter_values(found.parameters, asked, {}, _STORED.__getitem__)
    return Plan(account, Owner("s", "arn:s"), Request(found, values, {}), live or {}, {}.__getitem__)


def test_yaml_is_read_with_its_short_forms_and_its_dates_as_texts(account: EmbeddedAccount) -> None:
    plan = planned(
        account,
        """
        Conditions:
          InEurope: !Equals [!Ref AWS::Region, eu-central-1]
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}
              Description: !If [InEurope, !Sub "${AWS::StackName} here", !Ref AWS::NoValue]
              RoleName: !If [InEurope, !Ref AWS::NoValue, there]
              Path: !Join ["", ["/", !Select [0, [a, b]], /]]
        """,
    )
    assert plan.properties("Role") == {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "Description": "s here",
        "Path": "/a/",
    }


def test_resources_come_after_what_they_need(account: EmbeddedAccount) -> None:
    resources = {
        "Last": topic(DisplayName={"Fn::Sub": ["${Own}", {"Own": {"Fn::GetAtt": ["Middle", "TopicName"]}}]}),
        "Middle": {**topic(), "DependsOn": ["First"]},
        "First": topic(),
    }
    assert planned(account, of(resources)).order == ["First", "Middle", "Last"]


def test_a_condition_leaves_a_resource_and_what_names_it_out(account: EmbeddedAccount) -> None:
    template = of(
        {"A": {**topic(), "Condition": "Big"}, "B": {**topic(), "DependsOn": "A"}},
        Parameters={"Size": {"Type": "Number", "Default": 1}},
        Conditions={
            "Big": {"Fn::And": [{"Fn::Equals": [{"Ref": "Size"}, 2]}, {"Condition": "Always"}]},
            "Always": {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]},
        },
        Outputs={"A": {"Condition": "Big", "Value": {"Ref": "A"}}},
    )
    assert planned(account, template).order == ["B"]
    assert planned(account, template).outputs() == []
    assert planned(account, template, Size="2").order == ["A", "B"]


def test_a_parameter_from_parameter_store_has_its_value_there(account: EmbeddedAccount) -> None:
    about = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/bootstrap/version"}
    rule = {
        "Assertions": [
            {"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "V"}]}]}, "AssertDescription": "too old"}
        ]
    }
    template = of({"P": parameter({"Ref": "V"})}, Parameters={"V": about}, Rules={"Check": rule})
    assert planned(account, template).properties("P")["Value"] == "33"
    _STORED["/old"] = "2"
    with pytest.raises(ServiceError, match="Rule Check failed: too old"):
        planned(account, template, V="/old")


def test_lists_are_split(account: EmbeddedAccount) -> None:
    template = of({"P": parameter({"Fn::Join": ["+", {"Ref": "L"}]})}, Parameters={"L": {"Type": "CommaDelimitedList"}})
    assert planned(account, template, L="a, b").properties("P")["Value"] == "a+b"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("just text", "unsupported structure"),
        ("{", "not well-formed"),
        ({"Resources": {}}, "At least one Resources member"),
        ({"Resources": {"A": {}}}, "must contain a Type member"),
        ({"Resources": {"A-B": topic()}}, "non alphanumeric"),
        ({"Resources": {"A": topic()}, "Extra": 1}, r"Invalid template property or properties \[Extra\]"),
        (of({"A": {**topic(), "Oops": 1}}), "property 'Oops' in resource A"),
        (of({"A": topic(DisplayName={"Ref": "B"}), "C": {**topic(), "DependsOn": "D"}}), r"\[B, D\] in the Resources"),
        (of({"A": topic(DisplayName={"Fn::GetAtt": ["B", "Arn"]})}), "Fn::GetAtt references undefined resource B"),
        (of({"A": topic(DisplayName={"Fn::Sub": "${B.Arn}"})}), "Fn::Sub references undefined resource B"),
        (of({"A": topic(DisplayName={"Fn::GetAtt": ["A", "Nope"]})}), "does not support attribute type Nope"),
        (of({"A": topic()}, Outputs={"O": {"Value": {"Ref": "B"}}}), r"\[B\] in the Outputs block"),
        (
            of({"A": topic(X={"Ref": "B"}), "B": topic(X={"Ref": "A"})}),
            r"Circular dependency between resources: \[A, B\]",
        ),
        (of({"A": {**topic(), "Condition": "No"}}), "Unresolved condition No"),
        (of({"A": topic()}, Transform="AWS::Serverless-2016-10-31"), "expands no transform AWS::Serverless"),
        (of({"A": topic()}, Parameters={"P": {"Type": "String"}}), r"Parameters: \[P\] must have values"),
        (of({"A": topic()}, Parameters={"P": {"Type": "Number", "Default": "x"}}), "'P' must be a number"),
        (
            of({"A": topic()}, Parameters={"P": {"Type": "String", "Default": "c", "AllowedValues": ["a"]}}),
            "AllowedValues",
        ),
        (
            of({"A": topic()}, Parameters={"P": {"Type": "String", "Default": "c", "AllowedPattern": "[ab]"}}),
            "match pattern",
        ),
        (
            of({"A": {"Type": "AWS::EC2::Volume"}, "B": topic(), "C": {"Type": "AWS::Nowhere::Thing"}}),
            r"Unsupported resource type in the rehearsal: AWS::EC2::Volume \(A\), AWS::Nowhere::Thing \(C\)",
        ),
    ],
)
def test_a_wrong_template_is_refused_by_name(account: EmbeddedAccount, template: Any, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        planned(account, template)


def test_a_reference_to_what_its_condition_leaves_out_is_refused(account: EmbeddedAccount) -> None:
    template = of(
        {"A": {**topic(), "Condition": "Never"}, "B": topic(DisplayName={"Ref": "A"})},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
    )
    with pytest.raises(ServiceError, match=r"Unresolved resource dependencies \[A\]"):
        planned(account, template)
