"""The fixture `rehearse`, as a user's tests have it."""

from __future__ import annotations

import pytest

from tests.support import ROOT

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "constructs_ml.rehearsal.pytest_plugin", "-p", "no:cacheprovider")
TEN_LINES = """
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml import Account

ID = "111111111111"

def test_a_parameter_is_kept(rehearse):
    dev = rehearse([], account=Account(stage="dev", id=ID, region="eu-central-1"), deployed=False)
    dev.client("ssm").put_parameter(Name="/a", Value="1", Type="String")
    assert dev.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "1"

def test_the_next_one_has_an_account_of_its_own(rehearse):
    dev = rehearse([], account=Account(stage="dev", id=ID, region="eu-central-1"), deployed=False)
    assert dev.client("ssm").describe_parameters()["Parameters"] == []

def test_it_is_closed_when_the_test_is_over():
    with EmbeddedAccount("111111111111", "eu-central-1").running():
        pass
"""
FAILS = """
from constructs_ml import Account

ID = "111111111111"

def test_it_fails(rehearse):
    dev = rehearse([], account=Account(stage="dev", id=ID, region="eu-central-1"), deployed=False)
    dev.embedded.journal.write("job", "train", "Failed: no such column")
    assert False

def test_it_needs_no_account():
    assert False
"""


def test_ten_lines_have_an_account_that_is_closed_at_their_end(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert(ROOT)
    pytester.makepyfile(TEN_LINES)
    pytester.runpytest_subprocess(*plugin()).assert_outcomes(passed=3)


def test_a_failure_shows_what_happened(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert(ROOT)
    pytester.makepyfile(FAILS)
    done = pytester.runpytest_subprocess(*plugin())
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["*what happened in the embedded account*", "*job*train: Failed: no such column*"])
    assert done.stdout.str().count("what happened in the embedded account") == 1


@pytest.mark.slow
def test_workers_of_xdist_have_an_account_each(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert(ROOT)
    pytester.makepyfile(TEN_LINES)
    pytester.runpytest_subprocess(*plugin(), "-n", "2").assert_outcomes(passed=3)


def plugin() -> tuple[str, ...]:
    """By name where the environment does not announce it yet."""
    from importlib.metadata import entry_points

    announced = any(point.value == PLUGIN[1] for point in entry_points(group="pytest11"))
    return PLUGIN[2:] if announced else PLUGIN
