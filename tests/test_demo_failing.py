"""A demo that fails: it says so, and what happened until then is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.demo import Demo, main


def test_a_demo_that_fails_says_so_and_still_tells_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Demo) -> None:
        raise RuntimeError("the run ended as FAILED")

    monkeypatch.setattr("tools.demo._play", fail)
    monkeypatch.setattr("tools.demo.REPORT", tmp_path / "demo.json")
    monkeypatch.setattr("tools.demo.PAGE", tmp_path / "rehearsal.html")
    assert main() == 1
    assert json.loads((tmp_path / "demo.json").read_text())["failed"] == "RuntimeError: the run ended as FAILED"
    assert "<h1>" in (tmp_path / "rehearsal.html").read_text()
