"""Who was on a server: told by it, kept in the log, held against the rota, read with the week."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.audit.review import extract
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify.models import InboxItem, Notification
from deployments import servers
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.deployments import World

pytestmark = pytest.mark.django_db
PATH = "/api/v1/server-visits"


@settled.once
def scene() -> Any:
    world = World()
    on_call = world.on_call()
    lead = make.person(world.workspace, "security_lead")
    key, secret = make.key(make.agent(world.workspace, role=""), scopes=["server.report"])
    return SimpleNamespace(
        world=world, workspace=world.workspace, on_call=on_call, lead=lead, key=key, secret=secret
    )


def said(email: str, **more: Any) -> dict[str, Any]:
    return {"host": "db-1", "account": "olu", "email": email, "began_at": clock.now(), **more}


def noted(scene: Any, **given: Any) -> servers.Visit:
    return servers.note_visit(scene.workspace, actor=scene.world.actor, **given)


def told(workspace: Workspace) -> list[Notification]:
    return list(Notification.objects.filter(workspace=workspace, kind="server.off_duty"))


def test_on_call__is_on_record_and_nobody_is_told(scene: Any) -> None:
    visit = noted(scene, **said(scene.on_call.email.upper(), reason="Disk full", session="s-1"))
    assert (visit.on_duty, visit.known) == (True, True)
    row = AuditEvent.objects.get(uid=visit.uid)
    assert (row.action, row.reason, row.workspace_id) == (
        "server.report", "Disk full", scene.workspace.pk
    )  # fmt: skip
    assert row.details is not None
    assert row.details["host"] == "db-1"
    assert scene.on_call.name in row.subject_label
    assert not told(scene.workspace)


def test_not_on_call__the_security_lead_hears_of_it_once(scene: Any) -> None:
    other = make.person(scene.workspace, "engineering_lead", name="Ada Reyes")
    for _ in range(2):  # the server says it at the beginning, and again with the end
        assert not noted(scene, **said(other.email, session="s-2")).on_duty
    [news] = told(scene.workspace)
    assert InboxItem.objects.filter(notification=news, user=scene.lead).exists()
    assert (
        AuditEvent.objects.filter(workspace_id=scene.workspace.pk, action=servers.ACTION).count()
        == 2
    )


def test_sessions_of_two_servers_with_one_name__are_two(scene: Any) -> None:
    for host in ("db-1", "db-2"):  # a server counts its sessions by itself
        noted(scene, **said("", host=host, session="3"))
    noted(scene, **said("", host="db-1", session="3", account="ada"))
    assert len(told(scene.workspace)) == 3


def test_on_call_by_now_but_not_then__counts_as_not(scene: Any) -> None:
    # The rota was made today: whoever has it now had it on no day before.
    before = said(scene.on_call.email, began_at=clock.now() - timedelta(days=6))
    assert not noted(scene, **before).on_duty
    assert not noted(scene, **said("nobody@example.org")).known
    assert len(told(scene.workspace)) == 2


def test_week__is_read_with_who_was_on_servers(scene: Any) -> None:
    noted(scene, **said(scene.on_call.email))
    now = clock.now()
    found = extract(scene.workspace.pk, now - timedelta(days=1), now + timedelta(minutes=1))
    assert found["groups"]["servers"]["count"] == 1
    other = extract(make.workspace().pk, now - timedelta(days=1), now + timedelta(minutes=1))
    assert other["groups"]["servers"]["count"] == 0


LONG_AGO, TO_COME = timedelta(days=-60), timedelta(days=400)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", ""), ("account", "a\0b"), ("reason", "x" * 301), ("began_at", TO_COME),
        ("began_at", LONG_AGO), ("ended_at", LONG_AGO),
    ],
    ids=["host", "nul", "long", "to come", "long ago", "ended before"],
)  # fmt: skip
def test_what_cannot_be__is_refused_with_its_field(scene: Any, field: str, value: Any) -> None:
    given = clock.now() + value if isinstance(value, timedelta) else value
    with pytest.raises(Invalid) as refused:
        noted(scene, **said(scene.on_call.email, **{field: given}))
    assert field in refused.value.details


def test_api__a_server_with_its_key(scene: Any) -> None:
    api = Api(scene.secret)
    body = said(scene.on_call.email, began_at=clock.now().isoformat())
    answer = api.post(PATH, body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["on_duty"] is True
    assert answer["Location"] == f"/api/v1/audit/events/{answer.json()['uid']}"
    assert api.post(PATH, {**body, "email": "no address"}).status_code == 400
    assert api.post(PATH, {**body, "more": 1}).status_code == 400


def test_stranger__reports_nothing_here(scene: Any) -> None:
    _, weak = make.key(make.agent(scene.workspace, role=""), scopes=["thread.read"])
    body = said(scene.on_call.email, began_at=clock.now().isoformat())
    assert Api(weak).post(PATH, body).status_code == 403
    assert Api("").post(PATH, body).status_code == 401
    for actor in (World().actor, scene.world.someone("viewer")):
        with pytest.raises(NotAllowed):
            servers.note_visit(scene.workspace, actor=actor, **said(scene.on_call.email))
    # Somebody of another workspace is nobody of this one.
    elsewhere = make.person(make.workspace(), "primary_operator")
    assert not noted(scene, **said(elsewhere.email)).known
