"""The roster by weeks: its columns, ways to reach people, hours somebody is there; by page, file,
API and command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.lib.text import in_markdown
from controlplane.notify import services as notify
from controlplane.oncall import services, weeks
from controlplane.oncall.models import Schedule
from controlplane.oncall.roster import roster
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")
FRIDAY = datetime(2026, 11, 6, 8, tzinfo=UTC)


@pytest.fixture
def rota(here: Workspace) -> tuple[list[Schedule], User, User]:
    ann, bob = oncall.people(here, "Ann", "Bob")
    primary = oncall.schedule(here, overlap_minutes=20)
    second = oncall.schedule(here, "second", title="Backup", roles=["secondary_operator"],
                             cover_days=[0, 1, 2, 3, 4])  # fmt: skip
    oncall.layer(primary, [ann, bob])
    oncall.layer(second, [bob], days=[0, 1, 2, 3])
    return [second, primary], ann, bob


def test_weeks__who_is_primary_and_secondary__what_is_odd__how_they_hand_over(
    rota: tuple[list[Schedule], User, User],
) -> None:
    schedules, _, bob = rota
    services.override(
        schedules[1], bob, actor=make.JOB, starts=FRIDAY, ends=FRIDAY + timedelta(hours=4)
    )
    found = weeks.sheet(schedules)
    assert found is not None
    assert (found.zone, len(found.weeks)) == ("Europe/Berlin", 4)
    first, second = found.weeks[:2]
    assert first.name == "2026-W45, from 2026-11-02"
    assert first.primary == ["Ann from Wed 12:00", "Bob from Fri 09:00", "Ann from Fri 13:00"]
    assert "Primary on-call: Bob stands in from Fri 09:00" in first.notes
    assert "Backup: nobody from Fri 00:00 to Sat 00:00" in first.notes
    assert second.primary == ["Ann", "Bob from Mon 09:00"]
    assert second.secondary == ["Bob"]
    assert second.overlap == ["Mon 09:00 Ann to Bob, 20 min"]


def test_roster__says_how_to_reach_them_and_when(rota: tuple[list[Schedule], User, User]) -> None:
    schedules, ann, _ = rota
    here = schedules[0].workspace
    notify.add_contact(
        here, actor=make.JOB, purpose="primary", name="Ann", user=ann, phone="+49 30 1234",
        coverage="24/5",
    )  # fmt: skip
    text = roster(schedules)
    assert "| Week (Europe/Berlin) | Primary | Secondary | Notes | Overlap at hand-off |" in text
    assert "phone: \\+49 30 1234 \\(24/5\\)" in text
    assert f"e-mail: {in_markdown(ann.email)}; phone" in text
    assert "Monday to Friday" in text
    assert roster([]).startswith("# On-call roster")


def test_doors__page_file_and_command__strangers_see_nothing(
    rota: tuple[list[Schedule], User, User],
) -> None:
    here = rota[0][0].workspace
    viewer = make.client(make.person(here, "viewer"))
    page = viewer.get(reverse("oncall:roster_page")).content.decode()
    assert "Overlap at hand-off" in page
    assert "Mon 09:00 Ann to Bob, 20 min" in page
    assert "| Primary |" in viewer.get(reverse("oncall:roster")).content.decode()
    stranger = make.client(make.person(make.workspace(), "viewer"))
    for name in ("oncall:roster_page", "oncall:roster"):
        answer = stranger.get(reverse(name))
        assert answer.status_code == 200
        assert "Ann" not in answer.content.decode()
    out = StringIO()
    call_command("roster", workspace=here.slug, stdout=out)
    assert "## Backup" in out.getvalue()
    with pytest.raises(CommandError, match="no workspace"):
        call_command("roster", workspace="nowhere")


def test_weeks__across_a_change_of_the_clocks(here: Workspace) -> None:
    with time_machine.travel("2026-10-21T11:00:00+00:00", tick=False):
        schedule = oncall.schedule(here)
        oncall.layer(schedule, oncall.people(here, "Ann", "Bob"), starts_on=None)
        found = weeks.sheet([schedule])
    assert found is not None
    lengths = [week.until - week.since for week in found.weeks]
    assert lengths[0] == timedelta(days=7, hours=1)
    assert all(one == timedelta(days=7) for one in lengths[1:])
