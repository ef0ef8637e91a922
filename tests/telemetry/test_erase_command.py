"""Erasing at the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from controlplane.audit.models import AuditEvent
from telemetry.models import Event
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


def erase(*words: str) -> str:
    out = StringIO()
    call_command("erase_events", *words, stdout=out)
    return out.getvalue()


def test_one_mission__or_all__with_a_reason_in_the_log() -> None:
    workspace, other = make.workspace("first-place"), make.workspace("other-place")
    for each in (workspace, other):
        tell(each, [event(mission_id="MIS-1"), event(mission_id="MIS-2")])
    here = ("--workspace", "first-place", "--reason", "asked for by its owner")
    assert erase(*here, "--mission", "MIS-1") == "1 events erased\n"
    assert [row.mission for row in Event.objects.of(workspace.pk)] == ["MIS-2"]
    assert erase(*here, "--all") == "1 events erased\n"
    assert Event.objects.of(other.pk).count() == 2
    told = AuditEvent.objects.filter(action="telemetry.erase").latest("pk")
    assert told.reason == "asked for by its owner"


@pytest.mark.parametrize(
    "words",
    [
        ("--workspace", "nowhere", "--all", "--reason", "x"),
        ("--workspace", "first-place", "--mission", " ", "--reason", "x"),
        ("--workspace", "first-place", "--all", "--reason", " "),
        ("--workspace", "first-place", "--reason", "x"),
    ],
)
def test_half_a_command__erases_nothing(words: tuple[str, ...]) -> None:
    tell(make.workspace("first-place"), [event()])
    with pytest.raises(CommandError):
        erase(*words)
    assert Event.objects.count() == 1
