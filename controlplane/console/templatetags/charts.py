"""`{% chart data %}` and `{% sparkline values title="Wakes" unit="ms" %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.safestring import SafeString

from controlplane.console import charts
from controlplane.console.charts.data import Chart, Sparkline, Threshold, Y

register = template.Library()


@register.simple_tag
def chart(data: Chart | Mapping[str, Any]) -> SafeString:
    return charts.render(data)


@register.simple_tag
def sparkline(
    values: Iterable[Y], title: str = "Trend", unit: str = "", period: str = "", limit: Y = None
) -> SafeString:
    line = None if limit is None else Threshold(limit)
    return charts.render(
        Sparkline(title=title, values=tuple(values), unit=unit, period=period, threshold=line)
    )
