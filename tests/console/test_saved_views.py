"""Lists kept under a name: one's own, shared ones, and everybody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.access.services.people import add_member, remove_member
from controlplane.access.services.roles import grant_role
from controlplane.audit.models import AuditEvent
from controlplane.console import services
from controlplane.console.models import SavedView
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit import settled

PAGE = "/admin/base/signal/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def admin(here: Workspace) -> User:
    return make.person(here, "workspace_admin")


@settled.once
def viewer(here: Workspace) -> User:
    return make.person(here, "viewer")


def saved(here: Workspace, whose: User, name: str = "Dead", **fields: Any) -> SavedView:
    fields = {"page": PAGE, "query": "state__exact=dead", **fields}
    return services.save(here, actor=make.actor(whose), name=name, **fields)


def press(browser: Client, view: SavedView, verb: str) -> int:
    return browser.post(reverse("console:change_view", args=(view.uid, verb))).status_code


def names(whose: User) -> set[str]:
    rows = SavedView.objects.visible_to(make.actor(whose))
    return set(rows.values_list("name", flat=True))


# --- Saving -----------------------------------------------------------------------------------


def test_save__kept_without_what_passes__and_recorded(here: Workspace, viewer: User) -> None:
    view = saved(here, viewer, "  My\n dead   ones ", query="?state__exact=dead&p=3&before=9&a=")
    assert (view.name, view.query) == ("My dead ones", "a=&state__exact=dead")
    event = AuditEvent.objects.get(action="view.save")
    assert event.workspace_id == here.pk
    assert event.actor_ref == make.actor(viewer).ref


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"page": "https://evil.example/"},
        {"page": "//evil.example/admin/"},
        {"page": "/access/members/"},
        {"page": "/admin/\x00"},
        {"page": "/admin/" + "x" * 200},
        {"query": "q=" + "x" * 2100},
        {"query": "&".join(f"a{n}=1" for n in range(100))},
    ],
)
def test_save__what_is_no_view__refused(
    here: Workspace, viewer: User, fields: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        saved(here, viewer, **{"name": "View", **fields})
    assert not SavedView.objects.exists()


def test_save__hostile_name__shown_as_text(here: Workspace, viewer: User) -> None:
    saved(here, viewer, "<script>alert(1)</script>", query="q=%22%3E%3Cscript%3E")
    page = make.client(viewer).get("/admin/views/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_save__same_name_on_the_same_list__refused_elsewhere_not(
    here: Workspace, viewer: User, admin: User
) -> None:
    saved(here, viewer)
    with pytest.raises(Conflict):
        saved(here, viewer, "DEAD")
    saved(here, viewer, page="/admin/jobs/timer/")
    saved(here, admin)
    assert SavedView.objects.count() == 3


def test_save__as_many_as_there_may_be__then_no_more(
    here: Workspace, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_CONSOLE_SAVED_VIEWS", "2")
    for name in ("one", "two"):
        saved(here, viewer, name)
    with pytest.raises(Invalid):
        saved(here, viewer, "three")


# --- Sharing ----------------------------------------------------------------------------------


def test_share__without_the_right__refused_by_service_and_page(
    here: Workspace, viewer: User
) -> None:
    with pytest.raises(NotAllowed):
        saved(here, viewer, shared=True)
    view, browser = saved(here, viewer), make.client(viewer)
    assert press(browser, view, "share") == 403
    view.refresh_from_db()
    assert not view.shared


def test_shared__colleagues_see_it_strangers_never(
    here: Workspace, admin: User, viewer: User
) -> None:
    saved(here, admin, "Everybody's", shared=True)
    saved(here, admin, "Mine")
    stranger = make.person(make.workspace(), "workspace_admin")
    assert names(viewer) == {"Everybody's"}
    assert names(stranger) == set()
    assert "Everybody" in make.client(viewer).get("/admin/views/").content.decode()
    assert "Everybody" not in make.client(stranger).get("/admin/views/").content.decode()


def test_who_has_left__sees_none_of_it_any_more(here: Workspace, admin: User) -> None:
    leaver = make.person(here, "release_manager")
    saved(here, leaver, "Mine")
    saved(here, admin, "Ours", shared=True)
    assert names(leaver) == {"Mine", "Ours"}
    remove_member(make.membership(leaver, here), actor=make.actor(admin))
    assert names(leaver) == set()


def test_sidebar__shows_views_of_the_chosen_workspace_only(here: Workspace, admin: User) -> None:
    elsewhere = make.workspace()
    membership = add_member(elsewhere, admin, actor=make.JOB)
    grant_role(membership, "workspace_admin", actor=make.JOB)
    saved(here, admin, "Of the first")
    saved(elsewhere, admin, "Of the second")
    page = make.client(admin).get(f"/admin/?workspace={elsewhere.slug}").content.decode()
    assert "Of the second" in page
    assert "Of the first" not in page


def test_page__offers_no_button_that_only_refuses(
    here: Workspace, admin: User, viewer: User
) -> None:
    saved(here, admin, "Ours", shared=True)
    saved(here, viewer, "Mine")
    page = make.client(viewer).get("/admin/views/").content.decode()
    ours, mine = (SavedView.objects.get(name=name).uid for name in ("Ours", "Mine"))
    assert f"/admin/views/{ours}/" not in page
    assert f"/admin/views/{mine}/delete/" in page
    assert f"/admin/views/{mine}/share/" not in page
    listed = make.client(viewer).get("/admin/jobs/obligationrecord/?view=all").content.decode()
    assert 'id="view-name"' in listed
    assert 'name="shared"' not in listed


def test_others_view__changed_by_nobody_but_who_manages(
    here: Workspace, admin: User, viewer: User
) -> None:
    shared, own = saved(here, admin, "A", shared=True), saved(here, viewer, "B")
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    for verb in ("pin", "unpin", "share", "unshare", "delete"):
        assert press(make.client(viewer), shared, verb) == 403
        assert press(make.client(admin), own, verb) == 404
        assert press(stranger, shared, verb) == 404
    with pytest.raises(NotAllowed):
        services.delete(own, actor=make.actor(admin))
    assert SavedView.objects.count() == 2


def test_shared__tidied_by_who_manages__recorded(here: Workspace, admin: User) -> None:
    other = make.person(here, "workspace_admin")
    view = saved(here, other, shared=True)
    assert press(make.client(admin), view, "delete") == 302
    assert not SavedView.objects.exists()
    gone = AuditEvent.objects.filter(action="view.save").latest("id")
    assert (gone.actor_ref, gone.reason) == (make.actor(admin).ref, "deleted")


# --- The page ---------------------------------------------------------------------------------


def test_page__saves_pins_and_deletes(here: Workspace, viewer: User) -> None:
    browser = make.client(viewer)
    sent = {"name": "Dead", "page": PAGE, "query": "state__exact=dead"}
    answer = browser.post("/admin/views/save/", sent)
    assert answer["Location"] == f"{PAGE}?state__exact=dead"
    view = SavedView.objects.get()
    assert press(browser, view, "unpin") == 302
    view.refresh_from_db()
    assert not view.pinned
    assert press(browser, view, "paint") == 404
    assert press(browser, view, "delete") == 302
    assert not SavedView.objects.exists()


def test_page__refused__said_where_one_stood(here: Workspace, viewer: User) -> None:
    browser = make.client(viewer)
    sent = {"name": " ", "page": PAGE, "next": "/admin/views/"}
    answer = browser.post("/admin/views/save/", sent, follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/views/"
    assert "Give the view a name" in answer.content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_page__next_elsewhere__ignored(here: Workspace, viewer: User, target: str) -> None:
    sent = {"name": " ", "page": PAGE, "next": target}
    assert make.client(viewer).post("/admin/views/save/", sent)["Location"] == "/admin/"


def test_sidebar__counts_what_the_list_holds__broken_ones_stay_silent(
    here: Workspace, viewer: User
) -> None:
    operator = make.person(here, "primary_operator")
    saved(here, operator, "None dead")
    saved(here, operator, "Broken", query="no_such_field=1")
    saved(here, operator, "Gone", page="/admin/no/such/list/")
    saved(here, viewer, "Not mine", page="/admin/audit/auditevent/", query="")
    answer = make.client(operator).get("/admin/")
    counts = {view.name: view.live_count for view in answer.context["shell"].pinned}
    assert counts == {"None dead": "0", "Broken": "", "Gone": ""}


def test_sidebar__a_view_saved_or_unpinned__there_or_gone_at_once(
    here: Workspace, viewer: User, django_capture_on_commit_callbacks: Any
) -> None:
    """The frame is remembered for some seconds, but not past a change of what it shows."""
    browser = make.client(viewer)

    def pinned() -> list[str]:
        return [view.name for view in browser.get("/admin/").context["shell"].pinned]

    assert pinned() == []
    with django_capture_on_commit_callbacks(execute=True):
        view = saved(here, viewer, "Dead ones")
    assert pinned() == ["Dead ones"]
    with django_capture_on_commit_callbacks(execute=True):
        press(browser, view, "unpin")
    assert pinned() == []
