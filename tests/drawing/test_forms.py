"""A drawing as SVG, as a page, as Mermaid and in a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from syrupy.assertion import SnapshotAssertion

from constructs_ml import (
    S3,
    Approve,
    Drawing,
    Fail,
    ForEach,
    Input,
    Listing,
    Manifest,
    ModelSpec,
    Parallel,
    SpecError,
    Wait,
    draw,
    mermaid,
)
from constructs_ml.drawing.graph import Fork, Frame, Graph
from tests.drawing.graphs import GRAPHS, everything, graph, node
from tests.support import CODE, ROOT, pipeline, prepare

SVG = "{http://www.w3.org/2000/svg}"
ATTACK = "<script>alert(1)</script>"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@settings(max_examples=40)
@given(GRAPHS)
def test_whatever_is_drawn_is_xml_and_fetches_nothing(drawn: Graph) -> None:
    svg = Drawing(drawn).svg
    kinds = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert kinds <= {"svg", "title", "desc", "style", "rect", "g", "path", "polygon", "text"}
    assert not re.search(r"(href|src|url\(|@import|<script|\son\w+=)", re.sub(r">[^<]*<", "><", svg))


def test_a_picture_says_what_it_shows() -> None:
    root = ElementTree.fromstring(draw(pipeline()).svg)
    assert root.get("role") == "img"
    names = {element.get("id"): element.text for element in root if element.get("id")}
    title, words = (names[name] for name in (root.get("aria-labelledby") or "").split())
    assert title == "training of churn"
    assert words is not None
    assert "prepare, Process. train, Train. evaluate, Process. evaluate.auc >= 0.8." in words


def test_two_pictures_of_one_page_do_not_share_their_ids() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', draw(spec).svg)) for spec in (pipeline(), pipeline(prepare()))]
    assert len(ids[0]) == len(ids[1]) == 2
    assert not ids[0] & ids[1]


def test_the_same_pipeline_is_drawn_the_same() -> None:
    assert draw(pipeline()).svg == draw(pipeline()).svg
    assert draw(pipeline()).html == draw(pipeline()).html


def test_a_picture_has_colours_for_dark_pages_and_needs_no_variables() -> None:
    svg = draw(pipeline()).svg
    assert "@media (prefers-color-scheme: dark)" in svg
    assert "var(" not in svg


@pytest.mark.parametrize("form", ["svg", "html", "mermaid"])
def test_words_of_a_declaration_are_never_markup(form: str) -> None:
    spec = pipeline(prepare(), Fail(cause=f'{ATTACK} & "quoted"'))
    drawn = getattr(draw(spec), form)
    assert "<script" not in drawn
    assert "script" in drawn


def test_the_words_of_an_attack_are_shown_as_they_are() -> None:
    assert ATTACK in " ".join(texts(Drawing(graph(node("fail", subtitle=ATTACK))).svg))


def test_a_page_is_whole_and_allows_nothing_from_elsewhere() -> None:
    page = draw(pipeline()).html
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    assert "<h1>training of churn</h1>" in page
    assert page.count("<tr>") == 1 + 6


def test_notebooks_show_the_picture() -> None:
    spec = pipeline()
    model = ModelSpec(name="churn", owner="growth", root=CODE, steps=spec.steps)
    assert spec._repr_html_() == model._repr_html_() == draw(spec)._repr_html_() == draw(spec).svg


def test_forks_and_frames_are_written_like_this_in_mermaid(snapshot: SnapshotAssertion) -> None:
    assert Drawing(everything()).mermaid == snapshot


def test_mermaids_ids_are_told_apart() -> None:
    twins = graph(node("a-b"), node("a_b"), node("cron"), triggers=(node("cron", shape="trigger"),))
    text = Drawing(twins).mermaid
    assert '  n_a_b["a-b"]' in text
    assert '  nn_a_b["a_b"]' in text
    assert '  tn_cron(["cron"]) -.-> n_a_b' in text
    assert "  nn_a_b --> n_cron" in text


def test_marks_of_mermaid_in_a_text_stay_text() -> None:
    text = Drawing(graph(node("a", title='`"#1"` <b>'))).mermaid
    assert '["#96;#quot;#35;1#quot;#96; #lt;b#gt;"]' in text


def test_a_pipeline_that_only_fails_is_never_done() -> None:
    assert "done" not in mermaid(pipeline(Fail(cause="no")))


def test_mermaid_of_a_pipeline_is_its_drawings() -> None:
    assert mermaid(pipeline()) == draw(pipeline()).mermaid


@pytest.mark.parametrize(("name", "beginning"), [("a.svg", "<svg"), ("a.html", "<!doctype"), ("a.mmd", "flowchart TD")])
def test_the_suffix_says_what_is_written(tmp_path: Path, name: str, beginning: str) -> None:
    assert draw(pipeline()).write(tmp_path / name).read_text().startswith(beginning)


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="drawing-suffix"):
        draw(pipeline()).write(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_the_pages_picture_is_what_its_example_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "drawing.md").read_text(), re.S | re.M):
        exec(block, names)
    assert (ROOT / "docs" / "drawing.svg").read_text() == names["coloured"].svg


def test_blocks_are_drawn_as_what_they_are() -> None:
    one, two = prepare(name="one"), prepare(name="two")
    each = ForEach(name="cities", items=("Bern", "Basel"), steps=(prepare(name="score"),), concurrency=2)
    steps = (Parallel(branches=(one, two)), each, Wait(name="pause", seconds=60), Approve(question="Does it go live?"))
    fork, frame, pause, ask = draw(pipeline(*steps)).graph.items
    assert isinstance(fork, Fork)
    assert isinstance(frame, Frame)
    assert (fork.node.shape, [arm.items[0].key for arm in fork.arms]) == ("parallel", ["one", "two"])  # type: ignore[union-attr]
    assert frame.node.subtitle == "ForEach of 2 items, 2 at a time"
    assert (pause.subtitle, pause.shape) == ("Wait 60 s", "wait")  # type: ignore[union-attr]
    assert ask.subtitle == "Approve: Does it go live?"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (Manifest(S3("lists/cities.csv"), "CSV"), "ForEach of the items of a manifest"),
        (Listing(S3("raw/")), "ForEach of the objects below a prefix"),
        (Input("cities", "List"), "ForEach of the items of a list"),
        (("Bern",), "ForEach of 1 item"),
    ],
)
def test_a_frame_says_what_it_runs_over(items: Any, words: str) -> None:
    inputs = (items,) if isinstance(items, Input) else ()
    spec = pipeline(ForEach(name="cities", items=items, steps=(prepare(name="score"),)), inputs=inputs)
    assert draw(spec).graph.nodes[0].subtitle == words
