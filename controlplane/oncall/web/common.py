"""What the pages share: who may open them, the frame, times as the reader's clock shows them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import NotFound
from controlplane.oncall.models import Schedule
from controlplane.oncall.walls import instant, local_of, zone_of

View = Callable[..., HttpResponseBase]
FORMS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
MOST_PEOPLE = 500


def page(view: View) -> View:
    """For whoever may enter the console and see who is on call."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "oncall.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"oncall/{template}", whole, status=status)


def schedules_of(request: HttpRequest) -> Any:
    rows = Schedule.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    return rows if chosen is None else rows.of(chosen)


def schedule_of(request: HttpRequest, uid: uuid.UUID) -> Schedule:
    """Out of scope is the same as gone."""
    rows = Schedule.objects.visible_to(actor_of(request)).select_related("workspace")
    found: Schedule | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such schedule.")
    return found


def zone_of_reader(request: HttpRequest) -> str:
    user = request.user
    return user.time_zone if isinstance(user, User) else "UTC"


def people_of(workspace_id: int) -> list[User]:
    """Everybody who works there, by name."""
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    rows = User.objects.filter(is_active=True, pk__in=held.values("membership__user_id"))
    return list(rows.order_by("name", "email")[:MOST_PEOPLE])


def choices_of(people: list[User], first: str) -> list[tuple[str, str]]:
    named = [
        (str(one.uid), f"{one.name} ({one.email})" if one.name else one.email) for one in people
    ]
    return [("", first), *named]


class WallField(forms.Field):
    """A date and time as the reader's clock shows them, read as the instant they mean. `was`: the
    instant that is shown at first. Left as it is it stays that instant, to the second and in the
    hour that comes twice."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def __init__(self, zone: ZoneInfo, *, was: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zone, self.was = zone, was

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        if self.was is not None and text == self.prepare_value(self.was):
            return self.was
        for form in FORMS:
            try:
                # Naive on purpose: the zone is the reader's, and may skip or repeat it.
                read = datetime.strptime(text[:40], form)  # noqa: DTZ007
                return instant(read, self.zone)
            except (ValueError, OverflowError):
                continue
        raise forms.ValidationError("A day and a time, as 2026-11-30 09:00.")

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return f"{local_of(value, self.zone):%Y-%m-%dT%H:%M}"
        return value


def on_the_wall(form: Any, request: HttpRequest, *names: str) -> None:
    """These times of an admin's form are asked as the reader's clock shows them, and say so."""
    zone = zone_for(request)
    for name in names:
        if (was := form.base_fields.get(name)) is not None:
            form.base_fields[name] = WallField(
                zone, label=was.label, required=was.required, initial=was.initial, label_suffix="",
                help_text=f"{was.help_text} {zone.key} time.".strip(),
            )  # fmt: skip


def asked_time(request: HttpRequest, name: str) -> datetime | None:
    """An instant from the address of the page; what is none counts as not given."""
    try:
        found = datetime.fromisoformat(request.GET.get(name, "")[:40].replace(" ", "+"))
        return found if found.tzinfo is not None else None
    except ValueError:
        return None


def zone_for(request: HttpRequest) -> ZoneInfo:
    return zone_of(zone_of_reader(request))
