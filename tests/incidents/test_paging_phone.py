"""The page of whoever is on call: what burns, who else was called, one button."""

from __future__ import annotations

import pytest

from tests import make
from tests.kit import settled
from tests.kit.incidents import Watchroom
from tests.kit.oncall import layer, schedule

pytestmark = pytest.mark.django_db
HERE = "/admin/on-call/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def test_page__shows_what_burns_and_who_else_was_called(room: Watchroom) -> None:
    layer(schedule(room.workspace), [room.primary])
    browser = make.client(room.primary)
    assert "Nothing burns" in browser.get(HERE).content.decode()
    incident = room.incident("sev1", title="Missions <b>fail</b>")
    room.tick()
    text = browser.get(HERE).content.decode()
    for said in (incident.ref, "SEV-1", "you were called", "Engineering lead", "Security lead",
                 "I am on it", "You are on duty: Primary on-call"):  # fmt: skip
        assert said in text, said
    assert "<b>fail" not in text


def test_button__answers_with_one_tap_and_says_who_did(room: Watchroom) -> None:
    incident = room.incident("sev1")
    room.tick()
    answer = make.client(room.primary).post(f"{HERE}{incident.uid}/", follow=True)
    assert "You are on it" in answer.content.decode()
    incident.refresh_from_db()
    assert incident.acknowledged_by == room.primary
    assert not incident.escalations.filter(status="running").exists()
    text = make.client(room.lead).get(HERE).content.decode()
    assert "Primary operator is on it" in text
    assert "I am on it" not in text


def test_button__of_one_that_is_over_says_so(room: Watchroom) -> None:
    from incidents.records.moving import cancel

    incident = room.incident("sev1")
    cancel(incident, actor=make.JOB, reason="A false alarm.")
    answer = make.client(room.primary).post(f"{HERE}{incident.uid}/", follow=True)
    assert "You are on it" not in answer.content.decode()


def test_strangers__see_nothing_and_answer_for_nobody(room: Watchroom) -> None:
    incident = room.incident("sev1", title="Ours alone")
    room.tick()
    other = Watchroom()
    stranger = make.client(other.primary)
    assert "Ours alone" not in stranger.get(HERE).content.decode()
    assert stranger.post(f"{HERE}{incident.uid}/").status_code == 404
    viewer = make.client(room.person("viewer"))
    viewer.post(f"{HERE}{incident.uid}/")
    incident.refresh_from_db()
    assert incident.acknowledged_at is None
    assert stranger.get(f"{HERE}{incident.uid}/").status_code in {404, 405}
