"""Times people type: on the wall of whoever types them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from controlplane.access.models import User
from controlplane.oncall.walls import instant, local_of, zone_of


class LocalMoment(forms.DateTimeField):
    """A day and a time of the reader's own zone, which the page names. `last`: of an hour that
    comes twice the second is meant, where something ends then; one that the clocks skip is the
    moment they skip it."""

    def __init__(self, *, last: bool = False, **given: Any) -> None:
        widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        super().__init__(widget=widget, **given)
        self.last = last
        self.zone = "UTC"

    def within(self, zone: str, help_text: str) -> None:
        """Said beside the field: nobody has to guess whose clock it is."""
        self.zone = zone
        self.help_text = f"{help_text} Your time: {zone}.".strip()

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):  # read as it stands; no hour is missing there
            read = super().to_python(value)
        if read is None:
            return None
        return instant(read.replace(tzinfo=None), zone_of(self.zone), last=self.last)


def zone_of_reader(request: HttpRequest) -> str:
    return request.user.time_zone if isinstance(request.user, User) else "UTC"


def told(moment: datetime, zone: str) -> str:
    """As they typed it."""
    return f"{local_of(moment, zone_of(zone)):%Y-%m-%d %H:%M} ({zone})"
