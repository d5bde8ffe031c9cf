"""The state of alarms, by the two tables of AWS's page on missing data and what it says of premature alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html , each row as it stands
there; "before" is its "Retain current state".
"""

from __future__ import annotations

import pytest

from constructs_ml.rehearsal.events.judgement import InvalidRuleError, Rule, judge

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
ALL = [  # "Datapoints to Alarm" and "Evaluation Periods" are both 3
    ("0-X-X", "OK OK OK OK"),
    ("0----", "OK OK OK OK"),
    ("-----", "INSUFFICIENT_DATA before ALARM OK"),
    ("0XX-X", "ALARM ALARM ALARM ALARM"),
    ("--X--", "ALARM before ALARM OK"),
]
SOME = [  # "Datapoints to Alarm" is 2, "Evaluation Periods" 3
    ("0-X-X", "ALARM ALARM ALARM ALARM"),
    ("00X0X", "ALARM ALARM ALARM ALARM"),
    ("0-X--", "OK OK ALARM OK"),
    ("----0", "OK OK ALARM OK"),
    ("---X-", "ALARM before ALARM OK"),
]
CASES = [(3, row) for row in ALL] + [(2, row) for row in SOME]


@pytest.mark.parametrize(("needed", "row"), CASES)
def test_missing_data_counts_as_cloudwatch_documents(needed: int, row: tuple[str, str]) -> None:
    points = [{"X": True, "0": False, "-": None}[letter] for letter in row[0]]
    assert [judge(points, 3, needed, one, "before") for one in TREATMENTS] == row[1].split()


def test_one_breach_that_is_too_young_changes_nothing() -> None:
    """The alarm does not go into ALARM at once when its data is - - - - X or - - - X - and all 3 must breach."""
    assert judge([None, None, None, None, True], 3, 3, "missing", "OK") == "OK"
    assert judge([None, None, None, True, None], 3, 3, "missing", "OK") == "OK"
    assert judge([None, True], 1, 1, "missing", "OK") == "ALARM"


STATES = {"a": "ALARM", "b": "OK", "c d": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ('ALARM("a") AND OK(b)', True),
        ("ALARM(a) AND NOT OK(b)", False),
        ("ALARM(b) OR (ALARM(a) AND INSUFFICIENT_DATA('c d'))", True),
        ("ALARM(b) OR ALARM(b) AND TRUE", False),
        ("NOT (ALARM(b) OR FALSE)", True),
        ("ALARM(arn:aws:cloudwatch:eu-central-1:111111111111:alarm:a)", True),
    ],
)
def test_rules_of_composite_alarms_combine_states(rule: str, holds: bool) -> None:
    assert Rule(rule).holds(STATES.__getitem__) is holds


@pytest.mark.parametrize(
    "rule", ["", "ALARM", "ALARM(a) AND", "ALARM(a) ALARM(b)", "(ALARM(a)", "RINGS(a)", "AND", ")"]
)
def test_rules_that_cannot_be_read_are_refused(rule: str) -> None:
    with pytest.raises(InvalidRuleError, match="AlarmRule"):
        Rule(rule)
