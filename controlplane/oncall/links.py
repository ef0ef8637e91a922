"""Where the pages of schedules are, for messages and refs."""

from __future__ import annotations

from django.urls import reverse

from controlplane.oncall.models import Override, Schedule


def page_of(schedule: Schedule) -> str:
    return reverse("admin:oncall_schedule_change", args=[schedule.uid])


def take_url(schedule: Schedule) -> str:
    return reverse("oncall:swap", args=[schedule.uid])


def override_url(made: Override) -> str:
    return reverse("admin:oncall_override_change", args=[made.uid])
