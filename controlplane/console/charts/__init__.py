"""The chart kit: plain data in, an accessible `<figure>` out. `data` names what can be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.safestring import SafeString

from controlplane.console.charts import (
    bars,
    graph,
    heatmap,
    histogram,
    lines,
    measures,
    sparkline,
    timeline,
)
from controlplane.console.charts.data import Chart, from_mapping

__all__ = ["render"]

_RENDERERS: dict[str, Callable[[Any], SafeString]] = {
    "line": lines.render,
    "area": lines.render,
    "bar": bars.render,
    "histogram": histogram.render,
    "funnel": measures.render_funnel,
    "timeline": timeline.render,
    "graph": graph.render,
    "bullet": measures.render_bullet,
    "heatmap": heatmap.render,
    "sparkline": sparkline.render,
}


def render(data: Chart | Mapping[str, Any]) -> SafeString:
    """Markup for a chart, or for a mapping with its `kind`; ValueError for words unknown."""
    chart = data if isinstance(data, Chart) else from_mapping(data)
    return _RENDERERS[chart.kind](chart)
