"""The fixture `rehearse` for tests of pipelines: pytest finds it by itself where `constructs-ml` is installed.

`def test_it(rehearse): dev = rehearse(churn, account="accounts.yaml")`; it needs the extra `rehearsal`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from constructs_ml.rehearsal.rehearsed import Rehearsed

_OPEN = pytest.StashKey["list[Rehearsed]"]()


@pytest.fixture
def rehearse(request: pytest.FixtureRequest) -> Iterator[Callable[..., Rehearsed]]:
    """Open an embedded account for this test: `rehearse(app, account=...)` takes what `rehearsal` takes.

    It is closed when the test is over; a test that fails shows what happened in it.
    """
    from constructs_ml.rehearsal.rehearsed import rehearsal

    opened = request.node.stash.setdefault(_OPEN, [])
    with contextlib.ExitStack() as stack:

        def open_account(app: Any, **options: Any) -> Rehearsed:
            found = stack.enter_context(rehearsal(app, **options))
            opened.append(found)
            return found

        yield open_account


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what happened in its accounts, and what was denied there."""
    report = yield
    for rehearsed in item.stash.get(_OPEN, []) if report.failed and report.when == "call" else ():
        report.sections.append(("what happened in the embedded account", rehearsed.last(40)))
    return report
