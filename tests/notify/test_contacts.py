"""The contact book: who can be reached for what, and which chairs are empty."""

from __future__ import annotations

import pytest

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify import services
from controlplane.notify.models import Contact
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make.workspace()


@pytest.fixture
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
