"""The kit: every shared piece of the console with live examples, for whoever builds a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.console.charts.samples import SAMPLES as CHARTS
from controlplane.console.kit.samples import SAMPLES as PIECES
from controlplane.console.pages.common import console, show


@require_safe
@console
def kit(request: HttpRequest) -> HttpResponse:
    pieces = [{"piece": piece, "shown": piece.render({"request": request})} for piece in PIECES]
    return show(request, "console/kit.html", {"title": "Kit", "pieces": pieces, "charts": CHARTS})
