"""What stands on a mission's page."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from missions.models import Mission


def page_of(row: Mission) -> str:
    return reverse("admin:missions_mission_change", args=(row.pk,))


def text(client: Client, row: Mission) -> str:
    answer = client.get(page_of(row))
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]
