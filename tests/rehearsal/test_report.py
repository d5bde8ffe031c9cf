"""What a rehearsal tells: lines on the terminal, a page, numbers."""

from __future__ import annotations

import io
import json
import logging
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from constructs_ml.rehearsal.iam.usage import Denied, RoleUse, Summary, Unused
from constructs_ml.rehearsal.journal import KINDS, Entry
from constructs_ml.rehearsal.report import page, timeline
from constructs_ml.rehearsal.report.quiet import quiet
from constructs_ml.rehearsal.report.terminal import Narrator
from constructs_ml.rehearsal.report.told import JobTold, RunTold, Told
from constructs_ml.rehearsal.report.words import lasted, short

EVIL = "<script src=//x>\"'&amp;</td></details>]]>\x00"
UUID = "0b905f32-12e5-4c6e-a531-61e0b58b69a3"
VOID = ("meta", "br", "hr")


class Balanced(HTMLParser):
    """Every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def told(text: str, *, denied: bool = True) -> Told:
    """A rehearsal in which every text that a user or an account may choose is `text`."""
    entries = tuple(
        Entry(number / 2, kind, text, f"{text} failed", {"seconds": 0.4, "status": text, "reason": text, "stack": text})
        for number, kind in enumerate(KINDS)
    )
    role = f"arn:aws:iam::111111111111:role/{text}"
    missing = {"Effect": "Allow", "Action": text, "Resource": text}
    no = Denied(role, text, text, text, text, text, "identity", missing, "", (text,), (text,), {}, (text,))
    use = RoleUse(role, ((text, 3),), (Unused(text, text, text, (text,), ""), Unused(text, text, text, (), text)))
    iam = Summary((use,), (no,) if denied else (), (role,), (text,), (text,))
    run = RunTold(text, text, text, "FAILED", 75.0, (text,), {text: {text: text}}, text, text, "<svg></svg>")
    job = JobTold(f"{text}-{UUID}-1", text, "Failed", 1.0, 0.25, (17, 18), text, (text, text))
    return Told(text, text, text, 1, {text: 1.0}, (run,), (job,), entries, (text,), {text: text}, iam)


@pytest.mark.parametrize("text", [EVIL, "plain", "ütf-8 ✓", ""])
def test_the_page_is_closed_fetches_nothing_and_escapes_what_others_wrote(text: str) -> None:
    found = page.render(told(text))
    parser = Balanced()
    parser.feed(found)
    assert parser.open == []
    assert {"table", "details", "svg", "pre"} <= parser.seen
    assert "script" not in parser.seen
    assert "\x00" not in found
    assert "default-src 'none'; style-src 'unsafe-inline'" in found


def test_the_page_tells_the_missing_statement_and_the_reasons() -> None:
    found = page.render(told("s3:GetObject"))
    assert "&quot;Effect&quot;: &quot;Allow&quot;" in found
    assert "in its identity policy" in found
    assert "1 without a reason" in found
    assert "no call needed it" in found
    assert "17, 18" in found
    assert "1 min 15 s" in found


def test_an_empty_rehearsal_has_a_page_too() -> None:
    empty = Told("1", "eu", "dev", 1, {}, (), (), (), (), {}, Summary((), (), (), (), ()))
    assert "no runs" in page.render(empty)
    assert "Denied calls" not in page.render(empty)


def test_the_numbers_are_json_with_processes_and_without_drawings() -> None:
    numbers = json.loads(json.dumps(told("x").to_json()))
    assert numbers["jobs"][0]["processes"] == [17, 18]
    assert "svg" not in numbers["executions"][0]
    assert numbers["requests"][0]["status"] == "x"
    assert {item["kind"] for item in numbers["happened"]} >= {"job", "function", "endpoint", "stack", "alarm"}
    assert numbers["port"] == 1


def test_only_what_took_a_while_has_a_bar() -> None:
    entries = [
        Entry(1.0, "stack", "s", "CREATE_IN_PROGRESS", {}),
        Entry(3.0, "stack", "s", "CREATE_COMPLETE", {"seconds": 2.0}),
        Entry(3.0, "function", "f", "answered", {"seconds": 0.0}),
        Entry(2.0, "job", f"train-{UUID}-0", "Completed", {"seconds": 0.5}),
    ]
    assert [(bar.name, bar.began, bar.ended) for bar in timeline.bars(entries)] == [
        ("s", 1.0, 3.0),
        ("train", 1.5, 2.0),
    ]
    assert timeline.render([]) == ""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"churn-train-{UUID}-0", "churn-train"),
        (f"churn-train-{UUID}-2", "churn-train (attempt 3)"),
        ("arn:aws:states:eu-central-1:111111111111:stateMachine:x", "stateMachine:x"),
        ("111111111111.dkr.ecr.eu-central-1.amazonaws.com/a:1", "a:1"),
        ("a plain sentence", "a plain sentence"),
    ],
)
def test_names_are_short_where_people_read_them(text: str, read: str) -> None:
    assert short(text) == read


@pytest.mark.parametrize(("seconds", "said"), [(0.25, "250 ms"), (3.42, "3.4 s"), (125, "2 min 5 s")])
def test_times_are_told_in_words(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def spoken(*entries: Entry, verbose: bool = False, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=terminal, no_color=True)
    with Narrator(console, verbose) as narrator:
        for entry in entries:
            narrator(entry)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_resources_are_counted_and_those_that_fail_are_told() -> None:
    made = Entry(1, "resource", "Role", "AWS::IAM::Role CREATE_COMPLETE", {"stack": "s"})
    failed = Entry(2, "resource", "Key", "AWS::KMS::Key CREATE_FAILED: no", {"stack": "s"})
    done = Entry(3, "stack", "s", "CREATE_COMPLETE", {"seconds": 2.0})
    said = spoken(made, failed, done)
    assert "Role" not in said
    assert "CREATE_FAILED: no" in said
    assert "CREATE_COMPLETE, 1 resources after 2.0 s" in said
    assert "AWS::IAM::Role" in spoken(made, verbose=True)


def test_long_errors_are_cut_and_shown_whole_on_demand() -> None:
    entry = Entry(1, "job", "train", "Failed: " + "\n".join(f"line {number}" for number in range(9)), {"seconds": 1.0})
    assert "Failed after 1.0 s: line 0" in spoken(entry)
    assert "…" in spoken(entry)
    assert "line 8" not in spoken(entry)
    assert "line 8" in spoken(entry, verbose=True)


def test_what_runs_is_shown_on_a_terminal_alone() -> None:
    began = Entry(1, "job", "train", "InProgress", {})
    assert "\x1b" not in spoken(began)
    assert "\x1b[?25h" in spoken(began, terminal=True)  # the cursor comes back


def test_libraries_speak_in_one_line_and_their_traceback_waits_for_verbose() -> None:
    def logged(verbose: bool) -> str:
        console = Console(file=io.StringIO(), width=200)
        with quiet(console, verbose=verbose):
            try:
                raise ValueError("[no] such thing")
            except ValueError:
                logging.getLogger("constructs_ml.rehearsal.gate").exception("s3:GetObject failed")
            logging.getLogger("werkzeug").error("Error on request:\nTraceback (most recent call last):\nKeyError: 'a'")
        return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    brief = logged(False)
    assert brief.count("\n") == 2
    assert "s3:GetObject failed: ValueError('[no] such thing') (--verbose shows where)" in brief
    assert "Error on request: KeyError: 'a'" in brief
    assert "Traceback" in logged(True)
    assert not logging.getLogger("werkzeug").handlers
    assert logging.getLogger("moto").propagate
