"""Every chart of the kit page, and every chart given bad news."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template

from controlplane.console.charts import render
from controlplane.console.charts.data import KINDS, Line, Series, from_mapping
from controlplane.console.charts.samples import SAMPLES
from tests.kit.chart_markup import described, parsed, plain, words

HOSTILE = "<script>alert(1)</script>\" onload='x' \x00\ud800\u202e&amp; ]]>" + "w" * 500


@pytest.mark.parametrize(("title", "data"), SAMPLES, ids=[title for title, _ in SAMPLES])
def test_sample__is_clean_and_told(title: str, data: dict[str, Any]) -> None:
    root = parsed(render(data))
    if title == "Nothing measured":
        assert "No data in this range" in words(root)
        return
    drawn = next(node for node in root.iter("svg") if node.find("title") is not None)
    assert drawn.attrib["role"] == ("group" if data["kind"] == "graph" else "img")
    assert drawn.findtext("title") == data["title"]
    assert described(root).startswith(data["title"])
    if data["kind"] != "sparkline":
        assert root.find("details") is not None
        assert root.find("details/div/table/tbody/tr") is not None


def test_samples__show_every_kind() -> None:
    assert {data["kind"] for _, data in SAMPLES} == set(KINDS)


def _hostile(kind: str) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "line": {
            "series": [{"name": HOSTILE, "points": [(1, 2), (2, 3)]}, {"name": "b", "points": []}],
            "thresholds": [{"value": 2, "label": HOSTILE}],
            "annotations": [{"at": 1.5, "label": HOSTILE, "href": "javascript:alert(1)"}],
        },
        "bar": {"categories": [HOSTILE, "b"], "series": [{"name": HOSTILE, "values": [1, 2]}]},
        "histogram": {"values": [1, 2, 3], "marks": [(HOSTILE, 2)]},
        "funnel": {"steps": [{"name": HOSTILE, "count": 3, "href": "javascript:alert(1)"}]},
        "timeline": {
            "lanes": [
                {
                    "name": HOSTILE,
                    "spans": [{"start": 1, "end": 9, "state": HOSTILE}],
                    "href": "//x",
                }
            ]
        },
        "graph": {
            "nodes": [{"id": HOSTILE, "state": HOSTILE, "href": "javascript:alert(1)"}],
            "edges": [{"source": HOSTILE, "target": HOSTILE, "label": HOSTILE}],
        },
        "bullet": {"measures": [{"name": HOSTILE, "value": 1, "target": 2, "unit": HOSTILE}]},
        "heatmap": {"values": [[1, 2]], "rows": [HOSTILE], "columns": [HOSTILE, "b"]},
        "sparkline": {"values": [1, 2]},
    }
    return {
        "kind": kind,
        "title": HOSTILE,
        "period": HOSTILE,
        **parts[kind.replace("area", "line")],
    }


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_hostile_words__stay_words(kind: str) -> None:
    markup = render(_hostile(kind))
    root = parsed(markup)
    assert "<script" not in markup
    for link in root.iter("a"):
        assert not link.attrib["href"].startswith(("javascript:", "//"))
    for text in root.iter("text"):
        assert len(text.text or "") <= 70, "long words are clipped, the whole is in a title"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing__teaches(kind: str) -> None:
    markup = render({"kind": kind, "title": "Wakes"})
    assert "o data" in words(parsed(markup))


def test_empty__says_what_the_caller_knows() -> None:
    markup = render(Line(title="Wakes", empty="No agent has been woken yet."))
    assert "No agent has been woken yet." in markup


def test_mapping__refuses_words_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="treshold"):
        from_mapping({"kind": "line", "title": "x", "treshold": 3})
    with pytest.raises(ValueError, match="no chart of kind 'pie'"):
        from_mapping({"kind": "pie", "title": "x"})
    with pytest.raises(ValueError, match="title"):
        from_mapping({"kind": "line"})
    with pytest.raises(ValueError, match="'colour'"):
        from_mapping({"kind": "line", "title": "x", "series": [{"name": "a", "colour": "red"}]})


def test_table__is_capped_and_says_so() -> None:
    chart = Line(title="Depth", series=[Series("depth", [(i, i) for i in range(10_000)])])
    root = parsed(render(chart))
    assert len(root.findall("details/div/table/tbody/tr")) == 200
    caption = plain(root.findtext("details/div/table/caption") or "")
    assert "the latest 200 of 10 000 rows" in caption
    assert "Drawn from 10 000 points" in caption


def test_several_series__differ_by_more_than_colour() -> None:
    series = [Series(str(n), [(0, n), (1, n + 1)]) for n in range(4)]
    root = parsed(render(Line(title="x", series=series)))
    legend = root.find("ul[@class='chart-legend']")
    assert legend is not None
    shapes = {path.attrib["d"] for path in legend.iter("path")}
    assert len(shapes) == 4


def test_keyboard__reaches_notable_values_and_the_table() -> None:
    points = [(n, n % 7) for n in range(100)]
    root = parsed(render(Line(title="x", series=[Series("a", points)])))
    stops = [node for node in root.iter("g") if node.attrib.get("tabindex") == "0"]
    assert 1 <= len(stops) <= 4
    assert all(stop.attrib["aria-label"] for stop in stops)
    assert root.find("details/div[@tabindex='0'][@role='region']") is not None


def test_template_tags() -> None:
    page = Template(
        '{% load charts %}{% chart data %}{% sparkline values title="Wakes" unit="ms" %}'
    )
    made = page.render(Context({"data": SAMPLES[0][1], "values": [1, None, 3]}))
    root = parsed(f"<main>{made}</main>")
    assert root.find("figure") is not None
    assert plain(made).endswith("</svg>")
    assert "Wakes: 3 ms now, between 1 ms and 3 ms." in plain(made)
