"""Where the parts of a drawing stand."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings

from constructs_ml.drawing.graph import Graph
from constructs_ml.drawing.layout import Box, Part, layout
from constructs_ml.drawing.svg import baseline
from constructs_ml.drawing.text import escaped, lines_of, width_of
from tests.drawing.graphs import GRAPHS, both, each, either, everything, graph, node


def boxes_of(given: Graph) -> dict[str, Box]:
    return {box.node.key or "done": box for box in layout(given).boxes}


def holds(outer: Box, inner: Box) -> bool:
    right, bottom = inner.x + inner.width <= outer.x + outer.width, inner.y + inner.height <= outer.y + outer.height
    return outer.x <= inner.x and outer.y <= inner.y and right and bottom


def meet(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


def crosses(part: Part, box: Box) -> bool:
    """Whether an edge runs through a box rather than along or up to it."""
    for edge in part.edges:
        for (x1, y1), (x2, y2) in pairwise(edge.points):
            low, high, left, right = min(y1, y2), max(y1, y2), min(x1, x2), max(x1, x2)
            across = left < box.x + box.width and right > box.x
            if across and low < box.y + box.height and high > box.y:
                return True
    return False


@settings(max_examples=40)
@given(GRAPHS)
def test_no_two_boxes_meet_but_a_frame_and_what_it_holds(drawn: Graph) -> None:
    for one, other in combinations(layout(drawn).boxes, 2):
        assert not meet(one, other) or (one.frame and holds(one, other)) or (other.frame and holds(other, one))


@settings(max_examples=40)
@given(GRAPHS)
def test_no_line_runs_through_a_box(drawn: Graph) -> None:
    part = layout(drawn)
    assert [box.node for box in part.boxes if not box.frame and crosses(part, box)] == []


@settings(max_examples=40)
@given(GRAPHS)
def test_everything_stands_within_the_picture(drawn: Graph) -> None:
    part = layout(drawn)
    for box in part.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= part.right
        assert box.y + box.height <= part.height
    for x, y in (point for edge in part.edges for point in edge.points):
        assert 0 <= x <= part.right
        assert 0 <= y <= part.height
    for edge in part.edges:
        assert edge.label_at[0] + width_of(edge.label, 11) <= part.right


@settings(max_examples=40)
@given(GRAPHS)
def test_every_line_of_text_fits_its_box(drawn: Graph) -> None:
    for box in layout(drawn).boxes:
        for number, line in enumerate(box.lines):
            assert width_of(line.text, line.size) <= box.width
            assert baseline(number) + 4 <= box.height


def test_a_sequence_is_stacked_on_one_axis_and_arms_stand_side_by_side() -> None:
    found = boxes_of(everything())
    middles = {key: box.x + box.width // 2 for key, box in found.items()}
    assert middles["extract"] == middles["both"] == middles["each"] == middles["pause"] == middles["done"]
    assert found["left"].x < found["gate"].x < found["right"].x
    assert found["left"].y == found["gate"].y == found["right"].y
    assert found["extract"].y < found["both"].y < found["left"].y < found["left-too"].y < found["each"].y


def test_a_frame_stands_around_its_steps_and_nothing_else() -> None:
    found = boxes_of(everything())
    inside = {key for key, box in found.items() if key != "each" and holds(found["each"], box)}
    assert inside == {"train", "good", "register", "fail"}


def test_nothing_follows_a_failure() -> None:
    fail = node("fail", shape="failure")
    assert "done" not in boxes_of(graph(node("prepare"), fail))
    assert "done" not in boxes_of(graph(either((fail,), (node("other", shape="failure"),))))
    assert "done" not in boxes_of(graph(both((fail,), (node("other"),))))
    assert "done" not in boxes_of(graph(each(fail)))
    assert "done" in boxes_of(graph(either((), (fail,))))
    assert len(layout(graph(fail)).edges) == 0


def test_an_empty_arm_leads_past_the_other() -> None:
    part = layout(graph(either((), (node("again"),))))
    past = next(edge for edge in part.edges if edge.label == "yes")
    assert not past.arrow
    assert past.points[-1][1] > boxes_of(graph(either((), (node("again"),))))["again"].y


def test_a_long_chain_and_deep_nesting_are_laid_out() -> None:
    inner = node("deepest")
    for depth in range(40):
        inner = either((inner,), (), key=f"gate-{depth}")  # type: ignore[assignment]
    assert len(layout(graph(inner)).boxes) == 42
    assert len(layout(graph(*(node(f"step-{number}") for number in range(200)))).boxes) == 201


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("short", ("short",)),
        ("two words", ("two words",)),
        ("  no\n such\tgaps ", ("no such gaps",)),
        ("evaluate.auc >= 0.75 and more", ("evaluate.auc", ">= 0.75 and", "more")),
        ("s3://a-bucket/with/a/path", ("s3://a-", "bucket/with/", "a/path")),
    ],
)
def test_text_breaks_at_spaces_and_after_punctuation(text: str, lines: tuple[str, ...]) -> None:
    assert lines_of(text, 11, 90, 3) == lines


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    lines = lines_of("x" * 200, 11, 90, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(width_of(line, 11) <= 90 for line in lines)


def test_text_is_escaped_and_what_xml_cannot_hold_is_replaced() -> None:
    assert escaped("<b a=\"1\" c='2'>&\0\ud800") == "&lt;b a=&quot;1&quot; c=&#x27;2&#x27;&gt;&amp;\ufffd\ufffd"
