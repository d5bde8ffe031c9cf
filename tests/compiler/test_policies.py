"""Roles and policies: rendering, merging, measuring, splitting."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_ml.compiler.policies import Role, Statement, acknowledge, add_role, document, merge, size, trust
from constructs_ml.compiler.template import Template, att, dumps, ref, slot, sub
from constructs_ml.facts import limits

ONE = Statement(("s3:GetObject",), ("a",))


def added(*statements: Statement, boundary: str | None = None) -> tuple[Template, Role]:
    template = Template("X")
    role = add_role(
        template,
        "Job role",
        description="Jobs",
        services=("b.amazonaws.com", "a.amazonaws.com"),
        statements=statements,
        boundary=boundary,
        tags={"k": "v", "a": "b"},
    )
    return template, role


def many(count: int, width: int = 40) -> tuple[Any, ...]:
    return tuple(f"arn:aws:s3:::{number:04}-{'x' * width}" for number in range(count))


def test_one_action_and_one_resource_stand_alone() -> None:
    assert ONE.render() == {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}


def test_actions_are_sorted_and_resources_keep_their_order_each_once() -> None:
    rendered = Statement(("b", "a", "b"), ("z", "y", "z")).render()
    assert rendered == {"Effect": "Allow", "Action": ["a", "b"], "Resource": ["z", "y"]}


def test_a_condition_is_kept() -> None:
    condition = {"StringEquals": {"x": "y"}}
    assert Statement(("a",), ("r",), condition).render()["Condition"] == condition
    assert "Condition" not in ONE.render()


def test_statements_of_the_same_calls_become_one() -> None:
    merged = merge([Statement(("a", "b"), ("x",)), Statement(("c",), ("x",)), Statement(("b", "a"), ("y", "x"))])
    assert merged == (Statement(("a", "b"), ("x", "y")), Statement(("c",), ("x",)))


@pytest.mark.parametrize(
    "other", [Statement(("a",), ("y",), {"Bool": {"x": "true"}}), Statement(("a",), ("y",), because="why")]
)
def test_another_condition_or_reason_stays_apart(other: Statement) -> None:
    assert len(merge([Statement(("a",), ("x",)), other])) == 2


def test_a_document_has_its_version_and_every_statement() -> None:
    assert document([ONE, ONE]) == {"Version": "2012-10-17", "Statement": [ONE.render(), ONE.render()]}


def test_only_services_of_this_account_may_assume_a_role() -> None:
    assert trust(["b", "a"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": ["a", "b"]},
                "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
            }
        ],
    }
    assert trust(["a"])["Statement"][0]["Principal"] == {"Service": "a"}


def test_a_role_carries_description_tags_boundary_and_one_policy() -> None:
    template, role = added(ONE, boundary="arn:aws:iam::1:policy/B")
    assert role == Role("XJobRole")
    assert role.ready == ("XJobRole",)
    properties = template.resources["XJobRole"]["Properties"]
    assert properties["Description"] == "Jobs"
    assert properties["Tags"] == [{"Key": "a", "Value": "b"}, {"Key": "k", "Value": "v"}]
    assert properties["PermissionsBoundary"] == "arn:aws:iam::1:policy/B"
    assert properties["Policies"] == [{"PolicyName": "Calls", "PolicyDocument": document([ONE])}]
    assert properties["AssumeRolePolicyDocument"] == trust(["a.amazonaws.com", "b.amazonaws.com"])


def test_no_boundary_and_no_statement_leave_no_trace() -> None:
    properties = added()[0].resources["XJobRole"]["Properties"]
    assert "PermissionsBoundary" not in properties
    assert "Policies" not in properties


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ({"a": "b"}, 9),
        ({"a": ["b", "c"], "d": {}}, 22),
        (["x", 1, True], 12),
        ({"Resource": ref("AWS::Partition")}, len('{"Resource":"aws-us-gov"}')),
        ({"R": ref("AWS::AccountId")}, len('{"R":"000000000000"}')),
        ({"R": sub("a-${AWS::Region}-${AWS::URLSuffix}")}, len('{"R":"a-ap-northeast-1-amazonaws.com.cn"}')),
        ({"R": sub("a-${B}", B=sub("${AWS::Partition}"))}, len('{"R":"a-aws-us-gov"}')),
        ({"R": {"Fn::Join": ["/", ["a", ref("AWS::Partition"), "b"]]}}, len('{"R":"a/aws-us-gov/b"}')),
        ({"R": att("X", "Arn")}, 128 + len('{"R":""}')),
        ({"R": ref("Other")}, 128 + len('{"R":""}')),
        ({"R": slot("key")}, 128 + len('{"R":""}')),
        (ref("AWS::Partition"), len("aws-us-gov")),
    ],
)
def test_a_policy_is_measured_at_its_longest(value: Any, length: int) -> None:
    assert size(value) == length


def test_the_measure_of_plain_json_is_its_length_without_spaces() -> None:
    policy = document([Statement(("a", "b"), many(5), {"StringLike": {"x": ["y*"]}}, because="w")])
    assert size(policy) == len(dumps(policy))


def test_what_just_fits_stays_inline_and_one_more_resource_moves_all_of_it() -> None:
    count = 1
    while size(document([Statement(("a",), many(count + 1))])) <= limits.IAM_INLINE_POLICY_CHARACTERS:
        count += 1
    template, role = added(Statement(("a",), many(count)))
    assert role.policies == ()
    assert "Policies" in template.resources["XJobRole"]["Properties"]
    template, role = added(Statement(("a",), many(count + 1)))
    assert role.policies == ("XJobRolePolicy1", "XJobRolePolicy2")
    assert role.ready == ("XJobRole", "XJobRolePolicy1", "XJobRolePolicy2")
    assert "Policies" not in template.resources["XJobRole"]["Properties"]


def test_every_managed_policy_fits_and_nothing_is_lost() -> None:
    statements = [
        Statement(("a",), many(300)),
        Statement(("b",), ("one",), {"Bool": {"x": "true"}}),
        Statement(("c",), many(90)),
    ]
    template, role = added(*statements)
    seen: dict[str, list[Any]] = {}
    for name in role.policies:
        policy = template.resources[name]["Properties"]
        assert size(policy["PolicyDocument"]) <= limits.IAM_MANAGED_POLICY_CHARACTERS
        assert policy["Roles"] == [{"Ref": "XJobRole"}]
        assert policy["Description"] == "Jobs"
        for statement in policy["PolicyDocument"]["Statement"]:
            found = statement["Resource"]
            seen.setdefault(statement["Action"], []).extend(found if isinstance(found, list) else [found])
            assert statement.get("Condition") == ({"Bool": {"x": "true"}} if statement["Action"] == "b" else None)
    assert seen == {"a": list(many(300)), "b": ["one"], "c": list(many(90))}


def test_small_statements_share_a_managed_policy() -> None:
    _, role = added(*(Statement((f"service:action{number}",), many(4)) for number in range(60)))
    assert 2 <= len(role.policies) <= 4


def test_a_wildcard_is_acknowledged_with_its_reason_on_its_owner() -> None:
    template, _ = added(Statement(("s3:Get*", "s3:Put"), ("*", "b", sub("c/*")), because="why"))
    found = [(item.resource, item.rule, item.kind, item.subject, item.reason) for item in template.acknowledgements]
    assert found == [
        ("XJobRole", "AwsSolutions-IAM5", "Action", "s3:Get*", "why"),
        ("XJobRole", "AwsSolutions-IAM5", "Resource", "*", "why"),
        ("XJobRole", "AwsSolutions-IAM5", "Resource", sub("c/*"), "why"),
    ]


def test_wildcards_beyond_the_inline_limit_are_acknowledged_on_the_policy_that_holds_them() -> None:
    template, role = added(Statement(("a",), many(300)), Statement(("b",), ("*",), because="why"))
    assert {item.resource for item in template.acknowledgements} == {role.policies[-1]}


@pytest.mark.parametrize(
    "statement", [Statement(("a",), ("*",)), Statement(("a*",), ("b",)), Statement(("a",), (sub("x/*"),))]
)
def test_a_wildcard_without_a_reason_is_a_mistake_of_the_library(statement: Statement) -> None:
    with pytest.raises(AssertionError, match="has a wildcard without a reason"):
        acknowledge(Template("X"), "XRole", [statement])


def test_a_statement_that_is_cut_keeps_its_condition_and_its_reason_in_every_piece() -> None:
    condition = {"StringEquals": {"aws:ResourceAccount": "1"}}
    wild = tuple(f"{name}*" for name in many(300))
    template, role = added(Statement(("a",), wild, condition, because="why"))
    assert len(role.policies) > 2
    for name in role.policies:
        assert template.resources[name]["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in template.resources[name]["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Condition"] == condition
    assert {item.reason for item in template.acknowledgements} == {"why"}
    assert len(template.acknowledgements) == 300
