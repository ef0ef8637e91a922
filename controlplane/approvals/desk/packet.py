"""One packet on the desk: read, answered, lent, commented, taken along."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.access import policy
from controlplane.approvals import talk
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.links import DESK
from controlplane.approvals.models import Request
from controlplane.approvals.web.answering import Door, answered
from controlplane.approvals.web.comment import said
from controlplane.approvals.web.common import approval_of
from controlplane.approvals.web.delegate import lent
from controlplane.approvals.web.export import handed_out
from controlplane.base.web import actor_of
from controlplane.lib.errors import NotFound
from controlplane.work import files

_MOST_SAID = 30


def _around(request: HttpRequest, approval: Request) -> Mapping[str, Any]:
    actor = actor_of(request)
    decision = policy.can(actor, "approval.comment", approval)
    if decision and approval.item is not None:
        decision = policy.can(actor, "work.comment", approval.item)
    return {
        "title": f"{approval.ref} {approval.title}",
        "talk": talk.about(approval, actor, _MOST_SAID),
        "comment_url": DESK.url("comment", approval) if decision else "",
    }


DOOR = Door(DESK, show, template="packet.html", more=_around)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def packet(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return answered(request, uid, DOOR)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def delegate(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return lent(request, uid, DESK, show)


@require_POST
@page
def comment(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return said(request, uid, DESK)


@require_safe
@page
def export(request: HttpRequest, uid: uuid.UUID, kind: str) -> HttpResponse:
    return handed_out(approval_of(request, uid), kind, actor_of(request))


@require_safe
@page
def file(request: HttpRequest, uid: uuid.UUID) -> FileResponse:
    """Evidence on the work item a packet is about, and on no other: the desk is no way into the
    workspace's files."""
    actor = actor_of(request)
    found = files.link_of(actor, uid)
    policy.require(actor, "work.view", found.item)
    asked = Request.objects.visible_to(actor).filter(item_id=found.item_id)
    if not asked.exists():
        raise NotFound("No such evidence.")
    return files.handed_out(found)
