"""The page of hours: each channel as a strip, the holidays to come, and forms that keep them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.posting import tell, version_of, workspace_for
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import numbers
from incidents.models import Holiday
from incidents.support import holidays, hours, strips
from incidents.support.hours_forms import ChannelForm, HolidayForm, HolidaysForm
from incidents.web.common import page_for

VIEW = "incident.view"
SHOWN = timedelta(days=183)
BACK = timedelta(days=14)
MOST_SHOWN = 60


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"incidents/support/{template}", whole, status=status)


@require_http_methods(["GET", "HEAD"])
@page_for(VIEW)
def board(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, hours.KEEP)
    now = clock.now()
    rows = Holiday.objects.filter(workspace=workspace)
    rows = rows.filter(day__gte=(now - BACK).date(), day__lte=(now + SHOWN).date())
    found = list(rows.order_by("day")[: MOST_SHOWN + 1])
    may = policy.can(actor_of(request), hours.KEEP, workspace)
    return show(request, "hours.html", {
        "title": "Hours of support", "workspace": workspace, "now": now,
        "strips": [strips.strip(each, now) for each in hours.channels(workspace.pk).values()],
        "holidays": found[:MOST_SHOWN], "more": len(found) > MOST_SHOWN,
        "may_keep": bool(may), "why_not": "" if may else may.reason,
    })  # fmt: skip


def kept(view: Callable[..., HttpResponse]) -> Any:
    """For whoever may keep the hours of the chosen workspace."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @page_for(hours.KEEP)
    def guarded(request: HttpRequest, **given: Any) -> HttpResponse:
        workspace = workspace_for(request, hours.KEEP)
        policy.require(actor_of(request), hours.KEEP, workspace)
        return view(request, workspace, **given)

    return guarded


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("around:hours"))


def _saved(form: forms.Form, save: Callable[[dict[str, Any]], object]) -> int:
    """302 where it was, else the status of the page that says why not."""
    if not form.is_valid():
        return 400
    try:
        save(dict(form.cleaned_data))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        tell(form, error)
        return error.status
    return 302


@kept
def channel(request: HttpRequest, workspace: Workspace, slug: str = "") -> HttpResponse:
    actor = actor_of(request)
    row = next((each for each in hours.rows_of(workspace.pk) if each.slug == slug), None)
    if slug and row is None:
        raise NotFound("There is no such channel.")
    if row is not None and "drop" in request.POST:
        hours.drop_channel(workspace, slug, actor=actor, reason="Dropped in the console.")
        messages.success(request, f"{row.title}: the workspace's own is gone.")
        return _back()
    form = ChannelForm(request.POST if request.method == "POST" else None, row)

    def save(given: dict[str, Any]) -> None:
        name = slug or given.pop("slug")
        if not slug and any(each.slug == name for each in hours.rows_of(workspace.pk)):
            form.add_error("slug", "There is a channel of this name already.")
            return
        hours.save_channel(workspace, name, actor=actor, version=version_of(request), **given)

    status = _saved(form, save) if request.method == "POST" else 200
    if status == 302 and not form.errors:
        messages.success(request, "Saved. What is due already keeps its time.")
        return _back()
    return show(request, "channel.html", {
        "title": row.title if row else "A channel", "form": form, "row": row,
        "own": row is not None and row.workspace_id is not None, "workspace": workspace,
        "shipped": slug in {each["slug"] for each in hours.SHIPPED},
    }, status=409 if status == 302 else status)  # fmt: skip


@kept
def holiday(
    request: HttpRequest, workspace: Workspace, uid: uuid.UUID | None = None
) -> HttpResponse:
    actor = actor_of(request)
    row = Holiday.objects.filter(workspace=workspace).filter(uid=uid).first() if uid else None
    if uid and row is None:
        raise NotFound("There is no such day.")
    if row is not None and "remove" in request.POST:
        hours.remove_holiday(row, actor=actor)
        messages.success(request, f"{row.title} is removed.")
        return _back()
    form = HolidayForm(request.POST if request.method == "POST" else None, row)

    def save(given: dict[str, Any]) -> None:
        if row is None:
            hours.add_holiday(workspace, given.pop("day"), actor=actor, **given)
        else:
            hours.change_holiday(row, actor=actor, version=version_of(request), **given)

    status = _saved(form, save) if request.method == "POST" else 200
    if status == 302:
        messages.success(request, "Saved. What is due already keeps its time.")
        return _back()
    return show(request, "holiday.html", {
        "title": row.title if row else "A holiday", "form": form, "row": row,
        "workspace": workspace,
    }, status=status)  # fmt: skip


@kept
def calendar(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    """A calendar is looked at first, then taken."""
    actor = actor_of(request)
    posted = request.method == "POST"
    form = HolidaysForm(request.POST if posted else None, request.FILES or None, label_suffix="")
    found: holidays.Found | None = None
    raw, status = b"", 200
    if posted:
        status = 400
        if form.is_valid():
            try:
                raw = form.raw()
                if "save" in request.POST:
                    seen = form.cleaned_data["seen"]
                    done = holidays.take(workspace, raw, actor=actor, seen=seen)
                    messages.success(request, f"{len(done.days):,} days are added.")
                    return _back()
                found = holidays.look(workspace, raw, actor=actor)
                status = 200
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
    return show(request, "calendar.html", {
        "title": "Holidays from a calendar", "form": form, "found": found, "workspace": workspace,
        "shown": found.days[:MOST_SHOWN] if found else [],
        "more": max(0, len(found.days) - MOST_SHOWN) if found else 0,
        "problems": found.problems[:30] if found else [],
        "text": raw.decode("utf-8-sig", "replace").replace("\0", ""),
        "most_kib": numbers.CALENDAR_BYTES.value // 1024,
    }, status=status)  # fmt: skip
