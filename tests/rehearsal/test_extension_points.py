"""The page about moto's extension points."""

from __future__ import annotations

from tests.support import ROOT
from tools.extension_points import page


def test_the_page_of_extension_points_is_what_the_code_does() -> None:
    """`python -m tools.extension_points > docs/extension-points.md` writes it."""
    assert (ROOT / "docs" / "extension-points.md").read_text() == page()
