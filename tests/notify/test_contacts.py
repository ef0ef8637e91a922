"""The contact book: who can be reached for what, and which chairs are empty."""

from __future__ import annotations

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify import services
from controlplane.notify.models import Contact
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def actor(workspace: Workspace) -> Actor:
    return make.actor(make.person(workspace, "operations_command"))


def test_empty_chairs__shrink_as_contacts_come_and_grow_as_they_go(
    workspace: Workspace, actor: Actor
) -> None:
    before = {chair.purpose for chair in services.missing_contacts(workspace)}
    assert "security_lead" in before
    contact = services.add_contact(
        workspace, actor=actor, purpose="security_lead", name="Sam", handle="@sam"
    )
    after = {chair.purpose for chair in services.missing_contacts(workspace)}
    assert before - after == {"security_lead"}
    services.remove_contact(contact, actor=actor, reason="left")
    assert {chair.purpose for chair in services.missing_contacts(workspace)} == before


def test_book__asks_for_each_key_contact_and_each_partners_support(workspace: Workspace) -> None:
    chairs = {chair.purpose: chair.family for chair in services.missing_contacts(workspace)}
    for role in ("engineering_lead", "security_lead", "database_lead", "product_manager",
                 "vp_engineering"):  # fmt: skip
        assert chairs[role] == "role"
    for partner in ("composio", "copilotkit", "supabase"):
        assert chairs[f"{partner}_support"] == "partner"


def test_contact_without_any_way_to_reach_them__is_refused(
    workspace: Workspace, actor: Actor
) -> None:
    with pytest.raises(Invalid):
        services.add_contact(workspace, actor=actor, purpose="security_lead", name="Sam")


def test_person_of_another_workspace__is_refused(workspace: Workspace, actor: Actor) -> None:
    outsider = make.person(make.workspace(), "viewer")
    with pytest.raises(Invalid):
        services.add_contact(
            workspace, actor=actor, purpose="security_lead", name="Eve", user=outsider
        )


def test_unknown_field__is_refused(workspace: Workspace, actor: Actor) -> None:
    with pytest.raises(Invalid):
        services.add_contact(
            workspace, actor=actor, purpose="x", name="Sam", handle="@s", workspace_id=1
        )


def test_stranger_and_viewer__change_nothing(workspace: Workspace, actor: Actor) -> None:
    contact = services.add_contact(
        workspace, actor=actor, purpose="security_lead", name="Sam", handle="@sam"
    )
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    assert not Contact.objects.visible_to(stranger).exists()
    for outsider in (stranger, make.actor(make.person(workspace, "viewer"))):
        with pytest.raises(NotAllowed):
            services.change_contact(contact, actor=outsider, name="Eve")
        with pytest.raises(NotAllowed):
            services.remove_contact(contact, actor=outsider)


# --- Who is there for what --------------------------------------------------------------------


def test_specialty__the_book_first_then_whoever_holds_the_role() -> None:
    here = make.workspace()
    holder = make.person(here, "security_lead")
    named = make.person(here, "viewer")
    services.add_contact(here, actor=make.JOB, purpose="security", name="Named", user=named)
    found = services.who(here, "security")
    assert (found.people, found.note) == ((named, holder), "")
    assert [one.name for one in found.contacts] == ["Named"]


def test_legal__is_two_roles() -> None:
    here = make.workspace()
    people = {make.person(here, "legal"), make.person(here, "compliance")}
    make.person(make.workspace(), "legal")
    assert set(services.who(here, "legal").people) == people


def test_nobody_there__is_said() -> None:
    here = make.workspace()
    assert "Nobody is there for Database" in services.who(here, "database").note
    assert "Nobody is there for CTO:" in services.who(here, "cto").note
    services.add_contact(
        here, actor=make.JOB, family="partner", purpose="partner", name="Desk", email="d@x.example"
    )
    assert "Called from the book: Desk." in services.who(here, "partner").note
    services.add_contact(here, actor=make.JOB, purpose="legal", name="Ann", handle="@ann")
    assert "Nobody who can be called is there" in services.who(here, "legal").note


def test_somebody_who_left__is_not_there() -> None:
    here = make.workspace()
    gone = make.person(here, "viewer")
    services.add_contact(here, actor=make.JOB, purpose="security", name="Gone", user=gone)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    assert services.who(here, "security").people == ()


def test_who__over_the_api_and_for_strangers() -> None:
    here = make.workspace()
    lead = make.person(here, "security_lead")
    said = make.client(lead).get("/api/v1/contacts/who/security").json()
    assert said["people"] == [{"uid": str(lead.uid), "name": lead.name}]
    other = make.client(make.person(make.workspace(), "viewer"))
    assert other.get("/api/v1/contacts/who/security").json()["people"] == []
    assert Client().get("/api/v1/contacts/who/security").status_code == 401
