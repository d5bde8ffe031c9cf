"""Policies are evaluated as the IAM user guide says: operators, absent and unknown keys, wildcards, decisions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_ml.rehearsal.iam.conditions import read
from constructs_ml.rehearsal.iam.context import Asked, Caller, Context
from constructs_ml.rehearsal.iam.decisions import Decision, Standing, decide
from constructs_ml.rehearsal.iam.patterns import (
    UnknownKeyError,
    action_pattern,
    arn_pattern,
    filled,
    like_arn,
    text_pattern,
)
from constructs_ml.rehearsal.iam.policies import policy

ID = "111122223333"
ROLE, SESSION, ROOT = f"arn:aws:iam::{ID}:role/r", f"arn:aws:sts::{ID}:assumed-role/r/s", f"arn:aws:iam::{ID}:root"
KNOWN: dict[str, tuple[str, ...]] = {
    "k": ("red",),
    "many": ("red", "green"),
    "number": ("10",),
    "date": ("2026-06-01T00:00:00Z",),
    "flag": ("true",),
    "ip": ("203.0.113.9",),
    "v6": ("2001:db8::1",),
    "arn": ("arn:aws:sns:eu-west-1:111122223333:topic/a:b",),
    "bytes": ("QUI=",),
    "absent": (),
}


def holds(name: str, key: str, value: Any) -> bool:
    (condition,) = read({name: {key: value}})
    return condition.holds(KNOWN.get)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("StringEquals", "k", "red"),
        ("StringEquals", "K", ["blue", "red"]),
        ("StringEqualsIgnoreCase", "k", "RED"),
        ("StringNotEquals", "k", "blue"),
        ("StringNotEquals", "absent", "red"),
        ("StringNotEqualsIgnoreCase", "k", "BLUE"),
        ("StringLike", "k", "r?*"),
        ("StringNotLike", "k", "b*"),
        ("NumericEquals", "number", 10),
        ("NumericNotEquals", "number", "11"),
        ("NumericLessThan", "number", "10.5"),
        ("NumericLessThanEquals", "number", "10"),
        ("NumericGreaterThan", "number", "9"),
        ("NumericGreaterThanEquals", "number", "10"),
        ("DateEquals", "date", "2026-06-01T00:00:00Z"),
        ("DateNotEquals", "date", "2026-06-02"),
        ("DateLessThan", "date", "2026-06-01T00:00:01Z"),
        ("DateLessThanEquals", "date", "2026-06-01"),
        ("DateGreaterThan", "date", "2026"),
        ("DateGreaterThan", "date", "1750000000"),
        ("DateGreaterThanEquals", "date", "2026-06-01T02:00:00+02:00"),
        ("Bool", "flag", "true"),
        ("Bool", "flag", True),
        ("BinaryEquals", "bytes", "QUI="),
        ("IpAddress", "ip", "203.0.113.0/24"),
        ("IpAddress", "v6", "2001:db8::/32"),
        ("NotIpAddress", "ip", ["10.0.0.0/8", "192.0.2.0/24"]),
        ("ArnEquals", "arn", "arn:aws:sns:*:111122223333:topic/*"),
        ("ArnLike", "arn", "arn:aws:sns:eu-*:*:*"),
        ("ArnNotLike", "arn", "arn:aws:sqs:*:*:*"),
        ("ArnNotEquals", "absent", "arn:aws:sqs:*:*:*"),
        ("Null", "absent", "true"),
        ("Null", "k", "false"),
        ("StringEqualsIfExists", "absent", "red"),
        ("StringEqualsIfExists", "k", "red"),
        ("BoolIfExists", "absent", "true"),
        ("ForAllValues:StringEquals", "many", ["red", "green", "blue"]),
        ("ForAllValues:StringEquals", "absent", ["red"]),
        ("ForAnyValue:StringEquals", "many", ["green", "blue"]),
        ("ForAllValues:StringNotEquals", "many", ["blue"]),
        ("ForAnyValue:StringNotEquals", "many", ["red"]),
        ("ForAnyValue:StringLike", "many", "gr*"),
        ("stringequals", "k", "red"),
    ],
)
def test_a_condition_that_the_request_meets_holds(name: str, key: str, value: Any) -> None:
    assert holds(name, key, value)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("StringEquals", "k", "Red"),
        ("StringEquals", "k", "r*"),
        ("StringEquals", "absent", "red"),
        ("StringEqualsIgnoreCase", "k", "BLUE"),
        ("StringNotEquals", "k", ["blue", "red"]),
        ("StringLike", "k", "re"),
        ("StringNotLike", "k", "*d"),
        ("NumericEquals", "number", "11"),
        ("NumericEquals", "k", "1"),
        ("NumericLessThan", "number", "10"),
        ("NumericGreaterThan", "number", "10"),
        ("DateLessThan", "date", "2026-06-01T00:00:00Z"),
        ("DateGreaterThan", "date", "2027"),
        ("DateGreaterThan", "date", "soon"),
        ("Bool", "flag", "false"),
        ("Bool", "absent", "false"),
        ("BinaryEquals", "bytes", "QUE="),
        ("IpAddress", "ip", "203.0.112.0/24"),
        ("IpAddress", "ip", "nowhere"),
        ("NotIpAddress", "ip", "203.0.113.0/24"),
        ("ArnEquals", "arn", "arn:aws:sns:*:topic/*"),
        ("ArnLike", "arn", "arn:aws:sns:eu-west-2:*:*"),
        ("ArnNotLike", "arn", "arn:aws:sns:*:*:*"),
        ("Null", "absent", "false"),
        ("Null", "k", "true"),
        ("StringEqualsIfExists", "k", "blue"),
        ("ForAllValues:StringEquals", "many", ["red"]),
        ("ForAnyValue:StringEquals", "many", ["blue"]),
        ("ForAnyValue:StringEquals", "absent", ["red"]),
        ("ForAnyValue:StringNotEquals", "absent", ["red"]),
        ("ForAllValues:StringNotEquals", "many", ["red"]),
        ("ForAnyValue:StringNotEquals", "many", ["red", "green"]),
    ],
)
def test_a_condition_that_the_request_does_not_meet_fails(name: str, key: str, value: Any) -> None:
    assert not holds(name, key, value)


@pytest.mark.parametrize("name", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null", "Bool"])
def test_a_key_that_nobody_knows_is_met_by_no_operator(name: str) -> None:
    with pytest.raises(UnknownKeyError, match="aws:SourceIp"):
        holds(name, "aws:SourceIp", "true")


@pytest.mark.parametrize("name", ["StringEqual", "ForSome:StringEquals", "", "IfExists"])
def test_an_operator_that_iam_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is none of IAM's"):
        read({name: {"k": "v"}})


LETTERS = "ab:/."


@given(st.text(alphabet=LETTERS + "*?", max_size=8), st.text(alphabet=LETTERS, max_size=8))
def test_wildcards_are_read_as_a_plain_matcher_reads_them(pattern: str, text: str) -> None:
    assert (text_pattern(pattern).fullmatch(text) is not None) == slowly(pattern, text)
    assert (action_pattern(pattern.upper()).fullmatch(text) is not None) == slowly(pattern, text)


def slowly(pattern: str, text: str) -> bool:
    """Wildcards by their definition."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slowly(pattern[1:], text[number:]) for number in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and slowly(pattern[1:], text[1:])


SEGMENT = st.text(alphabet="ab/*?", max_size=4)


@given(st.lists(SEGMENT, min_size=6, max_size=6), st.lists(st.text(alphabet="ab/", max_size=4), min_size=6, max_size=6))
def test_arns_in_conditions_are_compared_part_by_part(pattern: list[str], given_arn: list[str]) -> None:
    model = all(slowly(own, part) for own, part in zip(pattern, given_arn, strict=True))
    assert like_arn(":".join(pattern), ":".join(given_arn)) == model


@given(st.lists(SEGMENT, min_size=6, max_size=6), st.text(alphabet="ab/:", max_size=12))
def test_a_resource_matches_no_more_than_its_wildcards_do(pattern: list[str], text: str) -> None:
    if arn_pattern(":".join(pattern)).fullmatch(text):
        assert slowly(":".join(pattern), text)


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", True),
        ("arn:aws:s3:::b*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*.json", "arn:aws:s3:::b/a/b.json", True),
        ("arn:aws:logs:*:*:log-group:*:log-stream:x", "arn:aws:logs:r:1:log-group:/a:log-stream:x", True),
        ("arn:aws:s3:*", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/kk", False),
        ("arn:aws:s3:::B/*", "arn:aws:s3:::b/k", False),
        ("arn:aws:sns:eu-*-1:1:t", "arn:aws:sns:eu-west:x-1:1:t", False),
    ],
)
def test_a_star_ends_with_its_segment_unless_it_is_the_last_of_it(pattern: str, arn: str, fits: bool) -> None:
    assert (arn_pattern(pattern).fullmatch(arn) is not None) == fits


def test_variables_are_filled_and_their_stars_mean_nothing() -> None:
    known = {"aws:principaltag/team": ("a*",), "aws:username": ()}
    assert text_pattern(filled("x-${aws:PrincipalTag/team}-*", known.get) or "").fullmatch("x-a*-1")
    assert not text_pattern(filled("x-${aws:PrincipalTag/team}-*", known.get) or "").fullmatch("x-ab-1")
    assert filled("${aws:username}", known.get) is None
    assert filled("${aws:username, 'all'}", known.get) == "all"
    assert text_pattern(filled("${*}", known.get) or "").fullmatch("*")
    with pytest.raises(UnknownKeyError, match="aws:SourceIp"):
        filled("${aws:SourceIp}", known.get)


def test_a_policy_of_2008_has_no_variables() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "${aws:username}"}
    old = policy("identity", "p", {"Version": "2008-10-17", "Statement": statement})
    assert decide(context("s3:GetObject", "${aws:username}"), Standing((old,))).allowed


def context(action: str, *resources: str, service: str = "", **known: str) -> Context:
    caller = Caller(ID, "aws", "" if service else ROLE, "" if service else SESSION, service)
    return Context(caller, Asked(action, resources, {key: (value,) for key, value in known.items()}))


def says(kind: str, *statements: dict[str, Any]) -> Any:
    return policy(kind, kind, json.dumps({"Version": "2012-10-17", "Statement": statements}))


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def by(*names: str) -> dict[str, Any]:
    return {"Principal": {"AWS": list(names)}}


YES, NO = says("identity", allow()), says("identity", allow("s3:PutObject"))


def get(**policies: Any) -> Decision:
    """The decision about s3:GetObject on one object."""
    return decide(context("s3:GetObject", "arn:aws:s3:::b/k"), Standing(**policies))


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
@pytest.mark.parametrize(
    "policies",
    [
        {"identity": (YES,)},
        {"identity": (NO, YES)},
        {"identity": (YES,), "boundary": (says("boundary", allow("s3:*")),)},
        {"resource": (says("resource", allow(**by(ROLE))),)},
        {"resource": (says("resource", allow(Principal="*")),)},
        {"resource": (says("resource", allow(**by(SESSION))),), "boundary": ()},
        {"identity": (YES,), "resource": (says("resource", deny(**by("arn:aws:iam::1:role/x"))),)},
        {"identity": (YES,), "resource": (says("resource", allow(**by(ROOT))),), "must_name": True},
        {"resource": (says("resource", allow(**by(ROLE))),), "must_name": True},
        {"identity": (says("identity", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),)},
        {"identity": (says("identity", {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::c/*"}),)},
        {
            "identity": (YES,),
            "resource": (
                says("resource", {"Effect": "Deny", "NotPrincipal": {"AWS": [ROLE, SESSION, ROOT]}, "Action": "s3:*"}),
            ),
        },
    ],
)
def test_a_request_is_allowed(policies: dict[str, Any]) -> None:
    assert get(**policies).allowed


@pytest.mark.parametrize(
    ("policies", "why"),
    [
        ({}, "because no identity-based policy allows the s3:GetObject action"),
        ({"identity": (NO,)}, "because no identity-based policy allows the s3:GetObject action"),
        ({"identity": (YES, says("identity", deny("s3:*")))}, "with an explicit deny in an identity-based policy"),
        (
            {"identity": (YES,), "resource": (says("resource", deny(Principal="*")),)},
            "with an explicit deny in a resource-based policy",
        ),
        (
            {"identity": (YES,), "boundary": (says("boundary", deny()),)},
            "with an explicit deny in a permissions boundary",
        ),
        ({"identity": (YES,), "boundary": ()}, "because no permissions boundary allows the s3:GetObject action"),
        (
            {"resource": (says("resource", allow(**by(ROLE))),), "boundary": ()},
            "because no permissions boundary allows the s3:GetObject action",
        ),
        ({"identity": (YES,), "session": ()}, "because no session policy allows the s3:GetObject action"),
        (
            {"resource": (says("resource", allow(**by(ROOT))),)},
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            {"identity": (YES,), "must_name": True},
            "because no resource-based policy allows the s3:GetObject action",
        ),
        (
            {"resource": (says("resource", allow(**by(ROOT))),), "must_name": True},
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            {"identity": (says("identity", {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),)},
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            {"identity": (says("identity", {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}),)},
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            {
                "identity": (YES,),
                "resource": (says("resource", {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "s3:*"}),),
            },
            "with an explicit deny in a resource-based policy",
        ),
    ],
)
def test_a_request_is_denied_and_the_end_of_the_message_says_why(policies: dict[str, Any], why: str) -> None:
    decision = get(**policies)
    assert (decision.allowed, decision.why) == (False, why)


def test_a_service_is_let_in_by_the_resource_alone() -> None:
    asked = context("s3:GetObject", "arn:aws:s3:::b/k", service="events.amazonaws.com")
    named = says("resource", allow(Principal={"Service": "events.amazonaws.com"}))
    assert decide(asked, Standing(resource=(named,))).allowed
    other = says("resource", allow(Principal={"Service": "sns.amazonaws.com"}))
    assert not decide(asked, Standing(resource=(other,))).allowed


def test_the_users_guides_example_of_three_statements_denies_without_mfa() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_sid"""
    first = allow("iam:ChangePassword", Sid="FirstStatement")
    third = allow(
        ["s3:List*", "s3:Get*"],
        ["arn:aws:s3:::confidential-data", "arn:aws:s3:::confidential-data/*"],
        Sid="ThirdStatement",
        Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    )
    own = says("identity", first, allow("s3:ListAllMyBuckets", Sid="SecondStatement"), third)
    decision = decide(context("s3:GetObject", "arn:aws:s3:::confidential-data/x"), Standing((own,)))
    assert not decision.allowed
    near = "ThirdStatement of identity allows it, but its condition Bool aws:MultiFactorAuthPresent true is not met"
    assert decision.near == (f"{near}: the request has no such key",)
    assert decide(context("s3:ListAllMyBuckets", "*"), Standing((own,))).allowed


def test_a_resource_whose_arn_is_not_known_fits_every_statement_of_its_action() -> None:
    own = Standing((says("identity", allow("glue:GetMLTransform", "arn:aws:glue:*:*:mlTransform/x")),))
    assert decide(context("glue:GetMLTransform"), own).allowed
    assert not decide(context("glue:GetMLTransforms"), own).allowed


@pytest.mark.parametrize(
    "document", ['{"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}', '{"Statement": [{}]}']
)
def test_a_statement_without_an_effect_of_iam_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match=re.escape("Allow or Deny is needed")):
        policy("identity", "p", document)
