"""The box above a packet's history."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from controlplane.approvals import numbers, services
from controlplane.approvals.links import CONSOLE, Places
from controlplane.approvals.web.common import approval_of, page
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid


@require_POST
@page
def comment(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return said(request, uid, CONSOLE)


def said(request: HttpRequest, uid: uuid.UUID, places: Places) -> HttpResponse:
    """What is too long comes back as a refusal, never cut."""
    approval = approval_of(request, uid)
    text = request.POST.get("body", "").replace("\x00", "")[: numbers.MAX_COMMENT.value + 1]
    try:
        services.comment(approval, text, actor=actor_of(request))
    except Invalid as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Said.")
    return HttpResponseRedirect(places.url("packet", approval))
