"""Who is called beside those on call: whom a kind of trouble needs, whom somebody asks for, and the
third level of what lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.notify.services.contacts import add_contact
from incidents.models import EscalationRun, Incident, Page
from incidents.paging import runs
from incidents.records import calling, moving
from tests import make
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
HAND: dict[str, Any] = {"because": "mitigation_failed", "reason": "The rollback did not help."}


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def called(row: Incident, room: Watchroom) -> set[str]:
    room.tick()
    return {name for name in kit.called(row) if not name.startswith("nobody:")}


# --- Specialists ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "roles"),
    [
        ("security", ["security_lead"]), ("database", ["database_lead"]),
        ("data", ["database_lead"]), ("partner", ["partner_success"]),
        ("legal", ["legal", "compliance"]), ("governance", ["governance_validator"]),
    ],
)  # fmt: skip
def test_category__calls_its_specialists(category: str, roles: list[str]) -> None:
    room = Watchroom()
    names = {room.person(role).name for role in roles}
    assert called(room.incident("sev3", category=category), room) == {*names}
    assert calling.specialists("service") == ()


def test_triage__that_finds_another_kind_calls_its_specialists(room: Watchroom) -> None:
    people = [room.person(role).name for role in ("legal", "compliance")]
    row = room.quiet("sev3")
    moving.triage(
        row, actor=room.by(room.primary), impact_percent=1, symptoms="Names are shown.",
        started_at=clock.now() - timedelta(minutes=5), category="legal",
    )  # fmt: skip
    assert called(row, room) == set(people)
    assert EscalationRun.objects.get(incident=row).why == "specialist"


def test_named_one_after_another__each_is_called_once(room: Watchroom) -> None:
    row = room.quiet("sev3")
    for role in ("security_lead", "vp_engineering"):
        runs.call_role(row, role, why="hand", actor=make.JOB)
        room.tick()
    assert kit.called(row) == ["Security lead", "Vp engineering"]
    assert EscalationRun.objects.filter(incident=row).count() == 1


def test_role_that_nobody_holds__is_found_in_the_book() -> None:
    room = Watchroom()
    person = room.person("docs_lead", "Dora")
    add_contact(room.workspace, actor=make.JOB, purpose="database_lead", name="Dora", user=person,
                email=person.email)  # fmt: skip
    assert called(room.incident("sev3", category="database"), room) == {"Dora"}


def test_role_of_which_the_book_has_only_a_number__says_it(room: Watchroom) -> None:
    add_contact(room.workspace, actor=make.JOB, purpose="database_lead", name="Dora Base",
                phone="+4930123456")  # fmt: skip
    row = room.incident("sev3", category="database")
    room.tick()
    missing = Page.objects.get(incident=row, target="nobody:role:database_lead")
    assert "Dora Base" in missing.why


# --- By hand --------------------------------------------------------------------------------------


def test_by_hand__the_second_level_and_then_the_third(room: Watchroom) -> None:
    row = room.quiet("sev3")
    actor = room.by(room.primary)
    row = calling.escalate(row, actor=actor, version=row.version, **HAND)
    assert called(row, room) == {"Engineering lead"}
    row = calling.escalate(row, actor=actor, version=row.version, **HAND)
    assert "Vp engineering" in called(row, room)


def test_by_hand__of_what_called_the_lead_at_once_goes_to_the_third(room: Watchroom) -> None:
    row = room.quiet("sev1")
    calling.escalate(row, actor=room.by(room.primary), **HAND)
    assert called(row, room) == {"Vp engineering"}


def test_by_hand__data_and_law_have_specialists_and_a_mark(room: Watchroom) -> None:
    for role in ("database_lead", "legal", "compliance"):
        room.person(role)
    row = room.quiet("sev3")
    actor = room.by(room.primary)
    calling.escalate(row, actor=actor, because="data_integrity", reason="Rows are gone.")
    assert called(row, room) == {"Engineering lead", "Database lead"}
    calling.escalate(row, actor=actor, because="legal", reason="Names are shown.")
    assert {"Legal", "Compliance"} <= called(row, room)
    assert row.item is not None
    row.item.refresh_from_db()
    assert {"data-integrity", "legal"} <= set(row.item.labels)
    row.refresh_from_db()
    assert (row.data_at_risk, row.legal_matter) == (True, True)
    other = room.quiet("sev3")
    here = Caller(room.primary)
    found = here.get("/api/v1/incidents", legal_matter="true", data_at_risk="true")["items"]
    assert [each["ref"] for each in found] == [row.ref]
    assert here.get(f"/api/v1/incidents/{other.ref}")["legal_matter"] is False


def test_by_hand__one_role_alone(room: Watchroom) -> None:
    row = room.quiet("sev3")
    calling.escalate(row, actor=room.by(room.primary), role="security_lead", **HAND)
    assert called(row, room) == {"Security lead"}


def test_by_hand__refuses_what_makes_no_sense(room: Watchroom) -> None:
    row = room.quiet("sev3")
    actor = room.by(room.primary)
    for wrong in ({"because": "so"}, {"reason": " "}, {"role": "executor"}):
        with pytest.raises(Invalid):
            calling.escalate(row, actor=actor, **{**HAND, **wrong})
    with pytest.raises(Conflict):
        calling.escalate(row, actor=actor, version=row.version + 1, **HAND)
    moving.cancel(row, actor=actor, reason="Nothing.")
    with pytest.raises(InvalidTransition):
        calling.escalate(row, actor=actor, **HAND)


def test_by_hand__is_no_strangers(room: Watchroom) -> None:
    row = room.quiet("sev3")
    viewer = room.person("viewer")
    stranger = Watchroom().primary
    for person in (viewer, stranger):
        with pytest.raises(NotAllowed):
            calling.escalate(row, actor=make.actor(person), **HAND)
    answer = Caller(stranger).refused("POST", f"/api/v1/incidents/{row.ref}/escalate", HAND)
    assert answer.status_code == 404
    assert not EscalationRun.objects.exists()


def test_by_hand__over_the_api_and_from_its_page(room: Watchroom) -> None:
    row = room.quiet("sev3")
    told = Caller(room.primary).post(f"/api/v1/incidents/{row.ref}/escalate", HAND)
    assert told["version"] == 2
    browser = make.client(room.primary)
    page = f"/admin/incidents/incident/{row.uid}/"
    assert "Call others" in browser.get(f"{page}change/").content.decode()
    asked = browser.get(f"{page}move/escalate/")
    assert "Whoever comes next" in asked.content.decode()
    done = browser.post(f"{page}move/escalate/", {**HAND, "role": "security_lead", "version": 2})
    assert done.status_code == 302, done.content.decode()
    assert called(row, room) == {"Engineering lead", "Security lead"}


# --- What lasts -----------------------------------------------------------------------------------


def test_outage_of_an_hour__calls_the_third_level_though_somebody_is_on_it(
    room: Watchroom,
) -> None:
    room.person("product_vp")
    row = moving.acknowledge(room.quiet("sev1"), actor=room.by(room.primary))
    room.later(59 * 60)
    room.promises()
    assert not EscalationRun.objects.filter(policy__policy__slug="executives").exists()
    room.later(2 * 60)
    room.promises()
    run = EscalationRun.objects.get(policy__policy__slug="executives")
    assert run.why == "late"
    assert {"Vp engineering", "Product vp"} <= called(row, room)


def test_outage_that_is_mitigated_in_time__leaves_them_alone(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = room.quiet("sev2")
    moving.triage(row, actor=actor, impact_percent=30, symptoms="502.",
                  started_at=clock.now() - timedelta(minutes=5))  # fmt: skip
    moving.mitigated(row, actor=actor, how="Rolled back.")
    room.later(2 * 3600)
    room.promises()
    assert not EscalationRun.objects.filter(policy__policy__slug="executives").exists()


# --- What others read of it ---------------------------------------------------------------------


def announced(row: Incident) -> str:
    return str(Notification.objects.get(key=f"incident.opened:{row.uid}").body)


def test_announcement__names_who_is_called_first(room: Watchroom) -> None:
    said = announced(room.incident("sev2", category="security"))
    assert "Called first: Primary operator (holds the role Primary operator (on-call))" in said
    assert "Engineering lead" in said
    assert "Security lead" in said
    assert "Secondary operator" not in said, "only where the first does not answer"


def test_announcement__of_what_calls_nobody_names_who_is_on_call(room: Watchroom) -> None:
    said = announced(room.incident("sev4"))
    assert "Nobody is called for it. On call: Primary operator" in said
    assert "nobody is on call" in announced(Watchroom().incident("sev4"))
