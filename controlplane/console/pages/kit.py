"""The kit: every shared piece of the console with live examples, for whoever builds a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.views.decorators.http import require_safe

from controlplane.console.charts.samples import SAMPLES as CHARTS
from controlplane.console.kit.samples import SAMPLES as PIECES
from controlplane.console.pages.common import console, show


@require_safe
@console
def kit(request: HttpRequest) -> HttpResponse:
    django = engines["django"]
    pieces = [
        {
            "title": sample.title,
            "usage": sample.usage,
            "shown": django.from_string(sample.template).render(dict(sample.context), request),
        }
        for sample in PIECES
    ]
    context = {"title": "Kit", "pieces": pieces, "charts": CHARTS}
    return show(request, "console/kit.html", context)
