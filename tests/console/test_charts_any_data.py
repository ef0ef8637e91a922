"""Whatever the data: markup is well-formed, places are finite and inside, nothing raises."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.console.charts import render
from controlplane.console.charts.data import KINDS
from tests.kit.chart_markup import parsed

NUMBERS = st.one_of(
    st.floats(),
    st.none(),
    st.integers(-(10**400), 10**400),
    st.decimals(),
    st.sampled_from([0, 1e15, 1e-15, -1e15, 5e-324, 1.7e308, Decimal("NaN"), Decimal("sNaN")]),
)
TIMES = st.datetimes(timezones=st.just(UTC))
XS = st.one_of(
    NUMBERS, TIMES, TIMES.map(datetime.isoformat), st.sampled_from(["", "never", "2026"])
)
WORDS = st.text(max_size=30)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Nowhere/At all", ""])
UNITS = st.sampled_from(["", "%", "ms", "s", "bytes", "count", "ratio", "<b>"])


def few(what: st.SearchStrategy[Any], most: int = 6) -> st.SearchStrategy[list[Any]]:
    return st.lists(what, max_size=most)


THRESHOLDS = few(
    st.fixed_dictionaries(
        {
            "value": NUMBERS,
            "label": WORDS,
            "kind": st.sampled_from(["limit", "target"]),
            "worse": st.sampled_from(["above", "below"]),
        }
    ),
    2,
)
NOTES = few(st.fixed_dictionaries({"at": XS, "label": WORDS, "until": st.one_of(st.none(), XS)}), 3)
SPANS = few(
    st.fixed_dictionaries(
        {
            "start": XS,
            "end": st.one_of(st.none(), XS),
            "state": WORDS | st.sampled_from(["up", "down"]),
        }
    )
)
LINES: dict[str, st.SearchStrategy[Any]] = {
    "series": few(st.tuples(WORDS, few(st.tuples(XS, NUMBERS), 30)), 4),
    "thresholds": THRESHOLDS,
    "annotations": NOTES,
    "ribbons": few(st.tuples(WORDS, few(st.tuples(XS, NUMBERS, NUMBERS))), 2),
    "start": st.one_of(st.none(), XS),
    "end": st.one_of(st.none(), XS),
    "from_zero": st.booleans(),
    "gap": st.one_of(st.none(), st.floats(1, 1e6)),
    "tz": ZONES,
}
SHAPES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "line": LINES,
    "area": {**LINES, "stacked": st.booleans()},
    "bar": {
        "categories": few(WORDS, 40),
        "series": few(st.tuples(WORDS, few(NUMBERS, 40)), 10),
        "thresholds": THRESHOLDS,
        "stacked": st.booleans(),
        "horizontal": st.sampled_from([None, True, False]),
    },
    "histogram": {
        "buckets": few(st.tuples(NUMBERS, NUMBERS, NUMBERS), 30),
        "values": few(NUMBERS, 60),
        "marks": few(st.tuples(WORDS, NUMBERS)),
        "thresholds": THRESHOLDS,
        "log": st.booleans(),
    },
    "funnel": {"steps": few(st.tuples(WORDS, NUMBERS))},
    "timeline": {
        "lanes": few(st.fixed_dictionaries({"name": WORDS, "spans": SPANS})),
        "annotations": NOTES,
        "start": st.one_of(st.none(), XS),
        "end": st.one_of(st.none(), XS),
        "tz": ZONES,
    },
    "graph": {
        "nodes": few(st.tuples(st.sampled_from("abcdef"), WORDS, WORDS)),
        "edges": few(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg"), WORDS), 15),
        "direction": st.sampled_from(["TB", "LR"]),
    },
    "bullet": {"measures": few(st.tuples(WORDS, NUMBERS, NUMBERS))},
    "heatmap": {
        "values": few(few(NUMBERS, 30), 9),
        "rows": few(WORDS, 8),
        "columns": few(WORDS, 26),
    },
    "sparkline": {"values": few(NUMBERS, 30)},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
@settings(deadline=None)
def test_any_data__is_drawn_inside_its_box(kind: str, data: st.DataObject) -> None:
    given_data = data.draw(st.fixed_dictionaries(SHAPES[kind]))
    unit = data.draw(UNITS)
    size = data.draw(st.sampled_from(["small", "medium", "large"]))
    parsed(
        render({"kind": kind, "title": data.draw(WORDS), "unit": unit, "size": size, **given_data})
    )


@pytest.mark.parametrize("kind", ["line", "area"])
@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [5.0] * 9,
        [-3.0, -1.0],
        [1e15, 1e15 + 1],
        [1e-12, 3e-12],
        [math.nan, 1.0, math.inf, 2.0, None],
        [0.0, 0.0],
    ],
    ids=str,
)
def test_awkward_values__are_drawn(kind: str, values: list[float | None]) -> None:
    points = list(enumerate(values))
    root = parsed(render({"kind": kind, "title": "x", "series": [("a", points)]}))
    drawn = [node for node in root.iter("path") if "chart-line" in node.attrib.get("class", "")]
    dots = list(root.iter("circle"))
    assert drawn or dots


def test_ten_thousand_points__stay_light() -> None:
    points = [(float(i), float(i * 7919 % 1000)) for i in range(10_000)]
    assert len(render({"kind": "line", "title": "x", "series": [("a", points)]})) < 120_000
