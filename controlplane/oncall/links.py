"""Where the pages of schedules are, for messages and refs."""

from __future__ import annotations

from django.urls import reverse

from controlplane.oncall.models import HandoffNote, Override, Schedule, SwapRequest


def page_of(schedule: Schedule) -> str:
    return reverse("admin:oncall_schedule_change", args=[schedule.uid])


def take_url(schedule: Schedule) -> str:
    return reverse("oncall:swap", args=[schedule.uid])


def ask_url(schedule: Schedule) -> str:
    return reverse("oncall:ask", args=[schedule.uid])


def request_url(made: SwapRequest) -> str:
    return reverse("admin:oncall_swaprequest_change", args=[made.uid])


def note_url(note: HandoffNote) -> str:
    return reverse("admin:oncall_handoffnote_change", args=[note.uid])


def write_url(schedule: Schedule) -> str:
    return reverse("oncall:write_note", args=[schedule.uid])


def override_url(made: Override) -> str:
    return reverse("admin:oncall_override_change", args=[made.uid])
