"""Messages to customers that wait to be published: read as customers will, let out or held back."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.approvals.desk.frame import page, show
from controlplane.base.posting import posted
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents.desk import pages
from incidents.models import Update
from incidents.querysets import ENDED
from incidents.response import updates

PUBLISH = "incident.publish"
MOST, LATELY = 50, 10


def places_of(actor: Actor, workspace_id: int | None) -> list[Workspace]:
    """Where this person publishes; whoever is of another house sees nothing else of a workspace."""
    rows = Workspace.objects.open().filter(pk__in=actor.workspace_ids).order_by("name")
    rows = rows if workspace_id is None else rows.filter(pk=workspace_id)
    return [each for each in rows if policy.can(actor, PUBLISH, each)]


def _messages(actor: Actor, workspace_id: int | None) -> Any:
    rows = Update.objects.visible_to(actor).filter(
        audience=Update.Audience.CUSTOMERS, workspace__in=places_of(actor, workspace_id)
    )
    return rows.select_related("incident", "workspace")


def _drafts(actor: Actor, workspace_id: int | None) -> Any:
    """Of what is over nothing goes out any more."""
    return _messages(actor, workspace_id).drafts().exclude(incident__status__in=ENDED)


def count_drafts(actor: Actor, workspace_id: int | None) -> int:
    return int(_drafts(actor, workspace_id).order_by().count())


def _place(request: HttpRequest) -> int | None:
    chosen = workspace_of(request)
    return chosen.pk if chosen is not None else None


@require_safe
@page
def overview(request: HttpRequest) -> HttpResponse:
    """The oldest draft first: somebody promised when customers hear more."""
    actor, place = actor_of(request), _place(request)
    policy.require(actor, PUBLISH)
    told = _messages(actor, place).posted().order_by("-posted_at", "-pk")
    context = {
        "title": "What customers read",
        "drafts": list(_drafts(actor, place).order_by("pk")[:MOST]),
        "told": list(told[:LATELY]),
        "pages": pages.lines(actor, place),
        "many": len(places_of(actor, place)) > 1,
    }
    return show(request, "customers/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def message(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    row = message_of(actor, uid)
    policy.require(actor, PUBLISH, row.incident)
    error, status = "", 200
    if request.method == "POST":
        try:
            said = _decided(request, row, actor)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error, status = refused.message, refused.status
            row = message_of(actor, uid)
        else:
            messages.success(request, said)
            return HttpResponseRedirect(reverse("incident_desk:overview"))
    return show(request, "customers/message.html", _told(row, error, request), status=status)


def _told(row: Update, error: str, request: HttpRequest) -> dict[str, Any]:
    before = row.incident.updates.posted().filter(audience=Update.Audience.CUSTOMERS)
    return {
        "title": row.subject,
        "row": row,
        "error": error,
        "waits": row.status == Update.Status.DRAFT and row.incident.status not in ENDED,
        "reason": posted(request, "reason", 600),
        "before": list(before.exclude(pk=row.pk).order_by("-posted_at", "-pk")[:LATELY]),
        "page": pages.status_page_of(row.workspace_id),
    }


def _decided(request: HttpRequest, row: Update, actor: Actor) -> str:
    """What stood on the page is what goes out, or nothing does."""
    seen = posted(request, "version", 9)
    version = int(seen) if seen.isascii() and seen.isdigit() else 0
    if request.POST.get("do") == "publish":
        updates.publish(row, actor=actor, version=version)
        return f"It is published. Customers read it with {row.incident.ref}."
    if request.POST.get("do") == "hold":
        reason = posted(request, "reason", 600)
        updates.hold_back(row, actor=actor, reason=reason, version=version)
        return "It is held back, and whoever wrote it is told why."
    raise NotFound("There is no such decision.")


def message_of(actor: Actor, uid: uuid.UUID) -> Update:
    """Out of scope is the same as gone."""
    found: Update | None = _messages(actor, None).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such message.")
    return found
