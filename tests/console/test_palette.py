"""What can be typed: pages, refs and actions, where they lead somewhere for this person."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import User, Workspace
from controlplane.base.registries import name_finders, palette_verbs
from controlplane.console.pages.go import answer, find, verbs
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from tests import make
from tests.kit import catalog, inhabited, settled


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def operator(here: Workspace) -> User:
    return make.person(here, "primary_operator", "workspace_admin")


def hits(person: User, text: str, workspace: Workspace | None = None) -> list[tuple[str, str]]:
    at = workspace.pk if workspace else None
    return [(hit.kind, hit.label) for hit in find(make.actor(person), at, text)]


def kinds(person: User, text: str) -> set[str]:
    return {kind for kind, _ in hits(person, text)}


def test_ref__found_and_led_to(here: Workspace, operator: User) -> None:
    service = catalog.service(here)
    assert hits(operator, service.ref)[0][0] == "Find"
    answer = make.client(operator).get("/admin/go/", {"q": service.ref.lower()})
    assert answer.status_code == 302
    assert str(service.uid) in answer["Location"]


def test_ref__numbered_in_its_own_table__found(here: Workspace) -> None:
    obligations.open_due()
    owed = ObligationRecord.objects.filter(workspace=here).earliest("number")
    security = make.person(here, "security_lead", "workspace_admin")
    kind, label = hits(security, str(owed.ref), here)[0]
    assert (kind, label) == ("Find", f"{owed.ref} of {owed.period}")
    answer = make.client(security).get("/admin/go/", {"q": str(owed.ref)}, follow=True)
    assert f"<h1>{owed.obligation.title}, {owed.period}</h1>" in answer.content.decode()
    assert "Find" not in kinds(security, f"OBL-{2**31}")
    assert ("Find", label) not in hits(make.person(make.workspace(), "viewer"), str(owed.ref))


def test_ref__found__is_the_whole_answer_and_not_found__is_said(
    here: Workspace, operator: User
) -> None:
    service = catalog.service(here)
    assert kinds(operator, service.ref) == {"Find"}
    gone = answer(make.actor(operator), here.pk, "srv-4711")
    assert gone.note == "You see no service SRV-4711."
    assert {hit.kind for hit in gone.hits} == {"Search"}


def test_ref__of_another_workspace__never(here: Workspace, operator: User) -> None:
    theirs = catalog.service(make.workspace())
    catalog.service(theirs.workspace)
    later = catalog.service(theirs.workspace)
    assert "Find" not in kinds(operator, later.ref)
    assert "Find" not in kinds(operator, "SRV-999999999999999999999")


@pytest.fixture
def named(here: Workspace) -> None:
    make.person(here, "viewer", name="Vera Whitlock")
    make.agent(here, name="veracity")
    catalog.service(here, name="Severance pay")
    catalog.integration(here, name="Vera mail")


@pytest.mark.usefixtures("named")
def test_name__people_agents_services_integrations__opened_directly(
    here: Workspace, operator: User
) -> None:
    found = [hit for hit in find(make.actor(operator), here.pk, "vera") if hit.kind == "Open"]
    assert [hit.label for hit in found] == [
        "Vera Whitlock", "veracity", "Vera mail", "Severance pay",
    ]  # fmt: skip
    browser = make.client(operator)
    for hit in found:
        page = browser.get(hit.url)
        assert page.status_code == 200
        assert hit.label in page.content.decode()
    assert ("Open", "Vera Whitlock") in hits(operator, "vera whit", here)


@pytest.mark.usefixtures("named")
def test_name__of_another_workspace_or_beyond_ones_roles__never(here: Workspace) -> None:
    assert "Open" not in kinds(make.person(make.workspace(), "workspace_admin"), "vera")
    assert "Open" not in kinds(make.person(here, "viewer"), "v"), "one letter names nobody"
    stranger = make.person()
    assert "Open" not in kinds(stranger, "vera")


@pytest.mark.usefixtures("named")
def test_name__a_few_of_each__in_a_few_queries(
    here: Workspace, operator: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(9):
        make.agent(here, name=f"veracity-{number}")
    actor = make.actor(operator)
    # One for each kind, each with the savepoint of being in a transaction, and the saved views.
    with django_assert_max_num_queries(len(name_finders) * 3 + 1):
        found = [hit for hit in find(actor, here.pk, "verac") if hit.kind == "Open"]
    assert len(found) == 4


def test_verbs__on_their_page__are_whole_sentences(operator: User) -> None:
    page = make.client(operator).get("/admin/go/").content.decode()
    told = page.partition("Actions you can type")[2]
    assert "<dt>Lock the account of a member</dt><dd><code>lock NAME</code></dd>" in told
    assert " of</d" not in told


def test_places__only_those_one_may_open(here: Workspace, operator: User) -> None:
    viewer = make.person(here, "viewer")
    assert ("Go to", "Outbox") in hits(operator, "outbox")
    for person in (operator, viewer):
        browser = make.client(person)
        for hit in find(make.actor(person), here.pk, ""):
            assert browser.get(hit.url, follow=True).status_code == 200, hit


def test_verbs__a_viewer_is_offered_none_they_may_not_do(here: Workspace, operator: User) -> None:
    make.key(make.agent(here, name="executor-1"))
    viewer, typed = make.person(here, "viewer"), "revoke key"
    assert "Act" in kinds(operator, typed)
    assert "Act" not in kinds(viewer, typed)
    offered = {entry["verb"] for entry in verbs(make.actor(viewer))}
    assert "revoke key" not in offered
    assert "run" not in offered


def test_verbs__other_workspaces_rows__never(here: Workspace, operator: User) -> None:
    there = make.workspace()
    make.agent(there, name="their-agent")
    make.person(there, "viewer", name="Their Person")
    catalog.integration(there, name="Their tool")
    for verb in palette_verbs:
        said = " ".join(label for _, label in hits(operator, f"{verb.verb} their"))
        assert "Their" not in said.replace("“", "")
        assert "their-agent" not in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("run nosuch", "No job is called “nosuch”."),
        ("trip nosuch", "No integration is called “nosuch”."),
        ("lock nosuch", "No member is called “nosuch”."),
        ("TEST nosuch", "No channel is called “nosuch”."),
        ("revoke key nosuch", "No live key is called “nosuch”."),
        ("nosuch", ""),
    ],
)
def test_verb__nothing_of_that_name__said_instead_of_searched(
    here: Workspace, operator: User, typed: str, said: str
) -> None:
    browser = make.client(operator)
    told = browser.get("/admin/go/", {"format": "json", "q": typed}).json()
    assert told["note"] == said
    assert ("Search" in {hit["kind"] for hit in told["hits"]}) is not bool(said)
    assert said in browser.get("/admin/go/", {"q": typed}).content.decode()


def test_verb__of_another_workspaces_thing__as_if_it_were_not(
    here: Workspace, operator: User
) -> None:
    theirs = catalog.integration(make.workspace(), name="Their tool")
    found = answer(make.actor(operator), here.pk, f"trip {theirs.name}")
    assert found.note == "No integration is called “Their tool”."


def test_verb__not_for_this_role__searched_like_any_words(here: Workspace) -> None:
    viewer = make.actor(make.person(here, "viewer"))
    found = answer(viewer, here.pk, "run nosuch")
    assert not found.note
    assert {hit.kind for hit in found.hits} == {"Search"}


@pytest.mark.slow
def test_verbs__every_target__opens(world: inhabited.World) -> None:
    """What is chosen with Enter is an address: it must answer, not refuse the way one came."""
    browser = make.client(world.root)
    browser.post("/access/workspace/", {"workspace": world.workspace.slug})
    tried = 0
    for verb in palette_verbs:
        for hit in find(make.actor(world.root), world.workspace.pk, f"{verb.verb} "):
            if hit.kind == "Act":
                tried += 1
                assert browser.get(hit.url, follow=True).status_code == 200, (verb.verb, hit.url)
    assert tried >= 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "INC-",
        "INC-0",
        "%00",
        "<img src=x onerror=alert(1)>",
        "run " * 80,
        "lock " + "%" * 190,
        "revoke key \\'\";--",
        "ﬀ İ ı ß",
        "a" * 5000,
    ],
)
def test_hostile_text__answered_as_text(here: Workspace, operator: User, text: str) -> None:
    browser = make.client(operator)
    for form in ({}, {"format": "json"}):
        answer = browser.get("/admin/go/", {"q": text, **form})
        # A NUL is refused at the door of the portal, before any page.
        assert answer.status_code == (400 if "\x00" in text else 200)
        if not form:
            assert "<img" not in answer.content.decode()


def test_json__nobody_signed_in__nothing(db: None) -> None:
    assert Client().get("/admin/go/", {"format": "json", "q": "a"}).status_code == 302
