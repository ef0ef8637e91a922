"""The log's pages: one event in its context, its place in the chain, the proof on a button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.audit import sealing, standing, verification
from controlplane.audit.models import AuditEvent
from controlplane.audit.services import record
from controlplane.lib import context
from controlplane.lib.errors import NotAllowed
from tests import make
from tests.kit import audit, catalog, settled

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/auditevent/"
SEALS = "/admin/audit/auditseal/"
REQUEST = "5d62754132e73aa95eb9d2be70b74098"


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, settings: Any) -> None:
    settings.STATE_DIR = tmp_path


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def reader(here: Workspace) -> Client:
    return make.client(make.person(here, "security_lead"))


def row_page(client: Client, event: AuditEvent) -> str:
    answer = client.get(f"{LIST}{event.uid}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


# --- One event ----------------------------------------------------------------------------------


def test_list__a_ref_it_is_about__leads_there(reader: Client, here: Workspace) -> None:
    tool = catalog.integration(here)
    text = reader.get(f"{LIST}?about=catalog.integration:{tool.pk}").content.decode()
    cell = text.partition('data-label="About"')[2].partition("</td>")[0]
    assert f'href="/admin/go/?q={tool.ref}"' in cell


def test_list__by_somebody__is_named_as_people_know_them(reader: Client, here: Workspace) -> None:
    elsewhere = make.workspace()
    mine = make.actor(make.person(here, "workspace_admin"))
    theirs = make.actor(make.person(elsewhere, "viewer"))
    record(mine, "test.act", "test.thing:1", workspace_id=here.pk)
    record(theirs, "test.act", "test.thing:1", workspace_id=elsewhere.pk)

    def chip(ref: str) -> str:
        found = reader.get(f"{LIST}?by={ref}").content.decode()
        return found.partition("By: ")[2].partition("<")[0].strip()

    assert chip(mine.ref) == mine.label
    assert chip(theirs.ref) == theirs.ref  # whoever acted elsewhere stays unknown


def test_event__about_no_row_in_particular__has_no_others_in_its_timeline(
    reader: Client, here: Workspace
) -> None:
    for name in ("Ana", "Bo"):
        event = record(
            make.JOB, "test.act", "notify.delivery:*", workspace_id=here.pk,
            outcome="denied", reason=f"refused to {name}",
        )  # fmt: skip
    text = row_page(reader, event)
    timeline = text.partition('id="timeline"')[2].partition("</section>")[0]
    assert "refused to Bo" in timeline
    assert "refused to Ana" not in timeline
    assert "All about it" not in text


def test_event__told_in_a_sentence_with_what_changed_and_its_subject(
    reader: Client, here: Workspace
) -> None:
    [event] = audit.events(
        1, workspace_id=here.pk, before={"tier": 2}, after={"tier": 1}, reason="it matters <b>more"
    )
    text = row_page(reader, event)
    assert "it matters &lt;b&gt;more" in text
    assert "What changed" in text
    assert "about=test.thing%3A0" in text
    assert "by=job%3Atests" in text


def test_event__the_same_request__beside_it_and_as_a_list(reader: Client, here: Workspace) -> None:
    with context.bind(request_id=REQUEST):
        first, _ = audit.events(2, workspace_id=here.pk)
    [other] = audit.events(1, workspace_id=here.pk, reason="another request")
    text = row_page(reader, first)
    assert "The same request" in text
    assert f"{LIST}?request={REQUEST}" in text
    for query in (f"request={REQUEST}", f"q={REQUEST}"):
        found = reader.get(f"{LIST}?{query}").context["cl"].result_list
        assert len(found) == 2, query
        assert other not in found


def test_request__of_another_workspace__not_told(reader: Client) -> None:
    with context.bind(request_id=REQUEST):
        audit.events(1, workspace_id=make.workspace().pk)
    assert reader.get(f"{LIST}?request={REQUEST}").context["cl"].result_count == 0
    assert reader.get(f"{LIST}?q={REQUEST}").context["cl"].result_count == 0


def test_request__found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = AuditEvent.objects.of_request(REQUEST).order_by("-id").explain()
    assert "audit_request" in plan


# --- Its place in the chain ---------------------------------------------------------------------


def test_standing__waiting_then_sealed() -> None:
    [event] = audit.events(1)
    assert standing.of(event).state == "waiting"
    sealing.seal_all()
    found = standing.of(event)
    assert (found.state, found.seal) == ("sealed", 1)


def test_standing__each_event_finds_its_own_seal() -> None:
    events = []
    for _ in range(12):
        events += audit.events(3)
        sealing.seal_all()
    assert [standing.of(event).seal for event in events] == [n // 3 + 1 for n in range(36)]
    assert {standing.of(event).state for event in events} == {"sealed"}


def test_standing__altered__said_so_also_when_the_forger_hashed_anew() -> None:
    first, second = audit.events(2)
    sealing.seal_all()
    with audit.forging() as cursor:
        for event in (first, second):
            cursor.execute("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", [event.pk])
        audit.rehash(cursor, second.pk)
    for event in (first, second):
        event.refresh_from_db()
        assert standing.of(event).state == "broken"


def test_standing__no_seal_and_not_waiting__unsealed(reader: Client, here: Workspace) -> None:
    [event] = audit.events(1, workspace_id=here.pk)
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditpending")
    assert standing.of(event).state == "unsealed"
    assert "No seal holds this event" in row_page(reader, event)


# --- The proof ----------------------------------------------------------------------------------


def test_verify_now__sound__told_and_kept_on_the_page(reader: Client) -> None:
    audit.events(5)
    sealing.seal_all()
    answer = reader.post(f"{SEALS}do/verify_now/", follow=True)
    text = answer.content.decode()
    assert "Sound:" in text
    kept = AuditEvent.objects.get(action="audit.verify")
    assert kept.outcome == "done"
    assert (kept.details or {})["events"] >= 5
    later = reader.get(SEALS).content.decode()
    assert "By hand:" in later


def test_verify_now__altered__names_the_row(reader: Client) -> None:
    events = audit.events(3)
    sealing.seal_all()
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", [events[1].pk])
    text = reader.post(f"{SEALS}do/verify_now/", follow=True).content.decode()
    assert "Not sound" in text
    assert f"event {events[1].pk} was altered" in text
    assert AuditEvent.objects.get(action="audit.verify").outcome == "failed"


@pytest.mark.parametrize("limit", ["audit.verify_now_events", "audit.verify_now_s"])
def test_verify_now__too_much_for_a_page__says_the_command(
    reader: Client, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    audit.events(3)
    sealing.seal_all()
    monkeypatch.setenv(f"CONTROLPLANE_{limit.upper().replace('.', '_')}", "-1")
    text = reader.post(f"{SEALS}do/verify_now/", follow=True).content.decode()
    assert "manage.py verify_audit" in text
    assert "Sound:" not in text
    kept = AuditEvent.objects.get(action="audit.verify").details or {}
    assert kept["finished"] is False


def test_verify_now__viewer__refused(here: Workspace) -> None:
    viewer = make.person(here, "viewer")
    assert make.client(viewer).post(f"{SEALS}do/verify_now/").status_code == 403
    with pytest.raises(NotAllowed):
        verification.verify_now(make.actor(viewer))
    assert not AuditEvent.objects.filter(action="audit.verify", outcome="done").exists()
