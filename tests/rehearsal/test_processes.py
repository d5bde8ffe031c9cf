"""Processes, pauses, the journal and the hooks: what every part builds on."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from datetime import timedelta

import moto.core.errors
import pytest

from constructs_ml.rehearsal.clock import Clock
from constructs_ml.rehearsal.hooks import Hook, hooked
from constructs_ml.rehearsal.journal import Journal
from constructs_ml.rehearsal.principals import PERSON, Principal, Principals
from constructs_ml.rehearsal.processes import Processes


def run(program: str, tmp_path, **environment: str):
    lines: list[str] = []
    command = [sys.executable, "-c", program]
    process = Processes().start("p", command, folder=tmp_path, environment=environment, line=lines.append)
    return process.wait(20), lines


def test_output_and_errors_come_line_by_line_with_the_exit_code(tmp_path):
    code, lines = run(
        "import sys; print('one'); sys.stdout.flush(); print('two', file=sys.stderr); sys.exit(3)", tmp_path
    )
    assert (code, lines) == (3, ["one", "two"])


def test_a_signal_is_told_as_a_shell_tells_it(tmp_path):
    code, _ = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert code == 128 + 9


def test_a_process_that_is_stopped_may_put_its_things_in_order(tmp_path):
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
        "print('ready', flush=True)\ntime.sleep(600)"
    )
    ready = threading.Event()
    command = [sys.executable, "-c", program]
    process = Processes().start("p", command, folder=tmp_path, environment={}, line=lambda _: ready.set())
    assert ready.wait(20)
    assert process.stop() == 0
    assert process.lines == ["ready", "saved"]


def test_a_process_runs_in_its_folder_with_its_environment_alone(tmp_path):
    program = "import os; print(os.getcwd()); print(sorted(set(os.environ) - {'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}))"
    _, lines = run(program, tmp_path, A="1")
    assert lines == [str(tmp_path), "['A']"]


def test_pauses_are_shortened_and_end_with_the_rehearsal():
    clock = Clock(acceleration=1000)
    began = time.monotonic()
    assert clock.sleep(60)
    assert time.monotonic() - began < 30
    threading.Timer(0.05, clock.stop).start()
    assert not clock.sleep(10**9)
    assert clock.stopped


@pytest.mark.parametrize("acceleration", [0, 0.5, -1, float("nan")])
def test_time_is_never_stretched(acceleration):
    with pytest.raises(ValueError, match="from 1"):
        Clock(acceleration)


def test_fast_forwarding_tells_the_moments_before_and_after():
    clock, told = Clock(), []
    clock.watch(lambda before, after: told.append(after - before))
    clock.advance(timedelta(days=7))
    assert timedelta(days=7) <= told[0] < timedelta(days=7, minutes=1)
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(timedelta(seconds=-1))


def test_the_journal_gives_what_was_waited_for_even_if_it_came_before():
    journal = Journal()
    journal.write("job", "a", "Completed")
    assert journal.wait(lambda entry: entry.kind == "job", 1) is not None
    assert journal.wait(lambda entry: entry.name == "b", 0.01) is None
    threading.Timer(0.05, lambda: journal.write("job", "b", "Completed", seconds=1.5)).start()
    found = journal.wait(lambda entry: entry.name == "b", 5, since=len(journal))
    assert found is not None
    assert found.detail == {"seconds": 1.5}


def test_the_journal_tells_since_when_something_runs():
    journal = Journal()
    assert journal.since("job", run="1") == 0
    journal.write("job", "a", "started", run="1")
    time.sleep(0.01)
    assert journal.since("job", run="1") > 0
    assert journal.since("job", run="2") == 0


def test_the_ids_of_processes_are_kept_after_their_end(tmp_path):
    processes = Processes()
    started = [
        processes.start(name, [sys.executable, "-c", ""], folder=tmp_path, environment={})
        for name in ("churn/main/primary", "churned", "churn")
    ]
    for process in started:
        process.wait(20)
    assert processes.ids("churn") == [started[0].id, started[2].id]
    assert processes.ids("nothing") == []


def test_the_journal_is_read_along_until_the_reader_leaves():
    journal, read = Journal(), []
    with journal.read_along(read.append):
        journal.write("alarm", "a", "OK -> ALARM")
    journal.write("alarm", "b", "OK -> ALARM")
    assert [entry.name for entry in read] == ["a"]
    assert [entry.name for entry in journal.entries("alarm")] == ["a", "b"]


def test_a_hook_that_this_moto_lacks_is_named_before_anything_is_replaced():
    there, gone = Hook("moto.core.errors", "warn", "w"), Hook("moto.core.errors:Nothing", "x", "w")
    before = moto.core.errors.warn
    with (
        pytest.raises(RuntimeError, match=r"moto.core.errors:Nothing.x is not in this moto"),
        hooked([(there, 1), (gone, 2)]),
    ):
        pass
    assert moto.core.errors.warn is before


def test_a_hook_is_taken_back_at_the_end():
    before = moto.core.errors.warn

    def fail() -> None:
        assert moto.core.errors.warn is print
        raise KeyError

    with pytest.raises(KeyError), hooked([(Hook("moto.core.errors", "warn", "w"), print)]):
        fail()
    assert moto.core.errors.warn is before


def test_the_same_principal_has_the_same_keys_and_another_has_others():
    principals = Principals()
    role = principals.assume("arn:aws:iam::1:role/a", "states.amazonaws.com", "run")
    assert principals.of(role.access_key) == role
    assert principals.of(PERSON.access_key) == PERSON
    assert principals.of("AKIANOBODYNOBODYNOBO") is None
    others = {Principal("a", "b", "c"), Principal("a", "b"), Principal("ab", "", "c"), role, PERSON}
    assert len({principal.access_key for principal in others}) == 5
    assert all(len(principal.access_key) == 20 for principal in others)


def test_a_line_that_is_not_taken_does_not_hold_the_process_up(tmp_path, caplog):
    def refuse(_: str) -> None:
        raise RuntimeError("log refused")

    program = "for i in range(20000): print('x' * 50)\nprint('end')"
    with caplog.at_level(logging.ERROR):
        command = [sys.executable, "-c", program]
        process = Processes().start("p", command, folder=tmp_path, environment={}, line=refuse)
        assert process.wait(30) == 0
    assert (len(process.lines), process.lines[-1]) == (20001, "end")
    assert [record.exc_info[1].args for record in caplog.records] == [("log refused",)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no subreapers")
@pytest.mark.parametrize("end", ["", "\ntime.sleep(600)"], ids=["ends", "is stopped"])
def test_a_child_in_a_session_of_its_own_ends_with_the_process(tmp_path, end):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print(child.pid, flush=True)"
    ) + end
    ready = threading.Event()
    command = [sys.executable, "-W", "ignore", "-c", program]
    process = Processes().start("p", command, folder=tmp_path, environment={}, line=lambda _: ready.set())
    assert ready.wait(20)
    if end:
        process.stop()
    else:
        assert process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.lines[0]), signal.SIGKILL)
