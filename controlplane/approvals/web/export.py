"""A packet handed out as a file."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.approvals import services
from controlplane.approvals.export import as_html, as_pdf, document
from controlplane.approvals.models import Request
from controlplane.approvals.web.common import approval_of, page
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound

KINDS = {
    "html": (as_html, "text/html; charset=utf-8"),
    "pdf": (as_pdf, "application/pdf"),
}


@require_safe
@page
def packet_file(request: HttpRequest, uid: uuid.UUID, kind: str) -> HttpResponse:
    return handed_out(approval_of(request, uid), kind, actor_of(request))


def handed_out(approval: Request, kind: str, actor: Actor) -> HttpResponse:
    """Always to be saved, never shown here: the file brings its own styles, and titles that
    others wrote."""
    if kind not in KINDS:
        raise NotFound("There is no such kind of export.")
    write, media_type = KINDS[kind]
    made = document(approval, actor)
    written = write(made)
    services.exported(approval, kind, actor=actor)
    answer = HttpResponse(written, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{made.filename}.{kind}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer
