"""Break-glass: a superuser enters by reason and end; the workspace sees it and can end it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from controlplane.access import numbers, policy, services
from controlplane.access.models import BreakGlass
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make

pytestmark = pytest.mark.django_db
REASON = "their admin is on leave and locked out"
PAGE = "/access/break-glass/"


@pytest.fixture(autouse=True)
def moment(time_machine: Any) -> Any:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    return time_machine


def test_open__lets_in_until_its_end_and_is_recorded_there(moment: Any) -> None:
    ws = make.workspace()
    root = make.superuser()
    assert not policy.can(make.actor(root), "workspace.manage", ws)
    glass = services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    assert policy.can(make.actor(root), "workspace.manage", ws).rule == "break_glass"
    event = AuditEvent.objects.get(action="break_glass.open")
    assert event.workspace_id == ws.pk
    assert event.reason == REASON
    assert glass.ends_at - glass.started_at == timedelta(hours=numbers.BREAK_GLASS_HOURS.value)
    moment.shift(numbers.BREAK_GLASS_HOURS.value * 3600)
    assert not policy.can(make.actor(root), "workspace.manage", ws)


def test_open__opens_that_workspace_only() -> None:
    ws, other = make.workspace(), make.workspace()
    root = make.superuser()
    services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    assert not policy.can(make.actor(root), "workspace.manage", other)


@pytest.mark.parametrize("reason", ["", "because", "x" * 301])
def test_open__without_a_real_reason__is_refused(reason: str) -> None:
    with pytest.raises(Invalid):
        services.open_break_glass(
            make.workspace(), actor=make.actor(make.superuser()), reason=reason
        )


@pytest.mark.parametrize("hours", [0, -1, 4.01, 100])
def test_open__without_a_near_end__is_refused(hours: float) -> None:
    with pytest.raises(Invalid):
        services.open_break_glass(
            make.workspace(),
            actor=make.actor(make.superuser()),
            reason=REASON,
            ends_at=clock.now() + timedelta(hours=hours),
        )


def test_open__by_anybody_else__is_refused() -> None:
    ws = make.workspace()
    others = [
        make.actor(make.person(ws, "workspace_admin", "security_lead", "cto")),
        make.actor(make.person(make.workspace(), "workspace_admin")),
        make.actor(make.agent(ws)),
        make.JOB,
    ]
    for actor in others:
        with pytest.raises(NotAllowed):
            services.open_break_glass(ws, actor=actor, reason=REASON)
    assert not BreakGlass.objects.exists()


def test_open__with_an_old_second_factor__is_refused() -> None:
    root = make.superuser()
    with pytest.raises(NotAllowed) as refused:
        services.open_break_glass(
            make.workspace(), actor=make.actor(root, recent_factor=False), reason=REASON
        )
    assert refused.value.error_code == "SECOND_FACTOR_REQUIRED"


def test_open__twice__is_a_conflict() -> None:
    ws, root = make.workspace(), make.superuser()
    services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    with pytest.raises(Conflict):
        services.open_break_glass(ws, actor=make.actor(root), reason=REASON)


def test_close__by_oneself_or_the_workspaces_admin__ends_it_at_once() -> None:
    ws, root = make.workspace(), make.superuser()
    for closer in (root, make.person(ws, "security_lead")):
        glass = services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
        services.close_break_glass(glass, actor=make.actor(closer))
        assert not policy.can(make.actor(root), "workspace.manage", ws)
    assert AuditEvent.objects.filter(action="break_glass.close").count() == 2


def test_close__by_a_stranger__is_refused() -> None:
    ws, root = make.workspace(), make.superuser()
    glass = services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    for stranger in (
        make.person(ws, "viewer"),
        make.person(make.workspace(), "workspace_admin"),
        make.superuser(),
    ):
        with pytest.raises(NotAllowed):
            services.close_break_glass(glass, actor=make.actor(stranger))


def test_inside__one_grants_oneself_no_role() -> None:
    ws, root = make.workspace(), make.superuser()
    services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    actor = make.actor(root)
    membership = services.add_member(ws, root, actor=actor)
    with pytest.raises(NotAllowed):
        services.grant_role(membership, "workspace_admin", actor=actor)


def test_page__opens_shows_and_closes(moment: Any) -> None:
    ws, root = make.workspace(name="Harbour"), make.superuser()
    browser = make.client(root)
    form = {"workspace": ws.slug, "reason": REASON, "hours": "2"}
    assert browser.post(reverse("access:break_glass_open"), form)["Location"] == PAGE
    glass = BreakGlass.objects.get()
    assert glass.ends_at == clock.now() + timedelta(hours=2)
    assert b"Members of Harbour" in browser.get("/access/members/").content
    assert "You are in Harbour by break-glass" in browser.get("/admin/").content.decode()
    admin = make.client(make.person(ws, "workspace_admin"))
    assert REASON.encode() in admin.get(PAGE).content
    admin.post(reverse("access:break_glass_close", args=[glass.uid]))
    assert browser.get("/access/members/").content.count(b"Members of Harbour") == 0


def test_page__old_second_factor__leads_through_the_code_form(moment: Any) -> None:
    ws, root = make.workspace(), make.superuser()
    browser = make.client(root)
    moment.shift(numbers.RECENT_FACTOR_MINUTES.value * 60 + 1)
    form = {"workspace": ws.slug, "reason": REASON, "hours": "2"}
    answer = browser.post(reverse("access:break_glass_open"), form)
    assert answer["Location"].startswith("/access/confirm/?next=")
    assert not BreakGlass.objects.exists()


def test_page__stranger__sees_and_closes_nothing() -> None:
    ws, root = make.workspace(), make.superuser()
    glass = services.open_break_glass(ws, actor=make.actor(root), reason=REASON)
    viewer = make.client(make.person(ws, "viewer"))
    assert viewer.get(PAGE).status_code == 403
    form = {"workspace": ws.slug, "reason": REASON, "hours": "2"}
    assert viewer.post(reverse("access:break_glass_open"), form).status_code == 403
    outsider = make.client(make.person(make.workspace(), "workspace_admin"))
    assert REASON.encode() not in outsider.get(PAGE).content
    close = reverse("access:break_glass_close", args=[glass.uid])
    assert outsider.post(close).status_code == 404
    assert viewer.post(close).status_code == 403


def test_form__no_workspace_is_chosen_for_one(db: None) -> None:
    make.workspace()
    browser = make.client(make.superuser())
    page = browser.get(reverse("access:break_glass")).content.decode()
    choice = page.partition('name="workspace"')[2].partition("</select>")[0]
    assert choice.index('<option value=""') < choice.index("</option>")
    assert "Choose one" in choice
