"""`GET /bd`: the client as one file, for machines without the checkout. Open to everybody: it
holds nothing but published code, and no key."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from controlplane.work.single_file import single_file


@require_safe
def bd(request: HttpRequest) -> HttpResponse:
    packed = single_file()
    tag = f'"{packed.digest[:32]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response: HttpResponse
    if tag in known or "*" in known:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(packed.data, content_type="application/octet-stream")
        response["Content-Disposition"] = 'attachment; filename="bd"'
        response["X-Content-Type-Options"] = "nosniff"
    response["ETag"] = tag
    response["Cache-Control"] = "public, max-age=300"
    return response
